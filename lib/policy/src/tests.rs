//! Tests of reading, composing, narrowing and deciding.

use std::{fs, path::Path, time::Instant};

use toolkit::Failure;

use crate::{
    Decider, Decision, Entry, Library, Policy, PolicyError, Reason, Request, narrow,
    packages::Machine, parse, parse_foreign, split,
};

mod diff;
mod guard;

const HEAD: &str = "schema = \"policy/1\"\n";

fn policy(entries: &str) -> Policy {
    parse("p.toml", &format!("{HEAD}{entries}")).unwrap()
}

/// Returns what is decided on `METHOD URL`, where `ws` stands for a WebSocket.
fn decide(policy: &Policy, request: &str) -> String {
    let (method, url) = request.split_once(' ').unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (name, port) = rest.split_once(':').unwrap();
    let (scheme, websocket) = scheme.strip_prefix("ws+").map_or((scheme, false), |s| (s, true));
    let (port, target) = port.find('/').map_or((port, "/"), |at| port.split_at(at));
    let request = Request { scheme, name, port: port.parse().unwrap(), method, target, websocket };
    match Decider::new(policy).decide(&request) {
        Decision::Allowed(Entry::Rule(rule)) => rule.from.to_string(),
        Decision::Allowed(entry) => entry.to_string(),
        Decision::Refused { reason, .. } => reason.to_string(),
    }
}

#[track_caller]
fn check(policy: &Policy, cases: &[(&str, &str)]) {
    for (request, expected) in cases {
        assert_eq!(decide(policy, request), *expected, "{request}");
    }
}

#[track_caller]
fn refused(text: &str, kind: &str, says: &str) -> PolicyError {
    let error = parse("p.toml", text).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    assert!(error.hint().is_some());
    error
}

#[test]
fn what_is_not_named_is_refused_and_why_is_said() {
    let policy = policy(
        "[[allow]]\nname = \"a.org\"\n\
         [[allow]]\nname = \"*.b.org\"\nports = [443, 8443]\nmethods = [\"GET\"]\nwebsockets = true\n",
    );
    check(
        &policy,
        &[
            ("GET https://a.org:443", "p.toml:3"),
            ("GET https://A.ORG.:443", "p.toml:3"),
            ("PATCH http://a.org:80", "p.toml:3"),
            ("GET https://sub.a.org:443", "unknown-name"),
            ("GET https://a.org:8443", "port"),
            ("GET https://a.org:80", "scheme"),
            ("GET http://a.org:443", "scheme"),
            ("GET ftp://a.org:443", "scheme"),
            ("CONNECT https://a.org:443", "method"),
            ("trace https://a.org:443", "method"),
            ("GET ws+https://a.org:443", "websocket"),
            ("GET https://b.org:443", "p.toml:5"),
            ("GET http://x.y.b.org:8443", "p.toml:5"),
            ("GET ws+https://x.b.org:443", "p.toml:5"),
            ("POST https://x.b.org:443", "method"),
            ("get https://x.b.org:443", "method"),
            ("GET https://127.0.0.1:443", "no-name"),
            ("GET https://evil-b.org:443", "unknown-name"),
        ],
    );
}

#[test]
fn any_entry_that_lets_a_request_through_is_enough() {
    let policy = policy(
        "[[allow]]\nname = \"*.a.org\"\n[[allow]]\nname = \"x.a.org\"\nmethods = [\"GET\"]\n\
         [[passthrough]]\nname = \"pinned.a.org\"\n",
    );
    check(
        &policy,
        &[
            ("GET https://x.a.org:443", "p.toml:5"),
            ("POST https://x.a.org:443", "p.toml:3"),
            ("POST https://pinned.a.org:443", "p.toml:8"),
            ("POST http://pinned.a.org:80", "p.toml:3"),
            ("GET https://pinned.a.org:80", "scheme"),
        ],
    );
}

