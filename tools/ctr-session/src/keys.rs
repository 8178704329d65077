//! The names of keys.

use crate::Error;

/// The keys that tmux(1) names besides letters and signs, in lower case.
const NAMED: [&str; 23] = [
    "up", "down", "left", "right", "home", "end", "npage", "pagedown", "pgdn", "ppage", "pageup",
    "pgup", "ic", "insert", "dc", "delete", "btab", "bspace", "enter", "escape", "space", "tab",
    "kpenter",
];

/// The number of function keys.
const FUNCTIONS: u8 = 12;

/// Says whether `key` is one; tmux would send any other word as text.
pub(crate) fn check(key: &str) -> Result<(), Error> {
    match is_key(key) {
        true => Ok(()),
        false => Err(Error::BadKey { key: key.to_owned() }),
    }
}

/// Control, meta and shift come before a key.
fn is_key(key: &str) -> bool {
    let mut base = key;
    while let Some(rest) = modified(base) {
        base = rest;
    }
    let mut characters = base.chars();
    if let (Some(one), None) = (characters.next(), characters.next()) {
        return !one.is_control();
    }
    let lower = base.to_lowercase();
    let function = lower.strip_prefix('f').and_then(|number| number.parse::<u8>().ok());
    NAMED.contains(&lower.as_str())
        || function.is_some_and(|number| (1..=FUNCTIONS).contains(&number))
}

/// Returns what a modifier stands before: a sign alone is a key.
fn modified(key: &str) -> Option<&str> {
    let prefixes = ["C-", "M-", "S-", "c-", "m-", "s-", "^"];
    let rest = prefixes.into_iter().find_map(|prefix| key.strip_prefix(prefix))?;
    Some(rest).filter(|rest| !rest.is_empty())
}
