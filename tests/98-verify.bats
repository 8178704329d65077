#!/usr/bin/env bats
#
# ctr-verify finds nothing in a container that is isolated, and each hole that is
# made in one on purpose, by its own name. The container without a hole is made by
# `ctrkit create`; those with one by the engine, beside a proxy with the real
# filter: a box, one at a time on one network.

load world
load sidecars
bats_require_minimum_version 1.5.0

python=/opt/mitmproxy/bin/python3

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    path=$(worktree sound)
    ctrkit create --isolate claude+github "$path" >"$world/document" 2>"$world/narration"
    sound=$(get .name <"$world/document")
    prefix=verify-$$
    name=$prefix-box
    hash=$(printf %s "$name" | sha256sum | cut -c 1-12)
    port=$(BATS_TEST_NUMBER=0 isolated_port)
    proxy=ctrkit-$hash-proxy net=ctrkit-$hash-net
    echo "$hash" >>"$world/hashes"
    of=(--label ctrkit.managed=true --label "ctrkit.name=$name" --label "ctrkit.sidecar.of=$hash")
    shut=(--internal --disable-dns)
    [[ $engine == podman ]] || shut=(--internal -o com.docker.network.bridge.inhibit_ipv4=true)
    write_state "$name"
    {
        insist "$engine" network create "${shut[@]}" "${of[@]}" --subnet "$(address 0)/28" "$net"
        "$engine" volume create "${of[@]}" "ctrkit-$hash-proxy"
        "$engine" volume create "${of[@]}" "ctrkit-$hash-trust"
        served "$proxy" "$net" "$(address 2)" "$python" -I /etc/ctrkit/proxy/filter.py --listen 0.0.0.0:8080 \
            --confdir /var/lib/ctrkit/ca --log /var/lib/ctrkit/log/requests.jsonl \
            --certificate /var/lib/ctrkit-trust/ca.pem
    } >/dev/null
    eventually "$engine" exec "$proxy" test -s /var/lib/ctrkit-trust/ca.pem
    export world state config path sound prefix name hash port proxy net
}

teardown_file() {
    load world
    load sidecars
    unmake_isolated
    unmake_world
}

setup() {
    load world
    load sidecars
    of=(--label ctrkit.managed=true --label "ctrkit.name=$name" --label "ctrkit.sidecar.of=$hash")
}

teardown() {
    gone "$name"
    gone "ctrkit-$hash-other"
    if "$engine" network inspect "ctrkit-$hash-odd"; then
        "$engine" network disconnect --force "ctrkit-$hash-odd" "$proxy" || true
        "$engine" network rm "ctrkit-$hash-odd"
    fi
} >/dev/null 2>&1

# gone NAME: a container is removed, at once, or is not there.
gone() { "$engine" rm --force --time 0 "$1" 2>/dev/null || "$engine" rm --force "$1" 2>/dev/null || true; } >/dev/null

# served NAME NETWORK ADDRESS COMMAND...: a sidecar of the box.
served() {
    local called=$1 network=$2 at=$3
    shift 3
    "$engine" run --detach --init --name "$called" "${of[@]}" --label ctrkit.sidecar.type=proxy \
        --network "$network" --ip "$at" -v "ctrkit-$hash-proxy:/var/lib/ctrkit" \
        -v "ctrkit-$hash-trust:/var/lib/ctrkit-trust" -v "$state/$name/proxy:/etc/ctrkit/proxy:ro" \
        localhost/ctrkit-proxy:latest "$@"
}

# box OPTION...: a container without a hole, but for what the options make; with
# `on`, the network, `via`, the proxy's address, and `from`, the image.
box() {
    local drop=() capability six=(--sysctl net.ipv6.conf.all.disable_ipv6=1
        --sysctl net.ipv6.conf.default.disable_ipv6=1) command=(sleep infinity)
    for capability in MKNOD NET_RAW SYS_ADMIN SYS_BOOT SYS_MODULE SYS_NICE SYS_PTRACE SYS_RAWIO SYS_RESOURCE; do
        drop+=(--cap-drop "$capability")
    done
    [[ -z ${six_on-} ]] || six=()
    [[ -z ${from-} ]] || command=(/wait)
    "$engine" run --detach --name "$name" --label ctrkit.managed=true --label "ctrkit.name=$name" \
        --label "ctrkit.project.hash=$hash" --network "${on:-$net}" --dns "$(address 2)" \
        --env "https_proxy=http://${via:-$(address 2)}:8080" --pids-limit 256 "${drop[@]}" "${six[@]}" \
        -v "ctrkit-$hash-trust:/etc/ctrkit/trust:ro" "$@" "${from:-$image}" "${command[@]}" >/dev/null
}

