//! filtergen(1): turn a policy into the filter of the egress proxy.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use document::{Container, Received, container};
use filtergen::{Error, Force, Lesson, PROJECT_POLICY};
use policy::{Library, Policy, Supplied, packages::Machine};
use toolkit::{Common, DocumentError, Events, Exit, Places, Tool};

/// How long another filtergen may take for the same container.
const PATIENCE: Duration = Duration::from_secs(20);

/// Turn a policy into the filter of the egress proxy
///
/// Reads a container/1 document on standard input, writes the filter that
/// enforces the policies below the state directory, and writes the document to
/// standard output with its isolation filled in. There is no policy that holds
/// by itself: a document that asks for no isolation goes through as it is, and
/// one that asks for it and names no policy is refused.
#[derive(Debug, Parser)]
#[command(version)]
struct Filtergen {
    /// Allow what the policy says: a name, names joined by '+', or a file
    #[arg(short, long = "policy", value_name = "NAME|FILE", env = "CTRKIT_POLICY")]
    policies: Vec<String>,

    /// Narrow the policies by FILE [default: .ctrkit/policy.toml of the project]
    #[arg(long, value_name = "FILE")]
    narrow: Option<PathBuf>,

    /// Read the configuration of package managers below DIR, not of this machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Write the filter to standard output; no document is read
    #[arg(long, conflicts_with_all = ["read", "check"])]
    print: bool,

    /// Write the policy of the filter FILE to standard output, as policy/1
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "policies", "narrow", "root"])]
    read: Option<PathBuf>,

    /// Say whether URL, or OPERATION:REPOSITORY:BRANCH, is allowed; '-' reads 'METHOD URL' lines
    #[arg(long, value_name = "URL|OPERATION")]
    check: Option<String>,

    /// Propose what to add to the policy, from the proxy's log; '-' is standard input
    #[arg(long, value_name = "LOG", conflicts_with_all = ["print", "read", "check"])]
    learn: Option<PathBuf>,

    /// Say what policy B lets through more or less than A: names, or files, or filters
    #[arg(
        long,
        num_args = 2,
        value_names = ["A", "B"],
        conflicts_with_all = ["print", "read", "check", "learn", "narrow"]
    )]
    diff: Vec<String>,

    /// Write what is learnt or differs as JSON
    #[arg(long)]
    json: bool,

    /// The method of the request that is asked about
    #[arg(long, value_name = "METHOD", requires = "check", default_value = "GET")]
    method: String,

    /// pip's variable
    #[arg(long, hide = true, env = "PIP_INDEX_URL")]
    pip_index_url: Option<String>,

    /// pip's variable
    #[arg(long, hide = true, env = "PIP_EXTRA_INDEX_URL")]
    pip_extra_index_url: Option<String>,

    /// npm's variable
    #[arg(long, hide = true, env = "npm_config_registry")]
    npm_config_registry: Option<String>,

    /// go's variable
    #[arg(long, hide = true, env = "GOPROXY")]
    goproxy: Option<String>,

    /// go's variable
    #[arg(long, hide = true, env = "GOSUMDB")]
    gosumdb: Option<String>,

    /// Check the policies and write the document, but no filter
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    places: Places,

    #[command(flatten)]
    common: Common,
}

impl Tool for Filtergen {
    type Error = Error;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, events: &mut Events) -> Result<Exit, Error> {
        if let Some(path) = &self.read {
            return self.read_back(path);
        }
        if let Some(url) = &self.check {
            return self.explain(url);
        }
        if let Some(log) = &self.learn {
            return self.propose(log);
        }
        if let [old, new] = self.diff.as_slice() {
            return self.compare(old, new);
        }
        if self.print {
            let force = self.force(&self.library()?, self.policies.clone(), None)?;
            toolkit::write_text(&filtergen::render(&force.policy, None)?)?;
            return Ok(Exit::Success);
        }
        self.write(events)
    }
}

impl Filtergen {
    /// Writes the filter of the document on standard input.
    fn write(&self, events: &mut Events) -> Result<Exit, Error> {
        let mut document: Received<Container> = toolkit::read()?;
        if !container::is_name(&document.name) {
            return Err(Error::BadName { name: document.name.clone() });
        }
        events.about(&document.name);
        if document.isolation.is_none() && self.policies.is_empty() {
            toolkit::write(&document)?;
            return Ok(Exit::Success);
        }
        let names = match (&document.isolation, self.policies.is_empty()) {
            (Some(isolation), true) => isolation.policies.clone(),
            _ => self.policies.clone(),
        };
        let project = document.project.path.join(PROJECT_POLICY);
        let library = self.library_of(&document)?;
        let force = events.step("compose", || self.force(&library, names, Some(project)))?;
        let filter = filtergen::render(&force.policy, Some(&document.name))?;
        let state = self.places.container(&document.name)?;
        let path = match self.dry_run {
            true => filtergen::place(&state),
            false => events.step("write", || filtergen::install(&state, &filter, PATIENCE))?,
        };
        filtergen::fill(&mut document, &force, path)?;
        toolkit::write(&document)?;
        Ok(Exit::Success)
    }

    fn library(&self) -> Result<Library, Error> {
        let directory = self.places.config()?.join("policies");
        Ok(Library { directory, machine: self.machine(), more: Vec::new() })
    }

