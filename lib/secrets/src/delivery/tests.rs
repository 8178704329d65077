//! What is delivered, where to, and what is remembered of it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
};

use document::{
    claude::Secret,
    container::Project,
    policy::{Isolation, IsolationSecret},
};
use engine::Kind;
use toolkit::Failure;

use super::{
    account::{Account, Way},
    place::make_place,
    *,
};

fn container(secrets: &[(&str, &Path, Option<&str>)]) -> Container {
    let project = Project {
        path: "/p".into(),
        name: "p".into(),
        hash: "0123456789ab".into(),
        branch: None,
        extra: document::Extra::new(),
    };
    let secret = |(name, file, env): &(&str, &Path, Option<&str>)| Secret {
        name: (*name).to_owned(),
        file: (*file).to_owned(),
        env: env.map(str::to_owned),
        ..Secret::default()
    };
    let mut container = Container::new("dev-p-012345".into(), project);
    container.secrets = secrets.iter().map(secret).collect();
    container
}

fn file(directory: &Path, name: &str, contents: &[u8]) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, contents).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn a_secret_without_a_variable_may_be_anything() {
    let directory = tempfile::tempdir().unwrap();
    let (lines, one) =
        (file(directory.path(), "a", b"canary\n\xff\n"), file(directory.path(), "b", b"canary\n"));
    let copies = Copies::read(&container(&[("k", &lines, None), ("t", &one, Some("T"))]));
    let copies = copies.unwrap();
    let files = copies.files();
    assert_eq!(files[0], ("k", b"canary\n\xff\n".to_vec(), false));
    assert_eq!(files[1], ("t", b"canary".to_vec(), false));
    assert_eq!(files[2], (VARIABLES, b"T t\n".to_vec(), true));
    assert_eq!(format!("{copies:?}"), r#"Copies["k", "t"]"#);
    let error = Copies::read(&container(&[("k", &lines, Some("K"))])).unwrap_err();
    assert_eq!(error.kind(), "bad-secret");
    let none = file(directory.path(), "c", b"");
    assert_eq!(Copies::read(&container(&[("k", &none, None)])).unwrap_err().kind(), "bad-secret");
    let much = file(directory.path(), "d", &[b'x'; (64 << 10) + 1]);
    assert_eq!(Copies::read(&container(&[("k", &much, None)])).unwrap_err().kind(), "bad-secret");
}

#[test]
fn a_name_is_a_file_and_a_variable_is_a_shells() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "a", b"x");
    let refused = |name, env| {
        let error = Copies::read(&container(&[(name, &path, env)])).unwrap_err();
        assert_eq!(error.kind(), "bad-secret-name", "{name} {env:?}");
    };
    let long = "a".repeat(65);
    for name in ["", ".", "..", ".variables", "a/b", "a b", "a\n", "-a", "é", "a=b", &long] {
        refused(name, None);
    }
    for env in ["", "1A", "A-B", "A B", "A=B", "A\n", "é"] {
        refused("a", Some(env));
    }
    let twice = container(&[("a", &path, None), ("a", &path, Some("A"))]);
    assert_eq!(Copies::read(&twice).unwrap_err().kind(), "bad-secret-name");
}

#[test]
fn what_the_proxy_has_the_container_has_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "a", b"canary");
    let mut container = container(&[("t", &path, Some("T")), ("f", &path, None)]);
    container.claude =
        Some(document::claude::Claude { token_file: Some(path), ..Default::default() });
    let names = |container: &Container| {
        let copies = Copies::read(container).unwrap();
        let names = copies.files().into_iter().map(|(name, ..)| name.to_owned());
        names.filter(|name| name != VARIABLES).collect::<Vec<_>>()
    };
    assert_eq!(names(&container), ["t", "f", "claude-token"]);
    let secret = |env: &str| IsolationSecret { env: Some(env.into()), ..Default::default() };
    let secrets = vec![secret("T"), secret(CLAUDE.1)];
    container.isolation = Some(Isolation { secrets, ..Default::default() });
    assert_eq!(names(&container), ["f"]);
    container.isolation = None;
    container.secrets[1].env = Some(CLAUDE.1.into());
    assert_eq!(names(&container), ["t", "f"]);
}

#[test]
fn a_file_is_given_to_the_account_by_the_means_there_are() {
    let account = Account { uid: 1000, gid: 1000 };
    assert_eq!(Way::of(account, 0, Kind::Podman), Way::Chown);
    assert_eq!(Way::of(account, 0, Kind::Docker), Way::Chown);
    assert_eq!(Way::of(account, 1000, Kind::Podman), Way::Unshare);
    assert_eq!(Way::of(account, 1000, Kind::Docker), Way::Own);
    assert_eq!(Way::of(account, 1001, Kind::Docker), Way::List);
}

#[test]
fn the_place_is_for_those_in_the_container_and_the_mount_can_only_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("dev-p-012345");
    make_place(&state).unwrap();
    make_place(&state).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&state), mode(&place(&state))), (0o700, 0o755));
    let mut container = container(&[]);
    mount(&mut container, &state);
    mount(&mut container, &state);
    assert_eq!(container.mounts.len(), 1);
    assert!(mounted(&container).unwrap().read_only);
}

#[test]
fn what_was_delivered_is_known_until_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    let path = file(state, "a", b"canary");
    let host = Some("ssh://box".to_owned());
    let engine = document::container::Engine { host, ..Default::default() };
    let container =
        || Container { engine: Some(engine.clone()), ..container(&[("t", &path, Some("T"))]) };
    let due = |container: &Container, id| is_due(container, state, id, Effort::IfChanged).unwrap();
    let memory = Memory::at(state.join(RECORD));
    assert!(due(&container(), "id"));
    let copies = Copies::read(&container()).unwrap();
    memory.note(&copies.record("id").unwrap()).unwrap();
    assert!(!due(&container(), "id") && due(&container(), "other"));
    assert!(is_due(&container(), state, "id", Effort::Always).unwrap());
    // One that was made without them has no place for any.
    assert!(!due(&Container { engine: None, ..container() }, "id"));
    fs::write(&path, "other").unwrap();
    assert!(due(&container(), "id"));
    // Also where it is no text.
    let key =
        || Container { engine: Some(engine.clone()), ..self::container(&[("k", &path, None)]) };
    fs::write(&path, b"\xfe").unwrap();
    memory.note(&Copies::read(&key()).unwrap().record("id").unwrap()).unwrap();
    assert!(!due(&key(), "id"));
    fs::write(&path, b"\xff").unwrap();
    assert!(due(&key(), "id"));
    memory.note(&copies.record("id").unwrap()).unwrap();
    fs::write(&path, "other").unwrap();
    let record = fs::read_to_string(state.join(RECORD)).unwrap();
    assert!(!record.contains("canary"));
    // In the place, the files have to be there too.
    let mut here = Container { engine: None, ..container() };
    mount(&mut here, state);
    let copies = Copies::read(&here).unwrap();
    memory.note(&copies.record("").unwrap()).unwrap();
    assert!(due(&here, "id"));
    make_place(state).unwrap();
    fs::write(place(state).join("t"), "other").unwrap();
    fs::write(place(state).join(VARIABLES), "T t\n").unwrap();
    assert!(!due(&here, "id"));
    // What a killed run has begun is not there.
    prepare(&here, state).unwrap();
    assert!(due(&here, "id"));
}
