//! Looking for secrets in a container, without taking them there: what it has
//! comes out, and is looked at here.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
};

use base64ct::{Base64Unpadded, Encoding};
use document::{
    Extra,
    verify::{Attacked, Probe, Verdict},
};
use engine::Summary;
use serde::Deserialize;
use toolkit::{Events, expand_tilde};

use crate::{
    Attack, Error, attacked,
    helper::{self, Injected},
    lines,
    target::Target,
};

/// How many bytes a secret must have: less is found by chance.
const SHORTEST: usize = 8;

/// How much is looked at in one piece.
const PIECE: usize = 1 << 20;

/// How many places are told.
const TOLD: usize = 8;

/// A secret that must not be in a container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Secret {
    /// What it is called: its id, or its file.
    pub name: String,
    /// The file on this machine that holds it.
    pub file: PathBuf,
}

/// Where a secret was found.
type Found = BTreeSet<String>;

/// What a secret looks like: the value, and as programs write it.
struct Needle {
    name: String,
    forms: Vec<Vec<u8>>,
    found: Found,
}

/// Returns the secrets that the document of the container `name` has.
pub fn secrets(with: &Attack<'_>, name: &str) -> Result<Vec<Secret>, Error> {
    #[derive(Deserialize)]
    struct Entry {
        id: String,
        file: Option<PathBuf>,
    }
    let path = with.places.container(name)?.join(toolkit::state::DOCUMENT);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let document = toolkit::read_file::<document::Container>(&path)?.into_inner();
    let isolation = serde_json::to_value(&document.isolation).unwrap_or_default();
    let entries: Vec<Entry> = match isolation.get("secrets") {
        Some(list) => serde_json::from_value(list.clone())
            .map_err(|_| Error::BadSecret { name: name.to_owned() })?,
        None => Vec::new(),
    };
    let home = etcetera::home_dir().ok();
    let secret = |Entry { id, file }: Entry| {
        let file = file.ok_or_else(|| Error::BadSecret { name: name.to_owned() })?;
        Ok(Secret { name: id, file: expand_tilde(&file, home.as_deref()) })
    };
    entries.into_iter().map(secret).collect()
}

/// Looks for `secrets` in what can be read in the container `summary`.
pub fn search(
    with: &Attack<'_>,
    summary: Summary,
    secrets: &[Secret],
    events: &mut Events,
) -> Result<Attacked, Error> {
    if secrets.is_empty() {
        return Err(Error::NoSecret { name: summary.name });
    }
    let mut needles = secrets.iter().map(needle).collect::<Result<Vec<_>, _>>()?;
    let target = Target::new(with.engine, with.places, summary, &with.given)?;
    let left_out = events.step("search", || stream(with, &target, &mut needles))?;
    let probes = needles.iter().map(|needle| probe(needle, &left_out)).collect();
    Ok(attacked(&target.summary, None, probes))
}

fn needle(secret: &Secret) -> Result<Needle, Error> {
    let path = &secret.file;
    let unreadable = |source| Error::Unreadable { path: path.clone(), source };
    let bytes = fs::read(path).map_err(unreadable)?;
    let value = bytes.trim_ascii();
    if value.len() < SHORTEST {
        return Err(Error::SecretTooShort { path: path.clone() });
    }
    Ok(Needle { name: secret.name.clone(), forms: forms(value), found: Found::new() })
}

/// Returns the value as it is, as base64 at each place where it may begin in
/// something longer, and as it is in an address.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    for before in 0..3 {
        // What comes before and after changes the first and the last characters.
        let text = Base64Unpadded::encode_string(&[&vec![0; before][..], value].concat());
        let start = [0, 2, 3][before];
        let rest = (before + value.len()) % 3;
        let end = text.len() - usize::from(rest != 0);
        forms.push(text.as_bytes()[start..end].to_vec());
        forms.push(
            text.as_bytes()[start..end]
                .iter()
                .map(|byte| match byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                })
                .collect(),
        );
    }
    for digits in [|byte: u8| format!("%{byte:02X}"), |byte: u8| format!("%{byte:02x}")] {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        let quote =
            |byte: &u8| if is_plain(byte) { vec![*byte] } else { digits(*byte).into_bytes() };
        forms.push(value.iter().flat_map(quote).collect());
    }
    forms.sort();
    forms.dedup();
    forms
}

/// One line that the helper writes before the bytes of a file.
#[derive(Deserialize)]
struct Line {
    path: Option<String>,
    bytes: Option<u64>,
    left_out: Option<u64>,
    end: Option<bool>,
}

/// Has the helper write all that it can read, and returns why something was not
/// looked at.
fn stream(
    with: &Attack<'_>,
    target: &Target,
    needles: &mut [Needle],
) -> Result<Option<String>, Error> {
    let begun = helper::program(with.engine, &target.summary.image)
        .and_then(|program| inject(with, target, program))
        .and_then(|mut injected| {
            let child = injected.stream().map_err(|error| error.to_string())?;
            Ok((injected, child))
        });
    let (_injected, mut child) = match begun {
        Ok(begun) => begun,
        Err(why) => return Ok(Some(why)),
    };
    let result = match child.stdout.take() {
        Some(output) => listen(with, BufReader::new(output), needles),
        None => Ok(None),
    };
    if result.is_err() {
        let _ = child.kill();
    }
    let _ = child.wait();
    result
}

