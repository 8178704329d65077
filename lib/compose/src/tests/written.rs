//! What the text is, and what has none.

use serde_json::json;

use crate::to_text;

#[test]
fn the_text_is_json_of_which_people_read_a_line_for_each_key() {
    let model = json!({"services": {"app": {"command": ["a", "ü😀"], "cap_add": [], "x": {}}}});
    let text = to_text(&model).unwrap();
    assert_eq!(
        text,
        "{\n  \"services\": {\n    \"app\": {\n      \"command\": [\n        \"a\",\n        \
         \"ü😀\"\n      ],\n      \"cap_add\": [],\n      \"x\": {}\n    }\n  }\n}\n"
    );
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), model);
}

#[test]
fn values_are_escaped_where_a_reader_would_change_them() {
    for (value, text) in [
        (json!("a$b$$"), "\"a$$b$$$$\""),
        (json!("\"\\\n\t\r\u{1b}\u{7f}"), r#""\"\\\n\t\u000d\u001b\u007f""#),
        (json!("\u{85}\u{2028}\u{feff}\u{fffe}"), r#""\u0085\u2028\ufeff\ufffe""#),
        (json!(1e3), "1000.0"),
        (json!(1e-7), "0.0000001"),
        (json!(-0.0), "-0.0"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!([null, true, -1]), "[\n  null,\n  true,\n  -1\n]"),
    ] {
        assert_eq!(to_text(&value).unwrap(), format!("{text}\n"));
    }
}

#[test]
fn what_cannot_be_written_is_named() {
    let long = "k".repeat(1000);
    for (model, says) in [
        (
            json!({"a": {"b c": [1, "x\0"]}}),
            "a.\"b c\"[1] cannot be written to a Compose file: it has a NUL, which no program can be given",
        ),
        (json!({"a": {"b\0": 1}}), "a.\"b\\0\" cannot"),
        (json!({"labels": {"a$b": 1}}), "labels.\"a$b\" cannot"),
        (json!({"a": {"x-b": 1}}), "begins with 'x-'"),
        (json!({long: 1}), "too long"),
    ] {
        let error = to_text(&model).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    to_text(&json!({"x-podman": {}, "networks": {"net": {"x-podman.disable_dns": true}}})).unwrap();
}
