//! What upstreams say to agents beside their tools: as last seen, and as last reviewed.

use chrono::{DateTime, Utc};
use domain::{ConnectionId, UserId};

use super::OrgScope;
use crate::error::Result;

/// What is known of one connection's.
#[derive(Clone, Debug)]
pub struct Row {
    /// The text last seen; empty: none.
    pub seen: String,
    /// Since when it is that.
    pub seen_at: DateTime<Utc>,
    /// The text last reviewed; empty: none.
    pub reviewed: String,
    /// When it was.
    pub reviewed_at: DateTime<Utc>,
    /// Who accepted it; none for the first one seen.
    pub reviewed_by: Option<uuid::Uuid>,
}

/// What is known of a connection's; none before its tools were listed.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut OrgScope, connection: ConnectionId) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT seen, seen_at, reviewed, reviewed_at, reviewed_by FROM connection_instructions
         WHERE org_id = $1 AND connection_id = $2",
        scope.org().0,
        connection.0,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Keeps what was seen now, which differs from before. Seen for the first time, it counts as reviewed.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn see(scope: &mut OrgScope, connection: ConnectionId, text: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO connection_instructions (org_id, connection_id, seen, seen_at, reviewed, reviewed_at)
         VALUES ($1, $2, $3, $4, $3, $4)
         ON CONFLICT (connection_id) DO UPDATE SET seen = excluded.seen, seen_at = excluded.seen_at",
        scope.org().0,
        connection.0,
        text,
        now,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Counts what is seen as reviewed, if it still is `text`. `false`: it is another.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn review(
    scope: &mut OrgScope,
    connection: ConnectionId,
    text: &str,
    by: UserId,
    now: DateTime<Utc>,
) -> Result<bool> {
    let reviewed = sqlx::query!(
        "UPDATE connection_instructions SET reviewed = seen, reviewed_at = $4, reviewed_by = $5
         WHERE org_id = $1 AND connection_id = $2 AND seen = $3",
        scope.org().0,
        connection.0,
        text,
        now,
        by.0,
    )
    .execute(scope.conn())
    .await?;
    Ok(reviewed.rows_affected() == 1)
}
