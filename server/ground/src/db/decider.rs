//! Under which approval policies somebody could decide: a policy names roles, and one of them must have the right and be
//! somebody's.

use super::OrgScope;
use crate::error::Result;

/// A role that an approval policy names.
pub struct Named {
    /// Its name.
    pub name: String,
    /// Whether it has the right to decide.
    pub decides: bool,
    /// Whether somebody has it.
    pub is_had: bool,
}

/// Those of `names` that are roles of the org; they stay as they are until the transaction ends. `administered`: somebody
/// administers the instance, and so is `admin` here.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn hold(scope: &mut OrgScope, names: &[String], administered: bool) -> Result<Vec<Named>> {
    Ok(sqlx::query_as!(
        Named,
        r#"SELECT r.name, 'approvals:decide' = ANY (r.rights) AS "decides!",
                  (EXISTS (SELECT FROM members m WHERE m.org_id = $1 AND m.role_id = r.id)
                   OR ($3 AND r.name = 'admin')) AS "is_had!"
           FROM roles r WHERE r.org_id = $1 AND r.name = ANY ($2) ORDER BY r.id FOR SHARE OF r"#,
        scope.org().0,
        names,
        administered,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// An approval policy that says itself who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whose it is: `org`, `toolkit` or `tool`.
    pub kind: String,
    /// The slug, or of a tool the toolkit's slug and its name.
    pub name: String,
}

/// The approval policies under which nobody could decide now; see [`hold`] for `administered`.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn without(scope: &mut OrgScope, administered: bool) -> Result<Vec<Policy>> {
    Ok(sqlx::query_as!(
        Policy,
        r#"WITH able AS (
               SELECT r.name FROM roles r WHERE r.org_id = $1 AND 'approvals:decide' = ANY (r.rights)
                 AND (EXISTS (SELECT FROM members m WHERE m.org_id = $1 AND m.role_id = r.id)
                      OR ($2 AND r.name = 'admin')))
           SELECT kind AS "kind!", name AS "name!" FROM (
               SELECT 'org' AS kind, slug AS name, approval_policy FROM orgs WHERE id = $1
               UNION ALL SELECT 'toolkit', slug, approval_policy FROM toolkits
               WHERE org_id = $1 AND approval_policy ? 'approver_roles'
               UNION ALL SELECT 'tool', k.slug || '/' || t.name, t.approval_policy
               FROM toolkit_tools t JOIN toolkits k ON k.id = t.toolkit_id
               WHERE t.org_id = $1 AND t.approval_policy ? 'approver_roles') policies
           WHERE NOT EXISTS (SELECT FROM able WHERE approval_policy -> 'approver_roles' ? able.name)
           ORDER BY kind, name"#,
        scope.org().0,
        administered,
    )
    .fetch_all(scope.conn())
    .await?)
}
