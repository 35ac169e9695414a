//! What the directory holds: everything needed to decide a call. The server loads an org when it is first used, as one
//! immutable snapshot, and keeps it, so that a decided call needs no query (architecture.md, "A tool call").

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    ApiKeyId, ApprovalPolicy, ConnectionId, OrgId, Permission, PolicyOverride, Principal, Rights, RoleId, Slug, ToolId,
    ToolkitId, ToolkitToolId, UserId,
};

/// One valid secret of an API key.
#[derive(Clone, Debug)]
pub struct KeySecret {
    /// The key it belongs to.
    pub key: Arc<Key>,
    /// When this secret stops being valid, after a rotation.
    pub valid_until: Option<DateTime<Utc>>,
}

/// An API key that is not revoked, and whose owner belongs to its org or administers the instance.
#[derive(Debug)]
pub struct Key {
    /// Its id; rotation keeps it.
    pub id: ApiKeyId,
    /// Its org.
    pub org: OrgId,
    /// What people call it.
    pub name: Arc<str>,
    /// Its role in its org.
    pub role: RoleId,
    /// The person answerable for it.
    pub owner: UserId,
    /// Whether the owner administers the instance, and so is `admin` of its org.
    pub owner_administers: bool,
    /// How long its calls are held open, whatever the client.
    pub hold: Option<Duration>,
    /// When it stops being valid.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A person who can sign in.
#[derive(Debug)]
pub struct Person {
    /// The e-mail they sign in with.
    pub email: Arc<str>,
    /// Counts up when their credentials are reset; older tokens are void.
    pub epoch: i64,
    /// Whether they administer the instance, and so are `admin` of every org.
    pub instance_admin: bool,
    /// The orgs that they are a member of, by id.
    pub orgs: Vec<OrgId>,
}

/// The configuration of one org, all of it as it was at one moment.
#[derive(Debug)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// The version of the instance's configuration at that moment; only grows.
    pub version: i64,
    /// Its name in URLs.
    pub slug: Slug,
    /// Whether there is nothing but a record: it is the system org, or it was deleted.
    pub records_only: bool,
    /// The approval policy where nothing narrower is set.
    pub policy: ApprovalPolicy,
    /// Roles by id.
    pub roles: HashMap<RoleId, Role>,
    /// Members and their roles.
    pub members: HashMap<UserId, RoleId>,
    /// Toolkits by slug.
    pub toolkits: HashMap<Slug, Arc<Toolkit>>,
    /// Connections by id.
    pub connections: HashMap<ConnectionId, Arc<Connection>>,
    /// Callers and toolkit tools between which an approval is open. A call that needs no approval
    /// looks here before it runs, for an identical one whose outcome is not known (promise 4).
    pub open: HashSet<(Principal, ToolkitToolId)>,
}

impl Org {
    /// The role with this name.
    pub fn role_named(&self, name: &str) -> Option<(RoleId, &Role)> {
        self.roles.iter().find(|(_, role)| &*role.name == name).map(|(id, role)| (*id, role))
    }
}

/// A role of one org.
#[derive(Debug)]
pub struct Role {
    /// Its name.
    pub name: Arc<str>,
    /// What it allows.
    pub rights: Rights,
}

/// How an upstream is reached. The configuration stays sealed until the server opens it.
#[derive(Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Its org.
    pub org: OrgId,
    /// Its name in URLs.
    pub slug: Slug,
    /// `streamable_http` or `stdio`.
    pub kind: String,
    /// The configuration, sealed under the master key.
    pub config_sealed: Vec<u8>,
    /// Counts up with every change of the configuration.
    pub version: i64,
    /// Whether it may be used.
    pub enabled: bool,
    /// How long connecting may take, in milliseconds.
    pub connect_timeout_ms: i32,
    /// How long a call may take, in milliseconds.
    pub call_timeout_ms: i32,
    /// What its upstream says to agents, as far as it is reviewed.
    pub instructions: Option<Arc<str>>,
    /// Whether it says something else now, which nobody has reviewed.
    pub instructions_changed: bool,
}

