#!/usr/bin/env bats
#
# A container that is made anew keeps what is a person's, and one that cannot
# be made anew stays as it was.

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    path=$(worktree myapp)
    ctrkit create "$path" >"$world/document"
    name=$(get .name <"$world/document")
}
teardown() { unmake_world; }

id() { "$engine" inspect --format '{{.Id}}' "$name"; }
bindings() { "$engine" inspect --format '{{json .HostConfig.PortBindings}}' "$name"; }
running() { "$engine" inspect --format '{{.State.Running}}' "$name"; }

# contents: a hash of all names, owners and bytes in the volumes.
contents() {
    ssh_ "$name" 'cd / && find home/dev workspace -printf "%p %m %U %G\n" | sort | sha256sum &&
        find home/dev workspace -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum'
}

# whole: one container, its volumes, and nothing else of this world.
whole() {
    is "$(on_engine | sort)" "$(printf '%s\n' "container $name" "volume $name-home" "volume $name-workspace")"
    [ ! -e "$state/$name/pending.json" ]
}

# start: starts it, and waits until it answers.
start() {
    local tries
    ctrkit start "$name"
    for ((tries = 0; tries < 100; tries++)); do
        ! ssh_ "$name" true 2>/dev/null || return 0
        sleep 0.1
    done
    return 1
}

# unharmed ID: the old container is there as it was, and answers.
unharmed() {
    is "$(id)" "$1"
    is "$(ssh_ "$name" cat /workspace/myapp/untracked)" new
    whole
}

@test "rebuild keeps name, ports, volumes, branch, remote and trust, and makes a new key" {
    local old before key
    ssh_ "$name" 'echo edit >>/workspace/myapp/file; echo new >/workspace/myapp/untracked; echo "# mine" >>.bashrc'
    old=$(id) before=$(contents; bindings; git -C "$path" remote -v)
    key=$(ssh_ "$name" cat /etc/ssh/ssh_host_ed25519_key.pub)
    cd "$path"
    ctrkit rebuild >"$world/out" 2>"$world/err"
    is "$(cat "$world/out")" ""
    [ "$(id)" != "$old" ]
    is "$(contents; bindings; git -C "$path" remote -v)" "$before"
    is "$(ssh_ "$name" git -C /workspace/myapp status --short --branch)" "$(printf '## main\n M file\n?? untracked')"
    [ "$(ssh_ "$name" cat /etc/ssh/ssh_host_ed25519_key.pub)" != "$key" ]
    is "$(sshca list | cut -f 2,3 | sort | uniq -c | xargs)" "2 $name valid"
    whole
    # Everything goes on: nothing to push, nothing to make.
    ctrkit create "$path" >"$world/again"
    is "$(get .state.id <"$world/again")" "$(id)"
}

# bats test_tags=on:docker
@test "a shared connection to the old container leads nowhere else" {
    ssh_ -o ControlMaster=auto -o ControlPersist=600 "$name" true
    ctr-rebuild "$name"
    is "$(timeout 10 ssh -F "$CTRKIT_SSH_CONFIG" "$name" hostname)" "$name"
}

@test "what is stopped stays stopped" {
    ctrkit stop "$name"
    ctr-rebuild --json "$name" >"$world/rebuilt"
    is "$(get '.containers[0].status' <"$world/rebuilt")" stopped
    is "$(running)" false
    whole
    start
    is "$(ssh_ "$name" hostname)" "$name"
}

# bats test_tags=on:podman
@test "what cannot be made anew stays as it was: no image, a port that is taken" {
    local old port listener
    ssh_ "$name" 'echo new >/workspace/myapp/untracked'
    old=$(id)
    refused 69 cannot-make-image ctr-rebuild --image localhost/ctrkit-nowhere:1 "$name"
    unharmed "$old"
    ctrkit stop "$name"
    port=$(get '.ports[] | select(.service == "web").host' <"$world/document")
    python3 -c 'import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); time.sleep(60)' "$port" &
    listener=$!
    eventually bash -c ": <>/dev/tcp/127.0.0.1/$port"
    refused 75 cannot-replace ctr-rebuild "$name"
    kill "$listener"
    is "$(running)" false
    start
    unharmed "$old"
}