/// Entries, the kind of the error, and what it says.
const WRONG: &[(&str, &str, &str)] = &[
    ("[[allow]]\nname = \"a.org\"\nnmae = 1\n", "malformed-policy", "line 4: unknown key 'nmae'"),
    ("[[alow]]\nname = \"a.org\"\n", "malformed-policy", "line 2: unknown key 'alow'"),
    ("[[allow]]\nport = [1]\n", "malformed-policy", "no 'name'"),
    ("[[allow]]\nname = 1\n", "malformed-policy", "line 3: 'name' is a number"),
    ("[[allow]]\nname = \"a.org\"\nports = [0]\n", "malformed-policy", "line 4: 0 is not a port"),
    ("[[allow]]\nname = \"a.org\"\nports = []\n", "malformed-policy", "'ports' is empty"),
    ("[[allow]]\nname = \"a.org\"\nports = 443\n", "malformed-policy", "not a list"),
    ("[[allow]]\nname = \"a.org\"\nmethods = []\n", "malformed-policy", "'methods' is empty"),
    ("[[allow]]\nname = \"a.org\"\nmethods = [\"get\"]\n", "malformed-policy", "'get'"),
    ("[[allow]]\nname = \"a.org\"\nmethods = [\"CONNECT\"]\n", "malformed-policy", "never"),
    ("[[allow]]\nname = \"a.org\"\naddresses = [\"x\"]\n", "malformed-policy", "network"),
    ("[[allow]]\nname = \"a.org\"\nlog = \"no\"\n", "malformed-policy", "true or false"),
    ("[[passthrough]]\nname = \"a.org\"\nports = [80]\n", "malformed-policy", "TLS"),
    ("[[passthrough]]\nname = \"a.org\"\nmethods = [\"GET\"]\n", "malformed-policy", "methods"),
    ("allow = [1]\n", "malformed-policy", "expected a table"),
    ("[limits]\nlog_bytes = 1\n", "malformed-policy", "at least"),
    (
        "[[allow]]\nname = \"a.org\"\n[[allow]]\nname = \"A.org.\"\n",
        "duplicate-host-name",
        "line 3 and again at line 5",
    ),
    (
        "[[allow]]\nname = \"a.org\"\n[[passthrough]]\nname = \"a.org\"\n",
        "duplicate-host-name",
        "line 3",
    ),
    ("[[allow]]\nname = \"\"\n", "bad-host-name", "line 3: the name is empty"),
    ("[[allow]]\nname = \"*\"\n", "bad-host-name", "every name"),
    ("[[allow]]\nname = \"*.org\"\n", "bad-host-name", "top-level"),
    ("[[allow]]\nname = \"10.0.0.1\"\n", "bad-host-name", "address"),
    ("[[allow]]\nname = \"a b\"\n", "bad-host-name", "not the name"),
];

#[test]
fn a_policy_that_is_wrong_is_refused_with_its_line() {
    refused("", "empty-policy", "nothing");
    refused(" \n", "empty-policy", "nothing");
    refused(HEAD, "empty-policy", "nothing");
    refused("{\"schema\": \"policy/1\"}", "empty-policy", "nothing");
    refused("[[allow]]\nname = \"a.org\"\n", "malformed-policy", "schema");
    refused("schema = \"policy/2\"\n", "malformed-policy", "line 1: the schema is 'policy/2'");
    refused("schema = \n", "malformed-policy", "line 1");
    for (entries, kind, says) in WRONG {
        refused(&format!("{HEAD}{entries}"), kind, says);
    }
    let error = refused(
        &format!("{HEAD}[[allow]]\nname = \"bücher.example\"\n"),
        "bad-host-name",
        "line 3",
    );
    assert_eq!(error.hint().unwrap(), "write 'xn--bcher-kva.example'");
}

#[test]
fn json_is_read_as_strictly_with_lines() {
    let good = "{\"schema\": \"policy/1\",\n\"allow\": [\n{\"name\": \"a.org\"}]}";
    assert_eq!(parse("p.json", good).unwrap().rules[0].from.to_string(), "p.json:3");
    refused(
        "{\"schema\": \"policy/1\",\n\"allow\": [\n{\"nam\": \"a.org\"}]}",
        "malformed-policy",
        "line 3",
    );
    let twice =
        "{\"schema\": \"policy/1\",\n\"allow\": [\n{\"name\": \"a.org\",\n\"name\": \"b.org\"}]}";
    refused(twice, "malformed-policy", "duplicate key 'name'");
    refused("{\"schema\": \"policy/1\", \"allow\": null}", "malformed-policy", "null");
}

#[test]
fn a_policy_written_out_is_the_same_when_it_is_read() {
    let policy = policy(
        "[[allow]]\nname = \"*.b.org\"\nports = [443, 8443]\nmethods = [\"GET\"]\nwebsockets = true\n\
         addresses = [\"10.0.0.0/8\"]\nlog = false\nwhy = \"x\"\n[[passthrough]]\nname = \"p.org\"\n\
         [limits]\nlog_bytes = 70000\n",
    );
    let text = serde_json::to_string(&policy.document()).unwrap();
    assert_eq!(parse("other", &text).unwrap(), policy);
    assert!(policy.digest().unwrap().starts_with("sha256:"));
}

