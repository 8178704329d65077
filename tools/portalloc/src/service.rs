//! Services: those of a command line, those of a document, the usual three.

use std::{
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use document::{Container, Ports, container::Port, labels};

use crate::{Error, Request, Wanted, reserve::record};

/// A service as the command line has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The TCP port inside the container.
    pub container: u16,
    /// The host port at offset 0.
    pub start: u16,
    /// The host address it is published on; `None`: reserved, not published.
    pub address: Option<IpAddr>,
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(4, ':');
        let mut part = || parts.next().ok_or("expected NAME:CONTAINER_PORT:START[:ADDRESS]");
        let (name, container, start) = (part()?, part()?, part()?);
        check_name(name).map_err(|rule| format!("the name '{name}' {rule}"))?;
        let address = match part() {
            Err(_) => Some(Ipv4Addr::LOCALHOST.into()),
            Ok("-") => None,
            Ok(address) => Some(parse_address(address).ok_or("ADDRESS must be an IP address")?),
        };
        let port = |text: &str| match text.parse() {
            Ok(0) | Err(_) => Err(format!("'{text}' is not a port")),
            Ok(port) => Ok(port),
        };
        Ok(Self {
            name: name.to_owned(),
            container: port(container)?,
            start: port(start)?,
            address,
        })
    }
}

impl Service {
    /// Returns the service as a document has it.
    #[must_use]
    pub fn into_port(&self) -> Port {
        Port {
            service: self.name.clone(),
            container: self.container,
            start: Some(self.start),
            address: self.address.map(|address| address.to_string()),
            ..Port::default()
        }
    }
}

/// Returns the services of a container that says nothing of ports.
///
/// Sound travels through ssh: its port is reserved and not published.
#[must_use]
pub fn usual() -> [Service; 3] {
    let local = Some(Ipv4Addr::LOCALHOST.into());
    let service = |name: &str, container, start, address| Service {
        name: name.into(),
        container,
        start,
        address,
    };
    [
        service("ssh", 22, 2200, local),
        service("web", 3000, 3000, local),
        service("audio", 4714, 4714, None),
    ]
}

/// Returns `ports`, or the usual ones where there are none, with `more`.
pub fn with_services(ports: &[Port], more: &[Service]) -> Result<Vec<Port>, Error> {
    let mut ports = match ports {
        [] => usual().iter().map(Service::into_port).collect(),
        ports => ports.to_vec(),
    };
    for service in more {
        let new = service.into_port();
        match ports.iter().find(|port| port.service == new.service) {
            None => ports.push(new),
            Some(old) if is_same(old, &new) => {}
            Some(_) => return Err(Error::ServiceDiffers { service: service.name.clone() }),
        }
    }
    Ok(ports)
}

fn is_same(old: &Port, new: &Port) -> bool {
    (old.container, old.start, &old.address) == (new.container, new.start, &new.address)
}

/// Returns what must be reserved for `ports`, after a look at each of them.
pub fn wanted(ports: &[Port]) -> Result<Vec<Wanted>, Error> {
    let mut seen: Vec<&str> = Vec::new();
    let mut wanted = Vec::with_capacity(ports.len());
    for port in ports {
        let service = &port.service;
        if seen.contains(&service.as_str()) {
            return Err(Error::DuplicateService { service: service.clone() });
        }
        seen.push(service);
        wanted.push(check(port)?);
    }
    Ok(wanted)
}

fn check(port: &Port) -> Result<Wanted, Error> {
    let service = port.service.clone();
    check_name(&service).map_err(|rule| Error::BadService { service: service.clone(), rule })?;
    let start = port.start.or_else(|| {
        usual().into_iter().find(|usual| usual.name == service).map(|usual| usual.start)
    });
    for (key, value) in [("container", Some(port.container)), ("start", start), ("host", port.host)]
    {
        if value == Some(0) {
            return Err(Error::PortZero { service, key });
        }
    }
    let address = match &port.address {
        None => Ipv4Addr::LOCALHOST.into(),
        Some(text) => parse_address(text)
            .ok_or_else(|| Error::BadAddress { service: service.clone(), address: text.clone() })?,
    };
    Ok(Wanted { service, start, host: port.host, address })
}

/// Reads an address, IPv6 with or without the brackets that a URL has.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}

/// Checks a service's name, which becomes part of a label and of a variable.
fn check_name(name: &str) -> Result<(), &'static str> {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if name.len() <= 32 && begins && name.chars().all(rest) {
        return Ok(());
    }
    Err("must be a lower-case letter or underscore and then up to 31 lower-case letters, digits, \
         underscores or hyphens")
}

/// Puts the reserved ports into the document, and into its labels.
pub fn fill_in(container: &mut Container, ports: Vec<Port>, hosts: &[u16]) {
    container.ports = ports;
    for (port, host) in container.ports.iter_mut().zip(hosts) {
        port.host = Some(*host);
    }
    let of_port =
        |port: &Port| (port.service.clone(), port.container, port.host.unwrap_or_default());
    let all: Vec<_> = container.ports.iter().map(of_port).collect();
    for (service, _, host) in &all {
        container.set_label(&labels::port(service), host.to_string());
    }
    let joined: Vec<_> =
        all.iter().map(|(service, inside, host)| format!("{service}:{inside}:{host}")).collect();
    container.set_label(labels::PORTS, joined.join(" "));
}

/// Returns the ledger of the one reservation of a plain name.
#[must_use]
pub fn plain(request: &Request, ports: &[u16]) -> Ports {
    let mut ledger = Ports::empty();
    record(&mut ledger, None, request, ports);
    ledger
}
