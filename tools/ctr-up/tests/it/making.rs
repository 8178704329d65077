//! From nothing to a container that answers.

use std::fs;

use serde_json::{Value, json};

use crate::world::{NAME, Up, with_each_engine};

#[test]
fn the_calls_come_in_order() {
    with_each_engine(|up| {
        up.up(&up.document());
        let engine = up.engine;
        let calls = up.world.changes();
        let starts = [
            format!("{engine} version --format"),
            format!(
                "{engine} volume create --label=ctrkit.managed=true --label=ctrkit.name={NAME}"
            ),
            format!(
                "{engine} volume create --label=ctrkit.managed=true --label=ctrkit.name={NAME}"
            ),
            format!("{engine} create --pull=never --init "),
            match engine {
                "podman" => format!("podman cp -a=false - {NAME}:/"),
                _ => format!("docker cp - {NAME}:/"),
            },
            format!("{engine} start {NAME}"),
            "ssh -F none -T -o BatchMode=yes".to_owned(),
        ];
        assert_eq!(calls.len(), starts.len(), "{calls:#?}");
        for (call, start) in calls.iter().zip(&starts) {
            assert!(call.starts_with(start), "{call}\n{start}");
        }
        assert!(calls[1].ends_with("-home") && calls[2].ends_with("-workspace"));
        assert_eq!(up.things(), Up::whole());
    });
}

#[test]
fn the_document_says_what_came_of_it_and_keeps_the_rest() {
    with_each_engine(|up| {
        let mut document = up.document();
        document["engine"] = json!({"kind": up.engine, "x-engine": 1});
        document["state"] = json!({"x-state": [1], "status": "absent"});
        let mut expected = document.clone();
        let found = up.up(&document);
        let program = up.world.path("bin").join(up.engine);
        let version = if up.engine == "podman" { "4.3.1" } else { "20.10.24" };
        expected["engine"] =
            json!({"kind": up.engine, "x-engine": 1, "program": program, "version": version});
        let (id, spec) = (format!("{:064}", 1), found["state"]["spec"].clone());
        expected["state"] = json!({"x-state": [1], "status": "running", "id": id, "spec": spec});
        assert_eq!(found, expected);
        assert!(spec.as_str().unwrap().starts_with("image:"));
        let create = up.world.calls().into_iter().find(|call| call[1] == "create").unwrap();
        assert!(create.contains(&format!("--label=ctrkit.spec={}", spec.as_str().unwrap())));
    });
}

