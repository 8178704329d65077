#!/usr/bin/env bats
#
# The attacks on an isolated project: none gets out, and what the policy allows
# passes. `attack` says what is tried, and how to point it at another project;
# what makes its checks fail is in predecessor.bats and open.bats.

bats_require_minimum_version 1.5.0

setup_file() {
    load lib
    begin
    create shut
    create other
    others other
}

teardown_file() {
    load lib
    finish attack-small
}

setup() {
    load lib
    use shut
}

@test "nothing gets out of an isolated project, and what is allowed passes" {
    attack ${ATTACK_LONG:+--long}
}

@test "over ssh, as an ordinary user, it is the same" {
    attack --over ssh --inside-only network: 'proxy: (connect|a spoofed|a sni|plain)' \
        'passes: (http|git|npm|a login)' 'engine: (cap|acts|user|no socket)'
}

@test "a proxy that is dead does not look safe" {
    "$engine" stop --time 2 "$ATTACK_PROXY"
    run -1 attack --set '{"patience": 4}' --inside-only 'passes: (http1|plain|a websocket)'
    "$engine" start "$ATTACK_PROXY"
    [[ $output != *$'\nok '* && $output != ok* && $output == *'it did not arrive'* ]]
}

@test "as long as the log cannot be written nothing is let through" {
    make attack-small 920 small-log
    use attack-small
    attack --inside-only 'passes: (http|plain)' 'proxy: connect to a forbidden'
    "$engine" exec "$ATTACK_PROXY" sh -c 'cat /dev/zero >/small/full 2>/dev/null || true'
    run -1 attack --set '{"patience": 4}' --inside-only 'passes: (http|plain)' 'proxy: connect to a forbidden'
    [[ $output != *$'\nok '*' passes:'* && $output == *'ok '*' proxy: connect to a forbidden'* ]]
    [[ $output != *'not ok '*' proxy: '* ]]
    "$engine" exec "$ATTACK_PROXY" rm /small/full
    attack --inside-only 'passes: (http|plain)'
}
