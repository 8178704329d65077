//! As much of JSON as is needed here, where there are no crates.

/// Reads an array of strings, and nothing else.
pub(crate) fn strings(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim().chars();
    let mut found = Vec::new();
    loop {
        match rest.next() {
            None => return Some(found),
            Some('"') => found.push(string(&mut rest)?),
            Some(',' | ' ') => {}
            Some(_) => return None,
        }
    }
}

/// Reads a string behind its first quotation mark.
fn string(rest: &mut std::str::Chars<'_>) -> Option<String> {
    let mut out = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(out),
            '\\' => match rest.next()? {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                'b' => out.push('\u{8}'),
                'f' => out.push('\u{c}'),
                'u' => {
                    let digits: String = rest.by_ref().take(4).collect();
                    // Half of a pair stands for what no path of ours has.
                    let number = u32::from_str_radix(&digits, 16).ok()?;
                    out.push(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
}

/// Writes a string with its quotation marks.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            other if (other as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", other as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
