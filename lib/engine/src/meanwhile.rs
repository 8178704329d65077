//! Calls that podman fails at because something of somebody else's goes while
//! it looks at all there is. None of them has changed anything.

use toolkit::Failure;

/// How often such a call is made at most.
const TRIES: usize = 4;

/// What podman says where it makes a network, and one of the machine's interfaces, of
/// whosever container, goes while they are listed.
pub const INTERFACE: &[&str] = &["no such network interface"];

/// What it says where it lists containers, images or volumes, and one goes between the list of
/// their ids and the look at each (podman 4.3: a build, an image or a volume that is removed).
pub(crate) const LISTED: &[&str] = &["container not known", "image not known", "no such volume"];

/// Makes `call` once more, a few times, where a program fails with one of `words`
/// among its last.
pub fn again<T, E: Failure>(
    words: &[&str],
    mut call: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let has_gone = |error: &E| {
        let last = error.command().map(|command| command.last_words).unwrap_or_default();
        words.iter().any(|words| last.contains(words))
    };
    for _ in 1..TRIES {
        match call() {
            Err(error) if has_gone(&error) => {}
            ended => return ended,
        }
    }
    call()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

    use crate::{Engine, EngineError};

    /// Says whether `act` succeeded, and how often it called an engine that fails
    /// `times` times with `words`, and then lists nothing.
    fn tried(
        times: usize,
        words: &str,
        act: fn(&Engine) -> Result<(), EngineError>,
    ) -> (bool, usize) {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let (calls, podman) = (path("calls"), path("podman"));
        let script = format!(
            "#!/bin/sh\n\
             case $* in *version*) echo podman-compose version 1.6.0; exit;; esac\n\
             echo >>'{calls}'\n\
             [ $(wc -l <'{calls}') -gt {times} ] && exec echo null\n\
             echo '{words}' >&2; exit 1"
        );
        fs::write(&podman, script).unwrap();
        fs::set_permissions(&podman, fs::Permissions::from_mode(0o755)).unwrap();
        let ended = act(&Engine::named(&podman).unwrap());
        (ended.is_ok(), fs::read_to_string(&calls).unwrap().len())
    }

    #[test]
    fn a_compose_file_is_carried_out_again_where_an_interface_has_gone() {
        let up = |engine: &Engine| {
            let compose = engine.compose(Some(engine.program()))?;
            compose.run("p", Path::new("/x"), ["up"], Duration::from_secs(20)).map(drop)
        };
        let gone = "Error: route ip+net: no such network interface";
        assert_eq!(tried(0, gone, up), (true, 1));
        assert_eq!(tried(2, gone, up), (true, 3));
        assert_eq!(tried(9, gone, up), (false, 4));
        assert_eq!(tried(9, "Error: something else", up), (false, 1));
    }

    #[test]
    fn a_list_is_asked_for_again_where_something_has_gone() {
        let container =
            "Error: determining buildah container for container 5a: container not known";
        assert_eq!(tried(2, container, |engine| engine.everything().map(drop)), (true, 3));
        let image = "Error: reading image \"5a\": locating image with ID \"5a\": image not known";
        assert_eq!(tried(9, image, |engine| engine.images().map(drop)), (false, 4));
        assert_eq!(
            tried(1, "Error: something else", |engine| engine.images().map(drop)),
            (false, 1)
        );
    }
}
