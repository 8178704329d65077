#!/usr/bin/env bats
#
# Sound: what a container plays is recorded from the monitor of a real PulseAudio, on
# the other side of the guard, and of ssh where it goes by ssh.

# Each test has a shell of its own.
# shellcheck disable=SC2030,SC2031

load world
load remote
load sound
bats_require_minimum_version 1.5.0

setup() {
    make_world "$BATS_TEST_TMPDIR"
    make_speakers
    # What a test leaves in the background.
    others=()
}

teardown() {
    [[ ${#others[@]} -eq 0 ]] || kill "${others[@]}" 2>/dev/null || true
    unmake_speakers
    [[ -z ${server_port-} ]] || unmake_server
    unmake_world
}

# make_container OPTION...: a container whose sound is heard; sets name.
make_container() {
    path=$(worktree myapp)
    [[ ${#person[@]} -eq 0 ]] || chown -R nobody:nogroup "$path"
    ctrkit create "$path" "$@" >"$world/document" 2>"$world/narration" || { cat "$world/narration" >&2; return 1; }
    name=$(get .name <"$world/document")
}

# there COMMAND: runs it in the container, without waiting for ever.
there() { timeout 40 ssh -F "$CTRKIT_SSH_CONFIG" -o BatchMode=yes "$name" "$@" </dev/null; }

# inside COMMAND...: the same by the engine, without a connection.
inside() { timeout 40 ctr-exec "$name" -- "$@"; }

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

# ten_seconds: two tones at once, by each of the two ways to play.
ten_seconds() {
    bring 440 10
    bring 880 10
    hear 440 880 -- both 'paplay /tmp/440.wav' 'aplay -q /tmp/880.wav'
    whole 440 10
    whole 880 10
}

# once_more: one second is heard.
once_more() {
    bring 500 1
    hear 500 -- there paplay /tmp/500.wav
    whole 500 1
}

# play_on: a tone of twenty seconds begins.
play_on() { there 'nohup paplay /tmp/440.wav >/dev/null 2>&1 & sleep 1'; }

# lose_server: the sound server is gone while a tone plays, and then another one is found
# by itself.
lose_server() {
    play_on
    end_speakers
    is "$(status '[.sound, .forward.up, .server.up]')" '[false,true,false]'
    begin_speakers
    becomes true .sound
    once_more
}

@test "ten seconds by paplay and by aplay are heard whole, however the program was started" {
    # What is buffered by default is too little for a machine that is this busy.
    make_container --audio play --audio-latency 400
    is "$(get '[.audio.level, .audio.transport] | join(" ")' <"$world/document")" 'play bind'
    ten_seconds
    # Login shells, plain commands, sessions of tmux.
    bring 500 1
    hear 500 -- there 'bash -lc "env -u PULSE_SERVER paplay /tmp/500.wav"'
    whole 500 1
    hear 500 -- there 'tmux new-session -d "aplay -q /tmp/500.wav; tmux wait-for -S heard"; tmux wait-for heard'
    whole 500 1
    # What the engine runs, and what cron(8) would, without any connection.
    ssh -F "$CTRKIT_SSH_CONFIG" -O exit "$name" 2>/dev/null
    is "$(status '[.sound, .transport, .connection.up]')" '[true,"bind",false]'
    hear 500 -- inside paplay /tmp/500.wav
    whole 500 1
    hear 500 -- inside env -i HOME=/home/dev LOGNAME=dev SHELL=/bin/sh PATH=/usr/bin:/bin \
        /bin/sh -c 'aplay -q /tmp/500.wav'
    whole 500 1
    is "$(status .connection.up)" false
    # What the container sees of this machine it cannot change.
    run ! inside sudo rm /run/ctrkit-audio/native
    run ! inside touch /run/ctrkit-audio/x
    # Nor is there anything that it could hold a lock on, and keep the guard from starting.
    is "$(inside ls -A /run/ctrkit-audio)" native
    # The server's own cookie is not there, and ours is nobody else's.
    is "$(there 'stat -c "%a %U" /etc/ctrkit/audio.cookie')" "600 dev"
    is "$("$engine" inspect "$name" | grep -cF "$(base64 -w0 "$state/$name/audio/cookie" | cut -c 1-40)")" 0
}

# bats test_tags=on:podman
@test "what is killed while a tone plays by a bind mount is missed, and sound comes back" {
    make_container --audio play --audio-latency 400
    bring 440 20
    is "$(status '[.sound, .guard.up, .forward.up, .server.up]')" '[true,true,true,true]'
    lose_server
    # The guard with its keeper: the next who connects brings both back.
    play_on
    kill -KILL "$(status .guard.pid)"
    becomes '[false,false]' '[.sound, .guard.up]'
    once_more
    is "$(status .sound)" true
    # The container, and whoever starts it brings what is missing with it.
    play_on
    ctr-stop "$name" 2>/dev/null
    is "$(status '[.sound, .forward.up, .server.up]')" '[false,false,true]'
    audiotun down "$name"
    ctr-start "$name" 2>/dev/null
    is "$(status .sound)" true
    once_more
    play_on
    ctr-rebuild "$name" 2>/dev/null
    is "$(status .sound)" true
    once_more
    ctrkit rm --volumes --force "$name" 2>/dev/null
    becomes_gone "$name/audio/run/native"
}

# bats test_tags=on:docker
@test "two containers are heard at once" {
    local first second
    make_container --audio play --audio-latency 400
    first=$name
    bring 440 10
    path=$(worktree other)
    ctrkit create "$path" --audio play --audio-transport ssh --audio-latency 400 >"$world/document" 2>/dev/null
    second=$(get .name <"$world/document")
    name=$second
    bring 880 10
    play() { timeout 40 ssh -F "$CTRKIT_SSH_CONFIG" -o BatchMode=yes "$1" paplay "/tmp/$2.wav" </dev/null; }
    at_once() {
        play "$first" 440 &
        play "$second" 880 && wait $!
    }
    hear 440 880 -- at_once
    whole 440 10
    whole 880 10
    # The one that is gone takes nothing from the other.
    ctrkit rm --volumes --force "$first" 2>/dev/null
    once_more
}

# bats test_tags=on:docker
@test "what may only play cannot listen, look or change, and at duplex it can, with ssh and server as one account" {
    make_server
    become_person
    make_container --audio play --audio-latency 400
    is "$(get '[.audio.level, .audio.transport] | join(" ")' <"$world/document")" 'play ssh'
    ten_seconds
    # Something else plays, and there is somewhere else to play.
    at_home load-module module-null-sink sink_name=other >/dev/null
    "${person[@]}" pacat --server "unix:$speak_at" --raw /dev/zero >/dev/null 2>&1 3>&- &
    others+=($!)
    plays() { at_home list sink-inputs short | grep .; }
    eventually plays
    local stream question before
    stream=$(at_home list sink-inputs short | cut -f 1)
    # What pactl can do at duplex, and at play not.
    local refused=('pactl list sources short' 'pactl load-module module-null-sink' 'pactl list clients'
        'pactl list sink-inputs' "pactl move-sink-input $stream other"
        "pactl set-sink-input-volume $stream 10%" 'pactl set-default-sink other'
        'timeout 10 parec --raw --latency-msec=50 -d speakers.monitor | head -c 4000 | wc -c | grep -qx 4000')
    all() {
        local what
        for what in modules clients sinks sources sink-inputs source-outputs; do at_home list "$what" short; done
        at_home list sink-inputs | grep -F 'Volume:'
        at_home get-default-sink
    }
    before=$(all | grep -v 'pactl$')
    for question in "${refused[@]}"; do
        run ! there "$question >/dev/null"
    done
    is "$(all | grep -v 'pactl$')" "$before"
    is "$(status '[.sound, .level, .latency]')" '[true,"play",400]'
    ctrkit create "$path" --audio duplex --replace >"$world/document" 2>/dev/null
    is "$(ctr-ls --json | jq -r --arg name "$name" '.containers[] | select(.name == $name).audio')" duplex
    for question in "${refused[@]}"; do
        there "$question >/dev/null" || { echo "not at duplex: $question" >&2; return 1; }
    done
    is "$(at_home get-default-sink)" other
    is "$(status '[.level, .latency]')" '["duplex",null]'
}

# bats test_tags=on:docker
@test "each part that is killed while a tone plays by ssh is missed, and sound comes back" {
    make_container --audio play --audio-latency 400 --audio-transport ssh
    bring 440 20
    audiotun up "$name"
    is "$(status '[.sound, .guard.up, .connection.up, .forward.up, .server.up]')" '[true,true,true,true,true]'
    lose_server
    # The connection: it is set up again.
    play_on
    local master
    master=$(status .connection.pid)
    kill -KILL "$master"
    becomes false ".connection.pid == $master"
    becomes true .sound
    once_more
    # The guard with its keeper: the next who connects brings both back.
    kill -KILL "$(status .guard.pid)"
    becomes false .guard.up
    there true
    becomes true .sound
    # The container.
    play_on
    ctr-stop "$name" 2>/dev/null
    becomes false .sound
    ctr-start "$name" 2>/dev/null
    becomes true .sound
    ctr-rebuild "$name" 2>/dev/null
    becomes true .sound
    once_more
    audiotun down "$name"
    is "$(status '[.sound, .guard.up]')" '[false,false]'
    # Its end is the end of all of it.
    there true
    ctrkit rm --volumes --force "$name" 2>/dev/null
    becomes_gone "$name/audio/native"
}

# somebody_else: a second person with speakers of their own connects to the container,
# from a machine that has the same cookie.
somebody_else() {
    local port
    mkdir "$world/other"
    pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm=yes \
        -L 'module-null-sink sink_name=speakers' \
        -L "module-native-protocol-unix socket=$world/other/native" >/dev/null 2>&1 3>&- &
    others+=($!)
    audioguard --listen "$world/other/guard" --cookie "$state/$name/audio/cookie" --latency 400 \
        --server "$world/other/native" >/dev/null 2>&1 3>&- &
    others+=($!)
    eventually audioguard --probe "$world/other/guard" --cookie "$state/$name/audio/cookie"
    port=$(get '.ports[] | select(.service == "ssh").host' <"$world/document")
    ssh -F none -N -p "$port" -i "$CTRKIT_IDENTITY_FILE" -o IdentitiesOnly=yes -o BatchMode=yes \
        -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -R "/run/ctrkit-audio/native:$world/other/guard" dev@127.0.0.1 >/dev/null 2>&1 3>&- &
    others+=($!)
}

# bats test_tags=on:podman
@test "a machine that sleeps is taken over from by who connects next, and takes sound back when it is asked to" {
    local master ears
    make_container --audio play --audio-latency 400 --audio-transport ssh
    bring 440 2
    audiotun up "$name"
    hear 440 -- inside paplay /tmp/440.wav
    whole 440 2
    # It hears nothing any more, and its connection hangs.
    master=$(status .connection.pid)
    kill -STOP "$master"
    somebody_else
    ears=$world/other/native
    for ((tries = 0; tries < 100; tries++)); do
        ! inside timeout 5 pactl info >/dev/null 2>&1 || break
    done
    hear 440 -- inside paplay /tmp/440.wav
    whole 440 2
    # Awake it says who has it, and not that all is well.
    kill -CONT "$master"
    is "$(status '[.sound, .connection.up, .forward.up, .server.up]')" '[false,true,false,true]'
    [[ $(status .forward.reason) == *'somebody else'* ]]
    audiotun up "$name"
    ears=
    hear 440 -- inside paplay /tmp/440.wav
    whole 440 2
}

# bats test_tags=on:podman
@test "a port of the container's own leads to the guard as long as there is a connection, and is missed where it is taken" {
    make_container --audio play --audio-tcp
    bring 440 2
    hear 440 -- there PULSE_SERVER=tcp:127.0.0.1:4714 paplay /tmp/440.wav
    pitched 440
    is "$(status '[.sound, .port.up, .latency]')" '[true,true,100]'
    printf '# %s, a tone is heard after %s ms\n' "$engine" "$(latency)" >&3
    run ! there PULSE_SERVER=tcp:127.0.0.1:4714 pactl list sources
    run ! there 'head -c 256 /dev/urandom >/tmp/wrong
        PULSE_COOKIE=/tmp/wrong PULSE_SERVER=tcp:127.0.0.1:4714 paplay /tmp/440.wav'
    # Somebody else listens there: one can log in, and is heard by the socket.
    ssh -F "$CTRKIT_SSH_CONFIG" -O exit "$name" 2>/dev/null
    inside perl -MIO::Socket::INET -e '
        until ($taken = IO::Socket::INET->new(LocalAddr => "127.0.0.1:4714", Listen => 1, ReuseAddr => 1)) { sleep 1 }
        exit if fork; close $_ for *STDIN, *STDOUT, *STDERR; sleep 600'
    hear 440 -- there paplay /tmp/440.wav
    pitched 440
    is "$(status '[.sound, .port.up]')" '[true,false]'
}

@test "an isolated container is heard" {
    printf 'schema = "policy/1"\nallow = [{ name = "example.org" }]\n' >"$world/policy.toml"
    make_container --audio play --audio-latency 400 --isolate "$world/policy.toml"
    is "$(get .audio.transport <"$world/document")" ssh
    ten_seconds
    refused 65 bad-transport ctrkit create "$path" --audio play --audio-transport bind \
        --isolate "$world/policy.toml" --replace
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
    refused 65 bad-setting ctr-spec --audio play --audio-transport tcp "$path"
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

# bats test_tags=on:docker
@test "setup plays a tone and hears it, and says so where nothing comes out" {
    local said
    said=$(audiotun setup --check)
    is "${said%%$'\n'*}" "$world/run/pulse/native"
    said=${said##*$'\n'}
    printf '# %s\n' "$said" >&3
    said=${said#heard after }
    # Fifty times what the guard asks for: the machine may be busy.
    [[ ${said% ms} -gt 0 && ${said% ms} -lt 5000 ]]
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

# bats test_tags=on:podman
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
    # And one that listens elsewhere than the one before.
    end_speakers
    rm "$speak_at"
    speak_at=$HOME/.config/pulse/0f-runtime/native
    mkdir -p "${speak_at%/*}"
    begin_speakers
    becomes true .sound
    hear 440 -- there paplay /tmp/440.wav
    whole 440 2
}
