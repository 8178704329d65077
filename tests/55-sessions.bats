#!/usr/bin/env bats
#
# Sessions of the real tmux, in one container for all tests of this file.

load world
bats_require_minimum_version 1.5.0

setup_file() {
    make_world "$BATS_FILE_TMPDIR"
    path=$(worktree myapp)
    ctrkit create "$path" --session first --run 'echo "in $PWD" >~/ran; exec cat' >"$world/document"
    name=$(get .name <"$world/document")
    export world state config path name
}

teardown_file() { unmake_world; }

setup() { load world; }

teardown() { ctr-session kill "$name" --all; }

session() { ctr-session "$@"; }

in_it() { ctr-exec "$name" -- "$@" </dev/null; }

# names: those of the sessions, as they are.
names() { ctr-session list "$name" --json | jq -r '.sessions[].name'; }

# until_is EXPECTED COMMAND...: waits until the command writes it.
until_is() {
    local expected=$1 tries
    shift
    for ((tries = 0; tries < 100; tries++)); do
        [[ $("$@" 2>/dev/null) != "$expected" ]] || return 0
        sleep 0.1
    done
    is "$("$@")" "$expected"
}

# recorder SESSION: a session in which cat writes down what it gets.
recorder() {
    session new "$name" "$1" -- sh -c 'stty -echo; echo ready; exec cat >~/got'
    until_is ready session capture "$name" "$1"
}

got() { in_it cat /home/dev/got; }

@test "create makes the container, the session and its command, and the second time nothing" {
    until_is 'in /workspace/myapp' in_it cat /home/dev/ran
    is "$(names)" first
    in_it rm /home/dev/ran
    ctrkit create "$path" --session first --run 'echo again >~/ran' >"$world/again"
    is "$(jq -cS 'del(.state)' "$world/again")" "$(jq -cS 'del(.state)' "$world/document")"
    is "$(names)" first
    run in_it cat /home/dev/ran
    [ "$status" -ne 0 ]
    cd "$path"
    refused 65 bad-session-name ctrkit create --session a.b
    refused 65 bad-session-name ctrkit create --session ''
    run ctrkit create --run true
    is "$status" 64
}

# bats test_tags=on:docker
@test "names are what they were, and what tmux would change is refused before it is called" {
    local each all=('a b' ' ' -x --other '=' '=x' @1 %1 '#' '#(id)' '#{session_id}' '#[x]' '##[' 'a;' ';'
        '$id' 日本 é "it's" '"' '*' '?' '[a]' '~' '!' '+' '{mouse}' "$(printf 'x%.0s' {1..300})")
    for each in "${all[@]}"; do
        if [[ $each == *\$* ]]; then
            calls refused 65 bad-session-name ctr-session new "$name" "$each"
            is "$count" 0
            continue
        fi
        session new "$name" "$each"
    done
    names | LC_ALL=C sort >"$world/found"
    printf '%s\n' "${all[@]}" | grep -vF '$' | LC_ALL=C sort >"$world/expected"
    cmp "$world/found" "$world/expected"
    for each in ' ' -x =x '#' ';' '*'; do session kill "$name" -- "$each"; done
    is "$(names | wc -l)" "$(($(wc -l <"$world/expected") - 6))"
    for each in '' a.b a:b 'a\b' $'a\nb' $'\e' "$(printf 'x%.0s' {1..2000})" pts/1 client-1; do
        calls refused 65 bad-session-name ctr-session kill "$name" -- "$each"
        is "$count" 0
    done
}

# bats test_tags=on:docker
@test "a name never means its neighbour" {
    local verb
    session new "$name" dev2
    session new "$name" dev22
    for verb in capture send\ --enter; do
        # shellcheck disable=SC2086 # two words
        refused 69 no-such-session ctr-session $verb "$name" dev
    done
    session kill "$name" dev
    session kill "$name" 'dev*'
    is "$(names)" "$(printf 'dev2\ndev22')"
    session new "$name" dev
    session kill "$name" dev
    session kill "$name" dev
    is "$(names)" "$(printf 'dev2\ndev22')"
    refused 69 session-exists ctr-session new "$name" dev2
    session new "$name" dev2 --if-absent -- false
    is "$(names)" "$(printf 'dev2\ndev22')"
}

# bats test_tags=on:docker
@test "a session is in the workspace, of the login shell, in UTF-8" {
    session new "$name" shell
    session send "$name" shell --enter 'echo "$PWD $USER $LOGNAME $0 $LANG" >~/told'
    until_is '/workspace/myapp dev dev -bash C.UTF-8' in_it cat /home/dev/told
    session new "$name" words -- printf '%s|' 'a b' '$HOME' ';' 'x;' '' '#{pid}' '%H' -- '*'
    session new "$name" kept -- sh -c 'printf "%s|" "$@" >~/words' sh 'a b' '$HOME' ';' 'x;' '' '#{pid}' '%H' -- '*' "it's"
    until_is "a b|\$HOME|;|x;||#{pid}|%H|--|*|it's|" in_it cat /home/dev/words
    session new "$name" wide -- sh -c 'printf "日本 é\n"; exec cat'
    until_is '日本 é' session capture "$name" wide
    refused 65 command-too-long ctr-session new "$name" long -- echo "$(printf 'x%.0s' {1..20000})"
}

