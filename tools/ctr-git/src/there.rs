//! The repository in the container.

use std::{os::unix::process::CommandExt, time::Duration};

use document::container::is_name;
use engine::{Engine, EngineError, FailedCall};
use toolkit::Interrupt;

use crate::{
    Error, Report, ThereError,
    error::{Words, failed_command},
    plan::Cargo,
    report,
    run::{self, Terms},
};

/// What runs in the container.
const SCRIPT: &str = include_str!("repository.sh");

/// How long the script may go on after Ctrl-C: usually it is done before, and
/// a container that does not answer holds nobody up.
const GRACE: Duration = Duration::from_secs(2);

/// How often an engine is asked whose answer has no beginning: of a podman elsewhere, the
/// first line is lost at times (seen with 4.3). Nothing is done twice.
const TRIES: usize = 3;

/// Where the code goes: a container and a directory in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    name: String,
    workspace: String,
}

impl Target {
    /// Makes a target of two names that may be anything.
    pub fn new(name: &str, workspace: &str) -> Result<Self, ThereError> {
        if !is_name(name) {
            return Err(ThereError::BadName { name: name.to_owned() });
        }
        if !workspace.starts_with('/') || workspace.chars().any(char::is_control) {
            return Err(ThereError::BadWorkspace { workspace: workspace.to_owned() });
        }
        Ok(Self { name: name.to_owned(), workspace: workspace.to_owned() })
    }

    /// Returns the target of the remote `name` with the URL `url`, if it is
    /// `NAME:WORKSPACE`.
    pub fn of_remote(name: &str, url: &str) -> Option<Self> {
        let workspace = url.strip_prefix(name)?.strip_prefix(':')?;
        Self::new(name, workspace).ok()
    }

    /// Returns the container's name, which is also the remote's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the remote's URL, in the form that git-fetch(1) calls scp-like.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}:{}", self.name, self.workspace)
    }
}

/// The settings that the repository takes over from the host; empty: none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// The hash function: `sha1` or `sha256`.
    pub format: String,
    /// `user.name`
    pub user_name: String,
    /// `user.email`
    pub user_email: String,
    /// The URL of `origin`, without credentials.
    pub origin: String,
}

/// The container, ready to be asked.
#[derive(Clone, Copy, Debug)]
pub struct There<'a> {
    /// The engine that it runs on.
    pub engine: &'a Engine,
    /// Which container, and where in it.
    pub target: &'a Target,
    /// The account in it.
    pub user: &'a str,
    /// Whether to end.
    pub interrupt: &'a Interrupt,
}

impl There<'_> {
    /// Makes the repository fit to be pushed to and tells how it is: one call.
    ///
    /// Of the paths `added`, each ended by a NUL, it tells those that are
    /// taken by files which git does not know.
    pub(crate) fn prepare(
        &self,
        cargo: Cargo<'_>,
        settings: &Settings,
        added: Vec<u8>,
    ) -> Result<Report, Error> {
        let Settings { format, user_name, user_email, origin } = settings;
        let look = if added.is_empty() { "" } else { "look" };
        let more = [format, user_name, user_email, origin, look];
        let input = (!added.is_empty()).then_some(added);
        Ok(self.call("prepare", cargo, &more, input)?.0)
    }

    /// Checks the branch out, if nothing is lost by it: one call.
    pub(crate) fn checkout(&self, cargo: Cargo<'_>) -> Result<Report, Error> {
        let (report, words) = self.call("checkout", cargo, &[], None)?;
        if !report.refused {
            return Ok(report);
        }
        let (name, branch) = (cargo.name.to_owned(), cargo.branch.to_owned());
        let failed = || ThereError::CheckoutFailed { name, branch, source: Words(words) }.into();
        Err(crate::plan::in_the_way(cargo.name, &report).unwrap_or_else(failed))
    }

    fn call(
        &self,
        mode: &str,
        cargo: Cargo<'_>,
        more: &[&str],
        input: Option<Vec<u8>>,
    ) -> Result<(Report, String), Error> {
        let user = format!("--user={}", self.user);
        let mut args = vec!["exec", &user];
        args.extend(input.is_some().then_some("--interactive"));
        args.extend([self.target.name(), "sh", "-c"]);
        let varying = [mode, &self.target.workspace, cargo.branch, cargo.commit];
        let script = [SCRIPT, "ctr-git"].into_iter().chain(varying).chain(more.iter().copied());
        let whole: Vec<_> = args.iter().copied().chain(script).collect();
        let mut tries = 1..TRIES;
        let (output, text) = loop {
            let mut command = self.engine.command(&whole);
            let (interrupt, kept) = (Some(self.interrupt), Some(run::FEW));
            let terms =
                Terms { input: input.clone(), interrupt, grace: GRACE, kept, ..Terms::default() };
            let output = run::capture(command.process_group(0), terms)?;
            let text = output.text();
            let is_cut = output.status.success() && !report::begun(&text);
            if !is_cut || tries.next().is_none() {
                break (output, text);
            }
        };
        let line = || self.line(&args, mode);
        if !report::begun(&text) {
            return Err(self.engine_failed(line(), &output));
        }
        if !output.status.success() {
            let command = failed_command(line(), output.status.code(), &output.words);
            return Err(ThereError::PrepareFailed { name: cargo.name.to_owned(), command }.into());
        }
        let unreadable = || ThereError::Unreadable { name: cargo.name.to_owned() };
        Ok((report::parse(&text).ok_or_else(unreadable)?, output.words))
    }

    /// Returns the command line without the text of the script.
    fn line(&self, args: &[&str], mode: &str) -> String {
        let program = self.engine.program().to_string_lossy();
        let shown = args.iter().copied().chain(["...", "ctr-git", mode]);
        shell_words::join(std::iter::once(&*program).chain(shown))
    }

    /// The script was not reached: it is the engine that failed.
    fn engine_failed(&self, line: String, output: &run::Captured) -> Error {
        // Docker writes why a program could not be run to standard output.
        let words = if output.words.is_empty() { output.text() } else { output.words.clone() };
        let program = self.engine.kind().name();
        let status = output.status.code();
        let error = EngineError::Failed(FailedCall { program, line, status, last_words: words });
        if !error.is("not-running") {
            return error.into();
        }
        let name = self.target.name().to_owned();
        ThereError::Unreachable { name, source: Words("it is not running".to_owned()) }.into()
    }
}
