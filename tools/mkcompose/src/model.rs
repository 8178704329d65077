//! The Compose model (Compose Specification), as data.

use std::{net::Ipv4Addr, path::Path};

use compose::Override;
use document::{
    Container,
    compose::Names,
    container::{Limits, Missing, RESTART},
    labels,
    policy::Isolation,
    proxy::{DIRECTORY, PYTHON, REQUESTS, SECRETS, STATUS},
};
use serde_json::{Map, Value, json};
use toolkit::sshd::START;

use crate::{Error, environment::PORT, network::Network};

/// The proxy's image, where the document names none.
const IMAGE: &str = "localhost/ctrkit-proxy:latest";

/// The forwarder, in that image.
const FORWARD: &str = "/usr/local/lib/ctrkit/forward.py";

/// The account that the sidecars run under.
const ACCOUNT: &str = "10001:10001";

/// Where the certificates are that the proxy trusts instead of its image's.
const UPSTREAM_CA: &str = "/etc/ctrkit/upstream-ca.pem";

/// Makes the container trust the proxy's authority.
const TRUST: &str = include_str!("trust.sh");

/// What a sidecar writes to its log, at most.
const LOG: [(&str, &str); 1] = [("max-size", "10m")];

/// All that the model is made from.
pub(crate) struct Parts<'a> {
    pub(crate) container: &'a Container,
    pub(crate) isolation: &'a Isolation,
    pub(crate) network: Network,
    /// Whether the engine is podman.
    pub(crate) podman: bool,
}

type Object = Map<String, Value>;

