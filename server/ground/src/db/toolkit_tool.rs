//! Tools as toolkits expose them, and their permissions by role.

use std::collections::{BTreeMap, HashMap};

use domain::{
    ConnectionId, Permission, PolicyOverride, RoleId, ToolId, ToolkitId, ToolkitToolId, UserId, loosening::Exposed,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::OrgScope;
use crate::error::{Error, Result};

/// One tool of a toolkit, with what stands behind it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: ToolkitToolId,
    /// The name that agents see.
    pub name: String,
    /// The slug of the connection.
    pub connection: String,
    /// What stands behind it.
    pub tool_id: ToolId,
    /// Its name at the upstream.
    pub tool: String,
    /// The permission where no role policy says otherwise.
    pub permission: String,
    /// Permissions by the role's name.
    pub policies: Json<BTreeMap<String, Permission>>,
    /// What it sets differently from the toolkit.
    pub approval_policy: Option<Json<PolicyOverride>>,
    /// How long its calls are held open at most, in seconds.
    pub hold_seconds: Option<i32>,
    /// Whether the definition last seen differs from the one last reviewed.
    pub definition_changed: bool,
    /// Whether the upstream's last list had it.
    pub offered: bool,
}

/// What stands under a name.
pub struct Content<'a> {
    /// What stands behind it.
    pub tool: ToolId,
    /// The permission where no role policy says otherwise.
    pub permission: Permission,
    /// What it sets differently from the toolkit.
    pub approval_policy: Option<&'a PolicyOverride>,
    /// How long its calls are held open at most, in seconds.
    pub hold_seconds: Option<i32>,
}

/// Lists a toolkit's tools by the name that agents see; only the one called `name`, if given.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(
    scope: &mut OrgScope,
    toolkit: ToolkitId,
    name: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT tt.id, tt.name, c.slug AS connection, tt.tool_id, t.name AS tool, tt.permission,
                  (SELECT coalesce(jsonb_object_agg(r.name, p.permission), '{}') FROM role_policies p
                   JOIN roles r ON r.id = p.role_id WHERE p.toolkit_tool_id = tt.id)
                      AS "policies!: Json<BTreeMap<String, Permission>>",
                  tt.approval_policy AS "approval_policy: Json<PolicyOverride>", tt.hold_seconds,
                  t.seen_sha256 <> t.reviewed_sha256 AS "definition_changed!", t.offered
           FROM toolkit_tools tt JOIN tools t ON t.id = tt.tool_id JOIN connections c ON c.id = t.connection_id
           WHERE tt.org_id = $1 AND tt.toolkit_id = $2 AND ($3::text IS NULL OR tt.name = $3)
             AND ($4::text IS NULL OR tt.name > $4)
           ORDER BY tt.name LIMIT $5"#,
        scope.org().0,
        toolkit.0,
        name,
        after,
        limit,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Finds one tool of a toolkit by the name that agents see.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn find(scope: &mut OrgScope, toolkit: ToolkitId, name: &str) -> Result<Option<Row>> {
    Ok(list(scope, toolkit, Some(name), None, 1).await?.pop())
}

