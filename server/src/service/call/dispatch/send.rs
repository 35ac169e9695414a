//! Claims an approved call and sends it, once, under its lease (approvals.md, "The lease"). Both happen in a task of
//! their own, which runs to its end even if the client has gone.

use std::{sync::Arc, time::Instant};

use domain::{ApprovalId, approval::Status};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;
use wire::mcp::{input::Input, upstream_call_params};

use super::{
    super::{
        context::Context,
        input::{self, Round},
        outcome::{Recorded, Reply, Reported, asks, body, is_task, understood},
        progress::Progress,
        say, task,
    },
    claim,
    claimed::{Claim, Claimant, Claimed, MARGIN},
    report, round,
};
use crate::{
    audit::writer::PATIENCE,
    db::{self, OrgScope, approval::Record},
    error::{Error, Result},
    service::Calls,
    upstream::{Call, ProgressTo, UpstreamError, UpstreamProgress},
};

/// What the task reports to the call that started it.
enum Told {
    /// The attempt to claim failed; nothing was sent.
    Failed(Error),
    /// Another dispatcher has it, or it cannot be claimed.
    NotClaimed(Claim),
    /// The answer from this connection, now durable.
    Reported(String, Reported),
    /// It was sent; its outcome is not durable yet and therefore not told.
    NotRecorded,
    /// A person settled it meanwhile.
    Superseded,
}

/// Claims the approval, or takes up its next round, and sends the call if the claim is won. `None`: another dispatcher
/// has it; read the approval again.
pub(in crate::service::call) async fn dispatch(
    services: &Arc<Calls>,
    context: &Context,
    record: &Record,
    round: Option<Round>,
) -> Result<Option<Reply>> {
    let (tell, told) = oneshot::channel();
    let mut waiter = services.live.watch(record.id);
    let goes_on = round.is_some();
    let attempt = Attempt { id: record.id, round, slot: None };
    services.dispatched.spawn(claim_and_send(services.clone(), context.into(), attempt, tell));
    // A task that ended without reporting may have sent the call.
    let reply = match told.await.unwrap_or(Told::NotRecorded) {
        Told::Failed(error) => return Err(error),
        Told::NotClaimed(Claim::Changed(change)) => say::invalidated(record, change),
        Told::NotClaimed(Claim::Unready(reason)) if goes_on => say::unanswerable(record, &reason),
        Told::NotClaimed(Claim::Unready(reason)) => say::unready(record, &reason),
        // Another call may have made this round long ago.
        Told::NotClaimed(Claim::Lost) if goes_on => return Ok(None),
        Told::NotClaimed(_) => {
            waiter.changed().await;
            return Ok(None);
        }
        Told::Reported(_, Ok(answer)) => {
            let goes_on = (is_task(&answer) && !context.tasks).then(|| Box::new(say::facts_of_going_on()));
            match task::hand_out(services, context, task::TaskOrigin::Approved(record), answer).await {
                Ok(answer) => {
                    // A question is not an answer, and neither is a task that goes on.
                    let answers = (goes_on.is_none() && !asks(&answer)).then_some((context.org.id, record.id));
                    let (status, body) = body(answer);
                    let reply = Reply {
                        body,
                        recorded: Recorded::Whole,
                        answers,
                        facts: goes_on,
                        ..Reply::new(status, Box::default())
                    };
                    reply.about(record.id)
                }
                Err(error) => {
                    error.log();
                    Reply { recorded: Recorded::Whole, ..say::unreadable(record.id) }
                }
            }
        }
        Told::Reported(_, Err(UpstreamError::NotSent { reason })) if goes_on => {
            Reply { recorded: Recorded::Whole, ..say::unanswerable(record, &reason) }
        }
        Told::Reported(connection, Err(UpstreamError::NotSent { reason })) => {
            Reply { recorded: Recorded::Whole, ..say::not_sent(record, &connection, &reason) }
        }
        Told::Reported(_, Err(UpstreamError::Unknown { .. })) => {
            // From here on this replica refuses every later call, whatever the tool's permission is then.
            if let Err(error) = services.directory.refresh().await {
                tracing::warn!(%error, "directory not refreshed after an unknown outcome");
            }
            Reply { recorded: Recorded::Whole, ..say::outcome_unknown(services, &context.org, record) }
        }
        Told::NotRecorded => not_recorded(record.id),
        Told::Superseded => Reply { recorded: Recorded::Whole, ..say::superseded(record.id) },
    };
    Ok(Some(reply))
}

/// The dispatcher keeps trying to write the record: this call writes none.
fn not_recorded(id: ApprovalId) -> Reply {
    let text = "the approved call was sent, but what became of it could not be recorded yet, so no result is given; it may have run. Ask approval_status later";
    Reply { recorded: Recorded::Whole, ..say::unknown_now(id, text) }
}

/// The same for an approval that only a task waits for. Returns whether to try again later: nothing was sent and it is
/// still approved. The slot is released as soon as the claim is decided.
pub(super) async fn dispatch_for_task(
    services: &Arc<Calls>,
    claimant: Claimant,
    id: ApprovalId,
    slot: Option<OwnedSemaphorePermit>,
) -> bool {
    let (tell, told) = oneshot::channel();
    services.dispatched.spawn(claim_and_send(services.clone(), claimant, Attempt { id, round: None, slot }, tell));
    match told.await {
        Ok(Told::Failed(error)) => {
            tracing::warn!(approval.id = %id, %error, "an approved call could not be claimed");
            true
        }
        Ok(Told::NotClaimed(Claim::Unready(_)) | Told::Reported(_, Err(UpstreamError::NotSent { .. }))) => true,
        _ => false,
    }
}

