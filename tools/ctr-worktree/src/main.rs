//! ctr-worktree(1): keep a git worktree, and a container, for each branch.

use std::{os::unix::ffi::OsStrExt, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use ctr_worktree::{Error, Repository, Surroundings, Terms, Wanted};
use toolkit::{Common, Events, Exit, Interrupt, Places, Siblings, Tool, expand_tilde};

/// Keep a git worktree, and a container, for each branch
///
/// Several agents, or a person and an agent, work on one repository at the same
/// time: each in a worktree of its own, which has a container of its own.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct CtrWorktree {
    #[command(subcommand)]
    verb: Verb,

    #[command(flatten)]
    shared: Shared,
}

/// The options that every verb has, in front of it and behind it.
#[derive(Args, Debug)]
#[command(mut_args(|argument| argument.global(true)))]
struct Shared {
    /// Act in the repository of DIR
    #[arg(short = 'C', long, value_name = "DIR", default_value = ".")]
    repository: PathBuf,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a worktree for a branch, and write its path
    Add {
        /// The branch; it is made if there is none
        #[arg(value_name = "NAME")]
        name: String,

        /// Let the branch begin at BRANCH, or any commit [default: HEAD]
        #[arg(long, value_name = "BRANCH")]
        from: Option<String>,

        /// Make it in a directory of this repository in DIR [default: beside the
        /// main worktree, in a directory with .worktrees at its end]
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Write what worktrees there are, and their containers
    List {
        /// Write one worktrees/1 document
        #[arg(long)]
        json: bool,

        /// Write one line per worktree, its fields separated by tabs: branch,
        /// container, path
        #[arg(long, conflicts_with = "json")]
        plain: bool,
    },
    /// Remove a worktree, its container and its branch, unless work is lost
    Rm {
        /// Its branch, its directory's name, or its path
        #[arg(value_name = "NAME")]
        name: String,

        /// Remove also work that is nowhere else
        #[arg(short, long)]
        force: bool,

        /// Keep a branch that was made with the worktree
        #[arg(long)]
        keep_branch: bool,

        /// Use ENGINE for the container: podman, docker, or the path of one
        #[arg(long, value_name = "ENGINE", env = "CTRKIT_ENGINE")]
        engine: Option<String>,
    },
}

impl Tool for CtrWorktree {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.shared.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        let Shared { repository, places, common } = self.shared;
        let interrupt = Interrupt::watch().map_err(Error::Signals)?;
        let repository = Repository::find(&repository)?;
        match self.verb {
            Verb::Add { name, from, directory } => {
                let directory = directory_in(directory, &places)?;
                let (from, directory) = (from.as_deref(), directory.as_deref());
                let wanted = Wanted { branch: &name, from, directory };
                let path = repository.add(wanted, &places, &interrupt, events)?;
                // Whatever bytes are in it.
                toolkit::write_bytes(&[path.as_os_str().as_bytes(), b"\n"].concat())?;
            }
            Verb::List { json, plain } => {
                let worktrees = repository.worktrees()?;
                let list = ctr_worktree::describe(&worktrees, &ctr_worktree::ledger(&places)?);
                match (json, plain) {
                    (true, _) => toolkit::write(&list.into())?,
                    (_, true) => toolkit::write_text(&ctr_worktree::plain(&list))?,
                    _ => toolkit::write_text(&ctr_worktree::render(&list))?,
                }
            }
            Verb::Rm { name, force, keep_branch, engine } => {
                let ledger = ctr_worktree::ledger(&places)?;
                let siblings = siblings(&places, &common, engine)?.heeding(&interrupt);
                let around = Surroundings {
                    places: &places,
                    ledger: &ledger,
                    siblings: &siblings,
                    interrupt: &interrupt,
                };
                repository.remove(&name, Terms { force, keep_branch }, &around, events)?;
            }
        }
        Ok(Exit::Success)
    }
}

/// Returns the directory that was asked for, or that the configuration names.
fn directory_in(asked: Option<PathBuf>, places: &Places) -> Result<Option<PathBuf>, Error> {
    let home = etcetera::home_dir().ok();
    let usual = config::read(places)?.worktrees;
    let usual = usual.map(|path| expand_tilde(&path, home.as_deref()));
    Ok(asked.or(usual).and_then(|path| std::path::absolute(path).ok()))
}

/// Lets other tools use the same places, and tell of what they do in the same file.
fn siblings(places: &Places, common: &Common, engine: Option<String>) -> Result<Siblings, Error> {
    let mut siblings = Siblings::new()
        .with("CTRKIT_CONFIG_DIR", places.config()?)
        .with("CTRKIT_STATE_DIR", places.state()?);
    if let Some(engine) = engine {
        siblings = siblings.with("CTRKIT_ENGINE", engine);
    }
    if let Some(events) = &common.events {
        siblings = siblings.with("CTRKIT_EVENTS", events);
    }
    Ok(siblings)
}

fn main() -> ExitCode {
    toolkit::main::<CtrWorktree>()
}
