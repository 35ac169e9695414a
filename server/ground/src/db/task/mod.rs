//! Tasks: handles that a caller follows one call with, on an approval or on a task of the upstream.
//! What has closed a handle on an approval is written in the transaction that did, by
//! [`super::approval::store`], and stands: whatever becomes of the approval later, the handle is closed.

mod end;
mod followed;

use chrono::{DateTime, Utc};
use domain::{ApprovalId, OrgId, Principal, ToolkitId};
use uuid::Uuid;

pub use end::End;
pub use followed::{Followed, Source, follow, is_last_follower, keep};

use super::{OrgScope, SystemScope};
use crate::error::{Error, Result};

/// Whose task, and where: used by anybody else or elsewhere, it does not exist.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The toolkit at whose endpoint the call was made.
    pub toolkit: ToolkitId,
    /// Who called.
    pub caller: Principal,
}

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// SHA-256 of its id.
    pub id_sha256: [u8; 32],
    /// The approval it is a handle on; `None` where the call needed none.
    pub approval: Option<ApprovalId>,
    /// The upstream's task it follows, once there is one.
    pub followed: Option<Followed>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What closed it, and when.
    pub closed: Option<(End, DateTime<Utc>)>,
    /// Postgres's clock when it was read.
    pub read_at: DateTime<Utc>,
}

/// How many tasks a caller may have in an org; beyond, its oldest go, those that are closed first.
const MAX_EACH: i64 = 1_000;

/// Makes a task; gives when. `trace` is the trace context of the request that gets it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(
    scope: &mut OrgScope,
    id_sha256: &[u8; 32],
    owner: Owner,
    approval: Option<ApprovalId>,
    followed: Option<&Followed>,
    trace: Option<&str>,
) -> Result<DateTime<Utc>> {
    let made = sqlx::query_scalar!(
        "INSERT INTO tasks (id_sha256, org_id, toolkit_id, caller_kind, caller_id, approval_id, connection_id,
             upstream_task, kept_until, connection_version, toolkit_tool_id, definition_sha256, trace,
             normal_sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING created_at",
        id_sha256,
        scope.org().0,
        owner.toolkit.0,
        owner.caller.kind(),
        owner.caller.id(),
        approval.map(|id| id.0),
        followed.map(|followed| followed.source.connection.0),
        followed.map(|followed| followed.task.as_str()),
        followed.map(|followed| followed.kept_until),
        followed.map(|followed| followed.source.connection_version),
        followed.map(|followed| followed.source.tool.0),
        followed.map(|followed| followed.source.definition_sha256.as_slice()),
        trace,
        followed.and_then(|followed| followed.source.normal_sha256.as_ref()).map(<[u8; 32]>::as_slice),
    )
    .fetch_one(scope.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM tasks WHERE id_sha256 IN (
             SELECT id_sha256 FROM tasks WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3
             ORDER BY closed_at IS NULL DESC, created_at DESC OFFSET $4)",
        scope.org().0,
        owner.caller.kind(),
        owner.caller.id(),
        MAX_EACH,
    )
    .execute(scope.conn())
    .await?;
    Ok(made)
}

/// The task with this id, if it is this owner's.
///
/// # Errors
/// When Postgres cannot be reached, or the row contradicts itself.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut OrgScope, id_sha256: &[u8; 32], owner: Owner) -> Result<Option<Task>> {
    let row = sqlx::query!(
        r#"SELECT approval_id, toolkit_tool_id, definition_sha256, normal_sha256, connection_id, connection_version, upstream_task,
                  created_at, kept_until, closed_at, closed_as, clock_timestamp() AS "read_at!"
           FROM tasks
           WHERE org_id = $1 AND id_sha256 = $2 AND toolkit_id = $3 AND caller_kind = $4 AND caller_id = $5"#,
        scope.org().0,
        id_sha256,
        owner.toolkit.0,
        owner.caller.kind(),
        owner.caller.id(),
    )
    .fetch_optional(scope.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let hash = |sha256: Vec<u8>| -> Result<[u8; 32]> {
        sha256.try_into().map_err(|_| Error::internal("tasks: a SHA-256 is not 32 bytes"))
    };
    let source = match (row.toolkit_tool_id, row.definition_sha256, row.connection_id, row.connection_version) {
        (Some(tool), Some(sha256), Some(connection), Some(connection_version)) => Some(Source {
            tool: tool.into(),
            definition_sha256: hash(sha256)?,
            normal_sha256: row.normal_sha256.map(hash).transpose()?,
            connection: connection.into(),
            connection_version,
        }),
        _ => None,
    };
    let followed = match (source, row.upstream_task, row.kept_until) {
        (Some(source), Some(task), Some(kept_until)) => Some(Followed { source, task, kept_until }),
        _ => None,
    };
    let closed = match (row.closed_as, row.closed_at) {
        (Some(word), Some(at)) => {
            let end = End::ALL.into_iter().find(|end| end.as_str() == word);
            Some((end.ok_or_else(|| Error::internal(format!("tasks: closed_as is `{word}`")))?, at))
        }
        _ => None,
    };
    Ok(Some(Task {
        id_sha256: *id_sha256,
        approval: row.approval_id.map(Into::into),
        followed,
        created_at: row.created_at,
        closed,
        read_at: row.read_at,
    }))
}

