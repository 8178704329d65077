#!/usr/bin/env bats
#
# What stands around an isolated container starts and stops in order, is told as
# it is, and goes with it. The containers are made by the engine alone.

load world
load sidecars
load killed
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    prefix=side-$BATS_TEST_NUMBER-$$
    name=$prefix-a
    isolate "$name"
}
teardown() { unmake_isolated; }

# info FILTER: what ctr-info says of the isolation.
info() { ctr-info --json "$name" | jq -c ".containers[0].isolation | $1"; }

# running: which of the three run, the proxy first.
running() {
    local each
    for each in "$proxy" "$ingress" "$name"; do
        ! is_up "$each" || printf '%s ' "${each##*-}"
    done
}

# began NAME: when a container was started, to compare.
began() { date +%s%N -d "$("$engine" container inspect --format '{{.State.StartedAt}}' "$1" | sed -E 's/ \+0000 UTC//')"; }

all='container NAME
container ctrkit-HASH-ingress
container ctrkit-HASH-proxy
network ctrkit-HASH-edge
network ctrkit-HASH-net
volume NAME-home
volume ctrkit-HASH-proxy
volume ctrkit-HASH-trust'

# whole: everything is there once.
whole() { is "$(left | sort)" "$(sed "s/NAME/$name/; s/HASH/$hash/" <<<"$all" | sort)"; }

@test "an isolated container is told as it is" {
    whole
    is "$(info '[.mode, .isolated, .holes]')" '["proxy",true,null]'
    dns=$([[ $engine == podman ]] && echo false || echo true)
    is "$(info '.networks')" "$(jq -nc --arg name "$net" --arg address "$(address 4)" \
        --arg subnet "$(address 0)/28" --argjson dns "$dns" \
        '[{$name, internal: true, $dns, $address, subnets: [$subnet]}]')"
    is "$(info '[.memory, .cpus, .pids, .no_new_privileges]')" '["4g","2",512,false]'
    # What the kernel says of the processes in it, which root there can only lose.
    is "$(info '.cap_drop | map(select(IN("CHOWN", "NET_RAW", "SYS_ADMIN")))')" '["NET_RAW","SYS_ADMIN"]'
    is "$(info '.capabilities | map(select(IN("CHOWN", "NET_RAW", "SYS_ADMIN")))')" '["CHOWN"]'
    is "$(info .proxy)" "{\"name\":\"$proxy\",\"status\":\"running\",\"health\":\"healthy\"}"
    is "$(info .ingress)" "{\"name\":\"$ingress\",\"status\":\"running\",\"health\":\"none\"}"
    is "$(info '[.filter.digest, .filter.applied, .filter.problem]')" "[\"$digest\",null,null]"
    grep '"api.anthropic.com"' <<<"$(info .filter.allow)"
    is "$(info '.mounts')" "$(jq -nc --arg trust "ctrkit-$hash-trust" --arg home "$name-home" \
        '[{type: "volume", source: $trust, destination: "/etc/ctrkit/trust", read_only: true},
          {type: "volume", source: $home, destination: "/home/dev", read_only: false}]')"
    ctr-info "$name" >"$world/text"
    grep -x 'isolation: *proxy' "$world/text"
    grep -x "port: *ssh 22 <- 127.0.0.1:$port" "$world/text"
    grep -x "volume: *ctrkit-$hash-trust -> /etc/ctrkit/trust (read-only)" "$world/text"
    is "$(ctr-ls --json | jq -c --arg name "$name" '.containers[] | select(.name == $name)
        | [.isolation.mode, .ports[0].host, .ports[0].address]')" "[\"proxy\",$port,\"127.0.0.1\"]"
    run ! grep "$hash" <<<"$(ctr-ls)"
}

# bats test_tags=on:podman
@test "a container that has another way out is told to have it" {
    "$engine" network connect "$edge" "$name"
    is "$(info '[.isolated, (.holes | length)]')" '[false,2]'
    is "$(info '[.networks[] | [.name, .internal]]')" "[[\"$edge\",false],[\"$net\",true]]"
    # Also of one that does not run: so it would run.
    "$engine" stop -t 0 "$name" >&2
    is "$(info .isolated)" false
    grep -x 'isolation: *proxy, but not isolated' <<<"$(ctr-info "$name")"
    grep -x "hole: *the network '$edge' leads outside" <<<"$(ctr-info "$name")"
    "$engine" network disconnect "$edge" "$name"
    "$engine" start "$name" >&2
    is "$(info .isolated)" true
    # An internal network is not enough: the host answers at the bridge.
    insist "$engine" network create --internal "${of[@]}" "ctrkit-$hash-more" >&2
    "$engine" network connect "ctrkit-$hash-more" "$name"
    is "$(info '[.isolated, (.networks[] | select(.bridge) | .internal)]')" '[false,true]'
    grep "has an address on the network 'ctrkit-$hash-more'" <<<"$(info .holes)"
}

# bats test_tags=on:podman
@test "the filter in force is told, and not the one that was meant" {
    filtergen --print --policy github >"$world/filter.py"
    cp "$world/filter.py" "$state/$name/proxy/filter.py"
    is "$(info .filter.applied)" "\"$digest\""
    grep '"github.com"' <<<"$(info .filter.allow)"
    "$engine" stop -t 0 "$proxy" >&2
    grep '"github.com"' <<<"$(info .filter.allow)"
    is "$(info '.proxy | [.status, .health]')" '["stopped",null]'
    echo '# by hand' >>"$state/$name/proxy/filter.py"
    grep 'was edited' <<<"$(info .filter.problem)"
    rm "$state/$name/proxy/filter.py"
    grep 'there is no' <<<"$(info .filter.problem)"
    is "$(info .isolated)" true
}

