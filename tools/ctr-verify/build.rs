//! Compiles the helper, which runs in containers: a program of Linux that needs
//! nothing there, neither an interpreter nor a library.
//!
//! It is made for each kind of processor for which that can be done here: for
//! this one with the C library of the system, as a static one, else with the one
//! that Rust brings (`rustup target add x86_64-unknown-linux-musl`).
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    reason = "that is how a build script and Cargo speak"
)]

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The kinds of processors on which engines are.
const PROCESSORS: [&str; 2] = ["x86_64", "aarch64"];

fn main() {
    println!("cargo::rerun-if-changed=helper");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(var("OUT_DIR"));
    let own = var("CARGO_CFG_TARGET_ARCH");
    let mut list = String::new();
    for processor in PROCESSORS {
        let path = out.join(format!("helper-{processor}"));
        match make(processor, &path) {
            Ok(()) => {
                writeln!(list, "    ({processor:?}, include_bytes!({path:?})),").unwrap_or(())
            }
            Err(words) if processor == own && var("CARGO_CFG_TARGET_OS") == "linux" => panic!(
                "cannot link a static program for Linux: install the C library's libc.a \
                 (apt-get install libc6-dev), or: rustup target add {own}-unknown-linux-musl\n{words}"
            ),
            Err(_) if processor == own => {
                println!(
                    "cargo::warning=no helper for {own}: rustup target add {own}-unknown-linux-musl"
                );
            }
            Err(_) => {}
        }
    }
    let text = format!("&[\n{list}]");
    if let Err(error) = fs::write(out.join("helpers.rs"), text) {
        panic!("cannot write the list of helpers: {error}");
    }
}

/// Makes the helper for `processor`, by the first way that succeeds.
fn make(processor: &str, path: &Path) -> Result<(), String> {
    let musl = format!("{processor}-unknown-linux-musl");
    let mut ways = vec![(musl, vec!["-Clinker=rust-lld", "-Clinker-flavor=ld.lld"])];
    let target = var("TARGET");
    if target.starts_with(processor) && target.ends_with("linux-gnu") {
        ways.insert(0, (target, vec!["-Ctarget-feature=+crt-static"]));
    }
    let mut words = String::new();
    for (target, options) in ways {
        let mut rustc = Command::new(var("RUSTC"));
        rustc.args([
            "--edition=2024",
            "--crate-name=helper",
            "helper/main.rs",
            "--target",
            &target,
        ]);
        rustc.args(["-Copt-level=s", "-Cpanic=abort", "-Cstrip=symbols", "-o"]).arg(path);
        match rustc.args(options).output() {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => words.push_str(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => words.push_str(&error.to_string()),
        }
    }
    Err(words)
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
