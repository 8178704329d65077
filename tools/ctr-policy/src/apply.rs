//! Replacing the policy of a container while it runs.

use std::{
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use document::{Container, Received, container::Missing};
use engine::{Engine, Summary};
use secrets::{Effort, Secrets};
use sha2::{Digest, Sha256};
use toolkit::{
    Events, Interrupt, Places, Siblings,
    files::{self, Lock},
    state,
};

use crate::{Error, find, managed};

/// How long another tool may be at work on the container.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long is waited before the proxy is asked again.
const PAUSE: Duration = Duration::from_millis(150);

/// What replaces policies.
#[derive(Debug)]
pub struct Applier<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// Where the documents are that were applied last.
    pub places: &'a Places,
    /// How filtergen(1) and ghtoken(1) are run.
    pub siblings: Siblings,
    /// Asked between the steps.
    pub interrupt: Interrupt,
    /// How long the proxy may take.
    pub limit: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The policy was in force already.
    Unchanged,
    /// The proxy says that it is in force.
    InForce,
    /// The proxy does not run, and begins with it.
    AtStart,
}

/// A policy that was applied.
#[derive(Debug)]
pub struct Applied {
    /// What is the case now.
    pub document: Received<Container>,
    /// What came of it.
    pub outcome: Outcome,
    /// What the person has to know besides.
    pub warnings: Vec<String>,
}

/// One application, under the container's lock.
struct Change<'a> {
    applier: &'a Applier<'a>,
    proxy: &'a Summary,
    directory: PathBuf,
    /// The document that was applied last.
    old: Received<Container>,
    /// The filter that was there.
    filter: Option<Vec<u8>>,
}

impl Applier<'_> {
    /// Makes `policies` be those of the isolated container called `name`.
    ///
    /// Nothing is changed before all is known to be good. What the proxy does not
    /// take over is taken back.
    pub fn apply(
        &self,
        name: &str,
        policies: &[String],
        events: &mut Events,
    ) -> Result<Applied, Error> {
        events.about(name);
        let managed = managed(self.engine, name)?;
        let (app, proxy) = find(&managed, name)?;
        let directory = self.places.container(name)?;
        let path = directory.join(state::DOCUMENT);
        if !path.exists() {
            return Err(Error::NotApplied { name: name.to_owned() });
        }
        let lock = Lock::take(&directory.join("lock"), PATIENCE)?;
        let old: Received<Container> = toolkit::read_file(&path)?;
        let isolation = old.isolation.as_ref();
        let isolation = isolation.ok_or_else(|| Error::NotIsolated { name: name.to_owned() })?;
        let filter = isolation.filter.as_deref().map(files::read).transpose()?.flatten();
        let change = Change { applier: self, proxy, directory, old, filter };
        let (document, outcome) = change.carry_out(policies, events)?;
        // Another tool takes it for itself.
        drop(lock);
        let mut warnings = change.unseen(&document);
        warnings.extend(self.swap_token(app, &change.old, &document, events)?);
        Ok(Applied { document, outcome, warnings })
    }

    /// Has filtergen(1) make the policies those of `document`.
    fn filtergen(
        &self,
        document: &Received<Container>,
        policies: &[String],
        options: &[&str],
    ) -> Result<Received<Container>, Error> {
        let policies: Vec<_> = policies.iter().map(|name| format!("--policy={name}")).collect();
        let args: Vec<_> =
            policies.iter().map(String::as_str).chain(options.iter().copied()).collect();
        let line = self.siblings.run("filtergen", &args, toolkit::line(document)?.as_bytes())?;
        Ok(toolkit::parse(&line, "that filtergen wrote")?)
    }

    /// Has ghtoken(1) put the placeholder into the place of the token for GitHub,
    /// or the token into that of the placeholder, where the proxy has it now or
    /// had it before.
    fn swap_token(
        &self,
        app: &Summary,
        old: &Container,
        new: &Received<Container>,
        events: &mut Events,
    ) -> Result<Option<String>, Error> {
        let has = |container: &Container| {
            secrets::placeholder_for_github(container.isolation.as_ref()).is_some()
        };
        if !has(old) && !has(new) {
            return Ok(None);
        }
        if app.status != "running" {
            let name = &app.name;
            return Ok(Some(format!("when '{name}' runs, change its token: ctrkit token {name}")));
        }
        let document = toolkit::line(new)?;
        events.step("token", || self.siblings.run("ghtoken", &["push"], document.as_bytes()))?;
        Ok(None)
    }
}

