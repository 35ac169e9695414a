//! API keys of an org, their secrets (as hashes only) and their last uses.

use chrono::{DateTime, Utc};
use domain::{ApiKeyId, OrgId, RoleId, UserId};
use uuid::Uuid;

use super::{OrgScope, SystemScope};
use crate::error::Result;

/// One key, as lists show it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// The first characters of its newest secret.
    pub prefix: String,
    /// Its role; `None` where it was deleted after the key was revoked.
    pub role_id: Option<Uuid>,
    /// Its role's name, also where the role was deleted.
    pub role: String,
    /// The person answerable.
    pub owner_id: UserId,
    /// Who made it.
    pub created_by: UserId,
    /// The person who rotated it last, if somebody did.
    pub rotated_by: Option<Uuid>,
    /// How long its held calls wait, in seconds.
    pub hold_seconds: Option<i32>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it stops being valid.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key to be made.
pub struct New<'a> {
    /// Its id.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: &'a str,
    /// Its role.
    pub role: RoleId,
    /// The person answerable.
    pub owner: UserId,
    /// Who made it.
    pub created_by: UserId,
    /// How long its held calls wait: 0 to 240 seconds.
    pub hold_seconds: Option<i32>,
    /// When it stops being valid.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What may change of a key.
pub struct Content<'a> {
    /// What people call it.
    pub name: &'a str,
    /// Its role.
    pub role: RoleId,
    /// The person answerable. Who was before stays one of the key's own people.
    pub owner: UserId,
    /// How long its held calls wait: 0 to 240 seconds.
    pub hold_seconds: Option<i32>,
    /// When it stops being valid.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Which keys a list has; by default all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only those that are revoked, or that are not.
    pub revoked: Option<bool>,
    /// Only those of this person.
    pub owner: Option<Uuid>,
}

/// Lists keys in the order they were made.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(scope: &mut OrgScope, filter: Filter, after: Option<ApiKeyId>, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT k.id, k.name, s.prefix AS "prefix!", k.role_id, coalesce(r.name, k.former_role) AS "role!", k.owner_id, k.created_by,
                  CASE WHEN s.created_at > k.created_at THEN s.created_by END AS rotated_by,
                  k.hold_seconds, k.created_at, u.last_used_at AS "last_used_at?", k.expires_at, k.revoked_at
           FROM api_keys k LEFT JOIN roles r ON r.id = k.role_id LEFT JOIN api_key_uses u ON u.key_id = k.id
           JOIN LATERAL (SELECT prefix, created_by, created_at FROM api_key_secrets
                         WHERE key_id = k.id ORDER BY id DESC LIMIT 1) s ON true
           WHERE k.org_id = $1 AND ($2::uuid IS NULL OR k.id > $2)
             AND ($4::boolean IS NULL OR (k.revoked_at IS NOT NULL) = $4) AND ($5::uuid IS NULL OR k.owner_id = $5)
           ORDER BY k.id LIMIT $3"#,
        scope.org().0,
        after.map(|id| id.0),
        limit,
        filter.revoked,
        filter.owner,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Finds a key by its id and locks it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut OrgScope, id: ApiKeyId) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT k.id, k.name, s.prefix AS "prefix!", k.role_id, coalesce(r.name, k.former_role) AS "role!", k.owner_id, k.created_by,
                  CASE WHEN s.created_at > k.created_at THEN s.created_by END AS rotated_by,
                  k.hold_seconds, k.created_at, u.last_used_at AS "last_used_at?", k.expires_at, k.revoked_at
           FROM api_keys k LEFT JOIN roles r ON r.id = k.role_id LEFT JOIN api_key_uses u ON u.key_id = k.id
           JOIN LATERAL (SELECT prefix, created_by, created_at FROM api_key_secrets
                         WHERE key_id = k.id ORDER BY id DESC LIMIT 1) s ON true
           WHERE k.org_id = $1 AND k.id = $2 FOR UPDATE OF k"#,
        scope.org().0,
        id.0,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Whether the person owns a working key of another org than the scope's.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn has_elsewhere(scope: &mut OrgScope, owner: UserId) -> Result<bool> {
    let found = sqlx::query_scalar!(r#"SELECT has_keys_elsewhere($1, $2) AS "found!""#, owner.0, scope.org().0);
    Ok(found.fetch_one(scope.conn()).await?)
}

/// When the secret with this SHA-256 stops being valid, if ever: when it is replaced by rotation, or its key expires.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn secret_ends(scope: &mut OrgScope, secret: &[u8; 32]) -> Result<Option<DateTime<Utc>>> {
    let ends = sqlx::query_scalar!(
        r#"SELECT least(k.expires_at, s.valid_until) AS "ends: DateTime<Utc>"
           FROM api_key_secrets s JOIN api_keys k ON k.id = s.key_id WHERE s.org_id = $1 AND s.sha256 = $2"#,
        scope.org().0,
        secret.as_slice(),
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(ends.flatten())
}

