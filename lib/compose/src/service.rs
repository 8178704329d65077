//! The keys that a service may have. Whatever is not here is refused.

use document::{labels::RESERVED, limits::is_capability};
use serde_json::{Map, Value, json};

use crate::{
    Base,
    at::{At, Checked, Problems, gather},
    limit,
    mount::Mounts,
    refused,
};

/// Variables that lead programs to a proxy, in lower case.
const PROXIES: [&str; 6] =
    ["all_proxy", "ftp_proxy", "http_proxy", "https_proxy", "no_proxy", "socks_proxy"];
/// What `podman run IMAGE` would take for a file or another engine.
const TRANSPORTS: [&str; 12] = [
    "atomic",
    "containers-storage",
    "dir",
    "docker",
    "docker-archive",
    "docker-daemon",
    "oci",
    "oci-archive",
    "ostree",
    "sif",
    "tarball",
    "unix",
];

/// A service of the file, and what it is checked against.
pub(crate) struct Service<'a> {
    pub(crate) base: &'a Base<'a>,
    /// Whether it is the person's own container.
    pub(crate) is_app: bool,
    /// The services that the file adds.
    pub(crate) added: &'a [&'a str],
    /// The volumes that the file declares.
    pub(crate) volumes: &'a [&'a str],
}

/// The pairs that one key of the file becomes in the model.
type Pairs = Vec<(&'static str, Value)>;

impl Service<'_> {
    /// Checks all keys of a service.
    pub(crate) fn check(&self, at: &At<'_>) -> Checked<Map<String, Value>> {
        let keys = at.table()?;
        let checked = gather(keys.iter().map(|(key, value)| {
            Ok(self.key(key, value)?.into_iter().map(|pair| (value, pair)).collect::<Vec<_>>())
        }))?;
        let mut service = Map::new();
        for (value, (key, checked)) in checked.into_iter().flatten() {
            if service.insert(key.to_owned(), checked).is_some() {
                return Err(value.refused(format!("it says {key} once more"), "take one out"));
            }
        }
        if !self.is_app && !service.contains_key("image") {
            return Err(at.refused("the service has no image", "name one that is there"));
        }
        Ok(service)
    }

    fn key(&self, key: &str, at: &At<'_>) -> Checked<Pairs> {
        let refusal = if self.is_app { refused::of_app(key) } else { None };
        if let Some((reason, cure)) = refusal.or_else(|| refused::of_service(key)) {
            return Err(at.refused(reason, cure));
        }
        let one = |key, value: Checked<Value>| Ok(vec![(key, value?)]);
        match key {
            _ if key.starts_with("x-") => Ok(Vec::new()),
            "environment" => one("environment", self.environment(at)),
            "labels" => one("labels", self.labels(at)),
            "volumes" => one("volumes", self.mounts().volumes(at)),
            "tmpfs" => one("tmpfs", self.mounts().tmpfs(at)),
            "mem_limit" => one("mem_limit", self.limit("mem_limit", at)),
            "cpus" => one("cpus", self.limit("cpus", at)),
            "pids_limit" => one("pids_limit", self.limit("pids_limit", at)),
            "shm_size" => one("shm_size", limit::size(at, self.base.app_key("mem_limit"))),
            "deploy" => self.deploy(at),
            "ulimits" => one("ulimits", ulimits(at)),
            "cap_drop" => one("cap_drop", self.cap_drop(at)),
            "security_opt" => one("security_opt", security_opt(at)),
            "depends_on" => one("depends_on", self.depends_on(at)),
            "stop_grace_period" => one("stop_grace_period", duration(at)),
            _ => self.key_of_added(key, at),
        }
    }

    /// Checks the keys that decide what runs, which the person's own
    /// container has from the document.
    fn key_of_added(&self, key: &str, at: &At<'_>) -> Checked<Pairs> {
        let one = |key, value: Checked<Value>| Ok(vec![(key, value?)]);
        let text = |is_good, what| at.text_that(is_good, what).map(Value::String);
        match key {
            "image" => one("image", image(at)),
            "pull_policy" => one("pull_policy", text(|it| it == "never", "never")),
            "command" => one("command", words(at)),
            "entrypoint" => one("entrypoint", words(at)),
            "user" => one("user", text(is_user, "a user, such as 1000:1000")),
            "working_dir" => one("working_dir", text(is_path, "an absolute path")),
            "stop_signal" => one("stop_signal", text(is_signal, "a signal, such as SIGINT")),
            "init" => one("init", at.boolean().map(Value::Bool)),
            "read_only" => one("read_only", at.boolean().map(Value::Bool)),
            "healthcheck" => one("healthcheck", healthcheck(at)),
            _ => Err(at.refused(
                "it is not among the keys that an override may have",
                "take it out; ctrkit-override(5) has all that there are",
            )),
        }
    }

    fn mounts(&self) -> Mounts<'_> {
        let taken = if self.is_app { self.base.targets() } else { Vec::new() };
        Mounts { base: self.base, volumes: self.volumes, taken }
    }

    fn limit(&self, key: &str, at: &At<'_>) -> Checked<Value> {
        limit::lowered(key, at, self.base.app_key(key))
    }

    /// Reads the limits out of `deploy`; the rest of it is for clusters.
    fn deploy(&self, at: &At<'_>) -> Checked<Pairs> {
        let limits = only(at, "resources")?.map(|at| only(&at, "limits")).transpose()?.flatten();
        let Some(limits) = limits else { return Ok(Vec::new()) };
        gather(limits.table()?.into_iter().map(|(key, value)| {
            let key = match key {
                "memory" => "mem_limit",
                "cpus" => "cpus",
                "pids" => "pids_limit",
                _ => return Err(value.refused("it is no limit that is known", "take it out")),
            };
            Ok((key, self.limit(key, &value)?))
        }))
    }

    fn environment(&self, at: &At<'_>) -> Checked<Value> {
        let own = self.base.app_key("environment").filter(|_| self.is_app);
        let variables = gather(pairs(at)?.into_iter().map(|pair| {
            let (at, name, value) = pair?;
            if PROXIES.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(at.refused(
                    "the way to the proxy is set, and another one leads nowhere",
                    "take it out",
                ));
            }
            if own.is_some_and(|own| own.get(&name).is_some()) {
                return Err(at.refused("mkcompose sets this variable", "take it out"));
            }
            if !is_variable(&name) {
                return Err(at.refused("it is no name of a variable", "use letters, digits and _"));
            }
            Ok((name, Value::String(value)))
        }))?;
        Ok(Value::Object(variables.into_iter().collect()))
    }

    /// Checks labels; those that the model gives to the container stay.
    fn labels(&self, at: &At<'_>) -> Checked<Value> {
        let own = self.base.app_key("labels").and_then(Value::as_object).filter(|_| self.is_app);
        let labels = labels(at)?;
        let mut names = labels.as_object().into_iter().flat_map(Map::keys);
        match names.find(|name| own.is_some_and(|own| own.contains_key(*name))) {
            None => Ok(labels),
            Some(name) => {
                let reason = format!("mkcompose sets the label '{name}'");
                Err(at.refused(reason, "use a name of your own"))
            }
        }
    }

    fn cap_drop(&self, at: &At<'_>) -> Checked<Value> {
        let names = gather(at.texts()?.into_iter().map(|(item, text)| {
            let name = text.strip_prefix("CAP_").unwrap_or(&text);
            if is_capability(name) {
                return Ok(name.to_owned());
            }
            Err(item.refused(format!("'{text}' is no capability"), "write one, such as CHOWN"))
        }))?;
        // The tools take no list that has something twice.
        let once: std::collections::BTreeSet<_> = names.into_iter().collect();
        Ok(json!(once))
    }

    /// Reads on which of the file's own services a service waits.
    fn depends_on(&self, at: &At<'_>) -> Checked<Value> {
        let waits = if at.is_table() {
            gather(at.table()?.into_iter().map(|(name, at)| {
                let condition = only(&at, "condition")?;
                let condition = condition.map(|at| at.text_that(is_condition, "a condition"));
                Ok((at, name.to_owned(), condition.transpose()?))
            }))?
        } else {
            at.texts()?.into_iter().map(|(at, name)| (at, name, None)).collect()
        };
        let waits = gather(waits.into_iter().map(|(at, name, condition)| {
            if !self.added.contains(&name.as_str()) {
                return Err(at.refused(
                    format!("'{name}' is no service that this file adds"),
                    "take it out; the proxy is there before all others",
                ));
            }
            let condition = condition.unwrap_or_else(|| "service_started".to_owned());
            Ok((name, json!({ "condition": condition })))
        }))?;
        Ok(Value::Object(waits.into_iter().collect()))
    }
}

