//! Progress for a waiting client that asked for it (MCP, "Progress"). It may be sent before anything is recorded
//! (approvals.md, promise 3), and never delays the call.

use std::{future::Future, sync::Arc};

use domain::AuditId;
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use wire::mcp::progress_notification;

use crate::upstream::UpstreamProgress;

/// A message for the client before the answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// The answer will take a while: the response may begin.
    Waiting,
    /// A JSON-RPC notification.
    Notification(Vec<u8>),
}

/// The longest progress token that is used, in bytes: each message repeats it.
const LONGEST_TOKEN: usize = 1_024;

/// Sends a call's progress to its client.
#[derive(Clone, Default)]
pub struct Progress {
    to: Option<Arc<To>>,
}

struct To {
    /// The caller's token, if it wants progress.
    token: Option<Box<RawValue>>,
    told: mpsc::Sender<Told>,
    counted: Mutex<Counted>,
}

/// The progress so far. It must rise strictly, whoever counts.
#[derive(Default)]
struct Counted {
    last: Option<f64>,
    /// Where the upstream's count begins.
    base: Option<f64>,
}

impl Progress {
    /// Progress under `token`. Without a token the client only learns that its response begins.
    pub fn new(token: Option<&RawValue>, told: mpsc::Sender<Told>) -> Self {
        let token = token.filter(|token| token.get().len() <= LONGEST_TOKEN);
        let to = To { token: token.map(RawValue::to_owned), told, counted: Mutex::default() };
        Self { to: Some(Arc::new(to)) }
    }

    /// The token under which an upstream reports progress. It is our own, since callers share the upstream's session
    /// and their tokens may collide. It is set even if the client did not ask: progress extends the call's timeout.
    pub(super) fn upstream_token(call: AuditId) -> Option<Box<RawValue>> {
        serde_json::value::to_raw_value(&call.0).ok()
    }

    /// Runs `work` and forwards the upstream's progress to the client meanwhile.
    pub(super) async fn while_doing<T>(
        &self,
        mut said: mpsc::Receiver<UpstreamProgress>,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(said) = said.recv() => self.upstream(&said),
                done = &mut work => return done,
            }
        }
    }

    /// Tells the client that the answer will take a while.
    pub fn waiting(&self) {
        self.tell(Told::Waiting);
    }

    /// Reports one step of the gateway.
    pub fn step(&self, message: &str) {
        let Some(to) = &self.to else { return };
        let mut counted = to.counted.lock();
        let value = counted.last.unwrap_or_default() + 1.0;
        counted.last = Some(value);
        drop(counted);
        self.notify(value, None, Some(message));
    }

    /// Reports the upstream's progress, added to ours; a value that does not rise is dropped.
    fn upstream(&self, said: &UpstreamProgress) {
        let Some(to) = &self.to else { return };
        let mut counted = to.counted.lock();
        let base = counted.last.unwrap_or_default();
        let base = *counted.base.get_or_insert(base);
        let value = base + said.progress;
        if value.is_nan() || counted.last.is_some_and(|last| value <= last) {
            return;
        }
        counted.last = Some(value);
        drop(counted);
        self.notify(value, said.total.map(|total| base + total), said.message.as_deref());
    }

    fn notify(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let token = self.to.as_ref().and_then(|to| to.token.as_deref());
        if let Some(token) = token {
            self.tell(Told::Notification(progress_notification(token, progress, total, message)));
        }
    }

    fn tell(&self, what: Told) {
        if let Some(to) = &self.to {
            // Progress is best effort: a client that does not read it loses it.
            let _ = to.told.try_send(what);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn counts(heard: &mut mpsc::Receiver<Told>) -> Vec<(f64, Option<f64>)> {
        let mut counts = Vec::new();
        while let Ok(told) = heard.try_recv() {
            let Told::Notification(bytes) = told else { continue };
            let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(
                (&json["method"], &json["params"]["progressToken"]),
                (&"notifications/progress".into(), &7.into())
            );
            counts.push((json["params"]["progress"].as_f64().unwrap(), json["params"]["total"].as_f64()));
        }
        counts
    }

    #[test]
    fn the_upstreams_count_goes_on_above_ours_and_never_falls() {
        let token = RawValue::from_string("7".to_owned()).unwrap();
        let (told, mut heard) = mpsc::channel(16);
        let progress = Progress::new(Some(&token), told);
        progress.step("waiting for approval");
        progress.step("waiting for approval");
        let said = |progress, total| UpstreamProgress { progress, total, message: None };
        for (value, total) in [(0.0, None), (1.0, Some(10.0)), (0.5, None), (4.0, Some(10.0)), (f64::NAN, None)] {
            progress.upstream(&said(value, total));
        }
        assert_eq!(counts(&mut heard), [(1.0, None), (2.0, None), (3.0, Some(12.0)), (6.0, Some(12.0))]);
    }

    #[test]
    fn an_upstream_may_begin_at_zero() {
        let token = RawValue::from_string("7".to_owned()).unwrap();
        let (told, mut heard) = mpsc::channel(16);
        let progress = Progress::new(Some(&token), told);
        for value in [0.0, 0.0, 50.0] {
            progress.upstream(&UpstreamProgress { progress: value, total: Some(100.0), message: None });
        }
        assert_eq!(counts(&mut heard), [(0.0, Some(100.0)), (50.0, Some(100.0))]);
    }

    #[test]
    fn without_a_token_the_client_hears_only_that_it_waits() {
        let (told, mut heard) = mpsc::channel(16);
        let progress = Progress::new(None, told);
        progress.waiting();
        progress.step("waiting for approval");
        assert_eq!(heard.try_recv().unwrap(), Told::Waiting);
        assert!(heard.try_recv().is_err());
    }

    #[test]
    fn a_client_that_does_not_read_delays_nothing() {
        let token = RawValue::from_string("7".to_owned()).unwrap();
        let (told, mut heard) = mpsc::channel(16);
        let progress = Progress::new(Some(&token), told);
        for _ in 0..1_000 {
            progress.step("x");
        }
        assert_eq!(counts(&mut heard).len(), 16);
    }
}
