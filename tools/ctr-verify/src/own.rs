//! Which records in the proxy's log are of an attack's own requests.
//!
//! They are noted on this machine, where the container does not get, as they
//! stand in the log, and after the fact. What the requests say does not mark them:
//! whatever is in the container could say the same. A record is taken for one of
//! them if it tells the very same request, once for each, close to the records
//! with the canary, which nobody can have asked for before. So the most that
//! something in the container can do is to ask for the same itself.

use std::{thread, time::Duration};

use document::proxy::{PYTHON, REQUESTS};
use engine::{PROXY, Verified};
use jiff::Timestamp;
use serde_json::Value;
use toolkit::state;

use crate::{
    attack::Attack,
    helper::Answers,
    jobs::{self, Request},
    target::Target,
};

/// Writes the end of the log, in the proxy.
const TAIL: &str = include_str!("tail.py");

/// How much of it is looked at, in bytes: more than an attack adds.
const LENGTH: &str = "262144";

/// How far from the canary's the other records are: all are asked for at once.
const SPREAD: Duration = Duration::from_secs(15);

/// How often it is looked, and after how long again: a record may come after the
/// answer.
const TRIES: usize = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Requests whose record does not tell all that they say: the name in their `Host`
/// or SNI is another. Somebody else's could hide behind them.
const UNTOLD: [&str; 2] = ["proxy-host", "proxy-sni"];

/// Notes the records of the requests of an attack on `target`, which came to
/// `answers`, where it is a container of ctrkit's.
///
/// What is not found or cannot be noted counts as what others have asked for.
pub(crate) fn note(with: &Attack<'_>, target: &Target, canary: &str, answers: &Answers) {
    let around = || target.around.iter().map(|(each, _)| each);
    let Some(proxy) = around().find(|each| each.sidecar_type() == Some(PROXY)) else { return };
    let Ok(directory) = with.places.container(&target.summary.name) else { return };
    let mut asked = jobs::requests(target, with.extent, canary);
    asked.retain(|(name, _)| !UNTOLD.contains(name) && answers.get(name).is_ok());
    if asked.is_empty() || !state::is_of_container(&directory) {
        return;
    }
    let noted = Verified::of(&proxy.id, &directory);
    let mut found = Vec::new();
    for _ in 0..TRIES {
        let args = ["exec", &proxy.id, PYTHON, "-I", "-c", TAIL, REQUESTS, LENGTH];
        let Ok(log) = with.engine.run(args) else { return };
        found = records(&log, noted.clone(), &asked, canary);
        if found.len() == asked.len() {
            break;
        }
        thread::sleep(PAUSE);
    }
    if !found.is_empty() {
        let _ = Verified::note(&proxy.id, &directory, found);
    }
}

/// Returns the lines of `log` that are records of the refusal of what was `asked`,
/// but for those that are `noted` already.
fn records(log: &str, mut noted: Verified, asked: &[Request], canary: &str) -> Vec<String> {
    let new = log.lines().filter(|line| !noted.take(line));
    let parsed = new.filter_map(|line| Some((line, serde_json::from_str(line).ok()?)));
    let mut refused: Vec<(&str, Value)> =
        parsed.filter(|(_, record): &(_, Value)| record["decision"] == "refused").collect();
    let time = |record: &Value| record["time"].as_str()?.parse::<Timestamp>().ok();
    let first = refused.iter().find(|(_, record)| record["host"] == canary);
    let Some(begin) = first.and_then(|(_, record)| time(record)) else { return Vec::new() };
    refused.retain(|(_, record)| {
        time(record).is_some_and(|time| time.duration_since(begin).unsigned_abs() <= SPREAD)
    });
    let mut own = Vec::new();
    for (_, rounds) in asked {
        let wanted = rounds.first().and_then(|said| Wanted::of(said));
        let at = wanted.and_then(|wanted| refused.iter().position(|(_, each)| wanted.is(each)));
        own.extend(at.map(|at| refused.remove(at).0.to_owned()));
    }
    own
}

