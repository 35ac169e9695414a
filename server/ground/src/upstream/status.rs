//! A connection's state: shown by the console, and used to decide when the next attempt to connect may be made.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::ConnectionSpec;
use super::notices::{Changed, Pace};
use super::progress::Watchers;
use super::secrets::Secrets;
use crate::clock::Clock;

/// The first pause after a failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// How many bytes of an upstream's instructions are kept.
const INSTRUCTIONS: usize = 32 * 1024;
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The number of failures in a row, about a minute of trying, after which a person should look.
pub(super) const MANY_FAILURES: u32 = 9;

/// The state of a connection. Before its first use it has no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A session is being opened.
    Connecting,
    /// A session is open.
    Connected,
    /// The session ended in good order: the next use opens another.
    Disconnected,
    /// The last attempt or the last call failed, or the session broke.
    Error,
}

/// A connection's state at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When the upstream last sent anything.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Why the last attempt, session or call failed; `None` once a call was answered again.
    pub last_error: Option<String>,
    /// When the next attempt may be made, after one that failed. Until then calls fail immediately.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

struct Health {
    state: State,
    since: DateTime<Utc>,
    last_seen: Option<DateTime<Utc>>,
    last_error: Option<String>,
    failures: u32,
    next_try: Option<Instant>,
    /// A reason, and the text that replaces it as the last error.
    explained: Option<(String, String)>,
}

/// Receives everything that is reported about one connection.
pub(super) struct Observer {
    id: Uuid,
    clock: Clock,
    changed: Arc<Changed>,
    pub(super) log: Arc<Log>,
    pub(super) secrets: Arc<Secrets>,
    /// Child processes until nothing is left of them, whoever dropped them.
    pub(super) children: TaskTracker,
    /// The calls in flight with a receiver for progress.
    pub(super) progress: Arc<Watchers>,
    /// Limits how fast unrequested messages are read.
    pub(super) pace: Arc<Pace>,
    /// The upstream's instructions from the last handshake; empty if it had none.
    instructions: Mutex<Option<Arc<str>>>,
    health: Mutex<Health>,
}

impl Observer {
    pub(super) fn new(
        spec: &ConnectionSpec,
        clock: Clock,
        changed: Arc<Changed>,
        (log, pace): (Arc<Log>, Arc<Pace>),
        children: TaskTracker,
    ) -> Self {
        let since = clock.now();
        Self {
            id: spec.id,
            clock,
            changed,
            log,
            secrets: spec.secrets.clone(),
            children,
            progress: Arc::default(),
            pace,
            instructions: Mutex::default(),
            health: Mutex::new(Health {
                state: State::Connecting,
                since,
                last_seen: None,
                last_error: None,
                failures: 0,
                next_try: None,
                explained: None,
            }),
        }
    }

    pub(super) fn status(&self) -> Status {
        let health = self.health.lock();
        let wait = health.next_try.and_then(|next| next.checked_duration_since(Instant::now()));
        Status {
            state: health.state,
            since: health.since,
            last_seen_at: health.last_seen,
            last_error: health.last_error.clone(),
            next_attempt_at: wait.map(|wait| self.clock.now() + wait),
        }
    }

    /// A handshake succeeded, and this result has the instructions for agents.
    pub(super) fn instructed(&self, result: &RawValue) {
        let text = wire::mcp::instructions(result).unwrap_or_default();
        *self.instructions.lock() = Some(self.secrets.redacted(&text, INSTRUCTIONS).into());
    }

    /// The instructions of the last handshake; `None` before the first one.
    pub(super) fn instructions(&self) -> Option<Arc<str>> {
        self.instructions.lock().clone()
    }

    pub(super) fn connecting(&self) {
        self.health.lock().enter(State::Connecting, self.clock.now());
    }

    pub(super) fn ready(&self) {
        let mut health = self.health.lock();
        health.enter(State::Connected, self.clock.now());
        health.last_seen = Some(self.clock.now());
        health.next_try = None;
        tracing::info!(connection.id = %self.id, "upstream connected");
    }

    /// The upstream sent something.
    pub(super) fn seen(&self) {
        self.health.lock().last_seen = Some(self.clock.now());
    }

    /// A request was answered: only this ends a row of failures. A successful connect is not enough, or a child that
    /// dies of every call would be restarted as fast as it can die.
    pub(super) fn answered(&self) {
        let mut health = self.health.lock();
        health.last_seen = Some(self.clock.now());
        health.failures = 0;
        health.last_error = None;
        health.enter(State::Connected, self.clock.now());
    }

    /// The session ended, and nothing broke.
    pub(super) fn ended(&self) {
        let mut health = self.health.lock();
        // The last failure remains the last failure.
        if health.state != State::Error {
            health.enter(State::Disconnected, self.clock.now());
        }
    }

