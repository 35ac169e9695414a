//! Turns for what Postgres does one at a time: opening approvals of one caller, changes in one org. A wait for the lock
//! in Postgres holds a connection, and many concurrent requests would take them all; here they wait without one.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

/// The longest wait for a turn.
const LONGEST_TURN: Duration = Duration::from_secs(30);

/// One turn at a time for each caller or org, on this replica, first come, first served.
pub struct Turns<K> {
    queues: Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self { queues: Mutex::default() }
    }
}

impl<K: Copy + Eq + Hash> Turns<K> {
    /// Waits for a turn of `whose`, which ends when the guard is dropped. `None`: there was no turn within 30 s.
    pub async fn of(&self, whose: K) -> Option<OwnedMutexGuard<()>> {
        let queue = {
            let mut queues = self.queues.lock();
            match queues.get(&whose).and_then(Weak::upgrade) {
                Some(queue) => queue,
                None => {
                    queues.retain(|_, queue| queue.strong_count() > 0);
                    let queue = Arc::default();
                    queues.insert(whose, Arc::downgrade(&queue));
                    queue
                }
            }
        };
        tokio::time::timeout(LONGEST_TURN, queue.lock_owned()).await.ok()
    }
}
