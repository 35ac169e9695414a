//! What an approval is bound to, as it is now, from rows that stay locked until the transaction
//! ends, and not from the directory (approvals.md, "What an approval is bound to"). The transaction is made with `Reason::Callers`, since a guest's key is another org's.

use chrono::{DateTime, Utc};
use domain::{
    ApprovalPolicy, Permission, PolicyOverride, Principal, ToolkitToolId, UserId,
    approval::binding::{Binding, Current, CurrentCaller, CurrentTool},
    right::{ADMIN, GUEST},
};
use sqlx::types::Json;
use wire::definition::normal_sha256;

use crate::{
    db::OrgScope,
    error::{Error, Result},
};

/// Reads and locks what `binding` names.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn current(scope: &mut OrgScope, binding: &Binding) -> Result<Current> {
    let caller = match binding.caller {
        Principal::Key(id) => key(scope, id.0).await?,
        Principal::User(id) => person(scope, id).await?,
    };
    let Some((caller, outside)) = caller else { return Ok(Current { caller: None, tool: None, decider: None }) };
    Ok(Current { caller: Some(caller), tool: tool(scope, binding, outside).await?, decider: None })
}

/// The role of somebody who decided, as it is now: its name and the words of its rights.
pub struct DecidersRole {
    /// Its name.
    pub name: String,
    /// The words of its rights.
    pub rights: Vec<String>,
}

/// Reads and locks what somebody who decided has in the org. `None`: they have left it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn decider(scope: &mut OrgScope, id: UserId) -> Result<Option<DecidersRole>> {
    let administers = sqlx::query_scalar!("SELECT instance_admin FROM users WHERE id = $1 FOR SHARE", id.0)
        .fetch_optional(scope.conn())
        .await?;
    if administers == Some(true) {
        let role = sqlx::query_as!(
            DecidersRole,
            "SELECT name, rights FROM roles WHERE org_id = $1 AND name = $2 FOR SHARE",
            scope.org().0,
            ADMIN,
        );
        return Ok(role.fetch_optional(scope.conn()).await?);
    }
    let role = sqlx::query_as!(
        DecidersRole,
        "SELECT r.name, r.rights FROM members m JOIN roles r ON r.id = m.role_id
         WHERE m.org_id = $1 AND m.user_id = $2 FOR SHARE",
        scope.org().0,
        id.0,
    );
    Ok(role.fetch_optional(scope.conn()).await?)
}

/// The approval policy in force for the tool: the org's where the tool is gone. Whether the instance forbids
/// self-approval is not looked at.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn policy(scope: &mut OrgScope, tool: ToolkitToolId) -> Result<ApprovalPolicy> {
    let row = sqlx::query!(
        r#"SELECT o.approval_policy AS "org: Json<ApprovalPolicy>", k.approval_policy AS "toolkit: Json<PolicyOverride>",
                  tt.approval_policy AS "tool: Json<PolicyOverride>"
           FROM orgs o LEFT JOIN toolkit_tools tt ON tt.org_id = o.id AND tt.id = $2
           LEFT JOIN toolkits k ON k.id = tt.toolkit_id WHERE o.id = $1"#,
        scope.org().0,
        tool.0,
    )
    .fetch_one(scope.conn())
    .await?;
    let narrower = [row.toolkit, row.tool].into_iter().flatten();
    Ok(narrower.fold(row.org.0, |policy, narrower| policy.with(&narrower.0)))
}

/// A caller, and whether it comes from outside the toolkit's org.
type Found = Option<(CurrentCaller, bool)>;

