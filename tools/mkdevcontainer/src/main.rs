//! mkdevcontainer(1): write the devcontainer.json of a container.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use devcontainer::{Own, Refusal};
use document::{Container, Received, container, devcontainer::ANY};
use mkdevcontainer::{Error, Files};
use serde_json::{Map, Value};
use template::Library;
use toolkit::{Common, ErrorFormat, Events, Exit, Places, Siblings, Tool, files::FileError};

const NAME: &str = "mkdevcontainer";

/// How long another mkdevcontainer may take for the same container.
const PATIENCE: Duration = Duration::from_secs(20);

/// Write the devcontainer.json of a container
///
/// Reads a container/1 document on standard input, writes a devcontainer.json
/// from which the devcontainers CLI and editors make the same container below
/// the state directory, and writes the document to standard output with
/// devcontainer filled in. A document that asks for none goes through as it is.
/// A devcontainer.json of the worktree is honoured; what of it reaches this
/// machine is used only where it is trusted.
#[derive(Debug, Parser)]
#[command(version)]
struct Mkdevcontainer {
    /// Honour the devcontainer.json FILE, which need not be the only one of the
    /// worktree [default: the document's, or the only one]
    #[arg(long, value_name = "FILE", env = "CTRKIT_DEVCONTAINER_CONFIG")]
    devcontainer_config: Option<PathBuf>,

    /// Use also what of it reaches this machine: whatever is there now, or only
    /// what has DIGEST
    #[arg(long, value_name = "DIGEST", num_args = 0..=1, require_equals = true,
        default_missing_value = ANY)]
    trust: Option<String>,

    /// Write the files to DIR instead, where an editor may find them
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Write the devcontainer.json to standard output, and nothing else
    #[arg(long, conflicts_with = "output")]
    print: bool,

    /// Write the document, but no file; that of an isolated container need not have
    /// gone through mkcompose
    #[arg(short = 'n', long, conflicts_with = "print")]
    dry_run: bool,

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
        let user = document.user.clone();
        let own = self.own(&mut document)?;
        let moved = document.user != user;
        let state = self.places.container(&document.name)?;
        let directory = match &self.output {
            Some(directory) => {
                std::path::absolute(directory).map_err(FileError::writing(directory))?
            }
            None => state.join(mkdevcontainer::DIRECTORY),
        };
        let remembered = mkdevcontainer::remembered(&state)?;
        let trusted = mkdevcontainer::trusted(&document, own.as_ref(), remembered.as_deref());
        let trusted = trusted.map_err(|error| self.tell(error))?;
        let model = self.lay_over(&mut document, own.as_ref(), moved, &state)?;
        let additions = self.additions(&document)?;
        let additions = additions.as_ref();
        let files = Files::of(&document, own.as_ref(), additions, &directory, trusted, model)?;
        if self.print {
            toolkit::write_text(&files.config)?;
            return Ok(Exit::Success);
        }
        if !self.dry_run {
            events.step("write", || files.install(&directory, PATIENCE))?;
            files.remember(&state)?;
        }
        files.record(&mut document);
        toolkit::write(&document)?;
        Ok(Exit::Success)
    }
}

impl Mkdevcontainer {
    /// Returns what the document's template adds to the file.
    fn additions(&self, document: &Container) -> Result<Option<Map<String, Value>>, Error> {
        let Some(section) = &document.template else { return Ok(None) };
        Ok(Library::new(&self.places)?.of(section)?.devcontainer()?)
    }

    /// Reads the repository's own file, if there is one, and lays what the
    /// command line and that file say over the document.
    fn own(&self, document: &mut Container) -> Result<Option<Own>, Error> {
        let asked = self.devcontainer_config.as_deref().filter(|path| !path.as_os_str().is_empty());
        let asked = asked.and_then(|path| std::path::absolute(path).ok());
        let section = document.devcontainer.get_or_insert_default();
        if self.trust.is_some() {
            section.trusted.clone_from(&self.trust);
        }
        let asked = asked.or_else(|| section.own.clone());
        let project = document.project.path.clone();
        let found = devcontainer::find(&project, asked.as_deref(), devcontainer::is_ours)?;
        section.compose_digest = None;
        let Some(path) = found else { return Ok(None) };
        let own = Own::load(&path, &project, asked.is_some())?;
        // Before they are judged: what is changed meanwhile is seen later.
        section.compose_digest = devcontainer::compose_digest(&own.compose_files(&project));
        mkdevcontainer::work_as(document, own.user());
        Ok(Some(own))
    }

    /// Has the repository's own Compose files laid over the model of an isolated
    /// container, and the model made anew if the home has `moved`; returns the model
    /// where it is not written.
    fn lay_over(
        &self,
        document: &mut Received<Container>,
        own: Option<&Own>,
        moved: bool,
        state: &Path,
    ) -> Result<Option<Value>, Error> {
        if document.isolation.is_none() {
            return Ok(None);
        }
        let model = document.compose.as_ref().and_then(|compose| compose.file.as_ref());
        let is_modelled = model.is_some();
        if self.dry_run && !is_modelled {
            return Ok(Some(mkdevcontainer::empty_model()));
        }
        let is_only_told = self.print || self.dry_run;
        let aside = tempfile::tempdir().map_err(FileError::writing(&std::env::temp_dir()))?;
        let aside = is_only_told.then_some(aside.path());
        let over = mkdevcontainer::write_override(document, own, state, aside)?;
        if over.is_none() && !(moved && is_modelled) {
            return Ok(None);
        }
        let siblings = Siblings::new()
            .with("CTRKIT_STATE_DIR", self.places.state()?)
            .with("CTRKIT_CONFIG_DIR", self.places.config()?);
        let over = over.map(|over| over.to_string_lossy().into_owned());
        let mut args: Vec<_> = over.iter().flat_map(|over| ["--override", over]).collect();
        args.extend(is_only_told.then_some("--print"));
        let line = toolkit::line(document)?;
        let answer = siblings.run("mkcompose", &args, line.as_bytes());
        let answer = answer.map_err(|error| mkdevcontainer::refused(own, error))?;
        if is_only_told {
            return Ok(mkdevcontainer::model_in(&answer));
        }
        *document = toolkit::parse(&answer, "of mkcompose")?;
        Ok(None)
    }

    /// Tells people in a line each what of the file reaches the machine.
    fn tell(&self, error: Error) -> Error {
        match error {
            Error::Untrusted(Refusal::Untrusted(mut untrusted))
                if self.common.error_format == ErrorFormat::Text =>
            {
                for danger in &untrusted.dangers {
                    toolkit::note(NAME, ErrorFormat::Text, &danger.to_string());
                }
                untrusted.told = true;
                Error::Untrusted(Refusal::Untrusted(untrusted))
            }
            error => error,
        }
    }
}

fn main() -> ExitCode {
    toolkit::main::<Mkdevcontainer>()
}