impl Parts<'_> {
    /// Returns the whole model.
    pub(crate) fn model(&self) -> Result<Value, Error> {
        let names = self.names();
        let mut model = json!({
            "name": names.project(),
            "services": {
                "proxy": self.proxy()?,
                "ingress": self.ingress(),
                "app": self.app()?,
            },
            "networks": {
                "net": self.net(),
                "edge": {"name": names.edge(), "labels": sidecar_labels(self.container, None)},
            },
            "volumes": self.volumes(),
        });
        if self.podman {
            model["x-podman"] = json!({"in_pod": false});
        }
        Ok(model)
    }

    fn names(&self) -> Names<'_> {
        Names::of(&self.container.project.hash)
    }

    /// The network that leads nowhere: the bridge has no address on it, names
    /// are not answered, and nothing is routed. Each engine has its own word.
    fn net(&self) -> Value {
        let mut net = json!({
            "name": self.names().net(),
            "internal": true,
            "labels": sidecar_labels(self.container, None),
            "ipam": {"config": [{"subnet": self.network.subnet()}]},
        });
        if self.podman {
            net["x-podman.disable_dns"] = json!(true);
        } else {
            net["driver_opts"] = json!({"com.docker.network.bridge.inhibit_ipv4": "true"});
        }
        net
    }

    /// Returns the place at `address`. With a hardware address of podman's
    /// choosing, a proxy that was started again would be sought at its old one
    /// for half a minute; docker makes it of the address, as here.
    fn place(&self, address: Ipv4Addr) -> Value {
        let mut place = json!({"ipv4_address": address.to_string()});
        if self.podman {
            let [a, b, c, d] = address.octets();
            place["mac_address"] = json!(format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}"));
        }
        place
    }

    fn volumes(&self) -> Value {
        let names = self.names();
        let mut volumes = Object::new();
        for volume in &self.container.volumes {
            let labels = identity(self.container);
            volumes.insert(volume.name.clone(), json!({"name": volume.name, "labels": labels}));
        }
        for name in [names.proxy_volume(), names.trust_volume()] {
            let value = json!({"name": name, "labels": sidecar_labels(self.container, None)});
            volumes.insert(name, value);
        }
        volumes.into()
    }

    fn app(&self) -> Result<Value, Error> {
        let container = self.container;
        let mut app = json!({
            "container_name": container.name,
            "hostname": container.name,
            "image": container.image()?,
            "pull_policy": "never",
            "init": true,
            "user": "0:0",
            "working_dir": "/",
            "entrypoint": ["/bin/sh", "-c"],
            "command": [format!("{TRUST}{START}")],
            "restart": container.restart(),
            "labels": app_labels(container),
            "environment": environment(container),
            "volumes": self.app_mounts(),
            "networks": {"net": self.place(self.network.app())},
            // There nobody answers, at once. Without it some engines let names
            // be asked for outside (CVE-2024-29018).
            "dns": [self.network.proxy().to_string()],
            "sysctls": {
                "net.ipv6.conf.all.disable_ipv6": "1",
                "net.ipv6.conf.default.disable_ipv6": "1",
            },
            "depends_on": {
                "proxy": {"condition": "service_healthy"},
                "ingress": {"condition": "service_healthy"},
            },
        });
        set_limits(&mut app, container.limits.as_ref());
        if self.isolation.no_new_privileges {
            app["security_opt"] = json!(["no-new-privileges:true"]);
        }
        Ok(app)
    }

    fn app_mounts(&self) -> Vec<Value> {
        let volumes = self.container.volumes.iter();
        let volumes = volumes.map(|volume| mount_volume(&volume.name, &volume.target, false));
        let mounts = self.container.mounts.iter().map(compose::mounted);
        let trust = mount_volume(&self.names().trust_volume(), "/etc/ctrkit/trust", true);
        volumes.chain(mounts).chain([trust]).collect()
    }

    fn proxy(&self) -> Result<Value, Error> {
        let names = self.names();
        let filter = self.isolation.filter.as_deref().ok_or(Missing("isolation.filter"))?;
        let directory = filter.parent().unwrap_or(Path::new("/"));
        let name = filter.file_name().unwrap_or_default().to_string_lossy();
        let program = format!("{DIRECTORY}/{name}");
        // Nobody else is served: neither the machine below nor the edge.
        let listen = format!("{}:{PORT}", self.network.proxy());
        let mut command = vec!["-I", &program, "--listen", &listen];
        command.extend(["--confdir", "/var/lib/ctrkit/ca"]);
        command.extend(["--log", REQUESTS, "--status", STATUS, "--secrets", SECRETS]);
        command.extend(["--certificate", "/var/lib/ctrkit-trust/ca.pem"]);
        let mut mounts = vec![
            bind(directory, DIRECTORY),
            mount_volume(&names.proxy_volume(), "/var/lib/ctrkit", false),
            mount_volume(&names.trust_volume(), "/var/lib/ctrkit-trust", false),
        ];
        if let Some(certificates) = &self.isolation.upstream_ca {
            command.extend(["--upstream-ca", UPSTREAM_CA]);
            mounts.push(bind(certificates, UPSTREAM_CA));
        }
        let mut proxy = self.sidecar("proxy", self.network.proxy(), &command);
        proxy["volumes"] = json!(mounts);
        proxy["healthcheck"] = check(&["-I", &program, "--probe", "--listen", &listen]);
        proxy["mem_limit"] = json!("1g");
        if let Some(digest) = &self.isolation.program {
            // Another program is another proxy: it does not take it over.
            proxy["environment"]["CTRKIT_FILTER"] = json!(digest);
        }
        if !self.isolation.dns.is_empty() {
            proxy["dns"] = json!(self.isolation.dns);
        }
        Ok(proxy)
    }

    fn ingress(&self) -> Value {
        let published: Vec<_> =
            self.container.ports.iter().filter_map(compose::published).collect();
        let open = self.container.ports.iter().filter(|port| port.address.is_some());
        let open: Vec<_> = open.map(|port| port.container.to_string()).collect();
        let to = self.network.app().to_string();
        let ports = || open.iter().map(String::as_str);
        let command: Vec<_> = ["-I", FORWARD, "--to", &to].into_iter().chain(ports()).collect();
        let mut ingress = self.sidecar("ingress", self.network.ingress(), &command);
        ingress["ports"] = json!(published);
        let probe: Vec<_> = ["-I", FORWARD, "--probe"].into_iter().chain(ports()).collect();
        ingress["healthcheck"] = check(&probe);
        ingress["mem_limit"] = json!("256m");
        // It listens on the ports that the container itself has, such as 22.
        ingress["sysctls"]["net.ipv4.ip_unprivileged_port_start"] = json!("0");
        ingress
    }

    /// Returns what all sidecars have in common: nothing that they do not need.
    fn sidecar(&self, service: &str, address: Ipv4Addr, command: &[&str]) -> Value {
        let driver = if self.podman { "k8s-file" } else { "json-file" };
        let options: Object =
            LOG.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect();
        json!({
            "container_name": self.names().sidecar(service),
            "hostname": service,
            "image": self.isolation.image.as_deref().unwrap_or(IMAGE),
            "pull_policy": "never",
            "init": true,
            "user": ACCOUNT,
            "working_dir": "/",
            "entrypoint": [PYTHON],
            "command": command,
            "restart": RESTART,
            "labels": sidecar_labels(self.container, Some(service)),
            "environment": {"HOME": "/tmp"},
            "networks": {
                "net": self.place(address),
                "edge": {},
            },
            // Neither of them leads from one network to the other, nor lets a
            // packet say that it should.
            "sysctls": {
                "net.ipv4.ip_forward": "0",
                "net.ipv4.conf.all.accept_source_route": "0",
                "net.ipv4.conf.default.accept_source_route": "0",
            },
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "read_only": true,
            "tmpfs": ["/tmp"],
            "pids_limit": 256,
            "logging": {"driver": driver, "options": options},
        })
    }
}

