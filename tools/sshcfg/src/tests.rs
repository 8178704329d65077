//! What is decided: what a block says, and what becomes of a file's bytes.

use std::path::{Path, PathBuf};

use document::{
    Container, Extra,
    audio::Audio,
    container::{Port, Project, Ssh},
};

use toolkit::{Sockets, sockets};

use crate::{
    Error,
    block::Block,
    blocks::{Blocks, HEADER},
    include, words,
};

const LINE: &str = "Include \"/c/ssh_config\"";

fn container() -> Container {
    let project = Project {
        path: "/a".into(),
        name: "a".into(),
        hash: "0".into(),
        branch: None,
        extra: Extra::new(),
    };
    let mut container = Container::new("dev-a".into(), project);
    container.user = Some("dev".into());
    container.ports = vec![Port {
        service: "ssh".into(),
        container: 22,
        host: Some(2201),
        address: Some("127.0.0.1".into()),
        ..Port::default()
    }];
    container.ssh = Some(Ssh {
        known_hosts: Some("/c/known_hosts".into()),
        revoked_host_keys: Some("/c/revoked_keys".into()),
        certificate: Some("/s/cert.pub".into()),
        identity_file: Some("/h/my key".into()),
        ..Ssh::default()
    });
    container
}

fn ssh(container: &mut Container) -> &mut Ssh {
    container.ssh.get_or_insert_default()
}

fn block(container: &Container) -> Result<Block, Error> {
    Block::of(container, &Sockets::choose(Path::new("/s")))
}

/// Returns the value of `keyword` in the container's block.
fn value(container: &Container, keyword: &str) -> Option<String> {
    let text = block(container).unwrap().text;
    let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{keyword} ")));
    line.map(str::to_owned)
}

#[test]
fn a_block_says_all_that_ssh_must_know() {
    let text = block(&container()).unwrap().text;
    let digest = text.split("/s/mux/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let expected = format!(
        "Host dev-a
    HostName 127.0.0.1
    Port 2201
    User dev
    HostKeyAlias dev-a
    HostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com
    StrictHostKeyChecking yes
    UserKnownHostsFile \"/c/known_hosts\"
    GlobalKnownHostsFile /dev/null
    RevokedHostKeys \"/c/revoked_keys\"
    IdentityFile \"/h/my key\"
    IdentitiesOnly yes
    ForwardAgent no
    ControlMaster auto
    ControlPath \"/s/mux/{digest}\"
    ControlPersist 1h
    ServerAliveInterval 30
    ServerAliveCountMax 6
    ConnectTimeout 10
    TCPKeepAlive yes
"
    );
    assert_eq!(text, expected);
}

/// Returns a container whose sound is heard.
fn with_sound(starter: &[&str]) -> Container {
    let mut container = container();
    container.audio = Some(Audio {
        level: "play".into(),
        guard: Some("/s/dev-a/audio/native".into()),
        socket: Some("/run/ctrkit-audio/native".into()),
        starter: starter.iter().map(|&word| word.to_owned()).collect(),
        ..Audio::default()
    });
    container
}

#[test]
fn sound_is_forwarded_once_the_guard_is_started() {
    let silent = block(&container()).unwrap().text;
    let words = ["/usr/my libexec/audiotun", "guard", "50%", "dev-a"];
    let text = block(&with_sound(&words)).unwrap().text;
    let expected = "Match originalhost dev-a exec \
                    \"'/usr/my libexec/audiotun' 'guard' '50%%' 'dev-a'\"
    RemoteForward \"/run/ctrkit-audio/native\" \"/s/dev-a/audio/native\"
    ExitOnForwardFailure yes
";
    assert_eq!(text, format!("{silent}{expected}"));
    // A port that is taken here is no reason not to let anybody in.
    let mut elsewhere = with_sound(&words);
    ssh(&mut elsewhere).local_forward = vec!["3000 127.0.0.1:3000".into()];
    assert!(!block(&elsewhere).unwrap().text.contains("ExitOnForwardFailure"));
    assert!(block(&elsewhere).unwrap().text.contains("    RemoteForward \"/run"));
    // It is one block with what stands before it, and others come after it.
    let mut blocks = Blocks::default();
    let (a, mut b) = (block(&with_sound(&words)).unwrap(), container());
    b.name = "dev-b".into();
    blocks.set(a.clone());
    blocks.set(block(&b).unwrap());
    let mut again = Blocks::parse(blocks.text().as_bytes()).unwrap();
    assert_eq!(again, blocks);
    assert_eq!(again.remove("dev-a").unwrap(), a);
    assert_eq!(again.names().collect::<Vec<_>>(), ["dev-b"]);
}

