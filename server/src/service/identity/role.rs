//! Changing roles. Nobody hands out a right they do not have.

use api_types::{Affected, CreateRole, UpdateRole};
use domain::{Rights, RoleId};

use crate::{
    db::{self, OrgScope, key_people::Of},
    error::{Error, Result},
    service::{
        Base,
        access::OrgAccess,
        change,
        consequence::{self, Undecided},
        etag::{self, IfMatch},
    },
};

/// Makes a role.
///
/// # Errors
/// A wrong name or right; a name that is taken.
pub async fn create(services: &Base, access: &OrgAccess, new: &CreateRole) -> Result<db::role::Row> {
    access.actor.person()?;
    let name = checked_name(&new.name)?;
    let rights = checked_rights(access, &new.rights)?;
    let mut scope = change::begin(services, access).await?;
    if !db::role::insert(&mut scope, RoleId::new(), name, &rights, false).await? {
        return Err(taken(name));
    }
    let row = db::role::find(&mut scope, name).await?.ok_or_else(Error::not_found)?;
    change::commit(services, scope, &access.actor, "create_role", new, None::<&()>).await?;
    Ok(row)
}

/// The tag of what can be changed about a role.
pub fn etag(row: &db::role::Row) -> String {
    etag::of(&(row.id.0, &row.name, &row.rights))
}

/// Changes a role that is not built in. What changes nothing is not on record.
///
/// # Errors
/// Not found; built in; a wrong name or right; a name that is taken; `changed_since` (412). Without `force` also
/// `stops_decisions` where nobody could decide any more, and `owns_keys` where keys of people with the role would do less.
pub async fn update(
    services: &Base,
    access: &OrgAccess,
    role: &str,
    to: &UpdateRole,
    seen: &IfMatch,
    force: bool,
) -> Result<db::role::Row> {
    access.actor.person()?;
    let name = to.name.as_deref().map(checked_name).transpose()?;
    let rights = to.rights.as_ref().map(|rights| checked_rights(access, rights)).transpose()?;
    let mut scope = change::begin(services, access).await?;
    let row = own_role(&mut scope, role).await?;
    let before = etag(&row);
    seen.check(&before)?;
    covered(access, &row.name, &row.rights)?;
    let name = name.unwrap_or(&row.name);
    let current = row.known_rights();
    let rights = rights.unwrap_or_else(|| current.clone());
    if name != row.name {
        not_an_approver(&mut scope, &row.name).await?;
    }
    let undecided = Undecided::before(&mut scope).await?;
    let keys = consequence::narrowed_keys(&mut scope, services, Of::Role(row.id), &current, &rights).await?;
    if !db::role::update(&mut scope, row.id, name, &rights).await? {
        return Err(taken(name));
    }
    let stopped = undecided.since(&mut scope).await?;
    let affected = consequence::recorded(&consequence::consent(&row.name, keys, stopped, force)?);
    let row = db::role::find(&mut scope, name).await?.ok_or_else(Error::not_found)?;
    if etag(&row) == before {
        return Ok(row);
    }
    change::commit(services, scope, &access.actor, "update_role", &(role, to), affected.as_ref()).await?;
    Ok(row)
}

/// Deletes a role that nothing uses. Revoked keys that had it keep its name.
///
/// # Errors
/// `person_required` for a key; not found; built in; in use (409); `changed_since` (412). Without `force` also where open
/// invitations give it: nobody can take them up any more.
pub async fn delete(services: &Base, access: &OrgAccess, role: &str, seen: &IfMatch, force: bool) -> Result<()> {
    access.actor.person()?;
    let mut scope = change::begin(services, access).await?;
    let row = own_role(&mut scope, role).await?;
    seen.check(&etag(&row))?;
    let uses = db::role::uses(&mut scope, row.id, services.clock.now()).await?;
    let (invited, used): (Vec<_>, Vec<_>) = uses.into_iter().map(affected).partition(|use_| use_.kind == INVITATION);
    if !used.is_empty() {
        let message = format!("the role `{role}` is in use by members, keys or tools; give them another role first");
        return Err(Error::conflict("role_in_use", message).naming(used.into_iter().chain(invited)));
    }
    not_an_approver(&mut scope, role).await?;
    if !invited.is_empty() && !force {
        let message = format!("open invitations give the role `{role}`, and nobody could take them up any more");
        return Err(Error::needs_consent("role_in_use", message, invited));
    }
    db::role::delete(&mut scope, row.id).await?;
    let invited = consequence::recorded(&invited);
    change::commit(services, scope, &access.actor, "delete_role", &role, invited.as_ref()).await
}

