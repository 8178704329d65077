# shellcheck shell=bash
#
# sound: a real PulseAudio without a sound card, and what was heard of it

# make_speakers: a server of this world with a null sink at the socket speak_at, and the
# variable that leads audiotun to it.
make_speakers() {
    mkdir -p "$world/run/pulse"
    speak_at=$world/run/pulse/native
    export XDG_RUNTIME_DIR=$world/run
    unset PULSE_SERVER PULSE_COOKIE PULSE_RUNTIME_PATH CTRKIT_AUDIO_SERVER
    begin_speakers
}

# What a person runs is run by this; empty: as the account of the tests. A server that
# runs as the same account as ssh offers it to share memory, which ssh cannot carry.
person=() disable_shm=yes

# become_person: from now on ssh, the sound server and our tools are an ordinary
# account's, the same for all of them.
become_person() {
    local directory=$world tool
    end_speakers
    # What the engines are told is for the account of the tests.
    person=(setpriv --reuid nobody --regid nogroup --clear-groups --
        env -u CONTAINERS_CONF -u CONTAINERS_STORAGE_CONF)
    disable_shm=no
    # bats keeps its directories to itself, and a clone may lie in somebody's home.
    while [[ $directory != "${BATS_RUN_TMPDIR%/*}" ]]; do
        chmod o+x "$directory"
        directory=${directory%/*}
    done
    mkdir "$world/bin"
    find "$target" -maxdepth 1 -type f -executable -exec cp -t "$world/bin" {} +
    cp "$root/scripts/ctrkit" "$world/bin/"
    PATH=$world/bin:$PATH
    chown -R nobody:nogroup "$world"
    for tool in ctrkit audiotun ssh sshcfg ctr-exec ctr-ls timeout; do
        eval "$tool() { \"\${person[@]}\" $tool \"\$@\"; }"
    done
    begin_speakers
}

begin_speakers() {
    "${person[@]}" pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm="$disable_shm" \
        -L 'module-null-sink sink_name=speakers' \
        -L "module-native-protocol-unix socket=$speak_at" \
        >>"$world/pulse.log" 2>&1 3>&- &
    speakers=$!
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        ! at_home info >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    cat "$world/pulse.log" >&2
    return 1
}

end_speakers() {
    kill -KILL "$speakers"
    wait "$speakers" 2>/dev/null || true
}

unmake_speakers() {
    local name
    for name in $(sshcfg list 2>/dev/null); do
        audiotun down "$name" 2>/dev/null || true
    done
    end_speakers 2>/dev/null || true
}

# at_home ARGUMENT...: pactl at the person's own server, without a guard.
at_home() { timeout 10 pactl --server "unix:$speak_at" "$@"; }

sound() { python3 "$root/tests/sound/sound.py" "$@"; }

# bring HZ SECONDS: a tone, as a file in the container.
bring() {
    sound tone "$world/$1.wav" "$1" "$2"
    timeout 60 ssh -F "$CTRKIT_SSH_CONFIG" "$name" "cat >/tmp/$1.wav" <"$world/$1.wav"
}

record=(parec --format=s16le --rate=8000 --channels=1 --latency-msec=10 -d speakers.monitor)

# hear HZ... -- COMMAND...: what is heard of these tones while the command runs, at the
# sound server `ears` or the person's own; the answers are in heard, by tone.
hear() {
    local tones=() recorder='' line
    while [[ $1 != -- ]]; do
        tones+=("$1")
        shift
    done
    shift
    declare -gA heard=()
    eventually begin_recording
    "$@" || { kill "$recorder"; return 1; }
    sleep 1
    kill "$recorder"
    wait "$recorder" 2>/dev/null || true
    while read -r line; do
        heard[${tones[0]}]=$line
        tones=("${tones[@]:1}")
    done < <(sound heard "$world/heard" "${tones[@]}")
}

# begin_recording: the recorder runs and hears what there is, in `heard`. A server that
# has just begun, in a machine that is busy, may turn the first one away.
begin_recording() {
    [[ -z $recorder ]] || kill "$recorder" 2>/dev/null || true
    "${person[@]}" "${record[@]}" --server "unix:${ears:-$speak_at}" >"$world/heard" 3>&- &
    recorder=$!
    local tries
    for ((tries = 0; tries < 50; tries++)); do
        [[ ! -s $world/heard ]] || return 0
        sleep 0.1
    done
    return 1
}

# whole HZ SECONDS: the tone was heard for so long, its pitch within one percent, and
# no gap in it longer than 50 ms.
whole() {
    awk -v hz="$1" -v seconds="$2" '{
        exit !($1 > hz * 0.99 && $1 < hz * 1.01 && $2 > seconds - 0.2 && $2 < seconds + 0.5 && $3 <= 50)
    }' <<<"${heard[$1]}" && return
    echo "of $1 Hz for $2 s was heard (Hz, s, ms of the longest gap): ${heard[$1]}" >&2
    return 1
}

# pitched HZ: the tone was heard, its pitch within one percent.
pitched() { awk -v hz="$1" '{ exit !($1 > hz * 0.99 && $1 < hz * 1.01) }' <<<"${heard[$1]}"; }

# both COMMAND COMMAND: runs them at once in the container.
both() {
    local first
    there "$1" &
    first=$!
    there "$2" && wait "$first"
}

# latency: after how many milliseconds a tone is heard that a program in the container
# begins to play, which says nothing about what is to be buffered.
latency() {
    timeout 30 python3 "$root/tests/sound/sound.py" latency 440 "${record[@]}" \
        --server "unix:$speak_at" -- \
        ssh -F "$CTRKIT_SSH_CONFIG" "$name" pacat --raw --format=s16le --rate=48000 --channels=1
}

# becomes_gone PATH: it is gone from the state directory within half a minute.
becomes_gone() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        [[ -e $state/$1 ]] || return 0
        sleep 0.1
    done
    return 1
}