    /// Shows `more` as the last error in place of `reason`.
    pub(super) fn explain(&self, reason: &str, more: String) {
        self.health.lock().explained = Some((reason.to_owned(), more));
    }

    /// A request left and was not answered. The session may be intact.
    pub(super) fn unanswered(&self, reason: &str) {
        let mut health = self.health.lock();
        health.note(reason);
        health.enter(State::Error, self.clock.now());
    }

    /// An attempt failed, or an open session broke by itself.
    pub(super) fn failed(&self, reason: &str) {
        let mut health = self.health.lock();
        health.failures = health.failures.saturating_add(1);
        let wait = backoff(health.failures);
        health.next_try = Some(Instant::now() + wait);
        health.note(reason);
        health.enter(State::Error, self.clock.now());
        tracing::warn!(
            connection.id = %self.id, reason, failures = health.failures,
            wait_ms = wait.as_millis(), "upstream failed"
        );
    }

    pub(super) fn failures(&self) -> u32 {
        self.health.lock().failures
    }

    /// The time until the next attempt is due, and the reason; `None` when one may be made now.
    pub(super) fn wait(&self) -> Option<(Duration, String)> {
        let health = self.health.lock();
        let wait = health.next_try?.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())?;
        Some((wait, health.last_error.clone().unwrap_or_default()))
    }

    /// Logs a line from the upstream, or about it, without the connection's secrets.
    pub(super) fn log(&self, line: &str) {
        self.log.push(&self.secrets.redacted(line, Log::LINE_LENGTH));
    }

    /// Logs that something from the upstream was not used, and why.
    pub(super) fn dropped(&self, what: &str) {
        self.log(&format!("not used: {what}"));
    }

    /// Logs details of a failure for the instance's administrators only; its reason is for everybody.
    pub(super) fn detail(&self, detail: &str) {
        tracing::info!(connection.id = %self.id, detail, "upstream not reached");
        self.log.push_detail(&self.secrets.redacted(detail, Log::LINE_LENGTH));
    }

    /// The upstream says that its tools changed.
    pub(super) fn tools_changed(&self) {
        self.changed.say(self.id);
    }
}

impl Health {
    fn note(&mut self, reason: &str) {
        let explained = self.explained.take().filter(|(known, _)| known == reason);
        self.last_error = Some(explained.map_or_else(|| reason.to_owned(), |(_, more)| more));
    }

    fn enter(&mut self, state: State, now: DateTime<Utc>) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }
}

/// The pause after this many failures in a row: 250 ms doubling to 30 s, of which the second half is random, so that
/// many gateways do not retry at the same time.
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT);
    // A hasher's random keys are random enough for this and need no crate.
    let random = RandomState::new().hash_one(failures) % 1000;
    full.mul_f64(0.5 + random as f64 / 2000.0)
}

/// The last lines of a connection: a child's stderr, and the gateway's notes, each without the connection's secrets.
/// Visible to everybody who may read connections.
#[derive(Default)]
pub(super) struct Log {
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<LogLine>,
    /// The number of lines ever written.
    count: u64,
}

struct LogLine {
    line: String,
    /// For the instance's administrators only.
    detail: bool,
}

impl Log {
    const LINES: usize = 500;
    /// In bytes; a longer line is cut.
    pub(super) const LINE_LENGTH: usize = 4096;

    /// Adds a line, without the control characters that would affect a reader's terminal.
    pub(super) fn push(&self, line: &str) {
        self.keep(line, false);
    }

    /// Adds a line that only the instance's administrators may read.
    pub(super) fn push_detail(&self, line: &str) {
        self.keep(line, true);
    }

    fn keep(&self, line: &str, detail: bool) {
        let mut kept = String::with_capacity(line.len().min(Self::LINE_LENGTH));
        for character in line.chars() {
            if kept.len() + character.len_utf8() > Self::LINE_LENGTH {
                break;
            }
            match character {
                '\t' => kept.push(' '),
                character if character.is_control() => {}
                character => kept.push(character),
            }
        }
        let mut lines = self.lines.lock();
        if lines.kept.len() == Self::LINES {
            lines.kept.pop_front();
        }
        lines.kept.push_back(LogLine { line: kept, detail });
        lines.count += 1;
    }

    /// The lines, oldest first; details of failures only if `details` is set.
    pub(super) fn lines(&self, details: bool) -> Vec<String> {
        self.lines.lock().kept.iter().filter(|entry| details || !entry.detail).map(|entry| entry.line.clone()).collect()
    }

    /// The number of lines ever written.
    pub(super) fn count(&self) -> u64 {
        self.lines.lock().count
    }

