#!/usr/bin/env bats
#
# The filter on the real mitmproxy, in a fake world on this machine; no
# container engine takes part. `CTRKIT_MITMPROXY` names another version.

bats_require_minimum_version 1.5.0

setup_file() {
    root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    python=$("$root/scripts/mitmproxy" "${CTRKIT_MITMPROXY:-11.0.2}")
    PATH=${CTRKIT_TOOLS:-${CARGO_TARGET_DIR:-$root/target}/release}:$PATH
    FILTERGEN=$(command -v filtergen)
    TMPDIR=$BATS_FILE_TMPDIR
    export python PATH FILTERGEN TMPDIR
}

# hold MODULE: the tests of a module hold; what is said of failures is shown.
hold() {
    cd "$BATS_TEST_DIRNAME" || return
    "$python" -B -W ignore -m unittest "$1" 2>&1
}

@test "over the wire nothing gets out that the policy does not name" {
    hold test_wire
}

@test "the log has one record each, no secret, and a bound" {
    hold test_log
}

@test "a filter that is broken, cut short or deleted lets nothing through" {
    hold test_reload
}

@test "the filter and filtergen decide alike" {
    hold test_decide
}

@test "the proxy writes down its certificate, and not its key, before it listens" {
    hold test_certificate
}

@test "the forwarder carries connections as they are" {
    hold test_forward
}

@test "a filter gives back in a pipe what was put into it" {
    filtergen -p claude+github --print >"$BATS_TEST_TMPDIR/filter.py"
    names=$(filtergen --read "$BATS_TEST_TMPDIR/filter.py" | jq -r '.allow[].name' | sort)
    [[ $names == *api.anthropic.com*api.github.com* ]]
    while read -r name; do
        filtergen -p claude+github --check "https://$name/"
    done <<<"$names"
    run -1 filtergen -p claude+github --check https://gist.github.com/
    [[ $output == 'refused GET https://gist.github.com/ unknown-name' ]]
}
