//! The state machine of approvals.md, "States", as types: each state carries its own data, each
//! transition consumes the old state and gives the new one, and what is not here cannot happen.
//!
//! Time comes in as an argument; the server passes Postgres's clock, and SQL repeats each guard.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{answer::Answer, binding::Change};
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

/// Waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it expires undecided.
    pub expires_at: DateTime<Utc>,
    /// How often it was given more time.
    pub extended: u8,
}

/// May be dispatched once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// Who allowed it.
    pub decision: Decision,
    /// When it expires unused.
    pub execute_by: DateTime<Utc>,
}

/// Nobody decided in time, or nobody used it in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// When.
    pub at: DateTime<Utc>,
    /// The decision that was not used, if there was one.
    pub unused: Option<Decision>,
}

/// Claimed by one dispatcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executing {
    /// Who allowed it.
    pub decision: Decision,
    /// Kept from [`Approved`].
    pub execute_by: DateTime<Utc>,
    /// The dispatcher's token: only its holder renews the lease or reports for it.
    pub holder: Uuid,
    /// When the lease lapses, unless renewed.
    pub lease_until: DateTime<Utc>,
    /// The upstream has asked for input: nobody works under the lease, and the call that brings the holder's
    /// token continues it, once.
    pub asks: bool,
}

/// Dispatched, and nobody knows what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeUnknown {
    /// Who allowed it.
    pub decision: Decision,
    /// Kept from [`Approved`].
    pub execute_by: DateTime<Utc>,
    /// The dispatcher's token, for its late answer.
    pub holder: Uuid,
    /// When the lease ended: a person may settle one call time limit later.
    pub lease_until: DateTime<Utc>,
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

/// The upstream answered, or a person found that it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Who allowed it.
    pub decision: Decision,
    /// Kept from [`Approved`].
    pub execute_by: DateTime<Utc>,
    /// When.
    pub at: DateTime<Utc>,
    /// Who says so.
    pub by: Settled,
    /// How the upstream answered. `None`: a person says that it ran, the upstream goes on with it as a task, or an
    /// earlier version of the gateway did not keep it.
    pub answer: Option<Answer>,
    /// When an answer was first written whole to the agent.
    pub answered_at: Option<DateTime<Utc>>,
}

/// The state of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a person.
    Pending(Pending),
    /// May be dispatched once.
    Approved(Approved),
    /// A person said no. Final.
    Rejected(Decision),
    /// Too late; a late decision revives it for 7 days.
    Expired(Expired),
    /// It was taken back before it ran. Final.
    Withdrawn {
        /// When.
        at: DateTime<Utc>,
        /// The approver who took the approval back, and why. `None`: the agent cancelled it.
        taken_back: Option<TakenBack>,
    },
    /// Something it is bound to changed. Final.
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
    NotExecuted {
        /// Who had allowed it.
        decision: Decision,
        /// Who found out.
        by: UserId,
        /// When.
        at: DateTime<Utc>,
    },
}

/// The name of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(
    as = ApprovalStatus,
    description = "Where a request stands: `pending` waits for a person, `approved` may run once; `rejected`, \
        `expired`, `withdrawn` and `invalidated` do not run; `executing` runs now, `executed` ran, \
        `outcome_unknown` may have run, `not_executed` was found not to have run.",
))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// See [`State::Pending`].
    Pending,
    /// See [`State::Approved`].
    Approved,
    /// See [`State::Rejected`].
    Rejected,
    /// See [`State::Expired`].
    Expired,
    /// See [`State::Withdrawn`].
    Withdrawn,
    /// See [`State::Invalidated`].
    Invalidated,
    /// See [`State::Executing`].
    Executing,
    /// See [`State::Executed`].
    Executed,
    /// See [`State::OutcomeUnknown`].
    OutcomeUnknown,
    /// See [`State::NotExecuted`].
    NotExecuted,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Withdrawn,
        Self::Invalidated,
        Self::Executing,
        Self::Executed,
        Self::OutcomeUnknown,
        Self::NotExecuted,
    ];

    /// The word used in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Invalidated => "invalidated",
            Self::Executing => "executing",
            Self::Executed => "executed",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::NotExecuted => "not_executed",
        }
    }

    /// Whether identical calls join the approval instead of opening another.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved | Self::Executing | Self::OutcomeUnknown)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Status {
    type Err = crate::permission::UnknownWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(crate::permission::UnknownWord)
    }
}

impl State {
    /// A new request under a policy.
    pub fn open(policy: &ApprovalPolicy, now: DateTime<Utc>) -> Self {
        let expires_at = now + TimeDelta::seconds(policy.expires_after_seconds.into());
        Self::Pending(Pending { expires_at, extended: 0 })
    }

