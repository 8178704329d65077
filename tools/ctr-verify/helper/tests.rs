use std::{fs, os::unix::net::UnixListener, thread};

use super::*;

#[test]
fn jobs_are_read_and_answers_can_be() {
    assert_eq!(
        json::strings(r#"["1","tcp","a\"b\\\n\u0041é"]"#).unwrap(),
        ["1", "tcp", "a\"b\\\nAé"]
    );
    assert_eq!(json::strings("[]").unwrap(), Vec::<String>::new());
    for wrong in ["", "{}", "[1]", r#"["a]"#, r#"["a\"]"#, "[null]"] {
        assert_eq!(json::strings(wrong), None, "{wrong}");
    }
    let text = "a\"b\\c\n\u{1b}é";
    assert_eq!(serde_json::from_str::<String>(&json::quoted(text)).unwrap(), text);
}

#[test]
fn a_port_is_open_or_refuses() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    let closed = {
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        other.local_addr().unwrap()
    };
    let mut seen = net::tcp("1000", &[&open.to_string(), &closed.to_string()]).unwrap();
    seen.sort();
    let mut expected = vec![format!("{open} open"), format!("{closed} refused")];
    expected.sort();
    assert_eq!(seen, expected);
    assert!(net::ports("1000", "127.0.0.1").unwrap().contains(&open.port().to_string()));
    assert!(net::tcp("1000", &["nowhere"]).is_err());
}

#[test]
fn what_is_said_is_answered_round_by_round() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let served = thread::spawn(move || {
        use std::io::Read;
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 2];
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(b"ok").unwrap();
        stream.read_exact(&mut bytes).unwrap();
    });
    // The second round is met by the end.
    assert_eq!(net::say("1000", &at, &[&net::hex(b"hi"), &net::hex(b"ho")]).unwrap(), ["6f6b"]);
    served.join().unwrap();
    assert!(net::say("200", &at, &["00"]).is_err());
}

#[test]
fn the_private_half_of_a_key_is_found_in_any_file() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    // The number that both halves share, between what is only in one of them.
    let number: Vec<u8> = (0..64).collect();
    let pem = |kind: &str, before: u8| {
        let bytes = [vec![before; 10], number.clone(), vec![before; 7]].concat();
        let body = <base64ct::Base64 as base64ct::Encoding>::encode_string(&bytes);
        format!("some words\n-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n")
    };
    write("ca.crt", &pem("CERTIFICATE", 1));
    write("mine", &pem("RSA PRIVATE KEY", 2));
    write("other", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let needles = format!("proxy:@{root}/ca.crt");
    let seen = files::keys("100", "9", &needles, &[root]).unwrap();
    assert_eq!(seen, [format!("proxy {root}/mine")]);
    let needles = format!("ssh:{}", net::hex(&number));
    assert_eq!(files::keys("100", "9", &needles, &[root]).unwrap(), [format!("ssh {root}/mine")]);
    assert_eq!(files::keys("100", "9", "", &[root]).unwrap(), [""; 0]);
    // What was not looked at is no proof.
    assert!(files::keys("1", &usize::MAX.to_string(), "", &[root]).is_err());
    write("mitmproxy-ca.pem", "x");
    assert_eq!(
        files::keys("100", "9", "", &[root]).unwrap(),
        [format!("proxy {root}/mitmproxy-ca.pem")]
    );
}

#[test]
fn a_socket_of_an_engine_is_known_by_its_answer() {
    let directory = tempfile::tempdir().unwrap();
    for (name, words) in
        [("engine", "HTTP/1.0 200 OK\r\nServer: Docker/20\r\n\r\nOK"), ("other", "hi")]
    {
        let listener = UnixListener::bind(directory.path().join(name)).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = stream.unwrap().write_all(words.as_bytes());
            }
        });
    }
    let root = directory.path().to_str().unwrap();
    let expected = [format!("{root}/engine answers (docker)")];
    assert_eq!(sockets::found("100", &[root]).unwrap(), expected);
    // Often, because a listener that hangs up does so before or after the question.
    for _ in 0..1000 {
        assert_eq!(sockets::engines(&[&format!("{root}/engine"), "/nowhere"]), expected);
    }
}
