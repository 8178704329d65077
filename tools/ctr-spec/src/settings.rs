//! What a person may choose: by flag, by environment, or in `config.toml`.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use clap::Args;
use config::{Config, Service};
use document::{
    audio::Audio,
    claude::{Claude, Secret},
    container::{Engine, Limits, is_account, is_variable},
    policy::Isolation,
};

use secrets::delivery::{NAME_RULE, is_name};
use template::Template;
use toolkit::expand_tilde;

use crate::{
    Error,
    elsewhere::Elsewhere,
    sound::{self, SoundArgs},
};

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

/// The settings that are in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The engine, where one is chosen.
    pub engine: Option<Engine>,
    /// Where the engine runs, if not here.
    pub elsewhere: Option<Elsewhere>,
    /// The template, where one is used.
    pub template: Option<document::template::Template>,
    /// The first part of the name.
    pub prefix: String,
    /// The image.
    pub image: String,
    /// The account in the container.
    pub user: String,
    /// The restart policy.
    pub restart: Option<String>,
    /// The address that ports are published on.
    pub address: IpAddr,
    /// How many offsets there are.
    pub blocks: Option<u16>,
    /// The ssh port at offset 0.
    pub ssh_start: u16,
    /// The web port at offset 0.
    pub web_start: u16,
    /// The audio port at offset 0.
    pub audio_start: u16,
    /// More services.
    pub services: Vec<Service>,
    /// The environment.
    pub env: Vec<(String, String)>,
    /// The limits.
    pub limits: Limits,
    /// What isolates the container, if anything does.
    pub isolation: Option<Isolation>,
    /// How sound leaves the container, if it does.
    pub audio: Option<Audio>,
    /// A Compose file that is laid over that of an isolated container.
    pub compose_override: Option<PathBuf>,
    /// The dotfiles.
    pub dotfiles: Option<PathBuf>,
    /// The file with the token for GitHub.
    pub token_file: Option<PathBuf>,
    /// Claude Code, if the container is to have it.
    pub claude: Option<Claude>,
    /// The secrets that the container may read.
    pub secrets: Vec<Secret>,
    /// The key to log in with.
    pub identity_file: Option<PathBuf>,
    /// The key that is authorised.
    pub authorized_key: Option<PathBuf>,
    /// The certificate's lifetime.
    pub validity_days: Option<u32>,
}

impl SettingsArgs {
    /// Returns the name of the template, where one is to be used.
    #[must_use]
    pub fn template(&self, config: &Config) -> Option<String> {
        let asked = some(self.template.clone()).or_else(|| config.container.template.clone());
        asked.filter(|name| !self.no_template && !name.is_empty())
    }

    /// Returns the file that has the token where nothing else is said, if it
    /// is there.
    #[must_use]
    pub fn usual_token_file(&self, directory: &Path) -> Option<PathBuf> {
        let path = directory.join("github-token");
        // A link that leads nowhere was put there by somebody: it is not absent.
        let is_there = !self.no_token && path.symlink_metadata().is_ok();
        is_there.then_some(path)
    }

    /// Says whether neither an option nor the configuration decides whether the
    /// container has Claude Code: then it has where there is a token.
    #[must_use]
    pub fn says_nothing_of_claude(&self, config: &Config) -> bool {
        !self.claude && !self.no_claude && config.claude.enabled.is_none()
    }

    /// Returns the agent and the secrets that are asked for; `given` chooses
    /// between two paths and makes the one absolute.
    fn agent(
        &self,
        config: &Config,
        given: impl Fn(Option<PathBuf>, Option<PathBuf>) -> Option<PathBuf>,
    ) -> (Option<Claude>, Vec<Secret>) {
        let is_asked = self.claude || self.claude_token_file.is_some();
        let token_file = given(self.claude_token_file.clone(), config.claude.token_file.clone());
        let is_wanted = is_asked || config.claude.enabled.unwrap_or(token_file.is_some());
        let claude = Claude { token_file, ..Claude::default() };
        let is_over = |name: &str| self.secret.iter().any(|asked| asked.name == name);
        let configured = config.secrets.iter().filter(|secret| !is_over(&secret.name));
        let configured = configured.map(|config::Secret { name, file, env }| Secret {
            name: name.clone(),
            file: file.clone(),
            env: env.clone(),
            ..Secret::default()
        });
        let secrets = configured.chain(self.secret.iter().cloned()).map(|secret| Secret {
            file: given(Some(secret.file.clone()), None).unwrap_or(secret.file),
            ..secret
        });
        ((is_wanted && !self.no_claude).then_some(claude), secrets.collect())
    }

