//! An orphan rule from the environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use backstop_core::error::{Error, ErrorKind, Stage};

use super::OrphanRule;

/// The variable with the name prefix.
pub const PREFIX_VARIABLE: &str = "TEMP_FILE_PREFIX";
/// The variable with the minimum age in hours, such as `24` or `0.5`.
pub const AGE_VARIABLE: &str = "TEMP_FILE_MAX_AGE_HOURS";

impl OrphanRule {
    /// The rule of `TEMP_FILE_PREFIX` and `TEMP_FILE_MAX_AGE_HOURS` for `directory`; `None` without a
    /// prefix.
    ///
    /// # Errors
    /// A variable is invalid: an empty prefix, or an age that is not a number of hours above 0. The error
    /// names the variable.
    pub fn from_environment(directory: impl Into<PathBuf>) -> Result<Option<Self>, Error> {
        Self::from_variables(directory, |name| std::env::var_os(name))
    }

    /// As [`from_environment`](Self::from_environment), with variables from `look_up`.
    ///
    /// # Errors
    /// As [`from_environment`](Self::from_environment).
    pub fn from_variables(
        directory: impl Into<PathBuf>,
        look_up: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, Error> {
        let age = look_up(AGE_VARIABLE).map(|text| hours(&text)).transpose()?;
        let Some(prefix) = look_up(PREFIX_VARIABLE) else {
            return Ok(None);
        };
        let Some(text) = prefix.to_str() else {
            return Err(refuse(
                PREFIX_VARIABLE,
                &prefix,
                "the value is not valid UTF-8",
            ));
        };
        let rule = Self::new(directory, text).map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                Stage::Configure,
                "invalid environment variable",
            )
            .with("variable", PREFIX_VARIABLE)
            .with_source(error)
        })?;
        Ok(Some(match age {
            Some(age) => rule.older_than(age),
            None => rule,
        }))
    }
}

fn hours(text: &OsString) -> Result<Duration, Error> {
    let expected = "use a number of hours above 0, e.g. 24 or 0.5";
    let hours: f64 = text
        .to_str()
        .and_then(|text| text.trim().parse().ok())
        .filter(|hours: &f64| hours.is_finite() && *hours > 0.0)
        .ok_or_else(|| refuse(AGE_VARIABLE, text, expected))?;
    Duration::try_from_secs_f64(hours * 3600.0).map_err(|_| refuse(AGE_VARIABLE, text, expected))
}

fn refuse(variable: &'static str, value: &OsString, expected: &'static str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        Stage::Configure,
        "invalid environment variable",
    )
    .with("variable", variable)
    .with("value", format_args!("{value:?}"))
    .with("hint", expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: Option<&str>, age: Option<&str>) -> Result<Option<OrphanRule>, Error> {
        OrphanRule::from_variables("/tmp", |name| match name {
            PREFIX_VARIABLE => prefix.map(OsString::from),
            AGE_VARIABLE => age.map(OsString::from),
            other => panic!("{other} was asked for"),
        })
    }

    #[test]
    fn both_variables_make_a_rule() {
        let found = rule(Some("job-"), Some("0.5")).unwrap().unwrap();
        assert_eq!(found.prefix(), "job-");
        assert_eq!(found.age(), Duration::from_secs(1800));
        assert!(rule(None, None).unwrap().is_none());
    }

    #[test]
    fn an_invalid_age_is_an_error_that_names_the_variable() {
        for age in ["-1", "0", "soon", "", "inf", "NaN", "1e300"] {
            let error = rule(Some("job-"), Some(age)).unwrap_err().to_string();
            assert!(error.contains(AGE_VARIABLE), "{age}: {error}");
        }
        let error = rule(Some(""), None).unwrap_err().to_string();
        assert!(error.contains(PREFIX_VARIABLE), "{error}");
    }
}