# verify OPTION...: attacks the box, or `about`; the document is in `found`.
verify() {
    local status=0
    found=$(ctr-verify --json "$@" "${about:-$name}") || status=$?
    jq -r '.containers[].probes[] | select(.verdict != "held") | "# \(.verdict) \(.id): \(.detail)"' <<<"$found" >&2
    local -A meant=([0]=held [1]=got-out [69]=untested)
    is "$(jq -r '.verdict' <<<"$found")" "${meant[$status]}"
}

# holes: the names of the probes that found something, in their order.
holes() { jq -r '[.containers[].probes[] | select(.verdict == "got-out").id] | join(" ")' <<<"$found"; }

# untried: those that could not be made, and why.
untried() { jq -r '[.containers[].probes[] | select(.verdict == "untested") | "\(.id):\(.cause)"] | join(" ")' <<<"$found"; }

# hole ID [CONSEQUENCE...]: the last run found ID, nothing that is not named, and
# no probe stayed untried.
hole() {
    local each wanted=$1
    is "$(untried)" ""
    for each in $(holes); do
        [[ " $* " == *" $each "* ]] || { echo "not expected: $each" >&2; return 1; }
    done
    [[ " $(holes) " == *" $wanted "* ]]
}

# clean CONTAINER: nothing of ours is left in it.
clean() {
    local at
    at=$("$engine" inspect --format '{{.State.Pid}}' "$1")
    [[ ! -e /proc/$at/root/.ctrkit-verify ]]
    "$engine" top "$1" >"$world/top"
    run -1 grep -q ctrkit-verify "$world/top"
}

seconds() { # LIMIT COMMAND...: it takes no longer, and how long is told.
    local began=$EPOCHREALTIME limit=$1 took
    shift
    "$@"
    took=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
    echo "# $engine: $took s for: $*" >&3
    awk -v took="$took" -v limit="$limit" 'BEGIN { exit !(took < limit) }'
}

@test "a container that ctrkit isolates has no hole" {
    # Machines are busy at times; what it took is told.
    about=$sound seconds 120 verify
    is "$(holes)$(untried)" ""
    is "$(jq '.containers[0].probes | length > 30' <<<"$found")" true
    clean "$sound"
}

@test "fast, that takes two seconds, and is the same" {
    about=$sound seconds 60 verify --quick
    is "$(holes)$(untried) $(jq .quick <<<"$found")" " true"
    clean "$sound"
    about=$sound verify --quick --beside
    is "$(holes)$(untried)" ""
    is "$("$engine" ps --all --filter label=ctrkit.sidecar.type=probe --format '{{.Names}}' \
        --filter "label=ctrkit.sidecar.of=$(get .project.hash <"$world/document")")" ""
}

# refusals: how many refusals are counted in the container and how many in its log
# are not marked as probes; and the hosts of those.
refusals() {
    local counted
    # The proxy writes them down twice a second.
    sleep 2
    counted=$(ctr-ls --json | jq --arg name "$sound" '.containers[] | select(.name == $name).isolation.refused')
    printf '%s %s\n' "$counted" "$(ctr-log --refused --json "$sound" | jq -sr 'map(select(.probe | not).host)
        | sort | "\(length) \(join(","))"')"
}

