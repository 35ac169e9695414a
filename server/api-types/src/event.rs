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
    /// Events may have been missed: read again what is shown.
    pub const RESYNC: &str = "resync";
}
