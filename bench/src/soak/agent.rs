//! An agent: one call after another until the time is over, each followed until it has an end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::sleep;

use super::{
    book::{Book, End, Record, Step},
    kind::Kind,
    ledger::{Entries, LOOK, TRANSFER},
    line::{Heard, Line, Missed},
    reading::{Said, of_call, of_status},
};

/// A call that has no end by then is lost: requests expire long before, also one that expires between two
/// calls of its agent and is asked for anew.
pub(super) const LONGEST: Duration = Duration::from_secs(200);
/// Between two attempts after a fault.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// One agent.
pub(crate) struct Agent {
    pub(crate) kind: Kind,
    /// Its number among all.
    pub(crate) number: usize,
    pub(crate) line: Line,
    pub(crate) random: fastrand::Rng,
    pub(crate) book: Arc<Book>,
    pub(crate) entries: Arc<Entries>,
}

/// What it does when it goes away while it is held.
struct Leave {
    after: Duration,
    /// It comes back after so long, or never.
    back: Option<Duration>,
}

impl Agent {
    /// Works until `end`, and until its last call has ended.
    pub(crate) async fn work(mut self, end: Instant) {
        sleep(self.between(0.0, 3.0)).await;
        self.line.begin().await;
        for count in 0.. {
            if Instant::now() >= end {
                break;
            }
            let token = format!("{}-{}-{count}", self.kind.name(), self.number);
            self.book.open(&token, self.kind);
            let (record, pause) = match self.kind {
                Kind::Always => (self.look(&token).await, self.between(0.0, 0.2)),
                Kind::TaskGet | Kind::TaskListen => (self.task(&token).await, self.between(0.0, 2.0)),
                _ => (self.transfer(&token).await, self.between(0.0, 2.0)),
            };
            self.book.close(&token, record);
            sleep(pause).await;
        }
        self.line.end().await;
    }

    /// A call that is held, followed by whatever the gateway says to do next.
    async fn transfer(&mut self, token: &str) -> Record {
        let mut record = Record::begin(self.kind);
        let mut leave = self.leave();
        let mut step = Step::Call;
        let mut approval = String::new();
        while record.began.elapsed() < LONGEST {
            let ran_before = self.entries.count(token) > 0;
            let patience = leave.as_ref().map_or(self.kind.patience(), |leave| leave.after);
            record.asks(step);
            let sent = Instant::now();
            let heard = match step {
                Step::Status => {
                    let mut arguments = json!({"approval_id": approval});
                    if let Some(seconds) = self.kind.wait_seconds() {
                        arguments["wait_seconds"] = json!(seconds);
                    }
                    self.line.call("approval_status", arguments, patience).await
                }
                Step::Run => self.line.call("run_approved", json!({"approval_id": approval}), patience).await,
                _ => self.line.call(TRANSFER, json!({"token": token}), patience).await,
            };
            let heard = match heard {
                Ok(heard) => heard,
                Err(missed) => {
                    match (missed, leave.take()) {
                        (Missed::Patience, Some(Leave { back: None, .. })) => return record.ended(End::Left),
                        (Missed::Patience, Some(Leave { back: Some(back), .. })) => sleep(back).await,
                        (Missed::Patience, None) if self.kind != Kind::Impatient => {
                            self.line.overdue("a held call", sent);
                        }
                        _ => {}
                    }
                    sleep(PAUSE).await;
                    step = Step::Call;
                    continue;
                }
            };
            let said =
                if step == Step::Status { of_status(&heard.result, token) } else { of_call(&heard.result, token) };
            self.check(token, &said, ran_before, &heard);
            if said == Said::Approved && step != Step::Status {
                // It was not sent, and stays approved: later, as the gateway says.
                sleep(Duration::from_secs(1)).await;
            }
            step = match said {
                Said::End(end) => {
                    record.last = Some((step, heard.sent, heard.got));
                    return record.ended(end);
                }
                Said::Pending(id) if self.asks_for_status() => {
                    approval = id;
                    Step::Status
                }
                Said::Approved if step == Step::Status && self.random.bool() => Step::Run,
                Said::UnderWay => Step::Status,
                Said::Pending(_) | Said::Approved => Step::Call,
                Said::Task(_) => return record.ended(End::Lost("a task that was not asked for".to_owned())),
            };
        }
        record.ended(End::Lost(format!("no end after {} s", LONGEST.as_secs())))
    }

    /// A call that runs at once. When it breaks off it may have run, and is not repeated.
    async fn look(&mut self, token: &str) -> Record {
        let mut record = Record::begin(self.kind);
        while record.began.elapsed() < LONGEST {
            record.asks(Step::Call);
            let sent = Instant::now();
            match self.line.call(LOOK, json!({"token": token}), self.kind.patience()).await {
                Ok(heard) => {
                    record.last = Some((Step::Call, heard.sent, heard.got));
                    return match of_call(&heard.result, token) {
                        Said::End(end) => record.ended(end),
                        other => record.ended(End::Lost(format!("{other:?}"))),
                    };
                }
                Err(Missed::Unasked) => sleep(PAUSE).await,
                Err(Missed::Fault) => return record.ended(End::Broken),
                Err(Missed::Patience) => {
                    self.line.overdue("a call that runs at once", sent);
                    return record.ended(End::Broken);
                }
            }
        }
        record.ended(End::Lost("no gateway".to_owned()))
    }

    /// Nobody is told that nothing ran after it did.
    pub(super) fn check(&self, token: &str, said: &Said, ran_before: bool, heard: &Heard) {
        if ran_before && said.denies() {
            self.book.complain(format!("{token} had run before it was asked, and the answer was {}", heard.result));
        }
    }

    /// Who is answered `pending` asks how it stands, but for clients that only know how to call again.
    fn asks_for_status(&mut self) -> bool {
        self.kind != Kind::Impatient && (self.kind != Kind::Json || self.random.u8(..100) < 70)
    }

    fn leave(&mut self) -> Option<Leave> {
        if self.kind != Kind::Claude || self.random.u8(..100) >= 25 {
            return None;
        }
        let after = self.between(0.5, 8.0);
        let back = (self.random.u8(..100) < 75).then(|| self.between(0.2, 6.0));
        Some(Leave { after, back })
    }

    /// A random time between so many seconds.
    pub(super) fn between(&mut self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(least + (most - least) * self.random.f64())
    }
}
