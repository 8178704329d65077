//! Whatever is accepted leaves the container where it is, as docker compose
//! and podman-compose resolve it.

use std::{collections::BTreeSet, fs};

use compose::{Base, Override};
use serde_json::Value;

use crate::{judge::Judge, random::Random, tools};

/// How many files are tried, and how many of them have to be accepted for the
/// test to mean something.
const TRIES: usize = 1500;
const ENOUGH: usize = 40;
/// podman-compose is slow: it sees one accepted file in so many.
const EVERY: usize = 8;

fn model() -> Value {
    serde_json::from_str(include_str!("../isolated.json")).unwrap()
}

fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    fs::create_dir_all(project.path().join("data/deep")).unwrap();
    fs::create_dir_all(project.path().join(".git")).unwrap();
    std::os::unix::fs::symlink("/", project.path().join("out")).unwrap();
    project
}

/// Keys of services with values: most of them harmless, as a file with any
/// other is refused whole.
const HARMLESS: &[&str] = &[
    r#""environment": {"A": "b", "C": "$$D"}"#,
    r#""environment": ["A=b", "E=f=g", "YES=yes"]"#,
    r#""labels": {"org.example": "x y"}"#,
    r#""labels": ["a=b"]"#,
    r#""mem_limit": "1g""#,
    r#""mem_limit": 1048576"#,
    r#""cpus": 0.5"#,
    r#""cpus": "2""#,
    r#""pids_limit": 512"#,
    r#""deploy": {"resources": {"limits": {"memory": "64m", "pids": 3}}}"#,
    r#""cap_drop": ["ALL"]"#,
    r#""cap_drop": ["NET_ADMIN", "CAP_CHOWN"]"#,
    r#""security_opt": ["no-new-privileges"]"#,
    r#""ulimits": {"nofile": {"soft": 1, "hard": 9}, "nproc": 5}"#,
    r#""shm_size": "16m""#,
    r#""tmpfs": ["/tmp:size=1m", "/scratch"]"#,
    r#""stop_grace_period": "3s""#,
    r#""volumes": ["./data:/data:ro", "rows:/rows"]"#,
    r#""volumes": [{"type": "volume", "source": "more", "target": "/more", "read_only": true}]"#,
    r#""volumes": [{"type": "tmpfs", "target": "/fast"}]"#,
    r#""volumes": ["rows:/workspace/target", "data/deep:/deep:ro"]"#,
    r#""depends_on": ["db"]"#,
    r#""depends_on": {"db": {"condition": "service_healthy"}}"#,
    r#""x-note": {"privileged": true}"#,
];

/// What the person's own container may not have, and others may.
const OF_ADDED: &[&str] = &[
    r#""command": "sh -c 'a b'""#,
    r#""command": ["-v", "/:/x"]"#,
    r#""entrypoint": ["/bin/sh"]"#,
    r#""user": "1000:1000""#,
    r#""working_dir": "/srv""#,
    r#""init": false"#,
    r#""read_only": true"#,
    r#""pull_policy": "never""#,
    r#""healthcheck": {"test": ["CMD", "true"], "retries": 2}"#,
    r#""stop_signal": "SIGINT""#,
];

/// What leads out, in several notations; some of it only if it were merged by
/// other rules than those that it was checked by.
const LEADS_OUT: &[&str] = &[
    r#""privileged": true"#,
    r#""\u0070rivileged": true"#,
    r#"<<: {"privileged": true}"#,
    r#"<<: [{"cap_add": ["ALL"]}, {"pid": "host"}]"#,
    r#""<<": {"privileged": true}"#,
    r#""cap_add": !override ["SYS_ADMIN"]"#,
    r#""cap_drop": !reset []"#,
    r#""security_opt": !reset null"#,
    r#""cap_add": ["SYS_ADMIN"]"#,
    r#""network_mode": "host""#,
    r#""networks": ["edge"]"#,
    r#""networks": {"net": {"ipv4_address": "10.208.35.18"}}"#,
    r#""pid": "host""#,
    r#""ipc": "host""#,
    r#""uts": "host""#,
    r#""userns_mode": "host""#,
    r#""cgroup": "host""#,
    r#""cgroup_parent": "/""#,
    r#""devices": ["/dev/kmsg"]"#,
    r#""device_cgroup_rules": ["a *:* rwm"]"#,
    r#""deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}"#,
    r#""deploy": {"resources": {"limits": {"memory": "64g"}}}"#,
    r#""security_opt": ["seccomp=unconfined"]"#,
    r#""security_opt": "no-new-privileges:false""#,
    r#""sysctls": {"net.ipv6.conf.all.disable_ipv6": "0"}"#,
    r#""ports": ["8080:80"]"#,
    r#""volumes": ["/:/host"]"#,
    r#""volumes": ["./out:/host:ro"]"#,
    r#""volumes": ["./data/../..:/host:ro"]"#,
    r#""volumes": ["./.git:/git"]"#,
    r#""volumes": ["proxy:/stolen"]"#,
    r#""volumes": ["/var/run/docker.sock:/var/run/docker.sock"]"#,
    r#""volumes": [{"type": "bind", "source": "/etc", "target": "/x", "read_only": true}]"#,
    r#""volumes": [{"type": "bind", "source": "./data", "target": "/x"}]"#,
    r#""volumes_from": ["proxy"]"#,
    r#""dns": ["9.9.9.9"]"#,
    r#""extra_hosts": ["x:host-gateway"]"#,
    r#""mem_limit": "0""#,
    r#""pids_limit": -1"#,
    r#""cpus": 64"#,
    r#""oom_kill_disable": true"#,
    r#""runtime": "other""#,
    r#""logging": {"driver": "syslog"}"#,
    r#""environment": {"HTTP_PROXY": "http://x"}"#,
    r#""environment": ["HOME"]"#,
    r#""environment": {"A": "${HOME}"}"#,
    r#""env_file": ["/etc/environment"]"#,
    r#""extends": {"service": "ingress"}"#,
    r#""labels": {"ctrkit.managed": "false"}"#,
    r#""group_add": ["0"]"#,
    r#""restart": "always""#,
];

