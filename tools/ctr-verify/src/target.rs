//! What is attacked: a container and what is around it, as the engine tells.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use ::secrets::delivery;
use document::{Container, Policy, labels, policy::Isolation};
use engine::{Engine, EngineError, INGRESS, Inspection, Network, PROXY, Summary};
use toolkit::{Places, Siblings, state};

use crate::Error;

/// The variables in which programs look for a proxy, the likeliest first.
const VARIABLES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// How many addresses at the beginning of a network are tried where it has many.
const FIRST: u32 = 16;

/// What the command line says of a container.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Where its proxy listens.
    pub proxy: Option<SocketAddr>,
    /// The file of the policy that the proxy follows.
    pub policy: Option<PathBuf>,
}

/// A container, and what is around it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) summary: Summary,
    pub(crate) inspection: Inspection,
    pub(crate) networks: Vec<Network>,
    /// The containers that belong to it and may answer it.
    pub(crate) around: Vec<(Summary, Inspection)>,
    /// Where its proxy listens.
    pub(crate) proxy: Option<SocketAddr>,
    /// A name that the proxy lets through, where one is known.
    pub(crate) allowed: Option<String>,
    /// What was meant, where that is known.
    pub(crate) document: Option<Container>,
    /// What decides over it, on this machine.
    pub(crate) ours: Vec<PathBuf>,
    /// The one place of ours that it may read: copies of its own secrets.
    pub(crate) secrets: PathBuf,
    /// The person's home.
    pub(crate) home: Option<PathBuf>,
    /// The public key of the authority that vouches for containers, as ssh
    /// writes it.
    pub(crate) authority: Option<Vec<u8>>,
}

impl Target {
    /// Looks at `summary`, which runs: three calls of the engine, four where
    /// there are others around it.
    pub(crate) fn new(
        engine: &Engine,
        places: &Places,
        summary: Summary,
        given: &Given,
    ) -> Result<Self, Error> {
        if summary.status != "running" {
            return Err(EngineError::NotRunning { name: summary.name }.into());
        }
        let inspection = engine.inspect(&summary.id)?;
        let around = around(engine, &summary, &inspection)?;
        let names: Vec<_> = inspection.apart.networks.iter().map(|(name, _)| &**name).collect();
        let networks = engine.inspect_networks(&names)?;
        let document = document(places, &summary);
        let isolation = document.as_ref().and_then(|document| document.isolation.as_ref());
        let secrets = delivery::place(&places.container(&summary.name)?);
        let mut ours = vec![places.config()?, places.state()?];
        ours.extend(isolation.and_then(|isolation| isolation.filter.clone()));
        ours.extend(given.policy.clone());
        let proxy = given.proxy.or_else(|| proxy(&inspection, &around));
        Ok(Self {
            proxy,
            allowed: allowed(isolation, given.policy.as_deref())?,
            home: etcetera::home_dir().ok(),
            authority: places.authority().ok().and_then(|path| public_key(&path)),
            secrets,
            summary,
            inspection,
            networks,
            around,
            document,
            ours,
        })
    }

    /// Returns the addresses that may answer: its own and those around it.
    pub(crate) fn own_addresses(&self) -> Vec<IpAddr> {
        let all = std::iter::once(&self.inspection).chain(self.around.iter().map(|each| &each.1));
        let addresses = all.flat_map(|each| &each.apart.networks).filter_map(|(_, at)| at.as_ref());
        let parsed = addresses.filter_map(|address| address.parse().ok());
        parsed.chain(self.proxy.map(|proxy| proxy.ip())).collect()
    }

    /// Returns the addresses of its networks that nothing has any business at,
    /// the gateways among them.
    pub(crate) fn strange_addresses(&self) -> Vec<Ipv4Addr> {
        let own = self.own_addresses();
        let subnets = self.networks.iter().flat_map(|network| &network.subnets);
        let gateways = self.networks.iter().flat_map(|network| &network.bridge);
        let mut all: Vec<_> = subnets.flat_map(|subnet| hosts(subnet)).collect();
        all.extend(gateways.filter_map(|address| address.parse::<Ipv4Addr>().ok()));
        all.sort();
        all.dedup();
        all.retain(|address| !own.contains(&IpAddr::V4(*address)));
        all
    }

    /// Returns where everybody on its networks hears.
    pub(crate) fn broadcasts(&self) -> Vec<Ipv4Addr> {
        let subnets = self.networks.iter().flat_map(|network| &network.subnets);
        subnets.filter_map(|subnet| range(subnet)).map(|(_, last)| last.into()).collect()
    }

