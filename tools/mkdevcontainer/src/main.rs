//! mkdevcontainer(1): write the devcontainer.json of a container.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use document::{Container, Received, container};
use mkdevcontainer::{Error, Files};
use toolkit::{Common, Events, Exit, Places, Tool};

/// How long another mkdevcontainer may take for the same container.
const PATIENCE: Duration = Duration::from_secs(20);

/// Write the devcontainer.json of a container
///
/// Reads a container/1 document on standard input, writes a devcontainer.json
/// from which the devcontainers CLI and editors make the same container below
/// the state directory, and writes the document to standard output with
/// devcontainer filled in. A document that asks for none goes through as it is.
#[derive(Debug, Parser)]
#[command(version)]
struct Mkdevcontainer {
    /// Write the files to DIR instead, where an editor may find them
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Write the devcontainer.json to standard output, and nothing else
    #[arg(long, conflicts_with = "output")]
    print: bool,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for Mkdevcontainer {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let mut document: Received<Container> = toolkit::read()?;
        if !container::is_name(&document.name) {
            return Err(Error::BadName { name: document.name.clone() });
        }
        events.about(&document.name);
        if document.devcontainer.is_none() && !self.print {
            toolkit::write(&document)?;
            return Ok(Exit::Success);
        }
        let directory = match &self.output {
            Some(directory) => std::path::absolute(directory)
                .map_err(toolkit::files::FileError::writing(directory))?,
            None => self.places.container(&document.name)?.join("devcontainer"),
        };
        let files = Files::of(&document, &directory)?;
        if self.print {
            toolkit::write_text(&files.config)?;
            return Ok(Exit::Success);
        }
        events.step("write", || files.install(&directory, PATIENCE))?;
        files.record(&mut document, &directory);
        toolkit::write(&document)?;
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<Mkdevcontainer>()
}
