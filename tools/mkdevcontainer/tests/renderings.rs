//! Two hundred documents with hostile values. What is written carries the very
//! values, to a parser of JSON and to the real docker compose, or is refused by
//! name.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use devcontainer::Own;
use document::Container;
use mkdevcontainer::{Error, Files};
use serde_json::{Value, json};
use tempfile::TempDir;
use toolkit::Failure;

/// What values are put together from.
const PARTS: [&str; 34] = [
    "a",
    "B7",
    "-",
    "--privileged",
    " ",
    "  ",
    "\"",
    "'",
    "\\",
    "`id`",
    "$",
    "$$",
    "$HOME",
    "${HOME}",
    "${localEnv:HOME}",
    "${containerWorkspaceFolder}",
    "{{.X}}",
    "%s",
    "#",
    " #",
    ": ",
    ",",
    "=",
    ",type=bind",
    "\n",
    "\r\n",
    "\t",
    "日本",
    "\u{1f600}",
    "\u{2028}",
    "\u{85}",
    "\u{1b}[31m",
    "null",
    "*",
];

/// A sequence of numbers (splitmix64): the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap() % limit
    }

    fn text(&mut self) -> String {
        (0..=self.below(5)).map(|_| PARTS[self.below(PARTS.len())]).collect()
    }
}

/// The values of one document.
#[derive(Clone)]
struct Values {
    /// A name as a directory has it: neither empty nor one with a slash.
    directory: String,
    variable: String,
    label: String,
    source: String,
}

impl Values {
    fn of(random: &mut Random) -> Self {
        Self {
            directory: format!("p{}", random.text()),
            variable: random.text(),
            label: random.text(),
            source: format!("/srv/{}", random.text()),
        }
    }

    fn all(&self) -> [&str; 4] {
        [&self.directory, &self.variable, &self.label, &self.source]
    }
}

fn document(project: &Path, values: &Values) -> Container {
    let document = json!({
        "schema": "container/1", "name": "dev-a-b3e5ed",
        "project": {"path": project, "name": "a", "hash": "b3e5ed000000"},
        "image": "localhost/ctrkit-base:latest", "user": "dev", "workspace": "/workspace/a",
        "volumes": [{"name": "dev-a-b3e5ed-workspace", "target": "/workspace"}],
        "mounts": [{"type": "bind", "source": values.source, "target": "/x", "read_only": true}],
        "env": [{"name": "A", "value": values.variable}],
        "labels": [{"name": "org.example", "value": values.label}],
        "devcontainer": {},
    });
    document::parse::<Container>(document.to_string().as_bytes()).unwrap().into_inner()
}

/// One document, and where its files are.
struct Rendering {
    values: Values,
    project: PathBuf,
    out: PathBuf,
    /// The service in Compose files, where it is one.
    service: Option<String>,
    _world: TempDir,
}

/// Writes the files of one document, or says why not.
fn render(values: &Values, service: Option<String>) -> Result<Rendering, Error> {
    let world = tempfile::tempdir().unwrap();
    let project = world.path().canonicalize().unwrap().join(&values.directory);
    fs::create_dir_all(project.join(".devcontainer")).unwrap();
    let own = service.as_ref().map(|service| {
        let text = format!("services: {{{service}: {{image: a}}}}\n");
        fs::write(project.join("compose.yml"), text).unwrap();
        let text = json!({"dockerComposeFile": "../compose.yml", "service": service}).to_string();
        Own::parse(&project.join(".devcontainer/devcontainer.json"), &text).unwrap()
    });
    let out = world.path().join("out");
    let container = document(&project, values);
    let trusted = mkdevcontainer::trusted(&container, own.as_ref(), None)?;
    let files = Files::of(&container, own.as_ref(), None, &out, trusted, None)?;
    files.install(&out, Duration::from_secs(9))?;
    Ok(Rendering { values: values.clone(), project, out, service, _world: world })
}

