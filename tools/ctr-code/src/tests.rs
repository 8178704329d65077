use engine::{Place, Summary};

use crate::{attached, by_ssh, encoded};

#[test]
fn a_docker_elsewhere_is_named_by_where_ssh_goes() {
    let text = |hex: String| {
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
        String::from_utf8(bytes.map(Result::unwrap).collect()).unwrap()
    };
    let place = Place::parse("me@[fd00::1]:2022");
    let window = text(attached("dev-a", place.as_ref()));
    let settings = r#""settings":{"host":"ssh://me@[fd00::1]:2022"}"#;
    assert_eq!(window, format!(r#"{{"containerName":"/dev-a",{settings}}}"#));
    assert_eq!(text(attached("dev-a", None)), r#"{"containerName":"/dev-a"}"#);
}

#[test]
fn a_path_is_encoded_and_its_slashes_stay() {
    for (path, text) in [
        ("/workspace/my-app_1.0~x", "/workspace/my-app_1.0~x"),
        ("/a b/c#d?e%f+g", "/a%20b/c%23d%3Fe%25f%2Bg"),
        ("/日", "/%E6%97%A5"),
        ("/a\n\"'$(id)", "/a%0A%22%27%24%28id%29"),
    ] {
        assert_eq!(encoded(path), text);
    }
}

#[test]
fn a_container_without_a_workspace_is_refused() {
    for label in [None, Some(""), Some("relative")] {
        let mut container = Summary { name: "dev-a".into(), ..Summary::default() };
        let workspace = label.map(|path| ("ctrkit.workspace".to_owned(), path.to_owned()));
        container.labels.extend(workspace);
        assert!(by_ssh(&container).is_err(), "{label:?}");
    }
}
