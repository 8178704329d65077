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
mod pip;
mod recipe;
mod watch;

use devcontainer::Own;
use document::{Container, container, policy::Isolation};
use engine::{Engine, Image};
use template::{Template, TemplateError};

use crate::recipe::LABEL_UPON;

pub use crate::{
    args::{Base, ImageArgs},
    error::Error,
    machine::Machine,
    pip::PipArgs,
    recipe::{Recipe, Role},
};

/// The repository of the image that ctrkit builds itself.
pub const OURS: &str = "localhost/ctrkit-base";

/// The repository of the proxy's image that ctrkit builds itself.
pub const OUR_PROXY: &str = "localhost/ctrkit-proxy";

/// The mode of isolation that takes a proxy.
const MODE_PROXY: &str = "proxy";

/// The base that is pulled where nothing else was said.
pub const DEFAULT_BASE: &str = "docker.io/library/debian:stable";

/// The account in the image where the document names none.
const DEFAULT_USER: &str = "dev";

/// The label with the account that the recipe makes.
const LABEL_USER: &str = "ctrkit.user";

/// The label with the digest of the recipe.
const LABEL_RECIPE: &str = "ctrkit.recipe";

/// An image that is to be there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// The image's name.
    pub image: String,
    /// What it is for.
    pub role: Role,
}

/// What is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The container's image, or the one that its template's is built upon.
    pub container: Wanted,
    /// The image of its template, if that has a recipe.
    pub template: Option<Wanted>,
    /// Whether the container is made from another: its repository's own.
    pub elsewhere: bool,
    /// The image of its proxy, if it has one.
    pub proxy: Option<Wanted>,
    /// What they are built upon.
    pub base: Base,
    /// Whether they are built although they are there, or are not ctrkit's own.
    pub build: bool,
    /// Whether what could be fetched is fetched although it is there.
    pub pull: bool,
}

/// What was found or done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// Whether the container's image that is there was built from another recipe.
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
    ///
    /// `template` is the document's, if it has one.
    pub fn new(
        container: &Container,
        template: Option<&Template>,
        args: &ImageArgs,
    ) -> Result<Self, Error> {
        let image = container.image()?;
        let built = built(container, template)?;
        let section = container.template.as_ref();
        let base = section.and_then(|section| section.base.as_deref());
        let image = base.unwrap_or(image);
        let user = container.user.as_deref().unwrap_or(DEFAULT_USER);
        if !is_image(image) {
            return Err(Error::BadImage { image: image.to_owned() });
        }
        if !is_account(user) {
            return Err(Error::BadUser { user: user.to_owned() });
        }
        let user = user.to_owned();
        let elsewhere = has_own_base(container)?;
        Ok(Self {
            container: Wanted { image: image.to_owned(), role: Role::Container { user } },
            template: built.filter(|_| !elsewhere),
            elsewhere,
            proxy: container.isolation.as_ref().and_then(proxy).transpose()?,
            base: args.base.clone().unwrap_or_default(),
            build: args.build,
            pull: args.pull,
        })
    }

    /// Decides what has to be done for each image, by what is there.
    fn deeds(&self, world: &mut impl World) -> Result<Vec<(&Wanted, Deed)>, Error> {
        let mut deed = |wanted: &Wanted| {
            let found = world.image(&wanted.image)?;
            wanted.deed(self, found.as_ref())
        };
        let container = Some(&self.container).filter(|_| !self.elsewhere);
        let wanted = [container, self.proxy.as_ref()];
        wanted.into_iter().flatten().map(|wanted| Ok((wanted, deed(wanted)?))).collect()
    }

    /// Returns the recipe of the template, if it has to be built: upon the image
    /// that is there now.
    fn recipe(&self, world: &mut impl World) -> Result<Option<Recipe>, Error> {
        let Some(Wanted { image, role: Role::Template { files, .. } }) = &self.template else {
            return Ok(None);
        };
        let base = self.container.image.clone();
        let upon = world.image(&base)?.map(|image| image.id).unwrap_or_default();
        let role = Role::Template { files: files.clone(), upon };
        let wanted = Wanted { image: image.clone(), role };
        let found = world.image(image)?;
        match wanted.deed(self, found.as_ref())? {
            Deed::Nothing(_) => Ok(None),
            _ => Ok(Some(Recipe { image: wanted.image, role: wanted.role, base })),
        }
    }
}

/// Returns the image that the recipe of `template` makes, if the document has
/// one that is built upon another.
fn built(container: &Container, template: Option<&Template>) -> Result<Option<Wanted>, Error> {
    let section = container.template.as_ref();
    let Some(base) = section.and_then(|section| section.base.as_deref()) else { return Ok(None) };
    let Some(template) = template.filter(|template| template.has_recipe()) else {
        return Ok(None);
    };
    let image = template.image(base);
    if container.image.as_ref() != Some(&image) {
        return Err(TemplateError::Changed { name: template.name.clone() }.into());
    }
    let file = |(path, file): (&str, &template::File)| {
        Some((path.to_owned(), file.mode, file.contents.clone()?))
    };
    let files = template.below("image").filter_map(file).collect();
    Ok(Some(Wanted { image, role: Role::Template { files, upon: String::new() } }))
}

