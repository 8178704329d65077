//! What of a service of a repository's own file reaches the machine.

use std::{fs, net::IpAddr, path::Path};

use document::labels::RESERVED;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    at::At,
    own::{self, Directory, Reach, UNKNOWN},
    refused,
    service::is_image,
    tree::{Node, Value},
};

/// Keys that reach nothing, whatever their values are.
const PLAIN: [&str; 43] = [
    "attach",
    "cap_drop",
    "command",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "expose",
    "healthcheck",
    "hostname",
    "init",
    "links",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "pids_limit",
    "platform",
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "scale",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "working_dir",
];

/// Keys of `build` that reach nothing.
const BUILD: [&str; 8] =
    ["args", "dockerfile_inline", "labels", "no_cache", "platforms", "pull", "shm_size", "target"];

/// Keys of a mount that reach nothing.
const MOUNT: [&str; 7] =
    ["consistency", "read_only", "source", "target", "tmpfs", "type", "volume"];

/// Options of a log that say how much of it is kept, and nothing else: podman's
/// `path` is that of any file of this machine.
const LOG_OPTIONS: [&str; 5] = ["compress", "max-buffer-size", "max-file", "max-size", "mode"];

/// The most bytes of a file of variables that is looked at.
const LENGTH: u64 = 1 << 20;

const LOG_FILE: &str = "it may write what the container says to a file of this machine";
const FILES: &str = "it shows the container files of this machine";
const ENVIRONMENT: &str = "it takes a variable of this machine, which may be a secret";
const ROUTE: &str =
    "it is no private address, and this machine would send what is for others there";
const BEYOND: &str = "it is published beyond this machine, or as nobody knows";

/// What is found.
pub(crate) struct Found<'a> {
    pub(crate) all: Vec<Reach>,
    directory: Directory<'a>,
}

impl<'a> Found<'a> {
    pub(crate) fn new(directory: Directory<'a>) -> Self {
        Self { all: Vec::new(), directory }
    }

    pub(crate) fn add(&mut self, at: &At<'_>, reason: &str) {
        let (path, _, node) = at.place();
        let (path, reason) = (path.to_owned(), reason.to_owned());
        self.all.push(Reach { path, value: own::json(node), reason, remains: false });
    }

    /// Adds what stands for more than its words, all of which is `value`.
    fn add_value(&mut self, at: &At<'_>, value: serde_json::Value, reason: &str) {
        let (path, reason) = (at.place().0.to_owned(), reason.to_owned());
        self.all.push(Reach { path, value, reason, remains: false });
    }

    /// Adds what `look` finds as what remains in an isolation.
    fn remaining(&mut self, look: impl FnOnce(&mut Self)) {
        let before = self.all.len();
        look(self);
        self.all[before..].iter_mut().for_each(|reach| reach.remains = true);
    }

    /// Adds a mount of files; the code is in a volume where it is isolated.
    fn files(&mut self, at: &At<'_>) {
        let (path, _, node) = at.place();
        let remains = !own::is_project(node, self.directory);
        let (path, value, reason) = (path.to_owned(), own::json(node), FILES.to_owned());
        self.all.push(Reach { path, value, reason, remains });
    }