# bats test_tags=on:docker
@test "control characters from inside reach no terminal" {
    hurt
    unwell() { is "$(info .proxy.health)" '"unhealthy"'; }
    eventually unwell
    is "$(info .proxy.words)" '"no\u001b[31m listener"'
    run ! grep $'\033' <<<"$(ctr-info "$name")"
    grep -F 'unhealthy: no\u{1b}[31m listener' <<<"$(ctr-info "$name")"
}

@test "the proxy is the first to start and the last to stop, and all is kept" {
    is "$(running)" "proxy ingress a "
    ctr-stop --timeout 0 --events "$world/events" "$name"
    is "$(running)" ""
    is "$(jq -r 'select(.status == "done").subject' "$world/events" | xargs)" "$name $ingress $proxy"
    whole
    ctr-stop "$name"
    ctr-start "$name"
    is "$(running)" "proxy ingress a "
    [[ $(began "$proxy") < $(began "$ingress") && $(began "$ingress") < $(began "$name") ]]
    is "$(info .isolated)" true
    is "$(calls ctr-start "$name"; echo "$count")" 1
}

# bats test_tags=on:docker
@test "without a healthy proxy an isolated container does not start" {
    hurt
    ctr-stop --timeout 0 "$name"
    refused 69 proxy-unhealthy ctr-start --timeout 2 "$name"
    is "$(running)" ""
    run -69 ctr-start --timeout 2 "$name"
    grep -F 'the last words of proxy' <<<"$output"
    # One that ends is not waited for.
    "$engine" rm --force "$proxy" >&2
    sidecar proxy --network "$net" --ip "$(address 2)" --health-cmd true --entrypoint false
    SECONDS=0
    refused 69 proxy-unhealthy ctr-start "$name"
    ((SECONDS < 30))
    is "$(running)" ""
    "$engine" rm --force "$proxy" >&2
    refused 69 proxy-absent ctr-start "$name"
    is "$(running)" ""
}

@test "all that isolates a container goes with it, its own volume when that is said" {
    ctr-rm "$name"
    is "$(left)" "volume $name-home"
    [[ ! -e $state/$name ]]
    ctr-rm --volumes "$name"
    is "$(left)" ""
    refused 69 no-such-container ctr-rm "$name"
}

# bats test_tags=on:docker
@test "what is left of an isolated container is found by its name" {
    "$engine" rm --force "$name" >&2
    rm -r "${state:?}/$name"
    ctr-rm --volumes "$name"
    is "$(left)" ""
    isolate "$name"
    "$engine" rm --force "$name" "$ingress" "$proxy" >&2
    "$engine" volume rm "ctrkit-$hash-trust" >&2
    rm -r "${state:?}/$name"
    ctr-rm "$name"
    is "$(left)" "volume $name-home"
}

# bats test_tags=on:podman
@test "a network that somebody is on stays, and is told" {
    "$engine" run --detach --init --name "$prefix-guest" --network "$net" "$image" sleep infinity >&2
    refused 69 network-in-use ctr-rm "$name"
    "$engine" rm --force "$prefix-guest" >&2
    ctr-rm "$name"
    is "$(left)" "volume $name-home"
}

# bats test_tags=on:docker
@test "killed anywhere, start, stop and rm go on where they were" {
    local number
    for ((number = 1; ; number += $(every 3))); do
        "$engine" stop -t 0 "$name" "$ingress" "$proxy" >&2
        cut_off KILL "$number" ctr-start "$name" || break
        settle "$name"
        settle "$hash"
        # What it began outlives it.
        ctr-start "$name"
        is "$(running)" "proxy ingress a "
    done
    ((number > 6))
    for ((number = 1; ; number += $(every 3))); do
        cut_off KILL "$number" ctr-stop --timeout 0 "$name" || break
        settle "$name"
        settle "$hash"
        ctr-stop --timeout 0 "$name"
        is "$(running)" ""
        ctr-start "$name"
    done
    ((number > 6))
    # Steps are cut off when they have begun.
    for ((number = 1; ; number += 2 * $(every 3))); do
        cut_off KILL "$number" ctr-rm --volumes --force "$name" || break
        settle "$name"
        settle "$hash"
        ctr-rm --volumes --force "$name" || refused 69 no-such-container ctr-rm "$name"
        is "$(left)" ""
        [[ ! -e $state/$name ]]
        isolate "$name"
    done
    ((number > 12))
    is "$(left)" ""
}

# bats test_tags=alone
@test "the doctor finds what isolated a container that is gone, and removes it" {
    local mine
    rows() {
        shut_in ctr-doctor --json "$@" | jq -r --arg hash "$hash" --arg prefix "$prefix" '.checks[]
            | select((.subject // "") | test($hash + "|" + $prefix)) | "\(.status) \(.name) \(.subject)"' | sort
    }
    is "$(rows)" ""
    calls ctr-doctor >&2 || true
    ((count <= 5))
    "$engine" rm --force "$name" >&2
    # Its state is there, and may come to life again.
    mine=$(rows)
    grep -qx "kept volume ctrkit-$hash-proxy" <<<"$mine"
    grep -qx "orphan container $proxy" <<<"$mine"
    rm -r "${state:?}/$name"
    is "$(rows)" "$(printf '%s\n' "kept volume $name-home" "orphan container $ingress" \
        "orphan container $proxy" "orphan network $edge" "orphan network $net" \
        "orphan volume ctrkit-$hash-proxy" "orphan volume ctrkit-$hash-trust")"
    mine=$(left)
    rows --error-format text >/dev/null
    is "$(left)" "$mine"
    is "$(rows --fix | grep -c ^fixed)" 6
    is "$(left)" "volume $name-home"
    is "$(rows)" "kept volume $name-home"
}
