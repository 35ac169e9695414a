//! Adding, changing and removing members. Nobody gives away rights they do not have, an org keeps
//! an admin, and what becomes of keys and decisions is said first.

use api_types::{Affected, CreateMember, UpdateMember};
use domain::{MemberId, UserId, right::ADMIN};
use secrecy::SecretString;

use super::{role, sign_in::hashed};
use crate::{
    db::{self, OrgScope, Reason, key_people::Of, member::Row},
    error::{Error, Result},
    service::{
        Base,
        access::OrgAccess,
        change,
        consequence::{self, Undecided},
        etag::{self, IfMatch},
        label::{email, label},
    },
};

/// Adds a person to the org. An unknown e-mail makes the person.
///
/// # Errors
/// `person_required` for a key; a password from anybody but an instance administrator; a wrong e-mail,
/// role, name or password; a password for a person who exists, since nobody sets
/// another's; 409: `member_exists` for a person who belongs to the org already, `invitation_needed` for one
/// who can sign in or belongs to another org, unless an instance administrator adds them.
pub async fn create(services: &Base, access: &OrgAccess, new: &CreateMember) -> Result<Row> {
    // A key could make itself an approver.
    access.actor.person()?;
    if new.password.is_some() && !access.actor.instance_admin {
        return Err(Error::forbidden(
            "only an administrator of the instance sets a first password: people belong to every org alike",
        ));
    }
    let email = email(&new.email)?;
    let name = label("name", new.name.as_deref().unwrap_or_else(|| email.split('@').next().unwrap_or_default()))?;
    let hash = match &new.password {
        Some(text) => Some(hashed(SecretString::from(text.clone())).await?),
        None => None,
    };
    // People belong to no org, so finding or making one is work of the instance.
    let mut scope = change::begin_across(services, access, Reason::Instance).await?;
    let role = role::to_give(&mut scope, access, &new.role).await?;
    let user = find_or_make(&mut scope, &email, name, hash.as_deref()).await?;
    if !access.actor.instance_admin {
        must_be_unknown(&mut scope, user, &email).await?;
    }
    let id = MemberId::new();
    if !db::member::insert(&mut scope, id, user, role.id).await? {
        return Err(Error::conflict("member_exists", format!("`{email}` belongs to this org already")));
    }
    let row = db::member::find(&mut scope, id).await?.ok_or_else(Error::not_found)?;
    let recorded = CreateMember { password: new.password.as_ref().map(|_| "[redacted]".to_owned()), ..new.clone() };
    change::commit(services, scope, &access.actor, "create_member", &recorded, None::<&()>).await?;
    Ok(row)
}

/// The tag of what can be changed about a member.
pub fn etag(row: &Row) -> String {
    etag::of(&(row.id.0, row.role_id.0))
}

/// Gives a member another role. Their keys may then do no more than they may. The role that they have is none, and not on
/// record.
///
/// # Errors
/// Not found; a role that does not exist or allows more than one's own; the last admin (409); `changed_since` (412). Without
/// `force` also `owns_keys` where a key would do less, and `stops_decisions` where nobody could decide any more.
pub async fn update(
    services: &Base,
    access: &OrgAccess,
    id: &str,
    to: &UpdateMember,
    seen: &IfMatch,
    force: bool,
) -> Result<Row> {
    access.actor.person()?;
    let mut scope = change::begin(services, access).await?;
    let admin = db::role::find(&mut scope, ADMIN).await?.ok_or_else(Error::not_found)?;
    let member = find(&mut scope, id).await?;
    seen.check(&etag(&member))?;
    let Some(role) = &to.role else { return Ok(member) };
    let role = role::to_give(&mut scope, access, role).await?;
    if role.id == member.role_id {
        return Ok(member);
    }
    let before = role::to_give(&mut scope, access, &member.role).await?;
    if role.id != admin.id {
        not_last_admin(&mut scope, &admin, &member).await?;
    }
    let (before, after) = (before.known_rights(), role.known_rights());
    let of = Of::Person(member.user_id);
    let keys = consequence::narrowed_keys(&mut scope, services, of, &before, &after).await?;
    let undecided = Undecided::before(&mut scope).await?;
    db::member::update(&mut scope, member.id, role.id, access.actor.owner).await?;
    let stopped = undecided.since(&mut scope).await?;
    let affected = consequence::recorded(&consequence::consent(&member.email, keys, stopped, force)?);
    change::commit(services, scope, &access.actor, "update_member", &(&member.email, to), affected.as_ref()).await?;
    Ok(Row { role_id: role.id, role: role.name, ..member })
}

