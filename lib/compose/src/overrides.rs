//! A person's own Compose file, checked and laid over a model.

use std::{
    fs::File,
    io::{self, Read},
    net::Ipv4Addr,
    path::Path,
};

use serde_json::{Map, Value, json};
use toolkit::files::FileError;

use crate::{
    Base, OverrideError,
    at::{At, Checked, Problems, gather},
    refused,
    service::{Service, labels},
    tree::{self, Malformed},
};

/// How many bytes an override can have.
const LIMIT: u64 = 256 << 10;
/// What services that are added have as the person's own container has it.
const FENCES: [&str; 10] = [
    "cap_drop",
    "cpus",
    "dns",
    "init",
    "mem_limit",
    "memswap_limit",
    "pids_limit",
    "restart",
    "security_opt",
    "sysctls",
];
const NO_NEW_PRIVILEGES: &str = "no-new-privileges:true";

/// A person's own Compose file, of which nothing leads out of the isolation.
///
/// It is data, and what was checked: the file is not read again.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    value: Value,
    services: Vec<String>,
    volumes: Vec<String>,
}

impl Override {
    /// Reads and checks the file at `path` as an override of `base`.
    pub fn read(path: &Path, base: &Base<'_>) -> Result<Self, OverrideError> {
        let file = path.to_string_lossy();
        Self::parse(&file, &text(path)?, base)
    }

    /// Checks `text` as an override of `base`; `file` is its name in errors.
    pub fn parse(file: &str, text: &str, base: &Base<'_>) -> Result<Self, OverrideError> {
        let file = file.to_owned();
        let root = match tree::parse(text) {
            Ok(root) => root,
            Err(Malformed { line, message }) => {
                return Err(OverrideError::Broken { file, line, message });
            }
        };
        checked(&At::root(&root), base)
            .map_err(|Problems(problems)| OverrideError::Refused { file, problems })
    }

    /// Returns the override as a Compose model: a second file for the tools
    /// that run the first.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the services that it adds.
    #[must_use]
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// Returns the keys of the volumes that it adds.
    #[must_use]
    pub fn volumes(&self) -> &[String] {
        &self.volumes
    }

    /// Lays the override over `model`, as the tools would: one file then says
    /// all, and no tool's way of merging matters.
    pub fn apply(&self, model: &mut Value) {
        merge(model, &self.value);
    }
}

/// Maps are merged, lists added up, and everything else is replaced.
pub(crate) fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                match under.get_mut(key) {
                    Some(there) => merge(there, value),
                    None => {
                        under.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(under), Value::Array(over)) => under.extend(over.iter().cloned()),
        (under, over) => *under = over.clone(),
    }
}

/// Returns the text of the file at `path`.
pub(crate) fn text(path: &Path) -> Result<String, OverrideError> {
    let reading = FileError::reading(path);
    let found = path.metadata().map_err(&reading)?;
    // A pipe may never end, and a device has no end.
    if !found.is_file() {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file");
        return Err(reading(source).into());
    }
    let mut contents = Vec::new();
    let file = File::open(path).map_err(&reading)?;
    file.take(LIMIT + 1).read_to_end(&mut contents).map_err(&reading)?;
    let file = path.to_string_lossy().into_owned();
    if contents.len() as u64 > LIMIT {
        return Err(OverrideError::TooLarge { file, limit: LIMIT });
    }
    String::from_utf8(contents).map_err(|_| OverrideError::NotUtf8 { file })
}

