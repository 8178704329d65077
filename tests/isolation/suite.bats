#!/usr/bin/env bats
#
# The attacks on an isolated project: none gets out, and what the policy allows
# passes. `attack` says what is tried, and how to point it at another project;
# what makes its checks fail is in predecessor.bats and open.bats.

bats_require_minimum_version 1.5.0

setup_file() {
    engine=${CTRKIT_ENGINE:?name the engine: CTRKIT_ENGINE=podman bats tests/isolation}
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    PATH=${CARGO_TARGET_DIR:-$root/target}/release:$PATH
    ATTACK_WORLD=$BATS_FILE_TMPDIR/world
    export engine root PATH ATTACK_WORLD
    source "$BATS_TEST_DIRNAME/outside.bash"
    "$BATS_TEST_DIRNAME/image/make"
    outside_up "$ATTACK_WORLD"
    make attack-shut 900
    make attack-other 910
    ATTACK_OTHERS=$(others attack-other)
    export ATTACK_OTHERS
    printf '%s\n' "${outside_processes[@]}" >"$BATS_FILE_TMPDIR/processes"
}

teardown_file() {
    local name
    source "$BATS_TEST_DIRNAME/outside.bash"
    outside_names
    mapfile -t outside_processes <"$BATS_FILE_TMPDIR/processes" || true
    for name in attack-shut attack-other attack-small; do "$BATS_TEST_DIRNAME/by-hand" down "$name"; done
    outside_down
}

# make NAME PORT [VARIANT]: a project by hand; its ports are those of the tests.
make() {
    local base=${CTRKIT_TEST_PORTS:-42200}
    [[ $engine == podman ]] || base=$((base + 1000))
    "$BATS_TEST_DIRNAME/by-hand" down "$1"
    ATTACK_PORT=$((base + $2)) "$BATS_TEST_DIRNAME/by-hand" up "$1" "$BATS_FILE_TMPDIR/$1" "${3:-shut}"
}

# others NAME: the containers of a project, each with a canary in it.
others() {
    local each
    source "$BATS_FILE_TMPDIR/$1/env"
    for each in "$ATTACK_APP" "$ATTACK_PROXY" "$ATTACK_INGRESS"; do
        listen_at "$("$engine" inspect --format '{{.State.Pid}}' "$each")" "$each" >&2
        printf '%s ' "$each"
    done
}

setup() { source "$BATS_FILE_TMPDIR/attack-shut/env"; }

attack() { "$BATS_TEST_DIRNAME/attack" "$@"; }

@test "nothing gets out of an isolated project, and what is allowed passes" {
    attack
}

@test "over ssh, as an ordinary user, it is the same" {
    attack --over ssh --inside-only network: 'proxy: (connect|a spoofed|a sni|plain)' \
        'passes: (http|git|npm|a login)' 'engine: (cap|acts|user|no socket)'
}

@test "a proxy that is dead does not look safe" {
    "$engine" stop --time 2 "$ATTACK_PROXY"
    run -1 attack --inside-only 'passes: (http|plain|git|a websocket|events|pip)'
    "$engine" start "$ATTACK_PROXY"
    [[ $output != *$'\nok '* && $output != ok* && $output == *'it did not arrive'* ]]
}

@test "as long as the log cannot be written nothing is let through" {
    make attack-small 920 small-log
    source "$BATS_FILE_TMPDIR/attack-small/env"
    attack --inside-only 'passes: (http|plain)' 'proxy: connect to a forbidden'
    "$engine" exec "$ATTACK_PROXY" sh -c 'cat /dev/zero >/var/lib/ctrkit/log/full 2>/dev/null || true'
    run -1 attack --inside-only 'passes: (http|plain)' 'proxy: connect to a forbidden'
    [[ $output != *$'\nok '*' passes:'* && $output == *'ok '*' proxy: connect to a forbidden'* ]]
    [[ $output != *'not ok '*' proxy: '* ]]
    "$engine" exec "$ATTACK_PROXY" rm /var/lib/ctrkit/log/full
    attack --inside-only 'passes: (http|plain)'
}
