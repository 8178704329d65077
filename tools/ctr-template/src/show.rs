//! What there is, for programs and for people.

use comfy_table::{ContentArrangement, Table, presets};
use document::{Templates, templates::Listed};
use template::{Library, Template};
use toolkit::Failure;

use crate::Error;

/// The blanks between two columns.
const GAP: u16 = 2;

/// What is said of a template that names no policies.
const OPEN: &str = "none";

/// Returns all templates; one that cannot be used is among them, and why.
pub fn list(library: &Library) -> Result<Templates, Error> {
    let entry = |name: String| match library.find(&name) {
        Ok(template) => listed(&template),
        Err(error) => {
            let directory = Some(library.directory().join(&name));
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            Listed { name, directory, problem: Some(format!("{error}{hint}")), ..Listed::default() }
        }
    };
    Ok(Templates::new(library.names()?.into_iter().map(entry).collect()))
}

/// Returns the entry of `template`.
#[must_use]
pub fn listed(template: &Template) -> Listed {
    Listed {
        name: template.name.clone(),
        description: template.settings.description.clone(),
        directory: template.directory.clone(),
        digest: Some(template.digest()),
        recipe: template.has_recipe(),
        isolate: template.settings.container.isolate.clone(),
        files: template.files().keys().cloned().collect(),
        ..Listed::default()
    }
}

/// Returns the table of `templates`, with a line of headings.
#[must_use]
pub fn table(templates: &Templates) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_row(["TEMPLATE", "FROM", "IMAGE", "ISOLATION", "DESCRIPTION"]);
    for entry in &templates.templates {
        table.add_row(row(entry));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn row(entry: &Listed) -> [String; 5] {
    let from = if entry.directory.is_some() { "own" } else { "shipped" };
    let recipe = if entry.recipe { "recipe" } else { "-" };
    let (isolation, description) = match &entry.problem {
        Some(problem) => ("-".to_owned(), format!("cannot be used: {problem}")),
        None => (isolation(&entry.isolate), entry.description.clone()),
    };
    [shown(&entry.name), from.into(), recipe.into(), shown(&isolation), shown(&description)]
}

fn isolation(policies: &[String]) -> String {
    if policies.is_empty() { OPEN.to_owned() } else { policies.join("+") }
}

/// Returns all about `template`, for people.
#[must_use]
pub fn show(template: &Template) -> String {
    let container = &template.settings.container;
    let directory = template.directory.as_ref().map(|path| path.to_string_lossy().into_owned());
    let recipe = match template.has_recipe() {
        true => Some(format!("{} upon the container's image", template::RECIPE)),
        false => None,
    };
    let isolation = match container.isolate.is_empty() {
        true => format!("{OPEN}: a container of it gets out, unless --isolate is said"),
        false => isolation(&container.isolate),
    };
    let service = |service: &config::Service| {
        format!("{} ({}, from {})", service.name, service.container, service.start)
    };
    let env = container.env.iter().map(|variable| format!("{}={}", variable.name, variable.value));
    let lines = [
        ("template", Some(template.name.clone())),
        ("description", Some(template.settings.description.clone())),
        ("from", Some(directory.unwrap_or_else(|| "shipped".to_owned()))),
        ("digest", Some(template.digest())),
        ("isolation", Some(isolation)),
        ("recipe", recipe),
        ("image", container.image.clone()),
        ("user", container.user.clone()),
        ("restart", container.restart.clone()),
        ("memory", container.limits.memory.clone()),
        ("cpus", container.limits.cpus.clone()),
        ("pids", container.limits.pids.map(|pids| pids.to_string())),
        ("services", Some(join(container.service.iter().map(service)))),
        ("env", Some(join(env))),
        ("files", Some(join(template.files().keys().cloned()))),
    ];
    let line = |(name, value): (&str, Option<String>)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some(format!("{name:<13}{}\n", shown(&value)))
    };
    lines.into_iter().filter_map(line).collect()
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(" ")
}

/// Returns what a terminal may be shown of `text`, on one line.
fn shown(text: &str) -> String {
    toolkit::printable(text).replace('\t', "\\t")
}
