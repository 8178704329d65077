//! Whether this machine can play: nothing of it is changed.

use std::{fs, os::unix::net::UnixStream, path::Path};

use crate::Error;

/// The port of PulseAudio's protocol (`PA_NATIVE_DEFAULT_PORT`), as the kernel writes it.
const PORT: &str = ":1269";

/// The state of a socket that listens (`TCP_LISTEN`, include/net/tcp_states.h of Linux).
const LISTENS: &str = "0A";

/// Sees that a sound server listens at `server`, and none for other machines.
///
/// The guard needs the socket that every server has, and nothing else of it.
pub fn check(server: &Path) -> Result<(), Error> {
    if let Err(source) = UnixStream::connect(server) {
        return Err(Error::NoServer { path: server.to_owned(), source });
    }
    // Where there are no such files, as on macOS, nobody can be asked.
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    match tables.into_iter().flatten().any(|table| is_exposed(&table)) {
        true => Err(Error::ServerExposed),
        false => Ok(()),
    }
}

/// Says whether something listens in `table` (proc_net(5)) on the port of sound servers
/// for more than this machine.
fn is_exposed(table: &str) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().and_then(|local| local.strip_suffix(PORT));
        let state = fields.nth(1);
        local.is_some_and(|address| state == Some(LISTENS) && !is_loopback(address))
    })
}

/// Says whether an address leads to this machine alone: 127.0.0.0/8, the same as an
/// address of IPv6, or ::1, each word in the order of bytes of a little-endian machine.
fn is_loopback(address: &str) -> bool {
    let v4 = address.strip_prefix("0000000000000000FFFF0000").unwrap_or(address);
    (v4.len() == 8 && v4.ends_with("7F")) || address == "00000000000000000000000001000000"
}

#[cfg(test)]
mod tests {
    use super::is_exposed;

    #[track_caller]
    fn check(local: &str, state: &str, expected: bool) {
        let table = format!(
            "  sl  local_address rem_address   st tx_queue\n   \
             0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 0\n"
        );
        assert_eq!(is_exposed(&table), expected, "{local} {state}");
    }

    #[test]
    fn a_server_that_other_machines_reach_is_exposed() {
        check("00000000:1269", "0A", true);
        check("0101A8C0:1269", "0A", true);
        check("00000000000000000000000000000000:1269", "0A", true);
        check("0000000000000000FFFF00000101A8C0:1269", "0A", true);
    }

    #[test]
    fn one_that_this_machine_alone_reaches_and_other_ports_are_not() {
        check("0100007F:1269", "0A", false);
        check("00000000000000000000000001000000:1269", "0A", false);
        check("0000000000000000FFFF00000100007F:1269", "0A", false);
        check("00000000:1269", "01", false);
        check("00000000:1270", "0A", false);
        assert!(!is_exposed(""));
    }
}
