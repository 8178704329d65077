//! The engine adapter: podman and docker, as child processes.
//!
//! Every call is an argument array, never a line for a shell. A call that
//! fails is reported with its command line, its status and the engine's last
//! words. Questions about many containers are one call.

mod args;
pub mod authority;
mod compose;
mod error;
mod file;
mod foreign;
mod health;
mod info;
mod inspect;
mod link;
mod list;
mod listed;
mod managed;
pub mod meanwhile;
mod network;
pub mod options;
mod proxy;
mod remove;
mod run;
mod server;
mod services;
mod stream;
mod tree;
mod verified;

use std::path::{Path, PathBuf};

use toolkit::Interrupt;

pub use crate::{
    args::{EngineArgs, HERE},
    compose::Compose,
    error::{EngineError, FailedCall},
    health::Health,
    info::Info,
    inspect::{Apart, Inspection},
    link::Link,
    list::{Image, NamedImage, NamedNetwork, NamedVolume, Published, Summary},
    managed::{INGRESS, Managed, PROXY, REPLACED},
    network::{Network, UNTOLD},
    proxy::{InForce, NotInForce, Refusals},
    remove::Nameless,
    server::{Place, Server},
    stream::Stream,
    tree::{Extent, Member, MemberKind},
    verified::Verified,
};

/// The two engines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// podman(1)
    Podman,
    /// docker(1)
    Docker,
}

impl Kind {
    /// The kinds in the order in which they are looked for.
    pub const ALL: [Self; 2] = [Self::Podman, Self::Docker];

    /// Returns `podman` or `docker`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }

    /// Returns the oldest version, major and minor, that ctrkit works with.
    ///
    /// Below it `cp` does not keep the owner of a file (podman 4.3), or
    /// volumes cannot be filled before the start (docker 20.10).
    #[must_use]
    pub fn oldest(self) -> (u32, u32) {
        match self {
            Self::Podman => (4, 3),
            Self::Docker => (20, 10),
        }
    }

    fn of(program: &Path) -> Option<Self> {
        let name = program.file_name()?.to_str()?;
        Self::ALL.into_iter().find(|kind| name.starts_with(kind.name()))
    }
}

/// A container engine, found and ready to be called.
#[derive(Clone, Debug)]
pub struct Engine {
    kind: Kind,
    program: PathBuf,
    host: Option<String>,
    version: Option<String>,
    link: Option<Link>,
    /// The fingerprint of the authority that vouches for containers here.
    authority: Option<String>,
    /// Whose wish to end this tool ends what is asked meanwhile.
    interrupt: Option<Interrupt>,
}

/// Where an engine is looked for, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    /// What the command line or `CTRKIT_ENGINE` says: `podman`, `docker` or
    /// the path of a program whose name begins with one of them.
    pub asked: Option<&'a str>,
    /// What the document says.
    pub document: Option<&'a document::container::Engine>,
    /// What the configuration file says, in the same words as `asked`.
    pub configured: Option<&'a str>,
}

impl Engine {
    /// Finds the engine: the first that is named, else one that answers.
    ///
    /// The program's full path is taken, so that what a shell makes of its
    /// name does not matter.
    pub fn find(choice: Choice<'_>) -> Result<Self, EngineError> {
        if let Some(asked) = choice.asked {
            let engine = Self::named(asked)?;
            // What the document knows of the same program still holds: where
            // its engine runs, and the version, which need not be asked again.
            return match choice.document.map(Self::of_document) {
                Some(Ok(known)) if known.program == engine.program => Ok(known),
                _ => Ok(engine),
            };
        }
        if let Some(engine) = choice.document {
            return Self::of_document(engine);
        }
        match choice.configured {
            Some(configured) => Self::named(configured),
            None => Self::that_answers(),
        }
    }

    fn named(asked: &str) -> Result<Self, EngineError> {
        let program = which::which(asked)
            .map_err(|source| EngineError::Absent { asked: asked.to_owned(), source })?;
        let kind = Kind::of(&program)
            .ok_or_else(|| EngineError::UnknownKind { asked: asked.to_owned() })?;
        Ok(Self {
            kind,
            program,
            host: None,
            version: None,
            link: None,
            authority: None,
            interrupt: None,
        })
    }

