//! Names of hosts: what is one, how it is written, what a pattern matches.
//!
//! This is the one place that says what a name is. The filter has the same
//! rules in Python, and a property test compares the two.

use std::fmt;

use url::Host;

/// The longest name, without the dot at its end (RFC 1035 section 2.3.4).
const NAME_LENGTH: usize = 253;

/// The longest label of a name.
const LABEL_LENGTH: usize = 63;

/// Returns `text`, as it came over the wire, in its one spelling, or `None`
/// if it is not the name of a host.
///
/// Upper case becomes lower case, and one dot at the end is dropped. What is
/// not ASCII is no name here: on the wire names are A-labels (RFC 5890). An
/// address is none either, in whatever notation.
#[must_use]
pub fn normalise(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_name = text.len() <= NAME_LENGTH && text.split('.').all(is_label);
    (is_name && !ends_in_a_number(text)).then(|| text.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_LENGTH).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Says whether a resolver may take `text` for an IPv4 address: `127.1` and
/// `0x7f000001` are two of them.
fn ends_in_a_number(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A name, or a name and all names below it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pattern {
    /// The name, normalised.
    pub name: String,
    /// Whether the names below it are meant as well.
    pub below: bool,
}

/// Why a text is not a [`Pattern`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is nothing.
    #[error("the name is empty")]
    Empty,
    /// It would match every name.
    #[error("'{0}' would allow every name")]
    Everything(String),
    /// It would match a whole top-level domain.
    #[error("'{0}' would allow a whole top-level domain")]
    TopLevel(String),
    /// It is an address.
    #[error("'{0}' is an address, not a name")]
    Address(String),
    /// It is written in other letters than those of the wire.
    #[error("'{text}' is not written as it is sent")]
    International {
        /// The text.
        text: String,
        /// The same name in A-labels.
        ascii: String,
    },
    /// It is something else.
    #[error("'{0}' is not the name of a host")]
    NoName(String),
}

impl NameError {
    /// Returns what can be done about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Empty => "write a name, such as 'example.org'".to_owned(),
            Self::Everything(_) => "name what is needed: '*.example.org' is a name and all \
                 below it"
                .to_owned(),
            Self::TopLevel(_) => "write at least two labels after '*.'".to_owned(),
            Self::Address(_) => "write the name; what it may resolve to is said by \
                 'addresses'"
                .to_owned(),
            Self::International { ascii, .. } => format!("write '{ascii}'"),
            Self::NoName(_) => "write the name alone: no scheme, no port, no path, and '*' \
                 only as '*.' at its beginning"
                .to_owned(),
        }
    }
}

impl Pattern {
    /// Reads a pattern as a person writes it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.bytes().all(|byte| byte == b'*' || byte == b'.') {
            return Err(NameError::Everything(text.to_owned()));
        }
        let (rest, below) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let name = Self::name(text, rest)?;
        if below && !name.contains('.') {
            return Err(NameError::TopLevel(text.to_owned()));
        }
        Ok(Self { name, below })
    }

    /// Returns `rest`, the part of `text` that is a name, normalised.
    fn name(text: &str, rest: &str) -> Result<String, NameError> {
        let star = if rest.len() < text.len() { "*." } else { "" };
        // What people paste in brackets or without them is an address.
        let in_brackets = format!("[{rest}]");
        let parsed = Host::parse(rest).or_else(|_| Host::parse(&in_brackets));
        match parsed {
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => Err(NameError::Address(text.to_owned())),
            Ok(Host::Domain(ascii)) if !rest.is_ascii() && normalise(&ascii).is_some() => {
                let ascii = format!("{star}{ascii}");
                Err(NameError::International { text: text.to_owned(), ascii })
            }
            // A name that is percent-encoded is one for URLs only.
            Ok(Host::Domain(_)) => {
                normalise(rest).ok_or_else(|| NameError::NoName(text.to_owned()))
            }
            Err(_) => Err(NameError::NoName(text.to_owned())),
        }
    }

    /// Says whether `name`, which is normalised, is one of those meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match name.strip_suffix(self.name.as_str()) {
            Some("") => true,
            Some(above) => self.below && above.ends_with('.'),
            None => false,
        }
    }

    /// Says whether every name that `other` means is meant here too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.matches(&other.name) && (self.below || !other.below)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(normalise(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn a_name_has_one_spelling() {
        check("Api.Example.ORG.", Some("api.example.org"));
        check("xn--bcher-kva.example", Some("xn--bcher-kva.example"));
        check("localhost", Some("localhost"));
        check("1password.com", Some("1password.com"));
        check("a.0xg", Some("a.0xg"));
    }

    #[test]
    fn what_is_no_name_is_none() {
        for text in ["", ".", "a..b", "a.org..", ".a", "-a.org", "a-.org", "a_b.org", "a b", "a\0"]
        {
            check(text, None);
        }
        for text in ["*.a.org", "bücher.example", "a.org:443", "u@a.org", "a/b", "a%2eorg"] {
            check(text, None);
        }
        check(&"a".repeat(64), None);
        check(&["a".repeat(63).as_str(); 4].join("."), None);
        check(
            &["a".repeat(61).as_str(); 4].join("."),
            Some(&["a".repeat(61).as_str(); 4].join(".")),
        );
    }

    #[test]
    fn addresses_in_every_notation_are_no_names() {
        for text in ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0X7F.1", "1.2.3.4."] {
            check(text, None);
        }
        for text in ["::1", "[::1]", "a.0x", "0x"] {
            check(text, None);
        }
    }

    #[test]
    fn a_pattern_that_is_no_name_says_why() {
        let cases = [
            ("", "empty"),
            ("*", "every name"),
            ("*.*", "every name"),
            ("*.", "every name"),
            ("*.com", "top-level"),
            ("169.254.169.254", "address"),
            ("0x7f.1", "address"),
            ("::1", "address"),
            ("[::1]", "address"),
            ("*.127.0.0.1", "address"),
            ("a.*.org", "not the name"),
            ("https://a.org", "not the name"),
            ("a.org:443", "not the name"),
            ("a%2eorg", "not the name"),
            ("a b", "not the name"),
            ("xn--a", "not the name"),
        ];
        for (text, says) in cases {
            let error = Pattern::parse(text).unwrap_err();
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert!(!error.hint().is_empty());
        }
    }

    #[test]
    fn a_name_in_other_letters_is_refused_with_the_one_that_is_sent() {
        let error = Pattern::parse("*.Bücher.example").unwrap_err();
        assert_eq!(error.hint(), "write '*.xn--bcher-kva.example'");
        assert!(Pattern::parse("*.xn--bcher-kva.example").is_ok());
        // The full-width digits that some resolvers take for 127.0.0.1.
        assert!(matches!(Pattern::parse("１２７.0.0.1"), Err(NameError::Address(_))));
    }

    #[test]
    fn a_star_means_the_name_and_below() {
        let pattern = Pattern::parse("*.Example.org.").unwrap();
        assert_eq!(pattern.to_string(), "*.example.org");
        for name in ["example.org", "a.example.org", "a.b.example.org"] {
            assert!(pattern.matches(name), "{name}");
        }
        for name in ["badexample.org", "org", "example.org.evil.net", ""] {
            assert!(!pattern.matches(name), "{name}");
        }
        assert!(pattern.covers(&Pattern::parse("*.a.example.org").unwrap()));
        assert!(!Pattern::parse("example.org").unwrap().covers(&pattern));
    }
}
