//! What comes of an override that is accepted.

use serde_json::{Value, json};

use super::{model, project, read};
use crate::{Base, Override};

const FULL: &str = r#"
version: "3.8"
x-common: &common
  environment: &variables {LANG: C, N: 1.10, YES: yes, OCTAL: 0o7, MONEY: $$5}
services:
  app:
    <<: *common
    labels: [org.example.role=dev]
    mem_limit: 1.5g
    cpus: 1
    pids_limit: 100
    cap_drop: [CAP_NET_RAW, CHOWN]
    depends_on: [db]
    volumes:
    - ./data:/data:ro
    - cache:/workspace/node_modules
    tmpfs: /tmp:size=64m
  db:
    image: docker.io/library/postgres:16
    command: postgres -c 'log_statement = all'
    environment: {<<: *variables, LANG: en}
    healthcheck: {test: pg_isready, interval: 2s}
    mem_limit: 1g
    cap_drop: [CHOWN]
    volumes:
    - {type: volume, source: rows, target: /var/lib/postgresql/data}
  cache:
    image: redis
volumes:
  rows:
  cache: {labels: {a: b}}
"#;

fn full() -> (tempfile::TempDir, Override) {
    let project = project();
    let read = read(project.path(), FULL).unwrap();
    (project, read)
}

#[test]
fn the_container_gets_what_is_said_as_text_and_no_higher_limit() {
    let (project, read) = full();
    let source = project.path().canonicalize().unwrap().join("data");
    assert_eq!(
        read.value()["services"]["app"],
        json!({
            "labels": {"org.example.role": "dev"},
            "mem_limit": "1610612736",
            "cpus": "1",
            "pids_limit": 100,
            "cap_drop": ["CHOWN"],
            "depends_on": {"db": {"condition": "service_started"}},
            "volumes": [
                {"type": "bind", "source": source, "bind": {"create_host_path": false}, "target": "/data", "read_only": true},
                {"type": "volume", "source": "cache", "target": "/workspace/node_modules"},
            ],
            "tmpfs": ["/tmp:size=64m"],
            "environment": {"LANG": "C", "N": "1.10", "YES": "yes", "OCTAL": "0o7", "MONEY": "$5"},
            "extra_hosts": ["db:10.208.35.21", "cache:10.208.35.22"],
        })
    );
    assert_eq!(read.volumes(), ["rows", "cache"]);
    assert_eq!(read.value()["volumes"], json!({"rows": {}, "cache": {"labels": {"a": "b"}}}));
}

#[test]
fn a_service_that_is_added_is_behind_the_same_fences() {
    let (_project, read) = full();
    assert_eq!(read.services(), ["db", "cache"]);
    let model = model();
    let app = &model["services"]["app"];
    let services = &read.value()["services"];
    assert_eq!(
        services["cache"],
        json!({
            "image": "redis",
            "cap_drop": app["cap_drop"],
            "cpus": "2",
            "dns": app["dns"],
            "init": true,
            "mem_limit": "4g",
            "pids_limit": 512,
            "restart": "no",
            "sysctls": app["sysctls"],
            "security_opt": ["no-new-privileges:true"],
            "pull_policy": "never",
            "networks": {"net": {"ipv4_address": "10.208.35.22"}},
            "extra_hosts": ["db:10.208.35.21", "cache:10.208.35.22"],
        })
    );
    let db = &services["db"];
    assert_eq!(db["command"], json!(["postgres", "-c", "log_statement = all"]));
    assert_eq!(db["cap_drop"], json!(["CHOWN", "NET_ADMIN", "NET_RAW", "SYS_ADMIN"]));
    assert_eq!(db["mem_limit"], "1073741824");
    assert_eq!(db["environment"]["LANG"], "en");
    assert_eq!(db["healthcheck"], json!({"test": ["CMD-SHELL", "pg_isready"], "interval": "2s"}));
}

