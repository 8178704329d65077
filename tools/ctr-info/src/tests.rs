//! Tests of the lines for people: data in, text out.

use document::{
    container::{Mount, Port, Volume},
    containers::{ListedFilter, ListedIsolation, ListedMount, ListedNetwork, ListedSidecar},
};
use engine::Apart;

use super::*;
use crate::{isolation::holes, kernel::Kernel};

fn port_of(service: &str, host: u16, address: Option<&str>) -> Port {
    let address = address.map(str::to_owned);
    Port { service: service.into(), container: 1, host: Some(host), address, ..Port::default() }
}

#[track_caller]
fn check_lines(listed: &Listed, key: &str, expected: &[&str]) {
    let text = text(listed);
    let key = format!("{key}:");
    let found = text.lines().filter_map(|line| line.strip_prefix(&key)).map(str::trim_start);
    assert_eq!(found.collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn there_is_a_dash_for_what_there_is_none_of() {
    let listed = Listed { name: "dev-a".into(), status: "created".into(), ..Listed::default() };
    assert_eq!(
        text(&listed),
        "name:      dev-a\nstatus:    created\nid:        -\nimage:     -\nproject:   -\n\
         branch:    -\ncreated:   -\nuser:      -\nworkspace: -\nssh:       -\nweb:       -\n\
         port:      -\nvolume:    -\nmount:     -\nmemory:    -\ncpus:      -\npids:      -\n\
         cap-drop:  -\nrestart:   -\nisolation: none\n"
    );
}

#[test]
fn ways_in_are_shown_as_they_are_typed() {
    let ports = vec![
        port_of("ssh", 2200, Some("127.0.0.1")),
        port_of("web", 3000, Some("0.0.0.0")),
        port_of("audio", 4714, None),
        port_of("db", 5432, Some("::1")),
    ];
    let listed = Listed { name: "dev-a".into(), ports, ..Listed::default() };
    check_lines(&listed, "ssh", &["ssh dev-a (127.0.0.1:2200)"]);
    check_lines(&listed, "web", &["http://localhost:3000"]);
    let expected = [
        "ssh 1 <- 127.0.0.1:2200",
        "web 1 <- *:3000",
        "audio 1 <- 4714 (not published)",
        "db 1 <- [::1]:5432",
    ];
    check_lines(&listed, "port", &expected);
}

#[test]
fn web_on_another_address_is_not_on_localhost() {
    for (address, expected) in
        [("192.0.2.1", "http://192.0.2.1:3000"), ("2001:db8::1", "http://[2001:db8::1]:3000")]
    {
        let ports = vec![port_of("web", 3000, Some(address))];
        check_lines(&Listed { ports, ..Listed::default() }, "web", &[expected]);
    }
}

#[test]
fn control_characters_reach_no_terminal() {
    let listed = Listed { branch: Some("a\u{1b}]0;x\u{7}\n\tb".into()), ..Listed::default() };
    check_lines(&listed, "branch", &["a\\u{1b}]0;x\\u{7}\\n\\tb"]);
}

#[test]
fn mounts_say_what_they_are() {
    let mounts = vec![
        Mount { kind: "tmpfs".into(), target: "/scratch".into(), ..Mount::default() },
        Mount {
            kind: "bind".into(),
            source: Some("/a b".into()),
            target: "/x".into(),
            read_only: true,
            ..Mount::default()
        },
    ];
    let listed = Listed { mounts, ..Listed::default() };
    check_lines(&listed, "mount", &["tmpfs -> /scratch", "bind /a b -> /x (read-only)"]);
}

fn network(name: &str, internal: Option<bool>, bridge: &[&str]) -> ListedNetwork {
    let bridge = bridge.iter().map(|address| (*address).to_owned()).collect();
    ListedNetwork { name: name.into(), internal, bridge, ..ListedNetwork::default() }
}

#[test]
fn one_network_with_a_way_out_is_a_hole() {
    let (apart, kernel) = (Apart::default(), Kernel::default());
    let closed = network("a", Some(true), &[]);
    let check = |networks: &[ListedNetwork], expected: &[&str]| {
        assert_eq!(holes(&apart, networks, &kernel), expected);
    };
    check(std::slice::from_ref(&closed), &[]);
    check(
        &[closed.clone(), network("b", Some(false), &["10.0.0.1"])],
        &[
            "the network 'b' leads outside",
            "the engine's machine has an address on the network 'b'",
        ],
    );
    let told = "the engine's machine has an address on the network 'b'";
    check(&[network("b", Some(true), &["?"])], &[told]);
    check(&[network("b", None, &[])], &["the network 'b' is gone, and cannot be judged"]);
}

#[test]
fn what_shares_the_hosts_network_or_has_other_ways_is_not_isolated() {
    let closed = [network("a", Some(true), &[])];
    let kernel = Kernel { has_ipv6: Some(true), ..Kernel::default() };
    assert_eq!(holes(&Apart::default(), &closed, &kernel), ["it has an IPv6 address"]);
    let privileged = Apart { is_privileged: true, ..Apart::default() };
    assert_eq!(holes(&privileged, &closed, &Kernel::default()), ["it is privileged"]);
    for (mode, count) in [("host", 1), ("container:ab", 1), ("", 1), ("none", 0)] {
        let apart = Apart { network_mode: mode.into(), ..Apart::default() };
        assert_eq!(holes(&apart, &[], &Kernel::default()).len(), count, "{mode}");
    }
}

/// An isolated container whose proxy is not well and has another filter.
fn isolated() -> Listed {
    let isolation = ListedIsolation {
        mode: "proxy".into(),
        isolated: Some(true),
        networks: vec![ListedNetwork {
            address: Some("10.208.0.4".into()),
            dns: Some(true),
            ..network("net", Some(true), &[])
        }],
        capabilities: Some(vec!["CHOWN".into(), "KILL".into()]),
        no_new_privileges: Some(true),
        proxy: Some(ListedSidecar {
            name: "p".into(),
            status: "running".into(),
            health: Some("unhealthy".into()),
            words: Some("no\u{1b}[31m".into()),
            ..ListedSidecar::default()
        }),
        filter: Some(ListedFilter {
            digest: Some("sha256:1".into()),
            applied: Some("sha256:2".into()),
            allow: vec!["a.example".into(), "*.b.example".into()],
            ..ListedFilter::default()
        }),
        mounts: vec![ListedMount {
            destination: "/t".into(),
            read_only: true,
            ..ListedMount::default()
        }],
        ..ListedIsolation::default()
    };
    let volume = |name: &str, target: &str| Volume {
        name: name.into(),
        target: target.into(),
        ..Volume::default()
    };
    let volumes = vec![volume("trust", "/t"), volume("home", "/home")];
    Listed { volumes, isolation: Some(isolation), ..Listed::default() }
}

#[test]
fn isolation_is_told_line_by_line() {
    let text = text(&isolated());
    let (_, lines) = text.split_once("isolation:").unwrap();
    assert_eq!(
        lines,
        "         proxy\n\
         network:           net: internal, address 10.208.0.4, dns\n\
         cap-add:           -\n\
         capabilities:      CHOWN KILL\n\
         no-new-privileges: yes\n\
         proxy:             p: running, unhealthy: no\\u{1b}[31m\n\
         ingress:           -\n\
         refused:           -\n\
         policy:            sha256:1, where sha256:2 was applied last\n\
         allow:             a.example\n\
         allow:             *.b.example\n\
         passthrough:       -\n"
    );
    check_lines(&isolated(), "volume", &["trust -> /t (read-only)", "home -> /home"]);
}

#[test]
fn a_hole_is_told_before_all_else() {
    let mut listed = isolated();
    let isolation = listed.isolation.as_mut().unwrap();
    isolation.isolated = Some(false);
    isolation.holes = vec!["the network 'x' leads outside".into()];
    isolation.networks = vec![network("x", Some(false), &["10.0.0.1"]), network("y", None, &[])];
    check_lines(&listed, "isolation", &["proxy, but not isolated"]);
    check_lines(&listed, "hole", &["the network 'x' leads outside"]);
    check_lines(&listed, "network", &["x: leads outside, bridge 10.0.0.1", "y: gone"]);
}
