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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 40, pattern = "^[a-z0-9][a-z0-9_-]*$", examples("buyer"))
    )]
    pub name: Option<String>,
    /// What it allows from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<domain::Right>>))]
    pub rights: Option<Vec<String>>,
}
