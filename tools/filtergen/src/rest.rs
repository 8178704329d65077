//! What a request does on GitHub, as far as its path says it.
//!
//! The filter decides with the body as well. The tables are its own: they are
//! read out of its program.

use document::policy::Operation;

/// The part of the filter that has the tables.
const PROGRAM: &str = include_str!("filter/operations_rest.py");

/// What the last segment of a path may end in and mean the same.
const EXTENSIONS: [&str; 14] = [
    "json", "jsonp", "xml", "htm", "html", "txt", "text", "js", "rss", "atom", "diff", "patch",
    "yaml", "yml",
];

/// What a host is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// For programs alone.
    Interface,
    /// For people, git, and on a server of a company for programs too.
    Web,
}

/// One reading of a request that writes.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Writing {
    /// The operation; `None` is for what reads, and for what only the body says.
    pub(crate) operation: Option<Operation>,
    /// The repository, where the path names it.
    pub(crate) repository: Option<String>,
    /// The ref, where the path names it.
    pub(crate) branch: Option<String>,
    /// What of the body decides besides, in words.
    pub(crate) besides: Option<&'static str>,
    /// Whether a ref is written that the request does not name.
    pub(crate) blind: bool,
}

/// Returns each reading of a write to a host of this `role`; `path` is decoded.
/// `None` is for a path that GitHub does not have.
pub(crate) fn writings(role: Role, method: &str, path: &[String]) -> Option<Vec<Writing>> {
    let split: Vec<_> = path.iter().flat_map(|one| one.split('/')).map(str::to_owned).collect();
    let mut readings = vec![path.to_vec(), split];
    readings.extend(readings.clone().iter().map(|path| without_plus(path)));
    readings.extend(readings.clone().iter().map(|path| without_extension(path)));
    readings.dedup();
    readings.iter().map(|path| writing(role, method, path)).collect()
}

/// Reads a plus as a form would: as a space.
fn without_plus(path: &[String]) -> Vec<String> {
    let plain = |segment: &String| {
        let spaced = segment.replace('+', " ");
        let trimmed = spaced.trim();
        if trimmed.is_empty() { segment.clone() } else { trimmed.to_owned() }
    };
    path.iter().map(plain).collect()
}

/// Takes off what names a format, however often.
fn without_extension(path: &[String]) -> Vec<String> {
    let mut path = path.to_vec();
    let Some(last) = path.last_mut() else { return path };
    loop {
        let shorter = without_one(last).trim_end_matches(['.', ' ']);
        if shorter.is_empty() || shorter.len() == last.len() {
            return path;
        }
        last.truncate(shorter.len());
    }
}

fn without_one(segment: &str) -> &str {
    let is_known = |end: &str| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(end));
    match segment.rsplit_once('.') {
        Some((name, end)) if is_known(end) => name,
        _ => segment,
    }
}

fn writing(role: Role, method: &str, path: &[String]) -> Option<Writing> {
    let lower: Vec<_> = path.iter().map(|segment| segment.to_lowercase()).collect();
    let lower: Vec<_> = lower.iter().map(String::as_str).collect();
    if is_graphql(&lower) {
        return Some(body("what its GraphQL asks for"));
    }
    match lower.as_slice() {
        ["api", "v3" | "uploads", path @ ..] | ["api", path @ ..] => rest(method, path),
        path if role == Role::Interface => rest(method, path),
        [.., "git-receive-pack" | "git-upload-pack"] if method != "POST" => {
            Some(web(method, &["", ""]))
        }
        ["gist", names @ .., service @ ("git-receive-pack" | "git-upload-pack")] => {
            let is_one = matches!(names, [_]) || repository(names).is_some();
            is_one.then(|| match *service {
                "git-receive-pack" => Writing { operation: Some(Operation::Gist), ..git(None) },
                _ => Writing { besides: None, ..body("") },
            })
        }
        [names @ .., "git-receive-pack"] => repository(names).map(|name| git(Some(name))),
        [names @ .., "git-upload-pack"] => {
            repository(names).map(|_| Writing { besides: None, ..body("") })
        }
        [owner, name, "info", "lfs", path @ ..] => {
            let repository = repository(&[owner, name])?;
            Some(look_up("LFS_TABLE", method, path, Some(repository)))
        }
        path => Some(web(method, path)),
    }
}

/// Says whether GraphQL is asked at `path`, which is in lower case.
pub(crate) fn is_graphql(path: &[&str]) -> bool {
    let path = match path {
        ["api", "v3" | "v4", rest @ ..] | ["api" | "v3" | "v4", rest @ ..] => rest,
        path => path,
    };
    matches!(path, [last] if without_one(last) == "graphql")
}

