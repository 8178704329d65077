//! The options of every tool that calls an engine.

use std::path::{Path, PathBuf};

use clap::Args;
use config::Config;
use toolkit::Places;

use crate::{Choice, Engine, EngineError, Link, Server, authority};

/// What `--host` says for the engine on this machine.
pub const HERE: &str = "local";

/// Options of the tools that call an engine.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Use ENGINE: podman, docker, or the path of such a program
    /// [default: the document's, without a document the configuration's, or one that
    /// answers]
    #[arg(long, value_name = "ENGINE", env = "CTRKIT_ENGINE")]
    pub engine: Option<String>,

    /// Use the engine at HOST: an ssh:// URL as in ctrkit-config(5), or local
    /// [default: the document's, without a document the configuration's, or local]
    #[arg(long, value_name = "HOST", env = "CTRKIT_HOST")]
    pub host: Option<String>,

    /// Let ssh read FILE [default: ssh's own files]
    #[arg(long, value_name = "FILE", env = "CTRKIT_SSH_CONFIG")]
    pub ssh_config: Option<PathBuf>,
}

impl EngineArgs {
    /// Finds the engine for a tool that has a document, and opens the way to
    /// it if it is elsewhere.
    pub fn for_document(
        &self,
        section: Option<&document::container::Engine>,
        places: &Places,
    ) -> Result<Engine, EngineError> {
        let host = self.host_of(section);
        let choice = Choice { asked: self.asked(), document: section, configured: None };
        let engine = Self::choose(choice, host)?;
        self.connect(engine, host, address_of(section, host), places)
    }

    /// Finds the engine for a tool without a document, by what the
    /// configuration says, and opens the way to it if it is elsewhere.
    pub fn find(&self, config: &Config, places: &Places) -> Result<Engine, EngineError> {
        let configured = config.engine.as_deref();
        let (host, address) = self.host_by(config);
        let choice = Choice { asked: self.asked(), document: None, configured };
        let engine = Self::choose(choice, host)?;
        self.connect(engine, host, address, places)
    }

    /// Makes `engine` the one at `host`, and opens the way there.
    fn connect(
        &self,
        engine: Engine,
        host: Option<&str>,
        address: Option<&str>,
        places: &Places,
    ) -> Result<Engine, EngineError> {
        let link = self.link(host, address, places)?;
        let mut engine = engine.over(host, link)?;
        engine.authority = authority::of(places);
        Ok(engine)
    }

    /// Returns the way to the engine of a document, if it is elsewhere,
    /// without going there.
    pub fn link_of(
        &self,
        section: Option<&document::container::Engine>,
        places: &Places,
    ) -> Result<Option<Link>, EngineError> {
        let host = self.host_of(section);
        self.link(host, address_of(section, host), places)
    }

    /// Returns the way to the engine that the configuration names, if it is
    /// elsewhere, without going there.
    pub fn link_by(&self, config: &Config, places: &Places) -> Result<Option<Link>, EngineError> {
        let (host, address) = self.host_by(config);
        self.link(host, address, places)
    }

    fn link(
        &self,
        host: Option<&str>,
        address: Option<&str>,
        places: &Places,
    ) -> Result<Option<Link>, EngineError> {
        // A socket on this machine needs no way to it.
        let elsewhere = host.filter(|host| !host.starts_with("unix://"));
        let server = elsewhere.map(Server::parse).transpose()?;
        server.map(|server| Link::new(server, address, self.ssh_config(), places)).transpose()
    }

    /// An engine elsewhere is not looked for here.
    fn choose(choice: Choice<'_>, host: Option<&str>) -> Result<Engine, EngineError> {
        match (choice, host) {
            (Choice { asked: None, document: None, configured: None }, Some(host)) => {
                let asked = Some(Server::parse(host)?.likely_engine().name());
                Engine::find(Choice { asked, ..choice })
            }
            _ => Engine::find(choice),
        }
    }

    /// Returns what was asked for; an empty variable asks for nothing.
    #[must_use]
    pub fn asked(&self) -> Option<&str> {
        self.engine.as_deref().filter(|engine| !engine.is_empty())
    }

    /// Returns the file that ssh is to read; an empty variable names none.
    #[must_use]
    pub fn ssh_config(&self) -> Option<&Path> {
        self.ssh_config.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    /// Returns the host that was asked for, of which `Some(None)` is here.
    #[must_use]
    pub fn asked_host(&self) -> Option<Option<&str>> {
        let asked = self.host.as_deref().filter(|host| !host.is_empty())?;
        Some(Some(asked).filter(|host| *host != HERE))
    }

    /// Returns the host, and the address at which it is reached.
    fn host_by<'a>(&'a self, config: &'a Config) -> (Option<&'a str>, Option<&'a str>) {
        let host = self.asked_host().unwrap_or(config.host.as_deref());
        (host, config.address().filter(|_| host == config.host.as_deref()))
    }

    fn host_of<'a>(&'a self, section: Option<&'a document::container::Engine>) -> Option<&'a str> {
        self.asked_host().unwrap_or_else(|| section.and_then(|section| section.host.as_deref()))
    }
}

/// Returns the address of the document's own host.
fn address_of<'a>(
    section: Option<&'a document::container::Engine>,
    host: Option<&str>,
) -> Option<&'a str> {
    section.filter(|section| section.host.as_deref() == host)?.address.as_deref()
}
