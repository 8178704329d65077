#!/usr/bin/env bats
#
# What takes minutes, of the filter on the real mitmproxy: `just test-proxy-long`.
# `CTRKIT_MITMPROXY` names another version.

bats_require_minimum_version 1.5.0

setup_file() {
    root=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
    python=$("$root/scripts/mitmproxy" "${CTRKIT_MITMPROXY:-11.0.2}")
    PATH=${CTRKIT_TOOLS:-${CARGO_TARGET_DIR:-$root/target}/release}:$PATH
    FILTERGEN=$(command -v filtergen)
    TMPDIR=$BATS_FILE_TMPDIR PYTHONPATH=$root/tests/proxy
    export python PATH FILTERGEN TMPDIR PYTHONPATH
}

# hold MODULE: the tests of a module hold; what was measured is shown.
hold() {
    cd "$BATS_TEST_DIRNAME" || return
    local status=0
    "$python" -B -W ignore -m unittest "$1" >"$TMPDIR/said" 2>&1 || status=$?
    cat "$TMPDIR/said"
    sed -n 's/^measured: /# /p' "$TMPDIR/said" >&3
    return "$status"
}

@test "200 MB pass in both directions, and are in nobody's memory" {
    hold test_large
}

@test "ten thousand requests of all kinds leave a record each, and no secret" {
    hold test_thousands
}

@test "of every pairing of spellings that goes out which names the same host" {
    hold test_generated
}

@test "ten thousand entries take no longer to decide by than ten" {
    hold test_entries
}

@test "a client whose clock is wrong is told so by its own TLS, and nothing gets out" {
    hold test_clock
}

@test "2 GiB and 100,000 requests leave memory and log bounded" {
    hold test_gigabytes
}

@test "of two hundred policies in turn, each request is decided on by one" {
    hold test_turns
}
