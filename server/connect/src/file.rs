//! Adds a server to a client's configuration file. Comments, order and spacing are kept. For a server that is already
//! there, only its address and how it is reached are changed: everything else, such as timeouts or the selection of
//! tools, belongs to the user.

mod commented;
mod json;
mod toml;

use secrecy::SecretString;

use super::client::{Client, Server};

pub use commented::COMMENTED;
pub(super) use json::definition;

/// The result for a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// The file already holds the server as it would be written.
    Nothing,
    /// The file's new text.
    Text(String),
}

/// Why a server cannot be added to a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The client could not read the file.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A part of the file is not of the kind that the client expects.
    #[error("has `{0}`, but not as the client would read it")]
    Shape(&'static str),
    /// Another server has this name.
    #[error("has another server of this name")]
    Taken,
}

/// Adds a server to the text of a client's file; an empty text stands for a missing file. Another server of the same
/// name is replaced only with `force`. The key is used only where the client [keeps it](Client::keeps_key); without one
/// a placeholder is written.
///
/// # Errors
/// See [`Conflict`]; nothing is lost silently.
pub fn merge(
    client: Client,
    server: &Server,
    key: Option<&SecretString>,
    text: Option<&str>,
    force: bool,
) -> Result<Change, Conflict> {
    let text = text.filter(|text| !text.trim().is_empty());
    match client {
        Client::Codex => toml::merge(server, text.unwrap_or_default(), force),
        _ => json::merge(client, server, key, text.unwrap_or("{}\n"), force),
    }
}

/// The file of a user who has no other server.
pub(super) fn fresh(client: Client, server: &Server) -> String {
    match merge(client, server, None, None, false) {
        Ok(Change::Text(text)) => text.trim_end().to_owned(),
        // An empty file has neither this server nor a conflicting one.
        Ok(Change::Nothing) | Err(_) => String::new(),
    }
}
