//! In which encodings a stream may come.
//!
//! What is not said of samples a server chooses as it suits the sink, and tells it: here
//! it is chosen as it suits the one that does not exist.

use crate::{
    packet::{Malformed, Properties, Reader, Writer},
    play::LARGEST,
    protocol::ENCODING_PCM,
    sink,
};

/// The encodings that a stream may come in.
pub(crate) enum Formats {
    /// That of its sample spec.
    Any,
    /// One of these, each with its properties.
    These(Vec<Format>),
    /// None that is allowed.
    None,
}

/// The properties of one encoding that is samples (`src/pulse/proplist.h`).
type Format = Vec<(&'static [u8], Vec<u8>)>;

impl Formats {
    pub(crate) fn read(from: &mut Reader) -> Result<Self, Malformed> {
        let count = from.u8()?;
        let mut formats = Vec::new();
        for _ in 0..count {
            let (encoding, properties) = from.format()?;
            if encoding == ENCODING_PCM {
                formats.extend(samples(&properties));
            }
        }
        Ok(match (count, formats.is_empty()) {
            (0, _) => Self::Any,
            (_, true) => Self::None,
            (_, false) => Self::These(formats),
        })
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        let formats = if let Self::These(formats) = self { formats.as_slice() } else { &[] };
        to.u8(u8::try_from(formats.len()).unwrap_or(u8::MAX));
        for format in formats {
            let properties = format.iter().map(|(key, value)| (*key, value.as_slice()));
            to.format(ENCODING_PCM, properties);
        }
    }
}

/// Returns what is said of samples, and what is to be said; nothing, where the channels
/// would have to be those of the sink.
fn samples(properties: &Properties) -> Option<Format> {
    let said = |key: &[u8]| properties.iter().find(|(other, _)| *other == key);
    let number = |key, largest, ours| {
        let said = said(key).and_then(|(_, value)| number(value));
        said.filter(|&number| number <= largest).unwrap_or(ours)
    };
    let text = |key| said(key).map(|(_, value)| value.to_vec()).filter(|value| is_text(value));
    let rate = number(b"format.rate", LARGEST.1, sink::SPEC.rate);
    let channels = number(b"format.channels", LARGEST.0, sink::SPEC.channels.into());
    let map = text(b"format.channel_map").or(match channels {
        1 => Some(b"\"mono\"\0".to_vec()),
        2 => Some(b"\"stereo\"\0".to_vec()),
        _ => None,
    })?;
    let format = text(b"format.sample_format").unwrap_or(sink::FORMAT.to_vec());
    Some(vec![
        (b"format.sample_format", format),
        (b"format.rate", format!("{rate}\0").into_bytes()),
        (b"format.channels", format!("{channels}\0").into_bytes()),
        (b"format.channel_map", map),
    ])
}

/// Reads a value that is one number. It is JSON, and could be a range or a list.
fn number(value: &[u8]) -> Option<u32> {
    std::str::from_utf8(value.strip_suffix(&[0])?).ok()?.parse().ok()
}

/// Says whether a value is one text, of which the server has nothing to choose.
fn is_text(value: &[u8]) -> bool {
    value.starts_with(b"\"") && value.ends_with(b"\"\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_single_value_or_too_large_is_as_with_the_sink_that_does_not_exist() {
        let usual = samples(&vec![]).unwrap();
        for (key, value) in [
            ("format.rate", &b"192001\0"[..]),
            ("format.rate", b"[1,999999]\0"),
            ("format.channels", b"9\0"),
            ("format.channels", b"{ \"min\": 1, \"max\": 8 }\0"),
            ("format.sample_format", b"[ \"s16le\", \"float32le\" ]\0"),
            ("planted", b"x"),
        ] {
            assert_eq!(samples(&vec![(key.as_bytes(), value)]).unwrap(), usual, "{key}");
        }
        let largest = samples(&vec![(b"format.rate", b"192000\0")]).unwrap();
        assert_eq!(largest[1].1, b"192000\0");
    }
}
