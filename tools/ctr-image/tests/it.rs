//! The program as its callers see it, with stand-ins for the engines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs::{self, OpenOptions},
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::ExitStatusExt,
    },
    path::Path,
    process::{Child, Command as Process, Stdio},
    thread,
    time::{Duration, Instant},
};

use ctr_image::Role;
use serde_json::{Value, json};
use stubs::{Command, World, refused};

const BASE: &str = "localhost/ctrkit-base:latest";
const PROXY: &str = "localhost/ctrkit-proxy:latest";
const DEBIAN: &str = "docker.io/library/debian:stable";

/// A world whose engines have the images that the file `images` lists.
fn world() -> World {
    let world = World::new();
    for engine in ["podman", "docker"] {
        world.answer(&format!("{engine}-version"), "28.0.0\n");
        world.on(
            &format!("{engine}-image-inspect"),
            "grep -qxF -- \"$3\" \"$stub/images\" 2>/dev/null || {
                 echo '[]'; echo \"Error: No such image: $3\" >&2; exit 1; }
             echo '[{\"Id\":\"ab\",\"Config\":{\"Labels\":null}}]'",
        );
        world.on(&format!("{engine}-pull"), "echo \"$2\" >>\"$stub/images\"");
        world.on(&format!("{engine}-tag"), "echo \"$3\" >>\"$stub/images\"");
        world.on(&format!("{engine}-import"), "cat >\"$stub/stream\"; echo 00ff");
        let build = "for last; do :; done; cp -R \"$last\" \"$stub/context\"
             echo \"$3\" >>\"$stub/images\"; echo 'STEP 1/2: FROM scratch'";
        world.on(&format!("{engine}-build"), build);
    }
    world
}

fn has(world: &World, images: &[&str]) {
    world.write("stub/images", &(images.join("\n") + "\n"));
}

fn document(image: &str) -> Value {
    json!({
        "schema": "container/1", "x-mine": {"b": 1, "a": 2}, "name": "dev-a-012345",
        "project": {"path": "/a", "name": "a", "hash": "012345678901"},
        "engine": {"x-box": true, "kind": "podman"}, "image": image, "user": "dev",
    })
}

/// Returns the program with the document of `image` on standard input.
fn ctr_image(world: &World, image: &str) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ctr-image"));
    command.env_remove("CTRKIT_ENGINE").write_stdin(document(image).to_string());
    command
}

/// Returns the program with the document of an isolated container.
fn isolated(world: &World) -> Command {
    let mut document = document(BASE);
    document["isolation"] = json!({"mode": "proxy", "x-note": 1});
    let mut command = ctr_image(world, BASE);
    command.write_stdin(document.to_string());
    command
}

/// Starts the program and returns without waiting for it.
fn start(world: &World, engine: &str, image: &str) -> Child {
    let input = world.write("input", &document(image).to_string());
    Process::new(env!("CARGO_BIN_EXE_ctr-image"))
        .env_clear()
        .env("PATH", world.search_path())
        .env("HOME", world.path("home"))
        .env("CTRKIT_STATE_DIR", world.path("state"))
        .env("CTRKIT_ENGINE", engine)
        .stdin(fs::File::open(input).unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for `path` to be there.
fn await_file(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} does not come", path.display());
        thread::sleep(Duration::from_millis(5));
    }
}

/// Makes building wait until the file `go` is there.
///
/// As with the real engines, a step of podman's is a child in a session of its
/// own, and podman tidies up after one that fails.
fn slow_build(world: &World) {
    let wait = "echo $$ >\"$stub/building\"; while [ -d \"$stub\" ] && [ ! -e \"$stub/go\" ]; do sleep 0.02; done";
    let done = "echo \"$3\" >>\"$stub/images\"";
    let step = format!("export stub; /usr/bin/setsid --wait sh -c '{wait}'");
    let tidy = "{ echo tidy >\"$stub/tidy\"; exit 125; }";
    world.on("podman-build", &format!("{step} || {tidy}\n{done}"));
    world.on("docker-build", &format!("{wait}\n{done}"));
}

