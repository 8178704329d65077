//! Sizes as people and the engines write them.

/// Returns a number of bytes in the largest unit that makes it a whole number,
/// in the notation of the engines and of the configuration: `4g`.
pub(crate) fn notation(bytes: &str) -> String {
    let Ok(mut number) = bytes.parse::<u64>() else { return bytes.to_owned() };
    let mut units = ["b", "k", "m", "g", "t"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while number != 0 && number % 1024 == 0 {
        let Some(larger) = units.next() else { break };
        (number, unit) = (number / 1024, larger);
    }
    format!("{number}{unit}")
}

#[cfg(test)]
mod tests {
    use super::notation;

    #[test]
    fn sizes_are_whole_numbers() {
        for (bytes, expected) in [
            ("4294967296", "4g"),
            ("1610612736", "1536m"),
            ("1000", "1000b"),
            ("4g", "4g"),
            ("0", "0b"),
        ] {
            assert_eq!(notation(bytes), expected);
        }
    }
}