/// The same for a whole file.
const FILE_LEADS_OUT: &[&str] = &[
    r#""networks": {"net": {"internal": false}}"#,
    r#""networks": {"default": {"name": "host", "external": true}}"#,
    r#""name": "other""#,
    r#""secrets": {"x": {"file": "/etc/shadow"}}"#,
    r#""include": ["/etc/compose.yaml"]"#,
    r#""x-podman": {"pod_args": ["--network=host"]}"#,
];

/// Volumes that a file may declare; the last ones lead out.
const VOLUMES: &[&str] = &[
    r#""rows": {}, "more": null"#,
    r#""rows": {"labels": {"a": "b"}}, "more": {"driver": "local"}"#,
    r#""rows": {}, "more": {}"#,
    r#""rows": {}, "more": {"driver_opts": {"type": "none", "o": "bind", "device": "/"}}"#,
    r#""rows": {}, "more": {"name": "ctrkit-0123456789ab-proxy"}"#,
    r#""rows": {}, "more": {}, "proxy": {}"#,
];

/// Returns a file whose services have `out` among their keys, if there is one.
fn file(random: &mut Random, out: Option<&str>) -> String {
    let names = if out.is_some() { 1 + random.below(2) } else { random.below(3) };
    let app = if random.below(2) == 0 { out } else { None };
    let mut services = vec![service(random, "app", &[], app)];
    for name in ["db", "cache"].iter().take(names) {
        services.push(service(random, name, OF_ADDED, out.filter(|_| app.is_none())));
    }
    if random.below(40) == 0 {
        let sidecar = random.of(&["proxy", "ingress"]);
        services.push(service(random, sidecar, &[], None));
    }
    let volumes = if random.below(12) == 0 { &VOLUMES[3..] } else { &VOLUMES[..3] };
    let mut file = format!(
        "{{\"services\": {{{}}}, \"volumes\": {{{}}}",
        services.join(", "),
        random.of(volumes)
    );
    if random.below(30) == 0 {
        file += ", ";
        file += random.of(FILE_LEADS_OUT);
    }
    file + "}\n"
}