# ask TARGET: the proxy is asked for a tunnel, from inside.
ask() {
    # shellcheck disable=SC2016 # the variables are the container's
    ctr-exec "$sound" bash -c '
        at=${https_proxy##*/}
        exec 3<>"/dev/tcp/${at%:*}/${at##*:}"
        printf "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" "$1" "$1" >&3
        read -r answer <&3
        [[ $answer == *" 403 "* ]]' bash "$1"
}

# bats test_tags=on:docker
@test "its own requests are told apart from others, which cannot hide among them" {
    ctr-verify --quick "$sound" >/dev/null
    local before after
    before=$(refusals)
    is "$(ctr-log --refused --json "$sound" | jq -r 'select(.probe).host' | grep -c ctr-verify.invalid)" "$(
        ctr-log --refused --json "$sound" | jq -r .host | grep -c ctr-verify.invalid)"
    # The very same as one of them, just before another run; and what
    # anybody would want to hide.
    ask 1.1.1.1:443
    ask evil.example:443
    ctr-verify --quick "$sound" >/dev/null
    after=$(refusals)
    read -r counted number hosts <<<"$before"
    hosts=$(tr , '\n' <<<"$hosts,1.1.1.1,evil.example" | sed '/^$/d' | LC_ALL=C sort | paste -sd,)
    is "$(tr , '\n' <<<"${after##* }" | LC_ALL=C sort | paste -sd,)" "$hosts"
    is "${after% *}" "$((counted + 2)) $((number + 2))"
    ctr-log --refused "$sound" | grep -q 'probe: no-name .*1\.1\.1\.1'
}

# bats test_tags=on:podman
@test "for prove each probe is a test" {
    ctr-verify --quick "$sound" >"$world/tap"
    is "$(head -1 "$world/tap")" 'TAP version 13'
    is "$(tail -1 "$world/tap")" "1..$(grep -c '^ok' "$world/tap")"
    prove -e 'ctr-verify --quick' "$sound"
    (cd "$path" && ctrkit verify --quick) | tail -1 | grep -q '^1\.\.'
}

@test "the box has no hole either, and each of the following is its own" {
    box
    verify --quick
    is "$(holes)$(untried)" ""
}

# odd_network OPTION...: another network, with the proxy on it.
odd_network() {
    port=$((port + 1))
    insist "$engine" network create "${of[@]}" --subnet "$(address 0)/28" "$@" "ctrkit-$hash-odd" >/dev/null
    "$engine" network connect --ip "$(address 2)" "ctrkit-$hash-odd" "$proxy"
    on=ctrkit-$hash-odd
}

# bats test_tags=on:podman
@test "the gateway's address left on" {
    odd_network --internal
    box
    verify --quick
    # The bridge answers, which is the machine, hears, and on podman asks for names.
    hole bridge-address host-address networks outside-name default-route host-broadcast
    hole networks bridge-address host-address outside-name default-route host-broadcast
}

@test "a network that leads outside" {
    odd_network
    box
    verify --quick
    hole default-route outside-address metadata-address bridge-address host-address host-broadcast networks outside-name
    hole networks default-route outside-address metadata-address bridge-address host-address host-broadcast outside-name
}

# bats test_tags=on:podman
@test "DNS left on" {
    cat >"$world/dns.py" <<'END'
import socket
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 53))
while True:
    question, asker = server.recvfrom(512)
    server.sendto(question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question[12:]
                  + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\1", asker)
END
    served "ctrkit-$hash-other" "$net" "$(address 5)" sleep infinity >/dev/null
    "$engine" exec --detach --user 0:0 "ctrkit-$hash-other" "$python" -c "$(cat "$world/dns.py")"
    eventually "$engine" exec "ctrkit-$hash-other" grep -q ':0035 ' /proc/net/udp
    box --dns "$(address 5)"
    verify --quick
    hole outside-name
}

# bats test_tags=on:podman
@test "IPv6 on" {
    if [[ $engine == podman ]]; then
        six_on=yes box
    else
        odd_network --internal -o com.docker.network.bridge.inhibit_ipv4=true --ipv6 --subnet "fd7b:$(printf %x "$port")::/64"
        six_on=yes box
    fi
    verify --quick
    hole ipv6 networks bridge-address
}

@test "a proxy that listens on a second port" {
    "$engine" exec --detach "$proxy" "$python" -m http.server 9090
    box
    verify
    "$engine" exec "$proxy" "$python" -c '
import os, signal
for pid in filter(str.isdigit, os.listdir("/proc")):
    if b"9090" in open(f"/proc/{pid}/cmdline", "rb").read(): os.kill(int(pid), signal.SIGKILL)' || true
    hole proxy-ports
}

# bats test_tags=on:podman
@test "a filter that allows all" {
    served "ctrkit-$hash-other" "$net" "$(address 5)" /opt/mitmproxy/bin/mitmdump -q --listen-port 8080 \
        --set confdir=/tmp/ca --set block_global=false --set connection_strategy=lazy >/dev/null
    eventually "$engine" exec "ctrkit-$hash-other" "$python" -c 'import socket; socket.create_connection(("127.0.0.1", 8080))'
    via=$(address 5) box
    verify --quick
    hole proxy-refuses proxy-literal
    printf 'schema = "policy/1"\n[[allow]]\nname = "api.anthropic.com"\n' >"$world/policy.toml"
    verify --policy "$world/policy.toml"
    hole proxy-mismatch proxy-refuses proxy-literal proxy-port
}