/// A key that a secret belonged to which is not valid any more.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The key.
    pub id: ApiKeyId,
    /// Its org.
    pub org_id: OrgId,
    /// What people call it.
    pub name: String,
    /// Why the secret is not valid: `revoked_key`, `expired_key`, or `replaced_key` after a rotation.
    pub why: String,
}

/// The key that the secret with this SHA-256 belonged to, if the secret was not valid any more at `now`. Needs
/// [`super::Reason::SignIn`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find_ended_unscoped(
    scope: &mut SystemScope,
    secret: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Ended>> {
    Ok(sqlx::query_as!(
        Ended,
        r#"SELECT k.id, k.org_id, k.name, CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked_key'
                  WHEN k.expires_at <= $2 THEN 'expired_key' ELSE 'replaced_key' END AS "why!"
           FROM api_key_secrets s JOIN api_keys k ON k.id = s.key_id
           WHERE s.sha256 = $1 AND (k.revoked_at IS NOT NULL OR k.expires_at <= $2 OR s.valid_until <= $2)"#,
        secret.as_slice(),
        now,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Makes a key, without a secret yet.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut OrgScope, new: &New<'_>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO api_keys (id, org_id, name, role_id, owner_id, created_by, hold_seconds, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id.0,
        scope.org().0,
        new.name,
        new.role.0,
        new.owner.0,
        new.created_by.0,
        new.hold_seconds,
        new.expires_at,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Changes a key that is not revoked.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn update(scope: &mut OrgScope, key: ApiKeyId, to: &Content<'_>) -> Result<()> {
    let updated = sqlx::query!(
        "UPDATE api_keys SET name = $3, role_id = $4, owner_id = $5, hold_seconds = $6, expires_at = $7,
                former_owners = CASE WHEN owner_id = $5 THEN former_owners
                    ELSE array_append(array_remove(former_owners, owner_id), owner_id) END
         WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL",
        scope.org().0,
        key.0,
        to.name,
        to.role.0,
        to.owner.0,
        to.hold_seconds,
        to.expires_at,
    )
    .execute(scope.conn())
    .await?;
    super::expect_one_row("api_keys", key, updated.rows_affected())
}

/// How many secrets of a key may be valid beside the one that a rotation makes: the directory may keep all of them.
const OVERLAPPING: i64 = 9;

/// Ends the key's secrets at `at`, those that would have ended sooner excepted. Gives the time from which on one more
/// could overlap, where too many do: then nothing may be committed.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn end_secrets(scope: &mut OrgScope, key: ApiKeyId, at: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    sqlx::query!(
        "UPDATE api_key_secrets SET valid_until = $3
         WHERE org_id = $1 AND key_id = $2 AND (valid_until IS NULL OR valid_until > $3)",
        scope.org().0,
        key.0,
        at,
    )
    .execute(scope.conn())
    .await?;
    let free_at = sqlx::query_scalar!(
        r#"SELECT valid_until AS "free_at!" FROM api_key_secrets
           WHERE org_id = $1 AND key_id = $2 AND valid_until > clock_timestamp()
           ORDER BY valid_until DESC OFFSET $3 LIMIT 1"#,
        scope.org().0,
        key.0,
        OVERLAPPING,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(free_at)
}

/// Adds a secret to a key.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert_secret(
    scope: &mut OrgScope,
    key: ApiKeyId,
    sha256: &[u8; 32],
    prefix: &str,
    created_by: UserId,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO api_key_secrets (id, org_id, key_id, sha256, prefix, created_by) VALUES ($1, $2, $3, $4, $5, $6)",
        Uuid::now_v7(),
        scope.org().0,
        key.0,
        sha256.as_slice(),
        prefix,
        created_by.0,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Revokes a key.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn revoke(scope: &mut OrgScope, key: ApiKeyId, at: DateTime<Utc>) -> Result<()> {
    let updated = sqlx::query!(
        "UPDATE api_keys SET revoked_at = $3 WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL",
        scope.org().0,
        key.0,
        at,
    )
    .execute(scope.conn())
    .await?;
    super::expect_one_row("api_keys", key, updated.rows_affected())
}

/// Notes last uses, of keys of any org, in one statement. A later use that another replica noted
/// stays. Needs [`super::Reason::Use`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn note_uses(scope: &mut SystemScope, uses: &[(ApiKeyId, OrgId, DateTime<Utc>)]) -> Result<()> {
    let keys: Vec<Uuid> = uses.iter().map(|(key, ..)| key.0).collect();
    let orgs: Vec<Uuid> = uses.iter().map(|(_, org, _)| org.0).collect();
    let at: Vec<DateTime<Utc>> = uses.iter().map(|(.., at)| *at).collect();
    // Sorted, so that two replicas lock the rows in the same order.
    sqlx::query!(
        "INSERT INTO api_key_uses (key_id, org_id, last_used_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS use (key_id, org_id, at) ORDER BY 1
         ON CONFLICT (key_id) DO UPDATE SET last_used_at = greatest(api_key_uses.last_used_at, excluded.last_used_at)",
        &keys,
        &orgs,
        &at,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}
