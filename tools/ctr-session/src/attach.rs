//! Showing a session in this terminal.

use std::{ffi::OsString, os::unix::process::CommandExt, process};

use engine::EngineError;

use crate::{Error, SessionName, Tmux, tmux::command};

/// What tmux must know of the terminal, which no engine tells.
const TERMINAL: [&str; 6] =
    ["--interactive", "--tty", "--env", "TERM=xterm-256color", "--env", "COLORTERM=truecolor"];

/// Lets the engine's client take this process's place; it returns only if that
/// fails, or if there is no such session.
#[must_use]
pub fn attach(tmux: Tmux<'_>, session: &SessionName) -> Error {
    let there = command(["has-session", "-t", &session.target()]);
    if let Err(error) = tmux.call(&[], &[there], Some(session)) {
        return error;
    }
    let source = engine_command(tmux, session).exec();
    EngineError::Spawn { program: tmux.engine.program().to_owned(), source }.into()
}

/// Returns the command that shows it, quoted for a shell.
#[must_use]
pub fn attach_line(tmux: Tmux<'_>, session: &SessionName) -> String {
    let command = engine_command(tmux, session);
    let words = [command.get_program()].into_iter().chain(command.get_args());
    shell_words::join(words.map(|word| word.to_string_lossy())) + "\n"
}

fn engine_command(tmux: Tmux<'_>, session: &SessionName) -> process::Command {
    let mut arguments = tmux.exec(&TERMINAL);
    // The target of a session cannot be mistaken without a colon, but for a
    // semicolon at its end.
    let target = session.target();
    let target =
        if session.as_str().ends_with(';') { &target } else { target.trim_end_matches(':') };
    arguments.extend(["tmux", "-u", "attach-session", "-t", target].map(OsString::from));
    tmux.engine.command(arguments)
}
