//! Where this machine gets its packages from: apt's sources, as
//! sources.list(5) describes them.

/// One archive, release and its components.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Archive {
    /// The archive's URL.
    pub(crate) uri: String,
    /// The release, such as `bookworm-updates`.
    pub(crate) suite: String,
    /// The components, such as `main`.
    pub(crate) components: String,
}

impl Archive {
    /// Returns the archive as one line of a sources.list.
    pub(crate) fn line(&self) -> String {
        format!("deb {} {} {}\n", self.uri, self.suite, self.components)
    }
}

/// Reads a file in the format of one line per archive (`*.list`).
pub(crate) fn parse_list(text: &str) -> Vec<Archive> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Archive> {
    let rest = line.trim_start().strip_prefix("deb")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let signed_by = options.split_whitespace().find_map(|word| word.strip_prefix("signed-by="));
    let rest = rest.split_once('#').map_or(rest, |(rest, _comment)| rest);
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    archive(uri, suite, &words.collect::<Vec<_>>().join(" "), signed_by)
}

/// Reads a file in the format of deb822(5) (`*.sources`).
pub(crate) fn parse_sources(text: &str) -> Vec<Archive> {
    // A comment is no end of a paragraph.
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let paragraphs = lines.split(|line| line.trim().is_empty());
    paragraphs.flat_map(parse_paragraph).collect()
}

fn parse_paragraph(lines: &[&str]) -> Vec<Archive> {
    let types = field(lines, "types");
    if !types.split_whitespace().any(|word| word == "deb") || field(lines, "enabled") == "no" {
        return Vec::new();
    }
    let (uris, suites) = (field(lines, "uris"), field(lines, "suites"));
    let components = field(lines, "components");
    let signed_by = Some(field(lines, "signed-by")).filter(|keyring| !keyring.is_empty());
    let each = |suite| {
        let uri = uris.split_whitespace().next()?;
        archive(uri, suite, &components, signed_by.as_deref())
    };
    suites.split_whitespace().filter_map(each).collect()
}

/// Returns the value of the field `name`, with its continuation lines.
fn field(lines: &[&str], name: &str) -> String {
    let is_it = |line: &&&str| {
        line.split_once(':').is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case(name))
    };
    let Some(first) = lines.iter().position(|line| is_it(&line)) else { return String::new() };
    let continued = lines[first + 1..].iter().take_while(|line| line.starts_with([' ', '\t']));
    let value = lines[first].split_once(':').map_or("", |(_, value)| value);
    std::iter::once(&value).chain(continued).map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// Returns the archive if it is the distribution's own, over the network.
///
/// Those of others name a keyring of theirs, which the new base does not have.
fn archive(uri: &str, suite: &str, components: &str, signed_by: Option<&str>) -> Option<Archive> {
    let over_network = uri.starts_with("http://") || uri.starts_with("https://");
    let own = signed_by.is_none_or(|keyring| keyring.contains("archive-keyring"));
    let main = components.split_whitespace().any(|component| component == "main");
    (over_network && own && main).then(|| Archive {
        uri: uri.to_owned(),
        suite: suite.to_owned(),
        components: components.to_owned(),
    })
}

/// Returns the archives of `suite`, of its updates and of its security fixes,
/// the first of each; none where the suite itself is not there.
pub(crate) fn of_suite(archives: &[Archive], suite: &str) -> Vec<Archive> {
    let find = |name: String| archives.iter().find(|archive| archive.suite == name).cloned();
    let Some(own) = find(suite.to_owned()) else { return Vec::new() };
    let others = ["updates", "security"].map(|kind| find(format!("{suite}-{kind}")));
    std::iter::once(own).chain(others.into_iter().flatten()).collect()
}

/// Returns the codename in the text of os-release(5), where it is Debian's or
/// Ubuntu's.
pub(crate) fn codename(os_release: &str) -> Option<String> {
    let value = |key: &str| {
        let find = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned());
        os_release.lines().find_map(find).map(|value| value.trim_matches('"').to_owned())
    };
    let id = value("ID")?;
    value("VERSION_CODENAME").filter(|_| ["debian", "ubuntu"].contains(&id.as_str()))
}
