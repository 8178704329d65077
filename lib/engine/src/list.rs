//! What there is on an engine: containers, volumes, images.

use std::{collections::BTreeMap, process::Command};

use document::labels;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Engine, EngineError, Kind, managed::is_container_name, meanwhile, run};

/// A container, as the engine lists it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// The full id, in hex.
    pub id: String,
    /// The name.
    pub name: String,
    /// The image's name.
    pub image: String,
    /// `created`, `running`, `paused`, `stopped`, or another word of the engine.
    pub status: String,
    /// When it was made, RFC 3339 in UTC, where the engine says.
    pub created: Option<String>,
    /// The labels: all of them on podman, those asked for on docker.
    pub labels: BTreeMap<String, String>,
    /// The published TCP ports; docker tells them of running containers only.
    pub ports: Vec<Published>,
    /// Whether it is a name in podman's storage alone, and no container.
    pub is_external: bool,
}

/// A published port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Published {
    /// The port inside the container.
    pub container: u16,
    /// The port on the host.
    pub host: u16,
    /// The host address, `0.0.0.0` where all are meant.
    pub address: String,
}

/// A named volume.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NamedVolume {
    /// The name.
    pub name: String,
    /// The value of the label `ctrkit.name`: the container that it is for.
    pub container: Option<String>,
    /// The value of the label `ctrkit.authority`.
    pub authority: Option<String>,
    /// The value of the label `ctrkit.sidecar.of`: the project whose sidecars
    /// it is for.
    pub sidecar_of: Option<String>,
}

/// A network.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct NamedNetwork {
    /// The name.
    pub name: String,
    /// The labels: all of them on podman, ctrkit's on docker.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// An image that is there.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct Image {
    /// The id.
    #[serde(rename = "Id")]
    pub id: String,
    /// The labels.
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
}

/// A name of an image; one image may have several.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct NamedImage {
    /// The name with its tag, and on podman with its registry.
    pub name: String,
    /// The image's id.
    pub id: String,
}

impl Summary {
    /// Returns the value of the label `name`; an empty one counts as absent.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Says whether the container is ctrkit's.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.label(labels::MANAGED) == Some("true")
    }
}

impl NamedNetwork {
    /// Returns the value of the label `name`; an empty one counts as absent.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl Engine {
    /// Lists the containers in any state that pass all `filters`, each in the
    /// engine's own notation (`label=ctrkit.managed=true`): one call.
    pub fn containers(&self, filters: &[&str]) -> Result<Vec<Summary>, EngineError> {
        let filters: Vec<_> = filters.iter().flat_map(|filter| ["--filter", filter]).collect();
        self.ps(&filters)
    }

    /// Lists all containers, whoever's they are, and the names that podman
    /// has in its storage alone: one call.
    pub fn everything(&self) -> Result<Vec<Summary>, EngineError> {
        match self.kind {
            Kind::Podman => self.ps(&["--external"]),
            Kind::Docker => self.ps(&[]),
        }
    }

    fn ps(&self, options: &[&str]) -> Result<Vec<Summary>, EngineError> {
        let format = match self.kind {
            Kind::Podman => "json".to_owned(),
            Kind::Docker => docker_format(&[&labels::ALL[..], &labels::FOREIGN].concat()),
        };
        let mut args = vec!["ps", "--all", "--no-trunc", "--format", &format];
        args.extend(options);
        let mut command = self.command(&args);
        let text = self.list(&mut command)?;
        let parsed = match self.kind {
            Kind::Podman => parse_podman(&text),
            Kind::Docker => parse_docker(&text),
        };
        parsed.map_err(|source| EngineError::Unreadable { command: run::line(&command), source })
    }

    /// Runs `command`, which looks at all there is of a kind.
    fn list(&self, command: &mut Command) -> Result<String, EngineError> {
        meanwhile::again(meanwhile::LISTED, || self.succeed(command))
    }

    /// Returns the container called `name`, whoever's it is: one call.
    pub fn container(&self, name: &str) -> Result<Option<Summary>, EngineError> {
        if !is_container_name(name) {
            return Ok(None);
        }
        // The engines take the name for a regular expression, and docker also
        // finds a prefix of the id: what comes back is compared once more.
        let filter = format!("name=^{name}$");
        let found = self.containers(&[&filter])?;
        Ok(found.into_iter().find(|summary| summary.name == name))
    }

