//! ctr-code(1): name a container as VS Code does, or open it there.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use ctr_code::Error;
use engine::{EngineArgs, Kind};
use toolkit::{Common, Events, Exit, Places, Siblings, Tool};

/// Name a container as VS Code does, or open it there
///
/// Writes the address of a window on the container's workspace, as it is given to
/// code --folder-uri.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrCode {
    /// The container's name
    #[arg(value_name = "NAME")]
    name: String,

    /// Go there by the engine (Dev Containers) and not by ssh (Remote - SSH)
    #[arg(long)]
    attached: bool,

    /// Open the window, and write nothing
    #[arg(long)]
    open: bool,

    /// Open it by PROGRAM, which takes the same option
    #[arg(long, value_name = "PROGRAM", default_value = "code", env = "CTRKIT_EDITOR")]
    editor: PathBuf,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrCode {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, _: &mut Events) -> Result<Exit, Error> {
        let engine = self.engine.find(&config::read(&self.places)?, &self.places)?;
        let container = engine.managed(&self.name)?;
        let uri = match self.attached {
            true => ctr_code::by_engine(&engine, &container)?,
            false => {
                self.check_ssh_entry()?;
                ctr_code::by_ssh(&container)?
            }
        };
        if self.attached && engine.kind() == Kind::Podman {
            let text = "VS Code must call podman: its setting dev.containers.dockerPath";
            toolkit::note("ctr-code", self.common.error_format, text);
        }
        if !self.open {
            toolkit::write_text(&format!("{uri}\n"))?;
            return Ok(Exit::Success);
        }
        if container.status != "running" {
            let (name, status) = (self.name, container.status);
            return Err(Error::NotRunning { name, status });
        }
        ctr_code::open(&self.editor, &uri)?;
        Ok(Exit::Success)
    }
}

impl CtrCode {
    /// Fails if ssh does not know the container by its name.
    fn check_ssh_entry(&self) -> Result<(), Error> {
        let mut siblings = Siblings::new()
            .with("CTRKIT_CONFIG_DIR", self.places.config()?)
            .with("CTRKIT_STATE_DIR", self.places.state()?);
        if let Some(ssh_config) = self.engine.ssh_config() {
            siblings = siblings.with("CTRKIT_SSH_CONFIG", ssh_config);
        }
        let list = siblings.run("sshcfg", &["list"], b"")?;
        match String::from_utf8_lossy(&list).lines().any(|line| line == self.name) {
            true => Ok(()),
            false => Err(Error::NoSshEntry { name: self.name.clone() }),
        }
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrCode>()
}
