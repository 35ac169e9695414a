//! What is looked up apart from an org: its name, keys, people, who administers the instance.

use std::{collections::HashSet, sync::Arc};

use chrono::{DateTime, Utc};
use domain::{
    OrgId, Slug, UserId,
    directory::{Key, KeySecret, Person},
};
use uuid::Uuid;

use super::{Read, seconds, sha256};
use crate::{
    db::{Db, Reason, SystemScope},
    error::Result,
};

/// The org with this name, if it is of concern to who asks: to a key of it, to a member or the owner of a key who is one,
/// to an administrator of the instance, and to everybody if it has a public toolkit.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn org_named(db: &Db, slug: &Slug, key_org: Option<OrgId>, person: UserId) -> Result<Option<Read<OrgId>>> {
    let mut scope = SystemScope::begin(db, Reason::Directory).await?;
    let row = sqlx::query!(
        r#"SELECT (SELECT version FROM configuration) AS "version!", o.id FROM orgs o
           WHERE o.slug = $1
             AND (o.id = $2
                  OR EXISTS (SELECT FROM members m WHERE m.org_id = o.id AND m.user_id = $3)
                  OR EXISTS (SELECT FROM users u WHERE u.id = $3 AND u.instance_admin)
                  OR EXISTS (SELECT FROM toolkits t WHERE t.org_id = o.id AND t.visibility = 'public'))"#,
        slug.as_str(),
        key_org.map(|org| org.0),
        person.0,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row.map(|row| Read { version: row.version, value: row.id.into() }))
}

/// The keys that have the secrets with these SHA-256s. A key whose owner neither belongs to its org nor administers the
/// instance does nothing: there is none.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn keys(db: &Db, sha256s: &[[u8; 32]]) -> Result<Vec<([u8; 32], Read<KeySecret>)>> {
    let wanted: Vec<Vec<u8>> = sha256s.iter().map(|sha256| sha256.to_vec()).collect();
    let mut scope = SystemScope::begin(db, Reason::Directory).await?;
    let rows = sqlx::query!(
        r#"SELECT (SELECT version FROM configuration) AS "version!", k.id, k.org_id, k.name, k.role_id AS "role_id!",
                  k.owner_id, u.instance_admin AS owner_administers, k.hold_seconds,
                  k.expires_at AS "expires_at: DateTime<Utc>", s.valid_until AS "valid_until: DateTime<Utc>",
                  s.id AS secret, s.sha256
           FROM api_key_secrets s JOIN api_keys k ON k.id = s.key_id JOIN users u ON u.id = k.owner_id
           LEFT JOIN members m ON m.org_id = k.org_id AND m.user_id = k.owner_id
           WHERE s.sha256 = ANY ($1) AND k.revoked_at IS NULL AND (u.instance_admin OR m.id IS NOT NULL)"#,
        &wanted,
    );
    let keys = rows.fetch_all(scope.conn()).await?.into_iter().map(|row| {
        let key = Key {
            id: row.id.into(),
            org: row.org_id.into(),
            name: row.name.into(),
            role: row.role_id.into(),
            owner: row.owner_id.into(),
            owner_administers: row.owner_administers,
            hold: seconds(row.hold_seconds),
            expires_at: row.expires_at,
        };
        let value = KeySecret { key: Arc::new(key), valid_until: row.valid_until };
        Ok((sha256("api_key_secrets", row.secret, &row.sha256)?, Read { version: row.version, value }))
    });
    keys.collect()
}

/// The people with these ids, as far as there are such.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn people(db: &Db, ids: &[UserId]) -> Result<Vec<(UserId, Read<Arc<Person>>)>> {
    let mut scope = SystemScope::begin(db, Reason::Directory).await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT (SELECT version FROM configuration) AS "version!", id, email, epoch, instance_admin,
                  ARRAY(SELECT org_id FROM members WHERE user_id = users.id ORDER BY org_id) AS "orgs!"
           FROM users WHERE id = ANY ($1)"#,
        &ids,
    );
    let people = rows.fetch_all(scope.conn()).await?.into_iter().map(|row| {
        let orgs = row.orgs.into_iter().map(OrgId).collect();
        let person = Person { email: row.email.into(), epoch: row.epoch, instance_admin: row.instance_admin, orgs };
        (UserId(row.id), Read { version: row.version, value: Arc::new(person) })
    });
    Ok(people.collect())
}

/// Who administers the instance.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn administrators(db: &Db) -> Result<Read<Arc<HashSet<UserId>>>> {
    let mut scope = SystemScope::begin(db, Reason::Directory).await?;
    let row = sqlx::query!(
        r#"SELECT version, ARRAY(SELECT id FROM users WHERE instance_admin) AS "administrators!" FROM configuration"#
    );
    let row = row.fetch_one(scope.conn()).await?;
    Ok(Read { version: row.version, value: Arc::new(row.administrators.into_iter().map(UserId).collect()) })
}
