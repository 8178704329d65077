//! Writes the JSON Schema of every document into the directory given.

use std::{error::Error, fs, path::PathBuf};

use clap::Parser;

/// Write the JSON Schema of every document into DIR
#[derive(Parser)]
struct Arguments {
    /// The directory to write to
    dir: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { dir } = Arguments::parse();
    for (name, schema) in document::schemas::all() {
        fs::write(dir.join(name), serde_json::to_string_pretty(&schema)? + "\n")?;
    }
    Ok(())
}
