//! The state machine of an approval (approvals.md, "States"). It is the types that keep it: nobody but a transition can
//! make a state, a transition consumes the one before, and what is not here cannot happen.
//!
//! ```text
//! open ─> pending ─ approve ─> approved ─ claim ─> executing ─ finish ─> executed
//!            │                    │  ^── release ──┘ │  ^ ask, go_on
//!            │                    │                  └ lose_contact ─> outcome_unknown ─ answer_late ─> executed
//!            │                    │                                       ├ settle_executed ─────────> executed
//!            │                    │                                       └ settle_not_executed ─────> not_executed
//!            ├ reject ─> rejected │
//!            ├ withdraw, (approved:) withdraw, take_back ─> withdrawn
//!            ├ invalidate, (approved:) invalidate ────────> invalidated
//!            └ by time, (approved:) by time ──────────────> expired ─ approve_late (7 days) ─> approved
//! ```
//!
//! By time alone `pending` and `approved` expire and `executing` loses contact ([`State::at`]); `extend` gives a pending
//! request more time. Time comes in as an argument: the server passes Postgres's clock, and SQL repeats each guard.

mod steps;
mod stored;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    steps::{Approved, Executed, Executing, Expired, OutcomeUnknown, Pending},
    stored::Stored,
};
use super::{answer::Answer, binding::Change, status::Status};
use crate::{ApprovalPolicy, UserId};

/// How long after expiry a late decision is taken (approvals.md, "States").
pub const LATE_DECISION: TimeDelta = TimeDelta::days(7);
/// How long an executed result is replayed once an answer was written whole ("What the agent sees", 5).
pub const REPLAY: TimeDelta = TimeDelta::minutes(10);
/// How long an identical call gets a rejection again, or is told again that its approval was taken back.
pub const REJECTED_AGAIN: TimeDelta = TimeDelta::minutes(10);
/// How often a request that waits can be given more time.
pub const EXTENSIONS: u8 = 2;
/// How many seconds more it can be given at once.
pub const EXTEND_SECONDS: std::ops::RangeInclusive<u32> = 60..=86_400;

/// A person's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Who.
    pub by: UserId,
    /// When, by Postgres's clock.
    pub at: DateTime<Utc>,
    /// What they wrote; the agent reads it word for word after a rejection.
    pub reason: Option<String>,
}

/// Why an approval was taken back before it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    /// Who.
    pub by: UserId,
    /// What they wrote; the agent reads it word for word.
    pub reason: String,
}

/// Who established what became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// The dispatcher, within its lease.
    Dispatcher,
    /// The dispatcher's answer came after its lease had lapsed.
    LateAnswer,
    /// A person looked.
    Person(UserId),
}

/// The state of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a person.
    Pending(Pending),
    /// May be dispatched once.
    Approved(Approved),
    /// A person said no. Final.
    #[non_exhaustive]
    Rejected {
        /// Who, and why.
        decision: Decision,
    },
    /// Too late; a late decision revives it for 7 days.
    Expired(Expired),
    /// It was taken back before it ran. Final.
    #[non_exhaustive]
    Withdrawn {
        /// When.
        at: DateTime<Utc>,
        /// The approver who took the approval back, and why. `None`: the agent cancelled it.
        taken_back: Option<TakenBack>,
    },
    /// Something it is bound to changed. Final.
    #[non_exhaustive]
    Invalidated {
        /// When.
        at: DateTime<Utc>,
        /// What changed.
        change: Change,
    },
    /// Claimed by one dispatcher.
    Executing(Executing),
    /// The upstream answered, or a person found that it ran. Final.
    Executed(Executed),
    /// Dispatched, fate unknown.
    OutcomeUnknown(OutcomeUnknown),
    /// A person found that it did not run. Final.
    #[non_exhaustive]
    NotExecuted {
        /// Who had allowed it.
        decision: Decision,
        /// Who found out.
        by: UserId,
        /// When.
        at: DateTime<Utc>,
    },
}

impl State {
    /// A new request under a policy.
    pub fn open(policy: &ApprovalPolicy, now: DateTime<Utc>) -> Pending {
        let expires_at = now + TimeDelta::seconds(policy.expires_after_seconds.into());
        Pending { expires_at, extended: 0 }
    }

    /// The name of this state.
    pub fn status(&self) -> Status {
        match self {
            Self::Pending(_) => Status::Pending,
            Self::Approved(_) => Status::Approved,
            Self::Rejected { .. } => Status::Rejected,
            Self::Expired(_) => Status::Expired,
            Self::Withdrawn { .. } => Status::Withdrawn,
            Self::Invalidated { .. } => Status::Invalidated,
            Self::Executing(_) => Status::Executing,
            Self::Executed(_) => Status::Executed,
            Self::OutcomeUnknown(_) => Status::OutcomeUnknown,
            Self::NotExecuted { .. } => Status::NotExecuted,
        }
    }

    /// From when a person may settle it: one call time limit after the lease ended, so that a late answer has had
    /// its chance; at once where the upstream asks for input, for nobody is under way. `None`: there is nothing to settle.
    pub fn settle_from(&self, call_timeout: TimeDelta, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::OutcomeUnknown(unknown) => Some(unknown.settle_from(call_timeout)),
            Self::Executing(executing) if executing.asks => Some(now),
            _ => None,
        }
    }

    /// The state as it is at `now`: deadlines count from their moment, not from when the sweeper
    /// comes by.
    pub fn at(self, now: DateTime<Utc>) -> Self {
        match self {
            Self::Pending(p) if p.expires_at <= now => Self::Expired(Expired { at: p.expires_at, unused: None }),
            Self::Approved(a) if a.execute_by <= now => {
                Self::Expired(Expired { at: a.execute_by, unused: Some(a.decision) })
            }
            Self::Executing(e) if e.lease_until <= now => Self::OutcomeUnknown(e.lose_contact()),
            other => other,
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
