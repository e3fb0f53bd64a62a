//! Target `config`: a settings file, and what its values mean to the commands.

/// Checks the text of a settings file.
pub fn take(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(message) = backstop::check_settings(text) {
        assert!(!message.is_empty(), "an error without a message");
    }
}
