//! Tasks that an upstream made of a call: the caller gets a task of ours that follows it. What the caller
//! asks about ours is asked about the upstream's, under the id that each side knows.

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

/// The shortest and the longest that ours is kept, whatever the upstream says of its own.
const KEPT: (TimeDelta, TimeDelta) = (TimeDelta::minutes(10), TimeDelta::days(30));

/// The task that the answer to this call is, if it is one.
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

/// What an upstream made a task of.
#[derive(Clone, Copy)]
pub(in crate::service::call) enum Made<'a> {
    /// A call that needed no approval.
    Called(&'a Ready),
    /// One that was approved.
    Approved(&'a Record),
}

/// SHA-256 of a definition's normalised form, found beside the workers: definitions are as large as upstreams like. `None`:
/// it has none.
pub(super) async fn normal(definition: Arc<str>) -> Option<[u8; 32]> {
    spawn_blocking(move || normal_sha256(&definition).ok()).await.ok().flatten()
}

/// The same of the definition that an approval was asked with.
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

/// An upstream's answer as it goes to a caller: a task becomes one of ours, durable before it leaves; a
/// caller that did not declare the extension, or has [`MAX_OPEN`] of them, reads in words that the call goes on.
///
/// # Errors
/// When Postgres cannot be reached. The call was sent.
pub(in crate::service::call) async fn hand_out(
    services: &Base,
    context: &Context,
    made: Made<'_>,
    answer: Answer,
) -> Result<Answer> {
    let (source, approval): (Source, _) = match made {
        Made::Called(ready) => (ready.into(), None),
        Made::Approved(record) => ((&record.binding).into(), Some(record.id)),
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
        (None, Made::Called(ready)) => normal(ready.tool.tool.definition.clone()).await,
        (None, Made::Approved(record)) => normal_of(&mut scope, record.id).await?,
        (known, _) => known,
    };
    db::task::insert(&mut scope, &sha256(&id), owner, approval, Some(&followed), None).await?;
    scope.commit().await?;
    Ok(Answer::Result(ours))
}

/// How an upstream's task stands.
pub(super) struct Stands {
    /// The members of ours, without the braces and without `resultType`.
    pub(super) members: String,
    /// What to wait for, if something is still to come.
    pub(super) polled: Option<Polled>,
    /// How it ended, once it has.
    pub(super) end: Option<approval::Answer>,
}

/// How the upstream's task stood at its last look. `None`: the upstream does not know it any more.
///
/// # Errors
/// As [`ask`](super::upstream::ask), and when the answer is no task.
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