/// What the record of a request tells.
struct Wanted {
    method: String,
    host: String,
    port: u16,
    path: Option<String>,
}

impl Wanted {
    /// Reads the first line of a request to a proxy (RFC 9112 section 3.2).
    fn of(said: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(said).ok()?.lines().next()?;
        let (method, rest) = line.split_once(' ')?;
        let target = rest.split(' ').next()?;
        let (authority, path) = match target.strip_prefix("http://") {
            Some(target) => {
                let (authority, path) = target.split_once('/')?;
                (authority, Some(format!("/{path}")))
            }
            None => (target, None),
        };
        let port =
            authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = port.unwrap_or((authority, 80));
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { method: method.to_owned(), host, port, path })
    }

    fn is(&self, record: &Value) -> bool {
        record["method"] == *self.method
            && record["host"] == *self.host
            && record["port"] == self.port
            && record["path"].as_str() == self.path.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{connect, get};

    const CANARY: &str = "canary-1.ctr-verify.invalid";

    fn record(second: u32, decision: &str, method: &str, host: &str, port: u16) -> String {
        let path = if method == "GET" { r#""path":"/","# } else { "" };
        format!(
            r#"{{"time":"2026-11-27T08:00:{second:02}.000Z","method":"{method}",{path}"host":"{host}","port":{port},"decision":"{decision}"}}"#
        )
    }

    fn asked() -> Vec<Request> {
        let said = [
            connect(&format!("{CANARY}:443")),
            get(CANARY, CANARY),
            connect("1.1.1.1:443"),
            connect("[::ffff:169.254.169.254]:80"),
            get("127.0.0.1:8080", "127.0.0.1"),
        ];
        said.map(|said| ("job", vec![said])).into()
    }

    #[test]
    fn a_record_is_our_own_if_it_tells_the_very_request_once_and_near_the_canary() {
        let own = [
            record(20, "refused", "CONNECT", CANARY, 443),
            record(20, "refused", "GET", CANARY, 80),
            record(21, "refused", "CONNECT", "1.1.1.1", 443),
            record(20, "refused", "CONNECT", "::ffff:169.254.169.254", 80),
            record(19, "refused", "GET", "127.0.0.1", 8080),
        ];
        let others = [
            record(4, "refused", "CONNECT", "1.1.1.1", 443),
            record(20, "allowed", "CONNECT", "1.1.1.1", 443),
            record(20, "refused", "CONNECT", "1.1.1.1", 80),
            record(20, "refused", "GET", "1.1.1.1", 443),
            record(20, "refused", "CONNECT", "evil.example", 443),
            record(36, "refused", "CONNECT", "1.1.1.1", 443),
            own[1].replace(r#""path":"/""#, r#""path":"/secret""#),
            "no record".to_owned(),
        ];
        let log = [&others[..], &own, &[own[2].clone()]].concat().join("\n");
        let directory = tempfile::tempdir().unwrap();
        let noted = || Verified::of("proxy", directory.path());
        assert_eq!(records(&log, noted(), &asked(), CANARY), own);
        // Of another run just before, none is taken again.
        let earlier = [record(18, "refused", "CONNECT", "1.1.1.1", 443)];
        let log = [&earlier[..], &own].concat().join("\n");
        Verified::note("proxy", directory.path(), earlier.into()).unwrap();
        assert_eq!(records(&log, noted(), &asked(), CANARY), own);
    }

    #[test]
    fn without_the_canary_nothing_is_our_own() {
        let log = [
            record(20, "refused", "CONNECT", "1.1.1.1", 443),
            record(20, "refused", "CONNECT", "canary-2.ctr-verify.invalid", 443),
            record(20, "allowed", "CONNECT", CANARY, 443),
        ];
        assert_eq!(records(&log.join("\n"), Verified::default(), &asked(), CANARY), [""; 0]);
    }
}
