# In a container: goes to the directory and finds the command.
#
# $1 directory that was asked for, or nothing; $2 the workspace, or nothing;
# the rest is the command, or nothing for the login shell.
if [ -n "$1" ]; then
    cd -- "$1" || exit 126
else
    { [ -n "$2" ] && cd -- "$2"; } || cd || cd /
fi 2>/dev/null
shift 2
# A command that no shell runs has the secrets too.
[ ! -r /etc/ctrkit/secrets.sh ] || . /etc/ctrkit/secrets.sh
if [ $# -eq 0 ]; then
    USER=$(id -un)
    LOGNAME=$USER
    SHELL=$(getent passwd "$USER" 2>/dev/null || grep "^$USER:" /etc/passwd)
    SHELL=${SHELL##*:}
    [ -x "$SHELL" ] || SHELL=/bin/sh
    export USER LOGNAME SHELL
    set -- "$SHELL" -l
fi
