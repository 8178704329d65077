//! A person with a key, an engine that keeps its things as files, and a
//! document.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Output,
    thread,
};

use serde_json::{Value, json};
use stubs::{Command, World};

/// The name of the container.
pub(crate) const NAME: &str = "dev-myapp-b3e5ed";

/// The calls that the stand-ins answer from the engine's files.
const CALLS: [&str; 17] = [
    "version",
    "ps",
    "image-inspect",
    "container-inspect",
    "volume-ls",
    "volume-create",
    "volume-rm",
    "create",
    "cp",
    "start",
    "unpause",
    "pause",
    "stop",
    "rename",
    "rm",
    "exec",
    "logs",
];

/// The world of one test.
pub(crate) struct Up {
    pub(crate) world: World,
    pub(crate) engine: &'static str,
    /// The port that the container's is published on.
    pub(crate) port: u16,
}

/// Listens as an engine's proxy does, and speaks for the container's sshd if
/// the container runs. `stub/deaf` makes it not answer, `stub/silent` makes
/// somebody else have the port who says nothing.
fn listen(stub: PathBuf) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let containers = fs::read_dir(stub.join("containers")).into_iter().flatten();
            let mut states = containers
                .flatten()
                .map(|entry| fs::read_to_string(entry.path().join("state")).unwrap_or_default());
            let runs = states.any(|state| state.trim() == "running");
            if runs && !stub.join("deaf").exists() {
                let _ = stream.write_all(b"SSH-2.0-test\r\n");
                held.push(stream);
            } else if stub.join("silent").exists() {
                held.push(stream);
            }
        }
    });
    port
}

/// Runs a test with each engine, in a new world.
pub(crate) fn with_each_engine(test: impl Fn(&Up)) {
    for engine in ["podman", "docker"] {
        test(&Up::new(engine));
    }
}