#[test]
fn sound_by_a_bind_mount_leaves_the_start_and_a_port_if_one_is_wanted() {
    let lines = |change: &dyn Fn(&mut Audio)| {
        let mut container = with_sound(&["x"]);
        change(container.audio.as_mut().unwrap());
        let text = block(&container).unwrap().text;
        let (_, sound) = text.split_once("Match").unwrap();
        sound.lines().skip(1).map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let bind = |audio: &mut Audio| audio.transport = Some("bind".into());
    let port = |audio: &mut Audio| audio.port = Some(4714);
    let [socket, tcp] = ["\"/run/ctrkit-audio/native\"", "127.0.0.1:4714"]
        .map(|there| format!("RemoteForward {there} \"/s/dev-a/audio/native\""));
    assert!(lines(&bind).is_empty());
    let both = lines(&|audio| {
        bind(audio);
        port(audio);
    });
    // A connection that hangs keeps the port, and is no reason not to let anybody in.
    assert_eq!(lines(&port), [socket.as_str(), &tcp]);
    assert_eq!(both, [tcp]);
}

#[test]
fn a_starter_that_a_shell_would_read_otherwise_is_refused() {
    for word in ["it's", "\"", "a\nb", "a\0"] {
        let error = block(&with_sound(&[word])).unwrap_err();
        assert!(matches!(error, Error::BadValue { key: "audio.starter", .. }), "{word:?}");
    }
    assert!(matches!(block(&with_sound(&[])), Err(Error::BadValue { .. })));
    let mut container = with_sound(&["x"]);
    container.audio.as_mut().unwrap().guard = Some("/a b".into());
    assert!(matches!(block(&container), Err(Error::BadValue { key: "audio.guard", .. })));
}

#[test]
fn what_the_document_does_not_have_the_block_does_not_say() {
    let mut container = container();
    *ssh(&mut container) = Ssh { known_hosts: Some("/c/known_hosts".into()), ..Ssh::default() };
    for keyword in ["IdentityFile", "IdentitiesOnly", "RevokedHostKeys", "HostKeyAlgorithms"] {
        assert_eq!(value(&container, keyword), None, "{keyword}");
    }
}

#[test]
fn the_host_name_is_the_documents_or_the_ports_address() {
    let mut container = container();
    for (address, expected) in [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("::1", "::1"),
        ("192.0.2.7", "192.0.2.7"),
    ] {
        container.ports[0].address = Some(address.into());
        assert_eq!(value(&container, "HostName").as_deref(), Some(expected));
    }
    ssh(&mut container).hostname = Some("box.example.org".into());
    assert_eq!(value(&container, "HostName").as_deref(), Some("box.example.org"));
}

#[test]
fn a_port_that_is_not_published_needs_a_way_in() {
    let mut container = container();
    container.ports[0].address = None;
    assert!(matches!(block(&container), Err(Error::Unpublished)));
    ssh(&mut container).proxy_command = Some("podman exec -i dev-a sshd -i".into());
    assert_eq!(value(&container, "ProxyCommand").as_deref(), Some("podman exec -i dev-a sshd -i"));
}

#[track_caller]
fn check_missing(change: impl FnOnce(&mut Container), key: &str) {
    let mut container = container();
    change(&mut container);
    assert!(matches!(block(&container), Err(Error::Missing(found)) if found == key));
}

#[test]
fn what_a_block_needs_is_named() {
    check_missing(|container| container.ports.clear(), "ports[service=ssh]");
    check_missing(|container| container.ports[0].host = None, "ports[service=ssh].host");
    check_missing(|container| container.user = None, "user");
    check_missing(|container| container.ssh = None, "ssh.known_hosts");
}

#[test]
fn connections_to_different_places_have_different_sockets() {
    let path = |change: &dyn Fn(&mut Container)| {
        let mut container = container();
        change(&mut container);
        value(&container, "ControlPath").unwrap()
    };
    let same = path(&|_| {});
    assert_eq!(path(&|container| ssh(container).identity_file = None), same);
    let changes: [&dyn Fn(&mut Container); 5] = [
        &|container| container.name = "dev-b".into(),
        &|container| container.ports[0].host = Some(2202),
        &|container| container.user = Some("ops".into()),
        &|container| ssh(container).hostname = Some("box".into()),
        &|container| ssh(container).proxy_jump = Some("box".into()),
    ];
    for change in changes {
        assert_ne!(path(change), same);
    }
}

/// Checks that the document is refused when `value` is put where `set` says.
#[track_caller]
fn check_refused(value: &str, set: impl FnOnce(&mut Container, String)) {
    let mut container = container();
    set(&mut container, value.to_owned());
    let error = block(&container).expect_err(value);
    assert!(matches!(error, Error::BadValue { .. } | Error::BadPath { .. }), "{value:?}: {error}");
}

const HOSTILE: [&str; 12] = [
    "",
    " ",
    "-oProxyCommand=id",
    "a b",
    "a\nUser root",
    "a\tb",
    "a#b",
    "a\"b",
    "a;id",
    "a$(id)",
    "a%h",
    "a\0b",
];

#[test]
fn values_that_are_more_than_they_should_be_are_refused() {
    for value in HOSTILE {
        check_refused(value, |container, value| ssh(container).hostname = Some(value));
        check_refused(value, |container, value| container.user = Some(value));
        check_refused(value, |container, value| ssh(container).proxy_jump = Some(value));
        check_refused(value, |container, value| container.ports[0].address = Some(value));
        check_refused(value, |container, value| ssh(container).local_forward = vec![value]);
        check_refused(value, |container, value| ssh(container).remote_forward = vec![value]);
    }
}

#[test]
fn paths_that_ssh_would_read_as_something_else_are_refused() {
    for value in ["", "relative", "/a\"b", "/a\nUser root", "/a\tb", "/a\u{7f}", "/${HOME}/a"] {
        check_refused(value, |container, value| ssh(container).identity_file = Some(value.into()));
        check_refused(value, |container, value| ssh(container).known_hosts = Some(value.into()));
    }
    check_refused("/50%", |container, value| {
        ssh(container).revoked_host_keys = Some(value.into());
    });
}

#[test]
fn a_jump_is_a_list_of_hosts() {
    for jump in
        ["box", "me@box:2222", "a,b@c", "ssh://me@box:22", "[::1]:22", "me@[::1]", "none", "a.b-c"]
    {
        assert!(words::jump("key", jump).is_ok(), "{jump}");
    }
    for jump in [
        "-J", "a,-b", "a@-b", "-a@b", "a,", ",a", "a:0", "a:x", "a:70000", "a@b@c", "::1", "[x]",
        "ssh://-a", "ssh://", "a b", "a:-1", "a:+1",
    ] {
        assert!(words::jump("key", jump).is_err(), "{jump}");
    }
}

#[test]
fn a_command_is_one_line_whose_quotes_close() {
    for command in
        ["nc %h %p", "sh -c 'echo \"it\"'", r"a \' b", "a #'b", r#"a "\"" b"#, "a'b'c", "a b#c"]
    {
        assert!(words::command("key", command).is_ok(), "{command}");
    }
    for command in [
        "", " a", "a ", "a\nb", "-a", "=a", "# a", "it's", "a \"b", "a '\"", "a\0", "a b#'c",
        r"a '\'",
    ] {
        assert!(words::command("key", command).is_err(), "{command:?}");
    }
}

#[test]
fn a_forwarding_has_a_listener_and_a_target() {
    for (text, expected) in [
        ("8080 localhost:80", "8080 localhost:80"),
        ("127.0.0.1:8080  [::1]:80", "127.0.0.1:8080 [::1]:80"),
        ("*:8080 box.example.org:80", "*:8080 box.example.org:80"),
        (":8080 a:80", ":8080 a:80"),
        ("/run/a.sock /run/b#c", "\"/run/a.sock\" \"/run/b#c\""),
        ("4713 /run/user/1000/pulse/native", "4713 \"/run/user/1000/pulse/native\""),
    ] {
        assert_eq!(words::local_forward("key", text).unwrap(), expected);
        assert_eq!(words::remote_forward("key", text).unwrap(), expected);
    }
    for text in [
        "8080",
        "8080 80",
        "8080 a",
        "8080 a:0",
        "8080 a:http",
        "0 a:80",
        "8080 a:80 b",
        "x a:80",
        "8080 -a:80",
        "-a:1 b:2",
        "8080 a/80",
        "a/8080 b:80",
        "8080 /a:b",
        "8080 /${A}",
        "70000 a:1",
        "8080 '/a'",
        "8080 /a\\b",
        "8080 a:80\nUser root",
        "8080 ::1:80",
        "8080 /\u{e9}\n",
    ] {
        assert!(words::local_forward("key", text).is_err(), "{text:?}");
    }
    assert!(words::local_forward("key", &format!("1 /{}", "a".repeat(103))).is_err());
    assert_eq!(words::remote_forward("key", "127.0.0.1:1080").unwrap(), "127.0.0.1:1080");
    assert_eq!(words::remote_forward("key", "0 a:80").unwrap(), "0 a:80");
    assert!(words::local_forward("key", "1080").is_err());
}

#[test]
fn a_control_path_leaves_room_for_what_ssh_appends() {
    let longest = PathBuf::from(format!("/{}", "x".repeat(73)));
    assert!(sockets::fits(&longest));
    assert!(!sockets::fits(&longest.join("x")));
    for long in [format!("/{}", "long/".repeat(40)), "/with\"quote".into(), "/${HOME}".into()] {
        let path = Sockets::choose(Path::new(&long)).path("0123456789ab");
        let length = path.map_or(0, |path| path.as_os_str().len());
        assert!(length + 17 < 104, "{length}");
    }
}

#[test]
fn without_a_place_for_sockets_there_is_no_multiplexing() {
    let text = Block::of(&container(), &Sockets::default()).unwrap();
    assert!(text.text.contains("    ControlMaster no\n    ControlPath none\n"));
    assert!(!text.text.contains("ControlPersist"));
    assert_eq!(text.control_path(), None);
}

#[test]
fn the_blocks_come_out_as_they_went_in() {
    let mut blocks = Blocks::default();
    let (a, mut b) = (block(&container()).unwrap(), container());
    b.name = "dev-b".into();
    let b = block(&b).unwrap();
    assert_eq!(blocks.set(a.clone()), None);
    assert_eq!(blocks.set(b.clone()), None);
    assert_eq!(blocks.text(), format!("{HEADER}\n\n{}\n{}", a.text, b.text));
    let again = Blocks::parse(blocks.text().as_bytes()).unwrap();
    assert_eq!(again, blocks);
    assert_eq!(again.names().collect::<Vec<_>>(), ["dev-a", "dev-b"]);
}

#[test]
fn a_block_is_replaced_in_its_place() {
    let text = format!("{HEADER}\n\nHost a\n    Port 1\n\nHost b\n    Port 2\n");
    let mut blocks = Blocks::parse(text.as_bytes()).unwrap();
    let new = Block { name: "a".into(), text: "Host a\n    Port 3\n".into() };
    let old = blocks.set(new.clone()).unwrap();
    assert_eq!(old.text, "Host a\n    Port 1\n");
    assert_eq!(blocks.set(new), None, "it is there already");
    assert_eq!(blocks.text(), text.replace("Port 1", "Port 3"));
    assert!(blocks.remove("b").is_some() && blocks.remove("b").is_none());
    assert!(blocks.remove("a").is_some() && blocks.is_empty());
}

#[test]
fn a_file_that_is_not_ours_is_not_read_as_blocks() {
    for text in [&b"Host a\n"[..], b"\xff", b"# Host blocks", b"x", b"\n"] {
        assert_eq!(Blocks::parse(text), None);
    }
    let stray = format!("{HEADER}\nUser root\n");
    assert_eq!(Blocks::parse(stray.as_bytes()), None);
    assert_eq!(Blocks::parse(b""), Some(Blocks::default()));
    assert_eq!(Blocks::parse(HEADER.as_bytes()), Some(Blocks::default()));
}

#[test]
fn the_line_is_a_pattern_that_matches_the_one_file() {
    assert_eq!(include::line(Path::new("/a b/#c")).unwrap(), r#"Include "/a b/#c""#);
    assert_eq!(include::line(Path::new("/a[b]*?")).unwrap(), r#"Include "/a\\[b\\]\\*\\?""#);
    for path in ["/50%", "/${HOME}", "/a\"b", "/a\nb", "a"] {
        assert!(include::line(Path::new(path)).is_err(), "{path}");
    }
}

#[track_caller]
fn check_with(before: &str, after: &str) {
    let found = include::with(Some(before.as_bytes()), LINE);
    assert_eq!(String::from_utf8(found).unwrap(), after.replace("LINE", LINE));
}

#[test]
fn the_line_comes_first() {
    check_with("", "LINE\n\n");
    check_with("Host *\n  User me\n", "LINE\n\nHost *\n  User me\n");
    check_with("\n# note", "LINE\n\n\n# note");
}

#[test]
fn a_line_that_the_user_moved_stays_where_it_still_counts() {
    for text in [
        "# mine\nLINE\nHost *\n",
        "Include other\nUser me\nLINE",
        "LINE\r\n\r\nHost *\r\n",
        "HostKeyAlias x\nHostName y\nLINE\n",
    ] {
        let text = text.replace("LINE", LINE);
        check_with(&text, &text);
    }
}

#[test]
fn a_line_inside_a_block_moves_to_the_top() {
    for block in ["Host a", "  host=a", "\tMATCH\tall", "match host a", "\"Host\" a", "hOsT \"a\""]
    {
        let before = format!("{block}\n{LINE}\n\n  User me\n");
        check_with(&before, &format!("LINE\n\n{block}\n  User me\n"));
    }
}

#[test]
fn lines_that_only_look_like_ours_do_not_count() {
    for other in [format!("#{LINE}"), format!("{LINE} # note"), LINE.to_lowercase()] {
        let before = format!("{other}\n");
        check_with(&before, &format!("LINE\n\n{before}"));
        assert_eq!(include::without(before.as_bytes(), LINE).unwrap(), before.as_bytes());
    }
}

#[test]
fn a_file_that_was_not_there_goes_and_one_that_was_empty_stays() {
    let made = include::with(None, LINE);
    assert_eq!(made, format!("{LINE}\n").into_bytes());
    assert_eq!(include::with(Some(&made), LINE), made);
    assert_eq!(include::without(&made, LINE), None);
    let empty = include::with(Some(b""), LINE);
    assert_eq!(include::without(&empty, LINE).unwrap(), b"");
}

#[test]
fn what_the_user_added_to_a_file_that_we_made_stays() {
    let made = [include::with(None, LINE), b"Host x\n".to_vec()].concat();
    assert_eq!(include::without(&made, LINE).unwrap(), b"Host x\n");
}

#[test]
fn the_line_is_found_wherever_it_is_and_however_often() {
    let text = format!("# a\n{LINE}\n\nHost *\n{LINE}\r\nUser me\n{LINE}");
    let found = include::without(text.as_bytes(), LINE).unwrap();
    assert_eq!(found, b"# a\nHost *\nUser me\n");
}

/// Lines and parts of lines that files for ssh are made of, and some that
/// they are not.
const FRAGMENTS: [&[u8]; 28] = [
    b"Host *",
    b"host=dev-a",
    b"\tHOST  \"dev a\" !b",
    b"Match all",
    b"match host x exec \"true\"",
    b"Include ~/.ssh/other",
    b"Include \"/c/ssh_config2\"",
    b"include \"/c/ssh_config\"",
    b"#Include \"/c/ssh_config\"",
    b"    User me",
    b"Port=22",
    b"# comment",
    b"",
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b" \n",
    b"\t",
    b"\xff\xfe",
    b"\0",
    b"\xef\xbb\xbf",
    b"ProxyCommand nc %h %p",
    b"IdentityFile \"~/my key\"",
    b" ",
    b"\\",
    b"\"",
    b"Include",
];

/// The numbers of a linear congruential generator (Knuth, MMIX), the same
/// in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn file(&mut self) -> Vec<u8> {
        let mut file = Vec::new();
        for _ in 0..self.below(12) {
            file.extend(FRAGMENTS[self.below(FRAGMENTS.len())]);
            file.extend([&b"\n"[..], b"\r\n", b""][self.below(3)]);
        }
        file
    }
}

#[test]
fn adding_and_removing_is_the_identity_on_every_file() {
    let mut numbers = Numbers(1);
    for _ in 0..50_000 {
        let file = numbers.file();
        let added = include::with(Some(&file), LINE);
        assert!(added.starts_with(LINE.as_bytes()) && added.ends_with(&file), "{file:?}");
        assert_eq!(include::with(Some(&added), LINE), added, "{file:?}");
        assert_eq!(include::without(&added, LINE).as_ref(), Some(&file), "{file:?}");
    }
}

#[test]
fn the_users_file_is_the_one_of_the_password_database() {
    use nix::unistd::{User, getuid};

    let home = User::from_uid(getuid()).unwrap().unwrap().dir;
    assert_eq!(crate::user_config(None).unwrap(), home.join(".ssh/config"));
    assert_eq!(crate::user_config(Some("".into())).unwrap(), home.join(".ssh/config"));
    assert_eq!(crate::user_config(Some("/x/y".into())).unwrap(), Path::new("/x/y"));
}
