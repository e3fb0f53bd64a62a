//! The settings, and where each was given.
//!
//! Flag > environment > project file > user file > default. The sources are merged here, so that
//! precedence is a position in a list; a value is parsed where it is used.

mod file;
pub(crate) mod keys;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_core::resource::Bytes;
use backstop_core::text::parse_duration;
#[cfg(feature = "monitor")]
use backstop_service::config::{self, Alias, SettingError};

use crate::exit::Failure;
use keys::KEYS;

/// All settings that were given, each by its strongest source but the flags.
#[derive(Debug, Default)]
pub(crate) struct Settings(BTreeMap<&'static str, Given>);

/// A setting as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Environment(&'static str),
    File { path: PathBuf, line: usize },
}

impl Settings {
    /// Reads all sources. With `config`, that file stands for the project's and the user's.
    pub(crate) fn read(config: Option<&Path>) -> Result<Self, Failure> {
        let mut settings = Self::default();
        settings.read_environment(|name| std::env::var(name).ok());
        match config {
            Some(path) => settings.read_file(path)?,
            None => {
                for path in [project_file(), user_file()].into_iter().flatten() {
                    settings.read_file(&path)?;
                }
            }
        }
        Ok(settings)
    }

    fn read_environment(&mut self, variable: impl Fn(&str) -> Option<String>) {
        for key in KEYS {
            for (name, suffix) in key.variables {
                if let Some(text) = variable(name).filter(|text| !text.is_empty()) {
                    self.0.entry(key.name).or_insert(Given {
                        text: match (*suffix, text.trim().parse::<f64>()) {
                            // As the variable allows it: half an hour is 0.5.
                            ("h", Ok(hours)) if hours.is_finite() && hours > 0.0 => {
                                format!("{}ms", (hours * 3_600_000.0).round())
                            }
                            _ => format!("{text}{suffix}"),
                        },
                        origin: Origin::Environment(name),
                    });
                }
            }
        }
        #[cfg(feature = "monitor")]
        for key in config::KEYS {
            for alias in key.variables() {
                if let Some(text) = variable(alias.name).filter(|text| !text.trim().is_empty()) {
                    self.0.entry(key.name).or_insert(Given {
                        text: Alias::complete(alias.unit, &text),
                        origin: Origin::Environment(alias.name),
                    });
                }
            }
        }
    }

    fn read_file(&mut self, path: &Path) -> Result<(), Failure> {
        self.take(file::read(path)?);
        Ok(())
    }

    /// Only the settings in a text, which is called `path` in errors.
    pub(crate) fn of_text(path: &Path, text: &str) -> Result<Self, Failure> {
        let mut settings = Self::default();
        settings.take(file::parse(path, text)?);
        Ok(settings)
    }

