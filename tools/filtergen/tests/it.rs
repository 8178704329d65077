//! The program as its callers see it: arguments, pipes, files, exit status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    fmt::Write,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    time::Instant,
};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

const PROGRAM: &str = env!("CARGO_BIN_EXE_filtergen");
const MINE: &str = "schema = \"policy/1\"\n[[allow]]\nname = \"*.a.org\"\n";

fn filtergen(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(PROGRAM);
    command
        .current_dir(world.path("home"))
        .args(arguments)
        .write_stdin(document(world).to_string());
    command
}

/// A document as it comes from ctr-spec, with keys that nobody knows.
fn document(world: &World) -> Value {
    json!({
        "x-first": [], "schema": "container/1", "name": "dev-a-b3e5ed",
        "project": {"path": world.path("project"), "name": "a", "hash": "b3e5ed000000", "x": null},
        "last": 1,
    })
}

fn run(command: &mut Command) -> String {
    let run = command.assert().success().stderr("");
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

fn filter(world: &World) -> PathBuf {
    world.path("state/dev-a-b3e5ed/proxy/filter.py")
}

#[test]
fn the_filter_is_written_and_the_document_filled_in() {
    let world = World::new();
    world.write("config/policies/mine.toml", MINE);
    let out = run(&mut filtergen(&world, &["--policy", "mine+github"]));
    assert_eq!(out.matches('\n').count(), 1);
    assert!(out.starts_with("{\"x-first\":[],\"schema\""), "{out}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let section = &found["isolation"];
    assert_eq!(section["mode"], "proxy");
    assert_eq!(section["policies"], json!(["mine", "github"]));
    assert_eq!(section["filter"], json!(filter(&world)));
    assert!(section["allow"].as_array().unwrap().contains(&json!("*.a.org")));
    assert_eq!(section.get("passthrough"), None);
    assert!(section["digest"].as_str().unwrap().starts_with("sha256:"));
    assert!(section["program"].as_str().unwrap().starts_with("sha256:"));
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(filter(&world)), 0o644);
    assert_eq!(mode(world.path("state/dev-a-b3e5ed")), 0o700);

    // On its own output, and without an option, nothing changes.
    let before = fs::metadata(filter(&world)).unwrap().modified().unwrap();
    assert_eq!(run(filtergen(&world, &[]).write_stdin(out.clone())), out);
    assert_eq!(fs::metadata(filter(&world)).unwrap().modified().unwrap(), before);
    let names: Vec<_> = fs::read_dir(filter(&world).parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1);
}

#[test]
fn without_a_policy_there_is_no_filter() {
    let world = World::new();
    let mut asked = document(&world);
    asked["isolation"] = json!({"mode": "proxy"});
    refused(filtergen(&world, &[]).write_stdin(asked.to_string()), 64, "no-policy");
    refused(&mut filtergen(&world, &["--print"]), 64, "no-policy");
    refused(&mut filtergen(&world, &["--check", "https://a.org"]), 64, "no-policy");
    refused(&mut filtergen(&world, &["-p", "none"]), 66, "policy-absent");
    refused(&mut filtergen(&world, &["-p", "./none.toml"]), 66, "policy-absent");
    assert!(!world.path("state/dev-a-b3e5ed").exists());
}

#[test]
fn a_document_that_asks_for_no_isolation_goes_through() {
    let world = World::new();
    let plain = format!("{}\n", document(&world));
    assert_eq!(run(filtergen(&world, &[]).write_stdin(plain.clone())), plain);
    assert!(!world.path("state/dev-a-b3e5ed").exists());
}

#[test]
fn a_dry_run_writes_the_same_document_and_no_filter() {
    let world = World::new();
    world.write("config/policies/mine.toml", MINE);
    let dry = run(&mut filtergen(&world, &["--policy", "mine", "--dry-run"]));
    assert!(!world.path("state/dev-a-b3e5ed").exists());
    assert_eq!(run(&mut filtergen(&world, &["--policy", "mine"])), dry);
}

#[test]
fn a_bad_policy_makes_nothing_and_leaves_the_old_filter() {
    let world = World::new();
    let path = world.write("home/p.toml", MINE);
    run(&mut filtergen(&world, &["-p", "p.toml"]));
    let before = fs::read(filter(&world)).unwrap();
    let head = "schema = \"policy/1\"\n[[allow]]\nname = ";
    for (text, kind) in [
        ("", "empty-policy"),
        ("schema = \"policy/1\"\n", "empty-policy"),
        ("[[allow]\n", "malformed-policy"),
        (&format!("{head}\"*\"\n"), "bad-host-name"),
        (&format!("{head}\"10.0.0.1\"\n"), "bad-host-name"),
        (&format!("{head}\"bücher.example\"\n"), "bad-host-name"),
        (&format!("{head}\"a b\"\n"), "bad-host-name"),
        (&format!("{head}\"a.org\"\n[[allow]]\nname = \"a.org\"\n"), "duplicate-host-name"),
        (&format!("{head}\"a.org\"\nnmae = 1\n"), "malformed-policy"),
    ] {
        fs::write(&path, text).unwrap();
        let error = refused(&mut filtergen(&world, &["-p", "p.toml"]), 65, kind);
        assert!(error["hint"].is_string(), "{error}");
        assert_eq!(fs::read(filter(&world)).unwrap(), before);
    }
    fs::write(&path, b"\xff").unwrap();
    refused(&mut filtergen(&world, &["-p", "p.toml"]), 65, "not-utf-8");
    let bad_name = document(&world).to_string().replace("dev-a-b3e5ed", "../x");
    fs::write(&path, MINE).unwrap();
    refused(filtergen(&world, &["-p", "p.toml"]).write_stdin(bad_name), 65, "bad-name");
}

#[test]
fn a_project_narrows_and_cannot_widen() {
    let world = World::new();
    world.write("config/policies/mine.toml", MINE);
    let narrow = world.path("project/.ctrkit/policy.toml");
    world.write(&narrow, &MINE.replace("*.a.org", "x.a.org"));
    let found: Value = serde_json::from_str(&run(&mut filtergen(&world, &["-p", "mine"]))).unwrap();
    assert_eq!(found["isolation"]["allow"], json!(["x.a.org"]));
    assert_eq!(found["isolation"]["narrowed_by"], json!(narrow));
    world.write(&narrow, &MINE.replace("*.a.org", "b.org"));
    let error = refused(&mut filtergen(&world, &["-p", "mine"]), 65, "policy-widens");
    assert!(error["message"].as_str().unwrap().contains("line 3"), "{error}");
    fs::remove_file(&narrow).unwrap();
    symlink(world.path("config/policies/mine.toml"), &narrow).unwrap();
    refused(&mut filtergen(&world, &["-p", "mine"]), 74, "cannot-read-file");
    refused(&mut filtergen(&world, &["-p", "mine", "--narrow", "none.toml"]), 66, "policy-absent");
}

#[test]
fn a_filter_is_printed_and_read_back() {
    let world = World::new();
    let text = run(&mut filtergen(&world, &["-p", "claude", "--print"]));
    let path = world.write("home/f.py", &text);
    let found = run(&mut filtergen(&world, &["--read", path.to_str().unwrap()]));
    let again = world.write("home/again.json", &found);
    let names =
        |path: &PathBuf| run(&mut filtergen(&world, &["-p", path.to_str().unwrap(), "--print"]));
    assert_eq!(names(&again), text);
    assert!(!world.path("state/dev-a-b3e5ed").exists());

    // A variable stands in for an option that is not given, and is in no conflict.
    let read = ["--read", path.to_str().unwrap()];
    assert_eq!(run(filtergen(&world, &read).env("CTRKIT_POLICY", "claude")), found);
    filtergen(&world, &[&read[..], &["-p", "claude"]].concat()).assert().code(64);

    world.write("home/f.py", &text.replacen("claude.ai", "evil.ai", 1));
    refused(&mut filtergen(&world, &["--read", "f.py"]), 65, "filter-changed");
    refused(&mut filtergen(&world, &["--read", "none.py"]), 66, "filter-absent");
    world.write("home/f.py", "import os\n");
    refused(&mut filtergen(&world, &["--read", "f.py"]), 65, "no-filter");
    world
        .write("home/f.py", "ALLOWED_DOMAINS = ['api.github.com']\nBLOCK_GITHUB_PR_MERGE = True\n");
    let run = filtergen(&world, &["--read", "f.py"]).assert().success();
    let said = String::from_utf8_lossy(&run.get_output().stderr);
    assert!(said.contains("BLOCK_GITHUB_PR_MERGE"), "{said}");
}

#[test]
fn a_decision_is_explained_and_the_status_says_it() {
    let world = World::new();
    world.write("config/policies/mine.toml", MINE);
    let mine = world.path("config/policies/mine.toml");
    filtergen(&world, &["-p", "mine", "--check", "https://x.a.org/y", "--method", "PUT"])
        .assert()
        .code(0)
        .stdout(format!("allowed PUT https://x.a.org/y allow by {}:3 *.a.org\n", mine.display()));
    filtergen(&world, &["-p", "mine", "--check", "https://b.org/"])
        .assert()
        .code(1)
        .stdout("refused GET https://b.org/ unknown-name\n");
    filtergen(&world, &["-p", "mine", "--check", "-"])
        .write_stdin("GET https://a.org/\nGET http://a.org:81/\n")
        .assert()
        .code(1)
        .stdout(format!(
            "allowed GET https://a.org/ allow by {0}:3 *.a.org\nrefused GET http://a.org:81/ port by {0}:3 *.a.org\n",
            mine.display()
        ));
    refused(&mut filtergen(&world, &["-p", "mine", "--check", "a.org"]), 64, "bad-url");
}

#[test]
fn packages_are_read_from_another_root_and_from_variables() {
    let world = World::new();
    world.write("image/etc/apt/sources.list", "deb http://apt.example/ x main\n");
    let image = world.path("image");
    let check = |url: &str, code: i32| {
        filtergen(&world, &["-p", "packages", "--root", image.to_str().unwrap(), "--check", url])
            .env("GOPROXY", "https://go.example")
            .assert()
            .code(code);
    };
    check("http://apt.example/x", 0);
    check("https://apt.example/x", 1);
    check("https://go.example/x", 1);
    filtergen(&world, &["-p", "packages", "--check", "https://go.example/x"])
        .env("GOPROXY", "https://go.example")
        .assert()
        .code(0);
    refused(
        &mut filtergen(&world, &["-p", "packages", "--root", "/nonexistent"]),
        65,
        "empty-policy",
    );
}

#[test]
fn ten_thousand_entries_are_no_burden() {
    let world = World::new();
    let mut text = "schema = \"policy/1\"\n".to_owned();
    for number in 0..10_000 {
        write!(text, "[[allow]]\nname = \"*.n{number}.example.org\"\n").unwrap();
    }
    world.write("config/policies/long.toml", &text);
    let start = Instant::now();
    run(&mut filtergen(&world, &["-p", "long"]));
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

/// Killed at any moment, it leaves the old filter or the new one.
#[test]
fn there_is_never_half_a_filter() {
    let world = World::new();
    world.write("config/policies/mine.toml", MINE);
    run(&mut filtergen(&world, &["-p", "mine"]));
    let old = fs::read(filter(&world)).unwrap();
    let text = document(&world).to_string();
    for delay in 0..12 {
        let policy = if delay % 2 == 0 { "mine+github" } else { "mine" };
        let mut command = std::process::Command::new(PROGRAM);
        command.env_clear().args(["-p", policy]).stdin(std::process::Stdio::piped());
        command.env("CTRKIT_CONFIG_DIR", world.path("config")).stdout(std::process::Stdio::null());
        command.env("CTRKIT_STATE_DIR", world.path("state"));
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        let path = filter(&world);
        run(&mut filtergen(&world, &["--read", path.to_str().unwrap()]));
    }
    run(&mut filtergen(&world, &["-p", "mine"]));
    assert_eq!(fs::read(filter(&world)).unwrap(), old);
}

const REFUSED: &str = concat!(
    r#"{"time":"T1","kind":"request","method":"GET","scheme":"https","path":"/x","host":"b.org","#,
    r#""port":443,"decision":"refused","reason":"unknown-name"}"#,
    "\n",
    r#"{"time":"T2","kind":"request","method":"PUT","scheme":"https","host":"api.github.com","#,
    r#""path":"/repos/me/x/pulls/1/merge","port":443,"decision":"refused","reason":"operation","#,
    r#""operation":"pr-merge"}"#,
    "\n",
    r#"{"time":"T3","kind":"request","method":"GET","scheme":"https","path":"/","host":"c.org","#,
    r#""port":443,"decision":"refused","reason":"host"}"#,
    "\n",
);

#[test]
fn a_log_teaches_what_to_add() {
    let world = World::new();
    let log = world.write("home/requests.jsonl", REFUSED);
    let run = |arguments: &[&str]| {
        let run = filtergen(&world, arguments).write_stdin(REFUSED).assert().success();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&run.get_output().stdout), text(&run.get_output().stderr))
    };
    let (text, said) = run(&["-p", "github", "--learn", log.to_str().unwrap()]);
    assert!(text.contains("# first needed by T1 GET https://b.org/x\n"), "{text}");
    assert!(text.contains("pr-merge = \"allow\""), "{text}");
    assert!(said.contains("left out, 1 of the log: host: no policy changes that"), "{said}");
    assert_eq!(run(&["-p", "github", "--learn", "-"]).0, text);

    // With the proposal in force the requests pass, and nothing is proposed.
    world.write("config/policies/learnt.toml", &text);
    assert_eq!(run(&["-p", "github+learnt", "--learn", "-"]).0, "");
    filtergen(&world, &["-p", "github+learnt", "--check", "-"])
        .write_stdin("GET https://b.org/x\nPUT https://api.github.com/repos/me/x/pulls/1/merge\n")
        .assert()
        .code(0);
    filtergen(&world, &["-p", "github+learnt", "--check", "https://b.org/y"]).assert().code(1);
    let (json, _) = run(&["-p", "github", "--learn", "-", "--json"]);
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["allow"][0]["name"], "b.org");
    assert!(found["allow"][0]["why"].as_str().unwrap().contains("T1 GET"));

    refused(&mut filtergen(&world, &["--learn", "none"]), 66, "log-absent");
    refused(filtergen(&world, &["--learn", "-"]).write_stdin("x\n"), 65, "no-log");
    filtergen(&world, &["--learn", "-", "--print"]).assert().code(64);
    refused(&mut filtergen(&world, &["--learn", "-", "-p", "none"]), 66, "policy-absent");
}

