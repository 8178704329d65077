//! apt: sources.list(5), in both of its formats.

use super::{Found, Lines, Machine};

pub(super) fn find(machine: &Machine) -> Vec<Found> {
    let lists = machine.files(&["etc/apt/sources.list", "etc/apt/sources.list.d/*.list"], &[]);
    let stanzas = machine.files(&["etc/apt/sources.list.d/*.sources"], &[]);
    lists.iter().flat_map(one_line).chain(stanzas.iter().flat_map(deb822)).collect()
}

/// Reads `deb [options] URL suite component…`.
fn one_line(file: &Lines) -> Vec<Found> {
    let sources = file.iter().filter_map(|(at, line)| {
        let rest = line.trim().strip_prefix("deb")?;
        let rest = rest.strip_prefix("-src").unwrap_or(rest);
        let rest = rest.starts_with([' ', '\t']).then(|| rest.trim_start())?;
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1,
            None => rest,
        };
        Some(file.found("apt", at, rest.split_whitespace().next()?))
    });
    sources.collect()
}

/// Reads stanzas with `URIs:`, whose values may go on in indented lines; one
/// with `Enabled: no` says nothing.
fn deb822(file: &Lines) -> Vec<Found> {
    let (mut found, mut stanza, mut enabled) = (Vec::new(), Vec::new(), true);
    let mut key = String::new();
    for (at, line) in file.iter().chain([(0, "")]) {
        if line.trim().is_empty() {
            found.extend(stanza.drain(..).filter(|_| enabled));
            (enabled, key) = (true, String::new());
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let value = match line.split_once(':') {
            Some((name, value)) if !line.starts_with([' ', '\t']) => {
                key = name.to_ascii_lowercase();
                value
            }
            _ => line,
        };
        match key.as_str() {
            "uris" => stanza.extend(value.split_whitespace().map(|u| file.found("apt", at, u))),
            "enabled" => enabled = !matches!(value.trim(), "no" | "false" | "0"),
            _ => {}
        }
    }
    found
}
