//! What becomes of a request, or of something done on GitHub, in words.

use policy::{Decider, Decision, Entry, NameError, Pattern, Policy, Request};

use crate::{
    Error,
    guard::{self, Finding, Verdict},
};

/// A URL, as far as a decision depends on it; nothing in it is interpreted.
#[derive(Debug, Eq, PartialEq)]
pub struct Target<'a> {
    scheme: &'a str,
    name: &'a str,
    port: u16,
    target: &'a str,
    websocket: bool,
}

impl<'a> Target<'a> {
    /// Splits `SCHEME://NAME[:PORT][/…]`.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        Self::split(text).ok_or_else(|| Error::BadUrl { text: text.to_owned(), hint: None })
    }

    fn split(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (scheme, websocket) = match scheme {
            "wss" => ("https", true),
            "ws" => ("http", true),
            other => (other, false),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
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
        // What is behind '#' is for the client and is not sent.
        let target = target.split('#').next().unwrap_or_default();
        let target = if target.is_empty() { "/" } else { target };
        (!authority.contains('@')).then_some(Self { scheme, name, port, target, websocket })
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

/// Says whether `method` on `url` is allowed, and by which entry at which line;
/// or whether something may be done on GitHub, where `url` is
/// `OPERATION[:OWNER/REPOSITORY[:BRANCH]]`.
pub fn check(policy: &Policy, method: &str, url: &str) -> Result<Answer, Error> {
    let decider = Decider::new(policy);
    if !url.contains("://") {
        let bad = || Error::BadUrl { text: url.to_owned(), hint: alike(url) };
        let found = guard::action(&decider, policy.github.as_ref(), url).ok_or_else(bad)?;
        return Ok(answer(&found, url));
    }
    let target = Target::parse(url)?;
    let found = request(&decider, method, &target);
    Ok(answer(&found, &format!("{method} {url}")))
}

fn answer(found: &Finding, question: &str) -> Answer {
    let line = format!("{} {question} {}", found.verdict.name(), found.text);
    Answer { allowed: found.verdict == Verdict::Allowed, line }
}

fn request(decider: &Decider<'_>, method: &str, target: &Target<'_>) -> Finding {
    let Target { scheme, name, port, target, websocket } = *target;
    let request = Request { scheme, name, port, method, target, websocket };
    let (verdict, reason, entry) = match decider.decide(&request) {
        Decision::Allowed(Entry::Github(github)) => return guard::request(github, &request),
        Decision::Allowed(entry) => {
            let is_through = matches!(entry, Entry::Rule(rule) if rule.is_passthrough());
            let reason = if is_through { "passthrough" } else { "allow" };
            (Verdict::Allowed, reason.to_owned(), Some(entry))
        }
        Decision::Refused { reason, entry } => (Verdict::Refused, reason.to_string(), entry),
    };
    let entry = entry.map(|entry| format!(" by {entry}")).unwrap_or_default();
    // A name in other letters has another spelling that is sent.
    let sent = match Pattern::parse(name) {
        Err(NameError::International { ascii, .. }) => format!(" (it is sent as {ascii})"),
        _ => String::new(),
    };
    Finding { verdict, text: format!("{reason}{entry}{sent}") }
}

/// Returns which operation `text` may mean, where it is written like one.
fn alike(text: &str) -> Option<String> {
    let name = text.split(':').next().unwrap_or_default();
    let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_".contains(&byte));
    policy::find_operation(name).err().filter(|_| is_name && !name.is_empty())
}
