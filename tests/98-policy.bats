#!/usr/bin/env bats
#
# What a container may reach, changed while it runs, and what it has asked for.
# One container for all of it; each test puts back what it changes.

load world
bats_require_minimum_version 1.5.0

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    path=$(worktree myapp)
    policies
    upstream_files
    CTRKIT_UPSTREAM_CA=$world/upstream/ca.pem ctrkit create --isolate one "$path" \
        >"$world/document" 2>"$world/narration"
    name=$(get .name <"$world/document")
    hash=$(get .project.hash <"$world/document")
    proxy=ctrkit-$hash-proxy
    export world state config path name hash proxy
    upstream
}

teardown_file() {
    [[ -z ${name-} ]] || "$engine" rm --force "$name-upstream" >/dev/null
    unmake_world
}

# policies: `one` and `two` allow a name each, and `guarded` one that gets a secret.
policies() {
    local each
    mkdir -p "$config/policies"
    for each in one two; do
        printf 'schema = "policy/1"\n[[allow]]\nname = "%s.example"\n' "$each" >"$config/policies/$each.toml"
    done
    cat >"$config/policies/guarded.toml" <<TOML
schema = "policy/1"
[[allow]]
name = "secret.example"
addresses = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
[[secret]]
host = "secret.example"
header = "X-Key"
file = "$world/key"
form = "bearer"
env = "GH_TOKEN"
TOML
}

# upstream_files: an authority, a certificate for secret.example and a server that
# writes down the headers of each request.
upstream_files() {
    local at=$world/upstream
    mkdir -p "$at"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=outside \
        -keyout "$at/ca.key" -out "$at/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=secret.example \
        -keyout "$at/key.pem" -out "$at/request.pem" 2>/dev/null
    openssl x509 -req -days 2 -in "$at/request.pem" -CA "$at/ca.pem" -CAkey "$at/ca.key" -CAcreateserial \
        -extfile <(echo subjectAltName=DNS:secret.example) -out "$at/certificate.pem" 2>/dev/null
    cat >"$at/serve.py" <<'PYTHON'
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.path, self.headers.get_all("X-Key"), flush=True)
        self.send_response(204)
        self.end_headers()
