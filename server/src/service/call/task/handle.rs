//! Handles: who asks after a task, and which task it is.

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

/// How many open tasks one approval has at most, those that follow an upstream's included; a call beyond them is answered as if it had not
/// declared the extension.
pub(super) const MAX_OPEN: i64 = 100;
/// How long a task that no answer of an upstream ended is kept after its end.
pub(super) const KEPT: chrono::TimeDelta = chrono::TimeDelta::hours(24);
/// How long `tasks/get` waits at most for a change.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(20);

/// Who asks after a task, and where.
#[derive(Clone)]
pub struct Asker {
    /// Whose credential it is.
    pub actor: Actor,
    /// The caller's name, for the history.
    pub name: Arc<str>,
    /// The toolkit's org.
    pub org: Arc<Org>,
    /// The toolkit at whose endpoint it asks.
    pub toolkit: Arc<Toolkit>,
    /// How long its client likes to wait; `tasks/get` never waits for more than 20 s.
    pub hold: Duration,
    /// What its request takes up of its caller's budget.
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

/// A task that was changed, or might have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The approval it is a handle on, for the record.
    pub approval: Option<ApprovalId>,
}

/// A task and the approval it is a handle on.
pub(super) struct Found {
    pub(super) task: Task,
    pub(super) record: Option<Record>,
}

/// The task with this id, if it is the asker's.
pub(super) async fn find(services: &Base, asker: &Asker, id: &str) -> Result<Option<Found>> {
    let mut scope = OrgScope::begin(&services.db.calls, asker.org.id).await?;
    let (id, owner) = (sha256(id), asker.owner());
    let Some(mut task) = db::task::find(&mut scope, &id, owner).await? else { return Ok(None) };
    // What the upstream answered is kept until replay ends, which its approval says.
    let is_over = |(end, at)| end != End::Executed && at + KEPT <= task.read_at;
    let is_forgotten = |followed: &Followed| followed.kept_until <= task.read_at;
    if task.closed.is_some_and(is_over) || task.followed.as_ref().is_some_and(is_forgotten) {
        return Ok(None);
    }
    let Some(approval) = task.approval else { return Ok(Some(Found { task, record: None })) };
    let record = db::approval::get(&mut scope, approval).await?;
    let ended = record.as_ref().is_some_and(|record| !is_under_way(&record.stored));
    if ended && task.closed.is_none() && task.followed.is_none() {
        // The approval changed between the two reads, and closed the task.
        let Some(again) = db::task::find(&mut scope, &id, owner).await? else { return Ok(None) };
        task = again;
    }
    Ok(Some(Found { task, record }))
}

/// Whether something is still to come of an approval.
pub(super) fn is_under_way(state: &State) -> bool {
    matches!(state, State::Pending(_) | State::Approved(_) | State::Executing(_))
}

pub(super) fn sha256(id: &str) -> [u8; 32] {
    wire::canonical::sha256(id.as_bytes())
}

/// Removes tasks that nobody can learn anything from any more; says how many.
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
