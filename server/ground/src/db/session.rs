//! Console sessions. They belong to a person and to no org; every function needs
//! [`super::Reason::SignIn`] unless it says otherwise. A session that has expired, that is past a limit or whose
//! person's credentials were reset is not there for anybody who reads.

use chrono::{DateTime, Utc};
use domain::{SessionId, UserId};

use super::SystemScope;
use crate::error::Result;

/// A session to be kept.
#[derive(Clone, Debug)]
pub struct New<'a> {
    /// SHA-256 of what the cookie holds.
    pub id_sha256: [u8; 32],
    /// Its name in URLs.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The epoch of their credentials.
    pub epoch: i64,
    /// The browser, as it said.
    pub client: Option<&'a str>,
    /// The client's address.
    pub address: Option<&'a str>,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends, however much it is used.
    pub expires_at: DateTime<Utc>,
    /// What it holds beside the person, as a JSON object.
    pub data: &'a str,
}

/// A session that lives.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name in URLs.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The epoch of their credentials, then as now.
    pub epoch: i64,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used; exact to a minute.
    pub last_seen_at: DateTime<Utc>,
    /// The browser, as it said.
    pub client: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// When it ends, however much it is used. `None`: an earlier version made it, and its limits alone say so.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it holds beside the person, as a JSON object.
    pub data: String,
}

/// What a session must fulfil to live.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    /// Ends after this.
    pub now: DateTime<Utc>,
    /// Last used after this.
    pub seen: DateTime<Utc>,
    /// Made after this.
    pub made: DateTime<Utc>,
}

/// How many sessions a person may have; beyond, those unused for longest end.
const MAX_EACH: i64 = 100;

/// Keeps a new session. `false`: its id is taken.
///
/// # Errors
/// When Postgres cannot be reached; when the person is gone.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut SystemScope, new: &New<'_>) -> Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO sessions (id_sha256, id, user_id, epoch, client, address, created_at, last_seen_at, expires_at, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id_sha256) DO NOTHING",
        new.id_sha256.as_slice(),
        new.id.0,
        new.user.0,
        new.epoch,
        new.client,
        new.address,
        new.created_at,
        new.last_seen_at,
        new.expires_at,
        new.data,
    )
    .execute(scope.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM sessions WHERE id_sha256 IN (
             SELECT id_sha256 FROM sessions WHERE user_id = $1 ORDER BY last_seen_at DESC, id DESC OFFSET $2)",
        new.user.0,
        MAX_EACH,
    )
    .execute(scope.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Finds the session of a cookie.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut SystemScope, id_sha256: &[u8; 32], since: Since) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT s.id, s.user_id, s.epoch, s.created_at, s.last_seen_at, s.client, s.address, s.expires_at, s.data
         FROM sessions s JOIN users u ON u.id = s.user_id AND u.epoch = s.epoch
         WHERE s.id_sha256 = $1 AND s.last_seen_at > $2 AND s.created_at > $3
             AND (s.expires_at IS NULL OR s.expires_at > $4)",
        id_sha256.as_slice(),
        since.seen,
        since.made,
        since.now,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Whether the session with this public id lives.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn lives(scope: &mut SystemScope, id: SessionId, since: Since) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM sessions s JOIN users u ON u.id = s.user_id AND u.epoch = s.epoch
                          WHERE s.id = $1 AND s.last_seen_at > $2 AND s.created_at > $3
                              AND (s.expires_at IS NULL OR s.expires_at > $4)) AS "lives!""#,
        id.0,
        since.seen,
        since.made,
        since.now,
    )
    .fetch_one(scope.conn())
    .await?)
}

/// The sessions of a person, in the order they were made.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(
    scope: &mut SystemScope,
    user: UserId,
    since: Since,
    after: Option<SessionId>,
    limit: i64,
) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT s.id, s.user_id, s.epoch, s.created_at, s.last_seen_at, s.client, s.address, s.expires_at, s.data
         FROM sessions s JOIN users u ON u.id = s.user_id AND u.epoch = s.epoch
         WHERE s.user_id = $1 AND s.last_seen_at > $2 AND s.created_at > $3
             AND (s.expires_at IS NULL OR s.expires_at > $6) AND ($4::uuid IS NULL OR s.id > $4)
         ORDER BY s.id LIMIT $5",
        user.0,
        since.seen,
        since.made,
        after.map(|id| id.0),
        limit,
        since.now,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Keeps what a session holds beside its person. Its end is never put off: a save reckons it anew from the present, while
/// the absolute limit counts from the sign-in. Gives the session's name in URLs; `None`: it has ended, and stays ended.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn update(
    scope: &mut SystemScope,
    id_sha256: &[u8; 32],
    data: &str,
    expires_at: DateTime<Utc>,
) -> Result<Option<SessionId>> {
    let id = sqlx::query_scalar!(
        "UPDATE sessions SET data = $2, expires_at = LEAST(expires_at, $3) WHERE id_sha256 = $1 RETURNING id",
        id_sha256.as_slice(),
        data,
        expires_at,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(id.map(SessionId))
}

/// Notes that a session was used, unless that was noted after `unless_after`.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn touch(
    scope: &mut SystemScope,
    id_sha256: &[u8; 32],
    now: DateTime<Utc>,
    unless_after: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE sessions SET last_seen_at = $2 WHERE id_sha256 = $1 AND last_seen_at <= $3",
        id_sha256.as_slice(),
        now,
        unless_after,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Ends the session of a cookie, if there is one.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete(scope: &mut SystemScope, id_sha256: &[u8; 32]) -> Result<()> {
    sqlx::query!("DELETE FROM sessions WHERE id_sha256 = $1", id_sha256.as_slice()).execute(scope.conn()).await?;
    Ok(())
}

/// Ends a session of this person. `false`: they have none with this id that lives.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn revoke(scope: &mut SystemScope, user: UserId, id: SessionId, since: Since) -> Result<bool> {
    let deleted = sqlx::query!(
        "DELETE FROM sessions WHERE user_id = $1 AND id = $2 AND last_seen_at > $3 AND created_at > $4
             AND (expires_at IS NULL OR expires_at > $5)",
        user.0,
        id.0,
        since.seen,
        since.made,
        since.now,
    )
    .execute(scope.conn())
    .await?;
    Ok(deleted.rows_affected() == 1)
}

/// Ends every session of a person. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete_of_person(scope: &mut SystemScope, user: UserId) -> Result<()> {
    sqlx::query!("DELETE FROM sessions WHERE user_id = $1", user.0).execute(scope.conn()).await?;
    Ok(())
}

/// Ends every session of a person but this one, which goes on with credentials of this epoch. Needs
/// [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn keep_only(scope: &mut SystemScope, user: UserId, kept: Option<SessionId>, epoch: i64) -> Result<()> {
    let kept = kept.map(|id| id.0);
    sqlx::query!("DELETE FROM sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2", user.0, kept)
        .execute(scope.conn())
        .await?;
    sqlx::query!("UPDATE sessions SET epoch = $3 WHERE user_id = $1 AND id = $2", user.0, kept, epoch)
        .execute(scope.conn())
        .await?;
    Ok(())
}

/// Removes what is past a limit; says how many.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn sweep(scope: &mut SystemScope, since: Since) -> Result<u64> {
    let swept = sqlx::query!(
        "DELETE FROM sessions WHERE last_seen_at <= $1 OR created_at <= $2 OR expires_at <= $3",
        since.seen,
        since.made,
        since.now,
    )
    .execute(scope.conn())
    .await?;
    Ok(swept.rows_affected())
}
