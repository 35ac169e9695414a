//! What is put on record beside changes and calls: requests that were refused, signing in and what else concerns a
//! person's account, and keys that are not valid any more.
//!
//! What a known person or key does is on record before it is answered (approvals.md, "Promises"). What a stranger can
//! cause in somebody's name is recorded once a minute for each name and kind, with the number of those that were not,
//! and after the answer: how long an answer takes must not tell who has an account.

use std::sync::Arc;

use domain::{ApprovalId, AuditId, OrgId, Principal, UserId};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Base, access::Actor};
use crate::{
    audit::{cut, redact::recorded, text},
    auth::api_key::ApiKey,
    db::{
        self, OrgScope, Reason, SystemScope,
        audit::{Intent, Outcome, Source, Status},
    },
    error::{Error, Result},
    metrics,
};

/// How many keys and accounts wait to be looked up, since strangers cause that; what comes beyond is counted only. They take the
/// upkeep's connections in turn, so that nobody's request waits for them.
static LOOK_UPS: Semaphore = Semaphore::const_new(64);

/// What was asked for, as its record says it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The MCP method or REST operation.
    pub action: String,
    /// Where it came from.
    pub source: Source,
    /// The request.
    pub request_id: Uuid,
    /// The toolkit's slug.
    pub toolkit: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// The approval it is about.
    pub approval: Option<ApprovalId>,
    /// The request as JSON; secrets are taken out when it is recorded.
    pub request: Option<Value>,
    /// The client, as it says.
    pub client: Option<String>,
}

impl Asked {
    /// Something of which no more is known.
    pub fn new(action: impl Into<String>, source: Source, request_id: Uuid) -> Self {
        Self {
            action: action.into(),
            source,
            request_id,
            toolkit: None,
            tool: None,
            approval: None,
            request: None,
            client: None,
        }
    }
}

/// In whose name something is recorded; `None` is the gateway itself.
type Name<'a> = Option<(Principal, &'a str, Option<OrgId>)>;

/// Puts on record that somebody known was refused, in the org that it is about; where it is about none, where the account
/// is on record. Returns when that is durable.
///
/// # Errors
/// When it could not be recorded.
pub async fn refused(services: &Base, actor: &Actor, org: Option<OrgId>, asked: &Asked, error: &Error) -> Result<()> {
    let orgs = match org.or(actor.key_org) {
        Some(org) => vec![org],
        None => account_of(services, actor.owner).await?,
    };
    let name = Some((actor.principal, &*actor.name, actor.key_org));
    for org in orgs {
        let (intent, outcome) = row(services, org, name, asked, Status::Refused, Some(answer(error, 0))).await;
        services.audit.intend(intent).await?;
        services.audit.conclude(outcome).await?;
    }
    Ok(())
}

/// Puts on record what a person did about their account, in every org that they belong to; for who administers the
/// instance or belongs to no org, in the system org. Durable with the transaction. Needs [`Reason::SignIn`] or
/// [`Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn account(
    services: &Base,
    scope: &mut SystemScope,
    (user, email): (UserId, &str),
    asked: &Asked,
) -> Result<()> {
    let (orgs, administers) = db::user::orgs_unscoped(scope, user).await?;
    let orgs = on_record_in(orgs, administers);
    insert(services, scope, &orgs, Some((Principal::User(user), email, None)), asked, Status::Ok, None).await
}

/// Puts on record what somebody at the machine did to a person's account, in the orgs that [`account`] names and in the
/// system org.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn by_operator(services: &Base, scope: &mut SystemScope, user: UserId, asked: &Asked) -> Result<()> {
    let (orgs, administers) = db::user::orgs_unscoped(scope, user).await?;
    let mut orgs = on_record_in(orgs, administers);
    if !orgs.contains(&OrgId::INSTANCE) {
        orgs.push(OrgId::INSTANCE);
    }
    insert(services, scope, &orgs, None, asked, Status::Ok, None).await
}

