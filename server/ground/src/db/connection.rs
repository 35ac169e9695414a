//! Connections of an org and what was last heard of them.

use api_types::UnusableTool;
use chrono::{DateTime, Utc};
use domain::ConnectionId;
use sqlx::types::Json;

use super::OrgScope;
use crate::error::Result;

/// One connection, with the last news of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: ConnectionId,
    /// Its name in URLs.
    pub slug: String,
    /// `streamable_http` or `stdio`.
    pub kind: String,
    /// Its configuration, sealed.
    pub config_sealed: Vec<u8>,
    /// The version of the configuration.
    pub version: i64,
    /// Whether it may be used.
    pub enabled: bool,
    /// How long connecting may take, in milliseconds.
    pub connect_timeout_ms: i32,
    /// How long a call may take, in milliseconds.
    pub call_timeout_ms: i32,
    /// Whether a changed definition of its tools holds nothing, unless the tool became destructive.
    pub trust_definitions: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its tools were last listed.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Why that last failed, unless it has worked since.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<DateTime<Utc>>,
    /// When listings last found changed definitions, the last three times.
    pub definitions_changed: Option<Vec<DateTime<Utc>>>,
    /// Entries of the last list that cannot be used, the first of them.
    pub unusable: Option<Json<Vec<UnusableTool>>>,
}

/// A connection to be made.
pub struct New<'a> {
    /// Its id, which its sealed configuration is bound to.
    pub id: ConnectionId,
    /// Its name in URLs.
    pub slug: &'a str,
    /// `streamable_http` or `stdio`.
    pub kind: &'a str,
    /// Its configuration, sealed.
    pub config_sealed: &'a [u8],
    /// 1000 to 300000 milliseconds; 100 to 120000 in rows of an earlier version.
    pub connect_timeout_ms: i32,
    /// 100 to 3600000 milliseconds.
    pub call_timeout_ms: i32,
}

/// What may change of a connection.
pub struct Change<'a> {
    /// A new configuration, sealed: the version counts up.
    pub config_sealed: Option<&'a [u8]>,
    /// Whether it may be used.
    pub enabled: bool,
    /// 1000 to 300000 milliseconds; 100 to 120000 in rows of an earlier version.
    pub connect_timeout_ms: i32,
    /// 100 to 3600000 milliseconds.
    pub call_timeout_ms: i32,
    /// Whether its definitions are trusted.
    pub trust_definitions: bool,
}

/// Lists connections by slug.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(scope: &mut OrgScope, after: Option<&str>, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT c.id, slug, kind, config_sealed, version, enabled, connect_timeout_ms, call_timeout_ms, trust_definitions,
                  created_at, s.definitions_changed AS "definitions_changed?", s.unusable AS "unusable?: Json<Vec<UnusableTool>>",
                   s.last_seen_at AS "last_seen_at?", s.last_error AS "last_error?", s.last_error_at AS "last_error_at?"
           FROM connections c LEFT JOIN connection_status s ON s.connection_id = c.id
           WHERE c.org_id = $1 AND ($2::text IS NULL OR slug > $2) ORDER BY slug LIMIT $3"#,
        scope.org().0,
        after,
        limit,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Finds a connection by its slug.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut OrgScope, slug: &str) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT c.id, slug, kind, config_sealed, version, enabled, connect_timeout_ms, call_timeout_ms, trust_definitions,
                  created_at, s.definitions_changed AS "definitions_changed?", s.unusable AS "unusable?: Json<Vec<UnusableTool>>",
                   s.last_seen_at AS "last_seen_at?", s.last_error AS "last_error?", s.last_error_at AS "last_error_at?"
           FROM connections c LEFT JOIN connection_status s ON s.connection_id = c.id
           WHERE c.org_id = $1 AND slug = $2"#,
        scope.org().0,
        slug,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Locks a connection for a change of it. `None`: there is none.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn lock(scope: &mut OrgScope, slug: &str) -> Result<Option<ConnectionId>> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM connections WHERE org_id = $1 AND slug = $2 FOR UPDATE",
        scope.org().0,
        slug
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(id.map(ConnectionId))
}

