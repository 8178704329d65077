//! What the script `probe.sh` tells about the machine of the engine.

use engine::Kind;

/// The machine, as the script describes it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// The account.
    pub user: String,
    /// Its number.
    pub uid: String,
    /// Whether there is sudo(8).
    pub has_sudo: bool,
    /// Whether systemd(1) runs the machine.
    pub has_systemd: bool,
    /// The program that installs packages.
    pub packager: Option<String>,
    /// Whether the account's services outlive its sessions, where that is known.
    pub lingers: Option<bool>,
    /// Whether the account may use further user ids.
    pub has_subuid: bool,
    /// Whether the account may use further group ids.
    pub has_subgid: bool,
    engines: [OneEngine; 2],
}

/// An engine on that machine.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OneEngine {
    /// Whether its program is there.
    pub is_installed: bool,
    /// Its socket.
    pub socket: Option<Socket>,
    /// Whether it answers, with its version, or else with its words.
    pub answer: Option<Result<String, String>>,
}

/// The socket of an engine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Socket {
    /// Where it is.
    pub path: String,
    /// Whether the account may use it.
    pub access: Access,
    /// The group that it belongs to.
    pub group: Option<String>,
}

/// Whether a socket can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// It can.
    Open,
    /// It is there, or in a directory that cannot be looked into.
    Denied,
    /// It is not there.
    Absent,
}

impl Facts {
    /// Reads the script's lines; those of a script that did not come to its
    /// end are `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut facts = Self::default();
        let mut is_whole = false;
        for line in text.lines() {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "user" => value.clone_into(&mut facts.user),
                "uid" => value.clone_into(&mut facts.uid),
                "sudo" => facts.has_sudo = true,
                "systemd" => facts.has_systemd = true,
                "packager" => facts.packager = Some(value.to_owned()),
                "linger" => facts.lingers = Some(value == "yes"),
                "subuid" => facts.has_subuid = value == "yes",
                "subgid" => facts.has_subgid = value == "yes",
                "end" => is_whole = true,
                // What a login shell says by itself is not ours.
                _ => facts.note_engine(word, value),
            }
        }
        (is_whole && !facts.user.is_empty()).then_some(facts)
    }

    fn note_engine(&mut self, word: &str, value: &str) {
        let (name, rest) = value.split_once(' ').unwrap_or((value, ""));
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) else { return };
        let engine = &mut self.engines[usize::from(kind == Kind::Docker)];
        match word {
            "installed" => engine.is_installed = true,
            "alive" => engine.answer = Some(Ok(rest.to_owned())),
            "dead" => engine.answer = Some(Err(rest.to_owned())),
            "socket" => engine.socket = Socket::parse(rest),
            _ => {}
        }
    }

    /// Returns what is known of one engine.
    #[must_use]
    pub fn engine(&self, kind: Kind) -> &OneEngine {
        &self.engines[usize::from(kind == Kind::Docker)]
    }

    /// Says whether the account is root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == "0"
    }
}

impl Socket {
    /// Reads `STATE GROUP PATH`.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let access = match words.next()? {
            "open" => Access::Open,
            "denied" => Access::Denied,
            _ => Access::Absent,
        };
        let group = words.next().filter(|group| *group != "-").map(str::to_owned);
        Some(Self { path: words.next()?.to_owned(), access, group })
    }

    /// Says whether it is one in an account's own directory.
    #[must_use]
    pub fn is_rootless(&self) -> bool {
        !["/run/podman/", "/var/run/"].iter().any(|root| self.path.starts_with(root))
            && !self.path.starts_with("/run/docker")
    }
}
