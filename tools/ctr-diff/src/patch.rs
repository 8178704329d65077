//! The text of the changes.

use document::diff::Change;
use guard::{Git, Kind};

use crate::{Error, aside::Aside, view::Found};

/// How many bytes of each are shown.
const LONGEST: usize = 64 << 10;

/// Adds its text to each change that has one.
pub(crate) fn with_patches(aside: &Aside<'_>, found: Vec<Found>) -> Result<Vec<Change>, Error> {
    let nothing = aside.keep("blob")?;
    let each = |(change, [before, after]): Found| {
        let entries = [&before, &after];
        if entries.into_iter().flatten().any(|entry| entry.kind == Kind::Submodule) {
            return Ok(change);
        }
        let [before, after] = entries.map(|entry| entry.as_ref().map(|entry| entry.id.clone()));
        if before == after {
            return Ok(change);
        }
        let [before, after] = [before, after].map(|id| id.unwrap_or_else(|| nothing.clone()));
        Ok(Change { patch: Some(text(aside, &before, &after)?), ..change })
    };
    found.into_iter().map(each).collect()
}

/// Returns the difference of two objects, without the lines that name them.
fn text(aside: &Aside<'_>, before: &str, after: &str) -> Result<String, Error> {
    let args = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", before, after];
    let diff = match aside.ask(&args, Vec::new()) {
        Ok(diff) => diff,
        // It was left out of what was fetched, or not kept.
        Err(Error::Git { .. }) => return Ok("it is too large to be shown\n".to_owned()),
        Err(error) => return Err(error),
    };
    let diff = String::from_utf8_lossy(&diff);
    let is_body = |line: &&str| line.starts_with("@@") || line.starts_with("Binary files");
    let body: Vec<_> = diff.lines().skip_while(|line| !is_body(line)).collect();
    if body.first().is_some_and(|line| line.starts_with("Binary")) {
        return Ok("it is not text\n".to_owned());
    }
    let mut text = String::new();
    for line in body {
        if text.len() + line.len() > LONGEST {
            return Ok(text + "… and more\n");
        }
        text += line;
        text.push('\n');
    }
    Ok(text)
}
