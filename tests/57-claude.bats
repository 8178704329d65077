#!/usr/bin/env bats
#
# The agent's configuration, which outlives its container, and the secrets that a
# container may read: each in one file, and nowhere else.

load world
bats_require_minimum_version 1.5.0

# A token as long as a real one, never the same twice.
new_token() { printf 'sk-ant-oat01-%s' "$(od -An -N40 -tx1 /dev/urandom | tr -d ' \n')"; }

# give FILE VALUE: writes a secret, and remembers every one there was.
give() {
    mkdir -p "${1%/*}"
    (umask 077 && printf '%s\n' "$2" >"$1")
    (umask 077 && printf '%s\n' "$2" >>"$world/secrets")
}

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    export XDG_DATA_HOME=$HOME/.local/share
    path=$(worktree myapp)
    token_file=$XDG_CONFIG_HOME/claude/.ctrkit-claude-token
    export world state config path token_file
    give "$token_file" "$(new_token)"
    give "$HOME/key" "other-$(new_token)"
    give "$HOME/plain" "plain-$(new_token)"
    mkdir -p "$config/dotfiles/.claude/agents"
    echo '{"a":1}' >"$config/dotfiles/.claude/settings.json"
    echo agent >"$config/dotfiles/.claude/agents/one.md"
    options=(--secret "api:API_KEY=$HOME/key" --secret "plain=$HOME/plain")
    ctrkit create "${options[@]}" "$path" >"$world/document" 2>"$world/narration"
    name=$(get .name <"$world/document")
    directory=$(get .claude.directory <"$world/document")
    export name directory
}

teardown_file() { unmake_world; }

setup() {
    # What a test that failed has put away.
    [ ! -e "$world/put-away" ] || mv "$world/put-away" "$token_file"
    token=$(cat "$token_file")
    id=$(get .state.id <"$world/document")
    options=(--secret "api:API_KEY=$HOME/key" --secret "plain=$HOME/plain")
}

# in_ WORD...: a command over ssh.
in_() { ssh_ "$name" "$@"; }

# canary PLACE...: all secrets there ever were are in none of these files
# and directories.
canary() {
    run grep -rlaF -f "$world/secrets" "$@"
    is "$output" ""
}

