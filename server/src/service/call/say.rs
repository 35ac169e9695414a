//! What the gateway says to an agent in its own words (approvals.md, "What the agent sees").
//!
//! A pending result is a success with the same facts in `structuredContent` and `_meta`; results
//! with `isError` carry no `structuredContent`, since strict clients would check it.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    ApprovalId, Rule,
    approval::{Change, Decision, Executed, State},
    directory::Org,
};
use serde_json::{Value, json, value::RawValue};
use wire::error::RpcError;

use super::{Body, Context, Reply, nobody::NOBODY};
use crate::{
    db::{approval::Record, audit::Status},
    service::Services,
};

/// The key under `_meta` for everything we say about an approval.
pub(super) const META_KEY: &str = "dev.permesso/approval";

/// How long an agent should wait before it asks again, in seconds.
const RETRY_AFTER: u32 = 20;

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn raw(value: &Value) -> Box<RawValue> {
    // A `Value` always has a JSON text.
    serde_json::value::to_raw_value(value).unwrap_or_default()
}

/// A result that says that something went wrong.
pub(super) fn error(text: &str) -> Box<RawValue> {
    raw(&json!({"content": [{"type": "text", "text": text}], "isError": true}))
}

fn error_about(record: &Record, status: &str, text: &str) -> Box<RawValue> {
    let meta = json!({"status": status, "approval_id": record.id.0, "tool": record.tool});
    raw(&json!({"content": [{"type": "text", "text": text}], "isError": true, "_meta": {META_KEY: meta}}))
}

fn about(record: &Record, audit: Status, status: &str, text: &str) -> Reply {
    Reply::new(audit, error_about(record, status, text)).about(record.id)
}

/// A tool that this caller may not use.
pub(super) fn blocked(tool: &str, rule: &Rule) -> Reply {
    let text = format!("The tool `{tool}` was not run: {rule}. Do not try another way to get the same effect.");
    Reply::new(Status::Refused, error(&text)).rule(rule)
}

/// The console's page of an approval.
pub(super) fn console_url(services: &Services, org: &str, record: &Record) -> String {
    let base = services.public_url.as_str().trim_end_matches('/');
    format!("{base}/{org}/approvals/{}", record.id)
}

/// Nothing ran yet; a person is asked. `nobody`: no person could decide as things stand.
pub(super) fn pending(services: &Services, context: &Context, record: &Record, nobody: bool) -> Reply {
    let (id, tool) = (record.id, &record.tool);
    let expires = time(record.expires_at);
    let url = console_url(services, context.org.slug.as_str(), record);
    let facts = pending_facts(services, &context.org, record, nobody);
    let warning = if nobody { format!("WARNING: {NOBODY}.\n") } else { String::new() };
    let text = format!(
        "NOT EXECUTED: waiting for a person's decision. This is not an error or an empty result.\n\
         approval_id: {id}   expires: {expires}\n\
         {warning}\
         Next: call approval_status with {{\"approval_id\": \"{id}\"}}. It waits for you, so do not poll in a loop.\n\
         When it says approved, call run_approved with {{\"approval_id\": \"{id}\"}}, or {tool} again with exactly the same arguments.\n\
         Do not use another tool to get the same effect. Still pending after 5 checks: go on with other work, or tell the user it awaits approval at {url}."
    );
    let result = raw(&json!({
        "content": [{"type": "text", "text": text}],
        "structuredContent": facts,
        "_meta": {META_KEY: facts},
    }));
    Reply::new(Status::Held, result).about(id)
}

/// What a program reads of an approval that waits.
pub(super) fn pending_facts(services: &Services, org: &Org, record: &Record, nobody: bool) -> Value {
    let mut facts = json!({
        "status": "pending",
        "executed": false,
        "approval_id": record.id.0,
        "tool": record.tool,
        "arguments_sha256": hex::encode(record.binding.arguments_sha256),
        "created_at": time(record.created_at),
        "expires_at": time(record.expires_at),
        "retry_after_seconds": RETRY_AFTER,
        "console_url": console_url(services, org.slug.as_str(), record),
        "next_action": "call_approval_status",
    });
    if nobody {
        facts["reason"] = json!(NOBODY);
    }
    facts
}

