//! What a request card shows beside the request itself. Each function answers for all the approvals of
//! a list at once. Callers come from other orgs too: the transaction is made with `Reason::Callers`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::ApprovalId;
use uuid::Uuid;

use super::Record;
use crate::{db::OrgScope, error::Result};

/// What is kept of an approval's arguments.
#[derive(Debug)]
pub enum Kept<T> {
    /// All of it.
    Whole(T),
    /// More than was asked for: how many bytes.
    Large(usize),
}

impl<T> Kept<T> {
    fn of(whole: Option<T>, size: i32) -> Self {
        whole.map_or(Self::Large(usize::try_from(size).unwrap_or_default()), Self::Whole)
    }
}

/// The sealed arguments of those approvals whose bytes are still kept, of at most `largest` bytes each.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn arguments_sealed(
    scope: &mut OrgScope,
    ids: &[Uuid],
    largest: i32,
) -> Result<HashMap<Uuid, Kept<Vec<u8>>>> {
    let rows = sqlx::query!(
        r#"SELECT approval_id, octet_length(arguments_sealed) AS "size!",
                  CASE WHEN octet_length(arguments_sealed) <= $3 THEN arguments_sealed END AS sealed
           FROM approval_bodies WHERE org_id = $1 AND approval_id = ANY($2)"#,
        scope.org().0,
        ids,
        largest,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.approval_id, Kept::of(row.sealed, row.size))).collect())
}

/// The `params` of the first call that each of these approvals has on record, secrets taken out, of at most
/// `largest` bytes each.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn recorded_params(scope: &mut OrgScope, ids: &[Uuid], largest: i32) -> Result<HashMap<Uuid, Kept<String>>> {
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id!", octet_length(r.request) AS "size!",
                  CASE WHEN octet_length(r.request) <= $3 THEN r.request END AS request
           FROM approvals a
           CROSS JOIN LATERAL (
               SELECT c.request FROM (
                   SELECT i.id, i.request, i.action, i.tool FROM audit_intents i
                   WHERE i.org_id = a.org_id AND i.approval_id = a.id
                   UNION ALL
                   SELECT i.id, i.request, i.action, i.tool FROM audit_outcomes o
                   JOIN audit_intents i ON i.at = o.intent_at AND i.id = o.intent_id
                   WHERE o.org_id = a.org_id AND o.approval_id = a.id) c
               WHERE c.action = 'tools/call' AND c.tool = a.tool AND c.request IS NOT NULL
               ORDER BY c.id LIMIT 1) r
           WHERE a.org_id = $1 AND a.id = ANY($2)"#,
        scope.org().0,
        ids,
        largest,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, Kept::of(row.request, row.size))).collect())
}

/// The last other request of this tool by this caller that a person allowed, and when: before `moment`. Of two that
/// were decided at the same moment the one that was asked for later comes after the other.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn last_approved(
    scope: &mut OrgScope,
    record: &Record,
    moment: DateTime<Utc>,
) -> Result<Option<(ApprovalId, DateTime<Utc>)>> {
    let binding = &record.binding;
    let row = sqlx::query!(
        r#"SELECT id, decided_at AS "decided_at!" FROM approvals
           WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3 AND toolkit_tool_id = $4
             AND state IN ('approved', 'executing', 'executed', 'outcome_unknown')
             AND id <> $5 AND (decided_at, id) < ($6, $5)
           ORDER BY decided_at DESC, id DESC LIMIT 1"#,
        scope.org().0,
        binding.caller.kind(),
        binding.caller.id(),
        binding.toolkit_tool.0,
        record.id.0,
        moment,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row.map(|row| (ApprovalId(row.id), row.decided_at)))
}

/// The same for each of these requests, by id: before it was decided, or could be decided for the last time.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn last_approved_of_each(scope: &mut OrgScope, records: &[Record]) -> Result<HashMap<Uuid, Uuid>> {
    let ids: Vec<_> = records.iter().map(|record| record.id.0).collect();
    let kinds: Vec<_> = records.iter().map(|record| record.binding.caller.kind().to_owned()).collect();
    let callers: Vec<_> = records.iter().map(|record| record.binding.caller.id()).collect();
    let tools: Vec<_> = records.iter().map(|record| record.binding.toolkit_tool.0).collect();
    let moments: Vec<_> = records.iter().map(Record::decision_moment).collect();
    let rows = sqlx::query!(
        r#"SELECT r.id AS "id!", l.id AS "last!"
           FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[]) AS r (id, kind, caller, tool, moment)
           CROSS JOIN LATERAL (
               SELECT a.id FROM approvals a
               WHERE a.org_id = $1 AND a.caller_kind = r.kind AND a.caller_id = r.caller AND a.toolkit_tool_id = r.tool
                 AND a.state IN ('approved', 'executing', 'executed', 'outcome_unknown')
                 AND a.id <> r.id AND (a.decided_at, a.id) < (r.moment, r.id)
               ORDER BY a.decided_at DESC, a.id DESC LIMIT 1) l"#,
        scope.org().0,
        &ids,
        &kinds,
        &callers,
        &tools,
        &moments,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.last)).collect())
}

/// The e-mails of who decided these approvals, by approval, as far as they were decided and the people are there still.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn decided_by_emails(scope: &mut OrgScope, approvals: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let rows = sqlx::query!(
        "SELECT a.id, u.email FROM approvals a JOIN users u ON u.id = a.decided_by WHERE a.org_id = $1 AND a.id = ANY ($2)",
        scope.org().0,
        approvals,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.email)).collect())
}

/// When another approval of the same tool and arguments, whoever asked, was last executed, if that was
/// within the hour.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn same_call_ran_at(scope: &mut OrgScope, record: &Record) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!(
        "SELECT max(finished_at) FROM approvals
         WHERE org_id = $1 AND toolkit_tool_id = $2 AND arguments_sha256 = $3 AND id <> $4
           AND state = 'executed' AND finished_at > clock_timestamp() - interval '1 hour'",
        scope.org().0,
        record.binding.toolkit_tool.0,
        &record.binding.arguments_sha256,
        record.id.0,
    )
    .fetch_one(scope.conn())
    .await?)
}
