//! What an API key may change of who may do what (docs/api.md, "What an API key may change"). A person is asked nothing here: the
//! right to change toolkits or connections is enough for them.
//!
//! Two changes by keys of one owner, each harmless beside what was there before the other, could together open a gate.
//! Therefore each of them locks the org first.

use domain::{
    Permission, Principal, RoleId, ToolkitToolId,
    loosening::{Exposed, KeyAdministration, adds, loosens},
    right::{ADMIN, GUEST},
};

use super::{
    Services,
    access::{OrgAccess, person_required},
};
use crate::{
    db::{self, OrgScope, toolkit_tool::Of},
    error::{Error, Result},
};

/// Who changes something, as far as it matters what they loosen.
pub(super) struct Changer(Option<Limits>);

/// What a key may loosen.
struct Limits {
    administration: KeyAdministration,
    /// The roles of the key's owner and of the owner's keys.
    own: Vec<RoleId>,
    /// Every role of the org by its name.
    roles: Vec<(RoleId, String)>,
}

impl Changer {
    /// The actor. To be asked before anything else is locked in the transaction.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub(super) async fn of(scope: &mut OrgScope, services: &Services, access: &OrgAccess) -> Result<Self> {
        if matches!(access.actor.principal, Principal::User(_)) {
            return Ok(Self(None));
        }
        let org = db::org::lock(scope).await?;
        let administration = org.key_administration.parse().map_err(Error::internal)?;
        let roles = db::role::names(scope).await?;
        let mut own = db::role::of_person(scope, access.actor.owner).await?;
        let named = |name: &str| roles.iter().find(|(_, role)| role == name).map(|(id, _)| *id);
        let directory = services.directory.get()?;
        if directory.people.get(&access.actor.owner).is_some_and(|owner| owner.instance_admin) {
            own.extend(named(ADMIN));
        }
        let mut keys = directory.keys.values().map(|secret| &secret.key);
        if keys.any(|key| key.owner == access.actor.owner && key.org != scope.org()) {
            own.extend(named(GUEST));
        }
        Ok(Self(Some(Limits { administration, own, roles })))
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
            limits.check(&before.name, |role| loosens(Some(&before.exposed), Some(&after), role))?;
        }
        Ok(())
    }

    /// Something else under a name. Another tool there has no role policies.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_put(
        &self,
        scope: &mut OrgScope,
        before: Option<ToolkitToolId>,
        name: &str,
        content: &db::toolkit_tool::Content<'_>,
    ) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let before = match before {
            Some(id) => db::toolkit_tool::standing(scope, Some(Of::One(id))).await?.pop(),
            None => None,
        };
        let before = before.as_ref().map(|before| &before.exposed);
        let kept = before.filter(|before| before.tool == content.tool).map(|before| before.policies.clone());
        let after = Exposed { tool: content.tool, permission: content.permission, policies: kept.unwrap_or_default() };
        limits.check(name, |role| loosens(before, Some(&after), role))
    }

    /// Taking tools out of their toolkits: what was blocked could be added again, and an approval policy is gone.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_remove(&self, scope: &mut OrgScope, of: Of) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        for tool in db::toolkit_tool::standing(scope, Some(of)).await? {
            if tool.has_approval_policy {
                return Err(person_required(format!(
                    "`{}` of the toolkit `{}` has an approval policy, which only a person may take away; an API key may \
                     not",
                    tool.name, tool.toolkit
                )));
            }
            limits.check(&tool.name, |role| loosens(Some(&tool.exposed), None, role))?;
        }
        Ok(())
    }

    /// Another way to an upstream, or a way that was closed: whoever may call its tools reaches something else.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_redirect(&self, scope: &mut OrgScope, connection: &db::connection::Row) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let tools = db::toolkit_tool::standing(scope, Some(Of::Connection(connection.id))).await?;
        let reaches = |role| tools.iter().any(|tool| tool.exposed.permission_for(role) != Permission::Blocked);
        limits.check(&connection.slug, reaches)
    }

    /// A toolkit for callers from outside.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) fn may_publish(&self, toolkit: &str) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let guest = limits.roles.iter().find(|(_, name)| name == GUEST).map(|(id, _)| *id);
        limits.check(toolkit, |role| Some(role) == guest)
    }

    /// A key with this role, for its own owner: it must not bring what the owner's roles do not allow, or a key could
    /// loosen something for a role that nobody has, and then give itself that role.
    ///
    /// # Errors
    /// `person_required`.
    pub(super) async fn may_make_key(&self, scope: &mut OrgScope, role: &db::role::Row) -> Result<()> {
        let Some(limits) = &self.0 else { return Ok(()) };
        let tools = db::toolkit_tool::standing(scope, None).await?;
        match tools.iter().find(|tool| adds(&tool.exposed, role.id, &limits.own)) {
            None => Ok(()),
            Some(tool) => Err(person_required(format!(
                "the role `{}` may do more with `{}` of the toolkit `{}` than this key's owner and their keys, so only a \
                 person may make a key with it; an API key may not",
                role.name, tool.name, tool.toolkit
            ))),
        }
    }
}

impl Limits {
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
