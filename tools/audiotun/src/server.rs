//! Which sound server is the person's.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use clap::Args;
use document::audio::Audio;
use nix::unistd::getuid;

use crate::plan::COOKIE;

/// Where the person's sound server listens.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Sound server")]
pub struct ServerArgs {
    /// Play to the server at SOCKET [default: the document's, else the one that
    /// listens where PulseAudio and PipeWire do]
    #[arg(long, value_name = "SOCKET", env = "CTRKIT_AUDIO_SERVER")]
    pub server: Option<PathBuf>,

    /// What libpulse is told; only the path of a socket counts.
    #[arg(long, hide = true, env = "PULSE_SERVER")]
    pub pulse_server: Option<String>,

    /// Where PulseAudio keeps what runs.
    #[arg(long, hide = true, env = "PULSE_RUNTIME_PATH")]
    pub pulse_runtime_path: Option<PathBuf>,

    /// Where everything keeps what runs (XDG Base Directory Specification).
    #[arg(long, hide = true, env = "XDG_RUNTIME_DIR")]
    pub runtime_dir: Option<PathBuf>,

    /// The home directory.
    #[arg(long, hide = true, env = "HOME")]
    pub home: Option<PathBuf>,
}

/// A sound server.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Server {
    /// The socket at which it listens.
    pub socket: PathBuf,
    /// The person's own cookie, where there is one: on macOS PulseAudio cannot tell by
    /// the socket who connects (creds.h of 17.0).
    pub cookie: Option<PathBuf>,
}

impl ServerArgs {
    /// Finds the server of a container, or of a person alone.
    #[must_use]
    pub fn find(&self, audio: Option<&Audio>) -> Server {
        Server { socket: self.socket(audio), cookie: self.cookie() }
    }

    /// Returns the cookie that libpulse would show (`PA_NATIVE_COOKIE_FILE`), if it can be
    /// one: the guard takes none that others may read.
    fn cookie(&self) -> Option<PathBuf> {
        let home = self.home.as_ref()?;
        let mut usual =
            [".config/pulse/cookie", ".pulse-cookie"].map(|path| home.join(path)).into_iter();
        let is_one = |found: fs::Metadata| {
            usize::try_from(found.len()) == Ok(COOKIE) && found.mode() & 0o077 == 0
        };
        usual.find(|path| fs::metadata(path).is_ok_and(is_one))
    }

    /// Returns the server's socket: what is asked for, what the container's
    /// document names, or the first of the usual places where there is a socket.
    ///
    /// Where there is none, it is the place where one would be: a server that is
    /// started later is found there.
    fn socket(&self, audio: Option<&Audio>) -> PathBuf {
        let named = self.server.clone().or_else(|| audio?.server.clone());
        named.unwrap_or_else(|| {
            let usual = self.usual();
            let found = usual.iter().find(|path| is_socket(path)).or(usual.first());
            found.cloned().unwrap_or_default()
        })
    }

    /// Says whether libpulse is told of servers, and of none that the guard can play to,
    /// which takes a socket of this machine.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        let told = self.pulse_server.as_deref().filter(|told| !told.trim().is_empty());
        self.server.is_none() && told.is_some_and(|told| path_in(told).is_none())
    }

    /// The places where libpulse looks for a server, in its order (`pa_runtime_path`
    /// of PulseAudio; pulseaudio(1), FILES).
    fn usual(&self) -> Vec<PathBuf> {
        let told = self.pulse_server.as_deref().and_then(path_in);
        let own = self.pulse_runtime_path.as_ref().map(|path| path.join("native"));
        let run = self.runtime_dir.as_ref().map(|path| path.join("pulse/native"));
        let user = PathBuf::from(format!("/run/user/{}/pulse/native", getuid()));
        let usual = told.into_iter().chain(own).chain(run).chain([user]);
        usual.chain(self.in_home()).collect()
    }

    /// Without a directory of the session, as on macOS, it is a link in the home.
    fn in_home(&self) -> Vec<PathBuf> {
        let directory = self.home.as_ref().map(|home| home.join(".config/pulse"));
        let entries = directory.and_then(|path| fs::read_dir(path).ok());
        let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let is_runtime = |path: &PathBuf| path.to_string_lossy().ends_with("-runtime");
        paths.filter(is_runtime).map(|path| path.join("native")).collect()
    }
}

/// Returns the path in what `PULSE_SERVER` says, such as `unix:/run/user/1000/pulse/native`
/// or, from an X11 property, `{machine}unix:/…`.
fn path_in(text: &str) -> Option<PathBuf> {
    let mut paths = text.split_whitespace().map(|word| {
        let of_machine = word.strip_prefix('{').and_then(|word| word.split_once('}'));
        let word = of_machine.map_or(word, |(_, rest)| rest);
        word.strip_prefix("unix:").unwrap_or(word)
    });
    paths.find(|path| path.starts_with('/')).map(PathBuf::from)
}

/// Says whether there is a socket at `path`.
pub(crate) fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::PermissionsExt, net::UnixListener};

    use super::*;

    #[test]
    fn what_libpulse_is_told_counts_where_it_is_a_path() {
        assert_eq!(path_in("unix:/a/native"), Some("/a/native".into()));
        assert_eq!(path_in("/a/native tcp:b"), Some("/a/native".into()));
        assert_eq!(path_in("{0f}unix:/a"), Some("/a".into()));
        // The first of several, whichever machine's they are.
        assert_eq!(path_in("{0f}unix:/a {1e}unix:/b"), Some("/a".into()));
        assert_eq!(path_in("tcp:h {0f}unix:/a"), Some("/a".into()));
        for other in ["tcp:127.0.0.1:4713", "box", "", "unix:a"] {
            assert_eq!(path_in(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_server_that_is_named_wins_and_else_the_first_that_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let (run, home) = (directory.path().join("run"), directory.path().join("home"));
        let link = home.join(".config/pulse/0f-runtime");
        fs::create_dir_all(&link).unwrap();
        let args = ServerArgs {
            runtime_dir: Some(run.clone()),
            home: Some(home),
            ..ServerArgs::default()
        };
        // None is there: the place where one would be.
        assert_eq!(args.socket(None), run.join("pulse/native"));
        let _listener = UnixListener::bind(link.join("native")).unwrap();
        assert_eq!(args.socket(None), link.join("native"));
        let audio = Audio { server: Some("/s".into()), ..Audio::default() };
        assert_eq!(args.socket(Some(&audio)), Path::new("/s"));
        let args = ServerArgs { server: Some("/t".into()), ..args };
        assert_eq!(args.socket(Some(&audio)), Path::new("/t"));
    }

    #[test]
    fn the_persons_cookie_is_shown_where_there_is_one() {
        let home = tempfile::tempdir().unwrap();
        let args = ServerArgs { home: Some(home.path().to_owned()), ..ServerArgs::default() };
        let cookie = |name: &str, bytes: usize, mode: u32| {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, vec![1; bytes]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        assert_eq!(args.find(None).cookie, None);
        cookie(".config/pulse/cookie", 256, 0o644);
        assert_eq!(args.find(None).cookie, None);
        let old = cookie(".pulse-cookie", 256, 0o600);
        assert_eq!(args.find(None).cookie, Some(old));
        let path = cookie(".config/pulse/cookie", 256, 0o600);
        assert_eq!(args.find(None).cookie, Some(path));
    }
}