#[test]
fn two_policies_are_compared_by_what_they_let_through() {
    let world = World::new();
    let mine = world.write("config/policies/mine.toml", MINE);
    let filter = run(&mut filtergen(&world, &["-p", "mine", "--print"]));
    let filter = world.write("home/filter.py", &filter);
    let wider = world.write("home/wider.toml", &format!("{MINE}websockets = true\n"));
    let [mine, filter, wider] = [&mine, &filter, &wider].map(|path| path.to_str().unwrap());
    for (old, new) in
        [("mine", "mine"), ("mine", mine), (filter, "mine"), ("github", "github+github")]
    {
        filtergen(&world, &["--diff", old, new]).assert().code(0).stdout("");
    }
    let line = format!("+ request *.a.org any method as a WebSocket on 80,443 ({wider}:3)\n");
    filtergen(&world, &["--diff", filter, wider]).assert().code(1).stdout(line);
    let out = filtergen(&world, &["--diff", "claude+github", "claude", "--json"]).assert().code(1);
    let found: Value = serde_json::from_slice(&out.get_output().stdout).unwrap();
    assert_eq!(
        (&found["schema"], &found["old"]),
        (&json!("policy-diff/1"), &json!("claude+github"))
    );
    let changes = found["changes"].as_array().unwrap();
    assert!(changes.iter().all(|change| change["way"] == "less"), "{changes:?}");
    assert!(changes.iter().any(|change| change["name"] == "pr-write"), "{changes:?}");
    let same = run(&mut filtergen(&world, &["--diff", "mine", "mine", "--json"]));
    assert!(same.contains("\"changes\":[]"), "{same}");

    refused(&mut filtergen(&world, &["--diff", "mine", "none"]), 66, "policy-absent");
    refused(&mut filtergen(&world, &["--diff", "mine", "none.py"]), 66, "filter-absent");
    filtergen(&world, &["--diff", "mine"]).assert().code(64);
}

