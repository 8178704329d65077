//! Files, and what is found in them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use tempfile::TempDir;
use toolkit::Failure;

use crate::{Base, Own, Scope, digest, find};

fn world() -> TempDir {
    let world = tempfile::tempdir().unwrap();
    let at = |path: &str| world.path().join(path);
    fs::create_dir_all(at("project/.devcontainer/local")).unwrap();
    fs::write(at("project/.devcontainer/Dockerfile"), "FROM x\n").unwrap();
    fs::write(at("project/.devcontainer/local/devcontainer-feature.json"), "{\"id\": \"local\"}")
        .unwrap();
    fs::create_dir(at("outside")).unwrap();
    fs::write(at("outside/Dockerfile"), "FROM x\n").unwrap();
    symlink("../../outside", at("project/.devcontainer/link")).unwrap();
    world
}

fn own(world: &TempDir, text: &str) -> Own {
    Own::parse(&world.path().join("project/.devcontainer/devcontainer.json"), text).unwrap()
}

fn keys(world: &TempDir, text: &str, isolated: bool) -> Vec<String> {
    let project = world.path().join("project");
    let scope = Scope { project: &project, name: "dev-a-b3e5ed", isolated };
    own(world, text).dangers(&scope).into_iter().map(|danger| danger.key).collect()
}

#[test]
fn an_ordinary_file_reaches_nothing() {
    let world = world();
    let text = r#"{
        // as editors write it
        "image": "mcr.microsoft.com/devcontainers/base:bookworm",
        "features": {"ghcr.io/devcontainers/features/node:1": {"version": "22"}, "./local": {}},
        "customizations": {"vscode": {"extensions": ["a.b"]}},
        "containerEnv": {"A": "${containerWorkspaceFolder}/x"},
        "mounts": ["source=x-${devcontainerId},target=/x,type=volume"],
        "forwardPorts": [3000, "db:5432"], "appPort": 8080,
        "postCreateCommand": {"a": "make", "b": ["make", "b"]},
        "securityOpt": ["no-new-privileges"], "privileged": false,
        "x-unknown": {"y": 1},
    }"#;
    assert_eq!(keys(&world, text, false), [""; 0]);
    let text = r#"{"build": {"dockerfile": "Dockerfile", "context": "..", "args": {"A": "b"}}}"#;
    assert_eq!(keys(&world, text, false), [""; 0]);
}

