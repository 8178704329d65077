#!/usr/bin/env bats
#
# What is done to an isolated container, killed after each event and done again,
# ends as if it had not been killed. CTRKIT_TEST_EVERY=3, in the environment,
# takes one event of three: all take minutes for each command.

load ../world
load ../killed
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    path=$(worktree myapp)
}
teardown() { unmake_world; }

isolated=(create --isolate claude+github)

# whole NAME STATUS: everything is there once, is as it should be, and works.
whole() {
    local hash
    hash=$(head -n 1 "$world/hashes")
    is "$(on_engine | sort)" "$(printf '%s\n' "container $1" "volume $1-home" "volume $1-workspace")"
    is "$(around "$hash" | sort)" "$(printf "%s ctrkit-$hash-%s\n" container ingress container proxy \
        network edge network net volume proxy volume trust)"
    is "$("$engine" inspect --format '{{.State.Status}}' "$1" | sed 's/stopped/exited/')" "$2"
    is "$(jq --arg name "$1" '[.reservations[] | select(.name == $name)] | length' "$state/ports.json")" 1
    [[ ! -e $state/$1/pending.json ]]
    if [[ $engine == podman ]]; then
        is "$(insist podman ps --all --external --format '{{.Names}}' | grep -c -- "$1\|$hash")" 3
    fi
    [[ $2 == running ]] || return 0
    is "$(ssh_ -o ConnectionAttempts=20 "$1" cat /workspace/myapp/file)" hello
    is "$(ctr-info --json "$1" | jq -c '.containers[0].isolation | [.isolated, .proxy.health]')" '[true,"healthy"]'
}

# gone NAME: nothing is there but the volumes.
gone() {
    is "$(on_engine | sort)" "$(printf 'volume %s\n' "$1-home" "$1-workspace")"
    is "$(around "$(head -n 1 "$world/hashes")")" ""
    [[ ! -e $state/$1 ]]
}

# sweep FIRST PREPARE JUDGE COMMAND...: cuts COMMAND off after event FIRST,
# FIRST+1 …, does it again, and lets JUDGE say whether all is well.
sweep() {
    local first=$1 prepare=$2 judge=$3 number
    shift 3
    for ((number = first; ; number += $(every 1))); do
        $prepare >&2
        cut_off KILL "$number" ctrkit "$@" || break
        settle "$name"
        settle "ctrkit-$(head -n 1 "$world/hashes")"
        ctrkit "$@" >"$world/document"
        $judge
    done
    # It must have been cut off somewhere.
    ((number > first))
}

running() { whole "$name" running; }
stopped() { whole "$name" exited; }
absent() { gone "$name"; }
remove() { ctrkit rm --force "$name"; }
make() { ctrkit "${isolated[@]}" "$path" >"$world/document"; }
begin() {
    make
    name=$(get .name <"$world/document")
    running
}
stop() { ctrkit stop "$name"; }
start() { ctrkit start "$name"; }

@test "create" {
    begin
    sweep 1 remove running "${isolated[@]}" "$path"
}

@test "rebuild" {
    begin
    sweep 1 true running rebuild "$name"
}

@test "stop" {
    begin
    sweep 1 start stopped stop "$name"
}

@test "start" {
    begin
    sweep 1 stop running start "$name"
}

@test "rm" {
    begin
    sweep 1 make absent rm --force "$name"
}
