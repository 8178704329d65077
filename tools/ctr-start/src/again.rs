//! What an isolated container sees of the worktree, looked at again.

use compose::look_again;
use document::Container;
use engine::{Engine, Summary};
use toolkit::{Places, state};

use crate::{Action, Error};

/// Makes sure that what `plan` starts has nothing else mounted of the worktree than
/// when it was made, if the last of it is isolated.
pub(crate) fn check(
    engine: &Engine,
    places: &Places,
    plan: &[(&Summary, Action)],
) -> Result<(), Error> {
    let Some((app, _)) = plan.last().filter(|(app, _)| app.is_isolated()) else { return Ok(()) };
    let starting = plan.iter().filter(|(_, action)| *action == Action::Start);
    let names: Vec<_> = starting.map(|(container, _)| container.name.as_str()).collect();
    let path = places.container(&app.name)?.join(state::DOCUMENT);
    // An engine elsewhere has nothing of this worktree.
    if names.is_empty() || engine.link().is_some() || !path.exists() {
        return Ok(());
    }
    let document = toolkit::read_file::<Container>(&path)?;
    for container in engine.inspect_all(&names)? {
        let binds = container.mounts.iter().filter(|mount| mount.kind == "bind");
        look_again(&document, binds.filter_map(|mount| mount.source.as_deref()))?;
    }
    Ok(())
}
