# shellcheck shell=bash
#
# remote: a server with an engine, which is this machine by way of a real sshd

# make_server: starts sshd and the engine's socket, and tells ctrkit and ssh of
# them. The server is called `box`.
make_server() {
    local socket
    server_port=$((${CTRKIT_TEST_PORTS:-22200} + 900))
    [[ $engine == podman ]] || server_port=$((server_port + 1000))
    mkdir -p /run/sshd "$world/server"
    ssh-keygen -q -t ed25519 -N '' -f "$world/server/host"
    cat >"$world/server/sshd_config" <<CONFIG
ListenAddress 127.0.0.1:$server_port
HostKey $world/server/host
AuthorizedKeysFile $HOME/id.pub
StrictModes no
UsePAM no
PidFile none
PermitRootLogin prohibit-password
LogLevel VERBOSE
CONFIG
    start_server
    if [[ $engine == podman ]]; then
        socket=$world/podman.sock
        podman system service --time 0 "unix://$socket" 3>&- >"$world/service.log" 2>&1 &
        service=$!
        until [[ -S $socket ]]; do
            kill -0 "$service" || { cat "$world/service.log" >&2; return 1; }
            sleep 0.1
        done
    else
        socket=/var/run/docker.sock service=
    fi
    printf '[127.0.0.1]:%s %s\n' "$server_port" "$(cat "$world/server/host.pub")" >"$HOME/known_hosts"
    cat >"$CTRKIT_SSH_CONFIG" <<CONFIG
# mine
Host box
    HostName 127.0.0.1
    Port $server_port
    IdentityFile $HOME/id
    IdentitiesOnly yes
    StrictHostKeyChecking yes
    UserKnownHostsFile $HOME/known_hosts
CONFIG
    cp "$CTRKIT_SSH_CONFIG" "$world/ssh_config.before"
    CTRKIT_HOST=ssh://$(id -un)@box$socket
    export CTRKIT_HOST
}

start_server() {
    : >"$world/server/log"
    /usr/sbin/sshd -D -f "$world/server/sshd_config" -E "$world/server/log" 3>&- &
    server=$!
    until grep -q 'Server listening' "$world/server/log"; do
        kill -0 "$server" || { cat "$world/server/log" >&2; return 1; }
        sleep 0.05
    done
}

unmake_server() {
    hang_up
    kill "$server" ${service:+"$service"} 2>/dev/null || true
    wait "$server" ${service:+"$service"} 2>/dev/null || true
}

# Ends the shared connection to the server, and those to the containers.
hang_up() {
    local socket
    for socket in "$state"/mux/*; do
        [[ ! -S $socket || $socket == *.engine ]] || ssh -F none -o "ControlPath=$socket" -O exit box 2>/dev/null || true
    done
}

# Cuts every connection to the server, without a word to either end.
cut_connections() { pkill -KILL -P "$server" || true; }

logins() { grep -c 'Accepted publickey' "$world/server/log" || true; }

# once COMMAND...: it makes exactly one connection to the server.
once() {
    local before
    hang_up
    before=$(logins)
    "$@" || return
    is "$(($(logins) - before))" 1 || { echo "not one connection: $*" >&2; return 1; }
}
