//! The account that reads the copies, and how a file becomes its.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

use engine::{Engine, Kind};
use nix::unistd::geteuid;

use crate::Error;

/// The numbers of an account in a container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Asks the container for the numbers of `user`: those of the image's labels
/// may be another image's.
pub(super) fn account(engine: &Engine, id: &str, user: &str) -> Result<Account, Error> {
    let args = ["exec", "--user", user, id, "sh", "-c", "id -u && id -g"];
    let said = engine.run(args).map_err(Error::deliver)?;
    let mut numbers = said.lines().filter_map(|line| line.trim().parse().ok());
    let number = numbers.next().zip(numbers.next());
    let (uid, gid) = number.ok_or_else(|| Error::NoAccount { user: user.to_owned() })?;
    Ok(Account { uid, gid })
}

/// How a file becomes readable by an account of the container's, and by no
/// other but this user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// The numbers are the same out here, and root may give files away.
    Chown,
    /// podman without root has numbers of its own, and knows them.
    Unshare,
    /// This user has the number.
    Own,
    /// The numbers are the same; a list (acl(5)) names the other.
    List,
}

impl Way {
    /// Returns the way for the files of `user`, who runs this.
    pub(super) fn of(account: Account, user: u32, kind: Kind) -> Self {
        match kind {
            _ if user == 0 => Self::Chown,
            Kind::Podman => Self::Unshare,
            _ if user == account.uid => Self::Own,
            Kind::Docker => Self::List,
        }
    }

    /// Gives `path` to `account`, or returns what a person has to do.
    pub(super) fn give(
        self,
        path: &Path,
        account: Account,
        engine: &Engine,
    ) -> io::Result<Option<String>> {
        let Account { uid, gid } = account;
        let path_text = path.to_string_lossy();
        let cure = match self {
            Self::Own => None,
            Self::Chown => {
                std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
                None
            }
            Self::Unshare => {
                let owner = format!("{uid}:{gid}");
                let given = engine.run(["unshare", "chown", &owner, &path_text]);
                given.err().map(|error| format!("see why podman cannot: {error}"))
            }
            Self::List => {
                let entry = format!("u:{uid}:r--");
                let mut command = Command::new("setfacl");
                command.args(["--modify", &entry, "--"]).arg(path);
                let status = command.stdin(Stdio::null()).stderr(Stdio::null()).status();
                (!status.is_ok_and(|status| status.success())).then(|| {
                    format!(
                        "install setfacl (the package acl), or use an image whose account has \
                         the number {} instead of {uid}",
                        geteuid()
                    )
                })
            }
        };
        Ok(cure)
    }
}