fn checked(root: &At<'_>, base: &Base<'_>) -> Checked<Override> {
    let members = root.table()?;
    let section = |name| members.iter().find(|(key, _)| *key == name).map(|(_, at)| at);
    let services = section("services").map(At::table).transpose()?.unwrap_or_default();
    let volumes = section("volumes").map(At::table).transpose()?.unwrap_or_default();
    let mut problems: Vec<_> =
        members.iter().filter_map(|(key, at)| file_key(key, at).err()).collect();

    let declared: Vec<_> = volumes.iter().map(|(key, _)| *key).collect();
    let added: Vec<_> =
        services.iter().map(|(name, _)| *name).filter(|name| *name != base.app).collect();
    let volumes = gather(volumes.iter().map(|(key, at)| volume(key, at, base)));
    let services = gather(services.iter().map(|(name, at)| {
        let is_app = *name == base.app;
        if !is_app {
            service_name(name, at, base)?;
        }
        let service = Service { base, is_app, added: &added, volumes: &declared };
        Ok(((*name).to_owned(), service.check(at)?))
    }));
    match (services, volumes) {
        (Ok(services), Ok(volumes)) if problems.is_empty() => {
            return fenced(root, base, services, volumes);
        }
        (services, volumes) => {
            problems.extend(services.err());
            problems.extend(volumes.err());
        }
    }
    Err(Problems(problems.into_iter().flat_map(|Problems(all)| all).collect()))
}

/// Checks a key of the whole file.
fn file_key(key: &str, at: &At<'_>) -> Checked<()> {
    match key {
        "services" | "volumes" => Ok(()),
        // What it says was never binding.
        "version" => at.text().map(drop),
        _ if key.starts_with("x-") && refused::of_file(key).is_none() => Ok(()),
        _ => {
            let (reason, cure) = refused::of_file(key).unwrap_or((
                "it is not among the keys that an override may have",
                "take it out; there are services and volumes",
            ));
            Err(at.refused(reason, cure))
        }
    }
}

/// Says whether `text` can be the name of a service or a volume: it is part of
/// container names and host names.
fn is_name(text: &str) -> bool {
    let is_good =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=40).contains(&text.len())
        && text.bytes().all(is_good)
        && !text.starts_with(['-', '_'])
        && !text.starts_with("x-")
}

fn service_name(name: &str, at: &At<'_>, base: &Base<'_>) -> Checked<()> {
    if base.has_sidecar(name) {
        return Err(at.refused(
            format!("'{name}' is a sidecar, which keeps the container where it is"),
            "take it out, or call the service something else",
        ));
    }
    if name == "localhost" || !is_name(name) {
        return Err(at.refused(
            format!("'{name}' cannot be the name of a service"),
            "use up to 40 lower-case letters, digits, '-' and '_'",
        ));
    }
    Ok(())
}

fn volume(key: &str, at: &At<'_>, base: &Base<'_>) -> Checked<(String, Value)> {
    if base.has_volume(key) {
        return Err(at.refused(
            format!("'{key}' is a volume of the container or of its proxy"),
            "call it something else",
        ));
    }
    if !is_name(key) {
        return Err(at.refused(
            format!("'{key}' cannot be the name of a volume"),
            "use up to 40 lower-case letters, digits, '-' and '_'",
        ));
    }
    let labels = gather(at.table()?.into_iter().map(|(key, at)| match key {
        "labels" => Ok(Some(labels(&at)?)),
        "driver" if at.text()? == "local" => Ok(None),
        _ if key.starts_with("x-") && refused::of_volume(key).is_none() => Ok(None),
        _ => {
            let (reason, cure) = refused::of_volume(key)
                .unwrap_or(("a volume may have labels, and nothing else", "take it out"));
            Err(at.refused(reason, cure))
        }
    }))?;
    let labels = labels.into_iter().flatten().map(|labels| ("labels".to_owned(), labels));
    Ok((key.to_owned(), Value::Object(labels.collect())))
}