impl Change<'_> {
    fn carry_out(
        &self,
        policies: &[String],
        events: &mut Events,
    ) -> Result<(Received<Container>, Outcome), Error> {
        let Applier { engine, interrupt, .. } = self.applier;
        let compose = || self.applier.filtergen(&self.old, policies, &["--dry-run"]);
        let planned = events.step("compose", compose)?;
        self.check_program(engine.program_of(&self.proxy.id)?.as_deref(), &planned)?;
        let secrets = Secrets::read(planned.isolation.as_ref())?;
        interrupt.check()?;
        let runs = self.proxy.status == "running";
        // What the new policy needs is there before it; what it does not need any
        // more goes after the old one.
        if runs && secrets.have_all(ids(&self.old)) {
            self.bring(&secrets, events)?;
        }
        let write = || self.applier.filtergen(&self.old, policies, &[]);
        let new = events.step("write", write)?;
        let filter = new.isolation.as_ref().and_then(|isolation| isolation.filter.as_deref());
        let filter = filter.map(|path| (path, files::read(path)));
        let (path, text) = filter.ok_or(Missing("isolation.filter"))?;
        let text = text?.unwrap_or_default();
        let in_force = match runs {
            true => events.step("in-force", || self.wait(&text)),
            false => Ok(()),
        };
        if let Err(error) = in_force {
            self.put_back(path, &text, events);
            return Err(error);
        }
        let kept = self.keep(&new)?;
        if runs {
            self.bring(&secrets, events)?;
        }
        let is_same = !kept && self.filter.as_deref() == Some(&text);
        Ok((
            new,
            match (runs, is_same) {
                (true, true) => Outcome::Unchanged,
                (true, false) => Outcome::InForce,
                (false, _) => Outcome::AtStart,
            },
        ))
    }

    /// Refuses a program that the proxy would not take over.
    fn check_program(&self, of_proxy: Option<&str>, planned: &Container) -> Result<(), Error> {
        let ours = planned.isolation.as_ref().and_then(|isolation| isolation.program.as_deref());
        match ours.is_some() && ours == of_proxy {
            true => Ok(()),
            false => Err(Error::OtherProgram { name: self.old.name.clone() }),
        }
    }

    /// Waits until the proxy says that it has taken over the filter `text`.
    fn wait(&self, text: &[u8]) -> Result<(), Error> {
        let Applier { engine, interrupt, limit, .. } = self.applier;
        let (name, wanted) = (|| self.old.name.clone(), Some(digest(text)));
        let end = Instant::now() + *limit;
        loop {
            let told = engine.in_force(&self.proxy.id)?;
            if told.as_ref().is_some_and(|told| told.file == wanted) {
                return Ok(());
            }
            let refused = told.and_then(|told| told.refused).filter(|each| each.file == wanted);
            if let Some(refused) = refused {
                return Err(Error::Refused { name: name(), problem: refused.problem });
            }
            interrupt.check()?;
            if Instant::now() > end {
                return Err(Error::NotInForce { name: name(), seconds: limit.as_secs() });
            }
            sleep(PAUSE);
        }
    }

    /// Makes the policy that was there before be that of the next start as well. The
    /// proxy has never given it up, or takes it over again.
    fn put_back(&self, path: &Path, text: &[u8], events: &mut Events) {
        let Some(old) = &self.filter else { return };
        let put = || -> Result<(), Error> {
            let _lock = Lock::take(&self.directory.join("proxy.lock"), PATIENCE)?;
            // Another run may have replaced it meanwhile.
            if files::read(path)?.as_deref() == Some(text) {
                files::replace(path, old, 0o644)?;
            }
            Ok(())
        };
        let _ = events.step("put-back", put);
        if let Ok(secrets) = Secrets::read(self.old.isolation.as_ref()) {
            let _ = self.bring(&secrets, events);
        }
    }

    /// Keeps the document, so that a rebuild has the same policy, and returns
    /// whether it is another one.
    fn keep(&self, new: &Received<Container>) -> Result<bool, Error> {
        let text = toolkit::line(new)?;
        Ok(files::replace(&self.directory.join(state::DOCUMENT), text.as_bytes(), 0o600)?)
    }

    fn bring(&self, secrets: &Secrets, events: &mut Events) -> Result<(), Error> {
        if secrets::are_due(secrets, &self.directory)? {
            let (engine, directory) = (self.applier.engine, &self.directory);
            events.step("secrets", || {
                secrets::bring(engine, &self.proxy.id, secrets, directory, Effort::IfChanged)
            })?;
        }
        Ok(())
    }

    /// Says which variables the container would have with that policy if it were
    /// made anew: they do not change while it stays.
    fn unseen(&self, new: &Container) -> Vec<String> {
        let has = |name: &str| self.old.env.iter().any(|variable| variable.name == name);
        let secrets = new.isolation.iter().flat_map(|isolation| &isolation.secrets);
        let names = secrets.filter_map(|secret| secret.env.as_deref()).filter(|name| !has(name));
        let name = &new.name;
        let warning = |variable| {
            format!(
                "'{name}' has no variable {variable} before it is made anew: ctrkit rebuild {name}"
            )
        };
        names.map(warning).collect()
    }
}

/// Returns the ids of the secrets of `container`.
fn ids(container: &Container) -> impl Iterator<Item = &str> {
    let secrets = container.isolation.as_ref().into_iter().flat_map(|each| each.secrets.iter());
    secrets.map(|secret| secret.id.as_str())
}

/// Returns the digest of a file, as the proxy tells it.
pub(crate) fn digest(text: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(text))
}
