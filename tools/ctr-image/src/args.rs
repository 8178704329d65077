//! The options of ctr-image.

use std::{path::PathBuf, str::FromStr};

use clap::Args;

use crate::PipArgs;

/// What the image is made from, and when.
#[derive(Args, Clone, Debug, Default)]
pub struct ImageArgs {
    /// Build upon IMAGE; `debootstrap` or `debootstrap:SUITE` makes a base
    /// from packages [default: Debian stable, pulled where a registry
    /// answers, else made from packages]
    #[arg(long, value_name = "IMAGE", env = "CTRKIT_BASE")]
    pub base: Option<Base>,

    /// Take the packages of a base that is made from URL [default: the one in
    /// this machine's own apt configuration]
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,

    /// Trust the certificates in FILE (PEM), in the build and in the image
    #[arg(long, value_name = "FILE", env = "CTRKIT_CA_BUNDLE")]
    pub ca_bundle: Option<PathBuf>,

    /// Build the image although it is there, or is not ctrkit's own
    #[arg(long)]
    pub build: bool,

    /// Fetch the image, or the base that is built upon, although it is there
    #[arg(long)]
    pub pull: bool,

    /// Run nothing: write the document as far as it is known
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Where the proxy's Python packages come from.
    #[command(flatten)]
    pub pip: PipArgs,
}

/// What an image is built upon.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Base {
    /// Whatever can be had.
    #[default]
    Default,
    /// An image.
    Image(String),
    /// What debootstrap(8) makes of a suite, or of this machine's own.
    Debootstrap(Option<String>),
}

impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = |suite: &str| {
            suite.starts_with(|first: char| first.is_ascii_alphanumeric())
                && suite.chars().all(|char| char.is_ascii_alphanumeric() || "._-".contains(char))
        };
        match text.split_once(':') {
            None if text.is_empty() => Ok(Self::Default),
            None if text == "debootstrap" => Ok(Self::Debootstrap(None)),
            Some(("debootstrap", suite)) if word(suite) => {
                Ok(Self::Debootstrap(Some(suite.to_owned())))
            }
            Some(("debootstrap", suite)) => Err(format!("'{suite}' is not a suite")),
            _ if crate::is_image(text) => Ok(Self::Image(text.to_owned())),
            _ => Err("expected the name of an image".to_owned()),
        }
    }
}
