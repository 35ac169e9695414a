//! What the event stream of an org sends (`/orgs/{org}/events`): ids, rows of lists and summaries, never arguments.
//!
//! Each is the `data` of a server-sent event of the name given here.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Approval;

/// `approval.opened` and `approval.changed`, for watchers with `approvals:read`: the approval as `GET …/approvals` lists
/// it, in its newest state. Several changes that happen close together are told as one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalEventData {
    /// Which approval: its `id`.
    pub approval_id: Uuid,
    /// The approval, `may_decide` for the one who watches.
    #[serde(flatten)]
    pub approval: Approval,
}

/// `call.finished`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallFinished {
    /// Its audit record.
    pub audit_id: Uuid,
    /// The MCP method or REST operation.
    pub action: String,
    /// The toolkit's slug.
    pub toolkit: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// How it ended.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::words::AuditStatus))]
    pub status: String,
    /// How long it took, in microseconds.
    pub duration_us: Option<i64>,
    /// The approval it belongs to.
    pub approval_id: Option<Uuid>,
}

/// `connection.changed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectionChanged {
    /// The connection's slug.
    pub connection: String,
}

/// `org.changed`: what lists show of a part of the org has changed. Several changes that happen close together are told as
/// one, each part at most four times a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrgChanged {
    /// Which part; a later version may know more.
    #[cfg_attr(feature = "openapi", schema(value_type = OrgPart))]
    pub what: String,
}

/// A part of an org that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum OrgPart {
    /// Members and open invitations, for watchers with `members:read`.
    Members,
    /// API keys, for watchers with `keys:read`.
    Keys,
    /// Toolkits, their tools and permissions, for watchers with `toolkits:read`.
    Toolkits,
    /// Roles, for watchers with `members:read`.
    Roles,
    /// The org itself, for everybody who watches.
    Org,
}

impl OrgPart {
    /// Every part.
    pub const ALL: [Self; 5] = [Self::Members, Self::Keys, Self::Toolkits, Self::Roles, Self::Org];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Keys => "keys",
            Self::Toolkits => "toolkits",
            Self::Roles => "roles",
            Self::Org => "org",
        }
    }

    /// The part with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == word)
    }
}

/// The names of the events.
pub mod name {
    /// A call is held.
    pub const APPROVAL_OPENED: &str = "approval.opened";
    /// An approval has a new state.
    pub const APPROVAL_CHANGED: &str = "approval.changed";
    /// A call has an outcome.
    pub const CALL_FINISHED: &str = "call.finished";
    /// A connection, its status or what it offers has changed.
    pub const CONNECTION_CHANGED: &str = "connection.changed";
    /// A part of the org has changed.
    pub const ORG_CHANGED: &str = "org.changed";
    /// Events may have been missed: read again what is shown.
    pub const RESYNC: &str = "resync";
}