fn signal(number: &str, process: u32) {
    let kill = Process::new("kill").args([number, &process.to_string()]).status();
    assert!(kill.unwrap().success());
}

/// Returns what is left in the directory where images are prepared.
fn leftovers(world: &World) -> usize {
    fs::read_dir(world.path("state/image")).map_or(0, Iterator::count)
}

fn is_root() -> bool {
    let id = Process::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

#[test]
fn an_image_that_is_there_leaves_the_document_but_for_the_engine() {
    let world = world();
    has(&world, &[BASE]);
    let run = ctr_image(&world, BASE).assert().success().stderr("");
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let program = world.path("bin/podman");
    let engine = json!({"x-box": true, "kind": "podman", "program": program, "version": "28.0.0"});
    let mut expected = document(BASE);
    expected["engine"] = engine;
    assert_eq!(text, format!("{expected}\n"));
    assert_eq!(world.calls().len(), 2);
}

#[test]
fn its_own_output_comes_back_unchanged_at_the_cost_of_one_call() {
    let world = world();
    has(&world, &[BASE]);
    let run = ctr_image(&world, BASE).assert().success();
    let first = run.get_output().stdout.clone();
    world.forget();
    let run = ctr_image(&world, BASE).write_stdin(first.clone()).assert().success().stderr("");
    assert_eq!(run.get_output().stdout, first);
    let [call] = &world.calls()[..] else { panic!("more than one call") };
    assert_eq!(call[1..], ["image", "inspect", BASE]);
}

#[test]
fn ours_is_built_from_the_recipe_upon_a_pulled_base() {
    let world = world();
    ctr_image(&world, BASE).assert().success().stderr("");
    let changes = world.changes();
    let [_version, pull, build] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(*pull, format!("podman pull {DEBIAN}"));
    let expected = format!(
        "podman build --tag {BASE} --force-rm --build-arg BASE={DEBIAN} --build-arg USER_NAME=dev \
         --build-arg RECIPE={} --file ",
        Role::Container { user: "dev".to_owned() }.digest()
    );
    assert!(build.starts_with(&expected), "{build}");
    let recipe = fs::read_to_string(world.path("stub/context/Containerfile")).unwrap();
    assert!(recipe.contains("FROM ${BASE}"));
    assert_eq!(fs::read_dir(world.path("stub/context/ca")).unwrap().count(), 0);
    assert_eq!(leftovers(&world), 0);
}

#[test]
fn what_is_there_is_not_made_again() {
    let world = world();
    ctr_image(&world, BASE).assert().success();
    world.forget();
    ctr_image(&world, BASE).assert().success();
    assert_eq!(world.changes(), ["podman version --format {{.Client.Version}}"]);
    world.forget();
    ctr_image(&world, "me/dev:1").assert().success();
    assert_eq!(world.changes()[1..], ["podman pull me/dev:1"]);
}

#[test]
fn a_base_is_made_from_packages_and_named_when_it_is_whole() {
    for engine in ["podman", "docker"] {
        let world = world();
        let debootstrap = "/bin/mkdir -p \"$4/etc/apt\" \"$4/var/cache/apt\" \"$4/dev\"
             echo os >\"$4/etc/os-release\"; echo x >\"$4/dev/null\"; echo x >\"$4/var/cache/apt/x\"
             echo 'I: Base system installed successfully.'";
        world.program("debootstrap");
        world.on("debootstrap---variant=minbase", debootstrap);
        symlink("/bin/tar", world.path("bin/tar")).unwrap();
        let mut command = ctr_image(&world, BASE);
        command.args(["--engine", engine, "--base", "debootstrap:trixie"]);
        command.args(["--mirror", "http://mirror/debian"]);
        if !is_root() {
            refused(&mut command, 77, "not-root");
            continue;
        }
        command.assert().success().stderr("");
        let changes = world.changes();
        let [_version, debootstrap, _prune, import, tag, build] = &changes[..] else {
            panic!("{changes:?}")
        };
        assert!(
            debootstrap.starts_with("debootstrap --variant=minbase --force-check-gpg trixie /"),
            "{debootstrap}"
        );
        assert!(debootstrap.ends_with("/root http://mirror/debian"), "{debootstrap}");
        assert!(import.starts_with(&format!("{engine} import ")) && import.ends_with(" -"));
        assert_eq!(*tag, format!("{engine} tag 00ff localhost/ctrkit-debootstrap:trixie"));
        assert!(build.contains("BASE=localhost/ctrkit-debootstrap:trixie"), "{build}");
        let listed = Process::new("tar").arg("-tf").arg(world.path("stub/stream")).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        assert!(listed.contains("./etc/os-release\n"), "{listed}");
        assert!(!listed.contains("dev/null") && !listed.contains("apt/x"), "{listed}");
        assert_eq!(leftovers(&world), 0);
    }
}

#[test]
fn a_stream_that_breaks_leaves_no_base_under_its_name() {
    let world = world();
    world.program("debootstrap");
    world.on("debootstrap---variant=minbase", "echo x >\"$4/file\"");
    world.program("tar");
    world.refuse("tar---create", 2, "tar: file changed as we read it");
    let mut command = ctr_image(&world, BASE);
    command.args(["--base", "debootstrap:trixie"]);
    if is_root() {
        let error = refused(&mut command, 74, "cannot-pack-base");
        assert_eq!(error["causes"][0], "tar: file changed as we read it");
        assert!(!world.changes().iter().any(|call| call.starts_with("podman tag")));
    } else {
        refused(&mut command, 77, "not-root");
    }
}

#[test]
fn certificates_go_into_the_build_and_keys_do_not() {
    let world = world();
    let certificate = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nCC\n-----END PRIVATE KEY-----\n";
    let bundle = world.write("bundle.pem", &format!("{key}{certificate}"));
    ctr_image(&world, BASE).arg("--ca-bundle").arg(bundle).assert().success();
    let written = fs::read_to_string(world.path("stub/context/ca/ctrkit-000.crt")).unwrap();
    assert_eq!(written, certificate);
    assert_eq!(fs::read_dir(world.path("stub/context/ca")).unwrap().count(), 1);
}

#[test]
fn the_proxys_image_is_built_and_named_in_the_document() {
    for engine in ["podman", "docker"] {
        let world = world();
        has(&world, &[BASE, DEBIAN]);
        let run = isolated(&world).args(["--engine", engine]).assert().success().stderr("");
        let written: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
        let expected = json!({"mode": "proxy", "image": PROXY, "x-note": 1});
        assert_eq!(written["isolation"], expected);
        let changes = world.changes();
        let [_version, build, prune] = &changes[..] else { panic!("{changes:?}") };
        let expected = format!(
            "{engine} build --tag {PROXY} --force-rm --build-arg BASE={DEBIAN} --build-arg RECIPE={} --file ",
            Role::Proxy.digest()
        );
        assert!(build.starts_with(&expected), "{build}");
        assert_eq!(*prune, format!("{engine} image prune --force --filter label=ctrkit.stage"));
        let context = world.path("stub/context");
        for name in ["requirements.txt", "forward.py", "python.sh", "mitmproxy.sh", "ca", "pip"] {
            assert!(context.join(name).exists(), "{name}");
        }
        let recipe = fs::read_to_string(context.join("Containerfile")).unwrap();
        assert!(recipe.contains("\nLABEL ctrkit.stage="));
        assert_eq!(leftovers(&world), 0);
    }
}

#[test]
fn an_index_with_a_password_is_in_the_build_and_in_nothing_else() {
    let world = world();
    has(&world, &[BASE, DEBIAN]);
    let secret = "https://me:s3cr3t@mirror/simple";
    let file = format!("[global]\nindex-url = {secret}\ntarget = /x\n");
    fs::create_dir_all(world.path("home/.config/pip")).unwrap();
    world.write("home/.config/pip/pip.conf", &file);
    let events = world.path("events");
    let run = isolated(&world).arg("--events").arg(&events).assert().success().stderr("");
    let path = world.path("stub/context/pip/pip.conf");
    let told = fs::read_to_string(&path).unwrap();
    assert!(
        told.contains(&format!("index-url = {secret}\n")) && !told.contains("target"),
        "{told}"
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    let written = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let said = fs::read_to_string(&events).unwrap() + &written + &world.changes().concat();
    assert!(!said.contains("s3cr3t"), "{said}");

    fs::remove_dir_all(world.path("stub/context")).unwrap();
    has(&world, &[BASE, DEBIAN]);
    let mut command = isolated(&world);
    command.env("PIP_INDEX_URL", "https://you:an0ther@mirror/simple");
    command.assert().success().stderr("");
    let told = fs::read_to_string(&path).unwrap();
    assert!(told.contains("an0ther") && !told.contains("s3cr3t"), "{told}");
    let help = isolated(&world).arg("--help").env("PIP_INDEX_URL", "an0ther").output().unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains("an0ther"));
    assert!(!world.changes().concat().contains("an0ther"));
}

#[test]
fn a_proxy_that_cannot_be_built_is_an_error_that_names_it() {
    let world = world();
    has(&world, &[BASE, DEBIAN]);
    world.refuse("podman-build", 1, "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES");
    world.on("podman-build", "");
    let error = refused(&mut isolated(&world), 69, "cannot-build-image");
    assert!(error["message"].as_str().unwrap().contains(PROXY));
    assert!(error["command"]["last_words"].as_str().unwrap().contains("HASHES"));
    assert!(world.changes().last().unwrap().starts_with("podman image prune"));
    assert_eq!(leftovers(&world), 0);
}

#[test]
fn a_dry_run_runs_nothing() {
    let world = world();
    let run = ctr_image(&world, BASE).args(["-n", "--build"]).assert().success().stderr("");
    let written: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let program = world.path("bin/podman");
    let engine = json!({"x-box": true, "kind": "podman", "program": program});
    assert_eq!(written["engine"], engine);
    let run = isolated(&world).arg("-n").assert().success().stderr("");
    let written: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(written["isolation"]["image"], PROXY);

    let mut document = document(BASE);
    document.as_object_mut().unwrap().remove("engine");
    let expected = format!("{document}\n");
    ctr_image(&world, BASE).write_stdin(document.to_string()).arg("-n").assert().stdout(expected);
    assert_eq!(world.calls().len(), 0);
    assert_eq!(fs::read_dir(world.path("state")).unwrap().count(), 0);
}

#[test]
fn two_at_once_build_once() {
    let world = world();
    slow_build(&world);
    let first = start(&world, "podman", BASE);
    await_file(&world.path("stub/building"));
    let second = start(&world, "podman", BASE);
    world.write("stub/go", "");
    for child in [first, second] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert!(output.stdout.ends_with(b"}\n"));
    }
    let builds = world.changes().iter().filter(|call| call.starts_with("podman build")).count();
    assert_eq!(builds, 1);
}

