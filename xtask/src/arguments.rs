//! Options and names, as every command here reads them.

use lexopt::prelude::*;

/// The command line after the command's name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    flags: Vec<&'static str>,
    options: Vec<(&'static str, String)>,
    /// What is neither a flag nor an option.
    pub(crate) names: Vec<String>,
    /// What is after `--`, for another program.
    pub(crate) passed_on: Vec<String>,
}

/// What a command accepts.
pub(crate) struct Accepted {
    /// Options without a value, without their dashes.
    pub(crate) flags: &'static [&'static str],
    /// Options with a value, without their dashes.
    pub(crate) options: &'static [&'static str],
    /// Whether names may follow.
    pub(crate) names: bool,
    /// Whether what is after `--` is passed on to another program.
    pub(crate) passed_on: bool,
}

impl Arguments {
    /// Reads the rest of the command line; `None` when help was asked for.
    pub(crate) fn read(
        mut parser: lexopt::Parser,
        accepted: &Accepted,
    ) -> Result<Option<Self>, lexopt::Error> {
        let mut read = Self::default();
        loop {
            if accepted.passed_on
                && let Some(rest) = parser.try_raw_args()
                && rest.peek().is_some_and(|next| next == "--")
            {
                for argument in rest.skip(1) {
                    read.passed_on.push(argument.string()?);
                }
                break;
            }
            let Some(argument) = parser.next()? else {
                break;
            };
            match argument {
                Long("help") | Short('h') => return Ok(None),
                Long(long) => {
                    if let Some(flag) = accepted.flags.iter().find(|flag| **flag == long) {
                        read.flags.push(flag);
                    } else if let Some(option) = accepted.options.iter().find(|name| **name == long)
                    {
                        read.options.push((option, parser.value()?.string()?));
                    } else {
                        return Err(Long(long).unexpected());
                    }
                }
                Value(name) if accepted.names => read.names.push(name.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(read))
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// The value of an option; the last one counts.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        let named = self
            .options
            .iter()
            .rev()
            .find(|(option, _)| *option == name);
        named.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: Accepted = Accepted {
        flags: &["fast"],
        options: &["out"],
        names: true,
        passed_on: true,
    };

    fn read(line: &[&str]) -> Result<Option<Arguments>, lexopt::Error> {
        Arguments::read(lexopt::Parser::from_args(line), &ACCEPTED)
    }

    #[test]
    fn flags_options_and_names_are_told_apart() {
        let read = read(&["--fast", "--out=here", "excel"]).unwrap().unwrap();
        assert!(read.has("fast"));
        assert_eq!(read.option("out"), Some("here"));
        assert_eq!(read.names, ["excel"]);
    }

    #[test]
    fn what_is_after_two_dashes_is_passed_on_as_it_is() {
        let read = read(&["one", "--fast", "--", "--out", "two", "--", "x"]);
        let read = read.unwrap().unwrap();
        assert!(read.has("fast") && read.option("out").is_none());
        assert_eq!(read.names, ["one"]);
        assert_eq!(read.passed_on, ["--out", "two", "--", "x"]);
    }

    #[test]
    fn an_unknown_option_is_an_error_and_help_is_none() {
        assert!(read(&["--fsat"]).is_err());
        assert_eq!(read(&["--fast", "--help"]).unwrap(), None);
    }
}