    /// Looks at each member of each member of `at`.
    pub(crate) fn each(&mut self, at: &At<'_>, look: impl Fn(&str, &At<'_>, &mut Self)) {
        let Ok(members) = at.table() else { return self.add(at, UNKNOWN) };
        for (_, member) in members {
            match member.table() {
                Ok(keys) => keys.iter().for_each(|(key, at)| look(key, at, self)),
                Err(_) => self.add(&member, UNKNOWN),
            }
        }
    }

    /// Returns the members of a map; what is none is not known to reach nothing.
    fn members<'b>(&mut self, at: &At<'b>) -> Vec<(&'b str, At<'b>)> {
        at.table().unwrap_or_else(|_| {
            self.add(at, UNKNOWN);
            Vec::new()
        })
    }

    /// Looks for variables in all values, and in keys, where only one of the tools
    /// replaces them.
    pub(crate) fn variables(&mut self, at: &At<'_>) {
        let (_, _, node) = at.place();
        match &node.value {
            Value::Scalar { text, .. } if text.split("$$").any(|part| part.contains('$')) => {
                self.add(at, ENVIRONMENT);
            }
            Value::Scalar { .. } => {}
            Value::List(_) => {
                at.list().ok().into_iter().flatten().for_each(|item| self.variables(&item));
            }
            Value::Table(_) => {
                for (key, at) in at.table().unwrap_or_default() {
                    match key.contains('$') {
                        true => self.add(&at, ENVIRONMENT),
                        false => self.variables(&at),
                    }
                }
            }
        }
    }

    /// Looks whether `path`, relative to `base`, is in the project.
    fn inside(&mut self, at: &At<'_>, base: &Path, path: &str) {
        let real = base.join(path).canonicalize();
        let root = self.directory.project.canonicalize();
        if !matches!((real, root), (Ok(real), Ok(root)) if real.starts_with(&root)) {
            self.add(at, "it is not there in the worktree, or a link leads out of it");
        }
    }
}

/// Looks at all services.
pub(crate) fn services(at: &At<'_>, found: &mut Found<'_>) {
    found.each(at, |key, at, found| match key {
        _ if PLAIN.contains(&key) => {}
        "image" => {
            if !at.text().is_ok_and(|text| is_image(&text)) {
                found.add(at, "it is no name of an image");
            }
        }
        "build" => found.remaining(|found| build(at, found)),
        "environment" => environment(at, found),
        "labels" => labels(at, found),
        "volumes" => list(at, found, mount),
        "ports" => list(at, found, port),
        "env_file" => list(at, found, env_file),
        "networks" => networks(at, found),
        "deploy" => deploy(at, found),
        "security_opt" => list(at, found, security),
        "extra_hosts" => extra_hosts(at, found),
        "logging" => logging(at, found),
        "network_mode" => {
            let own =
                |text: &str| matches!(text, "bridge" | "none") || text.starts_with("service:");
            one(at, found, own, "it would be another network than one of the project's own");
        }
        // In quotes it is text, which podman-compose takes for true.
        "privileged" if at.boolean().is_ok_and(|is_privileged| !is_privileged) => {}
        _ if key.starts_with("x-") && refused::of_service(key).is_none() => {}
        _ => found.add(at, reason(key)),
    });
}

fn reason(key: &str) -> &'static str {
    refused::of_service(key).map_or(UNKNOWN, |(reason, _)| reason)
}

fn one(at: &At<'_>, found: &mut Found<'_>, is_good: impl Fn(&str) -> bool, reason: &str) {
    if !at.text().is_ok_and(|text| is_good(&text)) {
        found.add(at, reason);
    }
}

/// Looks at each item of a list, or at the one that stands alone.
fn list(at: &At<'_>, found: &mut Found<'_>, look: fn(&At<'_>, &mut Found<'_>)) {
    match at.list() {
        Ok(items) => items.iter().for_each(|item| look(item, found)),
        Err(_) => look(at, found),
    }
}

/// Returns text as it is, also where it has a variable, which is told elsewhere.
fn raw<'a>(at: &At<'a>) -> Option<&'a str> {
    let (_, _, node) = at.place();
    match node {
        Node { value: Value::Scalar { text, .. }, .. } => Some(text),
        _ => None,
    }
}

fn environment(at: &At<'_>, found: &mut Found<'_>) {
    let Ok(items) = at.list() else {
        let members = found.members(at);
        let bare = members.iter().filter(|(_, at)| at.is_null());
        return bare.for_each(|(_, at)| found.add(at, ENVIRONMENT));
    };
    let bare = items.iter().filter(|item| !raw(item).is_some_and(|text| text.contains('=')));
    bare.for_each(|item| found.add(item, ENVIRONMENT));
}