/// Returns the one member that a map may have.
fn only<'a>(at: &At<'a>, name: &str) -> Checked<Option<At<'a>>> {
    let members = gather(at.table()?.into_iter().map(|(key, value)| {
        if key == name {
            return Ok(value);
        }
        Err(value.refused(
            "it is not among the keys that an override may have",
            format!("{name} is the only one here"),
        ))
    }))?;
    Ok(members.into_iter().next())
}

/// A name and its value, and where they are.
type Pair<'a> = (At<'a>, String, String);

/// Returns names and values, from a map or from a list of `NAME=VALUE`.
fn pairs<'a>(at: &At<'a>) -> Checked<Vec<Checked<Pair<'a>>>> {
    let of_member = |(name, at): (&str, At<'a>)| {
        if at.is_null() {
            return Err(valueless(&at));
        }
        let text = at.text()?;
        Ok((at, name.to_owned(), text))
    };
    if !at.is_list() {
        return Ok(at.table()?.into_iter().map(of_member).collect());
    }
    let mut known: Vec<String> = Vec::new();
    let of_item = |at: At<'a>| {
        let text = at.text()?;
        let Some((name, value)) = text.split_once('=') else { return Err(valueless(&at)) };
        if known.iter().any(|known| known == name) {
            return Err(at.refused(format!("'{name}' is there twice"), "take one out"));
        }
        known.push(name.to_owned());
        Ok((at, name.to_owned(), value.to_owned()))
    };
    Ok(at.list()?.into_iter().map(of_item).collect())
}

