//! What of a file reaches the machine below.

use std::path::{Path, PathBuf};

use document::container::{is_account, is_variable};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{Own, contents, feature, mount::Mount, own::Base, run_args::options};

/// What it is to be built where the container is isolated.
pub(crate) const BUILT: &str = "its commands run outside of the isolation, with this machine's \
                                network and with whatever they run of the worktree, also later";

/// A key of a file that reaches the machine, or more of it than a container of
/// ctrkit's does.
#[derive(Clone, Debug, PartialEq)]
pub struct Danger {
    /// The key's path, such as `runArgs[2]`.
    pub key: String,
    /// Its value, which is part of what is trusted.
    pub value: Value,
    /// The digest of the files that it runs or brings, as far as they are known,
    /// which is part of what is trusted.
    pub contents: Option<String>,
    /// What it does.
    pub reason: String,
    /// Whether no isolation holds against it.
    pub breaks_isolation: bool,
}

/// What a file is judged for.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The worktree, beneath which what is built has to lie.
    pub project: &'a Path,
    /// The container's name, with which the names of its volumes begin.
    pub name: &'a str,
    /// Whether the container is to have no way out.
    pub isolated: bool,
}

impl Danger {
    /// Returns what is wrong with `key`, of which isolation keeps nothing from
    /// the machine but what the document itself decides.
    #[must_use]
    pub fn new(key: &str, value: &Value, reason: &str) -> Self {
        let (key, reason) = (key.to_owned(), reason.to_owned());
        Self { key, value: value.clone(), contents: None, reason, breaks_isolation: false }
    }

    /// Has `contents` trusted with it.
    pub(crate) fn with(self, contents: Option<String>) -> Self {
        Self { contents, ..self }
    }

    pub(crate) fn breaking(self) -> Self {
        Self { breaks_isolation: true, ..self }
    }
}

/// Returns the digest of what a person trusts: of the keys, their values, and what
/// is in the files that they name.
#[must_use]
pub fn digest(dangers: &[Danger]) -> String {
    let one = |danger: &Danger| match &danger.contents {
        Some(contents) => json!([danger.key, danger.value, contents]),
        None => json!([danger.key, danger.value]),
    };
    let all: Vec<_> = dangers.iter().map(one).collect();
    format!("{:x}", Sha256::digest(json!(all).to_string()))
}

/// Lists what the metadata in an image's label `devcontainer.metadata` asks for:
/// whoever makes a container of it adds that to what the file says.
#[must_use]
pub fn of_metadata(metadata: &Value, scope: &Scope<'_>) -> Vec<Danger> {
    let one = std::slice::from_ref(metadata);
    let entries = metadata.as_array().map_or(one, Vec::as_slice);
    let entries =
        entries.iter().enumerate().filter_map(|(index, it)| Some((index, it.as_object()?)));
    entries
        .flat_map(|(index, entry)| {
            let at = format!("devcontainer.metadata[{index}].");
            let mut found = of_properties(&at, entry, scope);
            found.extend(of_gpu(&at, entry));
            for (key, value) in entry {
                of_host(&format!("{at}{key}"), value, &mut found);
            }
            found
        })
        .collect()
}

/// Lists what the label `devcontainer.metadata` with the value `text` asks for.
/// One that cannot be read asks for nobody knows what.
#[must_use]
pub fn of_label(text: &str, scope: &Scope<'_>) -> Vec<Danger> {
    match serde_json::from_str(text) {
        Ok(metadata) => of_metadata(&metadata, scope),
        Err(error) => {
            let reason = format!("it is no JSON: {error}");
            vec![Danger::new("devcontainer.metadata", &json!(text), &reason).breaking()]
        }
    }
}

/// Returns what is wrong with devices that `all` wants to have.
fn of_gpu(at: &str, all: &Map<String, Value>) -> Option<Danger> {
    let gpu = all.get("hostRequirements").and_then(|all| all.get("gpu"))?;
    let reason = "it gives the container devices of this machine";
    let danger = Danger::new(&format!("{at}hostRequirements.gpu"), gpu, reason);
    (*gpu != json!(false)).then(|| danger.breaking())
}

