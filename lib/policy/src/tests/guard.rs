//! Tests of `[github]`, `[[secret]]` and paths.

use document::policy::Operation;
use toolkit::Failure;

use super::{HEAD, check, policy, refused, widens};
use crate::{Action, Policy, parse, parse_foreign};

/// Returns what speaks against `OPERATION[ OWNER/REPO[ BRANCH]]`.
fn ask(policy: &Policy, question: &str) -> String {
    let mut words = question.split(' ');
    let operation = crate::find_operation(words.next().unwrap()).unwrap();
    let action = Action { operation, repository: words.next(), branch: words.next() };
    let reason = policy.github.as_ref().unwrap().objection(&action);
    reason.map_or_else(|| "allowed".to_owned(), |reason| reason.to_string())
}

#[track_caller]
fn asked(policy: &Policy, cases: &[(&str, &str)]) {
    for (question, expected) in cases {
        assert_eq!(ask(policy, question), *expected, "{question}");
    }
}

#[test]
fn a_guarded_host_is_open_on_one_port_and_by_nothing_else() {
    let policy = policy(
        "[[allow]]\nname = \"*.github.com\"\nports = [80, 443, 8443]\nwebsockets = true\n\
         [github]\nhosts = [\"github.com\", \"Corp.GHE.com\", \"git.corp.example\"]\n",
    );
    check(
        &policy,
        &[
            ("GET https://github.com:443", "p.toml:6 [github]"),
            ("PUT https://API.github.com.:443/x", "p.toml:6 [github]"),
            ("POST https://uploads.corp.ghe.com:443", "p.toml:6 [github]"),
            ("GET https://git.corp.example:443", "p.toml:6 [github]"),
            ("GET https://api.git.corp.example:443", "unknown-name"),
            ("GET https://api.github.com:8443", "port"),
            ("GET http://api.github.com:80", "port"),
            ("GET http://api.github.com:443", "scheme"),
            ("TRACE https://api.github.com:443", "method"),
            ("GET ws+https://api.github.com:443", "websocket"),
            ("GET ws+https://gist.github.com:8443", "p.toml:3"),
        ],
    );
}

#[test]
fn what_is_not_said_is_as_usual() {
    let policy = policy("[github]\n");
    for operation in Operation::ALL {
        let expected = ["pr-write", "issue-write", "push"].contains(&operation.name());
        assert_eq!(ask(&policy, operation.name()) == "allowed", expected, "{operation}");
    }
    asked(
        &policy,
        &[
            ("push me/x feature/a", "allowed"),
            ("push me/x main", "branch"),
            ("push me/x MAIN", "branch"),
            ("push me/x refs/heads/refs/heads/main", "branch"),
            ("push me/x release/1/2", "branch"),
            ("push me/x refs/tags/v1", "branch"),
            ("push me/x a..b~", "branch"),
        ],
    );
}

#[test]
fn what_is_said_is_heard() {
    let policy = policy(
        "[github]\nrepositories = [\"Me/*\", \"*/x-*\"]\nbranches = [\"bot/*\", \"refs/tags/*\"]\n\
         protected = [\"bot/no\"]\n[github.operations]\npush = \"allow\"\npr-write = \"refuse\"\n\
         contents-write = \"allow\"\ngist = \"allow\"\n",
    );
    asked(
        &policy,
        &[
            ("pr-write me/x", "operation"),
            ("push you/y", "repository"),
            ("push ME/Y.git bot/1", "allowed"),
            ("push you/x-1 bot/1", "allowed"),
            ("push me/y bot/no", "branch"),
            ("push me/y main", "branch"),
            ("push me/y refs/tags/v1", "allowed"),
            ("contents-write me/y bot/1", "allowed"),
            ("contents-write me/y", "branch"),
            ("gist you/y", "allowed"),
        ],
    );
    let free = super::policy("[github]\nprotected = []\n");
    asked(&free, &[("push me/x main", "allowed")]);
}

