//! What is done on GitHub and is asked about, in words.

use document::policy::Operation;
use policy::{Action, Decider, Decision, Entry, Github, Reason, Request};

use crate::rest::{self, Role, Writing};

/// Methods that read, and those that write.
const READING: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
const WRITING: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

/// What is decided, and why.
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    /// The reason, the place and what else there is to know, in words.
    pub(crate) text: String,
}

/// What is decided on a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Allowed,
    Refused,
    /// The body decides, which nobody has seen.
    Depends,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Depends => "depends",
        }
    }
}

/// Decides on a request to a host that `github` guards.
pub(crate) fn request(github: &Github, request: &Request<'_>) -> Finding {
    let refused = |reason: &str| finding(Verdict::Refused, reason, github, None, "");
    if !READING.contains(&request.method) && !WRITING.contains(&request.method) {
        return refused("unclear");
    }
    let is_reading = READING.contains(&request.method);
    let path = policy::decoded(request.target);
    let Some(path) = path.filter(|path| is_reading || policy::is_bare(path)) else {
        return refused("path");
    };
    if asks_graphql(&path) && request.target.contains('?') {
        return refused("unclear");
    }
    if is_reading {
        return finding(Verdict::Allowed, "read", github, None, "");
    }
    let role = role(request.name);
    let written = request.target.split('?').next().unwrap_or_default();
    // No name of the web pages needs an escape.
    if written.contains('%') && rest::is_web(role, &path) {
        return refused("path");
    }
    let Some(writings) = rest::writings(role, request.method, &path) else {
        return refused("path");
    };
    // Every reading has to be allowed; of those that are not, the plainest is told,
    // as the filter does.
    let findings = writings.iter().map(|writing| (writing.operation, write(github, writing)));
    let worst = findings.min_by_key(|(operation, finding)| match finding.verdict {
        Verdict::Refused => (0, *operation == Some(Operation::OtherWrites)),
        Verdict::Depends => (1, false),
        Verdict::Allowed => (2, false),
    });
    worst.map_or_else(|| refused("path"), |(_, finding)| finding)
}

fn asks_graphql(path: &[String]) -> bool {
    let lower: Vec<_> = path.iter().map(|segment| segment.to_lowercase()).collect();
    rest::is_graphql(&lower.iter().map(String::as_str).collect::<Vec<_>>())
}

fn role(host: &str) -> Role {
    let host = host.to_ascii_lowercase();
    let is_for_programs = host.starts_with("api.") || host.starts_with("uploads.");
    let host = host.trim_end_matches('.');
    match is_for_programs && (host.ends_with(".github.com") || host.ends_with(".ghe.com")) {
        true => Role::Interface,
        false => Role::Web,
    }
}

fn write(github: &Github, writing: &Writing) -> Finding {
    let Some(operation) = writing.operation else {
        let verdict = if writing.besides.is_some() { Verdict::Depends } else { Verdict::Allowed };
        return finding(verdict, "read", github, None, &depends(writing.besides));
    };
    let (repository, branch) = (writing.repository.as_deref(), writing.branch.as_deref());
    let objection = github.objection(&Action { operation, repository, branch });
    let is_nowhere = repository.is_none() && github.repositories.is_some();
    let reason = match objection {
        None | Some(Reason::Branch) if is_nowhere && operation != Operation::Gist => {
            Some(Reason::Repository)
        }
        // The branch of a file that is written is in the body.
        Some(Reason::Branch) if writing.besides.is_some() && branch.is_none() => None,
        None if writing.blind => Some(Reason::Branch),
        objection => objection,
    };
    match (reason, writing.besides) {
        (Some(reason), _) => {
            let text = format!("{reason} {operation}");
            finding(Verdict::Refused, &text, github, Some(operation), "")
        }
        (None, Some(_)) => {
            let more = depends(writing.besides);
            finding(Verdict::Depends, operation.name(), github, Some(operation), &more)
        }
        (None, None) => finding(Verdict::Allowed, operation.name(), github, Some(operation), ""),
    }
}