@test "the configuration is on the host, the user's in the container, and seeded" {
    is "$directory" "$XDG_DATA_HOME/ctrkit/claude/$(get .project.hash <"$world/document")"
    is "$(stat -c %a "${directory%/*}")" 700
    is "$(in_ 'echo $CLAUDE_CONFIG_DIR')" /home/dev/.claude
    is "$(in_ stat -c %U .claude .claude/settings.json .claude/agents/one.md | sort -u)" dev
    in_ 'echo mine >.claude/settings.json && echo new >.claude/new'
    is "$(cat "$directory/settings.json" "$directory/new")" "$(printf 'mine\nnew')"
    # What is there is not overwritten, what is missing comes.
    rm "$directory/agents/one.md"
    ctrkit create "${options[@]}" "$path" >/dev/null
    is "$(in_ cat .claude/settings.json .claude/agents/one.md)" "$(printf 'mine\nagent')"
    is "$(in_ stat -c %U .claude/agents/one.md)" dev
}

@test "each secret is a file that the user can read and nobody can write" {
    is "$(in_ cat /run/secrets/claude-token)" "$token"
    is "$(in_ cat /run/secrets/plain)" "$(cat "$HOME/plain")"
    is "$(in_ stat -c '%a-%U' /run/secrets/claude-token)" 400-dev
    run ! in_ sudo -u nobody cat /run/secrets/claude-token
    run ! in_ sudo sh -c 'echo x >/run/secrets/claude-token'
    run ! in_ sudo touch /run/secrets/more
    is "$(in_ ls -A /run/secrets | xargs)" ".variables api claude-token plain"
}

@test "every shell exports them" {
    local all ask='printf "%s %s" "$CLAUDE_CODE_OAUTH_TOKEN" "$API_KEY"'
    all="$token $(cat "$HOME/key")"
    is "$(in_ "$ask")" "$all"
    is "$(in_ bash -lc "'$ask'")" "$all"
    is "$(in_ "env -i HOME=/home/dev sh -lc '$ask'")" "$all"
    is "$(in_ "env -i HOME=/home/dev bash -ic '$ask' 2>/dev/null")" "$all"
    is "$(in_ "env -i HOME=/home/dev zsh -c '$ask'")" "$all"
    is "$(in_ "env -i HOME=/home/dev zsh -lc '$ask'")" "$all"
    is "$(ctr-exec "$name" -- sh -c "$ask")" "$all"
    is "$(ctr-exec "$name" -- printenv API_KEY)" "$(cat "$HOME/key")"
    ctrkit session new "$name" shells -- sh -c "$ask >/tmp/said"
    is "$(in_ 'until [ -s /tmp/said ]; do sleep 0.1; done; cat /tmp/said; rm /tmp/said')" "$all"
}

@test "fish exports them too" {
    # It is not in the base image, so the machine's is asked what the file does.
    local script=$world/fish
    sed "s|/run/secrets|$state/$name/secrets|g" "$root/tools/claudecfg/src/secrets.fish" >"$script"
    is "$(env -u CLAUDE_CODE_OAUTH_TOKEN fish --no-config -c "source $script; echo \$CLAUDE_CODE_OAUTH_TOKEN")" "$token"
    is "$(in_ cat /etc/fish/conf.d/ctrkit-secrets.fish)" "$(cat "$root/tools/claudecfg/src/secrets.fish")"
}

@test "a secret is in its file, and nowhere else in the container" {
    ctrkit session new "$name" busy -- sleep 600
    ctr-exec "$name" -- true
    # The pattern comes on standard input: as an argument it would be found.
    in_ 'sudo grep -rlaF -f - --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev /' \
        <"$world/secrets" >"$world/found" || true
    is "$(sort "$world/found" | xargs)" "/run/secrets/api /run/secrets/claude-token /run/secrets/plain"
    in_ 'sudo sh -c "cat /proc/[0-9]*/cmdline"' >"$world/processes" 2>/dev/null
    cat /proc/[0-9]*/cmdline >"$world/here" 2>/dev/null || true
    [ -s "$world/processes" ]
    canary "$world/processes" "$world/here"
    # That it would be found: the environment of what a shell has started has it.
    in_ 'env' | grep -qF "$token"
}

@test "a secret is in no inspect, log, label, image, document, event or file of ctrkit's" {
    CTRKIT_EVENTS=$world/events ctrkit rebuild "$name" >>"$world/narration" 2>&1
    CTRKIT_EVENTS=$world/events ctrkit create "${options[@]}" "$path" >"$world/document"
    "$engine" inspect "$name" >"$world/inspect"
    "$engine" volume inspect "$name-home" "$name-workspace" >>"$world/inspect"
    "$engine" logs "$name" >"$world/log" 2>&1
    "$engine" history --no-trunc "${CTRKIT_IMAGE:-$image}" >"$world/history"
    ctrkit info "$name" --json >"$world/info"
    canary "$world/inspect" "$world/log" "$world/history" "$world/document" "$world/narration" \
        "$world/events" "$world/info"
    # On the host: what the person wrote, and the copies that are mounted.
    is "$(grep -rlaF -f "$world/secrets" "$HOME" "$path" | sort)" "$(printf '%s\n' "$token_file" \
        "$HOME/key" "$HOME/plain" "$state/$name/secrets/api" "$state/$name/secrets/claude-token" \
        "$state/$name/secrets/plain" | sort)"
    # Nor a digest that could be looked up.
    run ! grep -rqF "$(printf %s "$token" | sha256sum | cut -c 1-64)" "$state"
    is "$(in_ cat /run/secrets/claude-token)" "$token"
}

# bats test_tags=on:docker
@test "a changed token comes in without another container" {
    give "$token_file" "$(new_token)"
    ctrkit create "${options[@]}" "$path" >"$world/document"
    is "$(get .state.id <"$world/document")" "$id"
    is "$(in_ 'echo $CLAUDE_CODE_OAUTH_TOKEN')" "$(cat "$token_file")"
    give "$token_file" "$(new_token)"
    ctrkit token "$name"
    is "$(in_ 'echo $CLAUDE_CODE_OAUTH_TOKEN')" "$(cat "$token_file")"
    is "$(in_ stat -c '%a-%U' /run/secrets/claude-token)" 400-dev
    is "$("$engine" inspect --format '{{.Id}}' "$name")" "$id"
    # With nothing changed nothing is brought.
    CTRKIT_EVENTS=$world/quiet ctrkit create "${options[@]}" "$path" >/dev/null
    run -1 grep -q '"step":"deliver"' "$world/quiet"
    # A secret that is not wanted any more goes.
    ctrkit create --secret "api:API_KEY=$HOME/key" "$path" >"$world/document"
    is "$(get .state.id <"$world/document")" "$id"
    is "$(in_ ls -A /run/secrets | xargs)" ".variables api claude-token"
    ctrkit create "${options[@]}" "$path" >"$world/document"
    is "$(in_ cat /run/secrets/plain)" "$(cat "$HOME/plain")"
}

@test "it survives a stop and a start" {
    ctrkit stop "$name"
    ctrkit start "$name"
    eventually in_ true
    is "$(in_ 'echo $CLAUDE_CODE_OAUTH_TOKEN')" "$token"
}

@test "a secret that cannot be used is refused before anything is made" {
    local other bad=$world/bad
    other=$(worktree other)
    refuses() { refused "$1" "$2" ctrkit create --no-claude --secret "$3" "$other"; }
    refuses 66 secret-absent "a=$world/none"
    refuses 66 secret-not-a-file "a=$world"
    mkfifo -m 600 "$world/fifo"
    refuses 66 secret-not-a-file "a=$world/fifo"
    (umask 077 && : >"$bad")
    refuses 65 bad-secret "a=$bad"
    printf 'x\ny\n' >"$bad"
    refuses 65 bad-secret "a:A=$bad"
    chmod 644 "$bad"
    refuses 77 secret-exposed "a=$bad"
    ln -s "$bad" "$world/link"
    refuses 77 secret-exposed "a=$world/link"
    ln -s nowhere "$world/dangling"
    refuses 66 secret-absent "a=$world/dangling"
    local setting
    for setting in "=$HOME/key" "../a=$HOME/key" ".a=$HOME/key" "a b=$HOME/key" "a:1=$HOME/key" "a:=$HOME/key"; do
        refuses 65 bad-setting "$setting"
    done
    refused 66 secret-absent ctrkit create --claude-token-file "$world/none" "$other"
    refused 66 secret-not-a-file ctrkit create --claude-token-file "$world" "$other"
    refused 77 secret-exposed ctrkit create --claude-token-file "$bad" "$other"
    run ! grep -q other <(on_engine)
}

@test "what the agent leaves in its configuration leads nowhere on the host" {
    local outside=$world/outside
    mkdir -p "$outside"
    rm -r "$directory/agents"
    in_ "rm -f .claude/settings.json; ln -s $outside .claude/agents; ln -s $outside/planted .claude/settings.json"
    in_ 'sudo cp /bin/sh .claude/shell && sudo chmod 6755 .claude/shell'
    run --separate-stderr ctrkit create "${options[@]}" "$path"
    is "$status" 0
    [[ $stderr == *"could not place 'agents/one.md'"* ]]
    is "$(ls -A "$outside")" ""
    # A set-uid program is out of the reach of everybody else.
    setpriv --reuid=65534 --regid=65534 --clear-groups sh -c true
    run ! setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '"$1" -c true' sh "$directory/shell"
    in_ 'sudo rm -r .claude/shell .claude/agents .claude/settings.json'
}

# bats test_tags=on:docker
@test "it outlives the container, and ctr-rm says where it lies" {
    in_ 'echo history >.claude/history'
    run --separate-stderr ctrkit rm --volumes --force "$name"
    is "$status" 0
    [[ $stderr == *"kept: the agent's configuration in '$directory'"* ]]
    [ ! -e "$state/$name/secrets" ]
    ctrkit create "${options[@]}" "$path" >"$world/document"
    is "$(in_ cat .claude/history)" history
    in_ 'echo more >>.claude/history'
}

# bats test_tags=on:docker
@test "without a token there is none, and the create goes on" {
    local other bin=$world/bin
    other=$(worktree without)
    mkdir -p "$bin"
    mv "$token_file" "$world/put-away"
    # Where nobody has said anything of it, there is no agent.
    get 'has("claude") | not' <<<"$(ctr-spec "$other")"
    run --separate-stderr ctrkit create --claude --dry-run "$other"
    is "$status" 0
    printf '#!/bin/sh\necho noise; exit 1\n' >"$bin/claude"
    chmod +x "$bin/claude"
    PATH=$bin:$PATH run --separate-stderr ctrkit create --claude "$other"
    is "$status" 0
    [[ $stderr == *"no token for Claude Code: 'claude setup-token' failed with status 1"* ]]
    local without
    without=$(get .name <<<"$output")
    is "$(ssh_ "$without" 'ls -A /run/secrets; echo "[${CLAUDE_CODE_OAUTH_TOKEN-none}]"' | xargs)" ".variables [none]"
    # One that comes later needs no other container.
    mv "$world/put-away" "$token_file"
    is "$(ctrkit create --claude "$other" | get .state.id)" "$(get .state.id <<<"$output")"
    is "$(ssh_ "$without" 'echo $CLAUDE_CODE_OAUTH_TOKEN')" "$token"
}

# bats test_tags=on:docker
@test "an isolated container has the same, and its isolation holds" {
    local caged isolated
    caged=$(worktree caged)
    printf 'schema = "policy/1"\n[[allow]]\nname = "example.com"\n' >"$world/policy.toml"
    ctrkit create "${options[@]}" --isolate "$world/policy.toml" "$caged" >"$world/caged.json"
    isolated=$(get .name <"$world/caged.json")
    is "$(ssh_ "$isolated" 'echo $CLAUDE_CODE_OAUTH_TOKEN')" "$token"
    ssh_ "$isolated" 'echo mine >.claude/mine'
    is "$(cat "$(get .claude.directory <"$world/caged.json")/mine")" mine
    ctr-verify --quick "$isolated"
    run grep -slaF --directories=skip -f "$world/secrets" "$state/$isolated"/*
    is "$output" ""
    # Another directory of this machine may still not be written to.
    compose() { mkcompose <"$1"; }
    jq -c '.mounts[0].source = "/tmp"' "$world/caged.json" >"$world/other.json"
    refused 65 writable-mount compose "$world/other.json"
    chmod 755 "${directory%/*}"
    refused 77 open-directory compose "$world/caged.json"
    chmod 700 "${directory%/*}"
}
