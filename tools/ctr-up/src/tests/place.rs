//! The script that places dotfiles, run by real shells.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output},
};

use nix::unistd::Uid;
use tempfile::TempDir;

use crate::{
    archive::{Content, Entry, Owner},
    place::{command, manifest_entry, staged, unplaced},
};

/// The shells of the images: Debian's and Alpine's.
const SHELLS: [&[&str]; 2] = [&["sh"], &["busybox", "sh"]];

/// A home in a temporary directory.
struct Home {
    directory: TempDir,
    shell: &'static [&'static str],
}

fn file(path: &str, contents: &str) -> Entry {
    Entry { owner: Owner::User, ..Entry::file(format!("/home/dev/{path}"), contents) }
}

impl Home {
    fn new(shell: &'static [&'static str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        Self { directory, shell }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("home").join(name)
    }

    fn write(&self, name: &str, contents: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), contents).unwrap();
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Writes the staging directory as the engine unpacks it.
    fn stage(&self, entries: &[Entry]) -> PathBuf {
        let root = self.directory.path().join("staging");
        let _ = fs::remove_dir_all(&root);
        for entry in staged(entries, "/home/dev") {
            let below = entry.target.strip_prefix("/var/lib/ctrkit/place").unwrap();
            let path = root.join(below.trim_start_matches('/'));
            match entry.content {
                Content::Directory => fs::create_dir_all(&path).unwrap(),
                Content::File(bytes) => fs::write(&path, bytes).unwrap(),
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode)).unwrap();
        }
        root
    }

    /// Runs the very command that runs in the container, in this home, as a
    /// person who is not root: a root may write everywhere.
    fn run(&self, entries: &[Entry]) -> Output {
        let staging = self.stage(entries);
        let args = command("NAME", "dev", "/home/dev");
        let script = args.iter().position(|arg| *arg == "-c").unwrap();
        let [_, text, zero, _, _, manifest] = args[script..] else { panic!("{args:?}") };
        assert_eq!(args[..script], ["exec", "--user", "dev", "NAME", "sh"]);
        let mut shell = Command::new(self.shell[0]);
        shell.args(&self.shell[1..]);
        if Uid::current().is_root() {
            let mut chown = Command::new("chown");
            chown.args(["-hR", "65534:65534"]).arg(self.directory.path());
            assert!(chown.status().unwrap().success());
            shell.uid(65534).gid(65534);
        }
        shell.args(["-c", text, zero]).arg(staging).arg(self.path("")).arg(manifest);
        shell.output().unwrap()
    }

    /// Places `entries`; all of them have a place.
    #[track_caller]
    fn place(&self, entries: &[Entry]) {
        let output = self.run(entries);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}: {words}", self.shell);
        assert_eq!((&*words, output.stdout.as_slice()), ("", &b""[..]), "{:?}", self.shell);
    }

    /// Returns every path below the home, but for the manifest's directory,
    /// with its inode, mode and time.
    fn everything(&self) -> Vec<(PathBuf, u64, u32, i64)> {
        let mut all = Vec::new();
        let mut directories = vec![self.path("")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let data = fs::symlink_metadata(&path).unwrap();
                if data.is_dir() {
                    directories.push(path.clone());
                }
                all.push((path, data.ino(), data.mode(), data.mtime_nsec()));
            }
        }
        all.retain(|(path, ..)| !path.starts_with(self.path(".local/state/ctrkit")));
        all.sort();
        all
    }
}

/// Runs a test with each shell, in a new home.
fn with_each_shell(test: impl Fn(&Home)) {
    for shell in SHELLS {
        test(&Home::new(shell));
    }
}

#[test]
fn a_new_file_is_placed_with_its_mode() {
    with_each_shell(|home| {
        home.place(&[file(".a", "1"), Entry { mode: 0o755, ..file(".local/bin/b", "2") }]);
        assert_eq!(home.read(".a").unwrap(), "1");
        assert_eq!(home.read(".local/bin/b").unwrap(), "2");
        assert_eq!((home.mode(".a"), home.mode(".local/bin/b")), (0o644, 0o755));
        assert_eq!(home.read(".a.new"), None);
    });
}

