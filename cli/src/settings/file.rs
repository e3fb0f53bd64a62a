//! Settings in a TOML file, each with its line.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys;
use super::{Given, Origin};
use crate::exit::Failure;

/// The most bytes that a settings file may have: whatever has more, `/dev/zero` for one, is none.
const LIMIT: u64 = 1 << 20;

/// Reads a file's settings.
pub(super) fn read(path: &Path) -> Result<Vec<(&'static str, Given)>, Failure> {
    let text =
        text_in(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    parse(path, &text)
}

fn text_in(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(LIMIT + 1)
        .read_to_string(&mut text)?;
    if read as u64 > LIMIT {
        let message = format!("a settings file has at most {LIMIT} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// Reads the settings in a text, which is named `path` in errors.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<(&'static str, Given)>, Failure> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        Failure::usage(format!("{}:{line}: {}", path.display(), error.message()))
    })?;
    let mut reading = Reading {
        path,
        text,
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
    fn what_never_ends_is_no_settings_file() {
        let message = read(Path::new("/dev/zero")).unwrap_err();
        assert!(
            message.message().contains("/dev/zero: a settings file has"),
            "{message}"
        );
    }

    #[test]
    fn tables_in_tables_without_end_are_refused() {
        for deep in [
            format!("{}x = 1\n", "x.".repeat(100_000)),
            format!("[{}x]\n", "x.".repeat(100_000)),
            format!("x = {}", "[".repeat(100_000)),
            format!("x = {}", "{x=".repeat(100_000)),
        ] {
            assert!(parse(Path::new("x"), &deep).is_err());
        }
    }

    #[test]
    fn broken_syntax_names_its_line() {
        let message = message_of("[run]\ngrace = = 2\n");
        assert!(message.contains("config.toml:2"), "{message}");
    }
}
