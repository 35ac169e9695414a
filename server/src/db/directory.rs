//! Reads all configuration as one snapshot, for `directory`.

mod tool;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    ApprovalPolicy, OrgId, PolicyOverride, Principal, Rights, RoleId, ToolId, ToolkitId, ToolkitToolId, UserId,
    directory::{Connection, Directory, Key, KeySecret, Org, Person, Role, Tool, Toolkit, ToolkitTool},
};

use super::{Db, Reason, SystemScope};
use crate::error::{Error, Result};

/// The version of the configuration now; the snapshot is current when it has the same.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn version(db: &Db) -> Result<i64> {
    let mut taken = db.connection().await?;
    Ok(sqlx::query_scalar!("SELECT version FROM configuration").fetch_one(&mut *taken.inner).await?)
}

/// Reads everything in one consistent snapshot; definitions that `before` has are taken from there. With
/// `forbid_self_approval` no policy in it allows that, whatever is stored.
///
/// # Errors
/// When Postgres cannot be reached, or a row cannot be understood (it names table and row).
#[tracing::instrument(level = "debug", skip_all)]
pub async fn load(db: &Db, forbid_self_approval: bool, before: Option<&Directory>) -> Result<Directory> {
    let mut scope = SystemScope::snapshot(db, Reason::Directory).await?;
    let version = sqlx::query_scalar!("SELECT version FROM configuration").fetch_one(scope.conn()).await?;
    let mut orgs = load_orgs(&mut scope).await?;
    let tools = tool::load(&mut scope, before).await?;
    let mut toolkits = load_toolkits(&mut scope, &tools, forbid_self_approval).await?;
    for (id, org) in &mut orgs {
        org.policy.allow_self_approval &= !forbid_self_approval;
        for toolkit in toolkits.remove(id).unwrap_or_default() {
            org.toolkits.insert(toolkit.slug.clone(), Arc::new(toolkit));
        }
    }
    let keys = load_keys(&mut scope).await?;
    Ok(Directory {
        version,
        key_orgs: key_orgs(&keys),
        keys,
        people: load_people(&mut scope).await?,
        open: load_open(&mut scope).await?,
        orgs: orgs.into_values().map(|org| (org.slug.clone(), Arc::new(org))).collect(),
    })
}

/// A row that the code does not understand: somebody else wrote to the database.
fn odd(table: &'static str, row: impl std::fmt::Display, what: impl std::fmt::Display) -> Error {
    Error::internal(format!("{table} {row}: {what}"))
}