@test "a proxy that is dead is not one that refuses" {
    via=$(address 9) box
    verify --quick
    is "$(holes)" ""
    is "$(untried)" "proxy-refuses:proxy-silent proxy-literal:proxy-silent"
    ctr-verify --quick "$name" >"$world/tap" || is $? 69
    grep -q '^ok .* - proxy-refuses: .* # SKIP proxy-silent: ' "$world/tap"
    # Nobody takes that for a pass.
    run ! prove -e cat "$world/tap"
}

# bats test_tags=on:podman
@test "the key of the proxy's authority, as its volume and as any file" {
    box -v "ctrkit-$hash-proxy:/srv/data:ro"
    verify --quick
    hole authority-key
    gone "$name"
    box
    "$engine" exec "$proxy" cat /var/lib/ctrkit/ca/mitmproxy-ca.pem | "$engine" exec -i "$name" sh -c 'mkdir -p /opt/a/b/c; cat >/opt/a/b/c/notes.txt'
    verify
    hole authority-key
    grep -q /opt/a/b/c/notes.txt <<<"$found"
    run ! grep -q 'PRIVATE KEY' <<<"$found"
}

@test "the key of the ssh authority" {
    box
    "$engine" exec -i "$name" sh -c 'cat >/root/key' <"$config/ca/ca_key"
    verify --quick
    hole ssh-authority-key
}

# bats test_tags=on:podman
@test "the engine's socket, wherever it is" {
    box -v /var/run/docker.sock:/var/run/docker.sock
    verify --quick
    hole engine-socket
    gone "$name"
    box -v /var/run/docker.sock:/srv/a/b.sock
    verify --quick
    hole engine-socket
}

@test "a capability too many" {
    box --cap-add NET_ADMIN
    verify --quick
    hole capabilities network-change
    hole network-change capabilities
}

# bats test_tags=on:podman
@test "a policy that can be written, or only be read" {
    box -v "$state/$name/proxy:/srv/policy"
    verify --quick
    hole policy-mounted
    grep -q 'can be written' <<<"$found"
    gone "$name"
    box -v "$config:/srv/config:ro"
    verify --quick
    # The key of the ssh authority lies there, too.
    hole policy-mounted ssh-authority-key
}

# bats test_tags=on:podman
@test "directories of the machine, and rights of it" {
    box -v /etc:/srv/etc:ro
    verify --quick
    hole host-mounts
    gone "$name"
    box --pid host --security-opt seccomp=unconfined
    verify --quick
    hole namespaces seccomp kernel-files cgroup-files
    hole seccomp namespaces kernel-files cgroup-files
}

@test "a plain container has many" {
    "$engine" run --detach --init --name "$name" -p "$((port + 50)):80" "$image" sleep infinity >/dev/null
    found=$(ctr-verify --json --quick --container "$name" || true)
    for each in outside-address bridge-address host-address default-route networks capabilities raw-sockets; do
        grep -qw -- "$each" <<<"$(holes)"
    done
    refused 65 not-managed ctr-verify "$name"
    is "$(ctr-verify --json --quick --container "$("$engine" inspect --format '{{.Id}}' "$name" | cut -c 1-12)" | jq -r '.containers[0].name')" "$name"
    refused 69 no-such-container ctr-verify --container "$prefix-nobody"
    clean "$name"
}

# from_nothing: an image with one static program, which waits.
from_nothing() {
    mkdir -p "$world/nothing"
    printf '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n' >"$world/wait.c"
    cc -static -o "$world/nothing/wait" "$world/wait.c"
    tar -C "$world/nothing" -cf - wait | "$engine" import - "localhost/$prefix:latest" >/dev/null
    from=localhost/$prefix:latest
}

# bats test_tags=on:podman
@test "an image with nothing in it, and one that can only be read" {
    from_nothing
    box
    verify --quick
    is "$(holes)$(untried)" ""
    gone "$name"
    # A volume takes the helper.
    box --read-only -v "$prefix-v:/v"
    verify --quick
    is "$(holes)$(untried)" ""
    is "$("$engine" run --rm -v "$prefix-v:/v" "$image" ls -A /v)" ""
    gone "$name"
    "$engine" volume rm "$prefix-v" >/dev/null
    # Nothing does: its network is tried from beside, and that is told.
    local none=(--read-only)
    [[ $engine == docker ]] || none+=(--read-only-tmpfs=false)
    box "${none[@]}"
    verify --quick
    is "$(holes)" ""
    grep -q 'capabilities:helper-failed' <<<"$(untried)"
    run ! grep -qE 'outside-address|proxy-refuses|bridge-address' <<<"$(untried)"
    gone "$name"
    "$engine" rmi --force "$from" >/dev/null
}

