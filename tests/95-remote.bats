#!/usr/bin/env bats
#
# An engine on another machine, which is this one by way of a real sshd.

load world
load remote
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    make_server
}

teardown() {
    unmake_server
    unmake_world
}

# answers NAME: ssh gets there by ProxyJump, strictly and by certificate.
answers() { ssh_ -o BatchMode=yes "$1" true 2>/dev/null; }

@test "its whole life, each command by one connection" {
    local path name id
    path=$(worktree myapp)
    printf 'github_pat_secret\n' >"$config/github-token"
    chmod 600 "$config/github-token"
    once ctrkit create "$path" >"$world/document"
    name=$(get .name <"$world/document")
    id=$(get .state.id <"$world/document")
    grep -q "ProxyJump $(id -un)@box" "$config/ssh_config"
    is "$(ssh_ "$name" git -C /workspace/myapp rev-parse HEAD 2>/dev/null)" "$(git -C "$path" rev-parse HEAD)"
    # Nothing of this machine is mounted: code goes by git, files by the stream.
    is "$("$engine" inspect --format '{{range .Mounts}}{{.Type}} {{end}}' "$name")" "volume volume "
    once ctrkit create "$path" >"$world/again"
    is "$(get .state.id <"$world/again")" "$id"
    cd "$path"
    git commit -q --allow-empty -m two
    once ctrkit push
    ssh_ "$name" 'cd /workspace/myapp && echo work >new && git add new && git -c user.name=a -c user.email=a@b commit -qm three' 2>/dev/null
    once ctrkit pull
    is "$(cat new)" work
    once counted_exec "$name"
    # What is not committed outlives a container that is made anew.
    ssh_ "$name" 'cd /workspace/myapp && echo mine >>file && echo new >untracked' 2>/dev/null
    once ctrkit rebuild "$name"
    [[ $("$engine" inspect --format '{{.Id}}' "$name") != "$id" ]]
    answers "$name"
    is "$(ssh_ "$name" tail -n 1 /workspace/myapp/file 2>/dev/null)" mine
    is "$(ssh_ "$name" cat /workspace/myapp/untracked 2>/dev/null)" new
    once ctrkit exec "$name" -- sh -c 'gh auth token 2>/dev/null || sed -n "s/.*oauth_token: *//p" ~/.config/gh/hosts.yml' >"$world/token"
    is "$(cat "$world/token")" github_pat_secret
    # Nothing of it belongs to nothing.
    looked() { ctrkit doctor --json >"$world/doctor" || [[ $? -eq 1 ]]; }
    once looked
    get '.checks | all(.name != "containers" or .status != "failed")' <"$world/doctor"
    is "$(jq -r --arg name "$name" '.checks[] | select(.status == "orphan" and (tostring | contains($name)))' "$world/doctor")" ""
    once ctrkit stop "$name"
    once listed "$name" .status >"$world/status"
    is "$(cat "$world/status")" stopped
    once ctrkit start "$name"
    once ctrkit info "$name" >/dev/null
    answers "$name"
    once ctrkit rm --volumes --force "$name"
    is "$(on_engine)" ""
    diff "$CTRKIT_SSH_CONFIG" "$world/ssh_config.before"
}

# listed NAME FILTER: a value of what ctr-ls says of it; others may be there.
listed() { ctrkit ls --json | get ".containers[] | select(.name == \"$1\") | $2"; }

counted_exec() {
    local status=0
    is "$(ctrkit exec "$1" -- cat <<<"by stdin")" "by stdin"
    ctrkit exec "$1" -- sh -c 'exit 7' || status=$?
    is "$status" 7
}

