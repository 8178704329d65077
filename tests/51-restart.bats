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

# bats test_tags=on:docker
@test "one that the devcontainers CLI made comes back as well, and ctr-start gives it its ssh server" {
    local path name pid tries
    path=$(worktree made)
    mkdir "$path/.devcontainer"
    printf '{"image": "%s", "remoteUser": "dev", "postStartCommand": "echo started >>~/ran"}' "$image" \
        >"$path/.devcontainer/devcontainer.json"
    name=$(ctrkit create --via devcontainer "$path" | get .name)
    is "$(ssh_ "$name" cat ran)" started
    pid=$("$engine" inspect --format '{{.State.Pid}}' "$name")
    kill -KILL "$pid"
    for ((tries = 0; tries < 100; tries++)); do
        [[ $("$engine" inspect --format '{{.State.Running}} {{.State.Pid}}' "$name") == "true $pid" ]] || break
        sleep 0.2
    done
    for ((tries = 0; tries < 100; tries++)); do
        [[ $("$engine" inspect --format '{{.State.Running}}' "$name") != true ]] || break
        sleep 0.2
    done
    run ssh_ -o ConnectTimeout=5 "$name" true
    [[ $status -ne 0 ]]
    # It runs, and is not started by that.
    pid=$("$engine" inspect --format '{{.State.Pid}}' "$name")
    ctr-start "$name"
    is "$(ssh_ -o ConnectionAttempts=20 "$name" cat ran)" $'started\nstarted'
    ctr-start "$name"
    is "$(ssh_ "$name" cat ran)" $'started\nstarted'
    is "$("$engine" inspect --format '{{.State.Pid}}' "$name")" "$pid"
    ctr-rm --volumes "$name"
}
