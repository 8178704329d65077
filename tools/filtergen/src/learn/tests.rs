//! Tests of what is proposed, and of what never is.

use std::path::Path;

use policy::Policy;
use serde_json::{Value, json};
use toolkit::Failure;

use super::{Lesson, Proposal};

fn policy(entries: &str) -> Policy {
    policy::parse("p.toml", &format!("schema = \"policy/1\"\n{entries}")).unwrap()
}

fn record(method: &str, url: &str, reason: &str) -> Value {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let standard = if scheme == "http" { 80 } else { 443 };
    let (host, port) =
        host.split_once(':').map_or((host, standard), |(host, port)| (host, port.parse().unwrap()));
    json!({
        "time": "T", "kind": "request", "method": method, "scheme": scheme, "host": host,
        "port": port, "path": path, "decision": "refused", "reason": reason,
    })
}

fn connect(host: &str, port: u16) -> Value {
    json!({
        "time": "T", "kind": "connect", "method": "CONNECT", "scheme": "https", "host": host,
        "port": port, "decision": "refused", "reason": "unknown-name",
    })
}

fn done(operation: &str, method: &str, url: &str) -> Value {
    let mut record = record(method, url, "operation");
    record["operation"] = operation.into();
    record
}

fn learn(known: &Policy, records: &[Value]) -> Proposal {
    let log: String = records.iter().map(|record| format!("{record}\n")).collect();
    let mut lesson = Lesson::new(known);
    lesson.read(Path::new("log"), log.as_bytes()).unwrap();
    lesson.propose()
}

/// The proposal without remarks; it is read back, and with it in force the
/// same log proposes nothing.
#[track_caller]
fn proposed(known: &str, records: &[Value]) -> String {
    let known = if known.is_empty() { Policy::default() } else { policy(known) };
    let proposal = learn(&known, records);
    if proposal.is_empty() {
        return String::new();
    }
    let text = proposal.text();
    let written = policy::parse("learnt.toml", &text).unwrap();
    let json = serde_json::to_string(&proposal.document()).unwrap();
    let as_json = policy::parse("learnt.json", &json).unwrap();
    assert!(policy::diff(&written, &as_json).changes.is_empty(), "{text}\n{json}");
    let mut sum = known.clone();
    sum.add(written);
    let again = learn(&sum, records);
    assert!(again.is_empty(), "{text}\n{}", again.text());
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.skip(2).collect::<Vec<_>>().join("|")
}

#[track_caller]
fn left_out(known: &str, record: Value, says: &str) {
    let known = if known.is_empty() { Policy::default() } else { policy(known) };
    let proposal = learn(&known, &[record]);
    assert!(proposal.is_empty(), "{}", proposal.text());
    let lines = proposal.left_out();
    assert!(lines.len() == 1 && lines[0].contains(says), "{lines:?}");
}

#[test]
fn what_was_asked_for_is_proposed_and_no_more() {
    let get = |url: &str| record("GET", url, "unknown-name");
    assert_eq!(
        proposed("", &[get("https://a.org/x?y=1"), get("https://a.org/x"), get("http://b.org/")]),
        "[[allow]]|name = \"a.org\"|ports = [443]|methods = [\"GET\"]|paths = [\"/x\"]|\
         [[allow]]|name = \"b.org\"|ports = [80]|methods = [\"GET\"]|paths = [\"/\"]"
    );
    // The method alone is missing, and not the name.
    assert_eq!(
        proposed(
            "[[allow]]\nname = \"a.org\"\nmethods = [\"GET\"]\n",
            &[get("https://a.org/x"), record("POST", "https://a.org/y", "method")]
        ),
        "[[allow]]|name = \"a.org\"|ports = [443]|methods = [\"POST\"]|paths = [\"/y\"]"
    );
    assert_eq!(
        proposed("[[allow]]\nname = \"a.org\"\n", &[record("GET", "https://a.org/s", "websocket")]),
        "[[allow]]|name = \"a.org\"|ports = [443]|methods = [\"GET\"]|paths = [\"/s\"]|websockets = true"
    );
    // Of a CONNECT it is not known what it was for.
    assert_eq!(
        proposed("", &[connect("A.org.", 8443)]),
        "[[allow]]|name = \"a.org\"|ports = [8443]|methods = [\"GET\",\"HEAD\"]"
    );
}