#[test]
fn a_second_run_changes_nothing() {
    with_each_shell(|home| {
        home.write(".edited", "mine");
        let entries = [
            file(".a", "1"),
            file(".edited", "2"),
            Entry { mode: 0o700, ..Entry::directory("/home/dev/.d", Owner::User) },
        ];
        home.place(&entries);
        let before = home.everything();
        home.place(&entries);
        assert_eq!(home.everything(), before);
    });
}

#[test]
fn a_file_that_was_there_and_is_not_ours_is_kept() {
    with_each_shell(|home| {
        home.write(".a", "mine");
        home.write(".same", "1");
        home.place(&[file(".a", "1"), file(".same", "1")]);
        assert_eq!(home.read(".a").unwrap(), "mine");
        assert_eq!(home.read(".a.new").unwrap(), "1");
        assert_eq!(home.read(".same.new"), None);
    });
}

#[test]
fn an_unedited_file_is_replaced() {
    with_each_shell(|home| {
        home.place(&[file(".a", "1")]);
        home.place(&[Entry { mode: 0o600, ..file(".a", "2") }]);
        assert_eq!(home.read(".a").unwrap(), "2");
        assert_eq!(home.mode(".a"), 0o600);
        assert_eq!(home.read(".a.new"), None);
    });
}

#[test]
fn an_edited_file_is_kept_and_the_new_one_lies_beside_it() {
    with_each_shell(|home| {
        home.place(&[file(".a", "1")]);
        home.write(".a", "mine");
        home.place(&[file(".a", "2")]);
        assert_eq!(home.read(".a").unwrap(), "mine");
        assert_eq!(home.read(".a.new").unwrap(), "2");
    });
}

#[test]
fn what_a_person_has_made_of_the_new_one_is_kept_and_told() {
    with_each_shell(|home| {
        home.place(&[file(".a", "1"), file(".gone", "1")]);
        home.write(".a", "mine");
        fs::remove_file(home.path(".gone")).unwrap();
        home.place(&[file(".a", "2"), file(".gone", "2")]);
        // One that nobody has touched makes way for the next.
        home.place(&[file(".a", "3"), file(".gone", "3")]);
        assert_eq!(home.read(".a.new").unwrap(), "3");
        for merged in [".a.new", ".gone.new"] {
            home.write(merged, "merged");
        }
        for again in ["4", "5"] {
            let output = home.run(&[file(".a", again), file(".gone", again)]);
            let answer = String::from_utf8(output.stdout).unwrap();
            assert_eq!(unplaced(&answer), [".a", ".gone"], "{:?}", home.shell);
            assert_eq!(home.read(".a").unwrap(), "mine");
            assert_eq!(home.read(".a.new").unwrap(), "merged");
            assert_eq!(
                (home.read(".gone"), home.read(".gone.new").unwrap().as_str()),
                (None, "merged")
            );
        }
        fs::remove_file(home.path(".a.new")).unwrap();
        fs::remove_file(home.path(".gone.new")).unwrap();
        symlink("elsewhere", home.path(".gone.new")).unwrap();
        let output = home.run(&[file(".a", "6"), file(".gone", "6")]);
        assert_eq!(unplaced(&String::from_utf8(output.stdout).unwrap()), [".gone"]);
        assert_eq!(home.read(".a.new").unwrap(), "6");
        assert_eq!(fs::read_link(home.path(".gone.new")).unwrap(), Path::new("elsewhere"));
    });
}

#[test]
fn an_edit_is_asked_about_once() {
    with_each_shell(|home| {
        home.place(&[file(".a", "1")]);
        home.write(".a", "mine");
        home.place(&[file(".a", "1")]);
        assert_eq!(home.read(".a.new"), None, "it was deployed before");
        home.place(&[file(".a", "2")]);
        fs::remove_file(home.path(".a.new")).unwrap();
        home.place(&[file(".a", "2")]);
        assert_eq!(home.read(".a.new"), None, "it was offered before");
        home.place(&[file(".a", "3")]);
        assert_eq!(home.read(".a.new").unwrap(), "3");
        assert_eq!(home.read(".a").unwrap(), "mine");
    });
}

