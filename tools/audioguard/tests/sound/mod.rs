//! A person's machine: a real PulseAudio as an ordinary user, and guards before it.

pub mod raw;
pub mod tone;

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::unistd::geteuid;
use tempfile::TempDir;

/// Who the person is, where the tests are root's: PulseAudio does not like root.
const PERSON: u32 = 12_345;

/// How long something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct World {
    directory: TempDir,
    running: Vec<(&'static str, Child)>,
    pub cookie: Vec<u8>,
}

impl World {
    /// A machine with a sound server, whose sinks are `speakers` and `other`.
    pub fn new() -> Self {
        let mut world = Self::silent();
        world.start_server();
        world
    }

    /// A machine without one.
    pub fn silent() -> Self {
        let directory = tempfile::Builder::new().prefix("guard-").tempdir_in("/tmp").unwrap();
        let world = Self { directory, running: Vec::new(), cookie: (0..=255).collect() };
        // What the tests are built in may be closed to the person. No file that is
        // executed was open for writing here: another thread's child would have it
        // open still.
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_audioguard"))
            .arg(world.path("audioguard"))
            .status();
        assert!(copied.unwrap().success());
        fs::write(world.path("cookie"), &world.cookie).unwrap();
        fs::set_permissions(
            world.path("cookie"),
            std::os::unix::fs::PermissionsExt::from_mode(0o600),
        )
        .unwrap();
        world.give(&world.path("cookie"));
        world.give(world.directory.path());
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes something the person's.
    pub fn give(&self, path: &Path) {
        if geteuid().is_root() {
            chown(path, Some(PERSON), Some(PERSON)).unwrap();
        }
    }

    /// A program of the person's.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(if program == "audioguard" {
            self.path("audioguard").into_os_string()
        } else {
            program.into()
        });
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("HOME", self.directory.path()).env("XDG_RUNTIME_DIR", self.path("run"));
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        if geteuid().is_root() {
            command.uid(PERSON).gid(PERSON);
        }
        command
    }

    /// A program that plays to `socket`, with the cookie.
    pub fn client(&self, socket: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.command("timeout");
        command.args(["60", program]).args(arguments);
        command.env("PULSE_SERVER", format!("unix:{}", self.path(socket).display()));
        command.env("PULSE_COOKIE", self.path("cookie"));
        command
    }

    /// What such a program says.
    pub fn run(&self, socket: &str, program: &str, arguments: &[&str]) -> Output {
        self.client(socket, program, arguments).output().unwrap()
    }

    /// What the person is told by pactl.
    pub fn told(&self, arguments: &[&str]) -> String {
        let output = self.run("pulse", "pactl", arguments);
        assert!(output.status.success(), "pactl {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn start_server(&mut self) {
        let socket = format!("module-native-protocol-unix socket={}", self.path("pulse").display());
        let mut command = self.command("pulseaudio");
        command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]);
        command.args(["-L", "module-null-sink sink_name=speakers rate=48000"]);
        command.args(["-L", "module-null-sink sink_name=other rate=48000"]);
        command.args(["-L", "module-stream-restore", "-L", &socket]);
        self.start("server", &mut command);
        self.wait_for("the server", || {
            let asked = self.run("pulse", "pactl", &["info"]);
            asked.status.success()
        });
    }

    /// Starts a guard, which listens on the socket with the name of its level.
    pub fn guard(&mut self, level: &'static str, arguments: &[&str]) {
        self.guard_on(level, &[&["--level", level], arguments].concat());
    }

    /// Starts a guard that listens on `socket`.
    pub fn guard_on(&mut self, socket: &'static str, arguments: &[&str]) {
        let mut command = self.command("audioguard");
        command.args(["--cookie", "cookie", "--listen", socket, "--server", "pulse"]);
        self.start(socket, command.args(arguments));
        self.wait_for("the guard", || {
            std::os::unix::net::UnixStream::connect(self.path(socket)).is_ok()
        });
    }

    pub fn start(&mut self, name: &'static str, command: &mut Command) {
        let log = self.path(&format!("{}.log", name.replace('/', "-")));
        let log = fs::File::create(log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn();
        self.running.push((name, child.expect("PulseAudio must be installed: scripts/test setup")));
    }

    pub fn pid(&self, name: &str) -> u32 {
        self.running.iter().find(|(other, _)| *other == name).unwrap().1.id()
    }

    /// Ends what was started, by SIGTERM or SIGKILL, and waits for it.
    pub fn stop(&mut self, name: &str, signal: nix::sys::signal::Signal) {
        let at = self.running.iter().position(|(other, _)| *other == name).unwrap();
        let (_, mut child) = self.running.remove(at);
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
        child.wait().unwrap();
    }

    /// Says whether what was started still runs.
    pub fn is_alive(&mut self, name: &str) -> bool {
        let (_, child) = self.running.iter_mut().find(|(other, _)| *other == name).unwrap();
        child.try_wait().unwrap().is_none()
    }

    /// How much memory a process has, in KiB.
    pub fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid(name))).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[track_caller]
    pub fn wait_for(&self, what: &str, condition: impl Fn() -> bool) {
        let begin = Instant::now();
        while !condition() {
            assert!(begin.elapsed() < PATIENCE, "{what} is awaited in vain");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