/// Says whether `path` is of the web pages and not of the interface.
pub(crate) fn is_web(role: Role, path: &[String]) -> bool {
    let lower: Vec<_> = path.iter().map(|segment| segment.to_lowercase()).collect();
    let lower: Vec<_> = lower.iter().map(String::as_str).collect();
    role == Role::Web && lower.first() != Some(&"api") && !is_graphql(&lower)
}

fn body(besides: &'static str) -> Writing {
    let besides = Some(besides);
    Writing { operation: None, repository: None, branch: None, besides, blind: false }
}

fn git(repository: Option<String>) -> Writing {
    let besides = Some("the branches, and whether it is forced or deletes");
    Writing { operation: Some(Operation::Push), repository, branch: None, besides, blind: false }
}

/// Returns the name of a repository, if `parts` are one as GitHub has them.
fn repository(parts: &[&str]) -> Option<String> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_name = |part: &&str| (1..=100).contains(&part.len()) && part.bytes().all(is_known);
    let is_whole = parts.len() == 2 && parts.iter().all(is_name);
    is_whole.then(|| parts.join("/"))
}

/// Looks a path of the interface up; a repository may be named by its number.
fn rest(method: &str, path: &[&str]) -> Option<Writing> {
    let (path, repository) = match path {
        [.., "git-receive-pack"] => return None,
        ["repositories", _, more @ ..] => ([&["repos", "", ""], more].concat(), None),
        ["repos", owner, name, ..] => (path.to_vec(), Some(repository(&[owner, name])?)),
        path => (path.to_vec(), None),
    };
    Some(look_up("REST_TABLE", method, &path, repository))
}

fn web(method: &str, path: &[&str]) -> Writing {
    let repository = match path {
        [owner, name, _, ..] => Some(format!("{owner}/{name}")),
        _ => None,
    };
    look_up("WEB_TABLE", method, path, repository)
}

fn look_up(table: &str, method: &str, path: &[&str], repository: Option<String>) -> Writing {
    let row = rows(table).find(|row| row.fits(method, path));
    let (name, check, length) =
        row.map_or(("other-writes", "", 0), |row| (row.operation, row.check, row.parts().len()));
    let rest = || path.get(length..).filter(|rest| !rest.is_empty());
    let besides = match check {
        "review" => Some("whether it approves"),
        "ref" if rest().is_none() => Some("the ref"),
        "ref" if method != "DELETE" => Some("whether it is forced"),
        "contents" => Some("the branch"),
        "deployment" => Some("whether it merges"),
        "lfs" => Some("whether files are uploaded"),
        _ => None,
    };
    Writing {
        operation: policy::find_operation(name).ok(),
        repository: repository.filter(|_| check != "elsewhere"),
        branch: rest().filter(|_| check == "ref").map(|rest| format!("refs/{}", rest.join("/"))),
        besides,
        blind: check == "unknown",
    }
}

/// A row of a table: `OPERATION[:CHECK] [METHOD,…] TEMPLATE`.
struct Row {
    operation: &'static str,
    check: &'static str,
    methods: Option<&'static str>,
    template: &'static str,
}

/// Returns the rows of the table `name` of the filter's program.
fn rows(name: &str) -> impl Iterator<Item = Row> {
    let begin = format!("\n{name} = \"\"\"\n");
    let table = PROGRAM.split_once(&begin).and_then(|(_, rest)| rest.split_once("\"\"\""));
    table.map_or("", |(table, _)| table).lines().filter_map(Row::parse)
}

impl Row {
    fn parse(line: &'static str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (first, second) = (words.next()?, words.next()?);
        let (operation, check) = first.split_once(':').unwrap_or((first, ""));
        let (methods, template) = match words.next() {
            Some(template) => (Some(second), template),
            None => (None, second),
        };
        Some(Self { operation, check, methods, template })
    }