#[tracing::instrument(level = "debug", skip_all)]
async fn load_orgs(scope: &mut SystemScope) -> Result<HashMap<OrgId, Org>> {
    let mut orgs = HashMap::new();
    for row in sqlx::query!("SELECT id, slug, approval_policy, deleted_at FROM orgs").fetch_all(scope.conn()).await? {
        let policy: ApprovalPolicy = serde_json::from_value(row.approval_policy).map_err(|e| odd("orgs", row.id, e))?;
        let slug = row.slug.parse().map_err(|e| odd("orgs", row.id, e))?;
        let id = OrgId(row.id);
        let org = Org {
            id,
            slug,
            records_only: id == OrgId::INSTANCE || row.deleted_at.is_some(),
            policy,
            roles: HashMap::new(),
            members: HashMap::new(),
            toolkits: HashMap::new(),
            connections: HashMap::new(),
        };
        orgs.insert(id, org);
    }
    for row in sqlx::query!("SELECT id, org_id, name, rights FROM roles").fetch_all(scope.conn()).await? {
        // A right this binary does not know was granted by a newer one; it opens nothing here.
        let rights: Rights = row.rights.iter().filter_map(|word| word.parse().ok()).collect();
        if let Some(org) = orgs.get_mut(&OrgId(row.org_id)) {
            org.roles.insert(RoleId(row.id), Role { name: row.name.into(), rights });
        }
    }
    for row in sqlx::query!("SELECT org_id, user_id, role_id FROM members").fetch_all(scope.conn()).await? {
        if let Some(org) = orgs.get_mut(&OrgId(row.org_id)) {
            org.members.insert(UserId(row.user_id), RoleId(row.role_id));
        }
    }
    let connections = sqlx::query!(
        r#"SELECT id, org_id, slug, kind, config_sealed, version, enabled, connect_timeout_ms, call_timeout_ms,
                  (SELECT reviewed FROM connection_instructions i
                   WHERE i.connection_id = connections.id AND seen <> '' AND reviewed <> '') AS instructions,
                  EXISTS (SELECT FROM connection_instructions i
                   WHERE i.connection_id = connections.id AND seen NOT IN ('', reviewed)) AS "instructions_changed!"
           FROM connections"#
    );
    for row in connections.fetch_all(scope.conn()).await? {
        let slug = row.slug.parse().map_err(|e| odd("connections", row.id, e))?;
        if let Some(org) = orgs.get_mut(&OrgId(row.org_id)) {
            let connection = Connection {
                id: row.id.into(),
                org: org.id,
                slug,
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
    }
    Ok(orgs)
}

#[tracing::instrument(level = "debug", skip_all)]
async fn load_toolkits(
    scope: &mut SystemScope,
    tools: &HashMap<ToolId, Arc<Tool>>,
    forbid_self_approval: bool,
) -> Result<HashMap<OrgId, Vec<Toolkit>>> {
    let mut by_toolkit = load_toolkit_tools(scope, tools, forbid_self_approval).await?;
    let mut toolkits: HashMap<OrgId, Vec<Toolkit>> = HashMap::new();
    let rows = sqlx::query!("SELECT id, org_id, slug, name, visibility, approval_policy, instructions FROM toolkits");
    for row in rows.fetch_all(scope.conn()).await? {
        let mut tools = by_toolkit.remove(&ToolkitId(row.id)).unwrap_or_default();
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        toolkits.entry(OrgId(row.org_id)).or_default().push(Toolkit {
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
    tools: &HashMap<ToolId, Arc<Tool>>,
    forbid_self_approval: bool,
) -> Result<HashMap<ToolkitId, Vec<Arc<ToolkitTool>>>> {
    let mut policies: HashMap<ToolkitToolId, HashMap<RoleId, domain::Permission>> = HashMap::new();
    let rows = sqlx::query!("SELECT toolkit_tool_id, role_id, permission FROM role_policies");
    for row in rows.fetch_all(scope.conn()).await? {
        let permission = row.permission.parse().map_err(|e| odd("role_policies", row.toolkit_tool_id, e))?;
        policies.entry(row.toolkit_tool_id.into()).or_default().insert(row.role_id.into(), permission);
    }
    let mut by_toolkit: HashMap<ToolkitId, Vec<Arc<ToolkitTool>>> = HashMap::new();
    let rows = sqlx::query!(
        r#"SELECT id, toolkit_id, tool_id, name, permission, approval_policy, hold_seconds,
                  schema_listed_until AS "schema_listed_until: DateTime<Utc>" FROM toolkit_tools"#
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

/// A key whose owner neither belongs to its org nor administers the instance does nothing.
#[tracing::instrument(level = "debug", skip_all)]
async fn load_keys(scope: &mut SystemScope) -> Result<HashMap<[u8; 32], KeySecret>> {
    let mut keys = HashMap::new();
    let rows = sqlx::query!(
        r#"SELECT k.id, k.org_id, k.name, k.role_id AS "role_id!", k.owner_id, u.instance_admin AS owner_administers, k.hold_seconds,
                  k.expires_at AS "expires_at: DateTime<Utc>"
           FROM api_keys k JOIN users u ON u.id = k.owner_id
           LEFT JOIN members m ON m.org_id = k.org_id AND m.user_id = k.owner_id
           WHERE k.revoked_at IS NULL AND (u.instance_admin OR m.id IS NOT NULL)"#
    );
    for row in rows.fetch_all(scope.conn()).await? {
        let key = Key {
            id: row.id.into(),
            org: row.org_id.into(),
            name: row.name.into(),
            role: row.role_id.into(),
            owner: row.owner_id.into(),
            owner_administers: row.owner_administers,
            hold: seconds(row.hold_seconds),
            expires_at: row.expires_at,
        };
        keys.insert(key.id, Arc::new(key));
    }
    let mut secrets = HashMap::new();
    let rows = sqlx::query!(
        r#"SELECT id, key_id, sha256, valid_until AS "valid_until: DateTime<Utc>" FROM api_key_secrets
           WHERE valid_until IS NULL OR valid_until > now()"#
    );
    for row in rows.fetch_all(scope.conn()).await? {
        if let Some(key) = keys.get(&row.key_id.into()) {
            let secret = KeySecret { key: key.clone(), valid_until: row.valid_until };
            secrets.insert(sha256("api_key_secrets", row.id, &row.sha256)?, secret);
        }
    }
    Ok(secrets)
}

fn key_orgs(keys: &HashMap<[u8; 32], KeySecret>) -> HashMap<UserId, HashSet<OrgId>> {
    let mut orgs: HashMap<UserId, HashSet<OrgId>> = HashMap::new();
    for KeySecret { key, .. } in keys.values() {
        orgs.entry(key.owner).or_default().insert(key.org);
    }
    orgs
}

#[tracing::instrument(level = "debug", skip_all)]
async fn load_people(scope: &mut SystemScope) -> Result<HashMap<UserId, Person>> {
    let rows = sqlx::query!("SELECT id, email, epoch, instance_admin FROM users").fetch_all(scope.conn()).await?;
    let person = |email: String, epoch, instance_admin| Person { email: email.into(), epoch, instance_admin };
    Ok(rows.into_iter().map(|row| (UserId(row.id), person(row.email, row.epoch, row.instance_admin))).collect())
}

#[tracing::instrument(level = "debug", skip_all)]
async fn load_open(scope: &mut SystemScope) -> Result<HashSet<(Principal, ToolkitToolId)>> {
    let rows = sqlx::query!(
        "SELECT DISTINCT caller_kind, caller_id, toolkit_tool_id FROM approvals
         WHERE state IN ('pending', 'approved', 'executing', 'outcome_unknown')
            OR (state = 'executed' AND answered_at IS NULL
                AND greatest(execute_by, finished_at + interval '10 minutes') > clock_timestamp())"
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
