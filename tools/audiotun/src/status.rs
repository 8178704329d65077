//! Whether there is sound, found out by asking.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use document::audio_status::{AudioStatus, Part};
use toolkit::{Places, SiblingError, Siblings, files};

use crate::{
    Error, keeper,
    place::{Place, SOCKET},
    plan::LATENCY,
    ssh::Ssh,
};

/// How often it is asked again while something comes up.
const GLANCE: Duration = Duration::from_millis(200);

/// Asks everything that has a part in the sound of the container called `name`.
///
/// The question whether the forwarding listens goes by the shared connection into
/// the container, and comes back as sound would.
pub fn status(place: &Place, name: &str, places: &Places) -> Result<AudioStatus, Error> {
    let audio = place.audio()?;
    let ssh = Ssh::of(name, places)?;
    let keeper = keeper::running(place);
    let guard = Part {
        up: keeper::listens(&place.guard()),
        pid: keeper.and_then(|id| u32::try_from(id).ok()),
        ..Part::default()
    };
    let pid = ssh.master();
    let connection = Part { up: pid.is_some(), pid, ..Part::default() };
    let direct = if guard.up { ask(&place.guard(), place)? } else { Answer::Nobody };
    let through = if connection.up { ask_through(&ssh, place)? } else { Answer::Nobody };
    Ok(AudioStatus {
        name: name.to_owned(),
        level: audio.level,
        latency: audio.latency.unwrap_or(LATENCY),
        sound: through == Answer::Server,
        guard,
        connection,
        forward: Part { up: reaches(&through, &direct), ..Part::default() },
        server: server(&through, direct),
        ..AudioStatus::default()
    })
}

/// Who has answered.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Answer {
    /// Nobody at all.
    Nobody,
    /// Somebody, who then has said nothing, for this reason.
    Silence(String),
    /// The guard, which does not get through to a server for this reason.
    Guard(String),
    /// The sound server.
    Server,
}

/// Says whether the guard was reached through the container: it has answered, or was as
/// silent as when it is asked without a detour.
fn reaches(through: &Answer, direct: &Answer) -> bool {
    match through {
        Answer::Server | Answer::Guard(_) => true,
        Answer::Silence(_) => matches!(direct, Answer::Silence(_)),
        Answer::Nobody => false,
    }
}

fn server(through: &Answer, direct: Answer) -> Part {
    let up = [through, &direct].contains(&&Answer::Server);
    let reason = match direct {
        Answer::Guard(reason) | Answer::Silence(reason) if !up => Some(reason),
        _ => None,
    };
    Part { up, reason, ..Part::default() }
}

/// Asks at `socket` whether a sound server answers.
fn ask(socket: &Path, place: &Place) -> Result<Answer, Error> {
    let (socket, cookie) = (socket.to_string_lossy(), place.cookie());
    let args = ["--probe", &socket, "--cookie", &cookie.to_string_lossy()];
    let failed = match Siblings::new().run("audioguard", &args, b"") {
        Ok(_) => return Ok(Answer::Server),
        Err(SiblingError::Failed(failed)) => failed,
        Err(error) => return Err(error.into()),
    };
    let reason = toolkit::printable(&failed.message);
    Ok(match failed.kind.as_deref() {
        Some("no-sound-server" | "sound-server-refuses") => Answer::Guard(reason),
        Some("no-answer") => Answer::Silence(reason),
        Some("no-guard" | "not-a-sound-server") => Answer::Nobody,
        // The cookie is ours and so is the tool: anything else is not foreseen.
        _ => return Err(SiblingError::Failed(failed).into()),
    })
}

/// Asks from inside the container: a socket here leads by the connection to the one
/// there, and that one leads back to the guard.
fn ask_through(ssh: &Ssh, place: &Place) -> Result<Answer, Error> {
    let probe = place.probe();
    let _ = files::remove(&probe);
    let forwarding = format!("{}:{SOCKET}", probe.display());
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
        if status.connection.up && !status.forward.up && !renewed && begun.elapsed() > patience / 4
        {
            renew(&Ssh::of(name, places)?, place);
            renewed = true;
        }
        // Of a server that is not there nothing is to be expected.
        if status.forward.up && !status.server.up {
            return Ok(status);
        }
        std::thread::sleep(GLANCE);
    }
}

/// Has the master set the forwarding up again: it does not see that another has
/// taken the socket in the container.
fn renew(ssh: &Ssh, place: &Place) {
    let forwarding = format!("{SOCKET}:{}", place.guard().display());
    ssh.tell("cancel", "-R", &forwarding);
    ssh.tell("forward", "-R", &forwarding);
}

/// Ends the forwarding, and leaves the connection to the others that use it.
pub fn cancel(place: &Place, name: &str, places: &Places) -> Result<(), Error> {
    let forwarding = format!("{SOCKET}:{}", place.guard().display());
    Ssh::of(name, places)?.tell("cancel", "-R", &forwarding);
    Ok(())
}

/// Returns the status as lines for people.
#[must_use]
pub fn text(status: &AudioStatus) -> String {
    let by = |part: &Part| part.pid.map_or(String::new(), |pid| format!(" (pid {pid})"));
    let word = |part: &Part, yes: &str, no: &str| {
        let why = part.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        if part.up { format!("{yes}{}", by(part)) } else { format!("{no}{why}") }
    };
    let lines = [
        ("sound", if status.sound { "yes" } else { "no" }.to_owned()),
        ("level", status.level.clone()),
        ("latency", format!("{} ms", status.latency)),
        ("guard", word(&status.guard, "listens", "does not listen")),
        ("connection", word(&status.connection, "up", "down")),
        ("forward", word(&status.forward, "listens in the container", "does not listen")),
        ("server", word(&status.server, "answers", "does not answer")),
    ];
    lines.iter().map(|(name, value)| format!("{:<12}{value}\n", format!("{name}:"))).collect()
}

/// Returns the part that is amiss, first things first.
#[must_use]
pub fn amiss(status: &AudioStatus) -> &'static str {
    match status {
        AudioStatus { guard: Part { up: false, .. }, .. } => "the guard does not listen",
        AudioStatus { connection: Part { up: false, .. }, .. } => {
            "there is no ssh connection to the container"
        }
        AudioStatus { forward: Part { up: false, .. }, .. } => {
            "the forwarding does not listen in the container"
        }
        _ => "no sound server answers",
    }
}
