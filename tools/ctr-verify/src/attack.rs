//! One attack, from the first look to the last.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    net::IpAddr,
    path::Path,
    time::Duration,
};

use document::{labels, verify::Attacked};
use engine::{Engine, Summary};
use toolkit::{Events, Interrupt, Places};

use crate::{
    Error, Extent, Given, attacked,
    ear::{Ear, own_addresses},
    helper::{self, Answers, Broken, Injected, Session},
    jobs, own, probes,
    probes::Sight,
    target::{self, Target},
};

/// How long the helper may take.
const FAST: Duration = Duration::from_secs(15);
const LONG: Duration = Duration::from_secs(120);

/// The namespaces that no container shares with its machine.
const NAMESPACES: [&str; 4] = ["net", "pid", "ipc", "uts"];

/// With what a container is attacked.
#[derive(Debug)]
pub struct Attack<'a> {
    /// The engine that it is on.
    pub engine: &'a Engine,
    /// Where ctrkit's own files are.
    pub places: &'a Places,
    /// How far it goes.
    pub extent: Extent,
    /// What the command line says of it.
    pub given: Given,
    /// What ends it.
    pub interrupt: &'a Interrupt,
}

/// Attacks the container `summary`, and says what came of it.
pub fn attack(with: &Attack<'_>, summary: Summary, events: &mut Events) -> Result<Attacked, Error> {
    let target =
        events.step("look", || Target::new(with.engine, with.places, summary, &with.given))?;
    let ear = Ear::new().map_err(Error::Ear)?;
    let is_here = with.engine.host().is_none() && cfg!(target_os = "linux");
    let machine = if is_here { own_addresses() } else { Vec::new() };
    let canary = canary()?;
    let others = BTreeMap::new();
    let mut run = Run { with, target: &target, ear: &ear, canary: &canary, machine, others };
    let (root, user) = events.step("attack", || run.try_all())?;
    own::note(with, &target, &canary, &root);
    let sight = Sight {
        target: &target,
        extent: with.extent,
        root,
        user,
        heard: is_here.then(|| ear.heard()),
        shared: is_here.then(|| shared(Path::new("/proc"), &target)).flatten(),
        others: run.others,
    };
    let proxy = target.proxy.map(|proxy| proxy.to_string());
    Ok(attacked(&target.summary, proxy, probes::judge(&sight)))
}

/// An attack under way.
struct Run<'a> {
    with: &'a Attack<'a>,
    target: &'a Target,
    ear: &'a Ear,
    /// A name that no policy has, and nobody else has asked for.
    canary: &'a str,
    /// The addresses of this machine, where the engine is here.
    machine: Vec<IpAddr>,
    /// The names of other containers by their addresses.
    others: BTreeMap<String, String>,
}

impl<'a> Run<'a> {
    /// Has the helper try all, as root and where it matters as the container's
    /// user. What cannot be tried is an answer, too.
    fn try_all(&mut self) -> Result<(Answers, Option<Answers>), Error> {
        let image = &self.target.summary.image;
        let program = match helper::program(self.with.engine, image) {
            Ok(program) => program,
            Err(why) => return Ok((self.nothing(&why), None)),
        };
        if self.with.extent.beside {
            return Ok((self.try_beside(program)?, None));
        }
        let why = match self.inject(program)? {
            Ok((mut injected, session)) => {
                let user = self.as_user(&mut injected)?;
                return Ok((self.as_root(session)?, user));
            }
            Err(why) => why,
        };
        let mut answers = self.nothing(&why);
        answers.add(self.try_beside(program)?);
        Ok((answers, None))
    }

