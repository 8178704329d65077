# In a container: passes on what the program in a pane writes, which is standard
# input, to all who follow it, as the frames of follow.sh.
#
# $1 the directory with their fifos, $2 who started this, $3 the pane's number
umask 077
cd "$1" || exit

# Writes the file $1 to each who still follows.
pass() {
    for to in to.*; do
        [ -p "$to" ] && kill -0 "${to#to.}" && cat "$1" >"$to"
    done 2>/dev/null
}

size='#{pane_width} #{pane_height}'
while dd bs=65536 count=1 of="chunk.$2" 2>/dev/null && [ -s "chunk.$2" ]; do
    length=$(wc -c <"chunk.$2")
    echo "$length" "$(tmux -u display-message -p -t "%$3" "$size" 2>/dev/null)" |
        cat - "chunk.$2" >"frame.$2"
    pass "frame.$2"
done
exec 9>../lock && flock 9
[ "$(cat pump)" = "$2" ] || exit 0
echo 0 >"frame.$2"
pass "frame.$2"
rm -rf "$1"
