//! Whether what runs in the container could leave it.

use super::{Finding, Row, Sight, When, out, untested};
use crate::jobs::{PIDS, STATUS};

/// The capabilities (capabilities(7)) with which one makes packets of one's own,
/// changes the network or leaves the container, and their numbers.
const DANGEROUS: [(&str, u8); 21] = [
    ("DAC_READ_SEARCH", 2),
    ("NET_ADMIN", 12),
    ("NET_RAW", 13),
    ("IPC_OWNER", 15),
    ("SYS_MODULE", 16),
    ("SYS_RAWIO", 17),
    ("SYS_PTRACE", 19),
    ("SYS_PACCT", 20),
    ("SYS_ADMIN", 21),
    ("SYS_BOOT", 22),
    ("SYS_NICE", 23),
    ("SYS_RESOURCE", 24),
    ("SYS_TIME", 25),
    ("MKNOD", 27),
    ("AUDIT_CONTROL", 30),
    ("MAC_OVERRIDE", 32),
    ("MAC_ADMIN", 33),
    ("SYSLOG", 34),
    ("PERFMON", 38),
    ("BPF", 39),
    ("CHECKPOINT_RESTORE", 40),
];

pub(super) const ALL: &[Row] = &[
    Row {
        id: "privileged",
        proves: "the engine has not given the container all rights",
        cure: "make the container without --privileged",
        when: When::Inside,
        judge: |sight| match sight.target.inspection.apart.is_privileged {
            true => Finding::Out("it is privileged".to_owned()),
            false => Finding::Held,
        },
    },
    Row {
        id: "capabilities",
        proves: "root in the container lacks the capabilities that lead out of it",
        cure: "drop them: --cap-drop NAME, or --cap-drop ALL and add what is needed",
        when: When::Inside,
        judge: capabilities,
    },
    Row {
        id: "raw-sockets",
        proves: "nobody in the container makes packets of their own",
        cure: "drop the capability: --cap-drop NET_RAW",
        when: When::Inside,
        judge: |sight| rights(sight, |right| right != "change"),
    },
    Row {
        id: "network-change",
        proves: "nobody in the container changes its addresses and routes",
        cure: "drop the capability: --cap-drop NET_ADMIN",
        when: When::Inside,
        judge: |sight| rights(sight, |right| right == "change"),
    },
    Row {
        id: "seccomp",
        proves: "calls of the system that lead out are filtered",
        cure: "leave the engine's filter on: no --security-opt seccomp=unconfined",
        when: When::Inside,
        judge: seccomp,
    },
    Row {
        id: "no-new-privileges",
        proves: "no process gains privileges, as the document wants it",
        cure: "make the container anew: ctrkit rebuild",
        when: When::Thorough,
        judge: no_new_privileges,
    },
    Row {
        id: "namespaces",
        proves: "processes, memory and name of the machine are not the container's",
        cure: "make the container without --pid host, --ipc host and --uts host",
        when: When::Inside,
        judge: namespaces,
    },
    Row {
        id: "devices",
        proves: "there is no device but those that every container has",
        cure: "make the container without --device",
        when: When::Inside,
        judge: |sight| sight.nothing(&["devices"]),
    },
    Row {
        id: "kernel-files",
        proves: "what changes the kernel for everybody cannot be written",
        cure: "leave /proc and /sys as engines mount them: no --security-opt systempaths or unmask",
        when: When::Inside,
        judge: |sight| sight.nothing(&["kernel-files"]),
    },
    Row {
        id: "cgroup-files",
        proves: "the limits of the container cannot be changed from inside",
        cure: "leave /sys/fs/cgroup as engines mount it",
        when: When::Inside,
        judge: |sight| sight.nothing(&["cgroup-files"]),
    },
    Row {
        id: "pids-limit",
        proves: "the number of processes has a limit",
        cure: "limit it: --pids-limit 512",
        when: When::Inside,
        judge: pids_limit,
    },
];

