//! Turns of callers at what Postgres lets one of them do at a time: who waits for the lock there holds a
//! connection meanwhile, and a caller that asks many times at once would take them all.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use domain::Principal;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

/// One turn at a time for each caller, on this replica.
#[derive(Default)]
pub struct Turns {
    queues: Mutex<HashMap<Principal, Weak<tokio::sync::Mutex<()>>>>,
}

impl Turns {
    /// Waits for the caller's turn, which ends when the guard is dropped.
    pub async fn of(&self, principal: Principal) -> OwnedMutexGuard<()> {
        let queue = {
            let mut queues = self.queues.lock();
            match queues.get(&principal).and_then(Weak::upgrade) {
                Some(queue) => queue,
                None => {
                    queues.retain(|_, queue| queue.strong_count() > 0);
                    let queue = Arc::default();
                    queues.insert(principal, Arc::downgrade(&queue));
                    queue
                }
            }
        };
        queue.lock_owned().await
    }
}