/// Notes that a toolkit's output schemas were listed until now, before something in it needs approval: unless something
/// does already.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list_no_more_schemas(scope: &mut OrgScope, toolkit: ToolkitId) -> Result<()> {
    sqlx::query!(
        "UPDATE toolkit_tools SET schema_listed_until = now()
         WHERE org_id = $1 AND toolkit_id = $2 AND NOT EXISTS (
             SELECT FROM toolkit_tools tt LEFT JOIN role_policies p ON p.toolkit_tool_id = tt.id
             WHERE tt.toolkit_id = $2 AND 'needs_approval' IN (tt.permission, p.permission))",
        scope.org().0,
        toolkit.0,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Adds a tool; `by` is who answers for it. `false`: the name is taken.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(
    scope: &mut OrgScope,
    toolkit: ToolkitId,
    name: &str,
    new: &Content<'_>,
    by: UserId,
) -> Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO toolkit_tools (id, org_id, toolkit_id, tool_id, name, permission, approval_policy, hold_seconds,
                                    self_approval_by, self_approval_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp()) ON CONFLICT (org_id, toolkit_id, name) DO NOTHING",
        ToolkitToolId::new().0,
        scope.org().0,
        toolkit.0,
        new.tool.0,
        name,
        new.permission.as_str(),
        new.approval_policy.map(Json) as _,
        new.hold_seconds,
        by.0,
    )
    .execute(scope.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Adds many tools at once, under the names they have at the upstream; `by` is who answers for it.
///
/// # Errors
/// When Postgres cannot be reached, or a name is taken after all.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert_many(
    scope: &mut OrgScope,
    toolkit: ToolkitId,
    tools: &[(ToolId, &str)],
    permission: Permission,
    by: UserId,
) -> Result<()> {
    let ids: Vec<Uuid> = tools.iter().map(|_| ToolkitToolId::new().0).collect();
    let (tools, names): (Vec<Uuid>, Vec<String>) =
        tools.iter().map(|(tool, name)| (tool.0, (*name).to_owned())).unzip();
    sqlx::query!(
        "INSERT INTO toolkit_tools (id, org_id, toolkit_id, tool_id, name, permission, self_approval_by, self_approval_at)
         SELECT id, $1, $2, tool, name, $3, $7, clock_timestamp() FROM unnest($4::uuid[], $5::uuid[], $6::text[]) AS new (id, tool, name)",
        scope.org().0,
        toolkit.0,
        permission.as_str(),
        &ids,
        &tools,
        &names,
        by.0,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Changes what stands under a name; the id stays, and with it every open approval and every
/// outcome that is not known (approvals.md, promise 4). `by` is who answers for the change.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn update(scope: &mut OrgScope, id: ToolkitToolId, to: &Content<'_>, by: UserId) -> Result<()> {
    let updated = sqlx::query!(
        "UPDATE toolkit_tools SET tool_id = $3, permission = $4, approval_policy = $5, hold_seconds = $6,
                self_approval_by = CASE WHEN (tool_id, who_decides(approval_policy)) IS DISTINCT FROM ($3::uuid, who_decides($5))
                    THEN $7::uuid ELSE self_approval_by END,
                self_approval_at = CASE WHEN (tool_id, who_decides(approval_policy)) IS DISTINCT FROM ($3::uuid, who_decides($5))
                    THEN clock_timestamp() ELSE self_approval_at END
         WHERE org_id = $1 AND id = $2",
        scope.org().0,
        id.0,
        to.tool.0,
        to.permission.as_str(),
        to.approval_policy.map(Json) as _,
        to.hold_seconds,
        by.0,
    )
    .execute(scope.conn())
    .await?;
    super::expect_one_row("toolkit_tools", id, updated.rows_affected())
}

/// Removes a tool from its toolkit.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete(scope: &mut OrgScope, id: ToolkitToolId) -> Result<()> {
    let deleted = sqlx::query!("DELETE FROM toolkit_tools WHERE org_id = $1 AND id = $2", scope.org().0, id.0)
        .execute(scope.conn())
        .await?;
    super::expect_one_row("toolkit_tools", id, deleted.rows_affected())
}

/// Some of the tools that toolkits of the org expose.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// One tool of a toolkit.
    One(ToolkitToolId),
    /// All tools of a toolkit.
    Toolkit(ToolkitId),
    /// All that toolkits expose of a connection.
    Connection(ConnectionId),
}

impl Of {
    /// The tool, the toolkit or the connection.
    fn ids(self) -> (Option<Uuid>, Option<Uuid>, Option<Uuid>) {
        match self {
            Self::One(id) => (Some(id.0), None, None),
            Self::Toolkit(id) => (None, Some(id.0), None),
            Self::Connection(id) => (None, None, Some(id.0)),
        }
    }
}

/// What of an exposed tool says who may do what with it.
pub struct Standing {
    /// The slug of its toolkit.
    pub toolkit: String,
    /// The name that agents see.
    pub name: String,
    /// Who may do what.
    pub exposed: Exposed,
    /// What it and its toolkit set differently from the org's approval policy.
    pub approval_policy: PolicyOverride,
}

