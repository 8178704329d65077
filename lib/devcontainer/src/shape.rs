//! Which keys have values of which shape.

use serde_json::Value;

/// The shapes that values have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    Text,
    Flag,
    /// Numbers of ports, or texts with them.
    Ports,
    Texts,
    /// A text, or a list of them.
    TextOrTexts,
    /// A map of texts.
    Variables,
    /// A map of texts and nulls, which unset.
    OptionalVariables,
    Table,
    /// Mounts, as texts or as maps of texts.
    Mounts,
    /// A text for a shell, a list of words, or a map of these.
    Command,
}

/// The keys that have a meaning here or to the CLI, and their shapes.
pub(crate) const SHAPES: &[(&str, Shape)] = &[
    ("name", Shape::Text),
    ("image", Shape::Text),
    ("build", Shape::Table),
    ("dockerFile", Shape::Text),
    ("context", Shape::Text),
    ("dockerComposeFile", Shape::TextOrTexts),
    ("service", Shape::Text),
    ("runServices", Shape::Texts),
    ("features", Shape::Table),
    ("overrideFeatureInstallOrder", Shape::Texts),
    ("customizations", Shape::Table),
    ("containerEnv", Shape::Variables),
    ("remoteEnv", Shape::OptionalVariables),
    ("containerUser", Shape::Text),
    ("remoteUser", Shape::Text),
    ("runArgs", Shape::Texts),
    ("mounts", Shape::Mounts),
    ("workspaceMount", Shape::Text),
    ("workspaceFolder", Shape::Text),
    ("capAdd", Shape::Texts),
    ("securityOpt", Shape::Texts),
    ("privileged", Shape::Flag),
    ("init", Shape::Flag),
    ("overrideCommand", Shape::Flag),
    ("updateRemoteUserUID", Shape::Flag),
    ("userEnvProbe", Shape::Text),
    ("shutdownAction", Shape::Text),
    ("waitFor", Shape::Text),
    ("forwardPorts", Shape::Ports),
    ("appPort", Shape::Ports),
    ("portsAttributes", Shape::Table),
    ("otherPortsAttributes", Shape::Table),
    ("hostRequirements", Shape::Table),
    ("secrets", Shape::Table),
    ("initializeCommand", Shape::Command),
    ("onCreateCommand", Shape::Command),
    ("updateContentCommand", Shape::Command),
    ("postCreateCommand", Shape::Command),
    ("postStartCommand", Shape::Command),
    ("postAttachCommand", Shape::Command),
];

/// The keys of `build`.
pub(crate) const BUILD: &[(&str, Shape)] = &[
    ("dockerfile", Shape::Text),
    ("context", Shape::Text),
    ("args", Shape::Variables),
    ("target", Shape::Text),
    ("cacheFrom", Shape::TextOrTexts),
    ("options", Shape::Texts),
];

impl Shape {
    /// Says whether `value` has this shape.
    pub(crate) fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Texts => list(value, Value::is_string),
            Self::TextOrTexts => value.is_string() || list(value, Value::is_string),
            Self::Variables => table(value, Value::is_string),
            Self::OptionalVariables => table(value, |it| it.is_string() || it.is_null()),
            Self::Table => value.is_object(),
            Self::Ports => is_port(value) || list(value, is_port),
            Self::Mounts => list(value, |it| it.is_string() || table(it, |it| !it.is_object())),
            Self::Command => is_command(value) || table(value, is_command),
        }
    }

    /// Returns the shape in words, to follow "it must be".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Flag => "true or false",
            Self::Texts => "a list of texts",
            Self::TextOrTexts => "text or a list of texts",
            Self::Variables => "a map of texts",
            Self::OptionalVariables => "a map of texts, or of null",
            Self::Table => "a map",
            Self::Ports => "a port, or a list of ports",
            Self::Mounts => "a list of mounts",
            Self::Command => "a command: text, a list of words, or a map of these",
        }
    }
}

fn list(value: &Value, is_good: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(is_good))
}

fn table(value: &Value, is_good: impl Fn(&Value) -> bool) -> bool {
    value.as_object().is_some_and(|members| members.values().all(is_good))
}

fn is_port(value: &Value) -> bool {
    value.is_string() || value.as_u64().is_some_and(|port| (1..=65535).contains(&port))
}

fn is_command(value: &Value) -> bool {
    value.is_string() || list(value, Value::is_string)
}
