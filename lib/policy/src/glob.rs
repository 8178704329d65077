//! Patterns in which `*` is any text, also none, and nothing else is special.

/// Says whether `pattern` matches the whole of `text`.
///
/// Where `text` is a pattern itself, this says whether all that it matches is
/// matched by `pattern`: its `*` is a character that only a `*` takes.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut here) = (0, 0);
    // Where to go on if what follows the last `*` does not fit.
    let mut again: Option<(usize, usize)> = None;
    while here < text.len() {
        match (pattern.get(at), again) {
            (Some(b'*'), _) => {
                at += 1;
                again = Some((at, here));
            }
            (Some(byte), _) if *byte == text[here] => {
                at += 1;
                here += 1;
            }
            (_, Some((after, from))) => {
                at = after;
                here = from + 1;
                again = Some((after, here));
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "a/b"),
            ("a*", "a"),
            ("a*c", "abc"),
            ("a*c*e", "abcde"),
            ("*ab", "aab"),
            ("*a*b*", "xaybz"),
            ("release/*", "release/1/2"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("a", "b"), ("a*c", "ab"), ("*b", "ba"), ("a?", "ab")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_holds_another_one() {
        for (wide, narrow) in [("*", "a*"), ("a*", "ab*c"), ("*-*", "a-*"), ("a*b*", "a*cb")] {
            assert!(matches(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [("a*", "*"), ("ab*", "a*"), ("a*b", "a*"), ("a", "a*")] {
            assert!(!matches(wide, narrow), "{wide} {narrow}");
        }
    }
}
