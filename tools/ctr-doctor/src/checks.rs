//! The rows of the table, in their order.

use document::{
    doctor::{Check, Verdict},
    labels,
};
use engine::{EngineError, HERE, Info, Kind};
use toolkit::Failure;

use crate::{
    Chosen, Elsewhere, Facts, holes,
    judge::{Orphan, Thing, is_others, is_volume_orphan},
};

/// Returns what there is to say of the engine.
#[must_use]
pub fn engine(chosen: &Result<Chosen, EngineError>) -> Vec<Check> {
    match chosen {
        Ok(Chosen { engine, info }) => {
            let version = info.version.as_deref().unwrap_or("of no known version");
            let place = engine.host().map(|host| format!(" at {host}")).unwrap_or_default();
            let found = format!("{} {version}{place}", engine.kind().name());
            let mut all = vec![Check::new("engine", Verdict::Ok, found)];
            all.extend(rootless(info));
            all.extend(cgroups(info));
            all.extend(holes::of(engine.kind(), version));
            all
        }
        Err(error) => {
            let check = Check::new("engine", Verdict::Failed, error.to_string());
            vec![match error.hint() {
                Some(hint) => check.cure(hint),
                None => check,
            }]
        }
    }
}

fn rootless(info: &Info) -> Option<Check> {
    let found = if info.is_rootless? { "without root's rights" } else { "with root's rights" };
    Some(Check::new("rootless", Verdict::Ok, found))
}

fn cgroups(info: &Info) -> Option<Check> {
    let version = info.cgroups?;
    let manager = info.cgroup_manager.as_deref().unwrap_or("nobody");
    let found = format!("version {version}, managed by {manager}");
    if version == 1 && info.is_rootless == Some(true) {
        let found = format!("{found}: limits are ignored without root's rights");
        let check = Check::new("cgroups", Verdict::Warning, found);
        return Some(check.cure("boot with systemd.unified_cgroup_hierarchy=1"));
    }
    Some(Check::new("cgroups", Verdict::Ok, found))
}

/// Returns how many things there are, and which of them are another's or are
/// kept for a container that is gone.
#[must_use]
pub fn things(facts: &Facts) -> Vec<Check> {
    let ours: Vec<_> = facts.containers.iter().filter(|each| each.is_managed()).collect();
    let running = ours.iter().filter(|each| each.status == "running").count();
    let mut all = vec![Check::new(
        "containers",
        Verdict::Ok,
        format!("{}, {running} running", count(ours.len(), "container")),
    )];
    for each in ours {
        all.extend(others(facts, "container", &each.name, each.label(labels::AUTHORITY)));
    }
    all.push(counted("volumes", facts.volumes.len(), "volume"));
    all.extend(facts.volumes.iter().filter_map(|volume| {
        let authority = volume.authority.as_deref();
        others(facts, "volume", &volume.name, authority).or_else(|| kept(facts, volume))
    }));
    all.push(counted("networks", facts.networks.len(), "network"));
    all.extend(facts.networks.iter().filter_map(|network| {
        others(facts, "network", &network.name, network.label(labels::AUTHORITY))
    }));
    all.push(counted("reservations", facts.ledger.len(), "reservation"));
    all.push(counted("ssh-entries", facts.entries.len(), "ssh entry"));
    all.push(counted("masters", facts.sockets.len(), "shared connection"));
    all.push(counted("states", facts.states.len(), "state directory"));
    if matches!(facts.elsewhere, Elsewhere::Silent) {
        let found = "what has no container here may have one there: it is not judged";
        let other = Kind::ALL.into_iter().find(|kind| *kind != facts.kind);
        let check = Check::new("other-engine", Verdict::Unknown, found);
        all.push(check.of(other.map_or("", Kind::name)));
    }
    all
}

fn counted(name: &str, number: usize, one: &str) -> Check {
    Check::new(name, Verdict::Ok, count(number, one))
}

/// Returns `1 volume`, `2 volumes`, `2 entries`.
fn count(number: usize, one: &str) -> String {
    match (number, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {one}s"),
    }
}

fn others(facts: &Facts, check: &str, name: &str, authority: Option<&str>) -> Option<Check> {
    let authority = authority.filter(|_| is_others(facts, authority))?;
    let found = format!("it is somebody else's: {authority} vouches for it");
    Some(Check::new(check, Verdict::Other, found).of(name))
}

/// A volume outlives its container on purpose, and may hold work; that of a
/// sidecar holds an authority and a log, until its state goes as well.
fn kept(facts: &Facts, volume: &engine::NamedVolume) -> Option<Check> {
    let container = volume.container.as_deref()?;
    if facts.container(container).is_some() || is_volume_orphan(facts, volume) {
        return None;
    }
    let (holds, option) = match volume.sidecar_of.is_some() {
        true => ("the proxy's authority and its log are in it", ""),
        false => ("it may hold work", " --volumes"),
    };
    let found = format!("it was kept when '{container}' went; {holds}");
    let cure = format!("to be rid of it: ctr-rm{option} {container}");
    Some(Check::new("volume", Verdict::Kept, found).of(&volume.name).cure(cure))
}

/// Returns a row for each orphan.
#[must_use]
pub fn orphans(orphans: &[Orphan], kind: Kind) -> Vec<Check> {
    let row = |orphan: &Orphan| {
        let check = Check::new(orphan.thing.check(), Verdict::Orphan, &orphan.why);
        check.of(&orphan.name).cure(cure(orphan, kind))
    };
    orphans.iter().map(row).collect()
}

/// Returns the command that does by hand what `--fix` does.
fn cure(orphan: &Orphan, kind: Kind) -> String {
    let (kind, name) = (kind.name(), shell_words::quote(&orphan.name));
    match &orphan.thing {
        Thing::Container(_) if !orphan.is_fixable => {
            let of = orphan.owner.as_deref().unwrap_or_default();
            format!("let the replacement come to its end: ctr-rebuild {of}")
        }
        Thing::Container(_) | Thing::Remnant => format!("--fix, or: {kind} rm --force {name}"),
        Thing::Network => format!("--fix, or: {kind} network rm {name}"),
        Thing::Volume => format!("--fix, or: {kind} volume rm {name}"),
        Thing::Image => format!("--fix, or: {kind} rmi {name}"),
        Thing::Reservation(key, host) => {
            let host = shell_words::quote(host.as_deref().unwrap_or(HERE));
            format!("--fix, or: portalloc --release {key} --host {host}")
        }
        Thing::Entry => format!("--fix, or: sshcfg remove {name}"),
        Thing::Master(_) => format!("--fix, or: ssh -F none -o ControlPath={name} -O exit x"),
        Thing::State => "--fix".to_owned(),
    }
}
