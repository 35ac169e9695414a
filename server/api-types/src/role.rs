//! Roles of an org.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Role {
    /// Its id.
    pub id: Uuid,
    /// Its name: `[a-z0-9_-]`, up to 40 characters.
    #[cfg_attr(feature = "openapi", schema(examples("buyer")))]
    pub name: String,
    /// What it allows.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<domain::Right>))]
    pub rights: Vec<String>,
    /// Every org has it; it is neither changed nor deleted.
    pub builtin: bool,
    /// The tag of what can be changed: as `If-Match`, a change is made only to the state that was seen.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(pattern = "^\"[0-9a-f]{32}\"$", examples("\"0f4b1d9c3a5e7f820f4b1d9c3a5e7f82\""))
    )]
    pub etag: String,
}

/// A role to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateRole {
    /// Its name.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 40, pattern = "^[a-z0-9][a-z0-9_-]*$", examples("buyer"))
    )]
    pub name: String,
    /// What it allows.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<domain::Right>))]
    pub rights: Vec<String>,
}

/// What to change about a role; what is absent stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateRole {
    /// Its new name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(
        feature = "openapi",
        schema(
            nullable = false,
            min_length = 1,
            max_length = 40,
            pattern = "^[a-z0-9][a-z0-9_-]*$",
            examples("buyer")
        )
    )]
    pub name: Option<String>,
    /// What it allows from now on.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, value_type = Option<Vec<domain::Right>>))]
    pub rights: Option<Vec<String>>,
}
