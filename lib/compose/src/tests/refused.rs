//! What is refused, and beside it what is not.

use toolkit::Failure;

use super::{project, read};
use crate::OverrideError;

/// Where the text of a row stands in a file.
#[derive(Clone, Copy)]
enum In {
    App,
    Added,
    Volume,
    File,
}
use In::{Added, App, File, Volume};

impl In {
    fn file(self, text: &str) -> String {
        let (app, added, volume) = match self {
            App => (text, "", ""),
            Added => ("", text, ""),
            Volume => ("", "", text),
            File if text.is_empty() => return File.file("services: {}"),
            File => return format!("{text}\n"),
        };
        format!(
            "services:\n  app: {{{app}}}\n  db: {{image: 'postgres:16', {added}}}\n\
             volumes:\n  data: {{{volume}}}\n"
        )
    }
}

/// Where; what is refused; the path that is named; what is said; the twin that
/// is accepted.
type Row = (In, &'static str, &'static str, &'static str, &'static str);

const KEYS: &[Row] = &[
    (App, "privileged: true", "services.app.privileged", "all devices", "cap_drop: [CHOWN]"),
    (App, "privileged: false", "services.app.privileged", "all devices", "x-privileged: true"),
    (Added, "privileged: true", "services.db.privileged", "all devices", "cap_drop: [ALL]"),
    (App, "network_mode: host", "services.app.network_mode", "past the proxy", "cpus: 1"),
    (App, "network_mode: 'container:x'", "services.app.network_mode", "past", "cpus: 0.5"),
    (Added, "network_mode: bridge", "services.db.network_mode", "past", "cpus: '1.5'"),
    (App, "networks: [edge]", "services.app.networks", "no other", "depends_on: [db]"),
    (Added, "networks: {edge: }", "services.db.networks", "no other", "depends_on: []"),
    (App, "ports: ['80:80']", "services.app.ports", "ingress", "labels: {web: '80'}"),
    (Added, "ports: [{target: 5432}]", "services.db.ports", "ingress", "labels: [port=5432]"),
    (Added, "expose: [5432]", "services.db.expose", "without it", "user: postgres"),
    (App, "pid: host", "services.app.pid", "namespace", "pids_limit: 100"),
    (App, "ipc: host", "services.app.ipc", "namespace", "shm_size: 64m"),
    (App, "uts: host", "services.app.uts", "namespace", "stop_grace_period: 1m30s"),
    (App, "userns_mode: host", "services.app.userns_mode", "namespace", "labels: {}"),
    (App, "cgroup: host", "services.app.cgroup", "namespace", "environment: {}"),
    (App, "cgroup_parent: /", "services.app.cgroup_parent", "limits", "mem_limit: 1g"),
    (App, "devices: ['/dev/sda']", "services.app.devices", "devices", "tmpfs: /run/x"),
    (App, "device_cgroup_rules: ['a *:* rwm']", "services.app.device_cgroup_rules", "devices", ""),
    (App, "gpus: all", "services.app.gpus", "devices", ""),
    (App, "cap_add: [NET_ADMIN]", "services.app.cap_add", "dropped", "cap_drop: NET_ADMIN"),
    (Added, "cap_add: [ALL]", "services.db.cap_add", "dropped", "cap_drop: [CAP_NET_RAW, NET_RAW]"),
    (App, "cap_drop: ['all ']", "services.app.cap_drop[0]", "no capability", "cap_drop: [ALL]"),
    (
        App,
        "security_opt: ['seccomp:unconfined']",
        "services.app.security_opt[0]",
        "protection",
        "security_opt: ['no-new-privileges:true']",
    ),
    (
        App,
        "security_opt: ['no-new-privileges:false']",
        "services.app.security_opt[0]",
        "protection",
        "security_opt: [no-new-privileges]",
    ),
    (Added, "security_opt: 'label:disable'", "services.db.security_opt", "protection", ""),
    (App, "sysctls: [net.ipv6.conf.all.disable_ipv6=0]", "services.app.sysctls", "IPv6", ""),
    (App, "group_add: [docker]", "services.app.group_add", "group", ""),
    (App, "volumes_from: [proxy]", "services.app.volumes_from", "secrets", "volumes: ['data:/d']"),
    (App, "env_file: .env", "services.app.env_file", "another one by then", "environment: [A=b]"),
    (App, "label_file: .env", "services.app.label_file", "another one by then", "labels: [A=b]"),
    (App, "configs: [x]", "services.app.configs", "files of the host", "volumes: ['./data:/d:ro']"),
    (
        App,
        "secrets: [x]",
        "services.app.secrets",
        "files of the host",
        "volumes: ['./data/file:/d:ro']",
    ),
    (App, "extends: {service: proxy}", "services.app.extends", "not looked at", ""),
    (App, "develop: {watch: []}", "services.app.develop", "on the host", ""),
    (Added, "build: .", "services.db.build", "on the host", "pull_policy: never"),
    (Added, "provider: {type: x}", "services.db.provider", "program on the host", ""),
    (App, "use_api_socket: true", "services.app.use_api_socket", "has the host", ""),
    (
        App,
        "post_start: [{command: x, privileged: true}]",
        "services.app.post_start",
        "privileged",
        "",
    ),
    (App, "dns: 9.9.9.9", "services.app.dns", "the proxy does it", ""),
    (Added, "dns_search: x.org", "services.db.dns_search", "the proxy does it", ""),
    (App, "extra_hosts: ['x:1.2.3.4']", "services.app.extra_hosts", "by themselves", ""),
    (App, "links: [db]", "services.app.links", "by themselves", "depends_on: {db: {}}"),
    (App, "external_links: [x]", "services.app.external_links", "by themselves", ""),
    (App, "hostname: x", "services.app.hostname", "mkcompose", ""),
    (Added, "container_name: x", "services.db.container_name", "mkcompose", ""),
    (Added, "scale: 2", "services.db.scale", "mkcompose", ""),
    (Added, "mac_address: '02:42:ac:11:65:43'", "services.db.mac_address", "mkcompose", ""),
    (App, "credential_spec: {file: x}", "services.app.credential_spec", "another program", ""),
    (App, "runtime: other", "services.app.runtime", "another program", ""),
    (App, "isolation: hyperv", "services.app.isolation", "another program", ""),
    (App, "annotations: {a: b}", "services.app.annotations", "orders", "labels: {a: b}"),
    (Added, "logging: {driver: syslog}", "services.db.logging", "any address", ""),
    (App, "oom_kill_disable: true", "services.app.oom_kill_disable", "give way", ""),
    (App, "oom_score_adj: -1000", "services.app.oom_score_adj", "give way", ""),
    (App, "memswap_limit: -1", "services.app.memswap_limit", "measure", ""),
    (Added, "restart: always", "services.db.restart", "one order", ""),
    (Added, "profiles: [x]", "services.db.profiles", "appears later", ""),
    (App, "image: evil", "services.app.image", "the document's", "labels: {image: evil}"),
    (App, "entrypoint: sh", "services.app.entrypoint", "certificate", ""),
    (App, "command: [sh]", "services.app.command", "certificate", ""),
    (App, "user: root", "services.app.user", "as it is", ""),
    (App, "init: false", "services.app.init", "as it is", ""),
    (App, "read_only: true", "services.app.read_only", "as it is", ""),
    (App, "healthcheck: {disable: true}", "services.app.healthcheck", "shut in", ""),
    (App, "x-podman.rootfs: /", "services.app.\"x-podman.rootfs\"", "podman-compose", "x-mine: /"),
    (
        Added,
        "x-podman.uidmaps: ['0:0:1']",
        "services.db.\"x-podman.uidmaps\"",
        "podman-compose",
        "",
    ),
    (App, "tty: true", "services.app.tty", "not among the keys", ""),
    (Added, "privilegd: true", "services.db.privilegd", "not among the keys", ""),
    (
        Volume,
        "driver_opts: {type: none, o: bind, device: /}",
        "volumes.data.driver_opts",
        "any directory",
        "driver: local",
    ),
    (Volume, "external: true", "volumes.data.external", "something else", ""),
    (
        Volume,
        "name: ctrkit-0123456789ab-proxy",
        "volumes.data.name",
        "something else",
        "labels: {a: b}",
    ),
    (Volume, "driver: nfs", "volumes.data.driver", "where it pleases", "x-a: 1"),
    (Volume, "size: 1", "volumes.data.size", "nothing else", ""),
    (Volume, "labels: {ctrkit.name: x}", "volumes.data.labels.\"ctrkit.name\"", "belongs", ""),
    (File, "name: other", "name", "found", "version: '3.8'"),
    (File, "networks: {net: {internal: false}}", "networks", "one network", "x-networks: {}"),
    (File, "networks: {default: {external: true}}", "networks", "one network", "services: {}"),
    (File, "configs: {x: {file: /etc/shadow}}", "configs", "files of the host", "volumes: {}"),
    (File, "secrets: {x: {environment: HOME}}", "secrets", "environment", "volumes:"),
    (File, "include: [other.yaml]", "include", "not looked at", "services:"),
    (File, "models: {x: {}}", "models", "outside", "services: {app: }"),
    (File, "x-podman: {in_pod: true}", "x-podman", "podman-compose", "x-anything: {in_pod: true}"),
    (File, "service: {}", "service", "not among the keys", "services: {}"),
    (
        File,
        "services: {proxy: {image: x}}",
        "services.proxy",
        "sidecar",
        "services: {prox: {image: x}}",
    ),
    (File, "services: {ingress: }", "services.ingress", "sidecar", "services: {app: {}}"),
    (File, "services: {localhost: {image: x}}", "services.localhost", "name of a service", ""),
    (File, "services: {DB: {image: x}}", "services.DB", "name of a service", ""),
    (File, "services: {a.b: {image: x}}", "services.\"a.b\"", "name of a service", ""),
    (
        File,
        "services: {x-y: {image: x}}",
        "services.x-y",
        "name of a service",
        "services: {xy: {image: x}}",
    ),
    (File, "services: {db: {}}", "services.db", "no image", "services: {db: {image: x}}"),
    (File, "volumes: {proxy: }", "volumes.proxy", "of its proxy", "volumes: {prox: }"),
    (File, "volumes: {trust: {}}", "volumes.trust", "of its proxy", ""),
    (File, "volumes: {'../x': {}}", "volumes.\"../x\"", "name of a volume", ""),
];

