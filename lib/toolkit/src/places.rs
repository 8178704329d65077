//! Where ctrkit keeps its files.

use std::path::{Path, PathBuf};

use clap::Args;
use etcetera::base_strategy::{BaseStrategy, Xdg};

use crate::{Exit, Failure};

/// Options of the tools that read or write ctrkit's own files.
///
/// The defaults follow the XDG Base Directory Specification, on macOS too.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Places")]
pub struct Places {
    /// Keep configuration in DIR [default: $XDG_CONFIG_HOME/ctrkit, or
    /// ~/.config/ctrkit]
    #[arg(long, value_name = "DIR", env = "CTRKIT_CONFIG_DIR")]
    pub config_dir: Option<PathBuf>,

    /// Keep state in DIR [default: $XDG_STATE_HOME/ctrkit, or
    /// ~/.local/state/ctrkit]
    #[arg(long, value_name = "DIR", env = "CTRKIT_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
}

/// There is no home directory with an absolute path, and no option that names another
/// place.
#[derive(Debug, thiserror::Error)]
#[error("cannot find the {0} directory: there is no home directory with an absolute path")]
pub struct PlacesError(&'static str);

impl Places {
    /// Returns the configuration directory, absolute; it need not exist.
    pub fn config(&self) -> Result<PathBuf, PlacesError> {
        place(
            self.config_dir.as_deref(),
            |xdg| Some(xdg.config_dir()),
            PlacesError("configuration"),
        )
    }

    /// Returns the state directory, absolute; it need not exist.
    pub fn state(&self) -> Result<PathBuf, PlacesError> {
        place(self.state_dir.as_deref(), Xdg::state_dir, PlacesError("state"))
    }

    /// Returns the state directory of the container `name`.
    pub fn container(&self, name: &str) -> Result<PathBuf, PlacesError> {
        Ok(self.state()?.join(name))
    }

    /// Returns the public key of the SSH certificate authority.
    pub fn authority(&self) -> Result<PathBuf, PlacesError> {
        Ok(self.config()?.join("ca/ca_key.pub"))
    }

    /// Returns the ledger of ports.
    pub fn ledger(&self) -> Result<PathBuf, PlacesError> {
        Ok(self.state()?.join("ports.json"))
    }
}

/// The option of the tools that know of what outlives every container.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Places")]
pub struct DataPlace {
    /// Keep what outlives every container in DIR [default:
    /// $XDG_DATA_HOME/ctrkit, or ~/.local/share/ctrkit]
    #[arg(long, value_name = "DIR", env = "CTRKIT_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
}

impl DataPlace {
    /// Returns the directory of the agents' configuration, which has one for
    /// each project; nobody but its owner may enter it.
    pub fn agents(&self) -> Result<PathBuf, PlacesError> {
        let data =
            place(self.data_dir.as_deref(), |xdg| Some(xdg.data_dir()), PlacesError("data"))?;
        Ok(data.join("claude"))
    }

    /// Returns the directory that the project with `hash` has there.
    pub fn agent(&self, hash: &str) -> Result<PathBuf, PlacesError> {
        Ok(self.agents()?.join(hash))
    }
}

fn place(
    given: Option<&Path>,
    standard: impl Fn(&Xdg) -> Option<PathBuf>,
    none: PlacesError,
) -> Result<PathBuf, PlacesError> {
    let found = match given.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => std::path::absolute(path).ok(),
        None => Xdg::new().ok().and_then(|xdg| standard(&xdg)).map(|base| base.join("ctrkit")),
    };
    // One that is relative would be another in each directory.
    found.filter(|path| path.is_absolute()).ok_or(none)
}

/// Replaces a leading `~` by `home`; `~name` is a name like any other.
#[must_use]
pub fn expand_tilde(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

impl Failure for PlacesError {
    fn kind(&self) -> &'static str {
        "no-home"
    }

    fn exit(&self) -> Exit {
        Exit::Unavailable
    }

    fn hint(&self) -> Option<String> {
        Some("set HOME, or CTRKIT_CONFIG_DIR, CTRKIT_STATE_DIR and CTRKIT_DATA_DIR".into())
    }
}
