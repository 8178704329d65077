//! Tests of the decisions: data in, data out, no files, no sockets.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use document::{Container, Ports, container::Project, labels};
use engine::Summary;
use toolkit::{Exit, Failure};

use super::*;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Returns a request of the project `n` for services `name:start[=host]`.
fn request(n: u16, services: &str) -> Request {
    let wanted = services.split_whitespace().map(|text| {
        let (text, host) = text.split_once('=').map_or((text, None), |(a, b)| (a, b.parse().ok()));
        let (name, start) = text.split_once(':').unwrap_or((text, ""));
        Wanted { service: name.to_owned(), start: start.parse().ok(), host, address: LOCAL }
    });
    Request {
        key: format!("{n:012x}"),
        name: format!("dev-{n}"),
        path: Some(PathBuf::from(format!("/home/ann/{n}"))),
        machine: Machine::Here,
        blocks: 4,
        wanted: wanted.collect(),
    }
}

const USUAL: &str = "ssh:2200 web:3000 audio:4714";

/// Reserves on a machine where the ports `busy` are listened on.
fn on_busy(ledger: &mut Ports, request: &Request, busy: &[u16]) -> Result<Vec<u16>, Error> {
    reserve(ledger, request, &|_, port| Ok(busy.contains(&port)))
}