impl Own {
    /// Lists what of the file reaches the machine. `workspaceMount` is not
    /// among it, nor is what the document decides: neither is used.
    #[must_use]
    pub fn dangers(&self, scope: &Scope<'_>) -> Vec<Danger> {
        let mut found = Vec::new();
        if let Some(command) = self.config.get("initializeCommand") {
            let reason =
                "it runs on this machine, with whatever it runs of the worktree, also later";
            let contents = contents::of_named(scope.project, scope.project, &texts(command));
            found.push(Danger::new("initializeCommand", command, reason).with(contents));
        }
        found.extend(of_properties("", &self.config, scope));
        found.extend(self.options());
        found.extend(self.ports());
        found.extend(self.build(scope));
        found.extend(feature::dangers(self, scope));
        found.extend(of_gpu("", &self.config));
        for (key, value) in &self.config {
            if !["name", "workspaceMount", "workspaceFolder", "initializeCommand"]
                .contains(&key.as_str())
            {
                of_host(key, value, &mut found);
            }
        }
        found
    }

    fn options(&self) -> Vec<Danger> {
        let options = options(&self.texts("runArgs"));
        let dangers = options.into_iter().filter_map(|option| {
            let key = format!("runArgs[{}]", option.index);
            Some(Danger::new(&key, &json!(option.words), option.reaches()?))
        });
        dangers.map(Danger::breaking).collect()
    }

    fn ports(&self) -> Vec<Danger> {
        let mut found = Vec::new();
        for (index, port) in ports(self.config.get("appPort")).iter().enumerate() {
            if port.as_str().is_some_and(|port| !is_loopback(port)) {
                let reason = "it is published beyond this machine, or as nobody knows";
                found.push(Danger::new(&format!("appPort[{index}]"), port, reason));
            }
        }
        for (index, port) in ports(self.config.get("forwardPorts")).iter().enumerate() {
            if port.as_str().is_some_and(|port| !is_near(port)) {
                let reason = "an editor would forward it to another machine";
                found.push(Danger::new(&format!("forwardPorts[{index}]"), port, reason));
            }
        }
        found
    }

    fn build(&self, scope: &Scope<'_>) -> Vec<Danger> {
        let Base::Build { dockerfile, context, cache_from, .. } = self.base() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (key, path) in [("dockerfile", &dockerfile), ("context", &context)] {
            if let Err(reason) = inside(scope.project, &self.place(scope.project, path)) {
                found.push(Danger::new(&format!("build.{key}"), &json!(path), &reason));
            }
        }
        let build = self.config.get("build");
        let options = build.and_then(|build| build.get("options")).and_then(Value::as_array);
        for (index, option) in options.into_iter().flatten().enumerate() {
            if !matches!(option.as_str(), Some("--no-cache" | "--pull")) {
                let reason = "it is not among the options of a build that give it nothing";
                found.push(Danger::new(&format!("build.options[{index}]"), option, reason));
            }
        }
        for image in cache_from.iter().filter(|image| image.contains('=')) {
            let reason = "it may read a directory of this machine";
            found.push(Danger::new("build.cacheFrom", &json!(image), reason));
        }
        if scope.isolated {
            let text = std::fs::read(self.place(scope.project, &dockerfile)).unwrap_or_default();
            let value = json!([dockerfile, format!("{:x}", Sha256::digest(&text))]);
            let context = self.place(scope.project, &context);
            let text = String::from_utf8_lossy(&text);
            let contents = contents::of_named(scope.project, &context, &text);
            found.push(Danger::new("build.dockerfile", &value, BUILT).with(contents));
        }
        found
    }
}

