//! Renderings of a report: text, Markdown or one HTML file. (JSON is the report itself,
//! serialized.)

mod chart;
mod html;
mod markdown;
mod quantity;
mod text;
mod ticks;

use super::account::Account;

impl Account {
    /// The report for a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::render(self)
    }

    /// The report as Markdown, for an issue or a chat.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::render(self)
    }

    /// The report as one HTML file with charts: it loads nothing, runs no script, and is readable
    /// on a phone, in dark mode, and by a screen reader.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::render(self)
    }
}
