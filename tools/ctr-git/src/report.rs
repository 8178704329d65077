//! What the script in the container says of the repository there.

/// How many files an error names.
pub(crate) const FILES: usize = 5;

/// The repository in the container.
///
/// All of it was said by the container, which is not trusted: it is text to
/// show and to compare, and nothing on the host is done because of it but to
/// ask git.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The branch that is checked out; absent where HEAD is detached.
    pub head: Option<String>,
    /// The commit that is checked out; absent before the first one.
    pub commit: Option<String>,
    /// The commit of the branch that is carried; absent where it is not there.
    pub tip: Option<String>,
    /// Whether that branch has the host's commit already.
    pub contains: bool,
    /// What somebody is in the middle of: `a rebase`, `a merge` and so on.
    pub busy: Option<&'static str>,
    /// Whether HEAD is detached and its commit is on no branch or tag.
    pub loose: bool,
    /// The URL of `origin`, as the container has it.
    pub origin: Option<String>,
    /// Whether a branch was to be checked out and was not.
    pub refused: bool,
    /// Tracked files with changes that are not committed, at most
    /// one more than an error names.
    pub dirty: Vec<String>,
    /// Files that are not tracked, ignored ones included, where the host's
    /// commits have others; at most one more than an error names.
    pub blocked: Vec<String>,
}

/// The first line, which shows that it was the script that answered.
const BEGIN: &str = "ctr-git 1";
/// The last line, which shows that nothing is missing.
const END: &str = "end";

/// Says whether `output` is the script's at all, or some other program's that
/// failed before it.
#[must_use]
pub fn begun(output: &str) -> bool {
    output.lines().next() == Some(BEGIN)
}

/// Reads the script's output, which is `KEY VALUE` lines between the first
/// and the last; `None` where it is something else.
#[must_use]
pub fn parse(output: &str) -> Option<Report> {
    let body = output.strip_prefix(BEGIN)?.strip_prefix('\n')?;
    let body = body.strip_suffix('\n')?.strip_suffix(END)?;
    let mut report = Report::default();
    for line in body.lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match key {
            "head" => report.head = Some(value.strip_prefix("refs/heads/")?.to_owned()),
            "commit" => report.commit = Some(object_id(value)?),
            "tip" => report.tip = Some(object_id(value)?),
            "contains" => report.contains = true,
            "busy" => report.busy = Some(operation(value)),
            "loose" => report.loose = true,
            "origin" => report.origin = Some(value.to_owned()),
            "refused" => report.refused = true,
            // `XY PATH`, git-status(1), Short Format.
            "dirty" => add(&mut report.dirty, value.get(3..)?),
            "blocked" => add(&mut report.blocked, value),
            _ => return None,
        }
    }
    Some(report)
}

fn add(files: &mut Vec<String>, file: &str) {
    if files.len() <= FILES {
        files.push(file.to_owned());
    }
}

/// Accepts a SHA-1 or a SHA-256 in lower-case hex.
fn object_id(text: &str) -> Option<String> {
    let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && matches!(text.len(), 40 | 64)).then(|| text.to_owned())
}

/// Names what a file in `.git` is a sign of (git-status(1), gitrepository-layout(5)).
fn operation(sign: &str) -> &'static str {
    match sign {
        "rebase-merge" => "a rebase",
        "rebase-apply" => "a rebase or 'git am'",
        "MERGE_HEAD" => "a merge",
        "CHERRY_PICK_HEAD" => "a cherry-pick",
        "REVERT_HEAD" => "a revert",
        "BISECT_LOG" => "a bisection",
        _ => "something",
    }
}