/// Says whether the repository has a devcontainer.json that names what the
/// container is made from, and the devcontainers CLI is to make it.
fn has_own_base(container: &Container) -> Result<bool, Error> {
    let Some(section) = &container.devcontainer else { return Ok(false) };
    let (project, asked) = (&container.project.path, section.own.as_deref());
    let found = devcontainer::find(project, asked, devcontainer::is_ours)?;
    let own = found.map(|path| Own::load(&path, project, asked.is_some())).transpose()?;
    Ok(own.is_some_and(|own| own.base() != devcontainer::Base::Nothing))
}

/// Returns the image of the proxy of `isolation`, if it takes one.
fn proxy(isolation: &Isolation) -> Option<Result<Wanted, Error>> {
    if isolation.mode != MODE_PROXY {
        return None;
    }
    let image = isolation.image.clone().unwrap_or_else(|| format!("{OUR_PROXY}:latest"));
    Some(match is_image(&image) {
        true => Ok(Wanted { image, role: Role::Proxy }),
        false => Err(Error::BadImage { image }),
    })
}

impl Wanted {
    /// Decides what has to be done, `found` being what is there.
    fn deed(&self, request: &Request, found: Option<&Image>) -> Result<Deed, Error> {
        match found {
            _ if request.build => Ok(Deed::Build),
            Some(found) if !request.pull || self.is_ours() => self.judge(found),
            None if self.is_ours() => Ok(Deed::Build),
            _ if is_local(&self.image) => {
                Err(Error::Missing { image: self.image.clone(), ours: self.ours() })
            }
            _ => Ok(Deed::Pull),
        }
    }

    /// Returns the repository of the image of this role that ctrkit builds.
    fn ours(&self) -> &'static str {
        match self.role {
            Role::Container { .. } => OURS,
            Role::Proxy => OUR_PROXY,
            Role::Template { .. } => "",
        }
    }

    fn is_ours(&self) -> bool {
        if matches!(self.role, Role::Template { .. }) {
            return true;
        }
        let rest = self.image.strip_prefix(self.ours());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }

    /// Judges an image that is there by its labels; others' have none.
    ///
    /// In a container's image there may be what somebody added, and containers
    /// are made of it: it is only judged. In the proxy's there is nothing of
    /// anybody's, and an old one is not what the document means.
    fn judge(&self, found: &Image) -> Result<Deed, Error> {
        let recipe = found.labels.get(LABEL_RECIPE);
        let is_new = recipe.is_some_and(|recipe| *recipe == self.role.digest());
        match &self.role {
            Role::Container { user } => {
                let account = found.labels.get(LABEL_USER);
                if let Some(found) = account.filter(|account| *account != user) {
                    let (image, wanted) = (self.image.clone(), user.clone());
                    return Err(Error::OtherUser { image, found: found.clone(), wanted });
                }
                Ok(Deed::Nothing(Outcome { outdated: recipe.is_some() && !is_new }))
            }
            // What it is built upon was another image: it is not what is meant.
            Role::Template { upon, .. } if found.labels.get(LABEL_UPON) != Some(upon) => {
                Ok(Deed::Build)
            }
            Role::Template { .. } => Ok(Deed::Nothing(Outcome::default())),
            Role::Proxy if self.is_ours() && !is_new => Ok(Deed::Build),
            Role::Proxy => Ok(Deed::Nothing(Outcome::default())),
        }
    }
}

/// Makes sure that the images are there.
///
/// One that is there costs one question. Before anything is made, the turn of
/// other processes is waited for, and the questions are asked once more.
pub fn ensure(request: &Request, world: &mut impl World) -> Result<Outcome, Error> {
    let mut deeds = request.deeds(world)?;
    let is_nothing = |deed: &Deed| matches!(deed, Deed::Nothing(_));
    let is_settled =
        deeds.iter().all(|(_, deed)| is_nothing(deed)) && request.recipe(world)?.is_none();
    if is_settled {
        world.unchanged();
    } else {
        world.alone()?;
        deeds = request.deeds(world)?;
    }
    let (mut result, mut upon) = (Outcome::default(), None);
    for (wanted, deed) in deeds {
        match deed {
            Deed::Nothing(outcome) => result.outdated |= outcome.outdated,
            Deed::Pull => world.pull(&wanted.image)?,
            Deed::Build => {
                // One base for all: --pull fetches it once.
                let base = match &upon {
                    Some(base) => String::clone(base),
                    None => upon.insert(base(request, world)?).clone(),
                };
                let (image, role) = (wanted.image.clone(), wanted.role.clone());
                world.build(&Recipe { image, role, base })?;
            }
        }
    }
    if !is_settled {
        if let Some(recipe) = request.recipe(world)? {
            world.build(&recipe)?;
        }
    }
    Ok(result)
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

/// Writes the name of the proxy's image into the document, if it has one.
pub fn set_proxy(container: &mut Container, request: &Request) {
    if let (Some(isolation), Some(proxy)) = (&mut container.isolation, &request.proxy) {
        isolation.image = Some(proxy.image.clone());
    }
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
    user != "root" && container::is_account(user)
}

#[cfg(test)]
mod tests;
