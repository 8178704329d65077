//! Tests of the table and of what is judged by it: data in, data out.

use std::path::Path;

use document::diff::{Class, Manner};

use crate::{
    Entry, Kind, Leads, Obeyed, RULES, Touched, is_obeyed, leads, names, names_drivers, parse,
};

fn entry(kind: Kind, id: &str) -> Option<Entry> {
    Some(Entry { kind, id: id.to_owned() })
}

fn added(path: &str, kind: Kind) -> Touched {
    Touched { path: path.into(), before: None, after: entry(kind, "1") }
}

fn class_of(path: &str) -> Option<Class> {
    added(path, Kind::File).judge(&Obeyed::default(), None).map(|found| found.class)
}

#[track_caller]
fn check(paths: &[&str], expected: Option<Class>) {
    for path in paths {
        assert_eq!(class_of(path), expected, "{path}");
    }
}

#[test]
fn what_is_executed_by_itself_is_found_in_any_directory() {
    check(
        &[
            ".vscode/tasks.json",
            "a/b/.vscode/x/y",
            "x.code-workspace",
            ".devcontainer.json",
            ".devcontainer/a/devcontainer.json",
            ".idea/workspace.xml",
            ".envrc",
            "a/.envrc",
            ".claude/settings.local.json",
            ".claude/hooks/x.sh",
            ".mcp.json",
            ".cursor/mcp.json",
            ".husky/pre-commit",
            ".pre-commit-config.yaml",
            "lefthook.yml",
            ".config/lefthook.yml",
            ".gitmodules",
            ".gitconfig",
            ".ssh/config",
            "mise.toml",
            ".mise.local.toml",
            ".zed/settings.json",
            ".ctrkit/policy.toml",
            ".hg/hgrc",
            "fixtures/bare/HEAD",
        ],
        Some(Class::ByItself),
    );
}

#[test]
fn the_other_classes_are_told_apart() {
    check(
        &[
            "CLAUDE.md",
            "a/AGENTS.md",
            ".claude/commands/x.md",
            ".claude/agents/a.md",
            ".cursor/rules/a.mdc",
            ".github/copilot-instructions.md",
        ],
        Some(Class::Agent),
    );
    check(
        &[
            "Makefile",
            "a/justfile",
            "package.json",
            "build.rs",
            "tests/conftest.py",
            ".env",
            ".tool-versions",
            ".nvmrc",
            "Dockerfile.dev",
            "vite.config.ts",
            ".cargo/config.toml",
        ],
        Some(Class::OnBuild),
    );
    check(&[".github/workflows/ci.yml", ".gitlab-ci.yml"], Some(Class::Elsewhere));
}

#[test]
fn ordinary_files_are_not_named() {
    check(
        &[
            "src/main.rs",
            "README.md",
            "vscode/tasks.json",
            ".vscodex/a",
            "envrc",
            "x.envrc",
            "docs/.github/workflows/a.yml",
            ".vscode",
            ".gitignore",
            "head.rs",
            "ahead",
            ".github/ISSUE_TEMPLATE.md",
        ],
        None,
    );
}

#[test]
fn spellings_that_a_file_system_takes_for_the_same_are_the_same() {
    check(
        &[
            ".VSCode/TASKS.json",
            ".vs\u{200c}code/tasks.json",
            ".vscode./tasks.json",
            ".vscode /tasks.json",
            ".vscode\\tasks.json",
            ".vscode::$INDEX_ALLOCATION/tasks.json",
            ".ENVRC",
            ".git/config",
            ".GIT/hooks/x",
            "a/.g\u{200d}it/config",
            "git~1/config",
            ".git . /x",
        ],
        Some(Class::ByItself),
    );
}

#[test]
fn links_are_judged_by_where_they_lead() {
    let judge = |path, target: &str| {
        added(path, Kind::Link).judge(&Obeyed::default(), Some(target.as_bytes()))
    };
    for (path, target) in [
        ("a", "/etc/passwd"),
        ("a", "../x"),
        ("d/e/a", "../../../x"),
        ("a", ".git/hooks"),
        ("d/a", "../.GIT/config"),
        ("a", "C:\\x"),
        ("a", "d/../../x"),
    ] {
        assert_eq!(judge(path, target).map(|found| found.class), Some(Class::ByItself), "{target}");
    }
    for (path, target) in [("a", "b"), ("d/a", "../b"), ("d/e/a", "../../b"), ("a", "./x/../y")] {
        assert_eq!(judge(path, target), None, "{target}");
    }
    assert_eq!(leads(b"a", b"\\\\server\\x"), Some(Leads::Outside));
}

#[test]
fn a_link_in_the_place_of_a_directory_has_all_that_is_in_it() {
    for path in [".vscode", ".github", ".claude", ".cursor", "a/.idea"] {
        let found = added(path, Kind::Link).judge(&Obeyed::default(), Some(b"innocent"));
        assert!(found.is_some(), "{path}");
    }
    // `CLAUDE.md` is often a link to `AGENTS.md`.
    let found = added("CLAUDE.md", Kind::Link).judge(&Obeyed::default(), Some(b"AGENTS.md"));
    assert_eq!(found.unwrap().class, Class::Agent);
}

