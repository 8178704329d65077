//! What a `template.toml` may say.

use config::{Limits, Service, Variable};
use serde::Deserialize;

use crate::TemplateError;

/// A `template.toml`; each key is described in ctrkit-template(5), and a key
/// that is not here is refused.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What the template is for, in one line.
    #[serde(default)]
    pub description: String,
    /// What the container is, where neither the command line nor the
    /// configuration says it.
    #[serde(default)]
    pub container: Container,
}

/// The table `[container]`, with keys of the configuration file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// The image; what the recipe, where there is one, is built upon.
    pub image: Option<String>,
    /// The account in the container.
    pub user: Option<String>,
    /// The restart policy.
    pub restart: Option<String>,
    /// The policies that isolate it; none: it is not isolated.
    #[serde(default)]
    pub isolate: Vec<String>,
    /// Whether no process may gain privileges.
    #[serde(default)]
    pub no_new_privileges: bool,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// Variables of its environment.
    #[serde(default)]
    pub env: Vec<Variable>,
    /// More services, with ports of their own.
    #[serde(default)]
    pub service: Vec<Service>,
}

impl Settings {
    /// Reads `text`; `file` is its name in errors.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, TemplateError> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or(text);
            TemplateError::Malformed {
                file: file.to_owned(),
                line: before.matches('\n').count() + 1,
                message: error.message().replace('\n', " "),
            }
        })
    }
}
