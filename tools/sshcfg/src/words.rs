//! Values as ssh_config(5) wants them, or refused.
//!
//! ssh reads the user's whole configuration before it connects anywhere, and
//! gives up at the first line that it does not understand. So a value is let
//! through only where it is known that ssh will understand it, and means no
//! more by it than the document does.

use std::{net::IpAddr, path::Path};

use toolkit::{
    sockets::SOCKET_PATH,
    ssh_config::{self, Expansion, is_bracketed, is_host, is_user, quoted},
};

use crate::Error;

/// Returns `path`, which is the document's `key`, quoted.
pub(crate) fn path(key: &'static str, path: &Path, expansion: Expansion) -> Result<String, Error> {
    let quoted = ssh_config::path(path, expansion);
    quoted.map_err(|rule| Error::BadPath { key, path: path.to_owned(), rule })
}

/// Returns `text` if it is a host name or an address.
pub(crate) fn host<'a>(key: &'static str, text: &'a str) -> Result<&'a str, Error> {
    match is_host(text) || text.parse::<IpAddr>().is_ok() {
        true => Ok(text),
        false => Err(bad(key, text, "it must be a host name or an address")),
    }
}

/// Returns `text` if it is an account's name.
pub(crate) fn user<'a>(key: &'static str, text: &'a str) -> Result<&'a str, Error> {
    match is_user(text) {
        true => Ok(text),
        false => Err(bad(key, text, "it must be an account's name")),
    }
}

/// Returns `text` if it is what ProxyJump takes: `[user@]host[:port]` or
/// `ssh://[user@]host[:port]`, several joined by commas.
pub(crate) fn jump<'a>(key: &'static str, text: &'a str) -> Result<&'a str, Error> {
    match text.split(',').all(is_jump) {
        true => Ok(text),
        false => Err(bad(key, text, "it must be [user@]host[:port], several joined by commas")),
    }
}

/// Returns `text` if it is what ProxyCommand takes: the rest of the line,
/// which a shell runs.
pub(crate) fn command<'a>(key: &'static str, text: &'a str) -> Result<&'a str, Error> {
    let is_first = |c: char| !c.is_whitespace() && !"-=#".contains(c);
    let is_whole = text.starts_with(is_first) && text == text.trim_end();
    match is_whole && !text.contains(char::is_control) && closes_its_quotes(text) {
        true => Ok(text),
        false => Err(bad(key, text, "it must be one line with a command, its quotes in pairs")),
    }
}

/// Returns `text` as arguments of LocalForward.
pub(crate) fn local_forward(key: &'static str, text: &str) -> Result<String, Error> {
    let words: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).collect();
    match *words.as_slice() {
        [listen, target] if is_listener(listen, 1) && is_target(target) => {
            Ok(format!("{} {}", forward_word(listen), forward_word(target)))
        }
        _ => Err(bad(key, text, LOCAL_RULE)),
    }
}

/// Returns `text` as arguments of RemoteForward, whose second may be absent:
/// then the server gets a SOCKS proxy.
pub(crate) fn remote_forward(key: &'static str, text: &str) -> Result<String, Error> {
    let words: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).collect();
    match *words.as_slice() {
        [listen] if is_listener(listen, 0) => Ok(forward_word(listen)),
        [listen, target] if is_listener(listen, 0) && is_target(target) => {
            Ok(format!("{} {}", forward_word(listen), forward_word(target)))
        }
        _ => Err(bad(key, text, REMOTE_RULE)),
    }
}

/// Returns `words` as the command of Match exec, which the person's own shell runs.
///
/// In single quotes every shell takes all but a single quote as it is.
pub(crate) fn starter(key: &'static str, words: &[String]) -> Result<String, Error> {
    let is_plain = |word: &String| !word.contains(|c: char| c.is_control() || "'\"".contains(c));
    if words.is_empty() || !words.iter().all(is_plain) {
        let rule = "it must be words without quotes and control characters";
        return Err(bad(key, &words.join(" "), rule));
    }
    let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    Ok(quoted(&words.join(" ").replace('%', "%%")))
}

const LOCAL_RULE: &str =
    "it must be '[ADDRESS:]PORT HOST:PORT', where an absolute path may stand for either";
const REMOTE_RULE: &str =
    "it must be '[ADDRESS:]PORT HOST:PORT' or '[ADDRESS:]PORT', where a path may stand for either";

fn bad(key: &'static str, text: &str, rule: &'static str) -> Error {
    Error::BadValue { key, value: text.to_owned(), rule }
}

/// Says whether `text` is a port from `lowest` on.
fn is_port(text: &str, lowest: u16) -> bool {
    let is_number = text.chars().all(|c| c.is_ascii_digit());
    is_number && text.parse::<u16>().is_ok_and(|port| port >= lowest)
}

fn is_jump(text: &str) -> bool {
    let text = text.strip_prefix("ssh://").unwrap_or(text);
    let (user, place) = text.split_once('@').map_or((None, text), |(user, at)| (Some(user), at));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    user.is_none_or(is_user)
        && (is_host(host) || is_bracketed(host))
        && port.is_none_or(|port| is_port(port, 1))
}

/// Says whether `text` is where a forwarding listens: `PORT`, `ADDRESS:PORT`
/// or a path. An empty address and `*` mean all.
fn is_listener(text: &str, lowest: u16) -> bool {
    let place = |address: &str| {
        address.is_empty() || address == "*" || is_host(address) || is_bracketed(address)
    };
    match text.rsplit_once(':') {
        Some((address, port)) => place(address) && is_port(port, lowest),
        None => is_port(text, lowest) || is_socket(text),
    }
}

/// Says whether `text` is where a forwarding leads: `HOST:PORT` or a path.
fn is_target(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((host, port)) => (is_host(host) || is_bracketed(host)) && is_port(port, 1),
        None => is_socket(text),
    }
}

/// Says whether `text` is the path of a Unix socket that a forwarding takes.
///
/// It may hold tokens; ssh would read a colon, a backslash, a quote or a
/// variable in it as something else.
fn is_socket(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= SOCKET_PATH
        && !text.contains(|c: char| c.is_control() || c.is_whitespace() || ":\\\"'".contains(c))
        && !text.contains("${")
}

fn forward_word(word: &str) -> String {
    if word.starts_with('/') { quoted(word) } else { word.to_owned() }
}

/// Says whether ssh would find an end to every quote in the line.
///
/// It splits every line into arguments, also those whose rest it then takes
/// as it is, and gives up at an open quote (argv_split of OpenSSH).
fn closes_its_quotes(text: &str) -> bool {
    let mut quote = None;
    let mut is_start = true;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_escape = |next: &char| "'\"\\".contains(*next) || (quote.is_none() && *next == ' ');
        match character {
            '#' if is_start && quote.is_none() => return true,
            '\\' if characters.next_if(is_escape).is_some() => {}
            '"' | '\'' if quote.is_none() => quote = Some(character),
            _ if quote == Some(character) => quote = None,
            _ => {}
        }
        is_start = quote.is_none() && character == ' ';
    }
    quote.is_none()
}

/// Returns the path that [`path`] has written so.
pub(crate) fn unquoted(text: &str) -> String {
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    bare.unwrap_or(text).replace("\\\\", "\\").replace("%%", "%")
}
