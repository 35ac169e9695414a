//! The sealed bodies of approvals: kept apart from the record, and erased when replay ends
//! (approvals.md, promise 5).

use domain::ApprovalId;

use crate::{
    db::{OrgScope, SystemScope, expect_one_row},
    error::Result,
};

/// The arguments and, once executed, the result, both sealed.
pub type Bodies = (Vec<u8>, Option<Vec<u8>>);

/// The sealed bytes of an approval; `None` once they are erased.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn bodies(scope: &mut OrgScope, id: ApprovalId) -> Result<Option<Bodies>> {
    let row = sqlx::query!(
        "SELECT arguments_sealed, result_sealed FROM approval_bodies WHERE org_id = $1 AND approval_id = $2",
        scope.org().0,
        id.0,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row.map(|row| (row.arguments_sealed, row.result_sealed)))
}

/// Keeps the upstream's answer, sealed, for replay.
///
/// # Errors
/// When Postgres cannot be reached, or the bodies are gone.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn put_result(scope: &mut OrgScope, id: ApprovalId, sealed: &[u8]) -> Result<()> {
    let changed = sqlx::query!(
        "UPDATE approval_bodies SET result_sealed = $3 WHERE org_id = $1 AND approval_id = $2",
        scope.org().0,
        id.0,
        sealed,
    )
    .execute(scope.conn())
    .await?
    .rows_affected();
    expect_one_row("approval_bodies", id, changed)
}

/// How many bodies [`erase_bodies`] erases at most.
pub const ERASED_AT_ONCE: u64 = 500;

/// Erases the bodies of approvals whose replay has ended (promise 5): at most [`ERASED_AT_ONCE`]. What
/// is open, or may still be approved late, keeps its bytes.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn erase_bodies(scope: &mut SystemScope) -> Result<u64> {
    Ok(sqlx::query!(
        "DELETE FROM approval_bodies WHERE approval_id IN (
             SELECT b.approval_id FROM approval_bodies b JOIN approvals a ON a.id = b.approval_id
             WHERE a.state IN ('rejected', 'withdrawn', 'invalidated', 'not_executed')
                   AND coalesce(a.finished_at, a.decided_at) < clock_timestamp() - interval '10 minutes'
                OR a.state = 'expired' AND a.finished_at < clock_timestamp() - interval '7 days'
                OR a.state = 'executed' AND clock_timestamp() > CASE
                       WHEN a.finished_by <> 'person' AND a.answered_at IS NOT NULL THEN a.finished_at + interval '10 minutes'
                       ELSE greatest(a.execute_by, a.finished_at + interval '10 minutes') END
             LIMIT $1)",
        ERASED_AT_ONCE as i64,
    )
    .execute(scope.conn())
    .await?
    .rows_affected())
}
