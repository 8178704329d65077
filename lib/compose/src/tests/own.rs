//! A repository's own files: what of them reaches the machine, and what they
//! are as an override.

use std::{fs, os::unix::fs::symlink};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::model;
use crate::{Base, Directory, Override, as_override, network_of, reaches};

/// A project with its own files in `.devcontainer`.
fn project(text: &str) -> TempDir {
    let project = super::project();
    let at = |path: &str| project.path().join(path);
    fs::create_dir(at(".devcontainer")).unwrap();
    fs::write(at(".devcontainer/Dockerfile"), "FROM x\n").unwrap();
    fs::write(at(".devcontainer/env"), "A=b\n# TOKEN $HOME\n\nexport C=\n").unwrap();
    for (name, text) in [("taken", "A=b\nB=${TOKEN}\n"), ("bare", "A=b\nexport TOKEN\n")] {
        fs::write(at(&format!(".devcontainer/{name}")), text).unwrap();
    }
    fs::create_dir(at(".devcontainer/directory")).unwrap();
    symlink("/etc/passwd", at(".devcontainer/passwd")).unwrap();
    fs::write(at(".devcontainer/compose.yml"), text).unwrap();
    project
}

fn found(text: &str) -> Vec<String> {
    let project = project(text);
    let own = project.path().join(".devcontainer");
    let directory = Directory { project: project.path(), own: &own };
    let found = reaches(&own.join("compose.yml"), directory).unwrap();
    found.into_iter().map(|reach| reach.path).collect()
}

const ORDINARY: &str = "
name: theirs
services:
  app:
    build: {context: .., dockerfile: .devcontainer/Dockerfile, args: {A: b}, target: x}
    volumes: ['cargo:/usr/local/cargo', {type: tmpfs, target: /x}, /anonymous]
    command: sleep infinity
    environment: {A: b, PRICE: 5$$}
    env_file: env
    depends_on: [db]
    ports: ['127.0.0.1:3000:3000', {target: 1, published: 1, host_ip: '::1'}]
    networks: {back: {aliases: [a], ipv4_address: 172.31.0.9}}
    deploy: {resources: {limits: {memory: 1g}}}
    privileged: false
  db:
    image: postgres:16
    restart: unless-stopped
    healthcheck: {test: [CMD, pg_isready]}
    labels: [org.example=x]
    network_mode: service:app
    logging: {driver: json-file, options: {max-size: 10m, max-file: '3'}}
networks:
  back:
    driver: bridge
    ipam: {driver: default, config: [{subnet: 172.16.0.0/12, gateway: 172.16.0.1}, {subnet: 'fd00::/64'}]}
volumes:
  cargo:
  data: {labels: {a: b}, driver: local}
x-y: 1
";

#[test]
fn an_ordinary_file_reaches_nothing() {
    assert_eq!(found(ORDINARY), [""; 0]);
}

