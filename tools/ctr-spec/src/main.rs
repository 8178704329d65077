//! ctr-spec(1): describe the container that a git worktree gets.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use config::Config;
use ctr_spec::{Error, SettingsArgs, ViaArgs, Worktree};
use document::{Ports, claude::Claude};
use template::{Library, Template};
use toolkit::{Common, Events, Exit, Places, Tool, files};

/// Describe the container that a git worktree gets
///
/// Writes the start of a container/1 document to standard output: name,
/// project, image, ports without numbers, volumes, labels. Nothing is made,
/// reserved or asked of an engine.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrSpec {
    /// A directory in the worktree
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,

    /// Write the container's name alone
    #[arg(long)]
    name_only: bool,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    via: ViaArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrSpec {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, _: &mut Events) -> Result<Exit, Error> {
        let config = config::read(&self.places)?;
        let home = etcetera::home_dir().ok();
        let here = std::env::current_dir().unwrap_or_default();
        let usual = self.settings.usual_token_file(&self.places.config()?);
        let template = self.template(&config)?;
        let config = match &template {
            Some(template) => ctr_spec::fill_config(config, template),
            None => config,
        };
        let via = self.via.section(config.container.via.clone(), &here)?;
        let says_nothing = self.settings.says_nothing_of_claude(&config);
        let is_open = self.settings.no_isolation;
        let mut settings = self.settings.over(config, home.as_deref(), &here);
        if says_nothing && secrets::claude::usual_file().is_some() {
            settings.claude.get_or_insert_with(Claude::default);
        }
        settings.token_file = settings.token_file.or(usual);
        if let Some(template) = &template {
            settings.use_template(template);
            if settings.isolation.is_none() && !is_open {
                let name = &template.name;
                let message = format!("the template '{name}' isolates nothing; --isolate does");
                toolkit::note("ctr-spec", self.common.error_format, &message);
            }
        }
        let worktree = Worktree::find(&self.path)?;
        if let Some(user) = ctr_spec::account(via.as_ref(), &worktree.path)? {
            settings.user = user;
        }
        let ledger = ledger(&self.places)?;
        let remembered = ctr_spec::remembered(&ledger, &worktree);
        let mut container = ctr_spec::describe(&worktree, settings, remembered)?;
        container.devcontainer = via;
        match self.name_only {
            true => toolkit::write_text(&format!("{}\n", container.name))?,
            false => toolkit::write(&container.into())?,
        }
        Ok(Exit::Success)
    }
}

impl CtrSpec {
    /// Returns the template that is to be used; a container's name has none.
    fn template(&self, config: &Config) -> Result<Option<Template>, Error> {
        let name = self.settings.template(config).filter(|_| !self.name_only);
        Ok(name.map(|name| Library::new(&self.places)?.find(&name)).transpose()?)
    }
}

/// Reads the ledger for the names that it remembers.
///
/// One that is absent or broken remembers none: portalloc(1) mends it, and
/// is the one to complain.
fn ledger(places: &Places) -> Result<Ports, Error> {
    let contents = files::read(&places.ledger()?).ok().flatten();
    let parsed = contents.and_then(|text| document::parse::<Ports>(&text).ok());
    Ok(parsed.map_or_else(Ports::empty, document::Received::into_inner))
}

fn main() -> ExitCode {
    toolkit::main::<CtrSpec>()
}
