//! The file of blocks: a header, then one block for each container.

use crate::block::Block;

/// The file's first line, by which it is known to be ours.
pub(crate) const HEADER: &str = "# Host blocks kept by sshcfg(1).";

/// What a block begins with.
const HOST: &str = "Host ";

/// The blocks, in the order in which they were added.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Blocks(Vec<Block>);

impl Blocks {
    /// Reads the file's contents; those that are not ours are `None`.
    pub(crate) fn parse(contents: &[u8]) -> Option<Self> {
        if contents.is_empty() {
            return Some(Self::default());
        }
        let text = std::str::from_utf8(contents).ok()?;
        let rest = text.strip_prefix(HEADER)?.trim_start();
        let mut blocks: Vec<Block> = Vec::new();
        for line in rest.lines() {
            match (line.strip_prefix(HOST), blocks.last_mut()) {
                (Some(name), _) => {
                    let name = name.trim().to_owned();
                    blocks.push(Block { name, text: format!("{line}\n") });
                }
                (None, Some(_)) if line.trim().is_empty() => {}
                (None, Some(block)) => block.text.extend([line, "\n"]),
                (None, None) => return None,
            }
        }
        Some(Self(blocks))
    }

    /// Returns the file's contents.
    pub(crate) fn text(&self) -> String {
        let blocks = self.0.iter().map(|block| format!("\n{}", block.text));
        std::iter::once(format!("{HEADER}\n")).chain(blocks).collect()
    }

    /// Puts `block` in the place of the one with its name, or at the end.
    /// Returns the old one if it said something else.
    pub(crate) fn set(&mut self, block: Block) -> Option<Block> {
        match self.0.iter_mut().find(|old| old.name == block.name) {
            Some(old) if *old == block => None,
            Some(old) => Some(std::mem::replace(old, block)),
            None => {
                self.0.push(block);
                None
            }
        }
    }

    /// Removes and returns the block of `name`.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Block> {
        let index = self.0.iter().position(|block| block.name == name)?;
        Some(self.0.remove(index))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Block> {
        self.0.iter()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|block| block.name.as_str())
    }
}
