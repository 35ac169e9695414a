//! The one LISTEN connection of a replica. It wakes who waits for an approval, the directory, and
//! consoles. Notifications only hasten: whoever waits also looks by itself now and then, so a lost
//! one costs time and nothing else.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{ApprovalId, OrgId, SessionId};
use parking_lot::Mutex;
use sqlx::{Acquire, Connection, PgPool, postgres::PgListener};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// After so long without a notification the LISTEN connection is asked for a sign of life.
const QUIET: Duration = Duration::from_secs(10);
/// How long that may take.
const ANSWER: Duration = Duration::from_secs(5);

/// What is listened to.
const CHANNELS: [&str; 4] = ["permesso_approval", "permesso_configuration", "permesso_org", "permesso_session"];

/// An approval has a new state.
#[derive(Clone, Debug)]
pub struct ApprovalChanged {
    /// The org it belongs to.
    pub org: OrgId,
    /// Which.
    pub approval: ApprovalId,
    /// The name of the new state.
    pub state: String,
}

/// A part of an org has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgChanged {
    /// Which org.
    pub org: OrgId,
    /// Which part, as the triggers name it: `members`, `keys`, `toolkits`, `roles` or `org`.
    pub what: String,
}

/// Something about a session of an MCP client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionNews {
    /// It ended.
    Ended {
        /// SHA-256 of its id, in hexadecimal digits.
        session: String,
    },
    /// Its client no longer waits for a request.
    Cancelled {
        /// SHA-256 of its id, in hexadecimal digits.
        session: String,
        /// The request's id, as it was written.
        request: String,
    },
    /// A stream of it was opened.
    Listens {
        /// SHA-256 of its id, in hexadecimal digits.
        session: String,
        /// Which stream: one of this replica's or another's.
        stream: String,
    },
}

/// Where to subscribe. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    waiters: Mutex<HashMap<ApprovalId, watch::Sender<u64>>>,
    approvals: broadcast::Sender<ApprovalChanged>,
    orgs: broadcast::Sender<OrgChanged>,
    sessions: broadcast::Sender<SessionNews>,
    signed_out: broadcast::Sender<SessionId>,
    configuration: watch::Sender<u64>,
    connected: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            inner: Arc::new(Inner {
                waiters: Mutex::default(),
                approvals: broadcast::channel(1024).0,
                orgs: broadcast::channel(1024).0,
                sessions: broadcast::channel(1024).0,
                signed_out: broadcast::channel(1024).0,
                configuration: watch::channel(0).0,
                connected: watch::channel(false).0,
            }),
        }
    }
}

impl Live {
    /// Changes of configuration.
    pub fn configuration(&self) -> watch::Receiver<u64> {
        self.inner.configuration.subscribe()
    }

    /// Every approval's changes, of all orgs: the receiver filters.
    pub fn approvals(&self) -> broadcast::Receiver<ApprovalChanged> {
        self.inner.approvals.subscribe()
    }

    /// Which part of which org has changed, of all orgs: the receiver filters.
    pub fn orgs(&self) -> broadcast::Receiver<OrgChanged> {
        self.inner.orgs.subscribe()
    }

    /// News of MCP clients' sessions, of all orgs.
    pub fn sessions(&self) -> broadcast::Receiver<SessionNews> {
        self.inner.sessions.subscribe()
    }

    /// Console sessions that ended, of everybody.
    pub fn signed_out(&self) -> broadcast::Receiver<SessionId> {
        self.inner.signed_out.subscribe()
    }

    /// Whether the LISTEN connection stands now.
    pub fn is_listening(&self) -> bool {
        *self.inner.connected.borrow()
    }

    /// Whether the LISTEN connection stands. Whenever it becomes `true`, notifications may have been missed.
    pub fn listening(&self) -> watch::Receiver<bool> {
        self.inner.connected.subscribe()
    }

    /// Subscribes to one approval. Subscribe first, then read its state, then wait: so no change
    /// between the two is missed.
    pub fn watch(&self, approval: ApprovalId) -> Waiter {
        let mut waiters = self.inner.waiters.lock();
        let receiver = waiters.entry(approval).or_insert_with(|| watch::channel(0).0).subscribe();
        Waiter { approval, receiver, live: self.clone() }
    }

    /// Wakes who waits for this approval on this replica, without a round trip through Postgres.
    pub fn wake(&self, approval: ApprovalId) {
        if let Some(sender) = self.inner.waiters.lock().get(&approval) {
            sender.send_modify(|n| *n += 1);
        }
    }

    fn wake_all(&self) {
        for sender in self.inner.waiters.lock().values() {
            sender.send_modify(|n| *n += 1);
        }
        self.inner.configuration.send_modify(|n| *n += 1);
    }

