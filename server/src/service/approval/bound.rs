//! What an approval is bound to, as it is now, and what undoes it (approvals.md, "What an approval is bound to"). What can
//! never run any more is invalidated when the change happens, so that nobody is asked about it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    ApprovalId, OrgId, Principal, Rights,
    approval::{Change, Current, Decider, Decision, State, may_decide},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::policy;
use crate::{
    db::{
        self, OrgScope, Reason, SystemScope,
        approval::{Actor, Open, Record},
    },
    error::{Error, Result},
    service::{Base, Calls, change},
};

/// How many are looked for at once.
const AT_ONCE: i64 = 200;
/// How often time alone may have undone something: a key's end is announced by nobody.
const LOOK: Duration = Duration::from_secs(2);
/// How long ago a key may have ended that such a look finds.
const ENDED_WITHIN: Duration = Duration::from_secs(120);
/// How often everything is compared though nobody has changed anything: a request may have been opened by what the
/// configuration was a moment before.
const WHOLE: Duration = Duration::from_secs(30);
/// How long after a look the next one begins at the soonest.
const PAUSE: Duration = Duration::from_millis(100);
/// The part of the time that looks may take, as a divisor: 20,000 open requests take a third of a second.
const PART: u32 = 5;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Everything that anything undid.
    Whole,
    /// What changes of these orgs, people and keys undid.
    Changed(Vec<Uuid>),
    /// What ended by itself.
    Ended,
}

/// What is true now, from rows that stay locked until the transaction ends; `scope` was made with `Reason::Callers`.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn current(services: &Base, scope: &mut OrgScope, record: &Record) -> Result<Current> {
    let current = db::approval::current(scope, &record.binding).await?;
    let decider = match &record.stored {
        State::Approved(approved) => Some(still_decides(services, scope, record, approved.decision()).await?),
        State::Executing(executing) => Some(still_decides(services, scope, record, executing.decision()).await?),
        _ => None,
    };
    Ok(Current { decider, ..current })
}

/// Whether the one who decided could do so now.
async fn still_decides(services: &Base, scope: &mut OrgScope, record: &Record, decision: &Decision) -> Result<bool> {
    let Some(role) = db::approval::decider(scope, decision.by).await? else { return Ok(false) };
    let rights: Rights = role.rights.iter().filter_map(|word| word.parse().ok()).collect();
    let policy = policy::policy_now(services, scope, record).await?;
    let own = db::approval::own_people(scope, &record.binding).await?;
    let decider = Decider { user: decision.by, role: &role.name, rights: &rights };
    Ok(may_decide(&decider, &policy, &policy::people(&own)).is_ok())
}

/// Invalidates a request that waits, or an approval that was not used. `None`: it is neither, or nothing undid it.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn invalidate(services: &Base, scope: &mut OrgScope, record: &Record) -> Result<Option<Change>> {
    if !matches!(record.state(), State::Pending(_) | State::Approved(_)) {
        return Ok(None);
    }
    let current = current(services, scope, record).await?;
    let Some(change) = record.binding.change(&current) else { return Ok(None) };
    Ok(undo(scope, record, change).await?.then_some(change))
}

/// Stores that this change undid it. `false`: it had moved.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn undo(scope: &mut OrgScope, record: &Record, change: Change) -> Result<bool> {
    let from = record.stored.status();
    let next = match record.stored.clone() {
        State::Pending(pending) => pending.invalidate(change, record.read_at),
        State::Approved(approved) => approved.invalidate(change, record.read_at),
        _ => return Ok(false),
    };
    db::approval::store(scope, record.id, from, &next, &Actor::System, Some(change.message())).await
}

/// What keeps this caller from asking for one more; `None`: it may. Of what it has open, what can never run does not count.
/// `scope` was made with `Reason::Callers`, and the caller's openings wait for each other.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn in_the_way(services: &Calls, scope: &mut OrgScope, caller: Principal) -> Result<Option<Open>> {
    let limit = services.limits.open_approvals;
    let is_full = |open: &Open| open.waiting + open.approved >= limit;
    let Some(open) = Some(db::approval::count_open(scope, caller).await?).filter(is_full) else { return Ok(None) };
    let mut freed = false;
    for undone in db::approval::undone(scope.conn(), Some(caller), None, None, AT_ONCE).await? {
        freed |= undone.org == scope.org() && invalidate_one(services, scope, undone.id).await?;
    }
    let open = if freed { db::approval::count_open(scope, caller).await? } else { open };
    Ok(Some(open).filter(is_full))
}

