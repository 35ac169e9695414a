//! Holding a call open until somebody decides (approvals.md, "What the agent sees", 1). Nothing is locked
//! and no transaction is open meanwhile; a client that goes away leaves the approval as it is.

use std::time::Duration;

use domain::approval::State;
use tokio::time::Instant;

use super::Context;
use crate::{
    db::{self, OrgScope, approval::Record, audit::Intent},
    error::{Error, Result},
    service::Services,
};

/// How often a waiting client is told that it waits.
const STEP: Duration = Duration::from_secs(10);

/// Waits until a pending approval is something else. `false`: it is pending still, and the hold time is over,
/// the client no longer waits, or this replica stops.
pub(super) async fn for_decision(services: &Services, context: &Context, record: &Record) -> Result<bool> {
    let until = Instant::from_std(context.began) + hold_time(context, record);
    if Instant::now() >= until {
        return Ok(false);
    }
    // Who goes away while waiting leaves a record that reads `interrupted`.
    let intent = Intent { approval: Some(record.id), rule: Some(record.rule.clone()), ..context.intent.clone() };
    services.audit.intend(intent).await?;
    if for_change(services, context, record, until).await?.is_some() {
        return Ok(true);
    }
    // It may have ended by time alone as the hold did: nobody is told to wait for what has expired.
    let mut scope = OrgScope::begin(&services.db, context.org.id).await?;
    let now = db::approval::get(&mut scope, record.id).await?.ok_or_else(Error::not_found)?;
    Ok(now.state().status() != record.state().status())
}

/// The caller's hold time, shortened by the tool's.
fn hold_time(context: &Context, record: &Record) -> Duration {
    let tool = context.toolkit.tools.iter().find(|tool| tool.id == record.binding.toolkit_tool);
    let most = tool.and_then(|tool| tool.hold).unwrap_or(Duration::MAX);
    context.hold.min(most)
}

/// Waits until the approval's status is another than the record's, telling the client meanwhile. `None`: it
/// is `until`, the client no longer waits, or this replica stops.
pub(super) async fn for_change(
    services: &Services,
    context: &Context,
    record: &Record,
    until: Instant,
) -> Result<Option<Record>> {
    let before = record.state().status();
    let mut waiter = services.live.watch(record.id);
    context.progress.waiting();
    let mut steps = tokio::time::interval(STEP);
    loop {
        let mut scope = OrgScope::begin(&services.db, context.org.id).await?;
        let record = db::approval::get(&mut scope, record.id).await?.ok_or_else(Error::not_found)?;
        drop(scope);
        if record.state().status() != before {
            return Ok(Some(record));
        }
        let moved = async {
            loop {
                tokio::select! {
                    () = waiter.decided() => return,
                    _ = steps.tick() => context.progress.step("waiting for approval"),
                }
            }
        };
        tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Ok(None),
            () = services.stop.cancelled() => return Ok(None),
            () = tokio::time::sleep_until(until) => return Ok(None),
            () = moved => {}
            () = lapse(services, &record) => {}
        }
    }
}

/// Resolves when the state ends by time alone, which nobody announces. A moment late rather than early:
/// Postgres's clock decides.
async fn lapse(services: &Services, record: &Record) {
    let ends = match record.state() {
        State::Pending(pending) => pending.expires_at,
        State::Executing(executing) => executing.lease_until,
        _ => return std::future::pending().await,
    };
    let left = (ends - services.clock.now()).to_std().unwrap_or_default();
    tokio::time::sleep(left + Duration::from_millis(250)).await;
}