/// What is to be claimed.
struct Attempt {
    id: ApprovalId,
    round: Option<Round>,
    /// Released as soon as the claim is decided.
    slot: Option<OwnedSemaphorePermit>,
}

async fn claim_and_send(services: Arc<Calls>, claimant: Claimant, attempt: Attempt, tell: oneshot::Sender<Told>) {
    let claim = match attempt.round {
        None => claim::claim(&services, &claimant, attempt.id).await,
        Some(round) => round::take_up(&services, &claimant, round).await,
    };
    drop(attempt.slot);
    // The client may have gone: the stored result then waits for it.
    match claim {
        Ok(Claim::Won(claimed)) => carry_out(services, *claimed, tell).await,
        Ok(other) => drop(tell.send(Told::NotClaimed(other))),
        Err(error) => drop(tell.send(Told::Failed(error))),
    }
}

async fn carry_out(services: Arc<Calls>, claimed: Claimed, tell: oneshot::Sender<Told>) {
    let lease = Arc::new(Mutex::new(claimed.lease_ends));
    let finished = CancellationToken::new();
    let (org, id) = (claimed.record.org, claimed.record.id);
    let heartbeat = tokio::spawn(renew(services.clone(), org, id, claimed.holder, lease.clone(), finished.clone()));
    // Also when this task panics: a lease without a running dispatcher must lapse.
    let working = finished.drop_guard();
    let guard = move || {
        let left = lease.lock().saturating_duration_since(Instant::now());
        if left >= MARGIN { Ok(()) } else { Err("the claim had nearly run out before it could be sent".to_owned()) }
    };
    let token = Progress::upstream_token(claimed.intent.id);
    let trace = claimed.trace.meta();
    let round = claimed.round.as_ref();
    let input = round.map_or_else(Input::default, |round| Input {
        responses: round.responses.as_deref(),
        state: round.theirs.as_deref(),
    });
    let params =
        upstream_call_params(&claimed.upstream_tool, &claimed.arguments, input, &trace, token.as_deref()).into();
    let (to, said) = UpstreamProgress::channel();
    let call = Call {
        once: true,
        tasks: claimed.tasks,
        inputs: claimed.inputs.unwrap_or_default(),
        goes_on: round.is_some(),
        progress: token.as_deref().map(|token| ProgressTo { token, to: &to }),
        param_headers: &claimed.param_headers,
        ..Call::new(&claimed.upstream_tool, &params)
    };
    let sent = services.upstreams.call(&claimed.spec, call, guard, CancellationToken::new());
    let answer = claimed.progress.while_doing(said, sent).await;
    if let (Some(load), Ok(answer)) = (&claimed.load, &answer) {
        // It does not wait for room: a wait would put the outcome in doubt.
        load.carry(answer.size());
    }
    let answer = understood(answer, claimed.tasks, claimed.inputs);
    let rounds = round.map_or(0, |round| round.number);
    let asking = input::Approved { approval: id.0, holder: claimed.holder, rounds };
    let answer = answer.and_then(|answer| input::sealed(&services, &(&claimed.record).into(), Some(asking), answer));
    // The lease is kept until the outcome is durable, so that nobody declares it unknown in between.
    let mut tell = Some(tell);
    let patience = Instant::now() + PATIENCE;
    let reported = report::report(&services, &claimed, &answer, || {
        if Instant::now() > patience
            && let Some(tell) = tell.take()
        {
            // The agent is told that the outcome is not known; the outcome is still written when possible.
            let _ = tell.send(Told::NotRecorded);
        }
    })
    .await;
    drop(working);
    let _ = heartbeat.await;
    services.live.wake(id);
    if let Some(tell) = tell {
        let _ = tell.send(match reported {
            Some(status) => told(&claimed, answer, status),
            None => Told::NotRecorded,
        });
    }
}

/// What is told of an answer, given the approval's new status. A lapsed lease or a person may have changed the
/// approval, so that the answer no longer stands.
fn told(claimed: &Claimed, answer: Reported, status: Status) -> Told {
    let stands = match &answer {
        Ok(answer) if asks(answer) => status == Status::Executing,
        Err(UpstreamError::NotSent { .. }) if claimed.round.is_some() => status == Status::Executing,
        Err(UpstreamError::NotSent { .. }) => status == Status::Approved,
        _ => true,
    };
    let slug = claimed.spec.slug.clone();
    match status {
        _ if stands => Told::Reported(slug, answer),
        Status::OutcomeUnknown => {
            Told::Reported(slug, Err(UpstreamError::Unknown { reason: "the lease lapsed".to_owned() }))
        }
        _ => Told::Superseded,
    }
}

/// Renews the lease, three times as often as needed, until the call is finished or the lease is lost.
async fn renew(
    services: Arc<Calls>,
    org: domain::OrgId,
    id: domain::ApprovalId,
    holder: uuid::Uuid,
    lease: Arc<Mutex<Instant>>,
    finished: CancellationToken,
) {
    loop {
        tokio::select! {
            () = finished.cancelled() => return,
            () = tokio::time::sleep(services.lease / 3) => {}
        }
        let renewed = async {
            let mut scope = OrgScope::begin(&services.db.calls, org).await?;
            // Read after the wait for a connection, so that the wait does not shorten the new lease.
            let before = Instant::now();
            let renewed = db::approval::renew_lease(&mut scope, id, holder, services.lease.as_secs_f64()).await?;
            scope.commit().await?;
            Ok::<_, Error>(renewed.then_some(before))
        };
        match renewed.await {
            Ok(Some(before)) => *lease.lock() = before + services.lease,
            Ok(None) => {
                tracing::warn!(approval.id = %id, "lease lost");
                return;
            }
            Err(error) => tracing::warn!(approval.id = %id, %error, "lease not renewed"),
        }
    }
}