    fn take(&mut self, found: Vec<(&'static str, Given)>) {
        for (name, given) in found {
            self.0.entry(name).or_insert(given);
        }
    }

    /// A setting's value: the flag's if it was given, else what `parse` makes of the strongest
    /// source; `None` if it was not given.
    pub(crate) fn get<T>(
        &self,
        name: &'static str,
        flag: Option<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        debug_assert!(keys::names().any(|key| key == name), "{name} is no key");
        if flag.is_some() {
            return Ok(flag);
        }
        let Some(given) = self.0.get(name) else {
            return Ok(None);
        };
        parse(&given.text)
            .map(Some)
            .map_err(|wrong| Failure::usage(format!("{}: {name}: {wrong}", given.origin)))
    }

    /// The settings of the monitor, with the `flags` on top.
    #[cfg(feature = "monitor")]
    pub(crate) fn monitoring(
        &self,
        flags: &[(&'static str, Option<String>)],
    ) -> Result<config::Settings, Failure> {
        let mut settings = config::Settings::default();
        for key in config::KEYS {
            if let Some(given) = self.0.get(key.name) {
                settings
                    .set(key.name, &given.text)
                    .map_err(|error| Failure::usage(format!("{}: {error}", given.origin)))?;
            }
        }
        for (name, text) in flags {
            if let Some(text) = text {
                settings
                    .set(name, text)
                    .map_err(|error| Failure::usage(error.to_string()))?;
            }
        }
        settings.checked().map_err(|error| match &error {
            SettingError::Wrong { name, .. } => match self.0.get(name) {
                Some(given) => Failure::usage(format!("{}: {error}", given.origin)),
                None => Failure::usage(error.to_string()),
            },
            _ => Failure::usage(error.to_string()),
        })
    }

    /// A setting as it was given.
    #[cfg(feature = "monitor")]
    pub(crate) fn given(&self, name: &str) -> Option<&Given> {
        self.0.get(name)
    }

    /// A switch.
    pub(crate) fn switch(&self, name: &'static str, flag: bool) -> Result<bool, Failure> {
        let given = self.get(name, flag.then_some(true), |text| match text {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(format!("invalid value `{text}`: expected true or false")),
        })?;
        Ok(given.unwrap_or(false))
    }
}

/// Reads a duration, by the same rules wherever it is given.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// Reads a duration above zero.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(format!("`{text}` must be greater than zero")),
        duration => Ok(duration),
    }
}

/// Reads a size above zero, by the same rules wherever it is given.
pub(crate) fn positive_size(text: &str) -> Result<Bytes, String> {
    match text.parse::<Bytes>() {
        Ok(Bytes(0)) => Err(format!("`{text}` must be greater than zero")),
        Ok(size) => Ok(size),
        Err(error) => Err(error.to_string()),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
        }
    }
}

/// The nearest `backstop.toml` from the working directory upwards.
fn project_file() -> Option<PathBuf> {
    let start = std::env::current_dir().ok()?;
    start
        .ancestors()
        .map(|directory| directory.join("backstop.toml"))
        .find(|path| path.is_file())
}

/// `backstop/config.toml` where this user's settings are.
fn user_file() -> Option<PathBuf> {
    let home = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(home.join("backstop/config.toml")).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_source_wins() {
        let mut settings = Settings::default();
        settings.read_environment(|name| (name == "BACKSTOP_RUN_GRACE").then(|| "5s".into()));
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("backstop.toml");
        std::fs::write(&path, "[run]\ngrace = \"9s\"\nkill-after = \"7s\"\n").unwrap();
        settings.read_file(&path).unwrap();
        let read = |name, flag: Option<&str>| {
            settings
                .get(name, flag.map(str::to_owned), |text| Ok(text.to_owned()))
                .unwrap()
        };
        assert_eq!(read("run.grace", None).as_deref(), Some("5s"));
        assert_eq!(read("run.grace", Some("1s")).as_deref(), Some("1s"));
        assert_eq!(read("run.kill-after", None).as_deref(), Some("7s"));
        assert_eq!(read("run.timeout", None), None);
    }

    #[test]
    fn a_wrong_value_names_its_place() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("backstop.toml");
        std::fs::write(&path, "[run]\n\ngrace = \"soon\"\n").unwrap();
        let mut settings = Settings::default();
        settings.read_file(&path).unwrap();
        let failure = settings.get("run.grace", None, duration).unwrap_err();
        let message = failure.message();
        assert!(
            message.contains("backstop.toml:3: run.grace: invalid duration `soon`"),
            "{message}"
        );
    }

    #[test]
    fn zero_is_refused_where_it_is_no_limit() {
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        let message = positive_duration("0s").unwrap_err();
        assert_eq!(message, "`0s` must be greater than zero");
        assert!(positive_size("0").is_err_and(|message| message.contains("greater than zero")));
        assert_eq!(positive_size("64MB"), Ok(Bytes::megabytes(64)));
    }

    #[test]
    fn hours_in_the_alias_are_a_duration() {
        let mut settings = Settings::default();
        settings.read_environment(|name| (name == "TEMP_FILE_MAX_AGE_HOURS").then(|| "48".into()));
        let age = settings.get("sweep.older-than", None, duration);
        assert_eq!(
            age.unwrap(),
            Some(std::time::Duration::from_secs(48 * 3600))
        );
    }
}