#[test]
fn a_file_that_the_person_removed_does_not_come_back() {
    with_each_shell(|home| {
        home.place(&[file(".a", "1")]);
        fs::remove_file(home.path(".a")).unwrap();
        home.place(&[file(".a", "1")]);
        assert_eq!((home.read(".a"), home.read(".a.new")), (None, None));
        home.place(&[file(".a", "2")]);
        assert_eq!((home.read(".a"), home.read(".a.new")), (None, Some("2".into())));
    });
}

#[test]
fn a_link_that_the_person_made_stays_a_link() {
    with_each_shell(|home| {
        home.place(&[file(".a", "1"), file(".b", "1")]);
        home.write("repository/a", "1");
        for name in [".a", ".b"] {
            fs::remove_file(home.path(name)).unwrap();
        }
        symlink("repository/a", home.path(".a")).unwrap();
        symlink("nowhere", home.path(".b")).unwrap();
        home.place(&[file(".a", "2"), file(".b", "2")]);
        for name in [".a", ".b"] {
            assert!(fs::symlink_metadata(home.path(name)).unwrap().is_symlink(), "{name}");
            assert_eq!(home.read(&format!("{name}.new")).unwrap(), "2");
        }
        assert_eq!(home.read("repository/a").unwrap(), "1");
        assert_eq!(home.read("nowhere"), None);
    });
}

#[test]
fn a_new_directory_has_its_mode_and_an_old_one_keeps_its_own() {
    with_each_shell(|home| {
        fs::create_dir(home.path(".old")).unwrap();
        home.chmod(".old", 0o711);
        let directory = |path: &str| Entry {
            mode: 0o700,
            ..Entry::directory(format!("/home/dev/{path}"), Owner::User)
        };
        // The directory is listed behind a file in it, and made before.
        home.place(&[file(".new/a", "1"), directory(".new"), directory(".old")]);
        assert_eq!((home.mode(".new"), home.mode(".old")), (0o700, 0o711));
        assert_eq!(home.mode(".new/a"), 0o644);
    });
}

#[test]
fn hostile_names_are_names() {
    let names = [
        "with space ",
        "it's \"quoted\"",
        "-x",
        "-x/-y",
        r"back\slash\n",
        "日本 é",
        "$(id)`id`",
        "*",
        "a  b",
        "#",
        "&;|",
        ".new",
        "x.new",
        "directory",
    ];
    with_each_shell(|home| {
        let with = |contents: &str| names.map(|name| file(name, contents));
        // One that is a directory above has another name here.
        let all = |contents| {
            let mut entries = with(contents).to_vec();
            entries.retain(|entry| entry.target != "/home/dev/-x");
            entries
        };
        home.place(&all("1"));
        home.place(&all("2"));
        for name in names.into_iter().filter(|name| *name != "-x") {
            assert_eq!(home.read(name).as_deref(), Some("2"), "{name}");
            assert_eq!(home.read(&format!("{name}.new")).as_deref().filter(|_| name != "x"), None);
        }
        home.write(r"back\slash\n", "mine");
        home.place(&all("3"));
        assert_eq!(home.read(r"back\slash\n").unwrap(), "mine");
        assert_eq!(home.read(r"back\slash\n.new").unwrap(), "3");
    });
}

#[test]
fn one_name_is_not_taken_for_another() {
    with_each_shell(|home| {
        home.place(&[file("aXb", "1"), file(".config/a", "1")]);
        home.write("a.b", "1");
        home.write("a", "1");
        home.place(&[file("a.b", "2"), file("a", "2"), file("aXb", "2")]);
        assert_eq!(home.read("a.b").unwrap(), "1");
        assert_eq!(home.read("a").unwrap(), "1");
        assert_eq!(home.read("aXb").unwrap(), "2");
    });
}

#[test]
fn a_read_only_file_is_replaced_if_it_was_not_edited() {
    with_each_shell(|home| {
        home.place(&[Entry { mode: 0o400, ..file(".a", "1") }]);
        // What a run leaves that was killed before it renamed.
        home.write(".a.ctrkit", "torn");
        home.chmod(".a.ctrkit", 0o400);
        home.place(&[Entry { mode: 0o400, ..file(".a", "2") }]);
        assert_eq!(home.read(".a").unwrap(), "2");
        assert_eq!(home.mode(".a"), 0o400);
        assert_eq!(home.read(".a.ctrkit"), None);
    });
}

