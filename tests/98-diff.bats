#!/usr/bin/env bats
#
# What a container wrote that something here would execute: it is listed, and a
# pull does not bring it before somebody said so.

load world
bats_require_minimum_version 1.5.0

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    path=$(worktree myapp)
    mkdir "$path/.claude"
    echo '{}' >"$path/.claude/settings.json"
    git -C "$path" add .
    git -C "$path" commit -qm settings
    ctrkit create "$path" >"$world/document" 2>"$world/narration"
    name=$(get .name <"$world/document")
    eventually ssh_ "$name" true
    export world state config path name
}

teardown_file() { unmake_world; }

setup() {
    load world
    cd "$path" || return
}

# Both sides are as in the beginning again.
teardown() {
    there 'git reset -q --hard start; git clean -qfdx; git config --remove-section filter.x 2>/dev/null; git config --unset core.fsmonitor; rm -f .git/hooks/post-checkout' || true
    git -C "$path" reset -q --hard "$(ssh_ "$name" git -C /workspace/myapp rev-parse HEAD)"
}

# there SCRIPT: runs it in the workspace, with the commit of the beginning at hand.
there() { ssh_ "$name" "cd /workspace/myapp && { git rev-parse -q --verify start >/dev/null || git tag start; }; $1"; }

# listed [OPTION...]: class, state, change and path of each line, exit 1.
listed() {
    local status=0
    ctr-diff --json "$@" "$name" >"$world/diff" || status=$?
    is "$status" 1
    jq -r '.changes[] | "\(.class) \(.state) \(.change) \(.path)"' "$world/diff"
}

@test "where nothing of the kind was written nothing is listed, and a pull is as ever" {
    there 'echo theirs >file; echo new >other; git add .; git commit -qm work; echo more >>file'
    run --separate-stderr ctrkit diff
    is "$status/$output/$stderr" "0//"
    is "$(ctr-diff --json "$name" | jq -c '[.schema, .name, .branch, .changes]')" "[\"diff/1\",\"$name\",\"main\",[]]"
    ctrkit pull
    is "$(cat other)" new
}

@test "what is committed is listed by what would execute it, and a pull stops at it" {
    there 'mkdir -p .vscode .github/workflows; echo "{}" >.vscode/tasks.json; echo x >.claude/settings.json
        echo x >CLAUDE.md; echo all: >Makefile; echo x >.github/workflows/ci.yml; echo "#!/bin/sh" >run; chmod +x run
        ln -s /etc/passwd leak; echo x >ordinary; git add .; git commit -qm work'
    listed >"$world/list"
    diff "$world/list" - <<'END'
by-itself committed modified .claude/settings.json
by-itself committed added .vscode/tasks.json
by-itself committed added leak
agent committed added CLAUDE.md
on-build committed added Makefile
on-build committed added run
elsewhere committed added .github/workflows/ci.yml
END
    is "$(listed --committed)" "$(cat "$world/list")"
    refused 65 would-run ctrkit pull
    is "$(git log -1 --format=%s)" settings
    run ! test -e .vscode
    refused 65 moved-on ctrkit pull "--trust=$(git rev-parse HEAD)"
    ctrkit pull "--trust=$(jq -r .commit "$world/diff")"
    is "$(git log -1 --format=%s)" work
    is "$(ctr-diff "$name")" ""
}

@test "what is not committed is read by the engine, and not by the container's git" {
    there 'echo evil >.envrc; mkdir -p .git/hooks sub node_modules/x/.vscode; echo "#!/bin/sh" >.git/hooks/post-checkout
        git config core.fsmonitor ./monitor; git config filter.x.smudge "sh -c id"; ln -s /etc sub/leak
        echo x >node_modules/x/.vscode/tasks.json; rm .claude/settings.json
        chmod +x file; echo ordinary >>file'
    listed >"$world/list"
    diff "$world/list" - <<'END'
by-itself uncommitted removed .claude/settings.json
by-itself uncommitted added .envrc
by-itself uncommitted added .git/config
by-itself uncommitted added .git/config
by-itself uncommitted added .git/hooks/post-checkout
by-itself uncommitted added sub/leak
on-build uncommitted mode file
END
    is "$(jq -r '.changes[].detail // empty' "$world/diff")" 'core.fsmonitor = ./monitor
filter.x.smudge = sh -c id
leads out of the worktree: /etc'
    # A pull brings none of it.
    ctrkit pull
}

@test "names and texts of any kind are shown and never obeyed" {
    there 'mkdir -p -- "-C/.idea" "$(printf "a\nb\033[31m")/.vscode"; echo x >"-C/.idea/x"; printf "\033]0;owned\007\n" >.envrc
        printf x >"$(printf "a\nb\033[31m")/.vscode/\$(id).json"; git add .; git commit -qm names'
    run ctr-diff --patch "$name"
    is "$status" 1
    local shown=$output
    grep -qF '+\u{1b}]0;owned\u{7}' <<<"$shown"
    is "$(grep -c ' added ' <<<"$shown")" 3
    run ! grep -q $'[\033\007]' <<<"$shown"
    ctr-diff --json "$name" | get '[.changes[].path] | index("a\nb\u001b[31m/.vscode/$(id).json") != null'
}

# bats test_tags=long
@test "ten thousand files and one of a gibibyte are looked at" {
    there 'mkdir .idea; perl -e "open F, q(>), qq(.idea/\$_) for 1..10000"; git add .idea; git commit -qm much; truncate -s 1G large'
    is "$(listed | wc -l)" 10000
    is "$(jq -c '[.changes[] | .class, .state] | unique' "$world/diff")" '["by-itself","committed"]'
    refused 65 workspace-too-large ctr-diff --limit 100 "$name"
    refused 65 would-run ctrkit pull
}

@test "a container that cannot be asked is told, and bad input is refused" {
    refused 69 no-such-container ctr-diff dev-nowhere
    refused 69 no-such-container ctr-diff -- '-x'
    refused 66 tool-failed ctr-diff -C / "$name"
    run ctr-diff
    is "$status" 64
    run ctr-diff --limit 0 "$name"
    is "$status" 64
    ctrkit stop "$name"
    refused 69 not-running ctr-diff "$name"
    ctrkit start "$name"
    eventually ssh_ "$name" true
}
