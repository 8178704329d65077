//! Tests of what is read from the configuration of package managers.

use std::{fs, path::Path};

use toolkit::Failure;

use super::{Machine, read};

/// Returns `NAME PORTS FILE:LINE` of each entry for a machine with `files`.
fn found_with(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut machine = Machine::below(root);
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    machine.variables = variables.collect();
    let Ok(policy) = read(&machine) else { return Vec::new() };
    let prefix = format!("{}/", root.display());
    let show = |rule: &crate::Rule| {
        let from = rule.from.to_string().replace(&prefix, "");
        format!("{} {:?} {from}", rule.pattern, rule.ports)
    };
    policy.rules.iter().map(show).collect()
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(found_with(files, &[]), expected);
}

#[test]
fn npm() {
    check(
        &[(
            "root/.npmrc",
            "; c\n@x:registry = https://npm.corp.example:8443/x/\nregistry=http://r.corp.example\n//r/:_authToken=s\n",
        )],
        &["npm.corp.example {8443} root/.npmrc:2", "r.corp.example {80} root/.npmrc:3"],
    );
}

const NPM: &str =
    "usr/lib/node_modules/npm/node_modules/@npmcli/config/lib/definitions/definitions.js";
const NPM_TEXT: &str = "define('other', {\n  default: 'https://other.example/',\n})\ndefine('registry', {\n  default: 'https://npm.example/',\n  type: url,\n})\n";

#[test]
fn the_default_of_npm_holds_where_nothing_is_configured() {
    check(&[(NPM, NPM_TEXT)], &[&format!("npm.example {{443}} {NPM}:5")]);
    check(
        &[(NPM, NPM_TEXT), ("etc/npmrc", "registry=https://corp.example/\n")],
        &["corp.example {443} etc/npmrc:1"],
    );
}

#[test]
fn pip() {
    check(
        &[(
            "etc/pip.conf",
            "[global]\nindex-url = https://pip.corp.example/simple\nextra-index-url =\n    https://a.example/simple\n    https://b.example/simple\nfind-links = /opt/wheels\n",
        )],
        &[
            "a.example {443} etc/pip.conf:4",
            "b.example {443} etc/pip.conf:5",
            "pip.corp.example {443} etc/pip.conf:2",
        ],
    );
    let index = "usr/lib/python3/dist-packages/pip/_internal/models/index.py";
    let text = "PyPI = PackageIndex(\"https://p.example/\", file_storage_domain=\"files.example\")\nTestPyPI = PackageIndex(\n    \"https://test.example/\", file_storage_domain=\"t.example\"\n)\n";
    check(
        &[
            (index, text),
            ("root/.pip/pip.conf", "[global]\nextra-index-url = https://x.example/\n"),
        ],
        &[
            &format!("files.example {{443}} {index}:1"),
            &format!("p.example {{443}} {index}:1"),
            "x.example {443} root/.pip/pip.conf:2",
        ],
    );
}

#[test]
fn cargo() {
    check(
        &[
            (
                "root/.cargo/config.toml",
                "[source.crates-io]\nreplace-with = \"m\"\n[source.m]\nregistry = \"sparse+https://cargo.corp.example/index/\"\n[registries.own]\nindex = \"https://own.example/git\"\n",
            ),
            (
                "home/dev/.cargo/registry/index/index.example-1949cf8c6b5b557f/config.json",
                "{\"dl\":\"https://dl.example/{crate}/x\",\"api\":\"https://api.example\"}",
            ),
        ],
        &[
            "cargo.corp.example {443} root/.cargo/config.toml:4",
            "dl.example {443} home/dev/.cargo/registry/index/index.example-1949cf8c6b5b557f/config.json:1",
            "index.example {443} home/dev/.cargo/registry/index/index.example-1949cf8c6b5b557f/config.json:1",
            "own.example {443} root/.cargo/config.toml:6",
        ],
    );
}

#[test]
fn go() {
    let system =
        ("usr/local/go/go.env", "# d\nGOPROXY=https://proxy.example,direct\nGOSUMDB=sum.example\n");
    check(
        &[system],
        &["proxy.example {443} usr/local/go/go.env:2", "sum.example {443} usr/local/go/go.env:3"],
    );
    let personal =
        ("root/.config/go/env", "GOPROXY=http://goproxy.corp.example:3000|off\nGOSUMDB=off\n");
    check(&[system, personal], &["goproxy.corp.example {3000} root/.config/go/env:1"]);
    assert_eq!(
        found_with(
            &[system, personal],
            &[("GOPROXY", "https://e.example"), ("GOSUMDB", "s.example+key https://m.example/s")]
        ),
        ["e.example {443} $GOPROXY:1", "m.example {443} $GOSUMDB:1"],
    );
}

#[test]
fn apt() {
    check(
        &[
            (
                "etc/apt/sources.list",
                "# deb http://no.example/ x main\ndeb [arch=amd64 signed-by=/k] http://a.example/debian x main\ndeb-src https://b.example/debian x main\ndebug http://no.example\ndeb cdrom:[x]/ x main\ndeb http://10.0.0.1/ x main\n",
            ),
            (
                "etc/apt/sources.list.d/c.sources",
                "Types: deb\nURIs: http://c.example/\n https://d.example:444/\nSuites: x\n\nEnabled: no\nURIs: http://no.example/\n\n# c\nuris: mirror+https://e.example/m\n",
            ),
            ("etc/apt/sources.list.d/off.list.disabled", "deb http://no.example/ x main\n"),
        ],
        &[
            "a.example {80} etc/apt/sources.list:2",
            "b.example {443} etc/apt/sources.list:3",
            "c.example {80} etc/apt/sources.list.d/c.sources:2",
            "d.example {444} etc/apt/sources.list.d/c.sources:3",
            "e.example {443} etc/apt/sources.list.d/c.sources:10",
        ],
    );
}

#[test]
fn variables_and_several_ports_of_one_name() {
    let variables = [
        ("PIP_INDEX_URL", "https://u:p@a.example/simple"),
        ("PIP_EXTRA_INDEX_URL", "https://a.example:8443/simple https://b.example"),
        ("npm_config_registry", "http://a.example/"),
    ];
    assert_eq!(
        found_with(&[], &variables),
        [
            "a.example {80, 443, 8443} $npm_config_registry:1",
            "b.example {443} $PIP_EXTRA_INDEX_URL:1"
        ],
    );
}

#[test]
fn nothing_found_is_an_error_and_only_reading_is_allowed() {
    let error = read(&Machine::below(Path::new("/nonexistent"))).unwrap_err();
    assert_eq!(error.kind(), "empty-policy");
    let machine = Machine {
        variables: vec![("npm_config_registry".to_owned(), "https://a.example/".to_owned())],
        ..Machine::default()
    };
    let text = serde_json::to_string(&read(&machine).unwrap().document()).unwrap();
    assert!(text.contains(r#""methods":["GET","HEAD"]"#), "{text}");
}
