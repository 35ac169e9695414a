//! A task as its caller reads it: the members of `Task` in the MCP tasks extension, with the final result or error
//! spliced in, byte for byte.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::{
    approval::{Executed, Settled, State, state::REPLAY},
    directory::Org,
};
use serde_json::{json, value::RawValue};
use wire::mcp::result::with_result_type;

use super::{
    super::{
        facts::META_KEY,
        nobody,
        outcome::{Body, Reply},
        say, stored,
    },
    handle::{FoundTask, KEPT},
};
use crate::{
    db::{
        approval::Record,
        task::{End, Task},
    },
    error::{Error, Result},
    service::{Base, approval},
    upstream::Answer,
};

/// How often a client should poll, in milliseconds (approvals.md, "What the agent sees", 3). A poll waits for a change,
/// so this adds no delay.
const POLL_INTERVAL: u32 = 5_000;

/// The members of a task.
struct Shown<'a> {
    id: &'a str,
    status: &'static str,
    message: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// From its creation until it can no longer tell anything.
    ttl: TimeDelta,
    /// `result` or `error`.
    end: Option<(&'static str, &'a RawValue)>,
}

impl Shown<'_> {
    /// Its members, without the braces.
    fn members(&self) -> String {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut text = format!(
            "\"taskId\":{},\"status\":\"{}\",\"statusMessage\":{},\"createdAt\":\"{}\",\"lastUpdatedAt\":\"{}\",\"ttlMs\":{},\"pollIntervalMs\":{POLL_INTERVAL}",
            json!(self.id),
            self.status,
            json!(self.message),
            time(self.created_at),
            time(self.updated_at.max(self.created_at)),
            self.ttl.num_milliseconds().max(0),
        );
        if let Some((member, raw)) = self.end {
            // The result of a call has a `resultType` in 2026-07-28, wherever it stands.
            let typed = if member == "result" { with_result_type(raw) } else { raw.to_owned() };
            text.push_str(&format!(",\"{member}\":{}", typed.get()));
        }
        text
    }
}

/// The `CreateTaskResult` of a call that waits for a decision. `nobody`: no person could decide at the moment.
pub(super) fn created(
    services: &Base,
    org: &Org,
    id: &str,
    created_at: DateTime<Utc>,
    record: &Record,
    nobody: bool,
) -> Result<Box<RawValue>> {
    let shown = under_way(services, org, id, created_at, record, nobody);
    let facts = say::pending_facts(services, org, record, &shown.message, nobody);
    let text = format!("{{\"resultType\":\"task\",{},\"_meta\":{{\"{META_KEY}\":{facts}}}}}", shown.members());
    RawValue::from_string(text).map_err(Error::internal)
}

fn under_way<'a>(
    services: &Base,
    org: &Org,
    id: &'a str,
    created_at: DateTime<Utc>,
    record: &Record,
    nobody: bool,
) -> Shown<'a> {
    let decision = record.decision().map(|decision| decision.at);
    let url = say::console_url(services, org.slug.as_str(), record);
    let message = match record.stored {
        State::Pending(_) if nobody => nobody::NOBODY.to_owned(),
        State::Pending(_) => format!("waiting for a person's decision at {url}"),
        State::Approved(_) => "approved; it runs as soon as its connection can be used".to_owned(),
        _ => "approved; it is running".to_owned(),
    };
    let latest = record.execute_by.filter(|_| decision.is_some()).unwrap_or_else(|| {
        let policy = approval::policy_in(org, record);
        record.expires_at + TimeDelta::seconds(policy.execute_within_seconds.into())
    });
    Shown {
        id,
        status: "working",
        message,
        created_at,
        updated_at: decision.unwrap_or(created_at),
        ttl: latest - created_at,
        end: None,
    }
}

/// A task as it is now.
pub(super) struct Now {
    /// The members of `Task`, without the braces.
    pub(super) members: String,
    /// Whether it carries the upstream's own answer.
    pub(super) answered: bool,
}

/// Shows a task that follows no task of an upstream, or no longer does. `None`: it can no longer tell anything.
pub(super) async fn now(services: &Base, org: &Org, id: &str, found: &FoundTask) -> Result<Option<Now>> {
    let task = &found.task;
    let ended = |status, message: &str, at, end| Shown {
        id,
        status,
        message: message.to_owned(),
        created_at: task.created_at,
        updated_at: at,
        ttl: at + KEPT - task.created_at,
        end,
    };
    let plain = |shown: Shown<'_>| Ok(Some(Now { members: shown.members(), answered: false }));
    if let Some((End::Cancelled, at)) = task.closed {
        return plain(ended("cancelled", "the caller cancelled it", at, None));
    }
    let Some(record) = &found.record else { return Ok(None) };
    let Some((end, at)) = end_of(task, record) else {
        let pending = matches!(record.stored, State::Pending(_));
        let nobody = pending && nobody::decides(services, org, record).await;
        return plain(under_way(services, org, id, task.created_at, record, nobody));
    };
    match (end, &record.stored) {
        (End::Executed, State::Executed(executed)) if !matches!(executed.by(), Settled::Person(_)) => {
            if let Some(now) = answered(services, id, task, record, executed).await? {
                return Ok(Some(now));
            }
            if at + KEPT <= task.read_at {
                return Ok(None);
            }
        }
        _ => {}
    }
    let (message, reply) = said(services, org, record, end)?;
    let Body::Result(result) = &reply.body else {
        return Err(Error::internal("what the gateway says is a result"));
    };
    plain(ended("completed", message, at, Some(("result", &**result))))
}

