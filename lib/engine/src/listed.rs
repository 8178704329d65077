//! What the engine says of a container, in the words of `containers/1`.

use std::path::PathBuf;

use document::{
    container::Port,
    containers::{Listed, ListedIsolation, ListedProject},
    labels,
};

use crate::{Published, Summary};

/// The services that have a label of their own, and the ports that they
/// listen on where the label `ctrkit.ports` does not say it.
const SERVICES: [(&str, &str, u16); 5] = [
    ("ssh", labels::PORT_SSH, 22),
    ("web", labels::PORT_WEB, 3000),
    ("audio", labels::PORT_AUDIO, 4714),
    ("ssh", labels::L8S_SSH_PORT, 22),
    ("web", labels::L8S_WEB_PORT, 3000),
];

impl Summary {
    /// Returns the container as an element of `containers/1`.
    #[must_use]
    pub fn listed(&self) -> Listed {
        let label = |name| self.label(name).map(str::to_owned);
        let project = self.label(labels::PROJECT_HASH).map(|hash| ListedProject {
            path: self.label(labels::PROJECT_PATH).map(PathBuf::from),
            name: label(labels::PROJECT_NAME),
            hash: hash.to_owned(),
            ..ListedProject::default()
        });
        Listed {
            name: self.name.clone(),
            id: self.id.clone(),
            status: self.status.clone(),
            image: self.image.clone(),
            created: self.created.clone(),
            manager: self.manager().map(str::to_owned),
            user: label(labels::REMOTE_USER).or_else(|| label(labels::DEVAGENT_REMOTE_USER)),
            workspace: label(labels::WORKSPACE),
            branch: label(labels::BRANCH),
            project,
            ports: self.services(&self.ports),
            audio: label(labels::AUDIO),
            isolation: label(labels::ISOLATION)
                .map(|mode| ListedIsolation { mode, ..ListedIsolation::default() }),
            ..Listed::default()
        }
    }

    /// Returns the container's ports: where `published` has one, it counts,
    /// and the labels where it has none.
    ///
    /// A port that no label names is called after its number in the
    /// container, such as `port-8080`. A port without an address is one that
    /// is not published at this moment.
    #[must_use]
    pub fn services(&self, published: &[Published]) -> Vec<Port> {
        let mut ports = self.labelled();
        let mut others = Vec::new();
        for each in published {
            let same = |port: &&mut Port| port.container == each.container;
            match ports.iter_mut().find(same) {
                Some(port) if port.address.is_none() || port.host == Some(each.host) => {
                    port.host = Some(each.host);
                    port.address.get_or_insert_with(|| each.address.clone());
                }
                _ => others.push(self.unnamed(each, &others)),
            }
        }
        ports.extend(others.into_iter().flatten());
        ports
    }

    /// Returns the ports that the labels speak of.
    fn labelled(&self) -> Vec<Port> {
        let all = self.label(labels::PORTS).unwrap_or_default();
        let mut ports: Vec<_> = all.split(' ').filter_map(labelled).collect();
        for (service, label, container) in SERVICES {
            let host =
                self.label(label).and_then(|port| port.parse().ok()).filter(|port| *port != 0);
            if host.is_some() && ports.iter().all(|port| port.service != service) {
                let service = service.to_owned();
                ports.push(Port { service, container, host, ..Port::default() });
            }
        }
        ports
    }

    /// Returns a port that no label names, unless it is among `others` already,
    /// as one that is published for IPv4 and for IPv6 is.
    fn unnamed(&self, published: &Published, others: &[Option<Port>]) -> Option<Port> {
        let Published { container, host, address } = published;
        let others = || others.iter().flatten().filter(|port| port.container == *container);
        if others().any(|port| port.host == Some(*host)) {
            return None;
        }
        let service = match (others().next(), self.foreign_service(*container)) {
            (None, Some(service)) => service.to_owned(),
            (None, None) => format!("port-{container}"),
            (Some(_), _) => format!("port-{container}-{host}"),
        };
        let (host, address) = (Some(*host), Some(address.clone()));
        Some(Port { service, container: *container, host, address, ..Port::default() })
    }
}