fn valueless(at: &At<'_>) -> Problems {
    at.refused(
        "without a value a variable is taken from this machine's environment",
        "write the value; an empty one is \"\"",
    )
}

/// Checks labels, of services and of volumes.
pub(crate) fn labels(at: &At<'_>) -> Checked<Value> {
    let labels = gather(pairs(at)?.into_iter().map(|pair| {
        let (at, name, value) = pair?;
        if RESERVED.iter().any(|own| name.to_ascii_lowercase().starts_with(own)) {
            return Err(at.refused(
                "by such labels ctrkit and the engines know what belongs to whom",
                "use a name of your own, such as org.example.role",
            ));
        }
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_good) || name.starts_with("x-") {
            return Err(at.refused(
                "not all tools take such a name",
                "use letters, digits, '.', '_', '-' and '/', and not 'x-' first",
            ));
        }
        Ok((name, Value::String(value)))
    }))?;
    Ok(Value::Object(labels.into_iter().collect()))
}

fn ulimits(at: &At<'_>) -> Checked<Value> {
    let limits = gather(at.table()?.into_iter().map(|(name, at)| {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(at.refused("it is no limit that is known", "write one, such as nofile"));
        }
        if !at.is_table() {
            return Ok((name.to_owned(), json!(at.number()?)));
        }
        let both = gather(at.table()?.into_iter().map(|(key, at)| match key {
            "soft" | "hard" => Ok((key.to_owned(), json!(at.number()?))),
            _ => Err(at.refused("a limit has soft and hard", "take it out")),
        }))?;
        if both.len() != 2 {
            return Err(at.refused("a limit has soft and hard", "write both"));
        }
        Ok((name.to_owned(), Value::Object(both.into_iter().collect())))
    }))?;
    Ok(Value::Object(limits.into_iter().collect()))
}