/// How a task ended: as written on it; if an older binary ended the approval, as the approval says.
fn end_of(task: &Task, record: &Record) -> Option<(End, DateTime<Utc>)> {
    let by_state = || match &record.stored {
        State::Pending(_) | State::Approved(_) | State::Executing(_) => None,
        State::Rejected { decision, .. } => Some((End::Rejected, decision.at)),
        State::Expired(e) if e.unused().is_some() => Some((End::Unused, e.at())),
        State::Expired(e) => Some((End::Undecided, e.at())),
        State::Withdrawn { at, .. } => Some((End::Withdrawn, *at)),
        State::Invalidated { at, .. } => Some((End::Invalidated, *at)),
        State::Executed(e) => Some((End::Executed, e.at())),
        State::OutcomeUnknown(u) => Some((End::OutcomeUnknown, u.lease_until())),
        State::NotExecuted { at, .. } => Some((End::NotExecuted, *at)),
    };
    task.closed.or_else(by_state)
}

/// The gateway's own words for an end.
fn said(services: &Base, org: &Org, record: &Record, end: End) -> Result<(&'static str, Reply)> {
    Ok(match (end, &record.stored) {
        (End::Rejected, State::Rejected { decision, .. }) => ("a person rejected it", say::rejected(record, decision)),
        (End::Invalidated, State::Invalidated { change, .. }) => (change.message(), say::invalidated(record, *change)),
        // The approval may continue from these two; the task does not.
        (End::Undecided, _) => ("nobody decided in time", say::expired_as(record, false)),
        (End::Unused, _) => ("it could not be run in time", say::expired_as(record, true)),
        (End::OutcomeUnknown, _) => ("contact was lost; it may have run", say::outcome_unknown(services, org, record)),
        (End::Withdrawn, State::Withdrawn { taken_back: Some(_), .. }) => {
            ("the approval was taken back", say::withdrawn(record))
        }
        (End::Withdrawn, _) => ("it was withdrawn", say::withdrawn(record)),
        // Another task or call of the caller was given the result.
        (End::Executed, State::Executed(executed)) if !matches!(executed.by(), Settled::Person(_)) => {
            ("the call ran; its result is no longer kept", say::executed_before(record, executed))
        }
        (End::Executed, State::Executed(executed)) => {
            ("a person found that it ran", say::settled_executed(record, executed))
        }
        (End::NotExecuted, _) => ("a person found that it did not run", say::settled_not_executed(record)),
        (end, state) => {
            let state = state.status();
            return Err(Error::internal(format!("tasks: closed as {end:?}, and approval {} is {state}", record.id)));
        }
    })
}

/// Shows a task with the upstream's answer, while the answer is kept. The time to live that the task promised during
/// the call may exceed the answer's, which is shorter once any handle has delivered it. The task then outlives the
/// answer: for a day it still says that the call ran.
async fn answered(services: &Base, id: &str, task: &Task, record: &Record, executed: &Executed) -> Result<Option<Now>> {
    if record.read_at >= executed.replay_until() {
        return Ok(None);
    }
    let Some(answer) = stored::read(services, record).await? else { return Ok(None) };
    let (status, message, end) = match &answer {
        Answer::Result(raw) => ("completed", "the call ran".to_owned(), ("result", &**raw)),
        Answer::Error(raw) => ("failed", error_message(raw), ("error", &**raw)),
    };
    // Once this is fully written, the answer is kept ten minutes from the finish.
    let kept = (executed.at() + REPLAY).max(record.read_at);
    let shown = Shown {
        id,
        status,
        message,
        created_at: task.created_at,
        updated_at: executed.at(),
        ttl: kept - task.created_at,
        end: Some(end),
    };
    Ok(Some(Now { members: shown.members(), answered: true }))
}

/// The upstream's own words for the failure.
fn error_message(error: &RawValue) -> String {
    #[derive(serde::Deserialize)]
    struct Message {
        message: String,
    }
    serde_json::from_str::<Message>(error.get())
        .map_or_else(|_| "the upstream answered with an error".to_owned(), |error| error.message)
}
