//! Whether the proxy is the one way out, and decides.

use super::{Finding, Row, Sight, When, out, untested};
use crate::words::unhex;

const POLICY: &str = "let the proxy refuse what its policy does not name: ctrkit create \
                      --isolate POLICY writes such a filter; look at it: filtergen --check";

pub(super) const ALL: &[Row] = &[
    Row {
        id: "proxy-refuses",
        proves: "the proxy answers, and refuses a name that no policy has",
        cure: POLICY,
        when: When::Always,
        judge: |sight| refuses(sight, &["proxy-connect", "proxy-get"]),
    },
    Row {
        id: "proxy-literal",
        proves: "the proxy refuses addresses in the place of names, however they are written",
        cure: POLICY,
        when: When::Always,
        judge: |sight| {
            let fast = ["proxy-literal-outside", "proxy-literal-metadata"];
            let slow: &[&str] = &[
                "proxy-literal-number",
                "proxy-literal-hex",
                "proxy-literal-octal",
                "proxy-literal-mapped",
                "proxy-literal-itself",
            ];
            let slow = if sight.extent.quick { &[] } else { slow };
            refuses(sight, &[&fast, slow].concat())
        },
    },
    Row {
        id: "proxy-port",
        proves: "the proxy refuses a port that no policy has, at a name that one has",
        cure: POLICY,
        when: When::Slow,
        judge: |sight| if_allowed(sight, |sight| refuses(sight, &["proxy-port"])),
    },
    Row {
        id: "proxy-mismatch",
        proves: "the proxy refuses a request whose Host or SNI is another name",
        cure: POLICY,
        when: When::Slow,
        judge: |sight| if_allowed(sight, mismatch),
    },
    Row {
        id: "proxy-ports",
        proves: "the proxy listens on one port, and on no other",
        cure: "let nothing else listen in the proxy's container, or on 127.0.0.1 there",
        when: When::Slow,
        judge: proxy_ports,
    },
    Row {
        id: "ingress-ports",
        proves: "what lets in listens on the ports that it lets in",
        cure: "let nothing else listen in the ingress's container: ctrkit rebuild",
        when: When::Slow,
        judge: ingress_ports,
    },
];

/// Judges requests that must be refused. One that is answered by nothing shows
/// nothing: a proxy that is dead does not look safe.
fn refuses(sight: &Sight<'_>, jobs: &[&str]) -> Finding {
    let Some(proxy) = sight.target.proxy else { return Finding::None };
    let (mut found, mut silent) = (Vec::new(), None);
    for job in jobs {
        match sight.root.get(job) {
            Ok(rounds) => match rounds.first().map(|round| (round, status(round))) {
                Some((_, Some(400..=499))) => {}
                Some((round, _)) => found.push(format!("{job}: {}", line(round))),
                None => silent = Some(format!("it closes without an answer ({job})")),
            },
            Err(why) => silent = Some(why),
        }
    }
    match silent.filter(|_| found.is_empty()) {
        Some(why) => Finding::Untested("proxy-silent", format!("the proxy at {proxy}: {why}")),
        None => out(&found),
    }
}

/// Where no name is known that the policy has there is nothing to be tried.
fn if_allowed(sight: &Sight<'_>, judge: impl Fn(&Sight<'_>) -> Finding) -> Finding {
    if sight.target.allowed.is_some() { judge(sight) } else { Finding::None }
}

fn mismatch(sight: &Sight<'_>) -> Finding {
    let both = [refuses(sight, &["proxy-host"]), other_name(sight)];
    let is_out = |finding: &&Finding| matches!(finding, Finding::Out(_));
    let worst = both.iter().find(is_out).or(both.iter().find(|each| **each != Finding::Held));
    worst.cloned().unwrap_or(Finding::Held)
}

/// Judges a TLS client that wants another name than that of its tunnel.
fn other_name(sight: &Sight<'_>) -> Finding {
    let silent = |why: &str| Finding::Untested("proxy-silent", why.to_owned());
    match sight.root.get("proxy-sni") {
        // A server that goes on with the handshake has taken the name.
        Ok([first, second, ..]) if status(first) == Some(200) && second.starts_with("16") => {
            Finding::Out("it goes on with a TLS client that wants another name".to_owned())
        }
        Ok([first, ..]) if status(first).is_some() => Finding::Held,
        Ok(_) => silent("the proxy closes without an answer"),
        Err(why) => silent(&why),
    }
}

fn proxy_ports(sight: &Sight<'_>) -> Finding {
    let Some(proxy) = sight.target.proxy else { return Finding::None };
    ports(sight, "proxy-ports", &[proxy.port()], true)
}

fn ingress_ports(sight: &Sight<'_>) -> Finding {
    let Some((_, allowed)) = sight.target.ingress() else { return Finding::None };
    ports(sight, "ingress-ports", &allowed, false)
}

/// Judges the open ports of an address; where one of the `allowed` is `needed`
/// and none is open, nobody knows.
fn ports(sight: &Sight<'_>, job: &str, allowed: &[u16], needed: bool) -> Finding {
    let seen = match sight.root.get(job) {
        Ok(seen) => seen,
        Err(why) => return untested(&why),
    };
    let open: Vec<u16> = seen.iter().filter_map(|port| port.parse().ok()).collect();
    if needed && !open.iter().any(|port| allowed.contains(port)) {
        return Finding::Untested("proxy-silent", format!("port {} is not open", allowed[0]));
    }
    let others = open.iter().filter(|port| !allowed.contains(port));
    out(&others.map(|port| format!("port {port} is open, too")).collect::<Vec<_>>())
}

/// Returns the status of an answer, in hex, of HTTP.
fn status(answer: &str) -> Option<u16> {
    let line = line(answer);
    line.strip_prefix("HTTP/")?.split_whitespace().nth(1)?.parse().ok()
}

/// Returns the first line of an answer that is in hex.
fn line(answer: &str) -> String {
    let text = String::from_utf8_lossy(&unhex(answer)).into_owned();
    text.lines().next().unwrap_or_default().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::hex;

    #[test]
    fn the_status_of_an_answer_is_read() {
        assert_eq!(status(&hex(b"HTTP/1.1 403 Forbidden\r\n\r\n")), Some(403));
        assert_eq!(status(&hex(b"\x15\x03\x03")), None);
        assert_eq!(status(""), None);
    }
}
