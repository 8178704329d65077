//! Decides what must be done for an image to be there.
//!
//! [`ensure`] asks and acts through [`World`] alone; [`Machine`] is the real
//! one: an engine, the network and debootstrap(8).

mod apt;
mod args;
mod bootstrap;
mod certificates;
mod error;
mod machine;
mod recipe;
mod watch;

use document::{Container, container};
use engine::{Engine, Image};

pub use crate::{
    args::{Base, ImageArgs},
    error::Error,
    machine::Machine,
    recipe::{Recipe, digest},
};

/// The repository of the image that ctrkit builds itself.
pub const OURS: &str = "localhost/ctrkit-base";

/// The base that is pulled where nothing else was said.
pub const DEFAULT_BASE: &str = "docker.io/library/debian:stable";

/// The account in the image where the document names none.
const DEFAULT_USER: &str = "dev";

/// The label with the account that the recipe makes.
const LABEL_USER: &str = "ctrkit.user";

/// The label with the digest of the recipe.
const LABEL_RECIPE: &str = "ctrkit.recipe";

/// What is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The image's name.
    pub image: String,
    /// The account that is to be in it.
    pub user: String,
    /// What it is built upon.
    pub base: Base,
    /// Whether it is built although it is there, or is not ctrkit's own.
    pub build: bool,
    /// Whether what could be fetched is fetched although it is there.
    pub pull: bool,
}

/// What was found or done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// Whether the image that is there was built from another recipe.
    pub outdated: bool,
}

/// What happens outside: questions first, deeds after them.
pub trait World {
    /// Returns the image called `name`, if it is there.
    fn image(&mut self, name: &str) -> Result<Option<Image>, Error>;
    /// Returns the release of Debian or Ubuntu that this machine runs, or
    /// one that can be made anywhere.
    fn suite(&self) -> String;
    /// Waits until no other process of this user makes an image.
    fn alone(&mut self) -> Result<(), Error>;
    /// Says that there was nothing to do.
    fn unchanged(&mut self);
    /// Fetches the image called `name` from its registry.
    fn pull(&mut self, name: &str) -> Result<(), Error>;
    /// Makes an image called `name` of the release `suite`, from packages.
    fn bootstrap(&mut self, suite: &str, name: &str) -> Result<(), Error>;
    /// Builds the recipe.
    fn build(&mut self, recipe: &Recipe) -> Result<(), Error>;
}

/// What has to be done.
enum Deed {
    Nothing(Outcome),
    Pull,
    Build,
}

impl Request {
    /// Returns what `container` and the command line ask for.
    ///
    /// Names are checked here, because they become words of a command line:
    /// one that begins with a hyphen would be an option.
    pub fn new(container: &Container, args: &ImageArgs) -> Result<Self, Error> {
        let image = container.image().map_err(toolkit::DocumentError::from)?;
        let user = container.user.as_deref().unwrap_or(DEFAULT_USER);
        if !is_image(image) {
            return Err(Error::BadImage { image: image.to_owned() });
        }
        if !is_account(user) {
            return Err(Error::BadUser { user: user.to_owned() });
        }
        Ok(Self {
            image: image.to_owned(),
            user: user.to_owned(),
            base: args.base.clone().unwrap_or_default(),
            build: args.build,
            pull: args.pull,
        })
    }

    /// Decides what has to be done, `found` being what is there.
    fn deed(&self, found: Option<&Image>) -> Result<Deed, Error> {
        match found {
            _ if self.build => Ok(Deed::Build),
            Some(found) if !self.pull || self.is_ours() => self.judge(found).map(Deed::Nothing),
            None if self.is_ours() => Ok(Deed::Build),
            _ if is_local(&self.image) => Err(Error::Missing { image: self.image.clone() }),
            _ => Ok(Deed::Pull),
        }
    }

    fn is_ours(&self) -> bool {
        self.image.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }

    /// Judges an image that is there by its labels; others' have none.
    fn judge(&self, found: &Image) -> Result<Outcome, Error> {
        match found.labels.get(LABEL_USER) {
            Some(user) if *user != self.user => Err(Error::OtherUser {
                image: self.image.clone(),
                found: user.clone(),
                wanted: self.user.clone(),
            }),
            _ => {
                let recipe = found.labels.get(LABEL_RECIPE);
                Ok(Outcome { outdated: recipe.is_some_and(|recipe| *recipe != digest()) })
            }
        }
    }
}

