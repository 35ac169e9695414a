//! Reads the configuration, for `directory`: of one org as one snapshot, and what is looked up apart from it.

mod apart;
mod tool;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    ApprovalPolicy, OrgId, PolicyOverride, Principal, Rights, RoleId, ToolId, ToolkitId, ToolkitToolId, UserId,
    directory::{Connection, Org, Role, Tool, Toolkit, ToolkitTool},
};
use uuid::Uuid;

use super::{Db, Reason, SystemScope};
use crate::error::{Error, Result};
pub use apart::{administrators, keys, org_named, people};

/// Something that was read, and the version of the configuration at that moment.
#[derive(Clone, Debug)]
pub struct Read<T> {
    /// The version; whatever was changed up to it is in `value`.
    pub version: i64,
    /// What was read.
    pub value: T,
}

/// What has changed since a version.
#[derive(Clone, Debug)]
pub struct News {
    /// The version now.
    pub version: i64,
    /// The orgs, people and keys that changed, each with the version of its last change; no more than were asked for.
    pub changed: Vec<(Uuid, i64)>,
}

/// The version of the configuration now, and what has changed since an earlier one: the first `most`, in their order.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn news(db: &Db, since: i64, most: i64) -> Result<News> {
    let mut taken = db.connection().await?;
    let rows = sqlx::query!(
        r#"SELECT now.version, changes.subject AS "subject?", changes.version AS "changed?"
           FROM configuration now LEFT JOIN configuration_changes changes ON changes.version > $1
           ORDER BY changes.version LIMIT $2"#,
        since,
        most,
    );
    let rows = rows.fetch_all(&mut *taken.inner).await?;
    let version = rows.first().map(|row| row.version).ok_or_else(|| Error::internal("configuration has no row"))?;
    let changed = rows.into_iter().filter_map(|row| Some((row.subject?, row.changed?)));
    Ok(News { version, changed: changed.collect() })
}

/// Reads all configuration of an org in one consistent snapshot; definitions that `before` has are taken from there. With
/// `forbid_self_approval` no policy in it allows that, whatever is stored. `None`: there is no such org.
///
/// # Errors
/// When Postgres cannot be reached, or a row cannot be understood (it names table and row).
#[tracing::instrument(level = "debug", skip_all)]
pub async fn org(db: &Db, id: OrgId, forbid_self_approval: bool, before: Option<&Org>) -> Result<Option<Org>> {
    let mut scope = SystemScope::snapshot(db, Reason::Directory).await?;
    let Some(mut org) = load_org(&mut scope, id).await? else { return Ok(None) };
    org.policy.allow_self_approval &= !forbid_self_approval;
    load_roles(&mut scope, &mut org).await?;
    load_connections(&mut scope, &mut org).await?;
    let tools = tool::load(&mut scope, id, before).await?;
    for toolkit in load_toolkits(&mut scope, id, &tools, forbid_self_approval).await? {
        org.toolkits.insert(toolkit.slug.clone(), Arc::new(toolkit));
    }
    org.open = load_open(&mut scope, id).await?;
    Ok(Some(org))
}

/// A row that the code does not understand: somebody else wrote to the database.
fn odd(table: &'static str, row: impl std::fmt::Display, what: impl std::fmt::Display) -> Error {
    Error::internal(format!("{table} {row}: {what}"))
}

/// The org without what belongs to it.
#[tracing::instrument(level = "debug", skip_all)]
async fn load_org(scope: &mut SystemScope, id: OrgId) -> Result<Option<Org>> {
    let row = sqlx::query!(
        r#"SELECT (SELECT version FROM configuration) AS "version!", slug, approval_policy, deleted_at
           FROM orgs WHERE id = $1"#,
        id.0
    );
    let Some(row) = row.fetch_optional(scope.conn()).await? else { return Ok(None) };
    Ok(Some(Org {
        id,
        version: row.version,
        slug: row.slug.parse().map_err(|e| odd("orgs", id, e))?,
        records_only: id == OrgId::INSTANCE || row.deleted_at.is_some(),
        policy: serde_json::from_value::<ApprovalPolicy>(row.approval_policy).map_err(|e| odd("orgs", id, e))?,
        roles: HashMap::new(),
        members: HashMap::new(),
        toolkits: HashMap::new(),
        connections: HashMap::new(),
        open: HashSet::new(),
    }))
}