    /// Lays the options over the configuration, and that over the defaults.
    ///
    /// `home` is what `~` stands for in the configuration; options are
    /// relative to `directory`.
    #[must_use]
    pub fn over(self, config: Config, home: Option<&Path>, directory: &Path) -> Settings {
        let given = |option, configured| given(option, configured, home, directory);
        let (claude, secrets) = self.agent(&config, given);
        let elsewhere = Elsewhere::of(some(self.host), &config);
        let Config { ports, ssh, limits, github, isolation, audio, .. } = config;
        let token_file = given(self.github_token_file, github.token_file);
        let isolation = Isolation {
            upstream_ca: given(None, isolation.upstream_ca.clone()),
            ..isolated(self.isolate, self.no_new_privileges, isolation)
        };
        let mut settings = Settings {
            isolation: Some(isolation)
                .filter(|isolation| !self.no_isolation && !isolation.policies.is_empty()),
            audio: self.sound.over(audio, |path| given(None, path)),
            compose_override: given(self.compose_override, None),
            engine: some(self.engine).or(config.engine).map(engine),
            elsewhere,
            template: None,
            prefix: some(self.prefix).or(config.prefix).unwrap_or("dev".into()),
            image: some(self.image).or(config.image).unwrap_or(DEFAULT_IMAGE.into()),
            user: some(self.user).or(config.user).unwrap_or("dev".into()),
            restart: some(self.restart).or(config.restart),
            address: self.address.or(ports.address).unwrap_or(Ipv4Addr::LOCALHOST.into()),
            blocks: ports.blocks,
            ssh_start: ports.ssh_start.unwrap_or(2200),
            web_start: ports.web_start.unwrap_or(3000),
            audio_start: ports.audio_start.unwrap_or(4714),
            services: ports.service,
            env: config.env.into_iter().map(|entry| (entry.name, entry.value)).collect(),
            limits: merge(limits, self.memory, self.cpus, self.pids, self.cap_drop),
            dotfiles: given(self.dotfiles, config.dotfiles),
            token_file: token_file.filter(|_| !self.no_token),
            claude,
            secrets,
            identity_file: given(self.identity_file, ssh.identity_file),
            authorized_key: given(self.authorized_key, ssh.authorized_key),
            validity_days: self.validity_days.or(ssh.validity_days),
        };
        settings.services.extend(self.service);
        settings.override_env(self.env);
        settings
    }
}

/// The image that `ctr-image` knows how to make.
const DEFAULT_IMAGE: &str = "localhost/ctrkit-base:latest";

/// Returns the path that is given, absolute: the option's, else the configured.
fn given(
    option: Option<PathBuf>,
    configured: Option<PathBuf>,
    home: Option<&Path>,
    directory: &Path,
) -> Option<PathBuf> {
    let option = option.filter(|path| !path.as_os_str().is_empty());
    option.or(configured).map(|path| directory.join(expand_tilde(&path, home)))
}

/// Returns the option's value; an empty variable says nothing.
pub(crate) fn some(option: Option<String>) -> Option<String> {
    option.filter(|text| !text.is_empty())
}

/// Takes an engine that is given by its path apart into kind and program.
fn engine(asked: String) -> Engine {
    if !asked.contains('/') {
        return Engine { kind: asked, ..Engine::default() };
    }
    let program = PathBuf::from(asked);
    let file = program.file_name().unwrap_or_default().to_string_lossy();
    let kind = ["podman", "docker"].into_iter().find(|kind| file.starts_with(kind));
    let kind = kind.unwrap_or(&file).to_owned();
    Engine { kind, program: Some(program), ..Engine::default() }
}

/// Lays what is asked for over what is configured.
fn isolated(
    asked: Vec<String>,
    no_new_privileges: bool,
    configured: config::Isolation,
) -> Isolation {
    let asked: Vec<_> = asked.into_iter().filter(|policy| !policy.is_empty()).collect();
    Isolation {
        mode: "proxy".to_owned(),
        policies: if asked.is_empty() { configured.policies } else { asked },
        dns: configured.dns.iter().map(IpAddr::to_string).collect(),
        no_new_privileges: no_new_privileges || configured.no_new_privileges,
        ..Isolation::default()
    }
}

fn merge(
    configured: config::Limits,
    memory: Option<String>,
    cpus: Option<String>,
    pids: Option<u32>,
    cap_drop: Vec<String>,
) -> Limits {
    let capability = |name: String| name.to_uppercase().trim_start_matches("CAP_").to_owned();
    let all = configured.cap_drop.unwrap_or_default().into_iter().chain(cap_drop);
    let mut cap_drop: Vec<String> = all.map(capability).collect();
    cap_drop.sort();
    cap_drop.dedup();
    Limits {
        memory: some(memory).or(configured.memory),
        cpus: some(cpus).or(configured.cpus),
        pids: pids.or(configured.pids),
        cap_drop,
        ..Limits::default()
    }
}

/// Fills in what `config` does not say by what `template` says.
#[must_use]
pub fn fill(mut config: Config, template: &Template) -> Config {
    let own = template.settings.container.clone();
    config.image = config.image.or(own.image);
    config.user = config.user.or(own.user);
    config.restart = config.restart.or(own.restart);
    if config.isolation.policies.is_empty() {
        config.isolation.policies = own.isolate;
    }
    config.isolation.no_new_privileges |= own.no_new_privileges;
    let limits = &mut config.limits;
    limits.memory = limits.memory.take().or(own.limits.memory);
    limits.cpus = limits.cpus.take().or(own.limits.cpus);
    limits.pids = limits.pids.or(own.limits.pids);
    if let Some(more) = own.limits.cap_drop {
        limits.cap_drop.get_or_insert_default().extend(more);
    }
    for variable in own.env {
        if !config.env.iter().any(|known| known.name == variable.name) {
            config.env.push(variable);
        }
    }
    for service in own.service {
        if !config.ports.service.iter().any(|known| known.name == service.name) {
            config.ports.service.push(service);
        }
    }
    config
}