/// Puts the services that are added behind the same fences as the person's own
/// container, and tells all of them where the others are.
fn fenced(
    root: &At<'_>,
    base: &Base<'_>,
    services: Vec<(String, Map<String, Value>)>,
    volumes: Vec<(String, Value)>,
) -> Checked<Override> {
    let added: Vec<_> =
        services.iter().map(|(name, _)| name.clone()).filter(|name| name != base.app).collect();
    let addresses = base.network().and_then(|network| base.free_addresses(network));
    if addresses.as_ref().is_some_and(|free| free.len() < added.len()) {
        return Err(root.refused(
            format!("it adds {} services, more than the network has addresses for", added.len()),
            "leave services out",
        ));
    }
    no_circle(root, &services)?;
    let places: Vec<_> = added.iter().zip(addresses.into_iter().flatten()).collect();
    let hosts = hosts(base, &places);
    let mut model = Map::new();
    for (name, service) in services {
        let address = places.iter().find(|(of, _)| **of == name).map(|(_, address)| *address);
        let service =
            if name == base.app { over_app(base, service) } else { alone(base, service, address) };
        model.insert(name, Value::Object(service));
    }
    if let Some(hosts) = hosts {
        model.entry(base.app).or_insert_with(|| json!({}));
        for service in model.values_mut() {
            service["extra_hosts"] = hosts.clone();
        }
    }
    let keys = volumes.iter().map(|(key, _)| key.clone()).collect();
    let mut value = json!({ "services": model });
    if !volumes.is_empty() {
        value["volumes"] = Value::Object(volumes.into_iter().collect());
    }
    Ok(Override { value, services: added, volumes: keys })
}

/// Services that wait for each other would never start.
fn no_circle(root: &At<'_>, services: &[(String, Map<String, Value>)]) -> Checked<()> {
    let mut waiting: Vec<_> = services.iter().collect();
    loop {
        let names: Vec<_> = waiting.iter().map(|(name, _)| name.clone()).collect();
        waiting.retain(|(_, service)| {
            let waits = service.get("depends_on").and_then(Value::as_object);
            waits.is_some_and(|waits| names.iter().any(|name| waits.contains_key(name)))
        });
        if waiting.is_empty() {
            return Ok(());
        }
        if waiting.len() == names.len() {
            return Err(root.refused(
                format!("by depends_on {} wait for each other", names.join(", ")),
                "take one of them out",
            ));
        }
    }
}

/// Returns the entries for /etc/hosts: the network has no names of its own.
fn hosts(base: &Base<'_>, places: &[(&String, Ipv4Addr)]) -> Option<Value> {
    if places.is_empty() {
        return None;
    }
    // podman-compose does not merge a map with a list.
    if base.app_key("extra_hosts").is_some_and(Value::is_object) {
        let pairs = places.iter().map(|(name, address)| ((*name).clone(), json!(address)));
        return Some(Value::Object(pairs.collect()));
    }
    Some(json!(places.iter().map(|(name, at)| format!("{name}:{at}")).collect::<Vec<_>>()))
}

/// Leaves out of lists what the container has already.
fn over_app(base: &Base<'_>, mut service: Map<String, Value>) -> Map<String, Value> {
    for key in ["cap_drop", "security_opt"] {
        let there = base.app_key(key).and_then(Value::as_array).cloned().unwrap_or_default();
        if let Some(list) = service.get_mut(key).and_then(Value::as_array_mut) {
            list.retain(|item| !there.contains(item));
        }
    }
    service
}

/// Makes a service that is added: in the one network, without a pull, which
/// would ask any registry in the host's name, and with what the container has
/// to keep it in.
fn alone(
    base: &Base<'_>,
    mut service: Map<String, Value>,
    address: Option<Ipv4Addr>,
) -> Map<String, Value> {
    for key in FENCES {
        let Some(fence) = base.app_key(key) else { continue };
        match (service.get_mut(key), fence) {
            (Some(Value::Array(own)), Value::Array(fence)) => {
                let more: Vec<_> =
                    fence.iter().filter(|item| !own.contains(item)).cloned().collect();
                own.extend(more);
            }
            (Some(_), _) => {}
            (None, _) => {
                service.insert(key.to_owned(), fence.clone());
            }
        }
    }
    let options = service.entry("security_opt").or_insert_with(|| json!([]));
    if let Some(options) = options.as_array_mut() {
        if !options.contains(&json!(NO_NEW_PRIVILEGES)) {
            options.push(json!(NO_NEW_PRIVILEGES));
        }
    }
    service.insert("pull_policy".into(), json!("never"));
    match base.network() {
        Some(network) => {
            let place = address.map_or(Value::Null, |at| json!({ "ipv4_address": at }));
            service.insert("networks".into(), json!({ network: place }));
        }
        None => {
            service.insert("network_mode".into(), json!("none"));
        }
    }
    service
}
