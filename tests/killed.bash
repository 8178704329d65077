# shellcheck shell=bash
#
# killed: commands that are cut off in the middle

# How far apart the events are after which a sweep cuts off. The tests of every
# day leave some out; `just long` sets it to 1.
every() { printf '%s\n' "${CTRKIT_TEST_EVERY:-$1}"; }

# cut_off SIGNAL NUMBER COMMAND...: starts COMMAND and sends SIGNAL to all of it
# after its NUMBERth event. Fails if it ends before that; sets `event`.
cut_off() {
    local fifo=$world/cut signal=$1 number=$2 seen=0 fd pid
    shift 2
    # A function is ctrkit itself.
    [[ $1 != ctrkit ]] || set -- "$root/scripts/ctrkit" "${@:2}"
    rm -f "$fifo"
    mkfifo "$fifo"
    exec {fd}<>"$fifo"
    CTRKIT_EVENTS=$fifo setsid "$@" >/dev/null 2>&1 3>&- {fd}>&- &
    pid=$!
    while ((seen < number)); do
        if IFS= read -r -t 0.2 -u "$fd" event; then
            ((seen += 1))
        elif ! kill -0 "$pid" 2>/dev/null; then
            # What it wrote last may still be in the pipe.
            while IFS= read -r -t 0.1 -u "$fd" event; do ((seen += 1)); done
            break
        fi
    done
    ((seen < number)) || kill -s "$signal" -- "-$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    exec {fd}>&-
    [[ -z ${event-} ]] || echo "# $signal after event $number: $(jq -r '"\(.tool) \(.step) \(.status)"' <<<"$event")" >&3
    ((seen >= number))
}

# normal FILE: a document without what differs from one container to the next.
normal() {
    jq -S 'del(.state.id, .ssh.serial, .ssh.valid_after, .ssh.valid_before)' "$1"
}
