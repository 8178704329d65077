#!/usr/bin/env bats
#
# The token for GitHub: in the container for git and gh, and nowhere else.

load world
bats_require_minimum_version 1.5.0

directory=/etc/ctrkit/github

# The tokens of these tests: as long as real ones, and never the same twice.
new_token() { printf 'github_pat_%s' "$(od -An -N30 -tx1 /dev/urandom | tr -d ' \n')"; }

# give TOKEN: writes the token file, and remembers every token there was.
give() {
    local umask
    umask=$(umask)
    umask 077
    printf '%s\n' "$1" >"$config/github-token"
    printf '%s\n' "$1" >>"$world/tokens"
    umask "$umask"
}

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    path=$(worktree myapp)
    export world state config path
    give "$(new_token)"
    ctrkit create "$path" >"$world/document" 2>"$world/narration"
    name=$(get .name <"$world/document")
    export name
}

teardown_file() { unmake_world; }

setup() {
    token=$(cat "$config/github-token" 2>/dev/null || true)
    id=$(get .state.id <"$world/document")
}

# fill KEY=VALUE...: what git in the container would send for a URL, over ssh.
fill() {
    # A terminal or a program that asks would never answer here.
    printf '%s\n' "$@" '' |
        ssh_ "$name" 'GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=false git credential fill 2>/dev/null' || true
}

# told TEXT: asks the helper itself, past git's own rules.
told() { printf '%b' "$1" | ssh_ "$name" "$directory/credential" "${2:-get}"; }

@test "the file in the container is the user's alone" {
    is "$(ssh_ "$name" stat -c '%a-%U' "$directory/hosts.yml")" 600-dev
    run ! ssh_ "$name" sudo -u nobody cat "$directory/hosts.yml"
    # It is not in a volume: it goes when the container goes.
    is "$(ssh_ "$name" findmnt -no TARGET -T "$directory/hosts.yml")" /
    is "$(ssh_ "$name" readlink .config/gh/hosts.yml)" "$directory/hosts.yml"
    # Nor is it anywhere else in the container.
    printf '%s' "$token" |
        ssh_ "$name" 'sudo grep -rlaF -f - --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev /' >"$world/found" || true
    is "$(cat "$world/found")" "$directory/hosts.yml"
}

@test "git is told it for github.com and gist.github.com over https" {
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$token"
    is "$(fill protocol=https host=gist.github.com | grep ^password=)" "password=$token"
    is "$(fill protocol=https host=github.com path=a/b.git | grep ^username=)" username=x-access-token
    is "$(fill protocol=https host=github.com username=me | grep -c "^password=$token")" 1
    # By a login shell and by the engine it is the same.
    local ask='printf "protocol=https\nhost=github.com\n\n" | GIT_TERMINAL_PROMPT=0 git credential fill'
    is "$(ssh_ "$name" "bash -lc '$ask'" | grep ^password=)" "password=$token"
    is "$("$engine" exec --user dev "$name" sh -c "$ask" | grep ^password=)" "password=$token"
}

# bats test_tags=on:podman
@test "git is told it for nothing else" {
    local host
    for host in github.com:443 github.com:8443 api.github.com xgithub.com github.com.evil.org \
        evil.org github.como github.com. gitlab.com localhost 'github.com=' ' github.com' \
        github.com/ '' '*'; do
        is "$(fill protocol=https "host=$host")" ""
        is "$(told "protocol=https\nhost=$host\n\n")" ""
    done
    for protocol in http ssh git ftp HTTPS 'https ' ''; do
        is "$(fill "protocol=$protocol" host=github.com)" ""
        is "$(told "protocol=$protocol\nhost=github.com\n\n")" ""
    done
    is "$(told "host=github.com\n\n")" ""
    is "$(told "path=x\n\nprotocol=https\nhost=github.com\n\n")" ""
    # Nor is anything stored or erased.
    is "$(told "protocol=https\nhost=github.com\npassword=x\n\n" store)" ""
    is "$(told "protocol=https\nhost=github.com\npassword=$token\n\n" erase)" ""
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$token"
}

@test "gh finds it" {
    "$engine" cp "$(command -v gh)" "$name:/usr/local/bin/gh"
    is "$(ssh_ "$name" gh auth token)" "$token"
    is "$(ssh_ "$name" gh config get git_protocol -h github.com)" https
    run ssh_ "$name" gh auth status
    [[ $output == *github.com* && $output != *"not logged in"* && $output != *"$token"* ]]
    # A configuration of gh's own goes beside it.
    ssh_ "$name" gh config set editor vi
    is "$(ssh_ "$name" 'cat .config/gh/config.yml' | grep ^editor)" 'editor: vi'
    is "$(ssh_ "$name" stat -c '%a-%U' "$directory/hosts.yml")" 600-dev
}