/// Keeps a connection as it is until the transaction ends, and tells its version. `None`: it is gone.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn hold(scope: &mut OrgScope, id: ConnectionId) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "SELECT version FROM connections WHERE org_id = $1 AND id = $2 FOR SHARE",
        scope.org().0,
        id.0
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Makes a connection. `false`: the slug is taken.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut OrgScope, new: &New<'_>) -> Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO connections (id, org_id, slug, kind, config_sealed, connect_timeout_ms, call_timeout_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id, slug) DO NOTHING",
        new.id.0,
        scope.org().0,
        new.slug,
        new.kind,
        new.config_sealed,
        new.connect_timeout_ms,
        new.call_timeout_ms,
    )
    .execute(scope.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Changes a connection.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn update(scope: &mut OrgScope, id: ConnectionId, to: &Change<'_>) -> Result<()> {
    let updated = sqlx::query!(
        "UPDATE connections SET config_sealed = coalesce($3, config_sealed),
                version = version + CASE WHEN $3::bytea IS NULL THEN 0 ELSE 1 END,
                enabled = $4, connect_timeout_ms = $5, call_timeout_ms = $6, trust_definitions = $7
         WHERE org_id = $1 AND id = $2",
        scope.org().0,
        id.0,
        to.config_sealed,
        to.enabled,
        to.connect_timeout_ms,
        to.call_timeout_ms,
        to.trust_definitions,
    )
    .execute(scope.conn())
    .await?;
    super::expect_one_row("connections", id, updated.rows_affected())
}

/// Deletes a connection, its tools, and what toolkits expose of them.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete(scope: &mut OrgScope, id: ConnectionId) -> Result<()> {
    let deleted = sqlx::query!("DELETE FROM connections WHERE org_id = $1 AND id = $2", scope.org().0, id.0)
        .execute(scope.conn())
        .await?;
    super::expect_one_row("connections", id, deleted.rows_affected())
}

/// Notes that the upstream listed its tools (`error` is `None`) or why it did not. A connection that
/// is gone has no news.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn note_status(scope: &mut OrgScope, id: ConnectionId, at: DateTime<Utc>, error: Option<&str>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO connection_status (connection_id, org_id, last_seen_at, last_error, last_error_at)
         SELECT id, org_id, CASE WHEN $4::text IS NULL THEN $3::timestamptz END, $4,
                CASE WHEN $4 IS NOT NULL THEN $3 END
         FROM connections WHERE org_id = $1 AND id = $2
         ON CONFLICT (connection_id) DO UPDATE SET
                last_seen_at = coalesce(excluded.last_seen_at, connection_status.last_seen_at),
                last_error = excluded.last_error, last_error_at = excluded.last_error_at",
        scope.org().0,
        id.0,
        at,
        error,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Notes that a list of the upstream's tools had changed definitions, after [`note_status`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn note_changed(scope: &mut OrgScope, id: ConnectionId, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE connection_status SET definitions_changed = (definitions_changed || $3::timestamptz)[cardinality(definitions_changed) - 1:]
         WHERE org_id = $1 AND connection_id = $2",
        scope.org().0,
        id.0,
        at,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Notes which entries of the upstream's list cannot be used, after [`note_status`]. `false`: they were the same before.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn note_unusable(scope: &mut OrgScope, id: ConnectionId, unusable: &[UnusableTool]) -> Result<bool> {
    let noted = sqlx::query!(
        "UPDATE connection_status SET unusable = $3 WHERE org_id = $1 AND connection_id = $2 AND unusable <> $3",
        scope.org().0,
        id.0,
        Json(unusable) as _,
    )
    .execute(scope.conn())
    .await?;
    Ok(noted.rows_affected() > 0)
}

/// What of a connection shows that something changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its name in URLs.
    pub slug: String,
    /// The version of the configuration.
    pub version: i64,
    /// Whether it may be used.
    pub enabled: bool,
    /// How long connecting may take, in milliseconds.
    pub connect_timeout_ms: i32,
    /// How long a call may take, in milliseconds.
    pub call_timeout_ms: i32,
    /// Whether its definitions are trusted.
    pub trust_definitions: bool,
    /// Why its tools could not be listed the last time.
    pub last_error: Option<String>,
    /// A digest of what it offers and what of it is reviewed, where that was asked for.
    pub tools: Option<String>,
}

/// Marks of all connections of the org; `tools` says whether to look at their tools too, of which there
/// may be thousands.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn marks(scope: &mut OrgScope, tools: bool) -> Result<Vec<(ConnectionId, Mark)>> {
    let rows = sqlx::query!(
        r#"SELECT c.id, c.slug, c.version, c.enabled, c.connect_timeout_ms, c.call_timeout_ms, c.trust_definitions,
                  s.last_error AS "last_error?",
                  CASE WHEN $2 THEN (
                      SELECT md5(string_agg(concat_ws(' ', t.id, encode(t.seen_sha256, 'hex'),
                                                      encode(t.reviewed_sha256, 'hex'), t.offered, t.arguments_check), '/'
                                            ORDER BY t.id))
                      FROM tools t WHERE t.org_id = c.org_id AND t.connection_id = c.id) END AS tools
           FROM connections c LEFT JOIN connection_status s ON s.connection_id = c.id
           WHERE c.org_id = $1"#,
        scope.org().0,
        tools,
    )
    .fetch_all(scope.conn())
    .await?;
    let marks = rows.into_iter().map(|row| {
        let mark = Mark {
            slug: row.slug,
            version: row.version,
            enabled: row.enabled,
            connect_timeout_ms: row.connect_timeout_ms,
            call_timeout_ms: row.call_timeout_ms,
            trust_definitions: row.trust_definitions,
            last_error: row.last_error,
            tools: row.tools,
        };
        (ConnectionId(row.id), mark)
    });
    Ok(marks.collect())
}
