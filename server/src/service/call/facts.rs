//! The machine-readable part of answers that the gateway wrote: the same members everywhere, under `_meta` and, where a
//! result may have it, in `structuredContent`. The message is included, because some clients show the model nothing
//! else.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json, value::RawValue};

use crate::db::approval::Record;

/// The key under `_meta` for everything that the gateway says about a call or its approval.
pub(super) const META_KEY: &str = "dev.permesso/approval";

/// What the agent should do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    CallApprovalStatus,
    RunApproved,
    UseResult,
    ReviseAndResubmit,
    AskAgain,
    StopAndTellUser,
}

impl Next {
    /// The word that agents read.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::CallApprovalStatus => "call_approval_status",
            Self::RunApproved => "run_approved",
            Self::UseResult => "use_result",
            Self::ReviseAndResubmit => "revise_and_resubmit",
            Self::AskAgain => "ask_again",
            Self::StopAndTellUser => "stop_and_tell_user",
        }
    }
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn raw(value: &Value) -> Box<RawValue> {
    // A `Value` always has a JSON text.
    serde_json::value::to_raw_value(value).unwrap_or_default()
}

/// The facts of a call without an approval.
pub(super) fn of_call(status: &str, next: Next, message: &str) -> Value {
    json!({"status": status, "executed": status == "executed", "next_action": next.as_str(), "message": message})
}

/// The facts of a call with an approval.
pub(super) fn of(record: &Record, status: &str, next: Next, message: &str) -> Value {
    let mut facts = of_call(status, next, message);
    facts["approval_id"] = json!(record.id.0);
    facts["tool"] = json!(record.tool);
    facts["arguments_sha256"] = json!(hex::encode(record.binding.arguments_sha256));
    facts["created_at"] = json!(time(record.created_at));
    facts["expires_at"] = json!(time(ends(record)));
    if let Some(newer) = record.newer {
        facts["new_approval_id"] = json!(newer.0);
    }
    facts
}

/// When the approval expires or expired: unused if it was approved, otherwise undecided.
fn ends(record: &Record) -> DateTime<Utc> {
    record.execute_by.filter(|_| record.decision().is_some()).unwrap_or(record.expires_at)
}

/// A result that reports an error. It carries no `structuredContent`, which strict clients would check.
pub(super) fn error(facts: &Value) -> Box<RawValue> {
    raw(&json!({"content": [text(facts)], "isError": true, "_meta": {META_KEY: facts}}))
}

/// A result that reports a state, not an error.
pub(super) fn success(facts: &Value) -> Box<RawValue> {
    raw(&json!({"content": [text(facts)], "structuredContent": facts, "_meta": {META_KEY: facts}}))
}

fn text(facts: &Value) -> Value {
    json!({"type": "text", "text": facts["message"]})
}
