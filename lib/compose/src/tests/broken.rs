//! What is no YAML, or not one that means one thing.

use std::{fmt::Write as _, fs};

use toolkit::Failure;

use super::{model, project, read};
use crate::{Base, Override, OverrideError};

/// What is broken, the line, what is said; the twin that is not.
const BROKEN: &[(&str, usize, &str, &str)] = &[
    ("", 1, "nothing in it", "services: {}"),
    ("# only a comment\n", 2, "nothing in it", "# a comment\nservices: {}"),
    ("services: {a: {}, a: {}}", 1, "duplicate key 'a'", "services: {}"),
    ("services:\n  app: {}\n  \"app\": {}", 3, "duplicate key 'app'", "services:\n  \"app\": {}"),
    ("services: {}\n---\nservices: {}", 2, "second document", "---\nservices: {}\n..."),
    ("services: {app: !reset {}}", 1, "tag '!reset'", "services: {app: {}}"),
    ("services: !override {app: {}}", 1, "tag '!override'", "services: {app: {}}"),
    (
        "services: {app: {labels: {a: !!binary eA==}}}",
        1,
        "tag",
        "services: {app: {labels: {a: eA==}}}",
    ),
    ("services: *none", 1, "", "x-a: &none {}\nservices: *none"),
    ("x-a: &a [*a]", 1, "", "x-a: [&a x, *a]"),
    ("services: {<<: [x]}", 1, "'<<' takes maps", "x-a: &a {app: {}}\nservices: {<<: [*a]}"),
    ("services: {<<: x}", 1, "'<<' takes maps", "services: {<<: {app: {}}}"),
    ("services: {[a]: b}", 1, "a key is a list", "services: {}"),
    ("services: [", 1, "", "services: {}"),
    ("services:\n\t- x", 2, "", "services:\n  app: {}"),
    ("services: {app: {labels: {a: \"\\q\"}}}", 1, "", "services: {app: {labels: {a: \"\\x41\"}}}"),
    ("%YAML 9\n---\nservices: {}", 1, "", "%YAML 1.2\n---\nservices: {}"),
    // What begins a line for some of its readers only would be hidden from the others.
    ("services:\n  # a\u{2028}  app: {}", 2, "U+2028", "services:\n  # a\n  app: {}"),
    (
        "services:\n  # a\u{2029}  app: {}",
        2,
        "U+2029",
        "services: {app: {labels: [\"a=\\u2029\"]}}",
    ),
    ("services:\n  # a\u{85}  app: {}", 2, "U+0085", "services:\n  # \u{a0}\n  app: {}"),
    ("services:\n  # a\r  app: {}", 2, "U+000D", "services:\r\n  # a\r\n  app: {}\r\n"),
    ("services: {}\n\u{feff}x-a: b", 2, "U+FEFF", "\u{feff}services: {}\nx-a: \u{fefe}b"),
    ("services: {}\n# \0x-a: b", 2, "U+0000", "services: {}\n#\tx-a: b"),
    ("services: {}\n# \u{1b}[2K", 2, "U+001B", "services: {}\n# [2K"),
    ("services: {}\n# \u{7f}", 2, "U+007F", "services: {}\n# ~"),
    ("services: {}\n# \u{9f}", 2, "U+009F", "services: {}\n# \u{a0}"),
    ("services: {}\n# \u{fffe}", 2, "U+FFFE", "services: {}\n# \u{fffd}\u{10000}"),
    ("services: {?app: {}}", 1, "'?'", "services: {app: {labels: {a: b?, c: '?', d: e &f:g}}}"),
    ("x-a: &b\nx-c: &b:c {}", 2, "'&b:'", "x-a: &b\nx-c: &b-c {}"),
    ("x-a: {\"b\":&c?d e}", 1, "'&c?'", "x-a: {\"b\":&c d}"),
    // Two of them are one after the other, or the other way round.
    (
        "services: {<<: {a: {}}, <<: {b: {}}}",
        1,
        "duplicate key '<<'",
        "services: {<<: [{app: {}}, {app: {}}]}",
    ),
];

#[test]
fn each_is_refused_with_its_line() {
    let project = project();
    for (text, line, says, twin) in BROKEN {
        match read(project.path(), text) {
            Err(OverrideError::Broken { line: found, message, .. }) => {
                assert!(message.contains(says), "{text:?}: {message}");
                assert!(found.abs_diff(*line) < 2, "{text:?}: line {found}: {message}");
            }
            other => panic!("{text:?}: {other:?}"),
        }
        if let Err(error) = read(project.path(), twin) {
            panic!("{twin:?}: {error}");
        }
    }
    let error = read(project.path(), "a: b: c").unwrap_err();
    assert_eq!(error.kind(), "override-broken");
    assert!(error.hint().is_some());
}

#[test]
fn what_grows_beyond_bounds_is_refused_at_once() {
    let project = project();
    let mut laughs = "x-0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let below = format!("*a{},", level - 1).repeat(8);
        writeln!(laughs, "x-{level}: &a{level} [{below}]").unwrap();
    }
    for (text, says) in [
        (laughs, "more than 10000 values"),
        (format!("x-a: [{}]", "x,".repeat(20_000)), "more than 10000 values"),
        (format!("x-a: {}{}", "[".repeat(40), "]".repeat(40)), "32 deep"),
        (format!("x-a: {}", "[".repeat(100_000)), ""),
        (
            format!(
                "x-a:\n{}",
                (0..2000).fold(String::new(), |all, n| all + &" ".repeat(n % 60) + "- \n")
            ),
            "",
        ),
    ] {
        let begun = std::time::Instant::now();
        let error = read(project.path(), &text).unwrap_err();
        assert!(error.kind() == "override-broken" && error.to_string().contains(says), "{error}");
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}

#[test]
fn a_file_that_is_none_is_refused() {
    let project = project();
    let model = model();
    let base = Base { model: &model, app: "app", project: project.path(), engine_is_here: true };
    let kind = |name: &str| match Override::read(&project.path().join(name), &base) {
        Ok(_) => "read",
        Err(error) => error.kind(),
    };
    let write =
        |name: &str, contents: &[u8]| fs::write(project.path().join(name), contents).unwrap();
    write("good.yaml", b"\xef\xbb\xbfservices: {}\n");
    write("latin.yaml", b"services: {} # \xfc\n");
    write("large.yaml", &b"#".repeat(256 * 1024 + 1));
    let unreadable = kind("absent.yaml");
    assert_eq!(kind("good.yaml"), "read");
    assert_eq!(kind("latin.yaml"), "not-utf-8");
    assert_eq!(kind("large.yaml"), "override-too-large");
    assert_eq!([kind("data"), kind("pipe"), kind("out")], [unreadable; 3]);
}