/// What the filter gets has no gaps, and reading it back changes nothing.
#[test]
fn the_document_is_whole() {
    let policy = policy(
        "[[allow]]\nname = \"a.org\"\npaths = [\"/b/**\", \"/@*%2F*\"]\n\
         [github]\nbranches = [\"bot/*\", \"refs/heads/refs/x\", \"refs/tags/v*\"]\n\
         [[secret]]\nhost = \"API.github.com\"\nheader = \"Authorization\"\nfile = \"~/t\"\n\
         form = \"basic\"\nenv = \"GH_TOKEN\"\n",
    );
    let document = policy.document();
    let github = document.github.as_ref().unwrap();
    assert_eq!(github.hosts, ["github.com"]);
    assert_eq!(github.nodes, Some(Vec::new()));
    assert_eq!(github.branches, ["bot/*", "refs/heads/refs/x", "refs/tags/v*"]);
    assert_eq!(github.protected.as_ref().unwrap().len(), 8);
    assert_eq!(github.operations.0.len(), Operation::ALL.len());
    assert_eq!(github.from.as_deref(), Some("p.toml:5"));
    assert_eq!(document.allow[0].paths, ["/@*%2F*", "/b/**"]);
    assert_eq!(document.secret[0].user.as_deref(), Some("x-access-token"));
    assert_eq!(document.secret[0].from.as_deref(), Some("p.toml:7"));
    assert_eq!(policy.secrets[0].id(), "api.github.com.authorization");
    let noted = policy.secrets[0].noted(Some("/home/me".as_ref())).unwrap();
    assert!(policy.secrets[0].noted(None).is_none());
    assert_eq!(noted.file.to_str(), Some("/home/me/t"));
    let text = serde_json::to_string(&document).unwrap();
    assert_eq!(parse("other", &text).unwrap().document(), document);
}

#[test]
fn a_path_is_one_more_bound() {
    let policy = policy(
        "[[allow]]\nname = \"a.org\"\nmethods = [\"GET\"]\npaths = [\"/v2/*/x\", \"/s/**\"]\n\
         [[allow]]\nname = \"*.a.org\"\nmethods = [\"POST\"]\n",
    );
    check(
        &policy,
        &[
            ("GET https://a.org:443/v2/b/x?y", "p.toml:3"),
            ("GET https://a.org:443/v2/b/y", "path"),
            ("GET https://a.org:443/s/../v2/b/x", "path"),
            ("GET https://a.org:443/s/%2e%2e/q", "path"),
            ("POST https://a.org:443/s/%2e%2e/q", "p.toml:7"),
            ("PUT https://a.org:443/s/a", "method"),
        ],
    );
}

