//! Templates that are shipped, and those that a person writes.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use toolkit::{Failure, Places};

use crate::{Library, TemplateError, render};

fn library(config: &Path) -> Library {
    let places = Places { config_dir: Some(config.to_owned()), ..Places::default() };
    Library::new(&places).unwrap()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[track_caller]
fn refused(config: &Path, name: &str) -> TemplateError {
    library(config).find(name).unwrap_err()
}

#[test]
fn those_that_are_shipped_can_be_used() {
    let nowhere = Path::new("/nonexistent");
    for name in library(nowhere).names().unwrap() {
        let template = library(nowhere).find(&name).unwrap();
        assert!(!template.settings.description.is_empty(), "{name}");
        assert!(!template.settings.container.isolate.is_empty(), "{name}");
        assert_eq!(template.has_recipe(), name != "basic", "{name}");
        let section = template.section();
        assert_eq!(library(nowhere).of(&section).unwrap().digest(), template.digest());
    }
}

#[test]
fn a_persons_own_comes_first_and_is_read_whole() {
    let config = tempfile::tempdir().unwrap();
    let own = config.path().join("templates/rust");
    write(&own.join("template.toml"), "[container]\nuser = \"me\"\n[container.limits]\npids = 5\n");
    write(&own.join("image/Containerfile"), "ARG BASE\nFROM ${BASE}\nCOPY a /a\n");
    write(&own.join("image/sub/a"), "a");
    write(&own.join("home/.claude/settings.json"), "{}");
    write(&own.join("home/.profile"), "x");
    write(&own.join("policies/own.toml"), "schema = \"policy/1\"");
    write(&own.join("compose.yaml"), "services: {}");
    write(&own.join("devcontainer.json"), "{\n  // why\n  \"waitFor\": [1,],\n}");
    write(&own.join(".git/config"), "not read");
    symlink("sub/a", own.join("image/a")).unwrap();
    fs::set_permissions(own.join("home/.profile"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(own.join("home/.claude"), fs::Permissions::from_mode(0o700)).unwrap();
    let template = library(config.path()).find("rust").unwrap();
    assert_eq!(template.directory.as_deref(), Some(own.as_path()));
    assert_eq!(template.settings.container.user.as_deref(), Some("me"));
    let image: Vec<_> = template.below("image").map(|(path, _)| path).collect();
    assert_eq!(image, ["Containerfile", "a", "sub/a"]);
    let home: Vec<_> = template.home().map(|(path, file)| (path, file.mode)).collect();
    assert_eq!(home, [(".claude", 0o700), (".claude/settings.json", 0o644), (".profile", 0o600)]);
    assert_eq!(template.claude().map(|(path, _)| path).collect::<Vec<_>>(), ["settings.json"]);
    assert_eq!(template.policies().unwrap()[0].0, "own");
    assert_eq!(template.compose().unwrap().unwrap().1, "services: {}");
    assert_eq!(
        serde_json::json!(template.devcontainer().unwrap()),
        serde_json::json!({"waitFor": [1]})
    );
    assert!(!template.files().keys().any(|path| path.starts_with(".git")));
}

#[test]
fn the_image_changes_with_the_recipe_and_with_what_it_is_built_upon() {
    let config = tempfile::tempdir().unwrap();
    let own = config.path().join("templates/own");
    write(&own.join("template.toml"), "");
    write(&own.join("image/Containerfile"), "ARG BASE\nFROM ${BASE}\n");
    let library = library(config.path());
    let before = library.find("own").unwrap();
    assert_ne!(before.image("a"), before.image("b"));
    write(&own.join("home/.x"), "");
    let with_home = library.find("own").unwrap();
    assert_eq!(before.image("a"), with_home.image("a"));
    assert_eq!(library.of(&before.section()).unwrap_err().kind(), "template-changed");
    write(&own.join("image/Containerfile"), "ARG BASE\nFROM ${BASE}\nRUN true\n");
    assert_ne!(before.image("a"), library.find("own").unwrap().image("a"));
}

#[test]
fn what_reaches_this_machine_is_not_added_to_a_devcontainer_json() {
    let config = tempfile::tempdir().unwrap();
    let own = config.path().join("templates/own");
    write(&own.join("template.toml"), "");
    for (text, line) in [
        ("{\n\"initializeCommand\": \"id\"}", 2),
        ("{\"waitFor\": 1,\n\n\"runArgs\": []}", 3),
        ("{\"mounts\": []}", 1),
        ("{\"containerEnv\": {\"A\": \"${localEnv:TOKEN}\"}}", 1),
        ("{\n\"features\": }", 2),
        ("[]", 1),
    ] {
        write(&own.join("devcontainer.json"), text);
        let error = library(config.path()).find("own").unwrap().devcontainer().unwrap_err();
        let TemplateError::Malformed { line: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, line, "{text}");
    }
}

#[test]
fn links_that_lead_out_are_refused() {
    let config = tempfile::tempdir().unwrap();
    let secret = config.path().join("id_ed25519");
    write(&secret, "secret");
    for target in [secret.as_path(), Path::new("../../../id_ed25519"), Path::new("nowhere")] {
        let own = config.path().join("templates/own");
        write(&own.join("template.toml"), "");
        fs::create_dir_all(own.join("home")).unwrap();
        symlink(target, own.join("home/.key")).unwrap();
        assert_eq!(refused(config.path(), "own").kind(), "link-outside");
        fs::remove_dir_all(own).unwrap();
    }
    let own = config.path().join("templates/own");
    write(&own.join("template.toml"), "");
    symlink(".", own.join("loop")).unwrap();
    assert_eq!(refused(config.path(), "own").kind(), "bad-file");
    fs::remove_file(own.join("loop")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(own.join("pipe")).status().unwrap().success());
    assert_eq!(refused(config.path(), "own").kind(), "bad-file");
}

#[test]
fn what_is_no_template_is_told() {
    let config = tempfile::tempdir().unwrap();
    for name in ["", "-a", "a-", "A", "a/b", "..", "a b", "base", "proxy", &"a".repeat(41)] {
        assert_eq!(refused(config.path(), name).kind(), "bad-template-name", "{name}");
    }
    let error = refused(config.path(), "nope");
    assert_eq!(error.kind(), "no-such-template");
    assert!(error.hint().unwrap().contains("rust"), "{error}");
    fs::create_dir_all(config.path().join("templates/empty")).unwrap();
    assert_eq!(refused(config.path(), "empty").kind(), "not-a-template");
    for (text, line) in [("description = 1\n", 1), ("\n[container]\nimge = \"x\"\n", 3), ("[", 1)] {
        write(&config.path().join("templates/own/template.toml"), text);
        let error = refused(config.path(), "own");
        let TemplateError::Malformed { line: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, line, "{text}");
    }
    write(&config.path().join("templates/own/template.toml"), "");
    write(&config.path().join("templates/own/image/Dockerfile"), "");
    assert_eq!(refused(config.path(), "own").kind(), "bad-template");
}

fn variables() -> render::Variables {
    render::Variables::from_pairs(&[("ProjectName", "na$me: \"x\""), ("ProjectPath", "/a:b")])
}

fn filled(name: &str, text: &str) -> Result<String, TemplateError> {
    render::render(name, name, text, &variables())
}

#[test]
fn an_unknown_variable_is_told_with_its_line() {
    for name in ["a.yml.tmpl", "a.json.tmpl", "a.py.tmpl"] {
        let error = filled(name, "# {{.ProjectName}}\n\nx: {{ .ProjectNme }}\n").unwrap_err();
        assert_eq!(error.kind(), "unknown-variable");
        assert!(error.to_string().contains("line 3"), "{error}");
        assert_eq!(
            filled(name, "a\n{{.projectname}}").unwrap_err().hint().unwrap(),
            "is it 'ProjectName'?"
        );
        assert_eq!(filled(name, "{{.ProxyPort}}").unwrap_err().kind(), "variable-unset");
        assert_eq!(filled(name, "{{.ProjectName").unwrap_err().kind(), "bad-template");
        assert_eq!(filled(name, "{{if .X}}").unwrap_err().kind(), "unknown-variable");
    }
}

#[test]
fn compose_gets_the_value_and_nothing_else() {
    let text = "services:\n  app:\n    image: i # {{.ProjectName}}\n    environment:\n      A: {{.ProjectName}}-${HOME}\n      B: ${X:-y}\n    labels: [\"a={{ProjectName}}\"]\n    mode: 0440\n";
    let filled = filled("a.yml.tmpl", text).unwrap();
    let model: serde_json::Value = serde_json::from_str(&filled).unwrap();
    let app = &model["services"]["app"];
    assert_eq!(app["environment"]["A"], "na$$me: \"x\"-${HOME}");
    assert_eq!(app["environment"]["B"], "${X:-y}");
    assert_eq!(app["labels"][0], "a=na$$me: \"x\"");
    assert_eq!(app["mode"], 288);
}

#[test]
fn strings_of_compose_that_are_taken_apart_take_no_value_that_shifts_them() {
    for (text, says) in [
        ("services: {a: {volumes: ['{{.ProjectPath}}:/x']}}", "':'"),
        ("services: {a: {ports: ['{{.ProjectPath}}:1']}}", "'/'"),
        ("services: {a: {command: 'echo {{.ProjectName}}'}}", "one plain word"),
        ("services: {a: {environment: {A: '${{.ProjectName}}'}}}", "environment"),
        ("services: {a: {environment: {A: '${X:-{{.ProjectName}}}'}}}", "environment"),
        ("services: {a: {environment: {A: '$X{{.ProjectName}}'}}}", "environment"),
        ("services: {a: {environment: {'{{.ProjectPath}}': 1, '/a:b': 2}}}", "twice"),
    ] {
        let error = filled("a.yml.tmpl", text).unwrap_err();
        assert_eq!(error.kind(), "value-refused", "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert!(error.hint().is_some());
    }
    for text in [
        "services: {a: {volumes: [{type: bind, source: '{{.ProjectPath}}', target: /x}]}}",
        "services: {a: {command: [echo, '{{.ProjectName}}']}}",
        "services: {a: {environment: {A: '$${{.ProjectName}}'}}}",
        "x-a: {command: '{{.ProjectName}}'}",
    ] {
        filled("a.yml.tmpl", text).unwrap();
    }
}

#[test]
fn a_devcontainer_json_gets_the_value_and_nothing_that_is_replaced() {
    let text = "{ // {{.ProjectName}}\n \"name\": \"{{.ProjectName}}\", \"mounts\": [{\"source\": \"{{.ProjectPath}}\"},], \"runArgs\": [\"{{.ProjectName}}\"], }";
    let filled = self::filled("devcontainer.json.tmpl", text).unwrap();
    let value: serde_json::Value = serde_json::from_str(&filled).unwrap();
    assert_eq!(
        (&value["name"], &value["runArgs"][0]),
        (&"na$me: \"x\"".into(), &"na$me: \"x\"".into())
    );
    let hostile = |value: &'static str, text: &str| {
        let variables = render::Variables::from_pairs(&[("ProjectName", value)]);
        render::render("d.json.tmpl", "d", text, &variables)
    };
    for (value, text) in [
        ("${localEnv:TOKEN}", "{\"name\": \"{{.ProjectName}}\"}"),
        ("{localEnv:TOKEN}", "{\"name\": \"${{.ProjectName}}\"}"),
        ("a", "{\"name\": \"${localEnv:{{.ProjectName}}}\"}"),
        ("$", "{\"name\": \"{{.ProjectName}}{localEnv:X}\"}"),
        ("$(id)", "{\"postCreateCommand\": \"echo {{.ProjectName}}\"}"),
        ("a b", "{\"postCreateCommand\": {\"x\": \"echo {{.ProjectName}}\"}}"),
        ("a,readonly", "{\"mounts\": [\"source={{.ProjectName}},target=/x\"]}"),
    ] {
        assert_eq!(hostile(value, text).unwrap_err().kind(), "value-refused", "{value} {text}");
    }
    hostile("$(id)", "{\"postCreateCommand\": [\"echo\", \"{{.ProjectName}}\"]}").unwrap();
}

#[test]
fn in_python_a_placeholder_is_an_expression() {
    let text = "A = {{.ProjectName}}  # {{.ProjectPath}}\nB = [{{.ProjectName}}, \"x\"]\n";
    let expected = "A = \"na$me: \\\"x\\\"\"  # ProjectPath\nB = [\"na$me: \\\"x\\\"\", \"x\"]\n";
    assert_eq!(filled("filter.py.tmpl", text).unwrap(), expected);
    for text in [
        "A = \"{{.ProjectName}}\"",
        "A = '{{.ProjectName}}'",
        "A = '''\n{{.ProjectName}}\n'''",
        "A = r'\\'{{.ProjectName}}'",
        "A = '\\' {{.ProjectName}}'",
        "A = f{{.ProjectName}}",
        "A = \"\"{{.ProjectName}}",
        "A = \"\" \"\\\" {{.ProjectName}}\"",
        "A = f\"{ \" {{.ProjectName}} \" }\"",
        "A = f\"}}{ {\" {{.ProjectName}} \"} }\"",
    ] {
        assert_eq!(filled("filter.py.tmpl", text).unwrap_err().kind(), "value-refused", "{text}");
    }
}
