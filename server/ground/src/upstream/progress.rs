//! Forwards progress of calls in flight, from the stream on which an upstream reports it to the waiting call.
//!
//! Tokens are the caller's own and unique, so one list serves a connection's whole life and all of its streams.
//! Progress that nobody waits for is dropped: an upstream can neither block its session nor fill memory with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc};
use wire::mcp;

/// A call's progress, as its upstream reports it (MCP, "Progress").
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamProgress {
    /// The progress so far; an upstream should let it rise, which is not checked here.
    pub progress: f64,
    /// The total, if the upstream knows it.
    pub total: Option<f64>,
    /// The upstream's message, at most 500 characters.
    pub message: Option<String>,
}

impl UpstreamProgress {
    /// How many reports may wait for the receiver; further ones are dropped.
    const WAITING: usize = 16;
    const MESSAGE_CHARS: usize = 500;

    /// A channel for one call's progress.
    pub fn channel() -> (mpsc::Sender<Self>, mpsc::Receiver<Self>) {
        mpsc::channel(Self::WAITING)
    }
}

/// Where a call's progress goes.
#[derive(Clone, Copy)]
pub struct ProgressTo<'a> {
    /// The progress token in the call's parameters: a string or an integer that no other call in flight uses.
    pub token: &'a RawValue,
    /// Receives the reports until the call ends. When it is full or closed, reports are dropped.
    pub to: &'a mpsc::Sender<UpstreamProgress>,
}

impl fmt::Debug for ProgressTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressTo").field("token", &self.token.get()).finish_non_exhaustive()
    }
}

/// The calls of a connection with a receiver for progress, by token.
#[derive(Default)]
pub(super) struct Watchers {
    by_token: Mutex<HashMap<Token, Watched>>,
}

struct Watched {
    to: mpsc::Sender<UpstreamProgress>,
    /// Notified of each step, also when `to` is full.
    steps: Arc<Notify>,
}

/// A token with its escapes resolved, since an upstream may write them differently.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Token {
    Text(String),
    Number(String),
}

impl Token {
    fn read(raw: &RawValue) -> Self {
        match serde_json::from_str(raw.get()) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Number(raw.get().to_owned()),
        }
    }
}

impl Watchers {
    /// Forwards progress under this token until the guard is dropped.
    pub(super) fn watch(self: &Arc<Self>, progress: ProgressTo<'_>) -> Watching {
        let token = Token::read(progress.token);
        let watched = Watched { to: progress.to.clone(), steps: Arc::default() };
        let steps = watched.steps.clone();
        self.by_token.lock().insert(token.clone(), watched);
        Watching { watchers: self.clone(), token, steps }
    }

    /// Handles the parameters of `notifications/progress`. Ignored if they are malformed or about no call in flight.
    pub(super) fn tell(&self, params: &RawValue) {
        if self.by_token.lock().is_empty() {
            return;
        }
        let Ok(said) = mcp::Progress::parse(Some(params)) else { return };
        let number = |raw: &RawValue| raw.get().parse().ok().filter(|number: &f64| number.is_finite());
        let Some(progress) = number(said.progress) else { return };
        if let Some(Watched { to, steps }) = self.by_token.lock().get(&Token::read(said.token)) {
            steps.notify_one();
            let message = said.message.map(|text| text.chars().take(UpstreamProgress::MESSAGE_CHARS).collect());
            let _ = to.try_send(UpstreamProgress { progress, total: said.total.and_then(number), message });
        }
    }
}

/// Held while a call is in flight.
pub(super) struct Watching {
    watchers: Arc<Watchers>,
    token: Token,
    /// Notified of each step that the upstream reports.
    pub(super) steps: Arc<Notify>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watchers.by_token.lock().remove(&self.token);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics fails")]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn tell(watchers: &Watchers, json: &str) {
        watchers.tell(&raw(json));
    }

    #[test]
    fn progress_reaches_who_waits_for_its_token_however_it_is_written() {
        let watchers = Arc::<Watchers>::default();
        let (to, mut from) = UpstreamProgress::channel();
        let token = raw("\"a/b\"");
        let _watching = watchers.watch(ProgressTo { token: &token, to: &to });
        tell(&watchers, r#"{"progressToken":"\u0061\/b","progress":0.5,"total":2,"message":"half"}"#);
        tell(&watchers, r#"{"progressToken":"other","progress":1}"#);
        let told = UpstreamProgress { progress: 0.5, total: Some(2.0), message: Some("half".to_owned()) };
        assert_eq!(from.try_recv().unwrap(), told);
        assert!(from.try_recv().is_err());
    }

    #[test]
    fn a_number_and_a_text_are_different_tokens() {
        let watchers = Arc::<Watchers>::default();
        let (to, mut from) = UpstreamProgress::channel();
        let token = raw("7");
        let _watching = watchers.watch(ProgressTo { token: &token, to: &to });
        tell(&watchers, r#"{"progressToken":"7","progress":1}"#);
        assert!(from.try_recv().is_err());
        tell(&watchers, r#"{"progressToken":7,"progress":2}"#);
        assert_eq!(from.try_recv().unwrap().progress, 2.0);
    }

    #[test]
    fn what_is_malformed_is_ignored() {
        let watchers = Arc::<Watchers>::default();
        let (to, mut from) = UpstreamProgress::channel();
        let token = raw("1");
        let _watching = watchers.watch(ProgressTo { token: &token, to: &to });
        for params in [
            "[]",
            "{}",
            r#"{"progressToken":1}"#,
            r#"{"progressToken":1,"progress":"1"}"#,
            r#"{"progressToken":1,"progress":1e400}"#,
            r#"{"progressToken":1,"progress":1,"progress":2}"#,
            r#"{"progressToken":1,"progress":1,"message":{}}"#,
        ] {
            tell(&watchers, params);
        }
        assert!(from.try_recv().is_err());
    }

    #[test]
    fn too_much_is_dropped_and_long_words_are_cut() {
        let watchers = Arc::<Watchers>::default();
        let (to, mut from) = UpstreamProgress::channel();
        let token = raw("1");
        let watching = watchers.watch(ProgressTo { token: &token, to: &to });
        let long = "é".repeat(501);
        for step in 0..20 {
            tell(&watchers, &format!(r#"{{"progressToken":1,"progress":{step},"message":"{long}"}}"#));
        }
        let first = from.try_recv().unwrap();
        assert_eq!((first.progress, first.message.unwrap().chars().count()), (0.0, 500));
        assert_eq!(std::iter::from_fn(|| from.try_recv().ok()).count(), 15);
        drop(watching);
        tell(&watchers, r#"{"progressToken":1,"progress":99}"#);
        assert!(from.try_recv().is_err(), "the call is over");
    }
}