/// Entries, the kind of the error, and what it says.
const WRONG: &[(&str, &str, &str)] = &[
    ("[github]\nhost = \"x\"\n", "malformed-policy", "unknown key 'host'"),
    ("[github]\nhosts = []\n", "malformed-policy", "'hosts' is empty"),
    ("[github]\nhosts = [1]\n", "malformed-policy", "'hosts' has a number"),
    ("[github]\nhosts = [\"10.0.0.1\"]\n", "bad-host-name", "line 3"),
    ("[github]\nhosts = [\"*.ghe.com\"]\n", "malformed-policy", "not one host"),
    ("[github]\nhosts = [\"api.github.com\"]\n", "malformed-policy", "goes with 'github.com'"),
    ("[github]\nhosts = [\"api.x.ghe.com\"]\n", "malformed-policy", "'x.ghe.com'"),
    ("[github]\nhosts = [\"ghe.com\"]\n", "malformed-policy", "NAME.ghe.com"),
    ("[github]\nrepositories = [\"me\"]\n", "malformed-policy", "line 3: the repository 'me'"),
    ("[github]\nrepositories = [\"me/a/b\"]\n", "malformed-policy", "after '/'"),
    ("[github]\nrepositories = [\"/a\"]\n", "malformed-policy", "before '/'"),
    ("[github]\nrepositories = [\"me/a.git\"]\n", "malformed-policy", "'.git'"),
    ("[github]\nrepositories = [\"me/..\"]\n", "malformed-policy", "not the name"),
    ("[github]\nrepositories = [\"m[e]/a\"]\n", "malformed-policy", "before '/'"),
    ("[github]\nnodes = [\"a b\"]\n", "malformed-policy", "not a node id"),
    ("[github]\nbranches = [\"\"]\n", "malformed-policy", "not a branch"),
    ("[github]\nbranches = [\"a[b]\"]\n", "malformed-policy", "'*' alone"),
    ("[github]\nbranches = [\"a?\"]\n", "malformed-policy", "'*' alone"),
    ("[github]\nprotected = [\"/main\"]\n", "malformed-policy", "begins"),
    ("[github]\nprotected = [\"a\\u001b\"]\n", "malformed-policy", "\\u{1b}"),
    ("[github]\naddresses = [\"x\"]\n", "malformed-policy", "network"),
    ("[github.operations]\npr-merg = \"allow\"\n", "malformed-policy", "'pr-merge' resembles it"),
    ("[github.operations]\npr_merge = \"allow\"\n", "malformed-policy", "'pr-merge' resembles it"),
    ("[github.operations]\nxyzzy = \"allow\"\n", "malformed-policy", "line 3: unknown operation"),
    ("[github.operations]\nread = \"refuse\"\n", "malformed-policy", "reading cannot"),
    ("[github.operations]\npush = true\n", "malformed-policy", "'push' is true or false, not"),
    ("[github.operations]\npush = \"Allow\"\n", "malformed-policy", "'push' is 'Allow', not"),
    ("[github]\n[github]\n", "malformed-policy", "duplicate"),
    ("[[github]]\n", "malformed-policy", "expected a table"),
    ("[[allow]]\nname = \"a.org\"\npaths = []\n", "malformed-policy", "'paths' is empty"),
    ("[[allow]]\nname = \"a.org\"\npaths = [\"a\"]\n", "malformed-policy", "line 4: the path 'a'"),
    ("[[allow]]\nname = \"a.org\"\npaths = [\"/a/\"]\n", "malformed-policy", "at its end"),
    ("[[allow]]\nname = \"a.org\"\npaths = [\"/**/a\"]\n", "malformed-policy", "last segment"),
    ("[[allow]]\nname = \"a.org\"\npaths = [\"/%61\"]\n", "malformed-policy", "as it reads"),
    ("[[passthrough]]\nname = \"a.org\"\npaths = [\"/a\"]\n", "malformed-policy", "paths"),
];

/// Keys of a secret for `a.org`, the kind of the error, and what it says.
const BAD_SECRETS: &[(&str, &str, &str)] = &[
    ("header = \"A\"\n", "malformed-policy", "no 'file'"),
    ("file = \"/t\"\n", "malformed-policy", "no 'header'"),
    ("header = \"A B\"\nfile = \"/t\"\n", "malformed-policy", "not the name of a header"),
    ("header = \"A\\r\\nB\"\nfile = \"/t\"\n", "malformed-policy", "'A\\r\\nB'"),
    ("header = \"X_Key\"\nfile = \"/t\"\n", "malformed-policy", "not the name of a header"),
    ("header = \"\"\nfile = \"/t\"\n", "malformed-policy", "not the name of a header"),
    ("header = \"Host\"\nfile = \"/t\"\n", "malformed-policy", "where a request goes"),
    ("header = \"content-length\"\nfile = \"/t\"\n", "malformed-policy", "where a request goes"),
    ("header = \"Transfer-Encoding\"\nfile = \"/t\"\n", "malformed-policy", "where a request"),
    ("header = \"Connection\"\nfile = \"/t\"\n", "malformed-policy", "where a request goes"),
    ("header = \"A\"\nfile = \"t\"\n", "malformed-policy", "begins with '/' or '~/'"),
    ("header = \"A\"\nfile = \"~me/t\"\n", "malformed-policy", "begins with '/' or '~/'"),
    ("header = \"A\"\nfile = \"~/../t\"\n", "malformed-policy", "plain path"),
    ("header = \"A\"\nfile = \"/a//t\"\n", "malformed-policy", "plain path"),
    ("header = \"A\"\nfile = \"/t/\"\n", "malformed-policy", "plain path"),
    ("header = \"A\"\nfile = \"/t\\u0000\"\n", "malformed-policy", "begins with"),
    ("header = \"A\"\nfile = \"/t\"\nform = \"Bearer\"\n", "malformed-policy", "not bearer,"),
    ("header = \"A\"\nfile = \"/t\"\nuser = \"me\"\n", "malformed-policy", "'basic' alone"),
    (
        "header = \"A\"\nfile = \"/t\"\nform = \"basic\"\nuser = \"a:b\"\n",
        "malformed-policy",
        "no ':'",
    ),
    ("header = \"A\"\nfile = \"/t\"\nenv = \"1A\"\n", "malformed-policy", "variable"),
    ("header = \"A\"\nfile = \"/t\"\nenv = \"A=B\"\n", "malformed-policy", "variable"),
    ("header = \"A\"\nfile = \"/t\"\nvalue = \"x\"\n", "malformed-policy", "unknown key 'value'"),
];