#[test]
fn contents_of_any_kind_come_out() {
    with_each_shell(|home| {
        let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let entries =
            [Entry { content: Content::File(bytes.clone()), ..file("b", "") }, file("e", "")];
        home.place(&entries);
        assert_eq!(fs::read(home.path("b")).unwrap(), bytes);
        assert_eq!(home.read("e").unwrap(), "");
        home.place(&[file("b", ""), file("e", "1")]);
        assert_eq!((home.read("b").unwrap(), home.read("e").unwrap()), ("".into(), "1".into()));
    });
}

#[test]
fn what_has_no_place_is_told_and_the_rest_is_placed() {
    with_each_shell(|home| {
        fs::create_dir(home.path("closed")).unwrap();
        fs::create_dir(home.path(".directory")).unwrap();
        fs::create_dir(home.path(".directory.new")).unwrap();
        home.write("file", "mine");
        home.chmod("closed", 0o555);
        let directory = Entry::directory("/home/dev/file/d", Owner::User);
        let entries = [
            directory,
            file("closed/a b", "1"),
            file(".directory", "1"),
            file("file/a", "1"),
            file(".z", "1"),
        ];
        let output = home.run(&entries);
        assert!(output.status.success());
        let told = unplaced(&String::from_utf8(output.stdout).unwrap());
        assert_eq!(told, ["file/d", "closed/a b", ".directory", "file/a"]);
        assert_eq!(home.read(".z").unwrap(), "1");
        home.chmod("closed", 0o755);
        let output = home.run(&entries[1..2]);
        assert_eq!((output.stdout, home.read("closed/a b").unwrap()), (Vec::new(), "1".into()));
    });
}

#[test]
fn a_home_that_cannot_be_written_is_an_error() {
    with_each_shell(|home| {
        home.chmod("", 0o555);
        let output = home.run(&[file(".a", "1")]);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(".local"));
        home.chmod("", 0o755);
    });
}

#[test]
fn a_run_that_was_cut_off_is_finished_by_the_next() {
    with_each_shell(|home| {
        home.place(&[file(".a", "1"), file(".b", "1")]);
        // Cut off behind the first file: the manifest is the old one.
        home.write(".a", "2");
        home.write(".local/state/ctrkit/dotfiles.ctrkit", "torn");
        home.place(&[file(".a", "2"), file(".b", "2")]);
        assert_eq!(home.read(".a.new"), None);
        assert_eq!(home.read(".b").unwrap(), "2");
        home.place(&[file(".a", "3"), file(".b", "3")]);
        assert_eq!((home.read(".a").unwrap(), home.read(".b").unwrap()), ("3".into(), "3".into()));
    });
}

#[test]
fn what_a_new_home_was_given_is_known_to_the_script() {
    with_each_shell(|home| {
        let first = [file(".a", "1"), file("-x y", "1")];
        let manifest = manifest_entry(&first, "/home/dev");
        for entry in first.iter().chain([&manifest]) {
            let Content::File(bytes) = &entry.content else { panic!("{entry:?}") };
            let below = Path::new(&entry.target).strip_prefix("/home/dev").unwrap();
            home.write(below.to_str().unwrap(), std::str::from_utf8(bytes).unwrap());
        }
        home.place(&[file(".a", "2"), file("-x y", "2")]);
        assert_eq!(
            (home.read(".a").unwrap(), home.read("-x y").unwrap()),
            ("2".into(), "2".into())
        );
    });
}

#[test]
fn the_manifest_is_what_sha256sum_checks() {
    with_each_shell(|home| {
        home.place(&[file(".a", "1"), file("b c", "2")]);
        let manifest = home.path(".local/state/ctrkit/dotfiles");
        let mut check = Command::new("sha256sum");
        check.args(["--check", "--quiet", "--strict"]).arg(manifest).current_dir(home.path(""));
        assert!(check.status().unwrap().success());
    });
}
