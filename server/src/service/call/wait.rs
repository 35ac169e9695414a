//! Holds a call open until somebody decides (approvals.md, "What the agent sees", 1). No lock is held and no
//! transaction is open meanwhile; a client that goes away leaves the approval as it is.

use std::time::Duration;

use domain::{
    ApprovalId,
    approval::{State, Status},
};
use tokio::time::Instant;

use super::context::Context;
use crate::{
    db::{self, OrgScope, approval::Record, audit::Intent},
    error::{Error, Kind, Result},
    service::{Base, Calls, access},
};

/// The pause before Postgres is asked again when it could not be reached.
const AWAY: Duration = Duration::from_millis(500);
/// How long an answer waits for Postgres to come back.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until a pending approval changes its state. `false`: it is still pending, and the hold time is over, the
/// client no longer waits, or this replica stops.
pub(super) async fn for_decision(services: &Calls, context: &Context, record: &Record) -> Result<bool> {
    let until = Instant::from_std(context.began) + hold_time(context, record);
    if Instant::now() >= until {
        return Ok(false);
    }
    // A client that goes away during the wait leaves a record that reads `interrupted`.
    let intent = Intent { approval: Some(record.id), rule: Some(record.rule.clone()), ..context.intent.clone() };
    services.audit.intend(intent).await?;
    if for_change(services, context, record, until).await?.is_some() {
        return Ok(true);
    }
    // It may have expired together with the hold: nobody is told to wait for an expired request.
    let now = patiently(services, || look(services, context, record.id)).await?;
    Ok(now.state().status() != record.state().status())
}

/// The caller's hold time, shortened by the tool's.
fn hold_time(context: &Context, record: &Record) -> Duration {
    let tool = context.toolkit.tools.iter().find(|tool| tool.id == record.binding.toolkit_tool);
    let most = tool.and_then(|tool| tool.hold).unwrap_or(Duration::MAX);
    context.hold.min(most)
}

/// Waits until the approval's state differs from the record's, and reports progress meanwhile. `None`: `until` is
/// reached, the client no longer waits, the caller already waits for the most it may, or this replica stops. While
/// Postgres is away no change could be told, so the wait continues.
///
/// # Errors
/// Unauthorized as soon as the credential has ended; not found if the approval is gone.
pub(super) async fn for_change(
    services: &Calls,
    context: &Context,
    record: &Record,
    until: Instant,
) -> Result<Option<Record>> {
    // A caller with too many waits at once is told to come back.
    let Some(_seat) = services.held.take(context.caller.principal) else { return Ok(None) };
    let _waits = context.load.wait();
    let before = phase(record);
    let mut latest = record.clone();
    let mut waiter = services.live.watch(record.id);
    context.progress.waiting();
    let mut steps = tokio::time::interval(services.pace.step);
    let saying = if before.0 == Status::Pending { "waiting for approval" } else { "approved; it is running" };
    let over = async {
        tokio::select! {
            () = context.cancel.cancelled() => {}
            () = services.stop.cancelled() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    };
    let changed = async {
        loop {
            match look(services, context, record.id).await {
                Ok(record) if phase(&record) != before => return Ok(record),
                Ok(record) => latest = record,
                Err(error) if matches!(error.kind, Kind::Unavailable) => {
                    tokio::time::sleep(AWAY).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            loop {
                tokio::select! {
                    () = waiter.decided() => break,
                    () = lapse(services, &latest) => break,
                    _ = steps.tick() => context.progress.step(saying),
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = over => Ok(None),
        () = access::ended(services, &context.actor) => Err(Error::unauthorized()),
        changed = changed => changed.map(Some),
    }
}

/// The part of an approval's state that a waiting call follows. `true`: its upstream asks for input, so the wait is
/// over.
fn phase(record: &Record) -> (Status, bool) {
    let state = record.state();
    (state.status(), matches!(state, State::Executing(executing) if executing.asks()))
}

/// Reads the approval again after a wait, and checks the caller again: a credential may have ended meanwhile.
///
/// # Errors
/// Unauthorized, not found or forbidden if the caller lost its rights; unavailable if Postgres stays away.
pub(super) async fn again(services: &Base, context: &Context, id: ApprovalId) -> Result<Record> {
    let read = || async {
        let (actor, _, org, _) = access::caller_again(services, &context.actor, &context.org, &context.toolkit).await?;
        let record = look(services, context, id).await?;
        // The caller asked at this toolkit, so it is told here, even if the tool is gone since.
        let tool = record.binding.toolkit_tool;
        let here = context.toolkit.tools.iter().any(|exposed| exposed.id == tool);
        if here || access::reaches(&actor, &org, tool) { Ok(record) } else { Err(Error::not_found()) }
    };
    patiently(services, read).await
}

/// Reads something after a wait, and retries while Postgres is away.
///
/// # Errors
/// The read's own errors; unavailable only if Postgres stays away or this replica stops.
pub(super) async fn patiently<T, R: Future<Output = Result<T>>>(
    services: &Base,
    mut read: impl FnMut() -> R,
) -> Result<T> {
    let began = Instant::now();
    loop {
        // A server that vanished without closing the connection answers nothing at all.
        let read = tokio::time::timeout_at(began + PATIENCE, read()).await;
        match read.unwrap_or_else(|_| Err(Error::unavailable("the database does not answer; try again"))) {
            Err(error) if matches!(error.kind, Kind::Unavailable) && began.elapsed() < PATIENCE => {
                tokio::select! {
                    () = tokio::time::sleep(AWAY) => {}
                    () = services.stop.cancelled() => return Err(error),
                }
            }
            read => return read,
        }
    }
}

async fn look(services: &Base, context: &Context, id: ApprovalId) -> Result<Record> {
    let mut scope = OrgScope::begin(&services.db.calls, context.org.id).await?;
    db::approval::get(&mut scope, id).await?.ok_or_else(Error::not_found)
}

/// Resolves when the state ends by time alone, which nobody announces. Slightly late rather than early: Postgres's
/// clock decides.
pub(super) async fn lapse(services: &Base, record: &Record) {
    let ends = match record.state() {
        State::Pending(pending) => pending.expires_at(),
        State::Executing(executing) => executing.lease_until(),
        _ => return std::future::pending().await,
    };
    let left = (ends - services.clock.now()).to_std().unwrap_or_default();
    tokio::time::sleep(left + Duration::from_millis(250)).await;
}
