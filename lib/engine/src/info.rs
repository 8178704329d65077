//! What an engine says of itself.

use std::{path::PathBuf, process::Command};

use serde::Deserialize;

use crate::{Engine, EngineError, FailedCall, Kind, run};

/// What an engine says of itself; what it does not say is `None`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Info {
    /// The version of the engine, not of its client.
    pub version: Option<String>,
    /// Whether it runs without root's rights.
    pub is_rootless: Option<bool>,
    /// The version of the kernel's control groups: 1 or 2.
    pub cgroups: Option<u8>,
    /// Who manages them: `cgroupfs` or `systemd`.
    pub cgroup_manager: Option<String>,
    /// Where it keeps its data, on the machine that it runs on.
    pub data: Option<PathBuf>,
    /// The bytes that are left there; podman alone says it.
    pub free: Option<u64>,
    /// The version of its plugin for compose files, where its client has one.
    pub compose: Option<String>,
}

impl Engine {
    /// Asks the engine about itself: one call, after which its version is
    /// known.
    pub fn info(&mut self) -> Result<Info, EngineError> {
        let format = match self.kind {
            Kind::Podman => "json",
            Kind::Docker => "{{json .}}",
        };
        let mut command = self.command(["info", "--format", format]);
        let text = self.succeed(&mut command)?;
        let unreadable = |source| EngineError::Unreadable { command: run::line(&command), source };
        let info = match self.kind {
            Kind::Podman => podman(&text).map_err(unreadable)?,
            Kind::Docker => {
                let info: DockerInfo = serde_json::from_str(&text).map_err(unreadable)?;
                // A client without an engine answers too, and says why.
                if let Some(words) = info.server_errors.as_ref().and_then(|all| all.first()) {
                    return Err(self.refusal(&command, words));
                }
                info.into()
            }
        };
        self.version.clone_from(&info.version);
        Ok(info)
    }
}

impl Engine {
    /// Returns the error of a call that only seems to have succeeded.
    fn refusal(&self, command: &Command, words: &str) -> EngineError {
        EngineError::Failed(FailedCall {
            program: self.kind.name(),
            line: run::line(command),
            status: Some(0),
            last_words: words.to_owned(),
        })
    }
}

#[derive(Deserialize)]
struct PodmanInfo {
    host: PodmanHost,
    store: PodmanStore,
    version: PodmanVersion,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodmanHost {
    cgroup_version: Option<String>,
    cgroup_manager: Option<String>,
    security: PodmanSecurity,
}

#[derive(Deserialize)]
struct PodmanSecurity {
    rootless: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodmanStore {
    graph_root: Option<PathBuf>,
    graph_root_allocated: Option<u64>,
    graph_root_used: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PodmanVersion {
    version: Option<String>,
}

/// Reads `podman info --format json`.
fn podman(text: &str) -> Result<Info, serde_json::Error> {
    let PodmanInfo { host, store, version } = serde_json::from_str(text)?;
    let sizes = store.graph_root_allocated.zip(store.graph_root_used);
    Ok(Info {
        version: version.version,
        is_rootless: host.security.rootless,
        cgroups: host
            .cgroup_version
            .and_then(|version| version.trim_start_matches('v').parse().ok()),
        cgroup_manager: host.cgroup_manager,
        data: store.graph_root,
        free: sizes.and_then(|(all, used)| all.checked_sub(used)),
        compose: None,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerInfo {
    server_version: Option<String>,
    security_options: Option<Vec<String>>,
    cgroup_version: Option<String>,
    cgroup_driver: Option<String>,
    docker_root_dir: Option<PathBuf>,
    client_info: Option<DockerClient>,
    server_errors: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerClient {
    plugins: Option<Vec<DockerPlugin>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerPlugin {
    name: String,
    version: Option<String>,
}

impl From<DockerInfo> for Info {
    fn from(info: DockerInfo) -> Self {
        let is_rootless = |options: Vec<String>| {
            options.iter().any(|option| option.split(',').any(|word| word == "name=rootless"))
        };
        let plugins = info.client_info.and_then(|client| client.plugins).unwrap_or_default();
        let compose = plugins.into_iter().find(|plugin| plugin.name == "compose");
        Self {
            version: info.server_version.filter(|version| !version.is_empty()),
            is_rootless: info.security_options.map(is_rootless),
            cgroups: info.cgroup_version.and_then(|version| version.parse().ok()),
            cgroup_manager: info.cgroup_driver.filter(|driver| !driver.is_empty()),
            data: info.docker_root_dir,
            free: None,
            compose: compose.and_then(|plugin| plugin.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podman_tells_of_itself() {
        let text = r#"{"host":{"cgroupVersion":"v1","cgroupManager":"cgroupfs","security":{"rootless":false}},"store":{"graphRoot":"/s","graphRootAllocated":10,"graphRootUsed":4},"version":{"Version":"4.3.1"}}"#;
        let expected = Info {
            version: Some("4.3.1".into()),
            is_rootless: Some(false),
            cgroups: Some(1),
            cgroup_manager: Some("cgroupfs".into()),
            data: Some("/s".into()),
            free: Some(6),
            compose: None,
        };
        assert_eq!(podman(text).unwrap(), expected);
    }

    #[test]
    fn docker_tells_of_itself_and_of_its_clients_plugins() {
        let text = r#"{"ServerVersion":"28.5.2","SecurityOptions":["name=seccomp,profile=builtin","name=rootless"],"CgroupVersion":"2","CgroupDriver":"systemd","DockerRootDir":"/d","ClientInfo":{"Plugins":[{"Name":"buildx","Version":"1"},{"Name":"compose","Version":"2.40.3"}]}}"#;
        let info: Info = serde_json::from_str::<DockerInfo>(text).unwrap().into();
        assert_eq!((info.is_rootless, info.cgroups), (Some(true), Some(2)));
        assert_eq!(info.compose.as_deref(), Some("2.40.3"));
    }
}