# bats test_tags=on:docker
@test "text arrives as it is" {
    local each
    recorder text
    # shellcheck disable=SC1003 # a backslash alone
    printf '%s\n' Enter C-c -l -- '-x y' 'a;' ';' 'a\;' '\' '$(id) `id` $HOME' "it's \"so\"" '#{pid}' \
        '%H' '日本 é' ' ' 'x  ' "$(printf 'y%.0s' {1..4000})" >"$world/sent"
    while IFS= read -r each; do
        session send "$name" text --enter -- "$each"
    done <"$world/sent"
    until_is "$(tail -n 1 "$world/sent")" eval 'got | tail -n 1'
    got | cmp - "$world/sent"
}

@test "many lines go by standard input, however many, and the limits of arguments are none" {
    recorder many
    seq -f 'line %06.0f; \;' 1 100000 >"$world/sent"
    session send "$name" many - <"$world/sent"
    until_is "$(wc -c <"$world/sent")" eval 'got | wc -c'
    got | cmp - "$world/sent"
}

# bats test_tags=on:docker
@test "several lines are one paste to a program that knows it, and keys are keys" {
    session new "$name" paste -- sh -c 'stty raw -echo; printf "\033[?2004hready"; exec cat >~/got'
    until_is ready session capture "$name" paste
    session send "$name" paste $'one\ntwo' --key Up --key C-c --key ';' --enter
    until_is 25 eval 'got | wc -c'
    is "$(got | od -An -c | tr -d ' \n')" '033[200~one\rtwo033[201~033[A003;\r'
    refused 65 bad-key ctr-session send "$name" paste --key Entre
    refused 65 bad-text ctr-session send "$name" paste $'a\e[201~b'
    refused 64 nothing-to-send ctr-session send "$name" paste
}

# bats test_tags=on:docker
@test "who scrolls in a pane does not get what is sent to its program" {
    recorder mode
    in_it tmux copy-mode -t mode
    session send "$name" mode --enter qqq
    until_is qqq got
}

# bats test_tags=on:docker
@test "capture is exactly so many lines, of those too that have scrolled away" {
    session new "$name" lines -- sh -c 'seq 1 3000; printf "%0200d\n\nlast"; exec sleep 1000'
    until_is last eval "ctr-session capture '$name' lines | tail -n 1"
    is "$(session capture "$name" lines -n 1)" last
    is "$(session capture "$name" lines -n 4)" "$(printf '3000\n%0200d\n\nlast' 0)"
    is "$(session capture "$name" lines -n 3003 | head -n 3000 | cmp - <(seq 1 3000) && echo same)" same
    is "$(session capture "$name" lines -n 99999 | wc -l)" 3003
    is "$(session capture "$name" lines -n 0)" ""
    session new "$name" red -- sh -c 'printf "\033[31mred\033[0m\n"; exec sleep 1000'
    until_is red session capture "$name" red
    session capture "$name" red --escapes | grep -q $'\e\\[31mred'
}

# bats test_tags=on:docker
@test "what is followed comes once and in order, and the end of the session ends it" {
    session new "$name" flood -- sh -c 'read -r _; seq 1 100000'
    session capture "$name" flood --follow -n 0 >"$world/one" & local one=$!
    session capture "$name" flood --follow -n 0 >"$world/two" & local two=$!
    until_is 2 eval "ctr-exec '$name' -- sh -c 'ls /tmp/ctrkit-follow-*/*/to.* | wc -l' </dev/null"
    session send "$name" flood --enter
    wait "$one"
    wait "$two"
    { echo; seq 1 100000; } >"$world/expected"
    cmp "$world/one" "$world/expected"
    cmp "$world/two" "$world/expected"
    is "$(in_it sh -c 'ls /tmp/ctrkit-follow-*')" lock
    session new "$name" other
    refused 69 no-such-session ctr-session capture "$name" flood --follow
}

# bats test_tags=on:docker
@test "what is followed survives a history that is full, and a pane that is drawn on" {
    in_it tmux start-server ';' set-option -g history-limit 10 ';' new-session -d -s keep
    session new "$name" draws -- sh -c 'read -r _; seq 1 500
        for i in 1 2 3 4 5; do printf "step %d\nof 5\n\033[2A" $i; done; printf "\033[2Bend\n"
        printf "\033[?1049h\033[Hhidden\n\033[?1049lafter\n"; exec cat'
    session capture "$name" draws --follow -n 0 >"$world/told" & local pid=$!
    until_is 1 eval "ctr-exec '$name' -- sh -c 'ls /tmp/ctrkit-follow-*/*/to.* | wc -l' </dev/null"
    session send "$name" draws --enter
    { echo; seq 1 500; printf '%s\n' 'step 1' 'of 5' 'step 5' end after; } >"$world/expected"
    until_is "$(wc -l <"$world/expected")" eval "wc -l <'$world/told'"
    session kill "$name" draws
    wait "$pid"
    diff "$world/told" "$world/expected"
}