const VALUES: &[Row] = &[
    (
        App,
        "environment: {A: '${HOME}'}",
        "services.app.environment.A",
        "environment",
        "environment: {A: '$${HOME}'}",
    ),
    (
        App,
        "environment: [A=$HOME]",
        "services.app.environment[0]",
        "environment",
        "environment: [A=$$HOME]",
    ),
    (
        App,
        "environment: {A: 'a$'}",
        "services.app.environment.A",
        "environment",
        "environment: {A: 'a$$'}",
    ),
    (
        App,
        "environment: {A: '$$$B'}",
        "services.app.environment.A",
        "environment",
        "environment: {A: '$$$$B'}",
    ),
    (
        File,
        "services: {db: {image: '${IMAGE}'}}",
        "services.db.image",
        "environment",
        "services: {db: {image: image}}",
    ),
    (Added, "command: 'echo ${X:-y}'", "services.db.command", "environment", "command: 'echo x'"),
    (
        App,
        "environment: [HOME]",
        "services.app.environment[0]",
        "this machine",
        "environment: [HOME=/x]",
    ),
    (
        App,
        "environment: {HOME: }",
        "services.app.environment.HOME",
        "this machine",
        "environment: {HOME: ''}",
    ),
    (
        App,
        "environment: {HOME: ~}",
        "services.app.environment.HOME",
        "this machine",
        "environment: {HOME: '~'}",
    ),
    (App, "environment: {A: [b]}", "services.app.environment.A", "a list", "environment: {A: 012}"),
    (
        App,
        "environment: {A=B: c}",
        "services.app.environment.\"A=B\"",
        "name of a variable",
        "environment: {A.B: c}",
    ),
    (App, "environment: {A$B: c}", "services.app.environment.\"A$B\"", "name of a variable", ""),
    (App, "environment: ['=c']", "services.app.environment[0]", "name of a variable", ""),
    (
        App,
        "environment: [A=b, A=c]",
        "services.app.environment[1]",
        "twice",
        "environment: [A=b, B=c]",
    ),
    (
        App,
        "environment: {A: \"a\\0b\"}",
        "services.app.environment.A",
        "NUL",
        "environment: {A: \"a\\nb\"}",
    ),
    (
        App,
        "environment: {HTTP_PROXY: x}",
        "services.app.environment.HTTP_PROXY",
        "nowhere",
        "environment: {HTTP_PROXY_PORT: x}",
    ),
    (App, "environment: [https_proxy=]", "services.app.environment[0]", "nowhere", ""),
    (Added, "environment: {No_Proxy: '*'}", "services.db.environment.No_Proxy", "nowhere", ""),
    (
        App,
        "environment: {SSL_CERT_FILE: x}",
        "services.app.environment.SSL_CERT_FILE",
        "mkcompose",
        "",
    ),
    (
        App,
        "labels: {ctrkit.managed: 'false'}",
        "services.app.labels.\"ctrkit.managed\"",
        "belongs",
        "labels: {org.ctrkit.managed: x}",
    ),
    (
        Added,
        "labels: [com.docker.compose.project=x]",
        "services.db.labels[0]",
        "belongs",
        "labels: [com.example=x]",
    ),
    (
        Added,
        "labels: {io.podman.annotations.x: y}",
        "services.db.labels.\"io.podman.annotations.x\"",
        "belongs",
        "",
    ),
    (
        Added,
        "labels: {io.containers.autoupdate: registry}",
        "services.db.labels.\"io.containers.autoupdate\"",
        "belongs",
        "",
    ),
    (App, "labels: {x-a: b}", "services.app.labels.x-a", "such a name", "labels: {a-x: b}"),
    (App, "labels: {'a b': c}", "services.app.labels.\"a b\"", "such a name", ""),
    (App, "labels: {role: x}", "services.app.labels", "'role'", "labels: {roles: x}"),
    (App, "labels: [a]", "services.app.labels[0]", "environment", "labels: [a=]"),
    (App, "mem_limit: 5g", "services.app.mem_limit", "more than the 4g", "mem_limit: 4096m"),
    (App, "mem_limit: 4294967297", "services.app.mem_limit", "more than", "mem_limit: 4294967296"),
    (App, "mem_limit: 0", "services.app.mem_limit", "no limit", "mem_limit: 1.5GiB"),
    (App, "mem_limit: -1", "services.app.mem_limit", "no limit", "mem_limit: 512MB"),
    (Added, "mem_limit: 1e30", "services.db.mem_limit", "no limit", "mem_limit: '1024'"),
    (Added, "mem_limit: 9999999t", "services.db.mem_limit", "no limit", ""),
    (App, "cpus: 2.5", "services.app.cpus", "more than the 2", "cpus: 2.0"),
    (App, "cpus: '0'", "services.app.cpus", "no limit", "cpus: '0.25'"),
    (App, "cpus: .inf", "services.app.cpus", "no limit", ""),
    (App, "pids_limit: 513", "services.app.pids_limit", "more than the 512", "pids_limit: 512"),
    (App, "pids_limit: -1", "services.app.pids_limit", "no limit", "pids_limit: 1"),
    (App, "pids_limit: 1.5", "services.app.pids_limit", "no limit", ""),
    (App, "shm_size: 5g", "services.app.shm_size", "more than", "shm_size: 1g"),
    (
        App,
        "deploy: {resources: {limits: {memory: 8g}}}",
        "services.app.deploy.resources.limits.memory",
        "more than",
        "deploy: {resources: {limits: {memory: 2g, cpus: '1', pids: 9}}}",
    ),
    (
        App,
        "mem_limit: 1g, deploy: {resources: {limits: {memory: 1g}}}",
        "services.app.deploy",
        "once more",
        "mem_limit: 1g, deploy: {resources: {limits: {cpus: 1}}}",
    ),
    (
        App,
        "deploy: {resources: {reservations: {devices: []}}}",
        "services.app.deploy.resources.reservations",
        "not among",
        "deploy: {resources: }",
    ),
    (App, "deploy: {replicas: 2}", "services.app.deploy.replicas", "not among", "deploy: {}"),
    (
        App,
        "ulimits: {nofile: -1}",
        "services.app.ulimits.nofile",
        "whole number",
        "ulimits: {nofile: 1024}",
    ),
    (
        App,
        "ulimits: {nofile: {soft: 1}}",
        "services.app.ulimits.nofile",
        "soft and hard",
        "ulimits: {nofile: {soft: 1, hard: 2}}",
    ),
    (App, "ulimits: {x-y: 1}", "services.app.ulimits.x-y", "no limit", ""),
    (
        App,
        "depends_on: [proxy]",
        "services.app.depends_on[0]",
        "no service that this file adds",
        "depends_on: [db]",
    ),
    (
        App,
        "depends_on: {db: {condition: x}}",
        "services.app.depends_on.db.condition",
        "condition",
        "depends_on: {db: {condition: service_healthy}}",
    ),
    (
        App,
        "depends_on: {db: {restart: true}}",
        "services.app.depends_on.db.restart",
        "not among",
        "depends_on: {db: }",
    ),
    (
        App,
        "stop_grace_period: 5",
        "services.app.stop_grace_period",
        "duration",
        "stop_grace_period: 5s",
    ),
    (Added, "pull_policy: always", "services.db.pull_policy", "never", "pull_policy: never"),
    (Added, "user: '-v/:/x'", "services.db.user", "a user", "user: '999:999'"),
    (Added, "working_dir: x", "services.db.working_dir", "absolute", "working_dir: /x"),
    (Added, "stop_signal: '-9'", "services.db.stop_signal", "signal", "stop_signal: SIGINT"),
    (Added, "init: yes", "services.db.init", "neither true nor false", "init: true"),
    (Added, "read_only: 'true'", "services.db.read_only", "neither", "read_only: true"),
    (Added, "command: 'a \"b'", "services.db.command", "quotes", "command: 'a \"b c\"'"),
    (Added, "command: {a: b}", "services.db.command", "a map", "command: []"),
    (Added, "command: ", "services.db.command", "no value", "command: ''"),
    (
        Added,
        "healthcheck: {test: []}",
        "services.db.healthcheck.test",
        "no test",
        "healthcheck: {test: [CMD, x]}",
    ),
    (
        Added,
        "healthcheck: {test: [x]}",
        "services.db.healthcheck.test",
        "no test",
        "healthcheck: {test: x y}",
    ),
    (
        Added,
        "healthcheck: {retries: many}",
        "services.db.healthcheck.retries",
        "whole number",
        "healthcheck: {retries: 3, interval: 1s}",
    ),
    (
        Added,
        "healthcheck: {start_interval: 1s}",
        "services.db.healthcheck.start_interval",
        "not all engines",
        "healthcheck: {start_period: 1s}",
    ),
    (
        File,
        "services: {db: {image: -x}}",
        "services.db.image",
        "name of an image",
        "services: {db: {image: x}}",
    ),
    (
        File,
        "services: {db: {image: 'docker-archive:x.tar'}}",
        "services.db.image",
        "name of an image",
        "services: {db: {image: 'docker.io/x:1'}}",
    ),
    (
        File,
        "services: {db: {image: 'dir:/etc'}}",
        "services.db.image",
        "name of an image",
        "services: {db: {image: 'localhost:5000/dir'}}",
    ),
    (File, "services: {db: {image: 'a b'}}", "services.db.image", "name of an image", ""),
    (File, "services: {db: {image: ''}}", "services.db.image", "name of an image", ""),
    (File, "services: [app]", "services", "a list", "services: {app: {}}"),
    (File, "services: {app: x}", "services.app", "a single value", "services: {app: }"),
    (File, "- services", "the file", "a list", ""),
    (
        File,
        "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}, c: {image: x}}",
        "the file",
        "a, b wait for each other",
        "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [c]}, c: {image: x}}",
    ),
    (Added, "depends_on: [db]", "the file", "db wait", ""),
];

