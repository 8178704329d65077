//! npm: `registry`, and `registry` of a scope, in npmrc(5) files.

use super::{Found, Lines, Machine, quoted_url, setting};

const SYSTEM: &[&str] = &["etc/npmrc", "usr/etc/npmrc", "usr/local/etc/npmrc"];

/// Where npm keeps the default of each setting.
const DEFAULTS: &[&str] = &[
    "usr/lib/node_modules/npm/node_modules/@npmcli/config/lib/definitions/definitions.js",
    "usr/local/lib/node_modules/npm/node_modules/@npmcli/config/lib/definitions/definitions.js",
    "usr/share/nodejs/npm/node_modules/@npmcli/config/lib/definitions/definitions.js",
    "usr/share/nodejs/@npmcli/config/lib/definitions/definitions.js",
];

pub(super) fn find(machine: &Machine) -> Vec<Found> {
    let mut found = machine.found_in("npm", "npm_config_registry");
    for file in machine.files(SYSTEM, &[".npmrc"]) {
        found.extend(configured(&file));
    }
    let has_registry = !found.is_empty();
    if !has_registry {
        found.extend(machine.files(DEFAULTS, &[]).iter().filter_map(default));
    }
    found
}

fn configured(file: &Lines) -> Vec<Found> {
    let settings = file.iter().filter_map(|(at, line)| Some((at, setting(line)?)));
    let registries =
        settings.filter(|(_, (key, _))| *key == "registry" || key.ends_with(":registry"));
    registries.map(|(at, (_, url))| file.found("npm", at, url)).collect()
}

/// Finds the default of `registry`, which follows on the line of its name.
fn default(file: &Lines) -> Option<Found> {
    let mut lines = file.iter().skip_while(|(_, line)| {
        !(line.contains("'registry'") || line.trim_start().starts_with("registry:"))
    });
    let (at, line) = lines.find(|(_, line)| line.trim_start().starts_with("default:"))?;
    Some(file.found("npm", at, quoted_url(line)?))
}
