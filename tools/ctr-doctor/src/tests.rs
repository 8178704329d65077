//! What belongs to nothing, and what versions are known to do.

use std::path::PathBuf;

use document::{
    doctor::{Check, Doctor, Verdict},
    labels,
    ports::Reservation,
};
use engine::{Kind, NamedNetwork, NamedVolume, Summary};

use crate::{
    Elsewhere, Entry, Facts, Kept, holes,
    judge::{Thing, orphans},
    machine::size,
    sources::entry,
};

const HASH: &str = "0123456789ab";

fn container(name: &str, labels: &[(&str, &str)]) -> Summary {
    let managed = [(labels::MANAGED, "true")];
    let labels = managed.iter().chain(labels);
    let labels = labels.map(|(name, value)| ((*name).into(), (*value).into()));
    Summary {
        id: format!("id-{name}"),
        name: name.into(),
        labels: labels.collect(),
        ..Summary::default()
    }
}

fn kept(name: &str, kind: &str, host: Option<&str>) -> Kept {
    let engine = Some((kind.to_owned(), host.map(str::to_owned)));
    Kept { name: name.into(), engine, id: Some(format!("id-{name}")), ..Kept::default() }
}

fn held(key: &str, name: &str) -> Reservation {
    Reservation { key: key.into(), name: name.into(), ..Reservation::default() }
}

fn listed(name: &str) -> Entry {
    Entry { name: name.into(), jumps: false, socket: Some(format!("/m/{name}").into()) }
}

/// One container with all that belongs to it.
fn whole() -> Facts {
    Facts {
        kind: Kind::Podman,
        host: None,
        authority: Some("SHA256:own".into()),
        containers: vec![container(
            "dev-a",
            &[(labels::PROJECT_HASH, HASH), (labels::NAME, "dev-a")],
        )],
        volumes: Vec::new(),
        networks: Vec::new(),
        images: Vec::new(),
        ledger: vec![(held(HASH, "dev-a"), false)],
        entries: vec![listed("dev-a")],
        sockets: vec!["/m/dev-a".into(), "/m/server".into()],
        links: vec!["/m/server".into()],
        states: vec![kept("dev-a", "podman", None)],
        elsewhere: Elsewhere::None,
    }
}

#[track_caller]
fn check(facts: &Facts, expected: &[&str]) {
    let found: Vec<_> =
        orphans(facts).iter().map(|one| format!("{} {}", one.thing.check(), one.name)).collect();
    assert_eq!(found, expected);
}

/// The same without the container.
fn without() -> Facts {
    Facts { containers: Vec::new(), ..whole() }
}

#[test]
fn what_belongs_together_is_no_orphan() {
    check(&whole(), &[]);
    assert!(!whole().is_doubtful());
}

#[test]
fn what_the_next_container_needs_stays_as_long_as_the_worktree_does() {
    let mut facts = without();
    check(&facts, &["ssh-entry dev-a"]);
    facts.ledger[0].1 = true;
    check(&facts, &["ssh-entry dev-a", "reservation dev-a", "state dev-a"]);
    // A worktree that is gone is no reason while the container is there.
    check(&Facts { containers: whole().containers, ..facts }, &[]);
}

#[test]
fn what_was_built_for_a_container_is_known_by_name_and_goes_where_that_has_gone() {
    let digest = "3a9c24015e601eccb1b5db59cf03a4f91756fa88cf23b52a531d4abfa995fc6c";
    let by_digest = format!("vsc-p-{digest}-features:latest");
    let mine = ["localhost/ctrkit-dev-dev-a:latest", &by_digest];
    let others = ["localhost/ctrkit-dev-dev-b:latest", "localhost/ctrkit-base:latest"];
    let images: Vec<_> = mine.iter().chain(&others).map(|name| (*name).to_owned()).collect();
    let built_from = Some("/home/a/p".into());
    let states = vec![Kept { built_from, ..kept("dev-a", "podman", None) }];
    check(&Facts { images: images.clone(), states: states.clone(), ..whole() }, &[]);
    let mut facts = Facts { images, states, ..without() };
    let rows = ["image localhost/ctrkit-dev-dev-a:latest", &format!("image {by_digest}")];
    check(&facts, &[&rows[..], &["ssh-entry dev-a"]].concat());
    // Without its state, what an editor builds for the same worktree looks the same.
    facts.states.clear();
    check(&facts, &[rows[0], "ssh-entry dev-a"]);
    // Another container is made from it.
    facts.containers = vec![Summary { image: mine[0].into(), ..container("mine", &[]) }];
    check(&facts, &["ssh-entry dev-a"]);
}