# bats test_tags=on:podman
@test "secrets are put into the container, and the agent's configuration is in its home" {
    local path name id file=$HOME/.config/claude/.ctrkit-claude-token
    path=$(worktree agents)
    give() { (umask 077 && printf '%s\n' "$2" >"$1"); }
    mkdir -p "${file%/*}" "$config/dotfiles/.claude"
    echo seed >"$config/dotfiles/.claude/settings.json"
    give "$file" sk-ant-oat01-one-0123456789
    give "$HOME/plain" "$(printf 'a\nb')"
    ctrkit create --secret "plain=$HOME/plain" "$path" >"$world/document"
    name=$(get .name <"$world/document") id=$(get .state.id <"$world/document")
    is "$("$engine" inspect --format '{{range .Mounts}}{{.Type}} {{end}}' "$name")" "volume volume "
    is "$(ssh_ "$name" 'echo $CLAUDE_CODE_OAUTH_TOKEN; cat /run/secrets/plain $CLAUDE_CONFIG_DIR/settings.json' 2>/dev/null | xargs)" \
        "sk-ant-oat01-one-0123456789 a b seed"
    is "$(ssh_ "$name" 'stat -c %a-%U /run/secrets/*' 2>/dev/null | xargs)" "400-dev 400-dev"
    # A changed one comes in, one that is not wanted goes, and it stays the same.
    give "$file" sk-ant-oat01-two-0123456789
    is "$(ctrkit create "$path" | get .state.id)" "$id"
    is "$(ssh_ "$name" 'echo $CLAUDE_CODE_OAUTH_TOKEN; ls -A /run/secrets' 2>/dev/null | xargs)" \
        "sk-ant-oat01-two-0123456789 .variables claude-token"
    run ! grep -rqF oat01-two "$state"
    # It is in no volume.
    is "$(ssh_ "$name" findmnt -no TARGET -T /run/secrets/claude-token 2>/dev/null)" /
}

@test "the published port is the server's own, unless an address is asked for" {
    local path name
    path=$(worktree myapp)
    name=$(ctrkit create "$path" --address 127.0.0.2 | get .name)
    is "$("$engine" port "$name" 22)" "127.0.0.2:$(listed "$name" '.ports[] | select(.service == "ssh").host')"
    ctrkit rm --volumes "$name"
    ctr-spec "$path" --address 0.0.0.0 | get '.ssh.hostname == "box" and .ssh.proxy_jump == null'
    ctr-spec "$path" --host local | get '.engine.host == null and .ssh.proxy_jump == null'
}

@test "what listens on the server disqualifies a block" {
    local path base
    path=$(worktree myapp)
    base=$(ctr-spec "$path" | get '.ports[0].start')
    # This machine plays the server: what listens here listens there.
    busybox httpd -f -p "127.0.0.1:$base" 3>&- &
    local listener=$!
    until ss -Hltn "sport = $base" | grep -q .; do sleep 0.05; done
    is "$(ctr-spec "$path" | portalloc | get '.ports[0].host')" "$((base + 1))"
    kill "$listener"
}

# bats test_tags=on:podman
@test "another address: the same container, no other trust" {
    local path name
    path=$(worktree myapp)
    name=$(ctrkit create "$path" | get .name)
    {
        printf 'host = "%s"\nconnection = "vpn"\n' "$CTRKIT_HOST"
        cat "$config/config.toml"
        printf '[[connections]]\nname = "vpn"\naddress = "%s@127.0.0.1:%s"\n' "$(id -un)" "$server_port"
    } >"$world/config"
    mv "$world/config" "$config/config.toml"
    # The address is known to ssh as any other host is.
    printf 'Host 127.0.0.1\n    IdentityFile %s\n    UserKnownHostsFile %s\n' "$HOME/id" "$HOME/known_hosts" >>"$CTRKIT_SSH_CONFIG"
    CTRKIT_HOST='' ctrkit create "$path" >"$world/again"
    is "$(get .engine.address <"$world/again")" "$(id -un)@127.0.0.1:$server_port"
    is "$(get .ssh.proxy_jump <"$world/again")" "$(id -un)@127.0.0.1:$server_port"
    is "$(get .engine.host <"$world/again")" "$CTRKIT_HOST"
    is "$(jq --arg name "$name" '[.reservations[] | select(.name == $name)] | length' "$state/ports.json")" 1
    answers "$name"
}

