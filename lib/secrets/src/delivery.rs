//! The secrets that a container itself has, as files below [`DIRECTORY`].
//!
//! They are copies in a directory of the container's state, which is mounted
//! there to be read only. A directory and not the files, because a file that is
//! mounted by itself stays what it was when another is renamed into its place.
//! Where the engine is on another machine the copies are in the container.

use std::{
    fmt,
    fs::{self, DirBuilder, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use document::{
    Container,
    claude::Secret,
    container::{Mount, is_variable},
};
use engine::{Engine, Kind};
use nix::unistd::geteuid;
use tempfile::NamedTempFile;
use toolkit::files::FileError;

use crate::{
    Effort, Error,
    record::{Memory, Record},
    value,
};

/// Where the container has them.
pub const DIRECTORY: &str = "/run/secrets";

/// The file beside them that says which variable has which: `VARIABLE NAME`.
pub const VARIABLES: &str = ".variables";

/// The name of Claude Code's token, and the variable that it is read from.
pub const CLAUDE: (&str, &str) = ("claude-token", "CLAUDE_CODE_OAUTH_TOKEN");

/// The directory with the copies, in the container's state directory.
const PLACE: &str = "secrets";

/// The record of what was delivered, beside it.
const RECORD: &str = "delivered.json";

/// What the names of copies begin with that are not in their place yet.
const UNFINISHED: &str = ".secret.ctrkit-";

/// Puts one of them into a container; what it does is told in it.
const PUT: &str = include_str!("put.sh");

/// Takes away what is none of them.
const KEEP: &str = include_str!("keep.sh");

/// The most bytes of a secret that is in no variable.
const LIMIT: u64 = 64 << 10;

/// The numbers of an account in a container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Account {
    uid: u32,
    gid: u32,
}

/// The secrets of one container, which are never shown.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Copies(Vec<Copied>);

#[derive(Clone, Eq, PartialEq)]
struct Copied {
    name: String,
    env: Option<String>,
    contents: Vec<u8>,
}

impl fmt::Debug for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Copies")?;
        f.debug_list().entries(self.0.iter().map(|copied| &copied.name)).finish()
    }
}

