//! The record of a change: intent and outcome in the transaction of the change itself, so that
//! neither stands without the other.

use domain::AuditId;
use serde::Serialize;

use super::{
    Services,
    access::{Actor, OrgAccess},
};
use crate::{
    audit::redact::recorded_in_transaction,
    db::{
        self, OrgScope,
        audit::{Intent, Outcome, Status},
    },
    error::{Error, Result},
};

/// Begins a change in the actor's org.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn begin(services: &Services, access: &OrgAccess) -> Result<OrgScope> {
    OrgScope::begin(&services.db, access.org.id).await
}

/// Records the change, commits it and publishes it to this replica's snapshot; other replicas
/// follow by notification. `action` is the operation's name (`create_api_key`), `request` what was
/// asked, redacted on the way.
///
/// # Errors
/// When Postgres cannot be reached; then nothing has changed, except where the commit's own answer
/// was lost.
pub async fn commit(
    services: &Services,
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
    services: &Services,
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