# bats test_tags=on:docker
@test "one that follows and is killed leaves nothing, and the others their lines" {
    local pids=() n
    session new "$name" long -- sh -c 'while read -r line; do echo "got $line"; done'
    for n in 1 2; do
        ctr-session capture "$name" long --follow -n 0 >"$world/out$n" &
        pids+=($!)
    done
    until_is 2 eval "ctr-exec '$name' -- sh -c 'ls /tmp/ctrkit-follow-*/*/to.* | wc -l' </dev/null"
    kill -KILL "${pids[0]}"
    until_is 1 eval "ctr-exec '$name' -- sh -c 'ls /tmp/ctrkit-follow-*/*/to.* | wc -l' </dev/null"
    session send "$name" long --enter hello
    until_is $'hello\ngot hello' cat "$world/out2"
    kill -TERM "${pids[1]}"
    until_is lock in_it sh -c 'ls /tmp/ctrkit-follow-*'
    until_is '' in_it sh -c 'ps -e -o args= | grep -e pump.s[h] -e mkfif[o]'
    is "$(in_it tmux display-message -p -t =long: '#{pane_pipe}')" 0
    in_it tmux pipe-pane -t =long: 'cat >/dev/null'
    refused 69 pane-is-piped ctr-session capture "$name" long --follow
    # Nobody reads any more.
    in_it tmux pipe-pane -t =long:
    session send "$name" long --enter again
    session capture "$name" long --follow | head -n 1 >/dev/null
    until_is lock in_it sh -c 'ls /tmp/ctrkit-follow-*'
}

@test "attach shows it to who has a terminal, and prints its command to everybody" {
    local line watcher
    session new "$name" shown -- sh -c 'echo hello; exec cat'
    line=$(session attach --print "$name" shown)
    is "$line" "$(command -v "$engine") exec --interactive --tty --env 'TERM=xterm-256color' --env 'COLORTERM=truecolor' --user dev $name tmux -u attach-session -t '=shown'"
    refused 64 not-a-terminal ctr-session attach "$name" shown
    attached() { is "$(ctr-session list "$name" --json | jq '.sessions[0].attached')" 1; }
    { ! eventually attached || : >"$world/attached"; ctr-session kill "$name" shown; : >"$world/over"; } &
    watcher=$!
    script -qec "ctr-session attach $name shown" /dev/null \
        < <(until [[ -e $world/over ]]; do sleep 0.2; done) >"$world/typescript" || true
    wait "$watcher"
    [[ -e $world/attached ]]
    grep -q hello "$world/typescript"
    run script -qec "ctr-session attach $name never" /dev/null
    is "$status" 69
}

# bats test_tags=on:docker
@test "what keeps it from a session has a kind of its own, and one does not hold up the others" {
    ctr-session kill "$name" --all
    refused 69 no-server ctr-session list "$name"
    is "$(ctr-session list --json | jq -r --arg name "$name" '.without[] | select(.container == $name) | .kind')" no-server
    "$engine" exec --user 0:0 "$name" mv /usr/bin/tmux /usr/bin/tmux.away
    refused 69 no-tmux ctr-session list "$name"
    refused 69 no-tmux ctr-session new "$name" any
    refused 69 no-tmux ctr-session capture "$name" any --follow
    "$engine" exec --user 0:0 "$name" mv /usr/bin/tmux.away /usr/bin/tmux
    ctr-stop --timeout 1 "$name"
    refused 69 not-running ctr-session list "$name"
    is "$(ctr-session list --json | jq -r --arg name "$name" '.without[] | select(.container == $name) | .kind')" not-running
    ctr-start "$name" >/dev/null
    refused 69 no-such-container ctr-session list never
}

# bats test_tags=on:docker
@test "the worktree's container is meant where none is named" {
    cd "$path"
    ctrkit session new here
    is "$(ctrkit session list "$name" --plain | cut -f 1,2)" "$name	here"
    ctrkit session send here --enter -- 'echo told >~/told2'
    until_is told in_it cat /home/dev/told2
    ctrkit session capture here -n 1 >/dev/null
    ctrkit session send "$name" here --key C-l
    ctrkit session kill --all
    refused 69 no-server ctrkit session list "$name"
}

@test "the sessions of this machine are nobody's there" {
    export TMUX_TMPDIR=$world/tmux
    mkdir -p "$TMUX_TMPDIR"
    if command -v tmux >/dev/null; then tmux new-session -d -s mine 'sleep 1000'; fi
    session new "$name" theirs
    is "$(names)" theirs
    session kill "$name" --all
    if command -v tmux >/dev/null; then
        is "$(tmux list-sessions -F '#{session_name}')" mine
        tmux kill-server
    fi
}
