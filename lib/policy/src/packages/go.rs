//! go: `GOPROXY` and `GOSUMDB`, as `go env -w` and the distribution set them.

use super::{Found, Lines, Machine, setting};
use crate::rule::From;

const SYSTEM: &[&str] = &["usr/local/go/go.env", "usr/lib/go*/go.env", "usr/share/go*/go.env"];
const PERSONAL: &[&str] = &[".config/go/env"];

pub(super) fn find(machine: &Machine) -> Vec<Found> {
    // The first that says something holds: the environment, the person, go itself.
    let personal = machine.files(&[], PERSONAL);
    let system = machine.files(SYSTEM, &[]);
    let files: Vec<_> = personal.iter().chain(&system).collect();
    let of = |name: &str| {
        let own = machine
            .variable(name)
            .map(|value| (value.to_owned(), From { file: format!("${name}"), line: 1 }));
        own.or_else(|| files.iter().find_map(|file| value(file, name)))
    };
    let proxies = of("GOPROXY").into_iter().flat_map(|(value, from)| {
        let urls: Vec<_> = value.split([',', '|']).map(str::to_owned).collect();
        urls.into_iter().map(move |url| (url, from.clone()))
    });
    let sums = of("GOSUMDB").and_then(|(value, from)| Some((sum_database(&value)?, from)));
    let found = proxies.chain(sums);
    found.map(|(url, from)| Found { manager: "go", url, from }).collect()
}

fn value(file: &Lines, name: &str) -> Option<(String, From)> {
    let mut settings = file.iter().filter_map(|(at, line)| Some((at, setting(line)?)));
    let (at, (_, value)) = settings.find(|(_, (key, _))| *key == name)?;
    Some((value.to_owned(), file.found("go", at, "").from))
}

/// Returns the URL of `NAME[+KEY] [URL]`; `off` is none.
fn sum_database(value: &str) -> Option<String> {
    let mut words = value.split_whitespace();
    let name = words.next().filter(|name| *name != "off")?;
    let name = name.split('+').next().unwrap_or(name);
    Some(words.next().map_or_else(|| format!("https://{name}/"), str::to_owned))
}
