#!/usr/bin/env bats
#
# Worktrees for several agents: each has a container of its own, nothing of the
# repository's is run on the host, and nothing is lost when one is removed.

load world
bats_require_minimum_version 1.5.0

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    path=$(worktree myapp)
    export world state config path
}

teardown_file() { unmake_world; }

setup() {
    load world
    cd "$path" || return
}

# added BRANCH [OPTION...]: makes the worktree and its container; sets `tree`
# and `name`.
added() {
    ctrkit worktree add "$@" >"$world/document" 2>"$world/narration" || {
        cat "$world/narration" >&2
        return 1
    }
    name=$(get .name <"$world/document")
    tree=$(get .project.path <"$world/document")
    printf %s "$tree" | sha256sum | cut -c 1-12 >>"$world/hashes"
    for _ in 1 2 3 4 5 6 7 8 9 10; do ssh_ "$name" true && break; sleep 0.3; done
}

@test "a worktree and its container come and go in one go, and git works in both" {
    local hook
    for hook in post-checkout reference-transaction; do
        printf '#!/bin/sh\ntouch "%s/ran"\n' "$world" >".git/hooks/$hook"
        chmod +x ".git/hooks/$hook"
    done
    cp .git/config "$world/config.before"
    added fix/login
    is "$tree" "$path.worktrees/fix-login-$(printf fix/login | sha256sum | cut -c 1-8)"
    run ! test -e "$world/ran"
    is "$(git -C "$tree" status --porcelain --branch)" "## fix/login"
    is "$(ssh_ "$name" 'cd "$CTRKIT_WORKSPACE" && git status --porcelain --branch')" "## fix/login"
    is "$(ctr-worktree list --json | get ".worktrees[] | select(.container == \"$name\").branch")" fix/login

    # Again: the same, and nothing is made.
    calls ctrkit worktree add fix/login >"$world/again"
    is "$(get .name <"$world/again")" "$name"
    run -1 grep -qE '^(run|create|start) ' "$world/calls"

    # Work in the container, then in the worktree, keeps both.
    ssh_ "$name" 'cd "$CTRKIT_WORKSPACE" && git config user.email a@b && git config user.name a && echo more >new'
    refused 65 uncommitted-work ctrkit worktree rm fix/login
    ssh_ "$name" 'cd "$CTRKIT_WORKSPACE" && git add new && git commit -qm more'
    refused 65 uncommitted-work ctrkit worktree rm fix/login
    (cd "$tree" && ctrkit pull)
    is "$(cat "$tree/new")" more
    # Only the container has it as well, and that goes.
    refused 65 unmerged-work ctrkit worktree rm fix/login
    is "$(ctr-ls --json | get ".containers[] | select(.name == \"$name\").status")" running
    git merge -q fix/login
    rm -f "$world/ran"
    ctrkit worktree rm fix/login
    run ! test -e "$world/ran"
    rm .git/hooks/post-checkout .git/hooks/reference-transaction
    run ! test -e "$path.worktrees"
    diff .git/config "$world/config.before"
    is "$(git branch)" "* main"
    is "$(on_engine)" ""
    is "$(sshcfg list)" ""
    is "$(jq -r '.reservations | length' "$state/ports.json")" 0
}

# bats test_tags=on:docker
@test "branches that look alike have containers of their own, at the same time" {
    local branch pids=() pid
    for branch in a/b a-b a.b; do
        ctr-worktree add "$branch" >"$world/path" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    local names=() trees=()
    for branch in a/b a-b; do
        added "$branch"
        names+=("$name") trees+=("$tree")
        is "$(ssh_ "$name" 'cd "$CTRKIT_WORKSPACE" && git branch --show-current')" "$branch"
    done
    [ "${names[0]}" != "${names[1]}" ]
    [ "${trees[0]}" != "${trees[1]}" ]
    # What is written in one is in no other.
    ssh_ "${names[0]}" 'echo x >"$CTRKIT_WORKSPACE/mine"'
    ssh_ "${names[1]}" '! test -e "$CTRKIT_WORKSPACE/mine"'
    ctrkit worktree rm a-b
    refused 65 uncommitted-work ctrkit worktree rm a/b
    ctrkit worktree rm --force a/b
    ctrkit worktree rm a.b
    is "$(on_engine)" ""
    is "$(git worktree list --porcelain | grep -c '^worktree ')" 1
}

@test "what cannot be is refused before anything is made" {
    refused 65 bad-branch ctrkit worktree add -- '-x'
    refused 65 bad-branch ctrkit worktree add 'a b'
    refused 65 bad-branch ctrkit worktree add '$(id)~'
    refused 65 branch-in-use ctrkit worktree add main
    refused 65 no-such-commit ctrkit worktree add fix --from nowhere
    refused 65 inside-worktree ctrkit worktree add fix --directory "$path/.worktrees"
    refused 66 not-a-repository ctr-worktree -C "$world/home" list
    refused 66 no-such-worktree ctrkit worktree rm fix
    refused 65 main-worktree ctrkit worktree rm main
    run ctrkit worktree add fix --dry-run
    is "$status" 64
    is "$(git branch)" "* main"
    run ! test -e "$path.worktrees"
}

# bats test_tags=on:podman
@test "VS Code finds a container by the names that ctr-code writes" {
    local uri hex
    added window
    uri=$(cd "$tree" && ctrkit code)
    is "$uri" "vscode-remote://ssh-remote+$name/workspace/window"
    # The very host and directory.
    uri=${uri#vscode-remote://ssh-remote+}
    is "$(ssh_ "${uri%%/*}" git -C "/${uri#*/}" branch --show-current)" window
    hex=$(ctr-code --attached "$name" 2>/dev/null)
    hex=${hex#vscode-remote://attached-container+}
    # shellcheck disable=SC2001
    hex=$(printf %b "$(sed 's/../\\x&/g' <<<"${hex%%/*}")")
    is "$("$engine" inspect --format '{{.Name}}' "$(jq -r '.containerName[1:]' <<<"$hex")" | tr -d /)" "$name"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"%s/opened"\n' "$world" >"$world/editor"
    chmod +x "$world/editor"
    is "$(CTRKIT_EDITOR=$world/editor ctrkit code --open "$name")" ""
    is "$(tr '\n' ' ' <"$world/opened")" "--folder-uri vscode-remote://ssh-remote+$name/workspace/window "
    refused 69 editor-absent ctr-code --open --editor no-such-editor "$name"
    sshcfg remove "$name"
    refused 69 no-ssh-entry ctrkit code "$name"
    ctrkit stop "$name"
    refused 69 not-running ctr-code --attached --open "$name"
    refused 69 no-such-container ctrkit code dev-nobody
    ctrkit worktree rm window
}
