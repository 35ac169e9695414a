//! API keys: made, changed, rotated, revoked, and when each was last used.
//!
//! A key never gets a role that allows more than its maker's, and the same holds for rotation:
//! whoever rotates holds the new secret. What a key makes or rotates belongs to its own owner, may do no more than itself
//! with any tool, and ends no later than itself; what it revokes belongs to its own owner. What there is to change about a
//! key, its owner and its role first of all, is changed by people only.

use api_types::{CreateApiKey, RotateApiKey, UpdateApiKey};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::{ApiKeyId, Principal, UserId, hold::LONGEST};

use super::role;
use crate::{
    auth::api_key::ApiKey,
    db::{self, OrgScope, Reason, api_key::Row},
    error::{Error, Result},
    service::{
        Base,
        access::{Actor, OrgAccess},
        change,
        etag::{self, IfMatch},
        label::label,
        loosening::Changer,
    },
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
    let hold_seconds = limits(new.expires_at, new.hold_seconds, now)?;
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
    let made =
        db::api_key::New { id, name, role: role.id, owner, created_by: access.actor.owner, hold_seconds, expires_at };
    db::api_key::insert(&mut scope, &made).await?;
    let key = add_secret(&mut scope, access, id).await?;
    let row = db::api_key::find(&mut scope, id).await?.ok_or_else(Error::not_found)?;
    let made = RecordedKey::of(&mut scope, &row).await?;
    change::commit(services, scope, &access.actor, "create_api_key", new, Some(&made)).await?;
    Ok((row, key))
}

/// The tag of what can be changed about a key.
pub fn etag(row: &Row) -> String {
    etag::of(&(row.id.0, &row.name, row.role_id, row.owner_id.0, row.expires_at, row.hold_seconds))
}

/// Changes a key. With another role or owner, what the key has asked for and has not run becomes invalid (approvals.md, "What
/// an approval is bound to"); who owned it before stays one of its own people. What changes nothing is not on record.
///
/// # Errors
/// `person_required` for a key; a wrong name, role, owner, expiry or hold; a role, the present one included, that allows more
/// than one's own; not found; `changed_since` (412); a key that is revoked or has expired (409).
pub async fn update(services: &Base, access: &OrgAccess, id: &str, to: &UpdateApiKey, seen: &IfMatch) -> Result<Row> {
    access.actor.person()?;
    let now = services.clock.now();
    let name = to.name.as_deref().map(|name| label("name", name)).transpose()?;
    let hold_seconds = limits(to.expires_at.flatten(), to.hold_seconds.flatten(), now)?;
    let mut scope = change::begin_across(services, access, Reason::Callers).await?;
    let row = find_own(&mut scope, access, id, "change").await?;
    let before = etag(&row);
    seen.check(&before)?;
    not_ended(&row, now)?;
    // Nobody changes a key that may do more than they may.
    let role = role::to_give(&mut scope, access, &row.role).await?.id;
    let role = match &to.role {
        Some(name) => role::to_give(&mut scope, access, name).await?.id,
        None => role,
    };
    let owner = match &to.owner {
        Some(named) => other_owner(&mut scope, access, &row, named).await?,
        None => row.owner_id,
    };
    let content = db::api_key::Content {
        name: name.unwrap_or(&row.name),
        role,
        owner,
        hold_seconds: if to.hold_seconds.is_some() { hold_seconds } else { row.hold_seconds },
        expires_at: to.expires_at.unwrap_or(row.expires_at),
    };
    db::api_key::update(&mut scope, row.id, &content).await?;
    let changed = db::api_key::find(&mut scope, row.id).await?.ok_or_else(Error::not_found)?;
    if etag(&changed) == before {
        return Ok(row);
    }
    let recorded = RecordedKey::of(&mut scope, &changed).await?;
    change::commit(services, scope, &access.actor, "update_api_key", &(row.id, to), Some(&recorded)).await?;
    Ok(changed)
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
    not_ended(&row, now)?;
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
/// Not found; forbidden to a key where the other one has another owner; `changed_since` (412).
pub async fn revoke(services: &Base, access: &OrgAccess, id: &str, seen: &IfMatch) -> Result<()> {
    let mut scope = change::begin_across(services, access, Reason::Callers).await?;
    let row = find_own(&mut scope, access, id, "revoke").await?;
    seen.check(&etag(&row))?;
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

/// Looks at when a key is to end and how long its calls are held; gives the latter as it is stored.
fn limits(expires_at: Option<DateTime<Utc>>, hold_seconds: Option<u32>, now: DateTime<Utc>) -> Result<Option<i32>> {
    if expires_at.is_some_and(|at| at <= now || at > now + TimeDelta::days(LONGEST_LIFE)) {
        let message = "must be in the future, at most ten years away; without it, the key does not expire";
        return Err(Error::invalid("expires_at", message));
    }
    if hold_seconds.is_some_and(|seconds| seconds > LONGEST) {
        return Err(Error::invalid("hold_seconds", format!("must be 0 to {LONGEST}")));
    }
    Ok(hold_seconds.and_then(|seconds| i32::try_from(seconds).ok()))
}

/// Fails for a key that is revoked or has expired: nothing brings it back.
fn not_ended(row: &Row, now: DateTime<Utc>) -> Result<()> {
    if row.revoked_at.is_some() {
        return Err(Error::conflict("key_revoked", format!("the key `{}` is revoked; make a new one", row.name)));
    }
    if row.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::conflict("key_expired", format!("the key `{}` has expired; make a new one", row.name)));
    }
    Ok(())
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
    let member = named_owner(scope, access, named).await?;
    if matches!(access.actor.principal, Principal::Key(_)) && member != access.actor.owner {
        return Err(Error::forbidden("a key can only make keys that belong to its own owner"));
    }
    Ok(member)
}

/// Who is named as a key's owner: a member, or oneself, for who administers the instance need not be one.
async fn named_owner(scope: &mut OrgScope, access: &OrgAccess, named: &str) -> Result<UserId> {
    if let Some(member) = db::member::find_person(scope, named).await? {
        return Ok(member);
    }
    let Actor { principal, owner, name, .. } = &access.actor;
    if matches!(principal, Principal::User(_)) && is_named(named, *owner, Some(name)) {
        return Ok(*owner);
    }
    Err(Error::invalid("owner", "must be the id or e-mail of a member of this org"))
}

/// The person answerable for a key from now on. Who is already may stay it without being a member.
async fn other_owner(scope: &mut OrgScope, access: &OrgAccess, row: &Row, named: &str) -> Result<UserId> {
    let emails = db::user::emails(scope, &[row.owner_id]).await?;
    if is_named(named, row.owner_id, emails.get(&row.owner_id).map(String::as_str)) {
        return Ok(row.owner_id);
    }
    named_owner(scope, access, named).await
}

/// Whether an e-mail or an id names this person.
fn is_named(named: &str, id: UserId, email: Option<&str>) -> bool {
    named.parse() == Ok(id) || email == Some(&*named.to_lowercase())
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
