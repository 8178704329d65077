//! Settings that no container could have.

use document::{
    claude::Secret,
    container::{Limits, VALIDITY_DAYS, is_account, is_variable},
    limits,
};
use engine::{EngineError, Kind};
use secrets::delivery::{NAME_RULE, VARIABLE_RULE, is_name};

use super::{Settings, sound};
use crate::Error;

const PREFIX_RULE: &str = "it must be a lower-case letter and then up to 9 lower-case letters, \
                           digits or single hyphens, the last one no hyphen";
const ACCOUNT_RULE: &str = "it must be a lower-case letter or underscore and then up to 31 \
                            lower-case letters, digits, underscores or hyphens";
const RESTART_RULE: &str = "it must be no, always, unless-stopped or on-failure";

impl Settings {
    /// Refuses settings that no container could have.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |setting, value: &str, rule| Error::setting(setting, value, rule);
        if !is_prefix(&self.prefix) {
            return Err(wrong("prefix", &self.prefix, PREFIX_RULE));
        }
        if !is_account(&self.user) {
            return Err(wrong("user", &self.user, ACCOUNT_RULE));
        }
        let engine = self.engine.as_ref().map(|engine| engine.kind.as_str());
        let is_known = |name: &str| Kind::ALL.into_iter().any(|kind| kind.name() == name);
        if let Some(kind) = engine.filter(|kind| !is_known(kind)) {
            return Err(EngineError::UnknownKind { asked: kind.to_owned() }.into());
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
        self.check_limits()?;
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

    fn check_limits(&self) -> Result<(), Error> {
        let Limits { memory, cpus, pids, cap_drop, .. } = &self.limits;
        let is_limit = |value: Option<f64>| value.is_some_and(|value| value > 0.0);
        if let Some(size) = memory.as_deref().filter(|size| !is_limit(limits::bytes(size))) {
            return Err(Error::setting("limits.memory", size, "it must be a size, such as 4g"));
        }
        if let Some(cpus) = cpus.as_deref().filter(|cpus| !is_limit(limits::decimal(cpus))) {
            let rule = "it must be a number above 0, such as 1.5";
            return Err(Error::setting("limits.cpus", cpus, rule));
        }
        if *pids == Some(0) {
            return Err(Error::setting("limits.pids", "0", "it must be at least 1"));
        }
        if let Some(name) = cap_drop.iter().find(|name| !limits::is_capability(name)) {
            let rule = "it must be a capability, such as NET_RAW";
            return Err(Error::setting("limits.cap_drop", name, rule));
        }
        match self.validity_days.filter(|days| !VALIDITY_DAYS.contains(days)) {
            Some(days) => {
                let rule = "it must be from 1 to 3650";
                Err(Error::setting("ssh.validity_days", &days.to_string(), rule))
            }
            None => Ok(()),
        }
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

fn is_prefix(text: &str) -> bool {
    text.len() <= 10
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.contains("--")
        && !text.ends_with('-')
}
