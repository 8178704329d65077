use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use crate::{directory_of, linked::parse, parent, place};

#[test]
fn a_plain_name_is_its_directorys() {
    for name in ["main", "fix-1", "v1.2_x", "Login"] {
        assert_eq!(directory_of(name), name);
    }
}

#[test]
fn names_of_any_kind_have_directories_of_their_own() {
    let long = "x".repeat(250);
    let names = [
        "a/b",
        "a-b",
        "a.b",
        "a/b/c",
        "a/b-c",
        "a-b-c",
        "-x",
        ".x",
        "x",
        "日本",
        "本日",
        "a b",
        "a;b",
        "$(id)",
        "a'b",
        "a\"b",
        &long,
        &long[..249],
        "..",
        "---",
        "é",
        "e",
    ];
    let mut seen = HashSet::new();
    for name in names {
        let directory = directory_of(name);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!(directory.chars().all(is_plain), "{directory}");
        assert!(!directory.starts_with(['-', '.']) && directory.len() <= 64, "{directory}");
        assert_eq!(Path::new(&directory).components().count(), 1, "{directory}");
        assert!(seen.insert(directory), "{name} has another's directory");
    }
}

#[test]
fn worktrees_lie_beside_the_main_one_or_in_a_directory_of_the_repositorys() {
    assert_eq!(parent(Path::new("/src/app"), None), Path::new("/src/app.worktrees"));
    assert_eq!(parent(Path::new("/src/app.git"), None), Path::new("/src/app.git.worktrees"));
    let chosen = |main| parent(Path::new(main), Some(Path::new("/w")));
    let (one, other) = (chosen("/a/app"), chosen("/b/app"));
    assert!(one.starts_with("/w") && one != other, "{one:?} {other:?}");
    assert!(one.file_name().unwrap().to_str().unwrap().starts_with("app-"));
}

#[test]
fn a_relative_path_leads_from_a_directory_to_another() {
    for (from, to, path) in [
        ("/p/r.worktrees/x", "/p/r/.git/worktrees/x", "../../r/.git/worktrees/x"),
        ("/a", "/b/c", "../b/c"),
        ("/a/b", "/a", ".."),
        ("/", "/a", "a"),
    ] {
        assert_eq!(place::relative(Path::new(from), Path::new(to)), Path::new(path));
    }
}

#[test]
fn what_does_not_exist_yet_is_found_as_far_as_it_does() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().canonicalize().unwrap();
    std::os::unix::fs::symlink(&real, real.join("link")).unwrap();
    assert_eq!(place::real(&real.join("link/a/b")), real.join("a/b"));
}

#[test]
fn the_list_of_git_is_read() {
    let list = b"worktree /p/a\nb\0HEAD 0000000000000000000000000000000000000000\0branch refs/heads/a/b\0\0\
        worktree /p/c\0HEAD 1234\0detached\0locked why\0prunable gone\0\0worktree /p/d\0bare\0locked\0\0";
    let all = parse(list);
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].path, PathBuf::from("/p/a\nb"));
    assert_eq!((all[0].branch.as_deref(), &all[0].commit), (Some("a/b"), &None));
    assert_eq!((&all[1].branch, all[1].commit.as_deref()), (&None, Some("1234")));
    assert_eq!(all[1].locked.as_deref(), Some("why"));
    assert_eq!(all[1].prunable.as_deref(), Some("gone"));
    assert_eq!(all[2].locked.as_deref(), Some(""));
}
