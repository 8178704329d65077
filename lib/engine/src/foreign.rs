//! The containers of ctrkit's predecessors, which it lists and adopts.

use document::labels;

use crate::{Engine, EngineError, Summary};

/// The predecessors, and the label that is `true` on what is theirs.
const MANAGERS: [(&str, &str); 2] =
    [("l8s", labels::L8S_MANAGED), ("devagent", labels::DEVAGENT_MANAGED)];

/// What they publish, by the port in the container.
const KNOWN: [(u16, &str); 2] = [(22, "ssh"), (3000, "web")];

impl Engine {
    /// Lists the containers of the predecessors that people work in, by name:
    /// one call for each of the two, because an engine takes several filters
    /// for conditions that must all hold.
    pub fn foreign(&self) -> Result<Vec<Summary>, EngineError> {
        let mut found: Vec<Summary> = Vec::new();
        for (_, label) in MANAGERS {
            let filter = format!("label={label}=true");
            let listed = self.containers(&[&filter])?;
            let is_new = |each: &Summary| found.iter().all(|other| other.id != each.id);
            let new: Vec<_> = listed.into_iter().filter(is_new).collect();
            found.extend(new);
        }
        found.retain(|each| each.manager().is_some() && !each.is_foreign_sidecar());
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }
}

impl Summary {
    /// Returns which predecessor the container is of; one that is ctrkit's
    /// too is of none.
    #[must_use]
    pub fn manager(&self) -> Option<&'static str> {
        let is_of = |(_, label): &&(&str, &str)| self.label(label) == Some("true");
        let found = MANAGERS.iter().find(is_of).map(|(manager, _)| *manager);
        found.filter(|_| !self.is_managed())
    }

    /// Says whether it serves another container of a predecessor's.
    #[must_use]
    pub fn is_foreign_sidecar(&self) -> bool {
        let sidecar = [labels::DEVAGENT_SIDECAR_OF, labels::DEVAGENT_SIDECAR_TYPE];
        sidecar.iter().any(|label| self.label(label).is_some())
    }

    /// Returns the service that a predecessor has at a port in the container.
    pub(crate) fn foreign_service(&self, container: u16) -> Option<&'static str> {
        self.manager()?;
        KNOWN.iter().find(|(port, _)| *port == container).map(|(_, service)| *service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Published;

    fn container(labels: &[(&str, &str)]) -> Summary {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Summary { name: "dev-a".into(), labels: labels.collect(), ..Summary::default() }
    }

    #[track_caller]
    fn check(labels: &[(&str, &str)], mappings: &[(u16, u16)], expected: &str) {
        let published = |(container, host): &(u16, u16)| Published {
            container: *container,
            host: *host,
            address: "0.0.0.0".into(),
        };
        let mappings: Vec<_> = mappings.iter().map(published).collect();
        let ports = container(labels).services(&mappings);
        let found: Vec<_> = ports
            .iter()
            .map(|port| format!("{}:{}:{}", port.service, port.container, port.host.unwrap()))
            .collect();
        assert_eq!(found.join(" "), expected);
    }

    const L8S: (&str, &str) = ("l8s.managed", "true");

    #[test]
    fn ports_are_read_as_ctrkits_own_are() {
        let labels = [L8S, ("l8s.ssh.port", "2200"), ("l8s.web.port", "3000")];
        check(&labels, &[], "ssh:22:2200 web:3000:3000");
        check(&labels, &[(22, 2299), (3000, 3000)], "ssh:22:2299 web:3000:3000");
        check(&labels[..2], &[(22, 2200)], "ssh:22:2200");
        check(
            &[L8S],
            &[(22, 2200), (3000, 3001), (80, 8080)],
            "ssh:22:2200 web:3000:3001 port-80:80:8080",
        );
        check(&[("devagent.managed", "true")], &[(22, 1), (22, 2)], "ssh:22:1 port-22-2:22:2");
        check(&[], &[(22, 2200)], "port-22:22:2200");
    }

    #[test]
    fn a_port_that_is_no_port_is_passed_over() {
        check(&[L8S, ("l8s.ssh.port", "0"), ("l8s.web.port", "no")], &[], "");
    }

    #[test]
    fn the_label_says_whose_it_is() {
        assert_eq!(container(&[L8S]).manager(), Some("l8s"));
        assert_eq!(container(&[("devagent.managed", "true")]).manager(), Some("devagent"));
        assert_eq!(container(&[("l8s.managed", "false")]).manager(), None);
        assert_eq!(container(&[L8S, ("ctrkit.managed", "true")]).manager(), None);
        assert!(container(&[("devagent.sidecar_type", "proxy")]).is_foreign_sidecar());
    }
}