#[tracing::instrument(level = "debug", skip_all)]
async fn key(scope: &mut OrgScope, id: uuid::Uuid) -> Result<Found> {
    let row = sqlx::query!(
        r#"SELECT k.org_id, k.role_id AS "role_id!", k.owner_id FROM api_keys k
           WHERE k.id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
             AND EXISTS (SELECT FROM api_key_secrets s WHERE s.key_id = k.id
                         AND (s.valid_until IS NULL OR s.valid_until > clock_timestamp()))
             AND (EXISTS (SELECT FROM members m WHERE m.org_id = k.org_id AND m.user_id = k.owner_id)
                  OR EXISTS (SELECT FROM users u WHERE u.id = k.owner_id AND u.instance_admin))
           FOR SHARE OF k"#,
        id,
    )
    .fetch_optional(scope.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let outside = row.org_id != scope.org().0;
    let role = if outside { role_named(scope, GUEST).await? } else { Some(row.role_id.into()) };
    Ok(role.map(|role| (CurrentCaller { role, owner: row.owner_id.into() }, outside)))
}

#[tracing::instrument(level = "debug", skip_all)]
async fn person(scope: &mut OrgScope, id: UserId) -> Result<Found> {
    let row = sqlx::query!("SELECT instance_admin FROM users WHERE id = $1 FOR SHARE", id.0)
        .fetch_optional(scope.conn())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let member = sqlx::query_scalar!(
        "SELECT role_id FROM members WHERE org_id = $1 AND user_id = $2 FOR SHARE",
        scope.org().0,
        id.0,
    )
    .fetch_optional(scope.conn())
    .await?;
    let outside = member.is_none() && !row.instance_admin;
    let role = match member {
        _ if row.instance_admin => role_named(scope, ADMIN).await?,
        Some(role) => Some(role.into()),
        None => role_named(scope, GUEST).await?,
    };
    Ok(role.map(|role| (CurrentCaller { role, owner: id }, outside)))
}

#[tracing::instrument(level = "debug", skip_all)]
async fn role_named(scope: &mut OrgScope, name: &str) -> Result<Option<domain::RoleId>> {
    let role = sqlx::query_scalar!("SELECT id FROM roles WHERE org_id = $1 AND name = $2", scope.org().0, name)
        .fetch_optional(scope.conn())
        .await?;
    Ok(role.map(Into::into))
}

#[tracing::instrument(level = "debug", skip_all)]
async fn tool(scope: &mut OrgScope, binding: &Binding, outside: bool) -> Result<Option<CurrentTool>> {
    let row = sqlx::query!(
        "SELECT tt.permission, t.name, t.seen_sha256, t.offered, c.id AS connection_id, c.version, c.enabled, k.visibility
         FROM toolkit_tools tt JOIN toolkits k ON k.id = tt.toolkit_id JOIN tools t ON t.id = tt.tool_id
         JOIN connections c ON c.id = t.connection_id
         WHERE tt.org_id = $1 AND tt.id = $2 FOR SHARE",
        scope.org().0,
        binding.toolkit_tool.0,
    )
    .fetch_optional(scope.conn())
    .await?;
    // Who comes from outside no longer sees a toolkit that has become private.
    let Some(row) = row.filter(|row| !outside || row.visibility == "public") else { return Ok(None) };
    let policy = sqlx::query_scalar!(
        "SELECT permission FROM role_policies WHERE org_id = $1 AND toolkit_tool_id = $2 AND role_id = $3 FOR SHARE",
        scope.org().0,
        binding.toolkit_tool.0,
        binding.role.0,
    )
    .fetch_optional(scope.conn())
    .await?;
    let permission: Permission = policy.unwrap_or(row.permission).parse().map_err(Error::internal)?;
    let seen: [u8; 32] = row.seen_sha256.try_into().map_err(|_| Error::internal("tools: a SHA-256 is not 32 bytes"))?;
    let is_same = seen == binding.definition_sha256 || is_written_otherwise(scope, binding).await?;
    Ok(Some(CurrentTool {
        name: row.name,
        definition_sha256: if is_same { binding.definition_sha256 } else { seen },
        offered: row.offered,
        connection: row.connection_id.into(),
        connection_version: row.version,
        connection_enabled: row.enabled,
        permission,
    }))
}

/// Whether the definition last seen is the one that was asked with, written otherwise: both have one normalised form.
#[tracing::instrument(level = "debug", skip_all)]
async fn is_written_otherwise(scope: &mut OrgScope, binding: &Binding) -> Result<bool> {
    let row = sqlx::query!(
        "SELECT a.definition AS asked, t.seen_definition AS seen
         FROM approvals a JOIN toolkit_tools tt ON tt.id = a.toolkit_tool_id JOIN tools t ON t.id = tt.tool_id
         WHERE a.org_id = $1 AND a.caller_kind = $2 AND a.caller_id = $3 AND a.toolkit_tool_id = $4
           AND a.arguments_sha256 = $5 AND a.definition_sha256 = $6
         ORDER BY a.created_at DESC LIMIT 1",
        scope.org().0,
        binding.caller.kind(),
        binding.caller.id(),
        binding.toolkit_tool.0,
        &binding.arguments_sha256,
        &binding.definition_sha256,
    )
    .fetch_optional(scope.conn())
    .await?;
    Ok(row.is_some_and(|row| is_same_definition(&row.asked, &row.seen)))
}

fn is_same_definition(one: &str, other: &str) -> bool {
    matches!((normal_sha256(one), normal_sha256(other)), (Ok(one), Ok(other)) if one == other)
}

/// Where somebody had a say, and when, in who decides on a request of their own.
pub struct SelfApprovalSay {
    /// `org`, `toolkit` or `tool`.
    pub level: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The last time since `since` that this person had a say in whether one may decide on one's own request of this
/// tool: by changing that field of the approval policy of the org, the toolkit or the tool, or by making one of the
/// latter two.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn self_approval_say(
    scope: &mut OrgScope,
    tool: ToolkitToolId,
    person: UserId,
    since: DateTime<Utc>,
) -> Result<Option<SelfApprovalSay>> {
    Ok(sqlx::query_as!(
        SelfApprovalSay,
        r#"SELECT level AS "level!", at AS "at!: DateTime<Utc>" FROM (
               SELECT 'tool' AS level, self_approval_by AS by, self_approval_at AS at
               FROM toolkit_tools WHERE org_id = $1 AND id = $2
               UNION ALL SELECT 'toolkit', k.self_approval_by, k.self_approval_at
               FROM toolkits k JOIN toolkit_tools tt ON tt.toolkit_id = k.id WHERE tt.org_id = $1 AND tt.id = $2
               UNION ALL SELECT 'org', self_approval_by, self_approval_at FROM orgs WHERE id = $1
               UNION ALL SELECT 'role', self_approval_by, self_approval_at
               FROM members WHERE org_id = $1 AND user_id = $3) AS says
           WHERE by = $3 AND at >= $4 ORDER BY at DESC LIMIT 1"#,
        scope.org().0,
        tool.0,
        person.0,
        since,
    )
    .fetch_optional(scope.conn())
    .await?)
}
