//! The one file of ours that gives a sound server its socket where its configuration
//! has none.
//!
//! PulseAudio reads its script either from the person's directory or from the
//! system's, and no directory of the person's beside it (16.1): where the person has
//! none, ours includes the system's. PipeWire reads `pipewire-pulse.conf.d`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// What a file of ours begins with; the digest of the rest follows.
const MARK: &str = "# Written by audiotun setup, and taken away by audiotun setup --undo: ";

/// The module of PulseAudio that listens at the socket.
const MODULE: &str = "module-native-protocol-unix";

/// What PipeWire calls the same socket (pipewire-pulse.conf, `server.address`).
const ADDRESS: &str = "unix:native";

/// How deep scripts may include each other.
const DEPTH: usize = 8;

/// What this machine's sound servers are told, as files say it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Configuration {
    /// PulseAudio's script that is in force, with all that it includes.
    pub pulse: Option<Script>,
    /// The addresses at which PipeWire's server listens.
    pub pipewire: Option<Addresses>,
    /// Where the person's own configuration lies.
    pub home: PathBuf,
}

/// A script of PulseAudio's (default.pa(5)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Script {
    /// Where it lies.
    pub path: PathBuf,
    /// What it says, and the scripts that it includes.
    pub text: String,
}

/// The addresses of PipeWire's server (`server.address`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Addresses {
    /// The file that names them, where one does.
    pub path: PathBuf,
    /// Each as it stands there; an object is one.
    pub list: Vec<String>,
}

/// What is to be done so that a server listens at its socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Its configuration is right: it has to be started.
    Start,
    /// This file has to be written.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
    },
    /// The person's own script says otherwise, and nobody else changes that.
    Own(PathBuf),
}

impl Configuration {
    /// Reads it: the person's below `home`, the system's below `root`, which is `/`.
    #[must_use]
    pub fn read(root: &Path, home: &Path) -> Self {
        let pulse = pulse_directories(root, home).into_iter().find_map(|directory| {
            let path = directory.join("default.pa");
            let text = script(&path, DEPTH)?;
            Some(Script { path, text })
        });
        Self { pulse, pipewire: addresses(root, home), home: home.to_owned() }
    }

    /// Returns what is to be done where no server listens at its socket.
    #[must_use]
    pub fn decide(&self) -> Step {
        let pulse = self.pulse.as_ref();
        let has_module = |script: &Script| loads(&script.text, MODULE).next().is_some();
        let has_address = |found: &Addresses| found.list.iter().any(|one| one == ADDRESS);
        if pulse.is_some_and(has_module) || self.pipewire.as_ref().is_some_and(has_address) {
            return Step::Start;
        }
        match (&self.pipewire, pulse) {
            (Some(others), _) => fragment(&self.home, &others.list),
            (None, Some(script)) if script.path.starts_with(&self.home) => {
                Step::Own(script.path.clone())
            }
            (None, Some(script)) => including(&self.home, &script.path),
            (None, None) => Step::Start,
        }
    }

    /// Says whether PulseAudio is told to listen for other machines.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.tcp().any(|arguments| {
            let listens = argument(arguments, "listen");
            !listens.is_some_and(|at| at.starts_with("127.") || ["::1", "localhost"].contains(&at))
        })
    }

    /// Returns the file by which every account of this machine is let in at a port: by
    /// PulseAudio without a cookie or by an address alone (module-native-protocol-tcp), and
    /// by PipeWire at any, since it looks at no cookie (module-protocol-pulse of 1.0), nor
    /// does its `client.access` keep a client from much.
    #[must_use]
    pub fn open(&self) -> Option<&Path> {
        let is_yes = |word: &str| ["1", "y", "t", "yes", "true", "on"].contains(&word);
        let is_open = |arguments: &str| {
            let anonymous = argument(arguments, "auth-anonymous");
            anonymous.is_some_and(|word| is_yes(&word.to_lowercase()))
                || argument(arguments, "auth-ip-acl").is_some()
        };
        let pulse = self.pulse.as_ref().filter(|_| self.tcp().any(is_open));
        let has_port = |one: &String| one.contains("tcp:");
        let pipewire = self.pipewire.as_ref().filter(|found| found.list.iter().any(has_port));
        let pipewire = pipewire.map(|found| &found.path);
        Some(pulse.map(|script| &script.path).or(pipewire)?.as_path())
    }

    /// Returns the arguments of each module that listens at a port.
    fn tcp(&self) -> impl Iterator<Item = &str> {
        let text = self.pulse.as_ref().map_or("", |script| &script.text);
        loads(text, "module-native-protocol-tcp")
    }
}

/// The files that could be ours.
pub(crate) fn places(home: &Path) -> [PathBuf; 2] {
    [home.join("pipewire/pipewire-pulse.conf.d/ctrkit.conf"), home.join("pulse/default.pa")]
}

/// Says of what stands in a file whether we wrote it, and then whether it still is as
/// we wrote it.
pub(crate) fn is_ours(text: &str) -> Option<bool> {
    let (digest, rest) = text.strip_prefix(MARK)?.split_once('\n')?;
    Some(digest == digest_of(rest))
}

fn marked(rest: &str) -> String {
    format!("{MARK}{}\n{rest}", digest_of(rest))
}

