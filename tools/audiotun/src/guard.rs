//! The guard, as it is started.

use std::process::{Command, Stdio};

use document::audio::Audio;
use toolkit::Siblings;

use crate::{Error, place::Place, plan, server::Server};

/// Returns the command that is the guard of `audio` before `server`; mixers show `name`.
///
/// It ends with whoever has the other end of its standard input, however that ends.
pub(crate) fn command(
    name: &str,
    place: &Place,
    audio: &Audio,
    server: &Server,
) -> Result<Command, Error> {
    let mut command = Siblings::default().command("audioguard", &["--until-eof"])?;
    complete(&mut command, name, place, audio);
    command.arg("--server").arg(&server.socket);
    if let Some(cookie) = &server.cookie {
        command.arg("--server-cookie").arg(cookie);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    Ok(command)
}

fn complete(command: &mut Command, name: &str, place: &Place, audio: &Audio) {
    command.args(["--level", &audio.level, "--name", name]);
    if let Some(latency) = plan::latency(audio) {
        command.args(["--latency", &latency.to_string()]);
    }
    command.arg("--listen").arg(place.guard(audio)).arg("--cookie").arg(place.cookie());
    command.arg("--lock").arg(place.guards());
    if audio.is_bound() {
        // The container's account has another number here, if it has any; what is
        // asked of it is the cookie.
        command.args(["--socket-mode", "666"]);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_lock_of_the_guard_is_not_where_the_container_can_open_it() {
        let place = Place::at(Path::new("/s/dev-a"));
        let (ours, seen) = (place.guards(), place.bound());
        assert!(ours.starts_with("/s/dev-a") && !ours.starts_with(&seen), "{ours:?}");
        let audio =
            Audio { level: "play".into(), transport: Some("bind".into()), ..Audio::default() };
        let mut command = Command::new("audioguard");
        complete(&mut command, "dev-a", &place, &audio);
        let args: Vec<_> = command.get_args().map(|arg| arg.to_str().unwrap()).collect();
        let has = |pair: [&str; 2]| args.windows(2).any(|two| two == pair);
        assert!(has(["--lock", ours.to_str().unwrap()]), "{args:?}");
        assert!(has(["--listen", "/s/dev-a/audio/run/native"]) && has(["--socket-mode", "666"]));
        assert!(has(["--latency", "100"]) && has(["--name", "dev-a"]), "{args:?}");
    }
}
