#!/usr/bin/env bats
#
# A container that has no way out but its proxy, and is in all else like the
# others. What it withstands is tested in isolation/.

load world
load killed
bats_require_minimum_version 1.5.0

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    path=$(worktree myapp)
    ctrkit create --isolate claude+github "$path" >"$world/document" 2>"$world/narration"
    name=$(get .name <"$world/document")
    hash=$(get .project.hash <"$world/document")
    export world state config path name hash
}

teardown_file() { unmake_world; }

setup() { load world; }

# The sidecars, their networks and their volumes.
all=$(printf 'container %s\n' ctrkit-HASH-ingress ctrkit-HASH-proxy
    printf 'network %s\n' ctrkit-HASH-edge ctrkit-HASH-net
    printf 'volume %s\n' ctrkit-HASH-proxy ctrkit-HASH-trust)

# surrounded: all of it is there, and once.
surrounded() { is "$(around "$hash" | sort)" "${all//HASH/$hash}"; }

answers() { ssh_ -o ConnectionAttempts=20 "$name" "$@"; }

# in_app COMMAND: by the engine, as root.
in_app() { "$engine" exec --user 0:0 "$name" "$@"; }

@test "ssh, git push and the web port are as of any other container" {
    is "$(answers git -C /workspace/myapp rev-parse HEAD)" "$(git -C "$path" rev-parse HEAD)"
    echo more >>"$path/file"
    git -C "$path" commit -qam more
    (cd "$path" && ctrkit push)
    is "$(answers cat /workspace/myapp/file | tail -1)" more
    "$engine" exec --detach "$name" perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(LocalPort => 3000, Listen => 5, ReuseAddr => 1) or die;
        while (my $c = $s->accept) { <$c>; print $c "HTTP/1.0 200 OK\r\n\r\nserved\n"; close $c }'
    local tries
    for ((tries = 0; tries < 50; tries++)); do
        ! curl -sf --noproxy '*' "http://localhost:$(get '.ports[1].host' <"$world/document")/" >"$world/web" || break
        sleep 0.2
    done
    is "$(cat "$world/web")" served
}

@test "what stands around it is there once" {
    surrounded
}

@test "names that the policy has get to the proxy's decision, others do not" {
    local refused
    refused=$(answers 'curl -sS -m 20 https://example.com/ 2>&1; curl -sS -m 20 http://example.com/' || true)
    grep -q 'response 403' <<<"$refused"
    grep -q '"error": *"refused-by-policy"\|refused-by-policy' <<<"$refused"
    # That it goes nowhere here is the world's doing, not the policy's.
    is "$(answers 'curl -s -m 20 -o /dev/null -w %{http_code} https://api.github.com/' | cut -c1)" 5 ||
        is "$(answers 'curl -s -m 20 -o /dev/null -w %{http_code} https://api.github.com/' | cut -c1)" 2
}

# bats test_tags=on:podman
@test "all kinds of sessions find the proxy and trust it" {
    local proxy session
    proxy=$(get '.env[] | select(.name == "https_proxy") | .value' <"$world/document")
    for session in "ssh_ $name printenv" "ssh_ $name bash\ -lc\ printenv" "ctrkit exec $name -- printenv"; do
        eval "$session" >"$world/env"
        grep -qx "https_proxy=$proxy" "$world/env"
        grep -qx "HTTP_PROXY=$proxy" "$world/env"
        grep -qx 'SSL_CERT_FILE=/etc/ctrkit/ca-bundle.crt' "$world/env"
    done
    # In the system's store, for what heeds no variable, and for apt and sudo.
    answers 'env -i openssl verify /etc/ctrkit/trust/ca.pem' | grep -q OK
    in_app apt-config dump Acquire::http::Proxy | grep -qF "$proxy"
    is "$(answers sudo printenv https_proxy)" "$proxy"
}

@test "the key of the proxy's authority is nowhere in it" {
    in_app cat /etc/ctrkit/trust/ca.pem | grep -q 'BEGIN CERTIFICATE'
    run ! in_app grep -rqs --exclude-dir=proc --exclude-dir=sys 'mitmproxy-ca.pem' /etc /var /home /workspace /tmp
    is "$(in_app sh -c 'ls /etc/ctrkit/trust')" ca.pem
    run ! in_app sh -c 'echo x >/etc/ctrkit/trust/ca.pem'
    run ! in_app mount -o remount,rw /etc/ctrkit/trust
}

@test "a second create changes nothing, and another policy needs no other container" {
    local before
    before=$(on_engine; cat "$state/ports.json"; get .state.id <"$world/document")
    ctrkit create --isolate claude+github "$path" >"$world/again"
    is "$(on_engine; cat "$state/ports.json"; get .state.id <"$world/again")" "$before"
    is "$(jq -S 'del(.git)' "$world/again")" "$(jq -S 'del(.git)' "$world/document")"
    ctrkit create --isolate claude "$path" >"$world/narrower"
    is "$(get .state.id <"$world/narrower")" "$(get .state.id <"$world/document")"
    local tries
    for ((tries = 0; tries < 50; tries++)); do
        ! answers 'curl -sS -m 20 https://api.github.com/ 2>&1' | grep -q 'response 403' || break
        sleep 0.2
    done
    answers 'curl -sS -m 20 https://api.github.com/ 2>&1' | grep -q 'response 403'
    ctrkit create --isolate claude+github "$path" >"$world/document"
}