impl Settings {
    /// Notes that `template` is used; a recipe of its own makes an image of the
    /// one that would be used without.
    pub fn use_template(&mut self, template: &Template) {
        let mut section = template.section();
        if template.has_recipe() {
            let image = template.image(&self.image);
            section.base = Some(std::mem::replace(&mut self.image, image));
        }
        self.template = Some(section);
    }

    /// Lays `env` over the environment, the last value of a name winning.
    fn override_env(&mut self, env: Vec<(String, String)>) {
        for (name, value) in env {
            self.env.retain(|(old, _)| *old != name);
            self.env.push((name, value));
        }
    }

    /// Refuses settings that no container could have.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |setting, value: &str, rule| Error::setting(setting, value, rule);
        if !is_prefix(&self.prefix) {
            return Err(wrong("prefix", &self.prefix, PREFIX_RULE));
        }
        if !is_account(&self.user) {
            return Err(wrong("user", &self.user, ACCOUNT_RULE));
        }
        let kinds = ["podman", "docker"];
        let engine = self.engine.as_ref().map(|engine| engine.kind.as_str());
        if let Some(kind) = engine.filter(|kind| !kinds.contains(kind)) {
            return Err(wrong("engine", kind, "it must be podman, docker or a path of one"));
        }
        let base = self.template.as_ref().and_then(|template| template.base.as_ref());
        let image = base.unwrap_or(&self.image);
        if image.starts_with('-') || image.contains(|c: char| c.is_whitespace()) {
            return Err(wrong("image", image, "it must be an image's name"));
        }
        let policies = ["no", "always", "unless-stopped", "on-failure"];
        if let Some(policy) = self.restart.as_deref().filter(|policy| !policies.contains(policy)) {
            return Err(wrong("restart", policy, RESTART_RULE));
        }
        if self.blocks == Some(0) {
            return Err(wrong("ports.blocks", "0", "it must be at least 1"));
        }
        self.check_services()?;
        self.audio.as_ref().map_or(Ok(()), sound::check)?;
        self.check_secrets()?;
        self.check_env()
    }

    fn check_services(&self) -> Result<(), Error> {
        let mut names = vec!["ssh", "web", "audio"];
        for service in &self.services {
            if !is_account(&service.name) {
                return Err(Error::setting("service", &service.name, ACCOUNT_RULE));
            }
            if names.contains(&service.name.as_str()) {
                return Err(Error::setting("service", &service.name, "it is there already"));
            }
            names.push(&service.name);
        }
        let services = self.services.iter().map(|service| service.start);
        let starts = [self.ssh_start, self.web_start, self.audio_start].into_iter().chain(services);
        let last = self.blocks.unwrap_or(100) - 1;
        for start in starts {
            if start == 0 || start.checked_add(last).is_none() {
                let rule = "the range must lie between 1 and 65535";
                return Err(Error::setting("start", &start.to_string(), rule));
            }
        }
        Ok(())
    }

    fn check_secrets(&self) -> Result<(), Error> {
        let (mut names, mut variables) = (Vec::new(), Vec::new());
        for Secret { name, env, .. } in &self.secrets {
            if !is_name(name) {
                return Err(Error::setting("secret", name, NAME_RULE));
            }
            if names.contains(&name) {
                return Err(Error::setting("secret", name, "it is there already"));
            }
            if let Some(env) = env.as_deref().filter(|env| !is_variable(env)) {
                return Err(Error::setting("secret", env, VARIABLE_RULE));
            }
            if let Some(env) = env.as_ref().filter(|env| variables.contains(env)) {
                return Err(Error::setting("secret", env, "it is another secret's variable"));
            }
            names.push(name);
            variables.extend(env);
        }
        Ok(())
    }

    fn check_env(&self) -> Result<(), Error> {
        let bad = self.env.iter().find(|(name, _)| !is_variable(name));
        bad.map_or(Ok(()), |(name, _)| Err(Error::setting("env", name, VARIABLE_RULE)))
    }
}

const PREFIX_RULE: &str = "it must be a lower-case letter and then up to 9 lower-case letters, \
                           digits or single hyphens, the last one no hyphen";
const ACCOUNT_RULE: &str = "it must be a lower-case letter or underscore and then up to 31 \
                            lower-case letters, digits, underscores or hyphens";
const RESTART_RULE: &str = "it must be no, always, unless-stopped or on-failure";
const VARIABLE_RULE: &str = "it must be a name as a shell has it";

fn is_prefix(text: &str) -> bool {
    text.len() <= 10
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.contains("--")
        && !text.ends_with('-')
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
