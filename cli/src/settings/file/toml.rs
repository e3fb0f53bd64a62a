//! The values in a TOML text.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Field, Wrong, joined};
use crate::settings::keys;

pub(super) fn parse(text: &str) -> Result<Vec<Field>, Wrong> {
    let table = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        (offset, error.message().to_owned())
    })?;
    let mut fields = Vec::new();
    walk("", table.get_ref(), &mut fields);
    Ok(fields)
}

fn walk(prefix: &str, table: &DeTable<'_>, fields: &mut Vec<Field>) {
    for (key, value) in table {
        let name = joined(prefix, key.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if keys::find(&name).is_err() => walk(&name, inner, fields),
            _ => fields.push(Field {
                name,
                offset: key.span().start,
                text: text_of(value),
            }),
        }
    }
}

fn text_of(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> = items
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::Array(_) => None,
                    _ => text_of(item),
                })
                .collect();
            Some(texts?.join(","))
        }
        _ => None,
    }
}
