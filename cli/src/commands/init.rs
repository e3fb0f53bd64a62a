//! `backstop init`: writes a config, a systemd unit and CI jobs to start from.

mod templates;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output;

/// Write a commented config, a systemd unit for sweeping, and CI jobs
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Directory to write to
    #[arg(default_value = ".", value_name = "DIR")]
    directory: PathBuf,

    /// Only write these [default: all]
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    only: Option<Vec<Part>>,

    /// Overwrite existing files
    #[arg(long)]
    force: bool,

    /// Print what would be written, without writing it
    #[arg(long)]
    dry_run: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// backstop.toml, with every setting and its default as comments
    Config,
    /// Service and timer that sweep every ten minutes
    Systemd,
    /// Jobs for GitHub Actions and GitLab
    Ci,
}

/// A file to write.
struct Template {
    part: Part,
    name: &'static str,
    text: fn() -> String,
}

const TEMPLATES: &[Template] = &[
    Template {
        part: Part::Config,
        name: "backstop.toml",
        text: templates::config,
    },
    Template {
        part: Part::Systemd,
        name: "backstop-sweep.service",
        text: templates::service,
    },
    Template {
        part: Part::Systemd,
        name: "backstop-sweep.timer",
        text: templates::timer,
    },
    Template {
        part: Part::Ci,
        name: "backstop-ci.github.yml",
        text: templates::github,
    },
    Template {
        part: Part::Ci,
        name: "backstop-ci.gitlab.yml",
        text: templates::gitlab,
    },
];

#[derive(Serialize)]
struct Written {
    dry_run: bool,
    files: Vec<PathBuf>,
}

impl InitArguments {
    pub(crate) fn execute(&self) -> Result<Exit, Failure> {
        let wanted: Vec<&Template> = TEMPLATES
            .iter()
            .filter(|template| self.wants(template.part))
            .collect();
        let path_of = |template: &Template| self.directory.join(template.name);
        if !self.force {
            // All are checked before one is written: half a set is of no use.
            let there: Vec<String> = wanted
                .iter()
                .map(|template| path_of(template))
                .filter(|path| path.symlink_metadata().is_ok())
                .map(|path| path.display().to_string())
                .collect();
            if !there.is_empty() {
                let (exist, them) = match there.len() {
                    1 => ("exists", "it"),
                    _ => ("exist", "them"),
                };
                return Err(Failure::usage(format!(
                    "{} already {exist}: use --force to overwrite, or --only to leave {them} out",
                    there.join(", ")
                )));
            }
        }
        let mut written = Written {
            dry_run: self.dry_run,
            files: Vec::new(),
        };
        for template in wanted {
            let path = path_of(template);
            if !self.dry_run {
                write(&path, &(template.text)(), self.force)
                    .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            }
            written.files.push(path);
        }
        if self.json {
            output::write_json("init", &written)?;
        } else {
            let mut text = String::new();
            for path in &written.files {
                text.push_str(&format!("{}\n", path.display()));
            }
            output::write(text.as_bytes())?;
        }
        Ok(Exit::FINE)
    }

    fn wants(&self, part: Part) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&part))
    }
}

fn write(path: &Path, text: &str, force: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    options.open(path)?.write_all(text.as_bytes())
}