# bats test_tags=on:podman
@test "one that was removed by hand comes back with its work, but not without its volumes" {
    ssh_ "$name" 'echo new >/workspace/myapp/untracked'
    "$engine" rm --force "$name" >/dev/null
    ctr-rebuild "$name"
    unharmed "$(id)"
    "$engine" rm --force "$name" >/dev/null
    "$engine" volume rm "$name-workspace" >/dev/null
    refused 69 cannot-replace ctr-rebuild "$name"
    is "$(on_engine)" "volume $name-home"
}

# bats test_tags=on:docker
@test "a document that is lost is written anew, with the ports that there were" {
    local before
    ssh_ "$name" 'echo new >/workspace/myapp/untracked'
    before=$(bindings)
    rm "$state/$name/document.json"
    ctr-rebuild "$name"
    is "$(bindings)" "$before"
    unharmed "$(id)"
}

# bats test_tags=on:podman
@test "a container without a web port gets none" {
    local document=$state/$name/document.json
    jq -c '.ports |= map(select(.service == "ssh")) |
        .labels |= (map(select(.name != "ctrkit.port.web" and .name != "ctrkit.port.audio")) |
            map(if .name == "ctrkit.ports" then .value |= split(" ")[0] else . end))' \
        "$document" >"$world/ssh-only"
    cp "$world/ssh-only" "$document"
    ctr-rebuild "$name"
    is "$(bindings | jq -r 'keys | join(" ")')" 22/tcp
    is "$("$engine" port "$name" | wc -l)" 1
    # Also where nothing but the container says which it has.
    rm "$document"
    ctr-rebuild "$name"
    is "$(bindings | jq -r 'keys | join(" ")')" 22/tcp
    is "$("$engine" port "$name" | wc -l)" 1
    is "$(ssh_ "$name" hostname)" "$name"
}

# bats test_tags=on:podman
@test "--all goes on after a failure, and fails" {
    local other old second document
    other=$(worktree other)
    ctrkit create "$other" >"$world/second"
    second=$(get .name <"$world/second") old=$(id)
    document=$state/$name/document.json
    jq -c '.image = "localhost/ctrkit-nowhere:1"' "$document" >"$world/broken"
    cp "$world/broken" "$document"
    refused 69 cannot-make-image ctr-rebuild --all
    is "$(id)" "$old"
    [ "$("$engine" inspect --format '{{.Id}}' "$second")" != "$(get .state.id <"$world/second")" ]
    is "$(ssh_ "$second" hostname)" "$second"
    is "$(on_engine | grep -c '^container')" 2
}

# killed_at STEP: starts a rebuild and kills all of it at the beginning of STEP.
killed_at() {
    local pid tries
    : >"$world/events"
    CTRKIT_EVENTS=$world/events setsid ctr-rebuild "$name" >/dev/null 2>&1 3>&- &
    pid=$!
    for ((tries = 0; tries < 2000; tries++)); do
        if grep -q "\"step\":\"$1\",\"status\":\"started\"" "$world/events"; then break; fi
        sleep 0.005
    done
    kill -s KILL -- "-$pid"
    wait "$pid" 2>/dev/null || true
}

# bats test_tags=on:docker
@test "after a SIGKILL ls, info, start, exec, create and rm are not confused" {
    local old
    ssh_ "$name" 'echo new >/workspace/myapp/untracked'
    old=$(id)
    killed_at create
    settle "$name"
    is "$(ctrkit ls --plain | cut -f 1 | grep -c -- "^$name")" "$("$engine" ps -a --filter "name=^$name\$" --quiet | wc -l)"
    # The next create puts the old one back.
    ctrkit create "$path" >/dev/null
    unharmed "$old"
    killed_at rename
    ctr-rebuild "$name"
    [ "$(id)" != "$old" ]
    unharmed "$(id)"
    killed_at wait
    ctrkit rm "$name"
    is "$(on_engine | sort)" "$(printf '%s\n' "volume $name-home" "volume $name-workspace")"
}

@test "create --replace makes it anew from a document that changed" {
    local old
    ssh_ "$name" 'echo new >/workspace/myapp/untracked'
    old=$(id)
    printf '\n[[env]]\nname = "EDITOR"\nvalue = "vi"\n' >>"$config/config.toml"
    refused 65 changed ctrkit create "$path"
    unharmed "$old"
    ctrkit create "$path" --replace >/dev/null
    [ "$(id)" != "$old" ]
    unharmed "$(id)"
    # shellcheck disable=SC2016 # it is expanded there
    is "$(ssh_ "$name" 'echo $EDITOR')" vi
}