fn quietly(ledger: &mut Ports, request: &Request) -> Result<Vec<u16>, Error> {
    on_busy(ledger, request, &[])
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(result: Result<T, Error>, kind: &str, says: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind);
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn each_project_gets_the_lowest_free_offset_in_all_ranges() {
    let mut ledger = Ports::empty();
    for n in 0..3 {
        let expected = [2200 + n, 3000 + n, 4714 + n];
        assert_eq!(quietly(&mut ledger, &request(n, USUAL)).unwrap(), expected);
    }
    assert_eq!(ledger.reservations[1].offset, Some(1));
    assert_eq!(ledger.reservations[1].path, Some("/home/ann/1".into()));
}

#[test]
fn a_project_keeps_its_block_whatever_listens_and_whatever_the_ranges_have_become() {
    let mut ledger = Ports::empty();
    let first = quietly(&mut ledger, &request(1, USUAL)).unwrap();
    let before = ledger.clone();
    let other_ranges = request(1, "ssh:2300 web:8000 audio:9000");
    assert_eq!(on_busy(&mut ledger, &other_ranges, &first).unwrap(), first);
    assert_eq!(ledger, before);
    assert_eq!(settled(&ledger, &other_ranges), Some(first));
}

#[test]
fn a_released_block_is_the_next_one() {
    let mut ledger = Ports::empty();
    for n in 0..3 {
        quietly(&mut ledger, &request(n, USUAL)).unwrap();
    }
    assert!(release(&mut ledger, &Machine::Here, "dev-1").unwrap());
    assert!(!release(&mut ledger, &Machine::Here, "dev-1").unwrap());
    assert_eq!(quietly(&mut ledger, &request(9, USUAL)).unwrap(), [2201, 3001, 4715]);
}

#[test]
fn a_listener_on_one_port_disqualifies_the_whole_block() {
    let mut ledger = Ports::empty();
    let ports = on_busy(&mut ledger, &request(1, USUAL), &[3000, 4715]).unwrap();
    assert_eq!(ports, [2202, 3002, 4716]);
}

#[test]
fn ranges_that_overlap_never_give_a_port_twice() {
    let mut ledger = Ports::empty();
    let services = "a:2000 b:2002";
    let mut all: Vec<u16> = Vec::new();
    for n in 0..2 {
        all.extend(quietly(&mut ledger, &request(n, services)).unwrap());
    }
    // 2000+2002, 2001+2003; at 2 and 3 the first range meets the second.
    assert_eq!(all, [2000, 2002, 2001, 2003]);
    check_error(quietly(&mut ledger, &request(2, services)), "range-exhausted", "'dev-0'");
}

#[test]
fn exhaustion_says_which_ranges_and_who_holds_them() {
    let mut ledger = Ports::empty();
    for n in 0..3 {
        quietly(&mut ledger, &request(n, USUAL)).unwrap();
    }
    let error = on_busy(&mut ledger, &request(9, USUAL), &[3003]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no free block of ports in 2200-2203 (ssh), 3000-3003 (web), 4714-4717 (audio): 'dev-0' \
         holds offset 0, 'dev-1' holds offset 1, 'dev-2' holds offset 2, a program listens on \
         3003 at offset 3"
    );
    assert_eq!((error.kind(), error.exit()), ("range-exhausted", Exit::Unavailable));
    assert!(error.hint().unwrap().contains("--gc"));
}

#[test]
fn exhaustion_is_told_in_few_words() {
    let mut ledger = Ports::empty();
    let wide = |n| Request { blocks: 500, ..request(n, USUAL) };
    for n in 0..500 {
        quietly(&mut ledger, &wide(n)).unwrap();
    }
    let text = quietly(&mut ledger, &wide(500)).unwrap_err().to_string();
    assert!(text.ends_with("'dev-7' holds offset 7, and 492 more"), "{text}");
}

#[test]
fn a_range_ends_at_the_last_port_there_is() {
    let mut ledger = Ports::empty();
    for n in 0..2 {
        let expected = [65534 + n, 1000 + n];
        assert_eq!(quietly(&mut ledger, &request(n, "a:65534 b:1000")).unwrap(), expected);
    }
    let exhausted = quietly(&mut ledger, &request(2, "a:65534 b:1000"));
    check_error(exhausted, "range-exhausted", "65534-65535 (a), 1000-1001 (b)");
}

#[test]
fn a_service_that_comes_later_is_at_the_same_offset() {
    let mut ledger = Ports::empty();
    quietly(&mut ledger, &request(0, USUAL)).unwrap();
    quietly(&mut ledger, &request(1, USUAL)).unwrap();
    let more = request(1, "ssh:2200 web:3000 audio:4714 pg:5432");
    assert_eq!(quietly(&mut ledger, &more).unwrap(), [2201, 3001, 4715, 5433]);
    // It stays reserved where a later document does not have it.
    assert_eq!(quietly(&mut ledger, &request(1, "ssh:2200")).unwrap(), [2201]);
    let other = Request { blocks: 2, ..request(7, "x:5432") };
    assert_eq!(quietly(&mut ledger, &other).unwrap(), [5432]);
    let next = Request { blocks: 2, ..request(8, "x:5432") };
    check_error(quietly(&mut ledger, &next), "range-exhausted", "'dev-1' holds offset 1");
}

#[test]
fn a_service_that_comes_later_and_finds_its_port_taken_is_an_error() {
    let mut ledger = Ports::empty();
    quietly(&mut ledger, &request(0, "pg:5432")).unwrap();
    quietly(&mut ledger, &request(1, "ssh:2200")).unwrap();
    let before = ledger.clone();
    check_error(
        quietly(&mut ledger, &request(1, "ssh:2200 pg:5432")),
        "port-held",
        "port 5432 for the service 'pg' is reserved for 'dev-0'",
    );
    let taken = on_busy(&mut ledger, &request(1, "ssh:2200 db:6000"), &[6000]);
    check_error(taken, "port-taken", "listens on port 6000 of 127.0.0.1");
    let mut far = ledger.clone();
    far.reservations[1].offset = Some(60000);
    check_error(
        quietly(&mut far, &request(1, "ssh:2200 db:6000")),
        "port-out-of-range",
        "6000 + 60000",
    );
    assert_eq!(ledger, before, "a failure changed the ledger");
}

#[test]
fn ports_that_the_document_has_are_kept_and_recorded() {
    let mut ledger = Ports::empty();
    let pinned = request(1, "ssh:2200=2207 web:3000=3007");
    // Its own container may listen there.
    assert_eq!(on_busy(&mut ledger, &pinned, &[2207, 3007]).unwrap(), [2207, 3007]);
    assert_eq!(ledger.reservations[0].offset, Some(7));
    assert_eq!(quietly(&mut ledger, &request(1, USUAL)).unwrap(), [2207, 3007, 4721]);
    check_error(
        quietly(&mut ledger, &request(2, "ssh:2200=2207")),
        "port-held",
        "reserved for 'dev-1'",
    );
    let differs = quietly(&mut ledger, &request(1, "ssh:2200=2208"));
    check_error(differs, "port-differs", "2208 in the document, but 2207");
}

#[test]
fn ports_without_an_offset_in_common_are_kept_too() {
    let mut ledger = Ports::empty();
    let ports = quietly(&mut ledger, &request(1, "ssh:2200=2000 web:3000=3009 pg:5432")).unwrap();
    assert_eq!(ports, [2000, 3009, 5432]);
    assert_eq!(ledger.reservations[0].offset, None);
}

#[test]
fn a_port_is_not_chosen_that_another_service_of_the_document_has() {
    let mut ledger = Ports::empty();
    let ports = quietly(&mut ledger, &request(1, "x=3000 web:3000")).unwrap();
    assert_eq!(ports, [3000, 3001]);
}

#[test]
fn two_services_with_one_port_are_an_error() {
    for services in ["a:3000 b:3000", "a=3000 b=3000"] {
        let result = quietly(&mut Ports::empty(), &request(1, services));
        check_error(result, "duplicate-port", "'a' and 'b' have the same port 3000");
    }
    check_error(quietly(&mut Ports::empty(), &request(1, "a")), "missing-start", "'a'");
}

#[test]
fn machines_have_ports_of_their_own() {
    let mut ledger = Ports::empty();
    let at = |n, url| Request { machine: Machine::of(Some(url)).unwrap(), ..request(n, USUAL) };
    assert_eq!(quietly(&mut ledger, &request(1, USUAL)).unwrap()[0], 2200);
    assert_eq!(quietly(&mut ledger, &at(1, "ssh://box/run/podman.sock")).unwrap()[0], 2200);
    // The same machine, whoever logs in; and this one by its socket.
    assert_eq!(quietly(&mut ledger, &at(2, "ssh://ann@BOX:22")).unwrap()[0], 2201);
    assert_eq!(quietly(&mut ledger, &at(3, "unix:///run/podman.sock")).unwrap()[0], 2201);
    let hosts: Vec<_> = ledger.reservations.iter().map(|one| one.host.as_deref()).collect();
    assert_eq!(hosts, [None, Some("ssh://box/run/podman.sock"), Some("ssh://ann@BOX:22"), None]);
    // What is given up there is kept here.
    assert!(release(&mut ledger, &Machine::of(Some("ssh://box")).unwrap(), "dev-1").unwrap());
    assert_eq!(quietly(&mut ledger, &request(1, USUAL)).unwrap()[0], 2200);
}

#[test]
fn a_machine_that_cannot_be_asked_is_refused() {
    for url in [
        "tcp://box:2375",
        "ssh://",
        "ssh://ann@",
        "ssh://box:x",
        "ssh://[::1]x",
        "ssh://a@b@c",
        "box",
    ] {
        check_error(Machine::of(Some(url)), "unknown-engine-host", url);
    }
    for url in ["ssh://box", "ssh://ann@box:2222/run/x.sock", "ssh://[::1]:22"] {
        assert_eq!(Machine::of(Some(url)).unwrap().url(), Some(url));
    }
}

#[test]
fn a_machine_is_asked_once_and_the_ledger_before_it() {
    let mut ledger = Ports::empty();
    quietly(&mut ledger, &request(0, USUAL)).unwrap();
    let asked = RefCell::new(Vec::new());
    let listens = |_, port| {
        asked.borrow_mut().push(port);
        Ok(false)
    };
    reserve(&mut ledger, &request(1, USUAL), &listens).unwrap();
    assert_eq!(asked.into_inner(), [2201, 3001, 4715]);
}

#[test]
fn a_listener_counts_where_it_is_in_the_way() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let at = |address| Listener { address: ip(address), port: 80 };
    for (listener, address, expected) in [
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.2", "127.0.0.1", false),
        ("0.0.0.0", "127.0.0.1", true),
        ("::", "127.0.0.1", true),
        ("::1", "127.0.0.1", false),
        ("::ffff:127.0.0.1", "127.0.0.1", true),
        ("192.0.2.1", "0.0.0.0", true),
        ("::1", "0.0.0.0", false),
        ("127.0.0.1", "::", true),
        ("0.0.0.0", "::1", true),
        ("127.0.0.1", "::1", false),
    ] {
        let found = at(listener).is_in_the_way_of(ip(address), 80);
        assert_eq!(found, expected, "{listener} and {address}");
        assert!(!at(listener).is_in_the_way_of(ip(address), 81));
    }
}