    /// Listens until `stop`, connecting again whenever the connection is lost, at most 15 s after it
    /// fell silent without a word. After each new connection everyone is woken, since notifications may have
    /// been missed.
    pub async fn listen(self, pool: PgPool, stop: CancellationToken) {
        let mut pause = Duration::from_millis(100);
        loop {
            let listening = async {
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.eager_reconnect(false);
                listener.ignore_pool_close_event(true);
                listener.listen_all(CHANNELS).await?;
                self.inner.connected.send_replace(true);
                self.wake_all();
                loop {
                    match tokio::time::timeout(QUIET, listener.try_recv()).await {
                        Ok(Ok(Some(notification))) => self.dispatch(notification.channel(), notification.payload()),
                        Ok(Ok(None)) => return Ok::<_, sqlx::Error>(()),
                        Ok(Err(error)) => return Err(error),
                        Err(_) => sign_of_life(&mut listener).await?,
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                result = listening => {
                    let was_connected = self.inner.connected.send_replace(false);
                    if was_connected {
                        pause = Duration::from_millis(100);
                    }
                    tracing::warn!(error = ?result.err().map(|e| e.to_string()), "not listening to Postgres; polling until it is back");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(5)),
            }
        }
    }

    fn dispatch(&self, channel: &str, payload: &str) {
        if channel == "permesso_configuration" {
            self.inner.configuration.send_modify(|n| *n += 1);
            return;
        }
        if channel == "permesso_org" {
            if let Some((org, what)) = payload.split_once(' ')
                && let Ok(org) = org.parse()
            {
                // Nobody subscribed is no error.
                let _ = self.inner.orgs.send(OrgChanged { org, what: what.to_owned() });
            }
            return;
        }
        if channel == "permesso_session" {
            // Nobody subscribed is no error.
            if let Some(session) = payload.strip_prefix("signed_out ").and_then(|id| id.parse().ok()) {
                let _ = self.inner.signed_out.send(session);
            } else {
                let _ = session_news(payload).map(|news| self.inner.sessions.send(news));
            }
            return;
        }
        let mut words = payload.split(' ');
        let (Some(org), Some(approval), Some(state)) = (words.next(), words.next(), words.next()) else { return };
        let (Ok(org), Ok(approval)) = (org.parse(), approval.parse()) else { return };
        self.wake(approval);
        // Nobody subscribed is no error.
        let _ = self.inner.approvals.send(ApprovalChanged { org, approval, state: state.to_owned() });
    }
}

/// A connection that a firewall forgot or a crashed machine left behind brings nothing and never ends.
async fn sign_of_life(listener: &mut PgListener) -> sqlx::Result<()> {
    let asked = async { listener.acquire().await?.ping().await };
    tokio::time::timeout(ANSWER, asked)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}

fn session_news(payload: &str) -> Option<SessionNews> {
    let (what, rest) = payload.split_once(' ')?;
    match what {
        "ended" => Some(SessionNews::Ended { session: rest.to_owned() }),
        "cancelled" => {
            let (session, request) = rest.split_once(' ')?;
            Some(SessionNews::Cancelled { session: session.to_owned(), request: request.to_owned() })
        }
        "listens" => {
            let (session, stream) = rest.split_once(' ')?;
            Some(SessionNews::Listens { session: session.to_owned(), stream: stream.to_owned() })
        }
        _ => None,
    }
}

/// Waits for changes of one approval.
pub struct Waiter {
    approval: ApprovalId,
    receiver: watch::Receiver<u64>,
    live: Live,
}

impl Waiter {
    /// How long a waiter sleeps at most before it looks by itself.
    pub const POLL: Duration = Duration::from_secs(2);
    /// The same for who knows when the state changes by time alone, while notifications come in.
    const SELDOM: Duration = Duration::from_secs(10);

    /// Returns when the approval may have changed, at the latest after [`Self::POLL`].
    pub async fn changed(&mut self) {
        self.changed_within(Self::POLL).await;
    }

    /// Returns when the approval may have been changed by somebody. For hundreds of callers that are held at
    /// once: they look by themselves seldom, and often only while notifications may get lost.
    pub async fn decided(&mut self) {
        let pause = if self.live.is_listening() { Self::SELDOM } else { Self::POLL };
        self.changed_within(pause).await;
    }

    async fn changed_within(&mut self, pause: Duration) {
        // The sender lives in the map as long as a waiter does.
        let _ = tokio::time::timeout(pause, self.receiver.changed()).await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiters = self.live.inner.waiters.lock();
        // This receiver still counts: one means that nobody else waits.
        if waiters.get(&self.approval).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiters.remove(&self.approval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wake_between_subscribing_and_waiting_is_not_missed() {
        let live = Live::default();
        let id = ApprovalId::new();
        let mut waiter = live.watch(id);
        live.wake(id);
        tokio::time::timeout(Duration::from_millis(500), waiter.changed())
            .await
            .expect("it was woken before it waited");
    }

    #[tokio::test]
    async fn waiters_leave_nothing_behind() {
        let live = Live::default();
        let id = ApprovalId::new();
        let (first, second) = (live.watch(id), live.watch(id));
        drop(first);
        assert_eq!(live.inner.waiters.lock().len(), 1);
        drop(second);
        assert!(live.inner.waiters.lock().is_empty());
    }
}
