//! audiotun(1): carry the sound of containers to the machine that plays it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use audiotun::{Configuration, Error, Keeper, Place, ServerArgs};
use clap::{Arg, Args, Parser, Subcommand};
use document::{Container, Received, audio_status::AudioStatus};
use toolkit::{Common, Events, Exit, Interrupt, Places, Tool};

/// Carry the sound of containers to the machine that plays it
///
/// Without a command, reads a container/1 document on standard input, sees to it
/// that its container has a cookie, and writes the document with audio filled in.
/// A document without audio is passed on as it came.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
#[command(mut_args(|option: Arg| { let own = option.get_id() == "dry_run"; option.global(!own) }))]
struct Audiotun {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// Make and change nothing, and write the document that would result
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Hold a connection that carries sound until it is taken down
    Up {
        #[command(flatten)]
        container: Named,

        /// Let ssh read FILE instead of its own configuration
        #[arg(long, value_name = "FILE", env = "CTRKIT_SSH_CONFIG")]
        ssh_config: Option<PathBuf>,

        #[command(flatten)]
        server: ServerArgs,
    },
    /// End what carries sound, until somebody connects again
    Down {
        #[command(flatten)]
        container: Named,
    },
    /// Ask whether sound comes through, part by part
    Status {
        #[command(flatten)]
        container: Named,

        /// Write an audio/1 document
        #[arg(long)]
        json: bool,
    },
    /// Make this machine able to play, and write the sound server's socket
    Setup {
        /// Play a tone, listen for it, and write how late it is
        #[arg(long, conflicts_with = "undo")]
        check: bool,

        /// Take away what was written
        #[arg(long)]
        undo: bool,

        /// Where a person's own configuration lies.
        #[arg(long, hide = true, env = "XDG_CONFIG_HOME")]
        config_home: Option<PathBuf>,

        #[command(flatten)]
        server: ServerArgs,
    },
    /// See to it that the guard listens; ssh does so before it connects
    Guard {
        #[command(flatten)]
        container: Named,

        /// Be the process that keeps it
        #[arg(long)]
        foreground: bool,

        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Args, Debug)]
struct Named {
    /// The name of a container
    #[arg(value_name = "NAME")]
    name: String,
}

impl Tool for Audiotun {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        match &self.verb {
            None => self.plan(events)?,
            Some(Verb::Up { container, ssh_config, server }) => {
                let (name, program) = (&container.name, program()?);
                let (place, config) = (self.place(container)?, ssh_config.as_deref());
                let up = || audiotun::up(&place, name, config, &program, &self.places, server);
                self.warn_of_silence(&events.step("up", up)?);
            }
            Some(Verb::Down { container }) => {
                let place = self.place(container)?;
                audiotun::stop(&place)?;
                audiotun::cancel(&place, &container.name, &self.places)?;
            }
            Some(Verb::Status { container, json }) => return self.status(container, *json),
            Some(Verb::Setup { check, undo, config_home, server }) => {
                let own = server.home.as_ref().map(|home| home.join(".config"));
                let home = config_home.clone().filter(|path| path.is_absolute()).or(own);
                match undo {
                    true => undo_below(home.as_deref())?,
                    false => self.setup(server, home.as_deref(), *check)?,
                }
            }
            Some(Verb::Guard { container, foreground: false, server }) => {
                let place = self.place(container)?;
                audiotun::ensure(&place, &container.name, &program()?, &self.places, server)?;
            }
            Some(Verb::Guard { container, foreground: true, server }) => {
                let place = self.place(container)?;
                let interrupt = Interrupt::watch().map_err(Error::Signals)?;
                let (name, server) = (&container.name, server.clone());
                Keeper::new(place, name, &self.places, server, interrupt).run()?;
            }
        }
        Ok(Exit::Success)
    }
}

impl Audiotun {
    fn plan(&self, events: &mut Events) -> Result<(), Error> {
        let mut document: Received<Container> = toolkit::read()?;
        if document.audio.is_some() {
            events.about(&document.name);
            let place = Place::of(&self.places, &document.name)?;
            let hindrance = audiotun::hindrance();
            audiotun::fill(&mut document, &place, &program()?, &self.places, hindrance)?;
            if !self.dry_run {
                events.step("audio", || audiotun::make_files(&place))?;
            }
        }
        toolkit::write(&document)?;
        Ok(())
    }

    fn setup(&self, server: &ServerArgs, home: Option<&Path>, check: bool) -> Result<(), Error> {
        if server.is_elsewhere() {
            self.warn("PULSE_SERVER names no socket of this machine, and is passed over");
        }
        // A server that is named is looked for nowhere else.
        let home = home.filter(|_| server.server.is_none());
        let server = server.find(None);
        let configuration = home.map(|home| Configuration::read(Path::new("/"), home));
        if let Some(written) = audiotun::setup(&server.socket, configuration.as_ref())? {
            let written = written.display();
            self.warn(&format!("wrote '{written}'; start the sound server anew for it to count"));
            return Ok(());
        }
        let mut lines = format!("{}\n", server.socket.display());
        if check {
            let interrupt = Interrupt::watch().map_err(Error::Signals)?;
            let late = audiotun::check(&server, &interrupt)?;
            lines.push_str(&format!("heard after {} ms\n", late.as_millis()));
        }
        Ok(toolkit::write_text(&lines)?)
    }

    fn status(&self, container: &Named, json: bool) -> Result<Exit, Error> {
        let place = self.place(container)?;
        let status = audiotun::status(&place, &container.name, &self.places)?;
        let sound = status.sound;
        match json {
            true => toolkit::write(&status.into())?,
            false => toolkit::write_text(&audiotun::text(&status))?,
        }
        Ok(if sound { Exit::Success } else { Exit::No })
    }

    /// Says why all is up and nothing is heard.
    fn warn_of_silence(&self, status: &AudioStatus) {
        if !status.sound {
            let reason = status.server.reason.as_deref().unwrap_or("no sound server answers");
            self.warn(&format!("{reason}; one that is started is found by itself"));
        }
    }

    fn place(&self, container: &Named) -> Result<Place, Error> {
        Place::of(&self.places, &container.name)
    }

    fn warn(&self, message: &str) {
        toolkit::warn("audiotun", self.common.error_format, message);
    }
}

/// Takes away what setup wrote; where there is no home it wrote nothing.
fn undo_below(home: Option<&Path>) -> Result<(), Error> {
    let gone = home.map(audiotun::undo).transpose()?.unwrap_or_default();
    let lines: String = gone.iter().map(|path| format!("{}\n", path.display())).collect();
    Ok(toolkit::write_text(&lines)?)
}

/// Returns this program, as it is started again.
fn program() -> Result<PathBuf, Error> {
    let found = std::env::current_exe();
    let found = found.map_err(|source| Error::Run { program: "audiotun".into(), source })?;
    Ok(found)
}

fn main() -> ExitCode {
    toolkit::main::<Audiotun>()
}
