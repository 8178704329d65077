//! Keeps the Host blocks of containers.
//!
//! What a block says, what the file of blocks says with and without it, and
//! what the user's file says with and without our line are pure functions of
//! a document and of file contents. The rest of the crate reads and replaces
//! the files, the user's last of all.

mod block;
mod blocks;
mod error;
mod files;
mod include;
mod words;

use std::path::Path;

use document::{Container, container};

use crate::block::Block;
pub use crate::{
    error::Error,
    files::{Files, user_config},
};

/// Makes the document's block be in place and be read first, and fills in
/// `ssh.config`.
///
/// Where it is already, nothing is written.
pub fn add(container: &mut Container, files: &Files, user_config: &Path) -> Result<(), Error> {
    let sockets = files.sockets();
    let block = Block::of(container, &sockets)?;
    let include = include::line(files.blocks())?;
    sockets.prepare()?;
    let lock = files.lock(user_config)?;
    let before = files.read_blocks()?;
    let mut after = before.clone();
    let replaced = after.set(block);
    files.write_blocks(&after)?;
    if let Err(error) = files.include(user_config, &include) {
        // Best effort: a block that nothing includes harms nobody.
        let _ = files.write_blocks(&before);
        return Err(error);
    }
    drop(lock);
    replaced.iter().for_each(Block::close_master);
    container.ssh.get_or_insert_default().config = Some(files.blocks().to_owned());
    Ok(())
}

/// Removes the blocks of `names`, closes their control masters, and takes
/// our line out of the user's file with the last block.
///
/// A name that has no block is no error.
pub fn remove(names: &[String], files: &Files, user_config: &Path) -> Result<(), Error> {
    if let Some(name) = names.iter().find(|name| !container::is_name(name)) {
        return Err(Error::BadName { name: name.clone() });
    }
    let include = include::line(files.blocks())?;
    if !files.exist() && !files.is_included(user_config, &include)? {
        return Ok(());
    }
    let lock = files.lock(user_config)?;
    let mut blocks = files.read_blocks()?;
    let removed: Vec<_> = names.iter().filter_map(|name| blocks.remove(name)).collect();
    files.write_blocks(&blocks)?;
    if blocks.is_empty() {
        files.exclude(user_config, &include)?;
    }
    drop(lock);
    removed.iter().for_each(Block::close_master);
    Ok(())
}

/// Returns the names that have a block, one a line, in the file's order.
pub fn list(files: &Files) -> Result<String, Error> {
    Ok(files.read_blocks()?.names().map(|name| format!("{name}\n")).collect())
}

/// Returns the same, with what follows each name after a tab: where it leads
/// as `HOST:PORT`, its ProxyJump and its control socket, or a hyphen.
pub fn list_long(files: &Files) -> Result<String, Error> {
    let line = |block: &Block| {
        let value = |keyword| block.value(keyword).unwrap_or("-");
        let socket = block.control_path().map_or("-".to_owned(), words::unquoted);
        let (host, port) = (value("HostName"), value("Port"));
        format!("{}\t{host}:{port}\t{}\t{socket}\n", block.name, value("ProxyJump"))
    };
    Ok(files.read_blocks()?.iter().map(line).collect())
}

/// Returns the document's block as text.
///
/// The directory of the control sockets is made: ssh does not connect at all
/// where a block names one that is absent.
pub fn print(container: &Container, files: &Files) -> Result<String, Error> {
    let sockets = files.sockets();
    let block = Block::of(container, &sockets)?;
    sockets.prepare()?;
    Ok(block.text)
}

#[cfg(test)]
mod tests;