    /// The name of this state.
    pub fn status(&self) -> Status {
        match self {
            Self::Pending(_) => Status::Pending,
            Self::Approved(_) => Status::Approved,
            Self::Rejected(_) => Status::Rejected,
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

impl Pending {
    /// A person allows it.
    pub fn approve(self, decision: Decision, policy: &ApprovalPolicy) -> Approved {
        Approved::by(decision, policy)
    }

    /// A person refuses it.
    pub fn reject(self, decision: Decision) -> State {
        State::Rejected(decision)
    }

    /// Something it is bound to changed.
    pub fn invalidate(self, change: Change, now: DateTime<Utc>) -> State {
        State::Invalidated { at: now, change }
    }

    /// The agent cancels it. The caller has made sure that no other call waits on it.
    pub fn withdraw(self, now: DateTime<Utc>) -> State {
        State::Withdrawn { at: now, taken_back: None }
    }

    /// A person gives it more time. `None`: that was done as often as it can be.
    pub fn extend(self, more: TimeDelta) -> Option<Self> {
        let Self { expires_at, extended } = self;
        (extended < EXTENSIONS).then(|| Self { expires_at: expires_at + more, extended: extended + 1 })
    }
}

impl Expired {
    /// A person decides late. `None` when it is too late even for that.
    pub fn approve_late(self, decision: Decision, policy: &ApprovalPolicy) -> Option<Approved> {
        (decision.at < self.at + LATE_DECISION).then(|| Approved::by(decision, policy))
    }
}

impl Approved {
    fn by(decision: Decision, policy: &ApprovalPolicy) -> Self {
        let execute_by = decision.at + TimeDelta::seconds(policy.execute_within_seconds.into());
        Self { decision, execute_by }
    }

    /// One dispatcher claims it, with a lease until `lease_until`.
    pub fn claim(self, holder: Uuid, lease_until: DateTime<Utc>) -> Executing {
        Executing { decision: self.decision, execute_by: self.execute_by, holder, lease_until, asks: false }
    }

    /// Something it is bound to changed.
    pub fn invalidate(self, change: Change, now: DateTime<Utc>) -> State {
        State::Invalidated { at: now, change }
    }

    /// The agent cancels it. The caller has made sure that no other call waits on it.
    pub fn withdraw(self, now: DateTime<Utc>) -> State {
        State::Withdrawn { at: now, taken_back: None }
    }

    /// An approver takes the approval back before it was used.
    pub fn take_back(self, taken_back: TakenBack, now: DateTime<Utc>) -> State {
        State::Withdrawn { at: now, taken_back: Some(taken_back) }
    }
}

impl Executing {
    /// The request provably never left: it may be claimed again.
    pub fn release(self) -> Approved {
        Approved { decision: self.decision, execute_by: self.execute_by }
    }

    /// The upstream asks for input; until `lease_until` the call that brings `holder` may continue.
    pub fn ask(self, holder: Uuid, lease_until: DateTime<Utc>) -> Self {
        Self { holder, lease_until, asks: true, ..self }
    }

    /// The call continues with what was asked for, under a token of its own. `None`: nothing is asked for, or
    /// not from who brings this token.
    pub fn go_on(self, asked: Uuid, holder: Uuid, lease_until: DateTime<Utc>) -> Option<Self> {
        (self.asks && self.holder == asked).then_some(Self { holder, lease_until, asks: false, ..self })
    }

    /// The upstream answered within the lease.
    pub fn finish(self, answer: Option<Answer>, now: DateTime<Utc>) -> Executed {
        Executed {
            decision: self.decision,
            execute_by: self.execute_by,
            at: now,
            by: Settled::Dispatcher,
            answer,
            answered_at: None,
        }
    }

    /// Contact was lost, or the lease lapsed. Settling opens one call time limit after the lease.
    pub fn lose_contact(self) -> OutcomeUnknown {
        OutcomeUnknown {
            decision: self.decision,
            execute_by: self.execute_by,
            holder: self.holder,
            lease_until: self.lease_until,
        }
    }
}

impl OutcomeUnknown {
    /// The dispatcher's answer came after all.
    pub fn answer_late(self, answer: Option<Answer>, now: DateTime<Utc>) -> Executed {
        Executed {
            decision: self.decision,
            execute_by: self.execute_by,
            at: now,
            by: Settled::LateAnswer,
            answer,
            answered_at: None,
        }
    }

    /// When a person may settle it: one call time limit after the lease ended, so that a late
    /// answer has had its chance.
    pub fn settle_from(&self, call_timeout: TimeDelta) -> DateTime<Utc> {
        self.lease_until + call_timeout
    }

    /// A person found that it ran.
    pub fn settle_executed(self, by: UserId, now: DateTime<Utc>) -> Executed {
        Executed {
            decision: self.decision,
            execute_by: self.execute_by,
            at: now,
            by: Settled::Person(by),
            answer: None,
            answered_at: None,
        }
    }

    /// A person found that it did not run.
    pub fn settle_not_executed(self, by: UserId, now: DateTime<Utc>) -> State {
        State::NotExecuted { decision: self.decision, by, at: now }
    }
}

impl Executed {
    /// Until when an identical call gets this answer again instead of opening a new approval:
    /// 10 minutes once an answer was written whole, else until `execute_by`; what a person settled
    /// is told until `execute_by`.
    pub fn replay_until(&self) -> DateTime<Utc> {
        match (self.by, self.answered_at) {
            (Settled::Person(_), _) | (_, None) => self.execute_by.max(self.at + REPLAY),
            (_, Some(_)) => self.at + REPLAY,
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
