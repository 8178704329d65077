#!/usr/bin/env bats
#
# What comes back without anybody's doing, as after the machine went down.

load world
bats_require_minimum_version 1.5.0

setup() { make_world "$BATS_TEST_TMPDIR"; }
teardown() { unmake_world; }

@test "a container whose processes are gone comes back by its restart policy, and ssh works" {
    local name pid tries
    name=$(ctrkit create "$(worktree myapp)" | get .name)
    ssh_ "$name" 'echo work >/workspace/myapp/new'
    pid=$("$engine" inspect --format '{{.State.Pid}}' "$name")
    kill -KILL "$pid"
    # No command of ctrkit's and none of the engine's from here on.
    for ((tries = 0; tries < 100; tries++)); do
        ! ssh_ "$name" cat /workspace/myapp/new >"$world/new" 2>/dev/null || break
        sleep 0.2
    done
    is "$(cat "$world/new")" work
    [[ $("$engine" inspect --format '{{.State.Pid}}' "$name") != "$pid" ]]
}
