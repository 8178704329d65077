//! From the text of a policy to its entries, strictly.

use std::collections::{BTreeSet, HashMap};

use document::{Document, policy::Limits};

use crate::{
    Network, Pattern, PolicyError, Template,
    rule::{From, Manner, PLAIN_PORT, Policy, Rule, TLS_PORT, WEB_PORTS},
    tree::{self, Malformed, Node, Value},
};

mod github;
mod secret;

pub use github::find as find_operation;

const SEE: &str = "ctrkit-policy(5) has all keys; a newer ctrkit may know more";

/// Reads the policy in `text`; `file` is its name in errors and in places.
///
/// An entry that names its own place in `from` is one that filtergen has
/// written, and keeps it.
pub fn parse(file: &str, text: &str) -> Result<Policy, PolicyError> {
    read(Reader { file, is_composed: true }, text)
}

/// Reads as [`parse`] does, and lets no entry name another place than its own.
pub fn parse_foreign(file: &str, text: &str) -> Result<Policy, PolicyError> {
    read(Reader { file, is_composed: false }, text)
}

fn read(reader: Reader<'_>, text: &str) -> Result<Policy, PolicyError> {
    let file = reader.file;
    if text.trim().is_empty() {
        return Err(PolicyError::Empty { file: file.to_owned() });
    }
    let root = tree::parse(text).map_err(|error| reader.malformed(error))?;
    let policy = reader.policy(root)?;
    if policy.is_empty() {
        return Err(PolicyError::Empty { file: file.to_owned() });
    }
    reader.no_name_twice(&policy.rules)?;
    Ok(policy)
}

struct Reader<'a> {
    file: &'a str,
    /// Whether entries may name the place that they come from.
    is_composed: bool,
}

/// The keys of one table that are not read yet.
struct Table<'a> {
    reader: &'a Reader<'a>,
    line: usize,
    pairs: Vec<(String, Node)>,
    known: Vec<&'static str>,
}

