//! Members of an org.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A person's membership.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// The membership's id, which names it in URLs.
    pub id: Uuid,
    /// The person's id.
    pub user_id: Uuid,
    /// The person's e-mail.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Their role in this org.
    pub role: String,
    /// Since when they belong to it.
    pub created_at: DateTime<Utc>,
}

/// A member to be added. An unknown e-mail makes the person.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateMember {
    /// The person's e-mail; case does not matter.
    pub email: String,
    /// Their role.
    pub role: String,
    /// A new person's password: 12 to 200 characters. Refused for a person who exists already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A new person's name; the e-mail's local part unless given. A person who exists keeps theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What to change about a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    /// Their new role.
    pub role: String,
}
