//! Whether there is sound, found out by asking.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use document::{
    audio::{Audio, BIND, SSH},
    audio_status::{AudioStatus, Part},
};
use toolkit::{Places, SiblingError, Siblings, files};

use crate::{
    Error,
    inside::Inside,
    keeper,
    place::{self, Place, SOCKET},
    plan,
    ssh::Ssh,
};

/// How often it is asked again while something comes up.
const GLANCE: Duration = Duration::from_millis(200);

/// Asks everything that has a part in the sound of the container called `name`.
///
/// Where sound goes by a connection, the question whether the forwarding listens goes by
/// it into the container, and comes back as sound would. Where it goes by a bind mount,
/// the container's engine tells which socket is seen there.
pub fn status(place: &Place, name: &str, places: &Places) -> Result<AudioStatus, Error> {
    let container = place.applied()?;
    let audio = place::sound(&container)?;
    let ssh = Ssh::of(name, places)?;
    let socket = place.guard(&audio);
    let keeper = keeper::running(place);
    let guard = Part {
        up: keeper::listens(&socket),
        pid: keeper.and_then(|id| u32::try_from(id).ok()),
        ..Part::default()
    };
    let pid = ssh.master();
    let connection = Part { up: pid.is_some(), pid, ..Part::default() };
    let direct = if guard.up { ask(&socket, place)? } else { Answer::Nobody };
    let by_ssh = |there: &str| match connection.up {
        true => ask_through(&ssh, place, there),
        false => Ok(Answer::Nobody),
    };
    let forward = match audio.is_bound() {
        true => seen(Inside::of(&container, places)?.sees(&socket)),
        false => way(&by_ssh(SOCKET)?, &direct),
    };
    let port = audio.port.map(|port| by_ssh(&listener(port))).transpose()?;
    let port = port.map(|through| way(&through, &direct));
    let server = server(direct);
    Ok(AudioStatus {
        name: name.to_owned(),
        latency: plan::latency(&audio),
        level: audio.level,
        transport: audio.transport.unwrap_or_else(|| SSH.to_owned()),
        sound: forward.up && server.up,
        guard,
        connection,
        forward,
        port,
        server,
        ..AudioStatus::default()
    })
}

/// Makes a part of whether the container sees the guard's socket.
fn seen(seen: Result<(), String>) -> Part {
    let (up, reason) = (seen.is_ok(), seen.err());
    Part { up, reason, ..Part::default() }
}

/// Who has answered.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Answer {
    /// Nobody at all.
    Nobody,
    /// Somebody, who then has said nothing, for this reason.
    Silence(String),
    /// Somebody to whom our cookie is none.
    Stranger(String),
    /// The guard, which does not get through to a server for this reason.
    Guard(String),
    /// The sound server, by the number that tells it, or its guard, from others.
    Server(String),
}

/// What sound goes by, of which the question that went into the container has come back
/// as `through`, and the one that was asked without a detour as `direct`: up, where it
/// was the same guard that has answered, or was as silent.
fn way(through: &Answer, direct: &Answer) -> Part {
    let up = match (through, direct) {
        (Answer::Server(through), Answer::Server(direct)) => through == direct,
        (Answer::Guard(_), Answer::Guard(_)) | (Answer::Silence(_), Answer::Silence(_)) => true,
        _ => false,
    };
    let elsewhere = "somebody else is connected, and sound goes there".to_owned();
    let reason = Some(elsewhere).filter(|_| !up && *through != Answer::Nobody);
    Part { up, reason, ..Part::default() }
}

fn server(direct: Answer) -> Part {
    let up = matches!(direct, Answer::Server(_));
    let reason = match direct {
        Answer::Guard(reason) | Answer::Silence(reason) | Answer::Stranger(reason) => Some(reason),
        Answer::Server(_) | Answer::Nobody => None,
    };
    Part { up, reason, ..Part::default() }
}

/// Asks at `socket` whether a sound server answers.
fn ask(socket: &Path, place: &Place) -> Result<Answer, Error> {
    let (socket, cookie) = (socket.to_string_lossy(), place.cookie());
    let args = ["--probe", &socket, "--cookie", &cookie.to_string_lossy()];
    let failed = match Siblings::new().run("audioguard", &args, b"") {
        Ok(number) => return Ok(Answer::Server(String::from_utf8_lossy(&number).into_owned())),
        Err(SiblingError::Failed(failed)) => failed,
        Err(error) => return Err(error.into()),
    };
    let reason = toolkit::printable(&failed.message);
    Ok(match failed.kind.as_deref() {
        Some("no-sound-server" | "sound-server-refuses") => Answer::Guard(reason),
        Some("no-answer") => Answer::Silence(reason),
        Some("cookie-refused") => Answer::Stranger(reason),
        Some("no-guard" | "not-a-sound-server") => Answer::Nobody,
        // The cookie is ours and so is the tool: anything else is not foreseen.
        _ => return Err(SiblingError::Failed(failed).into()),
    })
}

/// Asks from inside the container: a socket here leads by the connection to what listens
/// `there`, and that leads back to the guard.
fn ask_through(ssh: &Ssh, place: &Place, there: &str) -> Result<Answer, Error> {
    let leading = |probe: &Path| format!("{}:{there}", probe.display());
    for left in place.left() {
        if ssh.tell("cancel", "-L", &leading(&left)) || !keeper::listens(&left) {
            let _ = files::remove(&left);
        }
    }
    let probe = place.probe();
    let _ = files::remove(&probe);
    let forwarding = leading(&probe);
    if !ssh.tell("forward", "-L", &forwarding) {
        return Ok(Answer::Nobody);
    }
    let answer = ask(&probe, place);
    ssh.tell("cancel", "-L", &forwarding);
    let _ = files::remove(&probe);
    answer
}

