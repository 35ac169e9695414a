//! Making and changing orgs.

use api_types::{CreateOrg, UpdateOrg};
use domain::{ApprovalPolicy, OrgId, RoleId, right::builtin_roles};

use super::{
    Services,
    access::{Actor, OrgAccess, still_valid},
    approval_policy,
    change::{self, About},
    etag::{self, IfMatch},
    label::{label, slug},
};
use crate::{
    db::{self, OrgScope, Reason, org::Row},
    error::{Error, Result},
};

/// Makes an org, as the instance's administrators may.
///
/// # Errors
/// Forbidden to anybody else; as [`found`].
pub async fn create(services: &Services, actor: &Actor, new: &CreateOrg) -> Result<Row> {
    // The request's body may have taken half a minute.
    if !still_valid(services, actor).await?.instance_admin {
        return Err(Error::forbidden("only an administrator of the instance, signed in as a person, may make an org"));
    }
    found(services, Some(actor), new).await
}

/// Makes an org with the roles that every org has. Without an actor it is the gateway's own doing.
/// It has no members yet: the instance's administrators are `admin` of every org.
///
/// # Errors
/// A wrong slug or name; a slug that is a word of the gateway's own (422) or taken (409).
pub async fn found(services: &Services, actor: Option<&Actor>, new: &CreateOrg) -> Result<Row> {
    let slug = slug(&new.slug)?;
    if slug.is_reserved() {
        return Err(Error::invalid(
            "slug",
            format!("cannot be `{slug}`, which the gateway uses itself; choose another"),
        ));
    }
    let name = label("name", &new.name)?;
    let id = OrgId::new();
    let mut scope = OrgScope::system(&services.db.people, id, Reason::Instance).await?;
    if !db::org::insert(&mut scope, slug.as_str(), name, &ApprovalPolicy::default()).await? {
        return Err(Error::conflict("org_exists", format!("there is an org `{slug}` already")));
    }
    for (role, rights) in builtin_roles() {
        db::role::insert(&mut scope, RoleId::new(), role, &rights, true).await?;
    }
    let row = db::org::get(&mut scope).await?;
    change::record(services, &mut scope, actor, "create_org", new, None::<&()>, &About::default()).await?;
    scope.commit().await?;
    services.directory.refresh().await?;
    Ok(row)
}

/// The tag of what can be changed about an org.
pub fn etag(row: &Row) -> String {
    etag::of(&(&row.name, &row.approval_policy.0, &row.key_administration))
}

/// Changes an org's name, fields of its approval policy, and what API keys may loosen. What changes nothing is not on
/// record.
///
/// # Errors
/// A wrong name or field; an approver role that the org does not have; `person_required` for a key that changes more than
/// the name; `changed_since` (412).
pub async fn update(services: &Services, access: &OrgAccess, to: &UpdateOrg, seen: &IfMatch) -> Result<Row> {
    let mut scope = change::begin(services, access).await?;
    let row = db::org::get(&mut scope).await?;
    let before = etag(&row);
    seen.check(&before)?;
    let name = to.name.as_deref().map(|name| label("name", name)).transpose()?.unwrap_or(&row.name);
    let policy = match &to.approval_policy {
        Some(patch) => {
            let change = approval_policy::whole(patch)?;
            approval_policy::checked(&mut scope, services, access, &row.approval_policy, &change).await?
        }
        None => row.approval_policy.0.clone(),
    };
    let stored = row.key_administration.parse().map_err(Error::internal)?;
    let key_administration = to.key_administration.unwrap_or(stored);
    if key_administration != stored {
        access.actor.person()?;
    }
    let content = db::org::Content { name, approval_policy: &policy, key_administration };
    db::org::update(&mut scope, &content, access.actor.owner).await?;
    let row = db::org::get(&mut scope).await?;
    if etag(&row) == before {
        return Ok(row);
    }
    change::commit(services, scope, &access.actor, "update_org", to, None::<&()>).await?;
    Ok(row)
}
