//! Tests of the filter as text, of foreign filters, and of answers.

use std::path::Path;

use document::Container;
use policy::Policy;
use serde_json::json;
use toolkit::Failure;

use crate::{
    Error, Force, Target, check, fill,
    filter::{parse, render},
    foreign,
    python::{Literal, assigned},
};

fn policy(entries: &str) -> Policy {
    policy::parse("p.toml", &format!("schema = \"policy/1\"\n{entries}")).unwrap()
}

/// A policy whose texts try to end the literal that they stand in.
fn hostile() -> Policy {
    policy(
        r#"[[allow]]
name = "a.org"
why = "''' \"\"\" \\ \\' \n @DIGEST@ @POLICY@ é 日本 𝄞 '''\nimport os"
"#,
    )
}

#[test]
fn a_filter_gives_its_policy_back() {
    for policy in
        [hostile(), policy("[[passthrough]]\nname = \"*.b.org\"\n[limits]\nlog_files = 2\n")]
    {
        let text = render(&policy, Some("dev-a")).unwrap();
        assert_eq!(parse(Path::new("f"), &text).unwrap().unwrap(), policy);
    }
}

#[test]
fn the_data_cannot_get_out_of_its_literal() {
    let text = render(&hostile(), None).unwrap();
    let plain = render(&policy("[[allow]]\nname = \"b.org\"\n"), None).unwrap();
    let around = |text: &str| {
        let (before, rest) = text.split_once("\nPOLICY = r'''\n").unwrap();
        let (data, after) = rest.split_once("\n'''\n").unwrap();
        assert!(data.is_ascii() && !data.contains('\'') && data.ends_with('}'), "{data}");
        let (_, before) = before.split_once("sha256:").unwrap();
        (before[64..].to_owned(), after.to_owned())
    };
    assert_eq!(around(&text), around(&plain));
}

#[test]
fn a_filter_that_was_changed_is_refused_wherever_it_was() {
    let text = render(&hostile(), None).unwrap();
    for at in (0..text.len()).step_by(97).filter(|at| text.is_char_boundary(*at)) {
        let cut = parse(Path::new("f"), &text[..at]);
        assert!(
            cut.as_ref().is_err_and(|error| error.kind() == "filter-changed") || at < 64,
            "{at}"
        );
    }
    let edited = text.replacen("a.org", "b.org", 1);
    assert_eq!(parse(Path::new("f"), &edited).unwrap_err().kind(), "filter-changed");
    assert!(parse(Path::new("f"), "x = 1\n").unwrap().is_none());
}

#[track_caller]
fn literal(text: &str, expected: Result<&str, &str>) {
    let found =
        assigned(text, "X").map(|value| value.map(|value| show(&value)).unwrap_or_default());
    assert_eq!(found.as_deref().map_err(|stumble| stumble.problem), expected, "{text}");
}

fn show(value: &Literal) -> String {
    match value {
        Literal::Text(text, line) => format!("{text:?}@{line}"),
        Literal::Boolean(value) => value.to_string(),
        Literal::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
        }
        Literal::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| format!("{}:{}", show(key), show(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(" "))
        }
        Literal::Other => "?".to_owned(),
    }
}

#[test]
fn literals_of_python_are_read() {
    literal("X = []", Ok("[]"));
    literal("X: list[str] = [\n  'a', # c\n  \"b\"\n  'c',\n]\nY = 1", Ok("[\"a\"@2 \"bc\"@3]"));
    literal("X = (r'a', b\"b\", '''c\nd''')", Ok("[\"a\"@1 \"b\"@1 \"c\\nd\"@1]"));
    literal("X = {'a': True, \"b\": None, 'c': -1.5,}", Ok("{\"a\"@1:true \"b\"@1:? \"c\"@1:?}"));
    literal("X = {'a', 'b'}", Ok("[\"a\"@1 \"b\"@1]"));
    literal("Y = 1\nXY = [1]\nX == [2]\n", Ok(""));
    literal("if 1:\n    X = [1]\n", Ok(""));
}

#[test]
fn what_would_have_to_be_run_is_not_read() {
    for (text, problem) in [
        ("X = [os.environ['A']]", "it is computed"),
        ("X = [f'{a}']", "a string is computed"),
        ("X = ['a\\n']", "a string has a backslash"),
        ("X = ['a", "a string does not end"),
        ("X = ['a\n']", "a string does not end"),
        ("X = ['a' 1]", "a comma is missing"),
        ("X = ['a', *b]", "it is not a literal"),
        ("X = [", "it is not a literal"),
    ] {
        literal(text, Err(problem));
    }
    literal(&format!("X = {}", "[".repeat(100)), Err("it is nested too deeply"));
}

const FOREIGN: &str = r#"
from mitmproxy import http
ALLOWED_DOMAINS = [
    "api.example.org",
    {"domain": "*.Quiet.example.org", "log": False},
    "api.example.org",  # twice
    "pinned.example.org",
]
PASSTHROUGH_DOMAINS = ["pinned.example.org"]
BLOCK_GITHUB_PR_MERGE = True
"#;