@test "it is in no document, argument, variable, label, log or file of ctrkit's" {
    local found
    "$engine" inspect "$name" >"$world/inspect"
    "$engine" inspect "$name-home" "$name-workspace" --type volume >>"$world/inspect" 2>/dev/null ||
        "$engine" volume inspect "$name-home" "$name-workspace" >>"$world/inspect"
    "$engine" logs "$name" >"$world/log" 2>&1
    "$engine" history --no-trunc "$image" >"$world/history"
    run -1 grep -aF -f "$world/tokens" "$world/inspect" "$world/log" "$world/history" \
        "$world/document" "$world/narration"
    # Nothing in the home but the token file itself: state, configuration, ssh.
    found=$(grep -rlaF -f "$world/tokens" "$HOME" "$path" | sort)
    is "$found" "$config/github-token"
    # Nor a digest of it that could be looked up.
    run -1 grep -rqF "$(printf %s "$token" | sha256sum | cut -c 1-64)" "$state"
    run -1 grep -rqF "$(sha256sum <"$config/github-token" | cut -c 1-64)" "$state"
    # No process of the container has it, while a shell and sshd are at work.
    ssh_ "$name" 'sudo cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; env; sudo env; ps axeww' >"$world/processes"
    ssh_ "$name" bash -lic env >>"$world/processes" 2>/dev/null
    "$engine" exec "$name" env >>"$world/processes"
    run -1 grep -aqF -f "$world/tokens" "$world/processes"
    [ -s "$world/processes" ]
}

@test "no argument and no event has it while it is on its way" {
    local bin=$world/watching real
    real=$(command -v "$engine")
    mkdir -p "$bin"
    # Everything that can be seen from outside, at the very moment of the call.
    cat >"$bin/$engine" <<SCRIPT
#!/bin/sh
printf '%s\n' "\$*" >>"$world/seen"
exec 3<&0
"$real" "\$@" <&3 &
for _ in 1 2 3 4 5 6 7 8; do
    cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >>"$world/seen" 2>/dev/null
done
wait \$!
SCRIPT
    chmod +x "$bin/$engine"
    give "$(new_token)"
    jq -c --arg program "$bin/$engine" '.engine.program = $program' "$world/document" |
        CTRKIT_ENGINE='' CTRKIT_EVENTS=$world/events ghtoken push >"$world/out"
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$(cat "$config/github-token")"
    grep -aq 'exec --interactive' "$world/seen"
    grep -q '"step":"push","status":"done"' "$world/events"
    run -1 grep -aqF -f "$world/tokens" "$world/seen" "$world/events" "$world/out"
}

@test "a changed token comes in without another container, by one engine call" {
    give "$(new_token)"
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$token"
    calls ghtoken push <"$world/document" >"$world/out"
    is "$count" 1
    cmp "$world/out" "$world/document"
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$(cat "$config/github-token")"
    is "$("$engine" inspect --format '{{.Id}}' "$name")" "$id"
    # The same by the command that people use.
    give "$(new_token)"
    ctrkit create "$path" >"$world/again"
    is "$(get .state.id <"$world/again")" "$id"
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$(cat "$config/github-token")"
    is "$(ssh_ "$name" stat -c '%a-%U' "$directory/hosts.yml")" 600-dev
    is "$(ssh_ "$name" ls -A "$directory" | sort | xargs)" "credential gitconfig hosts.yml"
    is "$(ssh_ "$name" git config --system --get-all include.path)" "$directory/gitconfig"
}

@test "a token that has not changed is no engine call" {
    calls ghtoken push <"$world/document" >"$world/out"
    is "$count" 0
    cmp "$world/out" "$world/document"
    # Not by time and size of the file either.
    touch "$config/github-token"
    calls ghtoken push <"$world/document" >/dev/null
    is "$count" 0
}

@test "what was damaged in the container is mended when told so" {
    ssh_ "$name" "sudo rm -r $directory && sudo git config --system --unset include.path && rm .config/gh/hosts.yml"
    cd "$path"
    ctrkit token
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$token"
    is "$(ssh_ "$name" gh auth token)" "$token"
}

# bats test_tags=on:docker
@test "it survives a stop and a start" {
    ctrkit stop "$name"
    refused 69 not-running ctrkit token "$name"
    ctrkit create "$path" >/dev/null
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$token"
}