    /// Puts the helper where it can be put and run: at the root, else where
    /// something is mounted that can be written and is not the machine's.
    fn inject(&self, program: &[u8]) -> Result<Result<(Injected<'a>, Session), String>, Error> {
        let apart = &self.target.inspection.apart;
        let mut places = Vec::new();
        if !apart.is_read_only {
            places.push(("/", false));
        }
        let mounts = apart.mounts.iter().filter(|mount| !mount.read_only);
        for mount in mounts.filter(|mount| mount.kind == "volume" || mount.kind == "tmpfs") {
            places.push((mount.destination.as_str(), false));
            places.extend((mount.kind == "tmpfs").then_some((mount.destination.as_str(), true)));
        }
        let mut why =
            "its root file system can only be read, and nothing else be written".to_owned();
        for (directory, needs_shell) in places {
            self.with.interrupt.check()?;
            match self.put(program, directory, needs_shell) {
                Ok(begun) => return Ok(Ok(begun)),
                Err(broken) => why = format!("cannot be put into '{directory}': {}", broken.why()?),
            }
        }
        Ok(Err(format!("the helper {why}")))
    }

    fn put(
        &self,
        program: &[u8],
        directory: &str,
        needs_shell: bool,
    ) -> Result<(Injected<'a>, Session), Broken> {
        let (engine, id) = (self.with.engine, &self.target.summary.id);
        let injected = Injected::new(engine, id, directory, program, needs_shell);
        let mut injected = injected.map_err(Broken::Failed)?;
        // As root it is spoken with first: only root can remove its file, and it
        // does so at once where nobody else is to be asked.
        let last = self.user().is_none();
        let session = injected.speak("0:0", last, self.with.interrupt)?;
        Ok((injected, session))
    }

    /// Returns the container's user, where the helper is to be that one, too.
    fn user(&self) -> Option<&str> {
        let target = self.target;
        let user = target.inspection.user.as_deref();
        let user = target.summary.label(labels::REMOTE_USER).or(user)?;
        let is_root = ["root", "0", "0:0", "root:root"].contains(&user);
        (!is_root && !self.with.extent.quick).then_some(user)
    }

    fn as_user(&self, injected: &mut Injected<'_>) -> Result<Option<Answers>, Error> {
        let Some(user) = self.user() else { return Ok(None) };
        let jobs = jobs::as_user(self.target, self.with.extent);
        let mut session = match injected.speak(user, false, self.with.interrupt) {
            Ok(session) => session,
            // The engine knows no such account: root has tried it all.
            Err(broken) => return broken.why().map(|_| None),
        };
        match session.ask(&jobs, LONG, self.with.interrupt) {
            Ok(answers) => Ok(Some(answers)),
            Err(broken) => broken.why().map(|_| None),
        }
    }

    fn as_root(&mut self, mut session: Session) -> Result<Answers, Error> {
        let mut jobs = self.network_jobs();
        jobs.extend(jobs::machine(self.target, self.with.extent));
        self.ask(&mut session, &jobs)
    }

    fn network_jobs(&self) -> Vec<helper::Job> {
        let (target, extent) = (self.target, self.with.extent);
        let mut jobs = jobs::network(target, extent, self.ear, &self.machine);
        jobs.extend(jobs::proxy(target, extent, self.canary));
        jobs
    }

    /// Has it done, and then what is only known after that.
    fn ask(&mut self, session: &mut Session, jobs: &[helper::Job]) -> Result<Answers, Error> {
        let (extent, interrupt) = (self.with.extent, self.with.interrupt);
        let limit = if extent.quick { FAST } else { LONG };
        let answers = match session.ask(jobs, limit, interrupt) {
            Ok(answers) => answers,
            Err(broken) => return Ok(self.nothing(&broken.why()?)),
        };
        let mut more = jobs::after();
        if extent.quick {
            return self.ask_more(session, answers, &more);
        }
        let others = target::others(self.with.engine, self.target)?;
        for (name, addresses) in &others {
            self.others.extend(addresses.iter().map(|at| (at.to_string(), name.clone())));
        }
        let others: Vec<_> = others.into_values().flatten().collect();
        let named = named(answers.text("tables", jobs::HOSTS).unwrap_or_default());
        more.extend(jobs::neighbours(&others, &named, self.ear));
        self.ask_more(session, answers, &more)
    }

