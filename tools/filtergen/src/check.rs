//! What becomes of a request, in words.

use policy::{Decider, Decision, NameError, Pattern, Request};

use crate::Error;

/// A URL, as far as a decision depends on it; nothing in it is interpreted.
#[derive(Debug, Eq, PartialEq)]
pub struct Target<'a> {
    scheme: &'a str,
    name: &'a str,
    port: u16,
    websocket: bool,
}

impl<'a> Target<'a> {
    /// Splits `SCHEME://NAME[:PORT][/…]`.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        Self::split(text).ok_or_else(|| Error::BadUrl { text: text.to_owned() })
    }

    fn split(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (scheme, websocket) = match scheme {
            "wss" => ("https", true),
            "ws" => ("http", true),
            other => (other, false),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (name, port) = match authority.strip_prefix('[') {
            Some(address) => address.split_once(']')?,
            None => authority.find(':').map_or((authority, ""), |at| authority.split_at(at)),
        };
        let standard = if scheme == "http" { 80 } else { 443 };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok()?
            }
            Some(_) => return None,
            None if port.is_empty() => standard,
            None => return None,
        };
        (!authority.contains('@')).then_some(Self { scheme, name, port, websocket })
    }
}

/// The answer to one question.
#[derive(Debug, Eq, PartialEq)]
pub struct Answer {
    /// Whether the request would go out.
    pub allowed: bool,
    /// The answer, on one line.
    pub line: String,
}

/// Says whether `method` on `url` is allowed, and by which entry at which line.
pub fn check(decider: &Decider<'_>, method: &str, url: &str) -> Result<Answer, Error> {
    let target = Target::parse(url)?;
    let Target { scheme, name, port, websocket } = target;
    let decision = decider.decide(&Request { scheme, name, port, method, websocket });
    let (allowed, reason, rule) = match decision {
        Decision::Allowed(rule) if rule.is_passthrough() => {
            (true, "passthrough".into(), Some(rule))
        }
        Decision::Allowed(rule) => (true, "allow".into(), Some(rule)),
        Decision::Refused { reason, rule } => (false, reason.to_string(), rule),
    };
    let rule = rule.map(|rule| format!(" by {} {}", rule.from, rule.pattern)).unwrap_or_default();
    // A name in other letters has another spelling that is sent.
    let sent = match Pattern::parse(name) {
        Err(NameError::International { ascii, .. }) => format!(" (it is sent as {ascii})"),
        _ => String::new(),
    };
    let verdict = if allowed { "allowed" } else { "refused" };
    Ok(Answer { allowed, line: format!("{verdict} {method} {url} {reason}{rule}{sent}") })
}