#[test]
fn a_foreign_filter_is_read_with_its_strings_and_objects() {
    let found = foreign::parse(Path::new("f.py"), FOREIGN).unwrap();
    assert_eq!(found.warnings.len(), 0);
    let found = serde_json::to_value(&found.policy).unwrap();
    assert_eq!(
        found["allow"],
        json!([
            {"name": "api.example.org", "from": "f.py:4"},
            {"name": "*.quiet.example.org", "log": false, "from": "f.py:5"},
        ])
    );
    assert_eq!(found["passthrough"], json!([{"name": "pinned.example.org", "from": "f.py:9"}]));
    assert!(policy::parse("x", &found.to_string()).is_ok());
}

#[test]
fn a_foreign_filter_that_blocks_merging_guards_github() {
    let parse = |lists: &str| {
        let text = format!("{lists}\nBLOCK_GITHUB_PR_MERGE = True\n");
        let found = foreign::parse(Path::new("f.py"), &text).unwrap();
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
        policy::parse("f.json", &serde_json::to_string(&found.policy).unwrap()).unwrap()
    };
    let guarded = parse("ALLOWED_DOMAINS = ['*.github.com']");
    answers(&guarded, &[("pr-merge", "refused operation by f.json:1 [github]")]);
    let through = "ALLOWED_DOMAINS = ['*.github.com']\nPASSTHROUGH_DOMAINS = ['*.github.com']";
    assert_eq!(parse(through).github, None);
}

#[test]
fn a_foreign_filter_that_cannot_be_read_says_where() {
    let parse = |text: &str| foreign::parse(Path::new("f.py"), text).unwrap_err();
    assert_eq!(parse("x = 1\n").kind(), "no-filter");
    let error = parse("\nALLOWED_DOMAINS = [\n  f'{a}',\n]\n");
    assert!(error.to_string().contains("line 3"), "{error}");
    let error = parse("ALLOWED_DOMAINS = ['*']\n");
    assert!(matches!(error, Error::Part(_)) && error.kind() == "bad-host-name");
}

#[test]
fn a_url_is_split_and_nothing_in_it_interpreted() {
    let target = |text: &str| Target::parse(text).map(|target| format!("{target:?}")).ok();
    assert_eq!(target("https://a.org"), target("https://a.org:443/"));
    assert!(target("https://a.org/x?y#z").unwrap().contains("target: \"/x?y\""));
    assert_eq!(target("wss://a.org:8443").unwrap().matches("true").count(), 1);
    assert!(target("http://[::1]:1/").unwrap().contains("\"::1\""));
    for text in
        ["a.org", "https://a.org:x", "https://a.org:70000", "https://u@a.org", "https://[::1"]
    {
        assert_eq!(target(text), None, "{text}");
    }
}

#[test]
fn an_answer_names_the_rule_and_its_line() {
    let policy = policy(
        "[[allow]]\nname = \"*.a.org\"\nmethods = [\"GET\"]\n[[passthrough]]\nname = \"p.org\"\n",
    );
    let answer = |method: &str, url: &str| check(&policy, method, url).unwrap().line;
    assert_eq!(
        answer("GET", "https://x.a.org/"),
        "allowed GET https://x.a.org/ allow by p.toml:3 *.a.org"
    );
    assert_eq!(
        answer("PUT", "https://a.org/"),
        "refused PUT https://a.org/ method by p.toml:3 *.a.org"
    );
    assert_eq!(
        answer("GET", "https://p.org/"),
        "allowed GET https://p.org/ passthrough by p.toml:6 p.org"
    );
    assert_eq!(answer("GET", "https://b.org/"), "refused GET https://b.org/ unknown-name");
    assert_eq!(
        answer("GET", "https://bücher.a.org/"),
        "refused GET https://bücher.a.org/ no-name (it is sent as xn--bcher-kva.a.org)"
    );
}

/// The end of the line that answers, without the question.
#[track_caller]
fn answers(policy: &Policy, cases: &[(&str, &str)]) {
    for (question, expected) in cases {
        let (method, url) = question.split_once(' ').unwrap_or(("", question));
        let answer = check(policy, method, url).unwrap();
        let (verdict, rest) = answer.line.split_once(' ').unwrap();
        let reason = rest.strip_prefix(question).unwrap();
        assert_eq!(format!("{verdict}{reason}"), *expected, "{question}");
        assert_eq!(answer.allowed, verdict == "allowed");
    }
}

