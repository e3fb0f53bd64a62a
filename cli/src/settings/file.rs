//! Settings in a TOML file, each with its line.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys;
use super::{Given, Origin};
use crate::exit::Failure;

/// Reads a file's settings.
pub(super) fn read(path: &Path) -> Result<Vec<(&'static str, Given)>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let table = DeTable::parse(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        Failure::usage(format!("{}:{line}: {}", path.display(), error.message()))
    })?;
    let mut reading = Reading {
        path,
        text: &text,
        found: Vec::new(),
    };
    reading.walk("", table.get_ref())?;
    Ok(reading.found)
}

struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    found: Vec<(&'static str, Given)>,
}

impl Reading<'_> {
    fn walk(&mut self, prefix: &str, table: &DeTable<'_>) -> Result<(), Failure> {
        for (key, value) in table {
            let name = match prefix {
                "" => key.get_ref().to_string(),
                _ => format!("{prefix}.{}", key.get_ref()),
            };
            let line = line_of(self.text, key.span().start);
            if let DeValue::Table(inner) = value.get_ref()
                && keys::find(&name).is_err()
            {
                self.walk(&name, inner)?;
                continue;
            }
            let wrong =
                |what: String| Failure::usage(format!("{}:{line}: {what}", self.path.display()));
            let known = keys::find(&name).map_err(wrong)?;
            let text = text_of(value).ok_or_else(|| {
                wrong(format!(
                    "{name}: write a text, a whole number, true or false, or a list of texts"
                ))
            })?;
            let origin = Origin::File {
                path: self.path.to_owned(),
                line,
            };
            self.found.push((known, Given { text, origin }));
        }
        Ok(())
    }
}

/// A value as it would stand behind a flag.
fn text_of(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Array(items) => {
            let items: Option<Vec<String>> = items
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::String(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect();
            Some(items?.join(","))
        }
        _ => None,
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(text: &str) -> String {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        read(&path).unwrap_err().message().to_owned()
    }

    #[test]
    fn an_unknown_key_names_the_nearest_and_its_line() {
        let message = message_of("[run]\ngrace = \"2s\"\ngrce = \"2s\"\n");
        assert!(
            message.contains(
                "config.toml:3: there is no setting `run.grce`; the nearest is `run.grace`"
            ),
            "{message}"
        );
        let message = message_of("[rn]\ntimeout = \"2s\"\n");
        assert!(
            message.contains("config.toml:2") && message.contains("`run.timeout`"),
            "{message}"
        );
    }

    #[test]
    fn broken_syntax_names_its_line() {
        let message = message_of("[run]\ngrace = = 2\n");
        assert!(message.contains("config.toml:2"), "{message}");
    }
}
