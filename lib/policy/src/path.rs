//! Paths: the one way in which a request's path is read, and templates of them.
//!
//! `operations.py` of the filter reads alike; `tests/proxy/paths.json` holds
//! the two together.

use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{CodePointMapData, props::GeneralCategory};

use crate::glob;

/// What may stand in a path as it is sent, besides letters, digits and `%`.
const PLAIN: &[u8] = b"-._~!$&'()*+,=:@/";

/// What ends a segment for one server or another, though it was encoded.
const DELIMITERS: [char; 3] = [';', '?', '#'];

/// What some servers take for a slash of the one or the other kind.
const SLASHES: [char; 6] = ['\u{2044}', '\u{2215}', '\u{2216}', '\u{29f5}', '\u{29f8}', '\u{29f9}'];

/// Returns the decoded segments of `target`, the path of a request as it is
/// sent, the query included. A slash at the end makes no difference.
///
/// `None` is for what is no path, and for what servers read in more than one
/// way: empty and dot segments, a backslash, parameters after `;`, an encoding
/// within an encoding, letters that only look like others. A segment may hold
/// a slash that was encoded, which [`Template::matches`] looks at.
#[must_use]
pub fn clean(target: &str) -> Option<Vec<String>> {
    decoded(target).filter(|path| is_bare(path))
}

/// Says whether no segment of `path` has what delimits paths in it.
#[must_use]
pub fn is_bare(path: &[String]) -> bool {
    path.iter().all(|segment| !segment.contains(DELIMITERS))
}

/// Reads as [`clean`] does, and takes what delimits a path and is encoded for
/// a part of a name: enough for a request that only reads.
#[must_use]
pub fn decoded(target: &str) -> Option<Vec<String>> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || PLAIN.contains(&byte);
    if !path.starts_with('/') || !path.bytes().all(|byte| is_plain(byte) || byte == b'%') {
        return None;
    }
    if !query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return None;
    }
    segments(path)
}

/// Decodes each segment of `path`, which begins with a slash.
fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some(Vec::new());
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(|raw| decode(raw).filter(|segment| is_sound(segment))).collect()
}

/// Undoes percent-encoding, once.
fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, more @ ..] = rest {
        rest = more;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, more @ ..] = more else { return None };
        bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
        rest = more;
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

/// Says whether no server takes a decoded segment for something else: a step
/// up, the end of the path, something to be decoded again, another letter.
fn is_sound(segment: &str) -> bool {
    let is_step = |piece: &str| {
        piece.is_empty() || piece.ends_with('.') || piece.starts_with(' ') || piece.ends_with(' ')
    };
    !segment.split('/').any(is_step)
        && !segment.contains("::$")
        && !has_escape(segment)
        && segment.chars().all(is_unambiguous)
}

/// Says whether `segment`, decoded once, could be decoded again.
fn has_escape(segment: &str) -> bool {
    segment.as_bytes().windows(3).any(|window| match window {
        [b'%', b'u' | b'U', digit] => digit.is_ascii_hexdigit(),
        [b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    })
}

/// Says whether `character` is one that is seen, and for no server another.
fn is_unambiguous(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_control() && character != '\\';
    }
    let is_hidden = matches!(
        CodePointMapData::<GeneralCategory>::new().get(character),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::SpaceSeparator
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    );
    let mut alike = ComposingNormalizerBorrowed::new_nfkc().normalize_iter([character].into_iter());
    !is_hidden && !alike.any(|letter| letter.is_ascii() || SLASHES.contains(&letter))
}

/// A template of paths: `*` is a segment or a part of one, `**` at the end any
/// rest, and `%2F` a slash that is encoded.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Template {
    /// Decoded, so that a slash within one is one that was encoded.
    segments: Vec<String>,
    rest: bool,
}