#[test]
fn what_is_wrong_is_refused_with_its_line() {
    for (entries, kind, says) in WRONG {
        refused(&format!("{HEAD}{entries}"), kind, says);
    }
    for (keys, kind, says) in BAD_SECRETS {
        refused(&format!("{HEAD}[github]\n[[secret]]\nhost = \"a.org\"\n{keys}"), kind, says);
    }
    for (host, kind) in [("*.a.org", "malformed-policy"), ("10.0.0.1", "bad-host-name")] {
        refused(&format!("{HEAD}[[secret]]\nhost = \"{host}\"\n"), kind, "line 3");
    }
}

const SECRET: &str = "[[secret]]\nhost = \"a.org\"\nheader = \"X-Key\"\nfile = \"/t\"\n";

#[test]
fn what_single_entries_do_not_show_is_seen_in_the_whole() {
    let wrong = |entries: &str, kind: &str, says: &str| {
        let error = policy(entries).check().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says) && error.hint().is_some(), "{error}");
    };
    for name in ["github.com", "*.github.com", "uploads.github.com"] {
        let entries = format!("[github]\n[[passthrough]]\nname = \"{name}\"\n");
        wrong(&entries, "guarded-passthrough", "at line 4, and [github] in p.toml:2");
    }
    let allow = |kind: &str, name: &str| format!("[[{kind}]]\nname = \"{name}\"\n");
    wrong(&format!("{}{SECRET}", allow("allow", "b.org")), "secret-host", "not allowed");
    let elsewhere = format!("{}ports = [80, 8443]\n{SECRET}", allow("allow", "a.org"));
    wrong(&elsewhere, "secret-host", "not allowed on port 443");
    let through = format!("{}{SECRET}", allow("passthrough", "*.a.org"));
    wrong(&through, "secret-host", "passed through");
    let twice = format!("{}{SECRET}{}", allow("allow", "a.org"), SECRET.replace("X-K", "x-k"));
    wrong(&twice, "duplicate-secret", "'a.org.x-key' at line 8, after that of p.toml:4");
    wrong(SECRET, "empty-policy", "allows nothing");
    policy(&format!("{}{SECRET}", allow("allow", "*.a.org"))).check().unwrap();
}

#[test]
fn of_policies_that_are_composed_the_one_that_says_something_is_heard() {
    let add = |one: &str, two: &str| {
        let mut sum = policy(one);
        sum.add(parse("q.toml", &format!("{HEAD}{two}")).unwrap());
        sum.check().unwrap();
        sum
    };
    let sum = add(
        "[github]\nrepositories = [\"me/*\"]\n[github.operations]\npush = \"refuse\"\ngist = \"allow\"\n",
        "[github]\nhosts = [\"x.ghe.com\"]\nprotected = []\nnodes = [\"R_1\"]\n\
         [github.operations]\npush = \"allow\"\npr-merge = \"allow\"\n",
    );
    let github = sum.document().github.unwrap();
    assert_eq!(github.hosts, ["github.com", "x.ghe.com"]);
    assert_eq!(
        (github.repositories, github.nodes),
        (vec!["me/*".into()], Some(vec!["R_1".into()]))
    );
    assert_eq!(github.from.as_deref(), Some("p.toml:2, q.toml:2"));
    asked(&sum, &[("push", "operation"), ("gist", "allowed"), ("pr-merge me/x", "allowed")]);
    let github = sum.github.unwrap();
    assert_eq!(github.operations[&Operation::Push].from.to_string(), "p.toml:5");
    assert_eq!(github.protected().len(), 8);

    let sum = add("[github]\nbranches = [\"a\"]\n", "[github]\nbranches = [\"b\"]\n");
    asked(&sum, &[("push x/y a", "allowed"), ("push x/y b", "allowed"), ("push x/y c", "branch")]);
    let sum = add(&format!("[[allow]]\nname = \"a.org\"\n{SECRET}"), SECRET);
    assert_eq!(sum.secrets.len(), 1);
    let sum = add("[[allow]]\nname = \"a.org\"\n", SECRET);
    assert_eq!(sum.secrets[0].from.to_string(), "q.toml:2");
}

