//! Paths as ssh_config(5) wants them, or refused.
//!
//! Quoting is OpenSSH's own (`argv_split`), not a shell's, and some characters
//! cannot be written at all.

use std::{net::IpAddr, path::Path};

/// What a keyword does to its argument (ssh_config(5), TOKENS and ENVIRONMENT
/// VARIABLES).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expansion {
    /// `%%` means `%`, a leading `~/` is the home, and `${NAME}` is a variable,
    /// which nothing escapes.
    Tokens,
    /// It depends on the version: RevokedHostKeys expands since OpenSSH 9.4,
    /// Include since 10.0.
    Uncertain,
}

/// Returns `path` as the argument of a keyword that does `expansion` to it, or
/// the rule that the path breaks, such as `it is not absolute`.
pub fn path(path: &Path, expansion: Expansion) -> Result<String, &'static str> {
    let text = path.to_str().ok_or("it is not UTF-8")?;
    let of_home = expansion == Expansion::Tokens && text.starts_with("~/");
    if !path.is_absolute() && !of_home {
        return Err("it is not absolute");
    }
    if text.chars().any(char::is_control) {
        return Err("it has a control character");
    }
    if text.contains('"') {
        return Err("it has a double quote");
    }
    if text.contains("${") {
        return Err("ssh would take '${' for a variable");
    }
    if expansion == Expansion::Uncertain && text.contains('%') {
        return Err("what ssh takes '%' for depends on its version");
    }
    Ok(quoted(&text.replace('%', "%%")))
}

/// Returns `text`, which has no double quote, as one argument.
///
/// In double quotes a backslash stands for itself, unless one of `"`, `'` and
/// a backslash follows (`argv_split` of OpenSSH, since 8.7).
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\"))
}

/// Says whether `text` is a host name that is no option and no pattern.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(is_inner)
}

/// Says whether `text` is an account's name that is no option.
#[must_use]
pub fn is_user(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(is_inner)
}

/// Says whether `text` is an address in brackets.
#[must_use]
pub fn is_bracketed(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expansion: Expansion, expected: Result<&str, &str>) {
        let found = path(Path::new(text), expansion);
        assert_eq!(found.as_deref().map_err(|rule| *rule), expected, "{text:?}");
    }

    #[test]
    fn a_path_stands_in_quotes() {
        for expansion in [Expansion::Tokens, Expansion::Uncertain] {
            check("/a b#c'd", expansion, Ok("\"/a b#c'd\""));
            check(r"/a\b\\c", expansion, Ok(r#""/a\\b\\\\c""#));
        }
    }

    #[test]
    fn tokens_are_escaped_where_there_are_tokens() {
        check("/a%h", Expansion::Tokens, Ok("\"/a%%h\""));
        check("/a%h", Expansion::Uncertain, Err("what ssh takes '%' for depends on its version"));
        check("~/a", Expansion::Tokens, Ok("\"~/a\""));
        check("~/a", Expansion::Uncertain, Err("it is not absolute"));
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        check("a", Expansion::Tokens, Err("it is not absolute"));
        check("/a\nb", Expansion::Tokens, Err("it has a control character"));
        check("/a\"b", Expansion::Tokens, Err("it has a double quote"));
        check("/a${HOME}", Expansion::Tokens, Err("ssh would take '${' for a variable"));
    }
}
