//! The events of an org, for the consoles that watch it. While one does, and a minute longer, this
//! replica fills a ring with what happens: approvals and parts of the org by notification, calls and connections by looking
//! once a second (architecture.md, "The event stream"). Reading takes events from the ring at the reader's own
//! pace, so a slow one costs nothing and a returning one finds its place.

mod approvals;
mod calls;
mod channel;
mod connections;
mod fill;
mod parts;
mod ring;

use std::{sync::Arc, time::Duration};

use domain::{Principal, Right};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{Base, Views, access::OrgAccess};
use crate::{
    clock::Clock,
    error::{Error, Kind, Result},
};
use channel::{Channel, Seats};

pub use channel::Feed;
pub use ring::Event;

/// How many streams one person or key may have open on one replica.
pub const STREAMS: usize = 20;
/// How many events are handed out at once.
const BATCH: usize = 100;

/// The rights that let somebody watch, each for its own events.
pub const RIGHTS: [Right; 6] = [
    Right::ReadApprovals,
    Right::ReadAudit,
    Right::ReadConnections,
    Right::ReadMembers,
    Right::ReadKeys,
    Right::ReadToolkits,
];

/// Begins to watch an org, after the event whose id is `last`, if that is still known. What happens
/// from now on is not missed.
///
/// # Errors
/// Forbidden without any of [`RIGHTS`]; `too_many_streams` (429) beyond [`STREAMS`]; when Postgres
/// cannot be reached.
pub async fn watch(services: &Arc<Views>, access: &OrgAccess, last: Option<&str>) -> Result<Watcher> {
    if !RIGHTS.iter().any(|right| access.rights.has(*right)) {
        // The message names the first.
        access.require(RIGHTS[0])?;
    }
    let seat = StreamSeat::take(services, access.actor.principal)?;
    loop {
        let channel = match services.feed.find(access.org.id) {
            Some(channel) => channel,
            None => fill::open(services, access.org.id).await?,
        };
        if let Some(watcher) = Watcher::sit_down(&services.base, &channel, last, &seat) {
            return Ok(watcher);
        }
    }
}

/// One of the streams that a principal may have; given back when dropped.
struct StreamSeat {
    seats: Arc<Mutex<Seats>>,
    principal: Principal,
}

impl StreamSeat {
    fn take(services: &Views, principal: Principal) -> Result<Arc<Self>> {
        let seats = &services.feed.seats;
        let mut taken = seats.lock();
        let streams = taken.streams.entry(principal).or_default();
        if *streams >= STREAMS {
            let kind = Kind::TooMany(Duration::from_secs(10));
            let text = format!("you have {STREAMS} event streams open here; close one");
            return Err(Error::new(kind, "too_many_streams", text));
        }
        *streams += 1;
        Ok(Arc::new(Self { seats: seats.clone(), principal }))
    }
}

impl Drop for StreamSeat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(streams) = taken.streams.get_mut(&self.principal) {
            *streams -= 1;
            if *streams == 0 {
                taken.streams.remove(&self.principal);
            }
        }
    }
}

/// Reads one org's events. Rights are the reader's business.
pub struct Watcher {
    channel: Arc<Channel>,
    newest: watch::Receiver<u64>,
    place: u64,
    /// The place that was asked for is not known.
    lost: bool,
    clock: Clock,
    _seat: Arc<StreamSeat>,
}

/// What comes next.
pub enum Next {
    /// These events, oldest first.
    Events(Vec<Arc<Event>>),
    /// Some events are gone: what is shown must be read again.
    Resync,
}

impl Watcher {
    /// `None`: the ring was just taken away.
    fn sit_down(
        services: &Arc<Base>,
        channel: &Arc<Channel>,
        last: Option<&str>,
        seat: &Arc<StreamSeat>,
    ) -> Option<Self> {
        let mut watched = channel.watched.lock();
        if channel.closed.is_cancelled() {
            return None;
        }
        watched.by += 1;
        watched.left = None;
        drop(watched);
        channel.came.notify_one();
        let newest = channel.ring.lock().last();
        let asked = last.filter(|id| !id.is_empty()).map(|id| place(channel, id).filter(|place| *place <= newest));
        Some(Self {
            channel: channel.clone(),
            newest: channel.newest.subscribe(),
            place: asked.flatten().unwrap_or(newest),
            lost: asked == Some(None),
            clock: services.clock.clone(),
            _seat: seat.clone(),
        })
    }

    /// The id of an event, or of the place reached.
    pub fn id(&self, seq: Option<u64>) -> String {
        format!("{}-{}", self.channel.id.simple(), seq.unwrap_or(self.place))
    }

    /// Waits for what comes next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Next {
        loop {
            // Before the look, so that what comes after it wakes.
            self.newest.mark_unchanged();
            if let Some(next) = self.look() {
                return next;
            }
            // The sender lives in the channel, which this holds.
            let _ = self.newest.changed().await;
        }
    }

    fn look(&mut self) -> Option<Next> {
        if std::mem::take(&mut self.lost) {
            return Some(Next::Resync);
        }
        let ring = self.channel.ring.lock();
        let Some(events) = ring.after(self.place, BATCH) else {
            self.place = ring.last();
            return Some(Next::Resync);
        };
        self.place = events.last()?.seq;
        Some(Next::Events(events))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut watched = self.channel.watched.lock();
        watched.by -= 1;
        if watched.by == 0 {
            watched.left = Some(self.clock.elapsed());
        }
    }
}

fn place(channel: &Channel, id: &str) -> Option<u64> {
    let (ring, seq) = id.rsplit_once('-')?;
    (ring == channel.id.simple().to_string()).then_some(seq)?.parse().ok()
}