#[test]
fn the_answers_of_ss_and_of_the_kernel_are_read() {
    for (line, expected) in [
        ("LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*", "127.0.0.53:53"),
        ("LISTEN 0      128          0.0.0.0:22        0.0.0.0:*", "0.0.0.0:22"),
        ("LISTEN 0 128 *:8080 *:*", "[::]:8080"),
        ("LISTEN 0 128 [::]:22 [::]:*", "[::]:22"),
        ("LISTEN 0 128 [fe80::1%eth0]:22 [::]:*", "[fe80::1]:22"),
        ("LISTEN 0 128 :::22 :::*", "[::]:22"),
    ] {
        let Listener { address, port } = machine::parse_ss(line).unwrap();
        assert_eq!((address, port), {
            let expected: std::net::SocketAddr = expected.parse().unwrap();
            (expected.ip(), expected.port())
        });
    }
    check_error(machine::parse_ss("bash: ss: not found"), "remote-answer-unreadable", "bash");

    let parse = |line| listeners::parse_proc(line).map(|one| (one.address.to_string(), one.port));
    if cfg!(target_endian = "little") {
        let listens = "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000";
        assert_eq!(parse(listens), Some(("127.0.0.1".to_owned(), 8080)));
        let listens = "1: 00000000000000000000000001000000:0016 0:0 0A 0:0";
        assert_eq!(parse(listens), Some(("::1".to_owned(), 22)));
    }
    assert_eq!(parse("0: 0100007F:1F90 0100007F:A8B2 06 00000000:00000000"), None);
    assert_eq!(parse("sl local_address rem_address st"), None);
}

