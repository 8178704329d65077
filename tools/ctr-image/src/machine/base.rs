//! A base image of packages, from an empty directory to its name.

use std::path::Path;

use document::error::FailedCommand;
use engine::{EngineError, Kind};
use toolkit::files::FileError;

use crate::{Error, Machine, apt, bootstrap, machine::line, watch::Stopped};

/// The label of images that were made from packages.
const LABEL_BOOTSTRAP: &str = "ctrkit.bootstrap";

impl Machine<'_> {
    /// Fills `root` with the packages of `suite`.
    pub(super) fn fill(&mut self, suite: &str, root: &Path) -> Result<(), Error> {
        let archives = match &self.mirror {
            Some(_) => Vec::new(),
            None => apt::of_suite(&bootstrap::archives(), suite),
        };
        let mirror = archives.first().map(|archive| archive.uri.clone()).or(self.mirror.clone());
        let mut command = bootstrap::command(suite, root, mirror.as_deref())?;
        match self.watched("bootstrap", &mut command) {
            Ok(ended) if ended.status.success() => {}
            Ok(ended) => {
                return Err(Error::Debootstrap(Box::new(FailedCommand {
                    line: line(&command),
                    status: ended.status.code(),
                    last_words: ended.last_words,
                    extra: document::Extra::new(),
                })));
            }
            Err(Stopped::Cannot(source)) => {
                let program = command.get_program().to_string_lossy().into_owned();
                return Err(Error::CannotRun { program, source });
            }
            Err(Stopped::Interrupted(signal)) => return Err(signal.into()),
        }
        Ok(bootstrap::write_sources(root, &archives).map_err(FileError::writing(root))?)
    }

    /// Makes an image called `name` of the directory `root`.
    ///
    /// The image gets its name last: a stream that ended too early, because
    /// this process or tar(1) was killed, leaves none that could be taken for
    /// a whole one. Such leftovers have a label, by which they are removed.
    pub(super) fn import(&mut self, root: &Path, name: &str) -> Result<(), Error> {
        let engine = &self.engine;
        let mut unpacked = None;
        let label = format!("LABEL {LABEL_BOOTSTRAP}=true");
        let args: &[&str] = match engine.kind() {
            Kind::Podman => &["import", "--quiet", "--change", &label, "-"],
            Kind::Docker => &["import", "--change", &label, "-"],
        };
        let ours = format!("label={LABEL_BOOTSTRAP}");
        let _ = engine.run(["image", "prune", "--force", "--filter", &ours]);
        let imported = self.events.step("import", || {
            let id = engine.run_with_input(args, |pipe| {
                bootstrap::pack(root, pipe).map_err(|error| {
                    let kind = error.kind();
                    unpacked = Some(error);
                    kind.into()
                })
            })?;
            engine.run(["tag", id.trim(), name])
        });
        match (imported, unpacked) {
            // The engine stopped reading: what it says itself is the reason.
            (imported, None) => Ok(imported.map(drop)?),
            (Err(error @ EngineError::Failed(_)), Some(_)) => Err(error.into()),
            (_, Some(source)) => Err(Error::Pack(source)),
        }
    }
}
