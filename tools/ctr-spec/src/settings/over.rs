//! The arguments laid over what the configuration says, and that over what the
//! template says and the defaults.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use config::Config;
use document::{
    claude::{Claude, Secret},
    container::{Engine, Limits},
    policy::Isolation,
};
use template::Template;
use toolkit::expand_tilde;

use super::{Settings, SettingsArgs};
use crate::elsewhere::Elsewhere;

/// The image that `ctr-image` knows how to make.
const DEFAULT_IMAGE: &str = "localhost/ctrkit-base:latest";

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
pub(super) fn some(option: Option<String>) -> Option<String> {
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
