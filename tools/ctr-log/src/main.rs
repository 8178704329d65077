//! ctr-log(1): show what an isolated container has asked for.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Parser;
use ctr_log::{Error, Form, Selection, Source};
use engine::{EngineArgs, Verified};
use toolkit::{Common, Events, Exit, Places, Tool};

/// Show what an isolated container has asked for
///
/// Writes the records of its proxy to standard output, the oldest first: a
/// table for people, or the records as they are. A container that is stopped is
/// read in the same way.
#[derive(Debug, Parser)]
#[command(version)]
struct CtrLog {
    /// The container's name
    #[arg(value_name = "NAME")]
    name: String,

    /// Go on with what comes, until the proxy ends
    #[arg(short, long)]
    follow: bool,

    #[command(flatten)]
    selection: Selection,

    #[command(flatten)]
    form: Form,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for CtrLog {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, _: &mut Events) -> Result<Exit, Error> {
        let config = config::read(&self.places)?;
        let engine = self.engine.find(&config, &self.places)?;
        let managed = engine.all_managed_with(std::slice::from_ref(&self.name))?;
        let proxy = ctr_log::proxy(&managed, &self.name)?;
        let verified = Verified::of(&proxy.id, &self.places.container(&self.name)?);
        let source = Source::open(&engine, proxy, self.follow)?;
        let colours = self.form.has_colours(io::stdout().is_terminal());
        let unread = ctr_log::show(source, verified, &self.selection, self.form.json, colours)?;
        if unread > 0 {
            let message = format!("{unread} lines of the log are no records, and are left out");
            toolkit::warn("ctr-log", self.common.error_format, &message);
        }
        Ok(Exit::Success)
    }
}

fn main() -> ExitCode {
    toolkit::main::<CtrLog>()
}
