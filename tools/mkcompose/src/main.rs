//! mkcompose(1): write the Compose model of an isolated container.

use std::{net::IpAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use document::{Container, Received, container};
use mkcompose::{Error, Over};
use serde_json::Value;
use template::{Library, Template};
use toolkit::{Common, DataPlace, Events, Exit, Places, Tool};

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

    /// Lay the Compose file FILE over the model [default: the document's]
    #[arg(long = "override", value_name = "FILE", env = "CTRKIT_COMPOSE_OVERRIDE")]
    over: Option<PathBuf>,

    /// Write the model to standard output, and nothing else
    #[arg(long)]
    print: bool,

    #[command(flatten)]
    data: DataPlace,

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
        self.choose(&mut document);
        let own = self.data.agent(&document.project.hash)?;
        mkcompose::prepare(&mut document, &own)?;
        let mut model = mkcompose::model(&document)?;
        self.lay_over(&mut document, &mut model)?;
        let text = mkcompose::text(&model)?;
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

impl Mkcompose {
    /// Lays the template's additions over the model, and the person's own over
    /// these.
    fn lay_over(&self, document: &mut Container, model: &mut Value) -> Result<(), Error> {
        let section = document.template.as_ref();
        let template =
            section.map(|section| Library::new(&self.places)?.of(section)).transpose()?;
        let additions = template.as_ref().map(Template::compose).transpose()?.flatten();
        let own = document.compose.as_ref().and_then(|compose| compose.over.clone());
        let additions = additions.as_ref().map(|(file, text)| Over::Text(file, text));
        let overs: Vec<_> = additions.into_iter().chain(own.as_deref().map(Over::File)).collect();
        mkcompose::lay_over(document, model, &overs)
    }

    /// Lays what the command line says over the document.
    fn choose(&self, document: &mut Container) {
        let absolute = |path: &Option<PathBuf>| std::path::absolute(path.as_deref()?).ok();
        if let Some(isolation) = &mut document.isolation {
            let dns = self.dns.iter().map(IpAddr::to_string).collect();
            mkcompose::choose(isolation, dns, absolute(&self.upstream_ca));
        }
        if let Some(over) = absolute(&self.over) {
            document.compose.get_or_insert_default().over = Some(over);
        }
    }
}

fn main() -> ExitCode {
    toolkit::main::<Mkcompose>()
}