/// Puts on record in the system org what somebody did that concerns the instance too. Durable with the transaction, which
/// is of [`Reason::Instance`].
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn in_instance(
    services: &Base,
    scope: &mut OrgScope,
    actor: &Actor,
    action: &str,
    request: &Value,
) -> Result<()> {
    let asked = Asked { request: Some(request.clone()), ..Asked::new(action, actor.source(), actor.request_id) };
    let name = Some((actor.principal, &*actor.name, actor.key_org));
    let (intent, outcome) = row(services, OrgId::INSTANCE, name, &asked, Status::Ok, None).await;
    Ok(db::audit::insert(scope.conn(), &[&intent], &[&outcome]).await?)
}

/// Puts on record that somebody tried to sign in as this person and was refused: soon, and once a minute for each person
/// and kind.
pub fn bad_sign_in(services: &Arc<Base>, (user, email): (UserId, String), asked: Asked, error: &Error) {
    let Some(others) = services.refusals.note(Principal::User(user), error.code) else { return };
    let (said, services) = (answer(error, others), services.clone());
    services.dispatched.clone().spawn(async move {
        unrecorded(record_bad(&services, (user, &email), &asked, said).await);
    });
}

/// Puts on record that somebody tried to sign in as the person with one of these e-mails, if there is one, and was refused
/// before any password was compared: soon, and once a minute for each person and kind.
pub fn slowed_sign_in(services: &Arc<Base>, emails: Vec<String>, asked: Asked, error: &Error) {
    let Ok(turn) = LOOK_UPS.try_acquire() else {
        metrics::account_not_looked_up();
        return;
    };
    let (code, said, services) = (error.code, answer(error, 0), services.clone());
    services.dispatched.clone().spawn(async move {
        let _turn = turn;
        let recorded = async {
            let mut scope = SystemScope::begin(&services.db.upkeep, Reason::SignIn).await?;
            let mut found = None;
            for email in &emails {
                if found.is_none() {
                    found = db::user::find_by_email_unscoped(&mut scope, email).await?.map(|person| (person.id, email));
                }
            }
            drop(scope);
            let Some((user, email)) = found else { return Ok(()) };
            let Some(others) = services.refusals.note(Principal::User(user), code) else { return Ok(()) };
            record_bad(&services, (user, email), &asked, with_others(said, others)).await
        };
        unrecorded(recorded.await);
    });
}

async fn record_bad(services: &Base, (user, email): (UserId, &str), asked: &Asked, said: Value) -> Result<()> {
    let orgs = account_of(services, user).await?;
    let mut scope = SystemScope::begin(&services.db.upkeep, Reason::SignIn).await?;
    let name = Some((Principal::User(user), email, None));
    insert(services, &mut scope, &orgs, name, asked, Status::Refused, Some(said)).await?;
    scope.commit().await
}

/// Puts on record that somebody came with a key that was revoked, has expired or was replaced: soon, and once a minute for
/// each key and kind. Of every other credential nothing is known.
pub fn ended_key(services: &Arc<Base>, bearer: &str, asked: Asked) {
    let Ok(key) = ApiKey::parse(bearer) else { return };
    let Ok(turn) = LOOK_UPS.try_acquire() else {
        metrics::key_not_looked_up();
        return;
    };
    let services = services.clone();
    services.dispatched.clone().spawn(async move {
        let _turn = turn;
        unrecorded(record_ended(&services, &key.sha256(), &asked).await);
    });
}

