//! Data in, data out: no engine, no ssh client, no network.

mod sshd;

use document::{
    Container, Extra,
    container::{Project, Variable},
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
