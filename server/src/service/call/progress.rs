//! What a waiting client is told before its answer: progress, for those who asked (MCP, "Progress"). It
//! may leave before anything is recorded (approvals.md, promise 3), and never delays the call.

use std::{future::Future, sync::Arc};

use domain::AuditId;
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use wire::mcp::progress_notification;

use crate::upstream::UpstreamProgress;

/// Something for the client, before the answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// The answer will take a while: the response may begin.
    Waiting,
    /// A JSON-RPC notification.
    Notification(Vec<u8>),
}

/// The longest token that progress is told under, in bytes: each message repeats it.
const LONGEST_TOKEN: usize = 1_024;

/// Where a call says how it goes.
#[derive(Clone, Default)]
pub struct Progress {
    to: Option<Arc<To>>,
}

struct To {
    /// The caller's, if it wants progress.
    token: Option<Box<RawValue>>,
    told: mpsc::Sender<Told>,
    counted: Mutex<Counted>,
}

/// Progress must rise strictly, whoever counts.
#[derive(Default)]
struct Counted {
    last: Option<f64>,
    /// Where the upstream's count begins.
    base: Option<f64>,
}

impl Progress {
    /// Progress under `token`; without one the client only learns that its response begins.
    pub fn new(token: Option<&RawValue>, told: mpsc::Sender<Told>) -> Self {
        let token = token.filter(|token| token.get().len() <= LONGEST_TOKEN);
        let to = To { token: token.map(RawValue::to_owned), told, counted: Mutex::default() };
        Self { to: Some(Arc::new(to)) }
    }

    /// The token that an upstream tells progress under: our own, since callers share the upstream's session and theirs
    /// may collide. Also where no client asked for it: progress extends the call's time limit.
    pub(super) fn upstream_token(call: AuditId) -> Option<Box<RawValue>> {
        serde_json::value::to_raw_value(&call.0).ok()
    }

    /// Does `work`, and tells the client meanwhile what the upstream says of it.
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

    /// The answer will take a while.
    pub fn waiting(&self) {
        self.tell(Told::Waiting);
    }

    /// One step of our own.
    pub fn step(&self, message: &str) {
        let Some(to) = &self.to else { return };
        let mut counted = to.counted.lock();
        let value = counted.last.unwrap_or_default() + 1.0;
        counted.last = Some(value);
        drop(counted);
        self.notify(value, None, Some(message));
    }

    /// What the upstream says, counted on from where we are; what does not rise is left out.
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
            // Progress is a courtesy: who does not read it loses it.
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
