//! Making a session.

use std::ffi::{OsStr, OsString};

use crate::{
    Error, SessionName, Tmux,
    tmux::{Command, command},
};

/// Runs a command as the user's login shell would.
const RUN: &str = include_str!("run.sh");

/// What a session is told that exists already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Absence {
    /// It must not exist.
    Required,
    /// It is left as it is.
    Supposed,
}

/// Makes a session in the workspace, which runs `run`, or the login shell of
/// the user where that is empty: one call of the engine.
pub fn create(
    tmux: Tmux<'_>,
    session: &SessionName,
    run: &[OsString],
    absence: Absence,
) -> Result<(), Error> {
    let user = tmux.place.user.as_deref().unwrap_or_default();
    let variables = [format!("USER={user}"), format!("LOGNAME={user}")];
    // What the server has of these all its sessions have.
    let options = variables.iter().flat_map(|variable| ["--env", variable]);
    let options: Vec<_> = options.filter(|_| !user.is_empty()).collect();
    let command = new_session(session, tmux.place.workspace.as_deref(), run);
    let made = match tmux.call(&options, &[command], Some(session)) {
        Err(Error::SessionExists { .. }) if absence == Absence::Supposed => return Ok(()),
        made => made?,
    };
    // A letter that this tmux does not know it writes in another way.
    let (id, name) = made.trim_end_matches('\n').split_once(' ').unwrap_or_default();
    if name == session.as_str() {
        return Ok(());
    }
    tmux.call(&[], &[self::command(["kill-session", "-t", id])], Some(session))?;
    let why = "tmux in the container writes it in another way";
    Err(Error::BadSessionName { name: session.as_str().to_owned(), why })
}

/// Returns the command that makes the session and writes its id and name.
pub(crate) fn new_session(
    session: &SessionName,
    workspace: Option<&str>,
    run: &[OsString],
) -> Command {
    let format = session.format();
    let mut new = command(["new-session", "-d", "-P", "-F", "#{session_id} #{session_name}"]);
    new.extend(["-s", &format].map(OsString::from));
    if let Some(workspace) = workspace {
        // This is a format too.
        new.extend([OsStr::new("-c"), workspace.replace('#', "##").as_ref()].map(OsStr::to_owned));
    }
    if !run.is_empty() {
        // tmux gives one word to a shell and runs several as they are.
        new.extend(["--", "sh", "-c", RUN, "ctr-session"].map(OsString::from));
        new.extend_from_slice(run);
    }
    new
}