    /// Returns the library with the policies of the document's template.
    fn library_of(&self, document: &Container) -> Result<Library, Error> {
        let mut library = self.library()?;
        if let Some(section) = &document.template {
            let template = template::Library::new(&self.places)?.of(section)?;
            let supplied = template.policies()?.into_iter();
            library.more =
                supplied.map(|(name, file, text)| Supplied { name, file, text }).collect();
        }
        Ok(library)
    }

    /// Composes the policies `names` and narrows them by the file that is named,
    /// or by `project` where there is such a file.
    fn force(
        &self,
        library: &Library,
        names: Vec<String>,
        project: Option<PathBuf>,
    ) -> Result<Force, Error> {
        let names: Vec<_> = policy::split(&names).into_iter().map(absolute).collect();
        let mut policy = library.compose(&names)?;
        let mut narrowed_by = None;
        if let Some(path) = self.narrow.clone().or(project) {
            match policy::narrow(&policy, &path)? {
                Some(narrow) => (policy, narrowed_by) = (narrow, Some(path)),
                None if self.narrow.is_some() => {
                    let name = path.to_string_lossy().into_owned();
                    return Err(policy::PolicyError::Absent { name, known: Vec::new() }.into());
                }
                None => {}
            }
        }
        Ok(Force { names, narrowed_by, policy, home: etcetera::home_dir().ok() })
    }

    fn machine(&self) -> Machine {
        if let Some(root) = &self.root {
            return Machine::below(root);
        }
        let variables = [
            ("PIP_INDEX_URL", &self.pip_index_url),
            ("PIP_EXTRA_INDEX_URL", &self.pip_extra_index_url),
            ("npm_config_registry", &self.npm_config_registry),
            ("GOPROXY", &self.goproxy),
            ("GOSUMDB", &self.gosumdb),
        ];
        let variables = variables.into_iter();
        let variables =
            variables.filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        Machine {
            root: PathBuf::from("/"),
            homes: etcetera::home_dir().ok().into_iter().collect(),
            variables: variables.collect(),
        }
    }

    fn read_back(&self, path: &Path) -> Result<Exit, Error> {
        let found = filtergen::read(path)?;
        toolkit::write(&Received::from(found.policy))?;
        for warning in &found.warnings {
            toolkit::warn("filtergen", self.common.error_format, warning);
        }
        Ok(Exit::Success)
    }

    fn propose(&self, log: &Path) -> Result<Exit, Error> {
        let known = match self.policies.is_empty() {
            true => Policy::default(),
            false => self.force(&self.library()?, self.policies.clone(), None)?.policy,
        };
        let mut lesson = Lesson::new(&known);
        match log.as_os_str() == "-" {
            true => lesson.read(Path::new("-"), io::stdin().lock())?,
            false => lesson.read(log, filtergen::open_log(log)?)?,
        }
        let proposal = lesson.propose();
        if !proposal.is_empty() {
            match self.json {
                true => toolkit::write(&Received::from(proposal.document()))?,
                false => toolkit::write_text(&proposal.text())?,
            }
        }
        for line in proposal.left_out() {
            toolkit::note("filtergen", self.common.error_format, &line);
        }
        Ok(Exit::Success)
    }

    fn compare(&self, old: &str, new: &str) -> Result<Exit, Error> {
        let library = self.library()?;
        let (before, after) = (filtergen::load(&library, old)?, filtergen::load(&library, new)?);
        let mut found = policy::diff(&before, &after);
        (found.old, found.new) = (old.to_owned(), new.to_owned());
        let exit = if found.changes.is_empty() { Exit::Success } else { Exit::No };
        let lines = found.changes.iter().map(|change| format!("{change}\n"));
        match self.json {
            true => toolkit::write(&Received::from(found))?,
            false => toolkit::write_text(&lines.collect::<String>())?,
        }
        Ok(exit)
    }

    fn explain(&self, url: &str) -> Result<Exit, Error> {
        let force = self.force(&self.library()?, self.policies.clone(), None)?;
        let questions = match url {
            "-" => questions()?,
            url => vec![(self.method.clone(), url.to_owned())],
        };
        let answers =
            questions.iter().map(|(method, url)| filtergen::check(&force.policy, method, url));
        let answers: Vec<_> = answers.collect::<Result<_, _>>()?;
        let lines: String = answers.iter().map(|answer| format!("{}\n", answer.line)).collect();
        toolkit::write_text(&lines)?;
        let all = answers.iter().all(|answer| answer.allowed);
        Ok(if all { Exit::Success } else { Exit::No })
    }
}

/// Reads lines of `METHOD URL` from standard input.
fn questions() -> Result<Vec<(String, String)>, Error> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).map_err(DocumentError::Read)?;
    let split = |line: &str| match line.split_once(' ') {
        Some((method, url)) => Ok((method.to_owned(), url.to_owned())),
        None if !line.contains("://") => Ok((String::new(), line.to_owned())),
        None => Err(Error::BadUrl { text: line.to_owned(), hint: None }),
    };
    text.lines().map(split).collect()
}

/// Makes the path of a policy in a file absolute; the document travels.
fn absolute(name: String) -> String {
    if !policy::is_file(&name) {
        return name;
    }
    let path = std::path::absolute(&name).ok();
    path.and_then(|path| path.into_os_string().into_string().ok()).unwrap_or(name)
}

fn main() -> ExitCode {
    toolkit::main::<Filtergen>()
}
