//! Console sessions: started, recognized, ended. A session stands for a person as a login token does;
//! what the person may do is decided in `access` for both.

use domain::SessionId;
use serde_json::json;
use tower_sessions::{Session, session};
use uuid::Uuid;

use crate::{
    auth::session::SignedIn,
    db::{self, Reason, SystemScope},
    error::{Error, Kind, Result},
    service::{
        Base,
        access::{self, Actor},
        on_record::{self, Asked},
        signed::{Signed, Whence},
    },
};

/// The longest description of a browser that is kept, in characters.
const LONGEST_CLIENT: usize = 200;

/// Starts a session with a new id, in place of the one that the browser had. Sessions elsewhere go on.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn start(services: &Base, session: &Session, signed: Signed, whence: Whence) -> Result<()> {
    let now = services.clock.now();
    let shown = |text: String| text.chars().filter(|c| !c.is_control()).take(LONGEST_CLIENT).collect::<String>();
    let person = SignedIn {
        session: SessionId::new(),
        user: signed.user,
        epoch: signed.epoch,
        client: whence.client.map(shown).filter(|text| !text.is_empty()),
        address: Some(whence.address),
        created_at: now,
        last_seen_at: now,
    };
    services.sessions.start(session, person).await.map_err(trouble)
}

/// Finds out whose session it is. Costs one indexed read, and once a minute a write. `attended`: somebody is
/// at the console, which the idle limit counts from; what an open page asks by itself is no use.
///
/// # Errors
/// Unauthorized without a session that lives; `unavailable` when Postgres cannot be reached.
pub async fn authenticate(services: &Base, session: &Session, attended: bool, request_id: Uuid) -> Result<Actor> {
    // Without a cookie there is nothing to look up.
    let Some(id) = session.id() else { return Err(Error::unauthorized()) };
    let person = SignedIn::of(session).await.map_err(trouble)?.ok_or_else(Error::unauthorized)?;
    let actor = access::person(services, person.user, request_id, Some(person.epoch)).await?;
    if attended {
        services.sessions.touch(id, &person).await;
    }
    Ok(Actor { session: Some(person.session), ..actor })
}

/// Ends the session that the request came with.
///
/// # Errors
/// `no_session` (409) for an actor with another credential; when Postgres cannot be reached.
pub async fn end(services: &Base, session: &Session, actor: &Actor) -> Result<()> {
    if actor.session.is_none() {
        return Err(Error::conflict(
            "no_session",
            "this request came with a key or a token and not with a session; there is nothing to sign out of",
        ));
    }
    let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
    let asked = Asked::new("delete_session", actor.source(), actor.request_id);
    on_record::account(services, &mut scope, (actor.owner, &actor.name), &asked).await?;
    scope.commit().await?;
    session.flush().await.map_err(trouble)?;
    tracing::info!(user.id = %actor.owner, "signed out");
    Ok(())
}

/// Ends one of the person's own sessions.
///
/// # Errors
/// `person_required` for a key; not found, also for another person's; when Postgres cannot be reached.
pub async fn revoke(services: &Base, actor: &Actor, id: &str) -> Result<()> {
    let user = actor.person()?;
    let id: SessionId = id.parse().map_err(|_| Error::not_found())?;
    let mut scope = SystemScope::begin(&services.db.people, Reason::SignIn).await?;
    let since = services.sessions.limits().since(services.clock.now());
    if !db::session::revoke(&mut scope, user, id, since).await? {
        return Err(Error::not_found());
    }
    let asked = Asked {
        request: Some(json!({"session_id": id})),
        ..Asked::new("revoke_session", actor.source(), actor.request_id)
    };
    on_record::account(services, &mut scope, (user, &actor.name), &asked).await?;
    scope.commit().await?;
    tracing::info!(user.id = %user, session.id = %id, "session revoked");
    Ok(())
}

/// Removes sessions that have ended by themselves, and forgets browsers that were known long enough.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn sweep(services: &Base) -> Result<()> {
    let mut scope = SystemScope::begin(&services.db.upkeep, Reason::SignIn).await?;
    let now = services.clock.now();
    db::session::sweep(&mut scope, services.sessions.limits().since(now)).await?;
    db::device::sweep(&mut scope, now).await?;
    scope.commit().await
}

fn trouble(error: session::Error) -> Error {
    use tower_sessions::session_store::Error as Store;
    match error {
        session::Error::Store(Store::Backend(_)) => {
            let text = "sessions cannot be looked up right now; nothing was done, try again";
            Error::new(Kind::Unavailable, "unavailable", text).with_source(error)
        }
        other => Error::internal(other),
    }
}
