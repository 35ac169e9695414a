//! Tasks (approvals.md, "What the agent sees", 3; MCP tasks extension): a caller that declared the
//! extension does not wait for a decision but gets a handle. A handle is bound to its org, toolkit and
//! caller; to anybody else, and elsewhere, it does not exist.
//!
//! Its status is the approval's, never stored twice, until something closes it: what that was is written
//! with the change that did ([`db::task::End`]), so that what a caller was told stays true. [`get`],
//! [`update`] and [`cancel`] are what a caller does with it, [`runner`] runs what was approved while only a task waits.

mod cancel;
mod follow;
mod get;
mod poll;
mod runner;
mod show;
mod update;

pub use cancel::cancel;
pub(super) use follow::{Made, followed, hand_out, is_task, normal_of};
pub use get::{Detailed, Standing, detailed, get, known};
pub use poll::{Polled, Polls};
pub use runner::run_approved;
pub use update::{NOT_FOUND, update};

use std::{sync::Arc, time::Duration};

use domain::{
    ApprovalId, Principal,
    approval::State,
    directory::{Org, Toolkit},
};

use super::{Context, Reply, nobody};
use crate::{
    db::{
        self, OrgScope, Reason, SystemScope,
        approval::Record,
        audit::Status,
        task::{End, Followed, Owner, Task},
    },
    error::Result,
    limit::Load,
    random,
    service::{Services, access::Actor},
};

/// How many open tasks one approval has at most, those that follow an upstream's included; a call beyond them is answered as if it had not
/// declared the extension.
const MAX_OPEN: i64 = 100;
/// How long a task that no answer of an upstream ended is kept after its end.
const KEPT: chrono::TimeDelta = chrono::TimeDelta::hours(24);
/// How long `tasks/get` waits at most for a change.
const MAX_WAIT: Duration = Duration::from_secs(20);

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
    fn owner(&self) -> Owner {
        Owner { toolkit: self.toolkit.id, caller: self.actor.principal }
    }

    fn principal(&self) -> Principal {
        self.actor.principal
    }
}

/// What a call does with an approval that waits or was given.
pub(super) enum Joins {
    /// It leaves, with a handle.
    Task(Reply),
    /// It stays, or goes on.
    Call,
    /// The approval changed meanwhile: look again.
    Moved,
}

/// Makes a task where the call may have one, else notes that a call without one has asked, so that
/// cancelling a task takes nothing away from it.
pub(super) async fn join(services: &Services, context: &Context, record: &Record) -> Result<Joins> {
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
async fn open(services: &Services, context: &Context, approval: ApprovalId) -> Result<Opened> {
    let mut scope = OrgScope::begin(&services.db.calls, context.org.id).await?;
    // Under the lock, so that no cancelling withdraws what this task is about to wait for.
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
    metrics::counter!("permesso_tasks_created_total").increment(1);
    let nobody = nobody::decides(services, &context.org, &record).await;
    let result = show::created(services, &context.org, &id, created_at, &record, nobody)?;
    Ok(Opened::Task(Box::new(Reply::new(Status::Held, result).about(approval))))
}

/// A task that was changed, or might have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The approval it is a handle on, for the record.
    pub approval: Option<ApprovalId>,
}

/// A task and the approval it is a handle on.
struct Found {
    task: Task,
    record: Option<Record>,
}

/// The task with this id, if it is the asker's.
async fn find(services: &Services, asker: &Asker, id: &str) -> Result<Option<Found>> {
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
fn is_under_way(state: &State) -> bool {
    matches!(state, State::Pending(_) | State::Approved(_) | State::Executing(_))
}

/// Removes tasks that nobody can learn anything from any more; says how many.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn sweep(services: &Services) -> Result<u64> {
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

fn sha256(id: &str) -> [u8; 32] {
    wire::canonical::sha256(id.as_bytes())
}
