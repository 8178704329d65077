//! A policy for people.

use comfy_table::{ContentArrangement, Table, presets};
use document::{
    Policy,
    policy::{Allow, Effect, Github, Passthrough, Secret},
};

use crate::Shown;

/// The blanks between two columns.
const GAP: u16 = 2;

impl Shown {
    /// Returns it as text.
    #[must_use]
    pub fn text(&self) -> String {
        let state = match (&self.differs, self.runs) {
            (Some(words), _) => format!("not what the proxy's file has: {words}"),
            (None, true) => "in force".to_owned(),
            (None, false) => "in force at the next start".to_owned(),
        };
        let mut text = format!("policy: {}\nstate:  {}\n\n", shown(&self.digest), shown(&state));
        let Policy { allow, passthrough, github, secret, .. } = &self.policy;
        let hosts = allow.iter().map(allowed).chain(passthrough.iter().map(passed));
        let guarded =
            github.iter().flat_map(|github| github.hosts.iter().map(|host| guarded(github, host)));
        text += &table(["HOST", "PORTS", "METHODS", "PATHS", "FROM"], hosts.chain(guarded));
        if let Some(github) = github {
            text.push('\n');
            text += &bounds(github);
            text.push('\n');
            text += &table(["OPERATION", "DECISION"], operations(github));
        }
        if !secret.is_empty() {
            text.push('\n');
            text += &table(["SECRET FOR", "HEADER", "FILE", "FROM"], secret.iter().map(kept));
        }
        text
    }
}

fn allowed(rule: &Allow) -> [String; 5] {
    let mut methods = all(&rule.methods);
    if rule.websockets {
        methods += " WebSockets";
    }
    let name = within(&rule.name, &rule.addresses);
    [name, ports(&rule.ports, "80 443"), methods, all(&rule.paths), from(rule.from.as_ref())]
}

fn passed(rule: &Passthrough) -> [String; 5] {
    let name = within(&rule.name, &rule.addresses);
    let unseen = || "unseen".to_owned();
    [name, ports(&rule.ports, "443"), unseen(), unseen(), from(rule.from.as_ref())]
}

fn guarded(github: &Github, host: &str) -> [String; 5] {
    let by = || "by operation".to_owned();
    let name = within(host, &github.addresses);
    [name, "443".to_owned(), by(), by(), from(github.from.as_ref())]
}

fn kept(secret: &Secret) -> [String; 4] {
    let Secret { host, header, file, from: written, .. } = secret;
    [host.clone(), header.clone(), file.clone(), from(written.as_ref())]
}

/// Returns what binds the operations.
fn bounds(github: &Github) -> String {
    let none = Vec::new();
    let protected = github.protected.as_ref().unwrap_or(&none);
    let rows = [
        ("REPOSITORIES", all(&github.repositories)),
        ("BRANCHES", all(&github.branches)),
        ("PROTECTED", if protected.is_empty() { "none".to_owned() } else { protected.join(" ") }),
    ];
    rows.map(|(key, value)| format!("{key:14}{}\n", shown(&value))).concat()
}

fn operations(github: &Github) -> impl Iterator<Item = [String; 2]> {
    let decision = |effect: &Effect| match effect {
        Effect::Allow => "allowed".to_owned(),
        Effect::Refuse => "refused".to_owned(),
    };
    let read = ["read".to_owned(), "allowed".to_owned()];
    let named = github.operations.0.iter();
    [read].into_iter().chain(named.map(move |(name, effect)| [name.to_string(), decision(effect)]))
}

fn ports(ports: &[u16], standard: &str) -> String {
    match ports {
        [] => standard.to_owned(),
        ports => ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" "),
    }
}

fn all(words: &[String]) -> String {
    if words.is_empty() { "any".to_owned() } else { words.join(" ") }
}

fn within(name: &str, addresses: &[String]) -> String {
    match addresses {
        [] => name.to_owned(),
        addresses => format!("{name} (also in {})", addresses.join(" ")),
    }
}

fn from(from: Option<&String>) -> String {
    from.cloned().unwrap_or_else(|| "-".to_owned())
}

/// Returns what a terminal may be shown of `text`, in one cell.
fn shown(text: &str) -> String {
    toolkit::printable(text).replace('\t', "\\t")
}

fn table<const N: usize>(headings: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_row(headings);
    for row in rows {
        table.add_row(row.map(|cell| shown(&cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