#[test]
fn another_engine_and_another_machine_are_not_judged() {
    for (kind, host) in [("docker", None), ("podman", Some("ssh://box"))] {
        let mut facts = without();
        facts.states = vec![kept("dev-a", kind, host)];
        facts.ledger[0].1 = true;
        check(&facts, &[]);
        assert!(!facts.is_doubtful());
        facts.ledger[0].0.host = Some("ssh://box".into());
        check(&facts, &[]);
    }
    // Asked on that machine, they are.
    let mut facts = without();
    facts.host = Some("ssh://box".into());
    check(&facts, &[]);
    facts.states = vec![kept("dev-a", "podman", Some("ssh://box"))];
    facts.ledger = vec![(Reservation { host: facts.host.clone(), ..held(HASH, "dev-a") }, true)];
    check(&facts, &["ssh-entry dev-a", "reservation dev-a", "state dev-a"]);
}

#[test]
fn what_does_not_say_where_it_is_is_looked_for_on_the_other_engine() {
    let mut facts = without();
    facts.states.clear();
    facts.ledger[0].1 = true;
    assert!(facts.is_doubtful());
    facts.elsewhere = Elsewhere::Silent;
    check(&facts, &[]);
    facts.elsewhere = Elsewhere::Has(whole().containers);
    check(&facts, &[]);
    facts.elsewhere = Elsewhere::Has(vec![container("dev-b", &[(labels::PROJECT_HASH, HASH)])]);
    check(&facts, &["ssh-entry dev-a"]);
    facts.elsewhere = Elsewhere::Has(Vec::new());
    check(&facts, &["ssh-entry dev-a", "reservation dev-a"]);
    facts.entries[0].jumps = true;
    check(&facts, &["reservation dev-a"]);
}

#[test]
fn a_sidecar_needs_somebody_to_serve() {
    let sidecar = |name: &str, of: &str, app: &str| {
        container(name, &[(labels::SIDECAR_OF, of), (labels::NAME, app)])
    };
    let mut facts = whole();
    facts.containers.push(sidecar("p", HASH, "dev-a"));
    facts.containers.push(sidecar("q", "another", "dev-a"));
    check(&facts, &[]);
    facts.containers.push(sidecar("r", "another", "dev-gone"));
    check(&facts, &["container r"]);
    let mut foreign = sidecar("s", "another", "dev-gone");
    foreign.labels.remove(labels::MANAGED);
    facts.containers[3] = foreign;
    check(&facts, &[]);
}

#[test]
fn what_another_authority_vouches_for_is_never_ours() {
    let mut facts = whole();
    let others = [(labels::SIDECAR_OF, "x"), (labels::AUTHORITY, "SHA256:another")];
    facts.containers.push(container("p", &others));
    let labels = [(labels::NAME, "dev-gone"), (labels::AUTHORITY, "SHA256:another")];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    facts.networks.push(NamedNetwork { name: "n".into(), labels: labels.into() });
    check(&facts, &[]);
    facts.authority = Some("SHA256:another".into());
    check(&facts, &["container p", "network n"]);
    facts.authority = None;
    check(&facts, &[]);
}

#[test]
fn a_container_that_was_put_aside_goes_only_after_the_new_one_has_come() {
    let aside =
        container("dev-a-replaced", &[(labels::NAME, "dev-a"), (labels::PROJECT_HASH, HASH)]);
    let is_fixable = |facts: &Facts| {
        let found = orphans(facts);
        let one = found.iter().find(|one| matches!(one.thing, Thing::Container(_)));
        one.unwrap().is_fixable
    };
    let mut facts = whole();
    facts.containers.push(aside);
    assert!(is_fixable(&facts));
    facts.states[0].is_pending = true;
    assert!(!is_fixable(&facts));
    facts.states[0].is_pending = false;
    facts.states[0].id = Some("an older one".into());
    assert!(!is_fixable(&facts));
    facts.states.clear();
    assert!(!is_fixable(&facts));
    facts.containers.remove(0);
    assert!(!is_fixable(&facts));
    // A person's own container may be called so.
    facts.containers = vec![container("my-replaced", &[(labels::NAME, "my-replaced")])];
    facts.entries.clear();
    facts.sockets.clear();
    check(&facts, &[]);
}