/// Reads one `service:container:host` of the label `ctrkit.ports`.
fn labelled(text: &str) -> Option<Port> {
    let (rest, host) = text.rsplit_once(':')?;
    let (service, container) = rest.rsplit_once(':')?;
    Some(Port {
        service: service.to_owned(),
        container: container.parse().ok()?,
        host: Some(host.parse().ok()?),
        ..Port::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(labels: &[(&str, &str)]) -> Summary {
        let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Summary { name: "dev-a".into(), labels: labels.collect(), ..Summary::default() }
    }

    fn published(text: &str) -> Published {
        let parts: Vec<_> = text.split(' ').collect();
        let [address, host, container] = parts[..] else { panic!("{text}") };
        let (host, container) = (host.parse().unwrap(), container.parse().unwrap());
        Published { container, host, address: address.to_owned() }
    }

    #[track_caller]
    fn check(labels: &[(&str, &str)], mappings: &[&str], expected: &[&str]) {
        let mappings: Vec<_> = mappings.iter().map(|text| published(text)).collect();
        let found = container(labels).services(&mappings).into_iter().map(|port| {
            let Port { service, container, host, address, .. } = port;
            let address = address.unwrap_or("-".into());
            format!("{service} {container} {} {address}", host.unwrap_or_default())
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_mapping_outweighs_a_label() {
        let labels = [("ctrkit.ports", "ssh:22:2200 web:3000:3000 audio:4714:4714")];
        let mappings = ["127.0.0.1 2299 22", "127.0.0.1 3000 3000"];
        let expected = ["ssh 22 2299 127.0.0.1", "web 3000 3000 127.0.0.1", "audio 4714 4714 -"];
        check(&labels, &mappings, &expected);
    }

    #[test]
    fn labels_count_where_there_is_no_mapping() {
        let labels = [("ctrkit.port.ssh", "2200"), ("ctrkit.port.web", "3000")];
        check(&labels, &[], &["ssh 22 2200 -", "web 3000 3000 -"]);
    }

    #[test]
    fn services_of_a_persons_own_have_their_names() {
        let labels = [("ctrkit.ports", "db:5432:5440"), ("ctrkit.port.ssh", "2200")];
        check(&labels, &["::1 5440 5432"], &["db 5432 5440 ::1", "ssh 22 2200 -"]);
    }

    #[test]
    fn mappings_that_no_label_names_are_there_once() {
        let mappings = ["0.0.0.0 8080 80", ":: 8080 80", "0.0.0.0 8081 80"];
        check(&[], &mappings, &["port-80 80 8080 0.0.0.0", "port-80-8081 80 8081 0.0.0.0"]);
    }

    #[test]
    fn a_service_that_is_published_twice_keeps_its_name_once() {
        let labels = [("ctrkit.ports", "ssh:22:2200")];
        let mappings = ["127.0.0.1 2200 22", "::1 2200 22", "127.0.0.1 2300 22"];
        check(&labels, &mappings, &["ssh 22 2200 127.0.0.1", "port-22 22 2300 127.0.0.1"]);
    }

    #[test]
    fn labels_that_are_not_ports_are_passed_over() {
        let labels = [("ctrkit.ports", "ssh:22 web:x:1 :: a:1:70000"), ("ctrkit.port.ssh", "no")];
        check(&labels, &[], &[]);
    }

    #[test]
    fn the_project_comes_from_the_labels() {
        let labels = [("ctrkit.project.hash", "0"), ("ctrkit.project.path", "/a")];
        let listed = container(&labels).listed();
        assert_eq!(listed.project.unwrap().path, Some("/a".into()));
        assert_eq!(container(&[]).listed().project, None);
    }
}
