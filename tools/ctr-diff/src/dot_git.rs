//! The repository's own directory in the container. No pull brings it; whoever
//! copies the workspace does, or works in it from the host.

use document::diff::{Manner, State};
use guard::{Finding, Git, Kind, Name, is_obeyed, names, names_drivers};
use toolkit::printable;

use crate::{
    Error,
    aside::Aside,
    view::{Found, entry},
    workspace::{Content, Seen},
};

const HOOKS: &str = "https://git-scm.com/docs/githooks";
const LAYOUT: &str = "https://git-scm.com/docs/gitrepository-layout";
const CONFIG: &str = "https://git-scm.com/docs/git-config";

/// How much of a setting is shown.
const SHOWN: usize = 200;

/// What a file in a repository's own directory is.
enum What {
    /// The repository's own directory is not a directory, or not called `.git`.
    Itself,
    Hook,
    Config,
    Attributes,
    Elsewhere,
}

/// Says whether the path `parts` in a repository's own directory is more than
/// an object, a reference or a note of git's.
pub(crate) fn matters(parts: &[Name]) -> bool {
    what(parts).is_some()
}

fn what(parts: &[Name]) -> Option<What> {
    let at = parts.iter().position(Name::is_git)?;
    let rest: Vec<_> = parts[at + 1..].iter().map(Name::as_str).collect();
    // A submodule's is in modules/NAME, and a name may have slashes.
    let rest = match rest.first() {
        Some(&"modules") => rest.iter().rposition(|part| *part == "hooks").map_or_else(
            || rest.last().into_iter().copied().collect(),
            |hooks| rest[hooks..].to_vec(),
        ),
        _ => rest,
    };
    match rest[..] {
        [] => Some(What::Itself),
        ["hooks", .., last] if !last.ends_with(".sample") => Some(What::Hook),
        ["config" | "config.worktree"] | ["worktrees", _, "config.worktree"] => Some(What::Config),
        ["info", "attributes"] | ["attributes"] => Some(What::Attributes),
        ["commondir" | "gitdir"] => Some(What::Elsewhere),
        _ => None,
    }
}

/// Judges what was seen in repositories' own directories.
pub(crate) fn judge(aside: &Aside<'_>, seen: &[&Seen]) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for seen in seen {
        let path = String::from_utf8_lossy(&seen.path).into_owned();
        for finding in findings(aside, seen)? {
            found.push((
                entry(path.clone(), Manner::Added, finding, State::Uncommitted),
                [None, None],
            ));
        }
    }
    Ok(found)
}

fn findings(aside: &Aside<'_>, seen: &Seen) -> Result<Vec<Finding>, Error> {
    let Some(what) = what(&names(&seen.path)) else { return Ok(Vec::new()) };
    let bytes = seen.bytes()?;
    let git =
        |runs: &str, source| Finding::by_itself(format!("git, {runs}, in a copy of this"), source);
    let not_kept = match seen.content {
        Content::Not(why) => Some(why),
        Content::Kept(_) => None,
    };
    if let Some(why) = not_kept.or(link(seen)) {
        return Ok(vec![git("which obeys it", LAYOUT).with(why)]);
    }
    Ok(match what {
        What::Hook => vec![git("as a hook", HOOKS)],
        What::Config => config(aside, seen)?,
        What::Attributes => {
            let names = bytes.is_none_or(|bytes| names_drivers(&bytes));
            names
                .then(|| git("which calls the drivers that it names", LAYOUT))
                .into_iter()
                .collect()
        }
        What::Elsewhere => vec![git("which goes where it says", LAYOUT)],
        What::Itself if is_of_module(&bytes.unwrap_or_default()) => Vec::new(),
        What::Itself => vec![git("which goes where it says", LAYOUT)],
    })
}

fn link(seen: &Seen) -> Option<&'static str> {
    (seen.kind == Kind::Link).then_some("it is a symbolic link")
}

/// Says whether it is the file that a submodule has, which leads to the
/// repository above it.
fn is_of_module(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let to = text.strip_prefix("gitdir: ").map(|to| to.trim_end_matches('\n'));
    let Some(to) = to.filter(|to| to.starts_with("../")) else { return false };
    let below = to.trim_start_matches("../");
    below.starts_with(".git/modules/") && !below.contains("..")
}

/// Lists the settings that run something, as git itself reads them from the
/// file, with nothing included.
fn config(aside: &Aside<'_>, seen: &Seen) -> Result<Vec<Finding>, Error> {
    let Some(file) = seen.file() else { return Ok(Vec::new()) };
    let runs = "git, in a copy of this";
    let file = file.to_string_lossy();
    let args = ["config", "--file", &file, "--no-includes", "--list", "-z"];
    let list = match aside.ask(&args, Vec::new()) {
        Ok(list) => list,
        Err(Error::Git { .. }) => {
            return Ok(vec![Finding::by_itself(runs, CONFIG).with("it cannot be read")]);
        }
        Err(error) => return Err(error),
    };
    let list = String::from_utf8_lossy(&list);
    let is_module = names(&seen.path).iter().any(|name| name.as_str() == "modules");
    let counts = |(key, value): &(&str, &str)| {
        is_obeyed(key, value) && !(is_module && *key == "core.worktree")
    };
    let finding = |(key, value): (&str, &str)| {
        let value: String = printable(value).chars().take(SHOWN).collect();
        Finding::by_itself(runs, CONFIG).with(format!("{key} = {value}"))
    };
    Ok(toolkit::git::settings(&list).filter(counts).map(finding).collect())
}
