//! Limits the connections: in all, and for each address. When all seats are taken, a new connection takes the seat of
//! the one that has waited longest without showing a credential; if there is none, it waits.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{super::seldom::Seldom, ConnectionLimits};
use crate::{limit::throttle::network, metrics, service::access::Acquaintance};

/// How often the log repeats a message about connections.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The seats for connections.
pub(super) struct Room {
    per_address: usize,
    seats: Arc<Semaphore>,
    taken: Mutex<OccupiedSeats>,
    is_full: Seldom,
    is_over: Seldom,
}

/// Everything in here grows only with the open connections.
#[derive(Default)]
struct OccupiedSeats {
    arrivals: u64,
    of_address: HashMap<IpAddr, usize>,
    /// By arrival. A connection that has shown a credential since is skipped when its turn comes.
    strangers: BTreeMap<u64, (Acquaintance, CancellationToken)>,
}

/// The seat of one connection, released on drop.
pub(super) struct ConnectionSeat {
    room: Arc<Room>,
    arrival: u64,
    /// The address whose share it counts towards; `None` for a trusted proxy.
    address: Option<IpAddr>,
    /// Whether a credential was accepted on the connection.
    pub(super) acquaintance: Acquaintance,
    /// Cancelled when another connection needs the seat.
    pub(super) taken_back: CancellationToken,
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new(limits: &ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            per_address: limits.per_address,
            seats: Arc::new(Semaphore::new(limits.open)),
            taken: Mutex::default(),
            is_full: Seldom::new(SAID_EVERY),
            is_over: Seldom::new(SAID_EVERY),
        })
    }

    /// A seat for `peer`, which may be a trusted proxy; `None` if its address has used its share.
    pub(super) async fn seat(self: &Arc<Self>, peer: IpAddr, is_proxy: bool) -> Option<ConnectionSeat> {
        let mut seat = self.share(peer, is_proxy)?;
        let permit = match self.seats.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.take_one_back();
                self.seats.clone().acquire_owned().await.ok()?
            }
        };
        seat.permit = Some(permit);
        let stranger = (seat.acquaintance.clone(), seat.taken_back.clone());
        self.taken.lock().strangers.insert(seat.arrival, stranger);
        Some(seat)
    }

    fn share(self: &Arc<Self>, peer: IpAddr, is_proxy: bool) -> Option<ConnectionSeat> {
        let address = (!is_proxy).then(|| network(peer));
        let mut taken = self.taken.lock();
        if let Some(address) = address {
            let open = taken.of_address.entry(address).or_default();
            if *open >= self.per_address {
                metrics::connection_refused("share");
                if self.is_over.is_due() {
                    tracing::warn!(
                        %address,
                        open = self.per_address,
                        "an address has as many connections open as it may, and further ones are closed: if it is a \
                         proxy of yours, add it to PERMESSO_TRUSTED_PROXIES, else see \
                         PERMESSO_MAX_CONNECTIONS_PER_ADDRESS"
                    );
                }
                return None;
            }
            *open += 1;
        }
        taken.arrivals += 1;
        Some(ConnectionSeat {
            room: self.clone(),
            arrival: taken.arrivals,
            address,
            acquaintance: Acquaintance::default(),
            taken_back: CancellationToken::new(),
            permit: None,
        })
    }

    fn take_one_back(&self) {
        let mut taken = self.taken.lock();
        let stranger = loop {
            match taken.strangers.pop_first() {
                Some((_, (acquaintance, _))) if acquaintance.is_made() => {}
                other => break other,
            }
        };
        drop(taken);
        if self.is_full.is_due() {
            tracing::warn!(
                "as many connections are open as may be: those without a credential make room for new ones, and where \
                 there are none new ones wait (PERMESSO_MAX_CONNECTIONS)"
            );
        }
        if let Some((_, (_, taken_back))) = stranger {
            metrics::connection_refused("full");
            taken_back.cancel();
        }
    }
}

impl Drop for ConnectionSeat {
    fn drop(&mut self) {
        let mut taken = self.room.taken.lock();
        taken.strangers.remove(&self.arrival);
        if let Some(address) = self.address
            && let Some(open) = taken.of_address.get_mut(&address)
        {
            *open -= 1;
            if *open == 0 {
                taken.of_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn room(open: usize, per_address: usize) -> Arc<Room> {
        Room::new(&ConnectionLimits { open, per_address, ..ConnectionLimits::default() })
    }

    /// Asks for a seat: `None` while there is no answer, `Some(None)` for a refusal.
    fn ask(room: &Arc<Room>, address: &str) -> Option<Option<ConnectionSeat>> {
        room.seat(address.parse().unwrap(), false).now_or_never()
    }

    fn seat(room: &Arc<Room>, address: &str) -> ConnectionSeat {
        ask(room, address).unwrap().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_others_theirs() {
        let room = room(100, 2);
        let seats = [seat(&room, "192.0.2.1"), seat(&room, "::ffff:192.0.2.1"), seat(&room, "2001:db8::1")];
        let more = [seat(&room, "2001:db8::2"), seat(&room, "2001:db8:0:1::1"), seat(&room, "192.0.2.2")];
        for full in ["192.0.2.1", "2001:db8::3"] {
            assert!(ask(&room, full).unwrap().is_none(), "{full}");
        }
        drop(seats);
        drop(seat(&room, "192.0.2.1"));
        drop(more);
        let taken = room.taken.lock();
        assert!(taken.of_address.is_empty() && taken.strangers.is_empty(), "nobody is remembered who has gone");
    }

    #[test]
    fn a_trusted_proxy_has_no_share() {
        let room = room(100, 1);
        let proxy = "192.0.2.1".parse().unwrap();
        let seats: Vec<ConnectionSeat> =
            (0..50).map(|_| room.seat(proxy, true).now_or_never().unwrap().unwrap()).collect();
        assert_eq!(seats.len(), 50);
        assert!(room.taken.lock().of_address.is_empty());
    }

    #[test]
    fn when_all_seats_are_taken_the_oldest_stranger_makes_room_and_nobody_who_is_known() {
        let room = room(3, 3);
        let (known, old, young) = (seat(&room, "192.0.2.1"), seat(&room, "192.0.2.2"), seat(&room, "192.0.2.3"));
        known.acquaintance.make();
        assert!(ask(&room, "192.0.2.4").is_none(), "it waits for the seat");
        assert!(old.taken_back.is_cancelled());
        drop(old);
        let newest = seat(&room, "192.0.2.4");
        assert!(!known.taken_back.is_cancelled() && !young.taken_back.is_cancelled());
        young.acquaintance.make();
        newest.acquaintance.make();
        assert!(ask(&room, "192.0.2.5").is_none());
        assert!([&known, &young, &newest].iter().all(|seat| !seat.taken_back.is_cancelled()));
        assert_eq!(room.taken.lock().of_address.len(), 3, "who gave up waiting has no share");
    }
}
