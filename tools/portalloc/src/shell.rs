//! Ports as variables of a shell.

use std::collections::BTreeMap;

use crate::{Error, Wanted};

/// Returns the variable of each service, such as `SSH_PORT`.
///
/// A service's name consists of what a variable's name may have, once hyphens
/// are replaced: a shell may read it as it is.
pub fn variables(wanted: &[Wanted]) -> Result<Vec<String>, Error> {
    let mut seen = BTreeMap::new();
    for Wanted { service, .. } in wanted {
        let variable = variable(service);
        if let Some(first) = seen.insert(variable.clone(), service) {
            let (first, second) = (first.clone(), service.clone());
            return Err(Error::SameVariable { first, second, variable });
        }
    }
    Ok(wanted.iter().map(|wanted| variable(&wanted.service)).collect())
}

fn variable(service: &str) -> String {
    format!("{}_PORT", service.to_ascii_uppercase().replace('-', "_"))
}

/// Returns a line such as `SSH_PORT=2201` for each variable.
#[must_use]
pub fn lines(variables: &[String], ports: &[u16]) -> String {
    variables.iter().zip(ports).map(|(variable, port)| format!("{variable}={port}\n")).collect()
}
