//! Files that were filled in with hostile values, as the programs read them
//! that they are for: docker compose, podman-compose, a reader of JSON, Python.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints its seed"
)]

#[path = "../../../compose/tests/it/random.rs"]
mod random;
#[path = "../../../compose/tests/it/tools.rs"]
mod tools;

use std::{collections::BTreeMap, fs, process::Command, thread};

use random::Random;
use serde_json::Value;
use template::{TemplateError, render};

/// How many renderings of each format.
const RENDERINGS: usize = 200;

/// What values are made of: all that one of the formats, an interpolation, a
/// shell or a short syntax could take for something else.
const PIECES: &[&str] = &[
    "a",
    "B",
    "0",
    " ",
    "  ",
    " #",
    ": ",
    ":",
    "-",
    "- ",
    "?",
    "$",
    "$$",
    "${X}",
    "$X",
    "${X:-y}",
    "${",
    "}",
    "{{",
    "}}",
    "{{.ProjectPath}}",
    "{",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "'''",
    "\"\"\"",
    "\\",
    "\\n",
    "\\u0041",
    "\n",
    "\n\n",
    "\r",
    "\t",
    "\u{1}",
    "\u{1b}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{200b}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffd}",
    "ü",
    "中",
    "😀",
    "~",
    "null",
    "yes",
    "true",
    "012",
    "0x1f",
    "1e3",
    "1:30",
    ".inf",
    "2001-01-01",
    "=",
    "<<",
    "!tag ",
    "&a ",
    "*a",
    "|",
    ">",
    "%",
    "---",
    "...",
    "@",
    "`",
    "//",
    "/",
    "x-",
    "!reset",
    "%s",
    "//x",
    "/*",
    "*/",
    "$(id)",
    "`id`",
    ";",
    "&&",
    "${localEnv:HOME}",
    "localEnv:HOME",
    "\"+f\"",
    "../",
    "ctrkitvaluea",
    "ctrkitvalueaz000000",
];

const NAMES: [&str; 12] = [
    "CertInstallCommand",
    "ClaudeConfigDir",
    "ClaudeTokenPath",
    "ContainerName",
    "ProjectHash",
    "ProjectName",
    "ProjectPath",
    "ProxyImage",
    "ProxyPort",
    "RemoteUser",
    "TemplateName",
    "WorkspaceFolder",
];

type Values = BTreeMap<&'static str, String>;

/// Returns a value for each variable; what is a path begins as one, and no tool
/// has a reason to shorten it.
fn values(random: &mut Random) -> Values {
    let value = |name| {
        let text: String = (0..random.below(6)).map(|_| random.of(PIECES)).collect();
        let is_path = ["ProjectPath", "ClaudeConfigDir"].contains(&name);
        let part = text.replace('/', "").trim_matches('.').to_owned();
        (name, if is_path { format!("/p{part}q") } else { text })
    };
    NAMES.into_iter().map(value).collect()
}

fn rendered(name: &str, text: &str, values: &Values) -> Result<String, TemplateError> {
    let pairs: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    render::render(name, name, text, &render::Variables::from_pairs(&pairs))
}

/// Runs `one` for the values of `number` renderings, on two threads; returns how many
/// were refused by name.
fn each(number: usize, one: fn(&Values) -> Result<(), TemplateError>) -> usize {
    let mut random = Random::new();
    let all: Vec<_> = (0..number).map(|_| values(&mut random)).collect();
    let run = |values: &[Values]| values.iter().filter(|values| refused(one(values))).count();
    let (left, right) = all.split_at(number / 2);
    thread::scope(|scope| {
        let left = scope.spawn(|| run(left));
        run(right) + left.join().unwrap()
    })
}

/// Says whether it was refused: by the name of a variable, and with its line.
fn refused(result: Result<(), TemplateError>) -> bool {
    match result {
        Ok(()) => false,
        Err(TemplateError::Value { name, line, .. }) => {
            assert!(NAMES.contains(&name) && line > 0);
            true
        }
        Err(error) => panic!("{error}"),
    }
}

const COMPOSE: &str = r#"# {{.ProjectName}}
x-{{.ProjectHash}}: ignored
services:
  app:
    image: i
    command: [run, {{.CertInstallCommand}}, "{{ .ClaudeTokenPath }}"]
    labels:
      plain: {{.ProjectName}}
      quoted: "{{.WorkspaceFolder}}"
      single: '{{ContainerName}}'
      mixed: a {{.ProjectHash}} $$X b {{.RemoteUser}}$$
      block: |-
        {{.ProxyImage}}
        {{.ProxyPort}}
      alias: &name "{{.TemplateName}}"
      again: *name
    environment:
      - "LIST={{.ProjectName}}"
    volumes:
      - {type: bind, source: "{{.ProjectPath}}", target: /target}
"#;

#[test]
fn what_compose_reads_are_the_very_values() {
    fn one(values: &Values) -> Result<(), TemplateError> {
        // A key of an extension that has a '$' or is too long is refused as a
        // key, and that is another test's.
        let text = COMPOSE.replace("x-{{.ProjectHash}}: ignored\n", "");
        let text = rendered("docker-compose.yml.tmpl", &text, values)?;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("compose.yaml");
        fs::write(&file, &text).unwrap();
        let is_sampled = values["ProjectHash"].len() % 10 == 3;
        let others = is_sampled.then(|| tools::podman(&[&file]));
        for model in [Some(tools::docker(&[&file])), others].into_iter().flatten() {
            judge(&model["services"]["app"], values, &text);
        }
        Ok(())
    }
    assert_eq!(each(RENDERINGS, one), 0, "none of these places takes a value apart");
}

