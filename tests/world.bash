# shellcheck shell=bash
#
# world: each test has a home, a configuration, a state and an ssh
# configuration of its own, and real engines under it.

root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)

# What the tests call is what is shipped, or what CTRKIT_TOOLS names. Of scripts/ ctrkit
# alone: the others have names that mean something else to other programs.
target=${CTRKIT_TOOLS:-${CARGO_TARGET_DIR:-$root/target}/release}
export CTRKIT_TOOLS=$target
ctrkit() { "$root/scripts/ctrkit" "$@"; }
export -f ctrkit
export root
PATH=$target:$PATH
engine=${CTRKIT_ENGINE:?name the engine: CTRKIT_ENGINE=podman bats tests}
image=localhost/ctrkit-base:latest

# make_world DIRECTORY: an empty home with an ssh key and an authority.
make_world() {
    world=$1
    mkdir -p "$world/home"
    : >"$world/hashes"
    export HOME=$world/home
    export XDG_CONFIG_HOME=$HOME/.config XDG_STATE_HOME=$HOME/.local/state
    export CTRKIT_SSH_CONFIG=$HOME/ssh_config
    export CTRKIT_IDENTITY_FILE=$HOME/id
    export GIT_CONFIG_GLOBAL=$HOME/gitconfig
    unset SSH_AUTH_SOCK GIT_DIR CTRKIT_EVENTS
    ssh-keygen -q -t ed25519 -N '' -f "$HOME/id"
    printf '# mine\nHost other\n    User me\n' >"$CTRKIT_SSH_CONFIG"
    cp "$CTRKIT_SSH_CONFIG" "$world/ssh_config.before"
    git config --global user.name 'A Person'
    git config --global user.email person@example.org
    sshca init
    state=$XDG_STATE_HOME/ctrkit config=$XDG_CONFIG_HOME/ctrkit
    # Without a ledger, one begins with what other people have on the engine.
    mkdir -p "$state"
    echo '{"schema":"ports/1","reservations":[]}' >"$state/ports.json"
    own_ports
}

# own_ports: ranges that neither a person's containers nor the other engine's
# tests use; those that everybody gets have a test of their own. They lie below
# those that the kernel gives to outgoing connections (ip_local_port_range).
own_ports() {
    local base=${CTRKIT_TEST_PORTS:-22200}
    [[ $engine == podman ]] || base=$((base + 1000))
    printf '[ports]\nssh_start = %s\nweb_start = %s\naudio_start = %s\n' \
        "$base" "$((base + 200))" "$((base + 400))" >"$config/config.toml"
}

# worktree NAME: a repository with one commit on main; prints its path.
worktree() {
    local path=$world/$1
    mkdir -p -- "$path"
    printf %s "$path" | sha256sum | cut -c 1-12 >>"$world/hashes"
    git -C "$path" init -q -b main
    echo hello >"$path/file"
    git -C "$path" add file
    git -C "$path" commit -q -m start
    printf '%s\n' "$path"
}

ssh_() { ssh -F "$CTRKIT_SSH_CONFIG" "$@"; }

# get FILTER: a value of the JSON on standard input, where there is any: without input
# jq 1.6 is content.
get() {
    local text
    text=$(cat)
    [[ -n $text ]] || { echo "no JSON on standard input" >&2; return 1; }
    jq -er "$1" <<<"$text"
}

# Everything of this world that the engine has, in any state: the independent
# judge of what was left behind. Fields: kind, name.
on_engine() {
    of_us container .Config.Labels ps --all --format '{{.Names}}'
    of_us volume .Labels volume ls --quiet
    built
}

# of_us KIND LABELS LIST...: those of what the engine lists so that are of this world.
# A list that fails is told as something that is there.
of_us() {
    local kind=$1 label="{{index $2 \"ctrkit.project.hash\"}}" name
    shift 2
    { insist "$engine" "$@" --filter label=ctrkit.managed=true || echo '?'; } |
        while read -r name; do
            [[ $name == '?' ]] || "$engine" "$kind" inspect --format "$label" "$name" |
                grep -qxFf "$world/hashes" || continue
            echo "$kind $name"
        done
}

