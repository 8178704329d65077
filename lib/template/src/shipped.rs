//! The templates that are shipped, in the program itself.

use std::collections::BTreeMap;

use crate::File;

/// Their names, sorted.
pub(crate) const NAMES: [&str; 5] = ["basic", "go", "node", "python", "rust"];

/// Returns the files of the template `name`, if it is shipped.
pub(crate) fn files(name: &str) -> Option<BTreeMap<String, File>> {
    let texts: &[(&str, &str)] = match name {
        "basic" => &[("template.toml", include_str!("../shipped/basic/template.toml"))],
        "go" => &[
            ("template.toml", include_str!("../shipped/go/template.toml")),
            ("image/Containerfile", include_str!("../shipped/go/image/Containerfile")),
        ],
        "node" => &[
            ("template.toml", include_str!("../shipped/node/template.toml")),
            ("image/Containerfile", include_str!("../shipped/node/image/Containerfile")),
        ],
        "python" => &[
            ("template.toml", include_str!("../shipped/python/template.toml")),
            ("image/Containerfile", include_str!("../shipped/python/image/Containerfile")),
        ],
        "rust" => &[
            ("template.toml", include_str!("../shipped/rust/template.toml")),
            ("image/Containerfile", include_str!("../shipped/rust/image/Containerfile")),
        ],
        _ => return None,
    };
    let file = |text: &str| File { mode: 0o644, contents: Some(text.as_bytes().to_vec()) };
    Some(texts.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect())
}