fn service(random: &mut Random, name: &str, more: &[&str], out: Option<&str>) -> String {
    let mut keys: Vec<_> = out.into_iter().collect();
    if name != "app" {
        keys.push(r#""image": "localhost/devbase:latest""#);
    }
    for _ in 0..random.below(5) {
        let choices = if more.is_empty() || random.below(2) == 0 { HARMLESS } else { more };
        keys.push(random.of(choices));
    }
    // A key that is there twice is another test's.
    let mut seen = BTreeSet::new();
    keys.retain(|key| seen.insert(key.split(':').next().unwrap().to_owned()));
    format!("\"{name}\": {{{}}}", keys.join(", "))
}

/// Sorts what has no order, to compare two resolved models.
fn sorted(mut value: Value) -> Value {
    fn sort(value: &mut Value) {
        match value {
            Value::Array(items) => {
                items.iter_mut().for_each(sort);
                items.sort_by_key(ToString::to_string);
            }
            Value::Object(members) => {
                members.values_mut().for_each(sort);
                members.sort_keys();
            }
            _ => {}
        }
    }
    sort(&mut value);
    value
}

#[test]
fn whatever_is_accepted_leaves_the_container_shut_in() {
    let mut random = Random::new();
    let (project, written) = (project(), tempfile::tempdir().unwrap());
    let project = project.path().canonicalize().unwrap();
    let model = model();
    let base = Base { model: &model, app: "app", project: &project, engine_is_here: true };
    let (below, over, both) = (
        written.path().join("a.json"),
        written.path().join("b.json"),
        written.path().join("c.json"),
    );
    fs::write(&below, compose::to_text(&model).unwrap()).unwrap();
    let plain = tools::docker(&[&below]);
    let judge = Judge { plain: &plain, project: &project };

    let mut seen = BTreeSet::new();
    for number in 0.. {
        // Whatever leads out is tried a few times, before the rest.
        let out = LEADS_OUT.get(number / 4).copied();
        if out.is_none() && seen.len() >= ENOUGH {
            break;
        }
        assert!(number < TRIES, "only {} were accepted", seen.len());
        let file = file(&mut random, out);
        let Ok(accepted) = Override::parse("f", &file, &base) else { continue };
        if !seen.insert(file.clone()) {
            continue;
        }
        fs::write(&over, compose::to_text(accepted.value()).unwrap()).unwrap();
        let mut merged = model.clone();
        accepted.apply(&mut merged);
        fs::write(&both, compose::to_text(&merged).unwrap()).unwrap();

        let resolved = tools::docker(&[&below, &over]);
        let leaks = judge.leaks(&resolved);
        assert!(leaks.is_empty(), "{leaks:?}: {file}");
        assert_eq!(sorted(resolved), sorted(tools::docker(&[&both])), "{file}");
        if seen.len() % EVERY == 0 {
            let (two, one) = (tools::podman(&[&below, &over]), tools::podman(&[&both]));
            assert_eq!(sorted(two), sorted(one), "{file}");
        }
    }
}

/// What a file that nobody checks could do, and where it is to be seen.
const UNCHECKED: &[(&str, &str)] = &[
    ("services: {app: {privileged: true}}", "services.app.privileged"),
    ("services: {app: {cap_add: [SYS_ADMIN]}}", "services.app.cap_add"),
    ("services: {app: {cap_drop: !reset []}}", "services.app.cap_drop is gone"),
    ("services: {app: {pid: host}}", "services.app.pid"),
    ("services: {app: {ipc: host}}", "services.app.ipc"),
    ("services: {app: {userns_mode: host}}", "services.app.userns_mode"),
    ("services: {app: {cgroup_parent: /}}", "services.app.cgroup_parent"),
    ("services: {app: {devices: [/dev/kmsg]}}", "services.app.devices"),
    ("services: {app: {networks: [edge]}}", "services.app.networks"),
    ("services: {app: {ports: ['8080:80']}}", "services.app.ports"),
    ("services: {app: {volumes: ['/:/host:ro']}}", "services.app.volumes"),
    ("services: {app: {volumes: ['proxy:/stolen']}}", "services.app.volumes"),
    ("services: {app: {volumes: ['./data:/x']}}", "services.app.volumes"),
    ("services: {app: {security_opt: ['seccomp=unconfined']}}", "services.app.security_opt"),
    ("services: {app: {sysctls: {net.ipv6.conf.all.disable_ipv6: 0}}}", "services.app.sysctls"),
    ("services: {app: {extra_hosts: ['x:host-gateway']}}", "services.app.extra_hosts"),
    ("services: {app: {dns: 9.9.9.9}}", "services.app.dns"),
    ("services: {app: {mem_limit: 64g}}", "services.app.mem_limit"),
    ("services: {app: {pids_limit: -1}}", "services.app.pids_limit"),
    ("services: {app: {environment: [HOME]}}", "services.app.environment"),
    ("services: {app: {environment: {A: '${HOME}'}}}", "services.app.environment"),
    ("services: {app: {labels: {ctrkit.managed: 'false'}}}", "services.app.labels"),
    ("services: {app: {image: evil}}", "services.app.image"),
    ("services: {app: {command: sh}}", "services.app.command"),
    ("services: {db: {image: x}}", "services.db.networks"),
    ("services: {proxy: {user: root}}", "services.proxy.changed"),
    ("networks: {net: {internal: false}}", "networks"),
    (
        "volumes: {vol: {driver_opts: {device: /}}}\nservices: {app: {volumes: ['vol:/x']}}",
        "volumes.vol",
    ),
    ("volumes: {proxy: {name: other}}", "volumes.proxy"),
];

/// The judge has to see what it is there for.
#[test]
fn the_judge_finds_what_leads_out() {
    let (project, written) = (project(), tempfile::tempdir().unwrap());
    let project = project.path().canonicalize().unwrap();
    let (below, over) = (written.path().join("a.json"), project.join("b.yaml"));
    fs::write(&below, compose::to_text(&model()).unwrap()).unwrap();
    let plain = tools::docker(&[&below]);
    let judge = Judge { plain: &plain, project: &project };
    assert_eq!(judge.leaks(&plain), Vec::<String>::new());
    for (file, leak) in UNCHECKED {
        fs::write(&over, file).unwrap();
        let found = judge.leaks(&tools::docker(&[&below, &over]));
        assert!(found.iter().any(|found| found == leak), "{file}: {found:?}");
    }
}
