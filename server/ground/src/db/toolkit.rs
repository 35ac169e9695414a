//! Toolkits of an org.

use chrono::{DateTime, Utc};
use domain::{PolicyOverride, ToolkitId, UserId};
use sqlx::types::Json;

use super::OrgScope;
use crate::error::Result;

/// One toolkit.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: ToolkitId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// `private` or `public`.
    pub visibility: String,
    /// What it sets differently from the org.
    pub approval_policy: Option<Json<PolicyOverride>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What its agents are told in place of what its upstreams say.
    pub instructions: Option<String>,
}

/// What a toolkit is to be.
pub struct Content<'a> {
    /// Its name in URLs.
    pub slug: &'a str,
    /// Its name for people.
    pub name: &'a str,
    /// `private` or `public`.
    pub visibility: &'a str,
    /// What it sets differently from the org.
    pub approval_policy: Option<&'a PolicyOverride>,
    /// What its agents are told in place of what its upstreams say.
    pub instructions: Option<&'a str>,
}

/// Lists toolkits by slug.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(scope: &mut OrgScope, after: Option<&str>, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, slug, name, visibility, approval_policy AS "approval_policy: Json<PolicyOverride>", created_at, instructions
           FROM toolkits WHERE org_id = $1 AND ($2::text IS NULL OR slug > $2) ORDER BY slug LIMIT $3"#,
        scope.org().0,
        after,
        limit,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Finds a toolkit by its slug.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut OrgScope, slug: &str) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, slug, name, visibility, approval_policy AS "approval_policy: Json<PolicyOverride>", created_at, instructions
           FROM toolkits WHERE org_id = $1 AND slug = $2"#,
        scope.org().0,
        slug,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Finds a toolkit by its slug and locks it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn lock(scope: &mut OrgScope, slug: &str) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, slug, name, visibility, approval_policy AS "approval_policy: Json<PolicyOverride>", created_at, instructions
           FROM toolkits WHERE org_id = $1 AND slug = $2 FOR UPDATE"#,
        scope.org().0,
        slug,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Makes a toolkit; `by` is who answers for it. `false`: the slug is taken.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut OrgScope, id: ToolkitId, new: &Content<'_>, by: UserId) -> Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO toolkits (id, org_id, slug, name, visibility, approval_policy, self_approval_by, self_approval_at,
                               instructions)
         VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), $8) ON CONFLICT (org_id, slug) DO NOTHING",
        id.0,
        scope.org().0,
        new.slug,
        new.name,
        new.visibility,
        new.approval_policy.map(Json) as _,
        by.0,
        new.instructions,
    )
    .execute(scope.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Changes a toolkit; `by` is who answers for the change. `false`: the slug is taken by another.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn update(scope: &mut OrgScope, id: ToolkitId, to: &Content<'_>, by: UserId) -> Result<bool> {
    let updated = sqlx::query!(
        "UPDATE toolkits SET slug = $3, name = $4, visibility = $5, approval_policy = $6, instructions = $8,
                self_approval_by = CASE WHEN (slug, who_decides(approval_policy)) IS DISTINCT FROM ($3::text, who_decides($6))
                    THEN $7::uuid ELSE self_approval_by END,
                self_approval_at = CASE WHEN (slug, who_decides(approval_policy)) IS DISTINCT FROM ($3::text, who_decides($6))
                    THEN clock_timestamp() ELSE self_approval_at END
         WHERE org_id = $1 AND id = $2
         AND NOT EXISTS (SELECT FROM toolkits WHERE org_id = $1 AND slug = $3 AND id <> $2)",
        scope.org().0,
        id.0,
        to.slug,
        to.name,
        to.visibility,
        to.approval_policy.map(Json) as _,
        by.0,
        to.instructions,
    )
    .execute(scope.conn())
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Deletes a toolkit with what it exposes.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete(scope: &mut OrgScope, id: ToolkitId) -> Result<()> {
    let deleted = sqlx::query!("DELETE FROM toolkits WHERE org_id = $1 AND id = $2", scope.org().0, id.0)
        .execute(scope.conn())
        .await?;
    super::expect_one_row("toolkits", id, deleted.rows_affected())
}