#[test]
fn secrets_are_noted_with_their_files_and_never_read() {
    let world = World::new();
    let secret = "[[secret]]\nhost = \"api.github.com\"\nheader = \"Authorization\"\nform = \"bearer\"\n\
                  file = \"~/token\"\nenv = \"GH_TOKEN\"\n";
    world.write("home/token", "the value itself");
    world.write("config/policies/token.toml", &format!("schema = \"policy/1\"\n{secret}"));
    let mut command = filtergen(&world, &["-p", "github+token"]);
    command.env("HOME", world.path("home"));
    let out = run(&mut command);
    let found: Value = serde_json::from_str(&out).unwrap();
    let expected = json!([{
        "id": "api.github.com.authorization", "host": "api.github.com", "header": "Authorization",
        "file": world.path("home/token"), "env": "GH_TOKEN",
    }]);
    assert_eq!(found["isolation"]["secrets"], expected);
    assert!(found["isolation"]["allow"].as_array().unwrap().contains(&json!("api.github.com")));
    let text = fs::read_to_string(filter(&world)).unwrap();
    assert!(!out.contains("the value itself") && !text.contains("the value itself"));
    refused(&mut filtergen(&world, &["-p", "token"]), 65, "empty-policy");
    refused(&mut filtergen(&world, &["-p", "base+token"]), 65, "secret-host");
    let narrow =
        world.write("home/narrow.toml", &format!("schema = \"policy/1\"\n[github]\n{secret}"));
    let arguments = ["-p", "github+token", "--narrow", narrow.to_str().unwrap()];
    refused(&mut filtergen(&world, &arguments), 65, "policy-widens");
}

