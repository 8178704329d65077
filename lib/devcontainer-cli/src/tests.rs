use document::{Container, container::Project, devcontainer::Devcontainer};
use engine::Kind;
use serde_json::{Value, json};
use toolkit::Failure;

use crate::*;

fn container(config: &Path, mode: &str) -> Container {
    let project: Project = serde_json::from_value(json!({
        "path": "/home/a/p", "name": "p", "hash": "0123456789ab"
    }))
    .unwrap();
    let mut container = Container::new("dev-p-012345".into(), project);
    container.image = Some("i".into());
    container.devcontainer = Some(Devcontainer {
        config: Some(config.to_owned()),
        mode: Some(mode.to_owned()),
        compose_files: vec!["/a/compose.yml".into()],
        service: Some("web".into()),
        ..Devcontainer::default()
    });
    container
}

/// Returns the file in force where the document's one is `text`.
fn force(text: &str, mode: &str, kind: Kind, isolated: Option<&Path>) -> Result<Value, Error> {
    let directory = tempfile::tempdir().unwrap();
    force_in(directory.path(), text, mode, kind, isolated, None)
}

/// The same with its files in `directory`, made from `image`.
fn force_in(
    directory: &Path,
    text: &str,
    mode: &str,
    kind: Kind,
    isolated: Option<&Path>,
    image: Option<&str>,
) -> Result<Value, Error> {
    let config = directory.join("devcontainer.json");
    std::fs::write(&config, text).unwrap();
    let container = container(&config, mode);
    let labels = Labels::of(&container, "image:1 env:$2");
    let path = in_force(&container, kind, directory, &labels, isolated, image)?;
    Ok(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

#[test]
fn what_was_judged_is_what_it_is_made_from() {
    let directory = tempfile::tempdir().unwrap();
    let force = |text, mode| {
        force_in(directory.path(), text, mode, Kind::Docker, None, Some("judged:1")).unwrap()
    };
    let config = force(r#"{"build":{"dockerfile":"/d"},"features":{"./x":{}}}"#, "build");
    assert_eq!((config.get("build"), &config["image"]), (None, &json!("judged:1")));
    assert_eq!(config["features"], json!({"./x": {}}));
    assert_eq!(config.get("overrideCommand"), None);
    let config = force(r#"{"service":"web"}"#, "compose");
    let over = config["dockerComposeFile"].as_array().unwrap().last().unwrap();
    let over: Value =
        serde_json::from_slice(&std::fs::read(over.as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(over["services"]["web"]["image"], "judged:1");
}

#[test]
fn a_container_without_compose_has_its_labels_among_its_options() {
    let text = r#"{"image":"i","runArgs":["--name=a"],"unknown":[1],"overrideCommand":false}"#;
    let config = force(text, "image", Kind::Podman, None).unwrap();
    let args: Vec<_> = config["runArgs"].as_array().unwrap().iter().collect();
    assert_eq!(args[..2], ["--name=a", "--userns=host"]);
    assert!(args.contains(&&json!("--label=ctrkit.spec=image:1 env:$2")));
    assert!(args.contains(&&json!("--label=devcontainer.local_folder=/home/a/p")));
    assert_eq!(config["unknown"], json!([1]));
    assert_eq!(config["overrideCommand"], json!(true));
    let text = r#"{"image":"i","runArgs":["--userns=auto"]}"#;
    let args = force(text, "image", Kind::Podman, None).unwrap()["runArgs"].to_string();
    assert!(!args.contains("--userns=host"), "{args}");
    let args = force("{}", "build", Kind::Docker, None).unwrap()["runArgs"].to_string();
    assert!(!args.contains("--userns"), "{args}");
}

#[test]
fn a_persons_compose_files_get_one_more_on_top() {
    let config = force("{}", "compose", Kind::Docker, None).unwrap();
    let files = config["dockerComposeFile"].as_array().unwrap();
    assert_eq!(files[0], "/a/compose.yml");
    assert!(files[1].as_str().unwrap().ends_with("devcontainer.up.compose.json"));
    assert_eq!(config["overrideCommand"], Value::Null);
}

#[test]
fn what_is_isolated_is_made_from_its_model_alone() {
    let file = Path::new("/state/app.json");
    let config = force("{}", "compose", Kind::Docker, Some(file)).unwrap();
    assert_eq!(config["dockerComposeFile"], json!(["/state/app.json"]));
    assert_eq!(config["overrideCommand"], json!(false));
    let error = force("{}", "image", Kind::Docker, Some(file)).unwrap_err();
    assert_eq!(error.kind(), "bad-devcontainer");
    assert_eq!(force("[", "image", Kind::Docker, None).unwrap_err().kind(), "bad-devcontainer");
}

#[track_caller]
fn check_failure(output: &str, log: &str, status: i32, expected: (&str, &str)) {
    let mut lines = Lines::default();
    log.lines().for_each(|line| drop(lines.take(line)));
    let program = Path::new("/bin/devcontainer");
    let error =
        answer::judge(output.as_bytes(), Some(status), lines, "devcontainer up".into(), program);
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), expected);
}

#[test]
fn failures_are_told_apart_by_what_is_said() {
    check_failure(
        r#"{"outcome":"error","message":"getaddrinfo ENOTFOUND ghcr.io","description":"An error occurred setting up the container."}"#,
        "",
        1,
        ("feature-not-fetched", "the devcontainers CLI has failed: getaddrinfo ENOTFOUND ghcr.io"),
    );
    check_failure(
        r#"{"outcome":"error","message":"Command failed: podman run -x","description":"An error occurred setting up the container."}"#,
        "{\"type\":\"raw\",\"level\":3,\"text\":\"\\u001b[1mError: cannot listen: Address already in use\\u001b[0m\\r\\n\"}",
        1,
        ("port-taken", "the devcontainers CLI has failed: cannot listen: Address already in use"),
    );
    check_failure(
        "",
        "/usr/bin/env: 'node': No such file or directory",
        127,
        (
            "no-devcontainer-cli",
            "cannot find the devcontainers CLI '/bin/devcontainer': /usr/bin/env: 'node': No such file or directory",
        ),
    );
    check_failure(
        "noise\n",
        "",
        3,
        ("devcontainer-failed", "the devcontainers CLI has failed: it failed without a word"),
    );
}

#[test]
fn an_answer_may_have_noise_before_it() {
    let output =
        b"noise\n{\"outcome\":\"success\",\"containerId\":\"ab\",\"remoteUser\":\"dev\"}\n";
    let answer =
        answer::judge(output, Some(0), Lines::default(), String::new(), Path::new("/d")).unwrap();
    assert_eq!(
        (answer.container_id.as_deref(), answer.remote_user.as_deref()),
        (Some("ab"), Some("dev"))
    );
}
