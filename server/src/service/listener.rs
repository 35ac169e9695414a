//! Streams on which MCP clients hear what changes. They cost a connection each, so a caller may have only so
//! many on one replica.

use std::{collections::HashMap, sync::Arc};

use domain::Principal;
use parking_lot::Mutex;

use crate::error::{Error, Kind, Result};

/// How many streams one caller may have open on one replica.
pub const STREAMS: usize = 100;

/// Who listens.
#[derive(Clone, Default)]
pub struct Listeners {
    seats: Arc<Mutex<HashMap<Principal, usize>>>,
}

/// A stream that is open; dropping it ends that.
pub struct Seat {
    listeners: Listeners,
    principal: Principal,
}

impl Listeners {
    /// Takes a seat.
    ///
    /// # Errors
    /// `too_many_streams` (429) beyond [`STREAMS`].
    pub fn seat(&self, principal: Principal) -> Result<Seat> {
        let mut seats = self.seats.lock();
        let taken = seats.entry(principal).or_default();
        if *taken >= STREAMS {
            let text = format!("you have {STREAMS} event streams open here, which is the limit; close some first");
            return Err(Error::new(Kind::TooMany(std::time::Duration::from_secs(5)), "too_many_streams", text));
        }
        *taken += 1;
        Ok(Seat { listeners: self.clone(), principal })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.listeners.seats.lock();
        if let Some(taken) = seats.get_mut(&self.principal) {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use domain::ApiKeyId;

    use super::*;

    #[test]
    fn a_caller_has_so_many_seats_and_gets_back_what_it_leaves() {
        let listeners = Listeners::default();
        let principal = Principal::Key(ApiKeyId::new());
        let mut seats: Vec<Seat> = (0..STREAMS).map(|_| listeners.seat(principal).unwrap()).collect();
        assert!(listeners.seat(principal).is_err());
        assert!(listeners.seat(Principal::Key(ApiKeyId::new())).is_ok(), "others are not concerned");
        seats.pop();
        assert!(listeners.seat(principal).is_ok());
        drop(seats);
        assert!(listeners.seats.lock().is_empty());
    }
}
