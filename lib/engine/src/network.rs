//! What the engine says of networks, and taking them away.

use std::collections::BTreeMap;

use document::labels;
use serde::Deserialize;

use crate::{Engine, EngineError, Kind, NamedNetwork, run};

/// The option by which a bridge of docker gets no IPv4 address.
const INHIBIT: &str = "com.docker.network.bridge.inhibit_ipv4";

/// The option that names a bridge of docker.
const BRIDGE: &str = "com.docker.network.bridge.name";

/// How many digits of a network's id docker names its bridge by.
const DIGITS: usize = 12;

/// An address that an engine gives a bridge without telling it.
pub const UNTOLD: &str = "?";

/// A network, as the engine describes it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Network {
    /// The name.
    pub name: String,
    /// Whether the engine routes nothing out of it.
    pub is_internal: bool,
    /// Whether the engine answers questions for names on it.
    pub has_dns: bool,
    /// Its addresses, such as `10.208.0.0/28`.
    pub subnets: Vec<String>,
    /// The addresses of the bridge, at which the engine's machine answers;
    /// [`UNTOLD`] is one that the engine does not tell.
    pub bridge: Vec<String>,
    /// The bridge's name on the engine's machine.
    pub interface: Option<String>,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
}

impl Engine {
    /// Asks about the networks called `names`, all of which must be there:
    /// one call.
    pub fn inspect_networks(&self, names: &[&str]) -> Result<Vec<Network>, EngineError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = self.command(["network", "inspect"]);
        let text = self.succeed(command.args(names))?;
        let parsed = match self.kind {
            Kind::Podman => podman(&text),
            Kind::Docker => docker(&text),
        };
        parsed.map_err(|source| EngineError::Unreadable { command: run::line(&command), source })
    }

    /// Lists the networks that serve the project with that hash: one call.
    pub fn networks_of(&self, hash: &str) -> Result<Vec<NamedNetwork>, EngineError> {
        self.networks(&[&format!("label={}={hash}", labels::SIDECAR_OF)])
    }

    /// Removes the network called `name`; one that is not there is no error.
    pub fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        match self.run(["network", "rm", name]) {
            Err(error) if !error.is("no-such-network") => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the volume called `name`; one that is not there is no error.
    pub fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        match self.run(["volume", "rm", name]) {
            Err(error) if !error.is("no-such-volume") => Err(error),
            _ => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct PodmanNetwork {
    name: String,
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    dns_enabled: bool,
    #[serde(default)]
    network_interface: String,
    #[serde(default)]
    subnets: Option<Vec<PodmanSubnet>>,
    #[serde(default)]
    options: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct PodmanSubnet {
    subnet: String,
    #[serde(default)]
    gateway: Option<String>,
}

/// Reads `podman network inspect`: an array. A bridge has the addresses of the
/// gateways, and no other.
fn podman(text: &str) -> Result<Vec<Network>, serde_json::Error> {
    let network = |found: PodmanNetwork| {
        let subnets = found.subnets.unwrap_or_default();
        Network {
            name: found.name,
            is_internal: found.internal,
            has_dns: found.dns_enabled,
            bridge: subnets.iter().filter_map(|each| each.gateway.clone()).collect(),
            subnets: subnets.into_iter().map(|each| each.subnet).collect(),
            interface: Some(found.network_interface).filter(|name| !name.is_empty()),
            options: found.options.unwrap_or_default(),
        }
    };
    let networks: Vec<PodmanNetwork> = serde_json::from_str(text)?;
    Ok(networks.into_iter().map(network).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerNetwork {
    name: String,
    id: String,
    #[serde(default)]
    driver: String,
    #[serde(default)]
    internal: bool,
    #[serde(rename = "IPAM", default)]
    ipam: Ipam,
    #[serde(default)]
    options: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Ipam {
    config: Option<Vec<DockerSubnet>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerSubnet {
    #[serde(default)]
    subnet: String,
    #[serde(default)]
    gateway: Option<String>,
}

/// Reads `docker network inspect`: an array.
fn docker(text: &str) -> Result<Vec<Network>, serde_json::Error> {
    let networks: Vec<DockerNetwork> = serde_json::from_str(text)?;
    Ok(networks.into_iter().map(Network::from).collect())
}

impl From<DockerNetwork> for Network {
    fn from(found: DockerNetwork) -> Self {
        let options = found.options.unwrap_or_default();
        let subnets = found.ipam.config.unwrap_or_default();
        let is_inhibited = options.get(INHIBIT).is_some_and(|value| value == "true");
        // There is a gateway in every subnet, whether it is told or not.
        // `gateway_mode_ipv4=isolated` is no reason to believe otherwise: an
        // older docker takes the option in silence and does nothing.
        let bridge = subnets.iter().filter(|each| !is_inhibited || each.subnet.contains(':'));
        let gateway = |each: &DockerSubnet| {
            let told = each.gateway.clone().filter(|gateway| !gateway.is_empty());
            told.unwrap_or_else(|| UNTOLD.to_owned())
        };
        let named = || format!("br-{}", found.id.get(..DIGITS).unwrap_or(&found.id));
        let interface = options.get(BRIDGE).cloned().unwrap_or_else(named);
        Self {
            is_internal: found.internal,
            // Docker's own resolver is on all but the network that is there
            // by itself; what it asks others for is another question.
            has_dns: found.name != "bridge",
            bridge: bridge.map(gateway).collect(),
            subnets: subnets.into_iter().map(|each| each.subnet).collect(),
            interface: (found.driver == "bridge").then_some(interface),
            name: found.name,
            options,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(networks: &[Network], expected: &[&str]) {
        let word = |network: &Network| {
            let Network { name, is_internal, has_dns, subnets, bridge, interface, .. } = network;
            format!("{name} {is_internal} {has_dns} {subnets:?} {bridge:?} {interface:?}")
                .replace('"', "")
        };
        assert_eq!(networks.iter().map(word).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn podman_tells_the_gateways_that_there_are() {
        // podman 4.3.1, shortened: without DNS, with it, and on it.
        let text = r#"[{"name":"a","network_interface":"podman1","subnets":[{"subnet":"10.217.0.0/28"}],"ipv6_enabled":false,"internal":true,"dns_enabled":false,"ipam_options":{"driver":"host-local"}},
            {"name":"b","network_interface":"podman2","subnets":[{"subnet":"10.89.0.0/24","gateway":"10.89.0.1"}],"internal":true,"dns_enabled":true},
            {"name":"c","internal":false,"dns_enabled":true}]"#;
        let expected = [
            "a true false [10.217.0.0/28] [] Some(podman1)",
            "b true true [10.89.0.0/24] [10.89.0.1] Some(podman2)",
            "c false true [] [] None",
        ];
        check(&podman(text).unwrap(), &expected);
    }

    #[test]
    fn docker_has_a_gateway_unless_it_is_inhibited() {
        // docker 20.10.24, shortened.
        let network = |name: &str, ipam: &str, options: &str| {
            format!(
                r#"{{"Name":"{name}","Id":"0123456789abcdef","Driver":"bridge","Internal":true,"IPAM":{{"Config":{ipam}}},"Options":{options}}}"#
            )
        };
        let untold = r#"[{"Subnet":"10.217.0.0/28"}]"#;
        let told = r#"[{"Subnet":"10.217.0.0/28","Gateway":"10.217.0.1"},{"Subnet":"fd00::/64","Gateway":"fd00::1"}]"#;
        let inhibited = r#"{"com.docker.network.bridge.inhibit_ipv4":"true"}"#;
        let isolated = r#"{"com.docker.network.bridge.gateway_mode_ipv4":"isolated","com.docker.network.bridge.name":"x"}"#;
        let all = [
            network("a", untold, inhibited),
            network("b", told, inhibited),
            network("c", untold, "null"),
            network("bridge", told, isolated),
            network("e", "null", "{}"),
        ];
        let expected = [
            "a true true [10.217.0.0/28] [] Some(br-0123456789ab)",
            "b true true [10.217.0.0/28, fd00::/64] [fd00::1] Some(br-0123456789ab)",
            "c true true [10.217.0.0/28] [?] Some(br-0123456789ab)",
            "bridge true false [10.217.0.0/28, fd00::/64] [10.217.0.1, fd00::1] Some(x)",
            "e true true [] [] Some(br-0123456789ab)",
        ];
        check(&docker(&format!("[{}]", all.join(","))).unwrap(), &expected);
    }
}