/// Removes a member; the person stays. Their keys are revoked, and the secrets end that they made on keys of others.
///
/// # Errors
/// `person_required` for a key; not found; the last admin (409); `changed_since` (412). Without `force` also `owns_keys` where
/// a key would end, and `stops_decisions` where nobody could decide any more.
pub async fn delete(services: &Base, access: &OrgAccess, id: &str, seen: &IfMatch, force: bool) -> Result<()> {
    access.actor.person()?;
    let mut scope = change::begin(services, access).await?;
    let admin = db::role::find(&mut scope, ADMIN).await?.ok_or_else(Error::not_found)?;
    let member = find(&mut scope, id).await?;
    seen.check(&etag(&member))?;
    // Nobody removes who may do more than they may.
    role::to_give(&mut scope, access, &member.role).await?;
    not_last_admin(&mut scope, &admin, &member).await?;
    let affected = consequence::recorded(&end(&mut scope, services, &member, force).await?);
    change::commit(services, scope, &access.actor, "delete_member", &member.email, affected.as_ref()).await
}

/// Leaves an org, as its members may by themselves. It ends what removing them ends.
///
/// # Errors
/// `person_required` for a key; 409: `no_member` for who administers the instance and is none, `last_admin`. Without `force`
/// also `owns_keys` where a key would end, and `stops_decisions` where nobody could decide any more.
pub async fn leave(services: &Base, access: &OrgAccess, force: bool) -> Result<()> {
    let person = access.actor.person()?;
    let mut scope = change::begin(services, access).await?;
    let member = db::member::find_own(&mut scope, person).await?.ok_or_else(|| {
        Error::conflict("no_member", "you are no member of this org: you administer the instance, and so every org")
    })?;
    let admin = db::role::find(&mut scope, ADMIN).await?.ok_or_else(Error::not_found)?;
    not_last_admin(&mut scope, &admin, &member).await?;
    let affected = consequence::recorded(&end(&mut scope, services, &member, force).await?);
    change::commit(services, scope, &access.actor, "leave_org", &member.email, affected.as_ref()).await
}

/// Ends a membership, with the person's keys and the secrets that they made on keys of others.
///
/// # Errors
/// Without `force` where that stops something elsewhere.
async fn end(scope: &mut OrgScope, services: &Base, member: &Row, force: bool) -> Result<Vec<Affected>> {
    let keys = consequence::ending_keys(scope, services, member.user_id).await?;
    let undecided = Undecided::before(scope).await?;
    db::key_people::end(scope, member.user_id, services.clock.now()).await?;
    db::member::delete(scope, member.id).await?;
    let stopped = undecided.since(scope).await?;
    consequence::consent(&member.email, keys, stopped, force)
}

async fn find(scope: &mut OrgScope, id: &str) -> Result<Row> {
    let id = id.parse().map_err(|_| Error::not_found())?;
    db::member::find(scope, id).await?.ok_or_else(Error::not_found)
}

/// The admin role is locked, so two admins cannot remove each other at the same moment.
async fn not_last_admin(scope: &mut OrgScope, admin: &db::role::Row, member: &Row) -> Result<()> {
    if member.role_id == admin.id && db::member::count_with_role(scope, admin.id).await? == 1 {
        return Err(Error::conflict(
            "last_admin",
            format!("`{}` is the last member with the role `{ADMIN}`; give it to somebody else first", member.email),
        ));
    }
    Ok(())
}

/// Who made an account of this e-mail is not known to be who it names: anybody could have invited it to an org
/// of theirs and taken the link up. Whoever can sign in joins by an invitation, which asks for their password.
async fn must_be_unknown(scope: &mut OrgScope, user: UserId, email: &str) -> Result<()> {
    let found = db::user::lock_by_email(scope, email).await?;
    let has_password = found.is_some_and(|found| found.password_hash.is_some());
    if has_password || db::user::is_known_elsewhere(scope, user).await? {
        return Err(Error::conflict(
            "invitation_needed",
            format!("`{email}` has an account already; invite them, so that they join by themselves"),
        ));
    }
    Ok(())
}

async fn find_or_make(scope: &mut OrgScope, email: &str, name: &str, hash: Option<&str>) -> Result<UserId> {
    let id = UserId::new();
    let new = db::user::New { email, name, password_hash: hash };
    if db::user::insert(scope, id, &new).await? {
        return Ok(id);
    }
    if hash.is_some() {
        return Err(Error::invalid("password", "cannot be set for a person who exists already; leave it out"));
    }
    db::user::find_id(scope, email).await?.ok_or_else(Error::not_found)
}
