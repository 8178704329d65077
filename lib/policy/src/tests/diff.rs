//! Tests of the differences between two policies.

use document::policy::Operation;

use super::policy;
use crate::{
    Action, Decider, Decision, Entry, Policy, Request, clean,
    diff::{Asked, Grant, diff, differences},
    github, glob,
};

#[track_caller]
fn differ(old: &str, new: &str, expected: &[&str]) {
    let found = diff(&policy(old), &policy(new)).changes;
    let strip = |line: String| line.split(" (").next().unwrap_or_default().to_owned();
    let lines: Vec<_> = found.iter().map(|change| strip(change.to_string())).collect();
    assert_eq!(lines, expected, "{old}\n{new}");
}

#[test]
fn what_is_written_otherwise_and_means_the_same_is_no_difference() {
    let sames = [
        (
            "[[allow]]\nname = \"a.org\"\n",
            "[[allow]]\nname = \"A.org.\"\nports = [443, 80]\nwhy = \"x\"\n",
        ),
        (
            "[[allow]]\nname = \"*.a.org\"\n[[allow]]\nname = \"x.a.org\"\nmethods = [\"GET\"]\n",
            "[[allow]]\nname = \"*.a.org\"\n",
        ),
        (
            "[[allow]]\nname = \"a.org\"\npaths = [\"/a/**\", \"/a/b\"]\n",
            "[[allow]]\nname = \"a.org\"\npaths = [\"/a/**\"]\n",
        ),
        (
            "[github]\n",
            "[github]\nbranches = [\"*\"]\nhosts = [\"github.com\"]\n[[allow]]\nname = \"api.github.com\"\n",
        ),
        ("[github]\n", "[github.operations]\npush = \"allow\"\npr-merge = \"refuse\"\n"),
    ];
    for (one, other) in sames {
        differ(one, other, &[]);
        differ(other, one, &[]);
    }
}

#[test]
fn what_one_lets_through_and_the_other_does_not_is_said() {
    let allow = "[[allow]]\nname = \"a.org\"\nmethods = [\"GET\"]\n";
    differ(
        allow,
        &allow.replace("GET", "POST"),
        &["+ request a.org POST on 80,443", "- request a.org GET on 80,443"],
    );
    differ(allow, &allow.replace("a.org", "*.a.org"), &["+ request *.a.org GET on 80,443"]);
    differ(allow, "[[allow]]\nname = \"a.org\"\n", &["+ request a.org any method on 80,443"]);
    differ(
        allow,
        &format!("{allow}websockets = true\n"),
        &["+ request a.org GET as a WebSocket on 80,443"],
    );
    differ(
        allow,
        &format!("{allow}paths = [\"/a\"]\nports = [443]\naddresses = [\"10.0.0.0/8\"]\n"),
        &["- request a.org GET on 80,443", "+ address a.org in 10.0.0.0/8"],
    );
    differ(
        "[[allow]]\nname = \"a.org\"\nports = [8443]\n",
        "[[passthrough]]\nname = \"a.org\"\nports = [8443]\n",
        &["- request a.org any method on http 8443", "+ passthrough a.org on 8443"],
    );
    differ(
        &format!("{allow}[limits]\nrequest_bytes = 5\n"),
        &format!("{allow}[limits]\nrequest_bytes = 9\n"),
        &["+ body 9"],
    );
}

#[test]
fn github_is_compared_by_what_may_be_done_there() {
    differ(
        "[github]\n",
        "[github]\nprotected = [\"main\", \"x\"]\nrepositories = [\"me/*\"]\n[github.operations]\npr-merge = \"allow\"\npush = \"refuse\"\n",
        &[
            "+ operation pr-merge",
            "- operation push",
            "- repository */*",
            "- node any",
            "+ branch develop",
            "+ branch gh-pages",
            "+ branch master",
            "+ branch production",
            "+ branch release/*",
            "+ branch releases/*",
            "+ branch trunk",
            "- branch x",
        ],
    );
    // What was open and is guarded lets less through, and nothing more.
    differ(
        "[[allow]]\nname = \"*.github.com\"\nports = [443]\n[[allow]]\nname = \"github.com\"\nports = [443]\n",
        "[[allow]]\nname = \"*.github.com\"\nports = [443]\n[github]\n",
        &[
            "- request api.github.com any method on 443",
            "- request github.com any method on 443",
            "- request uploads.github.com any method on 443",
        ],
    );
    let secret = "[[secret]]\nhost = \"github.com\"\nheader = \"A\"\nfile = \"/t\"\n";
    differ("[github]\n", &format!("[github]\n{secret}"), &["+ secret github.com.a Raw /t"]);
}

/// A generator whose numbers are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn one<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// Returns `KEY = [...]` with some of `from`, or nothing.
    fn list(&mut self, key: &str, from: &[&str]) -> String {
        let items: Vec<_> = from.iter().filter(|_| self.below(3) == 0).copied().collect();
        if items.is_empty() { String::new() } else { format!("{key} = [{}]\n", items.join(", ")) }
    }
}

const NAMES: [&str; 7] =
    ["a.org", "x.a.org", "*.a.org", "*.x.a.org", "github.com", "api.github.com", "*.github.com"];
const PATHS: [&str; 5] = ["\"/a\"", "\"/a/**\"", "\"/*\"", "\"/a/*\"", "\"/a*/b\""];
const OPERATIONS: [&str; 4] = ["push", "pr-merge", "pr-write", "gist"];

