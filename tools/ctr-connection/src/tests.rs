use config::{Address, Host};
use document::{Connections, Container, Extra, connections::Connection};
use serde_json::{Value, json};

use crate::{
    sockets::in_blocks,
    table, text,
    way::{Change, Way},
};

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn way(new: &str) -> Way {
    Way {
        url: "ssh://me@box/run/podman.sock".to_owned(),
        host: "ssh://me@box/run/podman.sock".parse::<Host>().unwrap(),
        address: address(new),
        text: new.to_owned(),
        known: ["me@box", "me@10.0.0.1", "me@10.8.0.1:2022", "me@[fd00::1]"].map(address).into(),
    }
}

fn container(engine: Value, ssh: Value) -> Container {
    let document = json!({
        "schema": "container/1", "name": "dev-a",
        "project": {"path": "/a", "name": "a", "hash": "0123456789ab"},
        "engine": engine, "ssh": ssh,
    });
    serde_json::from_value(document).unwrap()
}

/// Takes the way to `new`, twice, and compares what became of the two sections.
#[track_caller]
fn check(new: &str, before: [Value; 2], after: [Value; 2], changes: &[&str]) {
    let [engine, ssh] = before;
    let mut taken = container(engine, ssh);
    assert!(way(new).leads_to(&taken));
    let found = way(new).take(&mut taken);
    let shown = found.iter().map(|Change { what, old, new }| {
        let word = |value: &Option<String>| value.clone().unwrap_or("none".into());
        format!("{what} {} {}", word(old), word(new))
    });
    assert_eq!(shown.collect::<Vec<_>>(), changes);
    let [engine, ssh] = after;
    assert_eq!(taken, container(engine, ssh));
    assert_eq!(way(new).take(&mut taken), []);
}

fn engine(address: &str) -> Value {
    json!({"kind": "podman", "host": "ssh://me@box", "address": address})
}

#[test]
fn the_jump_follows_the_address() {
    check(
        "me@10.8.0.1:2022",
        [engine("me@10.0.0.1"), json!({"proxy_jump": "me@10.0.0.1", "serial": 7})],
        [engine("me@10.8.0.1:2022"), json!({"proxy_jump": "me@10.8.0.1:2022", "serial": 7})],
        &["engine.address me@10.0.0.1 me@10.8.0.1:2022", "ProxyJump me@10.0.0.1 me@10.8.0.1:2022"],
    );
    // From the server's own name, and back to it.
    let bare = json!({"kind": "podman", "host": "ssh://me@box"});
    check(
        "me@[fd00::1]",
        [bare, json!({"proxy_jump": "me@box"})],
        [engine("me@[fd00::1]"), json!({"proxy_jump": "me@[fd00::1]"})],
        &["engine.address none me@[fd00::1]", "ProxyJump me@box me@[fd00::1]"],
    );
    check(
        "me@box",
        [engine("me@[fd00::1]"), json!({"proxy_jump": "me@[fd00::1]"})],
        [engine("me@box"), json!({"proxy_jump": "me@box"})],
        &["engine.address me@[fd00::1] me@box", "ProxyJump me@[fd00::1] me@box"],
    );
}

#[test]
fn an_address_that_is_no_connection_any_more_is_left_too() {
    check(
        "me@10.0.0.1",
        [engine("me@gone"), json!({"proxy_jump": "bastion,ssh://me@gone"})],
        [engine("me@10.0.0.1"), json!({"proxy_jump": "bastion,me@10.0.0.1"})],
        &[
            "engine.address me@gone me@10.0.0.1",
            "ProxyJump bastion,ssh://me@gone bastion,me@10.0.0.1",
        ],
    );
}

#[test]
fn what_is_published_on_the_address_follows_it() {
    check(
        "me@[fd00::1]",
        [engine("me@10.0.0.1"), json!({"hostname": "10.0.0.1"})],
        [engine("me@[fd00::1]"), json!({"hostname": "fd00::1"})],
        &["engine.address me@10.0.0.1 me@[fd00::1]", "HostName 10.0.0.1 fd00::1"],
    );
}

#[test]
fn a_way_that_somebody_has_chosen_stays() {
    for ssh in [
        json!({"hostname": "public.example"}),
        json!({"proxy_jump": "bastion"}),
        json!({"proxy_jump": "me@10.0.0.1,inner"}),
        json!({"proxy_jump": "root@10.0.0.1"}),
        json!({"proxy_command": "nc 10.0.0.1 22"}),
    ] {
        check(
            "me@10.8.0.1:2022",
            [engine("me@10.0.0.1"), ssh.clone()],
            [engine("me@10.8.0.1:2022"), ssh],
            &["engine.address me@10.0.0.1 me@10.8.0.1:2022"],
        );
    }
}

#[test]
fn containers_elsewhere_are_not_concerned() {
    for host in ["ssh://me@other", "ssh://root@box", "ssh://me@box:2022", "rubbish"] {
        let elsewhere = container(json!({"kind": "podman", "host": host}), json!({}));
        assert!(!way("me@10.0.0.1").leads_to(&elsewhere), "{host}");
    }
    assert!(!way("me@10.0.0.1").leads_to(&container(json!({"kind": "podman"}), json!({}))));
}

#[test]
fn the_sockets_of_the_entries_are_known() {
    let text = "# Host blocks\n\nHost dev-a\n    ControlPath \"/s/mux/0123456789ab\"\n\n\
                Host dev-b\n    ControlPath none\n\nHost dev-c\n    ControlPath \"/m é/ba9876543210\"\n";
    let found = in_blocks(text);
    let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(found, [("dev-a", "0123456789ab"), ("dev-c", "ba9876543210")]);
}

#[test]
fn people_get_columns_and_lines() {
    let one = |name: &str, address: &str, active| Connection {
        name: name.to_owned(),
        address: address.to_owned(),
        active,
        extra: Extra::new(),
    };
    let all = vec![one("home", "me@192.168.1.10", true), one("vpn", "me@10.8.0.10:2022", false)];
    let list = Connections::new(Some("ssh://me@box".to_owned()), all);
    assert_eq!(
        table(&list),
        "NAME  ADDRESS            IN FORCE\nhome  me@192.168.1.10    yes\n\
         vpn   me@10.8.0.10:2022  -\n"
    );
    assert_eq!(table(&Connections::new(None, Vec::new())), "NAME  ADDRESS  IN FORCE\n");
    assert!(text(&list).starts_with(
        "name:      home\naddress:   me@192.168.1.10\nin force:  yes\nhost:      ssh://me@box\n"
    ));
}
