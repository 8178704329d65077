#!/usr/bin/env bats
#
# The same attacks on a compose project as ctrkit's predecessor wrote it: they must
# get out, and say where. A suite that this project passes would be worth nothing.

bats_require_minimum_version 1.5.0

setup_file() {
    load lib
    begin
    predecessor_down attack-before
    predecessor_up attack-before "$BATS_FILE_TMPDIR/attack-before"
}

teardown_file() {
    load lib
    predecessor_down attack-before
    finish
}

setup() {
    load lib
    use attack-before
}

@test "a project of the predecessor's is broken out of, and it is said where" {
    run -1 attack network: proxy: files: engine: 'host: (the|routes|secrets|what)' 'passes: (http|git|a stream|events)'
    # predecessor/fails has the names that fail on both, or on the engine named.
    diff <(failed) <(sed -n "s/^\(both\|$engine\) //p" "$isolation/predecessor/fails" | sort)
    # With each goes what the world saw.
    [[ $(grep -c '^#   world \|^#   host canary' <<<"$output") -ge 20 ]]
}

@test "a filter that breaks is no filter any more" {
    run -1 attack 'passes: http1' 'host: a filter that is damaged while it runs'
    [[ $(failed) == 'host: a filter that is damaged while it runs' && $output == *forbidden.test* ]]
}