impl Copies {
    /// Reads the files of the secrets that `container` is to have.
    ///
    /// One that its proxy has stays there: that its policy names the variable
    /// means that the container must not have it.
    pub fn read(container: &Container) -> Result<Self, Error> {
        let mut copies = Vec::new();
        for secret in wanted(container)? {
            let contents = match &secret.env {
                Some(_) => value::value(&secret.name, &secret.file)?.into_bytes(),
                None => plain(&secret.name, &secret.file)?,
            };
            copies.push(Copied { name: secret.name, env: secret.env, contents });
        }
        Ok(Self(copies))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns names and contents of all files, and whether everybody may read
    /// each.
    fn files(&self) -> Vec<(&str, Vec<u8>, bool)> {
        let lines = self.0.iter().filter_map(|copied| {
            copied.env.as_ref().map(|variable| format!("{variable} {}\n", copied.name))
        });
        let variables = (VARIABLES, lines.collect::<String>().into_bytes(), true);
        let secrets = self.0.iter().map(|one| (one.name.as_str(), one.contents.clone(), false));
        secrets.chain([variables]).collect()
    }

    /// Returns the record that says that `keeper` has them.
    fn record(&self, keeper: &str) -> Result<Record, FileError> {
        Record::of(keeper, &[self.bytes()])
    }

    fn is_known_by(&self, record: Option<&Record>, keeper: &str) -> bool {
        record.is_some_and(|record| record.holds(keeper, &[self.bytes()]))
    }

    /// Returns all that makes them up; each part says how long it is.
    fn bytes(&self) -> Vec<u8> {
        let part = |(name, contents, _): (&str, Vec<u8>, bool)| {
            [format!("{name}\0{}\0", contents.len()).as_bytes(), &contents, b"\0"].concat()
        };
        self.files().into_iter().flat_map(part).collect()
    }
}

/// Returns the secrets of `container`, Claude Code's token among them.
fn wanted(container: &Container) -> Result<Vec<Secret>, Error> {
    let mut wanted: Vec<Secret> = Vec::new();
    let claude = container.claude.as_ref().and_then(|claude| claude.token_file.clone());
    let claude = claude.map(|file| {
        let (name, env) = (CLAUDE.0.to_owned(), Some(CLAUDE.1.to_owned()));
        Secret { name, file, env, ..Secret::default() }
    });
    for secret in &container.secrets {
        check(secret)?;
        if wanted.iter().any(|other| other.name == secret.name) {
            return Err(Error::bad_name(&secret.name, "it is there twice"));
        }
        wanted.push(secret.clone());
    }
    // What a person names is what is meant.
    let is_taken = |claude: &Secret| {
        wanted.iter().any(|other| other.name == claude.name || other.env == claude.env)
    };
    wanted.extend(claude.filter(|claude| !is_taken(claude)));
    let isolation = container.isolation.iter().flat_map(|isolation| &isolation.secrets);
    let withheld: Vec<_> = isolation.filter_map(|secret| secret.env.as_deref()).collect();
    wanted.retain(|secret| secret.env.as_deref().is_none_or(|env| !withheld.contains(&env)));
    Ok(wanted)
}

/// Refuses a name that is no file's, and a variable that is no shell's.
fn check(secret: &Secret) -> Result<(), Error> {
    if !is_name(&secret.name) {
        return Err(Error::bad_name(&secret.name, NAME_RULE));
    }
    match secret.env.as_deref().filter(|env| !is_variable(env)) {
        Some(env) => Err(Error::bad_name(env, VARIABLE_RULE)),
        None => Ok(()),
    }
}

/// What a secret's name must be.
pub const NAME_RULE: &str = "it must be a letter or a digit and then up to 63 letters, digits, \
                             underscores, hyphens or dots";

/// What the name of a secret's variable must be.
pub const VARIABLE_RULE: &str = "it must be a name as a shell has it";

/// Says whether `text` can be a secret's name: that of a file, and one word.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_inner)
}

/// Reads a secret that is in no variable, as it is.
fn plain(name: &str, path: &Path) -> Result<Vec<u8>, Error> {
    let contents = value::contents(name, path, LIMIT)?;
    let wrong = |what| Error::NotAValue { id: name.to_owned(), path: path.to_owned(), what };
    match contents.len() as u64 {
        0 => Err(wrong("it is empty")),
        1..=LIMIT => Ok(contents),
        _ => Err(wrong("it has more than 65536 bytes")),
    }
}

/// Returns the directory of the copies, below the container's state directory.
#[must_use]
pub fn place(directory: &Path) -> PathBuf {
    directory.join(PLACE)
}

/// Returns the mount that brings them into `container`, which [`mount`] has
/// made.
#[must_use]
pub fn mounted(container: &Container) -> Option<&Mount> {
    let is_ours = |mount: &&Mount| mount.target == DIRECTORY && mount.kind == "bind";
    container.mounts.iter().find(is_ours)
}

/// Says whether `container` has secrets, or may have some while it runs.
#[must_use]
pub fn are_wanted(container: &Container) -> bool {
    container.claude.is_some() || !container.secrets.is_empty()
}

/// Puts the mount of the copies into `container`; `directory` is its state
/// directory.
pub fn mount(container: &mut Container, directory: &Path) {
    container.set_mount(Mount {
        kind: "bind".to_owned(),
        source: Some(place(directory)),
        target: DIRECTORY.to_owned(),
        read_only: true,
        ..Mount::default()
    });
}

/// Makes the directory that is mounted, which must be there before the
/// container is. `directory` is the container's state directory, into which
/// nobody else gets: that others may enter this one means those in the
/// container.
fn make_place(directory: &Path) -> Result<(), FileError> {
    toolkit::files::create_private_dir(directory)?;
    let place = place(directory);
    let made = match DirBuilder::new().mode(0o755).create(&place) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    };
    // Whatever the umask is.
    let made = made.and_then(|()| fs::set_permissions(&place, Permissions::from_mode(0o755)));
    made.map_err(FileError::writing(&place))
}

