//! Replays a stored answer: the upstream's bytes, and the fact that the call did not run again.

use chrono::TimeDelta;
use domain::approval::{Executed, state::REPLAY};
use serde_json::{Value, json};

use super::super::{
    context::Context,
    facts::{self, Next, time},
    outcome::{Body, Reply, body, is_task},
    say, stored, task, wait,
};
use crate::{
    db::{approval::Record, audit::Status},
    error::{Kind, Result},
    service::Base,
};

/// Answers with the stored result, marked as replayed.
pub(super) async fn replay(services: &Base, context: &Context, record: &Record, executed: &Executed) -> Result<Reply> {
    let stored = match wait::patiently(services, || stored::read(services, record)).await {
        // An answer that nothing was done would be wrong.
        Err(error) if matches!(error.kind, Kind::Unavailable) => {
            error.log();
            return Ok(say::unreadable(record.id));
        }
        stored => stored?,
    };
    let body = match stored {
        // The task has not run to its end, so there is nothing to mark.
        Some(answer) if is_task(&answer) => {
            match task::hand_out(services, context, task::TaskOrigin::Approved(record), answer).await {
                Ok(answer) if context.tasks => body(answer).1,
                Ok(answer) => {
                    let facts = Some(Box::new(say::facts_of_going_on()));
                    return Ok(Reply { facts, answers: None, ..replayed(record, body(answer).1) });
                }
                Err(error) => {
                    error.log();
                    return Ok(say::unreadable(record.id));
                }
            }
        }
        Some(answer) => {
            let facts = Some(Box::new(mark(record, executed)));
            return Ok(Reply { facts, ..replayed(record, body(answer).1) });
        }
        None => return Ok(say::executed_before(record, executed)),
    };
    Ok(replayed(record, body))
}

fn replayed(record: &Record, body: Body) -> Reply {
    let answers = Some((record.org, record.id));
    Reply { body, answers, ..Reply::new(Status::Replayed, Box::default()) }.about(record.id)
}

/// What is said of a stored answer: that it did not run again, and when a new run is possible.
fn mark(record: &Record, executed: &Executed) -> Value {
    // Once this answer is fully written, the stored one is kept ten minutes from the finish.
    let next = if executed.answered_at().is_some() { executed.replay_until() } else { executed.at() + REPLAY };
    let next = next.max(record.read_at + TimeDelta::seconds(1));
    let text = format!(
        "This is the stored result of the approved call that ran at {}. It did not run again. The same call can be asked for again, as a new request, from {}.",
        time(executed.at()),
        time(next),
    );
    let mut mark = facts::of(record, "executed", Next::UseResult, &text);
    mark["replayed"] = json!(true);
    mark["executed_at"] = json!(time(executed.at()));
    mark["new_run_from"] = json!(time(next));
    mark
}