# bats test_tags=on:podman
@test "interrupted and killed it leaves nothing" {
    local each pid status
    box
    for each in 0.3 0.8 1.5 3; do
        ctr-verify --json "$name" >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$each"
        kill -INT "$pid" 2>/dev/null || true
        status=0
        wait "$pid" || status=$?
        [[ $status -eq 130 || $status -eq 0 ]]
        settle_helper
        clean "$name"
    done
    for each in 0.1 0.2 0.3 0.4 0.6 1 2; do
        setsid ctr-verify --json "$name" >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$each"
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        settle_helper
    done
    verify --quick
    is "$(holes)$(untried)" ""
    clean "$name"
}

# settle_helper: what a run has begun before it was ended comes to its end.
settle_helper() {
    settle "$name"
    helped_no_more() { "$engine" top "$name" >"$world/top" && run -1 grep ctrkit-verify "$world/top"; }
    eventually helped_no_more
}

# bats test_tags=long
@test "a secret is found by its path, and not told" {
    local secret=s3cret-$RANDOM$RANDOM-value/with+more
    printf '%s\n' "$secret" >"$world/secret"
    box
    seconds 120 ctr-verify --secret-check --secret "$world/secret" "$name"
    printf 'machine x login y password %s\n' "$secret" | "$engine" exec -i "$name" sh -c 'cat >/srv/netrc'
    printf 'x-access-token:%s' "$secret" | base64 -w0 | "$engine" exec -i "$name" sh -c 'mkdir -p /home/a; cat >/home/a/config'
    found=$(ctr-verify --json --secret-check --secret "$world/secret" "$name") || is $? 1
    is "$(jq -r '.containers[0].probes[0] | "\(.id) \(.verdict) \(.detail)"' <<<"$found")" 'secret got-out it is in /home/a/config, /srv/netrc'
    run ! grep -qF "$secret" <<<"$found"
    gone "$name"
    box --env "TOKEN=$secret"
    found=$(ctr-verify --json --secret-check --secret "$world/secret" "$name") || is $? 1
    grep -q '/proc/1/environ' <<<"$found"
    # The document names those of the policy.
    jq -c --arg file "$world/secret" '.isolation.secrets = [{id: "a.example.authorization", host: "a.example", header: "Authorization", $file}]' \
        "$state/$name/document.json" >"$world/with" && mv "$world/with" "$state/$name/document.json"
    found=$(ctr-verify --json --secret-check "$name") || is $? 1
    grep -q 'a.example.authorization' <<<"$found"
    refused 66 no-secret ctr-verify --secret-check "$sound"
    refused 66 cannot-read-file ctr-verify --secret-check --secret "$world/nothing-there" "$sound"
    printf short >"$world/short"
    refused 65 secret-too-short ctr-verify --secret-check --secret "$world/short" "$sound"
    clean "$name"
}

# bats test_tags=on:podman
@test "all containers of a Compose project" {
    box --label com.docker.compose.project="$prefix"
    is "$(ctr-verify --json --quick --project "$prefix" | jq -r '.containers[].name')" "$name"
    is "$(ctr-verify --json --quick --project "ctrkit-$(get .project.hash <"$world/document")" | jq -r '.containers[].name')" "$sound"
    refused 69 empty-project ctr-verify --project "$prefix-nothing"
    "$engine" stop -t 0 "$name" >/dev/null
    refused 69 not-running ctr-verify "$name"
    refused 64 bad-proxy ctr-verify --proxy nowhere "$sound"
}

@test "ctr-up takes down what gets out" {
    local edge status=0
    edge=ctrkit-$(get .project.hash <"$world/document")-edge
    "$engine" stop -t 0 "$sound" >/dev/null
    "$engine" network connect "$edge" "$sound"
    CTRKIT_ERROR_FORMAT=json ctr-up <"$world/document" >"$world/out" 2>"$world/err" || status=$?
    is "$status $(tail -1 "$world/err" | get .kind)" '69 not-isolated'
    tail -1 "$world/err" | get .hint >/dev/null
    run ! is_up "$sound"
    "$engine" network disconnect "$edge" "$sound"
    ctr-up <"$world/document" >"$world/out"
    is_up "$sound"
    clean "$sound"
}
