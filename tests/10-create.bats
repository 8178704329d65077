#!/usr/bin/env bats
#
# From a worktree to `ssh NAME`.

load world
bats_require_minimum_version 1.5.0

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    path=$(worktree myapp)
    ctrkit create "$path" >"$world/document" 2>"$world/narration"
    export world state config path
    name=$(get .name <"$world/document")
    export name
}

teardown_file() { unmake_world; }

@test "ssh reaches it, and it has the worktree's commit checked out" {
    is "$(ssh_ "$name" git -C /workspace/myapp rev-parse HEAD)" "$(git -C "$path" rev-parse HEAD)"
    is "$(ssh_ "$name" git -C /workspace/myapp rev-parse --abbrev-ref HEAD)" main
    is "$(ssh_ "$name" cat /workspace/myapp/file)" hello
    is "$(ssh_ "$name" id -un)" dev
}

@test "stdout was the document, and people were told what happened" {
    get '.schema == "container/1" and .state.status == "running"' <"$world/document"
    is "$(wc -l <"$world/document")" 1
    grep -q ctr-up "$world/narration"
}

@test "checking is strict, by certificate alone" {
    local options
    options=$(ssh_ -G "$name")
    grep -qx 'stricthostkeychecking true' <<<"$options"
    grep -qx "hostkeyalias $name" <<<"$options"
    grep -qx 'forwardagent no' <<<"$options"
    grep -qx 'controlpersist 3600' <<<"$options"
    grep -qx 'serveraliveinterval 30' <<<"$options"
    grep -qx 'connecttimeout 10' <<<"$options"
}

@test "every step's document is what the next one reads" {
    local document
    document=$(ctr-spec "$path" | portalloc | sshca | dotfiles | ghtoken | ctr-image | ctr-up | ghtoken push | sshcfg add | ctr-git)
    is "$(jq -S 'del(.git)' <<<"$document")" "$(jq -S 'del(.git)' "$world/document")"
}

@test "a second create changes nothing" {
    local before after
    before=$(on_engine; cat "$state/ports.json" "$CTRKIT_SSH_CONFIG" "$config/ssh_config")
    ctrkit create "$path" >"$world/again"
    after=$(on_engine; cat "$state/ports.json" "$CTRKIT_SSH_CONFIG" "$config/ssh_config")
    is "$after" "$before"
    is "$(cat "$world/again")" "$(cat "$world/document")"
}

@test "ctr-up with nothing changed calls the engine twice at most" {
    jq -c 'del(.engine)' "$world/document" >"$world/plan"
    calls ctr-up <"$world/plan" >/dev/null
    [ "$count" -le 2 ]
}

@test "ctr-ls calls the engine once" {
    calls ctr-ls --json >"$world/list"
    is "$count" 1
    get ".containers[] | select(.name == \"$name\").status == \"running\"" <"$world/list"
}

@test "ctr-ls and ctr-info agree with the document" {
    local port
    port=$(get '.ports[] | select(.service == "web").host' <"$world/document")
    ctr-ls --plain | grep -q "^$name"
    ctr-info "$name" | grep -q "http://localhost:$port"
    is "$(ctr-info --json "$name" | get '.containers[0].project.path')" "$path"
}

@test "ports are published on the loopback alone" {
    "$engine" inspect --format '{{json .HostConfig.PortBindings}}' "$name" |
        get '[.[][] | .HostIp] | all(. == "127.0.0.1")'
}

@test "a changed document is told, and nothing is changed" {
    local id
    id=$(get .state.id <"$world/document")
    jq -c '.env += [{"name":"A","value":"1"}]' "$world/document" >"$world/changed"
    run --separate-stderr ctr-up <"$world/changed"
    is "$status" 65
    [[ $stderr == *"env changed"* && $stderr == *"ctrkit create --replace"* ]]
    is "$("$engine" inspect --format '{{.Id}}' "$name")" "$id"
}

@test "a host key that was swapped in the container is refused, and create mends it" {
    ssh_ -O exit "$name" || true
    "$engine" exec "$name" sh -c '
        ssh-keygen -q -t ed25519 -N "" -f /tmp/k </dev/null
        cp /tmp/k /etc/ssh/ssh_host_ed25519_key
        sed -i /HostCertificate/d /etc/ssh/sshd_config
        kill -HUP "$(cat /run/sshd.pid)"'
    turned_away() { ! ssh_ -o ControlPath=none "$name" true; }
    eventually turned_away
    # The configuration was changed by hand as well: only a new container mends that.
    ctrkit rm "$name"
    ctrkit create "$path" >"$world/document"
    ssh_ "$name" true
}

@test "the certificate of another container is refused" {
    local other other_name port
    other=$(worktree other)
    ctrkit create "$other" >"$world/other.json"
    other_name=$(get .name <"$world/other.json")
    port=$(get '.ports[] | select(.service == "ssh").host' <"$world/other.json")
    # The name of one, the port of the other: the same authority signed both.
    ssh_ -O exit "$name" || true
    run ssh_ -o ControlPath=none -p "$port" "$name" true
    is "$status" 255
    [[ $output == *"Host key verification failed"* || $output == *"Certificate invalid"* ]]
    ssh_ "$other_name" true
    ctrkit rm --volumes "$other_name"
}

@test "what runs in the container sees its environment: ssh, exec, login" {
    is "$(ssh_ "$name" 'echo $CTRKIT_WORKSPACE')" /workspace/myapp
    is "$(ctr-exec "$name" -- pwd)" /workspace/myapp
    is "$(ctr-exec "$name" -- id -un)" dev
}

@test "the user has the base's sudo, no agent and no secret in the environment" {
    ssh_ "$name" sudo -n true
    run ssh_ "$name" 'test -n "$SSH_AUTH_SOCK"'
    is "$status" 1
    "$engine" inspect "$name" >"$world/inspect"
    run ! grep -q 'PRIVATE KEY' "$world/inspect"
}
