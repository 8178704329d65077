# shellcheck shell=sh
#
# Runs sshd in the foreground. Everybody comes from the engine's own address:
# an sshd that makes an address wait which has not logged in (OpenSSH 9.8 and
# later) would make all of them wait for whoever only asked for its certificate.
set -- -D -e
if /usr/sbin/sshd -G -f /dev/null -o PerSourcePenalties=no >/dev/null 2>&1; then
    set -- "$@" -o PerSourcePenalties=no
fi
exec /usr/sbin/sshd "$@"