/// Returns the value of a line of the status of the helper as root.
fn status<'a>(sight: &'a Sight<'_>, key: &str) -> Result<&'a str, Finding> {
    sight.root.get("status").map_err(|why| untested(&why))?;
    let text = sight.root.text("status", STATUS).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    value.map(str::trim).ok_or_else(|| untested(&format!("the kernel does not tell {key}")))
}

fn capabilities(sight: &Sight<'_>) -> Finding {
    let meant = &sight.target.inspection.limits.cap_drop;
    let mask = match status(sight, "CapBnd") {
        Ok(mask) => mask,
        Err(finding) => return finding,
    };
    match u64::from_str_radix(mask, 16) {
        Ok(mask) => out(&excess(mask, meant)),
        Err(_) => untested("the kernel's capabilities cannot be read"),
    }
}

/// Returns which of a mask's capabilities should not be there. Those that are
/// dangerous nobody has to name.
fn excess(mask: u64, meant: &[String]) -> Vec<String> {
    let is_set = |number: u8| mask & (1 << number) != 0;
    let found = DANGEROUS.into_iter().filter(|(_, number)| is_set(*number));
    let mut found: Vec<_> = found.map(|(name, _)| name.to_owned()).collect();
    if meant.iter().any(|name| name == "ALL") && mask != 0 && found.is_empty() {
        found.push("some, where none was wanted".to_owned());
    }
    found
}

fn rights(sight: &Sight<'_>, is_meant: impl Fn(&str) -> bool) -> Finding {
    let seen = match sight.root.get("rights") {
        Ok(seen) => seen,
        Err(why) => return untested(&why),
    };
    let user = sight.user.as_ref().and_then(|user| user.get("rights").ok()).unwrap_or_default();
    let mut found: Vec<_> =
        seen.iter().chain(user).filter(|right| is_meant(right)).cloned().collect();
    found.sort();
    found.dedup();
    match found.iter().any(|right| right == "change") {
        true => Finding::Out("the network can be changed".to_owned()),
        false if found.is_empty() => Finding::Held,
        false => Finding::Out(format!("sockets can be made: {}", found.join(", "))),
    }
}

fn seccomp(sight: &Sight<'_>) -> Finding {
    match status(sight, "Seccomp") {
        Ok("2") => Finding::Held,
        Ok(_) => Finding::Out("no call of the system is filtered".to_owned()),
        Err(finding) => finding,
    }
}

fn no_new_privileges(sight: &Sight<'_>) -> Finding {
    let isolation = sight.target.document.as_ref().and_then(|document| document.isolation.as_ref());
    if !isolation.is_some_and(|isolation| isolation.no_new_privileges) {
        return Finding::None;
    }
    match status(sight, "NoNewPrivs") {
        Ok("1") => Finding::Held,
        Ok(_) => Finding::Out("processes gain privileges".to_owned()),
        Err(finding) => finding,
    }
}

fn namespaces(sight: &Sight<'_>) -> Finding {
    let kernel = sight.shared.iter().flatten().filter(|name| **name != "net");
    let mut found: Vec<_> = sight
        .target
        .inspection
        .apart
        .shared
        .iter()
        .chain(kernel)
        .map(|name| (*name).to_owned())
        .collect();
    found.sort();
    found.dedup();
    match found.is_empty() {
        true => Finding::Held,
        false => Finding::Out(format!("shared with the machine: {}", found.join(", "))),
    }
}

fn pids_limit(sight: &Sight<'_>) -> Finding {
    if sight.target.inspection.limits.pids.is_some() {
        return Finding::Held;
    }
    let limit = |path: &&str| sight.root.text("status", path).map(str::trim);
    match PIDS.iter().find_map(limit) {
        Some(limit) if limit.parse::<u64>().is_ok() => Finding::Held,
        _ => Finding::Out("there may be as many as the machine has".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_capabilities_are_known_by_their_numbers() {
        assert_eq!(excess(1 << 12 | 1 << 21 | 1, &[]), ["NET_ADMIN", "SYS_ADMIN"]);
        assert_eq!(excess(1, &[]), [""; 0]);
        assert_eq!(excess(1, &["ALL".to_owned()]).len(), 1);
        assert_eq!(excess(0, &["ALL".to_owned()]), [""; 0]);
    }
}