server = http.server.ThreadingHTTPServer(("", 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/upstream/certificate.pem", "/upstream/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
PYTHON
    chmod -R a+rX "$at"
}

# upstream: runs it where the proxy finds it by its name.
upstream() {
    "$engine" run --detach --name "$name-upstream" --network "ctrkit-$hash-edge" --user 0:0 \
        --network-alias secret.example -v "$world/upstream:/upstream:ro" \
        --entrypoint /opt/mitmproxy/bin/python3 localhost/ctrkit-proxy:latest /upstream/serve.py >/dev/null
}

# got PATH: what the upstream has got for that path.
got() { "$engine" logs "$name-upstream" 2>/dev/null | sed -n "s|^$1 ||p"; }

# give VALUE: writes the secret that the policy names.
give() {
    rm -f "$world/key"
    (umask 077 && printf '%s\n' "$1" >"$world/key")
}

setup() { load world; }

answers() { ssh_ -o ConnectionAttempts=20 "$name" "$@"; }

# asks URL: what the container gets for it: a status, or none.
asks() { answers "curl -s -m 20 -o /dev/null -w '%{http_code}' $1" || true; }

# started: when proxy and container were started, which no policy changes.
started() { "$engine" inspect --format '{{.State.StartedAt}} {{.State.Pid}}' "$proxy" "$name"; }

filter() { sha256sum <"$state/$name/proxy/filter.py"; }

# ask_often: asks for a name that only one of two policies allows, until it is
# ended; prints what it got.
ask_often() {
    exec ssh -F "$CTRKIT_SSH_CONFIG" -o ConnectionAttempts=20 "$name" 'while :; do curl -s -m 20 -o /dev/null -w "%{http_connect} " https://one.example/; done'
}

@test "another policy is in force when apply ends, and nothing was started again" {
    local before
    before=$(started)
    run ! is "$(asks http://one.example/)" 403
    ctrkit policy apply "$name" two 2>"$world/err"
    grep -q 'is in force$' "$world/err"
    is "$(asks http://one.example/)" 403
    ctrkit policy apply "$name" one
    run ! is "$(asks http://one.example/)" 403
    is "$(started)" "$before"
}

@test "what is applied twice changes nothing" {
    local before
    ctr-policy apply "$name" two
    before=$(filter; find "$state/$name" -type f -printf '%p %i %T@\n' | sort)
    calls ctr-policy apply --json "$name" two >"$world/again" 2>"$world/err"
    grep -q 'was in force already$' "$world/err"
    is "$(filter; find "$state/$name" -type f -printf '%p %i %T@\n' | sort)" "$before"
    is "$(get .isolation.policies[] <"$world/again")" two
    is "$count" 3
}

# bats test_tags=on:docker
@test "show, ctr-info and the document have it, and a rebuild keeps it" {
    ctr-policy apply "$name" two
    is "$(ctr-policy show --json "$name" | jq -r '.allow[].name' | sort -u)" \
        "$(ctr-info --json "$name" | jq -r '.containers[].isolation.filter.allow[]' | sort -u)"
    ctr-policy show "$name" | grep -qx 'state:  in force'
    is "$(get .isolation.policies[] <"$state/$name/document.json")" two
    (cd "$path" && ctrkit rebuild && ctrkit policy show) >"$world/shown"
    grep -qx 'state:  in force' "$world/shown"
    run ! grep -q 'one.example' "$world/shown"
    is "$(asks http://one.example/)" 403
}

@test "a policy that cannot be used changes nothing and says why" {
    local before policy=$world/bad.toml
    before=$(filter; ctr-policy show --json "$name")
    printf 'schema = "policy/1"\n[[allow]]\nname = "*"\n' >"$policy"
    refused 65 tool-failed ctr-policy apply "$name" "$policy"
    refused 66 tool-failed ctr-policy apply "$name" no-such-policy
    run -65 ctr-policy check two "$policy" one
    [[ $output == *"bad.toml"* ]]
    run -0 ctr-policy check two one+two "$root/lib/policy/shipped/base.toml"
    is "$output" ""
    is "$(filter; ctr-policy show --json "$name")" "$before"
}

@test "what the proxy does not take over leaves the last good one, also at the next start" {
    local before tools=$world/tools
    before=$(filter; ctr-policy show --json "$name")
    # A filtergen that writes what no proxy takes: of another program.
    mkdir -p "$tools"
    cp "$target/ctr-policy" "$tools"
    printf '%s\n' '#!/bin/sh' "\"$target/filtergen\" \"\$@\" || exit" 'case "$*" in *--dry-run*) exit ;; esac' \
        "echo '# more' >>\"$state/$name/proxy/filter.py\"" >"$tools/filtergen"
    chmod +x "$tools/filtergen"
    refused 65 policy-refused "$tools/ctr-policy" apply "$name" one
    is "$(filter; ctr-policy show --json "$name")" "$before"
    is "$(get .isolation.policies[] <"$state/$name/document.json")" two
}

@test "a file that somebody else has put there is told" {
    local file=$state/$name/proxy/filter.py good tries
    good=$(mktemp)
    cp "$file" "$good"
    sed 's/def main/def  main/' "$good" >"$file.new"
    mv "$file.new" "$file"
    for ((tries = 0; tries < 30; tries++)); do
        ! ctr-policy show "$name" | grep -q 'does not take it over: it was edited' || break
        sleep 0.2
    done
    ctr-policy show "$name" | grep -q 'does not take it over: it was edited'
    ctr-policy show --json "$name" 2>"$world/err" | get .schema
    grep -q warning "$world/err"
    # Applied again, it is whole.
    ctr-policy apply "$name" two
    ctr-policy show "$name" | grep -qx 'state:  in force'
    is "$(filter)" "$(sha256sum <"$good")"
}

# bats test_tags=on:docker
@test "under load every request is decided by the one policy or the other" {
    local round policy pid
    ask_often >"$world/got" &
    pid=$!
    for ((round = 0; round < 10; round++)); do
        for policy in one two; do ctr-policy apply "$name" "$policy" 2>/dev/null; done
    done
    kill "$pid"
    wait "$pid" || true
    # 200: the tunnel is allowed. 403: refused. Anything else would be no decision.
    is "$(tr ' ' '\n' <"$world/got" | sort -u | grep -v '^$' | tr '\n' ' ')" '200 403 '
}

@test "two at once come one after the other" {
    local one two
    ctr-policy apply "$name" one &
    one=$!
    ctr-policy apply "$name" two &
    two=$!
    wait "$one"
    wait "$two"
    ctr-policy show "$name" | grep -qx 'state:  in force'
    is "$(ctr-policy show --json "$name" | tr -d '\n' | sha256sum | cut -d ' ' -f 1)" \
        "$(get .isolation.digest <"$state/$name/document.json" | cut -d : -f 2)"
}

# bats test_tags=on:docker
@test "killed anywhere and run again it ends in the same state" {
    local number=1 fifo
    ctr-policy apply "$name" one
    local wanted
    wanted=$(filter; cat "$state/$name/document.json")
    load killed
    load sidecars
    while
        ctr-policy apply "$name" two 2>/dev/null
        cut_off KILL "$number" ctr-policy apply "$name" one
    do
        settle "$proxy"
        ctr-policy apply "$name" one 2>/dev/null
        is "$(filter; cat "$state/$name/document.json")" "$wanted"
        ctr-policy show "$name" | grep -qx 'state:  in force'
        number=$((number + 1))
    done
    [[ $number -gt 4 ]]
}

@test "one that is stopped begins with it" {
    ctrkit stop "$name"
    ctr-policy apply "$name" two 2>"$world/err"
    grep -q 'is in force when it starts$' "$world/err"
    ctr-policy show "$name" | grep -qx 'state:  in force at the next start'
    ctrkit start "$name"
    ctr-policy show "$name" | grep -qx 'state:  in force'
    is "$(asks http://one.example/)" 403
}

@test "the log is for people and for programs, and nothing in it is obeyed" {
    # One that cannot be sent is told as what is no request.
    asks "-g \$(printf 'http://evil.example/\\233[2J\\342\\200\\256')" >/dev/null
    asks "-g 'http://evil.example/%1b[2J'" >/dev/null
    ctrkit log "$name" >"$world/log"
    head -1 "$world/log" | grep -q '^TIME .* REQUEST$'
    run -1 grep -qaP '[^\x20-\x7e]' "$world/log"
    ctr-log --json "$name" >"$world/log"
    run -1 grep -qaP '[^\x20-\x7e]' "$world/log"
    ctr-log --refused -n 1 "$name" | tail -1 | grep -q 'refused .* http://evil.example/'
    ctr-log --json "$name" | jq -es 'all(has("host") and has("decision"))'
    is "$(ctr-log --json "$name" | wc -l)" "$("$engine" exec "$proxy" cat /var/lib/ctrkit/log/requests.jsonl | wc -l)"
    is "$(ctr-log --json --since 2100-01-01T00:00:00Z "$name")" ""
    is "$(ctr-log --json --refused "$name" | jq -r .decision | sort -u)" refused
    (cd "$path" && ctrkit log --json -n 2) | wc -l | grep -qx 2
}

# bats test_tags=on:docker
@test "followed, it has each record once, over a rotation, and ends with the proxy" {
    local pid begun tries
    begun=$(ctr-log --json "$name" | wc -l)
    timeout 300 ctr-log --json --follow "$name" >"$world/followed" &
    pid=$!
    for ((tries = 0; tries < 50; tries++)); do
        [[ $(wc -l <"$world/followed") -lt $begun ]] || break
        sleep 0.2
    done
    is "$(wc -l <"$world/followed")" "$begun"
    # As the proxy does it.
    "$engine" exec "$proxy" mv /var/lib/ctrkit/log/requests.jsonl /var/lib/ctrkit/log/requests.jsonl.1
    asks http://one.example/ >/dev/null
    asks http://two.example/ >/dev/null
    ctrkit stop "$name"
    wait "$pid"
    is "$(jq -r .host "$world/followed" | tail -2 | tr '\n' ' ')" 'one.example two.example '
    # The same out of one that does not run.
    is "$(ctr-log --json "$name")" "$(cat "$world/followed")"
    ctrkit start "$name"
}

@test "Ctrl-C ends it as usual, and leaves nothing in the proxy" {
    local status=0
    timeout --preserve-status --signal INT 2 ctr-log --follow "$name" >/dev/null || status=$?
    is "$status" 130
    # Nothing comes, and nobody reads any more.
    status=0
    timeout 20 bash -c 'ctr-log --follow "$1" | head -n 1; exit "${PIPESTATUS[0]}"' - "$name" || status=$?
    is "$status" 141
    followed_no_more() {
        "$engine" top "$proxy" >"$world/top" && run -1 grep -q 'requests.jsonl follow' "$world/top"
    }
    eventually followed_no_more
}

@test "ctr-ls and ctr-info have how much was refused" {
    local before
    before=$(ctr-ls --json | jq --arg name "$name" '.containers[] | select(.name == $name).isolation.refused')
    asks http://three.example/ >/dev/null
    # The proxy writes it down twice a second.
    sleep 2
    is "$(ctr-ls --json | jq --arg name "$name" '.containers[] | select(.name == $name).isolation.refused')" $((before + 1))
    is "$(ctr-info --json "$name" | get '.containers[0].isolation.refused')" $((before + 1))
    ctr-ls | grep -q 'REFUSED'
    is "$(ctr-ls --plain | awk -F '\t' '{ print NF }' | sort -u)" 7
}

# bats test_tags=on:docker
@test "a secret is on the way out and nowhere else" {
    local canary=canary-$RANDOM$RANDOM events=$world/events
    give "$canary"
    CTRKIT_EVENTS=$events ctr-policy apply --json "$name" guarded >"$world/applied" 2>"$world/err"
    grep -q 'no variable GH_TOKEN before it is made anew' "$world/err"
    answers "curl -sS -m 20 -H 'X-Key: mine' -H 'x_key: mine' https://secret.example/first"
    is "$(got /first)" "['Bearer $canary']"
    # Made anew, it has the variable.
    (cd "$path" && CTRKIT_EVENTS=$events ctrkit rebuild)
    is "$(answers printenv GH_TOKEN)" ctrkit-placeholder
    answers 'curl -sS -m 20 -H "X-Key: $GH_TOKEN" https://secret.example/second'
    is "$(got /second)" "['Bearer $canary']"
    {
        "$engine" inspect "$name" "$proxy"
        "$engine" logs "$name" 2>&1
        "$engine" logs "$proxy" 2>&1
        "$engine" top "$proxy" args 2>/dev/null || "$engine" top "$proxy"
        ctr-log --json "$name"
        ctr-policy show --json "$name"
        cat "$events" "$world/applied" "$world/err"
        find "$state" -type f -exec cat {} +
        "$engine" exec --user 0:0 "$name" sh -c 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null
            find /etc /home /root /run /tmp /var /workspace -xdev -type f -exec cat {} + 2>/dev/null'
    } >"$world/everything"
    # What was looked through is there, and it is in none of it.
    grep -qa ctrkit-placeholder "$world/everything"
    run -1 grep -qaF "$canary" "$world/everything"
    run -1 grep -qaF "$(printf %s "$canary" | base64)" "$world/everything"
    is "$("$engine" exec "$proxy" cat /var/lib/ctrkit/secrets/secret.example.x-key)" "$canary"
}

# bats test_tags=on:docker
@test "another value needs no restart by token, comes with a start, and goes with the policy" {
    local before
    before=$(started)
    give another
    ctrkit token "$name"
    answers 'curl -sS -m 20 https://secret.example/third'
    is "$(got /third)" "['Bearer another']"
    is "$(started)" "$before"
    ctrkit stop "$name"
    give later
    ctrkit start "$name"
    answers 'curl -sS -m 20 https://secret.example/fourth'
    is "$(got /fourth)" "['Bearer later']"
    ctr-policy apply "$name" one
    is "$("$engine" exec "$proxy" ls /var/lib/ctrkit/secrets)" ""
}

@test "a secret that cannot be used is told before anything is changed" {
    local before
    before=$(filter; cat "$state/$name/document.json")
    give mine
    chmod 644 "$world/key"
    refused 77 secret-exposed ctr-policy apply "$name" guarded
    chmod 600 "$world/key"
    printf 'two\nlines\n' >"$world/key"
    refused 65 bad-secret ctr-policy apply "$name" guarded
    rm "$world/key"
    refused 66 secret-absent ctr-policy apply "$name" guarded
    is "$(filter; cat "$state/$name/document.json")" "$before"
    give mine
    ctr-policy apply "$name" guarded
    chmod 640 "$world/key"
    refused 77 secret-exposed ghtoken push "$name"
    ctrkit stop "$name"
    refused 77 secret-exposed ctr-start "$name"
    is "$("$engine" inspect --format '{{.State.Running}}' "$proxy" "$name" | sort -u)" false
    chmod 600 "$world/key"
    ctrkit start "$name"
}

# bats test_tags=on:docker
@test "the token of GitHub is not put where its proxy has it" {
    local file=/etc/ctrkit/github/hosts.yml
    give the-real-token
    (umask 077 && echo github_pat_real >"$world/token")
    CTRKIT_UPSTREAM_CA=$world/upstream/ca.pem ctrkit create --replace --isolate one --github-token-file "$world/token" "$path" >"$world/document"
    "$engine" exec --user 0:0 "$name" grep -q github_pat_real "$file"
    ctr-policy apply "$name" guarded
    "$engine" exec --user 0:0 "$name" grep -q ctrkit-placeholder "$file"
    run ! "$engine" exec --user 0:0 "$name" grep -q github_pat_real "$file"
    ctr-policy apply "$name" one
    "$engine" exec --user 0:0 "$name" grep -q github_pat_real "$file"
}

@test "who has no policy is told" {
    refused 69 no-such-container ctr-policy apply no-such two
    refused 69 no-such-container ctr-log no-such
    "$engine" create --name "$name-plain" --label ctrkit.managed=true --label "ctrkit.name=$name-plain" \
        --label "ctrkit.project.hash=$hash" "$image" true >/dev/null
    refused 65 not-isolated ctr-policy apply "$name-plain" two
    refused 65 not-isolated ctr-policy show "$name-plain"
    refused 65 not-isolated ctr-log "$name-plain"
    "$engine" rm "$name-plain" >/dev/null
}

# bats test_tags=on:docker
@test "a create that fails takes back of what is around it only what it made" {
    local other hash all
    other=$(worktree other)
    hash=$(ctr-spec "$other" | get .project.hash)
    broken() { ctrkit create --isolate two --image localhost/ctrkit-proxy:latest "$other" >/dev/null 2>&1; }
    run ! broken
    is "$(around "$hash")" ""
    ctrkit create --isolate two "$other" >"$world/other.json"
    all=$(around "$hash" | sort)
    # As somebody leaves it who removes containers by hand.
    "$engine" rm --force "$(get .name <"$world/other.json")" "ctrkit-$hash-proxy" "ctrkit-$hash-ingress" >/dev/null
    "$engine" network rm "ctrkit-$hash-edge" "ctrkit-$hash-net" >/dev/null
    run ! broken
    is "$(around "$hash" | sort)" "$(grep ^volume <<<"$all")"
}
