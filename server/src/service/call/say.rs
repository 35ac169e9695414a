//! What the gateway says to an agent in its own words (approvals.md, "What the agent sees").
//!
//! The machine-readable part is in [`facts`].

use domain::{
    ApprovalId, Rule,
    approval::{Change, Decision, Executed, State, TakenBack},
    directory::Org,
};
use serde_json::{Value, json, value::RawValue};
use wire::error::RpcError;

use super::{
    context::Context,
    facts::{self, META_KEY, Next, time},
    nobody::NOBODY,
    outcome::{Body, Refusal, Reply},
};
use crate::{
    db::{
        approval::{Open, Record},
        audit::Status,
        idempotent_call::MAX_EACH,
    },
    directory::Problem,
    service::Base,
};

/// How long an agent should wait before it asks again, in seconds.
pub(super) const RETRY_AFTER: u32 = 20;

/// Nothing ran, and no person is asked.
pub(super) fn refused(next: Next, text: &str) -> Reply {
    Reply::of_facts(Status::Refused, facts::of_call("refused", next, text))
}

fn about(record: &Record, audit: Status, status: &str, next: Next, text: &str) -> Reply {
    Reply::of_facts(audit, facts::of(record, status, next, text)).about(record.id)
}

/// The newer request for the same call, in words, if there is one.
fn asked_since(record: &Record) -> String {
    record.newer.map_or_else(String::new, |newer| {
        format!("\nThe same call has been asked for again since then: approval_id {newer}.")
    })
}

/// Input for which no call waits: a person would have to approve something else than the arguments.
pub(super) fn unasked(tool: &str) -> Reply {
    let text = format!(
        "The tool `{tool}` was not run: it needs approval, and the call came with input (inputResponses or requestState) \
         that belongs to no call under way. Call it again with its arguments alone."
    );
    refused(Next::ReviseAndResubmit, &text)
}

/// A tool that this caller may not use.
pub(super) fn blocked(tool: &str, rule: &Rule) -> Reply {
    let text = format!("The tool `{tool}` was not run: {rule}. Do not try another way to get the same effect.");
    refused(Next::StopAndTellUser, &text).rule(rule).because(Refusal::Blocked)
}

/// The console's page of an approval.
pub(super) fn console_url(services: &Base, org: &str, record: &Record) -> String {
    let base = services.public_url.as_str().trim_end_matches('/');
    format!("{base}/{org}/approvals/{}", record.id)
}

/// Nothing ran yet; a person is asked. `nobody`: no person could decide at the moment.
pub(super) async fn pending(services: &Base, context: &Context, record: &Record, nobody: bool) -> Reply {
    let (id, tool) = (record.id, &record.tool);
    let expires = time(record.expires_at);
    let url = console_url(services, context.org.slug.as_str(), record);
    let warning = if nobody { format!("WARNING: {NOBODY}.\n") } else { String::new() };
    let text = format!(
        "NOT EXECUTED: waiting for a person's decision. This is not an error or an empty result.\n\
         approval_id: {id}   expires: {expires}\n\
         {warning}\
         Next: call approval_status with {{\"approval_id\": \"{id}\"}}. It waits for you, so do not poll in a loop.\n\
         When it says approved, call run_approved with {{\"approval_id\": \"{id}\"}}, or {tool} again with exactly the same arguments.\n\
         Do not use another tool to get the same effect. Still pending after 5 checks: go on with other work, or tell the user it awaits approval at {url}."
    );
    let facts = pending_facts(services, &context.org, record, &text, nobody);
    let mut reply = unfinished(services, context, facts).await.about(id);
    let tool = context.toolkit.tools.iter().find(|tool| tool.id == record.binding.toolkit_tool);
    if let (Some(tool), Some(facts)) = (tool, &mut reply.facts) {
        facts["waits_for"] = json!(tool.approval_policy(&context.toolkit, &context.org).approver_roles);
    }
    reply
}

