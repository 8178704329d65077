//! The lines for people.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use document::{
    container::{Limits, Mount, Port, Volume},
    containers::{Listed, ListedFilter, ListedIsolation, ListedNetwork, ListedSidecar},
};

use crate::size;

/// Returns one `key: value` per line, the values below each other.
///
/// A key of which there may be several has a line for each; `-` stands for
/// what there is none of.
#[must_use]
pub fn text(listed: &Listed) -> String {
    let mut lines = Lines::default();
    about(&mut lines, listed);
    let ports: Vec<_> = listed.ports.iter().map(port).collect();
    lines.each("port", &ports);
    let volumes: Vec<_> = listed.volumes.iter().map(|each| volume(listed, each)).collect();
    lines.each("volume", &volumes);
    let mounts: Vec<_> = listed.mounts.iter().map(mount).collect();
    lines.each("mount", &mounts);
    let isolation = listed.isolation.as_ref().filter(|isolation| isolation.isolated.is_some());
    let cap_drop = isolation.map(|isolation| isolation.cap_drop.as_slice());
    limits(&mut lines, listed.limits.as_ref(), cap_drop);
    lines.one("restart", listed.restart.as_deref());
    if let Some(level) = &listed.audio {
        lines.one("audio", Some(level));
    }
    match isolation {
        Some(isolation) => isolated(&mut lines, isolation),
        None => lines.one("isolation", Some("none")),
    }
    lines.render()
}

fn about(lines: &mut Lines, listed: &Listed) {
    let project = listed.project.as_ref();
    let path = project.and_then(|project| project.path.as_ref()).map(|path| path.to_string_lossy());
    lines.one("name", Some(&listed.name));
    lines.one("status", Some(&listed.status));
    lines.one("id", Some(&listed.id));
    lines.one("image", Some(&listed.image));
    lines.one("project", path.as_deref());
    lines.one("branch", listed.branch.as_deref());
    lines.one("created", listed.created.as_deref());
    lines.one("user", listed.user.as_deref());
    lines.one("workspace", listed.workspace.as_deref());
    let service = |name| listed.ports.iter().find(|port| port.service == name);
    lines.one("ssh", service("ssh").map(|port| ssh(&listed.name, port)).as_deref());
    lines.one("web", service("web").and_then(web).as_deref());
}

/// Returns the command, and where it leads to.
fn ssh(name: &str, port: &Port) -> String {
    match endpoint(port) {
        Some(endpoint) => format!("ssh {name} ({endpoint})"),
        None => format!("ssh {name}"),
    }
}

/// Returns the address for a browser on this machine.
fn web(port: &Port) -> Option<String> {
    let host = port.host?;
    let address = port.address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
    match address.filter(|address| !address.is_loopback() && !address.is_unspecified()) {
        Some(address) => Some(format!("http://{}", SocketAddr::new(address, host))),
        None => Some(format!("http://localhost:{host}")),
    }
}

/// Returns `address:port`, with brackets around an IPv6 address (RFC 3986).
fn endpoint(port: &Port) -> Option<String> {
    let (host, address) = (port.host?, port.address.as_deref()?);
    match address.parse() {
        Ok(IpAddr::V6(address)) => Some(format!("[{address}]:{host}")),
        Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) | Err(_) => Some(format!("*:{host}")),
        Ok(IpAddr::V4(address)) => Some(format!("{address}:{host}")),
    }
}

fn port(port: &Port) -> String {
    let Port { service, container, .. } = port;
    let reserved = || port.host.map_or("-".into(), |host| format!("{host} (not published)"));
    format!("{service} {container} <- {}", endpoint(port).unwrap_or_else(reserved))
}

fn volume(listed: &Listed, volume: &Volume) -> String {
    let mut mounts = listed.isolation.iter().flat_map(|isolation| &isolation.mounts);
    let mount = mounts.find(|mount| mount.destination == volume.target);
    let mode = if mount.is_some_and(|mount| mount.read_only) { " (read-only)" } else { "" };
    format!("{} -> {}{mode}", volume.name, volume.target)
}

fn mount(mount: &Mount) -> String {
    let Mount { kind, source, target, read_only, .. } = mount;
    let source = source.as_ref().map(|source| format!(" {}", source.display()));
    let mode = if *read_only { " (read-only)" } else { "" };
    format!("{kind}{} -> {target}{mode}", source.unwrap_or_default())
}