fn digest_of(text: &str) -> String {
    format!("{:x}", Sha256::digest(text)).chars().take(16).collect()
}

/// One of two files that PipeWire merges: a list in it takes the other's place.
fn fragment(home: &Path, others: &[String]) -> Step {
    let [path, _] = places(home);
    let list: Vec<_> =
        [ADDRESS].into_iter().chain(others.iter().map(String::as_str)).map(quoted).collect();
    let list = list.join(" ");
    let text = format!("pulse.properties = {{\n    server.address = [ {list} ]\n}}\n");
    Step::Write { path, text: marked(&text) }
}

fn quoted(address: &str) -> String {
    // What is no plain word is an object, and stays one.
    if address.starts_with('{') { address.to_owned() } else { format!("\"{address}\"") }
}

fn including(home: &Path, system: &Path) -> Step {
    let [_, path] = places(home);
    let system = system.display();
    let text = format!(".include {system}\n.nofail\nload-module {MODULE}\n");
    Step::Write { path, text: marked(&text) }
}

/// Where PulseAudio's script may be; the second and third are Homebrew's, on the
/// processors of Apple and of Intel.
fn pulse_directories(root: &Path, home: &Path) -> [PathBuf; 4] {
    let system = ["opt/homebrew/etc/pulse", "usr/local/etc/pulse", "etc/pulse"];
    let [apple, intel, other] = system.map(|path| root.join(path));
    [home.join("pulse"), apple, intel, other]
}

/// Returns what the script at `path` says, and those that it includes, which may be all
/// of a directory.
fn script(path: &Path, depth: usize) -> Option<String> {
    if path.is_dir() {
        let paths = entries(path, "pa");
        return Some(paths.iter().filter_map(|path| script(path, depth)).collect());
    }
    let mut text = fs::read_to_string(path).ok()?;
    text.push('\n');
    let included: String = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(".include "))
        .filter_map(|path| script(Path::new(path.trim()), depth.checked_sub(1)?))
        .collect();
    Some(text + &included)
}

/// Returns the arguments of each line in a script that loads `module`.
fn loads<'a>(text: &'a str, module: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let rest = line.trim().strip_prefix("load-module")?.trim_start();
        let rest = rest.strip_prefix(module)?;
        (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
    })
}

/// Returns the value of the argument `name` among `arguments`, without quotes.
fn argument<'a>(arguments: &'a str, name: &str) -> Option<&'a str> {
    let words = arguments.split_whitespace().filter_map(|word| word.split_once('='));
    let value = words.filter(|(own, _)| *own == name).map(|(_, value)| value).next_back()?;
    Some(value.trim_matches(['"', '\'']))
}

/// Returns the files in a directory whose names end in `extension`, in the order in which
/// they are read.
fn entries(directory: &Path, extension: &str) -> BTreeSet<PathBuf> {
    let found = fs::read_dir(directory).into_iter().flatten().flatten();
    let has = |path: &PathBuf| path.extension().is_some_and(|own| own == extension);
    found.map(|entry| entry.path()).filter(has).collect()
}

/// Returns the addresses of PipeWire's server, where there is one: of the files that
/// name some, the last counts.
fn addresses(root: &Path, home: &Path) -> Option<Addresses> {
    let system = ["usr/share/pipewire", "etc/pipewire"].map(|path| root.join(path));
    let directories = [&system[0], &system[1], &home.join("pipewire")];
    let main = |directory: &&PathBuf| directory.join("pipewire-pulse.conf");
    let main = directories.iter().rev().map(main).find(|path| path.is_file())?;
    let fragments = directories.map(|directory| directory.join("pipewire-pulse.conf.d"));
    let fragments = fragments.iter().flat_map(|directory| entries(directory, "conf"));
    let mut found = [main].into_iter().chain(fragments).filter_map(|path| {
        let list = listed(&fs::read_to_string(&path).ok()?)?;
        Some(Addresses { path, list })
    });
    Some(found.next_back().unwrap_or_default())
}

/// Returns the words of the list that is called `server.address` in a file of PipeWire's;
/// an object in it is one word.
fn listed(text: &str) -> Option<Vec<String>> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    let (_, after) = text.split_once("server.address")?;
    let list = after.trim_start_matches(['"', '=', ':', ' ', '\n']).strip_prefix('[')?;
    let list = list.split_at(end(list)?).0;
    let mut words: Vec<String> = Vec::new();
    let mut is_object = false;
    for word in list.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty())
    {
        match words.last_mut().filter(|_| is_object) {
            Some(object) => object.extend([" ", word]),
            None if word.starts_with('{') => words.push(word.to_owned()),
            None => words.push(word.trim_matches('"').to_owned()),
        }
        is_object = (is_object || word.starts_with('{')) && !word.ends_with('}');
    }
    Some(words)
}

/// Returns where a list ends: at a bracket that is not part of a string, as those in an
/// address of IPv6 are.
fn end(list: &str) -> Option<usize> {
    let mut is_string = false;
    let (at, _) = list.char_indices().find(|(_, c)| {
        is_string ^= *c == '"';
        *c == ']' && !is_string
    })?;
    Some(at)
}

#[cfg(test)]
#[path = "dropin_tests.rs"]
mod tests;
