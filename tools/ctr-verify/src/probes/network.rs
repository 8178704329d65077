//! Whether a packet leaves the container's network.

use std::net::Ipv4Addr;

use super::{Finding, Row, Sight, When, out, untested};
use crate::jobs::{ADDRESSES6, NEIGHBOURS, ROUTES, ROUTES6, UNIX};

const NETWORK: &str = "make the container's network without a way out: podman network create \
                       --internal --disable-dns, or docker network create --internal \
                       -o com.docker.network.bridge.inhibit_ipv4=true; ctrkit rebuild does it";

pub(super) const ALL: &[Row] = &[
    Row {
        id: "outside-address",
        proves: "no address of the outside is reached by TCP, UDP or ICMP",
        cure: NETWORK,
        when: When::Always,
        judge: |sight| {
            let slow: &[&str] = if sight.extent.quick { &[] } else { &["outside6-tcp"] };
            sight.nothing(&[&["outside-tcp", "outside-udp", "outside-ping"], slow].concat())
        },
    },
    Row {
        id: "metadata-address",
        proves: "what a cloud tells its machines, credentials too, is not reached",
        cure: NETWORK,
        when: When::Always,
        judge: |sight| sight.nothing(&["metadata-tcp"]),
    },
    Row {
        id: "bridge-address",
        proves: "nothing answers on the container's own network but what was made for it",
        cure: "leave the bridge no address: podman network create --internal --disable-dns, or \
               docker network create --internal -o com.docker.network.bridge.inhibit_ipv4=true",
        when: When::Always,
        judge: |sight| sight.nothing(&["bridge-tcp", "bridge-udp", "bridge-ping"]),
    },
    Row {
        id: "host-address",
        proves: "no address of the engine's machine is reached",
        cure: NETWORK,
        when: When::Always,
        judge: host_address,
    },
    Row {
        id: "host-broadcast",
        proves: "the engine's machine does not hear what is said to everybody",
        cure: "let the machine look at where packets come from: sudo sysctl \
               net.ipv4.conf.all.rp_filter=2",
        when: When::Always,
        judge: host_broadcast,
    },
    Row {
        id: "outside-name",
        proves: "no DNS server answers for names of the outside",
        cure: "give the container no server that answers: --disable-dns on podman's network, and \
               --dns with an address at which nobody does",
        when: When::Always,
        judge: |sight| sight.nothing(&["outside-name"]),
    },
    Row {
        id: "default-route",
        proves: "no route leads to a gateway that is there",
        cure: NETWORK,
        when: When::Always,
        judge: |sight| {
            let neighbours = sight.root.text("after", NEIGHBOURS).unwrap_or_default();
            table(sight, ROUTES, |routes| default_route(routes, neighbours))
        },
    },
    Row {
        id: "ipv6",
        proves: "there is no IPv6 address and no IPv6 route, link-local ones included",
        cure: "turn IPv6 off in the container: --sysctl net.ipv6.conf.all.disable_ipv6=1 \
               --sysctl net.ipv6.conf.default.disable_ipv6=1",
        when: When::Always,
        judge: ipv6,
    },
    Row {
        id: "host-name",
        proves: "the names that an engine gives to its machine lead nowhere",
        cure: NETWORK,
        when: When::Slow,
        judge: |sight| sight.nothing(&["host-names"]),
    },
    Row {
        id: "other-containers",
        proves: "no other container of the engine is reached",
        cure: "give each container a network of its own, and join none to two of them",
        when: When::Slow,
        judge: other_containers,
    },
    Row {
        id: "networks",
        proves: "the engine says of each network that it leads nowhere",
        cure: NETWORK,
        when: When::Inside,
        judge: networks,
    },
    Row {
        id: "network-namespace",
        proves: "the network is the container's own, sockets without a path included",
        cure: "give the container a network of its own, not --network host",
        when: When::Always,
        judge: namespace,
    },
    Row {
        id: "published-ports",
        proves: "what lets into the container listens on this machine alone",
        cure: "publish ports on 127.0.0.1: -p 127.0.0.1:2201:22",
        when: When::Thorough,
        judge: published,
    },
];

