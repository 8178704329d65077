//! Whether this machine can play, and the one file that it may need for that.

use std::{
    fs,
    io::{self, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use toolkit::files::{self, FileError};

use crate::{
    Error,
    dropin::{self, Configuration, Step},
};

/// The port of PulseAudio's protocol (`PA_NATIVE_DEFAULT_PORT`), as the kernel writes it.
const PORT: &str = ":1269";

/// The state of a socket that listens (`TCP_LISTEN`, include/net/tcp_states.h of Linux).
const LISTENS: &str = "0A";

/// Sees that a sound server listens at `server`, and none for other machines; where the
/// person's `configuration` keeps it from that, writes the file that lets it, and returns
/// its path.
///
/// The guard needs the socket that every server has, and nothing else of it. Where the
/// person has named the server, there is no configuration to be looked at.
pub fn setup(
    server: &Path,
    configuration: Option<&Configuration>,
) -> Result<Option<PathBuf>, Error> {
    check_alone(configuration)?;
    let Err(source) = UnixStream::connect(server) else { return Ok(None) };
    match configuration.map_or(Step::Start, Configuration::decide) {
        Step::Start => Err(Error::NoServer { path: server.to_owned(), source }),
        Step::Own(path) => Err(Error::NoSocket { path }),
        Step::Write { path, text } => {
            write_new(&path, &text)?;
            Ok(Some(path))
        }
    }
}

/// Takes away what [`setup`] wrote below `home`, and returns what that was: all of it, or
/// nothing where a person has changed some.
pub fn undo(home: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut ours = Vec::new();
    for path in dropin::places(home) {
        let text = files::read(&path)?.and_then(|bytes| String::from_utf8(bytes).ok());
        match text.as_deref().and_then(dropin::is_ours) {
            None => {}
            Some(false) => return Err(Error::Edited { path }),
            Some(true) => ours.push(path),
        }
    }
    for path in &ours {
        files::remove(path)?;
    }
    Ok(ours)
}

/// Writes a file that is not there; one that a person has made in the meantime stays.
fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let write = |directory: &Path| -> io::Result<()> {
        fs::create_dir_all(directory)?;
        let mut file = NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        Ok(())
    };
    Ok(write(path.parent().unwrap_or(path)).map_err(FileError::writing(path))?)
}

/// Refuses a server that listens for other machines, or lets other accounts in.
fn check_alone(configuration: Option<&Configuration>) -> Result<(), Error> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let tables: Vec<_> = tables.into_iter().flatten().collect();
    // Where there are no such files, as on macOS, and at another port, nobody can be asked
    // but the configuration.
    let is_told = configuration.is_some_and(Configuration::is_exposed);
    if is_told || tables.iter().any(|table| is_exposed(table)) {
        return Err(Error::ServerExposed);
    }
    match configuration.and_then(Configuration::open) {
        Some(path) => Err(Error::ServerOpen { path: path.to_owned() }),
        None => Ok(()),
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
