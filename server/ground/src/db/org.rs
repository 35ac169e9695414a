//! Orgs.

use chrono::{DateTime, Utc};
use domain::{ApprovalPolicy, OrgId, UserId, loosening::KeyAdministration};
use sqlx::types::Json;

use super::{OrgScope, SystemScope};
use crate::error::{Error, Result};

/// One org.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: OrgId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Its approval policy.
    pub approval_policy: Json<ApprovalPolicy>,
    /// What API keys may loosen: a word of [`KeyAdministration`].
    pub key_administration: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Lists those of `ids`, or all (`None`), that are not deleted and come after `after`, in the order they were made. Which
/// ids one may ask for, the caller has decided. Needs [`super::Reason::SignIn`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list_unscoped(
    scope: &mut SystemScope,
    ids: Option<&[OrgId]>,
    after: Option<OrgId>,
    limit: i64,
) -> Result<Vec<Row>> {
    let ids: Option<Vec<uuid::Uuid>> = ids.map(|ids| ids.iter().map(|id| id.0).collect());
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, slug, name, approval_policy AS "approval_policy: Json<ApprovalPolicy>", key_administration, created_at
           FROM orgs
           WHERE ($1::uuid[] IS NULL OR id = ANY ($1)) AND ($2::uuid IS NULL OR id > $2)
             AND deleted_at IS NULL AND id <> $4
           ORDER BY id LIMIT $3"#,
        ids.as_deref(),
        after.map(|id| id.0),
        limit,
        OrgId::INSTANCE.0,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// What a person is in an org.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The org.
    pub id: OrgId,
    /// Its name in URLs.
    pub slug: String,
    /// The name of the role.
    pub role: String,
    /// What the role allows, in words.
    pub rights: Vec<String>,
    /// Whether there is nothing but a record: it is the system org, or it was deleted.
    pub records_only: bool,
}

/// What the person is in their orgs, or in all of them if they administer the instance; those that have nothing but a
/// record last, else by name. Needs [`super::Reason::SignIn`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn of_person(scope: &mut SystemScope, user: UserId, administers: bool) -> Result<Vec<Standing>> {
    Ok(sqlx::query_as!(
        Standing,
        r#"SELECT o.id, o.slug, r.name AS role, r.rights, (o.deleted_at IS NOT NULL OR o.id = $3) AS "records_only!"
           FROM orgs o JOIN roles r ON r.org_id = o.id
           LEFT JOIN members m ON m.org_id = o.id AND m.user_id = $1
           WHERE CASE WHEN $2 THEN r.name = 'admin' ELSE r.id = m.role_id END
           ORDER BY 5, o.slug"#,
        user.0,
        administers,
        OrgId::INSTANCE.0,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// The scope's org.
///
/// # Errors
/// Not found; when Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn get(scope: &mut OrgScope) -> Result<Row> {
    sqlx::query_as!(
        Row,
        r#"SELECT id, slug, name, approval_policy AS "approval_policy: Json<ApprovalPolicy>", key_administration, created_at
           FROM orgs
           WHERE id = $1"#,
        scope.org().0,
    )
    .fetch_optional(scope.conn())
    .await?
    .ok_or_else(Error::not_found)
}

/// Locks the scope's org against other changes of itself, and reads it.
///
/// # Errors
/// Not found; when Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn lock(scope: &mut OrgScope) -> Result<Row> {
    sqlx::query_as!(
        Row,
        r#"SELECT id, slug, name, approval_policy AS "approval_policy: Json<ApprovalPolicy>", key_administration, created_at
           FROM orgs
           WHERE id = $1 FOR NO KEY UPDATE"#,
        scope.org().0,
    )
    .fetch_optional(scope.conn())
    .await?
    .ok_or_else(Error::not_found)
}

/// Makes the scope's org. `false`: the slug is taken. Needs [`super::Reason::Instance`], since a
/// taken slug is another org's.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut OrgScope, slug: &str, name: &str, policy: &ApprovalPolicy) -> Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO orgs (id, slug, name, approval_policy) VALUES ($1, $2, $3, $4) ON CONFLICT (slug) DO NOTHING",
        scope.org().0,
        slug,
        name,
        Json(policy) as _,
    )
    .execute(scope.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// What may change of an org.
pub struct Content<'a> {
    /// Its name for people.
    pub name: &'a str,
    /// Its approval policy.
    pub approval_policy: &'a ApprovalPolicy,
    /// What API keys may loosen.
    pub key_administration: KeyAdministration,
}

/// Changes the scope's org; `by` is who answers for the change.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn update(scope: &mut OrgScope, to: &Content<'_>, by: UserId) -> Result<()> {
    let org = scope.org();
    let updated = sqlx::query!(
        "UPDATE orgs SET name = $2, approval_policy = $3, key_administration = $4,
                self_approval_by = CASE WHEN who_decides(approval_policy) IS DISTINCT FROM who_decides($3)
                    THEN $5::uuid ELSE self_approval_by END,
                self_approval_at = CASE WHEN who_decides(approval_policy) IS DISTINCT FROM who_decides($3)
                    THEN clock_timestamp() ELSE self_approval_at END
         WHERE id = $1",
        org.0,
        to.name,
        Json(to.approval_policy) as _,
        to.key_administration.as_str(),
        by.0,
    )
    .execute(scope.conn())
    .await?;
    super::expect_one_row("orgs", org, updated.rows_affected())
}

/// Removes everything of the scope's org but its record, and marks it as deleted. Its role `admin` lets read the record and
/// nothing else, for an older version of the gateway as well. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn empty(scope: &mut OrgScope, by: UserId, at: DateTime<Utc>) -> Result<()> {
    let org = scope.org().0;
    sqlx::query!("DELETE FROM invitations WHERE org_id = $1", org).execute(scope.conn()).await?;
    sqlx::query!("UPDATE api_keys SET revoked_at = $2 WHERE org_id = $1 AND revoked_at IS NULL", org, at)
        .execute(scope.conn())
        .await?;
    sqlx::query!("DELETE FROM toolkits WHERE org_id = $1", org).execute(scope.conn()).await?;
    sqlx::query!("DELETE FROM connections WHERE org_id = $1", org).execute(scope.conn()).await?;
    sqlx::query!("DELETE FROM secrets WHERE org_id = $1", org).execute(scope.conn()).await?;
    sqlx::query!("DELETE FROM members WHERE org_id = $1", org).execute(scope.conn()).await?;
    sqlx::query!(
        "UPDATE roles SET rights = CASE WHEN name = 'admin' THEN ARRAY['audit:read', 'audit:bodies'] ELSE '{}' END
         WHERE org_id = $1",
        org
    )
    .execute(scope.conn())
    .await?;
    let marked = sqlx::query!("UPDATE orgs SET deleted_at = $2, deleted_by = $3 WHERE id = $1", org, at, by.0)
        .execute(scope.conn())
        .await?;
    super::expect_one_row("orgs", org, marked.rows_affected())
}

/// Whether an approved call of the scope's org is running.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn is_executing(scope: &mut OrgScope) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM approvals WHERE org_id = $1 AND state = 'executing'
                          AND lease_until > clock_timestamp()) AS "is!""#,
        scope.org().0,
    )
    .fetch_one(scope.conn())
    .await?)
}
