//! What agents and the approver write down while the soak runs; it is judged afterwards.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use parking_lot::Mutex;

use super::kind::Kind;

/// How a call ended for its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With the upstream's answer.
    Answered,
    /// A person said no.
    Rejected,
    /// Nobody decided.
    Expired,
    /// It may have run, and is not run again.
    OutcomeUnknown,
    /// The agent cancelled its task.
    Cancelled,
    /// The agent went away while it waited, and did not come back.
    Left,
    /// A call that needs no approval broke off: it may have run, and was not repeated.
    Broken,
    /// None of these.
    Lost(String),
}

/// What brought the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// `tools/call` of the tool itself.
    Call,
    /// `approval_status`.
    Status,
    /// `run_approved`.
    Run,
    /// `tasks/get`.
    TaskGet,
    /// `notifications/tasks`.
    Notified,
}

/// One call, from its agent's side.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) began: Instant,
    pub(crate) end: Option<End>,
    /// What brought the end, when that was asked, and when the answer was there.
    pub(crate) last: Option<(Step, Instant, Instant)>,
    /// How often each was asked.
    pub(crate) calls: u32,
    pub(crate) statuses: u32,
    pub(crate) runs: u32,
}

impl Record {
    /// A call that begins now.
    pub(crate) fn begin(kind: Kind) -> Self {
        Self { kind, began: Instant::now(), end: None, last: None, calls: 0, statuses: 0, runs: 0 }
    }

    /// Counts a request.
    pub(crate) fn asks(&mut self, step: Step) {
        match step {
            Step::Call => self.calls += 1,
            Step::Status | Step::TaskGet => self.statuses += 1,
            Step::Run => self.runs += 1,
            Step::Notified => {}
        }
    }

    /// The call with its end.
    pub(crate) fn ended(mut self, end: End) -> Self {
        self.end = Some(end);
        self
    }
}

/// What was wrong with one request, apart from what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection.
    Refused,
    /// The connection broke before the answer was whole.
    Broke,
    /// No answer in time.
    Overdue,
    /// An HTTP status that no request here should get.
    Http(u16),
    /// A JSON-RPC error.
    Rpc(String),
}

impl Fault {
    /// Its kind in the table.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Refused => "no connection".to_owned(),
            Self::Broke => "connection broke".to_owned(),
            Self::Overdue => "no answer in time".to_owned(),
            Self::Http(status) => format!("HTTP {status}"),
            Self::Rpc(error) => format!("error {error}"),
        }
    }
}

/// A fault, and where and when it was.
#[derive(Debug, Clone)]
pub(crate) struct Faulty {
    pub(crate) fault: Fault,
    pub(crate) gateway: usize,
    pub(crate) sent: Instant,
    pub(crate) at: Instant,
    /// What was asked, by whom.
    pub(crate) about: String,
}

/// When one gateway was away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) gateway: usize,
    /// The upstream slows down before, so that calls are under way.
    pub(crate) prepared: Instant,
    pub(crate) killed: Instant,
    pub(crate) back: Instant,
}

/// Everything that was written down.
#[derive(Default)]
pub(crate) struct Book {
    records: Mutex<HashMap<String, Record>>,
    faults: Mutex<Vec<Faulty>>,
    complaints: Mutex<Vec<String>>,
    requests: AtomicU64,
}

impl Book {
    /// A call has begun.
    pub(crate) fn open(&self, token: &str, kind: Kind) {
        self.records.lock().insert(token.to_owned(), Record::begin(kind));
    }

    /// A call has ended.
    pub(crate) fn close(&self, token: &str, record: Record) {
        self.records.lock().insert(token.to_owned(), record);
    }

    /// A request was sent.
    pub(crate) fn asked(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was not answered as requests are.
    pub(crate) fn fault(&self, faulty: Faulty) {
        self.faults.lock().push(faulty);
    }

    /// Something that must not be.
    pub(crate) fn complain(&self, text: String) {
        self.complaints.lock().push(text);
    }

    /// How many requests agents have sent.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// All calls by token.
    pub(crate) fn records(&self) -> HashMap<String, Record> {
        self.records.lock().clone()
    }

    /// All faults.
    pub(crate) fn faults(&self) -> Vec<Faulty> {
        self.faults.lock().clone()
    }

    /// All complaints.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.complaints.lock().clone()
    }
}
