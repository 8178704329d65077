//! A key that the document lacks, and the tool that fills it in.

use document::container::Missing;

use crate::{Exit, Failure};

/// Which tool fills in which key, with all below it: the table of a container's
/// way through the pipe. What ctr-spec fills in is not among them, because a
/// document begins with it.
const FILLED_BY: [(&str, &str); 8] = [
    ("compose", "mkcompose"),
    ("devcontainer", "mkdevcontainer"),
    ("engine", "ctr-image"),
    ("isolation.filter", "filtergen"),
    ("mounts", "claudecfg"),
    ("ports", "portalloc"),
    ("ssh", "sshca"),
    ("state", "ctr-up"),
];

/// Returns the tool that fills in `key`, such as `ssh.known_hosts`.
fn filled_by(key: &str) -> Option<&'static str> {
    let is_below = |section: &str| {
        let rest = key.strip_prefix(section);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':', '[']))
    };
    FILLED_BY.into_iter().find(|(section, _)| is_below(section)).map(|(_, tool)| tool)
}

impl Failure for Missing {
    fn kind(&self) -> &'static str {
        "missing-key"
    }

    fn exit(&self) -> Exit {
        Exit::DataErr
    }

    fn hint(&self) -> Option<String> {
        filled_by(self.0).map(|tool| format!("pipe the document through {tool} first"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_filled_in_with_its_section() {
        let known = [
            ("ports", "portalloc"),
            ("ports: ssh: host", "portalloc"),
            ("ports[].host", "portalloc"),
            ("ssh.known_hosts", "sshca"),
            ("isolation.filter", "filtergen"),
        ];
        for (key, tool) in known {
            let hint = Missing(key).hint().unwrap();
            assert_eq!(hint, format!("pipe the document through {tool} first"), "{key}");
        }
        for key in ["isolation", "sshd", "image", "project.branch", ""] {
            assert_eq!(Missing(key).hint(), None, "{key}");
        }
    }
}