    /// Returns the sidecar that lets in, and the ports that it may have.
    pub(crate) fn ingress(&self) -> Option<(IpAddr, Vec<u16>)> {
        let (_, inspection) =
            self.around.iter().find(|(each, _)| each.sidecar_type() == Some(INGRESS))?;
        let ports = inspection.published.iter().map(|port| port.container);
        Some((self.address_near(inspection)?, ports.collect()))
    }

    /// Returns the address of another container on a network of this one.
    fn address_near(&self, other: &Inspection) -> Option<IpAddr> {
        let here =
            |name: &String| self.inspection.apart.networks.iter().any(|(own, _)| own == name);
        let found = other.apart.networks.iter().find(|(name, _)| here(name))?;
        found.1.as_ref()?.parse().ok()
    }
}

/// Lists what belongs to the container and may answer it: the sidecars, or the
/// others of its Compose project.
fn around(
    engine: &Engine,
    app: &Summary,
    inspection: &Inspection,
) -> Result<Vec<(Summary, Inspection)>, Error> {
    let filter =
        match (app.label(labels::PROJECT_HASH), inspection.labels.get(labels::COMPOSE_PROJECT)) {
            (Some(hash), _) => format!("label={}={hash}", labels::SIDECAR_OF),
            (None, Some(project)) => format!("label={}={project}", labels::COMPOSE_PROJECT),
            (None, None) => return Ok(Vec::new()),
        };
    let mut found = engine.containers(&[&filter])?;
    found.retain(|each| each.id != app.id && each.status == "running");
    let ids: Vec<_> = found.iter().map(|each| each.id.as_str()).collect();
    let inspections = engine.inspect_all(&ids)?;
    Ok(found.into_iter().zip(inspections).collect())
}

/// Returns where the proxy listens: where the container's own environment says,
/// by address or by the name of a container around it.
fn proxy(inspection: &Inspection, around: &[(Summary, Inspection)]) -> Option<SocketAddr> {
    let value = |name: &&str| inspection.env.iter().find(|(own, _)| own == name);
    let url = &VARIABLES.iter().find_map(value)?.1;
    let authority = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let authority = authority.split('/').next()?.rsplit('@').next()?;
    let (host, port) = authority.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let address = host.parse::<IpAddr>().ok().or_else(|| {
        let is_named = |(each, found): &&(Summary, Inspection)| {
            let service = found.labels.get("com.docker.compose.service");
            each.name == host
                || service.is_some_and(|service| service == host)
                || each.sidecar_type() == Some(PROXY) && host == PROXY
        };
        let networks = &around.iter().find(is_named)?.1.apart.networks;
        let here = |name: &String| inspection.apart.networks.iter().any(|(own, _)| own == name);
        networks.iter().find(|(name, _)| here(name))?.1.as_ref()?.parse().ok()
    })?;
    Some(SocketAddr::new(address, port))
}

/// Returns what was applied last.
fn document(places: &Places, app: &Summary) -> Option<Container> {
    let directory = places.container(&app.name).ok()?;
    let found =
        toolkit::read_file::<Container>(&directory.join(state::DOCUMENT)).ok()?.into_inner();
    (app.label(labels::PROJECT_HASH) == Some(&found.project.hash)).then_some(found)
}

/// Returns a name that is let through as a whole, of the policy that is given,
/// else of the document's.
fn allowed(isolation: Option<&Isolation>, file: Option<&Path>) -> Result<Option<String>, Error> {
    let names = match file {
        Some(file) => {
            let policy = policy(file)?;
            let has_tls = |ports: &[u16]| ports.is_empty() || ports.contains(&443);
            let allow = policy.allow.into_iter().filter(|rule| has_tls(&rule.ports));
            allow.map(|rule| rule.name).collect()
        }
        None => isolation.map(|isolation| isolation.allow.clone()).unwrap_or_default(),
    };
    Ok(names.into_iter().find(|name| !name.contains('*')))
}

/// Reads a policy, which is filtergen(1)'s to understand.
fn policy(file: &Path) -> Result<Policy, Error> {
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let siblings = Siblings::new();
    let filter =
        siblings.run("filtergen", &["--print", "--policy", &path.to_string_lossy()], b"")?;
    let line = siblings.run("filtergen", &["--read", "/dev/stdin"], &filter)?;
    Ok(toolkit::parse::<Policy>(&line, "of filtergen")?.into_inner())
}

/// Returns the key in a file as ssh-keygen(1) writes it: its second word.
fn public_key(path: &Path) -> Option<Vec<u8>> {
    use base64ct::{Base64, Encoding};

    let text = std::fs::read_to_string(path).ok()?;
    Base64::decode_vec(text.split_whitespace().nth(1)?).ok()
}