#[test]
fn paths_are_named_where_they_are_few_or_alike() {
    let get = |path: &str| record("GET", &format!("https://a.org{path}"), "unknown-name");
    let paths = |records: &[Value]| {
        let text = proposed("", records);
        text.split_once("|paths = ").map(|(_, paths)| paths.to_owned()).unwrap_or_default()
    };
    assert_eq!(paths(&[get("/b/1"), get("/%61"), get("/@x%2Fy")]), "[\"/@x%2Fy\",\"/a\",\"/b/1\"]");
    let many: Vec<_> = (0..20).map(|number| get(&format!("/v2/a/{number}"))).collect();
    assert_eq!(paths(&many), "[\"/v2/a/**\"]");
    let apart: Vec<_> = (0..20).map(|number| get(&format!("/{number}"))).collect();
    assert_eq!(paths(&apart), "");
    // Not all of it is known, or it would be another template.
    for path in ["/a/...", "/a//b", "/a*b", "/a%25b"] {
        assert_eq!(paths(&[get(path)]), "", "{path}");
    }
    let known = "[[allow]]\nname = \"a.org\"\npaths = [\"/x\"]\n";
    let refused = |path: &str| record("GET", &format!("https://a.org{path}"), "path");
    assert_eq!(
        proposed(known, &[refused("/y")]),
        "[[allow]]|name = \"a.org\"|ports = [443]|methods = [\"GET\"]|paths = [\"/y\"]"
    );
    left_out(known, refused("/a/../x"), "path: it can be read in two ways");
    left_out(known, refused("/a*"), "path: a.org was asked for too many");
}

#[test]
fn on_github_operations_are_proposed_and_never_a_name() {
    let merge = || done("pr-merge", "PUT", "https://api.github.com/repos/me/x/pulls/1/merge");
    let guarded = "[github]\nhosts = [\"github.com\"]\nprotected = [\"main\"]\n";
    let expected = "[github]|hosts = [\"github.com\"]|protected = [\"main\"]|[github.operations]|\
                    pr-merge = \"allow\"";
    assert_eq!(proposed(guarded, &[merge(), merge()]), expected);
    assert_eq!(
        proposed("", &[connect("api.github.com", 443)]),
        "[github]|hosts = [\"github.com\"]"
    );
    assert_eq!(
        proposed("", &[connect("uploads.x.ghe.com", 443), connect("x.ghe.com", 443)]),
        "[github]|hosts = [\"x.ghe.com\"]"
    );
    let server = done("gist", "POST", "https://git.corp.example/api/v3/gists");
    let known = "[github]\nhosts = [\"git.corp.example\"]\n";
    assert_eq!(
        proposed(known, &[server]),
        "[github]|hosts = [\"git.corp.example\"]|[github.operations]|gist = \"allow\""
    );
    let elsewhere = record("POST", "https://api.github.com/repos/You/x/issues", "repository");
    let mut elsewhere = elsewhere;
    elsewhere["operation"] = "issue-write".into();
    assert_eq!(
        proposed("[github]\nrepositories = [\"me/*\"]\n", &[elsewhere]),
        "[github]|hosts = [\"github.com\"]|repositories = [\"you/x\"]"
    );
    left_out(
        &format!("{guarded}[github.operations]\npr-merge = \"refuse\"\n"),
        merge(),
        "p.toml:6",
    );
    left_out(guarded, done("xyzzy", "PUT", "https://github.com/"), "does not name one");
    left_out(guarded, record("GET", "https://api.github.com:8443/", "port"), "port 443 alone");
    left_out(guarded, record("POST", "https://github.com/", "branch"), "by hand");
    left_out(guarded, record("POST", "https://github.com/", "unclear"), "no policy changes");
}

