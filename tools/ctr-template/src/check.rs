//! What can be said of a template before a container is made of it.

use policy::{Library, Supplied, packages::Machine};
use std::path::PathBuf;
use template::{Template, TemplateError, render};

use crate::Error;

/// The policy that is read from this machine, and not from a file.
const PACKAGES: &str = "packages";

/// Values of all variables, to try a file with.
const SAMPLE: [(&str, &str); 12] = [
    ("CertInstallCommand", "true"),
    ("ClaudeConfigDir", "/home/me/claude"),
    ("ClaudeTokenPath", "/home/me/token"),
    ("ContainerName", "dev-myapp-b3e5ed"),
    ("ProjectHash", "b3e5ed886e6d"),
    ("ProjectName", "myapp"),
    ("ProjectPath", "/home/me/myapp"),
    ("ProxyImage", "localhost/ctrkit-proxy"),
    ("ProxyPort", "8080"),
    ("RemoteUser", "dev"),
    ("TemplateName", "basic"),
    ("WorkspaceFolder", "/workspace/myapp"),
];

/// Where policies are that a template may name.
#[derive(Clone, Debug)]
pub struct Policies {
    /// The directory of a person's own.
    pub directory: PathBuf,
}

/// Says what is wrong with `template`, if anything is.
pub fn check(template: &Template, policies: &Policies) -> Result<(), Error> {
    recipe(template)?;
    isolation(template, policies)?;
    if let Some((file, text)) = template.compose()? {
        yaml(&file, text)?;
    }
    template.devcontainer()?;
    let variables = render::Variables::from_pairs(&SAMPLE);
    for name in template.files().keys().filter(|name| render::rendered_name(name).is_some()) {
        if let Some(text) = template.text(name)? {
            render::render(name, &template.path(name), text, &variables)?;
        }
    }
    Ok(())
}

/// Refuses a recipe that is not built upon the container's image: what it makes
/// would have neither the account nor the ssh server.
fn recipe(template: &Template) -> Result<(), Error> {
    let Some(text) = template.text(template::RECIPE)? else { return Ok(()) };
    let is_upon = text.lines().any(|line| {
        let mut words = line.split_whitespace().filter(|word| !word.starts_with("--"));
        words.next().is_some_and(|word| word.eq_ignore_ascii_case("FROM"))
            && words.next().is_some_and(|image| ["${BASE}", "$BASE"].contains(&image))
    });
    match is_upon {
        true => Ok(()),
        false => Err(Error::NotUpon { file: template.path(template::RECIPE) }),
    }
}

/// Refuses policies that are not there or cannot be used.
fn isolation(template: &Template, policies: &Policies) -> Result<(), Error> {
    let supplied = template.policies()?.into_iter();
    let more: Vec<_> = supplied.map(|(name, file, text)| Supplied { name, file, text }).collect();
    for Supplied { file, text, .. } in &more {
        policy::parse(file, text)?;
    }
    let names = policy::split(&template.settings.container.isolate);
    let names: Vec<_> = names.into_iter().filter(|name| name != PACKAGES).collect();
    if !names.is_empty() {
        let directory = policies.directory.clone();
        Library { directory, machine: Machine::default(), more }.compose(&names)?;
    }
    Ok(())
}

/// Refuses what is no YAML; what may be in it is said when it is laid over a
/// container's model.
fn yaml(file: &str, text: &str) -> Result<(), TemplateError> {
    let wrong = |error: compose::Malformed| TemplateError::Malformed {
        file: file.to_owned(),
        line: error.line,
        message: error.message,
    };
    compose::read(text).map(drop).map_err(wrong)
}
