//! Each setting, its value and its origin.

use backstop_service::config;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::{Settings, keys};

#[derive(Serialize)]
struct Explained {
    settings: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    value: Option<String>,
    origin: String,
    meaning: &'static str,
}

pub(super) fn execute(settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let own = keys::KEYS.iter().map(|key| (key.name, "", key.meaning));
    let monitoring = config::KEYS
        .iter()
        .map(|key| (key.name, key.default, key.meaning));
    let explained = Explained {
        settings: own
            .chain(monitoring)
            .map(|(name, default, meaning)| {
                let given = settings.given(name);
                Row {
                    name,
                    value: given
                        .map(|given| given.text.clone())
                        .or_else(|| (!default.is_empty()).then(|| default.to_owned())),
                    origin: given.map_or("default".into(), |given| given.origin.to_string()),
                    meaning,
                }
            })
            .collect(),
    };
    if json {
        output::write_json("check", &explained)?;
        return Ok(Exit::FINE);
    }
    let mut table = output::table(&["SETTING", "VALUE", "ORIGIN"]);
    for row in explained.settings {
        let value = row.value.unwrap_or_else(|| "-".into());
        output::add_row(&mut table, [row.name.to_owned(), value, row.origin]);
    }
    output::write_table(&table)?;
    Ok(Exit::FINE)
}
