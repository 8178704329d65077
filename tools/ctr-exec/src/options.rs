//! The options that are ctr-exec's own.

use std::{ffi::OsString, str::FromStr};

use clap::{Args, ValueEnum};

use crate::Error;

/// What is to be run, and where.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The container's name
    #[arg(value_name = "NAME")]
    pub name: String,

    /// The command and its arguments [default: the user's login shell]
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<OsString>,

    /// Run as USER [default: the container's user]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,

    /// Run in DIR [default: the workspace, or the home directory while there
    /// is none]
    #[arg(long, value_name = "DIR")]
    pub workdir: Option<String>,

    /// Set a variable (can be repeated); not for secrets, which everybody on
    /// this machine could read in the list of processes
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<Variable>,

    /// Give the command a terminal: auto, if standard input and output are
    /// one; always; never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub tty: Tty,
}

/// When the command gets a terminal.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Tty {
    /// If standard input and output are one.
    Auto,
    /// Always; it is an error if standard input is none.
    Always,
    /// Never.
    Never,
}

impl Tty {
    /// Says whether the command gets a terminal, from whether standard input
    /// and output are one.
    pub fn is_wanted(self, stdin: bool, stdout: bool) -> Result<bool, Error> {
        match self {
            Self::Auto => Ok(stdin && stdout),
            Self::Always if stdin => Ok(true),
            Self::Always => Err(Error::NoTerminal),
            Self::Never => Ok(false),
        }
    }
}

/// An environment variable, written `NAME=VALUE`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Variable(String);

impl Variable {
    /// Returns it as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Variable {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, _)) if !name.is_empty() => Ok(Self(text.to_owned())),
            _ => Err("expected NAME=VALUE"),
        }
    }
}
