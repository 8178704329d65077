# shellcheck shell=bash
#
# predecessor: a project of the predecessor's, for the attacks to get out of

# predecessor_up NAME DIRECTORY: makes it; DIRECTORY/env says where it is.
predecessor_up() {
    local project=$2/project
    mkdir -p "$project/.devcontainer/proxy"
    cp "$isolation/predecessor/docker-compose.yml" "$isolation/predecessor/entrypoint.sh" "$project/.devcontainer/"
    cp "$isolation/predecessor/filter.py" "$project/.devcontainer/proxy/"
    echo "planted-secret-$1" >"$project/token"
    chmod -R a+rX "$2"
    export NAME=$1 PROJECT=$project WORLD=$outside WORLD_ADDRESS=$outside_address
    # podman fails where it lists the machine's interfaces, and somebody else's goes meanwhile.
    predecessor_compose "$1" "$project" up -d || predecessor_compose "$1" "$project" up -d
    cat >"$2/env" <<END
export ATTACK_APP=$1-app ATTACK_PROXY=$1-proxy ATTACK_INGRESS=
export ATTACK_FILTER=$project/.devcontainer/proxy/filter.py ATTACK_KEY=/home/mitmproxy/.mitmproxy/mitmproxy-ca.pem
export ATTACK_SECRETS=$project/token ATTACK_LOG=
END
    until "$engine" exec "$1-app" bash -c 'true >/dev/tcp/proxy/8080 && grep -q . /etc/ssl/certs/mitmproxy.pem' 2>/dev/null; do
        [[ $("$engine" inspect --format '{{.State.Running}}' "$1-app") == true ]] || { "$engine" logs "$1-app" >&2; return 1; }
        sleep 0.3
    done
}

predecessor_compose() {
    local name=$1 project=$2 program=(docker compose)
    shift 2
    [[ $engine != podman ]] || program=(podman-compose)
    "${program[@]}" -f "$project/.devcontainer/docker-compose.yml" -p "$name" "$@" >"$project/../compose.log" 2>&1
}

# predecessor_down NAME
predecessor_down() {
    local each
    for each in "$1-app" "$1-proxy"; do "$engine" rm --force --volumes "$each" >/dev/null 2>&1 || true; done
    for each in isolated external; do "$engine" network rm "${1}_$each" >/dev/null 2>&1 || true; done
    "$engine" volume rm "${1}_certs" >/dev/null 2>&1 || true
}