#[test]
fn laid_over_the_model_nothing_of_it_is_lost() {
    let (_project, read) = full();
    let mut merged = model();
    read.apply(&mut merged);
    assert_eq!(merged["services"]["proxy"], model()["services"]["proxy"]);
    assert_eq!(merged["networks"], model()["networks"]);
    let app = &merged["services"]["app"];
    assert_eq!(app["cap_drop"], json!(["NET_ADMIN", "NET_RAW", "SYS_ADMIN", "CHOWN"]));
    assert_eq!(app["volumes"].as_array().unwrap().len(), 5);
    assert_eq!(app["environment"]["SSL_CERT_FILE"], "/etc/ssl/ca.pem");
    assert_eq!(app["depends_on"].as_object().unwrap().len(), 2);
    assert_eq!(app["mem_limit"], "1610612736");
}

fn over(model: &Value, text: &str) -> Result<Override, String> {
    let project = project();
    let base = Base { model, app: "app", project: project.path(), engine_is_here: true };
    Override::parse("f", text, &base).map_err(|error| error.to_string())
}

#[test]
fn limits_keep_the_notation_that_the_model_has() {
    let mut model = model();
    let text = "services: {app: {mem_limit: 1k, cpus: 0.5, pids_limit: 7}}";
    let limits = |model: &Value| {
        let read = over(model, text).unwrap();
        let app = read.value()["services"]["app"].clone();
        json!([app["mem_limit"], app["cpus"], app["pids_limit"]])
    };
    assert_eq!(limits(&model), json!(["1024", "0.5", 7]));
    for (key, value) in
        [("mem_limit", json!(2048)), ("cpus", json!(1.5)), ("pids_limit", json!("9"))]
    {
        model["services"]["app"][key] = value;
    }
    assert_eq!(limits(&model), json!([1024, 0.5, "7"]));
    // What cannot be compared is not lower.
    model["services"]["app"]["mem_limit"] = json!("plenty");
    assert!(over(&model, text).unwrap_err().contains("plenty"));
    for key in ["mem_limit", "cpus", "pids_limit"] {
        model["services"]["app"].as_object_mut().unwrap().remove(key);
    }
    assert_eq!(limits(&model), json!(["1024", "0.5", 7]));
}

#[test]
fn there_are_as_many_services_as_addresses() {
    let model = model();
    let services = |count: usize| {
        (0..count).map(|number| format!("s{number}: {{image: x}}, ")).collect::<String>()
    };
    let read = over(&model, &format!("services: {{{}}}", services(10))).unwrap();
    let last = &read.value()["services"]["s9"]["networks"]["net"]["ipv4_address"];
    assert_eq!(last, "10.208.35.30");
    let error = over(&model, &format!("services: {{{}}}", services(11))).unwrap_err();
    assert!(error.contains("11 services"), "{error}");
}

#[test]
fn where_no_network_is_shut_in_there_is_none() {
    let mut model = model();
    model["networks"]["net"]["internal"] = json!(false);
    let read = over(&model, "services: {db: {image: x}}").unwrap();
    let db = &read.value()["services"]["db"];
    assert_eq!((&db["network_mode"], db.get("networks")), (&json!("none"), None));
    // Without addresses in the model, the engine gives them out.
    model["networks"]["net"] = json!({"internal": true});
    let read = over(&model, "services: {db: {image: x}}").unwrap();
    assert_eq!(read.value()["services"]["db"]["networks"], json!({"net": null}));
    assert_eq!(read.value()["services"].get("app"), None);
}

#[test]
fn the_example_of_the_manual_is_accepted() {
    let page = include_str!("../../../../man/ctrkit-override.5");
    let (_, example) = page.split_once(".Bd -literal\n").unwrap();
    let (example, _) = example.split_once(".Ed\n").unwrap();
    let project = project();
    std::fs::create_dir(project.path().join("fixtures")).unwrap();
    let read = read(project.path(), example).unwrap();
    assert_eq!(
        (read.services(), read.volumes()),
        (&["db".to_owned()][..], &["rows".to_owned()][..])
    );
}
