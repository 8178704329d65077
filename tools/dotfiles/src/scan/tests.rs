//! Tests of [`scan`] on real directories.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use tempfile::TempDir;
use toolkit::Failure;

use super::{Bounds, scan};
use crate::{Error, Found, warning::Reason};

/// A source that is made up of the files given; their modes are 0644.
struct Tree {
    _outer: TempDir,
    root: PathBuf,
}

impl Tree {
    fn new(files: &[&str]) -> Self {
        let outer = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(outer.path()).unwrap().join("root");
        fs::create_dir(&root).unwrap();
        let tree = Self { _outer: outer, root };
        for file in files {
            tree.write(file, file);
        }
        tree
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn write(&self, path: &str, contents: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        for directory in path.ancestors().skip(1).take_while(|path| *path != self.root) {
            fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), Permissions::from_mode(mode)).unwrap();
    }

    fn link(&self, target: impl AsRef<Path>, link: &str) {
        symlink(target, self.path(link)).unwrap();
    }

    fn scan(&self) -> Found {
        scan(&self.root, Bounds::default()).unwrap()
    }

    /// Returns what is found, as `path` or, for files elsewhere, `path <- file`.
    fn list(&self) -> Vec<String> {
        let found = self.scan();
        let line = |file: crate::Dotfile| match file.source {
            None => format!("{}/ {:o}", file.path, file.mode),
            Some(source) if source == self.path(&file.path) => file.path,
            Some(source) => {
                let source = source.strip_prefix(&self.root).unwrap();
                format!("{} <- {}", file.path, source.display())
            }
        };
        found.files.into_iter().map(line).collect()
    }

    fn reasons(&self) -> Vec<(String, Reason)> {
        let warnings = self.scan().warnings.into_iter();
        warnings.map(|warning| (warning.path, warning.reason)).collect()
    }
}

#[test]
fn dot_entries_are_taken_and_the_others_are_not() {
    let tree = Tree::new(&[
        "README.md",
        "install.sh",
        "bin/tool",
        ".zshrc",
        ".config/nvim/init.lua",
        ".local/bin/x",
        "zsh/.zshenv",
        ".git/config",
        ".vim/pack/x/.git",
        ".zshrc.swp",
        ".config/a~",
        ".DS_Store",
    ]);
    let expected = [".config/nvim/init.lua", ".local/bin/x", ".zshrc", "zsh/.zshenv"];
    assert_eq!(tree.list(), expected);
    assert_eq!(tree.reasons(), []);
}

#[test]
fn modes_are_kept_without_the_special_bits() {
    let tree = Tree::new(&[".a", ".ssh/config", ".x/y"]);
    tree.mode(".a", 0o4755);
    tree.mode(".ssh", 0o700);
    tree.mode(".x", 0o1777);
    tree.mode(".ssh/config", 0o600);
    let modes: Vec<_> = tree.scan().files.into_iter().map(|file| (file.path, file.mode)).collect();
    let expected =
        [(".a", 0o755), (".ssh", 0o700), (".ssh/config", 0o600), (".x", 0o777), (".x/y", 0o644)];
    assert_eq!(modes, expected.map(|(path, mode)| (path.to_owned(), mode)));
}

#[test]
fn links_within_the_source_are_followed() {
    let tree = Tree::new(&["zsh/rc", "nvim/init.lua", "nvim/lua/a.lua"]);
    fs::create_dir(tree.path(".config")).unwrap();
    tree.mode(".config", 0o755);
    tree.link("zsh/rc", ".zshrc");
    tree.link("../nvim", ".config/nvim");
    tree.link(tree.path("zsh/rc"), ".absolute");
    tree.link(".zshrc", ".twice");
    let expected = [
        ".absolute <- zsh/rc",
        ".config/nvim/init.lua <- nvim/init.lua",
        ".config/nvim/lua/a.lua <- nvim/lua/a.lua",
        ".twice <- zsh/rc",
        ".zshrc <- zsh/rc",
    ];
    assert_eq!(tree.list(), expected);
    assert_eq!(tree.reasons(), []);
}

#[test]
fn links_elsewhere_are_left_out_with_a_warning() {
    let tree = Tree::new(&[".ok", ".git/config"]);
    tree.link("/etc/passwd", ".passwd");
    tree.link("..", ".up");
    tree.link("nowhere", ".dangling");
    tree.link(".self", ".self");
    tree.link(".git/config", ".gitlink");
    tree.link("/etc", "unhidden");
    assert_eq!(tree.list(), [".ok"]);
    let above = tree.root.parent().unwrap().to_owned();
    let expected = [
        (".dangling", Reason::Dangling),
        (".gitlink", Reason::LeftOut(".git/config".into())),
        (".passwd", Reason::Outside("/etc/passwd".into())),
        (".self", Reason::Circle),
        (".up", Reason::Outside(above)),
    ];
    assert_eq!(tree.reasons(), expected.map(|(path, reason)| (path.to_owned(), reason)));
}

