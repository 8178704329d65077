//! Changing the configuration file, key by key.
//!
//! A person writes the file; comments, order and blanks are theirs. A
//! [`Draft`] changes the values that it is told to change, and [`save`] puts
//! it in the file's place only after it was read again as strictly as any
//! tool will read it.

use std::{path::PathBuf, time::Duration};

use toml_edit::{
    ArrayOfTables, DocumentMut, InlineTable, Item, RawString, Table, TableLike, Value,
};
use toolkit::{
    Places,
    files::{self, Lock},
};

use crate::{Config, ConfigError, Connection, decode, malformed, parse, path};

/// How long one run waits for others, each of which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The configuration as it will be.
#[derive(Clone, Debug)]
pub struct Draft {
    path: PathBuf,
    document: DocumentMut,
    /// What ends the lines of the file.
    end: &'static str,
}

/// Changes the configuration file of `places` as `edit` says, and returns
/// whether it is another one now.
///
/// Nobody else changes it at the same time. Where `edit` fails, where the
/// file has a key that this version does not know, and where nothing changes,
/// nothing is written. A symbolic link is followed and stays.
pub fn save<E: From<ConfigError>>(
    places: &Places,
    edit: impl FnOnce(&mut Draft) -> Result<(), E>,
) -> Result<bool, E> {
    let path = path(places).map_err(ConfigError::from)?;
    let _lock =
        Lock::take(&path.with_extension("toml.lock"), PATIENCE).map_err(ConfigError::from)?;
    files::sweep(&path);
    let mut draft = Draft::read(places)?;
    let before = draft.text();
    edit(&mut draft)?;
    if draft.text() == before {
        return Ok(false);
    }
    draft.config()?;
    Ok(files::replace(&path, draft.text().as_bytes(), 0o600).map_err(ConfigError::from)?)
}

impl Draft {
    /// Reads the configuration file of `places`, which any tool must be able
    /// to read; one that is absent says nothing.
    pub fn read(places: &Places) -> Result<Self, ConfigError> {
        let path = path(places)?;
        let contents = files::read(&path)?.unwrap_or_default();
        let text = decode(&path, contents)?;
        parse(&path, &text)?;
        Self::parse(path, &text)
    }

    fn parse(path: PathBuf, text: &str) -> Result<Self, ConfigError> {
        let document = text.parse::<DocumentMut>().map_err(|error| {
            malformed(&path, text, error.span().map(|span| span.start), error.message())
        })?;
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Ok(Self { path, document, end })
    }

    /// Returns the text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        self.document.to_string().replace("\r\n", "\n").replace('\n', self.end)
    }

    /// Returns what the file says, if it says what it may.
    pub fn config(&self) -> Result<Config, ConfigError> {
        parse(&self.path, &self.text())
    }

    /// Makes `key`, of the table `table` unless it is empty, say `value`.
    pub fn set(&mut self, table: &str, key: &str, value: &str) {
        let root = self.document.as_table_mut();
        if table.is_empty() {
            let is_first = !root.iter().any(|(_, item)| item.is_value());
            set_in(root, key, value);
            if is_first {
                part_from_tables(root);
            }
            return;
        }
        let table = root.entry(table).or_insert_with(|| {
            let mut new = Table::new();
            new.decor_mut().set_prefix("\n");
            Item::Table(new)
        });
        if let Some(table) = table.as_table_like_mut() {
            set_in(table, key, value);
        }
    }

    /// Makes the file not say `key`, which is in no table.
    pub fn unset(&mut self, key: &str) {
        self.document.remove(key);
    }

    /// Puts `connection` behind the others, or gives the one with its name
    /// its address.
    pub fn set_connection(&mut self, connection: &Connection) {
        let Connection { name, address } = connection;
        let is_empty = self.document.is_empty();
        let new = || Item::ArrayOfTables(ArrayOfTables::new());
        match self.document.entry("connections").or_insert_with(new) {
            Item::ArrayOfTables(tables) => {
                if let Some(table) = tables.iter_mut().find(|table| is_named(*table, name)) {
                    return set_in(table, "address", address);
                }
                let mut table = Table::new();
                if !is_empty {
                    table.decor_mut().set_prefix("\n");
                }
                set_in(&mut table, "name", name);
                set_in(&mut table, "address", address);
                tables.push(table);
            }
            Item::Value(Value::Array(array)) => {
                let is_it = |value: &Value| {
                    value.as_inline_table().is_some_and(|table| is_named(table, name))
                };
                let index = array.iter().position(is_it);
                let old = index.and_then(|index| array.get_mut(index)?.as_inline_table_mut());
                if let Some(table) = old {
                    return set_in(table, "address", address);
                }
                let mut table = InlineTable::new();
                table.insert("name", name.as_str().into());
                table.insert("address", address.as_str().into());
                array.push(table);
            }
            // Another kind of value was refused when the file was read.
            _ => {}
        }
    }

    /// Takes the connection called `name` out of the file.
    ///
    /// A comment above it stays, because it may be about all of them.
    pub fn remove_connection(&mut self, name: &str) {
        match self.document.get_mut("connections") {
            Some(Item::ArrayOfTables(tables)) => {
                let Some(index) = tables.iter().position(|table| is_named(table, name)) else {
                    return;
                };
                let comment = tables.get(index).map(prefix).unwrap_or_default();
                tables.remove(index);
                let has_comment = comment.contains('#');
                match tables.get_mut(index) {
                    _ if !has_comment => {}
                    Some(next) => {
                        let joined = format!("{comment}{}", prefix(next));
                        next.decor_mut().set_prefix(joined);
                    }
                    None => {
                        let trailing = self.document.trailing().as_str().unwrap_or_default();
                        self.document.set_trailing(format!("{comment}{trailing}"));
                    }
                }
            }
            Some(Item::Value(Value::Array(array))) => array
                .retain(|value| value.as_inline_table().is_none_or(|table| !is_named(table, name))),
            _ => {}
        }
        let is_gone = match self.document.get("connections") {
            Some(Item::ArrayOfTables(tables)) => tables.is_empty(),
            _ => false,
        };
        if is_gone {
            self.document.remove("connections");
        }
    }
}

/// Makes `key` say `value`, with the comment behind it as it is.
fn set_in(table: &mut dyn TableLike, key: &str, value: &str) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) if old.as_str() == Some(value) => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = value.into();
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, toml_edit::value(value));
        }
    }
}

/// Puts an empty line between the first key and the table that was the first
/// thing in the file.
fn part_from_tables(root: &mut Table) {
    let tables = root.iter_mut().filter_map(|(_, item)| match item {
        Item::Table(table) => Some(table),
        Item::ArrayOfTables(tables) => tables.iter_mut().next(),
        _ => None,
    });
    if let Some(first) = tables.min_by_key(|table| table.position()) {
        let prefix = prefix(first);
        if !prefix.starts_with('\n') {
            first.decor_mut().set_prefix(format!("\n{prefix}"));
        }
    }
}

fn prefix(table: &Table) -> String {
    table.decor().prefix().and_then(RawString::as_str).unwrap_or_default().to_owned()
}

fn is_named(table: &dyn TableLike, name: &str) -> bool {
    table.get("name").and_then(Item::as_str) == Some(name)
}

#[cfg(test)]
mod tests;