/// Invalidates what was undone, in every org. Returns how many they were.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn sweep(services: &Base, look: &Look) -> Result<u64> {
    let (mut all, mut after) = (0, None);
    loop {
        let mut scope = SystemScope::begin(&services.db.upkeep, Reason::Sweep).await?;
        let some = match look {
            Look::Whole => db::approval::undone(scope.conn(), None, None, after, AT_ONCE).await?,
            Look::Changed(by) => db::approval::undone(scope.conn(), None, Some(by), after, AT_ONCE).await?,
            Look::Ended => db::approval::ended(scope.conn(), ENDED_WITHIN.as_secs_f64(), after, AT_ONCE).await?,
        };
        scope.commit().await?;
        for undone in &some {
            all += u64::from(sweep_one(services, undone.org, undone.id).await?);
        }
        let whole = usize::try_from(AT_ONCE).is_ok_and(|at_once| some.len() < at_once);
        after = match some.last() {
            Some(last) if !whole && !services.stop.is_cancelled() => Some(last.id),
            _ => return Ok(all),
        };
    }
}

/// Looks after what has changed, if that is known, and what has ended by itself, else after everything: then `true`.
async fn sweep_all(services: &Base, changed: Option<Vec<Uuid>>) -> Result<bool> {
    let Some(changed) = changed else {
        sweep(services, &Look::Whole).await?;
        return Ok(true);
    };
    if !changed.is_empty() {
        sweep(services, &Look::Changed(changed)).await?;
    }
    sweep(services, &Look::Ended).await?;
    Ok(false)
}

async fn sweep_one(services: &Base, org: OrgId, id: ApprovalId) -> Result<bool> {
    let mut scope = OrgScope::system(&services.db.upkeep, org, Reason::Callers).await?;
    let invalidated = invalidate_one(services, &mut scope, id).await?;
    if invalidated {
        scope.commit().await?;
        services.live.wake(id);
    }
    Ok(invalidated)
}

/// Invalidates it, on record, if something did undo it.
async fn invalidate_one(services: &Base, scope: &mut OrgScope, id: ApprovalId) -> Result<bool> {
    let Some(record) = db::approval::lock(scope, id).await? else { return Ok(false) };
    let Some(what) = invalidate(services, scope, &record).await? else { return Ok(false) };
    let request = json!({"approval_id": id.0, "tool": record.tool, "change": what.as_str()});
    let about = change::About { approval: Some(id) };
    change::record(services, scope, None, "invalidate_approval", &request, None::<&()>, &about).await?;
    Ok(true)
}

/// Looks after each change of the configuration, and now and then besides, until `stop`.
pub async fn follow(services: Arc<Base>, stop: CancellationToken) {
    let mut versions = services.directory.versions();
    let mut unwell = false;
    // When everything was compared last.
    let mut whole: Option<Instant> = None;
    // The version of the configuration up to which changes were looked after.
    let mut since = 0;
    loop {
        let began = Instant::now();
        let version = *versions.borrow_and_update();
        let is_current = whole.is_some_and(|at| at.elapsed() < WHOLE);
        let changed = services.directory.changed_since(since).filter(|_| is_current);
        match sweep_all(&services, changed).await {
            Ok(is_whole) => {
                (unwell, since) = (false, version);
                if is_whole {
                    whole = Some(began);
                }
            }
            Err(error) if !unwell => {
                unwell = true;
                tracing::warn!(%error, "approvals that something undid cannot be invalidated; it is tried again");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE.max((PART - 1) * began.elapsed())) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            _ = versions.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// That it was undone, for who wanted to decide.
pub(super) fn undone(what: Change) -> Error {
    Error::conflict("invalidated", format!("{}; the request is no longer valid", what.message()))
}
