//! What connections offer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// A tool that a connection offers, or offered once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tool {
    /// Its id.
    pub id: Uuid,
    /// Its name at the upstream.
    #[cfg_attr(feature = "openapi", schema(examples("write_file")))]
    pub name: String,
    /// The definition last seen, byte for byte.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub definition: Box<RawValue>,
    /// Its SHA-256, in hex: of what a review covers (name, title, description, schemas,
    /// annotations) in canonical form.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-f]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub definition_sha256: String,
    /// When that definition was first seen.
    pub seen_at: DateTime<Utc>,
    /// Whether it is none of the reviewed ones. Where only the order of members differs, or of scalars in `enum`,
    /// `required` and `default`, a definition is the same.
    pub definition_changed: bool,
    /// The reviewed definitions, the last reviewed one first: eight at most.
    #[serde(default)]
    pub reviewed: Vec<ReviewedDefinition>,
    /// The definition last reviewed, where it differs and is still on the list.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub reviewed_definition: Option<Box<RawValue>>,
    /// When a definition was last reviewed; the first one seen counts as reviewed.
    pub reviewed_at: DateTime<Utc>,
    /// Whether the upstream's last list had it.
    pub offered: bool,
    /// How much of its input schema is used to check arguments before a person is asked: `full`, `partial` or
    /// `none`; `null` when that is not known yet: the next listing finds out.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<domain::ArgumentsCheck>))]
    pub arguments_check: Option<String>,
    /// Why not all of it.
    #[cfg_attr(feature = "openapi", schema(examples("the pattern `(?=x)y` is left out")))]
    pub check_note: Option<String>,
}

/// A reviewed definition of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewedDefinition {
    /// The SHA-256 that it had when it was reviewed, in hex.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-f]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub sha256: String,
    /// When it was last reviewed.
    pub at: DateTime<Utc>,
    /// The person who reviewed it; `null` for the first definition seen.
    pub by: Option<Uuid>,
    /// That person's e-mail, if they still have an account.
    #[cfg_attr(feature = "openapi", schema(examples("ada@example.com")))]
    pub by_email: Option<String>,
}

/// Accepting a changed definition.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReviewTool {
    /// The SHA-256, in hex, of the definition that was looked at.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-fA-F]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub definition_sha256: String,
}
