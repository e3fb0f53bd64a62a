//! How an account is shown.
