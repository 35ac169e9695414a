//! Which records have got their outcome: read again and again while somebody watches, by the indexes
//! that are there anyway. Ids are UUIDv7, so they stand in the order of their intents.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{db::OrgScope, error::Result};

/// A record as the one who watches it needs it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The record's id.
    pub id: Uuid,
    /// The MCP method or REST operation.
    pub action: String,
    /// The toolkit's slug.
    pub toolkit: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// The approval it belongs to.
    pub approval: Option<Uuid>,
    /// How it ended; `None` while it has not.
    pub status: Option<String>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How long it took, in microseconds.
    pub duration_us: Option<i64>,
}

/// The smallest UUIDv7 of so many milliseconds before that of `id`.
pub fn before(id: Uuid, millis: u64) -> Uuid {
    let bytes = id.as_u128() >> 80;
    Uuid::from_u128(bytes.saturating_sub(u128::from(millis)) << 80)
}

/// A call that is under way.
pub struct UnderWay {
    /// The toolkit's slug.
    pub toolkit: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// Who calls.
    pub caller: String,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// A call that needed no approval, is on record from `floor` on and has no outcome yet: the newest, whichever replica makes
/// it. One whose replica was killed looks the same.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn under_way(scope: &mut OrgScope, floor: Uuid) -> Result<Option<UnderWay>> {
    Ok(sqlx::query_as!(
        UnderWay,
        r#"SELECT i.toolkit, i.tool, i.actor_name AS caller, i.at FROM audit_intents i
           WHERE i.org_id = $1 AND i.id >= $2 AND i.action = 'tools/call' AND i.approval_id IS NULL
             AND NOT EXISTS (SELECT FROM audit_outcomes o WHERE o.intent_at = i.at AND o.intent_id = i.id)
           ORDER BY i.id DESC LIMIT 1"#,
        scope.org().0,
        floor,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// The newest records from `floor` on, at most `limit`: their ids and whether they have an outcome.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn recent(scope: &mut OrgScope, floor: Uuid, limit: i64) -> Result<Vec<(Uuid, bool)>> {
    let rows = sqlx::query!(
        r#"SELECT i.id, o.intent_id IS NOT NULL AS "finished!"
           FROM (SELECT id, at FROM audit_intents WHERE org_id = $1 AND id >= $2 ORDER BY id DESC LIMIT $3) i
           LEFT JOIN audit_outcomes o ON o.intent_at = i.at AND o.intent_id = i.id"#,
        scope.org().0,
        floor,
        limit,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.finished)).collect())
}

/// The records from `floor` on, but those in `told`, and the older ones in `unfinished`: oldest first,
/// at most `limit`.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn since(
    scope: &mut OrgScope,
    floor: Uuid,
    told: &[Uuid],
    unfinished: &[Uuid],
    limit: i64,
) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT i.id AS "id!", i.action AS "action!", i.toolkit, i.tool,
                  coalesce(o.approval_id, i.approval_id) AS approval, o.status AS "status?",
                  o.at AS "finished_at?", o.duration_us AS "duration_us?"
           FROM (SELECT id, at, action, toolkit, tool, approval_id FROM audit_intents
                 WHERE org_id = $1 AND id >= $2 AND id <> ALL($3)
                 UNION ALL
                 SELECT id, at, action, toolkit, tool, approval_id FROM audit_intents
                 WHERE org_id = $1 AND id < $2 AND id = ANY($4)) i
           LEFT JOIN audit_outcomes o ON o.intent_at = i.at AND o.intent_id = i.id
           ORDER BY i.id LIMIT $5"#,
        scope.org().0,
        floor,
        told,
        unfinished,
        limit,
    )
    .fetch_all(scope.conn())
    .await?)
}
