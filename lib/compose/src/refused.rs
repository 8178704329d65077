//! Keys that are refused, why, and what to do instead.

/// Which keys, why they are refused, and the cure.
type Row = (&'static [&'static str], &'static str, &'static str);

const OUT: &str = "take it out";
const DOCUMENT: &str = "take it out; ctr-spec and config.toml decide it";
const TOOL: &str = "take it out; what must be in the image is for its Dockerfile";

/// Keys of services.
const SERVICE: &[Row] = &[
    (
        &["privileged"],
        "it would give the container the host: all devices, capabilities and kernel settings",
        OUT,
    ),
    (
        &["network_mode"],
        "it would lead past the proxy, by the host's network or another container's",
        OUT,
    ),
    (
        &["networks"],
        "every service is in the one network without a way out, and in no other",
        "take it out; services find each other by name",
    ),
    (&["ports"], "only the ingress publishes ports", "take it out; ctr-spec --port adds a port"),
    (&["expose"], "services in one network reach each other's ports without it", OUT),
    (
        &["pid", "ipc", "uts", "userns_mode", "cgroup"],
        "it would share a namespace with the host or another container",
        OUT,
    ),
    (&["cgroup_parent"], "it would move the container out of the limits that it is in", OUT),
    (
        &["devices", "device_cgroup_rules", "gpus", "blkio_config"],
        "it would give the container devices of the host",
        OUT,
    ),
    (&["cap_add"], "it would give back capabilities that are dropped", OUT),
    (&["sysctls"], "it would change the settings that keep IPv6 off", OUT),
    (
        &["group_add"],
        "a group of the host may open its devices and sockets",
        "take it out; make groups in the image",
    ),
    (
        &["volumes_from"],
        "it would mount what another container has, secrets of the proxy included",
        "share a volume that the file declares",
    ),
    (
        &["env_file", "label_file"],
        "a file is read when the container is made, and may be another one by then",
        "write what it says into environment or labels",
    ),
    (
        &["configs", "secrets"],
        "they are files of the host or variables of its environment",
        "mount a file of the project under volumes, with ':ro'",
    ),
    (
        &["extends"],
        "it reads another file, which is not looked at",
        "copy what is needed; anchors (&x, *x, <<) work within one file",
    ),
    (
        &["build", "dockerfile", "develop"],
        "it would run the project's commands on the host, with the host's network",
        "build the image yourself, and name it as image",
    ),
    (&["provider"], "it would run a program on the host", OUT),
    (&["use_api_socket"], "who speaks to the engine has the host", OUT),
    (&["models"], "it would run a service outside of the isolation", OUT),
    (
        &["post_start", "pre_stop", "pre_start"],
        "such a command may be privileged where its container is not",
        "put it into the image's own start",
    ),
    (
        &["dns", "dns_search", "dns_opt"],
        "no name is looked up inside: the proxy does it for what the policy allows",
        OUT,
    ),
    (
        &["extra_hosts", "links", "external_links"],
        "names of services are entered by themselves, and others lead nowhere",
        OUT,
    ),
    (
        &["hostname", "domainname", "mac_address", "container_name", "scale"],
        "names and addresses are given by mkcompose, and found again by them",
        OUT,
    ),
    (
        &["credential_spec", "runtime", "isolation"],
        "it would let another program than the engine's own run the container",
        OUT,
    ),
    (
        &["annotations"],
        "annotations are orders to the engine's runtime, of devices and groups too",
        "use labels",
    ),
    (
        &["logging", "log_driver", "log_opt"],
        "a log driver of the host would send what the container says to any address",
        OUT,
    ),
    (
        &["oom_kill_disable", "oom_score_adj"],
        "when memory is short, the host would have to give way",
        OUT,
    ),
    (
        &[
            "memswap_limit",
            "mem_swappiness",
            "mem_reservation",
            "cpuset",
            "cpu_shares",
            "cpu_quota",
            "cpu_period",
            "cpu_count",
            "cpu_percent",
            "cpu_rt_period",
            "cpu_rt_runtime",
            "storage_opt",
        ],
        "it is another measure for what is limited already",
        "lower mem_limit, cpus or pids_limit",
    ),
    (&["restart"], "sidecars and services begin and end in one order", DOCUMENT),
    (
        &["profiles"],
        "what is in the file is used, so that nothing appears later",
        "take out the key, or the service",
    ),
];

/// Keys that a service of a person's own may have, but not their container.
const APP: &[Row] = &[
    (&["image", "pull_policy", "platform"], "the container's image is the document's", DOCUMENT),
    (
        &["entrypoint", "command"],
        "the container's own command trusts the proxy's certificate and runs sshd",
        TOOL,
    ),
    (
        &["user", "working_dir", "init", "read_only", "stop_signal"],
        "the container's own command needs it as it is",
        DOCUMENT,
    ),
    (&["healthcheck"], "the container's own test finds out whether it is reached and shut in", OUT),
];

/// Keys of the whole file.
const FILE: &[Row] = &[
    (
        &["name"],
        "the project's name is by what its containers, networks and volumes are found",
        OUT,
    ),
    (&["networks"], "there is one network without a way out, and one for the proxy", OUT),
    (
        &["configs", "secrets"],
        "they are files of the host or variables of its environment",
        "mount a file of the project under a service's volumes, with ':ro'",
    ),
    (&["include"], "it reads another file, which is not looked at", "copy what is needed"),
    (&["models"], "it would run a service outside of the isolation", OUT),
];

/// Keys of volumes.
const VOLUME: &[Row] = &[
    (
        &["driver_opts"],
        "they can make a volume of any directory of the host, or of another machine",
        OUT,
    ),
    (
        &["external", "name"],
        "it would be a volume of something else, such as the proxy's with its key",
        "take it out; the volume is the project's own",
    ),
    (&["driver"], "another driver keeps the volume where it pleases", "take it out, or say local"),
];

/// What podman-compose alone understands.
const PODMAN: (&str, &str) =
    ("it is an order to podman-compose: other users, root file systems and options", OUT);

fn find(rows: &[Row], key: &str) -> Option<(&'static str, &'static str)> {
    let row = rows.iter().find(|(keys, ..)| keys.contains(&key));
    row.map(|(_, reason, cure)| (*reason, *cure)).or(key.starts_with("x-podman").then_some(PODMAN))
}

/// Says why no service may have `key`, if that is known.
pub(crate) fn of_service(key: &str) -> Option<(&'static str, &'static str)> {
    find(SERVICE, key)
}

/// Says why the person's own container may not have `key`.
pub(crate) fn of_app(key: &str) -> Option<(&'static str, &'static str)> {
    find(APP, key)
}

/// Says why a file may not have `key`.
pub(crate) fn of_file(key: &str) -> Option<(&'static str, &'static str)> {
    find(FILE, key)
}

/// Says why a volume may not have `key`.
pub(crate) fn of_volume(key: &str) -> Option<(&'static str, &'static str)> {
    find(VOLUME, key)
}