#[test]
fn only_a_name_that_is_known_is_taken_out_of_the_storage() {
    let mut facts = without();
    let external =
        |name: &str| Summary { name: name.into(), is_external: true, ..Summary::default() };
    facts.containers = vec![external("dev-a"), external("dev-a-working-container")];
    check(&facts, &["container dev-a", "ssh-entry dev-a"]);
    facts.containers.push(container("dev-a", &[]));
    check(&facts, &[]);
}

#[test]
fn networks_masters_and_plain_names() {
    let mut facts = whole();
    let network = |label: &str, value: &str| NamedNetwork {
        name: format!("n-{value}"),
        labels: [(label.to_owned(), value.to_owned())].into(),
    };
    facts.networks = vec![
        network(labels::NAME, "dev-a"),
        network(labels::SIDECAR_OF, HASH),
        network(labels::NAME, "dev-gone"),
        network("x", "y"),
    ];
    facts.sockets.push("/m/other".into());
    facts.ledger.push((held("plain:x", "x"), true));
    check(&facts, &["network n-dev-gone", "master /m/other"]);
}

#[test]
fn an_adopted_container_has_its_things_as_long_as_it_is_there() {
    let mut foreign = container("dev-a", &[("l8s.managed", "true")]);
    foreign.labels.remove(labels::MANAGED);
    let adopted = Kept { is_adopted: true, ..kept("dev-a", "podman", None) };
    let mut facts = whole();
    facts.containers = vec![foreign];
    facts.ledger = vec![(held("adopted:dev-a", "dev-a"), true)];
    facts.states = vec![adopted];
    check(&facts, &[]);
    let gone = Facts { containers: Vec::new(), ..facts.clone() };
    check(&gone, &["ssh-entry dev-a", "reservation dev-a", "state dev-a"]);
    facts.ledger.clear();
    facts.entries.clear();
    facts.sockets.clear();
    check(&facts, &["state dev-a"]);
}

#[test]
fn volumes_are_kept_and_never_orphans() {
    let mut facts = without();
    facts.entries.clear();
    facts.sockets.clear();
    let volume = |name: &str, container: &str, authority: Option<&str>| NamedVolume {
        name: name.into(),
        container: Some(container.into()),
        authority: authority.map(str::to_owned),
        ..NamedVolume::default()
    };
    facts.volumes =
        vec![volume("v", "dev-gone", None), volume("w", "dev-b", Some("SHA256:another"))];
    check(&facts, &[]);
    let rows = crate::things(&facts);
    let row = |name: &str| rows.iter().find(|row| row.subject.as_deref() == Some(name)).unwrap();
    assert_eq!((row("v").status, row("w").status), (Verdict::Kept, Verdict::Other));
    assert!(Doctor::new(None, rows).is_well());
}

#[test]
fn what_isolates_a_container_is_an_orphan_with_it() {
    let of = [(labels::SIDECAR_OF, HASH), (labels::NAME, "dev-a")];
    let volume = |name: &str, of: Option<&str>, authority: Option<&str>| NamedVolume {
        name: name.into(),
        container: Some("dev-a".into()),
        sidecar_of: of.map(str::to_owned),
        authority: authority.map(str::to_owned),
    };
    let mut facts = whole();
    facts.containers.push(container("c-proxy", &of));
    facts.networks = vec![NamedNetwork {
        name: "c-net".into(),
        labels: of.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }];
    facts.volumes = vec![
        volume("c-trust", Some(HASH), None),
        volume("dev-a-home", None, None),
        volume("others", Some(HASH), Some("SHA256:another")),
    ];
    check(&facts, &[]);
    // The container alone is gone, and may be made again.
    facts.containers.remove(0);
    check(&facts, &["container c-proxy", "network c-net", "ssh-entry dev-a"]);
    let rows = crate::things(&facts);
    let kept: Vec<_> = rows.iter().filter(|row| row.status == Verdict::Kept).collect();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].cure.as_deref(), Some("to be rid of it: ctr-rm dev-a"));
    assert_eq!(kept[1].cure.as_deref(), Some("to be rid of it: ctr-rm --volumes dev-a"));
    // So it is where its state is for nothing any more.
    facts.ledger[0].1 = true;
    let all = ["container c-proxy", "network c-net", "volume c-trust", "ssh-entry dev-a"];
    check(&facts, &[&all[..], &["reservation dev-a", "state dev-a"]].concat());
    facts.ledger[0].1 = false;
    // With its state what it was made from is gone too.
    facts.states.clear();
    check(&facts, &all);
    assert!(orphans(&facts).iter().all(|one| one.owner.as_deref() == Some("dev-a")));
    let rows = crate::things(&facts);
    assert_eq!(rows.iter().filter(|row| row.status == Verdict::Kept).count(), 1);
}