#[test]
fn what_no_policy_should_open_is_left_out_and_said() {
    for (method, url, reason, says) in [
        ("GET", "https://a.org/", "host", "host: no policy"),
        ("GET", "https://a.org/", "sni", "sni: no policy"),
        ("GET", "https://a.org/", "protocol", "protocol: no policy"),
        ("GET", "https://a.org/", "size", "size: no policy"),
        ("GET", "https://a.org/", "internal", "internal: no policy"),
        ("GET", "https://a.org/", "\u{1b}[2J", "2J: no policy"),
        ("GET", "https://a.org/", "", "does not say why"),
        ("GET", "https://a.org/", "address", "not public"),
        ("GET", "https://a.org/", "secret", "value is not there"),
        ("GET", "https://10.0.0.1/", "unknown-name", "no name of a host"),
        ("GET", "https://127.1/", "no-name", "no name of a host"),
        ("GET", "https://canary.ctrkit.invalid/", "unknown-name", "nobody's"),
        ("GET", "https://localhost/", "unknown-name", "nobody's"),
        ("GET", "https://host.docker.internal/", "unknown-name", "nobody's"),
        ("GET", "http://a.org:443/", "unknown-name", "port 443 is for https"),
        ("GET", "https://a.org:80/", "scheme", "port 443 is for https"),
        ("TRACE", "https://a.org/", "method", "none that is ever let through"),
        ("get", "https://a.org/", "method", "none that is ever let through"),
    ] {
        left_out("", record(method, url, reason), says);
    }
}

/// What is in the log was chosen in the container.
#[test]
fn nothing_gets_out_of_a_comment() {
    let mut hostile = record("GET", "https://a.org/", "unknown-name");
    hostile["path"] =
        "/\"]\nname = \"*.evil.org\"\n[[passthrough]]\n\u{1b}[2J\u{202e}\u{7f}".into();
    hostile["time"] = "T\nschema".into();
    let text = learn(&Policy::default(), &[hostile.clone()]).text();
    assert!(text.contains("T\\u{a}schema GET https://a.org/\"]\\u{a}name"), "{text}");
    assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{text}");
    let written = policy::parse("x", &text).unwrap();
    assert_eq!(
        (written.rules.len(), written.rules[0].pattern.to_string()),
        (1, "a.org".to_owned())
    );
    hostile["path"] = "/".repeat(5000).into();
    assert!(learn(&Policy::default(), &[hostile]).text().lines().all(|line| line.len() < 400));
    let many: Vec<_> = (0..2000).map(|number| connect(&format!("n{number}.org"), 443)).collect();
    let proposal = learn(&Policy::default(), &many);
    assert_eq!(proposal.document().allow.len(), super::HOSTS);
    assert!(proposal.left_out()[0].contains("1500 of the log: more than 500 hosts"));
}

#[test]
fn what_is_allowed_is_passed_over_and_what_is_no_log_refused() {
    let mut allowed = record("GET", "https://a.org/", "x");
    allowed["decision"] = "allowed".into();
    let known = policy("[[allow]]\nname = \"*.a.org\"\n");
    let refused = record("GET", "https://b.a.org/", "unknown-name");
    let proposal = learn(&known, &[allowed, refused, json!({"time": "T", "kind": "lost"})]);
    assert!(proposal.is_empty());
    assert_eq!(proposal.left_out().len(), 1);
    for log in ["hello\n", "\n{}\n", "[]", "{\"kind\": 1}", "\u{0}"] {
        let known = Policy::default();
        let error = Lesson::new(&known).read(Path::new("l"), log.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), "no-log", "{log:?}");
        assert!(error.hint().is_some());
    }
    Lesson::new(&known).read(Path::new("l"), "".as_bytes()).unwrap();
}