#[track_caller]
fn judge(app: &Value, values: &Values, text: &str) {
    let value = |name: &str| values[name].clone();
    let mixed = format!("a {} $X b {}$", value("ProjectHash"), value("RemoteUser"));
    let block = format!("{}\n{}", value("ProxyImage"), value("ProxyPort"));
    for (key, meant) in [
        ("plain", value("ProjectName")),
        ("quoted", value("WorkspaceFolder")),
        ("single", value("ContainerName")),
        ("mixed", mixed),
        ("block", block),
        ("alias", value("TemplateName")),
        ("again", value("TemplateName")),
    ] {
        assert_eq!(app["labels"][key], meant, "{key}: {values:?}\n{text}");
    }
    let command = [value("CertInstallCommand"), value("ClaudeTokenPath")];
    assert_eq!(app["command"][1], command[0], "{values:?}\n{text}");
    assert_eq!(app["command"][2], command[1], "{values:?}\n{text}");
    let environment = match &app["environment"] {
        Value::Object(map) => map["LIST"].clone(),
        Value::Array(list) => list[0].as_str().unwrap().strip_prefix("LIST=").unwrap().into(),
        other => panic!("{other}"),
    };
    assert_eq!(environment, value("ProjectName"), "{values:?}\n{text}");
    assert_eq!(app["volumes"].as_array().unwrap().len(), 1);
    assert_eq!(app["volumes"][0]["source"], value("ProjectPath"), "{values:?}\n{text}");
}

#[test]
fn short_syntaxes_have_the_very_values_or_refuse_them() {
    fn one(values: &Values) -> Result<(), TemplateError> {
        let text = "services:\n  app:\n    image: i\n    volumes:\n      - \
                    {{.ProjectPath}}:/a\n      - \"{{.ClaudeConfigDir}}:/b:ro\"\n    \
                    environment: [\"A{{.ProjectHash}}=x\"]\n";
        let mut values = values.clone();
        // An empty part of a name is none, and control characters are no name.
        let hash: String = values["ProjectHash"].chars().filter(|c| *c == '=').collect();
        values.insert("ProjectHash", format!("h{hash}"));
        let text = rendered("docker-compose.yml.tmpl", text, &values)?;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("compose.yaml");
        fs::write(&file, &text).unwrap();
        let app = tools::docker(&[&file])["services"]["app"].take();
        let mounts: Vec<_> =
            app["volumes"].as_array().unwrap().iter().map(|mount| &mount["source"]).collect();
        assert_eq!(mounts, [&values["ProjectPath"], &values["ClaudeConfigDir"]], "{text}");
        assert_eq!(app["volumes"][1]["read_only"], true);
        assert_eq!(app["environment"][format!("A{}", values["ProjectHash"])], "x");
        Ok(())
    }
    let refused = each(60, one);
    assert!((1..60).contains(&refused), "{refused} were refused");
}

#[test]
fn what_a_reader_of_json_reads_are_the_very_values() {
    fn one(values: &Values) -> Result<(), TemplateError> {
        let text = r#"{
            // {{.ProjectName}}
            "name": "{{.ProjectName}}", /* {{.ProjectPath}} */
            "containerEnv": {"A": "x {{.ProjectHash}} y {{.RemoteUser}}",},
            "runArgs": ["--name", "{{.ContainerName}}"],
            "postCreateCommand": ["echo", "{{.TemplateName}}"],
            "mounts": ["source={{.ProjectPath}},target=/x,type=bind"],
        }"#;
        let value: Value =
            serde_json::from_str(&rendered("devcontainer.json.tmpl", text, values)?).unwrap();
        let env = format!("x {} y {}", values["ProjectHash"], values["RemoteUser"]);
        assert_eq!(value["name"], values["ProjectName"].as_str());
        assert_eq!(value["containerEnv"]["A"], env);
        assert_eq!(value["runArgs"][1], values["ContainerName"].as_str());
        assert_eq!(value["postCreateCommand"][1], values["TemplateName"].as_str());
        let mount = format!("source={},target=/x,type=bind", values["ProjectPath"]);
        assert_eq!(value["mounts"][0], mount);
        // Nothing in it is replaced by the CLI, and no part is another's.
        assert!(!value.to_string().contains("${") && mount.matches(',').count() == 2);
        Ok(())
    }
    let refused = each(RENDERINGS, one);
    assert!((1..RENDERINGS).contains(&refused), "{refused} were refused");
}

#[test]
fn what_python_reads_are_the_very_values() {
    let text = "A = {{.ProjectName}} # {{.ProjectPath}}\nB = ['x', {{ProjectHash}},\n     \
                {{ .WorkspaceFolder }}]\n";
    let mut random = Random::new();
    let (mut scripts, mut meant) = (Vec::new(), Vec::new());
    for _ in 0..RENDERINGS {
        let values = values(&mut random);
        scripts.push(rendered("filter.py.tmpl", text, &values).unwrap());
        let [a, b, c] = ["ProjectName", "ProjectHash", "WorkspaceFolder"].map(|n| &values[n]);
        meant.push(serde_json::json!([a, ["x", b, c]]));
    }
    let judge = "import ast, json, sys\n\
                 def read(script):\n    \
                 return [ast.literal_eval(line.value) for line in ast.parse(script).body]\n\
                 print(json.dumps([read(script) for script in json.load(open(sys.argv[1]))]))";
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), serde_json::to_string(&scripts).unwrap()).unwrap();
    let output = Command::new("python3").arg("-c").arg(judge).arg(file.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read, meant);
}
