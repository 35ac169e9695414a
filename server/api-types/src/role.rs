//! Roles of an org.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: Uuid,
    /// Its name: `[a-z0-9_-]`, up to 40 characters.
    pub name: String,
    /// What it allows (`domain::Right`).
    pub rights: Vec<String>,
    /// Every org has it; it is neither changed nor deleted.
    pub builtin: bool,
}

/// A role to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRole {
    /// Its name.
    pub name: String,
    /// What it allows.
    pub rights: Vec<String>,
}

/// What to change about a role; what is absent stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRole {
    /// Its new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it allows from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<Vec<String>>,
}
