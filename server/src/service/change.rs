//! The record of a change: intent and outcome in the transaction of the change itself, so that
//! neither stands without the other.

use domain::{AuditId, Principal};
use serde::Serialize;

use super::{
    Base,
    access::{Actor, OrgAccess, still_valid},
};
use crate::{
    audit::redact::recorded_in_transaction,
    db::{
        self, OrgScope, Reason,
        audit::{Intent, Outcome, Source, Status},
    },
    error::{Error, Result},
};

/// Begins a change in the actor's org, if the actor still is who they were when the request began: its body may have
/// taken half a minute. Changes in one org are made one at a time, so that what takes a right away is made before this
/// one, which then sees it, or after it.
///
/// # Errors
/// Unauthorized when the credential has ended since; not found when the actor has left the org; `rights_changed` (409)
/// when they have another role there, or the role allows something else; unavailable when the changes before this one take
/// too long, or Postgres cannot be reached.
pub async fn begin(services: &Base, access: &OrgAccess) -> Result<OrgScope> {
    begin_as(services, access, None).await
}

/// The same for a change that also touches what lies across orgs, for the reason given.
///
/// # Errors
/// As [`begin`].
pub async fn begin_across(services: &Base, access: &OrgAccess, reason: Reason) -> Result<OrgScope> {
    begin_as(services, access, Some(reason)).await
}

async fn begin_as(services: &Base, access: &OrgAccess, reason: Option<Reason>) -> Result<OrgScope> {
    // Whoever waits for the org's lock in Postgres holds a connection; here they hold none.
    let busy = "so many changes of this org are under way that this one had no turn; nothing was done, try again";
    let turn = services.changing.of(access.org.id).await.ok_or_else(|| Error::unavailable(busy))?;
    let actor = still_valid(services, &access.actor).await?;
    let scope = match reason {
        None => OrgScope::begin(&services.db.people, access.org.id).await?,
        Some(reason) => OrgScope::system(&services.db.people, access.org.id, reason).await?,
    };
    let mut scope = scope.keep(turn);
    db::org::lock(&mut scope).await?;
    let (role, rights) = match actor.principal {
        Principal::User(user) => {
            let role = db::role::of_user(&mut scope, user, actor.instance_admin).await?.ok_or_else(Error::not_found)?;
            let rights = role.known_rights();
            (role, rights)
        }
        Principal::Key(key) => {
            let secret = actor.key_secret.ok_or_else(Error::unauthorized)?;
            let role = db::role::of_key(&mut scope, key, &secret, services.clock.now()).await?;
            let role = role.ok_or_else(Error::unauthorized)?;
            let owner = db::role::of_user(&mut scope, actor.owner, actor.owner_administers).await?;
            let rights = role.known_rights().of_key(&owner.ok_or_else(Error::unauthorized)?.known_rights());
            (role, rights)
        }
    };
    if role.id != access.role || *role.name != *access.role_name || rights != access.rights {
        return Err(Error::conflict(
            "rights_changed",
            "what you may do in this org has changed since the request began; send it again",
        ));
    }
    Ok(scope)
}

/// Records the change, commits it and makes it known to this replica's directory; other replicas
/// follow by notification. `action` is the operation's name (`create_api_key`), `request` what was
/// asked, redacted on the way.
///
/// # Errors
/// When Postgres cannot be reached; then nothing has changed, except where the commit's own answer
/// was lost.
pub async fn commit(
    services: &Base,
    mut scope: OrgScope,
    actor: &Actor,
    action: &str,
    request: &impl Serialize,
    response: Option<&impl Serialize>,
) -> Result<()> {
    record(services, &mut scope, Some(actor), action, request, response, &About::default()).await?;
    scope.commit().await?;
    services.directory.refresh().await
}

/// What else a record names.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The approval that was decided or settled.
    pub approval: Option<domain::ApprovalId>,
}

/// Writes the record into the transaction. Without an actor it is the gateway's own doing.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn record(
    services: &Base,
    scope: &mut OrgScope,
    actor: Option<&Actor>,
    action: &str,
    request: &impl Serialize,
    response: Option<&impl Serialize>,
    about: &About,
) -> Result<()> {
    let org = scope.org();
    let now = services.clock.now();
    let request = serde_json::to_string(request).map_err(Error::internal)?;
    let response = response.map(serde_json::to_string).transpose().map_err(Error::internal)?;
    let response = match response {
        Some(json) => Some(recorded_in_transaction(&json).await),
        None => None,
    };
    let intent = Intent {
        id: AuditId::new(),
        at: now,
        org,
        request_id: actor.map_or_else(uuid::Uuid::now_v7, |actor| actor.request_id),
        actor: actor.map(|actor| actor.principal),
        actor_name: actor.map_or_else(|| "permesso".to_owned(), |actor| actor.name.to_string()),
        actor_org: actor.and_then(|actor| actor.key_org),
        action: action.to_owned(),
        toolkit: None,
        tool: None,
        request: Some(recorded_in_transaction(&request).await.into()),
        rule: None,
        approval: about.approval,
        client: None,
        source: actor.map_or(Source::Job, Actor::source),
    };
    let outcome = Outcome {
        intent: intent.id,
        intent_at: now,
        org,
        at: now,
        status: Status::Ok,
        duration_us: 0,
        response,
        rule: None,
        approval: None,
    };
    Ok(db::audit::insert(scope.conn(), &[&intent], &[&outcome]).await?)
}
