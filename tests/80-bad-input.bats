#!/usr/bin/env bats
#
# Bad input and bad days: a clear error of a stable kind with its status,
# nothing lost, nothing half made.

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    path=$(worktree myapp)
}
teardown() {
    if mountpoint -q "$world/full"; then umount "$world/full"; fi
    unmake_world
}

# Nothing was made: not on the engine, not in the user's ssh configuration.
nothing_made() {
    is "$(on_engine)" ""
    cmp "$CTRKIT_SSH_CONFIG" "$world/ssh_config.before"
    is "$(git -C "$path" remote)" ""
}

# bats test_tags=on:podman
@test "places that are no worktree with a branch" {
    mkdir "$world/plain" "$world/empty"
    git -C "$world/empty" init -q
    GIT_CEILING_DIRECTORIES=$world refused 66 not-a-repository ctrkit create "$world/plain"
    refused 65 no-commits ctrkit create "$world/empty"
    git -C "$path" checkout -q --detach
    refused 65 detached-head ctrkit create "$path"
    refused 66 bad-path ctrkit create "$world/absent"
    nothing_made
}

# bats test_tags=on:podman
@test "repositories with names of every kind get a container" {
    local name long line
    long=$(printf 'a%.0s' {1..200})
    local worktree
    for name in 'My.Repo' 'foo_bar' '日本' "$long" $'sp ace #1 $(id) it\'s "q" new\nline'; do
        worktree=$(worktree "$name")
        ctrkit create "$worktree" >"$world/document"
        line=$(get .name <"$world/document")
        is "$(ssh_ "$line" cat "$(get .workspace <"$world/document")/file")" hello
        is "$(ctr-info --json "$line" | jq -r '.containers[0].project.path')" "$worktree"
        ctrkit rm --volumes "$line"
    done
    is "$(on_engine)" ""
}

# bats test_tags=on:docker
@test "a branch with a hostile name is pushed as it is called" {
    local branch='x;id$(touch${IFS}pwned)'\''"`&'
    git -C "$path" checkout -q -b "$branch"
    ctrkit create "$path" >"$world/document"
    is "$(ssh_ "$(get .name <"$world/document")" git -C /workspace/myapp rev-parse --abbrev-ref HEAD)" "$branch"
    run ! ssh_ "$(get .name <"$world/document")" 'find / -xdev -name pwned | grep .'
    [ ! -e "$path/pwned" ]
}

# bats test_tags=on:docker
@test "an engine that is absent, silent or too old" {
    local stub=$world/podman
    refused 69 engine-absent env CTRKIT_ENGINE=/nowhere/podman "$root/scripts/ctrkit" create "$path"
    refused 69 engine-not-running env CTRKIT_ENGINE=docker DOCKER_HOST=unix:///nowhere.sock \
        "$root/scripts/ctrkit" create "$path"
    printf '#!/bin/sh\necho 3.4.4\n' >"$stub"
    chmod +x "$stub"
    refused 69 engine-too-old env CTRKIT_ENGINE="$stub" "$root/scripts/ctrkit" create "$path"
    nothing_made
}

# bats test_tags=on:docker
@test "a policy and a log of what has none, and a policy that is none" {
    local name
    for name in no-such '../x' '' $'a\nb'; do
        refused 69 no-such-container ctr-log "$name"
        refused 69 no-such-container ctr-policy apply "$name" claude
    done
    run -66 ctr-policy check no-such-policy "$world"
    printf 'schema = "policy/1"\n[[allow]]\nname = "a.org"\nnmae = "b.org"\n' >"$world/typo.toml"
    run -65 ctr-policy check claude "$world/typo.toml"
    [[ $output == *"typo.toml"*"line 4"* ]]
    run -64 ctr-log --since yesterday no-such
    nothing_made
}

# bats test_tags=on:docker
@test "a guard of sound without a cookie, a server, or a guard" {
    local cookie=$world/cookie
    local -a listen=(audioguard --listen "$world/guard" --server "$world/none" --cookie "$cookie")
    refused 66 cookie-absent "${listen[@]}"
    head -c 256 /dev/zero >"$cookie"
    chmod 644 "$cookie"
    refused 77 cookie-exposed "${listen[@]}"
    chmod 600 "$cookie"
    refused 65 bad-cookie "${listen[@]}"
    head -c 256 /dev/urandom >"$cookie"
    mkdir "$world/guard"
    refused 65 not-a-socket "${listen[@]}"
    rmdir "$world/guard"
    refused 69 no-guard audioguard --probe "$world/guard" --cookie "$cookie"
    "${listen[@]}" --until-eof < <(sleep 60) 3>&- &
    until [[ -S $world/guard ]]; do sleep 0.05; done
    refused 75 socket-in-use "${listen[@]}"
    refused 69 no-sound-server audioguard --probe "$world/guard" --cookie "$cookie"
    kill $!
    wait $! || true
    [ ! -e "$world/guard" ]
    run -64 audioguard --listen "$world/guard" --cookie "$cookie" --level record
}

