//! Members of an org.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A person's membership.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The membership's id, which names it in URLs.
    pub id: Uuid,
    /// The person's id.
    pub user_id: Uuid,
    /// The person's e-mail.
    #[cfg_attr(feature = "openapi", schema(examples("sam@example.com")))]
    pub email: String,
    /// The person's name.
    #[cfg_attr(feature = "openapi", schema(examples("Sam")))]
    pub name: String,
    /// Their role in this org.
    #[cfg_attr(feature = "openapi", schema(examples("admin")))]
    pub role: String,
    /// Since when they belong to it.
    pub created_at: DateTime<Utc>,
    /// The tag of what can be changed: as `If-Match`, a change is made only to the state that was seen.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(pattern = "^\"[0-9a-f]{32}\"$", examples("\"0f4b1d9c3a5e7f820f4b1d9c3a5e7f82\""))
    )]
    pub etag: String,
}

/// A member to be added. An unknown e-mail makes the person.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateMember {
    /// The person's e-mail; case does not matter.
    #[cfg_attr(feature = "openapi", schema(format = Email, max_length = 254, examples("sam@example.com")))]
    pub email: String,
    /// Their role.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40, examples("approver")))]
    pub role: String,
    /// A new person's password: 12 to 200 characters. Refused for a person who exists already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = Password, min_length = 12, max_length = 200))]
    pub password: Option<String>,
    /// A new person's name; the e-mail's local part unless given. A person who exists keeps theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100, examples("Sam")))]
    pub name: Option<String>,
}

/// What to change about a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    /// Their new role.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, min_length = 1, max_length = 40, examples("approver")))]
    pub role: Option<String>,
}
