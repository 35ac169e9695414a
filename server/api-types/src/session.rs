//! Console sessions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The header of requests that a console makes by itself while nobody is there: they are no use of the session,
/// so that its idle limit comes although pages keep themselves current.
pub const UNATTENDED: &str = "x-permesso-unattended";

/// A console session of the person who asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Its name in URLs; says nothing about the cookie.
    pub id: Uuid,
    /// Whether it is the one that this request came with.
    pub current: bool,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used; exact to a minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends, unless it is used before; never later than its absolute limit.
    pub expires_at: DateTime<Utc>,
    /// The browser, as it said when the person signed in.
    pub client: Option<String>,
    /// The address it was made from.
    pub address: Option<String>,
}
