//! What this replica keeps of the orgs that somebody watches: a ring of events for each, and who watches it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use api_types::event;
use domain::{OrgId, Principal, Right};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ring::{Data, Ring};

/// How long a ring goes on being filled after the last watcher left.
const LINGER: Duration = Duration::from_secs(60);
/// All rings of this replica, and who watches.
#[derive(Default)]
pub struct Feed {
    pub(super) seats: Arc<Mutex<Seats>>,
    /// One ring is begun at a time.
    pub(super) opening: tokio::sync::Mutex<()>,
}

#[derive(Default)]
pub(super) struct Seats {
    pub(super) channels: HashMap<OrgId, Arc<Channel>>,
    pub(super) streams: HashMap<Principal, usize>,
}

/// One org's ring.
pub(super) struct Channel {
    /// Part of each event's id: another ring, or another replica's, has another.
    pub(super) id: Uuid,
    pub(super) org: OrgId,
    pub(super) ring: Mutex<Ring>,
    /// The number of the newest event.
    pub(super) newest: watch::Sender<u64>,
    /// How many watch, and when the last one left.
    pub(super) watched: Mutex<Watched>,
    /// Somebody has begun to watch.
    pub(super) came: Notify,
    /// Ends the filling.
    pub(super) closed: CancellationToken,
}

#[derive(Default)]
pub(super) struct Watched {
    pub(super) by: usize,
    pub(super) left: Option<Duration>,
}

impl Channel {
    pub(super) fn push(&self, name: &'static str, data: &impl serde::Serialize, needs: Option<Right>) {
        // Plain data always is JSON.
        self.push_data(name, Data::Json(serde_json::to_string(data).unwrap_or_default()), needs);
    }

    pub(super) fn push_data(&self, name: &'static str, data: Data, needs: Option<Right>) {
        let last = self.ring.lock().push(name, data, needs);
        self.newest.send_replace(last);
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watched.lock().by > 0
    }

    /// Events may have been missed.
    pub(super) fn resync(&self, needs: Option<Right>) {
        self.push(event::name::RESYNC, &serde_json::Map::new(), needs);
    }
}

impl Feed {
    /// Takes a ring that nobody has watched for [`LINGER`] away. `true`: it is gone.
    pub(super) fn close_if_left(&self, channel: &Channel, now: Duration) -> bool {
        let mut seats = self.seats.lock();
        let watched = channel.watched.lock();
        let left = watched.by == 0 && watched.left.is_none_or(|left| now.saturating_sub(left) >= LINGER);
        if left {
            seats.channels.remove(&channel.org);
            channel.closed.cancel();
        }
        left
    }

    /// Whether anybody watches any org on this replica.
    pub fn is_watched(&self) -> bool {
        self.seats.lock().channels.values().any(|channel| channel.is_watched())
    }

    pub(super) fn find(&self, org: OrgId) -> Option<Arc<Channel>> {
        self.seats.lock().channels.get(&org).cloned()
    }
}
