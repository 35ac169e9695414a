//! Calls with an idempotency key: what runs once, and its answer, for a day.

use domain::{ApprovalId, Principal, ToolkitId};
use uuid::Uuid;

use super::{OrgScope, SystemScope};
use crate::error::{Error, Result};

/// How many keys a caller may have used within a day.
pub const MAX_EACH: i64 = 10_000;
/// How many bytes of answers are kept of one caller; of further calls only the state is.
pub const MAX_BYTES: i64 = 256 * 1024 * 1024;
/// How many rows one statement removes.
pub const SWEPT_AT_ONCE: u64 = 1_000;

/// Whose key it is, where, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id {
    /// Whose it is.
    pub caller: Principal,
    /// Where.
    pub toolkit: ToolkitId,
    /// The SHA-256 of the key.
    pub key_sha256: [u8; 32],
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub struct Row {
    /// The SHA-256 of what was asked for.
    pub request_sha256: [u8; 32],
    /// How it stands.
    pub state: State,
}

/// How a call with a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Somebody runs it, or is about to ask a person.
    Running,
    /// It is this approval's.
    Held(ApprovalId),
    /// It ran; the sealed answer, if that is kept, and the approval that it ran with.
    Answered(Option<Vec<u8>>, Option<ApprovalId>),
    /// It may have run.
    Unknown,
}

/// Finds what is known of a key that was used within a day.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut OrgScope, id: &Id) -> Result<Option<Row>> {
    let row = sqlx::query!(
        r#"SELECT request_sha256, state, approval_id, answer_sealed, lease_until < clock_timestamp() AS "lapsed!"
           FROM idempotent_calls
           WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3 AND toolkit_id = $4 AND key_sha256 = $5
               AND created_at > now() - interval '1 day'"#,
        scope.org().0,
        id.caller.kind(),
        id.caller.id(),
        id.toolkit.0,
        id.key_sha256.as_slice(),
    )
    .fetch_optional(scope.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let request_sha256 = row.request_sha256.try_into().map_err(|_| Error::internal("a digest of another length"))?;
    let state = match (row.state.as_str(), row.approval_id) {
        ("held", Some(approval)) => State::Held(ApprovalId(approval)),
        ("answered", approval) => State::Answered(row.answer_sealed, approval.map(ApprovalId)),
        ("opening" | "running", _) if !row.lapsed => State::Running,
        // Nobody was asked, and nothing was sent.
        ("opening", _) => return Ok(None),
        _ => State::Unknown,
    };
    Ok(Some(Row { request_sha256, state }))
}

/// What a key is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// A person is about to be asked.
    Opening,
    /// A call is about to be sent.
    Running,
    /// The call of this approval.
    Approval(ApprovalId),
}

/// Takes a key, for as long as the lease unless it is for an approval. `false`: it is taken, or the caller has used
/// [`MAX_EACH`] within a day.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn take(
    scope: &mut OrgScope,
    id: &Id,
    request_sha256: &[u8; 32],
    holder: Uuid,
    lease_seconds: f64,
    what: For,
) -> Result<bool> {
    let (state, approval) = match what {
        For::Opening => ("opening", None),
        For::Running => ("running", None),
        For::Approval(approval) => ("held", Some(approval.0)),
    };
    let taken = sqlx::query!(
        "INSERT INTO idempotent_calls AS known (org_id, caller_kind, caller_id, toolkit_id, key_sha256, request_sha256, state, holder,
             lease_until, approval_id)
         SELECT $1, $2, $3, $4, $5, $6, $10, $7, clock_timestamp() + make_interval(secs => $8), $9
         WHERE $11 > (SELECT count(*) FROM (
             SELECT FROM idempotent_calls WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3
                 AND created_at > now() - interval '1 day' LIMIT $11) AS used)
         ON CONFLICT (org_id, caller_kind, caller_id, toolkit_id, key_sha256) DO UPDATE
             SET request_sha256 = excluded.request_sha256, state = excluded.state, holder = excluded.holder,
                 lease_until = excluded.lease_until, approval_id = excluded.approval_id, answer_sealed = NULL, created_at = now()
             WHERE known.created_at <= now() - interval '1 day'
                 OR (known.state = 'opening' AND known.lease_until < clock_timestamp())",
        scope.org().0,
        id.caller.kind(),
        id.caller.id(),
        id.toolkit.0,
        id.key_sha256.as_slice(),
        request_sha256.as_slice(),
        holder,
        lease_seconds,
        approval,
        state,
        MAX_EACH,
    )
    .execute(scope.conn())
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Binds a key that was taken for opening to the approval. `false`: the key is somebody else's by now.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn bind(scope: &mut OrgScope, id: &Id, holder: Uuid, approval: ApprovalId) -> Result<bool> {
    let bound = sqlx::query!(
        "UPDATE idempotent_calls SET state = 'held', approval_id = $7, created_at = now()
         WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3 AND toolkit_id = $4 AND key_sha256 = $5 AND holder = $6
             AND state = 'opening'",
        scope.org().0,
        id.caller.kind(),
        id.caller.id(),
        id.toolkit.0,
        id.key_sha256.as_slice(),
        holder,
        approval.0,
    )
    .execute(scope.conn())
    .await?;
    Ok(bound.rows_affected() == 1)
}

