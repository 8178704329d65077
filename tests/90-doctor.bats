#!/usr/bin/env bats
#
# ctr-doctor finds what belongs to nothing, removes it when it is told to, and
# nothing else; the engine's own listing agrees.

# The doctor mends whatever an engine has.
# bats file_tags=alone

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
}

teardown() {
    "$engine" network rm "ctrkit-net-$$" >/dev/null 2>&1 || true
    [[ $engine != podman ]] || podman rm --force "${name-none}" >/dev/null 2>&1 || true
    unmake_world
}

# found STATUS: name and subject of each row of it, as they were last written.
# Only what is of this world: others may use the same engine.
found() {
    jq -r --arg status "$1" '.checks[] | select(.status == $status) | "\(.name) \(.subject)"' \
        "$world/doctor" | grep -F -e "$world" -e "-$$" -f <(cut -c 1-6 "$world/hashes") | sort || true
}

# doctor [OPTION...]: runs it, and holds its status to what it found.
doctor() {
    local status=0
    ctr-doctor --json "$@" >"$world/doctor" 2>"$world/err" || status=$?
    jq -c '.checks[] | select(.status == "failed")' "$world/doctor" >&2
    is "$status" "$(jq 'if any(.checks[]; .status == "orphan" or .status == "failed") then 1 else 0 end' "$world/doctor")"
}

# container_like NAME LABEL...: a container that never ran.
container_like() {
    local made=$1 labels=() label
    shift
    for label; do labels+=(--label "$label"); done
    "$engine" create --name "$made" --label ctrkit.managed=true "${labels[@]}" "$image" true >/dev/null
}

@test "what is well stays as it is; five calls, six at most" {
    local path before
    path=$(worktree mine)
    ctrkit create "$path" >"$world/1"
    name=$(get .name <"$world/1")
    ssh_ "$name" true
    before=$(on_engine; find "$state" "$config" -type f | sort | grep -v '\.lock$')
    calls doctor --fix
    # shellcheck disable=SC2154 # calls sets it
    ((count <= 6))
    is "$(found orphan)$(found fixed)$(found failed)" ""
    is "$(on_engine; find "$state" "$config" -type f | sort | grep -v '\.lock$')" "$before"
    # A removed container leaves its volumes, which are kept.
    ctrkit rm "$name"
    doctor --fix
    is "$(found kept | grep -c "$name")" 2
    is "$(on_engine | sort)" "$(printf '%s\n' "volume $name-home" "volume $name-workspace")"
}

@test "orphans of every kind: found, fixed, found no more" {
    local gone lost hash socket=$XDG_STATE_HOME/ctrkit/mux/0123456789ab
    ctrkit create "$(worktree mine)" >"$world/1"
    name=$(get .name <"$world/1")
    hash=$(get .project.hash <"$world/1")
    # Made by hand: a sidecar, a network and a put-aside container.
    container_like "proxy-$name" "ctrkit.sidecar.of=000000000000" "ctrkit.project.hash=$hash"
    container_like "$name-replaced" "ctrkit.name=$name" "ctrkit.project.hash=$hash"
    insist "$engine" network create --label ctrkit.managed=true --label ctrkit.name=dev-nobody "ctrkit-net-$$" >/dev/null
    # A container that was removed behind our back, its worktree with it; one
    # whose worktree is there; and a worktree that has gone before its container.
    ctrkit create "$(worktree gone)" >"$world/2"
    gone=$(get .name <"$world/2")
    "$engine" rm --force "$gone" >/dev/null
    rm -r "$world/gone"
    "$engine" tag "$image" "localhost/ctrkit-dev-$gone:latest"
    "$engine" tag "$image" "localhost/ctrkit-dev-nobody-$$:latest"
    ctr-spec "$(worktree lost)" | portalloc >"$world/3"
    lost=$(get .name <"$world/3")
    rm -r "$world/lost"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$socket"
    # Another laptop's.
    container_like "other-$name" "ctrkit.authority=SHA256:another" "ctrkit.sidecar.of=000000000000" \
        "ctrkit.project.hash=$hash"

    doctor
    is "$(found orphan)" "$(printf '%s\n' "container $name-replaced" "container proxy-$name" \
        "image localhost/ctrkit-dev-$gone:latest" "master $socket" "network ctrkit-net-$$" "reservation $gone" "reservation $lost" \
        "ssh-entry $gone" "state $gone" | sort)"
    [[ $(found other) == *"container other-$name"* ]]

    doctor --fix --error-format text
    is "$(grep -c '^ctr-doctor: removing the ' "$world/err")" 9
    is "$(found fixed | wc -l)" 9
    doctor --fix
    is "$(found fixed)$(found orphan)" ""
    [[ ! -s $world/err ]]

    # The engine, the files and ssh agree.
    is "$(on_engine | sort)" "$(printf '%s\n' "container $name" "container other-$name" \
        "volume $gone-home" "volume $gone-workspace" "volume $name-home" "volume $name-workspace" | sort)"
    is "$("$engine" network ls --format '{{.Name}}' | grep -c "ctrkit-net-$$")" 0
    is "$(portalloc --list | cut -f 1)" "$name"
    is "$(sshcfg list)" "$name"
    [[ ! -e $state/$gone && ! -e $socket ]]
    "$engine" rmi "localhost/ctrkit-dev-nobody-$$:latest" >/dev/null
    ssh_ "$name" true
}

@test "what may hold work, or is at work, stays" {
    local path
    path=$(worktree mine)
    ctrkit create "$path" >"$world/1"
    name=$(get .name <"$world/1")
    # A replacement that was cut off: what it put aside is all that there is.
    "$engine" stop -t 1 "$name" >/dev/null
    "$engine" rename "$name" "$name-replaced"
    doctor --fix
    is "$(found orphan)$(found fixed)" "container $name-replaced"
    "$engine" rename "$name-replaced" "$name"
    # One that comes back while its lock is held was never an orphan.
    "$engine" rm --force "$name" >/dev/null
    exec {lock}>"$state/$name/lock"
    flock "$lock"
    ctr-doctor --fix --json >"$world/doctor" 2>"$world/err" {lock}>&- &
    waited_for() { grep -q -- "-> .*:$(stat -c %i "$state/$name/lock") " /proc/locks; }
    eventually waited_for
    container_like "$name" "ctrkit.name=$name" "ctrkit.project.hash=$(get .project.hash <"$world/1")"
    exec {lock}>&-
    wait $! || true
    is "$(found fixed)$(found orphan)" ""
    is "$(sshcfg list)" "$name"
}

@test "an ssh entry goes where the container has gone, and what the next one needs stays" {
    ctrkit create "$(worktree mine)" >"$world/1"
    name=$(get .name <"$world/1")
    "$engine" rm --force "$name" >/dev/null
    local fixed="ssh-entry $name"
    if [[ $engine == podman ]]; then
        # As a podman that is killed inside a create leaves it.
        buildah from --name "$name" scratch >/dev/null
        fixed=$(printf '%s\n' "container $name" "$fixed")
    fi
    doctor --fix
    is "$(found fixed)" "$fixed"
    if [[ $engine == podman ]]; then
        is "$(insist podman ps --all --external --format '{{.Names}}' | grep -cx -- "$name")" 0
    fi
    ctrkit create "$world/mine" >"$world/2"
    is "$(get '.ports[0].host' <"$world/2")" "$(get '.ports[0].host' <"$world/1")"
}
