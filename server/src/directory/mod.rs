//! The snapshot of all configuration, swapped whole, so that a call needs no query to be decided.
//! Its types, and the gate that reads it, are in `domain`.
//!
//! A notification or, at most [`POLL`] later, a look at the version brings a change in. A snapshot
//! that could not be confirmed for [`STALE`] is not used: a revoked key must not work because the
//! database went away.

mod schema;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use domain::directory::Directory;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use schema::{DEEPEST, LARGEST, Schemas, Validation, harmful};

use crate::{
    db::{self, Db},
    error::{Error, Result},
    live::Live,
};

/// How often the version is looked at, notification or not.
pub const POLL: Duration = Duration::from_millis(400);
/// How old the last confirmation may be.
pub const STALE: Duration = Duration::from_secs(5);
/// How long Postgres may take to answer: longer than any statement may (`db`). One that is gone without a word would
/// be waited for for ever.
const SILENCE: Duration = Duration::from_secs(35);

/// The current snapshot and what keeps it current.
pub struct Snapshots {
    db: Db,
    forbid_self_approval: bool,
    current: ArcSwap<Directory>,
    confirmed: Mutex<Instant>,
    version: watch::Sender<i64>,
    loading: tokio::sync::Mutex<()>,
    /// Compiled input schemas, by the definition's SHA-256.
    pub schemas: Schemas,
}

impl Snapshots {
    /// Loads the first snapshot. With `forbid_self_approval` no policy in any snapshot allows it.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn load(db: Db, forbid_self_approval: bool) -> Result<Arc<Self>> {
        let asked = Instant::now();
        let first = db::directory::load(&db, forbid_self_approval, None).await?;
        Ok(Arc::new(Self {
            db,
            forbid_self_approval,
            version: watch::channel(first.version).0,
            current: ArcSwap::from_pointee(first),
            confirmed: Mutex::new(asked),
            loading: tokio::sync::Mutex::new(()),
            schemas: Schemas::default(),
        }))
    }

    /// The snapshot.
    ///
    /// # Errors
    /// When it could not be confirmed for [`STALE`].
    pub fn get(&self) -> Result<Arc<Directory>> {
        if self.confirmed.lock().elapsed() > STALE {
            return Err(Error::unavailable("the database cannot be reached right now; nothing was done, try again"));
        }
        Ok(self.current.load_full())
    }

    /// The version of the snapshot that is in use, to be told of newer ones.
    pub fn versions(&self) -> watch::Receiver<i64> {
        self.version.subscribe()
    }

    /// Brings the snapshot up to what is committed now. Called after each change, so that who made
    /// it sees it.
    ///
    /// # Errors
    /// When Postgres cannot be reached, or says nothing for [`SILENCE`]; the old snapshot stays.
    pub async fn refresh(&self) -> Result<()> {
        let refreshed = tokio::time::timeout(SILENCE, self.refresh_now()).await;
        refreshed
            .unwrap_or_else(|_| Err(Error::unavailable("the database does not answer; nothing was done, try again")))
    }

    async fn refresh_now(&self) -> Result<()> {
        let wanted = Instant::now();
        let _one_at_a_time = self.loading.lock().await;
        // Whatever was committed when this was called is in what somebody else has asked for since.
        if *self.confirmed.lock() >= wanted {
            return Ok(());
        }
        if !self.confirm().await? {
            self.load_now().await?;
            // A load may take a good part of `STALE`, and counts from where it began.
            self.confirm().await?;
        }
        Ok(())
    }

    /// Whether the snapshot is what is committed now; then it is good for [`STALE`] from now on.
    async fn confirm(&self) -> Result<bool> {
        let asked = Instant::now();
        let current = db::directory::version(&self.db).await? == self.current.load().version;
        if current {
            *self.confirmed.lock() = asked;
        }
        Ok(current)
    }

    async fn load_now(&self) -> Result<()> {
        let asked = Instant::now();
        let before = self.current.load_full();
        let next = db::directory::load(&self.db, self.forbid_self_approval, Some(&before)).await?;
        tracing::debug!(version = next.version, took_ms = asked.elapsed().as_millis() as u64, "directory loaded");
        let version = next.version;
        self.current.store(Arc::new(next));
        *self.confirmed.lock() = asked;
        self.version.send_replace(version);
        Ok(())
    }

    /// Keeps the snapshot current until `stop`.
    pub async fn keep_current(self: Arc<Self>, live: Live, stop: CancellationToken) {
        let mut changes = live.configuration();
        let mut unwell = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = changes.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            match self.refresh().await {
                Ok(()) => unwell = false,
                Err(error) if !unwell => {
                    unwell = true;
                    tracing::warn!(%error, "directory cannot be refreshed");
                }
                Err(_) => {}
            }
        }
    }
}
