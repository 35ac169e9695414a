//! API keys: made, rotated, revoked, and when each was last used.
//!
//! A key never gets a role that allows more than its maker's, and the same holds for rotation:
//! whoever rotates holds the new secret. What a key makes or rotates belongs to its own owner, may do no more than itself
//! with any tool, and ends no later than itself; what it revokes belongs to its own owner. Who a key belongs to, its role, and what else says what it may do (a
//! context, destructive tools) are changed by people only: whatever comes to change one asks
//! [`person`](crate::service::access::Actor::person) first.

use api_types::{CreateApiKey, RotateApiKey};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::{ApiKeyId, Principal, UserId, hold::LONGEST};

use super::role;
use crate::{
    auth::api_key::ApiKey,
    db::{self, OrgScope, Reason, api_key::Row},
    error::{Error, Result},
    service::{Base, access::OrgAccess, change, label::label, loosening::Changer},
};

/// The longest overlap of a rotation, in seconds: a week.
const LONGEST_OVERLAP: u32 = 604_800;
/// How far away the end of a key may be, in days: ten years, with their leap days.
const LONGEST_LIFE: i64 = 3_653;

/// Makes a key. The key itself is returned here and never again.
///
/// # Errors
/// A wrong name, role, owner, expiry or hold; a role that allows more than one's own; a key that
/// names another owner than its own, or a later end; `person_required` for a key whose role may do less with some tool.
pub async fn create(services: &Base, access: &OrgAccess, new: &CreateApiKey) -> Result<(Row, ApiKey)> {
    let name = label("name", &new.name)?;
    let now = services.clock.now();
    if new.expires_at.is_some_and(|at| at <= now || at > now + TimeDelta::days(LONGEST_LIFE)) {
        let message = "must be in the future, at most ten years away; left out, the key does not expire";
        return Err(Error::invalid("expires_at", message));
    }
    if new.hold_seconds.is_some_and(|seconds| seconds > LONGEST) {
        return Err(Error::invalid("hold_seconds", format!("must be 0 to {LONGEST}")));
    }
    let mut scope = change::begin_across(services, access, Reason::Callers).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let role = role::to_give(&mut scope, access, &new.role).await?;
    let owner = owner(&mut scope, access, new.owner.as_deref()).await?;
    changer.may_hold_key(&mut scope, &role).await?;
    let own_end = own_end(&mut scope, access).await?;
    let expires_at = new.expires_at.or(own_end);
    if let (Some(at), Some(own_end)) = (expires_at, own_end)
        && at > own_end
    {
        return Err(Error::invalid(
            "expires_at",
            format!("must not be after {}, when this key ends itself", own_end.to_rfc3339()),
        ));
    }
    let id = ApiKeyId::new();
    let made = db::api_key::New {
        id,
        name,
        role: role.id,
        owner,
        created_by: access.actor.owner,
        hold_seconds: new.hold_seconds.and_then(|seconds| i32::try_from(seconds).ok()),
        expires_at,
    };
    db::api_key::insert(&mut scope, &made).await?;
    let key = add_secret(&mut scope, access, id).await?;
    let row = db::api_key::find(&mut scope, id).await?.ok_or_else(Error::not_found)?;
    let made = RecordedKey::of(&mut scope, &row).await?;
    change::commit(services, scope, &access.actor, "create_api_key", new, Some(&made)).await?;
    Ok((row, key))
}

/// Gives a key a new secret; the older ones stay valid for the overlap, those that would have ended
/// sooner excepted. The key's id, and with it its approvals, stay.
///
/// # Errors
/// Not found; an overlap over a week; a role that allows more than one's own; a key that is revoked
/// or has expired, or has ten valid secrets that would overlap (409); forbidden to a key where the other one has another owner or ends later; `person_required` for a
/// key whose role may do less with some tool.
pub async fn rotate(services: &Base, access: &OrgAccess, id: &str, how: &RotateApiKey) -> Result<(Row, ApiKey)> {
    if how.overlap_seconds > LONGEST_OVERLAP {
        return Err(Error::invalid("overlap_seconds", format!("must be 0 to {LONGEST_OVERLAP} (a week)")));
    }
    let now = services.clock.now();
    let mut scope = change::begin_across(services, access, Reason::Callers).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let row = find_own(&mut scope, access, id, "rotate").await?;
    if row.revoked_at.is_some() {
        return Err(Error::conflict("key_revoked", format!("the key `{}` is revoked; make a new one", row.name)));
    }
    if row.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::conflict("key_expired", format!("the key `{}` has expired; make a new one", row.name)));
    }
    let role = role::to_give(&mut scope, access, &row.role).await?;
    changer.may_hold_key(&mut scope, &role).await?;
    if let Some(own_end) = own_end(&mut scope, access).await?
        && row.expires_at.is_none_or(|at| at > own_end)
    {
        return Err(Error::forbidden(format!(
            "the key `{}` ends later than the one you rotate it with, which ends at {}",
            row.name,
            own_end.to_rfc3339()
        )));
    }
    let ends = now + TimeDelta::seconds(how.overlap_seconds.into());
    if let Some(free_at) = db::api_key::end_secrets(&mut scope, row.id, ends).await? {
        return Err(Error::conflict(
            "too_many_secrets",
            format!(
                "ten secrets of the key `{}` are valid already; rotate it with `overlap_seconds` 0, which ends them all, or \
                 after {}",
                row.name,
                free_at.to_rfc3339_opts(SecondsFormat::Secs, true)
            ),
        ));
    }
    let key = add_secret(&mut scope, access, row.id).await?;
    let row = db::api_key::find(&mut scope, row.id).await?.ok_or_else(Error::not_found)?;
    let made = RecordedKey::of(&mut scope, &row).await?;
    change::commit(services, scope, &access.actor, "rotate_api_key", &(row.id, how), Some(&made)).await?;
    Ok((row, key))
}

