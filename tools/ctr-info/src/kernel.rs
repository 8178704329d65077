//! What the kernel says of a container that runs on this machine.

use std::{fs, path::Path};

/// The names of capabilities in the order of their numbers, as
/// `linux/capability.h` has them.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What the kernel says of a container's first process, and of this machine.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Kernel {
    /// The capabilities that root in the container can have at most.
    pub capabilities: Option<Vec<String>>,
    /// Whether it can gain no privileges.
    pub no_new_privileges: Option<bool>,
    /// Whether it has an IPv6 address besides its own loopback.
    pub has_ipv6: Option<bool>,
    /// The network interfaces that this machine has a route to.
    pub routes: Vec<String>,
}

/// Asks the kernel of the process `pid`, if it is the one of the container
/// `id` and not another machine's of the same number. `proc` is `/proc`.
pub(crate) fn ask(proc: &Path, pid: u32, id: &str) -> Kernel {
    let process = proc.join(pid.to_string());
    let read = |path: &str| fs::read_to_string(process.join(path)).ok();
    if id.is_empty() || !read("cgroup").is_some_and(|groups| groups.contains(id)) {
        return Kernel::default();
    }
    let status = read("status").unwrap_or_default();
    let routes = fs::read_to_string(proc.join("net/route")).unwrap_or_default();
    Kernel {
        capabilities: value(&status, "CapBnd:").and_then(capabilities),
        no_new_privileges: value(&status, "NoNewPrivs:").map(|value| value == "1"),
        // The file is not there where the kernel has no IPv6.
        has_ipv6: Some(read("net/if_inet6").is_some_and(|addresses| has_ipv6(&addresses))),
        routes: interfaces(&routes),
    }
}

/// Returns the capabilities that are not among `capabilities`.
pub(crate) fn without(capabilities: &[String]) -> Vec<String> {
    let is_missing = |name: &&str| capabilities.iter().all(|each| each != name);
    CAPABILITIES.into_iter().filter(is_missing).map(str::to_owned).collect()
}

fn value<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}

/// Reads the mask of capabilities; one that has no name here has its number.
fn capabilities(mask: &str) -> Option<Vec<String>> {
    let mask = u64::from_str_radix(mask, 16).ok()?;
    let is_set = |bit: &usize| mask & (1 << bit) != 0;
    let name = |bit: usize| {
        CAPABILITIES.get(bit).map_or_else(|| bit.to_string(), |name| (*name).to_owned())
    };
    Some((0..64).filter(is_set).map(name).collect())
}

/// Reads `if_inet6` (proc_pid_net(5)): the last word is the interface.
fn has_ipv6(addresses: &str) -> bool {
    addresses.lines().filter_map(|line| line.split_whitespace().last()).any(|name| name != "lo")
}

/// Reads the interfaces in a table of routes, below its headings.
fn interfaces(routes: &str) -> Vec<String> {
    let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let mut found: Vec<_> = routes.lines().skip(1).filter_map(name).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_believed_of_the_right_process_alone() {
        let proc = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = proc.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("7/cgroup", "3:cpu:/docker/abc\n");
        write("7/status", "Name:\tinit\nCapBnd:\t0000020000000401\nNoNewPrivs:\t1\n");
        write("7/net/if_inet6", "00000000000000000000000000000001 01 80 10 80       lo\n");
        write("net/route", "Iface\tDestination\neth0\t00000000\nbr-1\t0011AC\nbr-1\t0012AC\n");
        let found = ask(proc.path(), 7, "abc");
        let names = ["CHOWN", "NET_BIND_SERVICE", "41"].map(str::to_owned);
        assert_eq!(found.capabilities.as_deref(), Some(&names[..]));
        let missing = without(found.capabilities.as_deref().unwrap());
        assert_eq!((missing.len(), missing[0].as_str()), (39, "DAC_OVERRIDE"));
        assert_eq!((found.no_new_privileges, found.has_ipv6), (Some(true), Some(false)));
        assert_eq!(found.routes, ["br-1", "eth0"]);
        for (pid, id) in [(7, "abd"), (7, ""), (8, "abc")] {
            assert_eq!(ask(proc.path(), pid, id), Kernel::default());
        }
        write("7/net/if_inet6", "fe8000000000000000fcfffffe000001 02 40 20 80     eth0\n");
        assert_eq!(ask(proc.path(), 7, "abc").has_ipv6, Some(true));
    }
}
