//! The texts that `init` writes.

use backstop_service::config;

use crate::settings::keys::KEYS;

/// Every setting with its meaning, as comments: a file that changes nothing until a line is uncommented.
pub(super) fn config() -> String {
    let mut text = String::from(
        "# Settings of backstop. What is commented out holds as it stands there, or is an example where the\n\
         # meaning says what holds without it. Flags and BACKSTOP_… variables come before this file;\n\
         # `backstop check --explain-config` shows where each value comes from.\n",
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

/// A default as TOML; for what has none, an example.
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
    "\
# Reclaims what killed programs left. Copy to /etc/systemd/system (or ~/.config/systemd/user) together with
# the timer, then: systemctl enable --now backstop-sweep.timer
[Unit]
Description=Reclaim what killed programs left
Documentation=man:backstop(1)

[Service]
Type=oneshot
ExecStart=/usr/local/bin/backstop sweep
# 1 says that something was kept for lack of proof: worth a look, and no failure.
SuccessExitStatus=1
Nice=10
IOSchedulingClass=idle
NoNewPrivileges=yes
"
    .into()
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

pub(super) fn github() -> String {
    "\
# For .github/workflows: nothing that the tests start outlives them, and a leak fails the job.
name: tests
on: [push, pull_request]
jobs:
  tests:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Run the tests so that nothing outlives them
        run: backstop run --timeout 30m --fail-on processes,ports --report leftovers.json -- make test
      - name: Keep the account
        if: always()
        uses: actions/upload-artifact@v4
        with:
          name: leftovers
          path: leftovers.json
      - name: Reclaim what a cancelled job left
        if: always()
        run: backstop sweep
"
    .into()
}

pub(super) fn gitlab() -> String {
    "\
# For .gitlab-ci.yml: nothing that the tests start outlives them, and a leak fails the job.
tests:
  script:
    - backstop run --timeout 30m --fail-on processes,ports --report leftovers.json -- make test
  after_script:
    - backstop sweep
  artifacts:
    when: always
    paths:
      - leftovers.json
"
    .into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_config_is_right_as_it_stands_and_with_every_line_uncommented() {
        let text = super::config();
        crate::settings::check_text(&text).unwrap();
        let uncommented: String = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        assert_ne!(text, uncommented);
        crate::settings::check_text(&uncommented).unwrap();
    }
}