# What was built for the projects of this world alone. Fields: kind, name.
built() {
    local names
    names=$(sed -E 's/^(.{6}).*/ctrkit-dev-.*-\1:|-\0[0-9a-f]{52}(-|:)|ctrkit(-dev)?-\0/' "$world/hashes")
    [[ -z $names ]] || { insist "$engine" images --format '{{.Repository}}:{{.Tag}}' || echo '?'; } |
        grep -E "^[?]$|$names" | sed 's/^/image /' || true
}

# around HASH: what stands around the isolated container of that project, in any
# state. Fields: kind, name.
around() {
    local label=label=ctrkit.sidecar.of=$1
    insist "$engine" ps --all --filter "$label" --format 'container {{.Names}}' || echo 'container ?'
    insist "$engine" network ls --filter "$label" --format 'network {{.Name}}' || echo 'network ?'
    insist "$engine" volume ls --filter "$label" --format 'volume {{.Name}}' || echo 'volume ?'
}

# beside HASH: what the repository's own Compose file has brought along for that
# project, in any state. Fields: kind, name.
beside() {
    local name=name=$1
    insist "$engine" ps --all --filter "$name" --format 'container {{.Names}}' || echo 'container ?'
    insist "$engine" network ls --filter "$name" --format 'network {{.Name}}' || echo 'network ?'
    insist "$engine" volume ls --filter "$name" --format 'volume {{.Name}}' || echo 'volume ?'
}

# Removes what a test has left, by the engine alone.
unmake_world() {
    local kind name hash
    for name in $(sshcfg list 2>/dev/null); do
        ssh_ -O exit "$name" 2>/dev/null || true
    done
    {
        on_engine
        sort -u "$world/hashes" | while read -r hash; do around "$hash"; beside "$hash"; done
    } | sort -u | while read -r kind name; do
        case $kind in
        container) "$engine" rm --force "$name" >/dev/null ;;
        *) "$engine" "$kind" rm "$name" >/dev/null ;;
        esac
    done
}

# insist COMMAND...: what it prints, once it succeeds. podman fails at times where it
# looks at all that there is, and something of somebody else's goes meanwhile.
insist() {
    local tries said
    for ((tries = 0; tries < 5; tries++)); do
        ! said=$("$@") || { [[ -z $said ]] || printf '%s\n' "$said"; return 0; }
        sleep 0.5
    done
    return 1
}

# eventually COMMAND...: as soon as it succeeds; after half a minute it fails as the
# command does.
eventually() {
    local end=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { "$@"; return; }
        sleep 0.2
    done
}

# is LEFT RIGHT: fails with both if they differ.
is() {
    [[ $1 == "$2" ]] && return
    printf 'expected: %s\n   found: %s\n' "$2" "$1" >&2
    return 1
}

# refused STATUS KIND COMMAND...: the command fails so, with nothing on stdout.
refused() {
    local status=0 wanted=$1 kind=$2 out err
    shift 2
    err=$(mktemp)
    out=$(CTRKIT_ERROR_FORMAT=json "$@" 2>"$err" </dev/null) || status=$?
    is "$status" "$wanted" || { cat "$err" >&2; return 1; }
    # Narration may stand before the one document.
    is "$out" ""
    is "$(grep '^{"schema":"error/1"' "$err" | tail -1 | jq -r .kind)" "$kind" || { cat "$err" >&2; return 1; }
    rm "$err"
}

# calls COMMAND...: runs it with an engine that counts its calls; sets `count`.
calls() {
    local bin=$world/counting real
    real=$(command -v "$engine")
    mkdir -p "$bin"
    printf '#!/bin/sh\nprintf "%%s\\n" "$(printf %%s "$*" | tr "\\n" " ")" >>"%s"\nexec "%s" "$@"\n' \
        "$world/calls" "$real" >"$bin/$engine"
    chmod +x "$bin/$engine"
    : >"$world/calls"
    CTRKIT_ENGINE=$bin/$engine "$@"
    count=$(wc -l <"$world/calls")
}

# settle NAME: waits for the engine calls about it that outlived their tool:
# they have a process group of their own and end by themselves.
settle() {
    eventually nobody_at "$1"
}

# nobody_at NAME: or the calls about it.
nobody_at() { ! pgrep -af "$engine.*$1" >&2; }