/// How long a client may go on with what it was listed (approvals.md, "What the agent sees", 4).
const LISTED_IS_KNOWN: TimeDelta = TimeDelta::days(1);

/// A named set of tools served at one endpoint.
#[derive(Debug)]
pub struct Toolkit {
    /// Its id.
    pub id: ToolkitId,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Whether every authenticated caller may use it.
    pub public: bool,
    /// What its agents are told in place of what its upstreams say.
    pub instructions: Option<Arc<str>>,
    /// Its tools, ordered by the name that agents see.
    pub tools: Vec<Arc<ToolkitTool>>,
    /// What it sets differently from the org's approval policy.
    pub policy: Option<PolicyOverride>,
}

impl Toolkit {
    /// The tool that agents see under this name.
    pub fn find_tool(&self, name: &str) -> Option<&Arc<ToolkitTool>> {
        let index = self.tools.binary_search_by(|tool| (*tool.name).cmp(name)).ok()?;
        self.tools.get(index)
    }

    /// Whether output schemas are listed: no tool can be held for anybody, as far as permissions say.
    pub fn lists_output_schemas(&self) -> bool {
        let approval = |permission: &Permission| *permission == Permission::NeedsApproval;
        !self.tools.iter().any(|tool| approval(&tool.permission) || tool.policies.values().any(approval))
    }

    /// Whether a client may hold an answer against the output schema of `tool`: it is listed, or was a day ago.
    pub fn output_schema_is_known(&self, tool: &ToolkitTool, now: DateTime<Utc>) -> bool {
        tool.schema_listed_until.is_some_and(|until| now < until + LISTED_IS_KNOWN) || self.lists_output_schemas()
    }
}

/// The names of the gateway's own tools, which no tool of a toolkit may have.
pub const RESERVED: [&str; 2] = ["approval_status", "run_approved"];

/// A tool as one toolkit exposes it.
#[derive(Debug)]
pub struct ToolkitTool {
    /// Its id; renaming keeps it.
    pub id: ToolkitToolId,
    /// The name that agents see.
    pub name: Arc<str>,
    /// The permission where no role policy says otherwise.
    pub permission: Permission,
    /// Permissions by role.
    pub policies: HashMap<RoleId, Permission>,
    /// What it sets differently from the toolkit's approval policy.
    pub policy: Option<PolicyOverride>,
    /// How long its calls are held open at most.
    pub hold: Option<Duration>,
    /// Until when its output schema was listed, before the toolkit listed none; `None`: it was not, or still is.
    pub schema_listed_until: Option<DateTime<Utc>>,
    /// What stands behind it.
    pub tool: Arc<Tool>,
}

impl ToolkitTool {
    /// The approval policy in force: this tool's, else the toolkit's, else the org's, field by field.
    pub fn approval_policy(&self, toolkit: &Toolkit, org: &Org) -> ApprovalPolicy {
        let mut policy = org.policy.clone();
        for narrower in [&toolkit.policy, &self.policy].into_iter().flatten() {
            policy = policy.with(narrower);
        }
        policy
    }
}

/// What a connection offers under one name.
#[derive(Debug)]
pub struct Tool {
    /// Its id.
    pub id: ToolId,
    /// The connection that offers it.
    pub connection: ConnectionId,
    /// Its name at the upstream.
    pub name: Arc<str>,
    /// The definition last seen: JSON, byte for byte as the upstream sent it.
    pub definition: Arc<str>,
    /// SHA-256 of that text, byte for byte: what says that another snapshot has the same.
    pub text_sha256: [u8; 32],
    /// SHA-256 of the definition last seen, in its canonical form.
    pub seen_sha256: [u8; 32],
    /// SHA-256 of its normalised form, where that had to be looked at.
    pub normal_sha256: Option<[u8; 32]>,
    /// Whether the definition last seen is none of the reviewed ones and is not trusted: its calls are held.
    pub changed: bool,
    /// Whether the upstream's last list had it.
    pub offered: bool,
}
