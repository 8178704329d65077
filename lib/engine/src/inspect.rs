//! All that the engine says of one container.

use std::collections::BTreeMap;

use document::{
    container::{Limits, Mount, Volume},
    containers::ListedMount,
};
use serde::Deserialize;

use crate::{Engine, EngineError, Published, run};

/// What only an inspection tells; the rest is in [`Summary`](crate::Summary).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// The TCP ports that are published, or will be at the next start.
    pub published: Vec<Published>,
    /// The named volumes.
    pub volumes: Vec<Volume>,
    /// The other mounts.
    pub mounts: Vec<Mount>,
    /// The limits in force; memory is in bytes.
    pub limits: Limits,
    /// The restart policy.
    pub restart: Option<String>,
    /// The account that the container's own command runs as.
    pub user: Option<String>,
    /// The directory that it runs in.
    pub directory: Option<String>,
    /// The environment that all processes in it begin with.
    pub env: Vec<(String, String)>,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// What keeps it apart from the rest of the machine.
    pub apart: Apart,
}

/// What keeps a container apart from the rest of the machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Apart {
    /// The networks that it is on, and its address there while it runs.
    pub networks: Vec<(String, Option<String>)>,
    /// What is in the place of networks of its own: `host`, `none`,
    /// `container:…`; otherwise the engine's word for the first of them.
    pub network_mode: String,
    /// Whether it has all rights that the engine can give.
    pub is_privileged: bool,
    /// Whether nothing in it can gain privileges.
    pub no_new_privileges: bool,
    /// The capabilities that are added.
    pub cap_add: Vec<String>,
    /// The capabilities that root in it can have; podman tells them.
    pub capabilities: Option<Vec<String>>,
    /// The namespaces (`pid`, `ipc`, `uts`) that are the machine's own.
    pub shared: Vec<&'static str>,
    /// Whether its root file system can only be read.
    pub is_read_only: bool,
    /// All mounts, volumes included.
    pub mounts: Vec<ListedMount>,
    /// The id of its first process on the engine's machine, while it runs.
    pub pid: Option<u32>,
}

impl Engine {
    /// Inspects the container called `name`: one call.
    pub fn inspect(&self, name: &str) -> Result<Inspection, EngineError> {
        let mut command = self.command(["container", "inspect", name]);
        let text = self.succeed(&mut command)?;
        parse(&text)
            .map_err(|source| EngineError::Unreadable { command: run::line(&command), source })
    }

    /// Inspects all the containers called `names`, in that order: one call.
    pub fn inspect_all(&self, names: &[&str]) -> Result<Vec<Inspection>, EngineError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = self.command(["container", "inspect"]);
        let text = self.succeed(command.args(names))?;
        let answers: Result<Vec<Answer>, _> = serde_json::from_str(&text);
        let all = answers.map(|all| all.into_iter().map(Inspection::from).collect());
        all.map_err(|source| EngineError::Unreadable { command: run::line(&command), source })
    }
}

/// Reads the array of one object that both engines answer with.
fn parse(text: &str) -> Result<Inspection, serde_json::Error> {
    let [answer]: [Answer; 1] = serde_json::from_str(text)?;
    Ok(answer.into())
}

/// The keys that are read, the same on both engines: `ContainerInspect` of
/// the Docker Engine API, which podman follows.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    host_config: HostConfig,
    #[serde(default)]
    mounts: Vec<Mounted>,
    #[serde(default)]
    network_settings: NetworkSettings,
    #[serde(default)]
    config: Config,
    #[serde(default)]
    state: State,
    #[serde(default)]
    bounding_caps: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    pid: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    user: String,
    working_dir: String,
    env: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

