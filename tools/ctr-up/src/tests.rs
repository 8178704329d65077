//! Data in, data out: no engine, no ssh client, no network.

mod archive;
mod check;
mod create;
mod files;
mod journal;
mod judge;
mod openssh;
mod place;
mod probe;
mod spec;
mod sshd;

use document::{
    Container, Extra,
    container::{Port, Project, Variable},
};

/// Returns a document as it comes out of the plan tools, but for its size.
fn container() -> Container {
    let project = Project {
        path: "/home/me/myapp".into(),
        name: "myapp".into(),
        hash: "b3e5ed000000".into(),
        branch: Some("main".into()),
        extra: Extra::new(),
    };
    let mut container = Container::new("dev-myapp-b3e5ed".into(), project);
    container.image = Some("localhost/ctrkit-base:latest".into());
    container.user = Some("dev".into());
    container.workspace = Some("/workspace/myapp".into());
    container
}

fn variable(name: &str, value: &str) -> Variable {
    Variable { name: name.into(), value: value.into(), ..Variable::default() }
}

fn port(service: &str, container: u16, host: u16, address: Option<&str>) -> Port {
    let (service, address) = (service.into(), address.map(str::to_owned));
    Port { service, container, host: Some(host), address, ..Port::default() }
}
