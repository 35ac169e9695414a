//! Open invitations of an org. Whoever has the link's token finds one before the org is known.

use chrono::{DateTime, Utc};
use domain::{InvitationId, OrgId, RoleId, UserId};

use super::{OrgScope, SystemScope};
use crate::error::Result;

/// An invitation, as it is shown.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited, in lower case.
    pub email: String,
    /// The role's name; `None` when it was deleted meanwhile.
    pub role: Option<String>,
    /// The e-mail of who invited them; `None` when they left the org.
    pub invited_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it can be taken up.
    pub expires_at: DateTime<Utc>,
}

/// An invitation to be made.
#[derive(Clone, Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited, in lower case.
    pub email: &'a str,
    /// The role they will have.
    pub role: RoleId,
    /// Who invites.
    pub invited_by: UserId,
    /// SHA-256 of the link's token.
    pub token_sha256: [u8; 32],
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it can be taken up.
    pub expires_at: DateTime<Utc>,
}

/// What somebody with the link sees of it.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The org.
    pub org_id: OrgId,
    /// Its slug.
    pub org: String,
    /// Its name for people.
    pub org_name: String,
    /// Who is invited.
    pub email: String,
    /// The role's name; `None` when it was deleted meanwhile.
    pub role: Option<String>,
    /// Until when it can be taken up.
    pub expires_at: DateTime<Utc>,
    /// Whether a person with this e-mail has a password.
    pub has_password: bool,
}

/// An invitation while it is taken up; its row is locked.
#[derive(Clone, Debug)]
pub struct Locked {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited.
    pub email: String,
    /// The role they will have.
    pub role_id: RoleId,
    /// Who invited; `None` when that person is gone.
    pub invited_by: Option<UserId>,
}

/// Makes an invitation, in place of an earlier one of the same e-mail.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn put(scope: &mut OrgScope, new: &New<'_>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO invitations (id, org_id, email, role_id, invited_by, token_sha256, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (org_id, email) DO UPDATE
         SET id = excluded.id, role_id = excluded.role_id, invited_by = excluded.invited_by,
             token_sha256 = excluded.token_sha256, created_at = excluded.created_at, expires_at = excluded.expires_at",
        new.id.0,
        scope.org().0,
        new.email,
        new.role.0,
        new.invited_by.0,
        new.token_sha256.as_slice(),
        new.created_at,
        new.expires_at,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Lists invitations that can still be taken up, in the order they were made.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(
    scope: &mut OrgScope,
    now: DateTime<Utc>,
    after: Option<InvitationId>,
    limit: i64,
) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT i.id, i.email, r.name AS "role?", u.email AS "invited_by?", i.created_at, i.expires_at
           FROM invitations i LEFT JOIN roles r ON r.id = i.role_id LEFT JOIN users u ON u.id = i.invited_by
           WHERE i.org_id = $1 AND i.expires_at > $2 AND ($3::uuid IS NULL OR i.id > $3) ORDER BY i.id LIMIT $4"#,
        scope.org().0,
        now,
        after.map(|id| id.0),
        limit,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Removes an invitation; gives the e-mail. `None`: there is none.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete(scope: &mut OrgScope, id: InvitationId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "DELETE FROM invitations WHERE org_id = $1 AND id = $2 RETURNING email",
        scope.org().0,
        id.0
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Finds the invitation of a link. Needs [`super::Reason::SignIn`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find_unscoped(
    scope: &mut SystemScope,
    token_sha256: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Offered>> {
    Ok(sqlx::query_as!(
        Offered,
        r#"SELECT i.org_id, o.slug AS org, o.name AS org_name, i.email, r.name AS "role?", i.expires_at,
                  EXISTS (SELECT FROM users u WHERE u.email = i.email AND u.password_hash IS NOT NULL) AS "has_password!"
           FROM invitations i JOIN orgs o ON o.id = i.org_id LEFT JOIN roles r ON r.id = i.role_id
           WHERE i.token_sha256 = $1 AND i.expires_at > $2"#,
        token_sha256.as_slice(),
        now,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Finds the invitation of a link in its org and locks it: of two who take it up at once, the second
/// finds nothing.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn lock(scope: &mut OrgScope, token_sha256: &[u8; 32], now: DateTime<Utc>) -> Result<Option<Locked>> {
    let row = sqlx::query!(
        "SELECT id, email, role_id, invited_by FROM invitations
         WHERE org_id = $1 AND token_sha256 = $2 AND expires_at > $3 FOR UPDATE",
        scope.org().0,
        token_sha256.as_slice(),
        now,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row.map(|row| Locked {
        id: row.id.into(),
        email: row.email,
        role_id: row.role_id.into(),
        invited_by: row.invited_by.map(UserId),
    }))
}

/// Removes what has expired; says how many. Needs [`super::Reason::Sweep`].
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn sweep(scope: &mut SystemScope, now: DateTime<Utc>) -> Result<u64> {
    let swept = sqlx::query!("DELETE FROM invitations WHERE expires_at <= $1", now).execute(scope.conn()).await?;
    Ok(swept.rows_affected())
}