/// Returns the fields of one record (RFC 4180 section 2), as an engine reads
/// `--mount`.
fn fields(record: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    let mut rest = record.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                fields.last_mut().unwrap().extend(rest.next());
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

fn check_plain(Rendering { values, project, out, .. }: &Rendering) {
    let text = fs::read(out.join("devcontainer.json")).unwrap();
    let config: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(config["containerEnv"]["A"], values.variable);
    let args = config["runArgs"].as_array().unwrap();
    for (name, value) in
        [("org.example", values.label.as_str()), ("ctrkit.project.path", project.to_str().unwrap())]
    {
        assert!(args.contains(&json!(format!("--label={name}={value}"))), "{name}: {args:?}");
    }
    // Nothing has become an option of its own.
    assert!(args.iter().all(|arg| arg.as_str().unwrap().split_once('=').is_some()), "{args:?}");
    let source = format!("source={}", values.source);
    let mount = fields(config["mounts"][0].as_str().unwrap());
    assert_eq!(mount, ["type=bind", &source, "target=/x", "readonly"]);
}

/// Returns what docker compose makes of the files of all renderings, whose
/// services do not meet.
fn resolved(renderings: &[Rendering]) -> Value {
    let mut command = Command::new("docker");
    command.args(["compose", "--project-directory", "/", "--env-file", "/dev/null"]);
    for Rendering { project, out, .. } in renderings {
        let text = fs::read(out.join("devcontainer.json")).unwrap();
        let config: Value = serde_json::from_slice(&text).unwrap();
        let files = config["dockerComposeFile"].as_array().unwrap();
        assert_eq!(files[0], project.join("compose.yml").to_str().unwrap());
        for file in files {
            command.arg("--file").arg(file.as_str().unwrap());
        }
    }
    let ran = command.args(["config", "--format", "json"]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mut model = serde_json::from_slice(&ran.stdout).unwrap();
    undouble(&mut model);
    model
}

fn check_composed(Rendering { values, project, .. }: &Rendering, dev: &Value) {
    assert_eq!(dev["image"], "a");
    assert_eq!(dev["environment"], json!({"A": values.variable}));
    assert_eq!(dev["labels"]["org.example"], values.label);
    assert_eq!(dev["labels"]["ctrkit.project.path"], project.to_str().unwrap());
    let mounts = dev["volumes"].as_array().unwrap();
    let bind = mounts.iter().find(|mount| mount["type"] == "bind").unwrap();
    assert_eq!((&bind["source"], &bind["read_only"]), (&json!(values.source), &json!(true)));
}

/// It writes what another run of it would read.
fn undouble(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("$$", "$"),
        Value::Array(items) => items.iter_mut().for_each(undouble),
        Value::Object(members) => members.values_mut().for_each(undouble),
        _ => {}
    }
}

#[test]
fn two_hundred_renderings_carry_the_very_values_or_are_refused_by_name() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = now.as_secs();
    println!("the seed is {seed}");
    let mut random = Random(seed);
    let (mut plain, mut composed, mut refused) = (Vec::new(), Vec::new(), 0);
    for number in 0..200 {
        let values = Values::of(&mut random);
        let service = (number % 2 == 1).then(|| format!("dev{number}"));
        match render(&values, service) {
            Ok(rendering) if rendering.service.is_some() => composed.push(rendering),
            Ok(rendering) => plain.push(rendering),
            Err(error) => {
                let kinds = ["unwritable-value", "unwritable-model"];
                assert!(kinds.contains(&error.kind()), "{error}");
                assert!(
                    values.all().iter().any(|it| it.contains("${")),
                    "{error}: {:?}",
                    values.all()
                );
                refused += 1;
            }
        }
    }
    plain.iter().for_each(check_plain);
    // Each takes a moment, and all at once take longer.
    for some in composed.chunks(12) {
        let model = resolved(some);
        for rendering in some {
            let service = rendering.service.as_deref().unwrap();
            check_composed(rendering, &model["services"][service]);
        }
    }
    let (plain, composed) = (plain.len(), composed.len());
    println!("{plain} and {composed} were carried, {refused} refused");
    assert!(plain > 20 && composed > 40 && refused > 5, "{plain} {composed} {refused}");
}