/// Lists what the properties ask for that a file, a feature and an image's
/// metadata have in common.
pub(crate) fn of_properties(at: &str, all: &Map<String, Value>, scope: &Scope<'_>) -> Vec<Danger> {
    let mut found = Vec::new();
    let list = |key: &str| all.get(key).and_then(Value::as_array).into_iter().flatten();
    if all.get("privileged").is_some_and(|value| *value != json!(false)) {
        let reason = "it gives the container all devices and capabilities of this machine";
        found.push(Danger::new(&format!("{at}privileged"), &json!(true), reason).breaking());
    }
    found.extend(unlisted(at, all));
    for value in list("capAdd") {
        let reason = "it gives the container a capability that it does not have otherwise";
        found.push(Danger::new(&format!("{at}capAdd"), value, reason).breaking());
    }
    for value in list("securityOpt") {
        if !value.as_str().is_some_and(is_protection) {
            let reason = "it takes protection off: seccomp, AppArmor, SELinux, masked paths";
            found.push(Danger::new(&format!("{at}securityOpt"), value, reason).breaking());
        }
    }
    if let Some(value) = all.get("entrypoint").filter(|value| !is_plain_path(value)) {
        let reason = "it is no plain path, and is written into a file of others";
        found.push(Danger::new(&format!("{at}entrypoint"), value, reason).breaking());
    }
    let env = all.get("containerEnv").and_then(Value::as_object).into_iter().flatten();
    for (name, value) in env.filter(|(name, _)| !is_variable(name)) {
        let reason = "it is no name of a variable, and is written into a file of others";
        found.push(Danger::new(&format!("{at}containerEnv.{name}"), value, reason).breaking());
    }
    let user = all.get("containerUser");
    if let Some(value) = user.filter(|user| !user.as_str().is_some_and(is_account)) {
        let reason = "it is no name of an account, and is written into a file of others";
        found.push(Danger::new(&format!("{at}containerUser"), value, reason).breaking());
    }
    for (index, value) in list("mounts").enumerate() {
        let reason = match Mount::read(value) {
            Ok(mount) => mount.reaches(scope.name),
            Err(rule) => Some(format!("it {rule}")),
        };
        let key = format!("{at}mounts[{index}]");
        found.extend(reason.map(|reason| Danger::new(&key, value, &reason).breaking()));
    }
    found
}

/// Lists the keys that should be lists and are none.
fn unlisted(at: &str, all: &Map<String, Value>) -> Vec<Danger> {
    let keys = ["capAdd", "securityOpt", "mounts"].into_iter();
    let wrong = keys.filter_map(|key| Some((key, all.get(key)?)));
    let wrong = wrong.filter(|(_, value)| !value.is_null() && !value.is_array());
    let reason = "it is no list, and nobody knows what is made of it";
    wrong.map(|(key, it)| Danger::new(&format!("{at}{key}"), it, reason).breaking()).collect()
}

/// Says whether a security option only takes privileges away.
pub(crate) fn is_protection(option: &str) -> bool {
    matches!(option, "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true")
}

/// Says whether `value` is a path that means the same in every file.
fn is_plain_path(value: &Value) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "/_.-".contains(c);
    value.as_str().is_some_and(|text| text.chars().all(is_good))
}

/// Lists the values that are taken from this machine's environment.
pub(crate) fn of_host(key: &str, value: &Value, found: &mut Vec<Danger>) {
    match value {
        Value::String(text) if text.contains("${localEnv") || text.contains("${env") => {
            let reason = "it takes a variable of this machine, which may be a secret";
            found.push(Danger::new(key, value, reason));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                of_host(&format!("{key}[{index}]"), item, found);
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                of_host(&format!("{key}.{name}"), item, found);
            }
        }
        _ => {}
    }
}

/// Returns all texts in a command, which may be one, a list, or a map of both.
fn texts(command: &Value) -> String {
    match command {
        Value::String(text) => format!("{text} "),
        Value::Array(items) => items.iter().map(texts).collect(),
        Value::Object(members) => members.values().map(texts).collect(),
        _ => String::new(),
    }
}

/// Returns the ports of a key, of which there may be one or a list.
fn ports(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

/// Says whether `-p` publishes this on the loopback address alone.
fn is_loopback(port: &str) -> bool {
    let rest = port.strip_prefix("127.0.0.1:").or_else(|| port.strip_prefix("[::1]:"));
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == ':'))
}

/// Says whether this is a port of the container, or of a service beside it.
fn is_near(port: &str) -> bool {
    let (host, port) = port.rsplit_once(':').unwrap_or(("localhost", port));
    let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let has_letter = host.chars().any(|c| c.is_ascii_alphabetic());
    (host == "127.0.0.1" || is_name && has_letter) && port.parse::<u16>().is_ok()
}

/// Returns where `path` really is, which is in the worktree `project`.
pub(crate) fn inside(project: &Path, path: &Path) -> Result<PathBuf, String> {
    let real =
        |path: &Path| path.canonicalize().map_err(|error| format!("'{}': {error}", path.display()));
    let (root, found) = (real(project)?, real(path)?);
    match found.starts_with(&root) {
        true => Ok(found),
        false => Err(format!("'{}' lies outside of the worktree", found.display())),
    }
}