/// Makes the directory that is mounted, and notes that the container may have
/// secrets from now on, so that a run that is killed is taken up by the next.
/// For a container that is to be made; `directory` is its state directory, whose
/// lock the caller holds.
pub fn prepare(container: &Container, directory: &Path) -> Result<(), FileError> {
    if !are_wanted(container) {
        return Ok(());
    }
    make_place(directory)?;
    Memory::at(directory.join(RECORD)).note(&Record::default())
}

/// Where a container has its secrets from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Keeper<'a> {
    /// The directory that is mounted.
    Place,
    /// Itself, by its id.
    Container(&'a str),
}

impl<'a> Keeper<'a> {
    /// Returns where `container` has them from; one that was made without them
    /// has no place for any.
    fn of(container: &Container, id: &'a str) -> Option<Self> {
        let is_elsewhere = container.engine.as_ref().is_some_and(|engine| engine.host.is_some());
        match mounted(container) {
            Some(_) => Some(Self::Place),
            None => (is_elsewhere && are_wanted(container)).then_some(Self::Container(id)),
        }
    }

    /// Returns what the record calls it.
    fn name(self) -> &'a str {
        match self {
            Self::Place => "",
            Self::Container(id) => id,
        }
    }
}

/// Says whether [`deliver`] has anything to do; no engine is asked.
pub fn is_due(
    container: &Container,
    directory: &Path,
    id: &str,
    effort: Effort,
) -> Result<bool, Error> {
    let Some(keeper) = Keeper::of(container, id) else { return Ok(false) };
    let copies = Copies::read(container)?;
    let record = Memory::at(directory.join(RECORD)).recall()?;
    if copies.is_empty() && record.is_none() {
        return Ok(false);
    }
    let is_there = copies.is_known_by(record.as_ref(), keeper.name())
        && (keeper != Keeper::Place || copies.are_in(&place(directory)));
    Ok(effort == Effort::Always || !is_there)
}

/// Makes the container with that id, which runs, have its secrets and no others,
/// and lets its user write to the agent's configuration. Returns what a person
/// should know of it. `directory` is its state directory, whose lock the caller
/// holds.
///
/// That it may have them is noted before, so that a run that is killed does not
/// leave any behind that nobody would take away.
pub fn deliver(
    container: &Container,
    directory: &Path,
    id: &str,
    engine: &Engine,
) -> Result<Vec<String>, Error> {
    let Some(keeper) = Keeper::of(container, id) else { return Ok(Vec::new()) };
    let copies = Copies::read(container)?;
    let user = container.user.as_deref().unwrap_or("root");
    let memory = Memory::at(directory.join(RECORD));
    memory.note(&Record::begun(keeper.name()))?;
    let mut warnings = Vec::new();
    match keeper {
        Keeper::Place => {
            let account = account(engine, id, user)?;
            let cure = copies.write(directory, account, engine)?;
            warnings.extend(cure.map(|cure| {
                format!("'{user}' in '{}' cannot read its secrets; {cure}", container.name)
            }));
        }
        Keeper::Container(id) => copies.put(engine, id, user)?,
    }
    warnings.extend(give_configuration(container, id, engine, user));
    match copies.is_empty() {
        true => memory.forget()?,
        false => memory.note(&copies.record(keeper.name())?)?,
    }
    Ok(warnings)
}

/// Asks the container for the numbers of `user`: those of the image's labels
/// may be another image's.
fn account(engine: &Engine, id: &str, user: &str) -> Result<Account, Error> {
    let args = ["exec", "--user", user, id, "sh", "-c", "id -u && id -g"];
    let said = engine.run(args).map_err(Error::deliver)?;
    let mut numbers = said.lines().filter_map(|line| line.trim().parse().ok());
    let number = numbers.next().zip(numbers.next());
    let (uid, gid) = number.ok_or_else(|| Error::NoAccount { user: user.to_owned() })?;
    Ok(Account { uid, gid })
}

