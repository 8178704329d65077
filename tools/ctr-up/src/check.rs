//! What a document must be before anything is asked of an engine.
//!
//! Its values go into arguments, into file names and into configuration
//! files. One that could mean something else there is refused by its name.

use std::{net::IpAddr, path::Path};

use document::{
    Container,
    container::{Inject, Missing, is_name, is_variable},
};
use secrets::delivery::{self, Copies};

use crate::{Error, files::home};

/// Refuses a document with a value that no container could have.
pub(crate) fn check(container: &Container) -> Result<(), Error> {
    let user = container.user()?;
    let rules = [
        ("name", container.name.as_str(), is_name as fn(&str) -> bool, NAME_RULE),
        ("image", container.image()?, is_image, IMAGE_RULE),
        ("user", user, is_account, ACCOUNT_RULE),
        ("workspace", container.workspace()?, is_absolute, PATH_RULE),
    ];
    if let Some((key, value, _, rule)) = rules.into_iter().find(|(_, value, is, _)| !is(value)) {
        return Err(bad(key, value, rule));
    }
    check_ports(container)?;
    check_mounts(container)?;
    check_names(container)?;
    container.inject.iter().try_for_each(|entry| check_inject(entry, user))
}

/// Refuses a document whose secrets would not get into the container that it
/// describes; `directory` is the container's state directory.
pub(crate) fn check_secrets(container: &Container, directory: &Path) -> Result<(), Error> {
    Copies::read(container)?;
    if container.is_elsewhere() || !delivery::are_wanted(container) {
        return Ok(());
    }
    let mount = delivery::mounted(container).ok_or(Missing("mounts: /run/secrets"))?;
    let source = mount.source.as_deref().unwrap_or(Path::new(""));
    if source != delivery::place(directory) || !mount.read_only {
        return Err(bad("mounts.source", &source.to_string_lossy(), SECRETS_RULE));
    }
    Ok(())
}

/// Refuses an argument that no program can be given (execve(2)).
pub(crate) fn check_arguments(arguments: &[String]) -> Result<(), Error> {
    match arguments.iter().find(|argument| argument.contains('\0')) {
        Some(argument) => Err(bad("arguments", argument, "they cannot have a NUL")),
        None => Ok(()),
    }
}

const NAME_RULE: &str = "it must be up to 63 lower-case letters, digits or inner hyphens";
const IMAGE_RULE: &str = "it must be an image's name";
const ACCOUNT_RULE: &str = "it must be a letter, a digit or an underscore and then up to 31 \
                            letters, digits, underscores, hyphens or dots";
const VOLUME_RULE: &str = "it must be a letter or a digit and then letters, digits, underscores, \
                           hyphens or dots";
const ADDRESS_RULE: &str = "it must be an IP address";
const PATH_RULE: &str = "it must be an absolute path without empty parts, '.', '..' and control \
                         characters";
const BIND_RULE: &str = "it lies on this machine, and the engine does not";
const SECRETS_RULE: &str = "at /run/secrets there must be 'secrets' of the container's state \
                            directory, to be read only";
const VARIABLE_RULE: &str = "it must be a name as a shell has it";
const LABEL_RULE: &str = "it must not be empty and have no '='";

fn bad(key: &'static str, value: &str, rule: &'static str) -> Error {
    Error::BadValue { key, value: value.to_owned(), rule }
}

fn check_ports(container: &Container) -> Result<(), Error> {
    let mut addresses = container.ports.iter().filter_map(|port| port.address.as_deref());
    match addresses.find(|address| address.parse::<IpAddr>().is_err()) {
        Some(address) => Err(bad("ports.address", address, ADDRESS_RULE)),
        None => Ok(()),
    }
}

fn check_mounts(container: &Container) -> Result<(), Error> {
    let mut bound = container.mounts.iter().filter(|_| container.is_elsewhere());
    let bound = bound.find(|mount| mount.kind == "bind");
    if let Some(source) = bound.and_then(|mount| mount.source.as_ref()) {
        return Err(bad("mounts.source", &source.to_string_lossy(), BIND_RULE));
    }
    if let Some(volume) = container.volumes.iter().find(|volume| !is_volume(&volume.name)) {
        return Err(bad("volumes.name", &volume.name, VOLUME_RULE));
    }
    let volumes = container.volumes.iter().map(|volume| ("volumes.target", &volume.target));
    let mounts = container.mounts.iter().map(|mount| ("mounts.target", &mount.target));
    match volumes.chain(mounts).find(|(_, target)| !is_absolute(target)) {
        Some((key, target)) => Err(bad(key, target, PATH_RULE)),
        None => Ok(()),
    }
}

fn check_names(container: &Container) -> Result<(), Error> {
    if let Some(variable) = container.env.iter().find(|variable| !is_variable(&variable.name)) {
        return Err(bad("env.name", &variable.name, VARIABLE_RULE));
    }
    let is_label = |name: &str| !name.is_empty() && !name.contains('=');
    match container.labels.iter().find(|label| !is_label(&label.name)) {
        Some(label) => Err(bad("labels.name", &label.name, LABEL_RULE)),
        None => Ok(()),
    }
}

/// Refuses an entry that could land elsewhere than it says.
fn check_inject(entry: &Inject, user: &str) -> Result<(), Error> {
    let bad = |rule| Err(Error::BadEntry { target: entry.target.clone(), rule });
    if !is_absolute(&entry.target) {
        return bad("the target must be absolute, without empty parts, '.' and '..'");
    }
    if entry.source.as_ref().is_some_and(|source| !source.is_absolute()) {
        return bad("the source must be absolute");
    }
    if mode(&entry.mode).is_none() {
        return bad("the mode must be octal, at most 0777");
    }
    if entry.owner != "root" && entry.owner != user {
        return bad("the owner must be root or the document's user");
    }
    if entry.keep_edited && !entry.target.starts_with(&(home(user) + "/")) {
        return bad("a file that may be edited must lie in the user's home");
    }
    Ok(())
}

fn is_image(text: &str) -> bool {
    let wrong = |c: char| c.is_whitespace() || c.is_control();
    !text.is_empty() && !text.starts_with('-') && !text.contains(wrong)
}

/// Says whether `text` can be an account's name: more than useradd(8) takes,
/// and nothing that sshd_config(5), passwd(5) or a path has a meaning for.
fn is_account(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(is_inner)
}

/// Says whether `text` can be a volume's name, by the rule that both engines
/// have for names.
fn is_volume(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// Says whether `text` is the one way of writing an absolute path that is not
/// the root, and can be shown on a terminal.
pub(crate) fn is_absolute(text: &str) -> bool {
    let is_part = |part: &str| !["", ".", ".."].contains(&part);
    text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_part))
        && !text.chars().any(char::is_control)
}

/// Reads permission bits: octal digits, at most 0777.
pub(crate) fn mode(text: &str) -> Option<u32> {
    let digits = Some(text).filter(|text| text.chars().all(|c| c.is_digit(8)))?;
    u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777)
}
