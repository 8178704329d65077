//! The engine's arguments.

use std::{fs, process::Command};

use document::container::{Label, Limits, Mount, Volume};
use engine::options::published;

use super::{container, port, variable};
use toolkit::sshd::START;

use crate::create::{container as arguments, volume};

fn label(name: &str, value: &str) -> Label {
    Label { name: name.into(), value: value.into(), ..Label::default() }
}

const IDENTITY: [&str; 4] = [
    "--label=ctrkit.managed=true",
    "--label=ctrkit.name=dev-myapp-b3e5ed",
    "--label=ctrkit.project.path=/home/me/myapp",
    "--label=ctrkit.project.hash=b3e5ed000000",
];

#[test]
fn a_document_of_the_least_makes_a_container() {
    let args = arguments(&container(), "image:0").unwrap();
    let first = [
        "create",
        "--pull=never",
        "--init",
        "--user=0:0",
        "--workdir=/",
        "--entrypoint=/bin/sh",
        "--name=dev-myapp-b3e5ed",
        "--hostname=dev-myapp-b3e5ed",
        "--restart=unless-stopped",
        "--label=ctrkit.spec=image:0",
    ];
    let last = ["localhost/ctrkit-base:latest", "-c", START];
    assert_eq!(args, [&first[..], &IDENTITY[..], &last[..]].concat());
}

#[test]
fn labels_of_the_document_do_not_change_whose_it_is() {
    let mut container = container();
    container.labels = vec![
        label("ctrkit.managed", "false"),
        label("ctrkit.spec", "x"),
        label("ctrkit.project.hash", "0"),
        label("-x", "a=b,\"c\"\n\t'd' $e \\ é"),
        label("empty", ""),
    ];
    let args = arguments(&container, "image:0").unwrap();
    let labels: Vec<_> = args.iter().filter(|arg| arg.starts_with("--label=")).collect();
    assert_eq!(labels[1..5], IDENTITY);
    assert_eq!(labels[5..], ["--label=-x=a=b,\"c\"\n\t'd' $e \\ é", "--label=empty="]);
}

#[test]
fn a_value_stays_in_its_argument() {
    let mut container = container();
    container.restart = Some("--privileged".into());
    container.env =
        vec![variable("A", "--privileged"), variable("B", "x\ny \"z\" =,"), variable("C", "")];
    let args = arguments(&container, "image:0").unwrap();
    for expected in
        ["--restart=--privileged", "--env=A=--privileged", "--env=B=x\ny \"z\" =,", "--env=C="]
    {
        assert!(args.iter().any(|arg| arg == expected), "{expected}: {args:?}");
    }
    assert!(!args.contains(&"--privileged".to_owned()));
}

#[track_caller]
fn check_mount(kind: &str, source: Option<&str>, target: &str, read_only: bool, expected: &str) {
    let mut container = container();
    let source = source.map(Into::into);
    let (kind, target) = (kind.into(), target.into());
    container.mounts = vec![Mount { kind, source, target, read_only, ..Mount::default() }];
    let args = arguments(&container, "image:0").unwrap();
    assert!(args.contains(&format!("--mount={expected}")), "{args:?}");
}

#[test]
fn mounts_are_fields_of_a_record() {
    check_mount("bind", Some("/a"), "/b", true, "type=bind,source=/a,target=/b,readonly");
    check_mount("tmpfs", None, "/b", false, "type=tmpfs,target=/b");
    check_mount("bind", Some("/a\"b"), "/c", false, "type=bind,\"source=/a\"\"b\",target=/c");
    check_mount("bind", Some("/a\nb"), "/c", false, "type=bind,\"source=/a\nb\",target=/c");
    check_mount("bind", Some("/a:b c"), "/-d", false, "type=bind,source=/a:b c,target=/-d");
    check_mount(
        "bind",
        Some("/a,b \"q\"\nc"),
        "/x,readonly",
        false,
        "type=bind,\"source=/a,b \"\"q\"\"\nc\",\"target=/x,readonly\"",
    );
}

#[test]
fn volumes_are_mounted_by_name() {
    let mut container = container();
    let (name, target) = ("h".into(), "/home/dev,x".into());
    container.volumes = vec![Volume { name, target, ..Volume::default() }];
    let args = arguments(&container, "image:0").unwrap();
    assert!(args.contains(&"--mount=type=volume,source=h,\"target=/home/dev,x\"".to_owned()));
}

#[test]
fn a_volume_says_whose_it_is() {
    let mut container = container();
    container.labels = vec![label("ctrkit.name", "x"), label("ctrkit.branch", "main")];
    let [managed, name, _path, hash] = IDENTITY;
    assert_eq!(volume(&container, "h"), ["volume", "create", managed, name, hash, "h"]);
}

#[test]
fn a_port_is_published_where_it_has_an_address_and_a_number() {
    let mut ssh = port("ssh", 22, 2201, Some("127.0.0.1"));
    assert_eq!(published(&ssh).unwrap(), "127.0.0.1:2201:22");
    ssh.address = Some("::1".into());
    assert_eq!(published(&ssh).unwrap(), "[::1]:2201:22");
    ssh.address = None;
    assert_eq!(published(&ssh), None);
    ssh = port("ssh", 22, 2201, Some("127.0.0.1"));
    ssh.host = None;
    assert_eq!(published(&ssh), None);

    let mut container = container();
    container.ports = vec![port("web", 3000, 3001, Some("::")), port("audio", 4714, 4715, None)];
    let args = arguments(&container, "image:0").unwrap();
    let found: Vec<_> = args.iter().filter(|arg| arg.starts_with("--publish")).collect();
    assert_eq!(found, ["--publish=[::]:3001:3000"]);
}

#[test]
fn limits_are_passed_in_the_engines_own_notation() {
    let mut container = container();
    container.limits = Some(Limits {
        memory: Some("4g".into()),
        cpus: Some("1.5".into()),
        pids: Some(512),
        cap_drop: vec!["NET_RAW".into(), "MKNOD".into()],
        ..Limits::default()
    });
    let args = arguments(&container, "image:0").unwrap();
    let expected = [
        "--memory=4g",
        "--cpus=1.5",
        "--pids-limit=512",
        "--cap-drop=NET_RAW",
        "--cap-drop=MKNOD",
        "localhost/ctrkit-base:latest",
        "-c",
    ];
    assert_eq!(args[args.len() - expected.len() - 1..args.len() - 1], expected);
}

#[test]
fn sshd_is_run_with_what_it_understands() {
    for (knows, expected) in [("exit 0", "-D -e -o PerSourcePenalties=no\n"), ("exit 1", "-D -e\n")]
    {
        let directory = tempfile::tempdir().unwrap();
        let sshd = directory.path().join("sshd");
        fs::write(&sshd, format!("case $1 in -G) {knows} ;; esac\necho \"$@\"\n")).unwrap();
        let script = START.replace("/usr/sbin/sshd", &format!("sh {}", sshd.display()));
        for shell in [&["sh"][..], &["busybox", "sh"]] {
            let mut command = Command::new(shell[0]);
            let output = command.args(&shell[1..]).args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        }
    }
}