#[test]
fn policies_are_added_up_and_bounds_are_the_smaller_ones() {
    let mut sum =
        policy("[[allow]]\nname = \"a.org\"\n[limits]\nlog_files = 3\nlog_bytes = 90000\n");
    sum.add(
        parse(
            "q.toml",
            &format!(
                "{HEAD}[[allow]]\nname = \"a.org\"\nports = [8080]\n[limits]\nlog_files = 2\n"
            ),
        )
        .unwrap(),
    );
    check(&sum, &[("GET https://a.org:443", "p.toml:3"), ("GET http://a.org:8080", "q.toml:3")]);
    assert_eq!((sum.limits.log_files, sum.limits.log_bytes), (Some(2), Some(90000)));
}

fn widens(wide: &str, narrow: &str) -> Option<String> {
    let project = parse_foreign("project.toml", &format!("{HEAD}{narrow}")).unwrap();
    match policy(wide).narrow(project) {
        Ok(_) => None,
        Err(error) => {
            assert_eq!(error.kind(), "policy-widens");
            Some(error.to_string())
        }
    }
}

#[test]
fn a_project_narrows_and_never_widens() {
    let wide = "[[allow]]\nname = \"*.a.org\"\nmethods = [\"GET\", \"POST\"]\nports = [443, 8443]\n\
                addresses = [\"10.0.0.0/8\"]\n[[passthrough]]\nname = \"p.org\"\n[limits]\nlog_files = 2\n";
    for narrow in [
        "[[allow]]\nname = \"a.org\"\nmethods = [\"GET\"]\nports = [443]\n",
        "[[allow]]\nname = \"*.x.a.org\"\nmethods = [\"GET\", \"POST\"]\nports = [8443]\naddresses = [\"10.1.0.0/16\"]\n",
        "[[passthrough]]\nname = \"p.org\"\n",
    ] {
        assert_eq!(widens(wide, narrow), None, "{narrow}");
    }
    for (narrow, what) in [
        ("[[allow]]\nname = \"b.org\"\n", "the name of 'b.org'"),
        ("[[allow]]\nname = \"*.org.a.org.b.org\"\n", "the name"),
        ("[[allow]]\nname = \"a.org\"\nmethods = [\"GET\"]\n", "port 80"),
        ("[[allow]]\nname = \"a.org\"\nports = [443]\n", "every method"),
        ("[[allow]]\nname = \"a.org\"\nports = [443]\nmethods = [\"PUT\"]\n", "PUT"),
        (
            "[[allow]]\nname = \"a.org\"\nports = [443]\nmethods = [\"GET\"]\nwebsockets = true\n",
            "WebSocket",
        ),
        (
            "[[allow]]\nname = \"a.org\"\nports = [443]\nmethods = [\"GET\"]\naddresses = [\"127.0.0.0/8\"]\n",
            "network",
        ),
        ("[[passthrough]]\nname = \"a.org\"\n", "passthrough"),
        ("[[allow]]\nname = \"p.org\"\n", "the name"),
    ] {
        let error = widens(wide, narrow).unwrap_or_else(|| panic!("not refused: {narrow}"));
        assert!(error.contains(what) && error.contains("line 3"), "{error}");
    }
}

#[test]
fn a_project_cannot_hide_its_requests_or_raise_a_bound() {
    let wide = policy("[[allow]]\nname = \"*.a.org\"\n[limits]\nlog_files = 2\n");
    let project = "[[allow]]\nname = \"a.org\"\nlog = false\n[limits]\nlog_files = 9\n";
    let narrow = wide.narrow(parse("j.toml", &format!("{HEAD}{project}")).unwrap()).unwrap();
    assert!(narrow.rules[0].log);
    assert_eq!(narrow.limits.log_files, Some(2));
    let spoofed = format!("{HEAD}[[allow]]\nname = \"a.org\"\nfrom = \"other:1\"\n");
    assert_eq!(parse_foreign("j.toml", &spoofed).unwrap_err().kind(), "malformed-policy");
}

fn library(directory: &Path) -> Library {
    Library { directory: directory.to_owned(), machine: Machine::default(), more: Vec::new() }
}

fn compose(directory: &Path, names: &[&str]) -> Result<Policy, PolicyError> {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    library(directory).compose(&names)
}

