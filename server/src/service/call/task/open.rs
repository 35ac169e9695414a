//! Makes a task of a call that waits for a decision.

use domain::{ApprovalId, approval::State};

use super::{
    super::{context::Context, nobody, outcome::Reply},
    handle::{MAX_OPEN, sha256},
    show,
};
use crate::{
    db::{self, OrgScope, approval::Record, audit::Status, task::Owner},
    error::Result,
    metrics, random,
    service::Base,
};

/// How a call joins an approval that is pending or approved.
pub(in crate::service::call) enum Joins {
    /// The call ends with a handle.
    Task(Reply),
    /// The call waits, or continues.
    Call,
    /// The approval changed meanwhile: read it again.
    Moved,
}

/// Makes a task if the call may have one. Otherwise notes that a call without a task has asked, so that cancelling a
/// task takes nothing away from it.
pub(in crate::service::call) async fn join(services: &Base, context: &Context, record: &Record) -> Result<Joins> {
    let waits = match record.state() {
        State::Pending(_) => true,
        State::Approved(_) => false,
        _ => return Ok(Joins::Call),
    };
    if waits && context.tasks {
        match open(services, context, record.id).await? {
            Opened::Task(reply) => return Ok(Joins::Task(*reply)),
            Opened::Moved => return Ok(Joins::Moved),
            Opened::TooMany => {}
        }
    }
    if record.called {
        return Ok(Joins::Call);
    }
    let mut scope = OrgScope::begin(&services.db.calls, context.org.id).await?;
    let marked = db::approval::mark_called(&mut scope, record.id).await?;
    scope.commit().await?;
    Ok(if marked { Joins::Call } else { Joins::Moved })
}

enum Opened {
    Task(Box<Reply>),
    TooMany,
    Moved,
}

/// Makes a task and, once it is durable, its `CreateTaskResult`.
async fn open(services: &Base, context: &Context, approval: ApprovalId) -> Result<Opened> {
    let mut scope = OrgScope::begin(&services.db.calls, context.org.id).await?;
    // Under the lock, so that no cancellation withdraws the request that this task is about to wait for.
    let Some(record) = db::approval::lock(&mut scope, approval).await? else { return Ok(Opened::Moved) };
    if !matches!(record.state(), State::Pending(_)) {
        return Ok(Opened::Moved);
    }
    if db::task::count_handles(&mut scope, approval).await? >= MAX_OPEN {
        return Ok(Opened::TooMany);
    }
    let id = random::text::<32>();
    let owner = Owner { toolkit: context.toolkit.id, caller: context.caller.principal };
    let trace = context.trace.to_json();
    let created_at = db::task::insert(&mut scope, &sha256(&id), owner, Some(approval), None, trace.as_deref()).await?;
    scope.commit().await?;
    metrics::task_created();
    let nobody = nobody::decides(services, &context.org, &record).await;
    let result = show::created(services, &context.org, &id, created_at, &record, nobody)?;
    Ok(Opened::Task(Box::new(Reply::new(Status::Held, result).about(approval))))
}
