//! Calling tmux in a container.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use engine::{Engine, EngineError};

use crate::{Error, Place, SessionName};

/// One command of tmux: its name and its arguments.
pub(crate) type Command = Vec<OsString>;

/// The tmux of one container's user.
#[derive(Clone, Copy, Debug)]
pub struct Tmux<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) place: &'a Place,
}

impl<'a> Tmux<'a> {
    /// Returns the tmux in `place`.
    #[must_use]
    pub fn new(engine: &'a Engine, place: &'a Place) -> Self {
        Self { engine, place }
    }

    /// Runs `commands` one after the other, as long as none fails, and returns
    /// what they wrote: one call of the engine.
    ///
    /// `session` is the one that an error is about.
    pub(crate) fn call(
        &self,
        options: &[&str],
        commands: &[Command],
        session: Option<&SessionName>,
    ) -> Result<String, Error> {
        let arguments = self.arguments(options, commands);
        self.engine.run(arguments).map_err(|error| self.judge(error, session))
    }

    /// Does the same, and lets the first command that reads standard input
    /// have what `feed` writes.
    pub(crate) fn feed(
        &self,
        commands: &[Command],
        session: &SessionName,
        feed: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send,
    ) -> Result<String, Error> {
        let arguments = self.arguments(&["--interactive"], commands);
        let run = self.engine.run_with_input(arguments, feed);
        run.map_err(|error| self.judge(error, Some(session)))
    }

    fn arguments(&self, options: &[&str], commands: &[Command]) -> Vec<OsString> {
        let mut arguments = self.exec(options);
        // Where the locale is unknown, UTF-8 would be shown as underscores.
        arguments.extend(["tmux", "-u"].map(OsString::from));
        arguments.extend(sequence(commands));
        arguments
    }

    /// Returns `exec OPTIONS NAME`, as the container's user.
    pub(crate) fn exec(&self, options: &[&str]) -> Vec<OsString> {
        let user = self.place.user.iter().flat_map(|user| ["--user", user]);
        let words = ["exec"].into_iter().chain(options.iter().copied()).chain(user);
        words.chain([self.place.name.as_str()]).map(OsString::from).collect()
    }

    /// Says whether there is no tmux: which command an engine does not find, it
    /// says in many ways, docker on standard output.
    fn is_absent(&self) -> bool {
        let look = ["sh", "-c", LOOK].map(OsString::from);
        let found = self.engine.run(self.exec(&[]).into_iter().chain(look));
        matches!(found, Err(EngineError::Failed(call)) if call.status == Some(ABSENT))
    }

    /// Tells what tmux says from what the engine says.
    pub(crate) fn judge(&self, error: EngineError, session: Option<&SessionName>) -> Error {
        let EngineError::Failed(call) = &error else { return error.into() };
        let name = self.place.name.clone();
        let of = || session.map(|session| session.as_str().to_owned()).unwrap_or_default();
        let says = |words: &str| call.last_words.contains(words);
        // The words are those of tmux 3.2 to 3.6, which knows no other language.
        if matches!(call.status, Some(126 | 127)) && self.is_absent() {
            Error::NoTmux { name }
        } else if says("no server running on")
            || says("error connecting to") && says("No such file or directory")
        {
            Error::NoServer { name }
        } else if says("can't find session") || says("can't find pane") {
            Error::NoSuchSession { name, session: of() }
        } else if says("duplicate session") {
            Error::SessionExists { name, session: of() }
        } else if says("command too long") {
            Error::TooLong
        } else if call.status == Some(1) && error.is("engine-failed") {
            Error::Tmux { name, words: call.last_words.clone() }
        } else {
            error.into()
        }
    }
}

/// The status of [`LOOK`] where there is no tmux.
const ABSENT: i32 = 9;

/// Looks for tmux in a container.
const LOOK: &str = "command -v tmux || exit 9";

/// Returns a command of words that are known.
pub(crate) fn command<const N: usize>(words: [&str; N]) -> Command {
    words.into_iter().map(OsString::from).collect()
}

/// Returns the arguments that tmux takes for `commands`.
fn sequence(commands: &[Command]) -> Vec<OsString> {
    let mut arguments = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        if index > 0 {
            arguments.push(OsString::from(";"));
        }
        arguments.extend(command.iter().map(|word| argument(word)));
    }
    arguments
}

/// Returns `word` so that tmux takes it as it is: at the end of a word it
/// takes `;` for the end of the command, and `\;` for `;`.
fn argument(word: &OsStr) -> OsString {
    match word.as_bytes().strip_suffix(b";") {
        Some(rest) => OsString::from_vec([rest, b"\\;"].concat()),
        None => word.to_owned(),
    }
}

/// Ends a session and what runs in it; one that is not there is no error.
pub fn kill(tmux: Tmux<'_>, session: &SessionName) -> Result<(), Error> {
    let command = command(["kill-session", "-t", &session.target()]);
    ended(tmux.call(&[], &[command], Some(session)))
}

/// Ends all sessions of the container; none is no error.
pub fn kill_all(tmux: Tmux<'_>) -> Result<(), Error> {
    ended(tmux.call(&[], &[command(["kill-server"])], None))
}

fn ended(result: Result<String, Error>) -> Result<(), Error> {
    match result {
        Ok(_) | Err(Error::NoSuchSession { .. } | Error::NoServer { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
