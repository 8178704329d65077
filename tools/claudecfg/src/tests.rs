use document::{
    Extra,
    claude::{Claude, Secret},
    container::{Engine, Project},
};

use super::*;

fn container() -> Container {
    let project = Project {
        path: "/p".into(),
        name: "p".into(),
        hash: "0123456789ab".into(),
        branch: None,
        extra: Extra::new(),
    };
    let mut container = Container::new("dev-p-012345".into(), project);
    container.user = Some("dev".into());
    container.claude = Some(Claude::default());
    container
}

fn places() -> (Places, DataPlace) {
    let places = Places { config_dir: Some("/c".into()), state_dir: Some("/s".into()) };
    (places, DataPlace { data_dir: Some("/d".into()) })
}

fn plan(container: &mut Container) -> Plan {
    let (places, data) = places();
    Plan::of(container, &places, &data).unwrap()
}

#[test]
fn the_configuration_is_the_projects_own_and_the_secrets_can_only_be_read() {
    let mut container = container();
    plan(&mut container);
    let claude = container.claude.clone().unwrap();
    assert_eq!(claude.directory.as_deref(), Some(Path::new("/d/claude/0123456789ab")));
    assert_eq!(claude.target.as_deref(), Some("/home/dev/.claude"));
    let mounts: Vec<_> = container.mounts.iter().map(|m| (&*m.target, m.read_only)).collect();
    assert_eq!(mounts, [("/home/dev/.claude", false), ("/run/secrets", true)]);
    assert_eq!(container.env[0].name, "CLAUDE_CONFIG_DIR");
    assert_eq!(container.env[0].value, "/home/dev/.claude");
    let again = container.clone();
    plan(&mut container);
    assert_eq!(container, again);
}

#[test]
fn secrets_alone_bring_no_configuration() {
    let mut container = container();
    container.claude = None;
    assert!(!is_asked_for(&container).unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "x").unwrap();
    container.secrets =
        vec![Secret { name: "a".into(), file: file.path().into(), ..Secret::default() }];
    assert!(is_asked_for(&container).unwrap());
    plan(&mut container);
    let targets: Vec<_> = container.mounts.iter().map(|mount| &*mount.target).collect();
    assert_eq!(targets, ["/run/secrets"]);
    assert!(container.env.is_empty());
}

#[test]
fn nothing_of_this_machine_is_mounted_elsewhere() {
    let mut container = container();
    let entry = Inject { target: "/home/dev/.claude/a".into(), ..Inject::default() };
    container.inject.push(entry.clone());
    container.engine = Some(Engine { host: Some("ssh://box".into()), ..Engine::default() });
    plan(&mut container);
    assert!(container.mounts.is_empty());
    assert!(container.inject.contains(&entry));
    assert_eq!(container.claude.unwrap().directory, None);
    assert_eq!(container.env[0].name, "CLAUDE_CONFIG_DIR");
}

#[test]
fn files_for_the_configuration_are_taken_over_and_no_others() {
    let mut container = container();
    let entry = |target: &str| Inject {
        source: Some("/f".into()),
        target: target.to_owned(),
        mode: "0644".into(),
        ..Inject::default()
    };
    let targets = [".claude", ".claude/agents/a.md", ".claude.json", ".claudex/a", ".bashrc"];
    container.inject = targets.map(|path| entry(&format!("/home/dev/{path}"))).to_vec();
    let plan = plan(&mut container);
    let seeds: Vec<_> = plan.seeds.iter().map(|seed| seed.path.to_str().unwrap()).collect();
    assert_eq!(seeds, ["", "agents/a.md"]);
    let left: Vec<_> = container.inject.iter().map(|entry| &*entry.target).collect();
    assert_eq!(left[..3], ["/home/dev/.claude.json", "/home/dev/.claudex/a", "/home/dev/.bashrc"]);
}

#[test]
fn names_that_could_lead_anywhere_are_refused() {
    for hash in ["", "..", "0123456789a", "0123456789ABC", "../../../etc", "0123456789a\n"] {
        let mut container = container();
        container.project.hash = hash.into();
        assert!(matches!(is_asked_for(&container), Err(Error::BadHash { .. })), "{hash}");
    }
    let mut container = container();
    container.name = "../x".into();
    assert!(matches!(is_asked_for(&container), Err(Error::BadName { .. })));
}
