//! What settings look like that are read otherwise than their types are made, for the JSON schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::corrections::CorrectionChoice;
use super::exclusion::Exclusion;
use super::settings::Sigma;
use crate::science::instrument::{ChannelScan, Corrections};

impl JsonSchema for Sigma {
    fn schema_name() -> Cow<'static, str> {
        "Sigma".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "const": "estimate" }] })
    }
}

impl JsonSchema for CorrectionChoice {
    fn schema_name() -> Cow<'static, str> {
        "CorrectionChoice".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<Corrections>();
        json_schema!({ "anyOf": [{ "enum": ["none", "model"] }, values] })
    }
}

impl JsonSchema for Exclusion {
    fn schema_name() -> Cow<'static, str> {
        "Exclusion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["fake != 0", "data_quality[5] != 0"] })
    }
}

impl JsonSchema for ChannelScan {
    fn schema_name() -> Cow<'static, str> {
        "ChannelScan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<String> = Self::ALL.iter().map(ToString::to_string).collect();
        // Capital letters are read as well.
        let pattern = "^[RrLl][HhLl][SsLl][SsFf]$";
        json_schema!({ "anyOf": [{ "enum": names }, { "type": "string", "pattern": pattern }] })
    }
}
