//! Tell all about one container.
//!
//! [`combine`] joins what the engine lists with what it says when it is asked
//! about the one container; [`text`] puts it into lines for people.

mod error;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use document::{
    container::{Limits, Mount, Port},
    containers::Listed,
};
use engine::{Inspection, Summary};

pub use crate::error::Error;

/// Returns the container as an element of `containers/1` with all its keys.
#[must_use]
pub fn combine(summary: &Summary, inspection: Inspection) -> Listed {
    let Inspection { published, volumes, mounts, limits, restart, .. } = inspection;
    Listed {
        ports: summary.services(&published),
        volumes,
        mounts,
        limits: Some(limits),
        restart,
        ..summary.listed()
    }
}

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
    let volumes = listed.volumes.iter().map(|each| format!("{} -> {}", each.name, each.target));
    lines.each("volume", &volumes.collect::<Vec<_>>());
    let mounts: Vec<_> = listed.mounts.iter().map(mount).collect();
    lines.each("mount", &mounts);
    limits(&mut lines, listed.limits.as_ref());
    lines.one("restart", listed.restart.as_deref());
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

fn mount(mount: &Mount) -> String {
    let Mount { kind, source, target, read_only, .. } = mount;
    let source = source.as_ref().map(|source| format!(" {}", source.display()));
    let mode = if *read_only { " (read-only)" } else { "" };
    format!("{kind}{} -> {target}{mode}", source.unwrap_or_default())
}

fn limits(lines: &mut Lines, limits: Option<&Limits>) {
    let none = Limits::default();
    let Limits { memory, cpus, pids, cap_drop, .. } = limits.unwrap_or(&none);
    lines.one("memory", memory.as_deref().map(size).as_deref());
    lines.one("cpus", cpus.as_deref());
    lines.one("pids", pids.map(|pids| pids.to_string()).as_deref());
    let dropped = Some(cap_drop.join(" ")).filter(|caps| !caps.is_empty());
    lines.one("cap-drop", dropped.as_deref());
}

/// Returns a number of bytes in the largest unit (IEC 80000-13) that makes it
/// a whole number.
fn size(bytes: &str) -> String {
    let Ok(mut number) = bytes.parse::<u64>() else { return bytes.to_owned() };
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while number != 0 && number % 1024 == 0 {
        let Some(larger) = units.next() else { break };
        (number, unit) = (number / 1024, larger);
    }
    format!("{number} {unit}")
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

#[cfg(test)]
mod tests;
