//! How ssh is called, by git and to find out why git failed.

use std::{path::Path, process::Command};

use toolkit::Interrupt;

use crate::{
    Error, ThereError,
    error::Words,
    run::{self, Terms},
};

/// The status with which ssh says that it failed itself (ssh(1), EXIT STATUS).
const SSH_FAILED: i32 = 255;

/// The command line of ssh, as far as it is the same for all containers.
#[derive(Clone, Debug)]
pub struct Ssh(Vec<String>);

impl Ssh {
    /// Makes the command line that reads `config` instead of the user's own
    /// configuration, where one is given.
    ///
    /// Forwardings are left to the person's own sessions, whose ports and
    /// sockets this one would take. Nor does it become the master of further
    /// connections, which would stay behind; it uses one that is there.
    #[must_use]
    pub fn new(config: Option<&Path>) -> Self {
        let mut words = vec!["ssh".to_owned()];
        if let Some(config) = config.filter(|config| !config.as_os_str().is_empty()) {
            let config = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
            words.extend(["-F".to_owned(), config.to_string_lossy().into_owned()]);
        }
        for option in ["ClearAllForwardings=yes", "ControlMaster=no", "LogLevel=ERROR"] {
            words.extend(["-o".to_owned(), option.to_owned()]);
        }
        Self(words)
    }

    /// Makes it go through `proxy`, a ProxyCommand (ssh_config(5)), if there is
    /// one: the connection to the engine's server, which is there already.
    #[must_use]
    pub fn through(mut self, proxy: Option<String>) -> Self {
        let option = proxy.map(|proxy| format!("ProxyCommand={proxy}"));
        self.0.extend(option.into_iter().flat_map(|option| ["-o".to_owned(), option]));
        self
    }

    /// Returns the line for `GIT_SSH_COMMAND`, which git gives to a shell.
    #[must_use]
    pub fn line(&self) -> String {
        shell_words::join(&self.0)
    }

    /// Finds out why the container `name` could not be reached, by trying
    /// again without git; `None` if it can be reached.
    pub(crate) fn explain(
        &self,
        name: &str,
        interrupt: &Interrupt,
    ) -> Result<Option<ThereError>, Error> {
        let mut command = Command::new(&self.0[0]);
        command.args(&self.0[1..]).args(["--", name, "true"]).env("LC_ALL", "C");
        let terms = Terms { interrupt: Some(interrupt), kept: Some(run::FEW), ..Terms::default() };
        let tried = run::capture(&mut command, terms)?;
        Ok((tried.status.code() == Some(SSH_FAILED)).then(|| classify(name, tried.words)))
    }
}

/// Tells the failures of ssh apart.
///
/// It has one status for all of them; these words are the only thing that
/// tells of a host key that was refused. They are the same in OpenSSH 5 to 10
/// (`sshconnect.c`, `sshconnect2.c`), which is not translated.
fn classify(name: &str, words: String) -> ThereError {
    let (name, last) = (name.to_owned(), words.lines().last().unwrap_or_default().to_owned());
    let source = Words(last);
    if words.contains("Host key verification failed.") {
        ThereError::HostKeyRefused { name, source }
    } else if words.contains("Permission denied (") {
        ThereError::LoginRefused { name, source }
    } else {
        ThereError::Unreachable { name, source }
    }
}

#[cfg(test)]
mod tests {
    use toolkit::Failure;

    use super::*;

    #[track_caller]
    fn check(words: &str, kind: &str) {
        assert_eq!(classify("dev-a", words.to_owned()).kind(), kind);
    }

    #[test]
    fn failures_of_ssh_are_told_apart() {
        check("No ED25519 host key is known\nHost key verification failed.", "host-key-refused");
        check("dev@127.0.0.1: Permission denied (publickey).", "login-refused");
        check("ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable");
        check("", "unreachable");
    }

    #[test]
    fn the_configuration_is_quoted_for_a_shell() {
        let line = Ssh::new(Some(Path::new("/a b/$(id)"))).line();
        assert!(line.starts_with("ssh -F '/a b/$(id)' -o "), "{line}");
        assert!(Ssh::new(Some(Path::new(""))).line().starts_with("ssh -o "));
    }
}
