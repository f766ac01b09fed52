//! What the readers of [`super::lenient`] take, for the JSON schema of the settings.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A list, or one of its elements: what [`super::lenient::list_of_words`] reads.
#[derive(Debug)]
pub struct OneOrMore<T>(PhantomData<T>);

/// The same, or several between commas in one text: what [`super::lenient::list`] reads.
#[derive(Debug)]
pub struct Several<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMore_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "array", "items": item }, item] })
    }
}

impl<T: JsonSchema> JsonSchema for Several<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Several_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        let between_commas = json_schema!({ "type": "string", "pattern": "[,\\[]" });
        json_schema!({ "anyOf": [{ "type": "array", "items": item }, item, between_commas] })
    }
}
