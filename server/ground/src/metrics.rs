//! Every metric of the process: its name, its meaning, its labels, its buckets, and the function that counts it. The rest
//! of the code calls these functions, so a name stands here once.
//!
//! A label's value is a `&'static str`: one of the words listed here, and never a text that a caller sent. So the number of
//! time series is bounded. Histograms have fixed buckets, so those of several replicas can be added up.

mod recorder;

use std::time::Duration;

use ::metrics::Unit;

pub use self::recorder::{Kind, Metric, recorder, render, start, upkeep};

/// The upper bounds of the buckets of everything that is measured in seconds: the OpenTelemetry conventions for MCP, and
/// below them what the gateway itself takes.
const SECONDS: Kind = Kind::Histogram(
    Unit::Seconds,
    &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0],
);

const REQUESTS: Metric = Metric {
    name: "permesso_requests_total",
    kind: Kind::Counter,
    labels: &[("status", &["ok", "error", "refused", "held", "rejected", "replayed", "failed", "unknown"])],
    help: "MCP requests of known callers, by the status of their audit record",
};
const REQUEST_SECONDS: Metric = Metric {
    name: "permesso_request_seconds",
    kind: SECONDS,
    labels: &[],
    help: "Time from an MCP request to its answer, including the time that it was held for a decision",
};
const UNAUTHENTICATED: Metric = Metric {
    name: "permesso_unauthenticated_total",
    kind: Kind::Counter,
    labels: &[],
    help: "MCP requests that were refused because their credential was missing or unknown",
};
const UPSTREAM_CALLS: Metric = Metric {
    name: "permesso_upstream_calls_total",
    kind: Kind::Counter,
    labels: &[
        ("approved", &["false", "true"]),
        (
            "outcome",
            &["result", "tool_error", "protocol_error", "task", "input_required", "not_sent", "unknown", "cancelled"],
        ),
    ],
    help: "Tool calls given to upstreams, by whether an approval was used and by outcome",
};
const UPSTREAM_CALL_SECONDS: Metric = Metric {
    name: "permesso_upstream_call_seconds",
    kind: SECONDS,
    labels: &[("approved", &["false", "true"])],
    help: "Time that a tool call took at its upstream, including the time to connect",
};
const APPROVALS_OPENED: Metric =
    Metric { name: "permesso_approvals_opened_total", kind: Kind::Counter, labels: &[], help: "Approvals opened" };