#[tracing::instrument(level = "debug", skip_all)]
async fn load_roles(scope: &mut SystemScope, org: &mut Org) -> Result<()> {
    let rows = sqlx::query!("SELECT id, name, rights FROM roles WHERE org_id = $1", org.id.0);
    for row in rows.fetch_all(scope.conn()).await? {
        // A right this binary does not know was granted by a newer one; it opens nothing here.
        let rights: Rights = row.rights.iter().filter_map(|word| word.parse().ok()).collect();
        org.roles.insert(RoleId(row.id), Role { name: row.name.into(), rights });
    }
    let rows = sqlx::query!("SELECT user_id, role_id FROM members WHERE org_id = $1", org.id.0);
    for row in rows.fetch_all(scope.conn()).await? {
        org.members.insert(UserId(row.user_id), RoleId(row.role_id));
    }
    Ok(())
}

#[tracing::instrument(level = "debug", skip_all)]
async fn load_connections(scope: &mut SystemScope, org: &mut Org) -> Result<()> {
    let rows = sqlx::query!(
        r#"SELECT id, slug, kind, config_sealed, version, enabled, connect_timeout_ms, call_timeout_ms,
                  (SELECT reviewed FROM connection_instructions i
                   WHERE i.connection_id = connections.id AND seen <> '' AND reviewed <> '') AS instructions,
                  EXISTS (SELECT FROM connection_instructions i
                   WHERE i.connection_id = connections.id AND seen NOT IN ('', reviewed)) AS "instructions_changed!"
           FROM connections WHERE org_id = $1"#,
        org.id.0
    );
    for row in rows.fetch_all(scope.conn()).await? {
        let connection = Connection {
            id: row.id.into(),
            org: org.id,
            slug: row.slug.parse().map_err(|e| odd("connections", row.id, e))?,
            kind: row.kind,
            config_sealed: row.config_sealed,
            version: row.version,
            enabled: row.enabled,
            connect_timeout_ms: row.connect_timeout_ms,
            call_timeout_ms: row.call_timeout_ms,
            instructions: row.instructions.map(Into::into),
            instructions_changed: row.instructions_changed,
        };
        org.connections.insert(connection.id, Arc::new(connection));
    }
    Ok(())
}

#[tracing::instrument(level = "debug", skip_all)]
async fn load_toolkits(
    scope: &mut SystemScope,
    org: OrgId,
    tools: &HashMap<ToolId, Arc<Tool>>,
    forbid_self_approval: bool,
) -> Result<Vec<Toolkit>> {
    let mut by_toolkit = load_toolkit_tools(scope, org, tools, forbid_self_approval).await?;
    let mut toolkits = Vec::new();
    let rows = sqlx::query!(
        "SELECT id, slug, name, visibility, approval_policy, instructions FROM toolkits WHERE org_id = $1",
        org.0
    );
    for row in rows.fetch_all(scope.conn()).await? {
        let mut tools = by_toolkit.remove(&ToolkitId(row.id)).unwrap_or_default();
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        toolkits.push(Toolkit {
            id: row.id.into(),
            slug: row.slug.parse().map_err(|e| odd("toolkits", row.id, e))?,
            name: row.name,
            public: row.visibility == "public",
            instructions: row.instructions.map(Into::into),
            tools,
            policy: policy_override("toolkits", row.id, row.approval_policy, forbid_self_approval)?,
        });
    }
    Ok(toolkits)
}

