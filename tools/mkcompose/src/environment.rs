//! The variables that lead programs to the proxy.

use std::net::Ipv4Addr;

use document::{Container, Extra, container::Variable, proxy::PLACEHOLDER};

/// The proxy's port.
pub(crate) const PORT: u16 = 8080;

/// The certificate of the proxy's authority, in the container.
const CERTIFICATE: &str = "/etc/ctrkit/trust/ca.pem";

/// The system's certificates and that one, in the container; `trust.sh` makes it.
const BUNDLE: &str = "/etc/ctrkit/ca-bundle.crt";

/// What is reached without the proxy: the container itself.
const DIRECT: &str = "localhost,127.0.0.1,::1";

/// The names of proxies, which programs read in either case: curl takes
/// `http_proxy` in lower case alone, others the upper case alone.
const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];

/// Variables with the path of a file that stands in the place of the system's
/// certificates: OpenSSL and Go; curl; Python's requests; pip; git; cargo; the
/// AWS CLI; Nix; gRPC.
const BUNDLES: [&str; 9] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "NIX_SSL_CERT_FILE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];

/// Puts them into the container's environment, each in the place of what was
/// there.
pub(crate) fn fill(container: &mut Container, proxy: Ipv4Addr) {
    let url = format!("http://{proxy}:{PORT}");
    let mut all: Vec<(String, String)> = Vec::new();
    for name in PROXIES {
        all.extend([name.to_owned(), name.to_uppercase()].map(|name| (name, url.clone())));
    }
    all.extend(["no_proxy", "NO_PROXY"].map(|name| (name.to_owned(), DIRECT.to_owned())));
    all.extend(BUNDLES.map(|name| (name.to_owned(), BUNDLE.to_owned())));
    let add = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    all.extend([
        // Node adds these to its own, and heeds the proxy from 22.21 on.
        add("NODE_EXTRA_CA_CERTS", CERTIFICATE),
        add("NODE_USE_ENV_PROXY", "1"),
        add("DENO_CERT", CERTIFICATE),
    ]);
    let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(" ");
    all.push(add("CTRKIT_PROXY_VARIABLES", &names));
    for (name, value) in all {
        set(container, &name, value);
    }
    java(container, proxy);
    placeholders(container);
}

/// Puts something into the variables of the secrets that the proxy has, so that
/// programs ask at all; in those of another policy there is nothing any more.
fn placeholders(container: &mut Container) {
    container.env.retain(|variable| variable.value != PLACEHOLDER);
    let secrets = container.isolation.iter().flat_map(|isolation| &isolation.secrets);
    let names: Vec<_> = secrets.filter_map(|secret| secret.env.clone()).collect();
    for name in names {
        set(container, &name, PLACEHOLDER.to_owned());
    }
}

/// Lets `services` be reached without the proxy, which is not asked for them.
pub(crate) fn direct(container: &mut Container, services: &[String]) {
    let names = format!("{DIRECT},{}", services.join(","));
    for name in ["no_proxy", "NO_PROXY"] {
        set(container, name, names.clone());
    }
}

fn set(container: &mut Container, name: &str, value: String) {
    match container.env.iter_mut().find(|variable| variable.name == name) {
        Some(variable) => variable.value = value,
        None => container.env.push(Variable { name: name.to_owned(), value, extra: Extra::new() }),
    }
}

/// Java heeds none of them, but options in a variable, where a person may have
/// others.
fn java(container: &mut Container, proxy: Ipv4Addr) {
    const NAME: &str = "JAVA_TOOL_OPTIONS";
    let ours: Vec<_> = ["http", "https"]
        .map(|scheme| format!("-D{scheme}.proxyHost={proxy} -D{scheme}.proxyPort={PORT}"))
        .into();
    let ours = ours.join(" ");
    let theirs = container.env.iter().find(|variable| variable.name == NAME);
    let value = match theirs.map(|variable| variable.value.as_str()).unwrap_or_default() {
        "" => ours,
        theirs if theirs.contains(&ours) => theirs.to_owned(),
        theirs => format!("{theirs} {ours}"),
    };
    set(container, NAME, value);
}

#[cfg(test)]
mod tests {
    use document::{
        container::Project,
        policy::{Isolation, IsolationSecret},
    };

    use super::*;

    fn filled(env: &[(&str, &str)]) -> Container {
        let project = Project {
            path: "/a".into(),
            name: "a".into(),
            hash: "0".into(),
            branch: None,
            extra: Extra::new(),
        };
        let mut container = Container::new("dev-a".into(), project);
        for (name, value) in env {
            set(&mut container, name, (*value).to_owned());
        }
        fill(&mut container, Ipv4Addr::new(10, 0, 0, 2));
        container
    }

    #[track_caller]
    fn value<'a>(container: &'a Container, name: &str) -> &'a str {
        let mut found = container.env.iter().filter(|variable| variable.name == name);
        let value = &found.next().unwrap().value;
        assert_eq!(found.next(), None, "{name} is there once");
        value
    }

    #[test]
    fn the_proxy_has_a_name_in_either_case() {
        let container = filled(&[("HTTP_PROXY", "http://elsewhere")]);
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"] {
            assert_eq!(value(&container, name), "http://10.0.0.2:8080");
        }
        assert_eq!(value(&container, "SSL_CERT_FILE"), BUNDLE);
    }

    #[test]
    fn options_for_java_are_kept_and_ours_are_there_once() {
        let container = filled(&[("JAVA_TOOL_OPTIONS", "-Xmx1g")]);
        let options = value(&container, "JAVA_TOOL_OPTIONS").to_owned();
        assert!(options.starts_with("-Xmx1g -Dhttp.proxyHost=10.0.0.2 "), "{options}");
        let mut again = container.clone();
        fill(&mut again, Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(again, container);
    }

    #[test]
    fn a_secret_has_a_placeholder_as_long_as_the_policy_has_it() {
        let mut container = filled(&[("GH_TOKEN", "mine"), ("OTHER", "mine")]);
        let secret = IsolationSecret { env: Some("GH_TOKEN".into()), ..Default::default() };
        let isolation = Isolation { secrets: vec![secret], ..Default::default() };
        container.isolation = Some(isolation);
        fill(&mut container, Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(value(&container, "GH_TOKEN"), "ctrkit-placeholder");
        assert_eq!(value(&container, "OTHER"), "mine");
        container.isolation = Some(Isolation::default());
        fill(&mut container, Ipv4Addr::new(10, 0, 0, 2));
        assert!(container.env.iter().all(|variable| variable.name != "GH_TOKEN"));
    }

    #[test]
    fn sudo_is_told_all_names() {
        let container = filled(&[]);
        let names = value(&container, "CTRKIT_PROXY_VARIABLES");
        assert!(names.contains("PIP_CERT") && names.contains("no_proxy"), "{names}");
    }
}
