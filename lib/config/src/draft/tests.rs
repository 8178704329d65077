use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};

use super::*;

#[track_caller]
fn check(text: &str, edit: impl FnOnce(&mut Draft), expected: &str) {
    let mut draft = Draft::parse("c".into(), text).unwrap();
    edit(&mut draft);
    assert_eq!(draft.text(), expected);
    draft.config().unwrap();
}

fn home(address: &str) -> Connection {
    Connection { name: "home".into(), address: address.into() }
}

#[test]
fn a_value_is_replaced_and_all_around_it_stays() {
    check(
        "# top\n\n  prefix =  'a'   # mine\n\n[ssh]   # keys\n# why\nidentity_file = \"x\" # this\n",
        |draft| {
            draft.set("", "prefix", "b");
            draft.set("ssh", "identity_file", "y");
        },
        "# top\n\n  prefix =  \"b\"   # mine\n\n[ssh]   # keys\n# why\nidentity_file = \"y\" # this\n",
    );
}

#[test]
fn the_same_values_change_nothing() {
    let text = "prefix = 'a'#x\r\nssh.identity_file='y'\r\n[[connections]]\r\nname='home'\r\naddress='b'\r\n";
    check(
        text,
        |draft| {
            draft.set("", "prefix", "a");
            draft.set("ssh", "identity_file", "y");
            draft.set_connection(&home("b"));
            draft.remove_connection("absent");
            draft.unset("connection");
        },
        text,
    );
}

#[test]
fn new_keys_stand_before_the_tables() {
    check(
        "[ports] # mine\nssh_start = 1\n",
        |draft| {
            draft.set("", "host", "ssh://a");
            draft.set("", "connection", "home");
            draft.set("ssh", "identity_file", "y");
            draft.set_connection(&home("b"));
        },
        "host = \"ssh://a\"\nconnection = \"home\"\n\n[ports] # mine\nssh_start = 1\n\n[ssh]\n\
         identity_file = \"y\"\n\n[[connections]]\nname = \"home\"\naddress = \"b\"\n",
    );
    check(
        "",
        |draft| draft.set_connection(&home("b")),
        "[[connections]]\nname = \"home\"\naddress = \"b\"\n",
    );
}

#[test]
fn a_connection_stands_behind_the_others() {
    let others = "# all\n[[connections]]\nname = \"a\" # one\naddress = \"a\"\n";
    check(
        &format!("{others}\n# ports\n[ports]\nblocks = 9\n"),
        |draft| draft.set_connection(&home("b:22")),
        &format!(
            "{others}\n[[connections]]\nname = \"home\"\naddress = \"b:22\"\n\n# ports\n[ports]\n\
             blocks = 9\n"
        ),
    );
    check(
        others,
        |draft| draft.set_connection(&Connection { name: "a".into(), address: "b".into() }),
        &others.replace("address = \"a\"", "address = \"b\""),
    );
    check(
        "connections = [{ name = \"a\", address = \"a\" }]\n",
        |draft| draft.set_connection(&home("b")),
        "connections = [{ name = \"a\", address = \"a\" }, { name = \"home\", address = \"b\" }]\n",
    );
}

#[test]
fn a_connection_that_goes_leaves_the_comments() {
    let entry = |name: &str| format!("[[connections]]\nname = \"{name}\"\naddress = \"a\"\n");
    check(
        &format!("# all\n{}\n# two\n{}", entry("home"), entry("b")),
        |draft| draft.remove_connection("home"),
        &format!("# all\n\n# two\n{}", entry("b")),
    );
    check(
        &format!("user = \"dev\"\n\n# all\n{}", entry("home")),
        |draft| draft.remove_connection("home"),
        "user = \"dev\"\n\n# all\n",
    );
    check(
        "connections = [{name='home',address='a'}, {name='b',address='b'}] # x\n",
        |draft| draft.remove_connection("home"),
        "connections = [ {name='b',address='b'}] # x\n",
    );
}

#[test]
fn the_sample_survives_every_change() {
    let sample = include_str!("../../sample.toml");
    check(
        sample,
        |draft| {
            draft.set("", "connection", "vpn");
            draft.set("github", "token_file", "~/t");
            draft.set_connection(&home("me@192.168.1.11"));
        },
        &sample
            .replace("connection = \"home\"", "connection = \"vpn\"")
            .replace("~/.config/ctrkit/github-token", "~/t")
            .replace("192.168.1.10", "192.168.1.11"),
    );
}

fn world(text: &str) -> (tempfile::TempDir, Places, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    fs::write(&path, text).unwrap();
    let places = Places { config_dir: Some(directory.path().to_owned()), state_dir: None };
    (directory, places, path)
}

#[track_caller]
fn set_user(places: &Places, value: &str) -> Result<bool, ConfigError> {
    save(places, |draft| {
        draft.set("", "user", value);
        Ok(())
    })
}

#[test]
fn a_file_with_an_unknown_key_is_refused_with_its_line_and_not_touched() {
    let text = "prefix = \"a\"\n\nnew_in_2030 = true\n";
    let (_directory, places, path) = world(text);
    let error = set_user(&places, "x").unwrap_err();
    assert!(matches!(error, ConfigError::Malformed { line: 3, .. }), "{error}");
    assert_eq!(fs::read_to_string(path).unwrap(), text);
}

#[test]
fn a_change_that_nobody_could_read_is_not_written() {
    let (_directory, places, path) = world("user = \"dev\"\n");
    let bad = save(&places, |draft| {
        draft.set("", "host", "box");
        Ok::<_, ConfigError>(())
    });
    assert!(matches!(bad.unwrap_err(), ConfigError::Malformed { line: 2, .. }));
    assert_eq!(fs::read_to_string(path).unwrap(), "user = \"dev\"\n");
}

#[test]
fn what_does_not_change_is_not_written_and_what_does_stays_a_link() {
    let (directory, places, path) = world("");
    let real = directory.path().join("dotfiles.toml");
    fs::write(&real, "user = \"dev\"\r\n# end").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(&path).unwrap();
    symlink("dotfiles.toml", &path).unwrap();
    let before = fs::metadata(&real).unwrap().ino();
    assert!(!set_user(&places, "dev").unwrap());
    assert_eq!(fs::metadata(&real).unwrap().ino(), before);
    assert!(set_user(&places, "me").unwrap());
    assert!(path.symlink_metadata().unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().starts_with("user = \"me\"\r\n"));
}

#[test]
fn a_new_file_is_private() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("a/b");
    let places = Places { config_dir: Some(config.clone()), state_dir: None };
    assert!(set_user(&places, "me").unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&config.join("config.toml")), 0o600);
    assert_eq!(mode(&config), 0o700);
}
