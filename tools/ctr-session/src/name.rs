//! The names of sessions.

use crate::Error;

/// The longest name, in bytes: tmux takes no more than 16 KiB for a whole
/// command.
const LONGEST: usize = 1024;

/// The name of a session that tmux takes as it is and gives back as it is, and
/// that it takes for nothing else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionName(String);

impl SessionName {
    /// Returns the name, or the error that says why it can be none.
    pub fn new(name: &str) -> Result<Self, Error> {
        match wrong(name) {
            None => Ok(Self(name.to_owned())),
            Some(why) => Err(Error::BadSessionName { name: name.to_owned(), why }),
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what means this session to tmux and never one whose name begins
    /// so or looks like it: as a pane, the active one.
    #[must_use]
    pub fn target(&self) -> String {
        format!("={}:", self.0)
    }

    /// Returns the name as tmux takes it for a new session: as a format, in
    /// which `##` is one `#`, but for those before a bracket, which stay.
    #[must_use]
    pub fn format(&self) -> String {
        let mut format = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some(at) = rest.find('#') {
            let (before, from) = rest.split_at(at);
            let after = from.trim_start_matches('#');
            let signs = &from[..from.len() - after.len()];
            format += before;
            format += signs;
            if !after.starts_with('[') {
                format += signs;
            }
            rest = after;
        }
        format + rest
    }
}

/// Returns what is wrong with a name.
fn wrong(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > LONGEST {
        Some("it has more than 1024 bytes")
    } else if name.chars().any(char::is_control) {
        Some("it has a control character")
    } else if name.contains([':', '.']) {
        Some("tmux makes '_' of ':' and of '.'")
    } else if name.contains(['\\', '$']) {
        Some("tmux writes '\\' and '$' in another way")
    } else if is_client(name) {
        Some("tmux takes it for that of a terminal")
    } else {
        None
    }
}

/// Says whether tmux, where it knows no such session, looks for a client of
/// that name, and takes the session that it shows.
fn is_client(name: &str) -> bool {
    let number = |prefix| {
        let rest = name.strip_prefix(prefix)?;
        Some(!rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_numbered = ["client-", "pts/", "tty"].into_iter().filter_map(number).any(|is| is);
    is_numbered || name.starts_with("/dev/") || name == "console"
}
