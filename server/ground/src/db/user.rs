//! People. They belong to no org of their own: making one and changing credentials is work of the
//! instance, finding one by e-mail is work of the sign-in (migrations/0006).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{OrgId, UserId};

use super::{OrgScope, SystemScope};
use crate::error::Result;

/// What signing in needs of a person.
pub struct Credentials {
    /// Their id.
    pub id: UserId,
    /// argon2id in PHC form; `None` for people who cannot sign in with a password.
    pub password_hash: Option<String>,
    /// Goes into the token; older tokens are void once it has counted up.
    pub epoch: i64,
}

/// A person to be made.
pub struct New<'a> {
    /// In lower case.
    pub email: &'a str,
    /// What people call them.
    pub name: &'a str,
    /// argon2id in PHC form.
    pub password_hash: Option<&'a str>,
}

/// Finds a person by their e-mail, in lower case. Needs [`super::Reason::SignIn`] or
/// [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find_by_email_unscoped(scope: &mut SystemScope, email: &str) -> Result<Option<Credentials>> {
    let row = sqlx::query_as!(Credentials, "SELECT id, password_hash, epoch FROM users WHERE email = $1", email)
        .fetch_optional(scope.conn())
        .await?;
    Ok(row)
}

/// The id of the person with this e-mail, in lower case, whichever orgs they belong to. Needs
/// [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find_id(scope: &mut OrgScope, email: &str) -> Result<Option<UserId>> {
    let id = sqlx::query_scalar!("SELECT id FROM users WHERE email = $1", email).fetch_optional(scope.conn()).await?;
    Ok(id.map(UserId))
}

/// The e-mails of these people, as far as there are such. Needs [`super::Reason::Callers`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn emails(scope: &mut OrgScope, ids: &[UserId]) -> Result<HashMap<UserId, String>> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!("SELECT id, email FROM users WHERE id = ANY ($1)", &ids).fetch_all(scope.conn()).await?;
    Ok(rows.into_iter().map(|row| (UserId(row.id), row.email)).collect())
}

/// Whether somebody administers the instance, and so is `admin` of every org.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn instance_is_administered(scope: &mut OrgScope) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT instance_is_administered() AS "is!""#).fetch_one(scope.conn()).await?)
}

/// The orgs that the person is a member of, by id, and whether they administer the instance. Needs
/// [`super::Reason::SignIn`] or [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn orgs_unscoped(scope: &mut SystemScope, id: UserId) -> Result<(Vec<OrgId>, bool)> {
    let row = sqlx::query!(
        r#"SELECT ARRAY(SELECT org_id FROM members WHERE user_id = $1 ORDER BY org_id) AS "orgs!",
                  EXISTS (SELECT FROM users WHERE id = $1 AND instance_admin) AS "administers!""#,
        id.0
    );
    let row = row.fetch_one(scope.conn()).await?;
    Ok((row.orgs.into_iter().map(OrgId).collect(), row.administers))
}

/// The person with this e-mail, in lower case, locked until the transaction ends. Needs
/// [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn lock_by_email(scope: &mut OrgScope, email: &str) -> Result<Option<Credentials>> {
    let row =
        sqlx::query_as!(Credentials, "SELECT id, password_hash, epoch FROM users WHERE email = $1 FOR UPDATE", email)
            .fetch_optional(scope.conn())
            .await?;
    Ok(row)
}

/// Whether anybody but the scope's org could count on who the person is: another org that they belong
/// to, or the instance that they administer. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn is_known_elsewhere(scope: &mut OrgScope, id: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM members WHERE user_id = $1 AND org_id <> $2)
               OR EXISTS (SELECT FROM users WHERE id = $1 AND instance_admin) AS "known!""#,
        id.0,
        scope.org().0,
    )
    .fetch_one(scope.conn())
    .await?)
}

/// Gives a person who has no password their first one. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached, or the person has one.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn set_first_password(scope: &mut OrgScope, id: UserId, password_hash: &str) -> Result<()> {
    let updated = sqlx::query!(
        "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash IS NULL",
        id.0,
        password_hash
    )
    .execute(scope.conn())
    .await?;
    super::expect_one_row("users", id, updated.rows_affected())
}

