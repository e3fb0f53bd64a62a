//! How an account is shown: as text, Markdown or one HTML file. (As JSON it is written as it stands.)

mod chart;
mod html;
mod markdown;
pub(super) mod quantity;
mod text;
mod ticks;

use super::account::Account;

impl Account {
    /// The account for a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::render(self)
    }

    /// The account as Markdown, for an issue or a chat.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::render(self)
    }

    /// The account as one HTML file with charts: it loads nothing, runs no script, and can be read on a
    /// phone, in the dark, and by a screen reader.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::render(self)
    }
}