/// The kind of use that does not keep a role.
const INVITATION: &str = "invitation";

fn affected(used: db::role::Use) -> Affected {
    let effect = match used.kind.as_str() {
        INVITATION => "can no longer be taken up",
        "tool" => "has a permission of its own for this role",
        _ => "has this role",
    };
    Affected { kind: used.kind, name: used.name, effect: effect.to_owned() }
}

/// The role with this name, locked, to be given to a member or a key. Nobody gives away rights that
/// they do not have.
///
/// # Errors
/// No such role (`role` is wrong); forbidden.
pub(super) async fn to_give(scope: &mut OrgScope, access: &OrgAccess, name: &str) -> Result<db::role::Row> {
    let row = db::role::find(scope, name).await?;
    let row = row.ok_or_else(|| Error::invalid("role", format!("`{name}` is not a role of this org")))?;
    covered(access, &row.name, &row.rights)?;
    Ok(row)
}

/// Fails unless the actor has every right of this role.
///
/// # Errors
/// Forbidden.
pub(super) fn covered(access: &OrgAccess, role: &str, rights: &[String]) -> Result<()> {
    // A right this binary does not know was granted by a newer one; it opens nothing here, but the
    // newer one may be serving beside us, so nobody here can have it to give.
    let all_held = rights.iter().all(|word| word.parse().is_ok_and(|right| access.rights.has(right)));
    if all_held {
        return Ok(());
    }
    Err(Error::forbidden(format!(
        "the role `{role}` has rights that your role `{}` does not have, so you cannot give it to anyone",
        access.role_name
    )))
}

/// Approval policies name roles, so a role they name keeps its name (approvals.md, "Who may
/// decide").
async fn not_an_approver(scope: &mut OrgScope, name: &str) -> Result<()> {
    match db::role::approval_policies(scope, name).await? {
        0 => Ok(()),
        policies => Err(Error::conflict(
            "role_in_use",
            format!("{policies} approval policies name the role `{name}` as an approver; change them first"),
        )),
    }
}

async fn own_role(scope: &mut OrgScope, name: &str) -> Result<db::role::Row> {
    let row = db::role::find(scope, name).await?.ok_or_else(Error::not_found)?;
    if row.builtin {
        return Err(Error::conflict("role_builtin", format!("the role `{name}` is built in and stays as it is")));
    }
    Ok(row)
}

fn taken(name: &str) -> Error {
    Error::conflict("role_exists", format!("there is a role `{name}` already"))
}

fn checked_name(name: &str) -> Result<&str> {
    let fits = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if !fits || name.is_empty() || name.len() > 40 || name.starts_with(['-', '_']) {
        return Err(Error::invalid("name", "must have 1 to 40 of a-z, 0-9, - and _, and begin with a letter or digit"));
    }
    Ok(name)
}

fn checked_rights(access: &OrgAccess, words: &[String]) -> Result<Rights> {
    let mut rights = Vec::new();
    for word in words {
        let known = || domain::Right::ALL.iter().map(|right| right.as_str()).collect::<Vec<_>>().join(", ");
        rights.push(
            word.parse()
                .map_err(|_| Error::invalid("rights", format!("has no right `{word}`; there are: {}", known())))?,
        );
    }
    let rights: Rights = rights.into_iter().collect();
    if !access.rights.covers(&rights) {
        return Err(Error::forbidden("you cannot give a role rights that you do not have"));
    }
    Ok(rights)
}
