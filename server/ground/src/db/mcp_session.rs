//! Sessions of MCP clients. One is known by the SHA-256 of its id, to the caller and at the toolkit it was
//! made for.

use domain::{Principal, ToolkitId};

use super::{Db, OrgScope, SystemScope};
use crate::error::Result;

/// How many sessions a caller may have; beyond, those unused for longest end.
const MAX_EACH: i64 = 1_000;
/// How many sessions one statement ends.
pub const SWEPT_AT_ONCE: u64 = 1_000;

/// A session that lives.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whose it is.
    pub caller: Principal,
    /// Where.
    pub toolkit: ToolkitId,
    /// The client's name and version, as it said.
    pub client: Option<String>,
}

/// Keeps a new session.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut OrgScope, id_sha256: &[u8; 32], row: &Row) -> Result<()> {
    sqlx::query!(
        "INSERT INTO mcp_sessions (id_sha256, org_id, toolkit_id, caller_kind, caller_id, client)
         VALUES ($1, $2, $3, $4, $5, $6)",
        id_sha256.as_slice(),
        scope.org().0,
        row.toolkit.0,
        row.caller.kind(),
        row.caller.id(),
        row.client,
    )
    .execute(scope.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM mcp_sessions WHERE id_sha256 IN (
             SELECT id_sha256 FROM mcp_sessions WHERE org_id = $1 AND caller_kind = $2 AND caller_id = $3
             ORDER BY last_seen_at DESC OFFSET $4)",
        scope.org().0,
        row.caller.kind(),
        row.caller.id(),
        MAX_EACH,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Finds a session of this caller at this toolkit, and notes that it is used.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(
    scope: &mut OrgScope,
    id_sha256: &[u8; 32],
    caller: Principal,
    toolkit: ToolkitId,
) -> Result<Option<Row>> {
    let row = sqlx::query!(
        "UPDATE mcp_sessions SET last_seen_at = now() WHERE org_id = $1 AND id_sha256 = $2 AND caller_kind = $3 AND caller_id = $4 AND toolkit_id = $5
         RETURNING client",
        scope.org().0,
        id_sha256.as_slice(),
        caller.kind(),
        caller.id(),
        toolkit.0,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row.map(|row| Row { caller, toolkit, client: row.client }))
}

/// Ends a session; every replica is told. `false`: there was none.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete(scope: &mut OrgScope, id_sha256: &[u8; 32]) -> Result<bool> {
    let deleted = sqlx::query!(
        "DELETE FROM mcp_sessions WHERE org_id = $1 AND id_sha256 = $2",
        scope.org().0,
        id_sha256.as_slice(),
    )
    .execute(scope.conn())
    .await?;
    Ok(deleted.rows_affected() == 1)
}

/// Ends sessions that were not used for `idle_seconds`, at most [`SWEPT_AT_ONCE`]. Needs [`super::Reason::Sweep`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn sweep(scope: &mut SystemScope, idle_seconds: f64) -> Result<u64> {
    let deleted = sqlx::query!(
        "DELETE FROM mcp_sessions WHERE id_sha256 IN (
             SELECT id_sha256 FROM mcp_sessions WHERE last_seen_at < now() - make_interval(secs => $1) LIMIT $2)",
        idle_seconds,
        SWEPT_AT_ONCE as i64,
    )
    .execute(scope.conn())
    .await?;
    Ok(deleted.rows_affected())
}

/// Tells every replica that the client of this session no longer waits for a request.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn announce_cancelled(db: &Db, id_sha256: &[u8; 32], request: &str) -> Result<()> {
    announce(db, &format!("cancelled {} {request}", hex::encode(id_sha256))).await
}

/// Tells every replica, this one too, that a stream of this session was opened: all hear of all streams in one order.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn announce_stream(db: &Db, id_sha256: &[u8; 32], stream: &str) -> Result<()> {
    announce(db, &format!("listens {} {stream}", hex::encode(id_sha256))).await
}

#[tracing::instrument(level = "debug", skip_all)]
async fn announce(db: &Db, payload: &str) -> Result<()> {
    let mut taken = db.connection().await?;
    let sent = sqlx::query!(r#"SELECT pg_notify('permesso_session', $1) AS "sent: ()""#, payload);
    sent.execute(&mut *taken.inner).await?;
    Ok(())
}
