//! ctr-spec(1): describe the container that a git worktree gets.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use config::Config;
use ctr_spec::{Error, Settings, SettingsArgs, ViaArgs, Worktree};
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
        let here = std::env::current_dir().unwrap_or_default();
        let template = self.template(&config)?;
        let config = match &template {
            Some(template) => ctr_spec::fill_config(config, template),
            None => config,
        };
        let via = self.via.clone().section(config.container.via.clone(), &here)?;
        let mut settings = self.settings(config, template.as_ref(), &here)?;
        let worktree = Worktree::find(&self.path)?;
        // A name is that of any file, also of one that cannot be used.
        if let Some(via) = via.as_ref().filter(|_| !self.name_only) {
            // Before the document is described: its home is where the volume is.
            settings.user = ctr_spec::account(via, &worktree.path)?.unwrap_or(settings.user);
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
    /// Returns the settings that are in force: the options over `config`, and what
    /// is there by itself where neither says anything.
    fn settings(
        &self,
        config: Config,
        template: Option<&Template>,
        here: &Path,
    ) -> Result<Settings, Error> {
        let home = etcetera::home_dir().ok();
        let usual = self.settings.usual_token_file(&self.places.config()?);
        let says_nothing = self.settings.says_nothing_of_claude(&config);
        let mut settings = self.settings.clone().over(config, home.as_deref(), here);
        if says_nothing && secrets::claude::usual_file().is_some() {
            settings.claude.get_or_insert_with(Claude::default);
        }
        settings.token_file = settings.token_file.or(usual);
        if let Some(template) = template {
            settings.use_template(template);
            if settings.isolation.is_none() && !self.settings.no_isolation {
                let name = &template.name;
                let message = format!("the template '{name}' isolates nothing; --isolate does");
                toolkit::note("ctr-spec", self.common.error_format, &message);
            }
        }
        Ok(settings)
    }

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