/// Says that its call still runs. `false`: its lease has lapsed.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn renew(scope: &mut OrgScope, id: &Id, holder: Uuid, lease_seconds: f64) -> Result<bool> {
    let renewed = sqlx::query!(
        "UPDATE idempotent_calls SET lease_until = clock_timestamp() + make_interval(secs => $7)
         WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3 AND toolkit_id = $4 AND key_sha256 = $5 AND holder = $6
             AND state = 'running' AND lease_until >= clock_timestamp()",
        scope.org().0,
        id.caller.kind(),
        id.caller.id(),
        id.toolkit.0,
        id.key_sha256.as_slice(),
        holder,
        lease_seconds,
    )
    .execute(scope.conn())
    .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Writes that the call ran, with its sealed answer, if that is kept; also after its lease has lapsed.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn answered(scope: &mut OrgScope, id: &Id, holder: Uuid, sealed: Option<&[u8]>) -> Result<()> {
    sqlx::query!(
        "UPDATE idempotent_calls SET state = 'answered', created_at = now(), answer_sealed = CASE WHEN $8 > (
             SELECT coalesce(sum(octet_length(answer_sealed)), 0) FROM idempotent_calls
             WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3) THEN $7::bytea END
         WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3 AND toolkit_id = $4 AND key_sha256 = $5 AND holder = $6",
        scope.org().0,
        id.caller.kind(),
        id.caller.id(),
        id.toolkit.0,
        id.key_sha256.as_slice(),
        holder,
        sealed,
        MAX_BYTES,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Writes that the approved call of a key ran, with its sealed answer. Does nothing for a key without this approval.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn keep_answer(scope: &mut OrgScope, id: &Id, approval: ApprovalId, sealed: &[u8]) -> Result<()> {
    sqlx::query!(
        "UPDATE idempotent_calls SET state = 'answered', created_at = now(), answer_sealed = CASE WHEN $8 > (
             SELECT coalesce(sum(octet_length(answer_sealed)), 0) FROM idempotent_calls
             WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3) THEN $7::bytea END
         WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3 AND toolkit_id = $4 AND key_sha256 = $5 AND approval_id = $6
             AND state = 'held'",
        scope.org().0,
        id.caller.kind(),
        id.caller.id(),
        id.toolkit.0,
        id.key_sha256.as_slice(),
        approval.0,
        sealed,
        MAX_BYTES,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Writes that the call may have run.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn lost(scope: &mut OrgScope, id: &Id, holder: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE idempotent_calls SET state = 'unknown', created_at = now()
         WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3 AND toolkit_id = $4 AND key_sha256 = $5 AND holder = $6
             AND state = 'running'",
        scope.org().0,
        id.caller.kind(),
        id.caller.id(),
        id.toolkit.0,
        id.key_sha256.as_slice(),
        holder,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Gives a key back whose call was not sent. `false`: its lease has lapsed, or it is not the holder's.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn give_back(scope: &mut OrgScope, id: &Id, holder: Uuid) -> Result<bool> {
    let deleted = sqlx::query!(
        "DELETE FROM idempotent_calls
         WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3 AND toolkit_id = $4 AND key_sha256 = $5 AND holder = $6
             AND state IN ('opening', 'running') AND lease_until >= clock_timestamp()",
        scope.org().0,
        id.caller.kind(),
        id.caller.id(),
        id.toolkit.0,
        id.key_sha256.as_slice(),
        holder,
    )
    .execute(scope.conn())
    .await?;
    Ok(deleted.rows_affected() == 1)
}

/// Removes what is older than a day, at most [`SWEPT_AT_ONCE`]. Needs [`super::Reason::Sweep`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn sweep(scope: &mut SystemScope) -> Result<u64> {
    let deleted = sqlx::query!(
        // Looked at again once the row is locked: a key that was taken again meanwhile stays.
        "DELETE FROM idempotent_calls WHERE created_at <= now() - interval '1 day'
             AND (org_id, caller_kind, caller_id, toolkit_id, key_sha256) IN (
                 SELECT org_id, caller_kind, caller_id, toolkit_id, key_sha256 FROM idempotent_calls
                 WHERE created_at <= now() - interval '1 day' LIMIT $1)",
        SWEPT_AT_ONCE as i64,
    )
    .execute(scope.conn())
    .await?;
    Ok(deleted.rows_affected())
}
