//! Records the outcome of a dispatched call: the approval's next state, the stored result and the outcome in one
//! transaction (approvals.md, promise 2).

use std::time::Duration;

use domain::{
    ApprovalId,
    approval::{Executing, Settled, State, Status},
};

use super::{
    super::{
        input::ANSWER_WITHIN,
        outcome::{Reported, asks, body, kind},
        stored::encode,
        task,
    },
    claimed::Claimed,
};
use crate::{
    audit::{redact::recorded, text},
    db::{
        self, OrgScope, Reason,
        approval::{Actor, Record},
        audit,
    },
    error::{Error, Result},
    seal::Purpose,
    service::Base,
    upstream::{Answer, UpstreamError},
};

/// How long the dispatcher retries to record an outcome.
const TRY_FOR: Duration = Duration::from_secs(600);

/// Makes the outcome durable and retries while Postgres is away; `waiting` is called after each failure. Returns the
/// approval's new status. `None`: it could not be recorded; the lease lapses and a person is asked.
pub(super) async fn report(
    services: &Base,
    claimed: &Claimed,
    answer: &Reported,
    mut waiting: impl FnMut(),
) -> Option<Status> {
    let began = std::time::Instant::now();
    let mut pause = Duration::from_millis(50);
    let response = response(answer).await;
    loop {
        match try_report(services, claimed, answer, &response).await {
            Ok(status) => return Some(status),
            Err(error) if began.elapsed() < TRY_FOR && !services.stop.is_cancelled() => {
                tracing::warn!(approval.id = %claimed.record.id, %error, "outcome not recorded yet");
                waiting();
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            Err(error) => {
                error.log();
                tracing::error!(approval.id = %claimed.record.id, "outcome could not be recorded");
                return None;
            }
        }
    }
}

async fn try_report(services: &Base, claimed: &Claimed, answer: &Reported, response: &str) -> Result<Status> {
    let id = claimed.record.id;
    let mut scope = OrgScope::system(&services.db.calls, claimed.record.org, Reason::Callers).await?;
    let Some(record) = db::approval::lock(&mut scope, id).await? else {
        return Err(Error::internal(format!("approvals {id}: a claimed row is gone")));
    };
    let (status, settles) = match record.stored.clone() {
        // Our own commit, whose confirmation was lost: the question is already stored.
        State::Executing(executing) if executing.holder() == claimed.holder && executing.asks() => {
            return Ok(Status::Executing);
        }
        State::Executing(executing) if executing.holder() == claimed.holder => {
            if let Ok(answer) = answer
                && let Some(mut followed) = task::followed((&record.binding).into(), answer, record.read_at)
            {
                followed.source.normal_sha256 = task::normal_of(&mut scope, id).await?;
                db::task::follow(&mut scope, id, &followed).await?;
            }
            (from_executing(&mut scope, claimed, &record, executing, answer).await?, true)
        }
        State::OutcomeUnknown(unknown) if unknown.holder() == claimed.holder => {
            let status = if let Ok(answer) = answer
                && !asks(answer)
            {
                let state = State::Executed(unknown.answer_late(kind(answer), record.read_at));
                stored(
                    id,
                    db::approval::store(
                        &mut scope,
                        id,
                        Status::OutcomeUnknown,
                        &state,
                        &Actor::System,
                        Some("the answer came late"),
                    )
                    .await?,
                )?;
                Status::Executed
            } else {
                note(&mut scope, &record, answer).await?;
                Status::OutcomeUnknown
            };
            (status, true)
        }
        // Our own commit, whose confirmation was lost: everything is recorded.
        State::Executed(executed) if !matches!(executed.by(), Settled::Person(_)) => return Ok(Status::Executed),
        // A person settled it first: the late answer is only added to the history.
        _ => {
            note(&mut scope, &record, answer).await?;
            (record.stored.status(), false)
        }
    };
    if let Ok(answer) = answer
        && settles
    {
        let sealed = services.sealer.seal(Purpose::ApprovalResult, id.0.as_bytes(), &encode(answer));
        db::approval::put_result(&mut scope, id, &sealed).await?;
    }
    let mut outcome = outcome(services, claimed, answer, response);
    if status == Status::OutcomeUnknown {
        outcome.status = audit::Status::Unknown;
    }
    db::audit::insert(scope.conn(), &[&claimed.intent], &[&outcome]).await?;
    scope.commit().await?;
    Ok(status)
}

/// Records an answer while the approval is executing. Returns the approval's new status.
async fn from_executing(
    scope: &mut OrgScope,
    claimed: &Claimed,
    record: &Record,
    executing: Executing,
    answer: &Reported,
) -> Result<Status> {
    let id = record.id;
    let lapsed = executing.lease_until() <= record.read_at;
    let store = async |scope: &mut OrgScope, from, to: State, note: Option<&str>| {
        stored(id, db::approval::store(scope, id, from, &to, &Actor::System, note).await?)?;
        Ok(to.status())
    };
    match answer {
        Ok(answer) if asks(answer) && lapsed => {
            let unknown = State::OutcomeUnknown(executing.lose_contact());
            store(scope, Status::Executing, unknown, Some("the lease lapsed before the upstream asked for input")).await
        }
        Ok(answer) if asks(answer) => {
            let asking = executing.ask(claimed.holder, record.read_at + ANSWER_WITHIN);
            store(scope, Status::Executing, State::Executing(asking), Some("the upstream asks for input")).await
        }
        Ok(answer) if !lapsed => {
            let executed = State::Executed(executing.finish(kind(answer), record.read_at));
            store(scope, Status::Executing, executed, None).await
        }
        Ok(answer) => {
            let unknown = executing.lose_contact();
            let late = State::Executed(unknown.clone().answer_late(kind(answer), record.read_at));
            store(scope, Status::Executing, State::OutcomeUnknown(unknown), Some("the lease lapsed")).await?;
            store(scope, Status::OutcomeUnknown, late, Some("the answer came late")).await
        }
        // Only this round was not sent: the upstream that asked still waits for it.
        Err(UpstreamError::NotSent { reason }) if !lapsed && let Some(round) = &claimed.round => {
            let asking = executing.ask(round.asked, round.until);
            store(scope, Status::Executing, State::Executing(asking), Some(&text(reason))).await
        }
        Err(UpstreamError::NotSent { reason }) if claimed.round.is_some() => {
            store(scope, Status::Executing, State::OutcomeUnknown(executing.lose_contact()), Some(&text(reason))).await
        }
        Err(UpstreamError::NotSent { reason }) => {
            store(scope, Status::Executing, State::Approved(executing.release()), Some(&text(reason))).await
        }
        Err(UpstreamError::Unknown { reason }) => {
            store(scope, Status::Executing, State::OutcomeUnknown(executing.lose_contact()), Some(&text(reason))).await
        }
    }
}

/// The row is locked, so only its deadline can have refused the write: the lease lapsed between read and write, and the
/// next attempt takes the late path.
fn stored(id: ApprovalId, stored: bool) -> Result<()> {
    stored.then_some(()).ok_or_else(|| Error::internal(format!("approvals {id}: the lease lapsed meanwhile")))
}

/// Adds a line of history that changes nothing.
async fn note(scope: &mut OrgScope, record: &Record, answer: &Reported) -> Result<()> {
    let status = record.stored.status();
    let text = match answer {
        Ok(answer) if asks(answer) => "the upstream asked for input after this".to_owned(),
        Ok(_) => "the upstream's answer came after this".to_owned(),
        Err(UpstreamError::NotSent { reason }) => {
            text(&format!("the dispatcher reports that it sent nothing: {reason}"))
        }
        Err(UpstreamError::Unknown { reason }) => text(&format!("the dispatcher reports: {reason}")),
    };
    db::approval::insert_event(scope, record.id, Some(status), status, &Actor::System, Some(&text)).await
}

/// The text that is recorded of an answer. Made before the transaction, because a large answer waits for its turn.
async fn response(answer: &Reported) -> String {
    match answer {
        Ok(Answer::Result(raw) | Answer::Error(raw)) => recorded(raw.get()).await,
        Err(UpstreamError::NotSent { reason } | UpstreamError::Unknown { reason }) => text(reason),
    }
}

fn outcome(services: &Base, claimed: &Claimed, answer: &Reported, response: &str) -> audit::Outcome {
    let status = match answer {
        Ok(answer) => body(answer.clone()).0,
        Err(UpstreamError::NotSent { .. }) => audit::Status::Failed,
        Err(UpstreamError::Unknown { .. }) => audit::Status::Unknown,
    };
    audit::Outcome {
        intent: claimed.intent.id,
        intent_at: claimed.intent.at,
        org: claimed.intent.org,
        at: services.clock.now(),
        status,
        duration_us: i64::try_from(claimed.began.elapsed().as_micros()).unwrap_or(i64::MAX),
        response: Some(response.to_owned()),
        rule: claimed.intent.rule.clone(),
        approval: Some(claimed.record.id),
    }
}

/// Releases a claim whose commit is in doubt; nothing was sent. Best effort: if it fails, the lease lapses and a person
/// is asked.
pub(super) async fn release_unsent(services: &Base, claimed: &Claimed) {
    let answer = Err(UpstreamError::NotSent { reason: "the claim could not be confirmed".to_owned() });
    if let Err(error) = try_report(services, claimed, &answer, &response(&answer).await).await {
        tracing::warn!(approval.id = %claimed.record.id, %error, "an unsent claim could not be given back");
    }
}