/// Makes sure that the image is there.
///
/// One that is there costs one question. Before anything is made, the turn of
/// other processes is waited for, and the question is asked once more.
pub fn ensure(request: &Request, world: &mut impl World) -> Result<Outcome, Error> {
    let found = world.image(&request.image)?;
    if let Deed::Nothing(outcome) = request.deed(found.as_ref())? {
        world.unchanged();
        return Ok(outcome);
    }
    world.alone()?;
    let found = world.image(&request.image)?;
    match request.deed(found.as_ref())? {
        Deed::Nothing(outcome) => return Ok(outcome),
        Deed::Pull => world.pull(&request.image)?,
        Deed::Build => {
            let base = base(request, world)?;
            let (image, user) = (request.image.clone(), request.user.clone());
            world.build(&Recipe { image, user, base })?;
        }
    }
    Ok(Outcome::default())
}

/// Returns the name of the base image, which is there then.
fn base(request: &Request, world: &mut impl World) -> Result<String, Error> {
    match &request.base {
        Base::Image(name) => {
            if request.pull || world.image(name)?.is_none() {
                world.pull(name)?;
            }
            Ok(name.clone())
        }
        Base::Debootstrap(suite) => {
            let suite = suite.clone().unwrap_or_else(|| world.suite());
            bootstrapped(request, &suite, world)
        }
        Base::Default => default_base(request, world),
    }
}

/// Returns the default base: one that is there, else one that a registry has,
/// else one made from packages.
fn default_base(request: &Request, world: &mut impl World) -> Result<String, Error> {
    let suite = world.suite();
    if !request.pull {
        for name in [DEFAULT_BASE.to_owned(), bootstrapped_name(&suite)] {
            if world.image(&name)?.is_some() {
                return Ok(name);
            }
        }
    }
    match world.pull(DEFAULT_BASE) {
        Ok(()) => Ok(DEFAULT_BASE.to_owned()),
        Err(pull) if pull.is_unreachable() => bootstrapped(request, &suite, world)
            .map_err(|why| Error::NoBase { pull: Box::new(pull), source: Box::new(why) }),
        Err(error) => Err(error),
    }
}

/// Returns the base made from the packages of `suite`.
fn bootstrapped(request: &Request, suite: &str, world: &mut impl World) -> Result<String, Error> {
    let name = bootstrapped_name(suite);
    if request.pull || world.image(&name)?.is_none() {
        world.bootstrap(suite, &name)?;
    }
    Ok(name)
}

fn bootstrapped_name(suite: &str) -> String {
    format!("localhost/ctrkit-debootstrap:{suite}")
}

/// Returns the warning about an image that another recipe made.
#[must_use]
pub fn outdated(image: &str) -> String {
    format!("'{image}' was built from another version of the recipe; --build makes it anew")
}

/// Writes `engine` into the document; keys it does not know stay.
pub fn set_engine(container: &mut Container, engine: &Engine) {
    let before = container.engine.take().unwrap_or_default();
    container.engine = Some(container::Engine { extra: before.extra, ..engine.section() });
}

/// Says whether `image` can be nothing but the name of an image.
///
/// The characters are those of a reference (OCI distribution specification,
/// "Pulling manifests", and the reference grammar of docker): a first letter
/// or digit, then these.
pub(crate) fn is_image(image: &str) -> bool {
    image.starts_with(|first: char| first.is_ascii_alphanumeric())
        && image.chars().all(|char| char.is_ascii_alphanumeric() || "._-/:@".contains(char))
}

/// Says whether `image` is one that no registry has: podman calls images that
/// were made on the machine itself `localhost/…`.
fn is_local(image: &str) -> bool {
    image.starts_with("localhost/")
}

/// Says whether `user` is a name for an ordinary account: what useradd(8)
/// takes on Debian and Ubuntu alike, but not `root`.
fn is_account(user: &str) -> bool {
    let first = |char: char| char.is_ascii_lowercase() || char == '_';
    let other = |char: char| first(char) || char.is_ascii_digit() || char == '-';
    user != "root" && user.len() <= 32 && user.starts_with(first) && user.chars().all(other)
}

#[cfg(test)]
mod tests;
