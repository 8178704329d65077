# shellcheck shell=bash
#
# outside: the fake world, in a network namespace, and the canary on the host
#
# Each engine, and each base of ports, has one of its own, so that several can be
# attacked at once. The world has an address of public space, which the proxy may
# go to; the block is one that is routed nowhere, and on this machine leads to the
# namespace while the tests run. Nothing else of the machine is changed.

here=${BASH_SOURCE[0]%/*}
isolation=$(cd "$here" && pwd)

# outside_names: the names and addresses that follow from engine and ports.
outside_names() {
    local base=${CTRKIT_TEST_PORTS:-22200}
    [[ $engine == podman ]] || base=$((base + 1000))
    outside_base=$base
    local number=$((base / 100 % 250))
    outside_space=ctrkit-$base
    outside_link=cw$base
    outside_host=11.$number.77.1
    outside_address=11.$number.77.2
    outside_private=10.$number.77.2
    outside_table=$base
    canary_ports=$((base + 950)),$((base + 951))
}

# outside_up DIRECTORY: makes it, and starts what answers in it; its log is
# DIRECTORY/log, its CA DIRECTORY/ca.pem.
outside_up() {
    outside=$1
    outside_names
    mkdir -p "$outside"
    outside_python=$("$isolation/../../scripts/mitmproxy")
    outside_unmake
    "$isolation/goods" "$outside"
    ip netns add "$outside_space"
    ip link add "$outside_link" type veth peer name "${outside_link}w" netns "$outside_space"
    sysctl -qw "net.ipv6.conf.$outside_link.disable_ipv6=1"
    ip addr add "$outside_host/24" dev "$outside_link"
    ip link set "$outside_link" up
    # Should the world be gone, nothing for it leaves this machine.
    ip route replace blackhole "${outside_host%.*}.0/24" metric 4000
    in_space sysctl -qw "net.ipv6.conf.${outside_link}w.disable_ipv6=1"
    in_space ip link set lo up
    in_space ip addr add "$outside_address/24" dev "${outside_link}w"
    in_space ip link set "${outside_link}w" up
    in_space ip addr add "$outside_private/32" dev lo
    in_space ip addr add 169.254.169.254/32 dev lo
    in_space ip route add default via "$outside_host"
    ip route replace "$outside_private/32" via "$outside_address"
    ip route replace 169.254.169.254/32 via "$outside_address" table "$outside_table"
    : >"$outside/log"
    start ip netns exec "$outside_space" "$outside_python" -B "$isolation/world.py" serve --directory "$outside" \
        --log "$outside/log" --address "$outside_address" --private "$outside_private" \
        --interface "${outside_link}w"
    start "$outside_python" -B "$isolation/world.py" listen --where host --log "$outside/log" \
        --ports "$canary_ports" --sniff "$(ip -o route show default | awk '{print $5; exit}')"
    jq -n --arg address "$outside_address" --arg private "$outside_private" --arg link "$outside_link" \
        --arg space "$outside_space" --arg python "$outside_python" --argjson canary "[$canary_ports]" \
        --arg table "$outside_table" --arg priority "$((outside_base - 20000))" \
        '$ARGS.named' >"$outside/settings.json"
    until [[ -e $outside/ready ]] && grep -q '"listening"' "$outside/log"; do
        kill -0 "${outside_processes[@]}" || { cat "$outside/errors" >&2; return 1; }
        sleep 0.1
    done
}

in_space() { ip netns exec "$outside_space" "$@"; }

# start COMMAND...: in the background, to be ended by outside_down.
outside_processes=()
start() {
    "$@" >>"$outside/errors" 2>&1 3>&- &
    outside_processes+=($!)
    # For who ends them, which is another shell, also where nothing else came to its end.
    echo $! >>"$outside/processes"
}

# listen_at PROCESS WHERE: a canary in the network namespace of a process.
listen_at() {
    start nsenter --net --target "$1" "$outside_python" -B "$isolation/world.py" listen \
        --where "$2" --log "$outside/log" --ports "$canary_ports"
    until grep -q "\"where\": \"$2\", \"kind\": \"listening\"" "$outside/log"; do
        kill -0 "${outside_processes[-1]}" || { cat "$outside/errors" >&2; return 1; }
        sleep 0.1
    done
}

outside_unmake() {
    while ip rule del priority "$((outside_base - 20000))" 2>/dev/null; do :; done
    ip route flush table "$outside_table" 2>/dev/null || true
    ip route del "$outside_private/32" 2>/dev/null || true
    ip netns del "$outside_space" 2>/dev/null || true
    ip link del "$outside_link" 2>/dev/null || true
    ip route del blackhole "${outside_host%.*}.0/24" 2>/dev/null || true
}

outside_down() {
    if [[ ${#outside_processes[@]} -gt 0 ]]; then
        kill "${outside_processes[@]}" 2>/dev/null || true
        wait "${outside_processes[@]}" 2>/dev/null || true
    fi
    outside_unmake
}
