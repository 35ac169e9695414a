//! `tasks/cancel`: drops a handle, and withdraws the request if nothing else waits for it. A dispatched call is not
//! recalled.

use std::sync::Arc;

use domain::{
    approval::{State, Status},
    directory::Org,
};

use super::{
    handle::{Asker, FoundTask, KnownTask, find},
    upstream,
};
use crate::{
    db::{
        self, OrgScope,
        approval::{Actor, Record},
        task::Followed,
    },
    error::{Error, Result},
    service::{Calls, Catalog, approval},
    upstream::TaskRequest,
};

/// Cancels a task. Idempotent; a task that has ended stays as it is. `None`: this asker has no such task.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn cancel(services: &Arc<Calls>, asker: &Asker, id: &str) -> Result<Option<KnownTask>> {
    let Some(FoundTask { task, .. }) = find(services, asker, id).await? else { return Ok(None) };
    let known = Some(KnownTask { approval: task.approval });
    if task.closed.is_some() {
        return Ok(known);
    }
    let mut scope = OrgScope::begin(&services.db.calls, asker.org.id).await?;
    // The approval is locked first, as everywhere: a call that joins, decides or claims it comes before or after.
    let record = match task.approval {
        Some(approval) => db::approval::lock(&mut scope, approval).await?,
        None => None,
    };
    let record = match record {
        Some(record) => Some(approval::tidied(services, &mut scope, record).await?),
        None => None,
    };
    // An approved call that was sent is not recalled, whoever stops asking for it.
    let unfollowed = match task.followed.as_ref().filter(|_| task.approval.is_none()) {
        Some(followed) if db::task::is_last_follower(&mut scope, &task.id_sha256, followed).await? => Some(followed),
        _ => None,
    };
    let cancelled = db::task::cancel(&mut scope, &task.id_sha256).await?;
    if let Some(record) = record.filter(|_| cancelled) {
        withdraw(&mut scope, asker, record).await?;
    }
    scope.commit().await?;
    if let Some(approval) = task.approval {
        services.live.wake(approval);
    }
    if let Some(followed) = &task.followed {
        services.polls.stir(followed);
    }
    if let Some(followed) = unfollowed.filter(|_| cancelled) {
        // Nothing else will tell the upstream later, so this runs even if the client has gone.
        let telling = services.dispatched.spawn(tell(services.catalog.clone(), asker.org.clone(), followed.clone()));
        telling.await.map_err(Error::internal)?;
    }
    Ok(known)
}

/// Tells the upstream that its task is no longer followed. Ours is cancelled whatever the upstream answers.
async fn tell(services: Arc<Catalog>, org: Arc<Org>, followed: Followed) {
    if let Err(error) = upstream::ask(&services, &org, &followed, TaskRequest::Cancel).await {
        tracing::info!(%error, "an upstream was not told that its task was cancelled");
    }
}

/// Withdraws a request that was not dispatched and that no other call or task of the caller waits for.
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
