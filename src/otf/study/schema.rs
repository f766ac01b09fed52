//! What settings of the study look like that are read otherwise than their types are made, for the JSON
//! schema: bins, and the methods with their options, from the registry.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::bins::BinSelection;
use super::config::MethodOptions;
use crate::science::fit::joint::{JointSettings, NAME as JOINT};
use crate::science::fit::{EACH_EMITTER, MethodOption, Registered, methods};
use crate::science::instrument::SPECTRUM_BINS;

impl JsonSchema for BinSelection {
    fn schema_name() -> Cow<'static, str> {
        "BinSelection".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number = json!({ "type": "integer", "minimum": 0, "maximum": SPECTRUM_BINS - 1 });
        let ranges = json!({ "type": "string", "pattern": "^\\s*(all|[0-9][-0-9, ]*)\\s*$" });
        let list = json!({ "type": "array", "items": { "anyOf": [&number, &ranges] } });
        json_schema!({ "anyOf": [ranges, number, list] })
    }
}

/// The name of a method, perhaps with a constraint of its own, or of a program.
#[derive(Debug)]
pub(super) struct MethodName;

impl JsonSchema for MethodName {
    fn schema_name() -> Cow<'static, str> {
        "MethodName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let known = methods().iter().map(
            |Registered { info, .. }| json!({ "const": info.name, "description": info.summary }),
        );
        let all = json!({ "const": "all", "description": "Every method, and every [[method]]." });
        let others = json!({
            "type": "string",
            "description": "The name of a [[method]]; +none or +kirchhoff after any: its own constraint."
        });
        let choices: Vec<Value> = known.chain([all, others]).collect();
        json_schema!({ "anyOf": choices })
    }
}

impl JsonSchema for MethodOptions {
    fn schema_name() -> Cow<'static, str> {
        "MethodOptions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        properties.insert(JOINT.into(), generator.subschema_for::<JointSettings>().to_value());
        for Registered { info, .. } in methods().iter().filter(|method| method.info.name != JOINT) {
            properties.insert(info.name.into(), options_of(info.options));
        }
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}

fn options_of(options: &[MethodOption]) -> Value {
    let (of_emitters, named): (Vec<&MethodOption>, Vec<&MethodOption>) =
        options.iter().partition(|option| option.name.contains(EACH_EMITTER));
    let named: Map<String, Value> =
        named.into_iter().map(|option| (option.name.into(), number(option))).collect();
    let pattern = |option: &MethodOption| format!("^{}$", option.name.replace(EACH_EMITTER, ".+"));
    let of_emitters: Map<String, Value> =
        of_emitters.into_iter().map(|option| (pattern(option), number(option))).collect();
    let mut schema = json!({
        "type": "object",
        "properties": named,
        "additionalProperties": false
    });
    if !of_emitters.is_empty() {
        schema["patternProperties"] = of_emitters.into();
    }
    schema
}

fn number(option: &MethodOption) -> Value {
    let MethodOption { meaning, default, least, most, .. } = option;
    let mut schema = json!({ "type": "number", "description": meaning, "default": default });
    // JSON has no infinity.
    for (name, bound) in [("minimum", least), ("maximum", most)] {
        if bound.is_finite() {
            schema[name] = json!(bound);
        }
    }
    schema
}