pub(crate) fn labels(at: &At<'_>, found: &mut Found<'_>) {
    let is_own = |name: &str| RESERVED.iter().any(|own| name.to_ascii_lowercase().starts_with(own));
    let reason = "by such labels ctrkit and the engines know what belongs to whom";
    if let Ok(items) = at.list() {
        items.iter().filter(|it| raw(it).is_none_or(is_own)).for_each(|it| found.add(it, reason));
        return;
    }
    let members = found.members(at);
    members.iter().filter(|(name, _)| is_own(name)).for_each(|(_, it)| found.add(it, reason));
}

fn mount(at: &At<'_>, found: &mut Found<'_>) {
    if let Some(text) = raw(at) {
        let source = text.split_once(':').map(|(source, _)| source);
        if source.is_some_and(|source| {
            source.starts_with(['.', '/', '~']) || source.contains(['/', '\\'])
        }) {
            found.files(at);
        }
        return;
    }
    let Ok(keys) = at.table() else { return found.add(at, UNKNOWN) };
    let kind = keys.iter().find(|(key, _)| *key == "type").and_then(|(_, at)| raw(at));
    if !matches!(kind, Some("volume" | "tmpfs")) {
        found.files(at);
    }
    keys.iter().filter(|(key, _)| !MOUNT.contains(key)).for_each(|(_, at)| found.add(at, UNKNOWN));
}

fn port(at: &At<'_>, found: &mut Found<'_>) {
    let is_near = match raw(at) {
        Some(text) => text.starts_with("127.0.0.1:") || text.starts_with("[::1]:"),
        None => {
            let keys = at.table().unwrap_or_default();
            let address = keys.iter().find(|(key, _)| *key == "host_ip");
            matches!(address.and_then(|(_, at)| raw(at)), Some("127.0.0.1" | "::1"))
        }
    };
    if !is_near {
        found.add(at, BEYOND);
    }
}

fn env_file(at: &At<'_>, found: &mut Found<'_>) {
    let keys = at.table().unwrap_or_default();
    let path = keys.iter().find(|(key, _)| *key == "path").and_then(|(_, at)| raw(at));
    let Some(path) = raw(at).or(path) else { return found.add(at, UNKNOWN) };
    let (own, before) = (found.directory.own.to_owned(), found.all.len());
    found.inside(at, &own, path);
    if found.all.len() > before {
        return;
    }
    // What is in it is filled in as well, from the same variables.
    let text = file(&own.join(path));
    if text.as_deref().is_none_or(takes) {
        let digest = format!("{:x}", Sha256::digest(text.unwrap_or_default()));
        found.add_value(at, json!([path, digest]), ENVIRONMENT);
    }
}

/// Reads a file as far as it is one of variables, and not of another size or kind.
fn file(path: &Path) -> Option<Vec<u8>> {
    let found = path.metadata().ok().filter(|found| found.is_file() && found.len() <= LENGTH)?;
    fs::read(path).ok().filter(|text| text.len() as u64 <= found.len())
}

/// Says whether a file of variables takes one of this machine: by a `$`, or by a
/// name without a value. What may be one of these is one.
fn takes(text: &[u8]) -> bool {
    let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
    let lines = lines.map(|line| line.trim_ascii_start());
    lines
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .any(|line| line.contains(&b'$') || !line.contains(&b'='))
}

fn build(at: &At<'_>, found: &mut Found<'_>) {
    let own = found.directory.own.to_owned();
    if let Some(context) = raw(at) {
        return found.inside(at, &own, context);
    }
    let Ok(keys) = at.table() else { return found.add(at, UNKNOWN) };
    let context = keys.iter().find(|(key, _)| *key == "context");
    let context = own.join(context.and_then(|(_, at)| raw(at)).unwrap_or("."));
    for (key, at) in &keys {
        match (*key, raw(at)) {
            ("context", Some(path)) => found.inside(at, &own, path),
            ("dockerfile", Some(path)) => found.inside(at, &context, path),
            ("args", _) => environment(at, found),
            ("cache_from", _) => list(at, found, |at, found| {
                one(at, found, is_image, "it may read a directory of this machine");
            }),
            (key, _) if BUILD.contains(&key) => {}
            _ => found.add(at, "it is not among the keys of a build that give it nothing"),
        }
    }
}

