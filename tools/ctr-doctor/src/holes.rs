//! What versions of the engines are known to do.
//!
//! The table holds what was measured, not what was promised: a row says in
//! which versions something was seen, and what was seen where it is cured.

use document::doctor::{Check, Verdict};
use engine::Kind;

/// A version: major, minor, patch.
type Version = (u32, u32, u32);

/// The version that comes after all.
const NEWEST: Version = (u32::MAX, 0, 0);

/// What some versions of an engine are known to do.
struct Row {
    /// The check that it belongs to.
    check: &'static str,
    kind: Kind,
    /// The versions, each range from the first up to, and without, the second.
    versions: &'static [(Version, Version)],
    status: Verdict,
    found: &'static str,
    cure: &'static str,
}

const fn row(
    check: &'static str,
    kind: Kind,
    versions: &'static [(Version, Version)],
    found: &'static str,
    cure: &'static str,
) -> Row {
    // Nothing to be cured is nothing to be warned of.
    let status = if cure.is_empty() { Verdict::Ok } else { Verdict::Warning };
    Row { check, kind, versions, status, found, cure }
}

const ALL: &[(Version, Version)] = &[((0, 0, 0), NEWEST)];

const ROWS: &[Row] = &[
    row(
        "internal-dns",
        Kind::Podman,
        // Seen in 4.3.1 and not in 5.4.2; those between were not measured.
        &[((0, 0, 0), (5, 4, 0))],
        "outside names resolve in an internal network (seen in 4.3.1, gone in 5.4.2)",
        "make the network with --disable-dns, or use podman 5.4 or newer",
    ),
    row(
        "internal-dns",
        Kind::Podman,
        &[((5, 4, 0), NEWEST)],
        "outside names do not resolve in an internal network",
        "",
    ),
    row(
        "internal-dns",
        Kind::Docker,
        // GHSA-mq39-4gv4-mvpx; 24 never got the correction.
        &[((0, 0, 0), (23, 0, 11)), ((24, 0, 0), (25, 0, 5))],
        "CVE-2024-29018: where the host's resolver is on loopback, outside names resolve in an \
         internal network",
        "update to docker 23.0.11, 25.0.5, 26.0 or newer",
    ),
    row(
        "internal-dns",
        Kind::Docker,
        &[((23, 0, 11), (24, 0, 0)), ((25, 0, 5), NEWEST)],
        "outside names do not resolve in an internal network",
        "",
    ),
    row(
        "internal-gateway",
        Kind::Podman,
        ALL,
        "the host answers in an internal network, at the bridge's IPv4 address and at its fe80 \
         address",
        "--disable-dns takes the first away; the second goes with the sysctls \
         net.ipv6.conf.all.disable_ipv6=1 and net.ipv6.conf.default.disable_ipv6=1",
    ),
    row(
        "internal-gateway",
        Kind::Docker,
        &[((0, 0, 0), (26, 0, 0))],
        "the host answers in an internal network, at the bridge's address and, by a default route \
         (seen in 20.10, gone in 26.1), at its others",
        "-o com.docker.network.bridge.inhibit_ipv4=true, or update to docker 26.1 or newer",
    ),
    row(
        "internal-gateway",
        Kind::Docker,
        &[((26, 0, 0), (28, 0, 0))],
        "the host answers in an internal network, at the bridge's address",
        "-o com.docker.network.bridge.inhibit_ipv4=true",
    ),
    row(
        "internal-gateway",
        Kind::Docker,
        &[((28, 0, 0), NEWEST)],
        "the host answers in an internal network, at the bridge's address",
        "-o com.docker.network.bridge.gateway_mode_ipv4=isolated",
    ),
    row(
        "gateway-mode",
        Kind::Docker,
        &[((0, 0, 0), (28, 0, 0))],
        "gateway_mode_ipv4=isolated is taken and ignored",
        "-o com.docker.network.bridge.inhibit_ipv4=true, or update to docker 28 or newer",
    ),
    row(
        "internal-ports",
        Kind::Podman,
        ALL,
        "a port that is published on an internal network accepts connections and leads nowhere",
        "reach it by ssh, or through a container that is on both networks",
    ),
    row(
        "health",
        Kind::Podman,
        &[((0, 0, 0), (4, 6, 0))],
        "podman-compose passes over 'condition: service_healthy'",
        "update to podman 4.6 or newer",
    ),
    row(
        "compose-provider",
        Kind::Podman,
        &[((5, 0, 0), NEWEST)],
        "where 'podman compose' works, the devcontainers CLI uses it, whatever it is told",
        "set PODMAN_COMPOSE_PROVIDER=podman-compose, and no DOCKER_HOST",
    ),
];

/// Returns what is known of `version` of an engine.
///
/// Of a version that cannot be read nothing is known: a development version.
#[must_use]
pub fn of(kind: Kind, version: &str) -> Vec<Check> {
    let Some(version) = parse(version) else {
        let found = format!("nothing is known of the version '{version}'");
        return vec![Check::new("internal-dns", Verdict::Unknown, found)];
    };
    let is_in = |(from, below): &(Version, Version)| *from <= version && version < *below;
    let rows = ROWS.iter().filter(|row| row.kind == kind && row.versions.iter().any(is_in));
    rows.map(|row| {
        let check = Check::new(row.check, row.status, row.found);
        if row.cure.is_empty() { check } else { check.cure(row.cure) }
    })
    .collect()
}

/// Reads `MAJOR.MINOR[.PATCH]`, whatever follows.
fn parse(text: &str) -> Option<Version> {
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some((major, minor, parts.next().and_then(Result::ok).unwrap_or_default()))
}
