//! What closed a task: an approval's end, or its caller.

use domain::approval::Status;

/// What closed a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The upstream answered.
    Executed,
    /// A person said no.
    Rejected,
    /// Nobody decided in time.
    Undecided,
    /// It was approved, and could not be run in time.
    Unused,
    /// Another call of the caller took the request back.
    Withdrawn,
    /// Something the approval is bound to changed.
    Invalidated,
    /// It was sent, and contact was lost.
    OutcomeUnknown,
    /// A person found that it did not run.
    NotExecuted,
    /// The caller dropped the handle.
    Cancelled,
}

impl End {
    pub(super) const ALL: [Self; 9] = [
        Self::Executed,
        Self::Rejected,
        Self::Undecided,
        Self::Unused,
        Self::Withdrawn,
        Self::Invalidated,
        Self::OutcomeUnknown,
        Self::NotExecuted,
        Self::Cancelled,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::Rejected => "rejected",
            Self::Undecided => "undecided",
            Self::Unused => "unused",
            Self::Withdrawn => "withdrawn",
            Self::Invalidated => "invalidated",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::NotExecuted => "not_executed",
            Self::Cancelled => "cancelled",
        }
    }

    /// How a change of its approval closes a task, if it does: an approval's end is its tasks' end.
    pub(in super::super) fn of(from: Status, to: Status) -> Option<Self> {
        match to {
            // It had ended, and may go on. A task that is open still was left so by an older binary, and has ended.
            _ if from == Status::Expired => Some(Self::Undecided),
            _ if from == Status::OutcomeUnknown => Some(Self::OutcomeUnknown),
            Status::Pending | Status::Approved | Status::Executing => None,
            Status::Rejected => Some(Self::Rejected),
            Status::Expired if from == Status::Approved => Some(Self::Unused),
            Status::Expired => Some(Self::Undecided),
            Status::Withdrawn => Some(Self::Withdrawn),
            Status::Invalidated => Some(Self::Invalidated),
            Status::Executed => Some(Self::Executed),
            Status::OutcomeUnknown => Some(Self::OutcomeUnknown),
            Status::NotExecuted => Some(Self::NotExecuted),
        }
    }
}