const MOUNTS: &[Row] = &[
    (
        App,
        "volumes: ['/:/host:ro']",
        "services.app.volumes[0]",
        "outside",
        "volumes: ['./data:/host:ro']",
    ),
    (
        App,
        "volumes: ['/etc/passwd:/x:ro']",
        "services.app.volumes[0]",
        "outside",
        "volumes: ['./data/file:/x:ro']",
    ),
    (
        App,
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
        "services.app.volumes[0]",
        "outside",
        "",
    ),
    (
        Added,
        "volumes: ['/run/podman/podman.sock:/x:ro']",
        "services.db.volumes[0]",
        "outside",
        "volumes: ['./data:/x:ro']",
    ),
    (App, "volumes: ['~/.ssh:/x:ro']", "services.app.volumes[0]", "outside", ""),
    (App, "volumes: ['~:/x:ro']", "services.app.volumes[0]", "outside", ""),
    (App, "volumes: ['../other:/x:ro']", "services.app.volumes[0]", "'..'", ""),
    (
        App,
        "volumes: ['./data/../..:/x:ro']",
        "services.app.volumes[0]",
        "'..'",
        "volumes: ['./data/deep:/x:ro']",
    ),
    (App, "volumes: ['./out:/x:ro']", "services.app.volumes[0]", "symbolic link", ""),
    (App, "volumes: ['./out/etc:/x:ro']", "services.app.volumes[0]", "symbolic link", ""),
    (
        App,
        "volumes: ['./link:/x:ro']",
        "services.app.volumes[0]",
        "symbolic link",
        "volumes: ['./data/.:/x:ro']",
    ),
    (App, "volumes: ['.:/x:ro']", "services.app.volumes[0]", "the project's root", ""),
    (
        App,
        "volumes: ['./:/x:ro']",
        "services.app.volumes[0]",
        "the project's root",
        "volumes: ['.//data//:/x:ro']",
    ),
    (App, "volumes: ['./.git:/x:ro']", "services.app.volumes[0]", "hooks", ""),
    (App, "volumes: ['./.GIT/hooks:/x']", "services.app.volumes[0]", "hooks", ""),
    (App, "volumes: ['.ctrkit/policy.toml:/x']", "services.app.volumes[0]", "policies", ""),
    (App, "volumes: ['./nested:/x:ro']", "services.app.volumes[0]", "module/.git", ""),
    (App, "volumes: ['./run:/x:ro']", "services.app.volumes[0]", "a socket", ""),
    (
        App,
        "volumes: ['./run/server.sock:/x:ro']",
        "services.app.volumes[0]",
        "speaks to the host",
        "",
    ),
    (App, "volumes: ['./pipe:/x:ro']", "services.app.volumes[0]", "speaks to the host", ""),
    (App, "volumes: ['./absent:/x:ro']", "services.app.volumes[0]", "there is no", ""),
    (App, "volumes: ['./data/file/x:/x:ro']", "services.app.volumes[0]", "cannot be read", ""),
    (
        App,
        "volumes: ['./data:/x']",
        "services.app.volumes[0]",
        "would be on the host",
        "volumes: ['./data:/x:ro']",
    ),
    (App, "volumes: ['./data:/x:rw']", "services.app.volumes[0]", "would be on the host", ""),
    (App, "volumes: ['./data:/x:ro,rshared']", "services.app.volumes[0]", "rshared", ""),
    (
        App,
        "volumes: ['./data:/x:U,ro']",
        "services.app.volumes[0]",
        "option 'U'",
        "volumes: ['data:/x:rw']",
    ),
    (
        App,
        "volumes: ['data:/x:exec']",
        "services.app.volumes[0]",
        "option 'exec'",
        "volumes: ['data:/x:ro']",
    ),
    (App, "volumes: ['/x']", "services.app.volumes[0]", "without a name", "volumes: ['data:/x']"),
    (
        App,
        "volumes: ['proxy:/x']",
        "services.app.volumes[0]",
        "declares no volume",
        "volumes: ['data:/x']",
    ),
    (
        App,
        "volumes: ['ctrkit-0123456789ab-proxy:/x']",
        "services.app.volumes[0]",
        "declares no volume",
        "",
    ),
    (App, "volumes: ['c:\\x:/x:ro']", "services.app.volumes[0]", "more than source", ""),
    (App, "volumes: ['data:x']", "services.app.volumes[0]", "no place", ""),
    (App, "volumes: ['data:/']", "services.app.volumes[0]", "no place", ""),
    (
        App,
        "volumes: ['data:/a/../etc']",
        "services.app.volumes[0]",
        "no place",
        "volumes: ['data:/a/b']",
    ),
    (App, "volumes: ['data:/a,b']", "services.app.volumes[0]", "no place", ""),
    (
        App,
        "volumes: ['data:/proc/sys']",
        "services.app.volumes[0]",
        "/proc",
        "volumes: ['data:/procs']",
    ),
    (
        Added,
        "volumes: ['data:/sys']",
        "services.db.volumes[0]",
        "/sys",
        "volumes: ['data:/home/dev']",
    ),
    (App, "volumes: ['data:/dev/shm']", "services.app.volumes[0]", "/dev", "shm_size: 1m"),
    (App, "volumes: ['data:/etc/ctrkit/trust']", "services.app.volumes[0]", "/etc/ctrkit", ""),
    (
        App,
        "volumes: ['data:/etc']",
        "services.app.volumes[0]",
        "/etc/ctrkit",
        "volumes: ['data:/etc/other']",
    ),
    (
        App,
        "volumes: ['data:/workspace']",
        "services.app.volumes[0]",
        "hide",
        "volumes: ['data:/workspace/node_modules']",
    ),
    (
        App,
        "volumes: ['data:/home']",
        "services.app.volumes[0]",
        "hide",
        "volumes: ['data:/home/dev/x']",
    ),
    (
        App,
        "volumes: ['data:/x', './data:/x:ro']",
        "services.app.volumes[1]",
        "twice",
        "volumes: ['data:/x', './data:/y:ro']",
    ),
    (
        App,
        "volumes: [{type: bind, source: /, target: /x, read_only: true}]",
        "services.app.volumes[0].source",
        "outside",
        "volumes: [{type: bind, source: ./data, target: /x, read_only: true}]",
    ),
    (
        App,
        "volumes: [{type: bind, source: data, target: /x}]",
        "services.app.volumes[0].source",
        "would be on the host",
        "volumes: [{type: bind, source: data, target: /x, read_only: true, bind: {create_host_path: false}}]",
    ),
    (
        App,
        "volumes: [{type: bind, source: data, target: /x, read_only: true, bind: {propagation: rshared}}]",
        "services.app.volumes[0].bind.propagation",
        "change the host",
        "",
    ),
    (
        App,
        "volumes: [{type: bind, source: data, target: /x, read_only: true, bind: {create_host_path: true}}]",
        "services.app.volumes[0].bind.create_host_path",
        "change the host",
        "",
    ),
    (
        App,
        "volumes: [{type: bind, source: './a:b', target: /x, read_only: true}]",
        "services.app.volumes[0].source",
        "not all tools",
        "",
    ),
    (
        App,
        "volumes: [{type: volume, source: proxy, target: /x}]",
        "services.app.volumes[0].source",
        "declares no",
        "volumes: [{type: volume, source: data, target: /x, volume: {nocopy: true}}]",
    ),
    (
        App,
        "volumes: [{type: volume, source: /etc, target: /x}]",
        "services.app.volumes[0].source",
        "declares no",
        "",
    ),
    (
        App,
        "volumes: [{type: volume, source: data, target: /x, volume: {subpath: ../..}}]",
        "services.app.volumes[0].volume.subpath",
        "not known",
        "",
    ),
    (App, "volumes: [{type: volume, target: /x}]", "services.app.volumes[0]", "without a name", ""),
    (App, "volumes: [{source: data, target: /x}]", "services.app.volumes[0]", "no type", ""),
    (App, "volumes: [{type: volume, source: data}]", "services.app.volumes[0]", "no target", ""),
    (
        App,
        "volumes: [{type: npipe, source: x, target: /x}]",
        "services.app.volumes[0]",
        "'npipe'",
        "",
    ),
    (
        App,
        "volumes: [{type: glob, source: /*, target: /x}]",
        "services.app.volumes[0]",
        "'glob'",
        "",
    ),
    (
        App,
        "volumes: [{type: image, source: x, target: /x}]",
        "services.app.volumes[0]",
        "'image'",
        "",
    ),
    (
        App,
        "volumes: [{type: tmpfs, source: x, target: /x}]",
        "services.app.volumes[0].source",
        "no source",
        "volumes: [{type: tmpfs, target: /x, tmpfs: {size: 1m}}]",
    ),
    (
        App,
        "volumes: [{type: tmpfs, target: /x, tmpfs: {size: 5g}}]",
        "services.app.volumes[0].tmpfs.size",
        "more than",
        "",
    ),
    (
        App,
        "volumes: [{type: volume, source: data, target: /x, consistency: x}]",
        "services.app.volumes[0].consistency",
        "not known",
        "",
    ),
    (App, "volumes: {data: /x}", "services.app.volumes", "a map", ""),
    (
        App,
        "tmpfs: ['/x:dev']",
        "services.app.tmpfs[0]",
        "harmless",
        "tmpfs: ['/x:nodev,size=1m,mode=1777']",
    ),
    (App, "tmpfs: ['/x:suid,size=1m']", "services.app.tmpfs[0]", "harmless", "tmpfs: ['/x', /y]"),
    (App, "tmpfs: /etc/ctrkit", "services.app.tmpfs", "/etc/ctrkit", "tmpfs: /tmp"),
    (App, "tmpfs: ['/x', '/x']", "services.app.tmpfs[1]", "twice", ""),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    KEYS.iter().chain(VALUES).chain(MOUNTS)
}

