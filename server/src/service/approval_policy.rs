//! Checks approval policies before they are kept: bounds, and that the roles they name exist.

use domain::{ApprovalPolicy, PolicyOverride};

use super::access::OrgAccess;
use crate::{
    db::{self, OrgScope},
    error::{Error, Result},
};

/// `base` with what `change` sets, checked. The roles it names stay until the transaction ends.
///
/// # Errors
/// `person_required` for a key, which could let itself decide; a field out of bounds; a role that
/// the org does not have.
pub(super) async fn checked(
    scope: &mut OrgScope,
    access: &OrgAccess,
    base: &ApprovalPolicy,
    change: &PolicyOverride,
) -> Result<ApprovalPolicy> {
    access.actor.person()?;
    let policy = base.with(change);
    policy.check().map_err(|error| Error::invalid(field(error.field), error.message))?;
    let known = db::role::hold(scope, &policy.approver_roles).await?;
    match policy.approver_roles.iter().find(|name| !known.contains(name)) {
        Some(name) => {
            Err(Error::invalid(field("approver_roles"), format!("names `{name}`, which is not a role of this org")))
        }
        None => Ok(policy),
    }
}

/// Checks what a toolkit or a toolkit tool sets differently. Each bound is a field's own, so it does
/// not matter what the other fields inherit.
///
/// # Errors
/// As [`checked`].
pub(super) async fn checked_override(
    scope: &mut OrgScope,
    access: &OrgAccess,
    change: Option<&PolicyOverride>,
) -> Result<()> {
    if let Some(change) = change {
        checked(scope, access, &ApprovalPolicy::default(), change).await?;
    }
    Ok(())
}

fn field(name: &str) -> String {
    format!("approval_policy.{name}")
}