/// Keys of a file, and the one that is found.
const REACHING: &[(&str, &str)] = &[
    (r#""initializeCommand": "id""#, "initializeCommand"),
    (r#""privileged": true"#, "privileged"),
    (r#""capAdd": ["SYS_PTRACE"]"#, "capAdd"),
    (r#""securityOpt": ["seccomp=unconfined"]"#, "securityOpt"),
    (r#""securityOpt": ["no-new-privileges\n    privileged: true"]"#, "securityOpt"),
    (r#""runArgs": ["--init", "--network=host"]"#, "runArgs[1]"),
    (r#""mounts": ["type=bind,source=/,target=/host"]"#, "mounts[0]"),
    (r#""mounts": [{"type": "bind", "source": "/", "target": "/host"}]"#, "mounts[0]"),
    (r#""containerEnv": {"A": "${localEnv:TOKEN}"}"#, "containerEnv.A"),
    (r#""remoteEnv": {"A": "x${env:TOKEN}"}"#, "remoteEnv.A"),
    (r#""postCreateCommand": {"a": ["curl", "${localEnv:TOKEN:x}"]}"#, "postCreateCommand.a[1]"),
    (r#""appPort": "3000:3000""#, "appPort[0]"),
    (r#""appPort": [1, "0.0.0.0:3000:3000"]"#, "appPort[1]"),
    (r#""forwardPorts": ["example.org:22"]"#, "forwardPorts[0]"),
    (r#""forwardPorts": ["10.0.0.1:22"]"#, "forwardPorts[0]"),
    (r#""features": {"ghcr.io/a/b/c:1": {}}"#, "features.ghcr.io/a/b/c:1"),
    (
        r#""features": {"ghcr.io/devcontainers/features/docker-in-docker": {}}"#,
        "features.ghcr.io/devcontainers/features/docker-in-docker",
    ),
    (r#""features": {"./absent": {}}"#, "features../absent"),
    (r#""hostRequirements": {"gpu": "optional"}"#, "hostRequirements.gpu"),
];

#[test]
fn what_reaches_the_machine_is_listed() {
    let world = world();
    for (text, key) in REACHING {
        assert_eq!(keys(&world, &format!("{{\"image\": \"a\", {text}}}"), false), [*key], "{text}");
    }
    for (text, key) in [
        (r#"{"dockerFile": "link/Dockerfile"}"#, "build.dockerfile"),
        (r#"{"build": {"dockerfile": "Dockerfile", "context": "../.."}}"#, "build.context"),
        (r#"{"build": {"dockerfile": "Dockerfile", "context": "/"}}"#, "build.context"),
        (r#"{"build": {"dockerfile": "Dockerfile", "context": "link"}}"#, "build.context"),
        (
            r#"{"build": {"dockerfile": "Dockerfile", "options": ["--network=host"]}}"#,
            "build.options[0]",
        ),
        (
            r#"{"build": {"dockerfile": "Dockerfile", "cacheFrom": "type=local,src=/"}}"#,
            "build.cacheFrom",
        ),
    ] {
        assert_eq!(keys(&world, text, false), [key], "{text}");
    }
}

#[test]
fn a_local_feature_asks_by_its_own_file() {
    let world = world();
    let feature = world.path().join("project/.devcontainer/local/devcontainer-feature.json");
    let text = r#"{"image": "a", "features": {"./local": {}}}"#;
    fs::write(&feature, r#"{"privileged": true, "mounts": ["source=/,target=/x,type=bind"]}"#)
        .unwrap();
    assert_eq!(
        keys(&world, text, false),
        ["features../local.privileged", "features../local.mounts[0]"]
    );
    // It is written into a file of others as it stands.
    fs::write(&feature, r#"{"entrypoint": "x\"]\n    privileged: true\n"}"#).unwrap();
    assert_eq!(keys(&world, text, false), ["features../local.entrypoint"]);
    fs::write(&feature, r#"{"entrypoint": "/usr/local/bin/start.sh", "containerEnv": {"A'": ""}}"#)
        .unwrap();
    assert_eq!(keys(&world, text, false), ["features../local.containerEnv.A'"]);
    let text_of_it = r#"{"dependsOn": {"./other": {}}, "containerEnv": {"A": "${localEnv:B}"}}"#;
    fs::write(&feature, text_of_it).unwrap();
    let expected = ["features../local.containerEnv.A", "features../local.dependsOn"];
    assert_eq!(keys(&world, text, false), expected);
    // All of it is copied into a build.
    fs::write(&feature, "{}").unwrap();
    let link = feature.with_file_name("install.sh");
    symlink("/etc/hostname", &link).unwrap();
    assert_eq!(keys(&world, text, false), ["features../local"]);
    fs::remove_file(&link).unwrap();
    assert_eq!(keys(&world, text, false), [""; 0]);
    fs::remove_file(&feature).unwrap();
    symlink("/etc/hostname", &feature).unwrap();
    assert_eq!(keys(&world, text, false), ["features../local"]);
}

#[test]
fn isolation_has_nothing_built_outside_of_it_unless_it_is_trusted() {
    let world = world();
    let build = r#"{"build": {"dockerfile": "Dockerfile"}}"#;
    assert_eq!(keys(&world, build, true), ["build.dockerfile"]);
    let feature = r#"{"image": "a", "features": {"ghcr.io/devcontainers/features/node": {}}}"#;
    assert_eq!(keys(&world, feature, true), ["features.ghcr.io/devcontainers/features/node"]);
}

/// What of a Compose file asks for trust, isolated and not.
const OF_COMPOSE: &[(&str, &[&str], &[&str])] = &[
    ("image: a", &[], &[]),
    // The code is in a volume, and this is none of the isolated container's.
    ("volumes: ['..:/workspaces:cached', 'a:/a', {type: tmpfs, target: /b}]", &[], &["volumes[0]"]),
    ("volumes: ['../.env:/env:ro']", &["volumes[0]"], &["volumes[0]"]),
    ("volumes: ['./../deploy:/x:ro']", &["volumes[0]"], &["volumes[0]"]),
    (
        "volumes: [{type: bind, source: ../.env, target: /x, read_only: true}]",
        &["volumes[0]"],
        &["volumes[0]"],
    ),
    ("ports: ['3000:3000']", &[], &["ports[0]"]),
    ("build: ..", &["build"], &[]),
    ("build: ../..", &["build", "build"], &["build"]),
    ("build: {context: ../..}", &["build.context", "build"], &["build.context"]),
    ("build: {context: ., ssh: [default]}", &["build.ssh", "build"], &["build.ssh"]),
];

#[test]
fn what_of_a_compose_file_is_trusted_is_also_what_an_isolated_container_sees_and_builds() {
    let world = world();
    let project = world.path().join("project");
    let own = own(&world, r#"{"dockerComposeFile": "compose.yml", "service": "dev"}"#);
    for (text, isolated, otherwise) in OF_COMPOSE {
        let text = format!("services: {{dev: {{{text}}}}}\n");
        fs::write(project.join(".devcontainer/compose.yml"), &text).unwrap();
        let keys = |isolated| {
            let scope = Scope { project: &project, name: "dev-a", isolated };
            let found = own.compose_dangers(&scope).unwrap().into_iter();
            assert!(found.clone().all(|danger| !danger.breaks_isolation));
            found
                .map(|danger| danger.key.rsplit("services.dev.").next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!((keys(true), keys(false)), (strings(isolated), strings(otherwise)), "{text}");
    }
}

fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn what_podman_compose_reads_beside_a_compose_file_is_told() {
    let world = world();
    let project = world.path().join("project");
    let own = own(&world, r#"{"dockerComposeFile": "compose.yml", "service": "dev"}"#);
    let at = |name: &str| project.join(".devcontainer").join(name);
    fs::write(at("compose.yml"), "services: {dev: {image: a}}\n").unwrap();
    let files = own.compose_files(&project);
    let mut digests = vec![crate::compose_digest(&files)];
    let mut keys = |text: &str| {
        fs::write(at(".env"), text).unwrap();
        let digest = crate::compose_digest(&files);
        assert!(!digests.contains(&digest));
        digests.push(digest);
        let scope = Scope { project: &project, name: "dev-a", isolated: false };
        let found = own.compose_dangers(&scope).unwrap();
        found.into_iter().map(|danger| danger.key).collect::<Vec<_>>()
    };
    assert_eq!(keys("TOKEN=x\n"), [""; 0]);
    assert_eq!(keys("A=b\nexport PODMAN_USERNS=host\n"), [".devcontainer/.env"]);
    assert_eq!(keys(&"A=b\n".repeat(300_000)), [".devcontainer/.env"]);
    fs::remove_file(at(".env")).unwrap();
    symlink("..", at(".env")).unwrap();
    let scope = Scope { project: &project, name: "dev-a", isolated: false };
    assert_eq!(own.compose_dangers(&scope).unwrap().len(), 1);
}

#[test]
fn the_digest_changes_with_what_is_trusted_and_with_nothing_else() {
    let world = world();
    let of = |text: &str| {
        let project = world.path().join("project");
        let scope = Scope { project: &project, name: "dev-a", isolated: true };
        digest(&own(&world, text).dangers(&scope))
    };
    let first = of(r#"{"image": "a", "initializeCommand": "id"}"#);
    assert_eq!(of(r#"{"image": "b", "postCreateCommand": "x", "initializeCommand": "id"}"#), first);
    assert_ne!(of(r#"{"image": "a", "initializeCommand": "id -u"}"#), first);
    let build = r#"{"build": {"dockerfile": "Dockerfile"}}"#;
    let before = of(build);
    fs::write(world.path().join("project/.devcontainer/Dockerfile"), "FROM y\n").unwrap();
    assert_ne!(of(build), before);
}

#[test]
fn the_digest_changes_with_the_files_that_run() {
    let world = world();
    let project = world.path().join("project");
    let at = |path: &str| project.join(path);
    let put = |path: &str, text: &str| fs::write(at(path), text).unwrap();
    fs::create_dir(at("tools")).unwrap();
    put("tools/setup.sh", "a");
    put("tools/other.sh", "a");
    put(".devcontainer/Dockerfile", "FROM x\nCOPY tools/setup.sh /\n");
    put(
        "compose.yml",
        "services: {dev: {build: {context: ., dockerfile: .devcontainer/Dockerfile}}}\n",
    );
    let of = |text: &str, isolated| {
        let scope = Scope { project: &project, name: "dev-a", isolated };
        let own = own(&world, text);
        let mut found = own.dangers(&scope);
        found.extend(own.compose_dangers(&scope).unwrap());
        digest(&found)
    };
    for (text, isolated) in [
        (r#"{"image": "a", "initializeCommand": "cd .\\n\\\"./tools/setup.sh\\\" x"}"#, false),
        (r#"{"image": "a", "initializeCommand": {"a": ["tools/setup.sh"]}}"#, true),
        (r#"{"build": {"dockerfile": "Dockerfile", "context": ".."}}"#, true),
        (r#"{"dockerComposeFile": "../compose.yml", "service": "dev"}"#, true),
    ] {
        put("tools/setup.sh", "a");
        let before = of(text, isolated);
        put("tools/other.sh", "b");
        assert_eq!(of(text, isolated), before, "{text}");
        put("tools/setup.sh", "b");
        assert_ne!(of(text, isolated), before, "{text}");
    }
}

#[test]
fn a_local_feature_is_trusted_with_all_its_files() {
    let world = world();
    let project = world.path().join("project");
    let local = project.join(".devcontainer/local");
    let of = |isolated| {
        let scope = Scope { project: &project, name: "dev-a", isolated };
        digest(&own(&world, r#"{"image": "a", "features": {"./local": {}}}"#).dangers(&scope))
    };
    for (feature, isolated) in [("{\"privileged\": true}", false), ("{}", true)] {
        fs::write(local.join("devcontainer-feature.json"), feature).unwrap();
        let mut seen = vec![of(isolated)];
        let mut is_new = |what: &str| {
            let now = of(isolated);
            assert!(!seen.contains(&now), "{what}");
            seen.push(now);
        };
        fs::write(local.join("install.sh"), "a").unwrap();
        is_new("a file");
        fs::write(local.join("install.sh"), "b").unwrap();
        is_new("contents");
        fs::set_permissions(local.join("install.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        is_new("a mode");
        fs::create_dir(local.join("more")).unwrap();
        is_new("a directory");
        fs::rename(local.join("install.sh"), local.join("more/install.sh")).unwrap();
        is_new("a name");
        fs::remove_dir_all(local.join("more")).unwrap();
        assert_eq!(of(isolated), seen[0]);
    }
    let large = fs::File::create(local.join("large")).unwrap();
    large.set_len(65 << 20).unwrap();
    let text = r#"{"image": "a", "features": {"./local": {}}}"#;
    assert_eq!(keys(&world, text, false), ["features../local"]);
}

#[test]
fn wrong_values_are_told_by_key_and_line() {
    let world = world();
    let path = world.path().join("project/.devcontainer/devcontainer.json");
    for (line, key, text) in [
        (2, "image", "\"image\": 1"),
        (2, "image", "\"image\": \"-v\""),
        (2, "image", "\"image\": \"oci-archive:/etc/x\""),
        (2, "build", "\"build\": {}"),
        (2, "build.dockerfile", "\"build\": {\"dockerfile\": [\"a\"]}"),
        (2, "build.ssh", "\"build\": {\"dockerfile\": \"a\", \"ssh\": \"x\"}"),
        (2, "build", "\"build\": {\"dockerfile\": \"a\"}, \"image\": \"a\""),
        (2, "dockerComposeFile", "\"dockerComposeFile\": [], \"service\": \"a\""),
        (2, "service", "\"dockerComposeFile\": \"a\", \"service\": \"a'\\nb\""),
        (3, "remoteUser", "\"image\": \"a\",\n\"remoteUser\": \"a b\""),
        (3, "containerEnv.A'", "\"image\": \"a\",\n\"containerEnv\": {\"A'\": \"b\"}"),
        (3, "containerEnv", "\"image\": \"a\",\n\"containerEnv\": {\"A\": null}"),
        (2, "mounts[0]", "\"mounts\": [\"type=volume,target=/a\\nb\"]"),
        (2, "postCreateCommand", "\"postCreateCommand\": 1"),
        (2, "appPort", "\"appPort\": 70000"),
        (2, "name", "\"name\": \"a\\u0000\""),
        (2, "privileged", "\"privileged\": \"true\""),
        (2, "features", "\"features\": []"),
    ] {
        let error = Own::parse(&path, &format!("{{\n{text}}}")).unwrap_err();
        assert_eq!(error.kind(), "bad-devcontainer", "{text}: {error}");
        let says = format!("at line {line}: '{key}' ");
        assert!(error.to_string().contains(&says), "{text}: {error}");
    }
}

#[test]
fn the_base_is_what_the_file_says() {
    let world = world();
    assert_eq!(own(&world, "{}").base(), Base::Nothing);
    assert_eq!(own(&world, r#"{"image": "a:1"}"#).base(), Base::Image("a:1".into()));
    let old = own(&world, r#"{"dockerFile": "Dockerfile", "context": ".."}"#);
    let Base::Build { dockerfile, context, .. } = old.base() else { panic!() };
    assert_eq!((dockerfile.as_str(), context.as_str()), ("Dockerfile", ".."));
    assert_eq!(old.user(), "vscode");
    assert_eq!(own(&world, r#"{"containerUser": "me"}"#).user(), "me");
    let error = own(&world, r#"{"dockerFile": "absent"}"#).check_files(world.path()).unwrap_err();
    assert_eq!(error.kind(), "missing-file");
}

#[test]
fn the_only_file_is_found_and_of_several_one_has_to_be_asked_for() {
    let world = world();
    let project = world.path().join("project");
    let put = |name: &str, text: &str| {
        fs::create_dir_all(project.join(name).parent().unwrap()).unwrap();
        fs::write(project.join(name), text).unwrap();
    };
    let found = |asked: Option<&str>| find(&project, asked.map(Path::new), |text| text == b"ours");
    assert_eq!(found(None).unwrap(), None);
    put(".devcontainer/one/devcontainer.json", "{}");
    assert_eq!(found(None).unwrap(), Some(project.join(".devcontainer/one/devcontainer.json")));
    put(".devcontainer/devcontainer.json", "ours");
    assert_eq!(found(None).unwrap(), Some(project.join(".devcontainer/one/devcontainer.json")));
    put(".devcontainer.json", "{}");
    let error = found(None).unwrap_err();
    assert_eq!(error.kind(), "devcontainer-ambiguous");
    assert!(error.to_string().contains(".devcontainer.json, .devcontainer/one/"), "{error}");
    let asked = found(Some(".devcontainer/one/devcontainer.json")).unwrap();
    assert_eq!(asked, Some(project.join(".devcontainer/one/devcontainer.json")));
    assert_eq!(found(Some("absent.json")).unwrap_err().kind(), "devcontainer-absent");
}

#[test]
fn a_file_that_a_link_leads_out_to_is_not_read() {
    let world = world();
    let project = world.path().join("project");
    let link = project.join(".devcontainer.json");
    fs::write(world.path().join("outside/secret.json"), "{}").unwrap();
    symlink("../outside/secret.json", &link).unwrap();
    assert_eq!(Own::load(&link, &project, false).unwrap_err().kind(), "bad-devcontainer");
    assert!(Own::load(&link, &project, true).is_ok());
}

#[test]
fn an_image_may_ask_for_as_much_as_a_file() {
    let world = world();
    let scope = Scope { project: world.path(), name: "dev-a", isolated: true };
    let metadata = serde_json::json!([
        {"id": "x", "customizations": {}, "remoteUser": "vscode", "entrypoint": "/x.sh"},
        {"privileged": true, "mounts": [{"type": "bind", "source": "/", "target": "/x"}]},
        {"containerUser": "a\n    privileged: true"},
        {"capAdd": "SYS_ADMIN", "hostRequirements": {"gpu": "optional"}},
    ]);
    let found = crate::of_metadata(&metadata, &scope);
    let keys: Vec<_> = found.iter().map(|danger| danger.key.as_str()).collect();
    let expected = [
        "[1].privileged",
        "[1].mounts[0]",
        "[2].containerUser",
        "[3].capAdd",
        "[3].hostRequirements.gpu",
    ];
    assert_eq!(keys, expected.map(|key| format!("devcontainer.metadata{key}")));
    assert!(found.iter().all(|danger| danger.breaks_isolation));
}

#[test]
fn a_label_is_read_as_the_cli_reads_it_or_is_a_danger_itself() {
    let world = world();
    let scope = Scope { project: world.path(), name: "dev-a", isolated: false };
    let keys = |text: &str| {
        crate::of_label(text, &scope).into_iter().map(|danger| danger.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(r#"{"privileged": true}"#), ["devcontainer.metadata[0].privileged"]);
    let secret = r#"[{"remoteEnv": {"A": "${localEnv:SECRET}"}}]"#;
    assert_eq!(keys(secret), ["devcontainer.metadata[0].remoteEnv.A"]);
    assert_eq!(keys("[{'privileged': true}]"), ["devcontainer.metadata"]);
    assert!(keys(r#"[{"privileged": false, "capAdd": [], "init": true}, 7, null]"#).is_empty());
}

#[test]
fn what_is_trusted_is_one_of_several_digests_and_isolation_cannot_be_trusted_away() {
    let found =
        || vec![crate::Danger::new("capAdd", &serde_json::json!("A"), "it does").breaking()];
    let digest = crate::digest(&found());
    let trust = |trust: Option<&str>, isolated| crate::trust("image", found(), trust, isolated);
    for good in ["any", &digest, &format!("0,{digest}")] {
        assert_eq!(trust(Some(good), false).unwrap().as_deref(), Some(&*digest));
        assert_eq!(trust(Some(good), true).unwrap_err().kind(), "cannot-isolate");
    }
    for bad in [None, Some(""), Some("0"), Some("anybody")] {
        let error = trust(bad, false).unwrap_err();
        assert_eq!(error.kind(), "untrusted");
        assert_eq!(error.to_string(), "'image' is not trusted: capAdd: \"A\": it does");
    }
    assert_eq!(crate::trust("image", vec![], None, true), Ok(None));
}
