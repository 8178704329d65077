#!/usr/bin/env bats
#
# The proxy's image, by itself: the filter and the forwarder run in it as they do
# beside an isolated container.

load world
bats_require_minimum_version 1.5.0

setup_file() {
    home=$HOME
    make_world "$BATS_FILE_TMPDIR"
    proxy_image=localhost/ctrkit-proxy:latest
    # Names of this run alone, for the engine is everybody's.
    id=ctrkit-test-$engine-$$
    python=/opt/mitmproxy/bin/python3
    filter="/etc/ctrkit/proxy/filter.py --listen 0.0.0.0:8080"
    forward=/usr/local/lib/ctrkit/forward.py
    export home world proxy_image id python filter forward
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
    local part
    # One by one: podman 4.3 removes none of them if one is not there.
    for part in proxy ingress; do
        "$engine" rm --force "$id-$part" >/dev/null 2>&1 || true
    done
    "$engine" volume rm "$id-proxy" "$id-trust" >/dev/null
    "$engine" rmi "localhost/ctrkit-proxy:$id" >/dev/null 2>&1 || true
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
    ((SECONDS - begun < 20))
    is "$("$engine" inspect --format '{{.State.ExitCode}}' "$id-ingress" "$id-proxy")" $'0\n0'
}

@test "a document with a proxy gets its image's name, and nothing is made twice" {
    local document before
    before=$("$engine" image inspect --format '{{.Id}}' "$proxy_image")
    document=$(isolated "" | jq -c 'del(.isolation.image)' | ctr-image)
    is "$(get .isolation.image <<<"$document")" "$proxy_image"
    is "$("$engine" image inspect --format '{{.Id}}' "$proxy_image")" "$before"
}

# isolated IMAGE: the document of a container whose proxy has that image.
isolated() {
    [[ -d $world/app ]] || worktree app >/dev/null
    ctr-spec "$world/app" | jq -c --arg image "$1" '.isolation = {"mode": "proxy", "image": $image}'
}

@test "an image that is none, and one that nobody has" {
    isolated --privileged >"$world/in"
    is "$(ctr-image --error-format json <"$world/in" 2>&1 | jq -r .kind)" bad-image-name
    isolated localhost/no-such-proxy:1 >"$world/in"
    is "$(ctr-image --error-format json <"$world/in" 2>&1 | jq -r .kind)" image-missing
}

# recipe IMAGE: the recipe that it was built by.
recipe() { "$engine" image inspect --format '{{index .Config.Labels "ctrkit.recipe"}}' "$1"; }

# bats test_tags=long
@test "one of an older recipe is made anew, and the index's password is not in it" {
    local old=localhost/ctrkit-proxy:$id index error
    printf 'FROM %s\nLABEL ctrkit.recipe=000000000000\n' "$proxy_image" |
        "$engine" build --quiet --tag "$old" - >/dev/null
    is "$(recipe "$old")" 000000000000
    isolated "$old" >"$world/in"
    # Where the network re-signs TLS, the machine was told by whom.
    if [[ -z ${CTRKIT_CA_BUNDLE:-} ]] && cat /usr/local/share/ca-certificates/*.crt >"$world/bundle" 2>/dev/null; then
        export CTRKIT_CA_BUNDLE=$world/bundle
    fi

    # The index is really the one that is asked; where it does not answer, the image
    # stays as it is and the password is not told.
    PIP_INDEX_URL=http://someone:s3cr3t-w0rd@127.0.0.1:9/ run -69 \
        ctr-image --base "$image" --error-format json --events "$world/events" <"$world/in"
    error=$output
    is "$(jq -r .kind <<<"$error")" cannot-build-image
    run -1 grep s3cr3t-w0rd - "$world/events" <<<"$error"
    is "$(recipe "$old")" 000000000000

    index=${PIP_INDEX_URL:-$("$(HOME=$home "$root/scripts/mitmproxy")" -c \
        'from pip._internal.models.index import PyPI; print(PyPI.simple_url)')}
    PIP_INDEX_URL=${index/:\/\//:\/\/someone:s3cr3t-w0rd@} ctr-image --base "$image" <"$world/in" >"$world/out"
    is "$(get .isolation.image <"$world/out")" "$old"
    is "$(recipe "$old")" "$(recipe "$proxy_image")"
    is "$(once "$old")" "mitmproxy 11.0.2"
    # Neither in a layer nor in what is said of them; the twin is what must be in one.
    "$engine" save "$old" 2>/dev/null >"$world/saved.tar"
    is "$(grep -a -c s3cr3t-w0rd "$world/saved.tar")" 0
    grep -a -q 'Forward TCP connections' "$world/saved.tar"
    is "$("$engine" images --all --quiet --filter label=ctrkit.stage)" ""
    # podman 4.3 leaves a container of its own, without the password, of a build
    # that failed.
    "$engine" rmi --force "$old" >/dev/null
}
