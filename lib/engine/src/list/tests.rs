//! The engines' answers, in the shapes that they were seen in.

use super::*;

#[test]
fn podman_lists_an_array() {
    let text = r#"[{"Id":"ab","Names":["dev-a"],"Image":"localhost/x:latest","State":"exited","Created":1795334400,"Labels":{"ctrkit.managed":"true","ctrkit.project.path":"/a,b"},"Ports":[{"host_ip":"127.0.0.1","container_port":22,"host_port":2200,"range":1,"protocol":"tcp"},{"host_ip":"","container_port":80,"host_port":8080,"range":2,"protocol":"tcp"},{"host_ip":"","container_port":53,"host_port":53,"range":1,"protocol":"udp"}]}]"#;
    let [container] = &parse_podman(text).unwrap()[..] else { panic!("not one container") };
    assert_eq!((container.name.as_str(), container.status.as_str()), ("dev-a", "stopped"));
    assert_eq!(container.created.as_deref(), Some("2026-11-22T08:00:00Z"));
    assert_eq!(container.label("ctrkit.project.path"), Some("/a,b"));
    assert!(container.is_managed());
    let hosts: Vec<_> = container.ports.iter().map(|port| (port.container, port.host)).collect();
    assert_eq!(hosts, [(22, 2200), (80, 8080), (81, 8081)]);
}

#[test]
fn podman_may_list_null() {
    assert_eq!(parse_podman("null").unwrap(), []);
    assert_eq!(parse_podman("[]").unwrap(), []);
}

#[test]
fn docker_lists_lines() {
    let text = r#"{"ID":"cd","Names":"dev-a","Image":"x","State":"running","CreatedAt":"2026-11-22 09:00:00 +0100 CET","Ports":"127.0.0.1:2200->22/tcp, [::1]:3000-3001->3000-3001/tcp, 80/tcp, 0.0.0.0:53->53/udp","Labels":{"ctrkit.managed":"true","ctrkit.name":""}}
"#;
    let [container] = &parse_docker(text).unwrap()[..] else { panic!("not one container") };
    assert_eq!(container.created.as_deref(), Some("2026-11-22T08:00:00Z"));
    assert_eq!(container.label("ctrkit.name"), None);
    let hosts: Vec<_> = container.ports.iter().map(|port| (port.container, port.host)).collect();
    assert_eq!(hosts, [(22, 2200), (3000, 3000), (3001, 3001)]);
    assert_eq!(container.ports[1].address, "::1");
}

#[test]
fn the_template_asks_for_each_label() {
    assert_eq!(
        docker_format(&["a.b"]),
        r#"{"ID":{{json .ID}},"Names":{{json .Names}},"Image":{{json .Image}},"State":{{json .State}},"CreatedAt":{{json .CreatedAt}},"Ports":{{json .Ports}},"Labels":{"a.b":{{json (.Label "a.b")}}}}"#
    );
}

#[test]
fn volumes_come_with_the_labels_that_count_or_with_all() {
    let text = r#"{"name":"a","labels":{"ctrkit.name":"dev-a","ctrkit.authority":""}}
{"name":"b","labels":{"x":"y","ctrkit.name":"dev-b","ctrkit.authority":"SHA256:b","ctrkit.sidecar.of":"0"}}
{"name":"c","labels":null}
"#;
    let volumes = parse_volumes(text).unwrap();
    let found: Vec<_> = volumes.iter().map(|volume| volume.container.as_deref()).collect();
    assert_eq!(found, [Some("dev-a"), Some("dev-b"), None]);
    let authorities: Vec<_> = volumes.iter().map(|volume| volume.authority.as_deref()).collect();
    assert_eq!(authorities, [None, Some("SHA256:b"), None]);
    assert_eq!(volumes[1].sidecar_of.as_deref(), Some("0"));
}

#[test]
fn networks_come_with_their_labels() {
    let text = r#"[{"name":"n","id":"0","labels":{"ctrkit.name":"a,b"}},{"name":"m"}]"#;
    let found = parse_networks(text).unwrap();
    assert_eq!(found[0].label("ctrkit.name"), Some("a,b"));
    assert_eq!(found[1].label("ctrkit.name"), None);
    assert_eq!(parse_networks("null").unwrap(), []);
}

#[test]
fn a_name_in_storage_alone_is_no_container() {
    let text = r#"[{"Id":"ab","Names":["dev-a"],"Image":"","State":"storage","Created":0,"Labels":null,"Ports":null}]"#;
    assert!(parse_podman(text).unwrap()[0].is_external);
}
