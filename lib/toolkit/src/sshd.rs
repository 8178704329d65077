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