/// It was approved and is being run, and the caller does not wait for its end.
pub(super) fn executing(services: &Services, context: &Context, record: &Record) -> Reply {
    let id = record.id;
    let text = format!(
        "NOT FINISHED: the call was approved and is running; there is no result yet.\n\
         Next: call approval_status with {{\"approval_id\": \"{id}\"}}. It waits for you, so do not poll in a loop.\n\
         Do not run it in another way meanwhile."
    );
    let facts = json!({
        "status": "executing",
        "executed": false,
        "approval_id": id.0,
        "tool": record.tool,
        "retry_after_seconds": RETRY_AFTER,
        "console_url": console_url(services, context.org.slug.as_str(), record),
        "next_action": "call_approval_status",
    });
    let result = raw(&json!({
        "content": [{"type": "text", "text": text}],
        "structuredContent": facts,
        "_meta": {META_KEY: facts},
    }));
    Reply::new(Status::Held, result).about(id)
}

/// What became of an approved call cannot be read at the moment: an error, so that nobody takes it for a result.
pub(super) fn unreadable(id: ApprovalId) -> Reply {
    unknown_now(
        id,
        "what became of the call cannot be read right now; if it was approved it may be running or have run. Ask approval_status later, and do not run it in another way",
    )
}

pub(super) fn unknown_now(id: ApprovalId, text: &'static str) -> Reply {
    Reply { body: Body::Error(RpcError::internal(text)), ..Reply::new(Status::Unknown, Box::default()).about(id) }
}

/// A person said no.
pub(super) fn rejected(record: &Record, decision: &Decision) -> Reply {
    let reason = decision.reason.as_deref().unwrap_or("no reason was given");
    let text = format!(
        "NOT EXECUTED: a person rejected this call. Reason: {reason}\nDo not resubmit unchanged, and do not use another tool to get the same effect."
    );
    about(record, Status::Rejected, "rejected", &text)
}

/// Nobody decided, or nobody used the approval.
pub(super) fn expired(record: &Record) -> Reply {
    expired_as(record, matches!(record.state(), State::Expired(expired) if expired.unused.is_some()))
}

/// The same, where it is known which of the two it was.
pub(super) fn expired_as(record: &Record, unused: bool) -> Reply {
    let text = match unused {
        true => "NOT EXECUTED: the approval was not used in time and has expired; you may ask once more.",
        false => "NOT EXECUTED: nobody decided; you may ask once more.",
    };
    about(record, Status::Refused, "expired", text)
}

/// Something that the approval is bound to changed.
pub(super) fn invalidated(record: &Record, change: Change) -> Reply {
    let text = format!(
        "NOT EXECUTED: the approval is no longer valid: {}. You may call the tool again; a person will be asked anew.",
        change.message()
    );
    about(record, Status::Refused, "invalidated", &text).rule(format!("invalidated: {}", change.as_str()))
}

/// The agent cancelled it.
pub(super) fn withdrawn(record: &Record) -> Reply {
    about(record, Status::Refused, "withdrawn", "NOT EXECUTED: this request was withdrawn.")
}

/// It was begun, and goes on as a task of the upstream that this caller cannot follow.
pub(super) fn goes_on() -> Box<RawValue> {
    let text = "STARTED, NOT FINISHED: the upstream took this call and goes on with it as a task. Only a client that declares the MCP tasks extension, and follows it with fewer than 100 tasks, gets a task for it, so there is no result to give. Do not repeat the call; tell the user.";
    raw(&json!({"content": [{"type": "text", "text": text}]}))
}

/// Approved, but the upstream cannot be used at the moment.
pub(super) fn unready(record: &Record, reason: &str) -> Reply {
    let text = format!(
        "NOT EXECUTED: the call is approved, but its connection cannot be used: {reason}. The approval stays valid until {}; call again later.",
        record.execute_by.map(time).unwrap_or_default(),
    );
    about(record, Status::Failed, "approved", &text)
}

