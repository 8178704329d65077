# shellcheck shell=bash
#
# lib: what the test files here begin and end with

source "$BATS_TEST_DIRNAME/outside.bash"
source "$BATS_TEST_DIRNAME/predecessor.bash"

# begin: the image, the world; with CTRKIT_ENGINE, which names the engine.
begin() {
    local root
    engine=${CTRKIT_ENGINE:?name the engine: CTRKIT_ENGINE=podman bats tests/isolation}
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    PATH=${CARGO_TARGET_DIR:-$root/target}/release:$PATH
    ATTACK_WORLD=$BATS_FILE_TMPDIR/world
    export engine PATH ATTACK_WORLD
    "$isolation/image/make"
    outside_up "$ATTACK_WORLD"
}

# end: what has been started so far is ended by `finish`.
end() { printf '%s\n' "${outside_processes[@]}" >"$BATS_FILE_TMPDIR/processes"; }

# finish PROJECT...
finish() {
    local name
    outside_names
    for name; do "$isolation/by-hand" down "$name"; done
    mapfile -t outside_processes <"$BATS_FILE_TMPDIR/processes" || true
    outside_down
}

# make NAME PORT [VARIANT]: a project by hand; its ports are those of the tests.
make() {
    local base=${CTRKIT_TEST_PORTS:-42200}
    [[ $engine == podman ]] || base=$((base + 1000))
    "$isolation/by-hand" down "$1"
    ATTACK_PORT=$((base + $2)) "$isolation/by-hand" up "$1" "$BATS_FILE_TMPDIR/$1" "${3:-shut}"
}

# use NAME: the attacks are made on that project.
# shellcheck disable=SC1090 # it is made by by-hand
use() { source "$BATS_FILE_TMPDIR/$1/env"; }

attack() { "$isolation/attack" "$@"; }

# others NAME: another project, with a canary in each of its containers.
others() {
    local each
    use "$1"
    ATTACK_OTHERS="$ATTACK_APP $ATTACK_PROXY $ATTACK_INGRESS"
    export ATTACK_OTHERS
    for each in $ATTACK_OTHERS; do
        listen_at "$("$engine" inspect --format '{{.State.Pid}}' "$each")" "$each"
    done
}

# failed: the names of the checks that failed, of the output of `attack`.
failed() { sed -n 's/^not ok [0-9]* \(.*\) # [0-9.]* s$/\1/p' <<<"$output" | sort; }

# passed: the names of those that held.
passed() { sed -n 's/^ok [0-9]* \(.*\) # [0-9.]* s$/\1/p' <<<"$output" | sort; }
