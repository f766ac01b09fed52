//! The JSON schema of settings, for editors: made from the types that read them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

/// The draft that editors of TOML understand.
fn generator() -> SchemaGenerator {
    SchemaSettings::draft07().into_generator()
}

/// The schema of one kind of settings.
#[must_use]
pub fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let mut schema = generator().into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    schema.to_value()
}

/// The schema of files that are of one kind if `workload` says so, and else of another.
#[must_use]
pub fn schema_of_either<T: JsonSchema, Else: JsonSchema>(title: &str, workload: &str) -> Value {
    let mut generator = generator();
    let (then, or_else) = (generator.subschema_for::<T>(), generator.subschema_for::<Else>());
    let says_so = json!({
        "properties": { "workload": { "const": workload } },
        "required": ["workload"]
    });
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "type": "object",
        "if": says_so,
        "then": then,
        "else": or_else,
    });
    schema["definitions"] = generator.take_definitions(true).into();
    schema
}
