//! Tasks that an upstream made of a call. The caller gets a task of ours that follows the upstream's task; each request
//! about ours is made about the upstream's, under the id that each side knows.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ApprovalId, approval};

use tokio::task::spawn_blocking;
use wire::{
    definition::normal_sha256,
    json::fields,
    mcp::{
        is_error,
        task::{CreatedTask, with_task_id},
    },
};

use super::{
    super::{context::Context, ready::Ready, say},
    handle::{Asker, MAX_OPEN, sha256},
    poll,
    polls::Polled,
};
use crate::{
    db::{
        self, OrgScope,
        approval::Record,
        task::{Followed, Owner, Source, Task},
    },
    error::{Error, Result},
    random,
    service::{Base, Calls},
    upstream::Answer,
};

/// The shortest and the longest time that our task is kept, whatever the upstream says of its own.
const KEPT: (TimeDelta, TimeDelta) = (TimeDelta::minutes(10), TimeDelta::days(30));

/// The upstream's task in the answer to this call, if it is one.
pub(in crate::service::call) fn followed(source: Source, answer: &Answer, now: DateTime<Utc>) -> Option<Followed> {
    let Answer::Result(result) = answer else { return None };
    let task = CreatedTask::parse(result)?;
    Some(Followed { source, task: task.task_id.into_owned(), kept_until: kept_until(now, now, task.ttl_ms) })
}

fn kept_until(created_at: DateTime<Utc>, now: DateTime<Utc>, ttl_ms: Option<u64>) -> DateTime<Utc> {
    let (shortest, longest) = KEPT;
    let ttl = ttl_ms.and_then(|ttl| i64::try_from(ttl).ok()).and_then(TimeDelta::try_milliseconds).unwrap_or(longest);
    (created_at + ttl.min(longest)).clamp(now + shortest, now + longest)
}

/// The call that an upstream turned into a task.
#[derive(Clone, Copy)]
pub(in crate::service::call) enum TaskOrigin<'a> {
    /// A call that needed no approval.
    Called(&'a Ready),
    /// An approved call.
    Approved(&'a Record),
}

/// SHA-256 of a definition's normalised form, computed off the async workers because definitions can be large. `None`:
/// it has none.
pub(super) async fn normal(definition: Arc<str>) -> Option<[u8; 32]> {
    spawn_blocking(move || normal_sha256(&definition).ok()).await.ok().flatten()
}

/// The same for the definition with which an approval was requested.
///
/// # Errors
/// When Postgres cannot be reached.
pub(in crate::service::call) async fn normal_of(
    scope: &mut OrgScope,
    approval: ApprovalId,
) -> Result<Option<[u8; 32]>> {
    let (definition, _) = db::approval::definitions(scope, approval).await?;
    Ok(normal(definition.into()).await)
}

/// An upstream's answer as sent to a caller. A task becomes one of ours, durable before it leaves. A caller that did
/// not declare the extension, or has [`MAX_OPEN`] tasks, is told in words that the call continues.
///
/// # Errors
/// When Postgres cannot be reached. The call was sent.
pub(in crate::service::call) async fn hand_out(
    services: &Base,
    context: &Context,
    made: TaskOrigin<'_>,
    answer: Answer,
) -> Result<Answer> {
    let (source, approval): (Source, _) = match made {
        TaskOrigin::Called(ready) => (ready.into(), None),
        TaskOrigin::Approved(record) => ((&record.binding).into(), Some(record.id)),
    };
    let Some(mut followed) = followed(source, &answer, services.clock.now()) else { return Ok(answer) };
    let Answer::Result(result) = &answer else { return Ok(answer) };
    if !context.tasks {
        return Ok(Answer::Result(say::goes_on_for(services, context).await));
    }
    let id = random::text::<32>();
    let Some(ours) = with_task_id(result, &id) else {
        return Ok(Answer::Result(say::goes_on_for(services, context).await));
    };
    let owner = Owner { toolkit: context.toolkit.id, caller: context.caller.principal };
    let mut scope = OrgScope::begin(&services.db.calls, context.org.id).await?;
    if let Some(approval) = approval {
        // Under the lock, so that the count is exact.
        db::approval::lock(&mut scope, approval).await?;
        if db::task::count_handles(&mut scope, approval).await? >= MAX_OPEN {
            drop(scope);
            return Ok(Answer::Result(say::goes_on_for(services, context).await));
        }
    }
    followed.source.normal_sha256 = match (followed.source.normal_sha256, made) {
        (None, TaskOrigin::Called(ready)) => normal(ready.tool.tool.definition.clone()).await,
        (None, TaskOrigin::Approved(record)) => normal_of(&mut scope, record.id).await?,
        (known, _) => known,
    };
    db::task::insert(&mut scope, &sha256(&id), owner, approval, Some(&followed), None).await?;
    scope.commit().await?;
    Ok(Answer::Result(ours))
}

/// The state of an upstream's task.
pub(super) struct Stands {
    /// The members of our task, without the braces and without `resultType`.
    pub(super) members: String,
    /// What to wait for, if the task has not ended.
    pub(super) polled: Option<Polled>,
    /// How the task ended, once it has.
    pub(super) end: Option<approval::Answer>,
}

/// The state of the upstream's task at its last poll. `None`: the upstream no longer knows it.
///
/// # Errors
/// As [`ask`](super::upstream::ask), and if the answer is not a task.
pub(super) async fn now(
    services: &Calls,
    asker: &Asker,
    id: &str,
    task: &Task,
    followed: &Followed,
) -> Result<Option<Stands>> {
    let Some((told, polled)) = poll::look(services, &asker.org, followed).await? else { return Ok(None) };
    let odd = || Error::unavailable("what the upstream says about this task is none");
    let ours = with_task_id(&told, id).ok_or_else(odd)?;
    let members = fields(&ours).map_err(|_| odd())?;
    let member = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value.get());
    let ttl = member("ttlMs").and_then(|ttl| ttl.parse().ok());
    let until = kept_until(task.created_at, task.read_at, ttl);
    if (until - followed.kept_until).abs() > TimeDelta::minutes(1) {
        let mut scope = OrgScope::begin(&services.db.calls, asker.org.id).await?;
        db::task::keep(&mut scope, &task.id_sha256, until).await?;
        scope.commit().await?;
    }
    let kept = members.iter().filter(|(key, _)| key != "resultType");
    let kept = kept.map(|(key, value)| format!("{}:{}", serde_json::json!(key), value.get()));
    let under_way = matches!(member("status"), Some("\"working\"" | "\"input_required\""));
    let result = members.iter().find(|(key, _)| key == "result").map(|(_, value)| value);
    let end = match (member("status"), result) {
        (Some("\"failed\""), _) => Some(approval::Answer::ProtocolError),
        (Some("\"completed\""), Some(result)) if is_error(result) => Some(approval::Answer::ToolError),
        (Some("\"completed\""), Some(_)) => Some(approval::Answer::Result),
        // Cancelled: nobody knows how far it came.
        _ => None,
    };
    Ok(Some(Stands { members: kept.collect::<Vec<_>>().join(","), polled: under_way.then_some(polled), end }))
}