/// Looks at all that comes, and returns why something did not.
fn listen(
    with: &Attack<'_>,
    mut input: impl BufRead,
    needles: &mut [Needle],
) -> Result<Option<String>, Error> {
    let mut left_out = 0;
    loop {
        with.interrupt.check()?;
        let text = lines::line(&mut input);
        match text.and_then(|text| serde_json::from_slice::<Line>(&text).ok()) {
            Some(Line { path: Some(path), bytes: Some(bytes), .. }) => {
                look(needles, &path, input.by_ref().take(bytes));
            }
            Some(Line { left_out: Some(_), .. }) => left_out += 1,
            Some(Line { end: Some(_), .. }) if left_out == 0 => return Ok(None),
            Some(Line { end: Some(_), .. }) => {
                return Ok(Some(format!("{left_out} files were too many to be looked at")));
            }
            _ => return Ok(Some("the helper ended before it had read all".to_owned())),
        }
    }
}

fn inject<'a>(
    with: &'a Attack<'_>,
    target: &Target,
    program: &[u8],
) -> Result<Injected<'a>, String> {
    let apart = &target.inspection.apart;
    let mounts = apart.mounts.iter().filter(|mount| !mount.read_only && mount.kind == "volume");
    let root = (!apart.is_read_only).then_some("/");
    let places = root.into_iter().chain(mounts.map(|mount| mount.destination.as_str()));
    let mut why = "there is no place for the helper that can be written".to_owned();
    for place in places {
        match Injected::new(with.engine, &target.summary.id, place, program, false) {
            Ok(injected) => return Ok(injected),
            Err(words) => why = words,
        }
    }
    Err(why)
}

/// Looks at one file, piece by piece; pieces overlap by the longest form.
fn look(needles: &mut [Needle], path: &str, mut bytes: impl Read) {
    let forms = needles.iter().flat_map(|needle| &needle.forms);
    let overlap = forms.map(Vec::len).max().unwrap_or(1) - 1;
    let mut held: Vec<u8> = path.as_bytes().to_vec();
    held.push(b'\n');
    loop {
        let mut piece = Vec::new();
        let read = bytes.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        held.extend(&piece);
        for needle in needles.iter_mut() {
            if needle.forms.iter().any(|form| contains(&held, form)) {
                needle.found.insert(path.to_owned());
            }
        }
        if read.unwrap_or(0) == 0 {
            return;
        }
        held.drain(..held.len().saturating_sub(overlap));
    }
}

/// Says whether `part` is in `whole`; most places are passed over by their
/// first byte.
fn contains(whole: &[u8], part: &[u8]) -> bool {
    let Some((first, _)) = part.split_first() else { return false };
    let mut rest = whole;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(part) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

fn probe(needle: &Needle, left_out: &Option<String>) -> Probe {
    let (verdict, detail) = match (needle.found.is_empty(), left_out) {
        (false, _) => (Verdict::GotOut, Some(places(&needle.found))),
        (true, Some(why)) => (Verdict::Untested, Some(why.clone())),
        (true, None) => (Verdict::Held, None),
    };
    Probe {
        id: "secret".to_owned(),
        verdict,
        proves: format!("the secret {} is nowhere in the container", needle.name),
        detail,
        cause: (verdict == Verdict::Untested).then(|| "not-all-read".to_owned()),
        cure: (verdict == Verdict::GotOut)
            .then(|| "take it out, and have another one issued: this one has been seen".to_owned()),
        extra: Extra::new(),
    }
}

fn places(found: &Found) -> String {
    let rest = found.len().saturating_sub(TOLD);
    let told = found.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
    if rest == 0 { format!("it is in {told}") } else { format!("it is in {told}, and {rest} more") }
}

#[cfg(test)]
mod tests {
    use base64ct::Base64;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        let mut needles =
            [Needle { name: "x".into(), forms: forms(b"s3cret/value+x"), found: Found::new() }];
        look(&mut needles, "/a", text.as_bytes());
        assert_eq!(!needles[0].found.is_empty(), expected, "{text}");
    }

    #[test]
    fn a_secret_is_found_in_each_of_its_forms() {
        check("it is s3cret/value+x!", true);
        check("it is s3cret/value", false);
        check("s3cret%2Fvalue%2Bx", true);
        check("s3cret%2fvalue%2bx", true);
        for user in ["", "a", "ab", "abc", "x-access-token:"] {
            let text = Base64::encode_string(format!("{user}s3cret/value+x:more").as_bytes());
            check(&format!("Basic {text}"), true);
            check(&text.replace('+', "-").replace('/', "_"), true);
        }
        check(&Base64::encode_string(b"s3cret-value+x"), false);
        // Also where a piece ends in the middle of it.
        check(&format!("{}s3cret/value+x", "-".repeat(PIECE - 9)), true);
    }
}
