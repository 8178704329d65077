#!/usr/bin/env bats
#
# A container of a predecessor's is reached by its name, and not touched.

load world
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    name=dev-foreign-$BATS_TEST_NUMBER-$$
    ssh_port=$((${CTRKIT_TEST_PORTS:-22200} + 600))
    [[ $engine == podman ]] || ssh_port=$((ssh_port + 1000))
}

teardown() {
    "$engine" rm --force "$name" >/dev/null 2>&1 || true
    "$engine" volume rm "$name-home" "$name-workspace" >/dev/null 2>&1 || true
    unmake_world
}

# made [OPTION...]: a container as l8s makes it: a key and a certificate of an
# authority of its own, beside the public key that the image came with.
made() {
    local key=$world/key tree=$world/tree
    "$engine" create --name "$name" --hostname "$name" --label l8s.managed=true \
        --label "l8s.ssh.port=$ssh_port" --publish "127.0.0.1:$ssh_port:22" "$@" \
        --volume "$name-home:/home/dev" --volume "$name-workspace:/workspace" \
        "$image" /usr/sbin/sshd -D >/dev/null
    ssh-keygen -q -t ed25519 -N '' -f "$world/their_ca"
    ssh-keygen -q -t ed25519 -N '' -f "$key"
    ssh-keygen -q -s "$world/their_ca" -I "$name" -h -n "$name" "$key.pub"
    mkdir -p "$tree/etc/ssh" "$tree/home/dev/.ssh" "$tree/run/sshd"
    install -m 600 "$key" "$tree/etc/ssh/ssh_host_ed25519_key"
    install -m 644 "$key-cert.pub" "$tree/etc/ssh/ssh_host_ed25519_key-cert.pub"
    install -m 644 "$world/their_ca.pub" "$tree/etc/ssh/ssh_host_ed25519_key.pub"
    install -m 600 /dev/null "$tree/etc/ssh/sshd_config"
    printf '%s\n' 'HostKey /etc/ssh/ssh_host_ed25519_key' 'StrictModes no' \
        'HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub' >"$tree/etc/ssh/sshd_config"
    install -m 644 "$HOME/id.pub" "$tree/home/dev/.ssh/authorized_keys"
    tar -C "$tree" --owner 0 --group 0 -c . | "$engine" cp - "$name:/"
    "$engine" start "$name" >/dev/null
}

# All that the engine says of it; docker lists the mounts in any order.
inspected() { "$engine" inspect "$name" | jq '.[0].Mounts |= sort_by(.Destination)'; }

reaches() {
    local tries
    for ((tries = 0; tries < 50; tries++)); do
        [[ $(ssh_ "$name" hostname 2>"$world/err") == "$name" ]] && return
        sleep 0.2
    done
    cat "$world/err" >&2
    return 1
}

# bats test_tags=alone
@test "adopted: reached under its own key, its ports are nobody else's, the engine only asked" {
    made
    sleep 1
    inspected >"$world/before"
    calls ctrkit adopt "$name" >/dev/null
    # shellcheck disable=SC2154 # calls sets it
    ((count <= 4))
    run ! grep -vE '^(ps|container inspect|cp [^-][^ ]*:[^ ]* -$)' "$world/calls"
    ctrkit adopt "$name" >"$world/document"
    inspected | diff - "$world/before"
    reaches
    is "$(get '.ports[] | select(.service == "ssh").host' <"$world/document")" "$ssh_port"
    is "$(get .user <"$world/document") $(get .workspace <"$world/document")" "dev /workspace/project"
    is "$(portalloc --list | cut -f 1,2,4)" "$name	adopted:$name	ssh=$ssh_port"
    # Again, and stopped: nothing changes.
    find "$state" "$config" "$HOME/ssh_config" -type f -exec sha256sum {} + | sort >"$world/files"
    ctrkit adopt "$name" | cmp - "$world/document"
    "$engine" stop -t 1 "$name" >/dev/null
    ctrkit adopt "$name" | get '.state.status == "stopped"'
    find "$state" "$config" "$HOME/ssh_config" -type f -exec sha256sum {} + | sort |
        diff - "$world/files" | grep '^[<>]' | grep -v document.json | is "$(cat)" ""
    # It is well, and so is what comes of giving it up.
    ctr-doctor --json >"$world/doctor"
    is "$(jq -c --arg name "$name" '[.checks[] | select(.status == "orphan" and (tostring | contains($name)))]' "$world/doctor")" "[]"
    sshcfg remove "$name"
    portalloc --release "$name"
    is "$(ctr-doctor --json --fix | jq -r '.checks[] | select(.status == "fixed").name')" state
    cmp "$CTRKIT_SSH_CONFIG" "$world/ssh_config.before"
    [[ ! -e $state/$name ]]
    "$engine" inspect --format '{{.Name}}' "$name" | grep -q -- "$name"
}

@test "listed, and refused where it cannot be adopted" {
    made --publish "127.0.0.1:$((ssh_port + 1)):3000"
    calls ctr-ls --foreign --json >"$world/list"
    is "$count" 2
    is "$(jq -c --arg name "$name" '.containers[] | select(.name == $name)
        | [.manager, .ports[] | strings, (objects | "\(.service) \(.host)")]' "$world/list")" \
        "[\"l8s\",\"ssh $ssh_port\",\"web $((ssh_port + 1))\"]"
    refused 69 no-such-container ctr-adopt no-such-container
    refused 65 bad-name ctr-adopt 'Bad_Name'
    # What another holds is not taken from it, and nothing is left.
    printf '{"schema":"ports/1","reservations":[{"key":"000000000001","name":"dev-x","path":"/","ports":[{"service":"ssh","port":%s}]}]}\n' \
        "$ssh_port" >"$state/ports.json"
    refused 69 tool-failed ctr-adopt "$name"
    [[ ! -e $state/$name ]]
    is "$(sshcfg list)" ""
}
