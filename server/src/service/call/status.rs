//! `approval_status`: tells the state of an approval when it changes or the wait is over.

use std::time::Duration;

use domain::approval::{Settled, State};
use serde_json::{Value, json, value::RawValue};
use tokio::time::Instant;

use super::{
    context::Context,
    facts::{self, META_KEY, Next},
    held, nobody,
    outcome::{Reply, is_task},
    say::{self, RETRY_AFTER},
    stored, wait,
};
use crate::{
    db::{approval::Record, audit::Status},
    error::{Error, Result},
    service::{Base, Calls},
    upstream::Answer,
};

/// The default wait, if the caller's hold time allows it.
const DEFAULT_WAIT: Duration = Duration::from_secs(20);

/// Answers when the state changes, or when the wait is over.
pub(super) async fn status(
    services: &Calls,
    context: &Context,
    record: Record,
    wait_seconds: Option<u64>,
) -> Result<Reply> {
    let wait = wait_seconds.map_or(DEFAULT_WAIT.min(context.hold), Duration::from_secs);
    let until = Instant::from_std(context.began) + wait;
    let comes = match record.state() {
        State::Pending(_) => true,
        State::Executing(executing) => !executing.asks(),
        _ => false,
    };
    if !wait.is_zero() && comes {
        wait::for_change(services, context, &record, until).await?;
    }
    // The result may have been stored or erased meanwhile: the present state counts.
    let record = wait::again(services, context, record.id).await?;
    describe(services, context, &record).await
}

async fn describe(services: &Base, context: &Context, record: &Record) -> Result<Reply> {
    let state = record.state();
    let asking = match &state {
        State::Executing(executing) if executing.asks() => Some(held::question(services, context, record).await?),
        _ => None,
    };
    let next = match &asking {
        // A call of `run_approved` repeats the question.
        Some(Ok(_)) => Next::RunApproved,
        Some(Err(_)) => Next::StopAndTellUser,
        None => next(&state),
    };
    let reason = match asking {
        Some(Ok(_)) => Some("it asks for input".to_owned()),
        Some(Err(why)) => Some(why),
        None if matches!(state, State::Pending(_)) && nobody::decides(services, &context.org, record).await => {
            Some(nobody::NOBODY.to_owned())
        }
        None => reason(record, &state),
    };
    let status = state.status().as_str();
    let mut message =
        format!("{}{}", standing(&state), reason.as_ref().map_or_else(String::new, |why| format!(": {why}")));
    if let Some(newer) = record.newer {
        message.push_str(&format!(". The same call has been asked for again since then: approval_id {newer}"));
    }
    let mut out = facts::of(record, status, next, &message);
    out["arguments_edited"] = json!(false);
    if next == Next::CallApprovalStatus {
        out["retry_after_seconds"] = json!(RETRY_AFTER);
    }
    if let Some(reason) = reason {
        out["reason"] = Value::String(reason);
    }
    let mut answers = None;
    let meta = json!({META_KEY: out});
    let mut facts = out.to_string();
    if let State::Executed(finished) = &state
        && !matches!(finished.by(), Settled::Person(_))
        && record.read_at < finished.replay_until()
        && let Some(answer) = stored::read(services, record).await?
    {
        let words = is_task(&answer).then(say::goes_on);
        let (Answer::Result(result) | Answer::Error(result)) = &answer;
        let result = words.as_ref().unwrap_or(result);
        // Spliced in, so that the upstream's numbers and order stay as they are.
        facts.pop();
        facts.push_str(&format!(",\"result\":{}}}", result.get()));
        answers = Some((context.org.id, record.id));
    }
    let text = serde_json::to_string(&facts).map_err(Error::internal)?;
    let result = format!(
        "{{\"content\":[{{\"type\":\"text\",\"text\":{text}}}],\"structuredContent\":{facts},\"_meta\":{meta}}}"
    );
    let body = RawValue::from_string(result).map_err(Error::internal)?;
    Ok(Reply { answers, ..Reply::new(Status::Ok, body).about(record.id) })
}

fn next(state: &State) -> Next {
    match state {
        State::Pending(_) | State::Executing(_) => Next::CallApprovalStatus,
        State::Approved(_) => Next::RunApproved,
        State::Executed(executed) if matches!(executed.by(), Settled::Person(_)) => Next::StopAndTellUser,
        State::Executed(_) => Next::UseResult,
        State::Rejected { .. } | State::Withdrawn { taken_back: Some(_), .. } => Next::ReviseAndResubmit,
        State::Expired(_) | State::Invalidated { .. } | State::NotExecuted { .. } => Next::AskAgain,
        State::OutcomeUnknown(_) | State::Withdrawn { .. } => Next::StopAndTellUser,
    }
}

/// The state in words.
fn standing(state: &State) -> &'static str {
    match state {
        State::Pending(_) => "NOT EXECUTED: waiting for a person's decision",
        State::Approved(_) => "NOT EXECUTED YET: a person approved it; call run_approved",
        State::Rejected { .. } => "NOT EXECUTED: a person rejected it",
        State::Expired(_) => "NOT EXECUTED: it has expired",
        State::Withdrawn { taken_back: Some(_), .. } => "NOT EXECUTED: the approval was taken back before it was used",
        State::Withdrawn { .. } => "NOT EXECUTED: it was withdrawn",
        State::Invalidated { .. } => "NOT EXECUTED: the approval is no longer valid",
        State::Executing(_) => "NOT FINISHED: it was approved and is running",
        State::Executed(_) => "It was approved and ran",
        State::OutcomeUnknown(_) => "OUTCOME UNKNOWN",
        State::NotExecuted { .. } => "NOT EXECUTED",
    }
}

fn reason(record: &Record, state: &State) -> Option<String> {
    match state {
        State::Rejected { decision, .. } => decision.reason.clone(),
        State::Withdrawn { taken_back: Some(taken), .. } => Some(taken.reason.clone()),
        State::Invalidated { change, .. } => Some(change.message().to_owned()),
        State::Expired(expired) if expired.unused().is_some() => Some("the approval was not used in time".to_owned()),
        State::Expired(_) => Some("nobody decided; you may ask once more".to_owned()),
        State::OutcomeUnknown(_) => {
            Some("no answer came; it may have run, and is not sent again until a person settles it".to_owned())
        }
        State::Executed(executed) if matches!(executed.by(), Settled::Person(_)) => {
            Some("a person found that it ran".to_owned())
        }
        State::NotExecuted { .. } => Some("a person found that it did not run".to_owned()),
        State::Pending(_) => Some(record.rule.clone()),
        _ => None,
    }
}