/// Gives the agent's configuration, as far as it is mounted, to the user.
///
/// It is done inside: there the numbers are right whatever they are out here,
/// and a link that somebody has left in it leads nowhere but there.
fn give_configuration(
    container: &Container,
    id: &str,
    engine: &Engine,
    user: &str,
) -> Option<String> {
    let claude = container.claude.as_ref()?;
    let target = claude.directory.as_ref().and(claude.target.as_deref())?;
    let owner = format!("{user}:");
    let given = engine.run(["exec", "--user", "0:0", id, "chown", "-hR", "--", &owner, target]);
    given.err().map(|error| format!("'{user}' may not be able to write to {target}: {error}"))
}

impl Copies {
    fn are_in(&self, place: &Path) -> bool {
        let files = self.files();
        files.iter().all(|(name, ..)| place.join(name).symlink_metadata().is_ok())
    }

    /// Makes the place in `directory`, the container's state directory whose
    /// lock the caller holds, have these files and no others, each readable by
    /// `account` of the container alone. Returns what a person has to do if
    /// that is not in this program's power.
    fn write(
        &self,
        directory: &Path,
        account: Account,
        engine: &Engine,
    ) -> Result<Option<String>, FileError> {
        make_place(directory)?;
        sweep(directory);
        let place = place(directory);
        let way = Way::of(account, geteuid().as_raw(), engine.kind());
        let mut cure = None;
        let files = self.files();
        for (name, contents, is_public) in &files {
            let path = place.join(name);
            let written = write(directory, contents, *is_public).and_then(|file| {
                if !is_public {
                    cure = way.give(file.path(), account, engine)?.or(cure.take());
                }
                file.persist(&path).map_err(|error| error.error)
            });
            written.map_err(FileError::writing(&path))?;
        }
        remove_others(&place, &files)?;
        Ok(cure)
    }
}

impl Copies {
    /// Makes the container with that id have these files and no others.
    fn put(&self, engine: &Engine, id: &str, user: &str) -> Result<(), Error> {
        let files = self.files();
        for (name, contents, is_public) in &files {
            let (mode, owner) = if *is_public { ("0444", "root") } else { ("0400", user) };
            let args = ["exec", "--interactive", "--user", "0:0", id, "sh", "-c", PUT, "sh"];
            let args = args.into_iter().chain([DIRECTORY, name, mode, owner]);
            let put = engine.run_with_input(args, |pipe| pipe.write_all(contents));
            put.map_err(Error::deliver)?;
        }
        let args = ["exec", "--user", "0:0", id, "sh", "-c", KEEP, "sh", DIRECTORY];
        let args = args.into_iter().chain(files.iter().map(|(name, ..)| *name));
        engine.run(args).map_err(Error::deliver).map(drop)
    }
}