# bats test_tags=on:docker
@test "a template that is absent, broken, or leads elsewhere" {
    local name templates=$config/templates
    for name in '../x' 'A' 'proxy' $'a\nb' '$(id)'; do
        refused 65 bad-template-name ctrkit create --template "$name" "$path"
    done
    refused 66 no-such-template ctrkit create --template nothing "$path"
    mkdir -p "$templates/empty" "$templates/wrong" "$templates/leaks/home"
    refused 66 not-a-template ctrkit create --template empty "$path"
    printf '[container]\nisolat = ["base"]\n' >"$templates/wrong/template.toml"
    refused 65 bad-template ctrkit create --template wrong "$path"
    : >"$templates/leaks/template.toml"
    ln -s "$HOME/id" "$templates/leaks/home/.key"
    refused 65 link-outside ctrkit create --template leaks "$path"
    printf '[container]\nisolate = ["nothing"]\n' >"$templates/wrong/template.toml"
    refused 66 policy-absent ctrkit create --template wrong "$path"
    printf 'services: {a: {labels: {b: "{{.ProjectNam}}"}}}\n' >"$world/a.yml.tmpl"
    ctr-spec "$path" >"$world/in"
    run -65 ctr-template render "$world/a.yml.tmpl" <"$world/in"
    [[ $output == *"line 1: there is no variable '.ProjectNam'"*"is it 'ProjectName'?"* ]]
    nothing_made
}

@test "an image that is missing and cannot be made" {
    refused 69 image-missing ctrkit create --image localhost/no-such-image:1 "$path"
    nothing_made
}

# bats test_tags=on:docker
@test "no ssh key, no certificate authority, an authority that others can read" {
    refused 66 no-ssh-key env CTRKIT_IDENTITY_FILE="$HOME/none" "$root/scripts/ctrkit" create "$path"
    chmod 644 "$config/ca/ca_key"
    refused 77 authority-exposed ctrkit create "$path"
    chmod 600 "$config/ca/ca_key"
    mv "$config/ca" "$config/away"
    refused 69 no-authority ctrkit create "$path"
    nothing_made
}

# bats test_tags=on:docker
@test "a configuration and a ledger that are broken or from a newer version" {
    echo 'prefixx = "dev"' >>"$config/config.toml"
    refused 65 bad-configuration ctrkit create "$path"
    own_ports
    mkdir -p "$state"
    echo '{"schema":"ports/2","reservations":[]}' >"$state/ports.json"
    refused 65 ledger-newer ctrkit create "$path"
    is "$(cat "$state/ports.json")" '{"schema":"ports/2","reservations":[]}'
    nothing_made
}

# bats test_tags=on:podman
@test "documents that are none, for each tool of the pipe" {
    local tool
    for tool in portalloc sshca dotfiles ghtoken claudecfg ctr-image ctr-up "ghtoken push" "sshcfg add" ctr-git \
        "ctr-session new - x"; do
        # shellcheck disable=SC2086 # a tool and its verb
        {
            refused 66 empty-document $tool
            printf '\xff\xfe' >"$world/in"
            is "$($tool --error-format json <"$world/in" 2>&1 | jq -r .kind)" not-utf-8
            echo '{"schema":"container/9"}' >"$world/in"
            is "$($tool --error-format json <"$world/in" 2>&1 | jq -r .kind)" unexpected-schema
            echo '{"schema":"container/1","name":7}' >"$world/in"
            is "$($tool --error-format json <"$world/in" 2>&1 | jq -r .kind)" malformed-document
            ctr-spec "$path" | head -c 100 >"$world/in"
            is "$($tool --error-format json <"$world/in" 2>&1 | jq -r .kind)" malformed-document
            is "$(head -c 100000000 /dev/zero | $tool --error-format json 2>&1 | jq -r .kind)" document-too-large
            is "$(script -qec "$tool --error-format json" /dev/null </dev/null | jq -r .kind)" stdin-is-a-terminal
        }
    done
    nothing_made
}

@test "standard output that is full or closed, after all work is done" {
    ctr-spec "$path" >"$world/in"
    for tool in portalloc sshca dotfiles ghtoken claudecfg; do
        run bash -c "$tool <'$world/in' >/dev/full"
        is "$status" 74
        run bash -c "$tool <'$world/in' >&-"
        is "$status" 74
    done
}

@test "a disk that is full while the ssh configuration is written" {
    mkdir "$world/full"
    mount -t tmpfs -o size=64k tmpfs "$world/full"
    cp "$CTRKIT_SSH_CONFIG" "$world/full/config"
    head -c 60000 /dev/zero | tr '\0' '#' >>"$world/full/config" || true
    cp "$world/full/config" "$world/before"
    ctr-spec "$path" | portalloc | sshca >"$world/in"
    run bash -c "sshcfg add --ssh-config '$world/full/config' --error-format json <'$world/in'"
    is "$status" 74
    cmp "$world/full/config" "$world/before"
    is "$(find "$world/full" -type f)" "$world/full/config"
}

# bats test_tags=on:podman
@test "a clock that was wrong by a year when the certificate was made" {
    local ahead document
    # sshd and ssh live in the true time; the certificate is not valid in it.
    document=$(ctr-spec "$path" | portalloc)
    for ahead in +1y -3y; do
        faketime -f "$ahead" sshca <<<"$document" >/dev/null
        ctrkit create "$path" >"$world/document"
        ssh_ "$(get .name <"$world/document")" true
        ctrkit rm --volumes "$(get .name <"$world/document")"
    done
}
