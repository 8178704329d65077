# In a container: runs the command "$@" in the environment that the user's login
# shell makes, and in its place.
SHELL=$(getent passwd "$(id -un)" 2>/dev/null || grep "^$(id -un):" /etc/passwd)
SHELL=${SHELL##*:}
[ -x "$SHELL" ] || SHELL=/bin/sh
export SHELL
case ${SHELL##*/} in
    fish) exec "$SHELL" -l -c 'exec $argv' "$@" ;;
    *csh | nologin | false) exec "$@" ;;
    *) exec "$SHELL" -l -c 'exec "$@"' "$SHELL" "$@" ;;
esac