impl Template {
    /// Reads a template; an error is what is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(format!("the path '{}' does not begin with '/'", text.escape_debug()));
        };
        let mut segments: Vec<_> = path.split('/').collect();
        let rest = segments.last() == Some(&"**");
        if rest || path.is_empty() {
            segments.pop();
        }
        let read = |segment: &&str| match *segment {
            "" => Err("an empty segment, or a '/' at its end"),
            text if text.contains("**") => Err("'**', which can only be the last segment"),
            text => {
                let plain = text.replace("%2F", "/").replace("%2f", "/");
                match plain.contains('%') {
                    true => Err("'%': it is written as it reads, and only a slash as '%2F'"),
                    false => Ok(plain),
                }
            }
        };
        let wrong = |problem: &str| format!("the path '{}' has {problem}", text.escape_debug());
        let segments: Vec<_> =
            segments.iter().map(read).collect::<Result<_, _>>().map_err(wrong)?;
        match segments.iter().all(|text| is_sound(text) && !text.contains(DELIMITERS)) {
            true => Ok(Self { segments, rest }),
            false => Err(wrong("a segment that can be read in two ways, and so is never allowed")),
        }
    }

    /// Says whether `path`, which [`clean`] has read, is one of those meant.
    #[must_use]
    pub fn matches(&self, path: &[String]) -> bool {
        let Some((path, more)) = path.split_at_checked(self.segments.len()) else { return false };
        let mut pairs = self.segments.iter().zip(path);
        (self.rest || more.is_empty())
            && !more.iter().any(|segment| segment.contains('/'))
            && pairs.all(|(pattern, segment)| fits(pattern, segment))
    }

    /// Says whether every path that `other` means is meant here too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        (self.rest || !other.rest) && self.matches(&other.segments)
    }
}

/// Compares one segment; what `*` stands for has no slash in it.
fn fits(pattern: &str, segment: &str) -> bool {
    let (mut wanted, mut found) = (pattern.split('/'), segment.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(pattern), Some(piece)) if glob::matches(pattern, piece) => {}
            _ => return false,
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self.segments.iter().map(|segment| segment.replace('/', "%2F"));
        let rest = self.rest.then(|| "**".to_owned());
        write!(f, "/{}", segments.chain(rest).collect::<Vec<_>>().join("/"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The vectors that the filter is held to as well.
    #[test]
    fn paths_are_read_as_the_filter_reads_them() {
        let text = include_str!("../../../tests/proxy/paths.json");
        let cases: Vec<(String, String, Value)> = serde_json::from_str(text).unwrap();
        assert!(cases.len() > 80);
        for (template, target, expected) in cases {
            let template = Template::parse(&template).unwrap();
            let found = match clean(&target) {
                Some(path) if template.matches(&path) => Value::Bool(true),
                Some(path) if !path.iter().any(|segment| segment.contains('/')) => {
                    Value::Bool(false)
                }
                _ => Value::from("two readings"),
            };
            assert_eq!(found, expected, "{template} {target:?}");
        }
    }

    #[test]
    fn what_is_no_template_says_why() {
        for (text, says) in [
            ("", "begin"),
            ("v2/*", "begin"),
            ("/a/", "at its end"),
            ("/a//b", "empty"),
            ("/a/../b", "two ways"),
            ("/**/a", "last"),
            ("/a**", "last"),
            ("/a%20b", "as it reads"),
            ("/a?b", "two ways"),
            ("/a;b", "two ways"),
            ("/a\\b", "two ways"),
            ("/a\nb", "two ways"),
            ("/a ", "two ways"),
            ("/a%2F..", "two ways"),
        ] {
            let problem = Template::parse(text).unwrap_err();
            assert!(problem.contains(says), "{text:?}: {problem}");
        }
        for text in ["/", "/**", "/*", "/a/*/b-*.json", "/a/**", "/é", "/a b", "/@*%2F*"] {
            assert_eq!(Template::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_template_holds_another_one() {
        let covers = |wide: &str, narrow: &str| {
            Template::parse(wide).unwrap().covers(&Template::parse(narrow).unwrap())
        };
        for (wide, narrow) in
            [("/**", "/"), ("/**", "/a/**"), ("/*/b*", "/a/bc"), ("/a/*", "/a/b*")]
        {
            assert!(covers(wide, narrow), "{wide} {narrow}");
            assert!(!covers(narrow, wide), "{narrow} {wide}");
        }
        assert!(!covers("/a/*", "/a/**"));
        assert!(!covers("/**", "/a%2Fb") && covers("/*%2F*/**", "/a%2Fb*"));
        assert!(!covers("/a/*/**", "/a/**"));
    }
}
