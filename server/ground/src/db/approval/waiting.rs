//! How many requests wait for a decision.

use chrono::{DateTime, Utc};
use domain::{ApprovalId, ToolkitToolId, UserId};
use uuid::Uuid;

use crate::{db::OrgScope, error::Result};

/// The requests of one toolkit tool that wait, one's own or those of others.
pub struct Waiting {
    /// The tool.
    pub tool: ToolkitToolId,
    /// Whether they are the own requests of the person that was asked about.
    pub own: bool,
    /// How many.
    pub count: u64,
    /// When the oldest was opened.
    pub oldest_at: DateTime<Utc>,
}

/// Counts what waits, deadlines counted. `keys` are the person's, of those whose requests wait.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn waiting(scope: &mut OrgScope, person: Option<UserId>, keys: &[Uuid]) -> Result<Vec<Waiting>> {
    let rows = sqlx::query!(
        r#"SELECT toolkit_tool_id, count(*) AS "count!", min(created_at) AS "oldest_at!",
               coalesce(owner_id = $2 OR caller_id = $2 OR caller_id = ANY($3), false) AS "own!"
           FROM approvals WHERE org_id = $1 AND state = 'pending' AND expires_at > clock_timestamp() GROUP BY 1, 4"#,
        scope.org().0,
        person.map(|person| person.0),
        keys,
    )
    .fetch_all(scope.conn())
    .await?;
    let waiting = rows.into_iter().map(|row| Waiting {
        tool: row.toolkit_tool_id.into(),
        own: row.own,
        count: u64::try_from(row.count).unwrap_or_default(),
        oldest_at: row.oldest_at,
    });
    Ok(waiting.collect())
}

/// The requests that wait for a decision or for their use, the oldest first.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn open(scope: &mut OrgScope) -> Result<Vec<ApprovalId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM approvals WHERE org_id = $1 AND state IN ('pending', 'approved') ORDER BY id",
        scope.org().0,
    );
    Ok(ids.fetch_all(scope.conn()).await?.into_iter().map(ApprovalId).collect())
}