const APPROVALS_DECIDED: Metric = Metric {
    name: "permesso_approvals_decided_total",
    kind: Kind::Counter,
    labels: &[(
        "action",
        &["approve_approval", "reject_approval", "revoke_approval", "extend_approval", "settle_approval"],
    )],
    help: "What people did with approvals, by action",
};
const TASKS_CREATED: Metric = Metric {
    name: "permesso_tasks_created_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Tasks handed out to agents",
};
const SIGN_INS: Metric = Metric {
    name: "permesso_sign_ins_total",
    kind: Kind::Counter,
    labels: &[("result", &["ok", "refused", "slowed"])],
    help: "Attempts to sign in with a password, by result",
};
const ACCOUNTS_NOT_LOOKED_UP: Metric = Metric {
    name: "permesso_accounts_not_looked_up_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Refused attempts to sign in that are not in the audit, because too many were being looked up",
};
const KEYS_NOT_LOOKED_UP: Metric = Metric {
    name: "permesso_keys_not_looked_up_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Refused API keys that are not in the audit, because too many were being looked up",
};
const CONNECTIONS_REFUSED: Metric = Metric {
    name: "permesso_connections_refused_total",
    kind: Kind::Counter,
    labels: &[("reason", &["share", "full"])],
    help: "Connections closed because their address (share) or the process (full) had as many as it may",
};
const OVER_BUDGET: Metric = Metric {
    name: "permesso_over_budget_total",
    kind: Kind::Counter,
    labels: &[
        ("budget", &["caller", "org", "process", "guest"]),
        ("code", &["too_many_calls", "too_many_bytes", "overloaded", "too_much_recorded"]),
    ],
    help: "Requests refused because a budget had no room, by whose budget it was and by error code",
};
const AUDIT_BATCH_RECORDS: Metric = Metric {
    name: "permesso_audit_batch_records",
    kind: Kind::Histogram(Unit::Count, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
    labels: &[],
    help: "Audit entries written with one commit",
};
const AUDIT_COMMIT_SECONDS: Metric = Metric {
    name: "permesso_audit_commit_seconds",
    kind: SECONDS,
    labels: &[],
    help: "Time that a commit of audit entries took, including attempts that failed",
};
const DB_WAIT_SECONDS: Metric = Metric {
    name: "permesso_db_wait_seconds",
    kind: SECONDS,
    labels: &[("pool", &["calls", "people", "upkeep", "directory"])],
    help: "Time that work waited for its turn at a database connection, by pool",
};
const JOBS_FAILED: Metric = Metric {
    name: "permesso_jobs_failed_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Runs of periodic jobs that failed; the log names the job",
};

/// Every metric there is.
pub const ALL: &[&Metric] = &[
    &REQUESTS,
    &REQUEST_SECONDS,
    &UNAUTHENTICATED,
    &UPSTREAM_CALLS,
    &UPSTREAM_CALL_SECONDS,
    &APPROVALS_OPENED,
    &APPROVALS_DECIDED,
    &TASKS_CREATED,
    &SIGN_INS,
    &ACCOUNTS_NOT_LOOKED_UP,
    &KEYS_NOT_LOOKED_UP,
    &CONNECTIONS_REFUSED,
    &OVER_BUDGET,
    &AUDIT_BATCH_RECORDS,
    &AUDIT_COMMIT_SECONDS,
    &DB_WAIT_SECONDS,
    &JOBS_FAILED,
];

/// An MCP request of a known caller was answered.
pub fn request_answered(status: &'static str, took: Duration) {
    REQUESTS.count(&[status]);
    REQUEST_SECONDS.record(&[], took.as_secs_f64());
}

/// An MCP request came without a credential that is known.
pub fn unauthenticated() {
    UNAUTHENTICATED.count(&[]);
}

/// A tool call was given to its upstream and has ended.
pub fn upstream_called(approved: bool, outcome: &'static str, took: Duration) {
    let approved = if approved { "true" } else { "false" };
    UPSTREAM_CALLS.count(&[approved, outcome]);
    UPSTREAM_CALL_SECONDS.record(&[approved], took.as_secs_f64());
}

/// An approval was opened.
pub fn approval_opened() {
    APPROVALS_OPENED.count(&[]);
}

/// A person acted on an approval.
pub fn approval_decided(action: &'static str) {
    APPROVALS_DECIDED.count(&[action]);
}

/// An agent got a task.
pub fn task_created() {
    TASKS_CREATED.count(&[]);
}

/// Somebody tried to sign in.
pub fn sign_in(result: &'static str) {
    SIGN_INS.count(&[result]);
}

/// A refused attempt to sign in was not put on record.
pub fn account_not_looked_up() {
    ACCOUNTS_NOT_LOOKED_UP.count(&[]);
}

/// A refused API key was not put on record.
pub fn key_not_looked_up() {
    KEYS_NOT_LOOKED_UP.count(&[]);
}

/// A connection of a client was closed for want of room.
pub fn connection_refused(reason: &'static str) {
    CONNECTIONS_REFUSED.count(&[reason]);
}

/// A request was refused because a budget had no room.
pub fn over_budget(budget: &'static str, code: &'static str) {
    OVER_BUDGET.count(&[budget, code]);
}

/// So many audit entries were written with one commit.
pub fn audit_committed(records: usize, took: Duration) {
    AUDIT_BATCH_RECORDS.record(&[], records as f64);
    AUDIT_COMMIT_SECONDS.record(&[], took.as_secs_f64());
}

/// Work waited so long for its turn at a connection of this pool.
pub fn waited_for_database(pool: &'static str, took: Duration) {
    DB_WAIT_SECONDS.record(&[pool], took.as_secs_f64());
}

/// A run of a periodic job failed.
pub fn job_failed() {
    JOBS_FAILED.count(&[]);
}
