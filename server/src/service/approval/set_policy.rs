//! Checks approval policies before they are kept: bounds, and that somebody could decide by the roles they name.

use domain::{ApprovalPolicy, PolicyOverride, PolicyPatch, Right};

use crate::{
    db::{self, OrgScope, decider::Named},
    error::{Error, Result},
    service::{Base, access::OrgAccess},
};

/// The stored policy with what `change` sets, checked. The roles it names stay until the transaction ends. What
/// changes nothing needs nobody in particular.
///
/// # Errors
/// `person_required` for a key, which could let itself decide; a field out of bounds; a role that the org does not
/// have; roles of which none may decide and is somebody's; self-approval on an instance that forbids it.
pub(in crate::service) async fn checked(
    scope: &mut OrgScope,
    services: &Base,
    access: &OrgAccess,
    stored: &ApprovalPolicy,
    change: &PolicyOverride,
) -> Result<ApprovalPolicy> {
    if services.forbid_self_approval && change.allow_self_approval == Some(true) {
        return Err(Error::invalid(
            field("allow_self_approval"),
            "cannot be true: this instance lets nobody decide on their own request (PERMESSO_FORBID_SELF_APPROVAL)",
        ));
    }
    let policy = stored.with(change);
    if policy == *stored {
        return Ok(policy);
    }
    access.actor.person()?;
    sound(Some(change))?;
    let administered = db::user::instance_is_administered(scope).await?;
    let known = db::decider::hold(scope, &policy.approver_roles, administered).await?;
    let is_known = |name: &String| known.iter().any(|role| role.name == *name);
    if let Some(name) = policy.approver_roles.iter().find(|name| !is_known(name)) {
        let message = format!("names `{name}`, which is not a role of this org");
        return Err(Error::invalid(field("approver_roles"), message));
    }
    // What was stored before stays as it is; whoever names others names somebody.
    if policy.approver_roles != stored.approver_roles && !known.iter().any(|role| role.decides && role.is_had) {
        return Err(Error::invalid(field("approver_roles"), nobody(&known)));
    }
    Ok(policy)
}

/// Checks what can be judged of a change from itself alone: each bound is a field's own, so it does not matter what the
/// other fields are.
///
/// # Errors
/// A field out of bounds.
pub(in crate::service) fn sound(change: Option<&PolicyOverride>) -> Result<()> {
    let policy = change.map(|change| ApprovalPolicy::default().with(change));
    policy.map_or(Ok(()), |policy| policy.check()).map_err(|error| Error::invalid(field(error.field), error.message))
}

/// Why nobody could decide.
fn nobody(named: &[Named]) -> String {
    let reasons = named.iter().map(|role| match role.decides {
        false => format!("`{}` does not have the right `{}`", role.name, Right::DecideApprovals),
        true => format!("nobody has the role `{}`", role.name),
    });
    format!("must name a role that may decide and that somebody has: {}", reasons.collect::<Vec<_>>().join(", "))
}

/// A change of a policy of which every field is always set: nothing of it can be cleared.
///
/// # Errors
/// A field that is `null`.
pub(in crate::service) fn whole(patch: &PolicyPatch) -> Result<PolicyOverride> {
    match patch.cleared() {
        Some(name) => Err(Error::invalid(field(name), "cannot be null: an org has a value of its own for it")),
        None => Ok(patch.merged(None).unwrap_or_default()),
    }
}

/// Checks what a toolkit or a toolkit tool is to set differently, in place of what is stored.
///
/// # Errors
/// As [`checked`].
pub(in crate::service) async fn checked_override(
    scope: &mut OrgScope,
    services: &Base,
    access: &OrgAccess,
    stored: Option<&PolicyOverride>,
    to: Option<&PolicyOverride>,
) -> Result<()> {
    if stored == to {
        return Ok(());
    }
    access.actor.person()?;
    if let Some(to) = to {
        let base = ApprovalPolicy::default().with(stored.unwrap_or(&PolicyOverride::default()));
        checked(scope, services, access, &base, to).await?;
    }
    Ok(())
}

fn field(name: &str) -> String {
    format!("approval_policy.{name}")
}