#[test]
fn submodules_and_executables_are_named() {
    let judge = |touched: Touched| touched.judge(&Obeyed::default(), None).map(|found| found.class);
    assert_eq!(judge(added("s", Kind::Submodule)), Some(Class::ByItself));
    assert_eq!(judge(added("s", Kind::Executable)), Some(Class::OnBuild));
    let was = Touched { before: entry(Kind::Executable, "0"), ..added("s", Kind::Executable) };
    assert_eq!(judge(was), None);
}

#[test]
fn attributes_count_if_they_name_a_driver() {
    for text in [
        "*.bin filter=lfs diff=lfs -text\n",
        "[attr]x filter=y",
        "a\tmerge=ours",
        "* working-tree-encoding=UTF-16",
    ] {
        assert!(names_drivers(text.as_bytes()), "{text}");
    }
    for text in [
        "* text=auto eol=lf\n",
        "# x filter=y\n",
        "*.png binary\n",
        "filter=x\n",
        "*.sh -diff\n",
        "",
    ] {
        assert!(!names_drivers(text.as_bytes()), "{text}");
    }
    let judge = |content: Option<&[u8]>| {
        added("a/.gitattributes", Kind::File).judge(&Obeyed::default(), content).is_some()
    };
    assert!(judge(None) && judge(Some(b"* filter=x")) && !judge(Some(b"* eol=lf")));
}

#[test]
fn what_became_of_it_is_told() {
    let touched = |before, after| Touched { path: b"a".to_vec(), before, after }.manner();
    assert_eq!(touched(None, entry(Kind::File, "1")), Manner::Added);
    assert_eq!(touched(entry(Kind::File, "1"), None), Manner::Removed);
    assert_eq!(touched(entry(Kind::File, "1"), entry(Kind::File, "2")), Manner::Modified);
    assert_eq!(touched(entry(Kind::File, "1"), entry(Kind::Executable, "1")), Manner::Mode);
    assert_eq!(touched(entry(Kind::File, "1"), entry(Kind::Link, "1")), Manner::Modified);
}

#[test]
fn what_the_configuration_names_is_obeyed() {
    let root = Path::new("/home/ann/app");
    let settings = [
        ("core.hookspath", "build/hooks"),
        ("include.path", "../conf/git.ini"),
        ("filter.x.clean", "python3 tools/clean.py %f"),
        ("diff.y.textconv", "./show"),
        ("core.pager", "less -R"),
        ("core.editor", "code --wait"),
        ("credential.helper", "store"),
        ("alias.st", "status"),
        ("alias.go", "!/home/ann/app/go.sh"),
        ("user.name", "src/x"),
    ];
    let obeyed = Obeyed::of(settings, root);
    let judge = |path: &str| added(path, Kind::File).judge(&obeyed, None);
    for path in
        ["build/hooks/pre-push", "conf/git.ini", "tools/clean.py", "show", "go.sh", "Build/HOOKS/x"]
    {
        assert_eq!(judge(path).map(|found| found.class), Some(Class::ByItself), "{path}");
    }
    for path in ["build/x", "less", "code/x", "store", "status", "src/x", "tools/other.py"] {
        assert_eq!(judge(path), None, "{path}");
    }
    assert!(added("build", Kind::Link).judge(&obeyed, Some(b"b")).is_some());
}

#[test]
fn settings_that_run_something_are_told_from_others() {
    for (key, value) in [
        ("core.fsmonitor", "./x"),
        ("core.hookspath", "/tmp"),
        ("filter.a.b.smudge", "x"),
        ("credential.https://a.b.helper", "x"),
        ("pager.log", "sh -c x"),
        ("alias.x", "!sh"),
        ("includeif.gitdir:/a.path", "x"),
        ("remote.origin.url", "ext::sh -c x"),
        ("gpg.ssh.program", "x"),
    ] {
        assert!(is_obeyed(key, value), "{key}");
    }
    for (key, value) in [
        ("core.fsmonitor", "false"),
        ("pager.log", "true"),
        ("alias.x", "log"),
        ("remote.origin.url", "https://example.org/a.git"),
        ("user.name", "!sh"),
        ("receive.denycurrentbranch", "updateInstead"),
    ] {
        assert!(!is_obeyed(key, value), "{key}");
    }
}

#[test]
fn gits_words_are_read_or_refused() {
    let raw = b":100644 000000 aa 00 D\0a\nb\0:000000 120000 00 bb A\0\xff\0";
    let touched = parse(raw).unwrap();
    assert_eq!(
        touched[0],
        Touched { path: b"a\nb".to_vec(), before: entry(Kind::File, "aa"), after: None }
    );
    assert_eq!(touched[1].after, entry(Kind::Link, "bb"));
    assert_eq!(parse(b"").unwrap(), []);
    for raw in [&b"x\0y\0"[..], b":1 2 3\0a\0", b":100644 100644 a b M"] {
        assert_eq!(parse(raw), None);
    }
}

#[test]
fn the_table_is_written_as_paths_are_compared() {
    for rule in RULES {
        for pattern in rule.paths {
            let plain: Vec<_> =
                names(pattern.as_bytes()).iter().map(|name| name.as_str().to_owned()).collect();
            assert_eq!(plain.join("/"), pattern.trim_start_matches('/'), "{pattern}");
        }
        assert!(
            rule.source.starts_with("https://") || rule.source.ends_with(')'),
            "{}",
            rule.source
        );
    }
}
