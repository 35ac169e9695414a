//! What the audit has of the run of an approved call: how the upstream answered, and what.
//!
//! The run's record is the newest one of a call that was answered and belongs to the approval: rounds that asked for
//! input came before it, replays have a status of their own, and the gateway's own `approval_status` runs nothing.

use std::collections::HashMap;

use domain::{ApprovalId, AuditId, approval::Answer};
use uuid::Uuid;

use crate::{db::OrgScope, error::Result};

/// How the upstream answered those of these approved calls that have it on record.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn recorded_answers(scope: &mut OrgScope, ids: &[Uuid]) -> Result<HashMap<Uuid, Answer>> {
    let rows = sqlx::query!(
        r#"SELECT r.approval_id AS "approval!", recorded_answer(r.status, r.response) AS answer
           FROM (SELECT DISTINCT ON (o.approval_id) o.approval_id, o.status, o.response
                 FROM audit_outcomes o JOIN audit_intents i ON i.at = o.intent_at AND i.id = o.intent_id
                 WHERE o.org_id = $1 AND o.approval_id = ANY($2) AND o.status IN ('ok', 'error')
                   AND i.action = 'tools/call' AND i.tool IS DISTINCT FROM 'approval_status'
                 ORDER BY o.approval_id, o.intent_id DESC) r"#,
        scope.org().0,
        ids,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.approval, row.answer?.parse().ok()?))).collect())
}

/// Notes how an approved call ended that went on as a task of the upstream's, if nobody did before, and tells who
/// watches.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn note_end(scope: &mut OrgScope, id: ApprovalId, answer: Answer) -> Result<()> {
    sqlx::query!(
        r#"WITH noted AS (
               UPDATE approvals SET answer = $3
               WHERE org_id = $1 AND id = $2 AND state = 'executed' AND finished_by <> 'person' AND answer IS NULL
               RETURNING org_id, id)
           SELECT pg_notify('permesso_approval', org_id || ' ' || id || ' executed')::text AS told FROM noted"#,
        scope.org().0,
        id.0,
        answer.as_str(),
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(())
}

/// What the upstream answered, as it is on record.
#[derive(Debug)]
pub struct RecordedResult {
    /// The run's record.
    pub record: AuditId,
    /// The answer, secrets taken out: the MCP result or the JSON-RPC error. Its beginning, where it is larger than
    /// was asked for.
    pub response: String,
    /// How many bytes the whole has.
    pub bytes: i64,
}

/// What the upstream answered when this approved call ran: at most `characters` of it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn recorded_result(scope: &mut OrgScope, id: ApprovalId, characters: i32) -> Result<Option<RecordedResult>> {
    let row = sqlx::query!(
        r#"SELECT o.intent_id AS "record!", left(o.response, $3) AS "response!",
                  octet_length(o.response)::bigint AS "bytes!"
           FROM audit_outcomes o JOIN audit_intents i ON i.at = o.intent_at AND i.id = o.intent_id
           WHERE o.org_id = $1 AND o.approval_id = $2 AND o.status IN ('ok', 'error') AND o.response IS NOT NULL
             AND i.action = 'tools/call' AND i.tool IS DISTINCT FROM 'approval_status'
           ORDER BY o.intent_id DESC LIMIT 1"#,
        scope.org().0,
        id.0,
        characters,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row.map(|row| RecordedResult { record: AuditId(row.record), response: row.response, bytes: row.bytes }))
}
