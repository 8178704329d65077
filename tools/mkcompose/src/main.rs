//! mkcompose(1): write the Compose model of an isolated container.

use std::{net::IpAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use document::{Container, Received, container};
use mkcompose::Error;
use toolkit::{Common, Events, Exit, Places, Tool};

/// How long another mkcompose may take for the same container.
const PATIENCE: Duration = Duration::from_secs(20);

/// Write the Compose model of an isolated container
///
/// Reads a container/1 document on standard input, writes the model of the
/// container, its proxy and its forwarder below the state directory, and
/// writes the document to standard output with compose filled in. A document
/// that asks for no isolation goes through as it is.
#[derive(Debug, Parser)]
#[command(version)]
struct Mkcompose {
    /// Let the proxy ask the DNS server at ADDRESS (can be repeated) [default:
    /// those that the engine gives to every container]
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<IpAddr>,

    /// Let the proxy trust the authorities in FILE (PEM) and no others
    #[arg(long, value_name = "FILE", env = "CTRKIT_UPSTREAM_CA")]
    upstream_ca: Option<PathBuf>,

    /// Write the model to standard output, and nothing else
    #[arg(long)]
    print: bool,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for Mkcompose {
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
        if !mkcompose::is_isolated(&document)? && !self.print {
            toolkit::write(&document)?;
            return Ok(Exit::Success);
        }
        let dns = self.dns.iter().map(IpAddr::to_string).collect();
        if let Some(isolation) = &mut document.isolation {
            mkcompose::choose(
                isolation,
                dns,
                self.upstream_ca.as_deref().and_then(|path| std::path::absolute(path).ok()),
            );
        }
        mkcompose::prepare(&mut document)?;
        let text = mkcompose::text(&mkcompose::model(&document)?)?;
        if self.print {
            toolkit::write_text(&text)?;
            return Ok(Exit::Success);
        }
        let directory = self.places.container(&document.name)?;
        let path = events.step("write", || mkcompose::install(&directory, &text, PATIENCE))?;
        mkcompose::record(&mut document, Some(path), &text);
        toolkit::write(&document)?;
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<Mkcompose>()
}