fn security_opt(at: &At<'_>) -> Checked<Value> {
    gather(at.texts()?.into_iter().map(|(item, text)| match text.as_str() {
        "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true" => Ok(()),
        _ => Err(item.refused(
            "it would take protection off: seccomp, AppArmor, SELinux, masked paths",
            "no-new-privileges:true is the only one",
        )),
    }))?;
    Ok(json!(["no-new-privileges:true"]))
}

/// Reads a command, which may be one text as in a shell.
///
/// It is split here: the tools' shells are not quite the same.
fn words(at: &At<'_>) -> Checked<Value> {
    if at.is_list() {
        return Ok(json!(at.texts()?.into_iter().map(|(_, text)| text).collect::<Vec<_>>()));
    }
    let text = at.text()?;
    let wrong = |_| at.refused("its quotes do not match", "write a list of words");
    Ok(json!(shell_words::split(&text).map_err(wrong)?))
}

fn healthcheck(at: &At<'_>) -> Checked<Value> {
    let keys = gather(at.table()?.into_iter().map(|(key, at)| {
        let value = match key {
            "test" if at.is_list() => health_test(&at)?,
            "test" => json!(["CMD-SHELL", at.text()?]),
            "interval" | "timeout" | "start_period" => duration(&at)?,
            "retries" => json!(at.number()?),
            "disable" => json!(at.boolean()?),
            _ => return Err(at.refused("not all engines know it", "take it out")),
        };
        Ok((key.to_owned(), value))
    }))?;
    Ok(Value::Object(keys.into_iter().collect()))
}

fn health_test(at: &At<'_>) -> Checked<Value> {
    let words: Vec<_> = at.texts()?.into_iter().map(|(_, text)| text).collect();
    let first = words.first().map(String::as_str);
    match first {
        Some("CMD") if words.len() > 1 => Ok(json!(words)),
        Some("CMD-SHELL") if words.len() == 2 => Ok(json!(words)),
        Some("NONE") if words.len() == 1 => Ok(json!(words)),
        _ => Err(at.refused("it is no test", "write one, such as [CMD, pg_isready]")),
    }
}

/// Checks the name of an image, which is on the engine already.
fn image(at: &At<'_>) -> Checked<Value> {
    let text = at.text()?;
    if is_image(&text) {
        return Ok(json!(text));
    }
    let cure = "write a name, such as docker.io/library/postgres:16";
    Err(at.refused(format!("'{text}' is no name of an image"), cure))
}

/// Says whether `text` can be the name of an image, and is no option and no
/// file to an engine.
#[must_use]
pub fn is_image(text: &str) -> bool {
    let first = text.split([':', '/', '@']).next().unwrap_or_default();
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let transport = TRANSPORTS.contains(&first) && text[first.len()..].starts_with(':');
    begins && text.bytes().all(is_good) && !transport
}

fn duration(at: &At<'_>) -> Checked<Value> {
    at.text_that(is_duration, "a duration, such as 1m30s").map(Value::String)
}

fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
        if digits == 0 || !matches!(&rest[digits..digits + unit], "h" | "m" | "s" | "ms" | "us") {
            return false;
        }
        rest = &rest[digits + unit..];
    }
    !text.is_empty()
}

fn is_condition(text: &str) -> bool {
    matches!(text, "service_started" | "service_healthy" | "service_completed_successfully")
}

fn is_variable(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        && !text.starts_with("x-")
}

fn is_user(text: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-:".contains(&byte);
    !text.is_empty() && !text.starts_with(['-', ':']) && text.bytes().all(is_good)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.chars().any(char::is_control)
}

fn is_signal(text: &str) -> bool {
    let name = text.strip_prefix("SIG").unwrap_or(text);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
