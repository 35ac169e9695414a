//! The reviewed definitions of tools: a list in the tool's row, and beside it the columns that an earlier version of the
//! gateway reads and writes (migrations/0020).

use chrono::{DateTime, Utc};
use domain::{ConnectionId, ToolId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    OrgScope,
    tool::{Row, Seen},
};
use crate::error::Result;

/// How many reviewed definitions a tool has at most; the one reviewed longest ago goes first.
pub const MOST: usize = 8;
/// Stands for the SHA-256 of the definition last reviewed when that was taken off the list: it equals no definition's.
pub const NONE: [u8; 32] = [0; 32];

/// One reviewed definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// SHA-256 of its canonical form, in hex: what the reviewer named.
    pub sha256: String,
    /// SHA-256 of its normalised form, in hex: what is compared.
    pub normal_sha256: String,
    /// When it was reviewed last.
    pub at: DateTime<Utc>,
    /// Who reviewed it; `None` for the first definition seen.
    pub by: Option<Uuid>,
    /// Whether the tool said that it is destructive.
    pub destructive: bool,
}

/// A review that the list does not have yet: an earlier version of the gateway wrote it.
#[derive(Clone, Debug)]
pub struct Unlisted {
    /// The tool.
    pub id: ToolId,
    /// The list as it is.
    pub reviewed: Json<Vec<Reviewed>>,
    /// The definition that was reviewed.
    pub definition: String,
    /// Its SHA-256.
    pub sha256: Vec<u8>,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Option<Uuid>,
}

/// The reviews of a connection's tools that their lists do not have yet.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn unlisted(scope: &mut OrgScope, connection: ConnectionId) -> Result<Vec<Unlisted>> {
    Ok(sqlx::query_as!(
        Unlisted,
        r#"SELECT id, reviewed AS "reviewed: Json<Vec<Reviewed>>", reviewed_definition AS definition,
                  reviewed_sha256 AS sha256, reviewed_at AS at, reviewed_by AS by
           FROM tools WHERE org_id = $1 AND connection_id = $2 AND reviewed_listed IS DISTINCT FROM reviewed_sha256
           ORDER BY name"#,
        scope.org().0,
        connection.0,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Writes the lists that now have these reviews, where nobody has changed them meanwhile.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn store_listed(scope: &mut OrgScope, unlisted: &[Unlisted], lists: &[Vec<Reviewed>]) -> Result<()> {
    let ids: Vec<Uuid> = unlisted.iter().map(|unlisted| unlisted.id.0).collect();
    let hashes: Vec<&[u8]> = unlisted.iter().map(|unlisted| unlisted.sha256.as_slice()).collect();
    let before: Vec<serde_json::Value> = unlisted.iter().map(|unlisted| json(&unlisted.reviewed.0)).collect();
    let after: Vec<serde_json::Value> = lists.iter().map(|list| json(list)).collect();
    sqlx::query!(
        "SELECT id FROM tools WHERE org_id = $1 AND id = ANY ($2) ORDER BY name FOR UPDATE",
        scope.org().0,
        &ids
    )
    .fetch_all(scope.conn())
    .await?;
    sqlx::query!(
        "UPDATE tools t SET reviewed = u.after, reviewed_listed = t.reviewed_sha256
         FROM unnest($2::uuid[], $3::bytea[], $4::jsonb[], $5::jsonb[]) AS u (id, sha256, before, after)
         WHERE t.org_id = $1 AND t.id = u.id AND t.reviewed_sha256 = u.sha256 AND t.reviewed = u.before",
        scope.org().0,
        &ids,
        &hashes as &[&[u8]],
        &before,
        &after,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// The list of a tool that is new: what is seen first counts as reviewed.
pub(super) fn first(seen: &Seen, at: DateTime<Utc>) -> serde_json::Value {
    json(&[Reviewed {
        sha256: hex::encode(seen.sha256),
        normal_sha256: hex::encode(seen.normal_sha256),
        at,
        by: None,
        destructive: seen.destructive,
    }])
}

fn json(list: &[Reviewed]) -> serde_json::Value {
    serde_json::to_value(list).unwrap_or_default()
}

/// Keeps a tool's list; `row` is locked. Who reviewed the definition last seen just now, if somebody did; `is_listed`
/// says whether that definition is on the list.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn store(
    scope: &mut OrgScope,
    row: &Row,
    list: &[Reviewed],
    reviewer: Option<(UserId, DateTime<Utc>)>,
    is_listed: bool,
) -> Result<()> {
    let is_current = list.iter().any(|reviewed| reviewed.sha256 == hex::encode(&row.reviewed_sha256));
    let updated = sqlx::query!(
        "UPDATE tools SET reviewed = $3,
                reviewed_definition = CASE WHEN $4 THEN seen_definition ELSE reviewed_definition END,
                reviewed_sha256 = CASE WHEN $4 THEN seen_sha256 WHEN $5 THEN reviewed_sha256 ELSE $6 END,
                reviewed_listed = CASE WHEN $4 THEN seen_sha256 WHEN $5 THEN reviewed_sha256 ELSE $6 END,
                reviewed_at = coalesce($7, reviewed_at), reviewed_by = coalesce($8, reviewed_by)
         WHERE org_id = $1 AND id = $2",
        scope.org().0,
        row.id.0,
        json(list),
        is_listed,
        is_current,
        NONE.as_slice(),
        reviewer.map(|(_, at)| at),
        reviewer.map(|(by, _)| by.0),
    )
    .execute(scope.conn())
    .await?;
    super::expect_one_row("tools", row.id, updated.rows_affected())
}
