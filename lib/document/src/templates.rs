//! `templates/1`: the templates that a container can be made from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Extra};

/// The templates that a container can be made from.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Templates {
    /// Always `templates/1`.
    pub schema: String,
    /// The templates, by name.
    pub templates: Vec<Listed>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One template.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its directory, absolute; absent: it is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// The SHA-256 of its files, in lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether it has a recipe of an image.
    pub recipe: bool,
    /// The policies that isolate its containers; none: they are not isolated.
    pub isolate: Vec<String>,
    /// Its files, by their paths below the directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Why it cannot be used; absent: it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Keys this version does not know, passed on as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Templates {
    /// Returns the document that lists `templates`.
    #[must_use]
    pub fn new(templates: Vec<Listed>) -> Self {
        Self { schema: Self::SCHEMA.to_owned(), templates, extra: Extra::new() }
    }
}

impl Document for Templates {
    const SCHEMA: &'static str = "templates/1";
}
