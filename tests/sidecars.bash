# shellcheck shell=bash
#
# sidecars: isolated containers made by the engine alone, so that what tools
# make of them does not depend on the tools that make them

# isolate NAME: an isolated container called NAME, with a proxy and an ingress
# that only sleep; all of them run. Sets `hash`, `proxy`, `ingress`, `net`, `edge`,
# `of` (the labels of what is around it), `port` and `digest`. The proxy is healthy as long as /healthy is in it.
isolate() {
    local name=$1 directory=$state/$1 closed=(--internal --disable-dns) labels
    hash=$(printf %s "$world/$name" | sha256sum | cut -c 1-12)
    echo "$hash" >>"$world/hashes"
    proxy=ctrkit-$hash-proxy ingress=ctrkit-$hash-ingress net=ctrkit-$hash-net edge=ctrkit-$hash-edge
    port=$(isolated_port)
    labels=(--label ctrkit.managed=true --label "ctrkit.name=$name")
    of=("${labels[@]}" --label "ctrkit.sidecar.of=$hash")
    write_state "$name"

    [[ $engine == podman ]] || closed=(--internal -o com.docker.network.bridge.inhibit_ipv4=true)
    insist "$engine" network create "${closed[@]}" "${of[@]}" --subnet "$(address 0)/28" "$net"
    insist "$engine" network create "${of[@]}" "$edge"
    "$engine" volume create "${of[@]}" "ctrkit-$hash-proxy"
    "$engine" volume create "${of[@]}" "ctrkit-$hash-trust"
    "$engine" volume create "${labels[@]}" "$name-home"

    sidecar proxy --network "$net" --ip "$(address 2)" -v "ctrkit-$hash-proxy:/var/lib/ctrkit" \
        -v "ctrkit-$hash-trust:/var/lib/ctrkit-trust" -v "$directory/proxy:/etc/ctrkit/proxy:ro" \
        --health-cmd 'test -e /healthy || { printf "no\033[31m listener\n"; exit 1; }' \
        --health-interval 1s --health-retries 1
    sidecar ingress --network "$edge" -p "127.0.0.1:$port:22"
    "$engine" network connect "$edge" "$proxy"
    "$engine" network connect --ip "$(address 3)" "$net" "$ingress"
    "$engine" create --init --name "$name" "${labels[@]}" --label "ctrkit.project.hash=$hash" \
        --label "ctrkit.project.path=$world/$name" --label ctrkit.isolation=proxy \
        --label "ctrkit.ports=ssh:22:$port" --network "$net" --ip "$(address 4)" \
        --dns "$(address 2)" --memory 4g --cpus 2 --pids-limit 512 --cap-drop NET_RAW \
        --cap-drop SYS_ADMIN --sysctl net.ipv6.conf.all.disable_ipv6=1 \
        --sysctl net.ipv6.conf.default.disable_ipv6=1 -v "$name-home:/home/dev" \
        -v "ctrkit-$hash-trust:/etc/ctrkit/trust:ro" "$image" sleep infinity
    "$engine" start "$proxy" "$ingress" "$name"
    heal
} >/dev/null

# sidecar TYPE OPTION...: makes a sidecar, which does not run yet.
sidecar() {
    local type=$1
    shift
    # Without systemd podman says that it cannot run the health check.
    "$engine" create --init --name "ctrkit-$hash-$type" "${of[@]}" \
        --label "ctrkit.sidecar.type=$type" "$@" "$image" \
        sh -c 'echo "the last words of $0"; sleep infinity' "$type" 2>/dev/null
}

# write_state NAME: a filter, the document that it was made for, and its ports.
write_state() {
    local directory=$state/$1
    mkdir -p "$directory/proxy" "$world/$1"
    jq -nc --arg name "$1" --arg key "$hash" --arg path "$world/$1" \
        '{schema: "ports/1", reservations: [{$key, $name, $path, ports: []}]}' >"$state/ports.json"
    filtergen --print --policy claude >"$directory/proxy/filter.py"
    digest=sha256:$(filtergen --read "$directory/proxy/filter.py" | tr -d '\n' | sha256sum | cut -d ' ' -f 1)
    jq -nc --arg name "$1" --arg hash "$hash" --arg path "$world/$1" --arg digest "$digest" \
        --arg engine "$engine" '{schema: "container/1", $name, engine: {kind: $engine},
        project: {$path, $name, $hash}, isolation: {mode: "proxy", $digest}}' >"$directory/document.json"
}

heal() { "$engine" exec "$proxy" touch /healthy; }
hurt() { "$engine" exec "$proxy" rm -f /healthy; }

# A port that is this world's, and the engine's, own.
isolated_port() {
    local base=${CTRKIT_TEST_PORTS:-22200}
    [[ $engine == podman ]] || base=$((base + 1000))
    printf '%s\n' "$((base + 600 + BATS_TEST_NUMBER))"
}

# address N: the address N of the sixteen that belong to the port.
address() {
    local number=$((16#0ad00000 + 16 * port + $1))
    printf '%d.%d.%d.%d' $((number >> 24)) $((number >> 16 & 255)) $((number >> 8 & 255)) $((number & 255))
}

# is_up NAME: the container NAME runs.
is_up() { [[ $("$engine" container inspect --format '{{.State.Running}}' "$1") == true ]]; }

# shut_in COMMAND...: runs it with an engine that lists nothing but what is of
# this world. Others use the same engine, and are not to lose anything.
shut_in() {
    local bin=$world/shut-in real
    real=$(command -v "$engine")
    mkdir -p "$bin"
    cat >"$bin/$engine" <<WRAPPER
#!/bin/sh
case "\$1 \$2" in
ps\ * | 'network ls' | 'volume ls') ;;
*) exec "$real" "\$@" ;;
esac
exec "$real" "\$@" --filter name=$hash --filter name=$prefix
WRAPPER
    chmod +x "$bin/$engine"
    CTRKIT_ENGINE=$bin/$engine "$@"
}

# left: what the engine has of what was made here, by kind and name.
left() {
    local each name
    while read -r each; do
        name=ctrkit-$each-
        "$engine" ps --all --filter "name=^$name" --format 'container {{.Names}}'
        "$engine" network ls --filter "name=$name" --format 'network {{.Name}}'
        "$engine" volume ls --filter "name=$name" --format 'volume {{.Name}}'
    done < <(sort -u "$world/hashes")
    "$engine" ps --all --filter "name=^$prefix" --format 'container {{.Names}}'
    "$engine" volume ls --filter "name=$prefix" --format 'volume {{.Name}}'
}

# unmake_isolated: removes what a test has left, by the engine alone.
unmake_isolated() {
    local kind name
    left | sort | while read -r kind name; do
        case $kind in
        container) "$engine" rm --force --time 0 "$name" 2>/dev/null || "$engine" rm --force "$name" ;;
        network) "$engine" network rm "$name" ;;
        volume) "$engine" volume rm "$name" ;;
        esac
    done >/dev/null
}
