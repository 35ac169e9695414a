//! How a server comes into a client's configuration file. Comments, order and spacing stay. Of a server that
//! is there already only its address and how it is reached are ever changed: what else stands with it, such as
//! time limits or which tools are offered, is its owner's.

mod commented;
mod json;
mod toml;

use secrecy::SecretString;

use super::client::{Client, Server};

pub use commented::COMMENTED;
pub(super) use json::definition;

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// The file holds the server already, as it would be written.
    Nothing,
    /// The file's new text.
    Text(String),
}

/// Why a server cannot come into a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The file is not what the client could read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A part of it is not of the kind that the client knows.
    #[error("has `{0}`, but not as the client would read it")]
    Shape(&'static str),
    /// Another server has the name.
    #[error("has another server of this name")]
    Taken,
}

/// Puts a server into the text of a client's file; no text is a file that is not there. Another server of the
/// same name is pointed at this one only with `force`. The key is used only where the client
/// [keeps it](Client::keeps_key); without one a placeholder stands there.
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

/// The file of somebody who has no other server.
pub(super) fn fresh(client: Client, server: &Server) -> String {
    match merge(client, server, None, None, false) {
        Ok(Change::Text(text)) => text.trim_end().to_owned(),
        // An empty file has neither the server nor anything in its way.
        Ok(Change::Nothing) | Err(_) => String::new(),
    }
}
