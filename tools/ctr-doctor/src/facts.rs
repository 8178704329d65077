//! What there is, before anything is made of it.

use std::path::PathBuf;

use document::{labels, ports::Reservation};
use engine::{Kind, NamedNetwork, NamedVolume, Summary};

/// All that is known at one moment.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Which engine was asked.
    pub kind: Kind,
    /// Where it runs, if not here.
    pub host: Option<String>,
    /// The fingerprint of the person's own authority.
    pub authority: Option<String>,
    /// All containers of the engine.
    pub containers: Vec<Summary>,
    /// The volumes that are ctrkit's.
    pub volumes: Vec<NamedVolume>,
    /// The networks that are ctrkit's.
    pub networks: Vec<NamedNetwork>,
    /// The names of all images, whoever's they are.
    pub images: Vec<String>,
    /// The ledger, and of each reservation whether its worktree is gone.
    pub ledger: Vec<(Reservation, bool)>,
    /// The ssh entries.
    pub entries: Vec<Entry>,
    /// The sockets that connections are shared over.
    pub sockets: Vec<PathBuf>,
    /// Those of them that are for the ways to known servers.
    pub links: Vec<PathBuf>,
    /// The state directories.
    pub states: Vec<Kept>,
    /// The containers of the other engine on this machine.
    pub elsewhere: Elsewhere,
}

/// What is known of the other engine's containers.
#[derive(Clone, Debug)]
pub enum Elsewhere {
    /// It was not asked: there is none, or the question never arose.
    None,
    /// It did not answer.
    Silent,
    /// It has these.
    Has(Vec<Summary>),
}

/// An ssh entry.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entry {
    /// The container's name.
    pub name: String,
    /// Whether it leads through another machine.
    pub jumps: bool,
    /// Its control socket.
    pub socket: Option<PathBuf>,
}

/// A state directory.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Kept {
    /// The container's name.
    pub name: String,
    /// The engine that the last document names: its kind and where it runs.
    pub engine: Option<(String, Option<String>)>,
    /// The address at which that is reached, if it is not the server's name.
    pub address: Option<String>,
    /// The id of the container that the last document was applied to.
    pub id: Option<String>,
    /// The worktree, if the devcontainers CLI made the container.
    pub built_from: Option<PathBuf>,
    /// Whether a run on it was cut off.
    pub is_pending: bool,
    /// Whether the container was adopted.
    pub is_adopted: bool,
}

impl Facts {
    /// Returns the container of the asked engine that is called `name`.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&Summary> {
        self.containers.iter().find(|each| each.name == name && !each.is_external)
    }

    /// Returns the state directory of `name`.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<&Kept> {
        self.states.iter().find(|kept| kept.name == name)
    }

    /// Says whether there is a container called `name`, or one of the project
    /// `hash`; `None` where that is another engine's to say.
    #[must_use]
    pub fn is_there(&self, name: &str, hash: Option<&str>) -> Option<bool> {
        let is_it = |each: &Summary| {
            let of = each.label(labels::PROJECT_HASH);
            // One that was put aside for a new one has another name.
            let is_called =
                each.name == name || (!each.is_sidecar() && each.label(labels::NAME) == Some(name));
            !each.is_external && (is_called || (of.is_some() && of == hash))
        };
        if self.containers.iter().any(is_it) {
            return Some(true);
        }
        match (self.kept(name).and_then(|kept| kept.engine.as_ref()), &self.elsewhere) {
            (Some((kind, host)), _) => {
                (kind == self.kind.name() && *host == self.host).then_some(false)
            }
            (None, _) if self.host.is_some() => None,
            (None, Elsewhere::None) => Some(false),
            (None, Elsewhere::Silent) => None,
            (None, Elsewhere::Has(containers)) => Some(containers.iter().any(is_it)),
        }
    }

    /// Says whether the other engine must be asked before anything is judged:
    /// something has no container here and does not say where its own is.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        let entries = self.entries.iter().map(|entry| (entry.name.as_str(), None));
        let states = self.states.iter().map(|kept| (kept.name.as_str(), None));
        let gone = self.ledger.iter().filter(|(held, is_gone)| *is_gone && held.host == self.host);
        let held = gone.map(|(held, _)| (held.name.as_str(), Some(held.key.as_str())));
        let names: Vec<_> = entries.chain(states).chain(held).collect();
        let silent = Self { elsewhere: Elsewhere::Silent, ..self.clone() };
        self.host.is_none()
            && names.iter().any(|(name, key)| {
                silent.is_there(name, *key).is_none() && {
                    self.kept(name).is_none_or(|kept| kept.engine.is_none())
                }
            })
    }
}