fn random_policy(dice: &mut Dice) -> Policy {
    let mut text = String::new();
    let guards = dice.below(2) == 0;
    for name in NAMES {
        let through = dice.below(6) == 0;
        if dice.below(3) > 0 || (through && guards && name.contains("github")) {
            continue;
        }
        let kind = if through { "passthrough" } else { "allow" };
        let ports: &[&str] = if through { &["443", "8443"] } else { &["80", "443", "8443"] };
        text += &format!("[[{kind}]]\nname = \"{name}\"\n{}", dice.list("ports", ports));
        if !through {
            text += &dice.list("methods", &["\"GET\"", "\"POST\""]);
            text += &dice.list("paths", &PATHS);
            text += dice.one(&["", "", "websockets = true\n"]);
        }
    }
    if guards || text.is_empty() {
        text += "[github]\n";
        text += &dice.list("repositories", &["\"me/*\"", "\"me/x\"", "\"*/x\""]);
        text += &dice.list("branches", &["\"bot/*\"", "\"*\"", "\"main\"", "\"refs/tags/*\""]);
        text += &dice.list("protected", &["\"main\"", "\"bot/*\"", "\"m*\""]);
        text += "[github.operations]\n";
        for name in OPERATIONS {
            let said =
                ["".to_owned(), format!("{name} = \"allow\"\n"), format!("{name} = \"refuse\"\n")];
            text += &said[dice.below(3)];
        }
    }
    policy(&text)
}

/// A request, and what it does if it goes to GitHub.
#[derive(Debug)]
struct Question {
    request: Request<'static>,
    action: Option<Action<'static>>,
}

fn random_question(dice: &mut Dice) -> Question {
    let hosts =
        ["a.org", "x.a.org", "y.x.a.org", "github.com", "api.github.com", "gist.github.com"];
    let operation = crate::find_operation(dice.one(&OPERATIONS)).unwrap();
    let action = Action {
        operation,
        repository: Some(dice.one(&["me/x", "me/y", "you/x", "you/y"])),
        branch: Some(dice.one(&["main", "bot/1", "mine", "refs/tags/v1"])),
    };
    Question {
        request: Request {
            scheme: dice.one(&["https", "https", "http"]),
            name: dice.one(&hosts),
            port: [443, 443, 80, 8443][dice.below(4)],
            method: dice.one(&["GET", "POST", "PUT"]),
            target: dice.one(&["/a", "/b", "/a/b", "/a/c", "/a/b/c", "/ab/b", "/", "/a/../b"]),
            websocket: dice.below(4) == 0,
        },
        action: (dice.below(2) == 0).then_some(action),
    }
}

fn is_allowed(policy: &Policy, question: &Question) -> bool {
    match Decider::new(policy).decide(&question.request) {
        Decision::Allowed(Entry::Rule(_)) => true,
        Decision::Allowed(Entry::Github(github)) => {
            question.action.is_none_or(|action| github.objection(&action).is_none())
        }
        Decision::Refused { .. } => false,
    }
}

/// Says whether `grant` is about `question`.
fn concerns(grant: &Grant, question: &Question) -> bool {
    let request = &question.request;
    let action = question.action;
    let has = |asked: &Asked| {
        let path = clean(request.target);
        asked.name.matches(request.name)
            && (asked.port, asked.secure) == (request.port, request.scheme == "https")
            && asked.websocket == request.websocket
            && asked.method.as_ref().is_none_or(|method| method == request.method)
            && asked.path.as_ref().is_none_or(|one| path.is_some_and(|path| one.matches(&path)))
    };
    match grant {
        Grant::Request(asked) => has(asked),
        Grant::Passthrough { name, port } => {
            name.matches(request.name) && *port == request.port && request.scheme == "https"
        }
        Grant::Host(host) => host == request.name,
        Grant::Operation(one) => action.is_some_and(|action| action.operation == *one),
        Grant::Repository(one) => action
            .and_then(|action| action.repository)
            .is_some_and(|name| github::is_within(one, name)),
        Grant::Branch(one) => action
            .filter(|action| action.operation == Operation::Push)
            .and_then(|action| action.branch)
            .is_some_and(|name| glob::matches(one, &github::full_ref(name))),
        Grant::Address { .. } | Grant::Node(_) | Grant::Secret(_) | Grant::Body(_) => false,
    }
}

#[test]
fn whatever_is_decided_otherwise_is_in_the_difference() {
    let mut dice = Dice(0x5eed_1234_5678_9abc);
    let mut counts = [0; 2];
    for _ in 0..1500 {
        let (old, new) = (random_policy(&mut dice), random_policy(&mut dice));
        let (more, less) = differences(&old, &new);
        for _ in 0..40 {
            let question = random_question(&mut dice);
            let (before, after) = (is_allowed(&old, &question), is_allowed(&new, &question));
            let is_said = match (before, after) {
                (false, true) => more.keys().any(|grant| concerns(grant, &question)),
                (true, false) => less.keys().any(|grant| concerns(grant, &question)),
                _ => continue,
            };
            counts[usize::from(after)] += 1;
            assert!(is_said, "{question:?}\n{old:?}\n{new:?}\n{more:?}\n{less:?}");
        }
        let (more, less) = differences(&old, &old);
        assert!(more.is_empty() && less.is_empty(), "{old:?}");
    }
    // The generator is one that makes differences.
    assert!(counts.iter().all(|count| *count > 1000), "{counts:?}");
}