#[test]
fn what_is_done_on_github_is_explained() {
    let policy = policy(
        "[github]\nrepositories = [\"me/*\"]\n[github.operations]\npr-write = \"allow\"\n\
         contents-write = \"allow\"\n",
    );
    answers(
        &policy,
        &[
            ("GET https://api.github.com/repos/x/y", "allowed read by p.toml:2 [github]"),
            ("GET https://api.github.com/a%2Fb%3Fc", "allowed read by p.toml:2 [github]"),
            ("GET https://api.github.com/a//b", "refused path by p.toml:2 [github]"),
            (
                "PUT https://api.github.com/repos/me/x/pulls/1/merge?x",
                "refused operation pr-merge by p.toml:2 [github]",
            ),
            (
                "POST https://api.github.com/repos/me/x/pulls",
                "allowed pr-write by p.toml:5 [github]",
            ),
            (
                "POST https://api.github.com/repos/you/x/pulls",
                "refused repository pr-write by p.toml:5 [github]",
            ),
            (
                "POST https://api.github.com/repos/me/x/pulls/1/reviews",
                "depends pr-write by p.toml:5 [github] (on whether it approves)",
            ),
            (
                "PUT https://api.github.com/repos/me/x/contents/a",
                "depends contents-write by p.toml:6 [github] (on the branch)",
            ),
            (
                "POST https://api.github.com/graphql",
                "depends read by p.toml:2 [github] (on what its GraphQL asks for)",
            ),
            ("POST https://github.com/x/y/git-upload-pack", "allowed read by p.toml:2 [github]"),
            (
                "POST https://github.com/you/y.git/git-receive-pack",
                "refused repository push by p.toml:2 [github]",
            ),
            (
                "PUT https://api.github.com/repos/me/x/pulls/1%2Fmerge",
                "refused operation pr-merge by p.toml:2 [github]",
            ),
            ("POST https://api.github.com/repos/me/a+b/pulls", "refused path by p.toml:2 [github]"),
            ("GET https://api.github.com/graphql?query=x", "refused unclear by p.toml:2 [github]"),
            ("PURGE https://api.github.com/", "refused unclear by p.toml:2 [github]"),
            ("GET https://api.github.com:8443/", "refused port by p.toml:2 [github]"),
        ],
    );
}

#[test]
fn an_operation_is_explained_by_its_name() {
    let guarded = policy(
        "[github]\nrepositories = [\"me/*\"]\nprotected = [\"main\"]\n[github.operations]\n\
         contents-write = \"allow\"\n",
    );
    answers(
        &guarded,
        &[
            ("pr-merge", "refused operation by p.toml:2 [github]"),
            ("pr-write", "allowed allow by p.toml:2 [github] (in me/*)"),
            ("push", "allowed allow by p.toml:2 [github] (in me/*; to *; not to main)"),
            ("push:me/x:main", "refused branch by p.toml:2 [github]"),
            ("push:me/x:a:b", "refused branch by p.toml:2 [github]"),
            ("push:me/x:a/b", "allowed allow by p.toml:2 [github]"),
            ("push:you/x", "refused repository by p.toml:2 [github]"),
            (
                "contents-write:me/x",
                "refused branch by p.toml:6 [github] (without a branch it writes to the default one)",
            ),
        ],
    );
    let open = policy("[[allow]]\nname = \"api.github.com\"\n");
    answers(
        &open,
        &[
            (
                "pr-merge",
                "allowed allow by p.toml:3 api.github.com \
                 (nothing tells it from other requests: there is no [github])",
            ),
            ("push", "refused unknown-name"),
        ],
    );
    for (text, hint) in [("pr-merg", "pr-merge"), ("a.org", "https://"), ("push:x", "https://")] {
        let error = check(&guarded, "", text).unwrap_err();
        assert_eq!(error.kind(), "bad-url");
        assert!(error.hint().unwrap().contains(hint), "{text}: {:?}", error.hint());
    }
}

#[test]
fn the_document_says_what_is_in_force() {
    let text = json!({
        "schema": "container/1", "name": "dev-a", "project": {"path": "/a", "name": "a", "hash": "1"},
        "isolation": {"mode": "old", "x-note": 1},
    });
    let mut document: Container = serde_json::from_value(text).unwrap();
    let policy = policy(
        "[[allow]]\nname = \"b.org\"\n[[allow]]\nname = \"a.org\"\n[[passthrough]]\nname = \"p.org\"\n\
         [[secret]]\nhost = \"a.org\"\nheader = \"X-Key\"\nfile = \"~/k\"\nenv = \"KEY\"\n",
    );
    let names = vec!["mine".to_owned()];
    let force = Force { names, narrowed_by: None, policy, home: Some("/home/me".into()) };
    fill(&mut document, &force, "/s/filter.py".into()).unwrap();
    let section = serde_json::to_value(document.isolation.unwrap()).unwrap();
    assert_eq!(section["allow"], json!(["a.org", "b.org"]));
    assert_eq!(section["passthrough"], json!(["p.org"]));
    let secret = json!({"id": "a.org.x-key", "host": "a.org", "header": "X-Key", "file": "/home/me/k", "env": "KEY"});
    assert_eq!(section["secrets"], json!([secret]));
    assert_eq!((&section["mode"], &section["x-note"]), (&json!("proxy"), &json!(1)));
}
