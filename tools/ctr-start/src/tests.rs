//! Tests of the plan and of the explanation: data in, data out.

use document::container::Port;
use engine::EngineError;

use super::*;

fn container(name: &str, status: &str, labels: &[(&str, &str)]) -> Summary {
    let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Summary { name: name.into(), status: status.into(), labels, ..Summary::default() }
}

fn failed(words: &str, status: Option<i32>) -> EngineError {
    EngineError::Failed(FailedCall {
        program: "podman",
        line: "podman start dev-a".into(),
        status,
        last_words: words.into(),
    })
}

fn dev_a() -> Summary {
    container("dev-a", "created", &[("ctrkit.ports", "x:1:220 ssh:22:2200 web:3000:3000")])
}

#[test]
fn sidecars_come_first_and_what_runs_is_left_alone() {
    let managed = Managed::from(vec![
        container("dev-a", "stopped", &[("ctrkit.project.hash", "1")]),
        container("proxy", "running", &[("ctrkit.sidecar.of", "1")]),
        container("dev-b", "paused", &[]),
    ]);
    let names =
        |name| plan(&managed, name).iter().map(|(c, a)| (c.name.clone(), *a)).collect::<Vec<_>>();
    assert_eq!(
        names("dev-a"),
        [("proxy".into(), Action::Nothing), ("dev-a".into(), Action::Start)]
    );
    assert_eq!(names("dev-b"), [("dev-b".into(), Action::Unpause)]);
}

#[test]
fn the_proxy_comes_before_the_ingress_and_what_is_isolated_needs_it() {
    let sidecar = |word| {
        let labels = [("ctrkit.sidecar.of", "1"), ("ctrkit.sidecar.type", word)];
        container(word, "stopped", &labels)
    };
    let labels = [("ctrkit.project.hash", "1"), ("ctrkit.isolation", "proxy")];
    let app = container("dev-a", "stopped", &labels);
    let all = vec![app.clone(), sidecar("ingress"), sidecar("proxy")];
    let managed = Managed::from(all.clone());
    let found = plan(&managed, "dev-a");
    let names: Vec<_> = found.iter().map(|(each, _)| each.name.as_str()).collect();
    assert_eq!(names, ["proxy", "ingress", "dev-a"]);
    assert!(check_proxy(&found).is_ok());
    for without in [vec![app.clone()], all[..2].to_vec()] {
        let managed = Managed::from(without);
        let error = check_proxy(&plan(&managed, "dev-a")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot start 'dev-a': it is isolated, and its proxy is gone"
        );
    }
    let managed = Managed::from(vec![container("dev-a", "stopped", &labels[..1])]);
    assert!(check_proxy(&plan(&managed, "dev-a")).is_ok());
}

#[track_caller]
fn check_taken(words: &str, message: &str) {
    let error = explain(&dev_a(), failed(words, Some(125)));
    assert_eq!(error.to_string(), format!("cannot start 'dev-a': {message} is taken"));
}

#[test]
fn the_port_that_is_taken_is_named() {
    // As podman 4.3.1 and docker 20.10.24 say it.
    check_taken(
        "Error: unable to start container \"5a\": cannot listen on the TCP port: listen tcp4 127.0.0.1:2200: bind: address already in use",
        "port 2200 (ssh)",
    );
    check_taken(
        "Error response from daemon: driver failed programming external connectivity on endpoint dev-a (4): Bind for 127.0.0.1:3000 failed: port is already allocated\nError: failed to start containers: dev-a",
        "port 3000 (web)",
    );
    check_taken("address already in use", "one of its ports");
}

#[test]
fn a_start_that_was_cut_off_is_told_from_others() {
    let torn = "runc create failed: container with given ID already exists";
    for (error, expected) in [
        (failed(torn, Some(125)), "an earlier start was cut off"),
        (failed("", None), "an earlier start was cut off"),
    ] {
        let text = explain(&dev_a(), error).to_string();
        assert_eq!(text, format!("cannot start 'dev-a': {expected}"));
    }
    assert_eq!(explain(&dev_a(), failed("what", Some(1))).to_string(), "cannot start 'dev-a'");
}

#[test]
fn ports_of_the_engine_count_before_those_of_labels() {
    let mut container = dev_a();
    container.ports =
        vec![engine::Published { container: 22, host: 2299, address: "127.0.0.1".into() }];
    let Port { host, .. } = container.listed().ports[1].clone();
    assert_eq!(host, Some(2299));
    let error = explain(&container, failed("127.0.0.1:2299: address already in use", Some(1)));
    assert_eq!(error.to_string(), "cannot start 'dev-a': port 2299 (ssh) is taken");
}
