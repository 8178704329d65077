//! What is missing on the machine of the engine, and what cures it.

use engine::Kind;
use shell_words::quote;

use crate::facts::{Access, Facts, OneEngine, Socket};

/// Something that is missing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Complaint {
    /// What is missing.
    pub what: String,
    /// The command that cures it, to be run on that machine.
    pub cure: String,
}

/// Where the engine is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// On this machine.
    Here,
    /// At the end of an ssh connection.
    There,
}

/// Returns the engine that is to be used, and what it lacks.
///
/// Without `asked` that is the first that lacks nothing, else one that is
/// installed.
#[must_use]
pub fn judge(facts: &Facts, asked: Option<Kind>, place: Place) -> (Kind, Vec<Complaint>) {
    let candidates = asked.map_or(Kind::ALL.to_vec(), |kind| vec![kind]);
    let mut judged: Vec<_> =
        candidates.into_iter().map(|kind| (kind, complaints(facts, kind, place))).collect();
    let is_good = |(_, complaints): &(Kind, Vec<Complaint>)| complaints.is_empty();
    let is_installed = |(kind, _): &(Kind, Vec<Complaint>)| facts.engine(*kind).is_installed;
    let index = judged.iter().position(is_good).or_else(|| judged.iter().position(is_installed));
    judged.swap_remove(index.unwrap_or(0))
}

fn complaints(facts: &Facts, kind: Kind, place: Place) -> Vec<Complaint> {
    let engine = facts.engine(kind);
    let mut all = Vec::new();
    if !engine.is_installed && !has_open_socket(engine) {
        all.push(not_installed(facts, kind));
    } else if place == Place::Here && engine.socket.is_none() {
        all.extend(unanswered(facts, kind, engine, None));
    } else if let Some(socket) = &engine.socket {
        match socket.access {
            Access::Absent => all.push(socket_absent(facts, kind, socket)),
            Access::Denied => all.push(socket_denied(facts, kind, socket)),
            Access::Open => all.extend(unanswered(facts, kind, engine, Some(socket))),
        }
    }
    let is_rootless = match (place, &engine.socket) {
        (Place::There, Some(socket)) => socket.is_rootless(),
        _ => true,
    };
    if kind == Kind::Podman && engine.is_installed && is_rootless && !facts.is_root() {
        all.extend(rootless(facts));
    }
    all
}

fn has_open_socket(engine: &OneEngine) -> bool {
    engine.socket.as_ref().is_some_and(|socket| socket.access == Access::Open)
}

/// Returns `command` as somebody must say it who may do it.
fn as_root(facts: &Facts, command: &str) -> String {
    match (facts.is_root(), facts.has_sudo) {
        (true, _) => command.to_owned(),
        (false, true) => format!("sudo {command}"),
        (false, false) => format!("su -c {}", quote(command)),
    }
}

fn not_installed(facts: &Facts, kind: Kind) -> Complaint {
    let debian = if kind == Kind::Docker { "docker.io" } else { "podman" };
    let cure = match facts.packager.as_deref() {
        Some("apt-get") => as_root(facts, &format!("apt-get install {debian}")),
        Some("pacman") => as_root(facts, &format!("pacman -S {}", kind.name())),
        Some("apk") => as_root(facts, &format!("apk add {}", kind.name())),
        Some(other) => as_root(facts, &format!("{other} install {}", kind.name())),
        None => format!("install the package '{}'", kind.name()),
    };
    Complaint { what: format!("{} is not installed", kind.name()), cure }
}

/// Returns what makes the service of the engine run, or run again.
fn service(facts: &Facts, kind: Kind, socket: Option<&Socket>, verb: &str) -> String {
    let is_own = !facts.is_root() && socket.is_none_or(Socket::is_rootless);
    match (kind, facts.has_systemd, socket) {
        (Kind::Podman, false, Some(socket)) => {
            let command = format!("podman system service --time=0 unix://{}", socket.path);
            let command = if is_own { command } else { as_root(facts, &command) };
            format!("({command} >/dev/null 2>&1 &)")
        }
        (Kind::Podman, ..) if is_own => format!("systemctl --user {verb} podman.socket"),
        (Kind::Podman, ..) => as_root(facts, &format!("systemctl {verb} podman.socket")),
        (Kind::Docker, true, _) => as_root(facts, &format!("systemctl {verb} docker")),
        (Kind::Docker, false, _) => as_root(facts, "service docker restart"),
    }
}

fn socket_absent(facts: &Facts, kind: Kind, socket: &Socket) -> Complaint {
    let what = format!("{} does not listen: there is no socket '{}'", kind.name(), socket.path);
    Complaint { what, cure: service(facts, kind, Some(socket), "enable --now") }
}

fn socket_denied(facts: &Facts, kind: Kind, socket: &Socket) -> Complaint {
    let Facts { user, uid, .. } = facts;
    let what = format!("'{user}' may not use the socket '{}' of {}", socket.path, kind.name());
    let group = socket.group.as_deref().filter(|group| *group != "root" && *group != "UNKNOWN");
    let cure = match (kind, group) {
        (_, Some(group)) => {
            let add = as_root(facts, &format!("usermod -aG {group} {user}"));
            format!("{add}, and log in again")
        }
        (Kind::Docker, None) => {
            let add = as_root(facts, &format!("usermod -aG docker {user}"));
            format!("{add}, and log in again")
        }
        (Kind::Podman, None) => format!(
            "systemctl --user enable --now podman.socket, and say --host \
             ssh://{user}@SERVER/run/user/{uid}/podman/podman.sock"
        ),
    };
    Complaint { what, cure }
}

fn unanswered(
    facts: &Facts,
    kind: Kind,
    engine: &OneEngine,
    socket: Option<&Socket>,
) -> Option<Complaint> {
    let Some(Err(words)) = &engine.answer else { return None };
    let what = match words.as_str() {
        "" => format!("{} does not answer", kind.name()),
        words => format!("{} does not answer: {words}", kind.name()),
    };
    let cure = match (kind, socket) {
        (Kind::Podman, None) => "see what it says: podman info".to_owned(),
        _ => service(facts, kind, socket, "restart"),
    };
    Some(Complaint { what, cure })
}

/// Returns what an account needs that runs containers without being root.
fn rootless(facts: &Facts) -> Vec<Complaint> {
    let Facts { user, .. } = facts;
    let mut all = Vec::new();
    let ids = [("subuid", facts.has_subuid), ("subgid", facts.has_subgid)];
    let missing: Vec<_> = ids.iter().filter(|(_, has)| !has).map(|(file, _)| *file).collect();
    if !missing.is_empty() {
        let options = missing.iter().map(|file| format!("--add-{file}s 100000-165535"));
        let options = options.collect::<Vec<_>>().join(" ");
        let add = as_root(facts, &format!("usermod {options} {user}"));
        all.push(Complaint {
            what: format!("'{user}' has no line in /etc/{}", missing.join(" and /etc/")),
            cure: format!("{add} && podman system migrate"),
        });
    }
    if facts.lingers == Some(false) {
        all.push(Complaint {
            what: format!("containers of '{user}' end when it logs out: it does not linger"),
            cure: as_root(facts, &format!("loginctl enable-linger {user}")),
        });
    }
    all
}
