//! Reading `git push --porcelain`.

/// What became of the one ref that was pushed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pushed {
    /// The remote has it now, or had it before.
    Accepted,
    /// The remote has commits that are not in what was pushed; nothing was
    /// sent.
    Behind,
    /// The remote was asked and would not, for the reason it gives.
    Refused(String),
}

/// Reads the line of `reference` from the output of `git push --porcelain`,
/// or returns `None` where there is none: nothing was negotiated.
///
/// A line is `FLAG<tab>FROM:TO<tab>SUMMARY (REASON)`, and FLAG is `!` for a
/// ref that was rejected (git-push(1), section OUTPUT). Git itself writes
/// `[rejected]` for what it did not even send and `[remote rejected]` for what
/// the other side answered.
#[must_use]
pub fn pushed(output: &str, reference: &str) -> Option<Pushed> {
    let ends_with = format!(":{reference}");
    output.lines().find_map(|line| {
        let mut fields = line.splitn(3, '\t');
        let (flag, refs, summary) = (fields.next()?, fields.next()?, fields.next()?);
        if !refs.ends_with(&ends_with) {
            return None;
        }
        match flag {
            " " | "*" | "=" => Some(Pushed::Accepted),
            "!" if summary.starts_with("[rejected]") => Some(Pushed::Behind),
            "!" => Some(Pushed::Refused(reason(summary).to_owned())),
            _ => None,
        }
    })
}

fn reason(summary: &str) -> &str {
    let inside = summary.split_once(" (").and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<Pushed>) {
        let output = format!("To dev-a:/workspace/a\n{line}\nDone\n");
        assert_eq!(pushed(&output, "refs/heads/a;b"), expected, "{line}");
    }

    #[test]
    fn flags_are_told_apart() {
        let refs = "refs/heads/a;b:refs/heads/a;b";
        check(&format!("*\t{refs}\t[new branch]"), Some(Pushed::Accepted));
        check(&format!(" \t{refs}\t1a2b3c4..5d6e7f8"), Some(Pushed::Accepted));
        check(&format!("=\t{refs}\t[up to date]"), Some(Pushed::Accepted));
        check(&format!("!\t{refs}\t[rejected] (fetch first)"), Some(Pushed::Behind));
        check(&format!("!\t{refs}\t[rejected] (non-fast-forward)"), Some(Pushed::Behind));
        check(
            &format!("!\t{refs}\t[remote rejected] (Working directory has unstaged changes)"),
            Some(Pushed::Refused("Working directory has unstaged changes".into())),
        );
        check(
            &format!("!\t{refs}\t[remote rejected] (a (b) c)"),
            Some(Pushed::Refused("a (b) c".into())),
        );
        check(&format!("!\t{refs}\t[no match]"), Some(Pushed::Refused("[no match]".into())));
    }

    #[test]
    fn other_refs_and_noise_do_not_count() {
        check("*\trefs/heads/x:refs/heads/x\t[new branch]", None);
        check("+\trefs/heads/a;b:refs/heads/a;b\t1...2 (forced update)", None);
        check("", None);
        check("refs/heads/a;b:refs/heads/a;b", None);
    }
}
