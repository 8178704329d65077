//! Tests of the lines for people: data in, text out.

use document::container::Port;

use super::*;

fn port_of(service: &str, host: u16, address: Option<&str>) -> Port {
    let address = address.map(str::to_owned);
    Port { service: service.into(), container: 1, host: Some(host), address, ..Port::default() }
}

#[track_caller]
fn check_lines(listed: &Listed, key: &str, expected: &[&str]) {
    let text = text(listed);
    let key = format!("{key}:");
    let found = text.lines().filter_map(|line| line.strip_prefix(&key)).map(str::trim_start);
    assert_eq!(found.collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn there_is_a_dash_for_what_there_is_none_of() {
    let listed = Listed { name: "dev-a".into(), status: "created".into(), ..Listed::default() };
    assert_eq!(
        text(&listed),
        "name:      dev-a\nstatus:    created\nid:        -\nimage:     -\nproject:   -\n\
         branch:    -\ncreated:   -\nuser:      -\nworkspace: -\nssh:       -\nweb:       -\n\
         port:      -\nvolume:    -\nmount:     -\nmemory:    -\ncpus:      -\npids:      -\n\
         cap-drop:  -\nrestart:   -\n"
    );
}

#[test]
fn ways_in_are_shown_as_they_are_typed() {
    let ports = vec![
        port_of("ssh", 2200, Some("127.0.0.1")),
        port_of("web", 3000, Some("0.0.0.0")),
        port_of("audio", 4714, None),
        port_of("db", 5432, Some("::1")),
    ];
    let listed = Listed { name: "dev-a".into(), ports, ..Listed::default() };
    check_lines(&listed, "ssh", &["ssh dev-a (127.0.0.1:2200)"]);
    check_lines(&listed, "web", &["http://localhost:3000"]);
    let expected = [
        "ssh 1 <- 127.0.0.1:2200",
        "web 1 <- *:3000",
        "audio 1 <- 4714 (not published)",
        "db 1 <- [::1]:5432",
    ];
    check_lines(&listed, "port", &expected);
}

#[test]
fn web_on_another_address_is_not_on_localhost() {
    for (address, expected) in
        [("192.0.2.1", "http://192.0.2.1:3000"), ("2001:db8::1", "http://[2001:db8::1]:3000")]
    {
        let ports = vec![port_of("web", 3000, Some(address))];
        check_lines(&Listed { ports, ..Listed::default() }, "web", &[expected]);
    }
}

#[test]
fn control_characters_reach_no_terminal() {
    let listed = Listed { branch: Some("a\u{1b}]0;x\u{7}\n\tb".into()), ..Listed::default() };
    check_lines(&listed, "branch", &["a\\u{1b}]0;x\\u{7}\\n\\tb"]);
}

#[test]
fn sizes_are_whole_numbers() {
    for (bytes, expected) in
        [("1073741824", "1 GiB"), ("1610612736", "1536 MiB"), ("1000", "1000 B"), ("4g", "4g")]
    {
        assert_eq!(size(bytes), expected);
    }
}

#[test]
fn mounts_say_what_they_are() {
    let mounts = vec![
        Mount { kind: "tmpfs".into(), target: "/scratch".into(), ..Mount::default() },
        Mount {
            kind: "bind".into(),
            source: Some("/a b".into()),
            target: "/x".into(),
            read_only: true,
            ..Mount::default()
        },
    ];
    let listed = Listed { mounts, ..Listed::default() };
    check_lines(&listed, "mount", &["tmpfs -> /scratch", "bind /a b -> /x (read-only)"]);
}
