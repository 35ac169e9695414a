//! Roles of an org.

use chrono::{DateTime, Utc};
use domain::{ApiKeyId, Rights, RoleId, UserId, right::ADMIN};

use super::OrgScope;
use crate::error::Result;

/// One role.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// Words of its rights.
    pub rights: Vec<String>,
    /// Whether every org has it.
    pub builtin: bool,
}

impl Row {
    /// The rights that this binary knows. A word that it does not know was granted by a newer one.
    pub fn known_rights(&self) -> Rights {
        self.rights.iter().filter_map(|word| word.parse().ok()).collect()
    }
}

/// Lists the org's roles by name.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(scope: &mut OrgScope, after: Option<&str>, limit: i64) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, name, rights, builtin FROM roles
         WHERE org_id = $1 AND ($2::text IS NULL OR name > $2) ORDER BY name LIMIT $3",
        scope.org().0,
        after,
        limit,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows)
}

/// Every role of the org by its name.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn names(scope: &mut OrgScope) -> Result<Vec<(RoleId, String)>> {
    let rows = sqlx::query!("SELECT id, name FROM roles WHERE org_id = $1 ORDER BY name", scope.org().0);
    let rows = rows.fetch_all(scope.conn()).await?;
    Ok(rows.into_iter().map(|row| (RoleId(row.id), row.name)).collect())
}

/// The roles in the org that a person has as a member, or by a key that is not revoked and belongs to them.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn of_person(scope: &mut OrgScope, person: UserId) -> Result<Vec<RoleId>> {
    let roles = sqlx::query_scalar!(
        r#"SELECT role_id AS "role!" FROM members WHERE org_id = $1 AND user_id = $2
           UNION SELECT role_id FROM api_keys WHERE org_id = $1 AND owner_id = $2 AND revoked_at IS NULL"#,
        scope.org().0,
        person.0,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(roles.into_iter().map(RoleId).collect())
}

/// The role that a person has in the org: a member's, or `admin` for who `administers` the instance.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn of_user(scope: &mut OrgScope, user: UserId, administers: bool) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT r.id, r.name, r.rights, r.builtin FROM roles r
         WHERE r.org_id = $1 AND CASE WHEN $3 THEN r.name = $4
               ELSE r.id = (SELECT m.role_id FROM members m WHERE m.org_id = $1 AND m.user_id = $2) END",
        scope.org().0,
        user.0,
        administers,
        ADMIN,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// The role of a key of the org, as long as the key and its secret with this SHA-256 are valid.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn of_key(scope: &mut OrgScope, key: ApiKeyId, secret: &[u8; 32], now: DateTime<Utc>) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT r.id, r.name, r.rights, r.builtin FROM api_keys k
         JOIN roles r ON r.id = k.role_id JOIN api_key_secrets s ON s.key_id = k.id
         WHERE k.org_id = $1 AND k.id = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $4)
           AND s.sha256 = $3 AND (s.valid_until IS NULL OR s.valid_until > $4)",
        scope.org().0,
        key.0,
        secret.as_slice(),
        now,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// How many approval policies (the org's, of toolkits, of their tools) name the role.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn approval_policies(scope: &mut OrgScope, name: &str) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT (SELECT count(*) FROM orgs WHERE id = $1 AND approval_policy -> 'approver_roles' ? $2)
                + (SELECT count(*) FROM toolkits WHERE org_id = $1 AND approval_policy -> 'approver_roles' ? $2)
                + (SELECT count(*) FROM toolkit_tools WHERE org_id = $1 AND approval_policy -> 'approver_roles' ? $2)
                AS "policies!""#,
        scope.org().0,
        name,
    )
    .fetch_one(scope.conn())
    .await?)
}

/// Finds a role by its name and locks it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut OrgScope, name: &str) -> Result<Option<Row>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, name, rights, builtin FROM roles WHERE org_id = $1 AND name = $2 FOR UPDATE",
        scope.org().0,
        name,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row)
}

/// Finds a role by its id; it stays as it is until the transaction ends.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn hold_one(scope: &mut OrgScope, id: RoleId) -> Result<Option<Row>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, name, rights, builtin FROM roles WHERE org_id = $1 AND id = $2 FOR SHARE",
        scope.org().0,
        id.0,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row)
}

