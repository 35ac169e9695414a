//! The moment at which a request leaves the gateway.
//!
//! Whether an approved call may have run depends on this. A transport asks [`Departure::leave`] immediately before it
//! writes the first byte, and writes nothing if refused. So whatever else fails, "it has not left" is known and not
//! guessed from the kind of an error.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ConnectionSpec;
use super::error::Failure;

/// Asked before the first byte is written. `Err` says why nothing may be written.
pub(super) type Guard = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// A guard that always agrees, for requests that change nothing.
pub(super) fn unguarded() -> Guard {
    Arc::new(|| Ok(()))
}

enum DepartureState {
    Waiting(Guard),
    Held(String),
    Left,
}

/// One request's departure, shared between the task that waits for the answer and the task that writes. It is decided
/// once: left or held back, never both.
pub(super) struct Departure {
    state: Mutex<DepartureState>,
    decided: Notify,
    /// Notified of each step that the upstream reports.
    steps: Arc<Notify>,
}

impl Departure {
    pub(super) fn new(guard: Guard) -> Arc<Self> {
        Self::with_steps(guard, Arc::default())
    }

    /// The same, where `steps` is notified when the upstream reports progress.
    pub(super) fn with_steps(guard: Guard, steps: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(DepartureState::Waiting(guard)), decided: Notify::new(), steps })
    }

    /// Called by the writer right before the first byte. `Err` says why nothing may be written.
    pub(super) fn leave(&self) -> Result<(), String> {
        let mut state = self.state.lock();
        let verdict = match &*state {
            DepartureState::Waiting(guard) => guard(),
            DepartureState::Held(why) => Err(why.clone()),
            DepartureState::Left => Err("it was sent already".to_owned()),
        };
        if matches!(*state, DepartureState::Waiting(_)) {
            *state = match &verdict {
                Ok(()) => DepartureState::Left,
                Err(why) => DepartureState::Held(why.clone()),
            };
            self.decided.notify_one();
        }
        verdict
    }

    /// Forbids the departure. `true` if the request has not left and now never will; `false` if it is on its way.
    pub(super) fn hold_back(&self, why: &str) -> bool {
        let mut state = self.state.lock();
        if matches!(*state, DepartureState::Waiting(_)) {
            *state = DepartureState::Held(why.to_owned());
        }
        !matches!(*state, DepartureState::Left)
    }

    /// A failure by whether the request has left; also prevents it from leaving afterwards.
    pub(super) fn failed(&self, reason: String) -> Failure {
        self.stop(reason, Failure::NotSent)
    }

    /// As [`Departure::failed`], but a request that has not left may be sent on another session.
    pub(super) fn lost(&self, reason: String) -> Failure {
        self.stop(reason, Failure::Lost)
    }

    fn stop(&self, reason: String, not_left: fn(String) -> Failure) -> Failure {
        let mut state = self.state.lock();
        match &*state {
            DepartureState::Waiting(_) => {
                *state = DepartureState::Held(reason.clone());
                not_left(reason)
            }
            DepartureState::Held(why) => Failure::NotSent(why.clone()),
            DepartureState::Left => Failure::Unknown(reason),
        }
    }
}

/// The timeouts for the two halves of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// Until the first byte is written.
    pub(super) leave: Duration,
    /// From then until the answer is received; restarted by each step that the upstream reports, up to
    /// [`ConnectionSpec::LONGEST_CALL`] in all.
    pub(super) answer: Duration,
}

/// Runs `exchange` within `limits`, or until `cancel`. If it stops early, it returns `NotSent` or `Unknown` by whether
/// the request has left.
pub(super) async fn supervise<T>(
    departure: &Departure,
    limits: Timeouts,
    cancel: &CancellationToken,
    exchange: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::pin!(exchange);
    let stopped = tokio::select! {
        biased;
        outcome = &mut exchange => return outcome,
        () = departure.decided.notified() => None,
        () = tokio::time::sleep(limits.leave) => Some(format!(
            "it could not be sent within {}", seconds(limits.leave)
        )),
        () = cancel.cancelled() => Some("it was cancelled before it was sent".to_owned()),
    };
    if let Some(reason) = stopped
        && departure.hold_back(&reason)
    {
        return Err(Failure::NotSent(reason));
    }
    let mut patience = Patience::begin(limits.answer, Instant::now());
    loop {
        tokio::select! {
            biased;
            outcome = &mut exchange => return outcome,
            () = cancel.cancelled() => return Err(departure.failed("it was cancelled while it ran".to_owned())),
            () = tokio::time::sleep_until(patience.until) => return Err(departure.failed(patience.reason())),
            () = departure.steps.notified() => patience.step(Instant::now()),
        }
    }
}

