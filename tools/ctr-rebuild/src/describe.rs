//! Finding the document that a container is made from.

use document::{Container, Received, container::Port, labels};
use engine::{EngineError, Summary};
use toolkit::{DocumentError, state};

use crate::{Error, Rebuilder};

impl Rebuilder<'_> {
    /// Returns the document that was applied last, if it is there and can be
    /// read.
    pub(crate) fn kept(&self, name: &str) -> Result<Option<Received<Container>>, Error> {
        let path = self.places.container(name)?.join(toolkit::state::DOCUMENT);
        match toolkit::read_file::<Container>(&path) {
            Ok(document) if document.name == name => Ok(Some(document)),
            Ok(_) => Ok(None),
            Err(DocumentError::ReadFile { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(None)
            }
            Err(error @ DocumentError::ReadFile { .. }) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// Refuses a kept document without isolation of a container that has it: the run
    /// that made it so was killed before it kept its own. Only where one was, the
    /// engine is asked.
    pub(crate) fn see_that_it_stays_isolated(
        &self,
        document: &Received<Container>,
    ) -> Result<(), Error> {
        let name = &document.name;
        let is_pending = self.places.container(name)?.join(state::PENDING).exists();
        if document.isolation.is_some() || !is_pending {
            return Ok(());
        }
        let engine = self.args.for_document(document.engine.as_ref(), self.places)?;
        match engine.all_managed()?.get(name) {
            Some(found) if found.is_isolated() => Err(Error::NoPolicy { name: name.clone() }),
            _ => Ok(()),
        }
    }

    /// Describes the container anew: by its worktree, which a label names, and
    /// the ports that it has.
    pub(crate) fn describe(&self, name: &str) -> Result<Received<Container>, Error> {
        let engine = self.args.find(self.config, self.places)?;
        let managed = engine.all_managed()?;
        let Some(found) = managed.get(name).or_else(|| managed.replaced(name)) else {
            return Err(engine.managed(name).err().unwrap_or_else(|| gone(name)).into());
        };
        engine.check_authority(found)?;
        if found.is_isolated() {
            return Err(Error::NoPolicy { name: name.to_owned() });
        }
        let path = found
            .label(labels::PROJECT_PATH)
            .ok_or_else(|| Error::NoWorktree { name: name.to_owned() })?;
        let options = options(found);
        let words = ["ctr-spec", path].into_iter().chain(options.iter().map(String::as_str));
        let line = self.tools.run(words.collect(), name, b"")?;
        let line = self.tools.run(vec!["portalloc"], name, &line)?;
        let mut document = toolkit::parse::<Container>(&line, "what portalloc wrote")?;
        if document.name != name {
            let (path, other) = (path.to_owned(), document.name.clone());
            return Err(Error::OtherName { name: name.to_owned(), path, other });
        }
        document.engine = Some(engine.section());
        keep_ports(&mut document, &found.listed().ports);
        Ok(document)
    }
}

fn gone(name: &str) -> EngineError {
    EngineError::NoSuchContainer { name: name.to_owned() }
}

/// Returns the options with which `found` was described, as far as it tells.
fn options(found: &Summary) -> Vec<String> {
    let user = found.label(labels::REMOTE_USER).map(|user| format!("--user={user}"));
    // An image that has lost its name is listed by its id.
    let is_id = |image: &str| image.starts_with("sha256:") || is_hex(image);
    let image = Some(&found.image).filter(|image| !image.is_empty() && !is_id(image));
    user.into_iter().chain(image.map(|image| format!("--image={image}"))).collect()
}

fn is_hex(text: &str) -> bool {
    text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Takes the services away that the container does not have: it is to have
/// the same ports as before, and none besides.
pub(crate) fn keep_ports(document: &mut Container, had: &[Port]) {
    let is_had = |service: &str| had.iter().any(|port| port.service == service);
    let gone: Vec<_> = document.ports.iter().map(|port| port.service.clone()).collect();
    let gone: Vec<_> = gone.into_iter().filter(|service| !is_had(service)).collect();
    document.ports.retain(|port| is_had(&port.service));
    document.labels.retain(|label| !gone.iter().any(|service| label.name == labels::port(service)));
    if let Some(all) = document.labels.iter_mut().find(|label| label.name == labels::PORTS) {
        let kept = all
            .value
            .split(' ')
            .filter(|port| port.split_once(':').is_none_or(|(service, _)| is_had(service)));
        all.value = kept.collect::<Vec<_>>().join(" ");
    }
}
