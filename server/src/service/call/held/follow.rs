//! Follows an approval that a call opened or joined, and answers from its state (approvals.md, "What the agent sees", 4
//! and 5).

use std::sync::Arc;

use domain::approval::{Settled, State};

use super::{
    super::{context::Context, dispatch, nobody, outcome::Reply, say, task, wait},
    asked, replay,
};
use crate::{
    db::approval::Record,
    error::{Kind, Result},
    service::{Base, Calls},
};

/// Follows one approval until there is an answer, whatever its states meanwhile.
pub(in crate::service::call) async fn follow(
    services: &Arc<Calls>,
    context: &Context,
    record: Record,
) -> Result<Reply> {
    let withdrawn = say::withdrawn(&record);
    Ok(join(services, context, record).await?.unwrap_or(withdrawn))
}

/// The same for a call that may open a new request. `None`: the approval was withdrawn before this call had a part in
/// it.
pub(in crate::service::call) async fn join(
    services: &Arc<Calls>,
    context: &Context,
    mut record: Record,
) -> Result<Option<Reply>> {
    let id = record.id;
    loop {
        if matches!(record.state(), State::Withdrawn { taken_back: None, .. }) {
            return Ok(None);
        }
        if let Some(reply) = advance(services, context, record).await? {
            return Ok(Some(reply));
        }
        record = match wait::again(services, context, id).await {
            Ok(record) => record,
            // The call may be running or may have run: an answer that nothing was done would be wrong.
            Err(error) if matches!(error.kind, Kind::Unavailable) => return Ok(Some(say::unreadable(id))),
            Err(error) => return Err(error),
        };
    }
}

/// Answers from the state of an approval that this caller asked for. `None`: it changed meanwhile; read it again.
async fn advance(services: &Arc<Calls>, context: &Context, record: Record) -> Result<Option<Reply>> {
    match task::join(services, context, &record).await? {
        task::Joins::Task(reply) => return Ok(Some(reply)),
        task::Joins::Call => {}
        task::Joins::Moved => return Ok(None),
    }
    match record.state() {
        State::Pending(_) if wait::for_decision(services, context, &record).await? => return Ok(None),
        State::Approved(_) => return dispatch::dispatch(services, context, &record, None).await,
        State::Executing(executing) if !executing.asks() => {
            let until = tokio::time::Instant::from_std(context.began) + context.joins;
            if wait::for_change(services, context, &record, until).await?.is_some() {
                return Ok(None);
            }
        }
        State::Withdrawn { taken_back: None, .. } => return Ok(None),
        _ => {}
    }
    tell(services, context, &record).await.map(Some)
}

/// Says how an approval stands that this caller asked for. Runs nothing.
pub(in crate::service::call) async fn tell(services: &Base, context: &Context, record: &Record) -> Result<Reply> {
    Ok(match record.state() {
        State::Pending(_) => {
            let nobody = nobody::decides(services, &context.org, record).await;
            say::pending(services, context, record, nobody).await
        }
        State::Approved(_) => say::approved(record),
        State::Executing(executing) if executing.asks() => {
            match asked::ask_again(services, context, record).await {
                // The call was sent: an answer that nothing was done would be wrong.
                Err(error) if matches!(error.kind, Kind::Unavailable) => say::unreadable(record.id),
                reply => reply?,
            }
        }
        State::Executing(_) => say::executing(services, context, record).await,
        State::Executed(executed) if matches!(executed.by(), Settled::Person(_)) => {
            say::settled_executed(record, &executed)
        }
        State::Executed(executed) => replay::replay(services, context, record, &executed).await?,
        State::OutcomeUnknown(_) => say::outcome_unknown(services, &context.org, record),
        State::Rejected { decision, .. } => say::rejected(record, &decision),
        State::Expired(_) => say::expired(record),
        State::Invalidated { change, .. } => say::invalidated(record, change),
        State::Withdrawn { taken_back: Some(taken), .. } => say::taken_back(record, &taken),
        State::Withdrawn { taken_back: None, .. } => say::withdrawn(record),
        State::NotExecuted { .. } => say::settled_not_executed(record),
    })
}
