//! What makes the container: the engine, or the devcontainers CLI.

use std::path::{Path, PathBuf};

use clap::Args;
use devcontainer::Own;
use document::devcontainer::{ANY, Devcontainer, is_trust};

use crate::Error;

const ENGINE: &str = "engine";
const DEVCONTAINER: &str = "devcontainer";
const TRUST_RULE: &str = "it must be digests as a refusal says them, 64 characters each, or any";

/// The options that say what makes the container.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Container")]
pub struct ViaArgs {
    /// Have the container made by VIA: engine, or devcontainer for the
    /// devcontainers CLI [default: engine]
    #[arg(long, value_name = "VIA", env = "CTRKIT_VIA")]
    pub via: Option<String>,

    /// Make it from the devcontainer.json FILE, which need not be the only one
    /// of the worktree; means --via devcontainer
    #[arg(long, value_name = "FILE", env = "CTRKIT_DEVCONTAINER_CONFIG")]
    pub devcontainer_config: Option<PathBuf>,

    /// Let the worktree's devcontainer.json reach this machine: as it is now,
    /// or only where what does so has DIGEST
    #[arg(long, value_name = "DIGEST", num_args = 0..=1, require_equals = true,
        default_missing_value = ANY)]
    pub trust: Option<String>,
}

impl ViaArgs {
    /// Returns the section that asks for the devcontainers CLI, if options or
    /// the configuration do. Options are relative to `directory`.
    pub fn section(
        self,
        configured: Option<String>,
        directory: &Path,
    ) -> Result<Option<Devcontainer>, Error> {
        let own = self.devcontainer_config.filter(|path| !path.as_os_str().is_empty());
        let trusted = self.trust.filter(|digest| !digest.is_empty());
        if let Some(text) = trusted.as_deref().filter(|text| !is_trust(text)) {
            return Err(Error::setting("trust", text, TRUST_RULE));
        }
        let implied = own.as_ref().map(|_| DEVCONTAINER.to_owned());
        let via = self.via.filter(|via| !via.is_empty()).or(implied).or(configured);
        match via.as_deref().unwrap_or(ENGINE) {
            ENGINE => Ok(None),
            DEVCONTAINER => Ok(Some(Devcontainer {
                own: own.map(|path| directory.join(path)),
                trusted,
                ..Devcontainer::default()
            })),
            other => Err(Error::setting("via", other, "it must be engine or devcontainer")),
        }
    }
}

/// Returns the account that the devcontainer.json of the worktree `project` works
/// as, if there is such a file for `section`.
pub fn account(section: &Devcontainer, project: &Path) -> Result<Option<String>, Error> {
    let asked = section.own.as_deref();
    let Some(path) = devcontainer::find(project, asked, devcontainer::is_ours)? else {
        return Ok(None);
    };
    let own = Own::load(&path, project, asked.is_some())?;
    Ok(Some(own.user().to_owned()))
}