# bats test_tags=on:podman
@test "a system gitconfig and a hosts.yml that were there before stay" {
    ctrkit create --no-token "$path" >/dev/null
    ssh_ "$name" 'sudo git config --system a.b mine; sudo git config --system --add include.path /mine
        mkdir -p .config/gh; printf "example.org:\n    oauth_token: theirs\n" >.config/gh/hosts.yml'
    run --separate-stderr ctrkit create "$path"
    is "$status" 0
    [[ $stderr == *"hosts.yml in its home, which is not ctrkit's"* ]]
    is "$(ssh_ "$name" cat .config/gh/hosts.yml)" "$(printf 'example.org:\n    oauth_token: theirs')"
    is "$(ssh_ "$name" git config --system a.b)" mine
    is "$(ssh_ "$name" git config --system --get-all include.path | xargs)" "/mine $directory/gitconfig"
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$token"
    ctrkit create --no-token "$path" >/dev/null
    is "$(ssh_ "$name" git config --system --get-all include.path)" /mine
    is "$(ssh_ "$name" cat .config/gh/hosts.yml | head -n 1)" example.org:
    ssh_ "$name" 'rm -r .config/gh; sudo rm /etc/gitconfig'
    ctrkit create "$path" >/dev/null
}

# bats test_tags=on:docker
@test "--no-token takes it out, and so does a token file that is gone" {
    local before
    before=$(ssh_ "$name" 'cat .bashrc .gitconfig')
    calls ctrkit token --no-token "$name"
    is "$count" 1
    is "$(fill protocol=https host=github.com)" ""
    run ! ssh_ "$name" "test -e $directory || test -L .config/gh/hosts.yml"
    is "$(ssh_ "$name" git config --system --get-all include.path || true)" ""
    [ ! -e "$state/$name/github.json" ]
    is "$(ssh_ "$name" 'cat .bashrc .gitconfig')" "$before"

    ctrkit create "$path" >/dev/null
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$token"
    ctrkit create --no-token "$path" >"$world/without"
    is "$(get .state.id <"$world/without")" "$id"
    get 'has("github") | not' <"$world/without"
    is "$(fill protocol=https host=github.com)" ""
    # Once it is out there is nothing to do.
    calls ghtoken push <"$world/without" >/dev/null
    is "$count" 0

    ctrkit create "$path" >/dev/null
    mv "$config/github-token" "$world/put-away"
    ctrkit create "$path" >"$world/without"
    is "$(get .state.id <"$world/without")" "$id"
    is "$(fill protocol=https host=github.com)" ""
    mv "$world/put-away" "$config/github-token"
    ctrkit create "$path" >/dev/null
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$token"
}

# bats test_tags=on:podman
@test "a token file that cannot be used is refused before anything is made" {
    local other bad=$world/bad
    other=$(worktree other)
    printf '%s\n' "$token" >"$bad"
    chmod 644 "$bad"
    refused 77 token-exposed ctrkit create --github-token-file "$bad" "$other"
    chmod 640 "$bad"
    refused 77 token-exposed ctrkit create --github-token-file "$bad" "$other"
    chmod 600 "$bad"
    : >"$bad"
    refused 65 bad-token ctrkit create --github-token-file "$bad" "$other"
    printf '%s\r\n' "$token" >"$bad"
    refused 65 bad-token ctrkit create --github-token-file "$bad" "$other"
    head -c 1025 /dev/zero | tr '\0' a >"$bad"
    refused 65 bad-token ctrkit create --github-token-file "$bad" "$other"
    refused 66 not-a-file ctrkit create --github-token-file "$world" "$other"
    mkfifo -m 600 "$world/fifo"
    refused 66 not-a-file ctrkit create --github-token-file "$world/fifo" "$other"
    printf '[github]\ntoken_file = "~/gone"\n' >>"$config/config.toml"
    refused 66 token-absent ctrkit create "$other"
    sed -i '/^\[github\]/,$d' "$config/config.toml"
    run ! grep -q other <(on_engine)
}

# bats test_tags=on:docker
@test "a volume that outlives its container has no token in it" {
    ctrkit rm "$name"
    is "$("$engine" run --rm --pull=never --network=none --entrypoint=sh \
        --mount "type=volume,source=$name-home,target=/h" --mount "type=volume,source=$name-workspace,target=/w" \
        "$image" -c 'grep -rlaE "github_pat_[0-9a-f]{60}" /h /w')" ""
    ctrkit create "$path" >"$world/document"
    is "$(fill protocol=https host=github.com | grep ^password=)" "password=$token"
}
