//! `tasks/cancel`: drops a handle, and takes the request back where nothing else waits for it. What was
//! dispatched is not recalled.

use domain::approval::{State, Status};

use super::{Asker, find};
use crate::{
    db::{
        self, OrgScope, Reason,
        approval::{Actor, Record},
    },
    error::Result,
    service::{Services, approval},
};

/// Cancels a task; doing it again, or when it has ended, changes nothing. `false`: there is no such task
/// for this asker.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn cancel(services: &Services, asker: &Asker, id: &str) -> Result<bool> {
    let Some(found) = find(services, asker, id).await? else { return Ok(false) };
    let Some(approval) = found.task.approval.filter(|_| found.task.closed.is_none()) else { return Ok(true) };
    let mut scope = OrgScope::system(&services.db, asker.org.id, Reason::Sweep).await?;
    // The approval first, as everybody else: what joins it, decides or claims it comes before or after.
    let Some(record) = db::approval::lock(&mut scope, approval).await? else { return Ok(false) };
    let record = approval::tidied(&mut scope, record).await?;
    let task = db::task::find(&mut scope, &found.task.id_sha256, asker.owner()).await?;
    if task.is_some_and(|task| task.closed.is_none()) {
        db::task::cancel(&mut scope, &found.task.id_sha256).await?;
        withdraw(&mut scope, asker, record).await?;
    }
    scope.commit().await?;
    services.live.wake(approval);
    Ok(true)
}

/// Withdraws a request that was not dispatched and that nothing else of the caller asked for.
async fn withdraw(scope: &mut OrgScope, asker: &Asker, record: Record) -> Result<()> {
    if record.called || db::task::count_open(scope, record.id).await? > 0 {
        return Ok(());
    }
    let (from, next) = match record.stored {
        State::Pending(pending) => (Status::Pending, pending.withdraw(record.read_at)),
        State::Approved(approved) => (Status::Approved, approved.withdraw(record.read_at)),
        _ => return Ok(()),
    };
    let actor = Actor::Principal(asker.principal(), asker.name.to_string());
    db::approval::store(scope, record.id, from, &next, &actor, Some("its task was cancelled")).await?;
    Ok(())
}
