//! Replays a stored answer: the upstream's bytes with a mark that the call did not run again.

use chrono::TimeDelta;
use domain::approval::{Executed, state::REPLAY};
use serde_json::{json, value::RawValue};
use wire::json::fields;

use super::super::{
    context::Context,
    facts::{self, META_KEY, Next, time},
    outcome::{Body, Recorded, Reply, body, is_task},
    say, stored, task, wait,
};
use crate::{
    db::{approval::Record, audit::Status},
    error::{Error, Kind, Result},
    service::Base,
    upstream::Answer,
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
                Ok(answer) => body(answer).1,
                Err(error) => {
                    error.log();
                    return Ok(say::unreadable(record.id));
                }
            }
        }
        Some(Answer::Result(raw)) => Body::Result(marked(&raw, record, executed)?),
        Some(Answer::Error(raw)) => Body::UpstreamError(raw),
        None => return Ok(say::executed_before(record, executed)),
    };
    Ok(Reply {
        body,
        status: Status::Replayed,
        rule: None,
        approval: Some(record.id),
        recorded: Recorded::Nothing,
        answers: Some((record.org, record.id)),
    })
}

/// The result with `replayed: true` under `_meta` and a last text block that says when a new run is possible; all other
/// bytes are unchanged.
fn marked(result: &RawValue, record: &Record, executed: &Executed) -> Result<Box<RawValue>> {
    // Once this answer is fully written, the stored one is kept ten minutes from the finish.
    let next = if executed.answered_at().is_some() { executed.replay_until() } else { executed.at() + REPLAY };
    let next = next.max(record.read_at + TimeDelta::seconds(1));
    let text = format!(
        "This is the stored result of the approved call that ran at {}. It did not run again. The same call can be asked for again, as a new request, from {}.",
        time(executed.at()),
        time(next),
    );
    let block = json!({"type": "text", "text": text}).to_string();
    let mut mark = facts::of(record, "executed", Next::UseResult, &text);
    mark["replayed"] = json!(true);
    mark["executed_at"] = json!(time(executed.at()));
    mark["new_run_from"] = json!(time(next));

    // An upstream may write a member twice; such a result is returned unmarked rather than not at all.
    let Ok(members) = fields(result) else { return Ok(result.to_owned()) };
    let mut out = Vec::new();
    let mut has_meta = false;
    for (key, value) in &members {
        let name = serde_json::to_string(key).map_err(Error::internal)?;
        let value = match &**key {
            "content" if value.get().starts_with('[') => appended(value.get(), ']', &block),
            "_meta" if value.get().starts_with('{') => {
                has_meta = true;
                appended(value.get(), '}', &format!("\"{META_KEY}\":{mark}"))
            }
            _ => value.get().to_owned(),
        };
        out.push(format!("{name}:{value}"));
    }
    if !has_meta {
        out.push(format!("\"_meta\":{{\"{META_KEY}\":{mark}}}"));
    }
    RawValue::from_string(format!("{{{}}}", out.join(","))).map_err(Error::internal)
}

/// A JSON array or object with one more entry at its end.
fn appended(json: &str, close: char, entry: &str) -> String {
    let open = json.trim_end().strip_suffix(close).unwrap_or(json).trim_end();
    let comma = if open.len() == 1 { "" } else { "," };
    format!("{open}{comma}{entry}{close}")
}

#[cfg(test)]
mod tests {
    use super::appended;

    #[test]
    fn an_entry_is_appended_and_nothing_else_changes() {
        assert_eq!(appended("[]", ']', "1"), "[1]");
        assert_eq!(appended("[ ]", ']', "1"), "[1]");
        assert_eq!(appended(r#"[ 1.0e2 , "]" ]"#, ']', "1"), r#"[ 1.0e2 , "]",1]"#);
        assert_eq!(appended(r#"{"a":{}}"#, '}', r#""b":1"#), r#"{"a":{},"b":1}"#);
    }
}
