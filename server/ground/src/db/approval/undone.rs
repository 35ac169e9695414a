//! Approvals that something undid (`domain::approval::Binding::change`), found for all orgs at once. Only finding them is
//! done here, by the same comparisons: each one found is compared again, with its rows locked, before anything is done.

use domain::{ApprovalId, OrgId, Principal};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Result;

/// An approval that seems to be undone.
pub struct Undone {
    /// Its org.
    pub org: OrgId,
    /// Its id.
    pub id: ApprovalId,
}

/// Requests that wait, and approvals that were not used, to which something happened: of this caller or of everybody,
/// by a change of these orgs, people and keys or by whatever, by id, after this one, at most `limit`. That a decision became one on one's own request is not looked for here.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn undone(
    conn: &mut PgConnection,
    caller: Option<Principal>,
    by: Option<&[Uuid]>,
    after: Option<ApprovalId>,
    limit: i64,
) -> Result<Vec<Undone>> {
    let rows = sqlx::query!(
        // Read first, from an index of their own (approvals_bound): the planner, which expects to find many of them undone
        // soon, would look each one up in every table.
        r#"WITH open AS MATERIALIZED (
               SELECT id, org_id, caller_kind, caller_id, role_id, owner_id, toolkit_tool_id, connection_id,
                      connection_version, definition_sha256, state, decided_by
               FROM approvals
               WHERE state IN ('pending', 'approved')
                 AND ($1::uuid IS NULL OR caller_id = $1 AND caller_kind = $2)
                 AND ($3::uuid IS NULL OR id > $3)
                 AND ($5::uuid[] IS NULL OR org_id = ANY ($5) OR caller_id = ANY ($5) OR owner_id = ANY ($5)
                      OR decided_by = ANY ($5)))
           SELECT a.org_id AS "org_id!", a.id AS "id!" FROM open a
           JOIN orgs o ON o.id = a.org_id
           LEFT JOIN (toolkit_tools tt JOIN toolkits k ON k.id = tt.toolkit_id JOIN tools t ON t.id = tt.tool_id
                      JOIN connections c ON c.id = t.connection_id)
                ON tt.id = a.toolkit_tool_id AND tt.org_id = a.org_id
           LEFT JOIN role_policies p ON p.toolkit_tool_id = tt.id AND p.role_id = a.role_id
           LEFT JOIN api_keys y ON a.caller_kind = 'key' AND y.id = a.caller_id AND y.revoked_at IS NULL
                AND (y.expires_at IS NULL OR y.expires_at > clock_timestamp())
                AND EXISTS (SELECT FROM api_key_secrets s WHERE s.key_id = y.id
                            AND (s.valid_until IS NULL OR s.valid_until > clock_timestamp()))
                AND (EXISTS (SELECT FROM members ym WHERE ym.org_id = y.org_id AND ym.user_id = y.owner_id)
                     OR EXISTS (SELECT FROM users yu WHERE yu.id = y.owner_id AND yu.instance_admin))
           LEFT JOIN users u ON a.caller_kind = 'user' AND u.id = a.caller_id
           LEFT JOIN members m ON m.org_id = a.org_id AND m.user_id = u.id
           LEFT JOIN roles admin ON admin.org_id = a.org_id AND admin.name = 'admin'
           LEFT JOIN roles guest ON guest.org_id = a.org_id AND guest.name = 'guest'
           LEFT JOIN users d ON a.state = 'approved' AND d.id = a.decided_by
           LEFT JOIN members dm ON dm.org_id = a.org_id AND dm.user_id = d.id
           LEFT JOIN roles dr ON dr.id = CASE WHEN d.instance_admin THEN admin.id ELSE dm.role_id END
           WHERE (tt.id IS NULL OR t.connection_id <> a.connection_id OR c.version <> a.connection_version
                  OR NOT c.enabled OR NOT t.offered OR t.seen_sha256 <> a.definition_sha256
                  OR coalesce(p.permission, tt.permission) = 'blocked'
                  OR coalesce(y.id, u.id) IS NULL OR coalesce(y.owner_id, u.id) <> a.owner_id
                  OR a.role_id IS DISTINCT FROM CASE
                      WHEN y.org_id = a.org_id THEN y.role_id
                      WHEN u.instance_admin THEN admin.id
                      ELSE coalesce(m.role_id, guest.id) END
                  OR k.visibility <> 'public' AND CASE
                      WHEN y.id IS NOT NULL THEN y.org_id <> a.org_id
                      ELSE m.user_id IS NULL AND NOT u.instance_admin END
                  OR a.state = 'approved' AND (dr.id IS NULL OR NOT 'approvals:decide' = ANY (dr.rights)
                      OR NOT jsonb_exists(coalesce(tt.approval_policy -> 'approver_roles',
                             k.approval_policy -> 'approver_roles', o.approval_policy -> 'approver_roles'), dr.name)))
           ORDER BY a.id LIMIT $4"#,
        caller.map(|caller| caller.id()),
        caller.map(|caller| caller.kind()),
        after.map(|id| id.0),
        limit,
        by,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Undone { org: row.org_id.into(), id: row.id.into() }).collect())
}

/// The same for what only time has done: open approvals of keys that have ended, or of which a secret has, within the last
/// `within` seconds; by id, after this one, at most `limit`. Their number is that of such keys', so that this may be asked
/// often.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn ended(conn: &mut PgConnection, within: f64, after: Option<ApprovalId>, limit: i64) -> Result<Vec<Undone>> {
    let rows = sqlx::query!(
        r#"SELECT a.org_id AS "org_id!", a.id AS "id!" FROM approvals a
           WHERE a.state IN ('pending', 'approved') AND a.caller_kind = 'key' AND ($2::uuid IS NULL OR a.id > $2)
             AND a.caller_id IN (
                 SELECT k.id FROM api_keys k
                 WHERE k.revoked_at IS NULL AND k.expires_at BETWEEN now() - make_interval(secs => $1) AND now()
                 UNION
                 SELECT s.key_id FROM api_key_secrets s
                 WHERE s.valid_until BETWEEN now() - make_interval(secs => $1) AND now())
           ORDER BY a.id LIMIT $3"#,
        within,
        after.map(|id| id.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Undone { org: row.org_id.into(), id: row.id.into() }).collect())
}