#[test]
fn the_applied_document_is_kept_for_the_owner_alone() {
    use std::os::unix::fs::MetadataExt;

    let up = Up::new("podman");
    let found = up.up(&up.document());
    assert_eq!(up.state(), ["document.json", "lock"]);
    let file = up.world.path("state").join(NAME).join("document.json");
    let kept: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(kept, found);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn one_stream_carries_everything() {
    let up = Up::new("podman");
    up.up(&up.document());
    let expected = [
        "1000 home/dev",
        "1000 workspace",
        "0 run/sshd",
        "0 etc/ssh/ctrkit",
        "0 etc/ssh/sshd_config",
        "0 etc/ssh/ctrkit/authorized_keys",
        "0 etc/ssh/ssh_host_ed25519_key",
        "1000 home/dev/.bashrc",
        "1000 home/dev/.local",
        "1000 home/dev/.local/state",
        "1000 home/dev/.local/state/ctrkit",
        "1000 home/dev/.local/state/ctrkit/dotfiles",
    ];
    assert_eq!(up.sent(), expected);
    let stream = fs::read(up.world.path("stub/sent/0")).unwrap();
    let holds = |text: &[u8]| stream.windows(text.len()).any(|window| window == text);
    assert!(holds(b"ssh-ed25519 AAAAC3 me@home\n") && holds(b"host key\n") && holds(b"dotfile\n"));
}

#[test]
fn a_home_that_was_there_gets_its_dotfiles_by_the_script() {
    let up = Up::new("podman");
    up.add_volume(&format!("{NAME}-home"), Some(NAME));
    up.up(&up.document());
    assert!(!up.sent().iter().any(|line| line.contains("home/dev")), "{:?}", up.sent());
    assert!(up.sent().contains(&"1000 var/lib/ctrkit/place/0".to_owned()));
    let calls = up.world.calls();
    let last = calls.last().unwrap();
    assert_eq!(last[..5], ["podman", "exec", "--user", "dev", NAME]);
    let place = ["/var/lib/ctrkit/place", "/home/dev", ".local/state/ctrkit/dotfiles"];
    assert_eq!(last[last.len() - 3..], place);
    assert_eq!(up.things(), Up::whole());
}

#[test]
fn a_dotfile_without_a_place_is_a_warning() {
    let up = Up::new("podman");
    up.add_volume(&format!("{NAME}-home"), None);
    up.world.answer("podman-exec", ".config/a b\n");
    let warning =
        format!("ctr-up: warning: could not place '.config/a b' in the home of '{NAME}'\n");
    up.command(&up.document()).assert().success().stderr(warning);
    assert_eq!(up.things(), Up::whole());
}

#[test]
fn the_numbers_of_a_user_that_the_image_does_not_tell_are_read() {
    with_each_engine(|up| {
        up.world.write("stub/image", r#"[{"Id":"i","Config":{"Labels":null}}]"#);
        let mut builder = tar::Builder::new(Vec::new());
        let passwd = b"root:x:0:0::/root:/bin/sh\ndev:x:4321:4322::/home/dev:/bin/sh\n";
        let mut header = tar::Header::new_gnu();
        header.set_size(passwd.len() as u64);
        builder.append_data(&mut header, "passwd", &passwd[..]).unwrap();
        let stream = builder.into_inner().unwrap();
        fs::write(up.world.path("stub/passwd.tar"), stream).unwrap();
        up.up(&up.document());
        assert_eq!(up.sent()[0], "4321 home/dev");
    });
}

#[test]
fn root_needs_no_numbers_from_the_image() {
    let up = Up::new("podman");
    up.world.write("stub/image", r#"[{"Id":"i"}]"#);
    let mut document = up.document();
    document["user"] = "root".into();
    document["volumes"][0]["target"] = "/root".into();
    document["inject"].as_array_mut().unwrap().truncate(1);
    up.up(&document);
    assert_eq!(up.sent()[0], "0 root");
}

#[test]
fn without_volumes_none_are_asked_for() {
    let up = Up::new("podman");
    let mut document = up.document();
    document.as_object_mut().unwrap().remove("volumes");
    up.up(&document);
    assert!(!up.world.calls().iter().any(|call| call[1] == "volume"));
    assert_eq!(up.things(), Up::whole()[..1]);
}

#[test]
fn a_volume_that_is_mounted_twice_is_made_once() {
    let up = Up::new("podman");
    let mut document = up.document();
    document["volumes"][1]["name"] = document["volumes"][0]["name"].clone();
    up.up(&document);
    assert_eq!(up.things(), Up::whole()[..2]);
    assert_eq!(up.sent()[..2], ["1000 home/dev", "1000 workspace"]);
}

#[test]
fn every_step_is_told_to_who_listens() {
    let up = Up::new("podman");
    let events = up.world.path("events");
    up.command(&up.document()).arg("--events").arg(&events).assert().success();
    let text = fs::read_to_string(events).unwrap();
    let told: Vec<_> = text
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&event["tool"], &event["subject"]), (&"ctr-up".into(), &NAME.into()));
            format!("{} {}", event["step"].as_str().unwrap(), event["status"].as_str().unwrap())
        })
        .collect();
    let steps = ["check", "volume", "volume", "create", "inject", "start", "wait"];
    let expected: Vec<_> =
        steps.iter().flat_map(|step| [format!("{step} started"), format!("{step} done")]).collect();
    assert_eq!(told, expected);
}

#[test]
fn hostile_values_reach_the_engine_as_they_are() {
    let up = Up::new("podman");
    let mut document = up.document();
    document["labels"][4]["value"] = "a\"b'c $(id) `id` # \\ é".into();
    document["mounts"] = json!([{"type": "bind", "source": "/a,b \"c\"", "target": "/-m"}]);
    document["project"]["path"] = "/home/me/it's\nhere".into();
    document["labels"][2]["value"] = "/home/me/it's\nhere".into();
    up.run(&document);
    let create = up.world.calls().into_iter().find(|call| call[1] == "create").unwrap();
    for expected in [
        "--label=ctrkit.branch=a\"b'c $(id) `id` # \\ é",
        "--label=ctrkit.project.path=/home/me/it's\nhere",
        "--mount=type=bind,\"source=/a,b \"\"c\"\"\",target=/-m",
    ] {
        assert!(create.contains(&expected.to_owned()), "{expected}: {create:?}");
    }
}