/// Makes what a person's own file adds be known as part of the container: its
/// services go with it, and its volumes stay as its own do.
pub(crate) fn claim(container: &Container, model: &mut Value, over: &Override) {
    let names = Names::of(&container.project.hash);
    for service in over.services() {
        let added = &mut model["services"][service];
        added["container_name"] = json!(names.sidecar(service));
        added["restart"] = json!(RESTART);
        add_labels(added, sidecar_labels(container, Some(service)));
    }
    for volume in over.volumes() {
        let added = &mut model["volumes"][volume];
        added["name"] = json!(compose::volume_name(&container.name, volume));
        add_labels(added, identity(container));
    }
}

fn add_labels(to: &mut Value, labels: Object) {
    for (name, value) in labels {
        to["labels"][name] = value;
    }
}

/// Returns the labels of what stands around the container.
fn sidecar_labels(container: &Container, service: Option<&str>) -> Object {
    let mut labels = identity(container);
    labels.remove(labels::PROJECT_HASH);
    labels.insert(labels::SIDECAR_OF.into(), container.project.hash.as_str().into());
    labels.extend(service.map(|service| (labels::SIDECAR_TYPE.to_owned(), service.into())));
    labels
}

/// Returns the labels by which the container and its volumes are known.
fn identity(container: &Container) -> Object {
    let mut labels = Object::new();
    labels.insert(labels::MANAGED.into(), "true".into());
    labels.insert(labels::NAME.into(), container.name.as_str().into());
    labels.insert(labels::PROJECT_HASH.into(), container.project.hash.as_str().into());
    if let Some(authority) = container.label(labels::AUTHORITY) {
        labels.insert(labels::AUTHORITY.into(), authority.into());
    }
    labels
}

fn app_labels(container: &Container) -> Object {
    let path = container.project.path.to_string_lossy().into_owned();
    let mut labels = Object::new();
    labels.extend(container.labels.iter().map(|label| (label.name.clone(), json!(label.value))));
    labels.insert(labels::PROJECT_PATH.into(), path.into());
    labels.extend(identity(container));
    labels
}

fn environment(container: &Container) -> Object {
    container.env.iter().map(|each| (each.name.clone(), json!(each.value))).collect()
}

fn mount_volume(name: &str, target: &str, read_only: bool) -> Value {
    let mut value = json!({"type": "volume", "source": name, "target": target});
    if read_only {
        value["read_only"] = json!(true);
    }
    value
}

/// Returns a mount of a file or directory of this machine, to be read only.
fn bind(source: &Path, target: &str) -> Value {
    json!({
        "type": "bind",
        "source": source.to_string_lossy(),
        "target": target,
        "read_only": true,
        // Shared, where SELinux is at work.
        "bind": {"selinux": "z"},
    })
}

fn check(arguments: &[&str]) -> Value {
    let test: Vec<_> = ["CMD", PYTHON].iter().chain(arguments).collect();
    json!({
        "test": test,
        "interval": "10s",
        "timeout": "10s",
        "retries": 3,
        "start_period": "30s",
    })
}

fn set_limits(service: &mut Value, limits: Option<&Limits>) {
    let none = Limits::default();
    let Limits { memory, cpus, pids, cap_drop, .. } = limits.unwrap_or(&none);
    if let Some(memory) = memory {
        service["mem_limit"] = json!(memory);
    }
    if let Some(cpus) = cpus {
        service["cpus"] = json!(cpus);
    }
    if let Some(pids) = pids {
        service["pids_limit"] = json!(pids);
    }
    service["cap_drop"] = json!(cap_drop);
}