const WIDE: &str = "[github]\nrepositories = [\"me/*\"]\nbranches = [\"bot/*\"]\nnodes = [\"R_1\"]\n\
    addresses = [\"10.0.0.0/8\"]\n[[allow]]\nname = \"*.github.com\"\n[github.operations]\ngist = \"allow\"\n\
    [[secret]]\nhost = \"api.github.com\"\nheader = \"A\"\nfile = \"/t\"\n";

#[test]
fn a_project_makes_less_of_github_and_never_more() {
    for narrow in [
        "[github]\n",
        "[github]\nhosts = [\"github.com\"]\nrepositories = [\"Me/x\"]\nbranches = [\"bot/1\"]\n",
        "[github]\nnodes = [\"R_1\"]\naddresses = [\"10.1.0.0/16\"]\nprotected = [\"bot/x\"]\n",
        "[github.operations]\npush = \"refuse\"\ngist = \"allow\"\n",
        "[[allow]]\nname = \"gist.github.com\"\n",
        "[github]\n[[allow]]\nname = \"*.github.com\"\n",
    ] {
        assert_eq!(widens(WIDE, narrow), None, "{narrow}");
    }
    for (narrow, what) in [
        ("[github]\nhosts = [\"x.ghe.com\"]\n", "the host 'x.ghe.com' of '[github]'"),
        ("[github]\nrepositories = [\"*/x\"]\n", "the repository '*/x'"),
        ("[github]\nbranches = [\"*\"]\n", "the branch 'refs/heads/*'"),
        ("[github]\nnodes = [\"R_2\"]\n", "the node 'R_2'"),
        ("[github]\naddresses = [\"127.0.0.0/8\"]\n", "the network"),
        ("[github.operations]\npr-merge = \"allow\"\n", "the operation 'pr-merge'"),
        ("[[allow]]\nname = \"api.github.com\"\n", "'api.github.com' without [github]"),
        ("[[allow]]\nname = \"*.github.com\"\n", "'api.github.com' without [github]"),
        (SECRET, "a secret of 'a.org'"),
    ] {
        let error = widens(WIDE, narrow).unwrap_or_else(|| panic!("not refused: {narrow}"));
        assert!(error.contains(what), "{error}");
    }
    assert!(widens("[[allow]]\nname = \"a.org\"\n", "[github]\n").unwrap().contains("any host"));
}

#[test]
fn what_a_project_does_not_say_of_github_stays() {
    let narrow = |text: &str| {
        policy(WIDE).narrow(parse_foreign("j.toml", &format!("{HEAD}{text}")).unwrap()).unwrap()
    };
    let same = narrow("[github.operations]\npush = \"refuse\"\n");
    asked(&same, &[("push me/x bot/1", "operation"), ("pr-write you/x", "repository")]);
    assert_eq!(same.secrets.len(), 1);
    let less = narrow("[github]\nrepositories = [\"me/a\"]\nprotected = [\"bot/x\"]\n");
    asked(
        &less,
        &[
            ("push me/a bot/1", "allowed"),
            ("push me/b bot/1", "repository"),
            ("push me/a bot/x", "branch"),
            ("push me/a main", "branch"),
        ],
    );
    // Without a word of it there is no GitHub, and no secret for it.
    let none = narrow("[[allow]]\nname = \"gist.github.com\"\n");
    assert_eq!((none.github, none.secrets.len()), (None, 0));
}

#[test]
fn a_project_narrows_paths() {
    let wide = "[[allow]]\nname = \"a.org\"\npaths = [\"/v2/**\", \"/x/*\"]\n";
    let with = |paths: &str| widens(wide, &format!("[[allow]]\nname = \"a.org\"\n{paths}"));
    assert_eq!(with("paths = [\"/v2/a/b\", \"/x/b*\"]\n"), None);
    assert!(with("paths = [\"/v2/a\", \"/y\"]\n").unwrap().contains("every method of /y"));
    assert!(with("").unwrap().contains("every method"));
}
