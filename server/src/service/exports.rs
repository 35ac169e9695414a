//! Which exports of the audit are under way on this replica, by few at a time: each one searches the whole audit.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::Principal;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use crate::error::{Error, Kind, Result};

/// How many exports one replica writes at once. They take turns at reading, apart from those of the lists.
pub const EXPORTS: usize = 4;
/// After how long without reading anything an export gives its seat to somebody who asks for one.
pub const STALLED: Duration = Duration::from_secs(5 * 60);

/// The exports under way on this replica: one of each person or key, and at most [`EXPORTS`].
#[derive(Debug)]
pub struct Exports {
    seats: Arc<Mutex<HashMap<Principal, TakenSeat>>>,
    readers: Semaphore,
}

impl Exports {
    /// So many of them read at once: each read is wide, and people need connections for the rest too.
    pub fn new(readers: usize) -> Self {
        Self { seats: Arc::default(), readers: Semaphore::new(readers) }
    }

    /// Waits for the turn to read the next records.
    ///
    /// # Errors
    /// Never: the queue is not closed.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        self.readers.acquire().await.map_err(Error::internal)
    }
}

#[derive(Debug)]
struct TakenSeat {
    /// Tells a seat from the one that took its place.
    id: Uuid,
    /// When something was last read for it, by the clock's elapsed time.
    used: Duration,
}

/// One export's seat; given back when dropped.
#[derive(Debug)]
pub struct ExportSeat {
    seats: Arc<Mutex<HashMap<Principal, TakenSeat>>>,
    principal: Principal,
    id: Uuid,
}

impl ExportSeat {
    /// Takes a seat for somebody; `now` is the clock's elapsed time.
    ///
    /// # Errors
    /// `too_many_exports` (429) when the actor has an export under way, or everybody together [`EXPORTS`].
    pub fn take(exports: &Exports, principal: Principal, now: Duration) -> Result<Self> {
        let seats = exports.seats.clone();
        let mut taken = seats.lock();
        let full = taken.len() >= EXPORTS;
        // A file that nobody goes on reading would keep its seat until its connection ends.
        taken.retain(|who, seat| {
            let is_in_the_way = full || *who == principal;
            !is_in_the_way || now.saturating_sub(seat.used) < STALLED
        });
        if taken.contains_key(&principal) {
            return Err(too_many("you have an export under way; wait for its end, or end it"));
        }
        if taken.len() >= EXPORTS {
            return Err(too_many("other exports are under way; try again when one of them has ended"));
        }
        let id = Uuid::now_v7();
        taken.insert(principal, TakenSeat { id, used: now });
        drop(taken);
        Ok(Self { seats, principal, id })
    }

    /// Keeps the seat: something is read for it now.
    pub(super) fn keep(&self, now: Duration) -> Result<()> {
        let mut taken = self.seats.lock();
        let mine = taken.get_mut(&self.principal).filter(|seat| seat.id == self.id);
        let mine = mine.ok_or_else(|| too_many("this export was not read for too long"))?;
        mine.used = now;
        Ok(())
    }
}

impl Drop for ExportSeat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if taken.get(&self.principal).is_some_and(|seat| seat.id == self.id) {
            taken.remove(&self.principal);
        }
    }
}

fn too_many(message: &'static str) -> Error {
    Error::new(Kind::TooMany(Duration::from_secs(10)), "too_many_exports", message)
}
