//! The document of a container, out of what the engine and its labels say.

use std::path::{Path, PathBuf};

use clap::Args;
use document::{
    Container, Extra,
    container::{Project, Ssh, State},
    labels,
};
use engine::{Inspection, Summary};
use sha2::{Digest, Sha256};

use crate::Error;

/// The directory of the code in a container of l8s, and the volume that it
/// is in.
const L8S_WORKSPACE: &str = "/workspace/project";
const L8S_VOLUME: &str = "/workspace";

/// What neither the engine nor a label says.
#[derive(Args, Clone, Debug, Default)]
pub struct Wishes {
    /// Log in as the account USER [default: the one that the container says]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,

    /// Take DIR for the directory of the code in the container
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<String>,

    /// Take PATH for the worktree that the container is for
    #[arg(long, value_name = "PATH")]
    pub worktree: Option<PathBuf>,

    /// Log in with the private key FILE
    #[arg(long, value_name = "FILE", env = "CTRKIT_IDENTITY_FILE")]
    pub identity_file: Option<PathBuf>,
}

impl Wishes {
    /// Makes the paths absolute, and takes the `configured` key where none is
    /// named.
    pub fn settle(&mut self, configured: Option<PathBuf>) -> Result<(), Error> {
        let home = etcetera::home_dir().ok();
        let given = self.identity_file.take().filter(|path| !path.as_os_str().is_empty());
        let key = given.or(configured).map(|path| toolkit::expand_tilde(&path, home.as_deref()));
        self.identity_file = key.map(|path| std::path::absolute(&path).unwrap_or(path));
        if let Some(path) = &mut self.worktree {
            let failed = |source| Error::Worktree { path: path.clone(), source };
            *path = path.canonicalize().map_err(failed)?;
        }
        Ok(())
    }
}

/// Returns the document of `container`, whose state is kept in `directory`.
///
/// Its environment is left out: nobody knows what of it is a secret.
pub fn describe(
    container: &Summary,
    inspection: &Inspection,
    wishes: &Wishes,
    directory: &Path,
) -> Result<Container, Error> {
    let name = container.name.clone();
    let project = project(container, wishes.worktree.as_deref(), directory);
    let mut document = Container::new(name.clone(), project);
    let user = wishes.user.clone().or_else(|| user(container, inspection));
    document.user = Some(user.ok_or(Error::NoUser { name: name.clone() })?);
    document.workspace = wishes.workspace.clone().or_else(|| workspace(container, inspection));
    document.image = Some(container.image.clone());
    document.restart.clone_from(&inspection.restart);
    document.ports = container.services(&inspection.published);
    document.volumes.clone_from(&inspection.volumes);
    document.mounts.clone_from(&inspection.mounts);
    let is_ssh =
        |port: &&document::container::Port| port.service == "ssh" && port.address.is_some();
    if !document.ports.iter().any(|port| is_ssh(&port)) {
        return Err(Error::NoSshPort { name });
    }
    document.ssh = Some(Ssh {
        identity_file: wishes.identity_file.clone(),
        known_hosts: Some(directory.join(KNOWN_HOSTS)),
        ..Ssh::default()
    });
    // Those that a container has which ctrkit has made: the next one gets them.
    let values = [
        (labels::PROJECT_NAME, Some(document.project.name.clone())),
        (labels::REMOTE_USER, document.user.clone()),
        (labels::WORKSPACE, document.workspace.clone()),
    ];
    for (label, value) in values {
        value.into_iter().for_each(|value| document.set_label(label, value));
    }
    document.state = Some(State {
        id: Some(container.id.clone()),
        status: container.status.clone(),
        ..State::default()
    });
    Ok(document)
}

/// The file below the container's state directory that its key is pinned in.
pub(crate) const KNOWN_HOSTS: &str = "known_hosts";

/// Returns the project. Where nothing says which worktree the container is
/// for, the container's own state directory stands in its place.
fn project(container: &Summary, worktree: Option<&Path>, directory: &Path) -> Project {
    let labelled = container.label(labels::DEVAGENT_PROJECT_PATH).map(Path::new);
    let path = worktree.or(labelled).unwrap_or(directory);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Project {
        path: path.to_owned(),
        name: name.unwrap_or_else(|| container.name.clone()),
        hash: hash(path),
        branch: None,
        extra: Extra::new(),
    }
}

/// Returns the first 12 hex digits of the SHA-256 of a path.
fn hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the account: what the label says, or whose home is a volume, or
/// what the image says.
fn user(container: &Summary, inspection: &Inspection) -> Option<String> {
    let label = container.label(labels::DEVAGENT_REMOTE_USER).map(str::to_owned);
    let home = || {
        let homes = inspection.volumes.iter().filter_map(|volume| {
            let user = volume.target.strip_prefix("/home/")?;
            (!user.is_empty() && !user.contains('/')).then(|| user.to_owned())
        });
        homes.into_iter().next()
    };
    let configured = || inspection.user.clone().filter(|user| !user.contains(':'));
    label.or_else(home).or_else(configured)
}

fn workspace(container: &Summary, inspection: &Inspection) -> Option<String> {
    let has_volume = inspection.volumes.iter().any(|volume| volume.target == L8S_VOLUME);
    if container.label(labels::L8S_MANAGED).is_some() && has_volume {
        return Some(L8S_WORKSPACE.to_owned());
    }
    inspection.directory.clone().filter(|directory| directory != "/")
}
