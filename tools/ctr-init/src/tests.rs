use engine::Kind;

use crate::{
    Complaint, Dialogue, Error, Machine, Place, Plan, Token, Wishes,
    facts::Facts,
    judge,
    plan::{path, program, url},
};

/// A machine on which all is well for rootless podman and for docker.
const GOOD: &str = "user me\nuid 1000\nsudo yes\nsystemd yes\npackager apt-get\n\
    installed podman\nsocket podman open me /run/user/1000/podman/podman.sock\nalive podman 5.4.2\n\
    installed docker\nsocket docker open docker /var/run/docker.sock\nalive docker 28.1.1\n\
    linger yes\nsubuid yes\nsubgid yes\nend .\n";

#[track_caller]
fn facts(replacements: &[(&str, &str)]) -> Facts {
    let mut text = GOOD.to_owned();
    for (old, new) in replacements {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    Facts::parse(&text).unwrap()
}

/// Judges a server that is all well but for `replacements`.
#[track_caller]
fn check(kind: Kind, replacements: &[(&str, &str)], expected: &[(&str, &str)]) {
    let (found, complaints) = judge(&facts(replacements), Some(kind), Place::There);
    assert_eq!(found, kind);
    let expected: Vec<_> = expected
        .iter()
        .map(|(what, cure)| Complaint { what: (*what).into(), cure: (*cure).into() })
        .collect();
    assert_eq!(complaints, expected);
}

const PODMAN: &str = "installed podman\nsocket podman open me /run/user/1000/podman/podman.sock\n\
    alive podman 5.4.2\n";
const DOCKER: &str =
    "installed docker\nsocket docker open docker /var/run/docker.sock\nalive docker 28.1.1\n";

#[test]
fn a_machine_that_lacks_nothing_is_not_complained_about() {
    check(Kind::Podman, &[], &[]);
    check(Kind::Docker, &[], &[]);
    // Root needs neither other ids nor to linger.
    check(
        Kind::Podman,
        &[
            ("uid 1000", "uid 0"),
            ("linger yes\n", "linger no\n"),
            ("subuid yes", "subuid no"),
            ("me /run/user/1000/podman", "root /run/podman"),
        ],
        &[],
    );
    // docker's containers are not the account's.
    check(Kind::Docker, &[("linger yes", "linger no"), ("subuid yes", "subuid no")], &[]);
}

#[test]
fn an_engine_that_is_not_installed() {
    let absent = |engine| format!("socket {engine} absent - /run/x.sock\n");
    let podman = "podman is not installed";
    check(Kind::Podman, &[(PODMAN, &absent("podman"))], &[(podman, "sudo apt-get install podman")]);
    check(
        Kind::Docker,
        &[(DOCKER, &absent("docker"))],
        &[("docker is not installed", "sudo apt-get install docker.io")],
    );
    check(
        Kind::Podman,
        &[(PODMAN, ""), ("packager apt-get", "packager apk"), ("sudo yes\n", "")],
        &[(podman, "su -c 'apk add podman'")],
    );
    check(
        Kind::Podman,
        &[(PODMAN, ""), ("packager apt-get\n", "")],
        &[(podman, "install the package 'podman'")],
    );
}

#[test]
fn a_socket_that_is_not_there() {
    let rootless = "podman does not listen: there is no socket '/run/user/1000/podman/podman.sock'";
    check(
        Kind::Podman,
        &[("podman open me", "podman absent -"), ("alive podman 5.4.2\n", "")],
        &[(rootless, "systemctl --user enable --now podman.socket")],
    );
    check(
        Kind::Podman,
        &[
            ("podman open me", "podman absent -"),
            ("alive podman 5.4.2\n", ""),
            ("systemd yes\n", ""),
        ],
        &[(
            rootless,
            "(podman system service --time=0 unix:///run/user/1000/podman/podman.sock \
             >/dev/null 2>&1 &)",
        )],
    );
    check(
        Kind::Docker,
        &[("docker open docker", "docker absent -"), ("alive docker 28.1.1\n", "")],
        &[(
            "docker does not listen: there is no socket '/var/run/docker.sock'",
            "sudo systemctl enable --now docker",
        )],
    );
}

#[test]
fn a_socket_that_this_account_may_not_use() {
    check(
        Kind::Docker,
        &[("docker open docker", "docker denied docker"), ("alive docker 28.1.1\n", "")],
        &[(
            "'me' may not use the socket '/var/run/docker.sock' of docker",
            "sudo usermod -aG docker me, and log in again",
        )],
    );
    check(
        Kind::Podman,
        &[
            ("podman open me /run/user/1000/podman", "podman denied - /run/podman"),
            ("alive podman 5.4.2\n", ""),
        ],
        &[(
            "'me' may not use the socket '/run/podman/podman.sock' of podman",
            "systemctl --user enable --now podman.socket, and say --host \
             ssh://me@SERVER/run/user/1000/podman/podman.sock",
        )],
    );
}

#[test]
fn an_engine_that_does_not_answer() {
    check(
        Kind::Docker,
        &[("alive docker 28.1.1", "dead docker Cannot connect")],
        &[("docker does not answer: Cannot connect", "sudo systemctl restart docker")],
    );
    check(
        Kind::Podman,
        &[("alive podman 5.4.2", "dead podman")],
        &[("podman does not answer", "systemctl --user restart podman.socket")],
    );
}

#[test]
fn what_rootless_podman_needs_besides() {
    check(
        Kind::Podman,
        &[("linger yes", "linger no"), ("subuid yes", "subuid no"), ("subgid yes", "subgid no")],
        &[
            (
                "'me' has no line in /etc/subuid and /etc/subgid",
                "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 me && \
                 podman system migrate",
            ),
            (
                "containers of 'me' end when it logs out: it does not linger",
                "sudo loginctl enable-linger me",
            ),
        ],
    );
    check(Kind::Podman, &[("linger yes\n", "")], &[]);
}

#[test]
fn without_a_wish_the_engine_is_one_that_lacks_nothing() {
    let choose = |replacements| judge(&facts(replacements), None, Place::There);
    assert_eq!(choose(&[]), (Kind::Podman, vec![]));
    assert_eq!(choose(&[("alive podman", "dead podman")]), (Kind::Docker, vec![]));
    let (kind, complaints) = choose(&[(PODMAN, ""), ("docker open", "docker denied")]);
    assert_eq!((kind, complaints.len()), (Kind::Docker, 1));
}

#[test]
fn here_podman_needs_no_socket_and_docker_knows_its_own() {
    let text = GOOD
        .replace("socket podman open me /run/user/1000/podman/podman.sock\n", "")
        .replace("socket docker open docker /var/run/docker.sock\n", "");
    let here = |text: &str, kind| judge(&Facts::parse(text).unwrap(), Some(kind), Place::Here).1;
    assert_eq!(here(&text, Kind::Podman), []);
    assert_eq!(here(&text, Kind::Docker), []);
    let dead = text.replace("alive podman 5.4.2", "dead podman no such image store");
    let cures: Vec<_> = here(&dead, Kind::Podman).into_iter().map(|it| it.cure).collect();
    assert_eq!(cures, ["see what it says: podman info"]);
}

#[test]
fn what_a_login_shell_says_by_itself_is_passed_over_and_half_an_answer_is_none() {
    let chatty = format!("Welcome to box!\nlast login: today\n\n{GOOD}");
    assert_eq!(Facts::parse(&chatty), Facts::parse(GOOD));
    for text in ["", "Welcome", "end .\n", &GOOD.replace("end .\n", "")] {
        assert_eq!(Facts::parse(text), None, "{text}");
    }
}

#[test]
fn a_token_is_one_line_and_never_shown() {
    let token = Token::parse(b"  github_pat_11A_b\r\n").unwrap();
    assert!(token.is_fine_grained());
    assert!(!Token::parse(b"ghp_1").unwrap().is_fine_grained());
    assert_eq!(format!("{token:?}"), "Token(…)");
    for bad in [&b""[..], b"\n", b"a\nb", b"a b", b"-x", b"\xff", b"a\0", &[b'a'; 2000]] {
        assert!(Token::parse(bad).is_err());
    }
}

#[test]
fn all_questions_share_what_was_read_ahead() {
    let mut dialogue = Dialogue::over(&b"one\nwrong\nthree\n\nsecret\nmore"[..]);
    let any = |answer: &str| Ok(answer.to_owned());
    let strict = |answer: &str| if answer == "wrong" { Err("no".to_owned()) } else { any(answer) };
    assert_eq!(dialogue.ask("a", "x", any).unwrap(), "one");
    assert_eq!(dialogue.ask("b", "x", strict).unwrap(), "three");
    assert_eq!(dialogue.ask("c", "default", any).unwrap(), "default");
    assert_eq!(dialogue.rest(6).unwrap(), b"secret");
    assert_eq!(dialogue.rest(60).unwrap(), b"\nmore");
    let error = dialogue.ask("d", "x", any).unwrap_err();
    assert!(matches!(error, Error::NoAnswer { question } if question == "d"));
}

#[test]
fn what_is_said_is_checked() {
    for good in ["podman", "docker", "/opt/bin/podman-remote"] {
        assert!(program(good).is_ok(), "{good}");
    }
    for bad in ["", "nerdctl", "/", "podman/x", "podman\n"] {
        assert!(program(bad).is_err(), "{bad}");
    }
    assert_eq!(path("~/.ssh/id").unwrap(), "~/.ssh/id");
    assert!(path("id").unwrap().ends_with("/id") && path("id").unwrap().starts_with('/'));
    assert!(path("").is_err() && path("a\nb").is_err());
    assert!(
        url("box").is_err()
            && url("ssh://-oX").is_err()
            && url("ssh://me@box").is_ok()
            && url("local").is_ok()
    );
}

/// Reads a configuration from a file of its own.
fn config(text: &str) -> config::Config {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.toml"), text).unwrap();
    let config_dir = Some(directory.path().to_owned());
    config::read(&toolkit::Places { config_dir, state_dir: None }).unwrap()
}

#[test]
fn the_test_goes_the_way_that_is_in_force() {
    let config = config(
        "host = \"ssh://me@box/run/x.sock\"\nconnection = \"home\"\n[[connections]]\n\
         name = \"home\"\naddress = \"me@192.168.1.10\"\n",
    );
    let way = |wishes: Wishes| {
        let plan = Plan::of(&wishes, Some(&config)).unwrap();
        let way = plan.way(&config).map(|(address, socket)| (address.to_string(), socket));
        (way, plan.leaves_connection(&config))
    };
    let host = |url: &str| Wishes { host: Some(url.to_owned()), ..Wishes::default() };
    let socket = |path: &str| Some(path.to_owned());
    let home = "me@192.168.1.10".to_owned();
    assert_eq!(way(Wishes::default()), (Some((home.clone(), socket("/run/x.sock"))), false));
    assert_eq!(way(host("ssh://me@box/y")), (Some((home, socket("/y"))), false));
    assert_eq!(way(host("ssh://me@other")), (Some(("me@other".to_owned(), None)), true));
    assert_eq!(way(host("local")), (None, true));
}

#[test]
fn the_engine_that_was_found_good_is_written_down_if_the_tools_would_take_another() {
    let check = |host: &str, text: &str, kind, expected: Option<&str>| {
        let config = config(text);
        let wishes = Wishes { host: Some(host.to_owned()), ..Wishes::default() };
        let mut plan = Plan::of(&wishes, Some(&config)).unwrap();
        plan.settle(kind, &config);
        assert_eq!(plan.engine.as_deref(), expected, "{host}");
        plan.named_by_socket(&config)
    };
    assert_eq!(check("ssh://box", "", Kind::Podman, None), None);
    assert_eq!(check("ssh://box", "", Kind::Docker, Some("docker")), None);
    assert_eq!(check("ssh://box", "engine = \"docker\"", Kind::Docker, None), None);
    let socket = "ssh://box/var/run/docker.sock";
    assert_eq!(check(socket, "", Kind::Docker, None), Some(Kind::Docker));
    assert_eq!(check("local", "", Kind::Docker, None), None);
}

#[test]
fn without_a_configuration_it_must_be_said_where_the_engine_is() {
    let error = Plan::of(&Wishes::default(), None).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }));
    let local = Wishes { host: Some("local".to_owned()), ..Wishes::default() };
    assert!(Plan::of(&local, None).is_ok());
    assert!(Plan::of(&Wishes::default(), Some(&config::Config::default())).is_ok());
    assert_eq!(Machine::Here(None).name(), "this machine");
}
