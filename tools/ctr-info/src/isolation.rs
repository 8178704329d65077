//! What isolates a container, measured.

use std::path::Path;

use document::{
    Container,
    containers::{ListedIsolation, ListedNetwork, ListedSidecar},
    labels,
};
use engine::{
    Apart, Engine, EngineError, Health, INGRESS, Inspection, Kind, Managed, Network, PROXY,
    Published, Summary, UNTOLD,
};
use toolkit::{Places, Siblings, state};

use crate::{
    Error, filter,
    kernel::{self, Kernel},
    size,
};

/// What measures.
#[derive(Debug)]
pub struct Looker<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// Where the document is that was applied last.
    pub places: &'a Places,
    /// How filtergen(1) is run.
    pub siblings: Siblings,
}

impl Looker<'_> {
    /// Returns what isolates the container `app`, and the ports that its ingress
    /// publishes.
    ///
    /// Of one that is not isolated nothing is asked. Otherwise it is one call
    /// of the engine for the sidecars, one for the networks, one for the filter,
    /// one for what was refused and one or two for the health of each sidecar.
    pub fn look(
        &self,
        app: &Summary,
        inspection: &Inspection,
    ) -> Result<(ListedIsolation, Vec<Published>), Error> {
        let Some(mode) = app.label(labels::ISOLATION) else {
            let none = ListedIsolation { mode: "none".to_owned(), ..ListedIsolation::default() };
            return Ok((none, Vec::new()));
        };
        let managed = self.sidecars(app)?;
        let sidecars = managed.sidecars(&app.name);
        let find = |word| sidecars.iter().find(|each| each.sidecar_type() == Some(word));
        let (proxy, ingress) = (find(PROXY), find(INGRESS));
        let filter = proxy.map(|proxy| {
            let applied = self.applied(&app.name);
            filter::read(self.engine, &self.siblings, &proxy.name, applied.as_deref())
        });
        let isolation = ListedIsolation {
            mode: mode.to_owned(),
            proxy: proxy.map(|proxy| self.sidecar(proxy)).transpose()?,
            ingress: ingress.map(|ingress| self.sidecar(ingress)).transpose()?,
            filter: filter.transpose()?,
            refused: proxy.and_then(|proxy| self.refused(proxy)),
            ..self.measure(app, inspection)?
        };
        Ok((isolation, ingress.map(|ingress| ingress.ports.clone()).unwrap_or_default()))
    }

    /// Measures the container itself.
    fn measure(&self, app: &Summary, inspection: &Inspection) -> Result<ListedIsolation, Error> {
        let Inspection { apart, limits, .. } = inspection;
        let kernel = self.kernel(app, apart);
        let networks = self.networks(apart, &kernel)?;
        let holes = holes(apart, &networks, &kernel);
        let capabilities = kernel.capabilities.or_else(|| apart.capabilities.clone());
        let told = || limits.cap_drop.clone();
        Ok(ListedIsolation {
            isolated: Some(holes.is_empty()),
            holes,
            networks,
            memory: limits.memory.as_deref().map(size::notation),
            cpus: limits.cpus.clone(),
            pids: limits.pids,
            cap_drop: capabilities.as_deref().map_or_else(told, kernel::without),
            cap_add: apart.cap_add.clone(),
            capabilities,
            no_new_privileges: Some(kernel.no_new_privileges.unwrap_or(apart.no_new_privileges)),
            mounts: apart.mounts.clone(),
            ..ListedIsolation::default()
        })
    }

    /// Lists the sidecars, with the container that they serve.
    fn sidecars(&self, app: &Summary) -> Result<Managed, Error> {
        let hash = app.label(labels::PROJECT_HASH).unwrap_or_default();
        let filter = format!("label={}={hash}", labels::SIDECAR_OF);
        let mut found = self.engine.containers(&[&filter])?;
        found.push(app.clone());
        Ok(found.into())
    }

    fn sidecar(&self, sidecar: &Summary) -> Result<ListedSidecar, Error> {
        let health = match sidecar.status.as_str() {
            "running" => match self.engine.health(&sidecar.name) {
                Ok(health) => Some(health),
                // It has ended meanwhile.
                Err(error) if error.is("not-running") => None,
                Err(error) => return Err(error.into()),
            },
            _ => None,
        };
        let words = match &health {
            Some(Health::Unhealthy(words)) if !words.is_empty() => Some(words.clone()),
            _ => None,
        };
        Ok(ListedSidecar {
            name: sidecar.name.clone(),
            status: sidecar.status.clone(),
            health: health.map(|health| health.word().to_owned()),
            words,
            ..ListedSidecar::default()
        })
    }

    /// Returns how much the proxy has refused, where it runs and says so.
    fn refused(&self, proxy: &Summary) -> Option<u64> {
        if proxy.status != "running" {
            return None;
        }
        self.engine.refusals(&proxy.id).ok().flatten().map(|told| told.refused)
    }

    /// Asks the kernel, where it is this machine's.
    fn kernel(&self, app: &Summary, apart: &Apart) -> Kernel {
        match (self.engine.host(), apart.pid) {
            (None, Some(pid)) => kernel::ask(Path::new("/proc"), pid, &app.id),
            _ => Kernel::default(),
        }
    }

    fn networks(&self, apart: &Apart, kernel: &Kernel) -> Result<Vec<ListedNetwork>, Error> {
        let names: Vec<_> = apart.networks.iter().map(|(name, _)| name.as_str()).collect();
        let found = match self.engine.inspect_networks(&names) {
            Ok(found) => found,
            Err(error) if error.is("no-such-network") => self.those_there(&names)?,
            Err(error) => return Err(error.into()),
        };
        let listed = |(name, address): &(String, Option<String>)| {
            let network = found.iter().find(|each| each.name == *name);
            let address = address.clone();
            ListedNetwork {
                name: name.clone(),
                internal: network.map(|network| network.is_internal),
                dns: network.map(|network| network.has_dns),
                address,
                subnets: network.map(|network| network.subnets.clone()).unwrap_or_default(),
                bridge: network.map(|network| self.bridge(network, kernel)).unwrap_or_default(),
                ..ListedNetwork::default()
            }
        };
        Ok(apart.networks.iter().map(listed).collect())
    }

    /// Asks one by one, where one of them is gone.
    fn those_there(&self, names: &[&str]) -> Result<Vec<Network>, EngineError> {
        let mut all = Vec::new();
        for name in names {
            match self.engine.inspect_networks(&[name]) {
                Ok(found) => all.extend(found),
                Err(error) if error.is("no-such-network") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Returns the addresses of a bridge. One to which the kernel has a route
    /// has an address, whatever the engine says.
    fn bridge(&self, network: &Network, kernel: &Kernel) -> Vec<String> {
        // Bridges of a podman without root's rights are not this machine's.
        let is_here = self.engine.kind() == Kind::Docker || nix::unistd::geteuid().is_root();
        let has_route = |name: &String| is_here && kernel.routes.contains(name);
        match network.interface.as_ref().is_some_and(has_route) && network.bridge.is_empty() {
            true => vec![UNTOLD.to_owned()],
            false => network.bridge.clone(),
        }
    }

    /// Returns the digest of the policy that was applied last.
    fn applied(&self, name: &str) -> Option<String> {
        let directory = self.places.container(name).ok()?;
        let document = toolkit::read_file::<Container>(&directory.join(state::DOCUMENT)).ok()?;
        document.into_inner().isolation?.digest
    }
}

/// Returns what contradicts that there is no way out.
pub(crate) fn holes(apart: &Apart, networks: &[ListedNetwork], kernel: &Kernel) -> Vec<String> {
    let mut holes = Vec::new();
    if apart.is_privileged {
        holes.push("it is privileged".to_owned());
    }
    if networks.is_empty() && apart.network_mode != "none" {
        let mode = &apart.network_mode;
        holes.push(format!("it has no network of its own, but '{mode}'"));
    }
    for ListedNetwork { name, internal, bridge, .. } in networks {
        match internal {
            Some(true) => {}
            Some(false) => holes.push(format!("the network '{name}' leads outside")),
            None => holes.push(format!("the network '{name}' is gone, and cannot be judged")),
        }
        if !bridge.is_empty() {
            holes.push(format!("the engine's machine has an address on the network '{name}'"));
        }
    }
    if kernel.has_ipv6 == Some(true) {
        holes.push("it has an IPv6 address".to_owned());
    }
    holes
}
