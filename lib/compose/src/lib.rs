//! Compose files, as docker compose and podman-compose run them.
//!
//! A model is written so that both read the same ([`to_text`]). A person's own
//! file is read as an override of a model, checked, and given back as data
//! ([`Override`]): nothing in it leads out of the isolation that the model is for.
//! Of a repository's own file, which makes a container without isolation, it is
//! told what reaches the machine ([`reaches`]).

mod again;
mod at;
mod base;
mod error;
mod limit;
mod mount;
mod named;
mod overrides;
mod own;
mod own_service;
mod part;
mod path;
mod place;
mod plain;
mod read;
mod refused;
mod service;
mod tree;
mod write;

pub use crate::{
    again::look_again,
    at::Problem,
    base::{Base, volume_name},
    error::OverrideError,
    mount::is_mountable,
    named::{APP, ModelError, model_of},
    overrides::Override,
    own::{Directory, Made, Reach, as_override, network_of, reaches},
    part::{mounted, published},
    place::{OutOfReach, beneath},
    plain::read,
    read::from_text,
    service::is_image,
    tree::Malformed,
    write::{Syntax, Unwritable, to_syntax, to_text},
};

#[cfg(test)]
mod tests;
