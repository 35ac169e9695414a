//! Sessions of clients that speak MCP 2025-11-25 or earlier ("Transports", session management). They live in
//! Postgres, so that any replica serves any of them; each remembers those it has seen, so that a call in a
//! session needs no query. A session is the caller's own: to anybody else, and at another toolkit, it does
//! not exist.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{OrgId, Principal, ToolkitId};
use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::canonical::sha256;

use super::Services;
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

type Hash = [u8; 32];

/// What this replica knows of sessions.
#[derive(Default)]
pub struct Sessions {
    known: Mutex<HashMap<Hash, Known>>,
    /// Requests under way, by session and the id they were written with.
    waiting: Mutex<HashMap<(Hash, String), Waiting>>,
    /// The stream of each session, which ends with it.
    streams: Mutex<HashMap<Hash, CancellationToken>>,
}

/// The newest request with an id: a client may use one again.
struct Waiting {
    serial: Uuid,
    cancelled: CancellationToken,
}

struct Known {
    org: OrgId,
    row: Arc<Row>,
    used: Instant,
}

/// A session in use.
#[derive(Clone, Debug)]
pub struct Session {
    hash: Hash,
    /// What is known of it.
    pub row: Arc<Row>,
}

/// Starts a session, and gives its id.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn start(
    services: &Services,
    org: OrgId,
    toolkit: ToolkitId,
    caller: Principal,
    client: Option<String>,
) -> Result<String> {
    let id = random::text::<32>();
    let mut scope = OrgScope::begin(&services.db, org).await?;
    db::mcp_session::insert(&mut scope, &sha256(id.as_bytes()), &Row { caller, toolkit, client }).await?;
    scope.commit().await?;
    Ok(id)
}

/// Finds the session with this id, if it is this caller's at this toolkit.
///
/// # Errors
/// Not found, whatever the reason; `unavailable` when Postgres is needed and cannot be reached.
pub async fn find(services: &Services, org: OrgId, toolkit: ToolkitId, caller: Principal, id: &str) -> Result<Session> {
    let hash = sha256(id.as_bytes());
    let row = match remembered(services, org, &hash) {
        Some(row) if row.caller == caller && row.toolkit == toolkit => Some(row),
        // Also for another's: that it is known here must not be told by how soon it is refused.
        _ => look_up(services, org, &hash, caller, toolkit).await?,
    };
    row.map(|row| Session { hash, row }).ok_or_else(|| {
        Error::new(Kind::NotFound, "unknown_session", "there is no such session; begin a new one with `initialize`")
    })
}

/// What is remembered counts only while the end of a session would be heard of.
fn remembered(services: &Services, org: OrgId, hash: &Hash) -> Option<Arc<Row>> {
    if !services.live.is_listening() {
        return None;
    }
    let known = services.mcp_sessions.known.lock();
    let known = known.get(hash).filter(|known| known.org == org && known.used.elapsed() < NOTE_USE)?;
    Some(known.row.clone())
}

/// Reads a session, and notes that it is used.
async fn look_up(
    services: &Services,
    org: OrgId,
    hash: &Hash,
    caller: Principal,
    toolkit: ToolkitId,
) -> Result<Option<Arc<Row>>> {
    let used = Instant::now();
    let mut scope = OrgScope::begin(&services.db, org).await?;
    let Some(row) = db::mcp_session::find(&mut scope, hash, caller, toolkit).await? else { return Ok(None) };
    scope.commit().await?;
    let row = Arc::new(row);
    let mut known = services.mcp_sessions.known.lock();
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(*hash, Known { org, row: row.clone(), used });
    Ok(Some(row))
}

/// Ends a session, on every replica.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn end(services: &Services, org: OrgId, session: &Session) -> Result<()> {
    let mut scope = OrgScope::begin(&services.db, org).await?;
    db::mcp_session::delete(&mut scope, &session.hash).await?;
    scope.commit().await?;
    services.mcp_sessions.forget(&session.hash);
    Ok(())
}