/// Who may do what with these tools; `None`: with those of the whole org that have role policies, since with any
/// other one all roles may do the same.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn standing(scope: &mut OrgScope, of: Option<Of>) -> Result<Vec<Standing>> {
    let (one, toolkit, connection) = of.map_or((None, None, None), Of::ids);
    let rows = sqlx::query!(
        r#"SELECT k.slug, tt.name, tt.tool_id, tt.permission, k.visibility = 'public' AS "public!",
                  k.approval_policy AS "wide: Json<PolicyOverride>", tt.approval_policy AS "narrow: Json<PolicyOverride>",
                  (SELECT coalesce(jsonb_object_agg(p.role_id, p.permission), '{}') FROM role_policies p
                   WHERE p.toolkit_tool_id = tt.id) AS "policies!: Json<HashMap<RoleId, Permission>>"
           FROM toolkit_tools tt JOIN toolkits k ON k.id = tt.toolkit_id JOIN tools t ON t.id = tt.tool_id
           WHERE tt.org_id = $1 AND (tt.id = $2 OR tt.toolkit_id = $3 OR t.connection_id = $4
              OR ($5 AND EXISTS (SELECT FROM role_policies p WHERE p.toolkit_tool_id = tt.id)))
           ORDER BY k.slug, tt.name"#,
        scope.org().0,
        one,
        toolkit,
        connection,
        of.is_none(),
    )
    .fetch_all(scope.conn())
    .await?;
    let standing = rows.into_iter().map(|row| {
        let (wide, narrow) = (row.wide.map(|wide| wide.0), row.narrow.map(|narrow| narrow.0));
        Ok(Standing {
            toolkit: row.slug,
            name: row.name,
            exposed: Exposed {
                tool: row.tool_id.into(),
                permission: row.permission.parse().map_err(Error::internal)?,
                policies: row.policies.0,
                public: row.public,
            },
            approval_policy: wide.unwrap_or_default().with(&narrow.unwrap_or_default()),
        })
    });
    standing.collect()
}

/// Locks the tools and finds an approval of one of them that is executing or whose outcome is not
/// known. Removing the tool would free an identical call to run again (approvals.md, promise 4).
/// A claim locks the same rows, so none can begin in between.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn first_unsettled(scope: &mut OrgScope, of: Of) -> Result<Option<Uuid>> {
    let (one, toolkit, connection) = of.ids();
    let ids = sqlx::query_scalar!(
        "SELECT tt.id FROM toolkit_tools tt JOIN tools t ON t.id = tt.tool_id
         WHERE tt.org_id = $1 AND (tt.id = $2 OR tt.toolkit_id = $3 OR t.connection_id = $4) ORDER BY tt.id
         FOR UPDATE OF tt",
        scope.org().0,
        one,
        toolkit,
        connection,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(sqlx::query_scalar!(
        "SELECT id FROM approvals
         WHERE org_id = $1 AND toolkit_tool_id = ANY ($2) AND state IN ('executing', 'outcome_unknown') LIMIT 1",
        scope.org().0,
        &ids,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Sets a role's permission for a tool.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn put_policy(scope: &mut OrgScope, id: ToolkitToolId, role: RoleId, permission: Permission) -> Result<()> {
    sqlx::query!(
        "INSERT INTO role_policies (org_id, toolkit_tool_id, role_id, permission) VALUES ($1, $2, $3, $4)
         ON CONFLICT (toolkit_tool_id, role_id) DO UPDATE SET permission = excluded.permission",
        scope.org().0,
        id.0,
        role.0,
        permission.as_str(),
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Removes a role's permission for a tool. `false`: there was none.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn delete_policy(scope: &mut OrgScope, id: ToolkitToolId, role: RoleId) -> Result<bool> {
    let deleted = sqlx::query!(
        "DELETE FROM role_policies WHERE org_id = $1 AND toolkit_tool_id = $2 AND role_id = $3",
        scope.org().0,
        id.0,
        role.0,
    )
    .execute(scope.conn())
    .await?;
    Ok(deleted.rows_affected() == 1)
}

/// Removes every role's permission for a tool.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn clear_policies(scope: &mut OrgScope, id: ToolkitToolId) -> Result<()> {
    sqlx::query!("DELETE FROM role_policies WHERE org_id = $1 AND toolkit_tool_id = $2", scope.org().0, id.0)
        .execute(scope.conn())
        .await?;
    Ok(())
}