#[test]
fn an_interrupt_ends_the_build_and_leaves_nothing() {
    for engine in ["podman", "docker"] {
        let world = world();
        slow_build(&world);
        let child = start(&world, engine, BASE);
        await_file(&world.path("stub/building"));
        signal("-INT", child.id());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(2));
        assert!(output.stdout.is_empty());
        assert_eq!(leftovers(&world), 0);
        let building = fs::read_to_string(world.path("stub/building")).unwrap();
        let alive = Process::new("kill").args(["-0", building.trim()]).output().unwrap();
        assert!(!alive.status.success(), "the build goes on");
        assert_eq!(world.path("stub/tidy").exists(), engine == "podman");
    }
}

#[test]
fn what_a_killed_run_left_goes_with_the_next() {
    let world = world();
    slow_build(&world);
    let mut child = start(&world, "podman", BASE);
    await_file(&world.path("stub/building"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(leftovers(&world), 1);
    world.write("stub/go", "");
    ctr_image(&world, BASE).arg("--build").assert().success();
    assert_eq!(leftovers(&world), 0);
}

#[test]
fn events_tell_the_steps_and_how_far_they_are() {
    let world = world();
    let events = world.path("events");
    ctr_image(&world, BASE).arg("--events").arg(&events).assert().success();
    ctr_image(&world, BASE).arg("--events").arg(&events).assert().success();
    let text = fs::read_to_string(&events).unwrap();
    let told: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|event| format!("{} {}", event["step"], event["status"]).replace('"', ""))
        .collect();
    let expected = [
        "pull started",
        "pull done",
        "build started",
        "build progress",
        "build done",
        "check unchanged",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_build_that_fails_tells_the_engines_last_words() {
    let world = world();
    world.refuse("podman-build", 100, "E: Unable to locate package sudo\nError: exit status 100");
    world.on("podman-build", "");
    let error = refused(&mut ctr_image(&world, BASE), 69, "cannot-build-image");
    assert_eq!(error["command"]["status"], 100);
    assert!(error["command"]["line"].as_str().unwrap().contains(" build --tag "));
    assert!(error["command"]["last_words"].as_str().unwrap().contains("package sudo"));
    assert!(error["hint"].as_str().unwrap().contains("--ca-bundle"));

    world.refuse("podman-build", 125, "Error: writing blob: no space left on device");
    refused(&mut ctr_image(&world, BASE), 74, "disk-full");
    assert_eq!(leftovers(&world), 0);
}

#[test]
fn images_that_cannot_be_had_are_named() {
    let world = world();
    let error = refused(&mut ctr_image(&world, "localhost/mine:1"), 69, "image-missing");
    assert!(error["message"].as_str().unwrap().contains("'localhost/mine:1'"));

    world.on("podman-pull", "").refuse("podman-pull", 125, "Error: no such host");
    let error = refused(&mut ctr_image(&world, "me/dev:1"), 69, "cannot-pull-image");
    assert!(error["message"].as_str().unwrap().contains("'me/dev:1'"));
    assert!(error["command"]["last_words"].as_str().unwrap().contains("no such host"));

    let error = refused(&mut ctr_image(&world, BASE), 69, "no-base-image");
    let cause = if is_root() { "'debootstrap'" } else { "that takes root" };
    assert!(error["causes"][0].as_str().unwrap().contains(cause), "{error}");
    assert!(error["command"]["last_words"].as_str().unwrap().contains("no such host"));

    let mut command = ctr_image(&world, BASE);
    command.args(["--base", "debootstrap"]);
    let (status, kind) = if is_root() { (69, "debootstrap-absent") } else { (77, "not-root") };
    refused(&mut command, status, kind);

    world.program("debootstrap");
    world.refuse("debootstrap---variant=minbase", 1, "E: Couldn't download packages: sudo");
    if is_root() {
        let error = refused(&mut command, 69, "debootstrap-failed");
        assert_eq!(error["command"]["last_words"], "E: Couldn't download packages: sudo");
        world.refuse("debootstrap---variant=minbase", 1, "E: No space left on device");
        refused(&mut command, 74, "disk-full");
    }
    assert_eq!(leftovers(&world), 0);
}

#[test]
fn an_engine_that_cannot_be_asked_is_an_error_before_anything_is_made() {
    let world = world();
    let mut absent = ctr_image(&world, BASE);
    refused(absent.args(["--engine", "podman-of-nowhere"]), 69, "engine-absent");
    refused(ctr_image(&world, BASE).args(["--engine", "cat"]), 64, "engine-unknown");
    let words = "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?";
    world.refuse("docker-version", 1, words);
    let error =
        refused(ctr_image(&world, BASE).args(["--engine", "docker"]), 69, "engine-not-running");
    assert!(error["hint"].is_string());
    world.answer("podman-version", "3.4.2\n");
    refused(&mut ctr_image(&world, BASE), 69, "engine-too-old");
    assert_eq!(fs::read_dir(world.path("state")).unwrap().count(), 0);
}

#[test]
fn a_document_that_cannot_be_used_is_refused() {
    let world = world();
    refused(ctr_image(&world, BASE).write_stdin(""), 66, "empty-document");
    refused(ctr_image(&world, BASE).write_stdin("{"), 65, "malformed-document");
    let other = json!({"schema": "ports/1"}).to_string();
    refused(ctr_image(&world, BASE).write_stdin(other), 65, "unexpected-schema");
    refused(&mut ctr_image(&world, "--privileged"), 65, "bad-image-name");
    for (key, kind) in [("image", "missing-key"), ("user", "bad-user")] {
        let mut document = document(BASE);
        match key {
            "image" => document.as_object_mut().unwrap().remove(key),
            _ => document.as_object_mut().unwrap().insert(key.to_owned(), "root".into()),
        };
        refused(ctr_image(&world, BASE).write_stdin(document.to_string()), 65, kind);
    }
    for (isolation, kind) in [
        (json!({"mode": "proxy", "image": "-v/:/x"}), "bad-image-name"),
        (json!({"mode": "proxy", "image": ""}), "bad-image-name"),
        (json!({"mode": "proxy", "image": ["x"]}), "malformed-document"),
        (json!({"image": "x"}), "malformed-document"),
        (json!("proxy"), "malformed-document"),
    ] {
        let mut document = document(BASE);
        document["isolation"] = isolation;
        refused(ctr_image(&world, BASE).write_stdin(document.to_string()), 65, kind);
    }
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn a_bundle_that_cannot_be_used_is_refused() {
    let world = world();
    let empty = world.write("empty.pem", "nothing\n");
    let absent = world.path("absent.pem");
    for (path, status, kind) in [(empty, 65, "no-certificate"), (absent, 66, "cannot-read-file")] {
        let error = refused(ctr_image(&world, BASE).arg("--ca-bundle").arg(&path), status, kind);
        assert!(error["message"].as_str().unwrap().contains(path.to_str().unwrap()), "{error}");
    }
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for line in [&["--base", "debootstrap:"][..], &["--base=-x"], &["--nonsense"], &["word"]] {
        ctr_image(&world(), BASE).args(line).assert().code(64).stdout("");
    }
}

#[test]
fn an_older_recipe_is_a_warning() {
    let world = world();
    let labelled = r#"[{"Id":"ab","Config":{"Labels":{"ctrkit.recipe":"000000000000"}}}]"#;
    world.on("podman-image-inspect", "").answer("podman-image-inspect", labelled);
    let expected = "ctr-image: warning: 'localhost/ctrkit-base:latest' was built from another \
        version of the recipe; --build makes it anew\n";
    ctr_image(&world, BASE).assert().success().stderr(expected);
}

#[test]
fn an_image_for_another_account_is_refused() {
    let world = world();
    let labelled = r#"[{"Id":"ab","Config":{"Labels":{"ctrkit.user":"alice"}}}]"#;
    world.on("podman-image-inspect", "").answer("podman-image-inspect", labelled);
    let error = refused(&mut ctr_image(&world, BASE), 65, "image-has-other-user");
    assert!(error["hint"].as_str().unwrap().contains("--user alice"));
}

#[test]
fn standard_output_that_cannot_be_written_is_an_error() {
    let world = world();
    has(&world, &[BASE]);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let script = "\"$0\" <\"$1\"";
    let input = world.write("input", &document(BASE).to_string());
    let run = Process::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_ctr-image")])
        .arg(&input)
        .env("PATH", world.search_path())
        .env("CTRKIT_STATE_DIR", world.path("state"))
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&run.stderr).contains("cannot write standard output"));
}

#[test]
fn a_pipe_goes_through_it() {
    let world = world();
    let script = "\"$0\" <\"$1\" | \"$0\" | grep -o '\"version\":\"[^\"]*\"'";
    let input = world.write("input", &document(BASE).to_string());
    let run = Process::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_ctr-image")])
        .arg(&input)
        .env("PATH", world.search_path())
        .env("CTRKIT_STATE_DIR", world.path("state"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&run.stdout), "\"version\":\"28.0.0\"\n");
}
