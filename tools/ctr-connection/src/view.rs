//! The connections, for programs and for people.

use config::{Config, Host};
use document::{
    Connections, Extra,
    connections::{self, Connection},
};
use toolkit::Places;

use crate::Error;

/// Returns all connections.
pub fn list(places: &Places) -> Result<Connections, Error> {
    let config = config::Draft::read(places)?.config()?;
    let all = config.connections.iter().map(|connection| listed(&config, connection)).collect();
    Ok(Connections::new(config.host.clone(), all))
}

/// Returns the connection called `name`, or else the one in force.
pub fn show(places: &Places, name: Option<&str>) -> Result<Connections, Error> {
    let config = config::Draft::read(places)?.config()?;
    let host = config.host.as_deref().ok_or(Error::NoHost)?;
    let Some(name) = name.or(config.connection.as_deref()) else {
        let server = host.parse::<Host>().map(|host| host.server.to_string());
        return Err(Error::NoneInForce { server: server.unwrap_or_default() });
    };
    let found = config.find(name).ok_or_else(|| Error::absent(&config, name))?;
    Ok(Connections::new(config.host.clone(), vec![listed(&config, found)]))
}

fn listed(config: &Config, connection: &config::Connection) -> Connection {
    connections::Connection {
        name: connection.name.clone(),
        address: connection.address.clone(),
        active: config.connection.as_ref() == Some(&connection.name),
        extra: Extra::new(),
    }
}

/// Returns the table for people, with a line of headings also when there is
/// nothing.
#[must_use]
pub fn table(list: &Connections) -> String {
    let rows = list.connections.iter().map(|connection| {
        let Connection { name, address, active, .. } = connection;
        [name.as_str(), address.as_str(), if *active { "yes" } else { "-" }]
    });
    let rows: Vec<_> = std::iter::once(["NAME", "ADDRESS", "IN FORCE"]).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    rows.iter()
        .map(|[name, address, is]| format!("{name:first$}  {address:second$}  {is}\n"))
        .collect()
}

/// Returns one `key: value` per line about the connection.
#[must_use]
pub fn text(list: &Connections) -> String {
    let host = list.host.as_deref().unwrap_or("-");
    let about = |connection: &Connection| {
        let Connection { name, address, active, .. } = connection;
        let is = if *active { "yes" } else { "no" };
        format!("name:      {name}\naddress:   {address}\nin force:  {is}\nhost:      {host}\n")
    };
    list.connections.iter().map(about).collect()
}