#[tracing::instrument(level = "debug", skip_all)]
async fn load_toolkit_tools(
    scope: &mut SystemScope,
    org: OrgId,
    tools: &HashMap<ToolId, Arc<Tool>>,
    forbid_self_approval: bool,
) -> Result<HashMap<ToolkitId, Vec<Arc<ToolkitTool>>>> {
    let mut policies: HashMap<ToolkitToolId, HashMap<RoleId, domain::Permission>> = HashMap::new();
    let rows = sqlx::query!("SELECT toolkit_tool_id, role_id, permission FROM role_policies WHERE org_id = $1", org.0);
    for row in rows.fetch_all(scope.conn()).await? {
        let permission = row.permission.parse().map_err(|e| odd("role_policies", row.toolkit_tool_id, e))?;
        policies.entry(row.toolkit_tool_id.into()).or_default().insert(row.role_id.into(), permission);
    }
    let mut by_toolkit: HashMap<ToolkitId, Vec<Arc<ToolkitTool>>> = HashMap::new();
    let rows = sqlx::query!(
        r#"SELECT id, toolkit_id, tool_id, name, permission, approval_policy, hold_seconds,
                  schema_listed_until AS "schema_listed_until: DateTime<Utc>" FROM toolkit_tools
           WHERE org_id = $1"#,
        org.0
    );
    for row in rows.fetch_all(scope.conn()).await? {
        let tool = tools.get(&ToolId(row.tool_id)).ok_or_else(|| odd("toolkit_tools", row.id, "has no tool"))?;
        by_toolkit.entry(row.toolkit_id.into()).or_default().push(Arc::new(ToolkitTool {
            id: row.id.into(),
            name: row.name.into(),
            permission: row.permission.parse().map_err(|e| odd("toolkit_tools", row.id, e))?,
            policies: policies.remove(&ToolkitToolId(row.id)).unwrap_or_default(),
            policy: policy_override("toolkit_tools", row.id, row.approval_policy, forbid_self_approval)?,
            hold: seconds(row.hold_seconds),
            schema_listed_until: row.schema_listed_until,
            tool: tool.clone(),
        }));
    }
    Ok(by_toolkit)
}

#[tracing::instrument(level = "debug", skip_all)]
async fn load_open(scope: &mut SystemScope, org: OrgId) -> Result<HashSet<(Principal, ToolkitToolId)>> {
    let rows = sqlx::query!(
        "SELECT DISTINCT caller_kind, caller_id, toolkit_tool_id FROM approvals
         WHERE org_id = $1
           AND (state IN ('pending', 'approved', 'executing', 'outcome_unknown')
                OR (state = 'executed' AND answered_at IS NULL
                    AND greatest(execute_by, finished_at + interval '10 minutes') > clock_timestamp()))",
        org.0
    );
    let mut open = HashSet::new();
    for row in rows.fetch_all(scope.conn()).await? {
        let caller =
            Principal::from_parts(&row.caller_kind, row.caller_id).map_err(|e| odd("approvals", row.caller_id, e))?;
        open.insert((caller, row.toolkit_tool_id.into()));
    }
    Ok(open)
}

/// A column that its check keeps from being negative.
fn seconds(column: Option<i32>) -> Option<Duration> {
    column.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)
}

fn policy_override(
    table: &'static str,
    row: uuid::Uuid,
    value: Option<serde_json::Value>,
    forbid_self_approval: bool,
) -> Result<Option<PolicyOverride>> {
    let Some(value) = value else { return Ok(None) };
    let policy: PolicyOverride = serde_json::from_value(value).map_err(|e| odd(table, row, e))?;
    let allow_self_approval = policy.allow_self_approval.filter(|_| !forbid_self_approval);
    Ok(Some(PolicyOverride { allow_self_approval, ..policy }))
}

fn sha256(table: &'static str, row: uuid::Uuid, bytes: &[u8]) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| odd(table, row, "a SHA-256 does not have 32 bytes"))
}