# bats test_tags=on:docker
@test "two machines with the same path and one server" {
    local path name first
    path=$(worktree myapp)
    name=$(ctrkit create "$path" | get .name)
    first=$(cat "$config/ca/ca_key.pub")
    ssh_ "$name" 'echo precious >/workspace/myapp/untracked' 2>/dev/null
    # The other machine has an authority and a state of its own.
    mv "$config" "$world/config.first"
    mv "$state" "$world/state.first"
    sshca init
    own_ports
    [[ $first != "$(cat "$config/ca/ca_key.pub")" ]]
    refused 77 other-authority ctrkit create "$path"
    refused 77 other-authority ctrkit rm --volumes --force "$name"
    refused 77 other-authority ctrkit stop "$name"
    refused 77 other-authority ctrkit exec "$name" -- true
    # Nor are the volumes of one that is gone: they are the first's.
    "$engine" rm --force "$name" >/dev/null
    refused 69 volume-taken ctrkit create "$path"
    hang_up
    rm -rf "$config" "$state"
    mv "$world/config.first" "$config"
    mv "$world/state.first" "$state"
    ctrkit create "$path" >/dev/null
    is "$(ssh_ "$name" cat /workspace/myapp/untracked 2>/dev/null)" precious
}

# bats test_tags=on:docker
@test "bad days: unreachable, key refused, host key changed, engine stopped" {
    local path name
    path=$(worktree myapp)
    name=$(ctrkit create "$path" | get .name)
    hang_up
    ssh-keygen -q -t ed25519 -N '' -f "$HOME/other"
    cp "$CTRKIT_SSH_CONFIG" "$world/good"
    sed -i "s|IdentityFile $HOME/id|IdentityFile $HOME/other|" "$CTRKIT_SSH_CONFIG"
    refused 77 login-refused ctrkit ls
    cp "$world/good" "$CTRKIT_SSH_CONFIG"
    cp "$HOME/known_hosts" "$world/known"
    printf '[127.0.0.1]:%s %s\n' "$server_port" "$(cut -d' ' -f1,2 "$HOME/other.pub")" >"$HOME/known_hosts"
    refused 77 host-key-changed ctrkit create "$path"
    cp "$world/known" "$HOME/known_hosts"
    CTRKIT_HOST=ssh://$(id -un)@box/nowhere.sock refused 69 engine-socket-absent ctrkit ls
    CTRKIT_HOST=ssh://box:1 refused 69 unreachable ctrkit ls
    CTRKIT_HOST=ssh://-oProxyCommand=id refused 64 bad-host ctrkit ls
    hang_up
    kill "$server"
    wait "$server" || true
    refused 69 unreachable ctrkit create "$path"
    start_server
    ctrkit create "$path" >/dev/null
    answers "$name"
}

# bats test_tags=on:docker
@test "the connection is cut in the middle of a create and of a push, and nothing is lost" {
    local path name cut_after fifo=$world/events fd event seen pid
    path=$(worktree myapp)
    for cut_after in 4 12 16 22; do
        rm -f "$fifo"
        mkfifo "$fifo"
        exec {fd}<>"$fifo"
        CTRKIT_EVENTS=$fifo ctrkit create "$path" >/dev/null 2>&1 3>&- {fd}>&- &
        pid=$!
        for ((seen = 0; seen < cut_after; seen++)); do
            IFS= read -r -t 20 -u "$fd" event || break
        done
        ((seen == cut_after))
        cut_connections
        wait "$pid" || true
        exec {fd}>&-
        name=$(ctrkit create "$path" | get .name)
        answers "$name"
        is "$(on_engine | sort)" "$(printf '%s\n' "container $name" "volume $name-home" "volume $name-workspace")"
        ctrkit rm --volumes "$name"
    done
    name=$(ctrkit create "$path" | get .name)
    ssh_ "$name" 'echo mine >>/workspace/myapp/file; echo new >/workspace/myapp/untracked' 2>/dev/null
    git -C "$path" commit -q --allow-empty -m two
    (cd "$path" && ctrkit push) 2>/dev/null 3>&- &
    pid=$!
    sleep 0.2
    cut_connections
    wait "$pid" || true
    is "$(ssh_ "$name" tail -n 1 /workspace/myapp/file 2>/dev/null)" mine
    is "$(ssh_ "$name" cat /workspace/myapp/untracked 2>/dev/null)" new
}
