//! How much there is, and where most of it is.

use std::{
    cmp::Reverse,
    collections::HashMap,
    path::{Path, PathBuf},
};

use crate::{Bounds, Error};

/// Counts what a walk has come past.
pub(super) struct Tally {
    bounds: Bounds,
    entries: usize,
    /// What is in each directory and below it, by its path below the source.
    weights: HashMap<PathBuf, Weight>,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    entries: usize,
    files: usize,
    bytes: u64,
}

impl Tally {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, entries: 0, weights: HashMap::new() }
    }

    /// Counts an entry of `directory`, taken or not.
    pub(super) fn entry(&mut self, directory: &Path) {
        self.entries += 1;
        for above in directory.ancestors() {
            self.weight(above).entries += 1;
        }
    }

    /// Counts a file that is taken.
    pub(super) fn file(&mut self, path: &Path, bytes: u64) {
        for above in path.ancestors().skip(1) {
            let weight = self.weight(above);
            weight.files += 1;
            weight.bytes += bytes;
        }
    }

    fn weight(&mut self, directory: &Path) -> &mut Weight {
        if !self.weights.contains_key(directory) {
            self.weights.insert(directory.to_owned(), Weight::default());
        }
        self.weights.entry(directory.to_owned()).or_default()
    }

    /// Says whether the walk has seen more than it ever will want to.
    pub(super) fn is_exceeded(&self) -> bool {
        self.entries > self.bounds.entries
    }

    /// Refuses a source that has too much.
    pub(super) fn check(&self, source: &Path) -> Result<(), Error> {
        let Bounds { files, bytes, entries } = self.bounds;
        let all = self.weights.get(Path::new("")).copied().unwrap_or_default();
        let share: fn(&Weight) -> u64 = if all.files > files {
            |weight| weight.files as u64
        } else if all.bytes > bytes {
            |weight| weight.bytes
        } else if self.is_exceeded() {
            |weight| weight.entries as u64
        } else {
            return Ok(());
        };
        Err(Error::TooMany {
            source_dir: source.to_owned(),
            largest: source.join(self.largest(share)).components().collect(),
            bounds: format!("{files} files, {} MiB and {entries} names", bytes >> 20),
        })
    }

    /// Returns the deepest directory that has more than half of everything;
    /// if that is the source itself, the largest one in it that matters.
    fn largest(&self, share: fn(&Weight) -> u64) -> &Path {
        let depth = |path: &Path| path.components().count();
        let all = self.weights.get(Path::new("")).map_or(0, share);
        let weights = self.weights.iter().map(|(path, weight)| (path.as_path(), share(weight)));
        let heavy = weights.clone().filter(|(_, share)| *share > all / 2);
        let deepest = heavy.max_by_key(|(path, _)| depth(path)).map(|(path, _)| path);
        deepest.filter(|path| depth(path) > 0).unwrap_or_else(|| {
            let at_the_top = weights.filter(|(path, _)| depth(path) == 1);
            let largest = at_the_top.max_by_key(|(path, share)| (*share, Reverse(*path)));
            largest.filter(|(_, share)| *share > all / 10).map_or(Path::new(""), |(path, _)| path)
        })
    }
}
