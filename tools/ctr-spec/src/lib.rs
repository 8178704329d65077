//! Describes the container that a git worktree gets.
//!
//! [`describe`] is a pure function of what git says of the worktree, of the
//! settings, and of the name that the ledger remembers.

mod elsewhere;
mod error;
mod name;
mod settings;
mod via;
mod worktree;

use document::{
    Container, Extra, Ports,
    compose::Compose,
    container::{Dotfiles, Github, Limits, Port, Project, Ssh, Variable, Volume, home},
    labels,
};

pub use crate::{
    elsewhere::Elsewhere,
    error::Error,
    name::{container_name, hash, workspace_name},
    settings::{Settings, SettingsArgs, SoundArgs, fill as fill_config},
    via::{ViaArgs, account},
    worktree::Worktree,
};

/// Returns the start of the document: all that is known before anything is
/// reserved, made or asked.
///
/// `remembered` is the name that the ledger has for this worktree. It wins
/// over the one that would be made today, so that an `origin` that is added
/// or changed does not orphan the container that is there.
pub fn describe(
    worktree: &Worktree,
    settings: Settings,
    remembered: Option<&str>,
) -> Result<Container, Error> {
    settings.check()?;
    let path = worktree.path.to_str().ok_or_else(|| Error::path_not_utf8(&worktree.path))?;
    let hash = hash(path);
    let repository = worktree.repository();
    let name = match remembered {
        Some(name) => name.to_owned(),
        None => container_name(&settings.prefix, &repository, &hash),
    };
    let project = Project {
        path: worktree.path.clone(),
        name: repository,
        hash,
        branch: Some(worktree.branch.clone()),
        extra: Extra::new(),
    };
    let mut container = Container::new(name, project);
    container.workspace = Some(format!("/workspace/{}", workspace_name(&worktree.path)));
    container.volumes = volumes(&container.name, &settings.user);
    let elsewhere = settings.elsewhere.clone();
    fill(&mut container, settings);
    if let Some(elsewhere) = elsewhere {
        elsewhere.fill(&mut container)?;
    }
    label(&mut container);
    Ok(container)
}

/// Returns the name that the ledger remembers for the worktree.
#[must_use]
pub fn remembered<'a>(ledger: &'a Ports, worktree: &Worktree) -> Option<&'a str> {
    let hash = hash(worktree.path.to_str()?);
    let of_project = |name: &&str| name.ends_with(&hash[..name::SHORT]);
    let held = ledger.reservations.iter().find(|reservation| reservation.key == hash);
    held.map(|reservation| reservation.name.as_str()).filter(of_project)
}

/// Returns the volumes, which outlive the container.
fn volumes(name: &str, user: &str) -> Vec<Volume> {
    let volume =
        |suffix, target| Volume { name: format!("{name}-{suffix}"), target, ..Volume::default() };
    vec![volume("home", home(user)), volume("workspace", "/workspace".to_owned())]
}

/// Puts the settings into their places in the document.
fn fill(container: &mut Container, settings: Settings) {
    container.ports = ports(&settings);
    container.template = settings.template;
    container.engine = settings.engine;
    container.image = Some(settings.image);
    container.user = Some(settings.user);
    container.restart = settings.restart;
    container.port_blocks = settings.blocks;
    container.env = settings.env.into_iter().map(variable).collect();
    container.limits = Some(settings.limits).filter(|limits| *limits != Limits::default());
    container.isolation = settings.isolation;
    container.audio = settings.audio;
    // Where nothing is isolated there is no Compose file to lay it over.
    let over = settings.compose_override.filter(|_| container.isolation.is_some());
    container.compose = over.map(|over| Compose { over: Some(over), ..Compose::default() });
    let ssh = Ssh {
        identity_file: settings.identity_file,
        authorized_key: settings.authorized_key,
        validity_days: settings.validity_days,
        ..Ssh::default()
    };
    container.ssh = Some(ssh).filter(|ssh| *ssh != Ssh::default());
    container.dotfiles =
        settings.dotfiles.map(|source| Dotfiles { source: Some(source), extra: Extra::new() });
    container.claude = settings.claude;
    container.secrets = settings.secrets;
    container.github =
        settings.token_file.map(|file| Github { token_file: Some(file), extra: Extra::new() });
}

/// Returns the services: ssh and web are published, the port for sound is
/// only reserved, because sound travels through ssh.
fn ports(settings: &Settings) -> Vec<Port> {
    let published = Some(settings.address.to_string());
    let port = |service: &str, container, start, address: &Option<String>| Port {
        service: service.to_owned(),
        container,
        start: Some(start),
        address: address.clone(),
        ..Port::default()
    };
    let mut ports = vec![
        port("ssh", 22, settings.ssh_start, &published),
        port("web", 3000, settings.web_start, &published),
        port("audio", settings::AUDIO_PORT, settings.audio_start, &None),
    ];
    ports.extend(
        settings
            .services
            .iter()
            .map(|service| port(&service.name, service.container, service.start, &published)),
    );
    ports
}

fn variable((name, value): (String, String)) -> Variable {
    Variable { name, value, extra: Extra::new() }
}

/// Adds the labels from which the container can be understood without the
/// worktree and without any file of ctrkit's.
fn label(container: &mut Container) {
    let project = container.project.clone();
    let labels = [
        (labels::MANAGED, Some("true".to_owned())),
        (labels::NAME, Some(container.name.clone())),
        (labels::PROJECT_PATH, project.path.to_str().map(str::to_owned)),
        (labels::PROJECT_HASH, Some(project.hash)),
        (labels::PROJECT_NAME, Some(project.name)),
        (labels::BRANCH, project.branch),
        (labels::TEMPLATE, container.template.as_ref().map(|template| template.name.clone())),
        (labels::REMOTE_USER, container.user.clone()),
        (labels::WORKSPACE, container.workspace.clone()),
    ];
    for (name, value) in labels {
        if let Some(value) = value {
            container.set_label(name, value);
        }
    }
}

#[cfg(test)]
mod tests;
