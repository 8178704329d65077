//! The probes: what each shows, what cures it, and how it is judged.

mod files;
mod network;
mod privileges;
mod proxy;

use std::collections::BTreeMap;

use document::{
    Extra,
    verify::{Probe, Verdict},
};

use crate::{ear::Heard, helper::Answers, jobs::Extent, target::Target};

/// How many of the things that were found are told.
const TOLD: usize = 4;

/// All that is known after the attack.
#[derive(Debug)]
pub(crate) struct Sight<'a> {
    pub(crate) target: &'a Target,
    pub(crate) extent: Extent,
    /// What the helper saw as root.
    pub(crate) root: Answers,
    /// What it saw as the container's user, where that is another one.
    pub(crate) user: Option<Answers>,
    /// What arrived at this machine; absent where the engine is elsewhere.
    pub(crate) heard: Option<Heard>,
    /// The namespaces that the container shares with this machine, where the
    /// kernel can be asked.
    pub(crate) shared: Option<Vec<&'static str>>,
    /// The containers that are not the target's own, by their addresses.
    pub(crate) others: BTreeMap<String, String>,
}

/// What came of a probe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Finding {
    /// Nothing got out.
    Held,
    /// It did, and how.
    Out(String),
    /// It could not be tried: the stable cause, and the words for people.
    Untested(&'static str, String),
    /// There is nothing of the kind to be tried.
    None,
}

/// One probe.
struct Row {
    id: &'static str,
    proves: &'static str,
    cure: &'static str,
    /// Where it is made.
    when: When,
    judge: fn(&Sight<'_>) -> Finding,
}

/// Where a probe is made.
#[derive(Clone, Copy, Eq, PartialEq)]
enum When {
    /// Always, beside the container too.
    Always,
    /// Inside of it, or by what the engine says, fast too.
    Inside,
    /// Only where there is time, beside the container too.
    Slow,
    /// Only where there is time, and by what was meant: while a container is
    /// being made that is not written down yet.
    Thorough,
}

impl Row {
    fn is_made(&self, extent: Extent) -> bool {
        match self.when {
            When::Always => true,
            When::Inside => !extent.beside,
            When::Slow => !extent.quick,
            When::Thorough => !extent.quick && !extent.beside,
        }
    }
}

/// All of them, in the order in which they are told.
fn all() -> impl Iterator<Item = &'static Row> {
    [network::ALL, proxy::ALL, privileges::ALL, files::ALL].into_iter().flatten()
}

/// Judges all that was tried.
pub(crate) fn judge(sight: &Sight<'_>) -> Vec<Probe> {
    all()
        .filter(|row| row.is_made(sight.extent))
        .filter_map(|row| told(row, (row.judge)(sight)))
        .collect()
}

fn told(row: &Row, finding: Finding) -> Option<Probe> {
    let probe = |verdict, detail: Option<String>, cause: Option<&str>| Probe {
        id: row.id.to_owned(),
        verdict,
        proves: row.proves.to_owned(),
        detail,
        cause: cause.map(str::to_owned),
        cure: (verdict == Verdict::GotOut).then(|| row.cure.to_owned()),
        extra: Extra::new(),
    };
    Some(match finding {
        Finding::Held => probe(Verdict::Held, None, None),
        Finding::Out(detail) => probe(Verdict::GotOut, Some(detail), None),
        Finding::Untested(cause, why) => probe(Verdict::Untested, Some(why), Some(cause)),
        Finding::None => return None,
    })
}

impl Sight<'_> {
    /// Judges jobs of which nothing must be seen, by root and by the user.
    fn nothing(&self, jobs: &[&str]) -> Finding {
        let mut found = Vec::new();
        for answers in std::iter::once(&self.root).chain(&self.user) {
            for job in jobs {
                match answers.get(job) {
                    Ok(seen) => found.extend(seen.iter().cloned()),
                    // What was not asked of the user was asked of root.
                    Err(_) if !std::ptr::eq(answers, &raw const self.root) => {}
                    Err(why) => return untested(&why),
                }
            }
        }
        found.sort();
        found.dedup();
        out(&found)
    }
}

/// Makes a finding of what was found.
fn out(found: &[String]) -> Finding {
    let rest = found.len().saturating_sub(TOLD);
    let told = found.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
    match (found.len(), rest) {
        (0, _) => Finding::Held,
        (_, 0) => Finding::Out(told),
        (_, rest) => Finding::Out(format!("{told}, and {rest} more")),
    }
}

/// Nobody knows, because the helper could not do it.
fn untested(why: &str) -> Finding {
    Finding::Untested("helper-failed", why.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_probe_has_a_name_of_its_own_that_stays() {
        let ids: Vec<_> = all().map(|row| row.id).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
        let is_kebab = |id: &str| {
            id.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        assert!(ids.iter().all(|id| is_kebab(id)));
    }

    #[test]
    fn much_that_is_found_is_told_in_short() {
        let found: Vec<_> = (0..6).map(|number| number.to_string()).collect();
        assert_eq!(out(&found), Finding::Out("0, 1, 2, 3, and 2 more".to_owned()));
        assert_eq!(out(&found[..1]), Finding::Out("0".to_owned()));
        assert_eq!(out(&[]), Finding::Held);
    }
}