    /// Lists the volumes that pass all `filters`: one call.
    pub fn volumes(&self, filters: &[&str]) -> Result<Vec<NamedVolume>, EngineError> {
        let format = match self.kind {
            Kind::Podman => r#"{"name":{{json .Name}},"labels":{{json .Labels}}}"#.to_owned(),
            Kind::Docker => named_format(&[labels::NAME, labels::AUTHORITY, labels::SIDECAR_OF]),
        };
        let mut args = vec!["volume", "ls", "--format", &format];
        for filter in filters {
            args.extend(["--filter", filter]);
        }
        let mut command = self.command(&args);
        let text = self.list(&mut command)?;
        parse_volumes(&text)
            .map_err(|source| EngineError::Unreadable { command: run::line(&command), source })
    }

    /// Lists the networks that pass all `filters`: one call.
    pub fn networks(&self, filters: &[&str]) -> Result<Vec<NamedNetwork>, EngineError> {
        let format = match self.kind {
            Kind::Podman => "json".to_owned(),
            Kind::Docker => named_format(&labels::ALL),
        };
        let mut args = vec!["network", "ls", "--format", &format];
        for filter in filters {
            args.extend(["--filter", filter]);
        }
        let mut command = self.command(&args);
        let text = self.list(&mut command)?;
        let parsed = match self.kind {
            Kind::Podman => parse_networks(&text),
            Kind::Docker => lines(&text).collect(),
        };
        parsed.map_err(|source| EngineError::Unreadable { command: run::line(&command), source })
    }

    /// Lists the names of all images: one call.
    pub fn images(&self) -> Result<Vec<NamedImage>, EngineError> {
        let format = r#"{"name":"{{.Repository}}:{{.Tag}}","id":{{json .ID}}}"#;
        let mut command = self.command(["images", "--no-trunc", "--format", format]);
        let text = self.list(&mut command)?;
        let all: Result<Vec<NamedImage>, _> = lines(&text).collect();
        let mut all =
            all.map_err(|source| EngineError::Unreadable { command: run::line(&command), source })?;
        all.retain(|image| !image.name.contains("<none>"));
        Ok(all)
    }

    /// Returns the image called `name`, or `None` where it is not here: one call.
    pub fn image(&self, name: &str) -> Result<Option<Image>, EngineError> {
        let mut command = self.command(["image", "inspect", name]);
        let output = self.answer(&mut command)?;
        let text = match self.judge(&command, output) {
            Ok(text) => text,
            Err(error) if error.is("no-such-image") => return Ok(None),
            Err(error) => return Err(error),
        };
        let images: Vec<ImageInspect> = serde_json::from_str(&text)
            .map_err(|source| EngineError::Unreadable { command: run::line(&command), source })?;
        Ok(images.into_iter().next().map(Image::from))
    }
}

#[derive(Deserialize)]
struct ImageInspect {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Config", default)]
    config: Option<ImageConfig>,
}

#[derive(Deserialize)]
struct ImageConfig {
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, String>>,
}

impl From<ImageInspect> for Image {
    fn from(inspect: ImageInspect) -> Self {
        let labels = inspect.config.and_then(|config| config.labels).unwrap_or_default();
        Self { id: inspect.id, labels }
    }
}

