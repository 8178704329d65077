//! Where this machine gets its Python packages from: pip's configuration.

use std::{
    fmt::{self, Write},
    fs,
    path::PathBuf,
};

use clap::Args;
use etcetera::base_strategy::{BaseStrategy, Xdg};

/// What a build has to know, and nothing else: the rest is about this machine.
const KEYS: [&str; 3] = ["index-url", "extra-index-url", "trusted-host"];

/// Variables that pip heeds before its files.
///
/// Not options, because what they hold may have a password in it.
#[derive(Args, Clone, Default)]
pub struct PipArgs {
    /// pip's variable
    #[arg(long = "pip-index-url", hide = true, env = "PIP_INDEX_URL", hide_env_values = true)]
    index_url: Option<String>,

    /// pip's variable
    #[arg(
        long = "pip-extra-index-url",
        hide = true,
        env = "PIP_EXTRA_INDEX_URL",
        hide_env_values = true
    )]
    extra_index_url: Option<String>,

    /// pip's variable
    #[arg(
        long = "pip-trusted-host",
        hide = true,
        env = "PIP_TRUSTED_HOST",
        hide_env_values = true
    )]
    trusted_host: Option<String>,
}

impl fmt::Debug for PipArgs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PipArgs").finish_non_exhaustive()
    }
}

impl PipArgs {
    /// Returns a pip.conf that says what this machine's variables and files
    /// say about the index; it is empty where they say nothing.
    pub(crate) fn configuration(&self) -> String {
        let files = files().into_iter().filter_map(|path| fs::read_to_string(path).ok());
        self.compose(&files.collect::<Vec<_>>())
    }

    /// Composes the variables and the text of `files`, of which the last that
    /// has a key counts.
    pub(crate) fn compose(&self, files: &[String]) -> String {
        let variables = [&self.index_url, &self.extra_index_url, &self.trusted_host];
        let mut text = String::new();
        for (key, variable) in KEYS.into_iter().zip(variables) {
            let variable = variable.as_deref().map(words).filter(|value| !value.is_empty());
            let value = variable.or_else(|| files.iter().rev().find_map(|file| value(file, key)));
            if let Some(value) = value {
                let head = if text.is_empty() { "[global]\n" } else { "" };
                let _ = writeln!(text, "{head}{key} = {value}");
            }
        }
        text
    }
}

/// Returns the files that pip reads, the last of which counts most.
fn files() -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/etc/xdg/pip/pip.conf"), PathBuf::from("/etc/pip.conf")];
    if let Ok(xdg) = Xdg::new() {
        files.push(xdg.home_dir().join(".pip/pip.conf"));
        files.push(xdg.config_dir().join("pip/pip.conf"));
    }
    files
}

/// Returns the value of `key` in the text of a pip.conf, where it has one; a
/// value may go on in lines that are indented.
fn value(text: &str, key: &str) -> Option<String> {
    let lines = || text.lines().filter(|line| !line.trim_start().starts_with(['#', ';']));
    let is_it = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim_end() == key);
    let first = lines().position(is_it)?;
    let continued = lines().skip(first + 1).take_while(|line| line.starts_with([' ', '\t']));
    let (_, begun) = lines().nth(first)?.split_once('=')?;
    let whole: Vec<_> = std::iter::once(begun).chain(continued).collect();
    Some(words(&whole.join(" "))).filter(|value| !value.is_empty())
}

/// Returns `text` as one line.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