/// The deadline for an answer.
struct Patience {
    limit: Duration,
    began: Instant,
    until: Instant,
}

impl Patience {
    fn begin(limit: Duration, now: Instant) -> Self {
        Self { limit, began: now, until: now + limit }
    }

    /// Extends the deadline, because the upstream reported a step.
    fn step(&mut self, now: Instant) {
        self.until = (now + self.limit).min(self.began + self.limit.max(ConnectionSpec::LONGEST_CALL));
    }

    /// Why the deadline has passed.
    fn reason(&self) -> String {
        let (limit, waited) = (seconds(self.limit), self.until - self.began);
        if waited > self.limit && waited < ConnectionSpec::LONGEST_CALL {
            format!("no answer and no progress within {limit}")
        } else {
            format!("no answer within {}", seconds(waited))
        }
    }
}

/// A duration as text: `10 s`, `0.25 s`.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 100.0).round() / 100.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails")]
mod tests {
    use super::*;

    fn limits(milliseconds: u64) -> Timeouts {
        let duration = Duration::from_millis(milliseconds);
        Timeouts { leave: duration, answer: duration }
    }

    #[test]
    fn what_was_held_back_never_leaves() {
        let departure = Departure::new(unguarded());
        assert!(departure.hold_back("too late"));
        assert_eq!(departure.leave(), Err("too late".to_owned()));
    }

    #[test]
    fn what_has_left_cannot_be_held_back() {
        let departure = Departure::new(unguarded());
        departure.leave().unwrap();
        assert!(!departure.hold_back("too late"));
        assert_eq!(departure.failed("lost".to_owned()), Failure::unknown("lost"));
        assert!(departure.leave().is_err(), "it leaves once");
    }

    #[test]
    fn a_guard_that_refuses_is_the_reason() {
        let departure = Departure::new(Arc::new(|| Err("the lease ran out".to_owned())));
        assert!(departure.leave().is_err());
        assert_eq!(departure.failed("connection lost".to_owned()), Failure::not_sent("the lease ran out"));
    }

    #[tokio::test]
    async fn a_request_that_never_left_in_time_is_not_sent() {
        let departure = Departure::new(unguarded());
        let outcome =
            supervise(&departure, limits(20), &CancellationToken::new(), std::future::pending::<Result<(), Failure>>())
                .await;
        assert_eq!(outcome, Err(Failure::not_sent("it could not be sent within 0.02 s")));
        assert!(departure.leave().is_err());
    }

    #[tokio::test]
    async fn a_request_that_left_and_got_no_answer_is_unknown() {
        let departure = Departure::new(unguarded());
        departure.leave().unwrap();
        let outcome =
            supervise(&departure, limits(20), &CancellationToken::new(), std::future::pending::<Result<(), Failure>>())
                .await;
        assert_eq!(outcome, Err(Failure::unknown("no answer within 0.02 s")));
    }

    #[test]
    fn each_step_of_the_upstream_begins_the_limit_anew_up_to_a_quarter_of_an_hour() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for (limit, steps, until, reason) in [
            (120, &[][..], 120, "no answer within 120 s"),
            (120, &[100, 200], 320, "no answer and no progress within 120 s"),
            (120, &[100, 200, 300, 400, 500, 600, 700, 800, 890], 900, "no answer within 900 s"),
            (3600, &[1, 3599], 3600, "no answer within 3600 s"),
        ] {
            let mut patience = Patience::begin(Duration::from_secs(limit), start);
            for step in steps {
                patience.step(at(*step));
            }
            assert_eq!((patience.until, patience.reason().as_str()), (at(until), reason));
        }
    }

    #[tokio::test]
    async fn cancelling_tells_whether_it_had_left() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let waiting = Departure::new(unguarded());
        let pending = || std::future::pending::<Result<(), Failure>>();
        assert!(matches!(supervise(&waiting, limits(9000), &cancel, pending()).await, Err(Failure::NotSent(_))));
        let gone = Departure::new(unguarded());
        gone.leave().unwrap();
        assert!(matches!(supervise(&gone, limits(9000), &cancel, pending()).await, Err(Failure::Unknown(_))));
    }
}
