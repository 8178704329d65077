//! What the helper is told to do in a container.

use std::net::{IpAddr, SocketAddr};

use crate::{
    ear::Ear,
    helper::Job,
    target::Target,
    words::{client_hello, connect, get, hex},
};

/// Where something answers in most of the world; whether it does is found out.
const OUTSIDE: [&str; 4] = ["1.1.1.1", "8.8.8.8", "9.9.9.9", "208.67.222.222"];

/// The same, by IPv6.
const OUTSIDE6: [&str; 2] = ["2606:4700:4700::1111", "2001:4860:4860::8888"];

/// Where clouds tell their machines who they are, credentials included.
const METADATA: [&str; 5] =
    ["169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192"];

/// Names of the outside that are there.
const NAMES: &str = "example.com,example.org,github.com";

/// The engine's own resolver, and another's where machines often have one.
const RESOLVERS: [&str; 2] = ["127.0.0.11", "169.254.1.1"];

/// Where services of a machine often are: the engine's among them.
const PORTS: [u16; 7] = [22, 53, 80, 443, 2375, 2376, 8080];

/// The names that engines give to the machine below.
pub(crate) const HOST_NAMES: [&str; 4] =
    ["host.docker.internal", "host.containers.internal", "gateway.docker.internal", "host-gateway"];

/// The addresses to which everybody on a network listens.
const EVERYBODY: [&str; 4] = ["255.255.255.255", "224.0.0.1", "224.0.0.251", "239.255.255.250"];

/// What the kernel tells a process of itself and its network.
pub(crate) const STATUS: &str = "/proc/self/status";
pub(crate) const MOUNTS: &str = "/proc/self/mountinfo";
pub(crate) const ADDRESSES6: &str = "/proc/net/if_inet6";
pub(crate) const ROUTES6: &str = "/proc/net/ipv6_route";
pub(crate) const ROUTES: &str = "/proc/net/route";
pub(crate) const NEIGHBOURS: &str = "/proc/net/arp";
pub(crate) const UNIX: &str = "/proc/net/unix";
pub(crate) const HOSTS: &str = "/etc/hosts";
pub(crate) const PIDS: [&str; 2] = ["/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"];

/// What changes the kernel for everybody, where it can be written.
const KERNEL_FILES: [&str; 10] = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/fs/file-max",
    "/proc/sysrq-trigger",
    "/proc/kcore",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
];

/// What changes the limits that a container is in, where it can be written.
const CGROUP_FILES: [&str; 7] = [
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/release_agent",
    "/sys/fs/cgroup/pids/pids.max",
    "/sys/fs/cgroup/pids/release_agent",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/devices/devices.allow",
    "/sys/fs/cgroup/rdma/release_agent",
];

/// Where sockets of engines are.
const SOCKETS: [&str; 11] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/docker/docker.sock",
    "/run/podman/podman.sock",
    "/var/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/user/1000/podman/podman.sock",
    "/run/user/1000/docker.sock",
    "/docker.sock",
];

/// The certificate of the proxy's authority, where ctrkit puts it, and where
/// people do.
const CERTIFICATES: [&str; 3] = [
    "proxy:@/etc/ctrkit/trust/ca.pem",
    "proxy:@/usr/local/share/ca-certificates/ctrkit-proxy.crt",
    "proxy:@/usr/local/share/ca-certificates/mitmproxy.crt",
];

/// How many files are looked at, fast and altogether.
const FEW: usize = 20_000;
const MANY: usize = 5_000_000;

/// How many directories down is looked where it must be fast.
const DEPTH: usize = 2;

/// How far an attack goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Extent {
    /// Only what can be decided fast.
    pub quick: bool,
    /// Only what a container can try that shares the network and nothing else.
    pub beside: bool,
}

impl Extent {
    /// How long an answer is waited for, in milliseconds.
    fn patience(self) -> String {
        let milliseconds = if self.quick { "600" } else { "1500" };
        milliseconds.to_owned()
    }

    /// Returns the words of a job that waits for answers.
    fn words(self, job: &str, more: Vec<String>) -> Vec<String> {
        [job.to_owned(), self.patience()].into_iter().chain(more).collect()
    }
}