    fn of_document(engine: &document::container::Engine) -> Result<Self, EngineError> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == engine.kind);
        let kind = kind.ok_or_else(|| EngineError::UnknownKind { asked: engine.kind.clone() })?;
        let program = engine.program.as_deref().map(Path::as_os_str);
        let asked = program.unwrap_or(kind.name().as_ref());
        let program = which::which(asked).map_err(|source| EngineError::Absent {
            asked: asked.to_string_lossy().into_owned(),
            source,
        })?;
        let (host, version) = (engine.host.clone(), engine.version.clone());
        Ok(Self { kind, program, host, version, link: None, authority: None, interrupt: None })
    }

    /// Lets a signal that asks this tool to end give up what only asks the engine
    /// ([`Engine::ask`]), and nothing that changes anything.
    #[must_use]
    pub fn heeding(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: Some(interrupt.clone()), ..self }
    }

    /// Returns the only engine that is installed, or the first that answers.
    fn that_answers() -> Result<Self, EngineError> {
        let installed = Kind::ALL.into_iter().filter_map(|kind| Self::named(kind.name()).ok());
        let mut installed: Vec<_> = installed.collect();
        match installed.len() {
            0 => Err(EngineError::NoneInstalled),
            1 => Ok(installed.remove(0)),
            _ => {
                let answers = |engine: &mut Self| engine.learn_version().is_ok();
                let found = installed.iter_mut().position(answers);
                found.map(|index| installed.swap_remove(index)).ok_or(EngineError::NoneAnswers)
            }
        }
    }

    /// Returns which engine it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the program's full path.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Returns where the engine runs, if not here.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Returns the way to the engine, if it is not here.
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        self.link.as_ref()
    }

    /// Makes the engine at the other end of `link` the one that is called, and
    /// opens the link.
    fn over(mut self, host: Option<&str>, link: Option<Link>) -> Result<Self, EngineError> {
        if let Some(link) = &link {
            link.open(self.kind)?;
        }
        if self.host.as_deref() != host {
            self.version = None;
        }
        self.host = host.map(str::to_owned);
        self.link = link;
        Ok(self)
    }

    /// Asks for the engine's version, once, and refuses one that is too old.
    ///
    /// It is the cheapest call that an engine answers: a failure says that
    /// the engine does not run.
    pub fn learn_version(&mut self) -> Result<(), EngineError> {
        if self.version.is_none() {
            let side = match (self.kind, &self.host) {
                (Kind::Podman, None) => "{{.Client.Version}}",
                _ => "{{.Server.Version}}",
            };
            self.version = Some(self.ask(["version", "--format", side])?.trim().to_owned());
        }
        let version = self.version.clone().unwrap_or_default();
        if is_older(&version, self.kind.oldest()) {
            return Err(EngineError::TooOld { kind: self.kind, version });
        }
        Ok(())
    }

    /// Returns what ssh connects to, if that is not the server's own name.
    fn address(&self) -> Option<String> {
        let server = Server::parse(self.host.as_deref()?).ok()?;
        let place = self.link.as_ref()?.place();
        (place != server.place()).then(|| place.to_string())
    }

    /// Returns the `engine` section of a document.
    #[must_use]
    pub fn section(&self) -> document::container::Engine {
        document::container::Engine {
            kind: self.kind.name().to_owned(),
            program: Some(self.program.clone()),
            version: self.version.clone(),
            host: self.host.clone(),
            address: self.address(),
            ..Default::default()
        }
    }
}

/// Says whether `version` (`MAJOR.MINOR…`) comes before `oldest`.
///
/// One that cannot be read is taken to be new: a development version.
#[must_use]
pub fn is_older(version: &str, oldest: (u32, u32)) -> bool {
    let mut parts = version.split(['.', '-', '+']).map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < oldest,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_older("4.2.9", (4, 3)));
        assert!(!is_older("4.10.0-dev", (4, 3)));
        assert!(is_older("19.03.1", (20, 10)));
        assert!(!is_older("28.5.2", (20, 10)));
        assert!(!is_older("dev", (20, 10)));
    }

    #[test]
    fn the_kind_is_read_off_the_program() {
        assert_eq!(Kind::of(Path::new("/usr/bin/podman")), Some(Kind::Podman));
        assert_eq!(Kind::of(Path::new("/opt/docker-28")), Some(Kind::Docker));
        assert_eq!(Kind::of(Path::new("/bin/sh")), None);
    }

    #[test]
    fn what_the_document_knows_of_the_same_program_holds() {
        let directory = tempfile::tempdir().unwrap();
        let programs = ["podman", "docker"].map(|kind| directory.path().join(kind));
        for program in &programs {
            std::fs::write(program, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(program, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let section = document::container::Engine {
            kind: "podman".into(),
            program: Some(programs[0].clone()),
            host: Some("ssh://box".into()),
            version: Some("5.0".into()),
            ..Default::default()
        };
        let find = |program: &Path| {
            let asked = program.to_str();
            Engine::find(Choice { asked, document: Some(&section), configured: None }).unwrap()
        };
        assert_eq!(find(&programs[0]).section(), section);
        assert_eq!(find(&programs[1]).section().host, None);
    }

    #[test]
    fn an_engine_that_is_not_there_is_named() {
        let choice = Choice { asked: Some("podman-of-nowhere"), ..Choice::default() };
        let error = Engine::find(choice).unwrap_err();
        assert_eq!(error.to_string(), "cannot find the container engine 'podman-of-nowhere'");
    }
}
