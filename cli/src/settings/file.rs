//! Settings in a file, each with its line: TOML, or JSON if the name ends in `.json`.

mod json;
mod toml;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::keys;
use super::{Given, Origin};
use crate::exit::Failure;

/// The maximum size of a settings file: anything larger, such as `/dev/zero`, is not one.
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
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let fields = match is_json {
        true => json::parse(text),
        false => toml::parse(text),
    };
    let fields = fields.map_err(|(offset, wrong)| {
        let line = line_of(text, offset);
        Failure::usage(format!("{}:{line}: {wrong}", path.display()))
    })?;
    let mut found = Vec::new();
    for field in fields {
        let line = line_of(text, field.offset);
        let wrong = |what: String| Failure::usage(format!("{}:{line}: {what}", path.display()));
        let Some(key) = keys::find(&field.name).map_err(wrong)? else {
            continue;
        };
        let text = field.text.ok_or_else(|| {
            wrong(format!(
                "{}: expected a text, a number, true or false, or a list of them",
                field.name
            ))
        })?;
        let origin = Origin::File {
            path: path.to_owned(),
            line,
        };
        let text = key.complete(&text);
        found.push((key.name, Given { text, origin }));
    }
    Ok(found)
}

/// A value in a file, under the names of the tables that it is in.
struct Field {
    /// All names, joined by dots.
    name: String,
    /// Its offset in bytes.
    offset: usize,
    /// As it would be written after a flag; `None` for what cannot.
    text: Option<String>,
}

/// What is wrong with a text as a whole, and the offset in bytes.
type Wrong = (usize, String);

fn joined(prefix: &str, name: &str) -> String {
    match prefix {
        "" => name.to_owned(),
        _ => format!("{prefix}.{name}"),
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

    fn message_in(name: &str, text: &str) -> String {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path).unwrap_err().message().to_owned()
    }

    fn message_of(text: &str) -> String {
        message_in("config.toml", text)
    }

    #[test]
    #[cfg(feature = "monitor")]
    fn an_unknown_key_names_the_nearest_and_its_line() {
        let message = message_of("[run]\ngrace = \"2s\"\ngrce = \"2s\"\n");
        assert!(
            message
                .contains("config.toml:3: unknown setting `run.grce`: did you mean `run.grace`?"),
            "{message}"
        );
        let message = message_of("[rn]\ntimeout = \"2s\"\n");
        assert!(
            message.contains("config.toml:2") && message.contains("`run.timeout`"),
            "{message}"
        );
        let message = message_in("c.json", "{\"monitor\": {\n\"intervall\": \"5s\"}}");
        assert!(
            message.contains("c.json:2") && message.contains("`monitor.interval`"),
            "{message}"
        );
    }

    #[test]
    fn json_says_the_same_as_toml() {
        let toml = "[run]\nquiet = true\nfail-on = [\"files\", \"ports\"]\n[alert]\nhandles = [60, 70, 80]\n";
        let json = r#"{"run": {"quiet": true, "fail-on": ["files", "ports"]},
                       "alert": {"handles": [60, 70, 80]}}"#;
        let texts = |path: &str, text: &str| {
            let mut found: Vec<_> = parse(Path::new(path), text)
                .unwrap()
                .into_iter()
                .map(|(name, given)| (name, given.text))
                .collect();
            found.sort();
            found
        };
        assert_eq!(texts("a.toml", toml), texts("a.json", json));
    }

    #[test]
    #[cfg(feature = "monitor")]
    fn the_old_shape_of_json_is_read_as_it_is() {
        let text = r#"{"memory_management": {"debug_mode": true, "memory_threshold_mb": 800,
                       "auto_cleanup": false, "cleanup_interval_seconds": 60}}"#;
        let found = parse(Path::new("memory.json"), text).unwrap();
        let texts: Vec<_> = found
            .iter()
            .map(|(name, given)| format!("{name}={}", given.text))
            .collect();
        assert_eq!(
            texts,
            [
                "monitor.debug=true",
                "alert.memory-threshold=800MB",
                "cleanup.auto=false",
                "cleanup.interval=60s"
            ]
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
        for deep in ["[".repeat(100_000), "{\"x\":".repeat(100_000)] {
            assert!(parse(Path::new("x.json"), &deep).is_err());
        }
    }

    #[test]
    fn broken_syntax_names_its_line() {
        let message = message_of("[run]\ngrace = = 2\n");
        assert!(message.contains("config.toml:2"), "{message}");
        let message = message_in("c.json", "{\"run\":\n{\"grace\" \"2s\"}}");
        assert!(message.contains("c.json:2"), "{message}");
    }
}
