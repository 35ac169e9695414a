//! Limits the unrequested messages of upstreams, which may send any number of them.

use std::{collections::BTreeSet, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

/// How many notices a connection may send at once.
const AT_ONCE: f64 = 1_000.0;
/// How many it may send each second after that.
const A_SECOND: f64 = 200.0;
/// A larger notice counts as one for each of this many bytes.
const BYTES_A_NOTICE: usize = 16 * 1024;
/// Text that is no message counts by its bytes, and each line of it as this many more.
const BYTES_A_LINE: usize = 256;

/// The connections whose upstream says that its tools changed: each at most once, however often it says so.
#[derive(Default)]
pub(super) struct Changed {
    waiting: Mutex<BTreeSet<Uuid>>,
    news: Notify,
}

impl Changed {
    pub(super) fn say(&self, connection: Uuid) {
        if self.waiting.lock().insert(connection) {
            self.news.notify_one();
        }
    }

    /// Waits for the next one, and takes it.
    pub(super) async fn next(&self) -> Uuid {
        loop {
            // One permit is kept while nobody waits, so a notice that comes between the two lines is not missed.
            if let Some(connection) = self.waiting.lock().pop_first() {
                return connection;
            }
            self.news.notified().await;
        }
    }
}

/// Limits how fast a connection's notices are read: the excess waits in the upstream's own buffers.
pub(super) struct Pace {
    state: Mutex<(f64, Instant)>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { state: Mutex::new((AT_ONCE, Instant::now())) }
    }
}

impl Pace {
    /// Awaited after each message that answers nothing, before the next one is read.
    pub(super) async fn keep(&self, bytes: usize) {
        self.wait((1 + bytes / BYTES_A_NOTICE) as f64).await;
    }

    /// Awaited after text that is no message, such as comments or lines of a log, before more is read.
    pub(super) async fn pass_over(&self, lines: usize, bytes: usize) {
        if lines + bytes > 0 {
            self.wait((lines * BYTES_A_LINE + bytes) as f64 / BYTES_A_NOTICE as f64).await;
        }
    }

    async fn wait(&self, notices: f64) {
        let pause = self.take(notices, Instant::now());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    fn take(&self, notices: f64, now: Instant) -> Duration {
        let mut state = self.state.lock();
        let (left, at) = *state;
        let left = (left + now.saturating_duration_since(at).as_secs_f64() * A_SECOND).min(AT_ONCE) - notices;
        *state = (left, now);
        Duration::from_secs_f64((-left / A_SECOND).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_says_it_a_million_times_is_heard_once() {
        let changed = Changed::default();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for _ in 0..1_000_000 {
            changed.say(a);
        }
        changed.say(b);
        assert_eq!((changed.next().await, changed.next().await), (a, b));
        assert!(changed.waiting.lock().is_empty());
        changed.say(a);
        assert_eq!(changed.next().await, a, "what is said afterwards is heard again");
    }

    #[test]
    fn more_notices_than_may_be_are_read_no_faster_than_they_may_come() {
        let (pace, began) = (Pace::default(), Instant::now());
        let mut now = began;
        let mut read = |notices| {
            now += pace.take(notices, now);
            (now - began).as_secs_f64()
        };
        assert_eq!((0..1_000).map(|_| read(1.0)).sum::<f64>(), 0.0, "a burst waits for nothing");
        let took = (0..2_000).map(|_| read(1.0)).fold(0.0, f64::max);
        assert!((9.9..10.1).contains(&took), "{took} s for 2,000 more");
        assert!(read(1_000.0) - took > 4.9, "a large one counts for many");
    }
}
