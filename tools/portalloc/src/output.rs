//! The ledger as people read it.

use document::{Ports, ports::Reservation};

/// Returns one line for each reservation, with tabs between the fields: name,
/// key, offset, ports, machine, worktree. A hyphen is what there is not.
#[must_use]
pub fn table(ledger: &Ports) -> String {
    ledger.reservations.iter().map(line).collect()
}

fn line(reservation: &Reservation) -> String {
    let Reservation { key, name, path, offset, ports, host, .. } = reservation;
    let ports: Vec<_> =
        ports.iter().map(|held| format!("{}={}", held.service, held.port)).collect();
    let fields = [
        Some(name.clone()),
        Some(key.clone()),
        offset.map(|offset| offset.to_string()),
        Some(ports.join(" ")).filter(|ports| !ports.is_empty()),
        host.clone(),
        path.as_ref().map(|path| path.display().to_string()),
    ];
    let fields = fields.map(|field| field.map_or("-".to_owned(), |field| in_one_field(&field)));
    fields.join("\t") + "\n"
}

/// Escapes what would end a field or a line, or move a terminal's cursor.
fn in_one_field(text: &str) -> String {
    toolkit::printable(text).replace('\t', "\\t")
}
