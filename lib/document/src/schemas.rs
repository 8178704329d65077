//! The JSON Schemas of the documents, made from their types.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use crate::{
    AudioStatus, Connections, Container, Containers, Diff, Doctor, Document, ErrorReport, Event,
    Policy, PolicyDiff, Ports, Sessions, Templates, Verify, Worktrees,
};

/// Returns the name of the file and the schema of each document.
///
/// The dialect is JSON Schema 2020-12. Objects are open: unknown keys are kept.
#[must_use]
pub fn all() -> Vec<(String, Schema)> {
    vec![
        schema::<Container>(),
        schema::<Containers>(),
        schema::<Connections>(),
        schema::<Sessions>(),
        schema::<Templates>(),
        schema::<Policy>(),
        schema::<PolicyDiff>(),
        schema::<Ports>(),
        schema::<ErrorReport>(),
        schema::<Event>(),
        schema::<Doctor>(),
        schema::<Verify>(),
        schema::<Diff>(),
        schema::<AudioStatus>(),
        schema::<Worktrees>(),
    ]
}

fn schema<D: Document + JsonSchema>() -> (String, Schema) {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<D>();
    if let Some(Value::Object(key)) = schema.pointer_mut("/properties/schema") {
        key.insert("const".to_owned(), D::SCHEMA.into());
    }
    (format!("{}.json", D::SCHEMA.replace('/', "-")), schema)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    #[test]
    fn the_files_in_schemas_are_those_of_the_types() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
        for (name, schema) in super::all() {
            let expected = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            let found = fs::read_to_string(directory.join(&name)).unwrap_or_default();
            assert!(found == expected, "schemas/{name} is out of date: run `just schemas`");
        }
    }
}