impl Reader<'_> {
    fn policy(&self, root: Node) -> Result<Policy, PolicyError> {
        let mut table = self.table(root)?;
        let schema = table.text("schema")?;
        match &schema {
            Some((_, schema)) if schema == document::Policy::SCHEMA => {}
            Some((line, found)) => {
                return self.wrong(*line, format!("the schema is '{found}', not 'policy/1'"));
            }
            None => return self.wrong(1, "there is no 'schema = \"policy/1\"'".to_owned()),
        }
        table.text("why")?;
        let allow = table.list("allow")?;
        let passthrough = table.list("passthrough")?;
        let github = table.take("github").map(|node| self.github(node)).transpose()?;
        let secrets = table.list("secret")?;
        let limits = table.take("limits");
        table.end()?;
        let allow = allow.into_iter().map(|(line, node)| self.allow(line, node));
        let passthrough = passthrough.into_iter().map(|(line, node)| self.passthrough(line, node));
        let rules = allow.chain(passthrough).collect::<Result<_, _>>()?;
        let secrets = secrets.into_iter().map(|(line, node)| self.secret(line, node));
        let secrets = secrets.collect::<Result<_, _>>()?;
        let limits = limits.map(|node| self.limits(node)).transpose()?.unwrap_or_default();
        Ok(Policy { rules, github, secrets, limits })
    }

    fn allow(&self, line: usize, node: Node) -> Result<Rule, PolicyError> {
        let mut table = self.table(node)?;
        let methods = table.list("methods")?;
        let methods = methods.into_iter().map(|(_, node)| self.method(node));
        let methods: BTreeSet<_> = methods.collect::<Result<_, _>>()?;
        let paths = table.texts("paths", |at, path| match Template::parse(&path) {
            Ok(template) => Ok(template),
            Err(problem) => self.wrong(at, problem),
        })?;
        let manner = Manner::Inspect {
            methods: (!methods.is_empty()).then_some(methods),
            paths,
            websockets: table.boolean("websockets")?.unwrap_or(false),
        };
        self.rule(line, table, manner, &WEB_PORTS)
    }

    fn passthrough(&self, line: usize, node: Node) -> Result<Rule, PolicyError> {
        let table = self.table(node)?;
        let rule = self.rule(line, table, Manner::Passthrough, &[TLS_PORT])?;
        if rule.ports.contains(&PLAIN_PORT) {
            let message = format!("port {PLAIN_PORT} has no TLS that could be passed through");
            return self.wrong(line, message);
        }
        Ok(rule)
    }

    /// Reads the keys that both kinds of entries have.
    fn rule(
        &self,
        line: usize,
        mut table: Table<'_>,
        manner: Manner,
        standard: &[u16],
    ) -> Result<Rule, PolicyError> {
        let Some((at, name)) = table.text("name")? else {
            return self.wrong(line, "the entry has no 'name'".to_owned());
        };
        let pattern = Pattern::parse(&name).map_err(|source| PolicyError::Name {
            file: self.file.to_owned(),
            line: at,
            source,
        })?;
        let ports = table.list("ports")?.into_iter().map(|(_, node)| self.port(&node));
        let mut ports: BTreeSet<_> = ports.collect::<Result<_, _>>()?;
        if ports.is_empty() {
            ports.extend(standard);
        }
        let addresses = table.list("addresses")?.into_iter().map(|(_, node)| self.network(node));
        let addresses = addresses.collect::<Result<_, _>>()?;
        let log = table.boolean("log")?.unwrap_or(true);
        let why = table.text("why")?.map(|(_, why)| why);
        let from = if self.is_composed { table.text("from")? } else { None };
        let from = from.and_then(|(_, from)| From::parse(&from));
        let from = from.unwrap_or(From { file: self.file.to_owned(), line: at });
        table.end()?;
        Ok(Rule { pattern, ports, manner, addresses, log, why, from })
    }

    fn limits(&self, node: Node) -> Result<Limits, PolicyError> {
        let mut table = self.table(node)?;
        let limits = Limits {
            log_bytes: table.number("log_bytes", 64 << 10)?,
            log_files: table.number("log_files", 1)?,
            request_bytes: table.number("request_bytes", 1)?,
        };
        table.end()?;
        Ok(limits)
    }

    fn method(&self, node: Node) -> Result<String, PolicyError> {
        let Value::Text(method) = node.value else {
            return self.wrong(node.line, format!("a method is {}", node.value.kind()));
        };
        if method.is_empty()
            || !method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        {
            let message = format!("'{method}' is not a method; they are written as 'GET'");
            return self.wrong(node.line, message);
        }
        if matches!(method.as_str(), "CONNECT" | "TRACE") {
            return self.wrong(node.line, format!("the method '{method}' is never let through"));
        }
        Ok(method)
    }

    fn port(&self, node: &Node) -> Result<u16, PolicyError> {
        match &node.value {
            Value::Integer(port @ 1..=0xffff) => Ok(u16::try_from(*port).unwrap_or(TLS_PORT)),
            Value::Integer(port) => {
                self.wrong(node.line, format!("{port} is not a port: they go from 1 to 65535"))
            }
            other => self.wrong(node.line, format!("a port is {}", other.kind())),
        }
    }

    fn network(&self, node: Node) -> Result<Network, PolicyError> {
        let Value::Text(text) = node.value else {
            return self.wrong(node.line, format!("a network is {}", node.value.kind()));
        };
        match Network::parse(&text) {
            Some(network) => Ok(network),
            None => {
                self.wrong(node.line, format!("'{text}' is not a network, such as '10.0.0.0/8'"))
            }
        }
    }

    fn table(&self, node: Node) -> Result<Table<'_>, PolicyError> {
        match node.value {
            Value::Table(pairs) => {
                Ok(Table { reader: self, line: node.line, pairs, known: Vec::new() })
            }
            other => self.wrong(node.line, format!("expected a table, found {}", other.kind())),
        }
    }

    /// Two entries for one name are most often a mistake of one of them.
    fn no_name_twice(&self, rules: &[Rule]) -> Result<(), PolicyError> {
        let mut seen: HashMap<&Pattern, &Rule> = HashMap::new();
        for rule in rules {
            // Entries of a policy that filtergen has composed may repeat.
            match seen.insert(&rule.pattern, rule) {
                Some(first) if first.from.file == rule.from.file => {
                    return Err(PolicyError::Duplicate {
                        file: self.file.to_owned(),
                        name: rule.pattern.to_string(),
                        line: first.from.line,
                        again: rule.from.line,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn malformed(&self, Malformed { line, message }: Malformed) -> PolicyError {
        let file = self.file.to_owned();
        PolicyError::Malformed { file, line, message, hint: SEE.to_owned() }
    }

    fn wrong<T>(&self, line: usize, message: String) -> Result<T, PolicyError> {
        Err(self.malformed(Malformed { line, message }))
    }
}

impl Table<'_> {
    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let at = self.pairs.iter().position(|(found, _)| found == key)?;
        Some(self.pairs.swap_remove(at).1)
    }

    fn text(&mut self, key: &'static str) -> Result<Option<(usize, String)>, PolicyError> {
        match self.take(key) {
            None => Ok(None),
            Some(Node { line, value: Value::Text(text) }) => Ok(Some((line, text))),
            Some(node) => self.expected(key, "a string", &node),
        }
    }

    fn boolean(&mut self, key: &'static str) -> Result<Option<bool>, PolicyError> {
        match self.take(key) {
            None => Ok(None),
            Some(Node { value: Value::Boolean(value), .. }) => Ok(Some(value)),
            Some(node) => self.expected(key, "true or false", &node),
        }
    }

    fn number(&mut self, key: &'static str, least: u64) -> Result<Option<u64>, PolicyError> {
        match self.take(key) {
            None => Ok(None),
            Some(Node { value: Value::Integer(number), .. }) if number >= least => Ok(Some(number)),
            Some(node) => self.expected(key, &format!("a number of at least {least}"), &node),
        }
    }

    /// Takes a list; each item comes with the line of its own beginning. A
    /// list that is there and empty would mean more than one with an item.
    fn list(&mut self, key: &'static str) -> Result<Vec<(usize, Node)>, PolicyError> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Node { line, value: Value::List(items) }) if items.is_empty() => {
                self.reader.wrong(line, format!("'{key}' is empty; leave it out"))
            }
            Some(Node { value: Value::List(items), .. }) => {
                Ok(items.into_iter().map(|node| (node.line, node)).collect())
            }
            Some(node) => self.expected(key, "a list", &node),
        }
    }

    /// Takes a list of strings, each made by `read` into what it stands for.
    fn texts<T: Ord>(
        &mut self,
        key: &'static str,
        read: impl Fn(usize, String) -> Result<T, PolicyError>,
    ) -> Result<Option<BTreeSet<T>>, PolicyError> {
        let mut items = BTreeSet::new();
        for (line, node) in self.list(key)? {
            let Value::Text(text) = node.value else {
                let found = node.value.kind();
                return self.reader.wrong(line, format!("'{key}' has {found}, not a string"));
            };
            items.insert(read(line, text)?);
        }
        Ok((!items.is_empty()).then_some(items))
    }

    /// Takes a list that is there and empty, where that means something.
    fn take_empty(&mut self, key: &'static str) -> bool {
        let is_empty = |node: &Node| matches!(&node.value, Value::List(items) if items.is_empty());
        let found = self.pairs.iter().any(|(name, node)| name == key && is_empty(node));
        found && self.take(key).is_some()
    }

    fn expected<T>(&self, key: &str, wanted: &str, node: &Node) -> Result<T, PolicyError> {
        let found = node.value.kind();
        self.reader.wrong(node.line, format!("'{key}' is {found}, not {wanted}"))
    }

    /// Refuses what is left over: a key that nobody reads is a mistake.
    fn end(self) -> Result<(), PolicyError> {
        let Some((key, node)) = self.pairs.first() else { return Ok(()) };
        let known = self.known.join(", ");
        let line = node.line.max(self.line);
        self.reader.wrong(line, format!("unknown key '{key}'; the keys here are: {known}"))
    }
}