    fn ask_more(
        &self,
        session: &mut Session,
        mut answers: Answers,
        jobs: &[helper::Job],
    ) -> Result<Answers, Error> {
        match session.ask(jobs, LONG, self.with.interrupt) {
            Ok(more) => answers.add(more),
            Err(broken) => drop(broken.why()?),
        }
        Ok(answers)
    }

    /// Tries the network alone, from a container of the helper's own.
    fn try_beside(&mut self, program: &[u8]) -> Result<Answers, Error> {
        let summary = &self.target.summary;
        let hash = summary.label(labels::PROJECT_HASH);
        let label = |name: &str, value: &str| format!("--label={name}={value}");
        let labels: Vec<_> = hash.map_or_else(Vec::new, |hash| {
            vec![label(labels::SIDECAR_OF, hash), label(labels::SIDECAR_TYPE, "probe")]
        });
        let (engine, interrupt) = (self.with.engine, self.with.interrupt);
        let injected = Injected::beside(engine, &summary.id, &summary.image, &labels, program);
        let begun = injected.map_err(Broken::Failed).and_then(|mut injected| {
            let session = injected.speak("0:0", true, interrupt)?;
            Ok((injected, session))
        });
        match begun {
            Ok((_injected, mut session)) => {
                let jobs = self.network_jobs();
                self.ask(&mut session, &jobs)
            }
            Err(broken) => Ok(self.nothing(&broken.why()?)),
        }
    }

    /// Says of all that would be tried that it could not be, and why.
    fn nothing(&self, why: &str) -> Answers {
        let mut answers = Answers::default();
        let mut jobs = self.network_jobs();
        jobs.extend(jobs::machine(self.target, self.with.extent));
        jobs.extend(jobs::neighbours(&[], &[], self.ear));
        for (name, _) in jobs {
            answers.set(name, Err(why.to_owned()));
        }
        answers
    }
}

/// Returns a name that no policy has, and that nobody can guess.
fn canary() -> Result<String, Error> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 8];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    Ok(format!("canary-{:016x}.ctr-verify.invalid", u64::from_ne_bytes(bytes)))
}

/// Returns the addresses that `/etc/hosts` has for the machine below.
fn named(hosts: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let address = words.next()?.parse::<IpAddr>().ok()?;
        let is_machine = words.any(|name| jobs::HOST_NAMES.contains(&name));
        (is_machine && !address.is_loopback()).then_some(address)
    };
    hosts.lines().filter_map(address).collect()
}

/// Asks the kernel which namespaces the container's first process shares with
/// this one; `None` where it does not tell, or the process is another's.
fn shared(proc: &Path, target: &Target) -> Option<Vec<&'static str>> {
    let process = proc.join(target.inspection.apart.pid?.to_string());
    let groups = fs::read_to_string(process.join("cgroup")).ok()?;
    if !groups.contains(&target.summary.id) {
        return None;
    }
    let of = |process: &Path, name: &str| fs::read_link(process.join("ns").join(name)).ok();
    let is_shared = |name: &&str| {
        let (theirs, ours) = (of(&process, name), of(&proc.join("self"), name));
        theirs.is_some() && theirs == ours
    };
    Some(NAMESPACES.into_iter().filter(is_shared).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_known_by_the_names_that_engines_give_it() {
        let hosts = "127.0.0.1 localhost\n10.88.0.1 host.containers.internal x\n10.0.0.4 app\n\
                     127.0.0.1 host.docker.internal\nfe80::1 host.docker.internal\n";
        let words: Vec<_> = named(hosts).iter().map(ToString::to_string).collect();
        assert_eq!(words, ["10.88.0.1", "fe80::1"]);
    }

    #[test]
    fn no_two_canaries_are_the_same() {
        assert_ne!(canary().unwrap(), canary().unwrap());
    }
}
