//! API keys of agents.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An API key, without the key itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id; rotation keeps it.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// The first characters of the newest secret, to tell keys apart.
    pub prefix: String,
    /// Its role.
    pub role: String,
    /// The person answerable, who may not decide on its requests.
    pub owner: KeyOwner,
    /// How long a held call of this key waits, in seconds; `null`: by the client's name.
    pub hold_seconds: Option<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used; exact to some seconds.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it stops being valid.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The person answerable for a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyOwner {
    /// The person's id.
    pub id: Uuid,
    /// Their e-mail.
    pub email: Option<String>,
}

/// A key to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// Its role; none that allows more than one's own.
    pub role: String,
    /// The id or e-mail of the member answerable; its creator unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it stops being valid; never, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// How long a held call of this key waits: 0 to 240 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_seconds: Option<u32>,
}

/// How to rotate a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateApiKey {
    /// How long the key as it was stays valid: 0 to 604800 seconds (a week).
    pub overlap_seconds: u32,
}

/// A key that was made or rotated: the only answer that has the key itself.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreatedApiKey {
    /// What every later answer shows.
    #[serde(flatten)]
    pub shown: ApiKey,
    /// The key: shown once, kept by nobody.
    pub key: String,
}