/// How many handles on this approval, or on the upstream's task that came of it, have not ended.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn count_handles(scope: &mut OrgScope, approval: ApprovalId) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM tasks
           WHERE org_id = $1 AND approval_id = $2 AND closed_at IS NULL
                 AND (kept_until IS NULL OR kept_until > clock_timestamp())"#,
        scope.org().0,
        approval.0,
    )
    .fetch_one(scope.conn())
    .await?)
}

/// How many open tasks are handles on this approval and wait for it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn count_open(scope: &mut OrgScope, approval: ApprovalId) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM tasks
           WHERE org_id = $1 AND approval_id = $2 AND closed_at IS NULL AND upstream_task IS NULL"#,
        scope.org().0,
        approval.0,
    )
    .fetch_one(scope.conn())
    .await?)
}

/// The trace context of the first request that still follows this approval and had one.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn trace(scope: &mut OrgScope, approval: ApprovalId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        r#"SELECT trace AS "trace!" FROM tasks
           WHERE org_id = $1 AND approval_id = $2 AND closed_at IS NULL AND trace IS NOT NULL
           ORDER BY created_at LIMIT 1"#,
        scope.org().0,
        approval.0,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Closes the open tasks of an approval, except those that follow the upstream's task already: their
/// end is that one's.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub(super) async fn close(scope: &mut OrgScope, approval: ApprovalId, end: End) -> Result<()> {
    sqlx::query!(
        "UPDATE tasks SET closed_at = clock_timestamp(), closed_as = $3
         WHERE org_id = $1 AND approval_id = $2 AND closed_at IS NULL AND upstream_task IS NULL",
        scope.org().0,
        approval.0,
        end.as_str(),
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Closes a task because its caller dropped it. Its approval, if it has one, is locked. `false`: it was
/// closed already.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn cancel(scope: &mut OrgScope, id_sha256: &[u8; 32]) -> Result<bool> {
    let changed = sqlx::query!(
        "UPDATE tasks SET closed_at = clock_timestamp(), closed_as = $3
         WHERE org_id = $1 AND id_sha256 = $2 AND closed_at IS NULL",
        scope.org().0,
        id_sha256,
        End::Cancelled.as_str(),
    )
    .execute(scope.conn())
    .await?
    .rows_affected();
    Ok(changed == 1)
}

/// Approved calls that an open task waits for, except those named: `(org, approval)`, oldest first, at
/// most 200. Needs [`super::Reason::Sweep`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn waiting(scope: &mut SystemScope, except: &[Uuid]) -> Result<Vec<(OrgId, ApprovalId)>> {
    let rows = sqlx::query!(
        "SELECT a.org_id, a.id FROM approvals a
         WHERE a.state = 'approved' AND a.execute_by > clock_timestamp() AND a.id <> ALL($1)
           AND EXISTS (SELECT FROM tasks t WHERE t.approval_id = a.id AND t.closed_at IS NULL AND t.upstream_task IS NULL)
         ORDER BY a.id LIMIT 200",
        except,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.org_id.into(), row.id.into())).collect())
}

/// How many tasks of each kind one [`sweep`] removes at most.
pub const SWEPT_AT_ONCE: u64 = 500;

/// Removes tasks that were closed a day ago, unless the answer that closed them is still kept, those whose
/// approval ended then without closing them (an older binary knew no tasks), and those whose upstream's task
/// is no longer kept; says how many: fewer than [`SWEPT_AT_ONCE`] when nothing is left. Needs
/// [`super::Reason::Sweep`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn sweep(scope: &mut SystemScope) -> Result<u64> {
    let swept = sqlx::query!(
        "DELETE FROM tasks WHERE id_sha256 IN (
             (SELECT t.id_sha256 FROM tasks t
              WHERE t.closed_at < clock_timestamp() - interval '24 hours'
                    AND (t.closed_as <> 'executed'
                         OR NOT EXISTS (SELECT FROM approval_bodies b WHERE b.approval_id = t.approval_id))
              LIMIT 500)
             UNION ALL
             (SELECT t.id_sha256 FROM tasks t JOIN approvals a ON a.id = t.approval_id
              WHERE t.closed_at IS NULL AND t.upstream_task IS NULL
                    AND a.state NOT IN ('pending', 'approved', 'executing')
                    AND coalesce(a.finished_at, a.lease_until, a.decided_at) < clock_timestamp() - interval '24 hours'
                    AND (a.state <> 'executed'
                         OR NOT EXISTS (SELECT FROM approval_bodies b WHERE b.approval_id = t.approval_id))
              LIMIT 500)
             UNION ALL (SELECT id_sha256 FROM tasks WHERE kept_until < clock_timestamp() LIMIT 500))"
    )
    .execute(scope.conn())
    .await?;
    Ok(swept.rows_affected())
}
