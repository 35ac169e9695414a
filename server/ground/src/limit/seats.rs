//! How many things a caller may have open at once on one replica that cost something while they last: event streams,
//! held calls.

use std::{collections::HashMap, sync::Arc};

use domain::Principal;
use parking_lot::Mutex;

/// A number of seats for each caller.
#[derive(Clone)]
pub struct Seats {
    each: usize,
    taken: Arc<Mutex<HashMap<Principal, usize>>>,
}

/// A taken seat; released on drop.
pub struct Seat {
    seats: Seats,
    principal: Principal,
}

impl Seats {
    /// `each` seats for each caller.
    pub fn new(each: usize) -> Self {
        Self { each, taken: Arc::default() }
    }

    /// Takes a seat. `None`: the caller has all of its seats.
    pub fn take(&self, principal: Principal) -> Option<Seat> {
        let mut seats = self.taken.lock();
        let taken = seats.entry(principal).or_default();
        if *taken >= self.each {
            return None;
        }
        *taken += 1;
        Some(Seat { seats: self.clone(), principal })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.taken.lock();
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
        let seats = Seats::new(3);
        let principal = Principal::Key(ApiKeyId::new());
        let mut mine: Vec<Seat> = (0..3).map(|_| seats.take(principal).unwrap()).collect();
        assert!(seats.take(principal).is_none());
        assert!(seats.take(Principal::Key(ApiKeyId::new())).is_some(), "others are not concerned");
        mine.pop();
        assert!(seats.take(principal).is_some());
        drop(mine);
        assert!(seats.taken.lock().is_empty());
    }
}
