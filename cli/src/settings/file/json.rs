//! The values in a JSON text; comments are allowed, as in the settings of editors.

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{Field, Wrong, joined};

pub(super) fn parse(text: &str) -> Result<Vec<Field>, Wrong> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default())
        .map_err(|error| (error.range().start, error.kind().to_string()))?;
    let mut fields = Vec::new();
    match &parsed.value {
        Some(Value::Object(object)) => walk("", object, &mut fields),
        Some(other) => return Err((other.range().start, "settings are an object".into())),
        None => {}
    }
    Ok(fields)
}

fn walk(prefix: &str, object: &Object<'_>, fields: &mut Vec<Field>) {
    for property in &object.properties {
        let name = joined(prefix, property.name.as_str());
        match &property.value {
            Value::Object(inner) => walk(&name, inner, fields),
            value => fields.push(Field {
                name,
                offset: property.range.start,
                text: text_of(value),
            }),
        }
    }
}

fn text_of(value: &Value<'_>) -> Option<String> {
    match value {
        Value::StringLit(text) => Some(text.value.to_string()),
        Value::NumberLit(number) => Some(number.value.to_owned()),
        Value::BooleanLit(switch) => Some(switch.value.to_string()),
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items
                .elements
                .iter()
                .map(|item| match item {
                    Value::Array(_) => None,
                    _ => text_of(item),
                })
                .collect();
            Some(texts?.join(","))
        }
        Value::Object(_) | Value::NullKeyword(_) => None,
    }
}
