//! Looks up secrets that are not kept, for whoever sends one: all that wait are looked up together, so that many who guess
//! keep nobody waiting for longer than one look takes.

use std::collections::HashMap;

use domain::directory::KeySecret;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

use super::kept::Item;
use crate::{
    db::{self, Db},
    error::{Error, Result},
};

/// How many are looked up with one query.
const AT_ONCE: usize = 1_000;

type Found = Result<Option<Item<KeySecret>>>;

/// A secret's SHA-256, and who waits for what becomes of it.
type Asked = ([u8; 32], oneshot::Sender<Found>);

/// Those that wait.
pub(super) struct Secrets {
    db: Db,
    waiting: Mutex<Vec<Asked>>,
    turn: Semaphore,
}

impl Secrets {
    pub(super) fn new(db: Db) -> Self {
        Self { db, waiting: Mutex::default(), turn: Semaphore::new(1) }
    }

    /// The key with this secret.
    pub(super) async fn find(&self, sha256: &[u8; 32]) -> Found {
        loop {
            let (tell, mut told) = oneshot::channel();
            self.waiting.lock().push((*sha256, tell));
            let answered = loop {
                tokio::select! {
                    biased;
                    answered = &mut told => break answered,
                    turn = self.turn.acquire() => {
                        let _turn = turn.map_err(Error::internal)?;
                        self.look_some_up().await;
                    }
                }
            };
            // Whoever looked it up may have gone in the middle.
            if let Ok(found) = answered {
                return found;
            }
        }
    }

    async fn look_some_up(&self) {
        let some: Vec<Asked> = {
            let mut waiting = self.waiting.lock();
            waiting.retain(|(_, tell)| !tell.is_closed());
            let some = waiting.len().min(AT_ONCE);
            waiting.drain(..some).collect()
        };
        if some.is_empty() {
            return;
        }
        let secrets: Vec<[u8; 32]> = some.iter().map(|(sha256, _)| *sha256).collect();
        let found = db::directory::keys(&self.db, &secrets).await;
        let found = found.map(|found| found.into_iter().collect::<HashMap<_, _>>());
        for (sha256, tell) in some {
            // Whether the owner may use a key is on the owner: they are a member of its org, or administer the instance.
            let item = |read: &db::directory::Read<KeySecret>| {
                Item::of([read.value.key.id.0, read.value.key.owner.0], read.clone())
            };
            // Who has gone needs no answer.
            let _ = tell.send(found.as_ref().map(|found| found.get(&sha256).map(item)).map_err(Clone::clone));
        }
    }
}
