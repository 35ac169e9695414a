//! The states as types: each has its own data, which nobody else writes, and its transitions consume it.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Answer, Change, Decision, EXTENSIONS, LATE_DECISION, REPLAY, Settled, State, TakenBack};
use crate::{ApprovalPolicy, UserId};

/// Waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it expires undecided.
    pub(super) expires_at: DateTime<Utc>,
    /// How often it was given more time.
    pub(super) extended: u8,
}

/// May be dispatched once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// Who allowed it.
    pub(super) decision: Decision,
    /// When it expires unused.
    pub(super) execute_by: DateTime<Utc>,
}

/// Nobody decided in time, or nobody used it in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// When.
    pub(super) at: DateTime<Utc>,
    /// The decision that was not used, if there was one.
    pub(super) unused: Option<Decision>,
}

/// Claimed by one dispatcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executing {
    /// Who allowed it.
    pub(super) decision: Decision,
    /// Kept from [`Approved`].
    pub(super) execute_by: DateTime<Utc>,
    /// The dispatcher's token: only its holder renews the lease or reports for it.
    pub(super) holder: Uuid,
    /// When the lease lapses, unless renewed.
    pub(super) lease_until: DateTime<Utc>,
    /// The upstream has asked for input: nobody works under the lease, and the call that brings the holder's
    /// token continues it, once.
    pub(super) asks: bool,
}

/// Dispatched, and nobody knows what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeUnknown {
    /// Who allowed it.
    pub(super) decision: Decision,
    /// Kept from [`Approved`].
    pub(super) execute_by: DateTime<Utc>,
    /// The dispatcher's token, for its late answer.
    pub(super) holder: Uuid,
    /// When the lease ended: a person may settle one call time limit later.
    pub(super) lease_until: DateTime<Utc>,
}

/// The upstream answered, or a person found that it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Who allowed it.
    pub(super) decision: Decision,
    /// Kept from [`Approved`].
    pub(super) execute_by: DateTime<Utc>,
    /// When.
    pub(super) at: DateTime<Utc>,
    /// Who says so.
    pub(super) by: Settled,
    /// How the upstream answered. `None`: a person says that it ran, the upstream goes on with it as a task, or an
    /// earlier version of the gateway did not keep it.
    pub(super) answer: Option<Answer>,
    /// When an answer was first written whole to the agent.
    pub(super) answered_at: Option<DateTime<Utc>>,
}

impl Pending {
    /// When it expires undecided.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// How often it was given more time.
    pub fn extended(&self) -> u8 {
        self.extended
    }

    /// A person allows it.
    pub fn approve(self, decision: Decision, policy: &ApprovalPolicy) -> Approved {
        Approved::by(decision, policy)
    }

    /// A person refuses it.
    pub fn reject(self, decision: Decision) -> State {
        State::Rejected { decision }
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
    /// When.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The decision that was not used, if there was one.
    pub fn unused(&self) -> Option<&Decision> {
        self.unused.as_ref()
    }

    /// A person decides late. `None` when it is too late even for that.
    pub fn approve_late(self, decision: Decision, policy: &ApprovalPolicy) -> Option<Approved> {
        (decision.at < self.at + LATE_DECISION).then(|| Approved::by(decision, policy))
    }
}

impl Approved {
    /// Who allowed it.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// When it expires unused.
    pub fn execute_by(&self) -> DateTime<Utc> {
        self.execute_by
    }

    pub(super) fn by(decision: Decision, policy: &ApprovalPolicy) -> Self {
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
    /// Who allowed it.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Kept from [`Approved`].
    pub fn execute_by(&self) -> DateTime<Utc> {
        self.execute_by
    }

    /// The dispatcher's token: only its holder renews the lease or reports for it.
    pub fn holder(&self) -> Uuid {
        self.holder
    }

    /// When the lease lapses, unless renewed.
    pub fn lease_until(&self) -> DateTime<Utc> {
        self.lease_until
    }

    /// The upstream has asked for input: nobody works under the lease, and the call that brings the holder's
    /// token continues it, once.
    pub fn asks(&self) -> bool {
        self.asks
    }

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
        Executed::by_whom(self.decision, self.execute_by, Settled::Dispatcher, answer, now)
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
    /// Who allowed it.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Kept from [`Approved`].
    pub fn execute_by(&self) -> DateTime<Utc> {
        self.execute_by
    }

    /// The dispatcher's token, for its late answer.
    pub fn holder(&self) -> Uuid {
        self.holder
    }

    /// When the lease ended: a person may settle one call time limit later.
    pub fn lease_until(&self) -> DateTime<Utc> {
        self.lease_until
    }

    /// The dispatcher's answer came after all.
    pub fn answer_late(self, answer: Option<Answer>, now: DateTime<Utc>) -> Executed {
        Executed::by_whom(self.decision, self.execute_by, Settled::LateAnswer, answer, now)
    }

    /// When a person may settle it: one call time limit after the lease ended, so that a late
    /// answer has had its chance.
    pub fn settle_from(&self, call_timeout: TimeDelta) -> DateTime<Utc> {
        self.lease_until + call_timeout
    }

    /// A person found that it ran.
    pub fn settle_executed(self, by: UserId, now: DateTime<Utc>) -> Executed {
        Executed::by_whom(self.decision, self.execute_by, Settled::Person(by), None, now)
    }

    /// A person found that it did not run.
    pub fn settle_not_executed(self, by: UserId, now: DateTime<Utc>) -> State {
        State::NotExecuted { decision: self.decision, by, at: now }
    }
}

impl Executed {
    fn by_whom(
        decision: Decision,
        execute_by: DateTime<Utc>,
        by: Settled,
        answer: Option<Answer>,
        at: DateTime<Utc>,
    ) -> Self {
        Self { decision, execute_by, at, by, answer, answered_at: None }
    }

    /// Who allowed it.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Kept from [`Approved`].
    pub fn execute_by(&self) -> DateTime<Utc> {
        self.execute_by
    }

    /// When.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Who says so.
    pub fn by(&self) -> Settled {
        self.by
    }

    /// How the upstream answered. `None`: a person says that it ran, the upstream goes on with it as a task, or an
    /// earlier version of the gateway did not keep it.
    pub fn answer(&self) -> Option<Answer> {
        self.answer
    }

    /// When an answer was first written whole to the agent.
    pub fn answered_at(&self) -> Option<DateTime<Utc>> {
        self.answered_at
    }

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
