//! Requests of sessions that are under way, which their client may say it no longer waits for
//! (`notifications/cancelled`), also at another replica.

use std::{collections::HashMap, time::Duration};

use domain::Principal;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::known::Hash;

/// How many a caller may have told to the other replicas at once (as many calls of one caller are held on each), and
/// how often one more: telling them serializes commits, and an id that nobody knows costs as much as one that counts.
const TOLD_AT_ONCE: u32 = 200;
const TOLD_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Requests under way on this replica.
#[derive(Default)]
pub(super) struct Requests {
    /// By session and the id they were written with.
    waiting: Mutex<HashMap<(Hash, String), Cancellable>>,
    /// When each caller is as if it had never had anything told (the "theoretical arrival time" of GCRA).
    clear_at: Mutex<HashMap<Principal, Instant>>,
}

/// The newest request with an id: a client may use one again.
struct Cancellable {
    serial: Uuid,
    cancelled: CancellationToken,
}

/// A request of a session that is under way; dropping it ends that.
pub struct UnderWay<'a> {
    requests: &'a Requests,
    key: (Hash, String),
    serial: Uuid,
    /// Cancelled when the client says that it no longer waits.
    pub cancelled: CancellationToken,
}

impl Requests {
    /// Notes that a request of this session is under way. `request` is its id as it was written.
    pub(super) fn begin(&self, session: Hash, request: &str) -> UnderWay<'_> {
        let key = (session, request.to_owned());
        let (serial, cancelled) = (Uuid::now_v7(), CancellationToken::new());
        self.waiting.lock().insert(key.clone(), Cancellable { serial, cancelled: cancelled.clone() });
        UnderWay { requests: self, key, serial, cancelled }
    }

    /// `false`: no such request is under way here.
    pub(super) fn cancel(&self, session: Hash, request: &str) -> bool {
        let waiting = self.waiting.lock();
        let found = waiting.get(&(session, request.to_owned())).map(|waiting| waiting.cancelled.cancel());
        found.is_some()
    }

    /// Whether this caller may have one more told.
    pub(super) fn may_tell(&self, caller: Principal, now: Instant) -> bool {
        let mut clear_at = self.clear_at.lock();
        let clear = clear_at.get(&caller).copied().unwrap_or(now).max(now);
        if clear - now > TOLD_AGAIN_AFTER * (TOLD_AT_ONCE - 1) {
            return false;
        }
        clear_at.retain(|_, clear| *clear > now);
        clear_at.insert(caller, clear + TOLD_AGAIN_AFTER);
        true
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut waiting = self.requests.waiting.lock();
        if waiting.get(&self.key).is_some_and(|waiting| waiting.serial == self.serial) {
            waiting.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ApiKeyId;

    use super::*;

    #[test]
    fn a_caller_that_cancels_all_the_time_is_passed_on_now_and_then() {
        let requests = Requests::default();
        let (caller, other) = (Principal::Key(ApiKeyId::new()), Principal::Key(ApiKeyId::new()));
        let begin = Instant::now();
        let told = |caller, at: Duration| (0..1_000).filter(|_| requests.may_tell(caller, begin + at)).count();
        assert_eq!(told(caller, Duration::ZERO), 200);
        assert_eq!(told(caller, Duration::from_secs(1)), 5);
        assert_eq!(told(other, Duration::from_secs(1)), 200, "others are not concerned");
        assert_eq!(told(caller, Duration::from_secs(60)), 200, "all is forgiven");
        assert_eq!(requests.clear_at.lock().len(), 1, "who is clear leaves nothing behind");
    }
}