impl Up {
    pub(crate) fn new(engine: &'static str) -> Self {
        let world = World::new();
        world.write("stub/engine", include_str!("engine.sh"));
        for call in CALLS {
            world.on(&format!("{engine}-{call}"), ". \"$stub/engine\"");
        }
        world.program("ssh");
        world.on("ssh--F", include_str!("ssh.sh"));
        let labels = r#"{"ctrkit.user":"dev","ctrkit.uid":"1000","ctrkit.gid":"1001"}"#;
        world.write("stub/image", &format!(r#"[{{"Id":"i","Config":{{"Labels":{labels}}}}}]"#));
        world.write("key.pub", "ssh-ed25519 AAAAC3 me@home\n");
        world.write("host", "host key\n");
        world.write("bashrc", "dotfile\n");
        let port = listen(world.path("stub"));
        Self { world, engine, port }
    }

    /// Returns a document with volumes, a host key and a dotfile.
    pub(crate) fn document(&self) -> Value {
        let path = |name: &str| self.world.path(name).to_str().unwrap().to_owned();
        let label = |name: &str, value: &str| json!({"name": name, "value": value});
        json!({
            "schema": "container/1", "x-first": 1, "name": NAME,
            "project": {
                "path": "/home/me/myapp", "name": "myapp", "hash": "b3e5ed000000", "owner": "me"
            },
            "image": "localhost/ctrkit-base:latest", "user": "dev", "workspace": "/workspace/myapp",
            "ports": [
                {"service": "ssh", "container": 22, "host": self.port, "address": "127.0.0.1"},
                {"service": "audio", "container": 4714, "host": 4715}
            ],
            "volumes": [
                {"name": format!("{NAME}-home"), "target": "/home/dev"},
                {"name": format!("{NAME}-workspace"), "target": "/workspace"}
            ],
            "env": [{"name": "A", "value": "1", "note": "n"}],
            "inject": [
                {"source": path("host"), "target": "/etc/ssh/ssh_host_ed25519_key", "mode": "0600",
                 "owner": "root"},
                {"source": path("bashrc"), "target": "/home/dev/.bashrc", "mode": "0644",
                 "owner": "dev", "keep_edited": true}
            ],
            "labels": [
                label("ctrkit.managed", "true"), label("ctrkit.name", NAME),
                label("ctrkit.project.path", "/home/me/myapp"),
                label("ctrkit.project.hash", "b3e5ed000000"), label("ctrkit.branch", "main")
            ],
            "ssh": {"authorized_key": path("key.pub"), "known_hosts": path("known_hosts")}
        })
    }

    /// Returns the program, which reads `document` and uses this engine.
    pub(crate) fn command(&self, document: &Value) -> Command {
        let mut command = self.world.command(env!("CARGO_BIN_EXE_ctr-up"));
        command.env("CTRKIT_ENGINE", self.engine).write_stdin(document.to_string());
        command
    }

    /// Runs the program, which succeeds without a word, and returns what it
    /// writes.
    #[track_caller]
    pub(crate) fn up(&self, document: &Value) -> Value {
        let run = self.command(document).assert().success().stderr("");
        serde_json::from_slice(&run.get_output().stdout).unwrap()
    }

    /// Runs the program, which fails with `status` and `kind`.
    #[track_caller]
    pub(crate) fn refused(&self, document: &Value, status: i32, kind: &str) -> Value {
        stubs::refused(&mut self.command(document), status, kind)
    }

    /// Runs the program, whatever becomes of it.
    pub(crate) fn run(&self, document: &Value) -> Output {
        self.command(document).assert().get_output().clone()
    }

    /// Makes `script` happen before what the calls do that match `pattern`,
    /// a pattern of sh(1) for all arguments.
    pub(crate) fn before(&self, pattern: &str, script: &str) {
        self.world.write("stub/before", &format!("case $said in {pattern}) {script} ;; esac"));
    }

    /// Makes `script` happen after it.
    pub(crate) fn after(&self, pattern: &str, script: &str) {
        self.world.write("stub/after", &format!("case $said in {pattern}) {script} ;; esac"));
    }

    /// Lets everything happen as it should from now on.
    pub(crate) fn heal(&self) {
        for name in ["before", "after"] {
            let _ = fs::remove_file(self.world.path("stub").join(name));
        }
        self.world.forget();
    }

    /// Returns the engine's calls that change something, without its name.
    pub(crate) fn changes(&self) -> Vec<String> {
        let calls = self.world.changes();
        let own = calls.iter().filter_map(|call| call.strip_prefix(self.engine)?.strip_prefix(' '));
        own.filter(|call| !call.starts_with("version ")).map(str::to_owned).collect()
    }

    /// Returns the last call of ssh.
    pub(crate) fn last_ssh(&self) -> Vec<String> {
        self.world.calls().into_iter().rfind(|call| call[0] == "ssh").unwrap()
    }

    /// Returns what the engine has: `container NAME STATE`, `volume NAME`.
    pub(crate) fn things(&self) -> Vec<String> {
        let list = |directory: &str| {
            let directory = self.world.path("stub").join(directory);
            let entries = fs::read_dir(directory).into_iter().flatten();
            let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            paths
        };
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let state = |path: &Path| fs::read_to_string(path.join("state")).unwrap();
        let containers = list("containers").into_iter();
        let containers =
            containers.map(|path| format!("container {} {}", name(&path), state(&path).trim()));
        let volumes = list("volumes").into_iter().map(|path| format!("volume {}", name(&path)));
        containers.chain(volumes).collect()
    }

    /// Returns what an undisturbed run leaves on the engine.
    pub(crate) fn whole() -> [String; 3] {
        [
            format!("container {NAME} running"),
            format!("volume {NAME}-home"),
            format!("volume {NAME}-workspace"),
        ]
    }

    /// Returns the names of the files in the container's state directory.
    pub(crate) fn state(&self) -> Vec<String> {
        let entries = fs::read_dir(self.world.path("state").join(NAME)).into_iter().flatten();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }

    /// Returns the entries of the stream that was sent last, as `uid path`.
    pub(crate) fn sent(&self) -> Vec<String> {
        let directory = self.world.path("stub/sent");
        let last = fs::read_dir(&directory).unwrap().count() - 1;
        let stream = fs::read(directory.join(last.to_string())).unwrap();
        let mut archive = tar::Archive::new(stream.as_slice());
        let line = |entry: tar::Entry<'_, &[u8]>| {
            format!("{} {}", entry.header().uid().unwrap(), entry.path().unwrap().display())
        };
        archive.entries().unwrap().map(|entry| line(entry.unwrap())).collect()
    }

    /// Puts a volume there, made for the container `owner` if there is one.
    pub(crate) fn add_volume(&self, name: &str, owner: Option<&str>) {
        let labels = owner.map(|owner| format!("\"ctrkit.name\":\"{owner}\""));
        let file = format!("stub/volumes/{name}/labels");
        self.world.write(file, &labels.unwrap_or_default());
    }

    /// Puts a container there, in `state`, with these labels.
    pub(crate) fn add_container(&self, state: &str, labels: &[(&str, &str)]) {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let file = |name: &str, text: &str| {
            self.world.write(format!("stub/containers/{NAME}/{name}"), text);
        };
        file("id", &"f".repeat(64));
        file("state", state);
        file("labels", &labels.join(","));
        if state != "created" {
            file("started", "");
        }
    }
}
