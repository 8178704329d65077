# In a container: sends the signal $2 to the command that the shell with the
# token x$1 in its arguments runs. Fails if there is none, or if it is another
# user's.
status=1
# shellcheck disable=SC2013 # no path of these has a blank
for file in $(grep -ls "[x]$1" /proc/[0-9]*/cmdline); do
    shell=${file#/proc/}
    for stat in /proc/[0-9]*/stat; do
        # proc_pid_stat(5): pid (name) state parent ...; a name may hold anything.
        read -r line <"$stat" || continue
        rest=${line##*) ? }
        [ "${rest%% *}" = "${shell%/cmdline}" ] || continue
        kill -s "$2" "${line%% *}" && status=0
    done
done 2>/dev/null
exit $status
