#!/usr/bin/env bats
#
# Ports that never move.

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    rm "$config/config.toml"
}
teardown() { unmake_world; }

hosts() { jq -r '[.ports[].host] | join("/")' "$1"; }

@test "one offset for ssh, web and audio, kept by what is stopped and by what comes back" {
    local first second third
    first=$(worktree first) second=$(worktree second) third=$(worktree third)
    ctrkit create "$first" >"$world/1"
    ctrkit create "$second" >"$world/2"
    is "$(hosts "$world/1")" 2200/3000/4714
    is "$(hosts "$world/2")" 2201/3001/4715

    ctrkit stop "$(get .name <"$world/1")"
    ctrkit create "$third" >"$world/3"
    is "$(hosts "$world/3")" 2202/3002/4716

    ctrkit rm "$(get .name <"$world/1")"
    ctrkit create "$first" >"$world/1"
    is "$(hosts "$world/1")" 2200/3000/4714

    is "$(ctr-ls --json | jq -c --arg world "$world/" '[.containers[]
        | select(.project.path | startswith($world)).ports[]
        | select(.service == "ssh").host] | sort')" '[2200,2201,2202]'
}

@test "a ledger that is lost is made anew from the labels" {
    local path before
    path=$(worktree first)
    ctrkit create "$path" >"$world/1"
    held() { jq -S --arg path "$path" '.reservations[] | select(.path == $path).ports' "$state/ports.json"; }
    before=$(held)
    rm "$state/ports.json"
    ctrkit create "$path" >"$world/2"
    is "$(held)" "$before"
    ctrkit stop "$(get .name <"$world/1")"
    printf '{"schema":"ports/1","reserv' >"$state/ports.json"
    ctrkit create "$(worktree second)" >"$world/2"
    is "$(hosts "$world/2")" 2201/3001/4715
}

@test "a port that is taken between reservation and start is told, and nothing is left" {
    local path listener
    path=$(worktree first)
    ctr-spec "$path" | portalloc | sshca | dotfiles | ctr-image >"$world/plan"
    python3 -c 'import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 2200)); s.listen(); time.sleep(60)' &
    listener=$!
    eventually bash -c ': <>/dev/tcp/127.0.0.1/2200'
    err=$world/err
    run ctr-up --error-format json <"$world/plan" 2>"$err"
    is "$status" 75
    kill "$listener"
    is "$(on_engine)" ""
    # Once the port is free the same document goes up.
    sleep 0.5
    ctr-up <"$world/plan" | get '.state.status == "running"'
}
