//! What connections offer: the definition last seen and the one last reviewed.

use chrono::{DateTime, Utc};
use domain::{ConnectionId, ToolId, UserId};

use super::OrgScope;
use crate::error::Result;

/// One tool.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: ToolId,
    /// Its name at the upstream.
    pub name: String,
    /// The definition last seen, byte for byte.
    pub seen_definition: String,
    /// Its SHA-256.
    pub seen_sha256: Vec<u8>,
    /// When that definition was first seen.
    pub seen_at: DateTime<Utc>,
    /// The definition last reviewed.
    pub reviewed_definition: String,
    /// Its SHA-256.
    pub reviewed_sha256: Vec<u8>,
    /// When it was reviewed.
    pub reviewed_at: DateTime<Utc>,
    /// Whether the upstream's last list had it.
    pub offered: bool,
    /// Whether its input schema can check arguments.
    pub schema_usable: bool,
}

/// What is compared with an upstream's list.
#[derive(Clone, Debug)]
pub struct Known {
    /// The tool.
    pub id: ToolId,
    /// Its name at the upstream.
    pub name: String,
    /// The definition last seen.
    pub definition: String,
    /// Its SHA-256.
    pub sha256: Vec<u8>,
    /// Whether the last list had it.
    pub offered: bool,
}

/// A definition as it was just seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The tool's name at the upstream.
    pub name: String,
    /// The definition, byte for byte.
    pub definition: String,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Whether its input schema can check arguments.
    pub schema_usable: bool,
}

/// Lists a connection's tools by name.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn list(scope: &mut OrgScope, connection: ConnectionId, after: Option<&str>, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, name, seen_definition, seen_sha256, seen_at, reviewed_definition, reviewed_sha256, reviewed_at,
                offered, schema_usable
         FROM tools WHERE org_id = $1 AND connection_id = $2 AND ($3::text IS NULL OR name > $3) ORDER BY name LIMIT $4",
        scope.org().0,
        connection.0,
        after,
        limit,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Finds a tool by its name at the upstream and locks it.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn find(scope: &mut OrgScope, connection: ConnectionId, name: &str) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, name, seen_definition, seen_sha256, seen_at, reviewed_definition, reviewed_sha256, reviewed_at,
                offered, schema_usable
         FROM tools WHERE org_id = $1 AND connection_id = $2 AND name = $3 FOR UPDATE",
        scope.org().0,
        connection.0,
        name,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Reads what is known of a connection's tools, to compare it with a new list.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn known(scope: &mut OrgScope, connection: ConnectionId) -> Result<Vec<Known>> {
    Ok(sqlx::query_as!(
        Known,
        "SELECT id, name, seen_definition AS definition, seen_sha256 AS sha256, offered
         FROM tools WHERE org_id = $1 AND connection_id = $2 ORDER BY name",
        scope.org().0,
        connection.0,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Keeps a new tool: what is seen first counts as reviewed. Another replica may have been quicker.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn insert(scope: &mut OrgScope, connection: ConnectionId, seen: &Seen, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO tools (id, org_id, connection_id, name, seen_definition, seen_sha256, seen_at,
                            reviewed_definition, reviewed_sha256, reviewed_at, schema_usable)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $5, $6, $7, $8) ON CONFLICT (org_id, connection_id, name) DO NOTHING",
        ToolId::new().0,
        scope.org().0,
        connection.0,
        seen.name,
        seen.definition,
        seen.sha256.as_slice(),
        at,
        seen.schema_usable,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Keeps what was seen of a known tool; the reviewed definition stays.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn update_seen(scope: &mut OrgScope, id: ToolId, seen: &Seen, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE tools SET seen_definition = $3, seen_at = CASE WHEN seen_sha256 = $4 THEN seen_at ELSE $5 END,
                seen_sha256 = $4, schema_usable = $6, offered = true
         WHERE org_id = $1 AND id = $2",
        scope.org().0,
        id.0,
        seen.definition,
        seen.sha256.as_slice(),
        at,
        seen.schema_usable,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Notes that the upstream no longer offers these tools.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn withdraw(scope: &mut OrgScope, ids: &[ToolId]) -> Result<()> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!("UPDATE tools SET offered = false WHERE org_id = $1 AND id = ANY ($2)", scope.org().0, &ids)
        .execute(scope.conn())
        .await?;
    Ok(())
}

/// Takes the definition last seen as reviewed.
///
/// # Errors
/// When Postgres cannot be reached, or it is no longer the one with this SHA-256.
pub async fn review(
    scope: &mut OrgScope,
    id: ToolId,
    sha256: &[u8],
    reviewer: UserId,
    at: DateTime<Utc>,
) -> Result<()> {
    let updated = sqlx::query!(
        "UPDATE tools SET reviewed_definition = seen_definition, reviewed_sha256 = seen_sha256, reviewed_at = $4,
                reviewed_by = $5
         WHERE org_id = $1 AND id = $2 AND seen_sha256 = $3",
        scope.org().0,
        id.0,
        sha256,
        at,
        reviewer.0,
    )
    .execute(scope.conn())
    .await?;
    super::expect_one_row("tools", id, updated.rows_affected())
}
