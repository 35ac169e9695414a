//! The gateway's own tools, `approval_status` and `run_approved` (approvals.md, "Built-in tools"), as agents see them.

use domain::directory::RESERVED;
use serde_json::{json, value::RawValue};

use super::facts;

/// The longest that `approval_status` waits, in seconds.
pub(super) const MAX_WAIT: u64 = 50;

/// One of the gateway's own tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// Tells the state of an approval. Waits for a change if asked to.
    ApprovalStatus,
    /// Runs an approved call: the same claim as calling the tool again.
    RunApproved,
}

impl Builtin {
    /// Both tools, in the order in which they are listed.
    pub const ALL: [Self; 2] = [Self::ApprovalStatus, Self::RunApproved];

    /// The tool with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// The name that agents see.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApprovalStatus => RESERVED[0],
            Self::RunApproved => RESERVED[1],
        }
    }

    /// The definition as it is listed.
    pub fn definition(self) -> Box<RawValue> {
        let id = json!({"type": "string", "format": "uuid", "description": "The approval_id from the result that said NOT EXECUTED."});
        facts::raw(&match self {
            Self::ApprovalStatus => json!({
                "name": self.name(),
                "title": "Approval status",
                "description": "Tells how a call stands that waits for a person's decision. It waits for a change, so do not call it in a loop.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "approval_id": id,
                        "wait_seconds": {"type": "integer", "minimum": 0, "maximum": MAX_WAIT, "description": "How long to wait for a change; by default as long as suits this client, up to 20."},
                    },
                    "required": ["approval_id"],
                    "additionalProperties": false,
                },
                "annotations": {"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false},
            }),
            Self::RunApproved => json!({
                "name": self.name(),
                "title": "Run approved call",
                "description": "Runs a call that a person approved, with exactly the arguments that were approved, once. Gives the tool's own result.",
                "inputSchema": {
                    "type": "object",
                    "properties": {"approval_id": id},
                    "required": ["approval_id"],
                    "additionalProperties": false,
                },
                "annotations": {"readOnlyHint": false, "destructiveHint": true, "idempotentHint": true, "openWorldHint": true},
            }),
        })
    }
}
