//! The gateway's own tools, `approval_status` and `run_approved` (approvals.md, "Built-in tools").
//! Only the caller that asked may use an approval, as long as it may use the toolkit where it asked; to anybody else it
//! does not exist.

use std::sync::Arc;

use domain::ApprovalId;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use wire::{canonical::check_numbers, mcp::CallParams};

use super::{
    Context, Reply,
    facts::{self, Next},
    hold, input, round, say, status,
};
use crate::{
    db::{self, OrgScope, approval::Record},
    error::{Kind, Result},
    service::{Services, access},
};

/// Names that no toolkit tool may have.
pub const RESERVED: [&str; 2] = ["approval_status", "run_approved"];

/// The longest that `approval_status` waits, in seconds.
const MAX_WAIT: u64 = 50;

/// One of the gateway's own tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// Tells how an approval stands, waiting for a change if asked.
    ApprovalStatus,
    /// Runs an approved call: the same claim as calling the tool again.
    RunApproved,
}

impl Builtin {
    /// Both, in the order they are listed.
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    approval_id: uuid::Uuid,
    wait_seconds: Option<u64>,
}

/// Calls one of the two.
pub(super) async fn call(
    services: &Arc<Services>,
    context: &Context,
    tool: Builtin,
    params: &CallParams<'_>,
) -> Result<Reply> {
    if let Err(error) = check_numbers(params.arguments.get()) {
        let text = format!("the arguments were refused: {error}");
        return Ok(say::refused(Next::ReviseAndResubmit, &text));
    }
    let arguments: Arguments = match serde_json::from_str(params.arguments.get()) {
        Ok(arguments) => arguments,
        Err(error) => {
            let text = format!("the arguments do not fit: {error}");
            return Ok(say::refused(Next::ReviseAndResubmit, &text));
        }
    };
    if arguments.wait_seconds.is_some_and(|wait| wait > MAX_WAIT)
        || (tool == Builtin::RunApproved && arguments.wait_seconds.is_some())
    {
        let text = format!("the arguments do not fit: `wait_seconds` is for approval_status, 0 to {MAX_WAIT}");
        return Ok(say::refused(Next::ReviseAndResubmit, &text));
    }
    let id = ApprovalId(arguments.approval_id);
    let unknown = || say::refused(Next::StopAndTellUser, &format!("you have no approval {id}"));
    let Some(record) = own(services, context, id).await? else { return Ok(unknown()) };
    let reply = match tool {
        Builtin::ApprovalStatus => status::status(services, context, record, arguments.wait_seconds).await,
        Builtin::RunApproved => run_approved(services, context, record, params).await,
    };
    match reply {
        // It was lost to the caller while it waited.
        Err(error) if error.kind == Kind::NotFound => Ok(unknown()),
        reply => reply,
    }
}

async fn run_approved(
    services: &Arc<Services>,
    context: &Context,
    record: Record,
    params: &CallParams<'_>,
) -> Result<Reply> {
    let state = match input::open(services, &(&record).into(), params.input) {
        Ok(state) => state,
        Err(error) => return Ok(Reply::error(error)),
    };
    match state.and_then(|state| input::round(&state, params.input)) {
        Some(round) => round::go_on(services, context, round).await,
        None => hold::follow(services, context, record).await,
    }
}

/// The approval, if this caller asked for it, and may still use the toolkit where it did.
async fn own(services: &Services, context: &Context, id: ApprovalId) -> Result<Option<Record>> {
    let mut scope = OrgScope::begin(&services.db.calls, context.org.id).await?;
    let record = db::approval::get(&mut scope, id).await?;
    let reached = |record: &Record| access::reaches(&context.actor, &context.org, record.binding.toolkit_tool);
    Ok(record.filter(|record| record.binding.caller == context.caller.principal && reached(record)))
}
