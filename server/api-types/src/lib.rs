//! What server and console exchange over `/api/v1` (api.md): plain data, one file per resource.

mod list;
mod problem;
mod role;

pub use list::List;
pub use problem::{Problem, ProblemField};
pub use role::{CreateRole, Role, UpdateRole};

mod approval;
mod audit;

pub use approval::{Approval, ApprovalDetail, ApprovalEvent, Approve, Reject, Settle, SettleOutcome};
pub use audit::{AuditRecord, AuditRecordDetail};
