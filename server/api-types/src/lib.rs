//! What server and console exchange over `/api/v1` (api.md): plain data, one file per resource.
//!
//! Types that carry a password or a key have no `Debug`: what cannot be printed is not logged.

mod absent;
mod api_key;
mod approval;
mod audit;
mod auth;
mod call;
mod connection;
pub mod event;
mod flat;
mod import;
mod invitation;
mod list;
mod member;
mod org;
mod overview;
mod problem;
mod role;
mod session;
mod tool;
mod toolkit;
mod toolkit_tool;
mod who_decides;
#[cfg(feature = "openapi")]
pub mod words;

pub use absent::not_null;
pub use api_key::{ApiKey, CreateApiKey, CreatedApiKey, KeyOwner, RotateApiKey, UpdateApiKey};
pub use approval::{
    Approval, ApprovalDetail, ApprovalEvent, Approvals, ApprovalsSummary, Approve, EarlierCall, Extend, Reject, Revoke,
    RunResult, Settle, SettleOutcome, ToolHints,
};
pub use audit::{AuditBucket, AuditHistogram, AuditRecord, AuditRecordDetail, AuditRecords, NOT_READ};
pub use auth::{
    AccessToken, ChangePassword, Login, Me, MyKind, MyOrg, PASSWORD_CHARACTERS, Preferences, ThemePreference, UpdateMe,
};
pub use call::{CallPermission, CallStatus, CallTool, CallableTool, IDEMPOTENCY_KEY_CHARACTERS, MOST_WAIT, ToolCall};
pub use connection::{
    Connection, ConnectionDetail, ConnectionInstructions, ConnectionKind, ConnectionLogs, ConnectionStatus,
    CreateConnection, FoundTool, LeftOut, Refreshed, ReviewInstructions, TestConnection, TestedConnection,
    UnusableTool, UpdateConnection,
};
pub use import::{ImportConnections, Imported, ImportedConnection, SkippedServer};
pub use invitation::{
    AcceptInvitation, CreateInvitation, CreatedInvitation, Invitation, OfferedInvitation, ViewInvitation,
};
pub use list::List;
pub use member::{CreateMember, Member, UpdateMember};
pub use org::{CreateOrg, Org, UpdateOrg};
pub use overview::{Attention, AttentionKind, Caller, FirstSteps, Overview};
pub use problem::{Affected, Problem, ProblemField};
pub use role::{CreateRole, Role, UpdateRole};
pub use session::{Session, UNATTENDED};
pub use tool::{ReviewTool, ReviewedDefinition, Tool};
pub use toolkit::{CreateToolkit, Toolkit, UpdateToolkit, Visibility};
pub use toolkit_tool::{
    AddToolkitTools, AddedToolkitTools, LeftOutTool, PutRolePolicy, PutToolkitTool, ToolkitTool, UpdateToolkitTool,
    WhichTools,
};
pub use who_decides::{Barred, WhoDecides};
