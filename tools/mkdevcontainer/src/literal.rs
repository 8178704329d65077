//! Values that must arrive as they are.

use serde_json::{Map, Value};

use crate::Error;

/// The variables that whoever reads a devcontainer.json replaces in all of its
/// strings (containers.dev/implementors/json_reference, "Variables"; `env` is
/// what `localEnv` was called first). There is no way to write one down.
const VARIABLES: [&str; 8] = [
    "containerEnv",
    "containerWorkspaceFolder",
    "containerWorkspaceFolderBasename",
    "devcontainerId",
    "env",
    "localEnv",
    "localWorkspaceFolder",
    "localWorkspaceFolderBasename",
];

/// Says whether `text` has one of the variables in it.
pub(crate) fn has_variable(text: &str) -> bool {
    let names = text.split("${").skip(1).map(|rest| rest.split(['}', ':']).next());
    names.flatten().any(|name| VARIABLES.contains(&name))
}

/// Makes sure that nothing in `config` would be another value to its reader.
pub(crate) fn check(config: &Map<String, Value>) -> Result<(), Error> {
    config.iter().try_for_each(|(key, value)| check_value(key, value))
}

fn check_value(key: &str, value: &Value) -> Result<(), Error> {
    let refused = |why| Err(Error::Literal { key: key.to_owned(), why });
    match value {
        Value::String(text) if text.contains('\0') => {
            refused("it has a NUL, which no program can be given")
        }
        Value::String(text) if has_variable(text) => {
            refused("it has a variable in it, which readers of the file replace")
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_value(&format!("{key}[{index}]"), item)),
        Value::Object(members) => {
            members.iter().try_for_each(|(name, item)| check_value(&format!("{key}.{name}"), item))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::has_variable;

    #[test]
    fn only_what_is_replaced_is_a_variable() {
        for text in ["${localEnv:HOME}", "a${devcontainerId}", "${a${env:x:y}", "${containerEnv:"] {
            assert!(has_variable(text), "{text}");
        }
        for text in ["$HOME", "${HOME}", "${PATH:-x}", "$localEnv:HOME", "localEnv", "${}"] {
            assert!(!has_variable(text), "{text}");
        }
    }
}