/// The facts of an approval that waits. `nobody`: no person could decide at the moment.
pub(super) fn pending_facts(services: &Base, org: &Org, record: &Record, text: &str, nobody: bool) -> Value {
    let mut facts = waiting(services, org, record, "pending", text);
    if nobody {
        facts["reason"] = json!(NOBODY);
    }
    facts
}

/// The facts of an approval in progress.
fn waiting(services: &Base, org: &Org, record: &Record, status: &str, text: &str) -> Value {
    let mut facts = facts::of(record, status, Next::CallApprovalStatus, text);
    facts["retry_after_seconds"] = json!(RETRY_AFTER);
    facts["console_url"] = json!(console_url(services, org.slug.as_str(), record));
    facts
}

/// The approved call is running, and the caller does not wait for its end.
pub(super) async fn executing(services: &Base, context: &Context, record: &Record) -> Reply {
    let id = record.id;
    let text = format!(
        "NOT FINISHED: the call was approved and is running; there is no result yet.\n\
         Next: call approval_status with {{\"approval_id\": \"{id}\"}}. It waits for you, so do not poll in a loop.\n\
         Do not run it in another way meanwhile."
    );
    let facts = waiting(services, &context.org, record, "executing", &text);
    unfinished(services, context, facts).await.about(id)
}

/// A person approved it; nothing has used the approval yet.
pub(super) fn approved(record: &Record) -> Reply {
    let text = format!(
        "NOT EXECUTED YET: a person approved this call. It runs when the same call comes again, until {}.",
        record.execute_by.map(time).unwrap_or_default()
    );
    about(record, Status::Held, "approved", Next::RunApproved, &text)
}

/// A state that is not an error. Sent as an error where the client would refuse any other result.
async fn unfinished(services: &Base, context: &Context, facts: Value) -> Reply {
    let meets_schema = context.meets_schema(services).await;
    let body = if meets_schema { facts::error(&facts) } else { facts::success(&facts) };
    Reply { facts: Some(Box::new(facts)), ..Reply::new(Status::Held, body) }
}

/// The state of an approved call cannot be read at the moment: an error, so that nobody takes it for a result.
pub(super) fn unreadable(id: ApprovalId) -> Reply {
    unknown_now(
        id,
        "what became of the call cannot be read right now; if it was approved it may be running or have run. Ask approval_status later, and do not run it in another way",
    )
}

pub(super) fn unknown_now(id: ApprovalId, text: &'static str) -> Reply {
    Reply { body: Body::Error(RpcError::internal(text)), ..Reply::new(Status::Unknown, Box::default()).about(id) }
}

/// A person rejected the call.
pub(super) fn rejected(record: &Record, decision: &Decision) -> Reply {
    let reason = decision.reason.as_deref().unwrap_or("no reason was given");
    let text = format!(
        "NOT EXECUTED: a person rejected this call. Reason: {reason}\nDo not resubmit unchanged, and do not use another tool to get the same effect.{}",
        asked_since(record)
    );
    about(record, Status::Rejected, "rejected", Next::ReviseAndResubmit, &text).giving(decision.reason.as_deref())
}

/// An approver took the approval back before it was used.
pub(super) fn taken_back(record: &Record, taken: &TakenBack) -> Reply {
    let text = format!(
        "NOT EXECUTED: this call was approved, and the approval was taken back before it was used. Reason: {}\nDo not resubmit unchanged, and do not use another tool to get the same effect.{}",
        taken.reason,
        asked_since(record)
    );
    about(record, Status::Rejected, "withdrawn", Next::ReviseAndResubmit, &text).giving(Some(&taken.reason))
}

/// Nobody decided in time, or nobody used the approval.
pub(super) fn expired(record: &Record) -> Reply {
    expired_as(record, matches!(record.state(), State::Expired(expired) if expired.unused().is_some()))
}