    fn parts(&self) -> Vec<&'static str> {
        let parts = self.template.strip_suffix("/**").unwrap_or(self.template).split('/');
        let full = |part| if part == "R" { vec!["repos", "*", "*"] } else { vec![part] };
        parts.flat_map(full).collect()
    }

    fn fits(&self, method: &str, path: &[&str]) -> bool {
        let parts = self.parts();
        let has_rest = self.template.ends_with("/**");
        let is_long_enough = path.len() == parts.len() || (has_rest && path.len() > parts.len());
        let is_meant = self.methods.is_none_or(|all| all.split(',').any(|one| one == method));
        let mut pairs = parts.iter().zip(path);
        is_long_enough && is_meant && pairs.all(|(part, here)| *part == "*" || part == here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders the first reading.
    fn show(role: Role, request: &str) -> String {
        let (method, path) = request.split_once(" /").unwrap();
        let path: Vec<_> = path.split('/').map(str::to_owned).collect();
        let Some(found) = writing(role, method, &path) else { return "none".to_owned() };
        let operation = found.operation.map_or("-", Operation::name);
        let parts = [found.repository.as_deref(), found.branch.as_deref(), found.besides];
        let parts = parts.iter().flatten().map(|part| format!(" {part}"));
        format!(
            "{operation}{}{}",
            parts.collect::<String>(),
            if found.blind { " blind" } else { "" }
        )
    }

    #[test]
    fn the_filters_own_tables_are_read() {
        assert!(rows("REST_TABLE").count() > 100 && rows("WEB_TABLE").count() > 20);
        for table in ["REST_TABLE", "WEB_TABLE", "LFS_TABLE"] {
            for row in rows(table) {
                let is_known = policy::find_operation(row.operation).is_ok();
                assert!(is_known || row.operation == "read", "{}", row.operation);
            }
        }
    }

    #[test]
    fn a_path_says_what_is_done() {
        for (request, expected) in [
            ("PUT /repos/Me/x/pulls/1/merge", "pr-merge me/x"),
            ("POST /repos/me/x/pulls", "pr-write me/x"),
            ("POST /repos/me/x/pulls/1/reviews", "pr-write me/x whether it approves"),
            ("POST /repositories/7/merges", "branch-merge"),
            ("DELETE /repos/me/x/git/refs/heads/a/b", "delete-ref me/x refs/heads/a/b"),
            ("POST /repos/me/x/git/refs", "ref-update me/x the ref"),
            (
                "PATCH /repos/me/x/git/refs/heads/a",
                "ref-update me/x refs/heads/a whether it is forced",
            ),
            ("PUT /repos/me/x/contents/a/b", "contents-write me/x the branch"),
            ("POST /repos/me/x/generate", "settings"),
            ("POST /gists", "gist"),
            ("POST /xyzzy", "other-writes"),
            ("POST /repos/me/a+b/pulls", "none"),
            ("POST /me/x/git-receive-pack", "none"),
            ("POST /graphql", "- what its GraphQL asks for"),
            ("POST /graphql.json", "- what its GraphQL asks for"),
            ("POST /graphql.foo", "other-writes"),
        ] {
            assert_eq!(show(Role::Interface, request), expected, "{request}");
        }
    }

    #[test]
    fn a_page_is_for_people_and_for_git() {
        for (request, expected) in [
            ("POST /me/x.git/git-upload-pack", "-"),
            (
                "POST /me/x.git/git-receive-pack",
                "push me/x.git the branches, and whether it is forced or deletes",
            ),
            ("POST /me/x/pull/1/merge", "pr-merge me/x"),
            ("PUT /api/v3/repos/me/x/pulls/1/merge", "pr-merge me/x"),
            ("POST /api/graphql", "- what its GraphQL asks for"),
            ("POST /session", "other-writes"),
            ("POST /me/x/info/lfs/objects/batch", "push me/x whether files are uploaded"),
            ("POST /me/x/info/lfs/objects/1/verify", "push me/x"),
            ("POST /me/x/info/lfs/locks/verify", "- me/x"),
            ("POST /me/x/info/lfs/locks/1/unlock", "push me/x"),
            ("DELETE /me/x/info/lfs/locks/1", "other-writes me/x"),
            ("PUT /me/x/info/lfs/objects/1", "other-writes me/x"),
            ("PUT /me/x/git-upload-pack", "other-writes"),
            ("POST /me/git-receive-pack", "none"),
            (
                "POST /gist/abc/git-receive-pack",
                "gist the branches, and whether it is forced or deletes",
            ),
        ] {
            assert_eq!(show(Role::Web, request), expected, "{request}");
        }
    }

    #[test]
    fn an_extension_and_an_encoded_slash_are_a_second_reading() {
        let path = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let found =
            writings(Role::Interface, "PUT", &path("repos me x pulls 1 merge.json")).unwrap();
        assert_eq!(found.last().unwrap().operation, Some(Operation::PrMerge));
        for last in ["merge.json.xml", "merge.JSON.", "merge. .html"] {
            let path = path(&format!("repos me x pulls 1 {}", last.replace(' ', "\u{a0}")));
            let path: Vec<_> = path.iter().map(|part| part.replace('\u{a0}', " ")).collect();
            let found = writings(Role::Interface, "PUT", &path).unwrap();
            assert_eq!(found.last().unwrap().operation, Some(Operation::PrMerge), "{last}");
        }
        let found = writings(Role::Interface, "PUT", &path("repos me x pulls 1/merge")).unwrap();
        assert_eq!(found.last().unwrap().operation, Some(Operation::PrMerge));
    }
}
