#!/usr/bin/env bats
#
# ctr-init and ctr-connection, with a real sshd and a real engine at its end.

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    port=$((${CTRKIT_TEST_PORTS:-22200} + 900))
    [[ $engine == podman ]] || port=$((port + 1000))
    serve
}

teardown() {
    [[ -z ${service-} ]] || kill "$service" || true
    # The next one listens there too.
    [[ -z ${sshd-} ]] || { kill "$sshd" && wait "$sshd"; } || true
    unmake_world
}

# serve: a server called box, on two ports, and the engine's socket there.
serve() {
    local there=$world/there
    mkdir -p "$there" /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$there/host"
    cp "$HOME/id.pub" "$there/authorized"
    printf '%s\n' "ListenAddress 127.0.0.1:$port" "ListenAddress 127.0.0.1:$((port + 1))" \
        "HostKey $there/host" "AuthorizedKeysFile $there/authorized" 'StrictModes no' \
        'UsePAM no' 'PidFile none' 'PermitRootLogin prohibit-password' >"$there/sshd_config"
    /usr/sbin/sshd -D -f "$there/sshd_config" -E "$there/log" &
    sshd=$!
    for _ in {1..100}; do (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
    printf '%s %s\n' '[127.0.0.1]:*' "$(cut -d' ' -f1,2 "$there/host.pub")" >"$there/known_hosts"
    cat >>"$CTRKIT_SSH_CONFIG" <<END
Host box 127.0.0.1
    HostName 127.0.0.1
    IdentityFile $HOME/id
    IdentitiesOnly yes
    UserKnownHostsFile $there/known_hosts
END
    cp "$CTRKIT_SSH_CONFIG" "$world/ssh_config.before"
    socket=/var/run/docker.sock
    if [[ $engine == podman ]]; then
        socket=$there/podman.sock
        podman system service --time=0 "unix://$socket" &
        service=$!
        for _ in {1..100}; do [[ -S $socket ]] && break; sleep 0.1; done
    fi
    host=ssh://$USER@box:$port$socket
    home=$USER@127.0.0.1:$port vpn=$USER@127.0.0.1:$((port + 1))
    rm "$config/config.toml"
    own_ports
}
USER=$(id -un)

init() { ctr-init --host "$host" --engine "$engine" --identity-file "$HOME/id" "$@"; }

# bats test_tags=on:docker
@test "init tests the server over one connection, writes all down, and again changes nothing" {
    printf '# mine\n\n[limits] # none yet\n' >>"$config/config.toml"
    echo github_pat_11TEST | init --github-token-file - 2>"$world/told"
    grep -q "^ctr-init: $engine [0-9][^ ]* on $USER@box:$port answers" "$world/told"
    run ! grep -r github_pat_11TEST "$world/told"
    is "$(stat -c %a "$config/github-token")" 600
    grep -q '^@cert-authority dev-\* ' "$config/known_hosts"
    is "$(grep -c 'Accepted publickey' "$world/there/log")" 1
    cp -r "$config" "$world/first"
    echo github_pat_11TEST | init --github-token-file -
    ctr-init --batch
    diff -r "$config" "$world/first"
    # Over one that was edited by hand, likewise.
    sed -i 's/^host = .*/  &   # the box/; s/none yet/some/' "$config/config.toml"
    cp "$config/config.toml" "$world/edited"
    init
    cmp "$config/config.toml" "$world/edited"
}

# bats test_tags=on:podman
@test "init tells what is wrong with the way to the server, and writes nothing" {
    cp -r "$config" "$world/first"
    sed -i 's/ssh-ed25519.*/ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/' "$world/there/known_hosts"
    refused 77 host-key-changed init
    : >"$world/there/known_hosts"
    refused 77 host-key-unknown init
    printf '%s %s\n' '[127.0.0.1]:*' "$(cut -d' ' -f1,2 "$world/there/host.pub")" >"$world/there/known_hosts"
    : >"$world/there/authorized"
    refused 77 key-refused init
    cp "$HOME/id.pub" "$world/there/authorized"
    host=ssh://$USER@box:1 refused 69 server-unreachable init
    host=ssh://$USER@box:$port/nowhere/engine.sock refused 69 engine-not-ready init
    diff -r "$config" "$world/first"
}

# bats test_tags=on:docker
@test "init asks on a terminal, shows no token, and ends at Ctrl-C without a trace" {
    cp -r "$config" "$world/first"
    asked() { grep -q 'not shown' "$world/typed"; }
    { sleep 1; printf '%s\n%s\n-\n' "$host" "$engine"; eventually asked; sleep 1; printf 'github_pat_\003'; sleep 1; } |
        script -qec "ctr-init; echo \"status \$?\"" /dev/null >"$world/typed"
    grep -q 'status 130' "$world/typed"
    run ! grep -q github_pat_ "$world/typed"
    diff -r "$config" "$world/first"
    rm "$world/typed"
    { sleep 1; printf '%s\nnerdctl\n%s\n%s\n' "$host" "$engine" "$HOME/id"; eventually asked; sleep 1; printf 'github_pat_11X\177Y\n'; sleep 6; } |
        script -qec "ctr-init; echo \"status \$?\"; stty -a" /dev/null >"$world/typed"
    grep -q 'status 0' "$world/typed"
    grep -q 'is neither podman nor docker' "$world/typed"
    grep -q ' echo ' "$world/typed"
    run ! grep -q github_pat_11 "$world/typed"
    is "$(cat "$config/github-token")" github_pat_11Y
    grep -qxF "host = \"$host\"" "$config/config.toml"
}

@test "init here asks the engine of this machine" {
    ctr-init --host local --engine "$engine" --identity-file "$HOME/id" 2>"$world/told"
    grep -q "^ctr-init: $engine [0-9][^ ]* on this machine answers" "$world/told"
    refused 65 bad-token ctr-init --github-token-file /dev/null
    refused 66 no-ssh-key ctr-init --authorized-key "$world/absent"
    refused 64 missing-option ctr-init --config-dir "$world/none"
}

@test "a configuration that is not understood or cannot be written is left as it is" {
    printf '\nnew_in_2030 = 1\n' >>"$config/config.toml"
    cp "$config/config.toml" "$world/first"
    for command in init 'ctr-connection add a b' 'ctr-connection switch a'; do
        # shellcheck disable=SC2086
        refused 65 bad-configuration $command
    done
    cmp "$config/config.toml" "$world/first"
    mkdir "$world/full"
    mount -t tmpfs -o size=16k tmpfs "$world/full"
    printf 'host = "%s"\n' "$host" >"$world/full/config.toml"
    cp "$world/full/config.toml" "$world/first"
    head -c 20000 /dev/zero >"$world/full/filler" 2>/dev/null || true
    CTRKIT_CONFIG_DIR=$world/full refused 74 cannot-write-file ctr-connection add home "$home"
    cmp "$world/full/config.toml" "$world/first"
    umount "$world/full"
}

# bats test_tags=on:docker
@test "a switch changes the way and nothing about trust, without either address" {
    init
    ctrkit connection add home "$home"
    ctrkit connection add vpn "$vpn"
    ctrkit connection switch home
    path=$(worktree myapp)
    ctrkit create "$path" >"$world/document"
    name=$(get .name <"$world/document")
    ssh_ "$name" 'echo edit >>/workspace/myapp/file; echo new >/workspace/myapp/untracked'
    # What is kept of trust, byte for byte, and the entry before.
    trust() { (cd "$config" && find ca known_hosts revoked_keys "$state/$name"/ssh_host* -type f -exec sha256sum {} +); }
    trust >"$world/trust"
    cp "$config/ssh_config" "$world/blocks"
    ctrkit connection switch vpn --dry-run >"$world/dry"
    cmp "$config/ssh_config" "$world/blocks"
    is "$(ctr-connection show | sed -n 's/^name: *//p')" home
    ssh_ -O check "$name"
    # The old address is dead, and so is the new one: nothing is connected to.
    kill "$sshd"; wait "$sshd" || true; sshd=
    ctrkit connection switch vpn 2>"$world/told"
    is "$(sed 's/^ctr-connection: //' "$world/told")" "$(cat "$world/dry")"
    is "$(diff "$world/blocks" "$config/ssh_config" | sed -n 's/^[<>] *\([A-Za-z]*\).*/\1/p' | sort -u | xargs)" 'ControlPath ProxyJump'
    trust | diff - "$world/trust"
    run ! ssh_ -O check "$name"
    is "$(find "$state/mux" -type s | wc -l)" 0
    is "$(ctr-connection list --json | jq -r '.connections[] | select(.active) | .address')" "$vpn"
    # Once the server is back, all is there.
    serve_again
    is "$(ssh_ "$name" tail -n 1 /workspace/myapp/file)" edit
    is "$(ssh_ "$name" cat /workspace/myapp/untracked)" new
    is "$(ctr-ls --json | get ".containers[] | select(.name == \"$name\").status")" running
    # A switch that was cut off after the configuration is mended.
    cp "$config/ssh_config" "$world/blocks"
    sed -i 's/^connection = .*/connection = "home"/' "$config/config.toml"
    ctrkit connection switch home
    is "$(sed -n 's/^ *ProxyJump //p' "$config/ssh_config")" "$home"
    is "$(jq -r '.engine.address + " " + .ssh.proxy_jump' "$state/$name/document.json")" "$home $home"
    is "$(ctrkit connection switch home 2>&1)" ''
    refused 65 connection-in-force ctr-connection remove home
    ctrkit rm --volumes --force "$name"
}

serve_again() {
    /usr/sbin/sshd -D -f "$world/there/sshd_config" -E "$world/there/log" &
    sshd=$!
    for _ in {1..100}; do (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
}
