//! The texts that `init` writes.

use backstop_service::config;

use crate::settings::keys::KEYS;

/// Every setting with its description, as comments: a file that changes nothing until a line is uncommented.
pub(super) fn config() -> String {
    let mut text = String::from(
        "# Settings of backstop. Commented values are defaults, or examples where there is no default. Flags\n\
         # and BACKSTOP_… variables override this file; `backstop check --explain-config` shows the origin\n\
         # of each value.\n",
    );
    let own = KEYS
        .iter()
        .map(|key| (key.name, key.meaning, key.example.to_owned()));
    let monitoring = config::KEYS
        .iter()
        .map(|key| (key.name, key.meaning, in_toml(key.name, key.default)));
    let mut table = "";
    for (name, meaning, value) in own.chain(monitoring) {
        let (prefix, last) = name.split_once('.').unwrap_or(("", name));
        if prefix != table {
            text.push_str(&format!("\n[{prefix}]\n"));
            table = prefix;
        }
        text.push_str(&format!("# {meaning}\n#{last} = {value}\n"));
    }
    text
}

/// A default as TOML, or an example where there is none.
fn in_toml(name: &str, default: &str) -> String {
    let is_list = default.contains(',');
    let is_plain = default.parse::<u64>().is_ok() || default.parse::<bool>().is_ok();
    match default {
        "" if name.ends_with("directory") => "\"/var/log/backstop\"".into(),
        "" => "\"24h\"".into(),
        _ if is_list => format!("[{}]", default.replace(',', ", ")),
        _ if is_plain => default.into(),
        _ => format!("\"{default}\""),
    }
}

pub(super) fn service() -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/backstop".into());
    format!(
        "\
# Reclaims what killed programs left. Copy to /etc/systemd/system (or ~/.config/systemd/user) together with
# the timer, then: systemctl enable --now backstop-sweep.timer
[Unit]
Description=Reclaim what killed programs left
Documentation={repository}

[Service]
Type=oneshot
# The program that wrote this file. A service of the system needs it where every user may execute it, e.g.
# in /usr/local/bin.
ExecStart={program} sweep
# 1 means that something was kept for lack of proof: worth checking, and not a failure.
SuccessExitStatus=1
Nice=10
IOSchedulingClass=idle
NoNewPrivileges=yes
",
        repository = env!("CARGO_PKG_REPOSITORY"),
        program = in_unit(&program.to_string_lossy()),
    )
}

/// A path as a word of `ExecStart=`.
fn in_unit(path: &str) -> String {
    let mut word = String::new();
    for character in path.chars() {
        match character {
            '%' | '$' => word.extend([character, character]),
            '"' | '\\' => word.extend(['\\', character]),
            _ => word.push(character),
        }
    }
    match path.contains(|next: char| next.is_whitespace() || "\"'\\;".contains(next)) {
        true => format!("\"{word}\""),
        false => word,
    }
}

pub(super) fn timer() -> String {
    "\
[Unit]
Description=Reclaim what killed programs left, every ten minutes

[Timer]
OnBootSec=2min
OnUnitActiveSec=10min
RandomizedDelaySec=30s

[Install]
WantedBy=timers.target
"
    .into()
}

/// How a CI job gets the command.
const INSTALL: &str = concat!(
    "cargo install --locked --git ",
    env!("CARGO_PKG_REPOSITORY"),
    " backstop"
);

pub(super) fn github() -> String {
    format!(
        "\
# For .github/workflows: clean up everything the tests leave, and fail the job if they leave processes.
name: tests
on: [push, pull_request]
jobs:
  tests:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Install backstop
        run: {INSTALL}
      - name: Run the tests and clean up what they leave
        run: backstop run --timeout 30m --fail-on processes,ports --report leftovers.json -- make test
      - name: Keep the report
        if: always()
        uses: actions/upload-artifact@v4
        with:
          name: leftovers
          path: leftovers.json
      - name: Reclaim what a cancelled job left
        if: always()
        run: backstop sweep
"
    )
}

pub(super) fn gitlab() -> String {
    format!(
        "\
# For .gitlab-ci.yml: clean up everything the tests leave, and fail the job if they leave processes.
tests:
  # Any image with cargo and a C compiler.
  image: rust:latest
  before_script:
    - {INSTALL}
  script:
    - backstop run --timeout 30m --fail-on processes,ports --report leftovers.json -- make test
  after_script:
    - backstop sweep
  artifacts:
    when: always
    paths:
      - leftovers.json
"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_one_word_of_the_unit() {
        assert_eq!(super::in_unit("/usr/bin/backstop"), "/usr/bin/backstop");
        assert_eq!(super::in_unit("/a b/50%/$x"), "\"/a b/50%%/$$x\"");
        assert_eq!(super::in_unit("/a\"b"), "\"/a\\\"b\"");
    }

    #[test]
    fn the_config_is_right_as_it_stands_and_with_every_line_uncommented() {
        let text = super::config();
        crate::check_settings(&text).unwrap();
        let uncommented: String = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        assert_ne!(text, uncommented);
        crate::check_settings(&uncommented).unwrap();
    }
}
