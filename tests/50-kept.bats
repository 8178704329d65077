#!/usr/bin/env bats
#
# Nothing is lost: volumes, edits, a line of the user's ssh configuration.

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    path=$(worktree myapp)
    ctrkit create "$path" >"$world/document"
    name=$(get .name <"$world/document")
}
teardown() { unmake_world; }

@test "rm keeps the volumes, and the next create finds them" {
    ssh_ "$name" 'echo mine >~/mine; echo edit >>/workspace/myapp/file; echo new >/workspace/myapp/untracked'
    ctrkit rm "$name"
    is "$(on_engine | sort)" "$(printf '%s\n' "volume $name-home" "volume $name-workspace")"
    cmp "$CTRKIT_SSH_CONFIG" "$world/ssh_config.before"
    is "$(git -C "$path" remote)" ""
    run ctrkit create "$path"
    is "$(ssh_ "$name" cat mine)" mine
    is "$(ssh_ "$name" tail -n 1 /workspace/myapp/file)" edit
    is "$(ssh_ "$name" cat /workspace/myapp/untracked)" new
}

# bats test_tags=on:docker
@test "a dotfile that was edited in the container is not overwritten, one that was not is" {
    ssh_ "$name" 'echo "# mine" >>.bashrc'
    mkdir -p "$config/dotfiles"
    echo 'from the host' >"$config/dotfiles/.bashrc"
    echo 'set -g mouse on' >"$config/dotfiles/.tmux.conf"
    ctrkit rm "$name"
    ctrkit create "$path" >"$world/document"
    is "$(ssh_ "$name" tail -n 1 .bashrc)" '# mine'
    is "$(ssh_ "$name" cat .bashrc.new)" 'from the host'
    is "$(ssh_ "$name" cat .tmux.conf)" 'set -g mouse on'
}

# bats test_tags=on:docker
@test "uncommitted work in the container is not pushed over, and told" {
    ssh_ "$name" 'echo theirs >/workspace/myapp/file'
    echo ours >"$path/file"
    git -C "$path" commit -qam ours
    cd "$path"
    run --separate-stderr ctrkit push --error-format json
    [ "$status" -ne 0 ]
    is "$(jq -r .kind <<<"$stderr")" container-dirty
    is "$(ssh_ "$name" cat /workspace/myapp/file)" theirs
    ssh_ "$name" git -C /workspace/myapp checkout -q -- file
    ctrkit push
    is "$(ssh_ "$name" cat /workspace/myapp/file)" ours
}

# bats test_tags=on:docker
@test "commits of both sides that have parted are told, and nothing is changed" {
    ssh_ "$name" 'cd /workspace/myapp && echo theirs >file && git commit -qam theirs'
    echo ours >"$path/other"
    git -C "$path" add other
    git -C "$path" commit -qm ours
    cd "$path"
    for verb in push pull; do
        run --separate-stderr ctrkit "$verb" --error-format json
        [ "$status" -ne 0 ]
        is "$(jq -r .kind <<<"$stderr")" diverged
    done
    is "$(ssh_ "$name" git -C /workspace/myapp log -1 --format=%s)" theirs
    is "$(git -C "$path" log -1 --format=%s)" ours
}

# bats test_tags=on:docker
@test "pull brings the container's commits" {
    ssh_ "$name" 'cd /workspace/myapp && echo theirs >file && git commit -qam theirs'
    cd "$path"
    ctrkit pull
    is "$(cat "$path/file")" theirs
    is "$(git -C "$path" log -1 --format='%an %s')" 'A Person theirs'
}

@test "rm --volumes refuses to lose uncommitted work, and does it when told" {
    ssh_ "$name" 'echo theirs >/workspace/myapp/file'
    run --separate-stderr ctrkit rm --volumes "$name" --error-format json
    is "$(jq -r .kind <<<"$stderr")" uncommitted-work
    ctrkit rm --volumes --force "$name"
    is "$(on_engine)" ""
}

# bats test_tags=on:podman
@test "rm works from the labels alone when the worktree is gone" {
    rm -rf "$path"
    cd "$world"
    ctrkit rm --volumes --force "$name"
    is "$(on_engine)" ""
    cmp "$CTRKIT_SSH_CONFIG" "$world/ssh_config.before"
    is "$(jq '.reservations | length' "$state/ports.json")" 0
}

@test "a container and a volume that are not ours are left alone" {
    ctrkit rm --volumes "$name"
    "$engine" create --name "$name" "$image" sleep 1 >/dev/null
    refused 69 name-taken ctrkit create "$path"
    for verb in start stop rm; do
        refused 65 not-managed "ctr-$verb" "$name"
    done
    "$engine" rm "$name" >/dev/null
}

@test "start and stop are idempotent, and a stopped container comes back as it was" {
    ctrkit stop "$name"
    ctrkit stop "$name"
    run ssh_ -o ConnectTimeout=2 "$name" true
    [ "$status" -ne 0 ]
    ctr-ls --json | jq --arg name "$name" '.containers[] | select(.name == $name)' >"$world/listed"
    is "$(get .status <"$world/listed")" stopped
    is "$(jq -c '[.ports[].host]' "$world/listed")" "$(jq -c '[.ports[].host]' "$world/document")"
    ctrkit start "$name"
    ctrkit start "$name"
    eventually ssh_ "$name" true
    is "$(ssh_ "$name" cat /workspace/myapp/file)" hello
}

# bats test_tags=on:docker
@test "exec passes stdin, stdout, stderr, status and arguments on" {
    is "$(printf 'a\0b' | ctr-exec "$name" -- cat | od -An -c | tr -d ' ')" 'a\0b'
    run --separate-stderr ctr-exec "$name" -- sh -c 'echo out; echo err >&2; exit 7'
    is "$status/$output/$stderr" 7/out/err
    is "$(ctr-exec "$name" -- printf '%s|' 'a b' '' '-x' "it's" '"' '$HOME' 'new
line')" 'a b||-x|it'"'"'s|"|$HOME|new
line|'
    head -c 20000000 /dev/urandom >"$world/random"
    ctr-exec "$name" -- cat <"$world/random" | cmp - "$world/random"
    run -127 ctr-exec "$name" -- no-such-command
    run ctr-exec "$name" -- sh -c 'kill -TERM $$'
    is "$status" 143
}

# bats test_tags=on:docker
@test "a signal reaches the command that exec runs" {
    ctr-exec "$name" -- sh -c 'trap "echo caught >/tmp/caught; exit 3" TERM; echo ready >/tmp/ready; while :; do sleep 0.1; done' &
    local pid=$! status=0
    for _ in $(seq 50); do ctr-exec "$name" -- test -e /tmp/ready && break; sleep 0.1; done
    kill -TERM "$pid"
    wait "$pid" || status=$?
    is "$status" 3
    is "$(ctr-exec "$name" -- cat /tmp/caught)" caught
}

# bats test_tags=on:podman
@test "exec gives a terminal to who has one" {
    is "$(script -qec "ctr-exec $name -- tty" /dev/null | tr -d '\r' | grep -c /dev/pts)" 1
    run ctr-exec "$name" -- tty
    is "$status" 1
}
