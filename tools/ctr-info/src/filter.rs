//! The filter that a proxy has.

use document::{containers::ListedFilter, proxy::FILTER};
use engine::Engine;
use policy::PolicyError;
use sha2::{Digest, Sha256};
use toolkit::{SiblingError, Siblings};

use crate::Error;

/// What filtergen(1) calls what it is given.
const INPUT: &str = "/dev/stdin";

/// Reads the filter out of the container `proxy`, and has filtergen(1) say
/// which policy it is.
///
/// One that cannot be read is no reason to tell nothing else; `applied` is the
/// digest of what was meant.
pub(crate) fn read(
    engine: &Engine,
    siblings: &Siblings,
    proxy: &str,
    applied: Option<&str>,
) -> Result<ListedFilter, Error> {
    let problem =
        |words: &str| ListedFilter { problem: Some(words.to_owned()), ..Default::default() };
    let Some(filter) = engine.read_file(proxy, FILTER)? else {
        return Ok(problem(&format!("there is no {FILTER} in '{proxy}'")));
    };
    match siblings.run("filtergen", &["--read", INPUT], &filter) {
        Ok(policy) => Ok(describe(&String::from_utf8_lossy(&policy), applied)
            .unwrap_or_else(|error| problem(&error.to_string()))),
        Err(SiblingError::Failed(failed)) => Ok(problem(&failed.message.replace(INPUT, FILTER))),
        Err(error) => Err(error.into()),
    }
}

/// Describes the policy that filtergen(1) has written: its digest is that of
/// the line.
fn describe(line: &str, applied: Option<&str>) -> Result<ListedFilter, PolicyError> {
    let line = line.trim_end_matches('\n');
    let policy = policy::parse(FILTER, line)?;
    let digest = format!("sha256:{:x}", Sha256::digest(line));
    Ok(ListedFilter {
        applied: applied.filter(|applied| **applied != digest).map(str::to_owned),
        digest: Some(digest),
        allow: policy.allowed_names(),
        passthrough: policy.passthrough_names(),
        ..ListedFilter::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_told_by_its_names_and_its_digest() {
        let line = r#"{"schema":"policy/1","allow":[{"name":"b.example"},{"name":"*.a.example"},{"name":"b.example","ports":[8443],"from":"more:1"}],"passthrough":[{"name":"c.example"}]}"#;
        let found = describe(&format!("{line}\n"), Some("sha256:other")).unwrap();
        assert_eq!(found.allow, ["*.a.example", "b.example"]);
        assert_eq!(found.passthrough, ["c.example"]);
        assert_eq!(found.applied.as_deref(), Some("sha256:other"));
        let digest = found.digest.unwrap();
        assert_eq!(describe(line, Some(&digest)).unwrap().applied, None);
        assert_eq!(describe(line, None).unwrap().applied, None);
        assert!(describe("{}", None).is_err());
    }

    #[test]
    fn what_is_guarded_may_be_reached_too() {
        let line = r#"{"schema":"policy/1","allow":[{"name":"a.example"}],"github":{"hosts":["github.com"]}}"#;
        let found = describe(line, None).unwrap();
        let expected = ["a.example", "api.github.com", "github.com", "uploads.github.com"];
        assert_eq!(found.allow, expected);
    }
}