/// Host ports by container port, which is written `22/tcp`.
type Bindings = BTreeMap<String, Option<Vec<Binding>>>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    port_bindings: Option<Bindings>,
    memory: i64,
    nano_cpus: i64,
    cpu_quota: i64,
    cpu_period: i64,
    pids_limit: Option<i64>,
    cap_drop: Option<Vec<String>>,
    cap_add: Option<Vec<String>>,
    network_mode: String,
    pid_mode: String,
    ipc_mode: String,
    #[serde(rename = "UTSMode")]
    uts_mode: String,
    readonly_rootfs: bool,
    privileged: bool,
    security_opt: Option<Vec<String>>,
    restart_policy: RestartPolicy,
    tmpfs: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RestartPolicy {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    ports: Option<Bindings>,
    networks: Option<BTreeMap<String, Attachment>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attachment {
    #[serde(rename = "IPAddress")]
    address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    #[serde(default)]
    host_ip: String,
    #[serde(default)]
    host_port: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mounted {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
    destination: String,
    #[serde(rename = "RW", default)]
    writable: bool,
}

impl From<Answer> for Inspection {
    fn from(answer: Answer) -> Self {
        let apart = answer.apart();
        let Answer { host_config, mounts, network_settings, config, .. } = answer;
        let mounts = all(&host_config, mounts);
        let (volumes, mounts): (Vec<_>, Vec<_>) =
            mounts.into_iter().partition(|mount| mount.kind == "volume");
        // Docker empties the ports of a container that does not run.
        let running = network_settings.ports.filter(|ports| !ports.is_empty());
        Self {
            published: published(running.as_ref().or(host_config.port_bindings.as_ref())),
            volumes: volumes.into_iter().map(Mounted::volume).collect(),
            mounts: mounts.into_iter().map(Mounted::mount).collect(),
            limits: host_config.limits(),
            restart: Some(host_config.restart_policy.name).filter(|name| !name.is_empty()),
            user: Some(config.user).filter(|user| !user.is_empty()),
            directory: Some(config.working_dir).filter(|directory| !directory.is_empty()),
            env: config.env.iter().flatten().filter_map(|each| variable(each)).collect(),
            labels: config.labels.unwrap_or_default(),
            apart,
        }
    }
}

/// Returns all mounts by their place: docker lists them in another order each
/// time, and tmpfs elsewhere.
fn all(host_config: &HostConfig, mut mounts: Vec<Mounted>) -> Vec<Mounted> {
    let tmpfs = host_config.tmpfs.iter().flatten().map(|(target, _)| Mounted::tmpfs(target));
    mounts.extend(tmpfs);
    mounts.sort_by(|one, other| one.destination.cmp(&other.destination));
    mounts
}

impl Answer {
    fn apart(&self) -> Apart {
        let host = &self.host_config;
        let networks = self.network_settings.networks.iter().flatten();
        let address = |at: &Attachment| Some(&at.address).filter(|it| !it.is_empty()).cloned();
        let no_new_privileges = |option: &String| {
            let value = option.strip_prefix("no-new-privileges");
            value.is_some_and(|value| ["", ":true", "=true"].contains(&value))
        };
        Apart {
            networks: networks.map(|(name, at)| (name.clone(), address(at))).collect(),
            network_mode: host.network_mode.clone(),
            is_privileged: host.privileged,
            no_new_privileges: host.security_opt.iter().flatten().any(no_new_privileges),
            cap_add: names(host.cap_add.as_deref().unwrap_or_default()),
            capabilities: self.bounding_caps.as_deref().map(names),
            shared: host.shared(),
            is_read_only: host.readonly_rootfs,
            mounts: all(host, self.mounts.clone()).into_iter().map(Mounted::listed).collect(),
            pid: Some(self.state.pid).filter(|pid| *pid != 0),
        }
    }
}

/// Takes `NAME=VALUE` apart.
fn variable(text: &str) -> Option<(String, String)> {
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Returns the names of capabilities without `CAP_`.
fn names(caps: &[String]) -> Vec<String> {
    caps.iter().map(|cap| cap.trim_start_matches("CAP_").to_owned()).collect()
}

fn published(bindings: Option<&Bindings>) -> Vec<Published> {
    let each = |(port, hosts): (&String, &Option<Vec<Binding>>)| {
        let container = port.strip_suffix("/tcp").and_then(|port| port.parse().ok());
        let hosts = hosts.iter().flatten().filter_map(|binding| {
            // 0 is one that the engine chooses at the next start.
            let host = binding.host_port.parse().ok().filter(|port| *port != 0)?;
            let address = Some(&binding.host_ip).filter(|address| !address.is_empty());
            let address = address.map_or("0.0.0.0", |address| address).to_owned();
            Some(Published { container: container?, host, address })
        });
        hosts.collect::<Vec<_>>()
    };
    bindings.into_iter().flatten().flat_map(each).collect()
}

impl HostConfig {
    fn shared(&self) -> Vec<&'static str> {
        let modes = [("pid", &self.pid_mode), ("ipc", &self.ipc_mode), ("uts", &self.uts_mode)];
        modes.into_iter().filter(|(_, mode)| *mode == "host").map(|(name, _)| name).collect()
    }

    fn limits(&self) -> Limits {
        Limits {
            memory: Some(self.memory).filter(|bytes| *bytes > 0).map(|bytes| bytes.to_string()),
            cpus: self.cpus(),
            pids: self.pids_limit.filter(|pids| *pids > 0).and_then(|pids| pids.try_into().ok()),
            cap_drop: names(self.cap_drop.as_deref().unwrap_or_default()),
            ..Limits::default()
        }
    }

    /// Returns the number of processors, to the thousandth.
    fn cpus(&self) -> Option<String> {
        let thousandths = match (self.nano_cpus, self.cpu_quota, self.cpu_period) {
            (1.., _, _) => self.nano_cpus / 1_000_000,
            (_, quota @ 1.., period @ 1..) => quota.saturating_mul(1000) / period,
            _ => return None,
        };
        let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    }
}

impl Mounted {
    fn tmpfs(target: &str) -> Self {
        Self {
            kind: "tmpfs".to_owned(),
            name: String::new(),
            source: String::new(),
            destination: target.to_owned(),
            writable: true,
        }
    }

    /// Of a volume the name says more than the place where the engine keeps it.
    fn listed(self) -> ListedMount {
        let source = if self.kind == "volume" { self.name } else { self.source };
        ListedMount {
            source: Some(source).filter(|source| !source.is_empty()),
            destination: self.destination,
            read_only: !self.writable,
            kind: self.kind,
            ..ListedMount::default()
        }
    }

    fn volume(self) -> Volume {
        Volume { name: self.name, target: self.destination, ..Volume::default() }
    }

    fn mount(self) -> Mount {
        Mount {
            source: Some(self.source).filter(|source| !source.is_empty()).map(Into::into),
            target: self.destination,
            read_only: !self.writable,
            kind: self.kind,
            ..Mount::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// podman 4.3.1, running, shortened to the keys around those that are read.
    const PODMAN: &str = r#"[{"Id":"5a","Created":"2026-11-22T08:35:44.361599909Z","Mounts":[{"Type":"volume","Name":"dev-a-home","Source":"/var/lib/containers/storage/volumes/dev-a-home/_data","Destination":"/home/dev","Driver":"local","Mode":"","Options":["nosuid","nodev","rbind"],"RW":true,"Propagation":"rprivate"},{"Type":"bind","Source":"/etc/hostname","Destination":"/hn","Driver":"","Mode":"","Options":["rbind"],"RW":false,"Propagation":"rprivate"}],"NetworkSettings":{"Bridge":"","Ports":{"22/tcp":[{"HostIp":"127.0.0.1","HostPort":"2200"}],"53/udp":[{"HostIp":"","HostPort":"53"}],"80/tcp":null}},"HostConfig":{"PortBindings":{"22/tcp":[{"HostIp":"127.0.0.1","HostPort":"2200"}]},"Memory":1073741824,"NanoCpus":1500000000,"CpuQuota":150000,"CpuPeriod":100000,"PidsLimit":300,"CapAdd":[],"CapDrop":["CAP_NET_RAW"],"RestartPolicy":{"Name":"unless-stopped","MaximumRetryCount":0},"Tmpfs":{"/scratch":"rw,rprivate,nosuid,nodev,tmpcopyup"}}}]"#;

    /// docker 20.10.24, stopped and without limits, shortened in the same way.
    const DOCKER: &str = r#"[{"Id":"45","Mounts":[{"Type":"tmpfs","Source":"","Destination":"/scr2","Mode":"","RW":true,"Propagation":""}],"NetworkSettings":{"Bridge":"","Ports":{}},"HostConfig":{"PortBindings":{"22/tcp":[{"HostIp":"127.0.0.1","HostPort":"2200"}],"3000/tcp":[{"HostIp":"","HostPort":"3000"}]},"Memory":0,"NanoCpus":0,"CpuQuota":0,"CpuPeriod":0,"PidsLimit":null,"CapAdd":null,"CapDrop":null,"RestartPolicy":{"Name":"no","MaximumRetryCount":0}}}]"#;

    #[test]
    fn podman_is_read() {
        let found = parse(PODMAN).unwrap();
        assert_eq!(
            found.published,
            [Published { container: 22, host: 2200, address: "127.0.0.1".into() }]
        );
        assert_eq!(found.volumes[0].name, "dev-a-home");
        assert_eq!(found.volumes[0].target, "/home/dev");
        let mounts: Vec<_> =
            found.mounts.iter().map(|each| (&*each.target, each.read_only)).collect();
        assert_eq!(mounts, [("/hn", true), ("/scratch", false)]);
        assert_eq!(found.limits.memory.as_deref(), Some("1073741824"));
        assert_eq!(found.limits.cpus.as_deref(), Some("1.5"));
        assert_eq!(found.limits.pids, Some(300));
        assert_eq!(found.limits.cap_drop, ["NET_RAW"]);
        assert_eq!(found.restart.as_deref(), Some("unless-stopped"));
    }

    #[test]
    fn docker_is_read_also_when_stopped() {
        let found = parse(DOCKER).unwrap();
        let ports: Vec<_> =
            found.published.iter().map(|each| (each.host, &*each.address)).collect();
        assert_eq!(ports, [(2200, "127.0.0.1"), (3000, "0.0.0.0")]);
        assert_eq!(found.mounts[0].kind, "tmpfs");
        assert_eq!(found.mounts[0].source, None);
        assert_eq!(found.limits, Limits::default());
    }

    #[test]
    fn what_keeps_it_apart_is_read() {
        // podman 4.3.1 and docker 20.10.24, shortened.
        let podman = r#"[{"State":{"Pid":7},"BoundingCaps":["CAP_CHOWN"],"Mounts":[{"Type":"volume","Name":"trust","Source":"/v","Destination":"/t","RW":false}],"NetworkSettings":{"Networks":{"b":{"IPAddress":""},"a":{"Gateway":"<nil>","IPAddress":"10.217.0.4"}}},"HostConfig":{"NetworkMode":"bridge","Privileged":false,"CapAdd":["CAP_SYS_NICE"],"SecurityOpt":["no-new-privileges"],"Tmpfs":{"/scr":"rw"}}}]"#;
        let found = parse(podman).unwrap().apart;
        assert_eq!(found.networks, [("a".into(), Some("10.217.0.4".into())), ("b".into(), None)]);
        assert_eq!((found.network_mode.as_str(), found.pid), ("bridge", Some(7)));
        assert_eq!(found.cap_add, ["SYS_NICE"]);
        assert_eq!(found.capabilities, Some(vec!["CHOWN".to_owned()]));
        assert!(found.no_new_privileges && !found.is_privileged);
        let mounts = found.mounts.iter().map(|each| {
            let source = each.source.as_deref().unwrap_or("-");
            format!("{} {source} {} {}", each.kind, each.destination, each.read_only)
        });
        assert_eq!(mounts.collect::<Vec<_>>(), ["tmpfs - /scr false", "volume trust /t true"]);
        let docker = r#"[{"State":{"Pid":0},"HostConfig":{"NetworkMode":"host","Privileged":true,"CapAdd":null,"SecurityOpt":["no-new-privileges:false"]}}]"#;
        let found = parse(docker).unwrap().apart;
        assert!(found.is_privileged && !found.no_new_privileges);
        assert_eq!((found.networks.len(), found.capabilities, found.pid), (0, None, None));
    }

    #[test]
    fn processors_may_come_as_a_share_of_time() {
        let host = HostConfig { cpu_quota: 25_000, cpu_period: 100_000, ..HostConfig::default() };
        assert_eq!(host.cpus().as_deref(), Some("0.25"));
        let host = HostConfig { nano_cpus: 2_000_000_000, ..HostConfig::default() };
        assert_eq!(host.cpus().as_deref(), Some("2"));
    }

    #[test]
    fn an_empty_answer_is_none() {
        assert!(parse("[]").is_err());
    }
}
