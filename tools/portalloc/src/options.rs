//! The options that are portalloc's own.

use clap::Args;

use crate::Service;

/// What is to be done, and with what.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Reserve one more service, published on ADDRESS [default: 127.0.0.1],
    /// or not published if that is a hyphen (can be repeated)
    #[arg(
        long,
        value_name = "NAME:CONTAINER_PORT:START[:ADDRESS]",
        conflicts_with_all = ["release", "list", "gc"],
    )]
    pub service: Vec<Service>,

    /// Choose from N offsets [default: the document's port_blocks, or 100]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..),
        conflicts_with_all = ["release", "list", "gc"],
    )]
    pub blocks: Option<u16>,

    /// Reserve the very ports that the document has, for a container that is
    /// not ctrkit's: only --release gives them up
    #[arg(
        long,
        conflicts_with_all = ["service", "blocks", "shell", "plain", "release", "list", "gc"],
    )]
    pub adopt: bool,

    /// Write lines such as SSH_PORT=2201 for a shell
    #[arg(long, conflicts_with_all = ["release", "list", "gc"])]
    pub shell: bool,

    /// Say what would be reserved, and touch nothing: no ledger, no engine, no
    /// machine but this one
    #[arg(short = 'n', long, conflicts_with_all = ["release", "list", "gc"])]
    pub dry_run: bool,

    /// Reserve for NAME, which is no container: no document is read
    #[arg(long, value_name = "NAME", group = "mode", value_parser = plain_name)]
    pub plain: Option<String>,

    /// Give the reservation of WHAT up, which is a key or a name
    #[arg(long, value_name = "WHAT", group = "mode")]
    pub release: Option<String>,

    /// List all reservations
    #[arg(long, group = "mode")]
    pub list: bool,

    /// Give all reservations up whose worktree and container are both gone,
    /// and list them
    #[arg(long, group = "mode")]
    pub gc: bool,

    /// List as a ports/1 document
    #[arg(long, requires = "mode", conflicts_with_all = ["release", "plain"])]
    pub json: bool,
}

fn plain_name(text: &str) -> Result<String, &'static str> {
    match text.is_empty() || text.contains(char::is_control) {
        true => Err("a name is not empty and has no control characters"),
        false => Ok(text.to_owned()),
    }
}