#[test]
fn every_shipped_policy_is_sound_and_says_why() {
    let nowhere = Path::new("/nonexistent");
    for name in ["base", "claude", "github", "vscode"] {
        let policy = compose(nowhere, &[name]).unwrap();
        for rule in &policy.rules {
            let why = rule.why.as_deref().unwrap_or_default();
            assert!(why.len() > 20, "{name}: {}", rule.pattern);
        }
        let github = policy.github.map(|github| github.why.unwrap_or_default());
        assert!(github.is_none_or(|why| why.len() > 20), "{name}");
    }
    let both = compose(nowhere, &["claude+github", "github"]).unwrap();
    let single = ["claude", "github"].map(|name| compose(nowhere, &[name]).unwrap().rules.len());
    assert_eq!(both.rules.len(), single.iter().sum::<usize>());
}

#[test]
fn policies_are_found_by_name_and_by_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::write(path.join("mine.toml"), format!("{HEAD}[[allow]]\nname = \"a.org\"\n")).unwrap();
    fs::write(path.join("base.json"), "{\"schema\":\"policy/1\",\"allow\":[{\"name\":\"b.org\"}]}")
        .unwrap();
    let names = |policy: Policy| -> Vec<_> {
        policy.rules.iter().map(|rule| rule.pattern.to_string()).collect()
    };
    assert_eq!(names(compose(path, &["mine+base"]).unwrap()), ["a.org", "b.org"]);
    let file = path.join("mine.toml");
    assert_eq!(names(compose(path, &[file.to_str().unwrap()]).unwrap()), ["a.org"]);

    for name in ["other", "mine+other", "../mine", "/x.toml", "", "a b"] {
        let error = compose(path, &[name]).unwrap_err();
        assert_eq!(error.kind(), "policy-absent", "{name}");
        assert!(error.hint().unwrap().contains("base, claude, github, mine, packages, vscode"));
    }
    assert_eq!(compose(path, &[]).unwrap_err().kind(), "no-policy");
    fs::write(path.join("text.toml"), b"\xff").unwrap();
    assert_eq!(compose(path, &["text"]).unwrap_err().kind(), "not-utf-8");
    fs::write(path.join("large.toml"), vec![b'#'; 9 << 20]).unwrap();
    assert_eq!(compose(path, &["large"]).unwrap_err().kind(), "policy-too-large");
    fs::create_dir(path.join("dir.toml")).unwrap();
    assert_eq!(compose(path, &["dir"]).unwrap_err().kind(), "cannot-read-file");
}

#[test]
fn the_file_of_a_project_is_a_plain_file_or_absent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policy.toml");
    let wide = policy("[[allow]]\nname = \"*.a.org\"\n");
    assert_eq!(narrow(&wide, &path).unwrap(), None);
    fs::write(&path, format!("{HEAD}[[allow]]\nname = \"a.org\"\n")).unwrap();
    assert_eq!(narrow(&wide, &path).unwrap().unwrap().rules.len(), 1);
    let link = directory.path().join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(narrow(&wide, &link).unwrap_err().kind(), "cannot-read-file");
}

#[test]
fn names_are_split_and_files_are_not() {
    let split = |text: &str| split(&[text.to_owned()]);
    assert_eq!(split("a+b+a"), ["a", "b"]);
    assert_eq!(split("/x/a+b.toml"), ["/x/a+b.toml"]);
    assert_eq!(split("a+b.toml"), ["a+b.toml"]);
}

/// Ten thousand entries are read in well under a second, and a decision takes
/// no longer than with ten.
#[test]
fn the_length_of_the_list_does_not_matter() {
    use std::fmt::Write;

    let mut text = HEAD.to_owned();
    for number in 0..10_000 {
        let star = if number % 2 == 0 { "*." } else { "" };
        write!(text, "[[allow]]\nname = \"{star}n{number}.example.org\"\n").unwrap();
    }
    let start = Instant::now();
    let long = parse("long.toml", &text).unwrap();
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    let short = policy("[[allow]]\nname = \"*.n0.example.org\"\n[[allow]]\nname = \"b.org\"\n");
    let time = |policy: &Policy| {
        let decider = Decider::new(policy);
        let request = |name| Request {
            scheme: "https",
            name,
            port: 443,
            method: "GET",
            target: "/",
            websocket: false,
        };
        let once = || {
            let start = Instant::now();
            for _ in 0..2000 {
                assert!(matches!(
                    decider.decide(&request("x.n0.example.org")),
                    Decision::Allowed(_)
                ));
                let refused = decider.decide(&request("n0.example.com"));
                assert!(matches!(refused, Decision::Refused { reason: Reason::UnknownName, .. }));
            }
            start.elapsed()
        };
        (0..5).map(|_| once()).min().unwrap()
    };
    let (long, short) = (time(&long), time(&short));
    assert!(long < short * 8, "{long:?} for ten thousand entries, {short:?} for two");
}
