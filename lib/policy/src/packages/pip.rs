//! pip: `index-url`, `extra-index-url` and `find-links` in pip.conf.

use super::{Found, Lines, Machine, quoted_url, setting};

const SYSTEM: &[&str] = &["etc/pip.conf", "etc/xdg/pip/pip.conf"];
const PERSONAL: &[&str] = &[".pip/pip.conf", ".config/pip/pip.conf"];

/// Where pip keeps its default.
const DEFAULTS: &[&str] = &[
    "usr/lib/python3*/dist-packages/pip/_internal/models/index.py",
    "usr/lib/python3*/site-packages/pip/_internal/models/index.py",
    "usr/local/lib/python3*/dist-packages/pip/_internal/models/index.py",
    "usr/local/lib/python3*/site-packages/pip/_internal/models/index.py",
];

pub(super) fn find(machine: &Machine) -> Vec<Found> {
    let index = machine.found_in("pip", "PIP_INDEX_URL");
    let mut has_index = !index.is_empty();
    let mut found = index;
    found.extend(machine.found_in("pip", "PIP_EXTRA_INDEX_URL"));
    for file in machine.files(SYSTEM, PERSONAL) {
        let (index, all) = configured(&file);
        has_index |= index;
        found.extend(all);
    }
    if !has_index {
        let files = machine.files(DEFAULTS, &[]);
        found.extend(files.first().map(default).unwrap_or_default());
    }
    found
}

/// Returns whether there is an index, and all that is read from. A value may
/// go on in lines that are indented.
fn configured(file: &Lines) -> (bool, Vec<Found>) {
    let (mut key, mut has_index, mut found) = (String::new(), false, Vec::new());
    for (at, line) in file.iter() {
        let value = if line.starts_with([' ', '\t']) {
            line
        } else {
            let (name, value) = setting(line).unwrap_or_default();
            name.clone_into(&mut key);
            value
        };
        if matches!(key.as_str(), "index-url" | "extra-index-url" | "find-links") {
            has_index |= key == "index-url";
            let urls = value.split_whitespace().filter(|word| word.contains("://"));
            found.extend(urls.map(|url| file.found("pip", at, url)));
        }
    }
    (has_index, found)
}

/// Finds `PyPI = PackageIndex("URL", file_storage_domain="NAME")`.
fn default(file: &Lines) -> Vec<Found> {
    let inside = file.iter().skip_while(|(_, line)| !line.starts_with("PyPI = "));
    let mut found = Vec::new();
    for (at, line) in inside {
        found.extend(quoted_url(line).map(|url| file.found("pip", at, url)));
        if let Some((_, files)) = line.split_once("file_storage_domain=") {
            let name = files.split(['"', '\'']).nth(1).unwrap_or_default();
            found.push(file.found("pip", at, &format!("https://{name}/")));
        }
        if line.ends_with(')') {
            break;
        }
    }
    found
}
