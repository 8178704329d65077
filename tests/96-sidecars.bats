#!/usr/bin/env bats
# What stands around an isolated container starts, stops, is told and goes with
# it. The containers are made by the engine alone (sidecars.bash).

bats_require_minimum_version 1.5.0

setup() {
    load world.bash
    load sidecars.bash
    make_world "$BATS_TEST_TMPDIR/world"
    prefix=life-$BATS_TEST_NUMBER-$$
    name=$prefix-a
    isolate "$name"
}

teardown() { unmake_isolated; }

# info FILTER: what ctr-info says of the isolation.
info() { ctr-info --json "$name" | jq -c ".containers[0].isolation | $1"; }

@test "an isolated container is told as it is" {
    is "$(info '[.mode, .isolated, .holes]')" '["proxy",true,null]'
    is "$(info '.networks')" "$(jq -nc --arg name "$net" --arg address "$(address 4)" \
        --arg subnet "$(address 0)/28" --argjson dns "$([[ $engine == podman ]] && echo false || echo true)" \
        '[{$name, internal: true, $dns, $address, subnets: [$subnet]}]')"
    is "$(info '[.memory, .cpus, .pids, .no_new_privileges]')" '["4g","2",512,false]'
    info '.cap_drop' | grep -q '"NET_RAW"'
    info '.capabilities' | grep -q '"CHOWN"'
    run ! grep -E '"(NET_RAW|SYS_ADMIN|NET_ADMIN)"' <<<"$(info '.capabilities')"
    is "$(info .proxy)" "{\"name\":\"$proxy\",\"status\":\"running\",\"health\":\"healthy\"}"
    is "$(info .ingress)" "{\"name\":\"$ingress\",\"status\":\"running\",\"health\":\"none\"}"
    is "$(info '[.filter.digest, .filter.applied, .filter.problem]')" "[\"$digest\",null,null]"
    info .filter.allow | grep -q '"api.anthropic.com"'
    is "$(info '.mounts')" "$(jq -nc --arg trust "ctrkit-$hash-trust" --arg home "$name-home" \
        '[{type: "volume", source: $trust, destination: "/etc/ctrkit/trust", read_only: true},
          {type: "volume", source: $home, destination: "/home/dev", read_only: false}]')"
    ctr-info "$name" | grep -qx 'isolation: *proxy'
    ctr-info "$name" | grep -qx "port: *ssh 22 <- 127.0.0.1:$port"
    is "$(ctr-ls --json | jq -c --arg name "$name" '.containers[] | select(.name == $name)
        | [.isolation.mode, .ports[0].host, .ports[0].address]')" "[\"proxy\",$port,\"127.0.0.1\"]"
    run ! grep "$hash" <<<"$(ctr-ls)"
}
