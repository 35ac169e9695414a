//! What an API key may change of who may do what (docs/api.md, "What an API key may change"). A person is asked nothing here: the
//! right to change toolkits or connections is enough for them.
//!
//! Two changes by keys of one owner, each harmless beside what was there before the other, could together open a gate.
//! They are made one at a time (`change::begin`).

use std::collections::HashMap;

use api_types::Visibility;
use domain::{
    ConnectionId, Permission, Principal, RoleId, ToolId, ToolkitToolId,
    loosening::{Exposed, KeyAdministration, adds, changes, is_looser},
    right::{ADMIN, GUEST},
};

use super::access::{OrgAccess, person_required};
use crate::{
    db::{
        self, OrgScope,
        toolkit_tool::{Of, Standing},
    },
    error::{Error, Result},
};

/// Who changes something, as far as it matters what they loosen.
pub(super) struct Changer(Option<KeyLimits>);

/// What a key may loosen.
struct KeyLimits {
    administration: KeyAdministration,
    /// The key's own role.
    role: RoleId,
    /// The roles of the key's owner and of the owner's keys.
    own: Vec<RoleId>,
    /// Every role of the org by its name.
    roles: Vec<(RoleId, String)>,
}

impl Changer {
    /// The actor, in a transaction that `change::begin` began.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub(super) async fn of(scope: &mut OrgScope, access: &OrgAccess) -> Result<Self> {
        if matches!(access.actor.principal, Principal::User(_)) {
            return Ok(Self(None));
        }
        let org = db::org::get(scope).await?;
        let administration = org.key_administration.parse().map_err(Error::internal)?;
        let roles = db::role::names(scope).await?;
        let mut own = db::role::of_person(scope, access.actor.owner).await?;
        let named = |name: &str| roles.iter().find(|(_, role)| role == name).map(|(id, _)| *id);
        if access.actor.owner_administers {
            own.extend(named(ADMIN));
        }
        if db::api_key::has_elsewhere(scope, access.actor.owner).await? {
            own.extend(named(GUEST));
        }
        Ok(Self(Some(KeyLimits { administration, role: access.role, own, roles })))
    }

    /// Another permission for one role under a name; `None`: the default's.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_permit(
        &self,
        scope: &mut OrgScope,
        id: ToolkitToolId,
        role: RoleId,
        permission: Option<Permission>,
    ) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        for before in db::toolkit_tool::standing(scope, Some(Of::One(id))).await? {
            let mut after = before.exposed.clone();
            match permission {
                Some(permission) => after.policies.insert(role, permission),
                None => after.policies.remove(&role),
            };
            limits.check(&before.name, |role| changes(&before.exposed, Some(&after), role))?;
        }
        Ok(())
    }

    /// Another default, or another tool, under a name that exists.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_change(
        &self,
        scope: &mut OrgScope,
        id: ToolkitToolId,
        tool: ToolId,
        permission: Permission,
    ) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        for before in db::toolkit_tool::standing(scope, Some(Of::One(id))).await? {
            let after = Exposed { tool, permission, ..before.exposed.clone() };
            limits.check(&before.name, |role| changes(&before.exposed, Some(&after), role))?;
        }
        Ok(())
    }

    /// Tools of one connection under new names of a toolkit: nowhere looser than under their other names, and with the
    /// same approval policy.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_add(
        &self,
        scope: &mut OrgScope,
        toolkit: &db::toolkit::Row,
        connection: ConnectionId,
        tools: &[(ToolId, &str)],
        permission: Permission,
    ) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let standing = db::toolkit_tool::standing(scope, Some(Of::Connection(connection))).await?;
        let policy = toolkit.approval_policy.as_ref().map(|policy| policy.0.clone()).unwrap_or_default();
        let mut by_tool: HashMap<ToolId, Vec<&Standing>> = HashMap::new();
        for other in &standing {
            by_tool.entry(other.exposed.tool).or_default().push(other);
        }
        let guest = limits.guest();
        for &(tool, name) in tools {
            let others = by_tool.get(&tool).map(Vec::as_slice).unwrap_or_default();
            if let Some(other) = others.iter().find(|other| other.approval_policy != policy) {
                return Err(person_required(format!(
                    "this tool stands as `{}` in the toolkit `{}` under another approval policy than it would have as \
                     `{name}` in `{}`, so only a person may add it there; an API key may not",
                    other.name, other.toolkit, toolkit.slug
                )));
            }
            let others: Vec<_> = others.iter().map(|other| &other.exposed).collect();
            let public = toolkit.visibility == Visibility::Public.as_str();
            let new = Exposed { tool, permission, policies: HashMap::new(), public };
            limits.check(name, |role| adds(&others, &new, role, Some(role) == guest))?;
        }
        Ok(())
    }

    /// Taking tools out of their toolkits. Blocking them closes as much, and keeps what was said of them.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_remove(&self, scope: &mut OrgScope, of: Of) -> Result<()> {
        if self.0.is_none() {
            return Ok(());
        }
        match db::toolkit_tool::standing(scope, Some(of)).await?.first() {
            None => Ok(()),
            Some(tool) => Err(person_required(format!(
                "`{}` of the toolkit `{}` would be removed, with what is said of it there, which only a person may do; an \
                 API key may set it to `blocked`",
                tool.name, tool.toolkit
            ))),
        }
    }

    /// Another address of a toolkit: with two toolkits that exchange theirs, whoever calls there finds something else.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) fn may_rename(&self, toolkit: &str) -> Result<()> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(person_required(format!(
                "the slug of the toolkit `{toolkit}` is its address, which only a person may change; an API key may not"
            ))),
        }
    }

    /// Another way to an upstream, a way that was closed, or less time for it: whoever may call its tools reaches
    /// something else, or no longer hears what became of a call.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_redirect(&self, scope: &mut OrgScope, connection: &db::connection::Row) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        if connection.trust_definitions {
            return Err(person_required(format!(
                "a person trusts the definitions of the connection `{}`, whoever it reaches, so only a person may change \
                 how it is reached; an API key may not",
                connection.slug
            )));
        }
        let tools = db::toolkit_tool::standing(scope, Some(Of::Connection(connection.id))).await?;
        let reaches = |role| tools.iter().any(|tool| tool.exposed.permission_for(role) != Permission::Blocked);
        limits.check(&connection.slug, reaches)
    }

    /// Trust in a connection's definitions, or its end: as a review, it is never a key's.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) fn may_trust(&self, connection: &str) -> Result<()> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(person_required(format!(
                "whether the definitions of the connection `{connection}` are trusted decides which calls are held, which \
                 only a person may change; an API key may not"
            ))),
        }
    }

    /// A toolkit for callers from outside.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) fn may_publish(&self, toolkit: &str) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let guest = limits.guest();
        limits.check(toolkit, |role| Some(role) == guest)
    }

    /// A key with this role, made or given a new secret: it must nowhere do more than the key that asks, or a key could
    /// get past what it is not permitted itself.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_hold_key(&self, scope: &mut OrgScope, role: &db::role::Row) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let tools = db::toolkit_tool::standing(scope, None).await?;
        match tools.iter().find(|tool| is_looser(&tool.exposed, role.id, limits.role)) {
            None => Ok(()),
            Some(tool) => Err(person_required(format!(
                "the role `{}` may do more with `{}` of the toolkit `{}` than this key's own role, so only a person may \
                 make or rotate a key with it; this API key may not",
                role.name, tool.name, tool.toolkit
            ))),
        }
    }
}

impl KeyLimits {
    /// The role of callers from outside.
    fn guest(&self) -> Option<RoleId> {
        self.roles.iter().find(|(_, name)| name == GUEST).map(|(id, _)| *id)
    }

    /// Fails where a change of `what` loosens something that a key may not loosen.
    fn check(&self, what: &str, loosened: impl Fn(RoleId) -> bool) -> Result<()> {
        let mut roles = self.roles.iter().filter(|(id, _)| loosened(*id));
        match self.administration {
            KeyAdministration::None => roles.next().map_or(Ok(()), |(_, role)| {
                Err(person_required(format!(
                    "this would let the role `{role}` do more with `{what}` than now, and API keys loosen nothing in this \
                     org: a person has to do it, or to set the org's `key_administration` to `toolkits`"
                )))
            }),
            KeyAdministration::Toolkits => roles.find(|(id, _)| self.own.contains(id)).map_or(Ok(()), |(_, role)| {
                Err(person_required(format!(
                    "this would let the role `{role}` do more with `{what}` than now, and this key's owner or a key of \
                     theirs has that role: a person has to do it"
                )))
            }),
        }
    }
}