#[test]
fn each_of_them_is_refused_with_its_path_reason_and_cure() {
    let project = project();
    assert!(rows().count() > 80);
    for (place, text, path, says, _) in rows() {
        let text = place.file(text);
        let error = match read(project.path(), &text) {
            Ok(accepted) => panic!("accepted: {text}{}", accepted.value()),
            Err(error) => error,
        };
        assert_eq!(error.kind(), "override-refused", "{text}{error}");
        let OverrideError::Refused { file, problems } = &error else { panic!("{error}") };
        assert_eq!(file, "compose.override.yaml");
        let problem = problems.iter().find(|problem| problem.path == *path);
        let problem = problem.unwrap_or_else(|| panic!("{text}{path} is not in: {error}"));
        assert!(problem.reason.contains(says), "{text}{error}");
        assert!(!problem.cure.is_empty() && error.hint().unwrap().contains(&problem.cure));
        assert!(problem.line > 0 && error.to_string().contains(path), "{text}{error}");
    }
}

#[test]
fn their_twins_are_accepted() {
    let project = project();
    for (place, _, _, _, twin) in rows() {
        let text = place.file(twin);
        if let Err(error) = read(project.path(), &text) {
            panic!("{text}{error}");
        }
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let project = project();
    let text = "name: x\nservices:\n  app:\n    privileged: true\n    environment:\n    - A=$B\n    \
                - HTTP_PROXY=\n    volumes: ['/:/x']\n  proxy: {}\nvolumes:\n  home:\n";
    let error = read(project.path(), text).unwrap_err();
    let OverrideError::Refused { problems, .. } = &error else { panic!("{error}") };
    let told: Vec<_> = problems.iter().map(|it| format!("{}:{}", it.line, it.path)).collect();
    assert_eq!(
        told,
        [
            "1:name",
            "4:services.app.privileged",
            "6:services.app.environment[0]",
            "7:services.app.environment[1]",
            "8:services.app.volumes[0]",
            "9:services.proxy",
            "11:volumes.home",
        ]
    );
    let many: String = (0..30).map(|number| format!("k{number}: 1\n")).collect();
    let error = read(project.path(), &many).unwrap_err();
    assert!(error.to_string().ends_with("and 18 more"), "{error}");
}