fn host_address(sight: &Sight<'_>) -> Finding {
    let Some(heard) = &sight.heard else { return elsewhere() };
    match sight.nothing(&["host-tcp", "host-udp", "host-ping"]) {
        Finding::Held if !heard.direct.is_empty() => {
            Finding::Out(format!("this machine was reached by {}", heard.direct.join(" and ")))
        }
        finding => finding,
    }
}

fn host_broadcast(sight: &Sight<'_>) -> Finding {
    let Some(heard) = &sight.heard else { return elsewhere() };
    match (heard.broadcast, sight.root.get("cry")) {
        (true, _) => {
            Finding::Out("this machine hears what is said to everybody on its network".to_owned())
        }
        (false, Ok(_)) => Finding::Held,
        (false, Err(why)) => untested(&why),
    }
}

/// From here nobody hears what arrives there.
fn elsewhere() -> Finding {
    let why = "the engine is on another machine, where nothing listens for it";
    Finding::Untested("engine-elsewhere", why.to_owned())
}

/// Judges one of the kernel's tables.
fn table(sight: &Sight<'_>, path: &str, judge: impl Fn(&str) -> Vec<String>) -> Finding {
    match sight.root.get("tables") {
        // Where the kernel has no such protocol there is no such file.
        Ok(_) => out(&sight.root.text("tables", path).map(judge).unwrap_or_default()),
        Err(why) => untested(&why),
    }
}

/// Reads `route` (proc_pid_net(5)): interface, destination and gateway; and `arp`,
/// which has after the attack whether somebody is at the gateway's address. Docker
/// enters one where there is nobody, too.
fn default_route(routes: &str, neighbours: &str) -> Vec<String> {
    let rows = routes.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let default = rows.filter(|row| row.len() > 7 && row[1] == "00000000" && row[7] == "00000000");
    let is_there = |gateway: Option<Ipv4Addr>| {
        let gateway = gateway.map(|gateway| gateway.to_string()).unwrap_or_default();
        let row = neighbours.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut found = row.filter(|row| row.len() > 3 && row[0] == gateway);
        found.any(|row| row[2] != "0x0" && row[3] != "00:00:00:00:00:00")
    };
    let leads = default.filter_map(|row| {
        let gateway =
            u32::from_str_radix(row[2], 16).ok().map(|raw| Ipv4Addr::from(raw.to_ne_bytes()));
        // Without a gateway the wire itself is the way.
        let is_way = gateway.is_some_and(|gateway| gateway.is_unspecified()) || is_there(gateway);
        is_way.then(|| format!("the default route leads through {}", row[0]))
    });
    leads.collect()
}

fn ipv6(sight: &Sight<'_>) -> Finding {
    match table(sight, ADDRESSES6, addresses6) {
        Finding::Held => table(sight, ROUTES6, routes6),
        finding => finding,
    }
}

/// Reads `if_inet6` (proc_pid_net(5)): the address first, the interface last.
fn addresses6(text: &str) -> Vec<String> {
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let outside = rows.filter(|row| row.len() == 6 && row[5] != "lo");
    outside.map(|row| format!("{} has the IPv6 address {}", row[5], row[0])).collect()
}

/// Reads `ipv6_route`: the interface last; where it is lo the route leads nowhere.
fn routes6(text: &str) -> Vec<String> {
    let interface = |line: &str| line.split_whitespace().last().map(str::to_owned);
    let mut all: Vec<_> = text.lines().filter_map(interface).filter(|name| name != "lo").collect();
    all.sort();
    all.dedup();
    all.iter().map(|name| format!("an IPv6 route leads through {name}")).collect()
}