fn container(key: &str, created: &str, ports: &str) -> Found {
    let labels = [
        (labels::PROJECT_HASH, key.to_owned()),
        (labels::NAME, format!("dev-{key}")),
        (labels::PROJECT_PATH, format!("/home/ann/{key}")),
        (labels::PORTS, ports.to_owned()),
    ];
    let labels: BTreeMap<_, _> = labels.map(|(name, value)| (name.to_owned(), value)).into();
    let created = Some(created.to_owned());
    Found { host: None, summary: Summary { labels, created, ..Summary::default() } }
}

const ONE: &str = "000000000001";
const TWO: &str = "000000000002";

#[test]
fn a_ledger_is_rebuilt_from_labels_oldest_first() {
    let containers = vec![
        container(TWO, "2026-02-01T00:00:00Z", "ssh:22:2201 web:3000:3001"),
        container(ONE, "2026-01-01T00:00:00Z", "ssh:22:2200 web:3000:3000 rubbish x:y:z"),
        container("no hash", "2026-01-01T00:00:00Z", "ssh:22:2209"),
    ];
    let (mut ledger, warnings) = rebuild(containers);
    assert!(warnings.is_empty());
    assert_eq!(
        table(&ledger),
        "dev-000000000001\t000000000001\t-\tssh=2200 web=3000\t-\t/home/ann/000000000001\n\
         dev-000000000002\t000000000002\t-\tssh=2201 web=3001\t-\t/home/ann/000000000002\n"
    );
    // The offset is found again.
    let again = Request { name: "dev-000000000002".into(), ..request(2, USUAL) };
    assert_eq!(quietly(&mut ledger, &again).unwrap(), [2201, 3001, 4715]);
    assert_eq!(ledger.reservations[1].offset, Some(1));
}

#[test]
fn a_port_that_two_containers_claim_goes_to_the_older_one() {
    let containers = vec![
        container(ONE, "2026-01-01T00:00:00Z", "ssh:22:2200 web:3000:3000"),
        container(TWO, "2026-02-01T00:00:00Z", "ssh:22:2200 web:3000:3001"),
        container(ONE, "2026-03-01T00:00:00Z", "ssh:22:2205"),
    ];
    let (ledger, warnings) = rebuild(containers);
    assert_eq!(
        warnings,
        ["port 2200 of 'dev-000000000002' is reserved for 'dev-000000000001' already"]
    );
    let ports = |index: usize| -> Vec<_> {
        ledger.reservations[index].ports.iter().map(|held| held.port).collect()
    };
    assert_eq!((ports(0), ports(1)), (vec![2200, 3000, 2205], vec![3001]));
}

#[test]
fn single_port_labels_are_enough() {
    let mut found = container(ONE, "2026-01-01T00:00:00Z", "");
    found.summary.labels.insert(labels::PORT_SSH.to_owned(), "2203".to_owned());
    let (ledger, _) = rebuild(vec![found]);
    assert_eq!(ledger.reservations[0].ports[0].port, 2203);
}

