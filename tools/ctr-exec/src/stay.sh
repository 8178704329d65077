# In a container: runs the command and stays beside it, to be found by the
# token $1 when a signal is to reach the command. What a shell says when a
# command dies of a signal is not the command's, so nobody hears it.
shift
exec 3>&2 2>/dev/null
ENTER
(exec "$@" 2>&3 3>&-)
exit $?
