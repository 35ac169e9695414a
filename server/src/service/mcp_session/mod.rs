//! Sessions of clients that speak MCP 2025-11-25 or earlier ("Transports", session management). They live in
//! Postgres, so that any replica serves any of them; each remembers those it has seen, so that a call in a
//! session needs no query. A session is the caller's own: to anybody else, and at another toolkit, it does
//! not exist.

mod known;
mod streams;
mod under_way;

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use domain::{OrgId, Principal, ToolkitId};
use tokio::sync::{OnceCell, broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::canonical::sha256;

use known::{Hash, KnownSession, Wanted};
use streams::OpenStream;

pub use known::{Session, Sessions};
pub use streams::Stream;
pub use under_way::UnderWay;

use super::{Base, Calls};
use crate::{
    db::{self, OrgScope, Reason, SystemScope, mcp_session::Row},
    error::{Error, Kind, Result},
    live::SessionNews,
    random,
};

/// A session that was not used for this long ends.
const IDLE: Duration = Duration::from_secs(86_400);
/// How often the use of a session is written down.
const NOTE_USE: Duration = Duration::from_secs(600);
/// How many sessions a replica remembers; more are looked up again.
const REMEMBERED: usize = 10_000;

/// The longest id of a request that is told to other replicas, in bytes.
const LONGEST_REQUEST_ID: usize = 500;
/// The code of [`find`] for a session that is not there.
pub const UNKNOWN: &str = "unknown_session";

/// Starts a session, and gives its id.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn start(
    services: &Base,
    org: OrgId,
    toolkit: ToolkitId,
    caller: Principal,
    client: Option<String>,
) -> Result<String> {
    let id = random::text::<32>();
    let mut scope = OrgScope::begin(&services.db.calls, org).await?;
    db::mcp_session::insert(&mut scope, &sha256(id.as_bytes()), &Row { caller, toolkit, client }).await?;
    scope.commit().await?;
    Ok(id)
}

/// Finds the session with this id, if it is this caller's at this toolkit.
///
/// # Errors
/// Not found, whatever the reason; `unavailable` when Postgres is needed and cannot be reached.
pub async fn find(services: &Calls, org: OrgId, toolkit: ToolkitId, caller: Principal, id: &str) -> Result<Session> {
    let hash = sha256(id.as_bytes());
    let wanted = (hash, org, toolkit, caller);
    let row = match remembered(services, wanted) {
        Some(row) => Some(row),
        // Also for another's: that it is known here must not be told by how soon it is refused.
        None => look_up_once(services, wanted).await?,
    };
    row.map(|row| Session { hash, row }).ok_or_else(|| {
        let message = "the session that `Mcp-Session-Id` names has ended, or it is none of this credential's at this \
                       toolkit; begin a new one with `initialize`";
        Error::new(Kind::NotFound, UNKNOWN, message)
    })
}

/// What is remembered counts only while the end of a session would be heard of.
fn remembered(services: &Calls, (hash, org, toolkit, caller): Wanted) -> Option<Arc<Row>> {
    if !services.live.is_listening() {
        return None;
    }
    let known = services.mcp_sessions.known.lock();
    let known = known.get(&hash).filter(|known| known.org == org && known.used.elapsed() < NOTE_USE)?;
    Some(known.row.clone()).filter(|row| row.caller == caller && row.toolkit == toolkit)
}

/// What the look-up that is under way finds, or a new one.
async fn look_up_once(services: &Calls, wanted: Wanted) -> Result<Option<Arc<Row>>> {
    let sessions = &services.mcp_sessions;
    let cell = {
        let mut looking = sessions.looking.lock();
        match looking.get(&wanted).and_then(Weak::upgrade) {
            Some(cell) => cell,
            None => {
                // Whoever looked has gone away.
                looking.retain(|_, cell| cell.strong_count() > 0);
                let cell = Arc::new(OnceCell::new());
                looking.insert(wanted, Arc::downgrade(&cell));
                cell
            }
        }
    };
    let look = async || {
        // The one before may just have ended.
        let found = match remembered(services, wanted) {
            Some(row) => Ok(Some(row)),
            None => look_up(services, wanted).await,
        };
        // Who comes from now on asks anew.
        sessions.looking.lock().remove(&wanted);
        found.map_err(|error| {
            error.log();
            Arc::new(error)
        })
    };
    cell.get_or_init(look).await.clone().map_err(|error| error.for_another())
}