#[test]
fn only_what_has_neither_worktree_nor_container_is_collected() {
    let mut ledger = Ports::empty();
    for n in 1..=4 {
        quietly(&mut ledger, &request(n, USUAL)).unwrap();
    }
    ledger.reservations[3].key = "plain:x".to_owned();
    ledger.reservations[3].path = None;
    let elsewhere = Machine::of(Some("ssh://box")).unwrap();
    let there = Request { machine: elsewhere.clone(), ..request(9, USUAL) };
    quietly(&mut ledger, &there).unwrap();
    let is_gone = |path: &std::path::Path| path != std::path::Path::new("/home/ann/2");
    let containers = [container(ONE, "2026-01-01T00:00:00Z", "")];
    let dropped = collect(&mut ledger, &Machine::Here, &containers, is_gone);
    assert_eq!(dropped.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["dev-3"]);
    assert_eq!(ledger.reservations.len(), 4);
    assert_eq!(collect(&mut ledger, &elsewhere, &[], is_gone)[0].name, "dev-9");
}

#[test]
fn a_name_that_means_two_things_is_not_released() {
    let mut ledger = Ports::empty();
    quietly(&mut ledger, &request(1, USUAL)).unwrap();
    quietly(&mut ledger, &Request { name: "dev-1".into(), ..request(2, USUAL) }).unwrap();
    let ambiguous = release(&mut ledger, &Machine::Here, "dev-1");
    check_error(ambiguous, "ambiguous-name", "000000000001, 000000000002");
    assert!(release(&mut ledger, &Machine::Here, TWO).unwrap());
    assert!(release(&mut ledger, &Machine::Here, "dev-1").unwrap());
}

#[test]
fn a_service_on_the_command_line_is_read_or_refused() {
    let service = |text: &str| text.parse::<Service>();
    let plain = service("pg:5432:6000").unwrap();
    assert_eq!((plain.container, plain.start, plain.address), (5432, 6000, Some(LOCAL)));
    assert_eq!(service("pg:1:2:-").unwrap().address, None);
    assert_eq!(service("pg:1:2:::1").unwrap().address, Some("::1".parse().unwrap()));
    assert_eq!(service("pg:1:2:[::]").unwrap().address, Some("::".parse().unwrap()));
    for wrong in [
        "",
        "pg",
        "pg:1",
        "PG:1:2",
        "a b:1:2",
        "a$(id):1:2",
        ":1:2",
        "pg:0:2",
        "pg:1:65536",
        "pg:1:2:x",
    ] {
        assert!(service(wrong).is_err(), "{wrong}");
    }
}

fn empty_container() -> Container {
    let hash = "b3e5ed000000".to_owned();
    let project = Project {
        path: "/a".into(),
        name: "a".into(),
        hash,
        branch: None,
        extra: Default::default(),
    };
    Container::new("dev-a-b3e5ed".into(), project)
}

#[test]
fn services_are_added_once() {
    let more = ["pg:5432:5432".parse().unwrap()];
    let ports = with_services(&[], &more).unwrap();
    let names: Vec<_> = ports.iter().map(|port| port.service.as_str()).collect();
    assert_eq!(names, ["ssh", "web", "audio", "pg"]);
    assert_eq!(ports[2].address, None);
    assert_eq!(with_services(&ports, &more).unwrap(), ports);
    let other = ["pg:5432:5433".parse().unwrap()];
    check_error(with_services(&ports, &other), "service-differs", "'pg'");
}

#[test]
fn a_document_that_breaks_a_rule_is_refused() {
    let check = |change: &dyn Fn(&mut document::container::Port), kind| {
        let mut ports = with_services(&[], &[]).unwrap();
        change(&mut ports[1]);
        check_error(wanted(&ports), kind, "");
    };
    check(&|port| port.service = "ssh".into(), "duplicate-service");
    check(&|port| port.service = "a b".into(), "bad-service");
    check(&|port| port.service = "x:1:2".into(), "bad-service");
    check(&|port| port.container = 0, "bad-port");
    check(&|port| port.start = Some(0), "bad-port");
    check(&|port| port.host = Some(0), "bad-port");
    check(&|port| port.address = Some("localhost".into()), "bad-address");
    let mut container = empty_container();
    container.port_blocks = Some(0);
    check_error(request_of(&container, Machine::Here, None, vec![]), "bad-port-blocks", "");
    for hash in ["", "b3e5ed", "plain:000000", "B3E5ED000000"] {
        container.project.hash = hash.to_owned();
        check_error(request_of(&container, Machine::Here, None, vec![]), "bad-project-hash", hash);
    }
}

