//! Putting connections into the configuration, and taking them out.

use config::{Connection, is_connection_name};
use toolkit::Places;

use crate::Error;

/// Checks a connection's name on the command line.
pub fn name(text: &str) -> Result<String, &'static str> {
    if is_connection_name(text) { Ok(text.to_owned()) } else { Err(config::CONNECTION_NAME) }
}

/// Puts `connection` into the configuration, and returns what was done.
///
/// Where it is already, nothing changes; its name with another address is an
/// error, because containers may be reached over it.
pub fn add(places: &Places, connection: &Connection) -> Result<String, Error> {
    let Connection { name, address } = connection;
    let is_new = config::save(places, |draft| {
        let config = draft.config()?;
        if config.host.as_deref().is_none_or(|url| !url.starts_with("ssh://")) {
            return Err(Error::NoHost);
        }
        match config.find(name) {
            Some(old) if old.address == *address => Ok(()),
            Some(old) => Err(Error::Exists {
                name: name.clone(),
                old: old.address.clone(),
                new: address.clone(),
            }),
            None => {
                draft.set_connection(connection);
                Ok(())
            }
        }
    })?;
    let done = if is_new { "is added" } else { "is there already" };
    Ok(format!("the connection '{name}' ({address}) {done}"))
}

/// Takes the connection called `name` out of the configuration, and returns
/// what was done.
pub fn remove(places: &Places, name: &str) -> Result<String, Error> {
    let is_gone = config::save(places, |draft| {
        if draft.config()?.connection.as_deref() == Some(name) {
            return Err(Error::InForce { name: name.to_owned() });
        }
        draft.remove_connection(name);
        Ok(())
    })?;
    Ok(match is_gone {
        true => format!("the connection '{name}' is removed"),
        false => format!("there is no connection '{name}'"),
    })
}
