# shellcheck shell=bash
#
# modules: modules of tests in Python, for which no container engine is needed

# begin MODULE...: starts the modules, four at once: they wait most of the time.
begin() {
    local root
    root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
    python=$("$root/scripts/mitmproxy" "${CTRKIT_MITMPROXY:-11.0.2}")
    PATH=${CTRKIT_TOOLS:-${CARGO_TARGET_DIR:-$root/target}/release}:$PATH
    FILTERGEN=$(command -v filtergen)
    TMPDIR=$BATS_FILE_TMPDIR PYTHONPATH=$root/tests/proxy:$root/tests/operations
    export python PATH FILTERGEN TMPDIR PYTHONPATH
    cd "$BATS_TEST_DIRNAME" || return
    printf '%s\n' "$@" | xargs -P 4 -I MODULE bash -c '
        "$python" -B -W ignore -m unittest "$1" >"$TMPDIR/$1.log" 2>&1
        echo $? >"$TMPDIR/$1.new"
        mv "$TMPDIR/$1.new" "$TMPDIR/$1.status"' - MODULE 3>&- &
    echo $! >"$TMPDIR/runner"
}

# hold MODULE: the tests of a module hold; what was measured is shown.
hold() {
    while [[ ! -e $TMPDIR/$1.status ]]; do
        kill -0 "$(<"$TMPDIR/runner")"
        sleep 0.2
    done
    cat "$TMPDIR/$1.log"
    sed -n 's/^.*measured: /# /p' "$TMPDIR/$1.log" >&3
    [[ $(<"$TMPDIR/$1.status") -eq 0 ]]
}