/// Returns what is tried on the network.
pub(crate) fn network(target: &Target, extent: Extent, ear: &Ear, machine: &[IpAddr]) -> Vec<Job> {
    let at = |addresses: &[&str], ports: &[u16]| {
        everywhere(addresses.iter().filter_map(|each| each.parse().ok()), ports)
    };
    let ping = OUTSIDE.map(str::to_owned).into();
    let tables = [ADDRESSES6, ROUTES6, ROUTES, UNIX, HOSTS].map(str::to_owned);
    let mut jobs = vec![
        ("outside-tcp", extent.words("tcp", at(&OUTSIDE, &PORTS))),
        ("outside-udp", extent.words("udp", at(&OUTSIDE, &[53, 123, 443]))),
        ("outside-ping", extent.words("ping", ping)),
        ("metadata-tcp", extent.words("tcp", at(&METADATA, &[80, 443]))),
        ("outside-name", extent.words("dns", resolvers(target))),
        ("tables", ["read".to_owned()].into_iter().chain(tables).collect()),
        ("cry", cry(target, ear)),
    ];
    let strange: Vec<_> = target.strange_addresses().into_iter().map(IpAddr::V4).collect();
    let names = ["bridge-tcp", "bridge-udp", "bridge-ping"];
    jobs.extend(names.into_iter().zip(visit(extent, &strange, ear)));
    let names = ["host-tcp", "host-udp", "host-ping"];
    jobs.extend(names.into_iter().zip(visit(extent, machine, ear)));
    if !extent.quick {
        jobs.push(("outside6-tcp", extent.words("tcp", at(&OUTSIDE6, &[53, 80, 443]))));
    }
    jobs
}

/// Returns how addresses that may be this machine's are tried: by TCP, by UDP and
/// by an echo request.
fn visit(extent: Extent, addresses: &[IpAddr], ear: &Ear) -> [Vec<String>; 3] {
    let (udp, tcp) = ear.ports();
    let all = || addresses.iter().copied();
    let ports: Vec<_> = PORTS.into_iter().chain([tcp]).collect();
    [
        extent.words("tcp", everywhere(all(), &ports)),
        extent.words("udp", everywhere(all(), &[53, 123, udp])),
        extent.words("ping", all().map(|address| address.to_string()).collect()),
    ]
}

fn cry(target: &Target, ear: &Ear) -> Vec<String> {
    let mut words = vec!["cry".to_owned(), ear.ports().0.to_string(), ear.word.clone()];
    words.extend(EVERYBODY.map(str::to_owned));
    words.extend(target.broadcasts().iter().map(ToString::to_string));
    words
}

/// Returns the names and servers to ask: what is around the container, and the
/// bridge, too.
fn resolvers(target: &Target) -> Vec<String> {
    let all = [NAMES, "resolv.conf"].into_iter().chain(RESOLVERS).chain(OUTSIDE);
    let bridges = target.networks.iter().flat_map(|network| &network.bridge);
    let bridges = bridges.filter_map(|address| address.parse::<IpAddr>().ok());
    let near = target.own_addresses().into_iter().chain(bridges).filter(IpAddr::is_ipv4);
    all.map(str::to_owned).chain(near.map(|address| address.to_string())).collect()
}

fn everywhere(addresses: impl Iterator<Item = IpAddr>, ports: &[u16]) -> Vec<String> {
    let at = |address: IpAddr| ports.iter().map(move |port| SocketAddr::new(address, *port));
    addresses.flat_map(at).map(|at| at.to_string()).collect()
}

