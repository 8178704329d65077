//! ctr-session(1): keep terminal sessions in containers.

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Read},
    os::unix::ffi::OsStringExt,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use ctr_session::{Absence, Capture, Error, Form, Place, Sending, SessionName, Tmux};
use document::{Container, Received};
use engine::{Engine, EngineArgs};
use jiff::Timestamp;
use toolkit::{Common, Events, Exit, Places, Tool};

/// Keep terminal sessions in containers
///
/// They are those of tmux, of the container's user. A name means the session
/// that is called so, and never one whose name begins so.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct CtrSession {
    #[command(subcommand)]
    verb: Verb,

    #[command(flatten)]
    shared: Shared,
}

/// The options that every tool has, here in front of the verb and behind it.
#[derive(Args, Debug)]
#[command(mut_args(|argument| argument.global(true)))]
struct Shared {
    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write what sessions there are, in one container or in all
    List {
        /// The container
        #[arg(value_name = "NAME")]
        name: Option<String>,

        #[command(flatten)]
        form: Form,
    },
    /// Make a session in the workspace
    New(New),
    /// Show a session in this terminal
    Attach {
        #[command(flatten)]
        which: Which,

        /// Write the command that does it, quoted for a shell
        #[arg(long)]
        print: bool,
    },
    /// Send text, then keys, to a session
    Send(Send),
    /// Write the last lines of a session's active pane
    Capture {
        #[command(flatten)]
        which: Which,

        /// Write the last LINES lines [default: what the pane shows]
        #[arg(short = 'n', long, value_name = "LINES")]
        lines: Option<usize>,

        /// Go on with each line that comes, until the session ends
        #[arg(short, long)]
        follow: bool,

        /// Keep colours; with --follow, write what comes as it is
        #[arg(long)]
        escapes: bool,
    },
    /// End a session, or all in a container
    Kill {
        /// The container
        #[arg(value_name = "NAME")]
        name: String,

        /// The session
        #[arg(value_name = "SESSION", required_unless_present = "all", conflicts_with = "all")]
        session: Option<String>,

        /// End all of them
        #[arg(long)]
        all: bool,
    },
}

#[derive(Args, Debug)]
struct Which {
    /// The container
    #[arg(value_name = "NAME")]
    name: String,

    /// The session
    #[arg(value_name = "SESSION")]
    session: String,
}

#[derive(Args, Debug)]
struct New {
    /// The container; - for that of a container/1 document on standard input,
    /// which is written as it came
    #[arg(value_name = "NAME")]
    name: String,

    /// The session
    #[arg(value_name = "SESSION", allow_hyphen_values = true)]
    session: String,

    /// The command that runs in it [default: the user's login shell]
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<OsString>,

    /// Leave a session of that name as it is
    #[arg(long)]
    if_absent: bool,

    /// Check the name, and call nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

#[derive(Args, Debug)]
struct Send {
    #[command(flatten)]
    which: Which,

    /// The text, as it is; - for standard input
    #[arg(value_name = "TEXT")]
    text: Option<OsString>,

    /// Press KEY after the text, a name as in tmux(1) (can be repeated)
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    key: Vec<String>,

    /// Press Enter at the end
    #[arg(long)]
    enter: bool,
}

impl Tool for CtrSession {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.shared.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let shared = &self.shared;
        match self.verb {
            Verb::List { name, form } => list(shared, name.as_deref(), form)?,
            Verb::New(new) => create(shared, &new, events)?,
            Verb::Attach { which, print } => attach(shared, &which, print)?,
            Verb::Send(send) => {
                let session = SessionName::new(&send.which.session)?;
                let (name, sending) = (send.which.name.clone(), send.read()?);
                let (engine, place) = shared.find(&name)?;
                ctr_session::send(Tmux::new(&engine, &place), &session, &sending)?;
            }
            Verb::Capture { which, lines, follow, escapes } => {
                let session = SessionName::new(&which.session)?;
                let (engine, place) = shared.find(&which.name)?;
                let (tmux, wanted) = (Tmux::new(&engine, &place), Capture { lines, escapes });
                match follow {
                    true => ctr_session::follow(tmux, &session, wanted, &mut io::stdout())?,
                    false => {
                        toolkit::write_text(&ctr_session::capture(tmux, &session, wanted)?)?;
                    }
                }
            }
            Verb::Kill { name, session, .. } => kill(shared, &name, session.as_deref())?,
        }
        Ok(Exit::Success)
    }
}

