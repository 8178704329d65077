//! Which properties of clients and streams reach the server, and as what.
//!
//! A sound server acts on them: by `media.role` it silences other programs, by
//! `filter.apply` it loads a module, by the name of an application it remembers a
//! volume, also another program's of the same name. PipeWire has rules for more of
//! them. Only names pass, which are shown to the person, and what is remembered
//! is remembered of us.

use crate::packet::{Copier, Malformed};

/// The properties that pass.
const NAMES: [&[u8]; 4] = [b"media.name", b"media.title", b"media.artist", APPLICATION];
const APPLICATION: &[u8] = b"application.name";

/// The longest name, in characters.
const LONGEST: usize = 128;

/// Under which of our names something is remembered: the first is PulseAudio's own
/// (module-stream-restore), the second is what PipeWire looks at.
const REMEMBERED: [(&[u8], &str); 2] =
    [(b"module-stream-restore.id", "sink-input-by-application-id:"), (b"application.id", "")];

/// Who plays, for the person who sees it in a mixer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Label(Option<String>);

impl Label {
    /// Puts `name`, if there is one, before the names of programs.
    #[must_use]
    pub fn new(name: Option<&str>) -> Self {
        Self(name.map(clean))
    }

    /// Copies a list of properties as far as they pass, and adds ours; returns the name of
    /// the application if it has one.
    ///
    /// Where it has none, `program` is said again, the name that was said before: without
    /// any, who plays would be shown as somebody else.
    pub(crate) fn properties(
        &self,
        copy: &mut Copier,
        program: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, Malformed> {
        let theirs = copy.from.properties()?;
        let mut passed: Vec<(&[u8], Vec<u8>)> = Vec::new();
        for (key, value) in theirs {
            let known = NAMES.into_iter().find(|&name| name == key);
            if let (Some(name), Some(value)) = (known, text(value)) {
                passed.push((name, terminated(self.shown(name, value))));
            }
        }
        let name = passed.iter().find(|(key, _)| *key == APPLICATION);
        let name = name.map(|(_, value)| value.clone());
        if let (None, Some(label)) = (&name, &self.0) {
            let shown = program.map_or_else(|| terminated(label.clone()), <[u8]>::to_vec);
            passed.push((APPLICATION, shown));
        }
        let id = self.id();
        for (key, prefix) in REMEMBERED {
            passed.push((key, terminated(format!("{prefix}{id}"))));
        }
        copy.to.properties(passed.iter().map(|(key, value)| (*key, value.as_slice())));
        Ok(name)
    }

    /// Copies the name of a stream.
    pub(crate) fn name(&self, copy: &mut Copier) -> Result<(), Malformed> {
        let name = copy.from.string()?.map(String::from_utf8_lossy);
        copy.to.string(name.map(|name| clean(&name)).as_deref().map(str::as_bytes));
        Ok(())
    }

    /// Copies the names of properties that are to go; ours stay.
    pub(crate) fn removed(&self, copy: &mut Copier) -> Result<(), Malformed> {
        while let Some(key) = copy.from.string()? {
            let is_ours = self.0.is_some() && key == APPLICATION;
            if NAMES.contains(&key) && !is_ours {
                copy.to.string(Some(key));
            }
        }
        copy.to.string(None);
        Ok(())
    }

    fn shown(&self, key: &[u8], value: String) -> String {
        match &self.0 {
            Some(label) if key == APPLICATION => format!("{label}: {value}"),
            _ => value,
        }
    }

    fn id(&self) -> String {
        self.0.as_ref().map_or("ctrkit".to_owned(), |label| format!("ctrkit.{label}"))
    }
}

/// Returns the text in a value, which ends with a NUL.
fn text(value: &[u8]) -> Option<String> {
    let text = value.strip_suffix(&[0])?;
    std::str::from_utf8(text).ok().map(clean)
}

/// Returns text that may be shown: short, and without what moves a cursor.
fn clean(text: &str) -> String {
    toolkit::printable(text).replace(['\t', '\0'], " ").chars().take(LONGEST).collect()
}

fn terminated(text: String) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    bytes.push(0);
    bytes
}