#[test]
fn the_document_gets_its_ports_and_its_labels() {
    let mut container = empty_container();
    let ports = with_services(&[], &["my-db:5432:5432".parse().unwrap()]).unwrap();
    fill_in(&mut container, ports, &[2201, 3001, 4715, 5433]);
    assert_eq!(container.port("web").unwrap().host, Some(3001));
    let expected = "ssh:22:2201 web:3000:3001 audio:4714:4715 my-db:5432:5433";
    assert_eq!(container.label("ctrkit.ports"), Some(expected));
    assert_eq!(container.label("ctrkit.port.ssh"), Some("2201"));
    assert_eq!(container.label("ctrkit.port.my-db"), Some("5433"));
}

#[test]
fn lines_for_a_shell_are_safe_in_one() {
    let wanted = request(1, "ssh my-db _x9").wanted;
    let variables = shell::variables(&wanted).unwrap();
    assert_eq!(shell::lines(&variables, &[1, 2, 3]), "SSH_PORT=1\nMY_DB_PORT=2\n_X9_PORT=3\n");
    let same = request(1, "a-b a_b").wanted;
    check_error(shell::variables(&same), "same-variable", "'A_B_PORT'");
}

#[test]
fn a_line_of_the_list_is_one_line() {
    let mut ledger = Ports::empty();
    let path = Some("/a\tb\nc\u{1b}[0m".into());
    quietly(&mut ledger, &Request { path, ..request(1, "ssh:2200") }).unwrap();
    assert_eq!(table(&ledger), "dev-1\t000000000001\t0\tssh=2200\t-\t/a\\tb\\nc\\u{1b}[0m\n");
}

#[test]
fn an_adopted_container_keeps_its_very_ports_until_a_project_takes_them_over() {
    let mut container = empty_container();
    check_error(adoption_of(&container, Machine::Here), "missing-key", "ports");
    container.ports = with_services(&[], &[]).unwrap();
    check_error(adoption_of(&container, Machine::Here), "missing-key", "ports[].host");
    container.ports.truncate(2);
    container.ports[0].host = Some(2201);
    container.ports[1].host = Some(3001);
    let adopted = adoption_of(&container, Machine::Here).unwrap();
    let mut ledger = Ports::empty();
    assert_eq!(quietly(&mut ledger, &adopted).unwrap(), [2201, 3001]);
    assert_eq!(ledger.reservations[0].key, "adopted:dev-a-b3e5ed");
    assert!(settled(&ledger, &adopted).is_some());
    // Others go around it, and nobody collects it.
    assert_eq!(quietly(&mut ledger, &request(1, USUAL)).unwrap(), [2200, 3000, 4714]);
    assert_eq!(quietly(&mut ledger, &request(2, USUAL)).unwrap(), [2202, 3002, 4716]);
    assert_eq!(collect(&mut ledger, &Machine::Here, &[], |_| true).len(), 2);
    // Its project has the same ports, and those that it lacked at its offset.
    let wanted = wanted(&with_services(&[], &[]).unwrap()).unwrap();
    let own = request_of(&container, Machine::Here, None, wanted).unwrap();
    assert_eq!(settled(&ledger, &own), None);
    assert_eq!(quietly(&mut ledger, &own).unwrap(), [2201, 3001, 4715]);
    assert_eq!(ledger.reservations.len(), 1);
    assert_eq!(ledger.reservations[0].key, container.project.hash);
}

#[test]
fn what_another_holds_is_not_adopted_twice() {
    let mut ledger = Ports::empty();
    quietly(&mut ledger, &request(1, USUAL)).unwrap();
    let mut container = empty_container();
    container.ports = with_services(&[], &[]).unwrap();
    container.ports.truncate(1);
    container.ports[0].host = Some(2200);
    let adopted = adoption_of(&container, Machine::Here).unwrap();
    check_error(quietly(&mut ledger, &adopted), "port-held", "'dev-1'");
}
