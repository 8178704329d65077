//! The control sockets of ssh masters that lead to containers.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::net::UnixStream,
    path::Path,
};

use toolkit::{
    Sockets,
    files::{self, FileError},
};

/// The number of characters by which a socket is told from others.
const DIGEST: usize = 12;

/// The containers to which a connection is open.
#[derive(Clone, Debug)]
pub(crate) struct Masters(BTreeSet<String>);

impl Masters {
    /// Looks for the sockets that are in the file of blocks (sshcfg(1)).
    pub(crate) fn look(config: &Path, state: &Path) -> Result<Self, FileError> {
        let text = files::read(&config.join("ssh_config"))?.unwrap_or_default();
        let sockets = Sockets::choose(state);
        let is_open = |digest: &str| {
            sockets.path(digest).is_some_and(|path| UnixStream::connect(path).is_ok())
        };
        let all = in_blocks(&String::from_utf8_lossy(&text)).into_iter();
        Ok(Self(all.filter(|(_, digest)| is_open(digest)).map(|(name, _)| name).collect()))
    }

    /// Says whether one is open to the container.
    pub(crate) fn is_open(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// Returns what tells the sockets apart, by the container's name.
pub(crate) fn in_blocks(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut name = "";
    for line in text.lines().map(str::trim) {
        if let Some(host) = line.strip_prefix("Host ") {
            name = host;
        }
        let path = line.strip_prefix("ControlPath ").map(|path| path.trim_end_matches('"'));
        let start = path.map_or(0, |path| path.len().saturating_sub(DIGEST));
        if let Some(digest) = path.and_then(|path| path.get(start..)).filter(|it| is_digest(it)) {
            found.insert(name.to_owned(), digest.to_owned());
        }
    }
    found
}

fn is_digest(text: &str) -> bool {
    text.len() == DIGEST && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
