//! What is decided without any tool.

use document::{
    Container,
    container::{Label, Port},
};

use crate::describe::keep_ports;

fn port(service: &str, host: u16) -> Port {
    Port { service: service.into(), container: 1, host: Some(host), ..Port::default() }
}

fn label(name: &str, value: &str) -> Label {
    Label { name: name.into(), value: value.into(), ..Label::default() }
}

#[test]
fn a_service_that_the_container_did_not_have_is_not_added() {
    let text =
        r#"{"schema":"container/1","name":"a","project":{"path":"/a","name":"a","hash":"0"}}"#;
    let mut container = document::parse::<Container>(text.as_bytes()).unwrap().into_inner();
    container.ports = vec![port("ssh", 2200), port("web", 3000), port("audio", 4000)];
    container.labels = vec![
        label("ctrkit.port.ssh", "2200"),
        label("ctrkit.port.web", "3000"),
        label("ctrkit.ports", "ssh:22:2200 web:3000:3000 audio:4714:4000"),
        label("ctrkit.branch", "main"),
    ];
    keep_ports(&mut container, &[port("ssh", 2200), port("audio", 4000)]);
    assert_eq!(container.ports, [port("ssh", 2200), port("audio", 4000)]);
    assert_eq!(
        container.labels,
        [
            label("ctrkit.port.ssh", "2200"),
            label("ctrkit.ports", "ssh:22:2200 audio:4714:4000"),
            label("ctrkit.branch", "main"),
        ]
    );
}