/// Tells the limits; of the capabilities what was measured, if it was.
fn limits(lines: &mut Lines, limits: Option<&Limits>, measured: Option<&[String]>) {
    let none = Limits::default();
    let Limits { memory, cpus, pids, cap_drop, .. } = limits.unwrap_or(&none);
    let cap_drop = measured.unwrap_or(cap_drop);
    lines.one("memory", memory.as_deref().map(size::notation).as_deref());
    lines.one("cpus", cpus.as_deref());
    lines.one("pids", pids.map(|pids| pids.to_string()).as_deref());
    let dropped = Some(cap_drop.join(" ")).filter(|caps| !caps.is_empty());
    lines.one("cap-drop", dropped.as_deref());
}

/// Says how it is isolated, and first of all whether it is.
fn isolated(lines: &mut Lines, isolation: &ListedIsolation) {
    let mode = match isolation.isolated {
        Some(true) => isolation.mode.clone(),
        _ => format!("{}, but not isolated", isolation.mode),
    };
    lines.one("isolation", Some(&mode));
    if !isolation.holes.is_empty() {
        lines.each("hole", &isolation.holes);
    }
    lines.each("network", &isolation.networks.iter().map(network).collect::<Vec<_>>());
    let words = |caps: &[String]| Some(caps.join(" ")).filter(|caps| !caps.is_empty());
    lines.one("cap-add", words(&isolation.cap_add).as_deref());
    let capabilities = isolation.capabilities.as_deref().and_then(words);
    lines.one("capabilities", capabilities.as_deref());
    let is_set = isolation.no_new_privileges.map(|is_set| if is_set { "yes" } else { "no" });
    lines.one("no-new-privileges", is_set);
    lines.one("proxy", isolation.proxy.as_ref().map(sidecar).as_deref());
    lines.one("ingress", isolation.ingress.as_ref().map(sidecar).as_deref());
    let refused = isolation.refused.map(|refused| refused.to_string());
    lines.one("refused", refused.as_deref());
    filter(lines, isolation.filter.as_ref());
}

fn network(network: &ListedNetwork) -> String {
    let ListedNetwork { name, internal, dns, address, bridge, .. } = network;
    let mut words = vec![match internal {
        Some(true) => "internal".to_owned(),
        Some(false) => "leads outside".to_owned(),
        None => "gone".to_owned(),
    }];
    words.extend(address.as_ref().map(|address| format!("address {address}")));
    words.extend(bridge.iter().map(|address| format!("bridge {address}")));
    if *dns == Some(true) {
        words.push("dns".to_owned());
    }
    format!("{name}: {}", words.join(", "))
}

fn sidecar(sidecar: &ListedSidecar) -> String {
    let ListedSidecar { name, status, health, words, .. } = sidecar;
    let health = health.as_ref().filter(|health| *health != "none");
    let health = health.map(|health| format!(", {health}")).unwrap_or_default();
    let words = words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
    format!("{name}: {status}{health}{words}")
}

fn filter(lines: &mut Lines, filter: Option<&ListedFilter>) {
    let none = ListedFilter::default();
    let filter = filter.unwrap_or(&none);
    let policy = match (&filter.digest, &filter.applied, &filter.problem) {
        (_, _, Some(problem)) => Some(format!("cannot be read: {problem}")),
        (Some(digest), Some(applied), _) => {
            Some(format!("{digest}, where {applied} was applied last"))
        }
        (digest, ..) => digest.clone(),
    };
    lines.one("policy", policy.as_deref());
    lines.each("allow", &filter.allow);
    lines.each("passthrough", &filter.passthrough);
}

/// Lines of a key and a value.
#[derive(Default)]
struct Lines(Vec<(&'static str, String)>);

impl Lines {
    fn one(&mut self, key: &'static str, value: Option<&str>) {
        let value = value.filter(|value| !value.is_empty()).unwrap_or("-");
        self.0.push((key, toolkit::printable(value).replace('\t', "\\t")));
    }

    fn each(&mut self, key: &'static str, values: &[String]) {
        if values.is_empty() {
            self.one(key, None);
        }
        for value in values {
            self.one(key, Some(value));
        }
    }

    fn render(&self) -> String {
        let width = self.0.iter().map(|(key, _)| key.len()).max().unwrap_or(0) + 2;
        let line = |(key, value): &(&str, String)| format!("{:width$}{value}\n", format!("{key}:"));
        self.0.iter().map(line).collect()
    }
}
