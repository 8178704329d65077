//! Mounts, in the words of `--mount` or as a map.

use serde_json::Value;

/// One mount.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Mount {
    /// `bind`, `volume` or `tmpfs`; absent: what the engine makes of it.
    pub(crate) kind: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) target: Option<String>,
    /// Options that are not known, or that mean another thing than a mount.
    pub(crate) others: Vec<String>,
}

impl Mount {
    /// Reads a mount, or says which rule it does not keep to. Whoever reads it
    /// later splits it at commas and colons and writes it into other files, so
    /// that a value in quotes is none that all understand alike.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let mut mount = Self::default();
        match value {
            Value::String(text) => {
                for field in text.split(',') {
                    let (key, value) = field.split_once('=').unwrap_or((field, "true"));
                    mount.set(key, value)?;
                }
            }
            Value::Object(members) => {
                for (key, value) in members {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    mount.set(key, &text)?;
                }
            }
            _ => return Err("must be text or a map".to_owned()),
        }
        match mount.target {
            Some(_) => Ok(mount),
            None => Err("has no target".to_owned()),
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let is_bad = |c: char| c.is_control() || "\"'\\:,#".contains(c);
        let without = value.replace("${localEnv:", "${").replace("${env:", "${");
        if let Some(c) = key.chars().chain(without.chars()).find(|c| is_bad(*c)) {
            return Err(format!("has {c:?}, which not all readers take alike"));
        }
        let place = match key {
            "type" => &mut self.kind,
            "source" | "src" => &mut self.source,
            "target" | "dst" | "destination" => &mut self.target,
            "readonly" | "ro" | "consistency" => return Ok(()),
            other => {
                self.others.push(other.to_owned());
                return Ok(());
            }
        };
        if place.replace(value.to_owned()).is_some() {
            return Err(format!("has '{key}' twice"));
        }
        Ok(())
    }

    /// Says why the mount reaches more than the container called `name` has.
    pub(crate) fn reaches(&self, name: &str) -> Option<String> {
        if !self.others.is_empty() {
            return Some(format!("it has the option '{}', which is not known", self.others[0]));
        }
        match (self.kind.as_deref(), self.source.as_deref()) {
            (Some("tmpfs" | "volume"), None) => None,
            (Some("volume"), Some(source)) if is_own(source, name) => None,
            (Some("volume"), Some(source)) => Some(format!(
                "the volume '{source}' is not the container's own; with ${{devcontainerId}} in \
                 its name it would be"
            )),
            _ => Some("it shows the container files of this machine".to_owned()),
        }
    }
}

/// Says whether a volume is that of one container alone. What has a slash would
/// be a directory of this machine to some readers, whatever its type.
fn is_own(source: &str, name: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let plain = source.replace("${devcontainerId}", "0");
    if !plain.starts_with(|c: char| c.is_ascii_alphanumeric()) || !plain.chars().all(is_good) {
        return false;
    }
    source.contains("${devcontainerId}")
        || source.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn reaches(mount: &Value) -> Option<String> {
        Mount::read(mount).unwrap().reaches("dev-a-b3e5ed")
    }

    #[test]
    fn a_volume_of_its_own_and_memory_reach_nothing() {
        for mount in [
            "type=volume,source=dev-a-b3e5ed-cargo,target=/usr/local/cargo",
            "source=x-${devcontainerId},target=/x,type=volume",
            "type=volume,target=/x",
            "type=tmpfs,target=/tmp/x",
        ] {
            assert_eq!(reaches(&json!(mount)), None, "{mount}");
        }
        assert_eq!(
            reaches(&json!({"type": "volume", "source": "dev-a-b3e5ed-x", "target": "/x"})),
            None
        );
    }

    #[test]
    fn everything_else_reaches_the_machine() {
        for mount in [
            "type=bind,source=/,target=/host",
            "source=/var/run/docker.sock,target=/var/run/docker.sock",
            "type=volume,source=dev-b-000000-home,target=/x",
            "type=volume,source=dev-a-b3e5edx,target=/x",
            "type=volume,source=dev-a-b3e5ed-x,target=/x,volume-opt=device=/etc",
            "type=volume,target=/x,bind-propagation=rshared",
            "type=npipe,source=a,target=/x",
            "type=tmpfs,source=/etc,target=/x",
            "type=volume,source=/${devcontainerId}/..,target=/x",
            "type=volume,source=dev-a-b3e5ed-/../../etc,target=/x",
            "type=volume,source=../${devcontainerId},target=/x",
            "type=volume, source=dev-a-b3e5ed-x,target=/x",
            "Type=bind,source=dev-a-b3e5ed-x,target=/x",
        ] {
            assert!(reaches(&json!(mount)).is_some(), "{mount}");
        }
    }

    #[test]
    fn what_would_be_something_else_to_its_next_reader_is_no_mount() {
        for mount in [
            json!("type=volume,source=a,target=/x\n    privileged: true"),
            json!("type=volume,\"source=a,b\",target=/x"),
            json!("type=volume,target=/x:rw"),
            json!("type=volume,source=a,source=/,target=/x"),
            json!("type=volume,source=a"),
            json!({"type": "volume", "source": "a,type=bind", "target": "/x"}),
            json!(1),
        ] {
            assert!(Mount::read(&mount).is_err(), "{mount}");
        }
    }
}