/// The role that a person has in the org now: a member's, or `admin` for who administers the instance.
/// It stays theirs until the transaction ends. Needs [`super::Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn hold_of_person(scope: &mut OrgScope, user: UserId) -> Result<Option<Row>> {
    let org = scope.org().0;
    let administers = sqlx::query_scalar!("SELECT instance_admin FROM users WHERE id = $1 FOR SHARE", user.0)
        .fetch_optional(scope.conn())
        .await?;
    if administers.unwrap_or_default() {
        return find(scope, ADMIN).await;
    }
    let row = sqlx::query_as!(
        Row,
        "SELECT r.id, r.name, r.rights, r.builtin FROM members m JOIN roles r ON r.id = m.role_id
         WHERE m.org_id = $1 AND m.user_id = $2 FOR SHARE",
        org,
        user.0,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row)
}

/// Makes a role. `false`: the name is taken.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(scope: &mut OrgScope, id: RoleId, name: &str, rights: &Rights, builtin: bool) -> Result<bool> {
    let rights: Vec<String> = rights.iter().map(|right| right.to_string()).collect();
    let inserted = sqlx::query!(
        "INSERT INTO roles (id, org_id, name, rights, builtin) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id, name) DO NOTHING",
        id.0,
        scope.org().0,
        name,
        &rights,
        builtin,
    )
    .execute(scope.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Renames a role and sets its rights. `false`: the name is taken.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn update(scope: &mut OrgScope, id: RoleId, name: &str, rights: &Rights) -> Result<bool> {
    let rights: Vec<String> = rights.iter().map(|right| right.to_string()).collect();
    let updated = sqlx::query!(
        "UPDATE roles SET name = $3, rights = $4 WHERE org_id = $1 AND id = $2
         AND NOT EXISTS (SELECT FROM roles WHERE org_id = $1 AND name = $3 AND id <> $2)",
        scope.org().0,
        id.0,
        name,
        &rights,
    )
    .execute(scope.conn())
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// One thing that uses a role.
pub struct Use {
    /// `member`, `api_key`, `tool` or `invitation`.
    pub kind: String,
    /// What people call it.
    pub name: String,
}

/// How many uses of a role are named.
const USES: i64 = 1_000;

/// What still uses the role, at most [`USES`]: members, keys that are not revoked, permissions of tools for this role, and
/// invitations that can be taken up.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn uses(scope: &mut OrgScope, id: RoleId, now: DateTime<Utc>) -> Result<Vec<Use>> {
    Ok(sqlx::query_as!(
        Use,
        r#"SELECT kind AS "kind!", name AS "name!" FROM (
               SELECT 1 AS place, 'member' AS kind, u.email AS name
               FROM members m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.role_id = $2
               UNION ALL SELECT 2, 'api_key', name FROM api_keys
               WHERE org_id = $1 AND role_id = $2 AND revoked_at IS NULL
               UNION ALL SELECT 3, 'tool', k.slug || '/' || t.name
               FROM role_policies p JOIN toolkit_tools t ON t.id = p.toolkit_tool_id JOIN toolkits k ON k.id = t.toolkit_id
               WHERE p.org_id = $1 AND p.role_id = $2
               UNION ALL SELECT 4, 'invitation', email FROM invitations
               WHERE org_id = $1 AND role_id = $2 AND expires_at > $3) uses
           ORDER BY place, name LIMIT $4"#,
        scope.org().0,
        id.0,
        now,
        USES,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Deletes a role that nothing uses. Revoked keys that had it keep its name; an invitation that gives it says that it is gone.
///
/// # Errors
/// When Postgres cannot be reached, or something uses it after all.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete(scope: &mut OrgScope, id: RoleId) -> Result<()> {
    sqlx::query!(
        "UPDATE api_keys SET role_id = NULL, former_role = (SELECT name FROM roles WHERE org_id = $1 AND id = $2)
         WHERE org_id = $1 AND role_id = $2 AND revoked_at IS NOT NULL",
        scope.org().0,
        id.0,
    )
    .execute(scope.conn())
    .await?;
    let deleted = sqlx::query!("DELETE FROM roles WHERE org_id = $1 AND id = $2", scope.org().0, id.0)
        .execute(scope.conn())
        .await?;
    super::expect_one_row("roles", id, deleted.rows_affected())
}
