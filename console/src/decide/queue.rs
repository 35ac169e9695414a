//! Decisions on their way: each waits five seconds in which it can be taken back, then is sent, once.
//! What is here is only bookkeeping; timers, toasts and requests are in `decide`.

use api_types::ApprovalDetail;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// How long a decision can be taken back.
pub const GRACE: TimeDelta = TimeDelta::seconds(5);

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may run.
    Approve {
        /// A word to the record.
        reason: Option<String>,
    },
    /// It may not.
    Reject {
        /// Why: the agent reads it word for word.
        reason: String,
    },
}

impl Verdict {
    /// "Approving", while it is on its way.
    pub fn doing(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "Approving",
            Self::Reject { .. } => "Rejecting",
        }
    }

    /// "approval", as a thing: "your approval of send_invoice".
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approval",
            Self::Reject { .. } => "rejection",
        }
    }

    /// What offers it once more.
    pub fn again(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "Approve it again",
            Self::Reject { .. } => "Reject it again",
        }
    }

    /// "approved", once it has arrived.
    pub fn done(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approved",
            Self::Reject { .. } => "rejected",
        }
    }
}

/// The request that is decided, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The org's slug.
    pub org: String,
    /// The approval.
    pub id: Uuid,
    /// The tool's name, for words.
    pub tool: String,
    /// The arguments' hash that was seen.
    pub arguments_sha256: String,
    /// The definition's hash that was seen.
    pub definition_sha256: String,
}

impl Target {
    /// The request as it is seen now, in the org with this slug.
    pub fn of(detail: &ApprovalDetail, org: String) -> Self {
        let approval = &detail.approval;
        Self {
            org,
            id: approval.id,
            tool: approval.tool.clone(),
            arguments_sha256: approval.arguments_sha256.clone(),
            definition_sha256: approval.definition_sha256.clone(),
        }
    }
}

/// How far a decision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It can be taken back until then; nothing was sent.
    Held(DateTime<Utc>),
    /// It was sent; what became of it is not known yet.
    Sending,
}

/// A decision on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Tells it from an earlier one of the same request that was taken back.
    pub ticket: u64,
    /// Of what.
    pub target: Target,
    /// What.
    pub verdict: Verdict,
    /// How far.
    pub phase: Phase,
}

/// All decisions on their way, oldest first; at most one of each request.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    decisions: Vec<Decision>,
    last: u64,
}

impl Queue {
    /// Takes a decision, which can be taken back for [`GRACE`], and gives its ticket. `None`, and nothing
    /// changes, when one of the same request is on its way.
    pub fn add(&mut self, target: Target, verdict: Verdict, now: DateTime<Utc>) -> Option<u64> {
        if self.of(target.id).is_some() {
            return None;
        }
        self.last += 1;
        let phase = Phase::Held(now + GRACE);
        self.decisions.push(Decision { ticket: self.last, target, verdict, phase });
        Some(self.last)
    }

    /// Takes one back, if it was not sent yet.
    pub fn undo(&mut self, id: Uuid) -> Option<Decision> {
        let at = self.decisions.iter().position(|decision| decision.target.id == id && decision.is_held())?;
        Some(self.decisions.remove(at))
    }

    /// The request of the newest decision that can be taken back.
    pub fn newest_held(&self) -> Option<Uuid> {
        self.decisions.iter().rev().find(|decision| decision.is_held()).map(|decision| decision.target.id)
    }

    /// Its five seconds are over: gives what is to be sent now, only once.
    pub fn send(&mut self, ticket: u64) -> Option<Decision> {
        let decision = self.decisions.iter_mut().find(|decision| decision.ticket == ticket && decision.is_held())?;
        decision.phase = Phase::Sending;
        Some(decision.clone())
    }

    /// It arrived, or failed: either way it is not on its way any more.
    pub fn finish(&mut self, id: Uuid) {
        self.decisions.retain(|decision| decision.target.id != id);
    }

    /// The decision of this request that is on its way.
    pub fn of(&self, id: Uuid) -> Option<&Decision> {
        self.decisions.iter().find(|decision| decision.target.id == id)
    }

    /// The page is left: gives what was on its way, and forgets what was not sent, which is never sent then.
    pub fn leave(&mut self) -> Vec<Decision> {
        let all = self.decisions.clone();
        self.decisions.retain(|decision| !decision.is_held());
        all
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }
}

impl Decision {
    /// Whether it can still be taken back.
    pub fn is_held(&self) -> bool {
        matches!(self.phase, Phase::Held(_))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    fn target(n: u128) -> Target {
        Target {
            org: "acme".to_owned(),
            id: Uuid::from_u128(n),
            tool: "send_invoice".to_owned(),
            arguments_sha256: "aa".to_owned(),
            definition_sha256: "bb".to_owned(),
        }
    }

    fn approve() -> Verdict {
        Verdict::Approve { reason: None }
    }

    /// A queue of decisions whose tickets are 1, 2, …, of requests of these numbers.
    fn queue(of: &[u128]) -> Queue {
        let mut queue = Queue::default();
        for n in of {
            assert!(queue.add(target(*n), approve(), DateTime::UNIX_EPOCH).is_some());
        }
        queue
    }

    #[test]
    fn a_decision_is_sent_once() {
        let mut queue = queue(&[1]);
        assert_eq!(queue.send(1).unwrap().target.id, Uuid::from_u128(1));
        assert_eq!(queue.send(1), None);
    }

    #[test]
    fn what_was_taken_back_is_never_sent() {
        let mut queue = queue(&[1]);
        assert!(queue.undo(Uuid::from_u128(1)).is_some());
        assert_eq!(queue.send(1), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_was_sent_cannot_be_taken_back() {
        let mut queue = queue(&[1]);
        queue.send(1);
        assert_eq!(queue.undo(Uuid::from_u128(1)), None);
        assert_eq!(queue.newest_held(), None);
        assert!(!queue.is_empty(), "leaving the page now has to be asked about");
    }

    #[test]
    fn a_page_that_is_left_sends_nothing_more() {
        let mut queue = queue(&[1, 2]);
        queue.send(1);
        assert_eq!(queue.leave().len(), 2, "one of them was sent, and nobody knows whether it arrived");
        assert_eq!(queue.send(2), None, "a page that comes back from the browser's cache does not send it");
    }

    #[test]
    fn undo_takes_the_newest_first() {
        let mut queue = queue(&[1, 2, 3]);
        queue.send(3);
        assert_eq!(queue.newest_held(), Some(Uuid::from_u128(2)));
        queue.undo(Uuid::from_u128(2));
        assert_eq!(queue.newest_held(), Some(Uuid::from_u128(1)));
    }

    #[test]
    fn a_request_is_decided_by_one_decision_at_a_time() {
        let mut queue = queue(&[1]);
        assert_eq!(queue.add(target(1), Verdict::Reject { reason: "no".to_owned() }, DateTime::UNIX_EPOCH), None);
        assert_eq!(queue.of(Uuid::from_u128(1)).unwrap().verdict, approve());
        queue.send(1);
        queue.finish(Uuid::from_u128(1));
        assert!(queue.add(target(1), approve(), DateTime::UNIX_EPOCH).is_some(), "a failed one can be tried again");
    }

    #[test]
    fn the_end_of_five_seconds_that_were_cut_short_sends_nothing_later() {
        let mut queue = queue(&[1]);
        queue.undo(Uuid::from_u128(1));
        let second = queue.add(target(1), approve(), DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(queue.send(1), None, "the first one's timer, while the second's five seconds run");
        assert!(queue.send(second).is_some());
    }
}