/// The same, where it is known which of the two it was.
pub(super) fn expired_as(record: &Record, unused: bool) -> Reply {
    let text = match unused {
        true => "NOT EXECUTED: the approval was not used in time and has expired; you may ask once more.",
        false => "NOT EXECUTED: nobody decided; you may ask once more.",
    };
    about(record, Status::Refused, "expired", Next::AskAgain, &format!("{text}{}", asked_since(record)))
}

/// Something that the approval is bound to changed.
pub(super) fn invalidated(record: &Record, change: Change) -> Reply {
    let text = format!(
        "NOT EXECUTED: the approval is no longer valid: {}. You may call the tool again; a person will be asked anew.{}",
        change.message(),
        asked_since(record)
    );
    about(record, Status::Refused, "invalidated", Next::AskAgain, &text)
        .rule(format!("invalidated: {}", change.as_str()))
        .giving(Some(change.message()))
}

/// The agent cancelled it, or an approver took the approval back.
pub(super) fn withdrawn(record: &Record) -> Reply {
    match &record.stored {
        State::Withdrawn { taken_back: Some(taken), .. } => taken_back(record, taken),
        _ => {
            let text = format!("NOT EXECUTED: this request was withdrawn.{}", asked_since(record));
            about(record, Status::Refused, "withdrawn", Next::StopAndTellUser, &text)
        }
    }
}

/// [`goes_on`] in a form that this client can read.
pub(super) async fn goes_on_for(services: &Base, context: &Context) -> Box<RawValue> {
    if context.meets_schema(services).await { facts::error(&facts_of_going_on()) } else { goes_on() }
}

/// The call was started, and continues as a task of the upstream that this caller cannot follow.
pub(super) fn goes_on() -> Box<RawValue> {
    let facts = facts_of_going_on();
    facts::raw(&json!({"content": [{"type": "text", "text": facts["message"]}], "_meta": {META_KEY: facts}}))
}

pub(super) fn facts_of_going_on() -> Value {
    let text = "STARTED, NOT FINISHED: the upstream took this call and goes on with it as a task. Only a client that declares the MCP tasks extension, and follows it with fewer than 100 tasks, gets a task for it, so there is no result to give. Do not repeat the call; tell the user.";
    facts::of_call("executing", Next::StopAndTellUser, text)
}

/// Approved, but the upstream cannot be used at the moment.
pub(super) fn unready(record: &Record, reason: &str) -> Reply {
    let text = format!(
        "NOT EXECUTED: the call is approved, but its connection cannot be used: {reason}. The approval stays valid until {}; call again later.",
        record.execute_by.map(time).unwrap_or_default(),
    );
    about(record, Status::Failed, "approved", Next::RunApproved, &text)
}

/// The claim sent nothing; the approval stays.
pub(super) fn not_sent(record: &Record, connection: &str, reason: &str) -> Reply {
    let text = format!(
        "NOT EXECUTED: the connection `{connection}` could not be reached: {reason}. Nothing was sent, and the approval stays valid; call again later."
    );
    about(record, Status::Failed, "approved", Next::RunApproved, &text)
}

/// The call asks for input that this caller can no longer give, or never could.
pub(super) fn asking(services: &Base, context: &Context, record: &Record, why: &str) -> Reply {
    let text = format!(
        "NOT FINISHED: the call was approved and sent, and asks for input: {why}. Do not repeat it and do not use another tool to get the same effect; tell the user that a person can settle it at {}.",
        console_url(services, context.org.slug.as_str(), record)
    );
    about(record, Status::Refused, "executing", Next::StopAndTellUser, &text)
}

/// A person settled it while it was running.
pub(super) fn superseded(id: ApprovalId) -> Reply {
    unknown_now(
        id,
        "a person settled this call while it was under way. Ask approval_status, and do not run it in another way",
    )
}