/// Returns the first and the last address of a network such as `10.0.0.0/8`.
fn range(subnet: &str) -> Option<(u32, u32)> {
    let (address, bits) = subnet.split_once('/')?;
    let (address, bits) = (address.parse::<Ipv4Addr>().ok()?, bits.parse::<u32>().ok()?);
    let rest = u32::MAX.checked_shr(bits).unwrap_or(0);
    let first = u32::from(address) & !rest;
    Some((first, first | rest))
}

/// Returns the addresses of a network that somebody may have: of a large one the
/// first and the last, where gateways are.
fn hosts(subnet: &str) -> Vec<Ipv4Addr> {
    let Some((first, last)) = range(subnet).filter(|(first, last)| last - first > 1) else {
        return Vec::new();
    };
    let is_tried = |at: &u32| at - first <= FIRST || last - at <= 2;
    let all = first + 1..(first + 1).saturating_add(FIRST).min(last);
    let end = last.saturating_sub(2).max(all.end)..last;
    all.chain(end).filter(is_tried).map(Ipv4Addr::from).collect()
}

/// The address of every container that runs and is not the target's own, by its
/// name: two calls, unless one of them ends meanwhile.
pub(crate) fn others(
    engine: &Engine,
    target: &Target,
) -> Result<BTreeMap<String, Vec<IpAddr>>, EngineError> {
    let own = target.own_addresses();
    let mut all = engine.containers(&["status=running"])?;
    all.retain(|each| each.id != target.summary.id);
    all.retain(|each| target.around.iter().all(|(own, _)| own.id != each.id));
    let ids: Vec<_> = all.iter().map(|each| each.id.as_str()).collect();
    let inspections = match engine.inspect_all(&ids) {
        Ok(all) => all.into_iter().map(Some).collect(),
        // Others come and go meanwhile: those that are there, then.
        Err(_) => ids.iter().map(|id| engine.inspect(id).ok()).collect::<Vec<_>>(),
    };
    let mut found = BTreeMap::new();
    for (each, inspection) in all.into_iter().zip(inspections) {
        let Some(inspection) = inspection else { continue };
        let at = inspection.apart.networks.iter().filter_map(|(_, at)| at.as_ref()?.parse().ok());
        let at: Vec<_> = at.filter(|address| !own.contains(address)).collect();
        if !at.is_empty() {
            found.insert(each.name, at);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_a_network_are_those_that_somebody_may_have() {
        let words = |subnet| hosts(subnet).iter().map(ToString::to_string).collect::<Vec<_>>();
        let small = words("10.0.0.16/28");
        assert_eq!((small.len(), &*small[0], &*small[13]), (14, "10.0.0.17", "10.0.0.30"));
        let large = words("172.17.0.0/16");
        assert_eq!(large.len(), 18);
        assert!(
            ["172.17.0.1", "172.17.0.16", "172.17.255.254"]
                .iter()
                .all(|each| large.contains(&(*each).to_owned()))
        );
        assert_eq!(words("10.0.0.0/32"), [""; 0]);
        assert_eq!(words("fd00::/64"), [""; 0]);
        assert_eq!(
            range("10.0.0.16/28").map(|(_, last)| Ipv4Addr::from(last).to_string()).as_deref(),
            Some("10.0.0.31")
        );
    }

    #[test]
    fn the_proxy_is_where_the_environment_says() {
        let at = |value: &str| {
            let env = vec![("https_proxy".to_owned(), value.to_owned())];
            let near = |address: &str| engine::Apart {
                networks: vec![("net".to_owned(), Some(address.to_owned()))],
                ..engine::Apart::default()
            };
            let own = Inspection { env, apart: near("10.0.0.4"), ..Inspection::default() };
            let other = Inspection { apart: near("10.0.0.2"), ..Inspection::default() };
            let summary = Summary { name: "squid".to_owned(), ..Summary::default() };
            proxy(&own, &[(summary, other)]).map(|found| found.to_string())
        };
        assert_eq!(at("http://10.0.0.9:8080").as_deref(), Some("10.0.0.9:8080"));
        assert_eq!(at("http://me:pw@squid:3128/").as_deref(), Some("10.0.0.2:3128"));
        assert_eq!(at("10.0.0.9:1").as_deref(), Some("10.0.0.9:1"));
        assert_eq!(at("http://elsewhere:3128"), None);
        assert_eq!(at("http://10.0.0.9"), None);
    }
}