impl Shared {
    fn engine(&self) -> Result<Engine, Error> {
        let config = config::read(&self.places)?;
        Ok(self.engine.find(&config, &self.places)?)
    }

    /// Returns the container called `name`, which runs, and its engine.
    fn find(&self, name: &str) -> Result<(Engine, Place), Error> {
        let engine = self.engine()?;
        let place = Place::listed(&engine.managed(name)?)?;
        Ok((engine, place))
    }
}

impl Send {
    /// Reads what is to be sent, and refuses what never can be.
    fn read(self) -> Result<Sending, Error> {
        let mut text = Vec::new();
        match self.text {
            Some(word) if word == "-" => {
                io::stdin().lock().read_to_end(&mut text).map_err(Error::Read)?;
            }
            Some(word) => text = word.into_vec(),
            None if self.key.is_empty() && !self.enter => return Err(Error::Nothing),
            None => {}
        }
        let sending = Sending { text, keys: self.key, enter: self.enter };
        sending.check()?;
        Ok(sending)
    }
}

fn list(shared: &Shared, name: Option<&str>, form: Form) -> Result<(), Error> {
    let list = match name {
        Some(name) => {
            let (engine, place) = shared.find(name)?;
            ctr_session::one(Tmux::new(&engine, &place))?
        }
        None => {
            let engine = shared.engine()?;
            ctr_session::all(&engine, &engine.all_managed()?)
        }
    };
    match form.text(&list, Timestamp::now()) {
        Some(text) => toolkit::write_text(&text)?,
        None => toolkit::write(&list.into())?,
    }
    Ok(())
}

fn create(shared: &Shared, new: &New, events: &mut Events) -> Result<(), Error> {
    let session = SessionName::new(&new.session)?;
    if new.dry_run {
        return Ok(());
    }
    let absence = if new.if_absent { Absence::Supposed } else { Absence::Required };
    let mut make = |engine: &Engine, place: &Place| {
        events.about(&place.name);
        let tmux = Tmux::new(engine, place);
        events.step("session", || ctr_session::create(tmux, &session, &new.command, absence))
    };
    if new.name != "-" {
        let (engine, place) = shared.find(&new.name)?;
        return make(&engine, &place);
    }
    let document: Received<Container> = toolkit::read()?;
    let engine = shared.engine.for_document(document.engine.as_ref(), &shared.places)?;
    make(&engine, &Place::of(&document))?;
    toolkit::write(&document)?;
    Ok(())
}

fn attach(shared: &Shared, which: &Which, print: bool) -> Result<(), Error> {
    let session = SessionName::new(&which.session)?;
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !is_terminal && !print {
        return Err(Error::NoTerminal);
    }
    let (engine, place) = shared.find(&which.name)?;
    let tmux = Tmux::new(&engine, &place);
    match print {
        true => Ok(toolkit::write_text(&ctr_session::attach_line(tmux, &session))?),
        false => Err(ctr_session::attach(tmux, &session)),
    }
}

fn kill(shared: &Shared, name: &str, session: Option<&str>) -> Result<(), Error> {
    let session = session.map(SessionName::new).transpose()?;
    let (engine, place) = shared.find(name)?;
    let tmux = Tmux::new(&engine, &place);
    match session {
        Some(session) => ctr_session::kill(tmux, &session),
        None => ctr_session::kill_all(tmux),
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrSession>()
}