/// The input could not be sent to the upstream that asked; it still waits for it.
pub(super) fn unanswerable(record: &Record, reason: &str) -> Reply {
    let text = format!(
        "NOT FINISHED: the call asked for input, which could not be sent to it: {reason}. Nothing was sent, and it still waits for that input; call again later, with exactly the same arguments. If it is not given within an hour of the question, the outcome is unknown and a person has to settle it.",
    );
    about(record, Status::Failed, "executing", Next::RunApproved, &text)
}

/// Sent, with an unknown outcome.
pub(super) fn outcome_unknown(services: &Base, org: &Org, record: &Record) -> Reply {
    let text = format!(
        "OUTCOME UNKNOWN: this call was approved and sent, and no answer came: contact was lost, or nobody gave the input that it asked for. It may have run. It is not sent again: a person has to find out and settle it at {}. Do not repeat it and do not use another tool to get the same effect; tell the user.",
        console_url(services, org.slug.as_str(), record)
    );
    about(record, Status::Refused, "outcome_unknown", Next::StopAndTellUser, &text)
        .rule("outcome unknown until settled")
}

/// A person found that the call ran.
pub(super) fn settled_executed(record: &Record, executed: &Executed) -> Reply {
    let text = format!(
        "This call ran: contact was lost, and at {} a person found that it had been carried out. There is no result to give. Do not run it again.",
        time(executed.at())
    );
    about(record, Status::Replayed, "executed", Next::StopAndTellUser, &text)
}

/// A person found that the call did not run.
pub(super) fn settled_not_executed(record: &Record) -> Reply {
    let text = "NOT EXECUTED: contact was lost, and a person found that the call had not been carried out. You may call the tool again; a person will be asked anew.";
    about(record, Status::Refused, "not_executed", Next::AskAgain, &format!("{text}{}", asked_since(record)))
}

/// The call ran, and its result is no longer kept.
pub(super) fn executed_before(record: &Record, executed: &Executed) -> Reply {
    let text = format!("This call ran at {}; its result is no longer kept. It did not run again.", time(executed.at()));
    about(record, Status::Replayed, "executed", Next::StopAndTellUser, &text)
}

/// The caller has too many open approvals.
pub(super) fn too_many(open: Open, limit: i64) -> Reply {
    let Open { waiting, approved } = open;
    let what = match (waiting, approved) {
        (waiting, 0) => format!("{waiting} of your requests wait for a person's decision"),
        (0, approved) => format!("{approved} of your requests were approved and are not used yet"),
        _ => format!(
            "{waiting} of your requests wait for a person's decision, and {approved} were approved and are not used yet"
        ),
    };
    let next = match approved {
        0 => "Wait for decisions before you ask for more.",
        _ => "Use what was approved, with run_approved, before you ask for more.",
    };
    let text = format!("NOT EXECUTED: {what}; {limit} at once are the limit. {next}");
    refused(Next::StopAndTellUser, &text).rule("too many open approvals").because(Refusal::TooManyOpen)
}

/// The arguments do not fit the tool's schema: no person is asked.
pub(super) fn unfitting(problems: Vec<Problem>) -> Reply {
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let text = format!("the arguments do not fit the tool's schema: {}", told.join("; "));
    refused(Next::ReviseAndResubmit, &text).because(Refusal::Arguments(problems))
}

/// The arguments are too large for a person to be asked about.
pub(super) fn too_large(size: usize, limit: usize) -> Reply {
    let text = format!(
        "NOT EXECUTED: this call needs a person's approval, and its arguments have {size} bytes; at most {limit} are possible."
    );
    refused(Next::ReviseAndResubmit, &text).rule("arguments too large for an approval").because(Refusal::TooLarge)
}

/// The caller has used too many idempotency keys.
pub(super) fn too_many_keys() -> Reply {
    let text = format!("{MAX_EACH} idempotency keys within a day are the limit");
    refused(Next::StopAndTellUser, &text).because(Refusal::TooManyKeys)
}
