//! The labels of a container, its volumes and its sidecars.
//!
//! They hold enough to stop, list and remove a container whose project
//! directory is gone.

/// `true` on everything that is ctrkit's.
pub const MANAGED: &str = "ctrkit.managed";
/// The container's name, also on its volumes.
pub const NAME: &str = "ctrkit.name";
/// The worktree's root.
pub const PROJECT_PATH: &str = "ctrkit.project.path";
/// The 12 hex digits that identify the worktree.
pub const PROJECT_HASH: &str = "ctrkit.project.hash";
/// The repository's name.
pub const PROJECT_NAME: &str = "ctrkit.project.name";
/// The branch that the container was created for.
pub const BRANCH: &str = "ctrkit.branch";
/// The template, where one was used.
pub const TEMPLATE: &str = "ctrkit.template";
/// The account that people log in to.
pub const REMOTE_USER: &str = "ctrkit.remote_user";
/// The directory of the code in the container.
pub const WORKSPACE: &str = "ctrkit.workspace";
/// The host port of ssh.
pub const PORT_SSH: &str = "ctrkit.port.ssh";
/// The host port of the web service.
pub const PORT_WEB: &str = "ctrkit.port.web";
/// The host port of the audio service.
pub const PORT_AUDIO: &str = "ctrkit.port.audio";
/// All host ports: `service:container:host` joined by spaces.
pub const PORTS: &str = "ctrkit.ports";
/// The fingerprint of the SSH certificate authority that vouches for the
/// container, also on its volumes: whoever has another one has no business
/// with it, whatever the names.
pub const AUTHORITY: &str = "ctrkit.authority";
/// On a sidecar, its networks and its volumes: the hash of the project that
/// they serve.
pub const SIDECAR_OF: &str = "ctrkit.sidecar.of";
/// On a sidecar: what it is, such as `proxy`.
pub const SIDECAR_TYPE: &str = "ctrkit.sidecar.type";
/// On a container without a way out but its proxy: `proxy`. It is not started
/// without the sidecar that this names.
pub const ISOLATION: &str = "ctrkit.isolation";
/// On a container whose sound is heard: `play` or `duplex`.
pub const AUDIO: &str = "ctrkit.audio";
/// On a container that the devcontainers CLI made: `devcontainer`.
pub const VIA: &str = "ctrkit.via";
/// The value of that label.
pub const DEVCONTAINER: &str = "devcontainer";
/// The digest of what was applied.
pub const SPEC: &str = "ctrkit.spec";

/// All of them, for engines that must be asked for labels one by one.
pub const ALL: [&str; 20] = [
    MANAGED,
    NAME,
    PROJECT_PATH,
    PROJECT_HASH,
    PROJECT_NAME,
    BRANCH,
    TEMPLATE,
    REMOTE_USER,
    WORKSPACE,
    PORT_SSH,
    PORT_WEB,
    PORT_AUDIO,
    PORTS,
    AUTHORITY,
    SIDECAR_OF,
    SIDECAR_TYPE,
    ISOLATION,
    AUDIO,
    VIA,
    SPEC,
];

/// `true` on a container of l8s, a predecessor.
pub const L8S_MANAGED: &str = "l8s.managed";
/// l8s: the host port of ssh.
pub const L8S_SSH_PORT: &str = "l8s.ssh.port";
/// l8s: the host port of the web service, where it has one.
pub const L8S_WEB_PORT: &str = "l8s.web.port";
/// `true` on a container of devagent, a predecessor, sidecars included.
pub const DEVAGENT_MANAGED: &str = "devagent.managed";
/// devagent: the project's directory.
pub const DEVAGENT_PROJECT_PATH: &str = "devagent.project_path";
/// devagent: the account that people work as.
pub const DEVAGENT_REMOTE_USER: &str = "devagent.remote_user";
/// devagent, on a sidecar of its older versions: whose it is.
pub const DEVAGENT_SIDECAR_OF: &str = "devagent.sidecar_of";
/// devagent, on a sidecar: what it is.
pub const DEVAGENT_SIDECAR_TYPE: &str = "devagent.sidecar_type";

/// What both Compose tools give all that is of one project: its name.
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";

/// Those of the predecessors, likewise.
pub const FOREIGN: [&str; 8] = [
    L8S_MANAGED,
    L8S_SSH_PORT,
    L8S_WEB_PORT,
    DEVAGENT_MANAGED,
    DEVAGENT_PROJECT_PATH,
    DEVAGENT_REMOTE_USER,
    DEVAGENT_SIDECAR_OF,
    DEVAGENT_SIDECAR_TYPE,
];

/// What the labels begin with that ctrkit, its predecessors, the engines and the
/// devcontainers CLI know things by: no file of a person or a repository gives
/// them.
pub const RESERVED: [&str; 7] = [
    "com.docker.",
    "ctrkit.",
    "devagent.",
    "devcontainer.",
    "io.containers.",
    "io.podman.",
    "l8s.",
];

/// Returns the label that holds the host port of `service`.
#[must_use]
pub fn port(service: &str) -> String {
    format!("ctrkit.port.{service}")
}
