//! The gateway's own tools, `approval_status` and `run_approved` (approvals.md, "Built-in tools").
//! Only the caller that asked may use an approval, as long as it may use the toolkit where it asked; to anybody else it
//! does not exist.

use std::{sync::Arc, time::Duration};

use chrono::SecondsFormat;
use domain::{
    ApprovalId,
    approval::{Settled, State},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::time::Instant;
use wire::{canonical::check_numbers, mcp::CallParams};

use super::{Context, Reply, hold, input, nobody, replay, round, say, task, wait};
use crate::{
    db::{self, OrgScope, approval::Record, audit::Status},
    error::{Error, Kind, Result},
    service::{Services, access},
    upstream::Answer,
};

/// Names that no toolkit tool may have.
pub const RESERVED: [&str; 2] = ["approval_status", "run_approved"];

/// The longest that `approval_status` waits, in seconds.
const MAX_WAIT: u64 = 50;
/// How long it waits unless told, if the caller's hold time allows it.
const DEFAULT_WAIT: Duration = Duration::from_secs(20);

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
        say::raw(&match self {
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
        return Ok(Reply::new(Status::Refused, say::error(&text)));
    }
    let arguments: Arguments = match serde_json::from_str(params.arguments.get()) {
        Ok(arguments) => arguments,
        Err(error) => {
            let text = format!("the arguments do not fit: {error}");
            return Ok(Reply::new(Status::Refused, say::error(&text)));
        }
    };
    if arguments.wait_seconds.is_some_and(|wait| wait > MAX_WAIT)
        || (tool == Builtin::RunApproved && arguments.wait_seconds.is_some())
    {
        let text = format!("the arguments do not fit: `wait_seconds` is for approval_status, 0 to {MAX_WAIT}");
        return Ok(Reply::new(Status::Refused, say::error(&text)));
    }
    let id = ApprovalId(arguments.approval_id);
    let unknown = || Reply::new(Status::Refused, say::error(&format!("you have no approval {id}")));
    let Some(record) = own(services, context, id).await? else { return Ok(unknown()) };
    let reply = match tool {
        Builtin::ApprovalStatus => status(services, context, record, arguments.wait_seconds).await,
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

/// Answers when the state changes, or when the wait is over.
async fn status(services: &Services, context: &Context, record: Record, wait_seconds: Option<u64>) -> Result<Reply> {
    let wait = wait_seconds.map_or(DEFAULT_WAIT.min(context.hold), Duration::from_secs);
    let until = Instant::from_std(context.began) + wait;
    let comes = match record.state() {
        State::Pending(_) => true,
        State::Executing(executing) => !executing.asks,
        _ => false,
    };
    if !wait.is_zero() && comes {
        wait::for_change(services, context, &record, until).await?;
    }
    // The result may have been kept, or erased, meanwhile: what counts is how it stands now.
    let record = wait::again(services, context, record.id).await?;
    describe(services, context, &record).await
}

async fn describe(services: &Services, context: &Context, record: &Record) -> Result<Reply> {
    let state = record.state();
    let executed = matches!(state, State::Executed(_));
    let expires_at = record.execute_by.filter(|_| record.decision().is_some()).unwrap_or(record.expires_at);
    let asking = match &state {
        State::Executing(executing) if executing.asks => Some(input::question(services, context, record).await?),
        _ => None,
    };
    let next_action = match &asking {
        // Running it is what asks again.
        Some(Ok(_)) => "run_approved",
        Some(Err(_)) => "stop_and_tell_user",
        None => next_action(&state),
    };
    let mut out = json!({
        "approval_id": record.id.0,
        "status": state.status().as_str(),
        "executed": executed,
        "tool": record.tool,
        "expires_at": expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        "arguments_edited": false,
        "next_action": next_action,
    });
    if out["next_action"] == "call_approval_status" {
        out["retry_after_seconds"] = json!(20);
    }
    let reason = match asking {
        Some(Ok(_)) => Some("it asks for input".to_owned()),
        Some(Err(why)) => Some(why),
        None if matches!(state, State::Pending(_)) && nobody::decides(services, &context.org, record).await => {
            Some(nobody::NOBODY.to_owned())
        }
        None => reason(record, &state),
    };
    if let Some(reason) = reason {
        out["reason"] = Value::String(reason);
    }
    let mut answers = None;
    let mut facts = out.to_string();
    if let State::Executed(finished) = &state
        && !matches!(finished.by, Settled::Person(_))
        && record.read_at < finished.replay_until()
        && let Some(answer) = replay::stored(services, record).await?
    {
        let words = task::is_task(&answer).then(say::goes_on);
        let (Answer::Result(result) | Answer::Error(result)) = &answer;
        let result = words.as_ref().unwrap_or(result);
        // Spliced in, so that the upstream's numbers and order stay as they are.
        facts.pop();
        facts.push_str(&format!(",\"result\":{}}}", result.get()));
        answers = Some((context.org.id, record.id));
    }
    let text = serde_json::to_string(&facts).map_err(Error::internal)?;
    let result = format!("{{\"content\":[{{\"type\":\"text\",\"text\":{text}}}],\"structuredContent\":{facts}}}");
    let body = RawValue::from_string(result).map_err(Error::internal)?;
    Ok(Reply { answers, ..Reply::new(Status::Ok, body).about(record.id) })
}

fn next_action(state: &State) -> &'static str {
    match state {
        State::Pending(_) | State::Executing(_) => "call_approval_status",
        State::Approved(_) => "run_approved",
        State::Executed(executed) if matches!(executed.by, Settled::Person(_)) => "stop_and_tell_user",
        State::Executed(_) => "use_result",
        State::Rejected(_) => "revise_and_resubmit",
        State::Expired(_) | State::Invalidated { .. } | State::NotExecuted { .. } => "ask_again",
        State::OutcomeUnknown(_) | State::Withdrawn { .. } => "stop_and_tell_user",
    }
}

fn reason(record: &Record, state: &State) -> Option<String> {
    match state {
        State::Rejected(decision) => decision.reason.clone(),
        State::Invalidated { change, .. } => Some(change.message().to_owned()),
        State::Expired(expired) if expired.unused.is_some() => Some("the approval was not used in time".to_owned()),
        State::Expired(_) => Some("nobody decided; you may ask once more".to_owned()),
        State::OutcomeUnknown(_) => {
            Some("no answer came; it may have run, and is not sent again until a person settles it".to_owned())
        }
        State::Executed(executed) if matches!(executed.by, Settled::Person(_)) => {
            Some("a person found that it ran".to_owned())
        }
        State::NotExecuted { .. } => Some("a person found that it did not run".to_owned()),
        State::Pending(_) => Some(record.rule.clone()),
        _ => None,
    }
}
