//! dotfiles(1): choose the dotfiles of a container and list them.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use document::{Container, Received};
use dotfiles::{Bounds, Error, Found, Source};
use template::Library;
use toolkit::{Common, Events, Exit, Places, Tool};

/// Choose the dotfiles of a container and list them
///
/// Reads a container/1 document on standard input and writes it to standard
/// output with the user's dotfiles in inject. The directory is the one of
/// --source, else the one that the document names, else dotfiles/ in the
/// configuration directory where there is one, else a small built-in set. The
/// home files of the document's template come with them, where a person has
/// none of their own.
#[derive(Debug, Parser)]
#[command(version)]
struct Dotfiles {
    /// Take the dotfiles from DIR
    #[arg(long, value_name = "DIR", env = "CTRKIT_DOTFILES")]
    source: Option<PathBuf>,

    /// List the built-in set without writing it to the state directory
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for Dotfiles {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let mut document: Received<Container> = toolkit::read()?;
        events.about(&document.name);
        let user = document.user()?.to_owned();
        let home = dotfiles::home(&user)?;
        let source = self.source(&document)?;
        let found = events.step("choose", || self.find(&source, &document))?;
        let mut warnings = found.warnings;
        warnings.extend(dotfiles::list(&mut document, found.files, &home, &user));
        dotfiles::record(&mut document, source);
        toolkit::write(&document)?;
        for warning in dotfiles::summary(&warnings) {
            toolkit::warn("dotfiles", self.common.error_format, &warning);
        }
        Ok(Exit::Success)
    }
}

impl Dotfiles {
    fn source(&self, document: &Container) -> Result<Source, Error> {
        let here = std::env::current_dir().unwrap_or_default();
        let home = etcetera::home_dir().ok();
        let absolute = |path: &PathBuf| here.join(toolkit::expand_tilde(path, home.as_deref()));
        let option = self.source.as_ref().filter(|path| !path.as_os_str().is_empty()).map(absolute);
        let section = document.dotfiles.as_ref().and_then(|section| section.source.as_ref());
        Source::choose(option, section.map(absolute), || self.places.config())
    }

    /// Returns the dotfiles of `source`, and those of the document's template
    /// that a person has none of their own for.
    fn find(&self, source: &Source, document: &Container) -> Result<Found, Error> {
        let (state, write) = (self.places.state()?, !self.dry_run);
        let Some(section) = &document.template else { return self.find_own(source, &state) };
        let template = Library::new(&self.places)?.of(section)?;
        // The directory of the agent is claudecfg's, where the document has one.
        let but = document.claude.is_some().then_some(".claude");
        let templated = dotfiles::of_template(&template, &state, but, write)?;
        let own = self.find_own(source, &state)?;
        Ok(match source.directory() {
            Some(_) => dotfiles::lay_under(own, templated),
            None => dotfiles::lay_under(templated, own),
        })
    }

    fn find_own(&self, source: &Source, state: &Path) -> Result<Found, Error> {
        match source.directory() {
            Some(directory) => dotfiles::scan(directory, Bounds::default()),
            None => dotfiles::built_in(state, !self.dry_run),
        }
    }
}

fn main() -> ExitCode {
    toolkit::main::<Dotfiles>()
}
