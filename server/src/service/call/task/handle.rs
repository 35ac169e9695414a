//! Handles: the asker, and the task that it asks about.

use std::{sync::Arc, time::Duration};

use domain::{
    ApprovalId, Principal,
    approval::State,
    directory::{Org, Toolkit},
};

use crate::{
    db::{
        self, OrgScope, Reason, SystemScope,
        approval::Record,
        task::{End, Followed, Owner, Task},
    },
    error::Result,
    limit::Load,
    service::{Base, access::Actor},
};

/// How many open tasks one approval has at most, including those that follow an upstream's. A further call is answered
/// as if it had not declared the extension.
pub(super) const MAX_OPEN: i64 = 100;
/// How long a task is kept after its end, if it did not end with an upstream's answer.
pub(super) const KEPT: chrono::TimeDelta = chrono::TimeDelta::hours(24);
/// The longest that `tasks/get` waits for a change.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(20);

/// The caller that asks about a task, and its endpoint.
#[derive(Clone)]
pub struct Asker {
    /// The owner of the credential.
    pub actor: Actor,
    /// The caller's name, for the history.
    pub name: Arc<str>,
    /// The toolkit's org.
    pub org: Arc<Org>,
    /// The toolkit at whose endpoint it asks.
    pub toolkit: Arc<Toolkit>,
    /// How long its client wants to wait; `tasks/get` waits at most 20 s.
    pub hold: Duration,
    /// The request's share of its caller's budget.
    pub load: Arc<Load>,
}

impl Asker {
    pub(super) fn owner(&self) -> Owner {
        Owner { toolkit: self.toolkit.id, caller: self.actor.principal }
    }

    pub(super) fn principal(&self) -> Principal {
        self.actor.principal
    }
}

/// A task that a request changed or tried to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownTask {
    /// The approval it is a handle on, for the record.
    pub approval: Option<ApprovalId>,
}

/// A task and the approval it is a handle on.
pub(super) struct FoundTask {
    pub(super) task: Task,
    pub(super) record: Option<Record>,
}

/// The task with this id, if it is the asker's.
pub(super) async fn find(services: &Base, asker: &Asker, id: &str) -> Result<Option<FoundTask>> {
    let mut scope = OrgScope::begin(&services.db.calls, asker.org.id).await?;
    let (id, owner) = (sha256(id), asker.owner());
    let Some(mut task) = db::task::find(&mut scope, &id, owner).await? else { return Ok(None) };
    // The upstream's answer is kept until replay ends, as its approval says.
    let is_over = |(end, at)| end != End::Executed && at + KEPT <= task.read_at;
    let is_forgotten = |followed: &Followed| followed.kept_until <= task.read_at;
    if task.closed.is_some_and(is_over) || task.followed.as_ref().is_some_and(is_forgotten) {
        return Ok(None);
    }
    let Some(approval) = task.approval else { return Ok(Some(FoundTask { task, record: None })) };
    let record = db::approval::get(&mut scope, approval).await?;
    let ended = record.as_ref().is_some_and(|record| !is_under_way(&record.stored));
    if ended && task.closed.is_none() && task.followed.is_none() {
        // The approval changed between the two reads, and closed the task.
        let Some(again) = db::task::find(&mut scope, &id, owner).await? else { return Ok(None) };
        task = again;
    }
    Ok(Some(FoundTask { task, record }))
}

/// Whether an approval has not ended.
pub(super) fn is_under_way(state: &State) -> bool {
    matches!(state, State::Pending(_) | State::Approved(_) | State::Executing(_))
}

pub(super) fn sha256(id: &str) -> [u8; 32] {
    wire::canonical::sha256(id.as_bytes())
}

/// Removes tasks that can no longer tell anything; returns how many.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn sweep(services: &Base) -> Result<u64> {
    let mut all = 0;
    loop {
        let mut scope = SystemScope::begin(&services.db.upkeep, Reason::Sweep).await?;
        let swept = db::task::sweep(&mut scope).await?;
        scope.commit().await?;
        all += swept;
        if swept < db::task::SWEPT_AT_ONCE || services.stop.is_cancelled() {
            return Ok(all);
        }
    }
}
