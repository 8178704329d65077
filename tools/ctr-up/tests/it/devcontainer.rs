//! A container that the devcontainers CLI makes, which has its files only after it
//! was started.

use std::{fs, os::unix::process::ExitStatusExt};

use serde_json::{Value, json};

use crate::world::{NAME, Up};

/// What the CLI does: it creates the container and starts it.
const CLI: &str = r#"
PATH=/usr/bin:/bin
[ ! -e "$stub/cli" ] || . "$stub/cli"
spec=$(sed -n 's/.*--label=\(ctrkit\.spec=[^"]*\)".*/\1/p' "$stub/../state/dev-myapp-b3e5ed/devcontainer.up.json")
name=podman call=podman-create
set -- create --name=dev-myapp-b3e5ed --label=ctrkit.managed=true \
    --label=ctrkit.project.hash=b3e5ed000000 "--label=$spec"
. "$stub/engine"
start dev-myapp-b3e5ed
echo '{"outcome":"success","containerId":"1"}'
exit
"#;

impl Up {
    /// Returns a document of a container that the CLI is to make.
    fn of_the_cli(&self) -> Value {
        self.world.program("devcontainer");
        self.world.on("devcontainer-up", CLI);
        self.world.answer("podman-inspect", "i\n");
        let passwd = b"dev:x:1000:1001::/home/dev:/bin/sh\n";
        let mut header = tar::Header::new_gnu();
        header.set_size(passwd.len().try_into().unwrap());
        let file = fs::File::create(self.world.path("stub/passwd.tar")).unwrap();
        let mut archive = tar::Builder::new(file);
        archive.append_data(&mut header, "passwd", passwd.as_slice()).unwrap();
        archive.finish().unwrap();
        let config = r#"{"image": "localhost/ctrkit-base:latest"}"#;
        let config = self.world.write("devcontainer.json", config);
        let mut document = self.document();
        document["devcontainer"] = json!({"config": config, "mode": "image"});
        document
    }

    /// Returns the verbs of the engine's calls that change something, without those
    /// that are made in the container.
    fn verbs(&self) -> Vec<String> {
        let changes = self.changes();
        let verbs = changes.iter().filter_map(|call| call.split(' ').next());
        verbs.filter(|verb| *verb != "exec" && *verb != "images").map(str::to_owned).collect()
    }
}

#[test]
fn the_cli_is_called_again_where_an_interface_went_meanwhile() {
    for (times, words, calls) in [
        (2, "Error: netavark: route ip+net: no such network interface", 3),
        (9, "Error: netavark: route ip+net: no such network interface", 4),
        (1, "Error: something else", 1),
    ] {
        let up = Up::new("podman");
        let document = up.of_the_cli();
        let fails = format!(
            "echo >>\"$stub/called\"; [ $(wc -l <\"$stub/called\") -gt {times} ] || {{ \
             echo '{words}' >&2; echo '{{\"outcome\":\"error\"}}'; exit 1; }}"
        );
        up.world.write("stub/cli", &fails);
        let succeeds = up.run(&document).status.success();
        assert_eq!(succeeds, calls > times, "{words}");
        let called = up.world.calls();
        assert_eq!(
            called.iter().filter(|call| call[0] == "devcontainer").count(),
            calls,
            "{words}"
        );
    }
}

#[test]
fn one_without_its_files_that_could_not_be_removed_is_made_anew() {
    let up = Up::new("podman");
    let document = up.of_the_cli();
    up.before("'cp -a=false - '*|'rm '*", "fail 125 'Error: it broke'");
    up.refused(&document, 69, "engine-failed");
    assert_eq!(up.things()[0], format!("container {NAME} running"));
    up.heal();
    up.up(&document);
    assert_eq!(up.verbs()[..2], ["rm", "volume"]);
    assert_eq!(up.things(), Up::whole());
    up.heal();
    up.up(&document);
    assert!(up.verbs().is_empty(), "{:?}", up.verbs());
}

#[test]
fn one_without_its_files_is_not_put_back() {
    let up = Up::new("podman");
    let document = up.of_the_cli();
    up.before("'cp -a=false - '*", "kill -s KILL $PPID; exit 1");
    assert_eq!(up.run(&document).status.signal(), Some(9));
    up.heal();
    up.world.write("stub/cli", "echo '{\"outcome\":\"error\"}'; exit 1");
    let mut command = up.command(&document);
    stubs::refused(command.arg("--replace"), 69, "devcontainer-failed");
    fs::remove_file(up.world.path("stub/cli")).unwrap();
    up.heal();
    up.up(&document);
    assert!(up.verbs().contains(&"cp".to_owned()), "{:?}", up.verbs());
    assert_eq!(up.things(), Up::whole());
}
