//! How a container's sshd(8) is started.

/// What the container runs, under an init, as a script for `sh -c`: sshd in
/// the foreground.
///
/// From OpenSSH 9.8 on sshd makes an address wait that has not logged in. All
/// connections come from the engine's own address, so all would wait for
/// whoever only asked for the certificate; where sshd knows it, it is off.
pub const START: &str = "set -- -D -e; \
    /usr/sbin/sshd -G -f /dev/null -o PerSourcePenalties=no >/dev/null 2>&1 && \
    set -- \"$@\" -o PerSourcePenalties=no; exec /usr/sbin/sshd \"$@\"";

/// Starts sshd beside a container's first process, for `sh -c` as root, where
/// it does not run, and says so with a word then: what sshd says goes where the
/// first process's words go.
///
/// It ends with 69 (sysexits(3), EX_UNAVAILABLE) where there is no sshd. A
/// number that is left in the file of a container that was stopped may be another
/// process's now.
pub const SERVE: &str = r#"pid=$(cat /run/sshd.pid 2>/dev/null) &&
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sshd ] && exit 0
[ -x /usr/sbin/sshd ] || exit 69
mkdir -p /run/sshd
log=/proc/1/fd/1
[ -w "$log" ] || log=/dev/null
set -- -e
/usr/sbin/sshd -G -f /dev/null -o PerSourcePenalties=no >/dev/null 2>&1 &&
    set -- "$@" -o PerSourcePenalties=no
/usr/sbin/sshd -D "$@" </dev/null >"$log" 2>&1 &
echo started"#;
