#!/usr/bin/env bats
#
# The ledger of ports and what the engine knows.

load world
bats_require_minimum_version 1.5.0

setup() { make_world "$BATS_TEST_TMPDIR"; }
teardown() { unmake_world; }

# container_of DOCUMENT: a container with the document's labels, not started.
container_of() {
    local name labels
    name=$(get .name <"$1")
    mapfile -t labels < <(jq -r '.labels[] | "--label=\(.name)=\(.value)"' "$1")
    "$engine" create --name "$name" "${labels[@]}" "$image" true >/dev/null
}

# reserved DOCUMENT: the ports that the ledger has for its project. The engine
# may have containers of other people's, which are in the ledger as well.
reserved() {
    portalloc --list --json |
        jq -c --arg key "$(get .project.hash <"$1")" \
            '[.reservations[] | select(.key == $key).ports[].port]'
}

@test "a block is given up when worktree and container are both gone, and not before" {
    local first second name
    first=$(worktree first) second=$(worktree second)
    ctr-spec "$first" | portalloc >"$world/1"
    ctr-spec "$second" | portalloc >"$world/2"
    name=$(get .name <"$world/1")
    container_of "$world/1"
    is "$(portalloc --gc)" ""
    rm -r "$first"
    is "$(portalloc --gc)" ""
    "$engine" rm "$name" >/dev/null
    is "$(portalloc --gc | cut -f 1)" "$name"
    is "$(reserved "$world/1")" "[]"
    is "$(reserved "$world/2")" "$(jq -c '[.ports[].host]' "$world/2")"
}

@test "nothing is given up, and a broken ledger stays, while the engine does not answer" {
    local path before bin=$world/bin
    path=$(worktree first)
    ctr-spec "$path" | portalloc >"$world/1"
    before=$(cat "$state/ports.json")
    rm -r "$path"
    mkdir "$bin"
    printf '#!/bin/sh\nexit 1\n' >"$bin/$engine"
    chmod +x "$bin/$engine"
    refused 69 engine-failed portalloc --engine "$bin/$engine" --gc
    is "$(cat "$state/ports.json")" "$before"
    printf rubbish >"$state/ports.json"
    refused 69 ledger-broken portalloc --engine "$bin/$engine" --plain x
    is "$(cat "$state/ports.json")" rubbish
}

@test "a ledger is made anew from the labels of containers that never ran" {
    ctr-spec "$(worktree first)" | portalloc --service db:5432:5432 >"$world/1"
    container_of "$world/1"
    rm "$state/ports.json"
    calls portalloc --list >/dev/null
    is "$count" 1
    is "$(reserved "$world/1")" "$(jq -c '[.ports[].host]' "$world/1")"
    ctr-spec "$world/first" | portalloc --service db:5432:5432 | cmp - "$world/1"
}
