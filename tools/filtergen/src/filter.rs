//! The filter: a program that is always the same, and a policy as data in it.

use std::path::Path;

use policy::Policy;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Error;

/// Joins files to one text, two empty lines apart.
macro_rules! join {
    ($first:literal $(, $more:literal)*) => {
        concat!(include_str!($first) $(, "\n\n", include_str!($more))*)
    };
}

/// The program, with a place for the digest and one for the data: one file,
/// joined from parts that share its names. The first says what it is.
const PROGRAM: &str = join!(
    "filter/head.py",
    "filter/operations.py",
    "filter/operations_rest.py",
    "filter/operations_graphql.py",
    "filter/operations_push.py",
    "filter/policy.py",
    "filter/addresses.py",
    "filter/log.py",
    "filter/status.py",
    "filter/refusals.py",
    "filter/secrets.py",
    "filter/gate.py",
    "filter/requests.py",
    "filter/mend.py",
    "filter/proxy.py"
);
const DIGEST: &str = "@DIGEST@";
const DATA: &str = "@POLICY@";

/// What stands before the digest of all that follows its line.
const MARK: &str = "# ctrkit-filter/1 sha256:";
const BEGIN: &str = "\nPOLICY = r'''\n";
const END: &str = "\n'''\n";

/// Returns the filter that enforces `policy` for the container `name`.
pub fn render(policy: &Policy, name: Option<&str>) -> Result<String, Error> {
    let mut data = json!({"format": 1});
    if let Some(name) = name {
        data["container"] = name.into();
    }
    data["digest"] = policy.digest()?.into();
    data["policy"] = serde_json::to_value(policy.document())?;
    let text = PROGRAM.replacen(DATA, &literal(&serde_json::to_string_pretty(&data)?), 1);
    let body = text.split_once(DIGEST).map_or("", |(_, rest)| rest.trim_start_matches('\n'));
    let digest = format!("{:x}", Sha256::digest(body));
    Ok(text.replacen(DIGEST, &digest, 1))
}

/// Returns the digest of the program without a policy: `sha256:` and hex.
pub(crate) fn program() -> String {
    format!("sha256:{:x}", Sha256::digest(PROGRAM))
}

/// Escapes JSON so that it can stand in a raw string of Python: what is left
/// is ASCII without an apostrophe, and it ends in a brace.
fn literal(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\'' {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

/// Returns the policy of a filter of ours, or `None` where `text` is not one.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Option<Policy>, Error> {
    let Some((_, rest)) = text.split_once(MARK) else { return Ok(None) };
    let changed = || Error::FilterChanged { path: path.to_owned() };
    let (digest, body) = rest.split_once('\n').ok_or_else(changed)?;
    if format!("{:x}", Sha256::digest(body)) != digest {
        return Err(changed());
    }
    let data = body.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let (data, _) = data.ok_or_else(changed)?;
    let data: Value = serde_json::from_str(data).map_err(|_| changed())?;
    let policy = data.get("policy").map(Value::to_string).ok_or_else(changed)?;
    Ok(Some(policy::parse(&path.to_string_lossy(), &policy)?))
}
