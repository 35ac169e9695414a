//! Members of an org.

use chrono::{DateTime, Utc};
use domain::{MemberId, RoleId, UserId};

use super::OrgScope;
use crate::error::Result;

/// One membership, with the person.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: MemberId,
    /// The person.
    pub user_id: UserId,
    /// Their e-mail.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their role.
    pub role_id: RoleId,
    /// Its name.
    pub role: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// Lists members in the order they were added.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(scope: &mut OrgScope, after: Option<MemberId>, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT m.id, m.user_id, u.email, u.name, m.role_id, r.name AS role, m.created_at
         FROM members m JOIN users u ON u.id = m.user_id JOIN roles r ON r.id = m.role_id
         WHERE m.org_id = $1 AND ($2::uuid IS NULL OR m.id > $2) ORDER BY m.id LIMIT $3",
        scope.org().0,
        after.map(|id| id.0),
        limit,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Finds a membership by its id and locks it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut OrgScope, id: MemberId) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT m.id, m.user_id, u.email, u.name, m.role_id, r.name AS role, m.created_at
         FROM members m JOIN users u ON u.id = m.user_id JOIN roles r ON r.id = m.role_id
         WHERE m.org_id = $1 AND m.id = $2 FOR UPDATE OF m",
        scope.org().0,
        id.0,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Finds the membership of a person and locks it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find_own(scope: &mut OrgScope, user: UserId) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT m.id, m.user_id, u.email, u.name, m.role_id, r.name AS role, m.created_at
         FROM members m JOIN users u ON u.id = m.user_id JOIN roles r ON r.id = m.role_id
         WHERE m.org_id = $1 AND m.user_id = $2 FOR UPDATE OF m",
        scope.org().0,
        user.0,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Finds the membership of a person, named by e-mail or id, and locks it: who is made answerable
/// for a key must not leave at the same moment.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find_person(scope: &mut OrgScope, email_or_id: &str) -> Result<Option<UserId>> {
    let id: Option<uuid::Uuid> = email_or_id.parse().ok();
    let user = sqlx::query_scalar!(
        "SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.org_id = $1 AND (u.email = $2 OR u.id = $3) FOR SHARE OF m",
        scope.org().0,
        email_or_id.to_lowercase(),
        id,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(user.map(UserId))
}

/// Adds a person to the org. `false`: they belong to it already.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut OrgScope, id: MemberId, user: UserId, role: RoleId) -> Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO members (id, org_id, user_id, role_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (org_id, user_id) DO NOTHING",
        id.0,
        scope.org().0,
        user.0,
        role.0,
    )
    .execute(scope.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// How many members have the role.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn count_with_role(scope: &mut OrgScope, role: RoleId) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM members WHERE org_id = $1 AND role_id = $2"#,
        scope.org().0,
        role.0,
    )
    .fetch_one(scope.conn())
    .await?)
}

/// Gives a member another role; `by` is who gives it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn update(scope: &mut OrgScope, id: MemberId, role: RoleId, by: UserId) -> Result<()> {
    let updated = sqlx::query!(
        "UPDATE members SET role_id = $3, self_approval_by = $4, self_approval_at = clock_timestamp()
         WHERE org_id = $1 AND id = $2",
        scope.org().0,
        id.0,
        role.0,
        by.0,
    )
    .execute(scope.conn())
    .await?;
    super::expect_one_row("members", id, updated.rows_affected())
}

/// Removes a member from the org; the person stays.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete(scope: &mut OrgScope, id: MemberId) -> Result<()> {
    let deleted = sqlx::query!("DELETE FROM members WHERE org_id = $1 AND id = $2", scope.org().0, id.0)
        .execute(scope.conn())
        .await?;
    super::expect_one_row("members", id, deleted.rows_affected())
}
