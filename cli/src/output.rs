//! Data on standard output: tables for people, JSON for programs.

use std::io::{self, IsTerminal, Write};

use backstop_core::text::printable;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// Writes bytes as they are. A reader that has exited, as `head` does, is not an error.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    match io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes one JSON object, whose schema is named `backstop.COMMAND/1`.
pub(crate) fn write_json<T: Serialize>(command: &str, data: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Schema::of(command, data))?;
    line.push(b'\n');
    write(&line)
}

/// Data with the name of its schema.
#[derive(Serialize)]
pub(crate) struct Schema<'a, T> {
    schema: String,
    #[serde(flatten)]
    data: &'a T,
}

impl<'a, T> Schema<'a, T> {
    pub(crate) fn of(command: &str, data: &'a T) -> Self {
        Self {
            schema: format!("backstop.{command}/1"),
            data,
        }
    }
}

/// A table without lines, as `ps` prints: it can be read, and cut up by other programs.
pub(crate) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(headings.to_vec());
    if io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table
}

/// Adds a row. What cells hold may be chosen by other programs: nothing of it reaches the terminal but
/// characters, on one line.
pub(crate) fn add_row(table: &mut Table, cells: impl IntoIterator<Item = String>) {
    let cells = cells.into_iter().map(|cell| printable(&cell).into_owned());
    table.add_row(cells.collect::<Vec<_>>());
}

/// Prints a note on standard error, which is for people.
#[expect(clippy::print_stderr, reason = "standard output is for data only")]
pub(crate) fn note(message: &str) {
    eprintln!("backstop: {}", printable(message));
}

/// Writes a table without the blanks at line ends.
pub(crate) fn write_table(table: &Table) -> io::Result<()> {
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end().strip_prefix(' ').unwrap_or(line.trim_end()));
        text.push('\n');
    }
    write(text.as_bytes())
}
