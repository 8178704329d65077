//! Lists, shows, makes, checks and fills in templates of containers.

mod check;
mod create;
mod error;
mod render;
mod show;

pub use crate::{
    check::{Policies, check},
    create::create,
    error::Error,
    render::{render_file, render_template, write},
    show::{list, listed, show, table},
};

use template::{Library, Template};

/// Returns the template `name`, or the one in the directory of that path: what
/// has a `/` in it is a path.
pub fn find(library: &Library, name: &str) -> Result<Template, Error> {
    Ok(match name.contains('/') {
        true => Library::read(name.as_ref())?,
        false => library.find(name)?,
    })
}
