//! Agents that take tasks: they get a handle at once, and ask for its end or are told of it.

use std::time::Instant;

use serde_json::json;
use tokio::time::sleep;

use super::{
    agent::{Agent, LONGEST, PAUSE},
    book::{End, Record, Step},
    kind::Kind,
    ledger::TRANSFER,
    line::Missed,
    reading::{Said, of_call, of_task},
};

impl Agent {
    /// A call whose answer is a task.
    pub(super) async fn task(&mut self, token: &str) -> Record {
        let mut record = Record::begin(self.kind);
        while record.began.elapsed() < LONGEST {
            let ran_before = self.entries.count(token) > 0;
            record.asks(Step::Call);
            let sent = Instant::now();
            match self.line.call(TRANSFER, json!({"token": token}), self.kind.patience()).await {
                Ok(heard) => {
                    let said = of_call(&heard.result, token);
                    self.check(token, &said, ran_before, &heard);
                    match said {
                        Said::Task(id) => return self.follow(token, record, &id).await,
                        // After a fault: another handle's call was faster.
                        Said::End(end) => {
                            record.last = Some((Step::Call, heard.sent, heard.got));
                            return record.ended(end);
                        }
                        other => return record.ended(End::Lost(format!("no task: {other:?}"))),
                    }
                }
                Err(Missed::Patience) => self.line.overdue("a call for a task", sent),
                Err(Missed::Unasked | Missed::Fault) => {}
            }
            sleep(PAUSE).await;
        }
        record.ended(End::Lost("no task".to_owned()))
    }

    /// Stays with a task until it has ended.
    async fn follow(&mut self, token: &str, mut record: Record, id: &str) -> Record {
        let cancels = self.kind == Kind::TaskGet && self.random.u8(..100) < 10;
        let mut cancel_at = if cancels { Some(Instant::now() + self.between(0.0, 8.0)) } else { None };
        while record.began.elapsed() < LONGEST {
            let ran_before = self.entries.count(token) > 0;
            let step = if self.kind == Kind::TaskListen { Step::Notified } else { Step::TaskGet };
            if cancel_at.is_some_and(|at| Instant::now() >= at) && self.cancel(id).await {
                cancel_at = None;
            }
            record.asks(step);
            let sent = Instant::now();
            let heard = match step {
                Step::Notified => self.line.listen(id, LONGEST).await,
                _ => self.line.ask("tasks/get", json!({"taskId": id}), self.kind.patience()).await,
            };
            match heard {
                Ok(heard) => {
                    let said = of_task(&heard.result, token);
                    self.check(token, &said, ran_before, &heard);
                    match said {
                        Said::UnderWay => {}
                        Said::End(end) => {
                            record.last = Some((step, heard.sent, heard.got));
                            return record.ended(end);
                        }
                        other => return record.ended(End::Lost(format!("a task: {other:?}"))),
                    }
                }
                Err(missed) => {
                    if missed == Missed::Patience {
                        self.line.overdue("a task", sent);
                    }
                    sleep(PAUSE).await;
                }
            }
        }
        record.ended(End::Lost(format!("task {id}: no end after {} s", LONGEST.as_secs())))
    }

    async fn cancel(&mut self, id: &str) -> bool {
        self.line.ask("tasks/cancel", json!({"taskId": id}), self.kind.patience()).await.is_ok()
    }
}
