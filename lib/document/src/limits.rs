//! What a container may use, as people and the engines write it.

/// Reads a size as the engines do, in bytes: a number and a unit, each 1024 of the
/// next. One of 2^53 bytes or more is none.
#[must_use]
pub fn bytes(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.to_ascii_lowercase();
    let power = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return None,
    };
    let bytes = (decimal(number)? * 1024_f64.powi(power)).floor();
    (bytes < 2_f64.powi(53)).then_some(bytes)
}

/// Reads a number such as `2` or `1.5`.
#[must_use]
pub fn decimal(text: &str) -> Option<f64> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if is_decimal && begins { text.parse().ok() } else { None }
}

/// Says whether `text` can be the name of a capability (capabilities(7)), without
/// `CAP_`, or `ALL`.
#[must_use]
pub fn is_capability(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_unit() {
        let sizes = [("4g", Some(4_294_967_296.0)), ("1.5KiB", Some(1536.0)), ("7", Some(7.0))];
        let none = ["", "g", "lots", "4 g", "-1", "1e3", "4gg", "1..5", "9000000000t"];
        for (text, expected) in sizes.into_iter().chain(none.map(|text| (text, None))) {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn capabilities_are_upper_case() {
        for text in ["NET_RAW", "ALL"] {
            assert!(is_capability(text), "{text}");
        }
        for text in ["", "net_raw", "NET RAW", "NET-RAW"] {
            assert!(!is_capability(text), "{text}");
        }
    }
}