/// Waits until sound comes through, for as long as `patience`, and returns what is so
/// then. A forwarding that another connection took is set up again, once.
pub(crate) fn wait(
    place: &Place,
    name: &str,
    places: &Places,
    patience: Duration,
) -> Result<AudioStatus, Error> {
    let begun = Instant::now();
    let mut renewed = false;
    loop {
        let status = status(place, name, places)?;
        if status.sound || begun.elapsed() > patience {
            return Ok(status);
        }
        if status.connection.up && is_cut(&status) && !renewed && begun.elapsed() > patience / 4 {
            renew(&Ssh::of(name, places)?, place)?;
            renewed = true;
        }
        // Of a server that is not there nothing is to be expected.
        if status.forward.up && !status.server.up {
            return Ok(status);
        }
        std::thread::sleep(GLANCE);
    }
}

/// Says whether a connection does not carry what it should.
fn is_cut(status: &AudioStatus) -> bool {
    let is_deaf = |port: &Part| !port.up;
    (status.transport == SSH && !status.forward.up) || status.port.as_ref().is_some_and(is_deaf)
}

/// Has the master set the forwardings up again: it does not see that another has
/// taken the socket in the container.
fn renew(ssh: &Ssh, place: &Place) -> Result<(), Error> {
    for forwarding in forwardings(place, &place.audio()?) {
        ssh.tell("cancel", "-R", &forwarding);
        ssh.tell("forward", "-R", &forwarding);
    }
    Ok(())
}

/// Ends the forwardings, and leaves the connection to the others that use it; what was
/// never applied, or has no sound, has none.
pub fn cancel(place: &Place, name: &str, places: &Places) -> Result<(), Error> {
    let ssh = Ssh::of(name, places)?;
    let Ok(audio) = place.audio() else { return Ok(()) };
    for forwarding in forwardings(place, &audio) {
        ssh.tell("cancel", "-R", &forwarding);
    }
    Ok(())
}

/// Returns what the connections to the container carry, as ssh(1) takes it for `-R`.
fn forwardings(place: &Place, audio: &Audio) -> Vec<String> {
    let socket = Some(SOCKET.to_owned()).filter(|_| !audio.is_bound());
    let there = socket.into_iter().chain(audio.port.map(listener));
    let here = place.guard(audio);
    there.map(|there| format!("{there}:{}", here.display())).collect()
}

/// Returns where the TCP port listens in the container.
fn listener(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Returns the status as lines for people.
#[must_use]
pub fn text(status: &AudioStatus) -> String {
    let by = |part: &Part| part.pid.map_or(String::new(), |pid| format!(" (pid {pid})"));
    let word = |part: &Part, yes: &str, no: &str| {
        let why = part.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        if part.up { format!("{yes}{}", by(part)) } else { format!("{no}{why}") }
    };
    let way = |part: &Part| word(part, "listens in the container", "does not listen");
    let connection = word(&status.connection, "up", "down");
    let lines = [
        Some(("sound", if status.sound { "yes" } else { "no" }.to_owned())),
        Some(("level", status.level.clone())),
        status.latency.map(|latency| ("latency", format!("{latency} ms"))),
        Some(("transport", status.transport.clone())),
        Some(("guard", word(&status.guard, "listens", "does not listen"))),
        Some(("connection", connection))
            .filter(|_| status.transport == SSH || status.port.is_some()),
        Some(("forward", way(&status.forward))),
        status.port.as_ref().map(|port| ("port", way(port))),
        Some(("server", word(&status.server, "answers", "does not answer"))),
    ];
    lines
        .iter()
        .flatten()
        .map(|(name, value)| format!("{:<12}{value}\n", format!("{name}:")))
        .collect()
}

/// Returns the part that is amiss, first things first.
#[must_use]
pub fn amiss(status: &AudioStatus) -> &'static str {
    match status {
        AudioStatus { guard: Part { up: false, .. }, .. } => "the guard does not listen",
        AudioStatus { connection: Part { up: false, .. }, .. } if status.transport == SSH => {
            "there is no ssh connection to the container"
        }
        AudioStatus { forward: Part { up: false, .. }, .. } if status.transport == BIND => {
            "the container does not see the guard's socket"
        }
        AudioStatus { forward: Part { up: false, .. }, .. } => {
            "the forwarding does not listen in the container"
        }
        _ => "no sound server answers",
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, server, way};

    #[test]
    fn the_way_is_up_where_the_same_guard_has_answered() {
        let word = |text: &str| text.to_owned();
        let (ours, theirs) = (Answer::Server(word("1")), Answer::Server(word("2")));
        let mute = || Answer::Silence(word("mute"));
        let alone = || Answer::Guard(word("no server"));
        for (through, direct, is_up) in [
            (ours.clone(), ours.clone(), true),
            (alone(), alone(), true),
            (mute(), mute(), true),
            // Another person's, with or without the same cookie.
            (theirs.clone(), ours.clone(), false),
            (theirs, alone(), false),
            (Answer::Stranger(word("x")), ours.clone(), false),
            (Answer::Stranger(word("x")), Answer::Stranger(word("x")), false),
            (mute(), ours.clone(), false),
        ] {
            let found = way(&through, &direct);
            assert_eq!(
                (found.up, found.reason.is_some()),
                (is_up, !is_up),
                "{through:?} {direct:?}"
            );
        }
        let nobody = way(&Answer::Nobody, &ours);
        assert_eq!((nobody.up, nobody.reason), (false, None));
        assert_eq!(server(alone()).reason.as_deref(), Some("no server"));
        assert!(server(ours).up && !server(Answer::Nobody).up);
    }
}