/// A key of a service, and the path that is found.
const REACHING: &[(&str, &str)] = &[
    ("privileged: true", "privileged"),
    ("privileged: 'yes'", "privileged"),
    // podman-compose asks whether there is anything.
    ("privileged: 'false'", "privileged"),
    ("privileged: \"false\"", "privileged"),
    ("cap_add: [NET_ADMIN]", "cap_add"),
    ("devices: ['/dev/kvm']", "devices"),
    ("network_mode: host", "network_mode"),
    ("network_mode: 'container:x'", "network_mode"),
    ("pid: host", "pid"),
    ("ipc: host", "ipc"),
    ("userns_mode: host", "userns_mode"),
    ("security_opt: ['seccomp:unconfined']", "security_opt[0]"),
    ("volumes: ['..:/workspaces']", "volumes[0]"),
    ("volumes: ['a:/a', '/:/host']", "volumes[1]"),
    ("volumes: ['~/.ssh:/x']", "volumes[0]"),
    ("volumes: [{type: bind, source: /, target: /x}]", "volumes[0]"),
    ("volumes: [{source: /, target: /x}]", "volumes[0]"),
    ("volumes: [{type: volume, target: /x, bind: {propagation: shared}}]", "volumes[0].bind"),
    ("ports: ['3000:3000']", "ports[0]"),
    ("ports: [3000]", "ports[0]"),
    ("ports: ['0.0.0.0:1:1']", "ports[0]"),
    ("ports: [{target: 1, published: 1}]", "ports[0]"),
    ("env_file: ../../x", "env_file"),
    ("env_file: [env, passwd]", "env_file[1]"),
    ("env_file: [{path: /etc/passwd}]", "env_file[0]"),
    ("env_file: [env, taken]", "env_file[1]"),
    ("env_file: {path: bare}", "env_file"),
    ("env_file: directory", "env_file"),
    ("environment: [A=b, TOKEN]", "environment[1]"),
    ("environment: {TOKEN: }", "environment.TOKEN"),
    ("environment: {A: '${TOKEN:-x}'}", "environment.A"),
    // podman-compose takes one for a list of one.
    ("environment: TOKEN", "environment"),
    ("labels: ctrkit.managed=true", "labels"),
    ("extra_hosts: 'host:host-gateway'", "extra_hosts"),
    ("build: {context: ., args: TOKEN}", "build.args"),
    ("logging: [a]", "logging"),
    ("deploy: [a]", "deploy"),
    ("networks: {a: {ipv4_address: [a]}}", "networks.a.ipv4_address"),
    ("command: 'echo $HOME'", "command"),
    // podman-compose fills in keys as well.
    ("environment: {'X_${TOKEN}': a}", "environment.\"X_${TOKEN}\""),
    ("labels: {$$A: a}", "labels.\"$$A\""),
    ("x-a: {'${A:-b}': c}", "x-a.\"${A:-b}\""),
    ("labels: {ctrkit.managed: 'true'}", "labels.\"ctrkit.managed\""),
    ("labels: {devcontainer.metadata: x}", "labels.\"devcontainer.metadata\""),
    ("build: ../..", "build"),
    ("build: https://example.org/x.git", "build"),
    ("build: {context: ., dockerfile: passwd}", "build.dockerfile"),
    ("build: {context: ., ssh: [default]}", "build.ssh"),
    ("build: {context: ., additional_contexts: {a: /}}", "build.additional_contexts"),
    ("build: {context: ., args: [TOKEN]}", "build.args[0]"),
    ("build: {context: ., cache_from: ['type=local,src=/']}", "build.cache_from[0]"),
    (
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
        "deploy.resources.reservations.devices",
    ),
    ("networks: {a: {ipv4_address: 8.8.8.8}}", "networks.a.ipv4_address"),
    ("networks: {a: {ipv4_address: '10.0.0.1,mac=x'}}", "networks.a.ipv4_address"),
    ("networks: {a: {ipv6_address: '2001:db8::1'}}", "networks.a.ipv6_address"),
    ("gpus: all", "gpus"),
    ("extends: {file: x, service: y}", "extends"),
    ("extra_hosts: ['host:host-gateway']", "extra_hosts[0]"),
    ("logging: {driver: syslog}", "logging"),
    ("logging: {driver: json-file, options: {max-size: 1m, path: /x}}", "logging.options.path"),
    ("logging: {driver: local, never_heard_of: 1}", "logging.never_heard_of"),
    ("configs: [a]", "configs"),
    ("runtime: x", "runtime"),
    ("sysctls: {a: b}", "sysctls"),
    ("x-podman.rootfs: /", "\"x-podman.rootfs\""),
    ("never_heard_of: 1", "never_heard_of"),
    ("image: 'oci-archive:/etc/x'", "image"),
];

const SUBNET: &str = "networks.a.ipam.config[0].subnet";

#[test]
fn what_is_not_known_to_reach_nothing_does() {
    for (text, path) in REACHING {
        let path = format!("services.app.{path}");
        assert_eq!(found(&format!("services:\n  app: {{{text}}}\n")), [path], "{text}");
    }
    for (text, path) in [
        ("include: [a.yml]", "include"),
        ("secrets: {a: {file: /etc/passwd}}", "secrets"),
        ("volumes: {a: {driver_opts: {device: /}}}", "volumes.a.driver_opts"),
        ("volumes: {a: {external: true}}", "volumes.a.external"),
        ("volumes: {a: {name: dev-b-home}}", "volumes.a.name"),
        ("networks: {a: {external: true}}", "networks.a.external"),
        ("networks: {a: {driver: macvlan}}", "networks.a.driver"),
        ("networks: {a: {name: b}}", "networks.a.name"),
        ("networks: {a: {ipam: {config: [{subnet: 8.8.8.0/24}]}}}", SUBNET),
        ("networks: {a: {ipam: {config: [{subnet: 10.0.0.0/7}]}}}", SUBNET),
        ("networks: {a: {ipam: {config: [{subnet: 172.32.0.0/16}]}}}", SUBNET),
        ("networks: {a: {ipam: {config: [{subnet: 10.0.0.0/8x}]}}}", SUBNET),
        ("networks: {a: {ipam: {config: [{subnet: '::/0'}]}}}", SUBNET),
        ("networks: {a: {ipam: {config: [{subnet: '${X}'}]}}}", SUBNET),
        (
            "networks: {a: {ipam: {config: [{gateway: 1.1.1.1}]}}}",
            "networks.a.ipam.config[0].gateway",
        ),
        ("networks: {a: {ipam: {config: {subnet: 8.8.8.0/24}}}}", "networks.a.ipam.config"),
        ("networks: {a: {ipam: [a]}}", "networks.a.ipam"),
        ("networks: {a: {ipam: {driver: dhcp}}}", "networks.a.ipam.driver"),
        ("networks: {a: {ipam: {options: {a: b}}}}", "networks.a.ipam.options"),
        ("volumes: {a: {labels: {ctrkit.name: x}}}", "volumes.a.labels.\"ctrkit.name\""),
        ("networks: {a: {labels: [ctrkit.sidecar.of=x]}}", "networks.a.labels[0]"),
        ("never_heard_of: 1", "never_heard_of"),
    ] {
        let mut found = found(&format!("{text}\n"));
        found.dedup();
        assert_eq!(found, [path], "{text}");
    }
}