/// What can be wrong with a policy, and the kind of the error.
#[test]
fn a_policy_for_github_that_is_wrong_makes_nothing() {
    let world = World::new();
    let path = world.path("home/p.toml");
    for (text, kind, says) in [
        ("[github]\nhosts = [\"api.github.com\"]\n", "malformed-policy", "line 3"),
        (
            "[github.operations]\npr-merg = \"allow\"\n",
            "malformed-policy",
            "'pr-merge' resembles it",
        ),
        ("[github]\nrepositories = [\"x\"]\n", "malformed-policy", "OWNER/REPOSITORY"),
        ("[github]\nbranches = [\"a[\"]\n", "malformed-policy", "line 3"),
        ("[github]\n[[passthrough]]\nname = \"*.github.com\"\n", "guarded-passthrough", "line 4"),
        (
            "[github]\n[[secret]]\nhost = \"a.org\"\nheader = \"A\"\nfile = \"/t\"\n",
            "secret-host",
            "line 3",
        ),
        (
            "[github]\n[[secret]]\nhost = \"github.com\"\nheader = \"Host\"\nfile = \"/t\"\n",
            "malformed-policy",
            "line 5",
        ),
        ("[[allow]]\nname = \"a.org\"\npaths = [\"/a/../b\"]\n", "malformed-policy", "line 4"),
    ] {
        fs::write(&path, format!("schema = \"policy/1\"\n{text}")).unwrap();
        let error = refused(&mut filtergen(&world, &["-p", "./p.toml"]), 65, kind);
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        assert!(!world.path("state/dev-a-b3e5ed").exists());
    }
}

#[test]
fn a_template_brings_policies_of_its_own() {
    let world = World::new();
    world.write("config/templates/mine/template.toml", "");
    world.write("config/templates/mine/policies/own.toml", MINE);
    world.write("config/policies/own.toml", &MINE.replace("a.org", "b.org"));
    let mut document = document(&world);
    document["isolation"] = json!({"mode": "proxy", "policies": ["base", "own"]});
    document["template"] = json!({"name": "mine"});
    let found = |document: &Value| -> Value {
        let mut command = world.command(PROGRAM);
        let text = run(command.current_dir(world.path("home")).write_stdin(document.to_string()));
        serde_json::from_str(&text).unwrap()
    };
    let first = found(&document);
    assert_eq!(first["isolation"]["allow"], json!(["*.a.org", "example.com"]));
    assert_eq!(found(&first), first);
    document["template"] = json!({"name": "basic"});
    assert_eq!(found(&document)["isolation"]["allow"], json!(["*.b.org", "example.com"]));
    world.write("config/templates/mine/policies/own.toml", "x");
    document["template"] = first["template"].clone();
    let mut command = world.command(PROGRAM);
    refused(command.write_stdin(document.to_string()), 65, "malformed-policy");
}