/// Ends sessions that nobody has used for long.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn sweep(services: &Services) -> Result<()> {
    let mut scope = SystemScope::begin(&services.db, Reason::Sweep).await?;
    db::mcp_session::sweep(&mut scope, IDLE.as_secs_f64()).await?;
    scope.commit().await
}

/// A request of a session that is under way; dropping it ends that.
pub struct UnderWay<'a> {
    sessions: &'a Sessions,
    key: (Hash, String),
    serial: Uuid,
    /// Cancelled when the client says that it no longer waits.
    pub cancelled: CancellationToken,
}

impl Sessions {
    /// Notes that a request is under way. `request` is its id as it was written.
    pub fn under_way(&self, session: &Session, request: &str) -> UnderWay<'_> {
        let key = (session.hash, request.to_owned());
        let (serial, cancelled) = (Uuid::now_v7(), CancellationToken::new());
        self.waiting.lock().insert(key.clone(), Waiting { serial, cancelled: cancelled.clone() });
        UnderWay { sessions: self, key, serial, cancelled }
    }

    /// The stream of a session: cancelled when the session ends or a newer stream takes its place, since
    /// nothing is told on two (MCP 2025-11-25, "Multiple Connections").
    pub fn listen(&self, session: &Session) -> CancellationToken {
        let over = CancellationToken::new();
        let mut streams = self.streams.lock();
        streams.retain(|_, stream| !stream.is_cancelled());
        if let Some(older) = streams.insert(session.hash, over.clone()) {
            older.cancel();
        }
        over
    }

    fn forget(&self, hash: &Hash) {
        self.known.lock().remove(hash);
        if let Some(stream) = self.streams.lock().remove(hash) {
            stream.cancel();
        }
    }

    /// `false`: no such request is under way here.
    fn cancel(&self, key: &(Hash, String)) -> bool {
        let found = self.waiting.lock().get(key).map(|waiting| waiting.cancelled.cancel());
        found.is_some()
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut waiting = self.sessions.waiting.lock();
        if waiting.get(&self.key).is_some_and(|waiting| waiting.serial == self.serial) {
            waiting.remove(&self.key);
        }
    }
}

/// The longest id of a request that is told to other replicas, in bytes.
const LONGEST_REQUEST_ID: usize = 500;

/// The client no longer waits for a request, which any replica may be working on.
///
/// # Errors
/// When Postgres cannot be reached; the request then goes on.
pub async fn cancel(services: &Services, session: &Session, request: &str) -> Result<()> {
    let known_here = services.mcp_sessions.cancel(&(session.hash, request.to_owned()));
    if known_here || request.len() > LONGEST_REQUEST_ID {
        return Ok(());
    }
    db::mcp_session::announce_cancelled(&services.db, &session.hash, request).await
}

/// Forgets sessions that end elsewhere, and cancels what is cancelled elsewhere, until `stop`.
pub async fn follow(services: Arc<Services>, stop: CancellationToken) {
    let mut news = services.live.sessions();
    let mut listening = services.live.listening();
    let sessions = &services.mcp_sessions;
    let hash = |text: &str| hex::decode(text).ok().and_then(|bytes| Hash::try_from(bytes).ok());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            // What ended while nobody listened was not heard of.
            Ok(()) = listening.changed() => sessions.known.lock().clear(),
            news = news.recv() => match news {
                Ok(SessionNews::Ended { session }) => {
                    if let Some(hash) = hash(&session) {
                        sessions.forget(&hash);
                    }
                }
                Ok(SessionNews::Cancelled { session, request }) => {
                    if let Some(hash) = hash(&session) {
                        sessions.cancel(&(hash, request));
                    }
                }
                Err(RecvError::Lagged(_)) => sessions.known.lock().clear(),
                Err(RecvError::Closed) => return,
            },
        }
    }
}
