//! What would lead out of a resolved model.

use std::path::Path;

use serde_json::{Map, Value, json};

/// Knows the model without an override, as docker compose resolves it.
pub(crate) struct Judge<'a> {
    pub(crate) plain: &'a Value,
    pub(crate) project: &'a Path,
}

impl Judge<'_> {
    /// Returns what would let something out, or change more than it may.
    pub(crate) fn leaks(&self, resolved: &Value) -> Vec<String> {
        let mut found = Vec::new();
        if resolved["networks"] != self.plain["networks"] {
            found.push("networks".to_owned());
        }
        for (key, volume) in resolved["volumes"].as_object().unwrap() {
            if !self.volume_is_own(key, volume) {
                found.push(format!("volumes.{key}"));
            }
        }
        for (name, service) in resolved["services"].as_object().unwrap() {
            let service = service.as_object().unwrap();
            let leaks = match name.as_str() {
                "proxy" | "ingress" => {
                    let is_same = self.plain["services"][name].as_object() == Some(service);
                    if is_same { Vec::new() } else { vec!["changed".to_owned()] }
                }
                _ => self.service(service, self.plain["services"].get(name)),
            };
            found.extend(leaks.into_iter().map(|leak| format!("services.{name}.{leak}")));
        }
        found
    }

    fn volume_is_own(&self, key: &str, volume: &Value) -> bool {
        match self.plain["volumes"].get(key) {
            Some(known) => known == volume,
            None => {
                volume["name"] == json!(format!("sample_{key}"))
                    && volume.get("driver_opts").is_none()
                    && volume.get("external").is_none()
            }
        }
    }

    /// Judges each key of a resolved service, and that its fences are there.
    fn service(&self, service: &Map<String, Value>, before: Option<&Value>) -> Vec<String> {
        let fences = ["cap_drop", "dns", "mem_limit", "networks", "pids_limit", "sysctls"];
        let gone = fences.iter().filter(|key| !service.contains_key(**key));
        let gone = gone.map(|key| format!("{key} is gone"));
        let leaks = service.iter().filter(|(key, value)| !self.is_good(key, value, before));
        leaks.map(|(key, _)| key.clone()).chain(gone).collect()
    }

    /// Judges one key; one that is not known here leaks. What is `before` is
    /// the person's own container.
    fn is_good(&self, key: &str, value: &Value, before: Option<&Value>) -> bool {
        let app = &self.plain["services"]["app"];
        let is_app = before.is_some();
        let as_before = before.and_then(|before| before.get(key));
        match key {
            "environment" | "labels" | "depends_on" => adds_what_is_said(value, as_before),
            "cap_drop" => app[key].as_array().unwrap().iter().all(|it| contains(value, it)),
            "security_opt" => value == &json!(["no-new-privileges:true"]),
            "mem_limit" | "cpus" | "pids_limit" => {
                number(value) > 0.0 && number(value) <= number(&app[key])
            }
            "networks" if is_app => Some(value) == as_before,
            "networks" => {
                let address = value["net"]["ipv4_address"].as_str().unwrap_or_default();
                value.as_object().unwrap().len() == 1
                    && ["10.208.35.21", "10.208.35.22"].contains(&address)
            }
            "volumes" => value.as_array().unwrap().iter().all(|mount| {
                as_before.is_some_and(|before| contains(before, mount)) || self.mount_is_own(mount)
            }),
            "dns" | "sysctls" | "restart" => app.get(key) == Some(value),
            "extra_hosts" => value.as_array().unwrap().iter().all(|host| {
                let host = host.as_str().unwrap();
                host.starts_with("db=10.208.35.2") || host.starts_with("cache=10.208.35.2")
            }),
            "ulimits" | "shm_size" | "tmpfs" | "stop_grace_period" => true,
            "deploy" => value.pointer("/resources/reservations").is_none(),
            _ if is_app => Some(value) == as_before,
            "pull_policy" => value == "never",
            "image" | "command" | "entrypoint" | "user" | "working_dir" | "init" | "read_only"
            | "healthcheck" | "stop_signal" => true,
            _ => false,
        }
    }

    fn mount_is_own(&self, mount: &Value) -> bool {
        let source = mount["source"].as_str().unwrap_or_default();
        match mount["type"].as_str().unwrap() {
            "bind" => {
                Path::new(source).starts_with(self.project.join("data"))
                    && mount["read_only"] == json!(true)
                    && mount["bind"].get("propagation").is_none()
            }
            "volume" => self.plain["volumes"].get(source).is_none(),
            "tmpfs" => true,
            _ => false,
        }
    }
}

/// Says whether all that was there is there, and what else is there was said
/// by one of the files that the tests put together.
fn adds_what_is_said(value: &Value, before: Option<&Value>) -> bool {
    let before = before.and_then(Value::as_object).cloned().unwrap_or_default();
    let pairs = value.as_object().unwrap();
    before.iter().all(|(key, before)| pairs.get(key) == Some(before))
        && pairs.iter().all(|(key, value)| before.contains_key(key) || is_said(key, value))
}

fn is_said(key: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => matches!(
            (key, text.as_str()),
            ("A" | "a", "b") | ("C", "$D") | ("E", "f=g") | ("YES", "yes") | ("org.example", "x y")
        ),
        _ => key == "db",
    }
}

fn contains(list: &Value, item: &Value) -> bool {
    list.as_array().unwrap().contains(item)
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}
