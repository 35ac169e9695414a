//! API keys by the people behind them: who is answerable, and who has seen a secret.

use chrono::{DateTime, Utc};
use domain::{Rights, RoleId, UserId};
use sqlx::PgConnection;

use super::OrgScope;
use crate::error::Result;

/// How many keys are counted. One more is read, to tell whether there are more.
pub const MOST: usize = 1_000;

/// How many are read at once.
const READ: i64 = MOST as i64 + 1;

/// A key that still works, and what its role allows.
pub struct Working {
    /// What people call it.
    pub name: String,
    /// The rights of its role.
    pub rights: Rights,
}

/// Whose keys.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// The keys of one person.
    Person(UserId),
    /// The keys of everybody who has this role, those with the role itself excepted.
    Role(RoleId),
}

/// Keys that still work, belong to members and have by their roles one of the rights `lost`, at most one more than
/// [`MOST`]. Keys of who administers the instance are left out: whatever their role in the org, they are `admin` there.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn working(scope: &mut OrgScope, of: Of, lost: &Rights, now: DateTime<Utc>) -> Result<Vec<Working>> {
    let (person, role) = match of {
        Of::Person(user) => (Some(user.0), None),
        Of::Role(role) => (None, Some(role.0)),
    };
    let lost: Vec<String> = lost.iter().map(|right| right.to_string()).collect();
    let rows = sqlx::query!(
        "SELECT k.name, r.rights FROM api_keys k JOIN roles r ON r.id = k.role_id
         JOIN members m ON m.org_id = k.org_id AND m.user_id = k.owner_id JOIN users u ON u.id = m.user_id
         WHERE k.org_id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $4)
           AND NOT u.instance_admin AND (m.user_id = $2 OR (m.role_id = $3 AND k.role_id <> $3)) AND r.rights && $6
         ORDER BY k.id LIMIT $5",
        scope.org().0,
        person,
        role,
        now,
        READ,
        &lost,
    )
    .fetch_all(scope.conn())
    .await?;
    let working = rows.into_iter().map(|row| Working {
        name: row.name,
        rights: row.rights.iter().filter_map(|word| word.parse().ok()).collect(),
    });
    Ok(working.collect())
}

/// The names of keys that still work and belong to this person, at most one more than [`MOST`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn owned(scope: &mut OrgScope, person: UserId, now: DateTime<Utc>) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT name FROM api_keys WHERE org_id = $1 AND owner_id = $2 AND revoked_at IS NULL
           AND (expires_at IS NULL OR expires_at > $3) ORDER BY id LIMIT $4",
        scope.org().0,
        person.0,
        now,
        READ,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// The names of keys of others with a secret that still works and that this person made, by making or rotating the key;
/// at most one more than [`MOST`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn seen(scope: &mut OrgScope, person: UserId, now: DateTime<Utc>) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "SELECT k.name FROM api_keys k WHERE k.org_id = $1 AND k.owner_id <> $2 AND k.revoked_at IS NULL
           AND (k.expires_at IS NULL OR k.expires_at > $3)
           AND EXISTS (SELECT FROM api_key_secrets s WHERE s.org_id = $1 AND s.key_id = k.id AND s.created_by = $2
                       AND (s.valid_until IS NULL OR s.valid_until > $3))
         ORDER BY k.id LIMIT $4",
        scope.org().0,
        person.0,
        now,
        READ,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Revokes all keys of this person, and ends every secret that they made on keys of others.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn end(scope: &mut OrgScope, person: UserId, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE api_keys SET revoked_at = $3 WHERE org_id = $1 AND owner_id = $2 AND revoked_at IS NULL",
        scope.org().0,
        person.0,
        at,
    )
    .execute(scope.conn())
    .await?;
    sqlx::query!(
        "UPDATE api_key_secrets SET valid_until = $3
         WHERE org_id = $1 AND created_by = $2 AND (valid_until IS NULL OR valid_until > $3)",
        scope.org().0,
        person.0,
        at,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// A key whose role allows what its owner may not.
pub struct Narrowed {
    /// Its org.
    pub org: String,
    /// What people call it.
    pub name: String,
    /// The first characters of its newest secret.
    pub prefix: String,
    /// Its role.
    pub role: String,
    /// Its owner's e-mail.
    pub owner: String,
    /// Whether the owner belongs to the org; the keys of who does not do nothing.
    pub belongs: bool,
    /// The rights that the role has and the owner has not, `tools:call` excepted.
    pub lost: Vec<String>,
    /// The e-mail of somebody who made a secret of it that still works and who no longer belongs to the org.
    pub known_to: Option<String>,
}

/// Keys of all orgs that still work and may do less than their role allows, because of their owner, or of which somebody who
/// left has seen a secret. At most one more than [`MOST`]. For the schema's owner, who sees every org.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn narrowed_unscoped(conn: &mut PgConnection) -> sqlx::Result<Vec<Narrowed>> {
    sqlx::query_as!(
        Narrowed,
        r#"SELECT org AS "org!", name AS "name!", prefix AS "prefix!", role AS "role!", owner AS "owner!",
                  belongs AS "belongs!", lost AS "lost!", known_to
           FROM (
               SELECT o.slug AS org, k.name, s.prefix, r.name AS role, u.email AS owner,
                      theirs.id IS NOT NULL AS belongs,
                      ARRAY(SELECT right_ FROM unnest(r.rights) AS right_
                            WHERE right_ <> 'tools:call' AND right_ <> ALL (coalesce(theirs.rights, '{}'))) AS lost,
                      (SELECT left_.email FROM api_key_secrets seen JOIN users left_ ON left_.id = seen.created_by
                       WHERE seen.key_id = k.id AND (seen.valid_until IS NULL OR seen.valid_until > now())
                         AND NOT left_.instance_admin
                         AND NOT EXISTS (SELECT FROM members still
                                         WHERE still.org_id = k.org_id AND still.user_id = left_.id)
                       ORDER BY seen.id LIMIT 1) AS known_to,
                      k.id
               FROM api_keys k JOIN orgs o ON o.id = k.org_id JOIN roles r ON r.id = k.role_id
               JOIN users u ON u.id = k.owner_id
               LEFT JOIN members m ON m.org_id = k.org_id AND m.user_id = k.owner_id
               LEFT JOIN roles theirs ON theirs.org_id = k.org_id
                    AND CASE WHEN u.instance_admin THEN theirs.name = 'admin' ELSE theirs.id = m.role_id END
               JOIN LATERAL (SELECT prefix FROM api_key_secrets
                             WHERE key_id = k.id AND (valid_until IS NULL OR valid_until > now())
                             ORDER BY id DESC LIMIT 1) s ON true
               WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())) keys
           WHERE NOT belongs OR lost <> '{}' OR known_to IS NOT NULL ORDER BY org, id LIMIT $1"#,
        READ,
    )
    .fetch_all(conn)
    .await
}