@test "ctr-info measures it" {
    ctr-info --json "$name" >"$world/info"
    is "$(get '.containers[0].isolation | [.mode, .isolated] | @csv' <"$world/info")" '"proxy",true'
    get '.containers[0].isolation.filter.allow | contains(["api.github.com"])' <"$world/info"
}

# bats test_tags=on:docker
@test "stopped and started it is the same, and the proxy is there first" {
    ctrkit stop "$name"
    surrounded
    ctrkit start "$name"
    is "$(answers cat /workspace/myapp/file | head -1)" hello
    ctrkit stop "$name"
    ctrkit create --isolate claude+github "$path" >"$world/again"
    is "$(get .state.status <"$world/again")" running
    is "$(answers cat /workspace/myapp/file | head -1)" hello
}

# bats test_tags=on:docker
@test "one whose run was killed before it was tried is tried by the next" {
    local number probe='.step == "probe" and .status'
    ctrkit stop "$name"
    CTRKIT_EVENTS=$world/events ctrkit create --isolate claude+github "$path" >"$world/again"
    number=$(jq "$probe == \"started\"" "$world/events" | grep -n true | cut -d : -f 1)
    ctrkit stop "$name"
    cut_off KILL "$number" ctrkit create --isolate claude+github "$path"
    settle "$name"
    is "$("$engine" inspect --format '{{.State.Status}}' "$name")" running
    is "$(get .unproven <"$state/$name/pending.json")" true
    ctrkit stop "$name"
    refused 69 isolation-not-tried ctr-start "$name"
    rm "$world/events"
    CTRKIT_EVENTS=$world/events ctrkit create --isolate claude+github "$path" >"$world/again"
    is "$(jq "select($probe == \"done\") | .step" "$world/events")" '"probe"'
    [[ ! -e $state/$name/pending.json ]]
}

@test "a rebuild keeps what is a person's, the sidecars' names and the authority" {
    local before
    answers 'echo edit >>/workspace/myapp/file; echo mine >~/mine'
    before=$(in_app sha256sum /etc/ctrkit/trust/ca.pem)
    (cd "$path" && ctrkit rebuild)
    is "$(answers 'tail -1 /workspace/myapp/file; cat mine')" "$(printf 'edit\nmine')"
    is "$(in_app sha256sum /etc/ctrkit/trust/ca.pem)" "$before"
    surrounded
    is "$(on_engine | grep -c "container $name")" 1
}

# bats test_tags=on:docker
@test "with and without isolation, by --replace alone" {
    run ! ctrkit create --no-isolation "$path"
    grep -q 'isolation' <<<"$output"
    ctrkit create --replace "$path" >"$world/plain"
    is "$(around "$hash")" ""
    is "$(answers cat mine)" mine
    run ! ctrkit create --isolate claude "$path"
    ctrkit create --replace --isolate claude+github "$path" >"$world/document"
    surrounded
    is "$(answers cat mine)" mine
}

# bats test_tags=on:docker
@test "a person's own Compose file is laid over it, and opens nothing" {
    local override=$world/override.yaml
    printf 'services:\n  app:\n    privileged: true\n' >"$override"
    refused 65 override-refused ctrkit create --isolate claude --compose-override "$override" "$path"
    is "$(get .services.app.mem_limit <"$state/$name/compose.json")" 4g
    cat >"$override" <<'YAML'
services:
  app:
    environment: {MINE: "yes $$HOME"}
    mem_limit: 1g
    volumes: [./fixtures:/fixtures:ro]
  db:
    image: localhost/ctrkit-base:latest
    command: [sleep, "1000"]
    volumes: [data:/data]
volumes:
  data:
YAML
    mkdir "$path/fixtures"
    ctrkit create --replace --isolate claude --compose-override "$override" "$path" >"$world/over"
    is "$("$engine" exec "$name" printenv MINE)" 'yes $HOME'
    is "$(ctr-info --json "$name" | get '.containers[0].isolation | [.isolated, .memory] | @csv')" 'true,"1g"'
    is "$(in_app getent hosts db | wc -l)" 1
    around "$hash" | grep -qx "container ctrkit-$hash-db"
    ctrkit stop "$name"
    is "$("$engine" inspect --format '{{.State.Running}}' "ctrkit-$hash-db")" false
    # What the container has committed may be a link once it is pulled.
    rmdir "$path/fixtures"
    ln -s / "$path/fixtures"
    (cd "$path" && refused 65 mount-changed ctr-start "$name")
    refused 65 mount-changed bash -c 'ctr-up <"$1"' - "$world/over"
    is "$("$engine" inspect --format '{{.State.Running}}' "ctrkit-$hash-db")" false
    rm "$path/fixtures"
    mkdir "$path/fixtures"
    (cd "$path" && ctrkit start && ctrkit rebuild)
    is "$("$engine" exec "$name" printenv MINE)" 'yes $HOME'
    ctrkit create --replace --isolate claude "$path" >"$world/document"
    run ! "$engine" exec "$name" printenv MINE
}

@test "rm takes all of it" {
    local volumes=("$name-home" "$name-workspace")
    # That of the file which was laid over it is there where that test ran.
    [[ ! -e $world/over ]] || volumes=("$name-data" "${volumes[@]}")
    ctrkit rm --force "$name"
    is "$(around "$hash")" ""
    is "$(on_engine | sort)" "$(printf 'volume %s\n' "${volumes[@]}")"
}