#[track_caller]
fn check_hole(kind: Kind, version: &str, check: &str, expected: Option<Verdict>) {
    let found = holes::of(kind, version);
    let found = found.iter().find(|row| row.name == check).map(|row| row.status);
    assert_eq!(found, expected, "{version} {check}");
}

#[test]
fn versions_have_the_holes_that_they_are_known_for() {
    use Kind::{Docker, Podman};
    use Verdict::{Ok, Warning};

    check_hole(Podman, "4.3.1", "internal-dns", Some(Warning));
    check_hole(Podman, "5.4.2", "internal-dns", Some(Ok));
    check_hole(Podman, "5.8.6", "internal-gateway", Some(Warning));
    check_hole(Podman, "4.5.9", "health", Some(Warning));
    check_hole(Podman, "4.6.0-rhel", "health", None);
    check_hole(Podman, "5.0.0", "compose-provider", Some(Warning));
    for (version, expected) in [
        ("20.10.24+dfsg1", Warning),
        ("23.0.10", Warning),
        ("23.0.11", Ok),
        ("24.0.9", Warning),
        ("25.0.4", Warning),
        ("25.0.5", Ok),
        ("26.1.5", Ok),
    ] {
        check_hole(Docker, version, "internal-dns", Some(expected));
    }
    check_hole(Docker, "27.5.1", "gateway-mode", Some(Warning));
    check_hole(Docker, "28.0.0", "gateway-mode", None);
    check_hole(Docker, "dev", "internal-dns", Some(Verdict::Unknown));
}

#[test]
fn every_version_has_one_word_on_names_and_one_on_the_gateway() {
    for kind in Kind::ALL {
        for major in 0..40 {
            for patch in 0..30 {
                let found = holes::of(kind, &format!("{major}.0.{patch}"));
                for check in ["internal-dns", "internal-gateway"] {
                    let rows = found.iter().filter(|row| row.name == check).count();
                    assert_eq!(rows, 1, "{kind:?} {major}.0.{patch} {check}");
                }
            }
        }
    }
}

#[test]
fn a_line_of_the_ssh_entries_is_read() {
    let socket = Some(PathBuf::from("/m/0123456789ab"));
    let found = entry("dev-a\t127.0.0.1:22\tme@box\t/m/0123456789ab").unwrap();
    assert_eq!(found, Entry { name: "dev-a".into(), jumps: true, socket });
    assert_eq!(entry("dev-a\t127.0.0.1:22\t-\t-").unwrap().socket, None);
    assert_eq!(entry("dev-a"), None);
}

#[test]
fn sizes_are_in_their_largest_unit() {
    let sizes = [0, 1023, 1024, 1536, 3 << 30, 5 << 40].map(size);
    assert_eq!(sizes, ["0.0 B", "1023.0 B", "1.0 KiB", "1.5 KiB", "3.0 GiB", "5.0 TiB"]);
}

#[test]
fn the_table_shows_no_control_characters_and_cures_below() {
    let check = Check::new("state", Verdict::Orphan, "a\u{1b}b").of("dev-a").cure("do it");
    let text = crate::render(&[Check::new("engine", Verdict::Ok, "podman"), check]);
    assert_eq!(
        text,
        "ok      engine  podman\norphan  state   dev-a: a\\u{1b}b\n                cure: do it\n"
    );
}