/// Revokes a key for good. Revoking one again changes nothing.
///
/// # Errors
/// Not found; forbidden to a key where the other one has another owner.
pub async fn revoke(services: &Base, access: &OrgAccess, id: &str) -> Result<()> {
    let mut scope = change::begin_across(services, access, Reason::Callers).await?;
    let row = find_own(&mut scope, access, id, "revoke").await?;
    if row.revoked_at.is_some() {
        return Ok(());
    }
    db::api_key::revoke(&mut scope, row.id, services.clock.now()).await?;
    let made = RecordedKey::of(&mut scope, &row).await?;
    change::commit(services, scope, &access.actor, "revoke_api_key", &made, None::<&()>).await
}

/// What the record says of a key: enough to recognise it, nothing of the key.
#[derive(serde::Serialize)]
struct RecordedKey<'a> {
    id: ApiKeyId,
    name: &'a str,
    prefix: &'a str,
    role: &'a str,
    owner: UserId,
    created_by: Person,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotated_by: Option<Person>,
}

/// A person in the record: the e-mail says who they were then.
#[derive(serde::Serialize)]
struct Person {
    id: UserId,
    email: Option<String>,
}

impl<'a> RecordedKey<'a> {
    async fn of(scope: &mut OrgScope, row: &'a Row) -> Result<Self> {
        let rotated_by = row.rotated_by.map(UserId);
        let named: Vec<_> = [row.owner_id, row.created_by].into_iter().chain(rotated_by).collect();
        let emails = db::user::emails(scope, &named).await?;
        let person = |id| Person { id, email: emails.get(&id).cloned() };
        Ok(Self {
            id: row.id,
            name: &row.name,
            prefix: &row.prefix,
            role: &row.role,
            owner: row.owner_id,
            created_by: person(row.created_by),
            rotated_by: rotated_by.map(person),
        })
    }
}

/// The key with this id, which a key may do this to only if it has the same owner.
async fn find_own(scope: &mut OrgScope, access: &OrgAccess, id: &str, what: &str) -> Result<Row> {
    let id = id.parse().map_err(|_| Error::not_found())?;
    let row = db::api_key::find(scope, id).await?.ok_or_else(Error::not_found)?;
    if matches!(access.actor.principal, Principal::Key(_)) && row.owner_id != access.actor.owner {
        return Err(Error::forbidden(format!("a key can only {what} keys that belong to its own owner")));
    }
    Ok(row)
}

/// When the credential ends that a key asks with: what it makes must not outlive it, nor an older secret the rotation
/// that replaced it. `None`: never, or it is a person who asks.
async fn own_end(scope: &mut OrgScope, access: &OrgAccess) -> Result<Option<DateTime<Utc>>> {
    match access.actor.key_secret {
        Some(secret) => db::api_key::secret_ends(scope, &secret).await,
        None => Ok(None),
    }
}

/// The person answerable for a new key: its maker, unless a member is named. What a key makes
/// belongs to the key's owner, or an agent could make somebody else answer for it.
async fn owner(scope: &mut OrgScope, access: &OrgAccess, named: Option<&str>) -> Result<UserId> {
    let Some(named) = named else { return Ok(access.actor.owner) };
    let member = db::member::find_person(scope, named).await?;
    let member = member.ok_or_else(|| Error::invalid("owner", "must be the id or e-mail of a member of this org"))?;
    if matches!(access.actor.principal, Principal::Key(_)) && member != access.actor.owner {
        return Err(Error::forbidden("a key can only make keys that belong to its own owner"));
    }
    Ok(member)
}

async fn add_secret(scope: &mut OrgScope, access: &OrgAccess, key: ApiKeyId) -> Result<ApiKey> {
    let secret = ApiKey::generate();
    db::api_key::insert_secret(scope, key, &secret.sha256(), secret.prefix(), access.actor.owner).await?;
    Ok(secret)
}

/// Writes the last uses of keys; see [`KeyUses::flush`](crate::service::key_uses::KeyUses::flush).
///
/// # Errors
/// As there.
pub async fn flush(services: &Base) -> Result<()> {
    services.key_uses.flush(&services.db.upkeep).await
}
