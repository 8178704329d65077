//! The stream, read back by an independent reader of the format.

use std::io::Read;

use crate::archive::{Account, Content, Entry, Owner, account, with_parents, write};

const USER: Account = Account { uid: 1000, gid: 1001 };

fn file(target: &str, mode: u32, owner: Owner, bytes: &str) -> Entry {
    Entry { mode, owner, ..Entry::file(target, bytes) }
}

/// Returns each entry as `type mode uid:gid mtime path contents`.
fn read_back(entries: &[Entry]) -> Vec<String> {
    let mut stream = Vec::new();
    write(entries, USER, 1_700_000_000, &mut stream).unwrap();
    let mut archive = tar::Archive::new(stream.as_slice());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut contents = String::new();
        entry.read_to_string(&mut contents).unwrap();
        let (header, path) = (entry.header(), entry.path().unwrap());
        let kind = if header.entry_type().is_dir() { "d" } else { "-" };
        let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
        let (uid, gid) = (header.uid().unwrap(), header.gid().unwrap());
        format!("{kind} {mode:o} {uid}:{gid} {time} {} {contents}", path.display())
    });
    entries.collect()
}

#[test]
fn numbers_modes_and_contents_come_out() {
    let entries = [
        Entry::directory("/etc/ssh/ctrkit", Owner::Root),
        file("/etc/ssh/key", 0o600, Owner::Root, "secret\n"),
        Entry::directory("/home/dev", Owner::User),
        file("/home/dev/.local/bin/a b", 0o755, Owner::User, ""),
    ];
    let expected = [
        "d 755 0:0 1700000000 etc/ssh/ctrkit ",
        "- 600 0:0 1700000000 etc/ssh/key secret\n",
        "d 755 1000:1001 1700000000 home/dev ",
        "- 755 1000:1001 1700000000 home/dev/.local/bin/a b ",
    ];
    assert_eq!(read_back(&entries), expected);
}

#[test]
fn long_and_strange_paths_come_out() {
    let long = format!("/home/dev/{}", "directory/".repeat(12) + "f");
    let very_long = format!("/home/dev/{}/{}", "d".repeat(200), "f".repeat(255));
    let strange = ["/home/dev/日本 é", "/home/dev/-x", r#"/home/dev/"it's" \$(id) #"#];
    for target in strange.into_iter().chain([long.as_str(), very_long.as_str()]) {
        let expected = format!("- 644 0:0 1700000000 {} x", &target[1..]);
        assert_eq!(read_back(&[Entry::file(target, "x")]), [expected]);
    }
}

#[test]
fn nobody_has_large_numbers() {
    let mut stream = Vec::new();
    let user = Account { uid: 4_294_967_294, gid: 100_000_000 };
    write(&[file("/a", 0o600, Owner::User, "")], user, 0, &mut stream).unwrap();
    let mut archive = tar::Archive::new(stream.as_slice());
    let entry = archive.entries().unwrap().next().unwrap().unwrap();
    let header = entry.header();
    assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (user.uid, user.gid));
}

#[test]
fn directories_between_the_home_and_a_file_are_the_users() {
    let entries = vec![
        Entry::file("/etc/a", ""),
        Entry { mode: 0o700, ..Entry::directory("/home/dev/.ssh", Owner::User) },
        file("/home/dev/.ssh/a/b", 0o644, Owner::User, ""),
        file("/home/dev/.ssh/a/c", 0o644, Owner::User, ""),
        file("/home/dev/.x", 0o644, Owner::User, ""),
        file("/home/developer/y/z", 0o644, Owner::User, ""),
    ];
    let all = with_parents(entries, "/home/dev");
    let found: Vec<_> = all.iter().map(|e| format!("{:o} {}", e.mode, e.target)).collect();
    let expected = [
        "644 /etc/a",
        "700 /home/dev/.ssh",
        "755 /home/dev/.ssh/a",
        "644 /home/dev/.ssh/a/b",
        "644 /home/dev/.ssh/a/c",
        "644 /home/dev/.x",
        "644 /home/developer/y/z",
    ];
    assert_eq!(found, expected);
    assert_eq!(all[2].content, Content::Directory);
    assert_eq!(all[2].owner, Owner::User);
}

#[track_caller]
fn check_account(passwd: &[u8], user: &str, expected: Option<(u64, u64)>) {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(passwd.len() as u64);
    builder.append_data(&mut header, "passwd", passwd).unwrap();
    let stream = builder.into_inner().unwrap();
    let expected = expected.map(|(uid, gid)| Account { uid, gid });
    assert_eq!(account(&stream, user).unwrap(), expected, "{user}");
}

#[test]
fn an_account_is_found_by_its_whole_name() {
    let passwd = b"root:x:0:0:root:/root:/bin/bash\ndev:x:1000:1001:Dev,,,:/home/dev:/bin/sh\n";
    check_account(passwd, "dev", Some((1000, 1001)));
    check_account(passwd, "root", Some((0, 0)));
    check_account(passwd, "de", None);
    check_account(passwd, "x", None);
    check_account(passwd, "", None);
}

#[test]
fn lines_that_are_none_are_passed_over() {
    check_account(b"", "dev", None);
    check_account(b"\ndev\ndev:x\ndev:x:a:b::\n+::::::\ndev:x:5:6", "dev", Some((5, 6)));
    check_account(
        b"jos\xe9:x:1:1:Jos\xe9:/:/bin/sh\ndev:x:5:6:\xff:/:/bin/sh\n",
        "dev",
        Some((5, 6)),
    );
}

#[test]
fn what_is_no_archive_is_an_error_and_not_a_panic() {
    for stream in [&b"x"[..], &[b'x'; 512], &[0xff; 1024]] {
        assert!(account(stream, "dev").is_err());
    }
    assert_eq!(account(b"", "dev").unwrap(), None);
}
