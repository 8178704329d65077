//! The parts that every tool shares: entry point, exit status, documents on
//! standard input and output, progress, files that are replaced atomically.
//!
//! A tool implements [`Tool`] and its `main` calls [`main`]. The tool's own
//! logic does not print, exit or read the environment, so that all of it can
//! be tested as a library.

pub mod audience;
pub mod children;
pub mod descriptors;
mod events;
mod exit;
mod failure;
pub mod files;
pub mod git;
mod interrupt;
pub mod keys;
mod missing;
mod part;
mod places;
mod several;
mod siblings;
pub mod sockets;
pub mod ssh_config;
pub mod ssh_master;
pub mod sshd;
pub mod state;
mod stdio;

use std::{ffi::OsStr, path::PathBuf, process::ExitCode};

use clap::{
    Args, Parser, ValueEnum,
    builder::Resettable,
    error::{ContextKind, ContextValue, ErrorKind},
};
use clap_complete::Shell;

pub use crate::{
    events::{Events, EventsError},
    exit::Exit,
    failure::{Failure, note, printable, say, warn},
    interrupt::{Interrupt, Interrupted},
    part::Part,
    places::{DataPlace, Places, PlacesError, expand_tilde},
    several::each,
    siblings::{FailedTool, SiblingError, Siblings},
    sockets::{Sockets, SocketsError},
    stdio::{
        DocumentError, line, parse, read, read_file, read_named, write, write_bytes, write_text,
    },
};

/// Options that every tool takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Write errors to standard error as text, or as one error/1 document
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "CTRKIT_ERROR_FORMAT")]
    pub error_format: ErrorFormat,

    /// Append progress to FILE, one event/1 document per line
    #[arg(long, value_name = "FILE", env = "CTRKIT_EVENTS")]
    pub events: Option<PathBuf>,

    /// Write the completion for SHELL to standard output
    #[arg(long, value_name = "SHELL", exclusive = true)]
    pub completion: Option<Shell>,
}

/// How errors are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum ErrorFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: an `error/1` document.
    Json,
}

/// One program of the suite.
pub trait Tool: Parser {
    /// The ways in which this tool fails.
    type Error: Failure;

    /// Returns the options that all tools share.
    fn common(&self) -> &Common;

    /// Does the tool's one job.
    ///
    /// The status is [`Exit::Success`] unless the tool answers a question
    /// ([`Exit::No`]) or passes on another program's status.
    fn run(self, events: &mut Events) -> Result<Exit, Self::Error>;
}

/// Parses the arguments, runs the tool, and reports how it went.
pub fn main<T: Tool>() -> ExitCode {
    let name = T::command().get_name().to_owned();
    if let Some(shell) = asked_for_completion() {
        return completion(shell, &mut T::command(), &name);
    }
    let tool = match parse_arguments::<T>() {
        Ok(tool) => tool,
        Err(error) => return usage(&name, &error),
    };
    let format = tool.common().error_format;
    let events = tool.common().events.clone();
    let result = match Events::open(&name, events.as_deref()) {
        Ok(mut events) => tool.run(&mut events),
        Err(error) => return failure::report(&name, format, &error),
    };
    match result {
        Ok(exit) => exit.end(),
        Err(error) => failure::report(&name, format, &error),
    }
}

/// Parses the arguments and the variables that stand in for them.
///
/// To clap an option is in conflict with another's variable, too. A person who
/// has set that can still say the option: what is said wins.
fn parse_arguments<T: Tool>() -> Result<T, clap::Error> {
    let command = || without_empty_variables(T::command());
    let matches = command().try_get_matches().or_else(|error| match in_conflict(&error) {
        named if named.is_empty() => Err(error),
        named => without_variables(command(), &named).try_get_matches(),
    });
    T::from_arg_matches_mut(&mut matches?).map_err(|error| error.format(&mut T::command()))
}

/// Returns the arguments that an error tells to be in conflict, as clap shows them.
fn in_conflict(error: &clap::Error) -> Vec<String> {
    if error.kind() != ErrorKind::ArgumentConflict {
        return Vec::new();
    }
    let named = [ContextKind::InvalidArg, ContextKind::PriorArg].into_iter();
    let named = named.filter_map(|kind| error.get(kind)).flat_map(|value| match value {
        ContextValue::String(one) => vec![one.clone()],
        ContextValue::Strings(all) => all.clone(),
        _ => Vec::new(),
    });
    named.collect()
}

/// Makes the variables of these arguments count as ones that are not set.
fn without_variables(mut command: clap::Command, named: &[String]) -> clap::Command {
    // An argument cannot be shown before that.
    command.build();
    let command = command.mut_args(|argument| match named.contains(&argument.to_string()) {
        true => argument.env(Resettable::Reset),
        false => argument,
    });
    command.mut_subcommands(|command| without_variables(command, named))
}

/// Makes a variable that is set and empty count as one that is not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    #[expect(clippy::disallowed_methods, reason = "the name is one that an argument declares")]
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|argument| match argument.get_env() {
        Some(name) if is_empty(name) => argument.env(Resettable::Reset),
        _ => argument,
    });
    command.mut_subcommands(without_empty_variables)
}

/// Returns the shell of `--completion SHELL`, where that is all there is.
///
/// It is looked at before the arguments are parsed, because tools with
/// required arguments would refuse the line.
fn asked_for_completion() -> Option<Shell> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [option, shell] if option == OsStr::new("--completion") => {
            Shell::from_str(shell.to_str()?, true).ok()
        }
        _ => None,
    }
}

/// Writes the completion script to standard output.
fn completion(shell: Shell, command: &mut clap::Command, name: &str) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, command, name, &mut script);
    match stdio::write_bytes(&script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(name, ErrorFormat::Text, &error),
    }
}

/// Prints clap's message; `--help` and `--version` are not failures.
fn usage(name: &str, error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // Where even this cannot be written, nobody can be told.
        let _ = error.print();
        return Exit::Usage.end();
    }
    let printed = stdio::check_open().and_then(|()| error.print().map_err(DocumentError::Write));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(name, ErrorFormat::Text, &error),
    }
}

/// Returns the present moment, RFC 3339 in UTC, to the millisecond.
#[must_use]
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
