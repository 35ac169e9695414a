//! A state as a row keeps it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Answer, Approved, Change, Decision, Executed, Executing, Expired, OutcomeUnknown, Pending, Settled, State, Status,
    TakenBack,
};
use crate::UserId;

/// What a row keeps of a state. Which of it there is depends on the status.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Which state.
    pub status: Status,
    /// When it expires undecided.
    pub expires_at: DateTime<Utc>,
    /// How often it was given more time.
    pub extended: u8,
    /// What a person decided.
    pub decision: Option<Decision>,
    /// When it expires unused.
    pub execute_by: Option<DateTime<Utc>>,
    /// The dispatcher's token.
    pub holder: Option<Uuid>,
    /// When the lease lapses, or ended.
    pub lease_until: Option<DateTime<Utc>>,
    /// Whether the upstream asks for input.
    pub asks: bool,
    /// When it came to its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// Who took the approval back, and why.
    pub taken_back: Option<TakenBack>,
    /// What changed.
    pub change: Option<Change>,
    /// Who says that it ran.
    pub settled: Option<Settled>,
    /// Who found that it did not run.
    pub settled_by: Option<UserId>,
    /// How the upstream answered.
    pub answer: Option<Answer>,
    /// When an answer was first written whole to the agent.
    pub answered_at: Option<DateTime<Utc>>,
}

impl State {
    /// The state that was stored; `None`: the row has not what its status needs.
    pub fn restore(stored: Stored) -> Option<Self> {
        let Stored { expires_at, extended, asks, answer, answered_at, .. } = stored;
        Some(match stored.status {
            Status::Pending => Self::Pending(Pending { expires_at, extended }),
            Status::Approved => Self::Approved(Approved { decision: stored.decision?, execute_by: stored.execute_by? }),
            Status::Rejected => Self::Rejected { decision: stored.decision? },
            Status::Expired => Self::Expired(Expired { at: stored.finished_at?, unused: stored.decision }),
            Status::Withdrawn => Self::Withdrawn { at: stored.finished_at?, taken_back: stored.taken_back },
            Status::Invalidated => Self::Invalidated { at: stored.finished_at?, change: stored.change? },
            Status::Executing => Self::Executing(Executing {
                decision: stored.decision?,
                execute_by: stored.execute_by?,
                holder: stored.holder?,
                lease_until: stored.lease_until?,
                asks,
            }),
            Status::OutcomeUnknown => Self::OutcomeUnknown(OutcomeUnknown {
                decision: stored.decision?,
                execute_by: stored.execute_by?,
                holder: stored.holder?,
                lease_until: stored.lease_until?,
            }),
            Status::Executed => Self::Executed(Executed {
                decision: stored.decision?,
                execute_by: stored.execute_by?,
                at: stored.finished_at?,
                by: stored.settled?,
                answer,
                answered_at,
            }),
            Status::NotExecuted => {
                Self::NotExecuted { decision: stored.decision?, by: stored.settled_by?, at: stored.finished_at? }
            }
        })
    }
}
