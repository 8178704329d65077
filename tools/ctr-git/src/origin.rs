//! What of a remote's URL may be known in the container.

/// Returns `url` without the credentials in it, or `None` where it cannot be
/// told which part of it is one.
///
/// The forms are those of git-fetch(1), section GIT URLS. Of a user and a
/// password the user is kept for ssh, where it is part of the address; a token
/// takes the place of the user elsewhere, so nothing is kept. The transports
/// `ext` and `fd` (git-remote-ext(1)) name commands and descriptors of the
/// host and mean nothing in a container.
#[must_use]
pub fn without_credentials(url: &str) -> Option<String> {
    if url.is_empty() || url.starts_with('-') || url.chars().any(char::is_control) {
        return None;
    }
    if let Some((helper, address)) = helper(url) {
        let allowed = !matches!(helper, "ext" | "fd");
        return allowed
            .then(|| without_credentials(address))
            .flatten()
            .map(|address| format!("{helper}::{address}"));
    }
    match url.split_once("://") {
        Some((scheme, rest)) => of_scheme(scheme, rest),
        None => Some(url.to_owned()),
    }
}

/// Splits `HELPER::ADDRESS` (gitremote-helpers(7)).
fn helper(url: &str) -> Option<(&str, &str)> {
    let (helper, address) = url.split_once("::")?;
    let is_word = !helper.is_empty()
        && helper.chars().all(|each| each.is_ascii_alphanumeric() || each == '-');
    is_word.then_some((helper, address))
}

fn of_scheme(scheme: &str, rest: &str) -> Option<String> {
    let ssh = match scheme.to_ascii_lowercase().as_str() {
        "file" => return Some(format!("{scheme}://{rest}")),
        "ssh" | "git+ssh" | "ssh+git" => true,
        "http" | "https" | "ftp" | "ftps" | "git" => false,
        _ => return None,
    };
    // RFC 3986 section 3.2: the authority ends at the first of these.
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if !is_host(host) {
        return None;
    }
    let user = user.filter(|_| ssh).map(|user| user.split(':').next().unwrap_or_default());
    let user =
        user.filter(|user| !user.is_empty()).map_or(String::new(), |user| format!("{user}@"));
    // A query may be a token, and names no repository.
    let path = if ssh { path } else { path.split(['?', '#']).next().unwrap_or_default() };
    Some(format!("{scheme}://{user}{host}{path}"))
}

/// Says whether `text` is a host with or without a port, and nothing else: a
/// password with a `/` in it makes the rest of it look like a port.
fn is_host(text: &str) -> bool {
    let after_brackets = text.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match text[after_brackets..].find(':') {
        Some(colon) => (&text[..after_brackets + colon], &text[after_brackets + colon + 1..]),
        None => (text, ""),
    };
    !host.is_empty() && !host.starts_with('-') && port.chars().all(|each| each.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: &str) {
        assert_eq!(without_credentials(url).as_deref(), Some(expected), "{url}");
        assert_eq!(without_credentials(expected).as_deref(), Some(expected), "again: {expected}");
    }

    #[test]
    fn credentials_go() {
        check("https://user:token@host/a/b.git", "https://host/a/b.git");
        check("https://token@host/a.git", "https://host/a.git");
        check("https://user:p@ss@host:8443/a", "https://host:8443/a");
        check("https://user:@host/a", "https://host/a");
        check("HTTPS://User:Token@Host/A", "HTTPS://Host/A");
        check("http://u:p@[::1]:8080/a", "http://[::1]:8080/a");
        check("https://host/a?private_token=t#x", "https://host/a");
        check("https://u:p@host", "https://host");
        check("ssh://git:secret@host:2222/a", "ssh://git@host:2222/a");
        check("ssh://:secret@host/a", "ssh://host/a");
        check("git+ssh://git:secret@host/a", "git+ssh://git@host/a");
        check("hg::https://user:token@host/a", "hg::https://host/a");
        check("ftp://u:p@host/a", "ftp://host/a");
    }

    #[test]
    fn what_has_none_stays_as_it_is() {
        for url in [
            "https://host/a@b/c.git",
            "https://host:443/a:b@c",
            "ssh://git@host/~user/a",
            "git@host:a/b.git",
            "host:a@1.0",
            "[git@host:22]:a",
            "/srv/git/a b.git",
            "../a.git",
            "file:///srv/a@b.git",
            "git://host/a",
        ] {
            check(url, url);
        }
    }

    #[test]
    fn what_is_not_understood_is_not_copied() {
        for url in [
            "",
            "https://user:pa/ss@host/a",
            "https://user:pa?ss@host/a",
            "https:///a",
            "https://-oProxyCommand=x/a",
            "x-unknown://user:token@host/a",
            "ext::ssh -i /key host %S /a",
            "fd::17",
            "hg::ext::sh -c x",
            "-x",
            "https://host/a\nb",
            "https://user:to\u{1b}ken@host/a",
        ] {
            assert_eq!(without_credentials(url), None, "{url}");
        }
    }
}
