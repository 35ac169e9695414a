//! API keys of agents.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An API key, without the key itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// Its id; rotation keeps it.
    pub id: Uuid,
    /// What people call it.
    #[cfg_attr(feature = "openapi", schema(examples("robot")))]
    pub name: String,
    /// The first characters of the newest secret, to tell keys apart.
    #[cfg_attr(feature = "openapi", schema(examples("mmcp_7Qm2")))]
    pub prefix: String,
    /// Its role.
    #[cfg_attr(feature = "openapi", schema(examples("agent")))]
    pub role: String,
    /// The person answerable, who may not decide on its requests, now or later.
    pub owner: KeyOwner,
    /// Who made it.
    pub created_by: KeyOwner,
    /// Who rotated it last, and so has seen its newest secret; `null`: nobody has.
    pub rotated_by: Option<KeyOwner>,
    /// How long a held call of this key waits, in seconds; `null`: by the client's name.
    #[cfg_attr(feature = "openapi", schema(maximum = 240))]
    pub hold_seconds: Option<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used; exact to some seconds.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it stops being valid.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The tag of what can be changed: as `If-Match`, a change is made only to the state that was seen.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(pattern = "^\"[0-9a-f]{32}\"$", examples("\"0f4b1d9c3a5e7f820f4b1d9c3a5e7f82\""))
    )]
    pub etag: String,
}

/// A person behind a key: who is answerable, made it or rotated it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyOwner {
    /// The person's id.
    pub id: Uuid,
    /// Their e-mail.
    #[cfg_attr(feature = "openapi", schema(examples("sam@example.com")))]
    pub email: Option<String>,
}

/// A key to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What people call it: 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100, examples("robot")))]
    pub name: String,
    /// Its role; none that allows more than one's own.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40, examples("agent")))]
    pub role: String,
    /// The id or e-mail of the member answerable; its creator unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 254, examples("sam@example.com")))]
    pub owner: Option<String>,
    /// When it stops being valid, at most ten years from now; never, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// How long a held call of this key waits: 0 to 240 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 240, examples(45)))]
    pub hold_seconds: Option<u32>,
}

/// What to change about a key; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateApiKey {
    /// What people call it from now on: 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, min_length = 1, max_length = 100, examples("robot")))]
    pub name: Option<String>,
    /// Its new role; none that allows more than one's own. What waits or is approved for the key becomes invalid.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, min_length = 1, max_length = 40, examples("agent")))]
    pub role: Option<String>,
    /// The id or e-mail of the member who is answerable from now on. What waits or is approved for the key becomes invalid.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(
        feature = "openapi",
        schema(nullable = false, min_length = 1, max_length = 254, examples("sam@example.com"))
    )]
    pub owner: Option<String>,
    /// When it stops being valid, at most ten years from now; `null`: never.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::given")]
    pub expires_at: Option<Option<DateTime<Utc>>>,
    /// How long a held call of this key waits: 0 to 240 seconds; `null`: by the client's name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::given")]
    #[cfg_attr(feature = "openapi", schema(maximum = 240))]
    pub hold_seconds: Option<Option<u32>>,
}

/// How to rotate a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateApiKey {
    /// How long the key as it was stays valid: 0 to 604800 seconds (a week).
    #[cfg_attr(feature = "openapi", schema(maximum = 604800, examples(3600)))]
    pub overlap_seconds: u32,
}

/// A key that was made or rotated: the only answer that has the key itself.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedApiKey {
    /// What every later answer shows.
    #[serde(flatten)]
    pub shown: ApiKey,
    /// The key: shown once, kept by nobody.
    #[cfg_attr(feature = "openapi", schema(examples("mmcp_…")))]
    pub key: String,
}
