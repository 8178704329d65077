//! The arguments, and the variables that stand in for them.

use std::{net::IpAddr, path::PathBuf};

use clap::Args;
use config::Service;
use document::claude::Secret;

use super::SoundArgs;

/// The options that describe a container. Each wins over its variable, and
/// the variable over the key in `config.toml`.
///
/// One that takes another back wins over it. They are not in conflict, because
/// to clap they would be so with a variable too.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Container")]
pub struct SettingsArgs {
    /// Use ENGINE: podman, docker, or the path of such a program
    #[arg(long, value_name = "ENGINE", env = "CTRKIT_ENGINE")]
    pub engine: Option<String>,

    /// Use the engine at HOST: an ssh:// URL as in ctrkit-config(5), or local
    #[arg(long, value_name = "HOST", env = "CTRKIT_HOST")]
    pub host: Option<String>,

    /// Begin the container's name with PREFIX [default: dev]
    #[arg(long, value_name = "PREFIX", env = "CTRKIT_PREFIX")]
    pub prefix: Option<String>,

    /// Make the container from the template NAME
    #[arg(long, value_name = "NAME", env = "CTRKIT_TEMPLATE")]
    pub template: Option<String>,

    /// Use no template, whatever the configuration says
    #[arg(long)]
    pub no_template: bool,

    /// Make the container from IMAGE [default: localhost/ctrkit-base:latest]
    #[arg(long, value_name = "IMAGE", env = "CTRKIT_IMAGE")]
    pub image: Option<String>,

    /// Work in the container as USER [default: dev]
    #[arg(long, value_name = "USER", env = "CTRKIT_USER")]
    pub user: Option<String>,

    /// Publish ports on ADDRESS [default: 127.0.0.1], of the engine's machine
    #[arg(long, value_name = "ADDRESS", env = "CTRKIT_ADDRESS")]
    pub address: Option<IpAddr>,

    /// Reserve a port for one more service (can be repeated)
    #[arg(long, value_name = "NAME:CONTAINER_PORT:START", value_parser = service)]
    pub service: Vec<Service>,

    /// Set a variable of the container's environment, which the engine shows
    /// to whoever asks: not for secrets (can be repeated)
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,

    /// Limit memory to SIZE, such as 4g
    #[arg(long, value_name = "SIZE", env = "CTRKIT_MEMORY")]
    pub memory: Option<String>,

    /// Limit processors to NUMBER, such as 1.5
    #[arg(long, value_name = "NUMBER", env = "CTRKIT_CPUS")]
    pub cpus: Option<String>,

    /// Limit the number of processes to NUMBER
    #[arg(long, value_name = "NUMBER", env = "CTRKIT_PIDS")]
    pub pids: Option<u32>,

    /// Drop the capability CAP (can be repeated)
    #[arg(long, value_name = "CAP")]
    pub cap_drop: Vec<String>,

    /// Leave the container no way out but a proxy that enforces POLICY: a name,
    /// names joined by '+', or a file (can be repeated)
    #[arg(long, value_name = "POLICY", env = "CTRKIT_ISOLATE")]
    pub isolate: Vec<String>,

    /// Do not isolate the container, whatever the configuration says
    #[arg(long)]
    pub no_isolation: bool,

    /// Let no process of an isolated container gain privileges, sudo included
    #[arg(long)]
    pub no_new_privileges: bool,

    /// Lay the Compose file FILE over the one of an isolated container
    #[arg(long, value_name = "FILE", env = "CTRKIT_COMPOSE_OVERRIDE")]
    pub compose_override: Option<PathBuf>,

    /// How sound is to leave the container.
    #[command(flatten)]
    pub sound: SoundArgs,

    /// Restart the container by POLICY: no, always, unless-stopped or
    /// on-failure [default: unless-stopped]
    #[arg(long, value_name = "POLICY", env = "CTRKIT_RESTART")]
    pub restart: Option<String>,

    /// Take the dotfiles from DIR
    #[arg(long, value_name = "DIR", env = "CTRKIT_DOTFILES")]
    pub dotfiles: Option<PathBuf>,

    /// Give the container the GitHub token in FILE [default: github-token in
    /// the configuration directory, if it is there]
    #[arg(long, value_name = "FILE", env = "CTRKIT_GITHUB_TOKEN_FILE")]
    pub github_token_file: Option<PathBuf>,

    /// Give the container no GitHub token
    #[arg(long)]
    pub no_token: bool,

    /// Give the container a directory for Claude Code that outlives it, and
    /// Claude Code's token [default: where there is a token]
    #[arg(long)]
    pub claude: bool,

    /// Give the container neither
    #[arg(long)]
    pub no_claude: bool,

    /// Give the container the token for Claude Code in FILE [default: one of
    /// the usual ones]
    #[arg(long, value_name = "FILE", env = "CTRKIT_CLAUDE_TOKEN_FILE")]
    pub claude_token_file: Option<PathBuf>,

    /// Let the container read FILE as /run/secrets/NAME, and its shells export
    /// it in VARIABLE (can be repeated)
    #[arg(long, value_name = "NAME[:VARIABLE]=FILE", value_parser = secret)]
    pub secret: Vec<Secret>,

    /// Log in with the private key FILE
    #[arg(long, value_name = "FILE", env = "CTRKIT_IDENTITY_FILE")]
    pub identity_file: Option<PathBuf>,

    /// Authorise the public key FILE in the container
    #[arg(long, value_name = "FILE", env = "CTRKIT_AUTHORIZED_KEY")]
    pub authorized_key: Option<PathBuf>,

    /// Let the host certificate be valid for DAYS [default: 730]
    #[arg(long, value_name = "DAYS", env = "CTRKIT_VALIDITY_DAYS")]
    pub validity_days: Option<u32>,
}

/// Reads `NAME:CONTAINER_PORT:START`.
fn service(text: &str) -> Result<Service, String> {
    let [name, container, start] = text.split(':').collect::<Vec<_>>()[..] else {
        return Err("expected NAME:CONTAINER_PORT:START".to_owned());
    };
    let port = |text: &str| text.parse::<u16>().map_err(|_| format!("'{text}' is not a port"));
    Ok(Service { name: name.to_owned(), container: port(container)?, start: port(start)? })
}

/// Reads `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Reads `NAME[:VARIABLE]=FILE`.
fn secret(text: &str) -> Result<Secret, String> {
    let (to, file) = text.split_once('=').ok_or("expected NAME[:VARIABLE]=FILE")?;
    if file.is_empty() {
        return Err("no file is named".to_owned());
    }
    let (name, env) = match to.split_once(':') {
        Some((name, env)) => (name, Some(env.to_owned())),
        None => (to, None),
    };
    Ok(Secret { name: name.to_owned(), file: file.into(), env, ..Secret::default() })
}
