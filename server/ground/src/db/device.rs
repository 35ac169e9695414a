//! Browsers by which people are known at the sign-in. They belong to a person and to no org; every function needs
//! [`super::Reason::SignIn`] unless it says otherwise.

use chrono::{DateTime, Utc};
use domain::UserId;

use super::SystemScope;
use crate::error::Result;

/// By how many browsers a person is known; beyond, those known for shortest are forgotten.
const MAX_EACH: i64 = 20;

/// A browser to be known.
#[derive(Clone, Copy, Debug)]
pub struct New {
    /// SHA-256 of what its cookie holds.
    pub id_sha256: [u8; 32],
    /// Whose it is.
    pub user: UserId,
    /// The epoch of their credentials.
    pub epoch: i64,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// Keeps a browser, in place of the one that its cookie named before.
///
/// # Errors
/// When Postgres cannot be reached; when the person is gone.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut SystemScope, new: &New, replaced: Option<&[u8; 32]>) -> Result<()> {
    let replaced = replaced.map(|id| id.as_slice());
    sqlx::query!("DELETE FROM sign_in_devices WHERE id_sha256 = $1", replaced).execute(scope.conn()).await?;
    sqlx::query!(
        "INSERT INTO sign_in_devices (id_sha256, user_id, epoch, known_until) VALUES ($1, $2, $3, $4)",
        new.id_sha256.as_slice(),
        new.user.0,
        new.epoch,
        new.until,
    )
    .execute(scope.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM sign_in_devices WHERE id_sha256 IN (
             SELECT id_sha256 FROM sign_in_devices WHERE user_id = $1 ORDER BY known_until DESC, id_sha256 OFFSET $2)",
        new.user.0,
        MAX_EACH,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Whether the person with one of these e-mails is known by this browser, with the credentials they have now.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn is_of(
    scope: &mut SystemScope,
    id_sha256: &[u8; 32],
    emails: &[String],
    now: DateTime<Utc>,
) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM sign_in_devices d JOIN users u ON u.id = d.user_id AND u.epoch = d.epoch
                          WHERE d.id_sha256 = $1 AND u.email = ANY ($2) AND d.known_until > $3) AS "is!""#,
        id_sha256.as_slice(),
        emails,
        now,
    )
    .fetch_one(scope.conn())
    .await?)
}

/// Forgets every browser of a person. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn forget(scope: &mut SystemScope, user: UserId) -> Result<()> {
    sqlx::query!("DELETE FROM sign_in_devices WHERE user_id = $1", user.0).execute(scope.conn()).await?;
    Ok(())
}

/// Forgets browsers whose time is over.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn sweep(scope: &mut SystemScope, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("DELETE FROM sign_in_devices WHERE known_until <= $1", now).execute(scope.conn()).await?;
    Ok(())
}
