#!/usr/bin/env bats
#
# The proxy's image, by itself: the filter and the forwarder run in it as they do
# beside an isolated container.

load world
bats_require_minimum_version 1.5.0

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    proxy_image=localhost/ctrkit-proxy:latest
    # Names of this run alone, for the engine is everybody's.
    id=ctrkit-test-$engine-$$
    python=/opt/mitmproxy/bin/python3
    filter="/etc/ctrkit/proxy/filter.py --listen 0.0.0.0:8080"
    forward=/usr/local/lib/ctrkit/forward.py
    export world proxy_image id python filter forward
    mkdir "$world/proxy"
    printf 'schema = "policy/1"\n[[allow]]\nname = "allowed.example"\n' >"$world/policy.toml"
    filtergen -p "$world/policy.toml" --print >"$world/proxy/filter.py"
    chmod -R a+rX "$world/proxy"
    # shellcheck disable=SC2086 # several words
    run_in proxy --volume "$id-proxy:/var/lib/ctrkit" --volume "$id-trust:/var/lib/ctrkit-trust" \
        --volume "$world/proxy:/etc/ctrkit/proxy:ro" "$proxy_image" \
        "$python" -I $filter --confdir /var/lib/ctrkit/ca --log /var/lib/ctrkit/log/requests.jsonl \
        --certificate /var/lib/ctrkit-trust/ca.pem
    # shellcheck disable=SC2086
    until in_proxy "$python" -I $filter --probe 2>/dev/null; do
        ((tries++ < 100)) || "$engine" logs "$id-proxy" >&2
        ((tries < 100))
        sleep 0.2
    done
}

teardown_file() {
    "$engine" rm --force "$id-proxy" "$id-ingress" >/dev/null 2>&1 || true
    "$engine" volume rm "$id-proxy" "$id-trust" >/dev/null
    unmake_world
}

# run_in PART WORD...: starts a container as the sidecars are started.
run_in() {
    local part=$1
    shift
    "$engine" run --detach --name "$id-$part" --cap-drop all --read-only \
        --security-opt no-new-privileges --sysctl net.ipv6.conf.all.disable_ipv6=1 "$@" >/dev/null
}

in_proxy() { "$engine" exec "$id-proxy" "$@"; }

# once WORD...: what a container of the image says that has nothing of this test.
once() { "$engine" run --rm "$@" 2>"$BATS_TEST_TMPDIR/err"; }

@test "the image has the mitmproxy that was pinned, and no pip to change it" {
    is "$(once "$proxy_image")" "mitmproxy 11.0.2"
    is "$(once "$proxy_image" sh -c 'ls /opt/mitmproxy/lib/python3*/site-packages' | grep -cE '^(pip|setuptools)$')" 0
    is "$(once "$proxy_image" sh -c 'ls /opt/mitmproxy/lib/python3*/site-packages' | grep -cx mitmproxy)" 1
}

@test "it is nobody's but an account without rights" {
    is "$(once "$proxy_image" id)" "uid=10001(ctrkit) gid=10001(ctrkit) groups=10001(ctrkit)"
    is "$(once --user 0 "$proxy_image" find / -xdev -perm /6000 -type f)" ""
    # The twin: the same words find one.
    is "$(once --user 0 "$proxy_image" sh -c 'chmod u+s /bin/true; find / -xdev -perm /6000 -type f')" /usr/bin/true
    is "$(once "$proxy_image" sh -c 'stat -c "%n %a %U" /var/lib/ctrkit* /var/lib/ctrkit/*')" \
"/var/lib/ctrkit 700 ctrkit
/var/lib/ctrkit-trust 755 ctrkit
/var/lib/ctrkit/ca 700 ctrkit
/var/lib/ctrkit/log 700 ctrkit"
    run -1 once "$proxy_image" touch /opt/mitmproxy/x /usr/local/lib/ctrkit/x
}

@test "the proxy refuses what its policy does not name, and writes it down" {
    local host=forbidden.example
    is "$(in_proxy "$python" -c "
import socket
to = socket.create_connection(('127.0.0.1', 8080))
to.sendall(b'CONNECT $host:443 HTTP/1.1\r\nHost: $host:443\r\n\r\n')
print(to.makefile().readline().strip())")" "HTTP/1.1 403 Forbidden"
    in_proxy cat /var/lib/ctrkit/log/requests.jsonl | tail -1 |
        get 'select(.host == "forbidden.example" and .decision == "refused") | .reason == "unknown-name"'
}

@test "its certificate is for all to read, and its key is not with it" {
    local files text
    files=$(once --user 65534 --volume "$id-trust:/etc/ctrkit/trust:ro" "$proxy_image" \
        sh -c 'cd /etc/ctrkit/trust; find . -type f; stat -c %a ca.pem; cat ./*')
    is "$(head -2 <<<"$files")" $'./ca.pem\n644'
    text=$(tail -n +3 <<<"$files")
    is "$(grep -e -----BEGIN <<<"$text")" "-----BEGIN CERTIFICATE-----"
    # Where the key is, nobody else gets.
    in_proxy grep -q 'PRIVATE KEY' /var/lib/ctrkit/ca/mitmproxy-ca.pem
    run -2 once --user 65534 --volume "$id-proxy:/mnt:ro" "$proxy_image" grep -rq 'PRIVATE KEY' /mnt/ca
    # It is of this proxy's authority, and not of another's.
    is "$text" "$(in_proxy cat /var/lib/ctrkit/ca/mitmproxy-ca-cert.pem)"
}

@test "the forwarder brings in what comes to a port of this machine" {
    local address port
    address=$("$engine" inspect --format '{{.NetworkSettings.IPAddress}}' "$id-proxy")
    run_in ingress --publish 127.0.0.1::8080 "$proxy_image" "$python" -I "$forward" --to "$address" 8080
    port=$("$engine" port "$id-ingress" 8080/tcp)
    for ((tries = 0; tries < 50; tries++)); do
        ! "$engine" exec "$id-ingress" "$python" -I "$forward" --probe 8080 2>/dev/null || break
        sleep 0.1
    done
    run -1 "$engine" exec "$id-ingress" "$python" -I "$forward" --probe 8080 22
    is "$output" "forward: nothing listens on 22"
    exec 5<>"/dev/tcp/${port%:*}/${port##*:}"
    printf 'CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n' >&5
    grep -q refused-by-policy <&5
    exec 5>&-
}

@test "both end at once when they are told to" {
    local begun=$SECONDS
    "$engine" stop --time 20 "$id-ingress" "$id-proxy" >/dev/null
    ((SECONDS - begun < 10))
    is "$("$engine" inspect --format '{{.State.ExitCode}}' "$id-ingress" "$id-proxy")" $'0\n0'
}

@test "a document with a proxy gets its image's name, and nothing is made twice" {
    local document before
    before=$("$engine" image inspect --format '{{.Id}}' "$proxy_image")
    document=$(ctr-spec "$(worktree app)" | jq -c '.isolation = {"mode": "proxy"}' | ctr-image)
    is "$(get .isolation.image <<<"$document")" "$proxy_image"
    is "$("$engine" image inspect --format '{{.Id}}' "$proxy_image")" "$before"
}
