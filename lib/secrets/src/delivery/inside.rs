//! What is done in the container itself.

use document::Container;
use engine::Engine;

use super::{Copies, DIRECTORY};
use crate::Error;

/// Puts one of them into a container; what it does is told in it.
const PUT: &str = include_str!("../put.sh");

/// Takes away what is none of them.
const KEEP: &str = include_str!("../keep.sh");

impl Copies {
    /// Makes the container with that id have these files and no others.
    pub(super) fn put(&self, engine: &Engine, id: &str, user: &str) -> Result<(), Error> {
        let files = self.files();
        for (name, contents, is_public) in &files {
            let (mode, owner) = if *is_public { ("0444", "root") } else { ("0400", user) };
            let args = ["exec", "--interactive", "--user", "0:0", id, "sh", "-c", PUT, "sh"];
            let args = args.into_iter().chain([DIRECTORY, name, mode, owner]);
            let put = engine.run_with_input(args, |pipe| pipe.write_all(contents));
            put.map_err(Error::deliver)?;
        }
        let args = ["exec", "--user", "0:0", id, "sh", "-c", KEEP, "sh", DIRECTORY];
        let args = args.into_iter().chain(files.iter().map(|(name, ..)| *name));
        engine.run(args).map_err(Error::deliver).map(drop)
    }
}

/// Gives the agent's configuration, as far as it is mounted, to the user.
///
/// It is done inside: there the numbers are right whatever they are out here,
/// and a link that somebody has left in it leads nowhere but there.
pub(super) fn give_configuration(
    container: &Container,
    id: &str,
    engine: &Engine,
    user: &str,
) -> Option<String> {
    let claude = container.claude.as_ref()?;
    let target = claude.directory.as_ref().and(claude.target.as_deref())?;
    let owner = format!("{user}:");
    let given = engine.run(["exec", "--user", "0:0", id, "chown", "-hR", "--", &owner, target]);
    given.err().map(|error| format!("'{user}' may not be able to write to {target}: {error}"))
}