    /// The lines after the first `count` that are neither details nor blank, as far as they are kept.
    pub(super) fn since(&self, count: u64) -> Vec<String> {
        let lines = self.lines.lock();
        let new = lines.count.saturating_sub(count);
        let new = lines.kept.iter().rev().take(usize::try_from(new).unwrap_or(usize::MAX)).rev();
        let said = new.filter(|entry| !entry.detail && !entry.line.trim().is_empty());
        said.map(|entry| entry.line.clone()).collect()
    }
}

#[cfg(test)]
impl Observer {
    /// An observer of a connection that is not used.
    #[allow(clippy::unwrap_used, reason = "for tests")]
    pub(super) fn of_nothing() -> Self {
        let spec = ConnectionSpec {
            id: Uuid::nil(),
            slug: "test".to_owned(),
            version: 1,
            transport: super::Transport::StreamableHttp {
                url: "https://a.example".parse().unwrap(),
                headers: Vec::new(),
            },
            secrets: Arc::new(Secrets::new(["hunter2".to_owned()])),
            connect_timeout: ConnectionSpec::CONNECT_TIMEOUT,
            call_timeout: ConnectionSpec::CALL_TIMEOUT,
        };
        Self::new(&spec, Clock::system(), Arc::default(), Default::default(), TaskTracker::new())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails")]
mod tests {
    use super::*;
    use crate::upstream::Answer;

    fn observer() -> Observer {
        Observer::of_nothing()
    }

    #[test]
    fn waits_double_to_half_a_minute() {
        for (failures, longest) in [(1, 250), (2, 500), (5, 4_000), (8, 30_000), (9_999, 30_000)] {
            let longest = Duration::from_millis(longest);
            for _ in 0..50 {
                let wait = backoff(failures);
                assert!(wait <= longest && wait >= longest / 2, "{failures}: {wait:?}");
            }
        }
    }

    #[test]
    fn only_an_answer_ends_a_row_of_failures() {
        let observer = observer();
        observer.failed("refused");
        observer.failed("refused");
        assert_eq!(observer.status().state, State::Error);
        assert!(observer.status().next_attempt_at.is_some());
        observer.connecting();
        observer.ready();
        assert_eq!(observer.failures(), 2);
        assert!(observer.wait().is_none(), "an open session waits for nothing");
        observer.answered();
        assert_eq!(observer.failures(), 0);
        assert_eq!(observer.status().last_error, None);
    }

    #[test]
    fn many_failures_in_a_row_are_a_long_wait() {
        let observer = observer();
        for _ in 0..MANY_FAILURES {
            observer.failed("refused");
        }
        let (wait, reason) = observer.wait().unwrap();
        assert!(wait > Duration::from_secs(10));
        assert_eq!(reason, "refused");
    }

    #[test]
    fn the_state_says_what_happened_last() {
        let observer = observer();
        observer.ready();
        observer.ended();
        assert_eq!(observer.status().state, State::Disconnected);
        observer.ready();
        observer.unanswered("no answer");
        assert_eq!(observer.status().state, State::Error, "a call failed");
        observer.ended();
        assert_eq!(observer.status().state, State::Error);
        observer.answered();
        assert_eq!(observer.status().state, State::Connected);
    }

    #[test]
    fn a_connections_own_secrets_stand_in_no_line_whoever_reads_it() {
        let observer = observer();
        observer.log("cannot sign in with hunter2");
        observer.detail("10.1.2.3 does not know hunter2");
        let lines = observer.log.lines(true);
        assert_eq!(lines, ["cannot sign in with [redacted]", "10.1.2.3 does not know [redacted]"]);
    }

    #[test]
    fn a_refusal_that_repeats_a_header_tells_no_caller_its_value() {
        let observer = observer();
        let error = r#"{"code":-32020,"message":"x-key: hunter2\u0007 is not as expected"}"#;
        let answer = Answer::Error(RawValue::from_string(error.to_owned()).unwrap()).for_caller(&observer, false);
        let Answer::Error(told) = answer else { panic!("an error") };
        assert!(told.get().contains("gateway's request: x-key: [redacted] is not as expected"), "{told}");
        assert!(!observer.log.lines(true)[0].contains("hunter2"));
    }

    #[test]
    fn the_log_keeps_the_last_lines_bounded_and_harmless() {
        let log = Log::default();
        for number in 0..600 {
            log.push(&format!("line {number}"));
        }
        log.push("\u{1b}[31mred\u{1b}[0m\tend");
        log.push(&"é".repeat(9_000));
        let lines = log.lines(false);
        assert_eq!(lines.len(), 500);
        assert_eq!(lines[0], "line 102");
        assert_eq!(lines[498], "[31mred[0m end");
        assert_eq!(lines[499].len(), Log::LINE_LENGTH);
        log.push_detail("it resolved to 10.1.2.3");
        assert!(log.lines(true).iter().any(|line| line.contains("10.1.2.3")));
        assert!(!log.lines(false).iter().any(|line| line.contains("10.1.2.3")));
    }
}
