# In a container: writes what a pane shows, then all that its program writes, as
# it comes. What is written are frames: a line with the number of bytes and,
# where known, the width and the height of the pane; then the bytes. The last
# frame is empty, and comes when the program has ended. Whoever reads ends it by
# ending its standard input.
#
# A pane of tmux has one pipe: the pump ($3) is at its end, and passes on to each
# who follows by a fifo of its own. Who comes first starts it, who goes last ends
# it.
#
# $1 the session's target, $2 the first line of the history that is wanted
umask 077
exec 3<&0 </dev/null
pane=$(tmux -u list-panes -t "$1" -f '#{pane_active}' -F '#{pane_id}') || exit
base=/tmp/ctrkit-follow-$(id -u)
mkdir -p "$base"
[ -O "$base" ] || { echo "'$base' is another user's" >&2; exit 1; }
directory=$base/${pane#%}
own=$directory/to.$$

lock() { exec 9>"$base/lock" && flock 9; }
unlock() { exec 9>&-; }

lock
mkdir -p "$directory"
mkfifo "$own"
# Open at both ends: nothing that comes is lost, and no end is seen between two
# who write.
exec 4<>"$own"
state='#{pane_width} #{pane_height} #{cursor_x} #{cursor_y} #{alternate_on}'
set -- "$1" "$3" \
    display-message -p -t "$pane" "$state" \; \
    capture-pane -p -J -t "$pane" -S "$2" \; \
    capture-pane -p -t "$pane"
piped=$(tmux -u display-message -p -t "$pane" '#{pane_pipe}')
if [ "$piped" != 1 ]; then
    printf '%s' "$2" >"$directory/pump.sh"
    echo $$ >"$directory/pump"
    set -- "$@" \; pipe-pane -t "$pane" "exec sh $directory/pump.sh $directory $$ ${pane#%}"
elif [ ! -e "$directory/pump" ]; then
    rm -rf "$directory"
    exit 8
fi
shift 2
# In one go: between what the pane shows and what comes by the pipe is nothing.
tmux -u "$@" >"$directory/start.$$"
unlock

wc -c <"$directory/start.$$"
cat "$directory/start.$$"
rm -f "$directory/start.$$"
cat <&4 &
reader=$!
cat <&3 >/dev/null
kill "$reader"

lock
rm -f "$own"
for other in "$directory"/to.*; do
    [ -p "$other" ] || continue
    kill -0 "${other##*/to.}" && exit 0
    rm -f "$other"
done 2>/dev/null
[ -d "$directory" ] || exit 0
rm -rf "$directory"
tmux -u pipe-pane -t "$pane" 2>/dev/null
exit 0
