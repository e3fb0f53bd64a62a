//! Reads settings from the environment, and from any format that `serde` reads.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::keys::{Alias, KEYS};
use super::settings::{SettingError, Settings};

impl Settings {
    /// The defaults, overridden by this process's environment.
    ///
    /// # Errors
    /// A variable has an invalid value; the error names the variable.
    pub fn from_environment() -> Result<Self, SettingError> {
        Self::default()
            .with_environment(|name| std::env::var(name).ok())?
            .checked()
    }

    /// These settings, overridden by the variables. An empty variable counts as unset.
    ///
    /// # Errors
    /// As for [`from_environment`](Self::from_environment).
    pub fn with_environment(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingError> {
        for key in KEYS {
            let given = key.variables().find_map(|alias| {
                let text = variable(alias.name).filter(|text| !text.trim().is_empty())?;
                Some((alias, text))
            });
            let Some((alias, text)) = given else {
                continue;
            };
            self.set(key.name, &Alias::complete(alias.unit, &text))
                .map_err(|error| match error {
                    SettingError::Wrong { name, wrong } => SettingError::Wrong {
                        name,
                        wrong: format!("environment variable {}: {wrong}", alias.name),
                    },
                    other => other,
                })?;
        }
        Ok(self)
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Self::default();
        deserializer.deserialize_map(Table {
            prefix: "",
            settings: &mut settings,
        })?;
        settings.checked().map_err(D::Error::custom)
    }
}

/// A table of settings, or of tables.
struct Table<'a> {
    prefix: &'a str,
    settings: &'a mut Settings,
}

impl<'de> Visitor<'de> for Table<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<String>()? {
            let name = match self.prefix {
                "" => key,
                prefix => format!("{prefix}.{key}"),
            };
            entries.next_value_seed(Value {
                name: &name,
                settings: &mut *self.settings,
            })?;
        }
        Ok(())
    }
}

/// A setting's value, or a table of more.
struct Value<'a> {
    name: &'a str,
    settings: &'a mut Settings,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Value<'_> {
    fn set<E: Error>(self, text: &str) -> Result<(), E> {
        self.settings.set(self.name, text).map_err(E::custom)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a number, true or false, or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.set(text)
    }

    fn visit_bool<E: Error>(self, switch: bool) -> Result<(), E> {
        self.set(if switch { "true" } else { "false" })
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.set(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.set(&number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.set(&number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = items.next_element::<Item>()? {
            texts.push(item.0);
        }
        self.set(&texts.join(","))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        Table {
            prefix: self.name,
            settings: self.settings,
        }
        .visit_map(entries)
    }
}

/// An element of a list, as text.
struct Item(String);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Item;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Item, E> {
                Ok(Item(text.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Item, E> {
                Ok(Item(number.to_string()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Item, E> {
                Ok(Item(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Item, E> {
                Ok(Item(number.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use backstop_core::resource::Bytes;

    fn of(text: &str) -> Result<Settings, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn every_default_equals_its_text() {
        let mut written = Settings::default();
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            written.set(key.name, key.default).unwrap();
        }
        assert_eq!(written.checked(), Settings::default().checked());
    }

    #[test]
    fn every_key_can_be_set_by_each_of_its_names() {
        for key in KEYS {
            let text = match key.default {
                "" => "1d",
                text => text,
            };
            let mut settings = Settings::default();
            settings.set(key.name, text).unwrap();
            for alias in key.variables() {
                let read = |name: &str| (name == alias.name).then(|| text.to_owned());
                Settings::default().with_environment(read).unwrap();
            }
        }
    }

    #[test]
    fn the_old_shape_is_read_as_it_is() {
        let settings = of(r#"{"memory_management": {
            "debug_mode": true, "memory_threshold_mb": 800,
            "auto_cleanup": true, "cleanup_interval_seconds": 60}}"#)
        .unwrap();
        assert!(settings.debug() && settings.auto_cleanup());
        assert_eq!(settings.memory_threshold(), Bytes::megabytes(800));
        assert_eq!(settings.cleanup_interval(), Duration::from_secs(60));
        assert_eq!(settings.memory_limit(), Bytes::megabytes(2500));
    }

    #[test]
    fn invalid_values_are_refused_with_their_place() {
        for (text, said) in [
            (
                "{\"monitor\":\n{\"interval\": \"-5s\"}}",
                "monitor.interval: invalid duration `-5s`",
            ),
            (
                "{\"monitor\":\n{\"interval\": 30}}",
                "monitor.interval: invalid duration `30`",
            ),
            (
                "{\"monitor\":\n{\"growth\": \"5 parsecs\"}}",
                "invalid size `5 parsecs`",
            ),
            (
                "{\"alert\":\n{\"handles\": [95, 85, 70]}}",
                "three rising percentages",
            ),
            (
                "{\"alert\":\n{\"system-memory\": 850}}",
                "invalid percentage `850`: expected a number above 0 and up to 100",
            ),
            (
                "{\"memory_management\":\n{\"memory_threshold_mb\": -1}}",
                "invalid size `-1`",
            ),
            (
                "{\"monitor\":\n{\"intervall\": \"5s\"}}",
                "unknown setting `monitor.intervall`",
            ),
            ("{\"monitor\":\n{\"interval\": null}}", "invalid type"),
        ] {
            let error = of(text).unwrap_err();
            assert!(
                error.contains(said) && error.contains("line 2"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_threshold_above_the_limit_is_refused_and_one_alone_takes_the_other_along() {
        let both = r#"{"alert": {"memory-threshold": "3GB", "memory-limit": "2GB"}}"#;
        assert!(
            of(both)
                .unwrap_err()
                .contains("must be below alert.memory-limit")
        );
        let high = of(r#"{"alert": {"memory-threshold": "30GB"}}"#).unwrap();
        assert_eq!(high.memory_limit(), Bytes::megabytes(50_000));
        let low = of(r#"{"alert": {"memory-limit": "500MB"}}"#).unwrap();
        assert_eq!(low.memory_threshold(), Bytes::megabytes(300));
    }

    #[test]
    fn the_environment_has_its_old_names() {
        let variables = [
            ("MEMORY_DEBUG", "1"),
            ("MEMORY_THRESHOLD", "800"),
            ("AUTO_CLEANUP", "true"),
            ("MEMORY_LIMIT_MB", "1000"),
            ("BACKSTOP_MONITOR_INTERVAL", "5s"),
        ];
        let read = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, text)| (*text).to_owned())
        };
        let settings = Settings::default().with_environment(read).unwrap();
        assert!(settings.debug() && settings.auto_cleanup());
        assert_eq!(settings.memory_threshold(), Bytes::megabytes(800));
        assert_eq!(settings.memory_limit(), Bytes::megabytes(1000));
        assert_eq!(settings.interval(), Duration::from_secs(5));
        let wrong = |name: &str| (name == "MEMORY_THRESHOLD").then(|| "lots".to_owned());
        let error = Settings::default().with_environment(wrong).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("environment variable MEMORY_THRESHOLD: invalid size `lots`"),
            "{error}"
        );
    }
}