/// The claim sent nothing; the approval stays.
pub(super) fn not_sent(record: &Record, connection: &str, reason: &str) -> Reply {
    let text = format!(
        "NOT EXECUTED: the connection `{connection}` could not be reached: {reason}. Nothing was sent, and the approval stays valid; call again later."
    );
    about(record, Status::Failed, "approved", &text)
}

/// It asks for input that this caller cannot give any more, or could never.
pub(super) fn asking(services: &Services, context: &Context, record: &Record, why: &str) -> Reply {
    let text = format!(
        "NOT FINISHED: the call was approved and sent, and asks for input: {why}. Do not repeat it and do not use another tool to get the same effect; tell the user that a person can settle it at {}.",
        console_url(services, context.org.slug.as_str(), record)
    );
    about(record, Status::Refused, "executing", &text)
}

/// A person settled it while it was under way.
pub(super) fn superseded(id: ApprovalId) -> Reply {
    unknown_now(
        id,
        "a person settled this call while it was under way. Ask approval_status, and do not run it in another way",
    )
}

/// What was asked for could not be sent to who asked; it still waits for it.
pub(super) fn unanswerable(record: &Record, reason: &str) -> Reply {
    let text = format!(
        "NOT FINISHED: the call asked for input, which could not be sent to it: {reason}. Nothing was sent, and it still waits for that input; call again later, with exactly the same arguments. If it is not given within an hour of the question, the outcome is unknown and a person has to settle it.",
    );
    about(record, Status::Failed, "executing", &text)
}

/// Sent, and nobody knows what became of it.
pub(super) fn outcome_unknown(services: &Services, org: &Org, record: &Record) -> Reply {
    let text = format!(
        "OUTCOME UNKNOWN: this call was approved and sent, and no answer came: contact was lost, or nobody gave the input that it asked for. It may have run. It is not sent again: a person has to find out and settle it at {}. Do not repeat it and do not use another tool to get the same effect; tell the user.",
        console_url(services, org.slug.as_str(), record)
    );
    about(record, Status::Refused, "outcome_unknown", &text).rule("outcome unknown until settled")
}

/// A person found that it ran.
pub(super) fn settled_executed(record: &Record, executed: &Executed) -> Reply {
    let text = format!(
        "This call ran: contact was lost, and at {} a person found that it had been carried out. There is no result to give. Do not run it again.",
        time(executed.at)
    );
    about(record, Status::Replayed, "executed", &text)
}

/// A person found that it did not run.
pub(super) fn settled_not_executed(record: &Record) -> Reply {
    let text = "NOT EXECUTED: contact was lost, and a person found that the call had not been carried out. You may call the tool again; a person will be asked anew.";
    about(record, Status::Refused, "not_executed", text)
}

/// It ran, and the result is no longer kept.
pub(super) fn executed_before(record: &Record, executed: &Executed) -> Reply {
    let text = format!("This call ran at {}; its result is no longer kept. It did not run again.", time(executed.at));
    about(record, Status::Replayed, "executed", &text)
}

/// The caller has too many open approvals.
pub(super) fn too_many(limit: i64) -> Reply {
    let text = format!(
        "NOT EXECUTED: you have {limit} requests waiting already, which is the limit. Wait for decisions, or use what was approved, before you ask for more."
    );
    Reply::new(Status::Refused, error(&text)).rule("too many open approvals")
}

/// The arguments do not fit the tool's schema: nobody is asked.
pub(super) fn unfitting(problems: &[String]) -> Reply {
    let text = format!("the arguments do not fit the tool's schema: {}", problems.join("; "));
    Reply::new(Status::Refused, error(&text))
}

/// The arguments are too large for a person to be asked about.
pub(super) fn too_large(size: usize, limit: usize) -> Reply {
    let text = format!(
        "NOT EXECUTED: this call needs a person's approval, and its arguments have {size} bytes; at most {limit} are possible."
    );
    Reply::new(Status::Refused, error(&text)).rule("arguments too large for an approval")
}
