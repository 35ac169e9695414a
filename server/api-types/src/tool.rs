//! What connections offer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// A tool that a connection offers, or offered once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tool {
    /// Its id.
    pub id: Uuid,
    /// Its name at the upstream.
    pub name: String,
    /// The definition last seen, byte for byte.
    pub definition: Box<RawValue>,
    /// Its SHA-256, in hex: of what a review covers (name, title, description, schemas,
    /// annotations) in canonical form.
    pub definition_sha256: String,
    /// When that definition was first seen.
    pub seen_at: DateTime<Utc>,
    /// Whether it differs from the one last reviewed.
    pub definition_changed: bool,
    /// The definition last reviewed, where it differs.
    pub reviewed_definition: Option<Box<RawValue>>,
    /// When a definition was last reviewed; the first one seen counts as reviewed.
    pub reviewed_at: DateTime<Utc>,
    /// Whether the upstream's last list had it.
    pub offered: bool,
    /// Whether its input schema can check arguments; if not, every call is held.
    pub schema_usable: bool,
}

/// Accepting a changed definition.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewTool {
    /// The SHA-256, in hex, of the definition that was looked at.
    pub definition_sha256: String,
}
