//! What came of an attack, for people and for prove(1).

use document::{
    Verify,
    verify::{Probe, Verdict},
};
use toolkit::printable;

/// Writes it in the Test Anything Protocol, version 13.
///
/// A probe that could not be made is a test that is skipped, and why; one more
/// test says that there is none of those, so that nobody takes it for a pass.
#[must_use]
pub fn tap(document: &Verify) -> String {
    let several = document.containers.len() > 1;
    let mut lines = vec!["TAP version 13".to_owned()];
    let mut number = 0;
    for container in &document.containers {
        for probe in &container.probes {
            number += 1;
            let name = if several { format!("{}: ", container.name) } else { String::new() };
            lines.extend(test(number, &name, probe));
        }
    }
    let all = document.containers.iter().flat_map(|container| &container.probes);
    let untested: Vec<_> = all.filter(|probe| probe.verdict == Verdict::Untested).collect();
    if !untested.is_empty() {
        number += 1;
        lines.push(format!("not ok {number} - each probe could be made"));
    }
    lines.push(format!("1..{number}"));
    lines.join("\n") + "\n"
}

fn test(number: usize, name: &str, probe: &Probe) -> Vec<String> {
    let Probe { id, proves, detail, cause, cure, .. } = probe;
    let about = printable(&format!("{name}{id}: {proves}"));
    let comment = |word: &str, text: &Option<String>| {
        text.as_ref().map(|text| format!("# {word}: {}", printable(text)))
    };
    match probe.verdict {
        Verdict::Held => vec![format!("ok {number} - {about}")],
        Verdict::GotOut => {
            let more = [comment("found", detail), comment("cure", cure)];
            std::iter::once(format!("not ok {number} - {about}"))
                .chain(more.into_iter().flatten())
                .collect()
        }
        _ => {
            let cause = cause.as_deref().unwrap_or("unknown");
            let why = printable(detail.as_deref().unwrap_or_default());
            vec![format!("ok {number} - {about} # SKIP {cause}: {why}")]
        }
    }
}
