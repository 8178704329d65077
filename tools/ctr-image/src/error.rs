//! The ways in which ctr-image fails.

use std::{io, path::PathBuf};

use document::{container::Missing, error::FailedCommand};
use engine::EngineError;
use template::TemplateError;
use toolkit::{DocumentError, Exit, Failure, Interrupted, Part, PlacesError, files::FileError};

use crate::{DEFAULT_BASE, OURS};

/// An error of ctr-image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part failed that other tools have too.
    #[error(transparent)]
    Part(Part),

    /// The repository's own devcontainer.json cannot be used.
    #[error(transparent)]
    Own(#[from] devcontainer::OwnError),

    /// The engine could not be found or asked.
    #[error(transparent)]
    Engine(#[from] EngineError),

    /// The document's image is not the name of one.
    #[error("'{image}' is not the name of an image")]
    BadImage {
        /// What it says.
        image: String,
    },

    /// The document's user cannot be an account in an image.
    #[error("'{user}' cannot be the name of an ordinary account")]
    BadUser {
        /// What it says.
        user: String,
    },

    /// The image was made for another account.
    #[error("the image '{image}' has the account '{found}', not '{wanted}'")]
    OtherUser {
        /// The image.
        image: String,
        /// The account that it has.
        found: String,
        /// The account that the document names.
        wanted: String,
    },

    /// The image is missing, and its name says that no registry has it.
    #[error("the image '{image}' is missing, and by its name no registry has it")]
    Missing {
        /// The image.
        image: String,
        /// The repository of ctrkit's own image for the same.
        ours: &'static str,
    },

    /// The image could not be pulled.
    #[error("cannot pull the image '{image}'")]
    Pull {
        /// The image.
        image: String,
        /// What the engine said.
        source: EngineError,
    },

    /// The recipe could not be built.
    #[error("cannot build the image '{image}'")]
    Build {
        /// The image.
        image: String,
        /// What the engine said.
        source: EngineError,
    },

    /// No base can be had, neither from a registry nor from packages.
    #[error("cannot pull the base image '{DEFAULT_BASE}', nor make one")]
    NoBase {
        /// Why it cannot be pulled.
        pull: Box<Error>,
        /// Why none can be made.
        source: Box<Error>,
    },

    /// There is no debootstrap.
    #[error("cannot find 'debootstrap'")]
    DebootstrapAbsent,

    /// debootstrap can only be run by root.
    #[error("cannot make a base of '{suite}' from packages: that takes root")]
    NotRoot {
        /// The release.
        suite: String,
    },

    /// debootstrap failed.
    #[error("debootstrap cannot make a base")]
    Debootstrap(Box<FailedCommand>),

    /// A program could not be run.
    #[error("cannot run '{program}'")]
    CannotRun {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },

    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),

    /// The base could not be packed.
    #[error("cannot pack the base with tar")]
    Pack(#[source] io::Error),

    /// The bundle holds no certificate.
    #[error("there is no certificate in '{}'", path.display())]
    NoCertificate {
        /// The bundle.
        path: PathBuf,
    },
}

toolkit::parts!(Error: DocumentError, Missing, PlacesError, TemplateError, FileError, Interrupted);

impl Error {
    /// Says whether no registry gave the image, so that another source may
    /// be tried; a full disk or a signal is no such reason.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Pull { source, .. } if !source.is("disk-full"))
    }
}

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Own(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Pull { source, .. } | Self::Build { source, .. } if source.is("disk-full") => {
                "disk-full"
            }
            Self::Debootstrap(command) if ran_out_of_space(command) => "disk-full",
            Self::BadImage { .. } => "bad-image-name",
            Self::BadUser { .. } => "bad-user",
            Self::OtherUser { .. } => "image-has-other-user",
            Self::Missing { .. } => "image-missing",
            Self::Pull { .. } => "cannot-pull-image",
            Self::Build { .. } => "cannot-build-image",
            Self::NoBase { .. } => "no-base-image",
            Self::DebootstrapAbsent => "debootstrap-absent",
            Self::NotRoot { .. } => "not-root",
            Self::Debootstrap(_) => "debootstrap-failed",
            Self::CannotRun { .. } => "cannot-run-program",
            Self::Signals(_) => "cannot-handle-signals",
            Self::Pack(_) => "cannot-pack-base",
            Self::NoCertificate { .. } => "no-certificate",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Own(error) => error.exit(),
            Self::Engine(error) => error.exit(),
            Self::Pull { source, .. } | Self::Build { source, .. } => source.exit(),
            Self::Debootstrap(command) if ran_out_of_space(command) => Exit::IoErr,
            Self::BadImage { .. }
            | Self::BadUser { .. }
            | Self::OtherUser { .. }
            | Self::NoCertificate { .. } => Exit::DataErr,
            Self::Missing { .. }
            | Self::NoBase { .. }
            | Self::DebootstrapAbsent
            | Self::Debootstrap(_)
            | Self::CannotRun { .. } => Exit::Unavailable,
            Self::Signals(_) => Exit::Software,
            Self::NotRoot { .. } => Exit::NoPerm,
            Self::Pack(_) => Exit::IoErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            Self::Own(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Pull { source, .. } | Self::Build { source, .. } if source.hint().is_some() => {
                source.hint()
            }
            Self::NoBase { source, .. } => source.hint(),
            _ => self.own_hint(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::Engine(error)
            | Self::Pull { source: error, .. }
            | Self::Build { source: error, .. } => error.command(),
            Self::NoBase { pull, source } => source.command().or_else(|| pull.command()),
            Self::Debootstrap(command) => Some(FailedCommand::clone(command)),
            _ => None,
        }
    }
}

impl Error {
    fn own_hint(&self) -> Option<String> {
        match self {
            Self::OtherUser { found, wanted, .. } => Some(format!(
                "name another image: ctr-spec --image {OURS}:{wanted}; or --user {found}"
            )),
            Self::Missing { ours, .. } => Some(format!(
                "make it, build ctrkit's recipe under its name with --build, or take {ours}"
            )),
            Self::Pull { .. } => Some(format!(
                "write the name in full, such as {DEFAULT_BASE}; see whether its registry answers"
            )),
            Self::NotRoot { suite } => Some(format!(
                "sudo debootstrap --variant=minbase {suite} DIR; sudo tar -C DIR -c . | \
                 podman import - {}; or --base IMAGE",
                crate::bootstrapped_name(suite)
            )),
            _ => self.fixed_hint().map(str::to_owned),
        }
    }

    fn fixed_hint(&self) -> Option<&'static str> {
        match self {
            Self::BadUser { .. } => {
                Some("a-z, 0-9, '_' and '-', at most 32, and not root: ctr-spec --user dev")
            }
            Self::Build { .. } => {
                Some("if packages cannot be fetched, a certificate may be missing: --ca-bundle")
            }
            Self::DebootstrapAbsent => {
                Some("apt-get install debootstrap, or name an image that is there: --base IMAGE")
            }
            Self::Debootstrap(command) if ran_out_of_space(command) => {
                Some("make room where ctrkit keeps its state, or move it: --state-dir DIR")
            }
            Self::Debootstrap(_) => Some(
                "name another release or archive: --base debootstrap:SUITE, --mirror URL; \
                 another distribution's needs its keyring",
            ),
            Self::NoCertificate { .. } => {
                Some("a bundle is a PEM file, with lines -----BEGIN CERTIFICATE-----")
            }
            _ => None,
        }
    }
}

/// Says whether a program ran out of disk space, by what it said.
fn ran_out_of_space(command: &FailedCommand) -> bool {
    command.last_words.to_lowercase().contains("no space left on device")
}
