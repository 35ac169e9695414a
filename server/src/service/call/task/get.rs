//! `tasks/get`: tells the state of a call. It waits here for a change, so that a client that polls without a pause
//! causes few requests.

use std::collections::BTreeMap;

use domain::{
    ApprovalId, OrgId,
    approval::{Answer, State},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{
    super::wait,
    follow::{self, Stands},
    handle::{Asker, FoundTask, KnownTask, MAX_WAIT, find, is_under_way},
    polls::Polled,
    show,
};
use crate::{
    db::{self, OrgScope},
    error::{Error, Result},
    service::{Base, Calls, access, approval},
};

/// A task as returned by `tasks/get` and `notifications/tasks`.
#[derive(Debug)]
pub struct Detailed {
    /// A `DetailedTask` of the extension: a JSON object, without `resultType`.
    pub task: Box<RawValue>,
    /// The approval it is a handle on, to be watched. `None` for an upstream's task, which can only be polled.
    pub approval: Option<ApprovalId>,
    /// The approval whose stored answer it carries. Once the answer is fully written, replay counts from the finish.
    pub answers: Option<(OrgId, ApprovalId)>,
    /// Whether the task has not ended.
    pub under_way: bool,
    /// The upstream's task, until it ends: says when to poll again.
    pub polled: Option<Polled>,
}

/// The parts of a task whose change is news; times are not. Of the questions only the keys count, which are never
/// reused (MCP tasks extension, "Task Update Requests").
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    status: String,
    status_message: Option<String>,
    input_requests: Option<BTreeMap<String, IgnoredAny>>,
}

impl Detailed {
    /// The parts whose change is news; `None` if they cannot be read.
    pub fn standing(&self) -> Option<Standing> {
        serde_json::from_str(self.task.get()).ok()
    }

    /// The upstream's task, while the caller has nothing to act on.
    fn works(&self) -> Option<&Polled> {
        let works = self.standing().is_some_and(|standing| standing.status == "working");
        self.polled.as_ref().filter(|_| works)
    }
}

/// The state of a task. Waits for a change if there is no news yet: as long as the asker's client wants, and 20 s at
/// most. `None`: this asker has no such task.
///
/// # Errors
/// Unauthorized if the asker's credential ended during the wait; unavailable if Postgres or the followed task's
/// upstream cannot be reached.
pub async fn get(services: &Calls, asker: &Asker, id: &str) -> Result<Option<Detailed>> {
    let until = Instant::now() + asker.hold.min(MAX_WAIT);
    let Some(first) = find(services, asker, id).await? else { return Ok(None) };
    if let Some(approval) = first.task.approval.filter(|_| is_open(&first)) {
        wait_for_approval(services, asker, id, approval, until).await?;
        still_calls(services, asker).await?;
    }
    let Some(mut now) = detailed(services, asker, id).await? else { return Ok(None) };
    while let Some(polled) = now.works() {
        let waits = asker.load.wait();
        let is_over = tokio::select! {
            biased;
            () = services.stop.cancelled() => true,
            () = tokio::time::sleep_until(until) => true,
            () = polled.stirred() => false,
            () = tokio::time::sleep_until(polled.due()) => false,
        };
        drop(waits);
        still_calls(services, asker).await?;
        if is_over {
            break;
        }
        // A read that takes longer than the wait is dropped; the next request tells its result.
        let Ok(next) = tokio::time::timeout_at(until, detailed(services, asker, id)).await else { break };
        let Some(next) = next? else { return Ok(None) };
        if next.standing() != now.standing() {
            return Ok(Some(next));
        }
        now = next;
    }
    Ok(Some(now))
}