fn depends(besides: Option<&str>) -> String {
    besides.map(|what| format!(" (on {what})")).unwrap_or_default()
}

fn finding(
    verdict: Verdict,
    reason: &str,
    github: &Github,
    operation: Option<Operation>,
    more: &str,
) -> Finding {
    let said = operation.and_then(|operation| github.operations.get(&operation));
    let place = said.map_or_else(|| github.places(), |said| said.from.to_string());
    Finding { verdict, text: format!("{reason} by {place} [github]{more}") }
}

/// Decides on `OPERATION[:OWNER/REPOSITORY[:BRANCH]]`; `None` is for what is
/// not written so.
pub(crate) fn action(
    decider: &Decider<'_>,
    github: Option<&Github>,
    text: &str,
) -> Option<Finding> {
    let mut parts = text.splitn(3, ':');
    let operation = policy::find_operation(parts.next()?).ok()?;
    let action = Action { operation, repository: parts.next(), branch: parts.next() };
    if action
        .repository
        .is_some_and(|name| name.split('/').filter(|part| !part.is_empty()).count() != 2)
    {
        return None;
    }
    Some(match github {
        Some(github) => guarded(github, &action),
        None => unguarded(decider, operation),
    })
}

fn guarded(github: &Github, action: &Action<'_>) -> Finding {
    let operation = Some(action.operation);
    match github.objection(action) {
        None => finding(Verdict::Allowed, "allow", github, operation, &bounds(github, action)),
        Some(Reason::Branch) if action.branch.is_none() => {
            let more = " (without a branch it writes to the default one)";
            finding(Verdict::Refused, "branch", github, operation, more)
        }
        Some(reason) => finding(Verdict::Refused, &reason.to_string(), github, operation, ""),
    }
}

/// Returns the bounds that were not asked about, in words.
fn bounds(github: &Github, action: &Action<'_>) -> String {
    let document = github.document();
    let mut bounds = Vec::new();
    if action.repository.is_none() && !document.repositories.is_empty() {
        bounds.push(format!("in {}", document.repositories.join(", ")));
    }
    if action.branch.is_none() && action.operation == Operation::Push {
        bounds.push(format!("to {}", document.branches.join(", ")));
        let protected = document.protected.unwrap_or_default();
        if !protected.is_empty() {
            bounds.push(format!("not to {}", protected.join(", ")));
        }
    }
    if bounds.is_empty() { String::new() } else { format!(" ({})", bounds.join("; ")) }
}

/// Decides where nothing guards GitHub: whatever writes there is then like any
/// other request.
fn unguarded(decider: &Decider<'_>, operation: Operation) -> Finding {
    let by_git = matches!(operation, Operation::Push | Operation::ForcePush);
    let name = if by_git { "github.com" } else { "api.github.com" };
    let request =
        Request { scheme: "https", name, port: 443, method: "POST", target: "/", websocket: false };
    let (verdict, reason, entry) = match decider.decide(&request) {
        Decision::Allowed(entry) => (Verdict::Allowed, "allow".to_owned(), Some(entry)),
        Decision::Refused { reason, entry } => (Verdict::Refused, reason.to_string(), entry),
    };
    let entry = entry.map(|entry: Entry<'_>| format!(" by {entry}")).unwrap_or_default();
    let more = match verdict {
        Verdict::Allowed => " (nothing tells it from other requests: there is no [github])",
        _ => "",
    };
    Finding { verdict, text: format!("{reason}{entry}{more}") }
}

/// Returns the repository that a path on the GitHub host `host` names.
pub(crate) fn repository(host: &str, method: &str, path: &[String]) -> Option<String> {
    let writings = rest::writings(role(host), method, path)?;
    let name = writings.into_iter().find_map(|writing| writing.repository)?;
    Some(name.strip_suffix(".git").unwrap_or(&name).to_owned())
}
