//! Paths of the host that a container may see.

use std::fs;

use serde_json::json;

use super::{model, project};
use crate::{Base, Override, beneath, is_mountable};

#[test]
fn an_absolute_path_may_lie_in_the_project() {
    let project = project();
    let root = project.path().canonicalize().unwrap();
    let data = root.join("data");
    assert_eq!(beneath(&root, data.to_str().unwrap()).unwrap(), data);
    assert_eq!(beneath(project.path(), "data/./deep/").unwrap(), data.join("deep"));
    let other = project.path().join("data/deep");
    std::os::unix::fs::symlink(&root, root.join("name")).unwrap();
    let name = root.join("name");
    assert_eq!(beneath(&name, name.join("data/deep").to_str().unwrap()).unwrap(), other);
    let beside = format!("{}-other/data", root.display());
    assert!(beneath(&root, &beside).unwrap_err().reason.contains("outside"));
    assert!(beneath(&root, root.to_str().unwrap()).unwrap_err().reason.contains("root"));
}

#[test]
fn a_path_is_judged_anew_each_time() {
    let project = project();
    assert!(beneath(project.path(), "data").is_ok());
    fs::rename(project.path().join("data"), project.path().join("moved")).unwrap();
    std::os::unix::fs::symlink("/etc", project.path().join("data")).unwrap();
    assert!(beneath(project.path(), "data").unwrap_err().reason.contains("symbolic link"));
}

#[test]
fn what_the_container_can_write_is_not_mounted_again() {
    let project = project();
    let root = project.path().canonicalize().unwrap();
    let mut model = model();
    let mounts = model["services"]["app"]["volumes"].as_array_mut().unwrap();
    mounts.push(json!({"type": "bind", "source": root.join("data"), "target": "/d"}));
    let refused = |model: &serde_json::Value| {
        let base = Base { model, app: "app", project: &root, engine_is_here: true };
        let text = "services: {app: {volumes: ['./data/deep:/x:ro']}}";
        Override::parse("f", text, &base).err().map(|error| error.to_string())
    };
    assert!(refused(&model).unwrap().contains("can write"));
    model["services"]["app"]["volumes"][3]["read_only"] = json!(true);
    assert_eq!(refused(&model), None);
}

#[test]
fn an_engine_elsewhere_has_no_project() {
    let project = project();
    let model = model();
    let base = Base { model: &model, app: "app", project: project.path(), engine_is_here: false };
    let text = "services: {app: {volumes: ['./data:/x:ro']}}";
    let error = Override::parse("f", text, &base).unwrap_err().to_string();
    assert!(error.contains("another machine"), "{error}");
    let text = "services: {app: {volumes: ['data:/x']}}\nvolumes: {data: }";
    Override::parse("f", text, &base).unwrap();
}

#[test]
fn a_directory_with_too_many_files_is_not_looked_through() {
    let project = project();
    let many = project.path().join("many");
    fs::create_dir(&many).unwrap();
    for number in 0..=50 {
        let directory = many.join(number.to_string());
        fs::create_dir(&directory).unwrap();
        for number in 0..1000 {
            let (file, link) = (directory.join("0"), directory.join(number.to_string()));
            if number == 0 {
                fs::write(file, "").unwrap()
            } else {
                fs::hard_link(file, link).unwrap()
            }
        }
    }
    assert!(beneath(project.path(), "many").unwrap_err().reason.contains("too many"));
    assert!(beneath(project.path(), "many/1").is_ok());
}

#[test]
fn a_path_that_tools_would_split_cannot_be_mounted() {
    for path in ["", "/a:b", "/a,b", "/a\"b", "/a\\b", "/a\nb", "/a\u{85}b"] {
        assert!(!is_mountable(path), "{path:?}");
    }
    for path in ["/a b", "/ü😀", "/a$b", "/-a", "/a'b", "/a#b"] {
        assert!(is_mountable(path), "{path:?}");
    }
}