/// Returns a Go template that makes docker write one JSON object per line.
///
/// `--format json` joins labels with commas and cannot be taken apart again,
/// and the 20.10 client prints the word `json`.
fn docker_format(labels: &[&str]) -> String {
    let labels: Vec<_> = labels
        .iter()
        .map(|label| format!(r#""{label}":{{{{json (.Label "{label}")}}}}"#))
        .collect();
    let fields = ["ID", "Names", "Image", "State", "CreatedAt", "Ports"]
        .map(|field| format!(r#""{field}":{{{{json .{field}}}}}"#));
    format!(r#"{{{},"Labels":{{{}}}}}"#, fields.join(","), labels.join(","))
}

/// Returns such a template for volumes and networks.
fn named_format(labels: &[&str]) -> String {
    let labels: Vec<_> = labels
        .iter()
        .map(|label| format!(r#""{label}":{{{{json (.Label "{label}")}}}}"#))
        .collect();
    format!(r#"{{"name":{{{{json .Name}}}},"labels":{{{}}}}}"#, labels.join(","))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PodmanContainer {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    image: String,
    state: String,
    #[serde(default)]
    created: serde_json::Value,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    ports: Option<Vec<PodmanPort>>,
}

#[derive(Deserialize)]
struct PodmanPort {
    #[serde(default)]
    host_ip: String,
    container_port: u16,
    host_port: u16,
    #[serde(default)]
    range: u16,
    #[serde(default)]
    protocol: String,
}

/// Reads `podman ps --format json`: an array.
fn parse_podman(text: &str) -> Result<Vec<Summary>, serde_json::Error> {
    let list: Option<Vec<PodmanContainer>> = serde_json::from_str(text)?;
    Ok(list.unwrap_or_default().into_iter().map(Summary::from).collect())
}

impl From<PodmanContainer> for Summary {
    fn from(container: PodmanContainer) -> Self {
        let seconds = container.created.as_i64();
        Self {
            id: container.id,
            name: container.names.into_iter().next().unwrap_or_default(),
            image: container.image,
            is_external: container.state == "storage",
            status: status(&container.state),
            created: seconds
                .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
                .map(|time| time.to_string()),
            labels: container.labels.unwrap_or_default(),
            ports: container.ports.unwrap_or_default().iter().flat_map(PodmanPort::each).collect(),
        }
    }
}

impl PodmanPort {
    /// Returns the ports of a range one by one.
    fn each(&self) -> Vec<Published> {
        if self.protocol != "tcp" && !self.protocol.is_empty() {
            return Vec::new();
        }
        let address = if self.host_ip.is_empty() { "0.0.0.0" } else { &self.host_ip };
        let each = |n| Published {
            container: self.container_port.saturating_add(n),
            host: self.host_port.saturating_add(n),
            address: address.to_owned(),
        };
        (0..self.range.max(1)).map(each).collect()
    }
}

#[derive(Deserialize)]
struct DockerContainer {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Names")]
    names: String,
    #[serde(rename = "Image")]
    image: String,
    #[serde(rename = "State")]
    state: String,
    #[serde(rename = "CreatedAt")]
    created_at: String,
    #[serde(rename = "Ports")]
    ports: String,
    #[serde(rename = "Labels")]
    labels: BTreeMap<String, String>,
}

/// Reads the lines that [`docker_format`] asks for.
fn parse_docker(text: &str) -> Result<Vec<Summary>, serde_json::Error> {
    lines::<DockerContainer>(text).map(|line| line.map(Summary::from)).collect()
}

fn lines<T: DeserializeOwned>(text: &str) -> impl Iterator<Item = Result<T, serde_json::Error>> {
    text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str)
}

impl From<DockerContainer> for Summary {
    fn from(container: DockerContainer) -> Self {
        Self {
            id: container.id,
            // Links add further names behind a comma; no name has a comma.
            name: container.names.split(',').next().unwrap_or_default().to_owned(),
            image: container.image,
            status: status(&container.state),
            created: docker_time(&container.created_at),
            labels: container.labels.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            ports: docker_ports(&container.ports),
            is_external: false,
        }
    }
}

/// Reads docker's `2026-11-22 08:00:00 +0000 UTC`.
fn docker_time(text: &str) -> Option<String> {
    let (time, _zone) = text.rsplit_once(' ')?;
    let zoned = jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", time).ok()?;
    zoned.to_timestamp().ok().map(|time| time.to_string())
}

/// Reads docker's `127.0.0.1:2200->22/tcp, [::1]:3000-3001->3000-3001/tcp, 80/tcp`.
fn docker_ports(text: &str) -> Vec<Published> {
    text.split(", ").filter_map(docker_port).flatten().collect()
}

fn docker_port(text: &str) -> Option<Vec<Published>> {
    let (host, container) = text.strip_suffix("/tcp")?.split_once("->")?;
    let (address, host) = host.rsplit_once(':')?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let (first, last) = range(host)?;
    let (container, _) = range(container)?;
    let each = |host| Published {
        container: container + (host - first),
        host,
        address: address.to_owned(),
    };
    Some((first..=last).map(each).collect())
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// Returns one word for a state, whichever engine says it.
fn status(state: &str) -> String {
    match state.to_lowercase().as_str() {
        "created" | "configured" | "initialized" => "created",
        "exited" | "stopped" => "stopped",
        other => return other.to_owned(),
    }
    .to_owned()
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

fn parse_volumes(text: &str) -> Result<Vec<NamedVolume>, serde_json::Error> {
    lines::<Named>(text)
        .map(|line| {
            let Named { name, labels } = line?;
            let mut labels = labels.unwrap_or_default();
            let mut label = |label| labels.remove(label).filter(|value| !value.is_empty());
            let (container, authority) = (label(labels::NAME), label(labels::AUTHORITY));
            Ok(NamedVolume { name, container, authority, sidecar_of: label(labels::SIDECAR_OF) })
        })
        .collect()
}

/// Reads `podman network ls --format json`: an array, or `null`.
fn parse_networks(text: &str) -> Result<Vec<NamedNetwork>, serde_json::Error> {
    let networks: Option<Vec<Named>> = serde_json::from_str(text)?;
    let network =
        |line: Named| NamedNetwork { name: line.name, labels: line.labels.unwrap_or_default() };
    Ok(networks.unwrap_or_default().into_iter().map(network).collect())
}

#[cfg(test)]
mod tests;
