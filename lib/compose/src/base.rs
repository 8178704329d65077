//! What an override is laid over.

use std::{net::Ipv4Addr, path::Path};

use serde_json::{Map, Value, json};

/// The model of an isolated container, and what an override of it may reach.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// The model, in long notation: maps of variables and labels, lists of
    /// mounts that are maps.
    pub model: &'a Value,
    /// The service that is the person's own container. The others are sidecars,
    /// and no override reaches them.
    pub app: &'a str,
    /// The root of the project, beneath which host paths have to lie.
    pub project: &'a Path,
    /// Whether the engine has the files of this machine.
    pub engine_is_here: bool,
}

/// Returns what a volume that is added to the model of `container` with the key
/// `key` is called on the engine.
#[must_use]
pub fn volume_name(container: &str, key: &str) -> String {
    format!("{container}-{key}")
}

impl<'a> Base<'a> {
    fn section(&self, name: &str) -> Option<&'a Map<String, Value>> {
        self.model.get(name)?.as_object()
    }

    /// Returns `key` of the person's own container.
    pub(crate) fn app_key(&self, key: &str) -> Option<&'a Value> {
        self.section("services")?.get(self.app)?.get(key)
    }

    /// Says whether `name` is a sidecar.
    pub(crate) fn has_sidecar(&self, name: &str) -> bool {
        name != self.app && self.section("services").is_some_and(|all| all.contains_key(name))
    }

    /// Says whether the model has a volume of that key, or one that an added one of
    /// that key would be on the engine.
    pub(crate) fn has_volume(&self, key: &str) -> bool {
        let container = self.app_key("container_name").and_then(Value::as_str).unwrap_or_default();
        let name = volume_name(container, key);
        let is_it = |volume: &Value| volume.get("name") == Some(&json!(name));
        self.section("volumes")
            .is_some_and(|volumes| volumes.contains_key(key) || volumes.values().any(is_it))
    }

    fn mounts(&self) -> impl Iterator<Item = &'a Value> {
        self.app_key("volumes").and_then(Value::as_array).into_iter().flatten()
    }

    /// Returns where the person's own container has something mounted.
    pub(crate) fn targets(&self) -> Vec<&'a str> {
        self.mounts().filter_map(|mount| mount.get("target")?.as_str()).collect()
    }

    /// Returns the directories of the host that the container can write.
    pub(crate) fn writable(&self) -> impl Iterator<Item = &'a str> {
        let is_writable = |mount: &&Value| mount.get("read_only") != Some(&Value::Bool(true));
        self.mounts()
            .filter(|mount| mount.get("type").and_then(Value::as_str) == Some("bind"))
            .filter(is_writable)
            .filter_map(|mount| mount.get("source")?.as_str())
    }

    /// Returns the key of the network without a way out that the person's own
    /// container is in, if the model has one.
    pub(crate) fn network(&self) -> Option<&'a str> {
        let networks = self.section("networks")?;
        let is_internal = |name: &str| {
            let internal = networks.get(name).and_then(|network| network.get("internal"));
            internal == Some(&Value::Bool(true))
        };
        let mut names: Box<dyn Iterator<Item = &str>> = match self.app_key("networks")? {
            Value::Object(map) => Box::new(map.keys().map(String::as_str)),
            Value::Array(list) => Box::new(list.iter().filter_map(Value::as_str)),
            _ => return None,
        };
        names.find(|name| is_internal(name))
    }

    /// Returns the addresses of `network` that nobody has, if the model gives
    /// them out.
    pub(crate) fn free_addresses(&self, network: &str) -> Option<Vec<Ipv4Addr>> {
        let entry = self.section("networks")?.get(network)?.pointer("/ipam/config/0")?;
        let (first, length) = entry.get("subnet")?.as_str()?.split_once('/')?;
        let (first, length): (Ipv4Addr, u32) = (first.parse().ok()?, length.parse().ok()?);
        let size = 1_u32.checked_shl(32_u32.checked_sub(length)?)?;
        let first = u32::from(first) & !(size - 1);
        let mut taken: Vec<_> = entry.get("gateway").into_iter().collect();
        for service in self.section("services")?.values() {
            let place = service.get("networks").and_then(|networks| networks.get(network));
            taken.extend(place.and_then(|place| place.get("ipv4_address")));
        }
        let is_free = |address: &Ipv4Addr| !taken.contains(&&json!(address.to_string()));
        // The first address is the network's, the second an engine's gateway,
        // and the last everybody's.
        Some(
            (2..size.min(256) - 1)
                .map(|number| Ipv4Addr::from(first + number))
                .filter(is_free)
                .collect(),
        )
    }
}
