//! The table `[github]`.

use std::collections::{BTreeMap, BTreeSet};

use document::policy::{Effect, Operation};

use super::{Reader, Table};
use crate::{
    Network, Pattern, PolicyError,
    github::{self, Github, Said},
    rule::From,
    tree::{Node, Value},
};

/// How much two names have to resemble each other for one to be proposed.
const ALIKE: f64 = 0.7;

impl Reader<'_> {
    pub(super) fn github(&self, node: Node) -> Result<Github, PolicyError> {
        let line = node.line;
        let mut table = self.table(node)?;
        let hosts = table.texts("hosts", |at, name| self.guarded_host(at, &name))?;
        let addresses = table.list("addresses")?.into_iter().map(|(_, node)| self.network(node));
        let addresses: Vec<Network> = addresses.collect::<Result<_, _>>()?;
        let repositories =
            table.texts("repositories", |at, text| match github::repository_problem(&text) {
                Some(problem) => self.wrong(at, format!("the repository '{text}' is {problem}")),
                None => Ok(text.to_ascii_lowercase()),
            })?;
        let nodes = match table.take_empty("nodes") {
            true => None,
            false => table.texts("nodes", |at, text| self.node_id(at, text))?,
        };
        let branches = table.texts("branches", |at, text| self.branch(at, &text))?;
        let protected = match table.take_empty("protected") {
            true => Some(BTreeSet::new()),
            false => table.texts("protected", |at, text| self.branch(at, &text))?,
        };
        let operations = table.take("operations");
        let why = table.text("why")?.map(|(_, why)| why);
        let written = if self.is_composed { table.text("from")? } else { None };
        let here = vec![From { file: self.file.to_owned(), line }];
        let from = written.and_then(|(_, from)| From::parse_all(&from)).unwrap_or(here.clone());
        table.end()?;
        // Of a policy that was composed the places of its parts are not known.
        let place = (from != here).then(|| from.first().cloned()).flatten();
        let operations = operations.map(|node| self.operations(node, place.as_ref()));
        Ok(Github {
            hosts,
            addresses,
            repositories,
            nodes: nodes.unwrap_or_default(),
            branches,
            protected,
            operations: operations.transpose()?.unwrap_or_default(),
            why,
            from,
        })
    }

    fn guarded_host(&self, line: usize, name: &str) -> Result<String, PolicyError> {
        let pattern = Pattern::parse(name).map_err(|source| PolicyError::Name {
            file: self.file.to_owned(),
            line,
            source,
        })?;
        if pattern.below {
            return self.wrong(line, format!("'{name}' is not one host; name each"));
        }
        match github::host_problem(&pattern.name) {
            Some(problem) => self.wrong(line, problem),
            None => Ok(pattern.name),
        }
    }

    fn node_id(&self, line: usize, text: String) -> Result<String, PolicyError> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+/=".contains(&byte);
        match !text.is_empty() && text.bytes().all(is_known) {
            true => Ok(text),
            false => self.wrong(line, format!("'{}' is not a node id", text.escape_debug())),
        }
    }

    fn branch(&self, line: usize, text: &str) -> Result<String, PolicyError> {
        match github::branch_problem(text) {
            Some(problem) => {
                self.wrong(line, format!("the branch '{}' is {problem}", text.escape_debug()))
            }
            None => Ok(github::full_ref(text)),
        }
    }

    fn operations(
        &self,
        node: Node,
        place: Option<&From>,
    ) -> Result<BTreeMap<Operation, Said>, PolicyError> {
        let Table { pairs, .. } = self.table(node)?;
        let read = |(name, node): (String, Node)| {
            let operation = self.operation(node.line, &name)?;
            let here = From { file: self.file.to_owned(), line: node.line };
            let from = place.cloned().unwrap_or(here);
            Ok((operation, Said { effect: self.effect(&name, &node)?, from }))
        };
        pairs.into_iter().map(read).collect()
    }

    fn operation(&self, line: usize, name: &str) -> Result<Operation, PolicyError> {
        if name == "read" {
            return self.wrong(line, "reading cannot be refused on a host that is allowed".into());
        }
        match find(name) {
            Ok(operation) => Ok(operation),
            Err(hint) => self.wrong(line, format!("unknown operation '{name}'; {hint}")),
        }
    }

    fn effect(&self, name: &str, node: &Node) -> Result<Effect, PolicyError> {
        let found = match &node.value {
            Value::Text(text) if text == "allow" => return Ok(Effect::Allow),
            Value::Text(text) if text == "refuse" => return Ok(Effect::Refuse),
            Value::Text(text) => format!("'{text}'"),
            other => other.kind().to_owned(),
        };
        self.wrong(node.line, format!("'{name}' is {found}, not \"allow\" or \"refuse\""))
    }
}

/// Returns the operation `name`; an error is what may be meant, in words.
pub fn find(name: &str) -> Result<Operation, String> {
    if let Some(operation) = Operation::ALL.into_iter().find(|one| one.name() == name) {
        return Ok(operation);
    }
    let alike = |one: &Operation| strsim::jaro(one.name(), name);
    let nearest = Operation::ALL.into_iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    match nearest.filter(|one| alike(one) > ALIKE) {
        Some(one) => Err(format!("'{one}' resembles it")),
        None => Err(format!("there are: {}", Operation::ALL.map(Operation::name).join(", "))),
    }
}