/// Says whose the addresses are that answered.
fn other_containers(sight: &Sight<'_>) -> Finding {
    match sight.root.get("other-containers") {
        Ok(seen) => {
            let whose = |seen: &String| {
                let at = seen.split([' ']).next().and_then(|at| at.rsplit_once(':'));
                let name = at.and_then(|(address, _)| sight.others.get(address));
                name.map_or_else(|| seen.clone(), |name| format!("{seen} ({name})"))
            };
            out(&seen.iter().map(whose).collect::<Vec<_>>())
        }
        Err(why) => untested(&why),
    }
}

fn networks(sight: &Sight<'_>) -> Finding {
    let apart = &sight.target.inspection.apart;
    let mut found = Vec::new();
    if apart.networks.is_empty() && apart.network_mode != "none" {
        found.push(format!("it has no network of its own, but '{}'", apart.network_mode));
    }
    for network in &sight.target.networks {
        let name = &network.name;
        if !network.is_internal && network.name != "none" {
            found.push(format!("the network '{name}' leads outside"));
        } else if !network.bridge.is_empty() {
            found.push(format!("the engine's machine has an address on the network '{name}'"));
        }
    }
    out(&found)
}

/// The kernel knows best, then the engine, then what is seen inside: sockets of
/// programs that run on machines with engines, and not in containers.
fn namespace(sight: &Sight<'_>) -> Finding {
    let mode = &sight.target.inspection.apart.network_mode;
    if mode == "host" || sight.shared.as_ref().is_some_and(|all| all.contains(&"net")) {
        return Finding::Out("the network is that of the engine's machine".to_owned());
    }
    let machines = ["@/containerd-shim", "@/org/kernel/udev", "@/run/systemd", "dockerd"];
    table(sight, UNIX, |text| {
        let name = |line: &str| line.split_whitespace().nth(7).map(str::to_owned);
        let is_machines = |name: &String| machines.iter().any(|each| name.contains(each));
        let abstract_ones = text.lines().filter_map(name).filter(|name| name.starts_with('@'));
        abstract_ones
            .filter(is_machines)
            .map(|name| format!("the socket {name} is there"))
            .collect()
    })
}

fn published(sight: &Sight<'_>) -> Finding {
    let target = sight.target;
    let all = std::iter::once((&target.summary, &target.inspection))
        .chain(target.around.iter().map(|(summary, inspection)| (summary, inspection)));
    let meant = target.document.iter().flat_map(|document| &document.ports);
    let meant: Vec<_> = meant.filter_map(|port| port.address.as_deref()).collect();
    let mut found = Vec::new();
    for (summary, inspection) in all {
        for port in &inspection.published {
            let is_loopback = port.address.starts_with("127.") || port.address == "::1";
            if !is_loopback && !meant.contains(&port.address.as_str()) {
                let (at, host, inside) = (&port.address, port.host, port.container);
                found.push(format!("'{}' publishes {inside} at {at} port {host}", summary.name));
            }
        }
    }
    out(&found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_kernel_are_read() {
        let route = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n\
                     eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let there = "IP address HW type Flags\n172.17.0.1 0x1 0x2 02:42:ac:11:00:01 * eth0\n";
        let nobody = there.replace("0x2 02:42:ac:11:00:01", "0x0 00:00:00:00:00:00");
        assert_eq!(default_route(route, there), ["the default route leads through eth0"]);
        assert_eq!(default_route(route, &nobody), [""; 0]);
        assert_eq!(default_route(route, ""), [""; 0]);
        let other = route.replace("00000000\t0100", "000010AC\t0100");
        assert_eq!(default_route(&other, there), [""; 0]);
        let wire = route.replace("\t010011AC", "\t00000000");
        assert_eq!(default_route(&wire, "").len(), 1);
        let lo = "00000000000000000000000000000001 01 80 10 80       lo\n";
        assert_eq!(addresses6(lo), [""; 0]);
        let both = format!("{lo}fe8000000000000000fcfffffe000001 02 40 20 80     eth0\n");
        assert_eq!(addresses6(&both).len(), 1);
        assert_eq!(routes6("0 0 lo\n0 0 eth0\n0 0 eth0\n"), ["an IPv6 route leads through eth0"]);
    }
}