/// Makes a person, in the transaction that adds them to an org. `false`: the e-mail is taken. Needs
/// [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut OrgScope, id: UserId, new: &New<'_>) -> Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO users (id, email, name, password_hash) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING",
        id.0,
        new.email,
        new.name,
        new.password_hash,
    )
    .execute(scope.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Whether anybody administers the instance. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn instance_admin_exists(scope: &mut SystemScope) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users WHERE instance_admin) AS "exists!""#)
        .fetch_one(scope.conn())
        .await?)
}

/// Makes the instance's first administrator. `false`: there is an administrator, or the e-mail is
/// taken. Two replicas that start at once make one. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert_first_admin(scope: &mut SystemScope, id: UserId, new: &New<'_>) -> Result<bool> {
    // Conflicts with itself and with every other change of people until the transaction ends.
    sqlx::query!("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").execute(scope.conn()).await?;
    let inserted = sqlx::query!(
        "INSERT INTO users (id, email, name, password_hash, instance_admin)
         SELECT $1, $2, $3, $4, true WHERE NOT EXISTS (SELECT FROM users WHERE instance_admin)
         ON CONFLICT (email) DO NOTHING",
        id.0,
        new.email,
        new.name,
        new.password_hash,
    )
    .execute(scope.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// A person's name. Needs [`super::Reason::SignIn`] or [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn name(scope: &mut SystemScope, id: UserId) -> Result<Option<String>> {
    let name = sqlx::query_scalar!("SELECT name FROM users WHERE id = $1", id.0);
    Ok(name.fetch_optional(scope.conn()).await?)
}

/// Gives a person another name. `false`: it is the one they have. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn rename(scope: &mut SystemScope, id: UserId, name: &str) -> Result<bool> {
    let renamed = sqlx::query!("UPDATE users SET name = $2 WHERE id = $1 AND name <> $2", id.0, name);
    Ok(renamed.execute(scope.conn()).await?.rows_affected() == 1)
}

/// The hash of a person's password. Needs [`super::Reason::SignIn`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn password_hash(scope: &mut SystemScope, id: UserId) -> Result<Option<String>> {
    let hash = sqlx::query_scalar!("SELECT password_hash FROM users WHERE id = $1", id.0);
    Ok(hash.fetch_optional(scope.conn()).await?.flatten())
}

/// Changes a person's password and voids every token issued before, if their credentials are still of this epoch; gives
/// the new one. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn change_password(
    scope: &mut SystemScope,
    id: UserId,
    epoch: i64,
    password_hash: &str,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "UPDATE users SET password_hash = $3, epoch = epoch + 1 WHERE id = $1 AND epoch = $2 RETURNING epoch",
        id.0,
        epoch,
        password_hash,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Sets a person's password and voids every token issued before. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached, or the person is gone.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn reset_password(scope: &mut SystemScope, id: UserId, password_hash: &str) -> Result<()> {
    let updated =
        sqlx::query!("UPDATE users SET password_hash = $2, epoch = epoch + 1 WHERE id = $1", id.0, password_hash)
            .execute(scope.conn())
            .await?;
    super::expect_one_row("users", id, updated.rows_affected())
}

/// How many networks are kept for a person.
const PLACES: i64 = 50;

/// Notes that a person signed in from this network; forgets what is older than `since`. Needs [`super::Reason::SignIn`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn note_place(
    scope: &mut SystemScope,
    id: UserId,
    network: &str,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO sign_in_places (user_id, network, seen_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id, network) DO UPDATE SET seen_at = greatest(sign_in_places.seen_at, excluded.seen_at)",
        id.0,
        network,
        now,
    )
    .execute(scope.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM sign_in_places WHERE user_id = $1 AND (seen_at <= $2 OR network IN (
             SELECT network FROM sign_in_places WHERE user_id = $1 ORDER BY seen_at DESC, network OFFSET $3))",
        id.0,
        since,
        PLACES,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Whether the person with one of these e-mails signed in from this network after `since`. Needs
/// [`super::Reason::SignIn`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn has_place(
    scope: &mut SystemScope,
    emails: &[String],
    network: &str,
    since: DateTime<Utc>,
) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM sign_in_places p JOIN users u ON u.id = p.user_id
                          WHERE u.email = ANY ($1) AND p.network = $2 AND p.seen_at > $3) AS "has!""#,
        emails,
        network,
        since,
    )
    .fetch_one(scope.conn())
    .await?)
}