async fn record_ended(services: &Base, secret: &[u8; 32], asked: &Asked) -> Result<()> {
    let mut scope = SystemScope::begin(&services.db.upkeep, Reason::SignIn).await?;
    let found = db::api_key::find_ended_unscoped(&mut scope, secret, services.clock.now()).await?;
    drop(scope);
    let Some(key) = found else { return Ok(()) };
    let (code, message) = match &*key.why {
        "revoked_key" => ("revoked_key", "the key was revoked"),
        "expired_key" => ("expired_key", "the key has expired"),
        _ => ("replaced_key", "the key was rotated, and this secret of it has ended"),
    };
    let principal = Principal::Key(key.id);
    let Some(others) = services.refusals.note(principal, code) else { return Ok(()) };
    let name = Some((principal, &*key.name, Some(key.org_id)));
    let said = json!({"code": code, "message": message, "others_in_the_minute_before": others});
    let (intent, outcome) = row(services, key.org_id, name, asked, Status::Refused, Some(said)).await;
    services.audit.intend(intent).await?;
    services.audit.conclude(outcome).await
}

/// The orgs in whose record a person's account is.
async fn account_of(services: &Base, user: UserId) -> Result<Vec<OrgId>> {
    let person = services.directory.person(user).await?;
    Ok(person.map_or_else(|| vec![OrgId::INSTANCE], |person| on_record_in(person.orgs.clone(), person.instance_admin)))
}

/// The same for a person who is a member of `orgs`.
fn on_record_in(mut orgs: Vec<OrgId>, administers: bool) -> Vec<OrgId> {
    if orgs.is_empty() || administers {
        orgs.push(OrgId::INSTANCE);
    }
    orgs
}

/// What was answered. `others`: how many of the same kind were refused before and are not on record.
fn answer(error: &Error, others: u64) -> Value {
    let fields: Vec<&str> = error.fields.iter().map(|field| &*field.field).collect();
    let mut said = json!({"code": error.code, "message": error.message});
    if !fields.is_empty() {
        said["fields"] = json!(fields);
    }
    with_others(said, others)
}

fn with_others(mut said: Value, others: u64) -> Value {
    if others > 0 {
        said["others_in_the_minute_before"] = json!(others);
    }
    said
}

fn unrecorded(recorded: Result<()>) {
    if let Err(error) = recorded {
        tracing::warn!(%error, "what a stranger caused is not on record");
    }
}

/// Inserts one record in each org, with one statement.
async fn insert(
    services: &Base,
    scope: &mut SystemScope,
    orgs: &[OrgId],
    name: Name<'_>,
    asked: &Asked,
    status: Status,
    said: Option<Value>,
) -> Result<()> {
    let mut rows = Vec::new();
    for org in orgs {
        rows.push(row(services, *org, name, asked, status, said.clone()).await);
    }
    let (intents, outcomes): (Vec<&Intent>, Vec<&Outcome>) = rows.iter().map(|(i, o)| (i, o)).unzip();
    Ok(db::audit::insert(scope.conn(), &intents, &outcomes).await?)
}

async fn row(
    services: &Base,
    org: OrgId,
    name: Name<'_>,
    asked: &Asked,
    status: Status,
    said: Option<Value>,
) -> (Intent, Outcome) {
    let now = services.clock.now();
    let request = match &asked.request {
        Some(request) => Some(cut(&recorded(&request.to_string()).await).into()),
        None => None,
    };
    let short = |text_: &Option<String>| text_.as_deref().map(|t| text(&t.chars().take(200).collect::<String>()));
    let intent = Intent {
        id: AuditId::new(),
        at: now,
        org,
        request_id: asked.request_id,
        actor: name.map(|(principal, ..)| principal),
        actor_name: name.map_or_else(|| "permesso".to_owned(), |(_, name, _)| name.to_owned()),
        actor_org: name.and_then(|(.., home)| home),
        action: asked.action.clone(),
        toolkit: short(&asked.toolkit),
        tool: short(&asked.tool),
        request,
        rule: None,
        approval: asked.approval,
        client: short(&asked.client),
        source: asked.source,
    };
    let response = match said {
        Some(said) => Some(cut(&recorded(&said.to_string()).await).into_owned()),
        None => None,
    };
    let outcome = Outcome {
        intent: intent.id,
        intent_at: now,
        org,
        at: now,
        status,
        duration_us: 0,
        response,
        rule: None,
        approval: None,
    };
    (intent, outcome)
}
