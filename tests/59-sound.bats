#!/usr/bin/env bats
#
# Sound: what a container plays is recorded from the monitor of a real PulseAudio, on
# the other side of the guard, of ssh and of the container.

load world
load remote
load sound
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    make_speakers
}

teardown() {
    unmake_speakers
    [[ -z ${server_port-} ]] || unmake_server
    unmake_world
}

# make_container OPTION...: a container whose sound is heard; sets name.
make_container() {
    path=$(worktree myapp)
    ctrkit create "$path" "$@" >"$world/document" 2>"$world/narration" || { cat "$world/narration" >&2; return 1; }
    name=$(get .name <"$world/document")
}

# there COMMAND: runs it in the container, without waiting for ever.
there() { timeout 40 ssh -F "$CTRKIT_SSH_CONFIG" -o BatchMode=yes "$name" "$@" </dev/null; }

# status FILTER: what audiotun finds by asking.
status() { { audiotun status --json "$name" || [[ $? -eq 1 ]]; } | jq -c "$1"; }

# becomes VALUE FILTER: status says so within half a minute.
becomes() {
    local tries found
    for ((tries = 0; tries < 60; tries++)); do
        found=$(status "$2")
        [[ $found != "$1" ]] || return 0
        sleep 0.5
    done
    is "$found" "$1"
}

@test "ten seconds by paplay and by aplay are heard whole, however the program was started" {
    # What is buffered by default is too little for a machine that is this busy.
    make_container --audio play --audio-latency 400
    is "$(get .audio.level <"$world/document")" play
    bring 440 10
    bring 880 10
    hear 440 880 -- both 'paplay /tmp/440.wav' 'aplay -q /tmp/880.wav'
    whole 440 10
    whole 880 10
    # Login shells, plain commands, sessions of tmux, and what the engine runs.
    bring 500 1
    hear 500 -- there 'bash -lc "env -u PULSE_SERVER paplay /tmp/500.wav"'
    whole 500 1
    hear 500 -- there 'tmux new-session -d "aplay -q /tmp/500.wav; tmux wait-for -S heard"; tmux wait-for heard'
    whole 500 1
    hear 500 -- timeout 40 ctr-exec "$name" -- paplay /tmp/500.wav
    whole 500 1
    # The server's own cookie is not there, and ours is nobody else's.
    is "$(there 'stat -c "%a %U" /etc/ctrkit/audio.cookie')" "600 dev"
    is "$("$engine" inspect "$name" | grep -cF "$(base64 -w0 "$state/$name/audio/cookie" | cut -c 1-40)")" 0
}

@test "what may only play cannot listen, look or change, and at duplex it can" {
    make_container --audio play
    # What pactl can do at duplex, and at play not.
    local refused=('pactl list sources short' 'pactl load-module module-null-sink' 'pactl list clients'
        'timeout 10 parec --raw --latency-msec=50 -d speakers.monitor | head -c 4000 | wc -c | grep -qx 4000') question
    local before
    before=$(at_home list modules short)
    for question in "${refused[@]}"; do
        run ! there "$question >/dev/null"
    done
    is "$(at_home list modules short)" "$before"
    is "$(status '[.sound, .level, .latency]')" '[true,"play",100]'
    printf '# %s, a tone is heard after %s ms\n' "$engine" "$(latency)" >&3
    ctrkit create "$path" --audio duplex --replace >"$world/document" 2>/dev/null
    is "$(ctr-ls --json | jq -r --arg name "$name" '.containers[] | select(.name == $name).audio')" duplex
    for question in "${refused[@]}"; do
        there "$question >/dev/null" || { echo "not at duplex: $question" >&2; return 1; }
    done
    is "$(status .level)" '"duplex"'
}

