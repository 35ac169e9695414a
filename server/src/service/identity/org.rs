//! Making and changing orgs.

use std::time::Duration;

use api_types::{CreateOrg, UpdateOrg};
use domain::{
    ApprovalPolicy, OrgId, RoleId,
    approval::{Change, State},
    directory::Connection,
    right::{ADMIN, builtin_roles},
};
use uuid::Uuid;

use crate::{
    db::{self, OrgScope, Reason, audit::finished, org::Row},
    error::{Error, Result},
    service::{
        Base,
        access::{Actor, OrgAccess, still_valid},
        approval::{self, set_policy},
        change::{self, About},
        etag::{self, IfMatch},
        label::{label, slug},
        on_record,
    },
    upstream::ConnectionSpec,
};

/// How long an answer may be on its way to the record.
const RECORDED_WITHIN: Duration = Duration::from_secs(10);

/// Makes an org, as the instance's administrators may.
///
/// # Errors
/// Forbidden to anybody else; as [`found`].
pub async fn create(services: &Base, actor: &Actor, new: &CreateOrg) -> Result<Row> {
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
pub async fn found(services: &Base, actor: Option<&Actor>, new: &CreateOrg) -> Result<Row> {
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
    etag::of(&(row.id.0, &row.name, &row.approval_policy.0, &row.key_administration))
}

/// Changes an org's name, fields of its approval policy, and what API keys may loosen. What changes nothing is not on
/// record.
///
/// # Errors
/// A wrong name or field; an approver role that the org does not have; `person_required` for a key that changes more than
/// the name; `changed_since` (412).
pub async fn update(services: &Base, access: &OrgAccess, to: &UpdateOrg, seen: &IfMatch) -> Result<Row> {
    let name = to.name.as_deref().map(|name| label("name", name)).transpose()?;
    let policy = to.approval_policy.as_ref().map(set_policy::whole).transpose()?;
    set_policy::sound(policy.as_ref())?;
    let mut scope = change::begin(services, access).await?;
    let row = db::org::get(&mut scope).await?;
    let before = etag(&row);
    seen.check(&before)?;
    let name = name.unwrap_or(&row.name);
    let policy = match &policy {
        Some(change) => set_policy::checked(&mut scope, services, access, &row.approval_policy, change).await?,
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

/// Deletes an org: its keys are revoked, its members, toolkits and connections are gone. Its row stays, so that its record
/// can be read and its slug is never given again.
///
/// # Errors
/// `person_required` for a key; forbidden without the role `admin`; 422 unless `confirm` is the slug; 409: `records_only` for
/// an org that was deleted, `executing` while a call runs; `changed_since` (412).
pub async fn delete(services: &Base, access: &OrgAccess, confirm: Option<&str>, seen: &IfMatch) -> Result<()> {
    access.actor.person()?;
    if *access.role_name != *ADMIN {
        return Err(Error::forbidden(format!("only somebody with the role `{ADMIN}` may delete an org")));
    }
    if access.org.records_only {
        let text = "there is nothing here but a record, which cannot be deleted";
        return Err(Error::conflict("records_only", text));
    }
    let slug = access.org.slug.as_str();
    if confirm != Some(slug) {
        return Err(Error::invalid(
            "confirm",
            format!("must be `{slug}`, the slug of the org that is deleted for good"),
        ));
    }
    let mut scope = change::begin_across(services, access, Reason::Instance).await?;
    seen.check(&etag(&db::org::get(&mut scope).await?))?;
    invalidate_open(services, &mut scope, &access.actor).await?;
    db::org::empty(&mut scope, access.actor.owner, services.clock.now()).await?;
    // Last: whoever claims a call holds rows that were removed just now, and was waited for.
    if db::org::is_executing(&mut scope).await? {
        return Err(Error::conflict(
            "executing",
            "an approved call of this org is running; try again when it has ended",
        ));
    }
    no_call(services, &mut scope, access).await?;
    let deleted = serde_json::json!({"org_id": access.org.id, "slug": slug});
    on_record::in_instance(services, &mut scope, &access.actor, "delete_org", &deleted).await?;
    change::commit(services, scope, &access.actor, "delete_org", &deleted, None::<&()>).await
}

/// Fails while a call that needed no approval runs, on any replica, as far as the record knows: it would lose its connection
/// under it. It ends by its own limit; one whose replica was killed counts until that is over.
async fn no_call(services: &Base, scope: &mut OrgScope, access: &OrgAccess) -> Result<()> {
    let of =
        |c: &Connection| millis(c.connect_timeout_ms) + millis(c.call_timeout_ms).max(ConnectionSpec::LONGEST_CALL);
    let longest = access.org.connections.values().map(|connection| of(connection)).max();
    // A session that was lost is opened once more, and the answer is on its way to the record.
    let longest = 2 * longest.unwrap_or_default() + RECORDED_WITHIN;
    let floor = finished::before(Uuid::now_v7(), u64::try_from(longest.as_millis()).unwrap_or(u64::MAX));
    let Some(call) = finished::under_way(scope, floor).await? else { return Ok(()) };
    let left = (call.at + longest - services.clock.now()).num_seconds().max(1);
    let tool = [call.toolkit, call.tool].into_iter().flatten().collect::<Vec<_>>().join("/");
    Err(Error::conflict(
        "executing",
        format!(
            "`{}` is calling `{tool}` and has no answer yet; try again when the call has ended, which it has in {left} s at the \
             latest",
            call.caller
        ),
    ))
}

fn millis(millis: i32) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

/// Ends the requests that nobody can use any more.
async fn invalidate_open(services: &Base, scope: &mut OrgScope, actor: &Actor) -> Result<()> {
    for id in db::approval::open(scope).await? {
        let Some(record) = db::approval::lock(scope, id).await? else { continue };
        let record = approval::tidied(services, scope, record).await?;
        let from = record.stored.status();
        let state = match record.stored.clone() {
            State::Pending(pending) => pending.invalidate(Change::Tool, record.read_at),
            State::Approved(approved) => approved.invalidate(Change::Tool, record.read_at),
            _ => continue,
        };
        let by = db::approval::Actor::Principal(actor.principal, actor.name.to_string());
        db::approval::store(scope, id, from, &state, &by, Some("the org was deleted")).await?;
    }
    Ok(())
}