/// Returns when the approval has ended, `until` is reached, or this replica stops.
async fn wait_for_approval(
    services: &Base,
    asker: &Asker,
    id: &str,
    approval: ApprovalId,
    until: Instant,
) -> Result<()> {
    let mut waiter = services.live.watch(approval);
    let _waits = asker.load.wait();
    loop {
        let found = wait::patiently(services, || find(services, asker, id)).await?;
        let Some(found) = found.filter(is_open).filter(|_| Instant::now() < until) else { return Ok(()) };
        let ends = async {
            match &found.record {
                Some(record) => wait::lapse(services, record).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = waiter.decided() => {}
            () = ends => {}
            () = tokio::time::sleep_until(until) => {}
            () = services.stop.cancelled() => return Ok(()),
            () = access::ended(services, &asker.actor) => return Err(Error::unauthorized()),
        }
    }
}

/// Checks the asker again: it may have lost its rights during the wait.
async fn still_calls(services: &Base, asker: &Asker) -> Result<()> {
    wait::patiently(services, || async {
        access::caller_again(services, &asker.actor, &asker.org, &asker.toolkit).await.map(drop)
    })
    .await
}

/// The present state of a task for an asker with rights to it: exactly what [`get`] answers without a wait. An
/// upstream's task is as of its last poll, at most one of its polling intervals ago.
///
/// # Errors
/// If Postgres or the followed task's upstream cannot be reached.
pub async fn detailed(services: &Calls, asker: &Asker, id: &str) -> Result<Option<Detailed>> {
    let patiently = async || wait::patiently(services, || find(services, asker, id)).await;
    let Some(mut found) = patiently().await? else { return Ok(None) };
    if is_lapsed(&found) {
        settle_deadline(services, &found).await?;
        let Some(again) = patiently().await? else { return Ok(None) };
        found = again;
    }
    let approval = found.task.approval;
    if let Some(followed) = found.task.followed.as_ref().filter(|_| found.task.closed.is_none()) {
        let stands = follow::now(services, asker, id, &found.task, followed).await?;
        let Some(Stands { members, polled, end }) = stands else { return Ok(None) };
        if let Some(end) = end {
            note_end(services, &found, end).await?;
        }
        let shown = detail(&members, approval, None, polled.is_some())?;
        return Ok(Some(Detailed { polled, ..shown }));
    }
    let Some(now) = show::now(services, &asker.org, id, &found).await? else { return Ok(None) };
    let answers = approval.filter(|_| now.answered).map(|approval| (asker.org.id, approval));
    detail(&now.members, approval, answers, is_open(&found)).map(Some)
}

/// Records, once, how an approved call ended that continued as the upstream's task, for its approver to read.
async fn note_end(services: &Base, found: &FoundTask, end: Answer) -> Result<()> {
    let Some(record) = &found.record else { return Ok(()) };
    match &record.stored {
        State::Executed(executed) if executed.answer().is_none() => {
            let mut scope = OrgScope::begin(&services.db.calls, record.org).await?;
            db::approval::run::note_end(&mut scope, record.id, end).await?;
            scope.commit().await
        }
        _ => Ok(()),
    }
}

/// Whether this asker has such a task; asks no upstream.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn known(services: &Base, asker: &Asker, id: &str) -> Result<Option<KnownTask>> {
    Ok(find(services, asker, id).await?.map(|found| KnownTask { approval: found.task.approval }))
}

fn detail(
    members: &str,
    approval: Option<ApprovalId>,
    answers: Option<(OrgId, ApprovalId)>,
    under_way: bool,
) -> Result<Detailed> {
    let task = RawValue::from_string(format!("{{{members}}}")).map_err(Error::internal)?;
    Ok(Detailed { task, approval, answers, under_way, polled: None })
}

/// Whether the caller would be told that the call is still in progress.
fn is_open(found: &FoundTask) -> bool {
    let under_way = |found: &FoundTask| found.record.as_ref().is_some_and(|record| is_under_way(&record.state()));
    found.task.closed.is_none() && under_way(found)
}

/// Whether it has passed a deadline that is not recorded yet.
fn is_lapsed(found: &FoundTask) -> bool {
    let ended = |record: &db::approval::Record| record.stored.status() != record.state().status();
    found.task.closed.is_none() && found.record.as_ref().is_some_and(ended)
}

/// Records that a deadline has ended the approval, before that is told: a decision being committed comes first, a later
/// one finds the task closed.
async fn settle_deadline(services: &Base, found: &FoundTask) -> Result<()> {
    let Some(record) = &found.record else { return Ok(()) };
    let mut scope = OrgScope::begin(&services.db.calls, record.org).await?;
    if let Some(record) = db::approval::lock(&mut scope, record.id).await? {
        approval::tidied(services, &mut scope, record).await?;
    }
    scope.commit().await
}