fn networks(at: &At<'_>, found: &mut Found<'_>) {
    if at.is_list() {
        return;
    }
    found.each(at, |key, at, found| match key {
        "aliases" | "mac_address" | "priority" => {}
        "ipv4_address" | "ipv6_address" => one(at, found, is_private, ROUTE),
        _ => found.add(at, UNKNOWN),
    });
}

/// Looks at which addresses a network has: an engine routes all of them to it on
/// this machine.
pub(crate) fn addresses(at: &At<'_>, found: &mut Found<'_>) {
    for (key, at) in found.members(at) {
        match (key, at.list()) {
            ("driver", _) => one(&at, found, |text| text == "default", UNKNOWN),
            ("config", Ok(pools)) => pools.iter().for_each(|pool| {
                for (key, at) in pool.table().unwrap_or_default() {
                    match key {
                        "subnet" | "ip_range" | "gateway" => one(&at, found, is_private, ROUTE),
                        _ => found.add(&at, UNKNOWN),
                    }
                }
            }),
            _ => found.add(&at, UNKNOWN),
        }
    }
}

/// Says whether an address, or all of a network, is among those that are nobody's
/// in particular (RFC 1918, section 3; RFC 4193, section 3.1).
fn is_private(text: &str) -> bool {
    let (address, length) = text.split_once('/').unwrap_or((text, "128"));
    let Ok(length) = length.parse::<u8>() else { return false };
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let [first, second, ..] = address.octets();
            let least = match first {
                10 => 8,
                172 if second & 0xf0 == 16 => 12,
                192 if second == 168 => 16,
                _ => return false,
            };
            length >= least
        }
        Ok(IpAddr::V6(address)) => length >= 7 && address.octets()[0] & 0xfe == 0xfc,
        Err(_) => false,
    }
}

/// Devices are given out here as well.
fn deploy(at: &At<'_>, found: &mut Found<'_>) {
    for (key, at) in found.members(at) {
        if key != "resources" && key != "replicas" && key != "mode" && key != "labels" {
            found.add(&at, UNKNOWN);
        }
        for (_, bound) in at.table().unwrap_or_default() {
            for (key, at) in bound.table().unwrap_or_default() {
                if !["cpus", "memory", "pids"].contains(&key) {
                    found.add(&at, "it would give the container devices of the host");
                }
            }
        }
    }
}

fn security(at: &At<'_>, found: &mut Found<'_>) {
    let reason = "it would take protection off: seccomp, AppArmor, SELinux, masked paths";
    one(
        at,
        found,
        |text| {
            matches!(
                text,
                "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true"
            )
        },
        reason,
    );
}

fn extra_hosts(at: &At<'_>, found: &mut Found<'_>) {
    let reason = "it is an address of this machine";
    let items = at.list().unwrap_or_else(|_| {
        let members = found.members(at).into_iter();
        members.map(|(_, at)| at).collect()
    });
    let leads = |at: &At<'_>| raw(at).is_none_or(|text| text.ends_with("host-gateway"));
    items.into_iter().filter(leads).for_each(|at| found.add(&at, reason));
}

fn logging(at: &At<'_>, found: &mut Found<'_>) {
    let keys = at.table().unwrap_or_default();
    let driver = keys.iter().find(|(key, _)| *key == "driver").and_then(|(_, at)| raw(at));
    if !matches!(driver, Some("json-file" | "local" | "none" | "k8s-file")) {
        return found.add(at, reason("logging"));
    }
    for (key, at) in &keys {
        match (*key, at.table()) {
            ("driver", _) => {}
            ("options", Ok(options)) => {
                let others = options.iter().filter(|(key, _)| !LOG_OPTIONS.contains(key));
                others.for_each(|(_, at)| found.add(at, LOG_FILE));
            }
            _ => found.add(at, UNKNOWN),
        }
    }
}
