//! How many connections are tried at once.

use std::time::Duration;

use domain::Principal;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    error::{Error, Kind, Result},
    limit::seats::{Seat, Seats},
};

/// How many connections one replica tries at once; one person or key tries one.
const AT_ONCE: usize = 4;

/// The trials under way on this replica.
pub struct Trials {
    each: Seats,
    all: Semaphore,
}

impl Default for Trials {
    fn default() -> Self {
        Self { each: Seats::new(1), all: Semaphore::new(AT_ONCE) }
    }
}

impl Trials {
    /// Takes a turn, which ends when it is dropped.
    ///
    /// # Errors
    /// `too_many_tests` (429).
    pub(super) fn take(&self, principal: Principal) -> Result<(Seat, SemaphorePermit<'_>)> {
        let many = |message: &'static str| Error::new(Kind::TooMany(Duration::from_secs(5)), "too_many_tests", message);
        let seat = self.each.take(principal);
        let seat = seat.ok_or_else(|| many("you are testing a connection already; wait until that ends"))?;
        let turn = self.all.try_acquire();
        let turn = turn.map_err(|_| many("other connections are being tested; try again in a few seconds"))?;
        Ok((seat, turn))
    }
}
