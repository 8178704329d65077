//! cargo: sources and registries in config.toml, and what the indexes that
//! were used already say of themselves.

use std::path::Path;

use super::{Found, Lines, Machine};

const CONFIGURATION: &[&str] = &[".cargo/config.toml", ".cargo/config"];

/// What an index says of itself: where crates are downloaded.
const INDEXES: &[&str] = &[".cargo/registry/index/*/config.json"];
const SYSTEM_INDEXES: &[&str] = &["usr/local/cargo/registry/index/*/config.json"];

pub(super) fn find(machine: &Machine) -> Vec<Found> {
    let files = machine.files(&["usr/local/cargo/config.toml"], CONFIGURATION);
    let mut found: Vec<_> = files.iter().flat_map(configured).collect();
    for file in machine.files(SYSTEM_INDEXES, INDEXES) {
        found.extend(index(&file));
    }
    found
}

fn configured(file: &Lines) -> Vec<Found> {
    let Ok(config) = file.text.parse::<toml::Table>() else { return Vec::new() };
    let urls = |table: &str, key: &'static str| -> Vec<String> {
        let entries = config.get(table).and_then(toml::Value::as_table);
        let values =
            entries.into_iter().flatten().filter_map(|(_, entry)| entry.get(key)?.as_str());
        values.map(str::to_owned).collect()
    };
    let urls = urls("source", "registry").into_iter().chain(urls("registries", "index"));
    let line = |url: &str| file.iter().find(|(_, line)| line.contains(url)).map_or(1, |(at, _)| at);
    urls.map(|url| file.found("cargo", line(&url), &url)).collect()
}

/// Returns the index, whose directory is called `NAME-HASH`, and its downloads.
fn index(file: &Lines) -> Vec<Found> {
    let directory = file.path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let name = directory.and_then(|name| name.rsplit_once('-')).map(|(name, _)| name);
    let config: serde_json::Value = serde_json::from_str(&file.text).unwrap_or_default();
    let downloads = config.get("dl").and_then(serde_json::Value::as_str);
    // Where the address of a download has markers, only the name counts.
    let downloads = downloads.map(|url| url.split('{').next().unwrap_or_default().to_owned());
    let index = name.map(|name| format!("https://{name}/"));
    index.into_iter().chain(downloads).map(|url| file.found("cargo", 1, &url)).collect()
}
