//! The one list of a connection's tools that is under way on this replica. It belongs to nobody who waits for it: who goes
//! away ends nothing, who comes shares it, and an upstream that does not answer is asked once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use api_types::Refreshed;
use domain::{ConnectionId, directory::Connection};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// A failure is remembered for as long as it took to come, but no longer than this: who comes meanwhile is told it at once.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Why tools were not listed.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The upstream: the reason is public and does not name the connection.
    Upstream(String),
    /// Anything else.
    Other(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Trouble {
    /// For agents and people; does not name the connection.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Upstream(reason) => reason.clone(),
            Self::Other(error) => error.to_string(),
        }
    }
}

/// A list that was made, or why not. Times are the clock's elapsed time.
pub(super) struct MadeList {
    pub(super) began: Duration,
    pub(super) ended: Duration,
    /// Of which configuration.
    pub(super) version: i64,
    pub(super) outcome: Result<Refreshed, Trouble>,
}

/// A list that is made for a configuration with other limits is another list.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Of {
    version: i64,
    connect_timeout_ms: i32,
    call_timeout_ms: i32,
}

impl From<&Connection> for Of {
    fn from(connection: &Connection) -> Self {
        let Connection { version, connect_timeout_ms, call_timeout_ms, .. } = *connection;
        Self { version, connect_timeout_ms, call_timeout_ms }
    }
}

struct UnderWay {
    of: Of,
    end: CancellationToken,
}

/// The lists of one connection.
pub(super) struct Listing {
    under_way: Mutex<Option<UnderWay>>,
    made: watch::Sender<Option<Arc<MadeList>>>,
}

impl Default for Listing {
    fn default() -> Self {
        Self { under_way: Mutex::default(), made: watch::Sender::new(None) }
    }
}

impl Listing {
    /// Whether one has to be made now, and what ends it early. None while one is under way; one for another configuration or
    /// other limits is given up.
    pub(super) fn begin(&self, connection: &Connection) -> Option<CancellationToken> {
        let mut under_way = self.under_way.lock();
        let of = Of::from(connection);
        if under_way.as_ref().is_some_and(|under_way| under_way.of == of) {
            return None;
        }
        let end = CancellationToken::new();
        if let Some(before) = under_way.replace(UnderWay { of, end: end.clone() }) {
            before.end.cancel();
        }
        Some(end)
    }

    /// Whether the one under way is for another configuration than this.
    pub(super) fn is_outdated(&self, connection: &Connection) -> bool {
        self.under_way.lock().as_ref().is_some_and(|under_way| under_way.of != connection.into())
    }

    /// Gives up what is under way. Who waits for it waits for the next.
    pub(super) fn give_up(&self) {
        if let Some(under_way) = self.under_way.lock().take() {
            under_way.end.cancel();
        }
    }

    /// Tells who waits. What was given up tells nobody.
    pub(super) fn finish(&self, end: &CancellationToken, made: MadeList) {
        let mut under_way = self.under_way.lock();
        if !end.is_cancelled() {
            *under_way = None;
            self.made.send_replace(Some(Arc::new(made)));
        }
    }

    /// Tells who waits that there will be none.
    pub(super) fn refuse(&self, now: Duration, version: i64, trouble: Trouble) {
        self.give_up();
        self.made.send_replace(Some(Arc::new(MadeList { began: now, ended: now, version, outcome: Err(trouble) })));
    }

    /// What is made from here on.
    pub(super) fn news(&self) -> News {
        News(self.made.subscribe())
    }

    /// Why the last one failed, if that was just now and of this version.
    pub(super) fn failure(&self, version: i64, now: Duration) -> Option<String> {
        let made = self.made.borrow();
        let made = made.as_ref().filter(|made| made.version == version)?;
        let took = made.ended.saturating_sub(made.began).min(REMEMBERED);
        let trouble = made.outcome.as_ref().err()?;
        (now.saturating_sub(made.ended) < took).then(|| trouble.reason())
    }
}

/// See [`Listing::news`].
pub(super) struct News(watch::Receiver<Option<Arc<MadeList>>>);

impl News {
    /// The next one that is made. Who waits slowly may miss one, but not the last.
    pub(super) async fn next(&mut self) -> Option<Arc<MadeList>> {
        self.0.changed().await.ok()?;
        self.0.borrow_and_update().clone()
    }
}

/// The connections whose tools somebody wants listed: each at most once.
#[derive(Default)]
pub(super) struct Wanted {
    waiting: Mutex<BTreeSet<ConnectionId>>,
    news: Notify,
}

impl Wanted {
    pub(super) fn add(&self, id: ConnectionId) {
        if self.waiting.lock().insert(id) {
            self.news.notify_one();
        }
    }

    /// Waits for the next one, and takes it. To be asked by one.
    pub(super) async fn next(&self) -> ConnectionId {
        loop {
            if let Some(id) = self.waiting.lock().pop_first() {
                return id;
            }
            self.news.notified().await;
        }
    }
}