/// Writes a file beside the place: in it, those in the container would see it
/// before it is done.
fn write(directory: &Path, contents: &[u8], is_public: bool) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::with_prefix_in(UNFINISHED, directory)?;
    file.write_all(contents)?;
    let mode = if is_public { 0o444 } else { 0o400 };
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Removes what a killed run has left.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn remove_others(place: &Path, files: &[(&str, Vec<u8>, bool)]) -> Result<(), FileError> {
    for entry in fs::read_dir(place).map_err(FileError::reading(place))?.flatten() {
        if files.iter().all(|(name, ..)| entry.file_name() != **name) {
            toolkit::files::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// How a file becomes readable by an account of the container's, and by no
/// other but this user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// The numbers are the same out here, and root may give files away.
    Chown,
    /// podman without root has numbers of its own, and knows them.
    Unshare,
    /// This user has the number.
    Own,
    /// The numbers are the same; a list (acl(5)) names the other.
    List,
}

impl Way {
    fn of(account: Account, user: u32, kind: Kind) -> Self {
        match kind {
            _ if user == 0 => Self::Chown,
            Kind::Podman => Self::Unshare,
            _ if user == account.uid => Self::Own,
            Kind::Docker => Self::List,
        }
    }

    /// Gives `path` to `account`, or returns what a person has to do.
    fn give(self, path: &Path, account: Account, engine: &Engine) -> io::Result<Option<String>> {
        let Account { uid, gid } = account;
        let path_text = path.to_string_lossy();
        let cure = match self {
            Self::Own => None,
            Self::Chown => {
                std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
                None
            }
            Self::Unshare => {
                let owner = format!("{uid}:{gid}");
                let given = engine.run(["unshare", "chown", &owner, &path_text]);
                given.err().map(|error| format!("see why podman cannot: {error}"))
            }
            Self::List => {
                let entry = format!("u:{uid}:r--");
                let mut command = Command::new("setfacl");
                command.args(["--modify", &entry, "--"]).arg(path);
                let status = command.stdin(Stdio::null()).stderr(Stdio::null()).status();
                (!status.is_ok_and(|status| status.success())).then(|| {
                    format!(
                        "install setfacl (the package acl), or use an image whose account has \
                         the number {} instead of {uid}",
                        geteuid()
                    )
                })
            }
        };
        Ok(cure)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use document::{
        container::Project,
        policy::{Isolation, IsolationSecret},
    };
    use toolkit::Failure;

    use super::*;

    fn container(secrets: &[(&str, &Path, Option<&str>)]) -> Container {
        let project = Project {
            path: "/p".into(),
            name: "p".into(),
            hash: "0123456789ab".into(),
            branch: None,
            extra: document::Extra::new(),
        };
        let secret = |(name, file, env): &(&str, &Path, Option<&str>)| Secret {
            name: (*name).to_owned(),
            file: (*file).to_owned(),
            env: env.map(str::to_owned),
            ..Secret::default()
        };
        let mut container = Container::new("dev-p-012345".into(), project);
        container.secrets = secrets.iter().map(secret).collect();
        container
    }

    fn file(directory: &Path, name: &str, contents: &[u8]) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    #[test]
    fn a_secret_without_a_variable_may_be_anything() {
        let directory = tempfile::tempdir().unwrap();
        let (lines, one) = (
            file(directory.path(), "a", b"canary\n\xff\n"),
            file(directory.path(), "b", b"canary\n"),
        );
        let copies = Copies::read(&container(&[("k", &lines, None), ("t", &one, Some("T"))]));
        let copies = copies.unwrap();
        let files = copies.files();
        assert_eq!(files[0], ("k", b"canary\n\xff\n".to_vec(), false));
        assert_eq!(files[1], ("t", b"canary".to_vec(), false));
        assert_eq!(files[2], (VARIABLES, b"T t\n".to_vec(), true));
        assert_eq!(format!("{copies:?}"), r#"Copies["k", "t"]"#);
        let error = Copies::read(&container(&[("k", &lines, Some("K"))])).unwrap_err();
        assert_eq!(error.kind(), "bad-secret");
        let none = file(directory.path(), "c", b"");
        assert_eq!(
            Copies::read(&container(&[("k", &none, None)])).unwrap_err().kind(),
            "bad-secret"
        );
        let much = file(directory.path(), "d", &[b'x'; (64 << 10) + 1]);
        assert_eq!(
            Copies::read(&container(&[("k", &much, None)])).unwrap_err().kind(),
            "bad-secret"
        );
    }

    #[test]
    fn a_name_is_a_file_and_a_variable_is_a_shells() {
        let directory = tempfile::tempdir().unwrap();
        let path = file(directory.path(), "a", b"x");
        let refused = |name, env| {
            let error = Copies::read(&container(&[(name, &path, env)])).unwrap_err();
            assert_eq!(error.kind(), "bad-secret-name", "{name} {env:?}");
        };
        let long = "a".repeat(65);
        for name in ["", ".", "..", ".variables", "a/b", "a b", "a\n", "-a", "é", "a=b", &long] {
            refused(name, None);
        }
        for env in ["", "1A", "A-B", "A B", "A=B", "A\n", "é"] {
            refused("a", Some(env));
        }
        let twice = container(&[("a", &path, None), ("a", &path, Some("A"))]);
        assert_eq!(Copies::read(&twice).unwrap_err().kind(), "bad-secret-name");
    }

    #[test]
    fn what_the_proxy_has_the_container_has_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = file(directory.path(), "a", b"canary");
        let mut container = container(&[("t", &path, Some("T")), ("f", &path, None)]);
        container.claude =
            Some(document::claude::Claude { token_file: Some(path), ..Default::default() });
        let names = |container: &Container| {
            let copies = Copies::read(container).unwrap();
            copies.0.iter().map(|copied| copied.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&container), ["t", "f", "claude-token"]);
        let secret = |env: &str| IsolationSecret { env: Some(env.into()), ..Default::default() };
        let secrets = vec![secret("T"), secret(CLAUDE.1)];
        container.isolation = Some(Isolation { secrets, ..Default::default() });
        assert_eq!(names(&container), ["f"]);
        container.isolation = None;
        container.secrets[1].env = Some(CLAUDE.1.into());
        assert_eq!(names(&container), ["t", "f"]);
    }

    #[test]
    fn a_file_is_given_to_the_account_by_the_means_there_are() {
        let account = Account { uid: 1000, gid: 1000 };
        assert_eq!(Way::of(account, 0, Kind::Podman), Way::Chown);
        assert_eq!(Way::of(account, 0, Kind::Docker), Way::Chown);
        assert_eq!(Way::of(account, 1000, Kind::Podman), Way::Unshare);
        assert_eq!(Way::of(account, 1000, Kind::Docker), Way::Own);
        assert_eq!(Way::of(account, 1001, Kind::Docker), Way::List);
    }

    #[test]
    fn the_place_is_for_those_in_the_container_and_the_mount_can_only_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("dev-p-012345");
        make_place(&state).unwrap();
        make_place(&state).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&state), mode(&place(&state))), (0o700, 0o755));
        let mut container = container(&[]);
        mount(&mut container, &state);
        mount(&mut container, &state);
        assert_eq!(container.mounts.len(), 1);
        assert!(mounted(&container).unwrap().read_only);
    }

    #[test]
    fn what_was_delivered_is_known_until_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path();
        let path = file(state, "a", b"canary");
        let host = Some("ssh://box".to_owned());
        let engine = document::container::Engine { host, ..Default::default() };
        let container =
            || Container { engine: Some(engine.clone()), ..container(&[("t", &path, Some("T"))]) };
        let due =
            |container: &Container, id| is_due(container, state, id, Effort::IfChanged).unwrap();
        let memory = Memory::at(state.join(RECORD));
        assert!(due(&container(), "id"));
        let copies = Copies::read(&container()).unwrap();
        memory.note(&copies.record("id").unwrap()).unwrap();
        assert!(!due(&container(), "id") && due(&container(), "other"));
        assert!(is_due(&container(), state, "id", Effort::Always).unwrap());
        // One that was made without them has no place for any.
        assert!(!due(&Container { engine: None, ..container() }, "id"));
        fs::write(&path, "other").unwrap();
        assert!(due(&container(), "id"));
        // Also where it is no text.
        let key =
            || Container { engine: Some(engine.clone()), ..self::container(&[("k", &path, None)]) };
        fs::write(&path, b"\xfe").unwrap();
        memory.note(&Copies::read(&key()).unwrap().record("id").unwrap()).unwrap();
        assert!(!due(&key(), "id"));
        fs::write(&path, b"\xff").unwrap();
        assert!(due(&key(), "id"));
        memory.note(&copies.record("id").unwrap()).unwrap();
        fs::write(&path, "other").unwrap();
        let record = fs::read_to_string(state.join(RECORD)).unwrap();
        assert!(!record.contains("canary"));
        // In the place, the files have to be there too.
        let mut here = Container { engine: None, ..container() };
        mount(&mut here, state);
        let copies = Copies::read(&here).unwrap();
        memory.note(&copies.record("").unwrap()).unwrap();
        assert!(due(&here, "id"));
        make_place(state).unwrap();
        fs::write(place(state).join("t"), "other").unwrap();
        fs::write(place(state).join(VARIABLES), "T t\n").unwrap();
        assert!(!due(&here, "id"));
        // What a killed run has begun is not there.
        prepare(&here, state).unwrap();
        assert!(due(&here, "id"));
    }
}