@test "each part that is killed while a tone plays is missed, and sound comes back" {
    make_container --audio play --audio-latency 400
    bring 440 20
    bring 500 1
    audiotun up "$name" 3>&-
    is "$(status '[.sound, .guard.up, .connection.up, .forward.up, .server.up]')" '[true,true,true,true,true]'
    there 'nohup paplay /tmp/440.wav >/dev/null 2>&1 & sleep 1'
    # The server: it is gone, and then another one is found by itself.
    end_speakers
    is "$(status '[.sound, .forward.up, .server.up]')" '[false,true,false]'
    begin_speakers
    becomes true .sound
    hear 500 -- there paplay /tmp/500.wav
    whole 500 1
    # The connection: it is set up again.
    there 'nohup paplay /tmp/440.wav >/dev/null 2>&1 & sleep 1'
    local master
    master=$(status .connection.pid)
    kill -KILL "$master"
    becomes false ".connection.pid == $master"
    becomes true .sound
    hear 500 -- there paplay /tmp/500.wav
    whole 500 1
    # The guard with its keeper: the next who connects brings both back.
    kill -KILL "$(status .guard.pid)"
    becomes false .guard.up
    there true
    becomes true .sound
    # The container.
    there 'nohup paplay /tmp/440.wav >/dev/null 2>&1 & sleep 1'
    ctr-stop "$name" 2>/dev/null
    becomes false .sound
    ctr-start "$name" 2>/dev/null
    becomes true .sound
    ctr-rebuild "$name" 2>/dev/null
    becomes true .sound
    bring 500 1
    hear 500 -- there paplay /tmp/500.wav
    whole 500 1
    audiotun down "$name"
    is "$(status '[.sound, .guard.up]')" '[false,false]'
    # Its end is the end of all of it.
    there true
    ctrkit rm --volumes --force "$name" 2>/dev/null
    becomes_gone "$name/audio/native"
}

@test "an isolated container is heard" {
    printf 'schema = "policy/1"\nallow = [{ name = "example.org" }]\n' >"$world/policy.toml"
    make_container --audio play --audio-latency 400 --isolate "$world/policy.toml"
    bring 440 10
    bring 880 10
    hear 440 880 -- both 'paplay /tmp/440.wav' 'aplay -q /tmp/880.wav'
    whole 440 10
    whole 880 10
}

@test "a container on another machine is heard" {
    make_server
    make_container --audio play --audio-latency 400
    bring 440 10
    bring 880 10
    hear 440 880 -- both 'paplay /tmp/440.wav' 'aplay -q /tmp/880.wav'
    whole 440 10
    whole 880 10
}

@test "without sound nothing of it is there, and what has none says so" {
    make_container
    run ! grep -q 'RemoteForward\|Match' "$config/ssh_config"
    is "$(get '.audio == null' <"$world/document")" true
    refused 69 no-audio audiotun status "$name"
    refused 69 no-audio audiotun up "$name"
    refused 66 not-applied audiotun status dev-none-000000
    refused 65 bad-name audiotun down ../x
    refused 65 bad-setting ctr-spec --audio loud "$path"
    refused 65 bad-setting ctr-spec --audio play --audio-latency 5 "$path"
}

# alone SOCKET ARGUMENT: setup on a machine whose server listens at port 4713 as well.
alone() {
    unshare --map-root-user --net bash -c '
        ip link set lo up
        pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm=yes \
            -L "module-native-protocol-unix socket=$1" -L "module-native-protocol-tcp $2" >/dev/null 2>&1 3>&- &
        for ((tries = 0; tries < 200; tries++)); do
            ! timeout 10 pactl --server "unix:$1" info >/dev/null 2>&1 || break
            sleep 0.1
        done
        audiotun setup --server "$1"
        status=$?
        kill -KILL %1
        exit "$status"' alone "$@"
}

@test "setup plays a tone and hears it, and says so where nothing comes out" {
    local said
    said=$(audiotun setup --check)
    is "${said%%$'\n'*}" "$world/run/pulse/native"
    said=${said##*$'\n'}
    printf '# %s\n' "$said" >&3
    said=${said#heard after }
    # Ten times what the guard asks for: the machine may be busy. By default it is twenty.
    [[ ${said% ms} -gt 0 && ${said% ms} -lt 1000 ]]
    # Turned down it is heard as well, and muted it is not.
    at_home set-sink-volume speakers 30%
    audiotun setup --check >/dev/null
    at_home set-sink-mute speakers 1
    refused 69 not-heard audiotun setup --check
    at_home set-sink-mute speakers 0
    # A server that other machines reach is none to play to, whatever else it has. What is
    # listened to is a network of its own.
    refused 77 sound-server-exposed alone "$world/exposed" ''
    is "$(alone "$world/loopback" listen=127.0.0.1)" "$world/loopback"
    is "$(audiotun setup --undo)" ""
}

@test "without a sound server ssh works, and one that comes later is heard" {
    end_speakers
    make_container --audio play --audio-latency 400
    bring 440 2
    is "$(there echo hello)" hello
    run ! there paplay /tmp/440.wav
    is "$(status '[.sound, .forward.up, .server.up]')" '[false,true,false]'
    refused 69 no-sound-server audiotun setup
    begin_speakers
    is "$(audiotun setup)" "$world/run/pulse/native"
    hear 440 -- there paplay /tmp/440.wav
    whole 440 2
}