#[test]
fn an_own_file_is_an_override_of_the_model() {
    let text = "
services:
  dev:
    image: theirs:1
    command: sleep infinity
    volumes: ['..:/workspaces:cached', '../data:/data:ro', 'cargo:/cargo']
    environment: {A: b, LINE: \"\\u2028\\x7f\\u0085\"}
    ports: ['3000:3000']
    networks: [back]
    depends_on: [db]
    init: false
  db: {image: 'postgres:16', restart: always, read_only: true, ports: ['5432:5432'], volumes: ['data:/d']}
networks: {back: }
volumes: {cargo: , data: }
";
    let project = project(text);
    let own = project.path().join(".devcontainer");
    let directory = Directory { project: project.path(), own: &own };
    let (text, made) = as_override(&[own.join("compose.yml")], "dev", "app", directory).unwrap();
    assert_eq!(made.image.as_deref(), Some("theirs:1"));
    let model = model();
    let base = Base { model: &model, app: "app", project: project.path(), engine_is_here: true };
    let over = Override::parse("x", &text, &base).unwrap();
    let app = &over.value()["services"]["app"];
    assert_eq!((&app["environment"]["A"], app.get("command")), (&json!("b"), None));
    assert_eq!(app["environment"]["LINE"], json!("\u{2028}\u{7f}\u{85}"));
    let data = project.path().canonicalize().unwrap().join("data");
    let mounts: Vec<&Value> = app["volumes"].as_array().unwrap().iter().collect();
    assert_eq!(mounts.len(), 2, "{mounts:?}");
    assert_eq!((&mounts[0]["source"], &mounts[0]["read_only"]), (&json!(data), &json!(true)));
    let db = &over.value()["services"]["db"];
    assert_eq!((&db["read_only"], db.get("ports")), (&json!(true), None));
}

#[test]
fn what_leads_out_is_refused_also_of_an_own_file() {
    for text in [
        "privileged: true",
        "cap_add: [ALL]",
        "network_mode: host",
        "volumes: ['/:/host']",
        "volumes: ['../..:/host']",
        "environment: {A: $HOME}",
        "env_file: env",
        "devices: [/dev/kvm]",
    ] {
        let project = project(&format!("services:\n  dev: {{image: a, {text}}}\n"));
        let own = project.path().join(".devcontainer");
        let directory = Directory { project: project.path(), own: &own };
        let (over, _) = as_override(&[own.join("compose.yml")], "dev", "app", directory).unwrap();
        let model = model();
        let base =
            Base { model: &model, app: "app", project: project.path(), engine_is_here: true };
        assert!(Override::parse("x", &over, &base).is_err(), "{text}: {over}");
    }
}

#[test]
fn files_are_laid_over_one_another() {
    let project =
        project("services: {dev: {image: a, network_mode: 'service:db', environment: {A: b}}}");
    let own = project.path().join(".devcontainer");
    fs::write(
        own.join("b.yml"),
        "services: {dev: {build: ., environment: {C: d}}, app: {image: x}}",
    )
    .unwrap();
    fs::write(own.join("c.yml"), "services: {dev: {build: ., environment: {C: d}}}").unwrap();
    let directory = Directory { project: project.path(), own: &own };
    let first = own.join("compose.yml");
    let files = [first.clone(), own.join("c.yml")];
    assert_eq!(network_of(&files, "dev").unwrap().as_deref(), Some("db"));
    assert_eq!(network_of(&files, "db").unwrap(), None);
    let (text, made) = as_override(&files, "dev", "app", directory).unwrap();
    let over: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(over["services"]["app"]["environment"], json!({"A": "b", "C": "d"}));
    assert_eq!((made.image.as_deref(), made.build), (Some("a"), Some(json!("."))));
    // There cannot be two of that name.
    assert!(as_override(&[first, own.join("b.yml")], "dev", "app", directory).is_err());
}
