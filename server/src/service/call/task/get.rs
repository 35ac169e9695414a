//! `tasks/get`: waits here, so that a client that asks at once again burns no rounds, and tells how the
//! call stands.

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
    handle::{Asker, Found, Known, MAX_WAIT, find, is_under_way},
    polls::Polled,
    show,
};
use crate::{
    db::{self, OrgScope},
    error::{Error, Result},
    service::{Base, Calls, access, approval},
};

/// A task as `tasks/get` answers and `notifications/tasks` tells.
#[derive(Debug)]
pub struct Detailed {
    /// A `DetailedTask` of the extension: a JSON object, without `resultType`.
    pub task: Box<RawValue>,
    /// The approval it is a handle on: what to watch. Of an upstream's task nothing tells but asking.
    pub approval: Option<ApprovalId>,
    /// The approval whose stored answer it carries: once it is written whole, replay counts from the
    /// finish.
    pub answers: Option<(OrgId, ApprovalId)>,
    /// Whether something is still to come.
    pub under_way: bool,
    /// The upstream's task, while something is still to come of it: when to look again.
    pub polled: Option<Polled>,
}

/// What counts as news of a task: times move without it. Of what it asks for only the keys count, which are never
/// used again (MCP tasks extension, "Task Update Requests").
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    status: String,
    status_message: Option<String>,
    input_requests: Option<BTreeMap<String, IgnoredAny>>,
}

impl Detailed {
    /// How it stands; `None` where that cannot be read.
    pub fn standing(&self) -> Option<Standing> {
        serde_json::from_str(self.task.get()).ok()
    }

    /// The upstream's task, as long as there is nothing in it for the caller to act on.
    fn works(&self) -> Option<&Polled> {
        let works = self.standing().is_some_and(|standing| standing.status == "working");
        self.polled.as_ref().filter(|_| works)
    }
}

/// How a task stands, waiting for a change if there is nothing to tell yet: as long as the asker's client
/// likes to, and 20 s at most. `None`: there is no such task for this asker.
///
/// # Errors
/// Unauthorized when the asker's credential ended while it waited; unavailable when Postgres cannot be
/// reached, or the upstream whose task it follows.
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
        // What is told after the wait is for who asks next.
        let Ok(next) = tokio::time::timeout_at(until, detailed(services, asker, id)).await else { break };
        let Some(next) = next? else { return Ok(None) };
        if next.standing() != now.standing() {
            return Ok(Some(next));
        }
        now = next;
    }
    Ok(Some(now))
}

/// Returns when the approval no longer is under way, it is `until`, or this replica stops.
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

/// Who waited may have lost the right to hear it.
async fn still_calls(services: &Base, asker: &Asker) -> Result<()> {
    wait::patiently(services, || async {
        let directory = services.directory.get()?;
        let actor = access::again(services, &directory, &asker.actor)?;
        access::caller(&directory, &actor, asker.org.slug.as_str(), asker.toolkit.slug.as_str()).map(drop)
    })
    .await
}

/// How a task stands now, for who may know: exactly what [`get`] answers without waiting. An upstream's task
/// stands as it did at its last look, at most one of its polling intervals ago.
///
/// # Errors
/// When Postgres cannot be reached, or the upstream whose task it follows.
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

/// Writes down, once, how an approved call ended that went on as the upstream's task: who approved it reads that too.
async fn note_end(services: &Base, found: &Found, end: Answer) -> Result<()> {
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

/// Whether there is such a task for this asker; asks no upstream.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn known(services: &Base, asker: &Asker, id: &str) -> Result<Option<Known>> {
    Ok(find(services, asker, id).await?.map(|found| Known { approval: found.task.approval }))
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

/// Whether the caller would hear that the call is still under way.
fn is_open(found: &Found) -> bool {
    let under_way = |found: &Found| found.record.as_ref().is_some_and(|record| is_under_way(&record.state()));
    found.task.closed.is_none() && under_way(found)
}

/// Whether a deadline has ended it that nobody has written down yet.
fn is_lapsed(found: &Found) -> bool {
    let ended = |record: &db::approval::Record| record.stored.status() != record.state().status();
    found.task.closed.is_none() && found.record.as_ref().is_some_and(ended)
}

/// Writes down what a deadline has made of the approval, before it is told: a decision that is just being
/// committed comes first, one that comes later finds the task closed.
async fn settle_deadline(services: &Base, found: &Found) -> Result<()> {
    let Some(record) = &found.record else { return Ok(()) };
    let mut scope = OrgScope::begin(&services.db.calls, record.org).await?;
    if let Some(record) = db::approval::lock(&mut scope, record.id).await? {
        approval::tidied(services, &mut scope, record).await?;
    }
    scope.commit().await
}
