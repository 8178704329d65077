//! What of a container's document says which way leads to its server.
//!
//! Nothing else of a document, and nothing of what ssh trusts, knows an
//! address.

use config::{Address, Host};
use document::{Container, container::Ssh};

/// The way to a server from now on.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// The server's URL.
    pub(crate) url: String,
    /// The server.
    pub(crate) host: Host,
    /// What ssh connects to.
    pub(crate) address: Address,
    /// The same, as the configuration writes it.
    pub(crate) text: String,
    /// All addresses of the server that the configuration knows.
    pub(crate) known: Vec<Address>,
}

/// One value of a document that is another one now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Change {
    /// The keyword of ssh_config(5) that it becomes, or the document's key.
    pub(crate) what: &'static str,
    /// The value before.
    pub(crate) old: Option<String>,
    /// The value now.
    pub(crate) new: Option<String>,
}

impl Way {
    /// Says whether the container is on the server.
    pub(crate) fn leads_to(&self, container: &Container) -> bool {
        let host = container.engine.as_ref().and_then(|engine| engine.host.as_deref());
        let host = host.and_then(|host| host.parse::<Host>().ok());
        host.is_some_and(|host| host.is_same_server(&self.host))
    }

    /// Makes the document of a container on the server go this way, and
    /// returns what changed.
    ///
    /// The last hop of ProxyJump changes, or HostName where the ports are
    /// published on the server's address itself. A way that a person has
    /// chosen, which has none of the server's addresses in it, stays.
    pub(crate) fn take(&self, container: &mut Container) -> Vec<Change> {
        let mut changes = Vec::new();
        let Some(engine) = container.engine.as_mut() else { return changes };
        let old = engine.address.replace(self.text.clone());
        let before = old.as_deref().and_then(|old| old.parse().ok());
        let before = before.unwrap_or_else(|| self.host.server.clone());
        if old != engine.address {
            changes.push(Change { what: "engine.address", old, new: engine.address.clone() });
        }
        let ssh = container.ssh.get_or_insert_default();
        if ssh.proxy_command.is_none() {
            changes.extend(self.redirect(ssh, &before));
        }
        changes
    }

    fn redirect(&self, ssh: &mut Ssh, before: &Address) -> Option<Change> {
        let is_known = |address: &Address| address == before || self.known.contains(address);
        if let (None, Some(hostname)) = (&ssh.proxy_jump, &ssh.hostname) {
            let mut known = self.known.iter().chain([before]);
            let is_ours = known.any(|known| known.host.eq_ignore_ascii_case(hostname));
            let new = Some(self.address.host.clone()).filter(|_| is_ours)?;
            let old = ssh.hostname.replace(new);
            return changed("HostName", old, ssh.hostname.clone());
        }
        let jump = ssh.proxy_jump.as_deref();
        let (first, last) = match jump.and_then(|jump| jump.rsplit_once(',')) {
            Some((first, last)) => (Some(first), Some(last)),
            None => (None, jump),
        };
        let hop = |hop: &str| hop.strip_prefix("ssh://").unwrap_or(hop).parse::<Address>().ok();
        if last.is_some_and(|last| !hop(last).is_some_and(|hop| is_known(&hop))) {
            return None;
        }
        let new = self.address.to_string();
        let new = first.map_or(new.clone(), |first| format!("{first},{new}"));
        let old = ssh.proxy_jump.replace(new);
        changed("ProxyJump", old, ssh.proxy_jump.clone())
    }
}

fn changed(what: &'static str, old: Option<String>, new: Option<String>) -> Option<Change> {
    (old != new).then_some(Change { what, old, new })
}
