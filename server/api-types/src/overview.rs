//! What the first page of an org shows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What waits in an org, what needs attention, and who calls most. Each part is there for who may see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// How many requests wait for a decision.
    pub waiting: u64,
    /// How many of them one may decide oneself.
    pub mine: u64,
    /// How many of them expire within five minutes.
    pub urgent: u64,
    /// Since when the oldest of them waits.
    pub oldest_at: Option<DateTime<Utc>>,
    /// How many requests were approved or rejected within the last 24 hours.
    pub decided: u64,
    /// How many tool calls began within the last 24 hours; `null` without the right `audit:read`.
    pub calls: Option<u64>,
    /// How many of them failed; `null` without the right `audit:read`.
    pub failed: Option<u64>,
    /// What leads to the first call.
    pub steps: FirstSteps,
    /// What needs attention, the most pressing first: at most 50.
    pub attention: Vec<Attention>,
    /// Who called most within the last 24 hours: at most 10, and nobody without the right `audit:read`.
    pub callers: Vec<Caller>,
}

/// What leads to the first call of a new org: whether each is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FirstSteps {
    /// There is a connection.
    pub connection: bool,
    /// There is a toolkit that has a tool.
    pub toolkit: bool,
    /// There is an API key that is valid.
    pub key: bool,
    /// A tool was called.
    pub call: bool,
}

/// One thing that needs attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attention {
    /// What is the matter.
    pub kind: AttentionKind,
    /// What it is about: the slug of a connection, the name of a key, or the tool of a request.
    pub name: String,
    /// The id of the request or the key; `null` for a connection.
    pub id: Option<Uuid>,
    /// How many tools, or requests.
    pub count: u64,
    /// Since when, or, of a key, until when it is valid.
    pub at: Option<DateTime<Utc>>,
    /// Why, in words.
    pub detail: Option<String>,
}

/// What needs attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// Nobody knows whether an approved call ran: a person has to settle it.
    OutcomeUnknown,
    /// A connection's last attempt or call failed.
    ConnectionError,
    /// Requests wait that nobody may decide.
    NobodyDecides,
    /// Definitions of tools of a connection changed, and wait for a review.
    DefinitionsChanged,
    /// A key stops being valid within seven days.
    KeyExpires,
}

/// A caller, and how often it called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Caller {
    /// The id of the key or the person.
    pub id: Uuid,
    /// The key's or the person's name.
    pub name: String,
    /// The e-mail of the person answerable.
    pub owner: Option<String>,
    /// How many calls.
    pub calls: u64,
    /// How many of them in each of the 24 hours, the oldest first.
    pub hours: Vec<u64>,
}