/// A job that asks the proxy for what it must refuse, and what is said to it, one
/// after the other.
pub(crate) type Request = (&'static str, Vec<Vec<u8>>);

/// Returns what the proxy is asked for.
pub(crate) fn requests(target: &Target, extent: Extent, canary: &str) -> Vec<Request> {
    let Some(proxy) = target.proxy else { return Vec::new() };
    let mut asked = vec![
        ("proxy-connect", vec![connect(&format!("{canary}:443"))]),
        ("proxy-get", vec![get(canary, canary)]),
        ("proxy-literal-outside", vec![connect("1.1.1.1:443")]),
        ("proxy-literal-metadata", vec![connect("169.254.169.254:80")]),
    ];
    if extent.quick {
        return asked;
    }
    asked.extend(literals(proxy));
    if let Some(name) = &target.allowed {
        let tunnel = connect(&format!("{name}:443"));
        asked.extend([
            ("proxy-port", vec![connect(&format!("{name}:22"))]),
            ("proxy-host", vec![get(name, canary)]),
            ("proxy-sni", vec![tunnel, client_hello(canary)]),
        ]);
    }
    asked
}

/// Returns what is tried on the proxy.
pub(crate) fn proxy(target: &Target, extent: Extent, canary: &str) -> Vec<Job> {
    let Some(proxy) = target.proxy else { return Vec::new() };
    let say = |(name, rounds): Request| {
        let mut words = vec!["say".to_owned(), "5000".to_owned(), proxy.to_string()];
        words.extend(rounds.iter().map(|round| hex(round)));
        (name, words)
    };
    let mut jobs: Vec<_> = requests(target, extent, canary).into_iter().map(say).collect();
    if extent.quick {
        return jobs;
    }
    let ports = |address: IpAddr| vec!["ports".to_owned(), "200".to_owned(), address.to_string()];
    jobs.push(("proxy-ports", ports(proxy.ip())));
    jobs.extend(target.ingress().map(|(address, _)| ("ingress-ports", ports(address))));
    jobs
}

/// Returns addresses in the place of names, in the spellings that some programs
/// understand.
fn literals(proxy: SocketAddr) -> [Request; 5] {
    let itself = format!("127.0.0.1:{}", proxy.port());
    [
        ("proxy-literal-number", vec![connect("2852039166:80")]),
        ("proxy-literal-hex", vec![connect("0xa9fea9fe:80")]),
        ("proxy-literal-octal", vec![get("0251.0376.0251.0376", "0251.0376.0251.0376")]),
        ("proxy-literal-mapped", vec![connect("[::ffff:169.254.169.254]:80")]),
        ("proxy-literal-itself", vec![get(&itself, "127.0.0.1")]),
    ]
}

/// Returns what is looked at when all has been tried.
pub(crate) fn after() -> Vec<Job> {
    vec![("after", vec!["read".to_owned(), NEIGHBOURS.to_owned()])]
}

/// Returns what is tried as the container's user. What root can read is looked at
/// as root; without that capability the user may have more than root.
pub(crate) fn as_user(target: &Target, extent: Extent) -> Vec<Job> {
    let dropped = &target.inspection.limits.cap_drop;
    let reads_all = !dropped.iter().any(|name| name == "ALL" || name == "DAC_OVERRIDE");
    let is_walk = |name: &str| name == "keys" || name == "engine-sockets";
    machine(target, extent).into_iter().filter(|(name, _)| !reads_all || !is_walk(name)).collect()
}

/// Returns what is tried on the kernel and the files.
pub(crate) fn machine(target: &Target, extent: Extent) -> Vec<Job> {
    let list = |job: &str, all: &[&str]| {
        std::iter::once(job).chain(all.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut jobs = vec![
        ("rights", vec!["rights".to_owned()]),
        ("status", list("read", &[STATUS, MOUNTS, PIDS[0], PIDS[1]])),
        ("kernel-files", list("write", &KERNEL_FILES)),
        ("cgroup-files", list("write", &CGROUP_FILES)),
        ("devices", vec!["devices".to_owned()]),
        ("engine-paths", list("engines", &SOCKETS)),
        ("keys", keys(target, extent)),
    ];
    if !extent.quick {
        jobs.push(("engine-sockets", list("sockets", &[&MANY.to_string(), "/"])));
    }
    jobs
}

/// Returns the job that looks for the private halves of keys: fast only near
/// where something is mounted.
fn keys(target: &Target, extent: Extent) -> Vec<String> {
    let ssh = target.authority.iter().map(|key| format!("ssh:{}", hex(key)));
    let needles: Vec<_> = CERTIFICATES.map(str::to_owned).into_iter().chain(ssh).collect();
    let (most, depth) = if extent.quick { (FEW, DEPTH) } else { (MANY, usize::MAX) };
    let mut words = vec!["keys".to_owned(), most.to_string(), depth.to_string(), needles.join(",")];
    match extent.quick {
        false => words.push("/".to_owned()),
        true => {
            words.extend(
                ["/etc/ctrkit", "/var/lib/ctrkit", "/root", "/run/secrets"].map(str::to_owned),
            );
            words.extend(
                target.inspection.apart.mounts.iter().map(|mount| mount.destination.clone()),
            );
        }
    }
    words
}

/// Returns what is tried on other containers, and on what the names of the
/// machine below stand for in `/etc/hosts`.
pub(crate) fn neighbours(others: &[IpAddr], named: &[IpAddr], ear: &Ear) -> Vec<Job> {
    let mut ports = PORTS.to_vec();
    let tcp = |ports: &[u16], addresses: &[IpAddr]| {
        let mut words = vec!["tcp".to_owned(), "1500".to_owned()];
        words.extend(everywhere(addresses.iter().copied(), ports));
        words
    };
    let near = tcp(&[22, 80, 3000, 8080], others);
    ports.push(ear.ports().1);
    vec![("other-containers", near), ("host-names", tcp(&ports, named))]
}