#[test]
fn a_source_with_the_same_beginning_is_outside() {
    let tree = Tree::new(&[".ok"]);
    let sibling = tree.root.with_file_name("root2");
    fs::write(&sibling, "x").unwrap();
    tree.link(&sibling, ".sibling");
    assert_eq!(tree.reasons(), [(".sibling".to_owned(), Reason::Outside(sibling))]);
}

#[test]
fn links_in_a_circle_end() {
    let tree = Tree::new(&[".a/one", ".b/two"]);
    tree.link("../.b", ".a/b");
    tree.link("../.a", ".b/a");
    tree.link(".", ".all");
    let expected = [".a/b/two <- .b/two", ".a/one", ".b/a/one <- .a/one", ".b/two"];
    assert_eq!(tree.list(), expected);
    let paths: Vec<_> = tree.reasons().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [".a/b/a", ".all", ".b/a/b"]);
    assert!(tree.reasons().iter().all(|(_, reason)| *reason == Reason::Circle));
}

#[test]
fn private_keys_stay_at_home() {
    let tree = Tree::new(&[".ssh/id_rsa", ".ssh/id_rsa.pub", ".ssh/authorized_keys", "k/id"]);
    tree.write(".ssh/work", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n");
    tree.link("../k/id", ".ssh/id_link");
    tree.link(".ssh/id_rsa", ".innocent");
    assert_eq!(tree.list(), [".ssh/id_rsa.pub"]);
    let expected = [
        (".innocent", Reason::PrivateKey),
        (".ssh/authorized_keys", Reason::AuthorizedKeys),
        (".ssh/id_link", Reason::PrivateKey),
        (".ssh/id_rsa", Reason::PrivateKey),
        (".ssh/work", Reason::PrivateKey),
    ];
    assert_eq!(tree.reasons(), expected.map(|(path, reason)| (path.to_owned(), reason)));
}

#[test]
fn what_is_no_file_is_left_out() {
    let tree = Tree::new(&[".ok"]);
    mkfifo(&tree.path(".fifo"), Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(tree.path(".socket")).unwrap();
    tree.link("/dev/null", ".null");
    assert_eq!(tree.list(), [".ok"]);
}

#[test]
fn names_that_cannot_travel_are_named() {
    let tree = Tree::new(&[".a\nb", ".c\u{1b}d/x"]);
    fs::write(tree.root.join(OsStr::from_bytes(b".e\xff")), "").unwrap();
    fs::write(tree.root.join(OsStr::from_bytes(b"plain\xff")), "").unwrap();
    let error = scan(&tree.root, Bounds::default()).unwrap_err();
    assert_eq!(error.kind(), "bad-file-name");
    let text = error.to_string();
    assert!(text.ends_with(r"'.a\nb', '.c\u{1b}d', '.e\xff'"), "{text}");
}

#[track_caller]
fn check_too_many(tree: &Tree, bounds: Bounds, expected: &str) {
    match scan(&tree.root, bounds).unwrap_err() {
        Error::TooMany { largest, .. } => assert_eq!(largest, tree.path(expected)),
        error => panic!("{error}"),
    }
}

#[test]
fn the_largest_directory_is_named() {
    let files = [".a", ".cache/x/1", ".cache/x/2", ".cache/x/3", ".cache/x/4", ".z/1"];
    let tree = Tree::new(&files);
    let enough = Bounds { files: files.len(), ..Bounds::default() };
    assert_eq!(scan(&tree.root, enough).unwrap().files.len(), files.len());
    check_too_many(&tree, Bounds { files: 5, ..enough }, ".cache/x");
    tree.write(".z/2", &"x".repeat(1000));
    check_too_many(&tree, Bounds { bytes: 1000, files: 99, ..enough }, ".z");
    check_too_many(&tree, Bounds { entries: 4, ..Bounds::default() }, ".cache");
}

#[test]
fn a_source_full_of_files_is_named_itself() {
    let tree = Tree::new(&[".1", ".2", ".3", ".4", ".5", ".6", ".7", ".8", ".9", ".10", ".a/b"]);
    check_too_many(&tree, Bounds { files: 10, ..Bounds::default() }, "");
}

#[test]
fn a_source_must_be_a_directory_that_is_there() {
    let tree = Tree::new(&["file"]);
    let kind = |path: &str| scan(&tree.path(path), Bounds::default()).unwrap_err().kind();
    assert_eq!(kind("nowhere"), "dotfiles-absent");
    assert_eq!(kind("file"), "not-a-directory");
    assert_eq!(kind("file/below"), "not-a-directory");
}

#[test]
fn a_source_may_be_reached_by_a_link() {
    let tree = Tree::new(&[".a"]);
    let link = tree.root.with_file_name("link");
    symlink("root", &link).unwrap();
    let found = scan(&link, Bounds::default()).unwrap();
    assert_eq!(found.files[0].source, Some(tree.path(".a")));
}
