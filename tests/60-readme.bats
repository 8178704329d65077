#!/usr/bin/env bats
#
# What README says can be typed.

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    cd "$(worktree myapp)" || return
}
teardown() { unmake_world; }

@test "the pipes of README work as they stand" {
    local line lines
    # What ctr-lifecycle is for.
    mkdir .devcontainer
    printf '{"image": "%s", "remoteUser": "dev", "postCreateCommand": "echo made >>~/ran"}' "$image" \
        >.devcontainer/devcontainer.json
    mapfile -t lines < <(sed -n '/^Any prefix of the pipe/,/^Errors/p' "$root/README.md" |
        sed -e ':join' -e '/|$/{N; s/\n */ /; b join' -e '}' | grep '^ctr\|^eval\|^filtergen -p github')
    [ "${#lines[@]}" -ge 5 ]
    for line in "${lines[@]}"; do
        echo "# $line" >&3
        bash -euo pipefail -c "$line"
    done
    ctr-ls --json | get ".containers[] | select(.name == \"$(ctr-spec --name-only)\").status == \"running\""
    is "$(ctr-exec "$(ctr-spec --name-only)" -- cat /home/dev/ran)" made
    is "$(ctr-spec | portalloc --shell | head -1)" "SSH_PORT=$(ctr-spec | get '.ports[0].start')"
}