/// Reads a session, and notes that it is used.
async fn look_up(services: &Calls, (hash, org, toolkit, caller): Wanted) -> Result<Option<Arc<Row>>> {
    let used = Instant::now();
    let mut scope = OrgScope::begin(&services.db.calls, org).await?;
    let Some(row) = db::mcp_session::find(&mut scope, &hash, caller, toolkit).await? else { return Ok(None) };
    scope.commit().await?;
    let row = Arc::new(row);
    let mut known = services.mcp_sessions.known.lock();
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(hash, KnownSession { org, row: row.clone(), used });
    Ok(Some(row))
}

/// Ends a session, on every replica.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn end(services: &Calls, org: OrgId, session: &Session) -> Result<()> {
    let mut scope = OrgScope::begin(&services.db.calls, org).await?;
    db::mcp_session::delete(&mut scope, &session.hash).await?;
    scope.commit().await?;
    services.mcp_sessions.forget(&session.hash);
    Ok(())
}

/// Ends sessions that nobody has used for long.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn sweep(services: &Base) -> Result<()> {
    while !services.stop.is_cancelled() {
        let mut scope = SystemScope::begin(&services.db.upkeep, Reason::Sweep).await?;
        let swept = db::mcp_session::sweep(&mut scope, IDLE.as_secs_f64()).await?;
        scope.commit().await?;
        if swept < db::mcp_session::SWEPT_AT_ONCE {
            break;
        }
    }
    Ok(())
}

/// Opens the stream of a session; an older one ends, on every replica.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn listen(services: &Calls, session: &Session) -> Result<Stream> {
    let (id, over) = (Uuid::now_v7().to_string(), CancellationToken::new());
    let stream = Stream { over: over.clone() };
    services.mcp_sessions.streams.open(session.hash, OpenStream { id: id.clone(), announced: false, over });
    db::mcp_session::announce_stream(&services.db.calls, &session.hash, &id).await?;
    Ok(stream)
}

/// The client no longer waits for a request, which any replica may be working on. Of a caller that says so too
/// often about what is not under way here it is not passed on: then the request goes on, as it may (MCP 2025-11-25,
/// "Cancellation").
///
/// # Errors
/// When Postgres cannot be reached; the request then goes on.
pub async fn cancel(services: &Calls, session: &Session, request: &str) -> Result<()> {
    let requests = &services.mcp_sessions.requests;
    if requests.cancel(session.hash, request)
        || request.len() > LONGEST_REQUEST_ID
        || !requests.may_tell(session.row.caller, tokio::time::Instant::now())
    {
        return Ok(());
    }
    db::mcp_session::announce_cancelled(&services.db.calls, &session.hash, request).await
}

/// Forgets sessions that end elsewhere, cancels what is cancelled elsewhere, and ends streams that a newer one
/// elsewhere takes the place of, until `stop`.
pub async fn follow(services: Arc<Calls>, stop: CancellationToken) {
    let mut news = services.live.sessions();
    let mut listening = services.live.listening();
    let sessions = &services.mcp_sessions;
    let hash = |text: &str| hex::decode(text).ok().and_then(|bytes| Hash::try_from(bytes).ok());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            // What ended while nobody listened was not heard of.
            Ok(()) = listening.changed() => sessions.lost_track(),
            news = news.recv() => match news {
                Ok(SessionNews::Ended { session }) => {
                    if let Some(hash) = hash(&session) {
                        sessions.forget(&hash);
                    }
                }
                Ok(SessionNews::Cancelled { session, request }) => {
                    if let Some(hash) = hash(&session) {
                        sessions.requests.cancel(hash, &request);
                    }
                }
                Ok(SessionNews::Listens { session, stream }) => {
                    if let Some(hash) = hash(&session) {
                        sessions.streams.announced(&hash, &stream);
                    }
                }
                Err(RecvError::Lagged(_)) => sessions.lost_track(),
                Err(RecvError::Closed) => return,
            },
        }
    }
}
