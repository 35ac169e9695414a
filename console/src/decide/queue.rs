//! Decisions on their way: each waits five seconds in which it can be taken back, then is sent, once.
//! What is here is only bookkeeping; timers, news and requests are in `decide`.

use api_types::ApprovalDetail;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::tally::Tally;
use crate::show::words::Words;

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
            Self::Approve { .. } => "Approve again",
            Self::Reject { .. } => "Reject again",
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
    /// The ticket of the first decision that was made together with it: one Undo takes all of them back.
    together: u64,
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
    /// What has arrived while others were on their way: the bar counts them together.
    arrived: Tally,
}

/// What the bar says of the decisions on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How many, or which.
    pub words: Words,
    /// Until when the newest can be taken back.
    pub until: Option<DateTime<Utc>>,
}

impl Queue {
    /// Takes decisions that are made together, which can be taken back for [`GRACE`], and gives those that were taken: not
    /// the ones of requests of which a decision is on its way.
    pub fn add(&mut self, made: Vec<(Target, Verdict)>, now: DateTime<Utc>) -> Vec<Decision> {
        let (first, together) = (self.decisions.len(), self.last + 1);
        for (target, verdict) in made {
            if self.of(target.id).is_none() {
                self.last += 1;
                let phase = Phase::Held(now + GRACE);
                self.decisions.push(Decision { ticket: self.last, together, target, verdict, phase });
            }
        }
        self.decisions.get(first..).unwrap_or_default().to_vec()
    }

    /// Takes one back, if it was not sent yet.
    pub fn undo(&mut self, id: Uuid) -> Option<Decision> {
        let at = self.decisions.iter().position(|decision| decision.target.id == id && decision.is_held())?;
        Some(self.decisions.remove(at))
    }

    /// The requests of the newest decisions that can be taken back: of several where they were made together.
    pub fn newest_held(&self) -> Vec<Uuid> {
        let held = || self.decisions.iter().filter(|decision| decision.is_held());
        let newest = held().next_back().map(|decision| decision.together);
        held().filter(|decision| Some(decision.together) == newest).map(|decision| decision.target.id).collect()
    }

    /// Its five seconds are over: gives what is to be sent now, only once.
    pub fn send(&mut self, ticket: u64) -> Option<Decision> {
        let decision = self.decisions.iter_mut().find(|decision| decision.ticket == ticket && decision.is_held())?;
        decision.phase = Phase::Sending;
        Some(decision.clone())
    }

    /// It arrived, or failed: either way it is not on its way any more.
    pub fn finish(&mut self, id: Uuid, arrived: bool) {
        let at = self.decisions.iter().position(|decision| decision.target.id == id);
        if let Some(Decision { target, verdict, .. }) = at.map(|at| self.decisions.remove(at))
            && arrived
        {
            self.arrived.add(&verdict, &target.tool);
        }
    }

    /// Once nothing is on its way any more: what has arrived since something was, and is counted from nothing again.
    pub fn all_arrived(&mut self) -> Option<Tally> {
        let over = self.decisions.is_empty() && self.arrived.count() > 0;
        over.then(|| std::mem::take(&mut self.arrived))
    }

    /// What the bar says: nothing when nothing is on its way.
    pub fn line(&self) -> Option<Line> {
        let newest = self.decisions.iter().rev().find_map(|decision| match decision.phase {
            Phase::Held(until) => Some(until),
            Phase::Sending => None,
        });
        let mut all = self.arrived.clone();
        self.decisions.iter().for_each(|decision| all.add(&decision.verdict, &decision.target.tool));
        let words = match (self.decisions.len(), newest) {
            (0, _) => return None,
            (_, Some(_)) => all.doing(),
            (_, None) if all.count() == 1 => all.doing().and("…"),
            (1, None) => "Sending 1 decision…".into(),
            (count, None) => Words::of("Sending {} decisions…", &[&count.to_string()]),
        };
        Some(Line { words, until: newest })
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

    fn reject() -> Verdict {
        Verdict::Reject { reason: "no".to_owned() }
    }

    fn ids<const N: usize>(of: [u128; N]) -> Vec<Uuid> {
        of.map(Uuid::from_u128).to_vec()
    }

    /// A queue of decisions whose tickets are 1, 2, …, of requests of these numbers.
    fn queue(of: &[u128]) -> Queue {
        let mut queue = Queue::default();
        for n in of {
            assert_eq!(queue.add(vec![(target(*n), approve())], DateTime::UNIX_EPOCH).len(), 1);
        }
        queue
    }

    fn said(queue: &Queue) -> Option<String> {
        queue.line().map(|line| line.words.plain())
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
        assert!(queue.newest_held().is_empty());
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
        assert_eq!(queue.newest_held(), ids([2]));
        queue.undo(Uuid::from_u128(2));
        assert_eq!(queue.newest_held(), ids([1]));
    }

    #[test]
    fn what_was_decided_together_is_taken_back_together() {
        let mut queue = queue(&[1, 2]);
        let made = [2, 3, 4, 4, 5].map(|n| (target(n), reject())).to_vec();
        let added = queue.add(made, DateTime::UNIX_EPOCH);
        let added: Vec<_> = added.iter().map(|decision| decision.target.id).collect();
        assert_eq!(added, ids([3, 4, 5]), "one of a request whose decision is on its way is left out");
        assert_eq!(queue.newest_held(), ids([3, 4, 5]));
        queue.send(4);
        assert_eq!(queue.newest_held(), ids([3, 5]), "what is sent is not taken back");
        queue.undo(Uuid::from_u128(3));
        queue.undo(Uuid::from_u128(5));
        assert_eq!(queue.newest_held(), ids([2]));
    }

    #[test]
    fn a_request_is_decided_by_one_decision_at_a_time() {
        let mut queue = queue(&[1]);
        assert_eq!(queue.add(vec![(target(1), reject())], DateTime::UNIX_EPOCH), []);
        assert_eq!(queue.of(Uuid::from_u128(1)).unwrap().verdict, approve());
        queue.send(1);
        queue.finish(Uuid::from_u128(1), false);
        let again = queue.add(vec![(target(1), approve())], DateTime::UNIX_EPOCH);
        assert_eq!(again.len(), 1, "a failed one can be tried again");
    }

    #[test]
    fn the_end_of_five_seconds_that_were_cut_short_sends_nothing_later() {
        let mut queue = queue(&[1]);
        queue.undo(Uuid::from_u128(1));
        let second = queue.add(vec![(target(1), approve())], DateTime::UNIX_EPOCH)[0].ticket;
        assert_eq!(queue.send(1), None, "the first one's timer, while the second's five seconds run");
        assert!(queue.send(second).is_some());
    }

    #[test]
    fn the_bar_counts_what_is_on_its_way_with_what_arrived_meanwhile() {
        let mut queue = queue(&[1]);
        assert_eq!(said(&queue).as_deref(), Some("Approving send_invoice"));
        assert_eq!(queue.line().unwrap().until, Some(DateTime::UNIX_EPOCH + GRACE));
        queue.add(vec![(target(2), reject())], DateTime::UNIX_EPOCH + TimeDelta::seconds(3));
        assert_eq!(said(&queue).as_deref(), Some("1 approved, 1 rejected"));
        queue.send(1);
        queue.finish(Uuid::from_u128(1), true);
        let line = queue.line().unwrap();
        assert_eq!(line.words.plain(), "1 approved, 1 rejected");
        assert_eq!(line.until, Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(8)));
        assert_eq!(queue.all_arrived(), None);
        queue.send(2);
        assert_eq!(said(&queue).as_deref(), Some("Sending 1 decision…"));
        assert_eq!(queue.line().unwrap().until, None, "it cannot be undone any more");
        queue.finish(Uuid::from_u128(2), true);
        assert_eq!(said(&queue), None);
        assert_eq!(queue.all_arrived().unwrap().done().plain(), "1 approved, 1 rejected");
        assert_eq!(queue.all_arrived(), None, "it is said once");
    }

    #[test]
    fn what_failed_or_was_taken_back_is_not_counted() {
        let mut queue = queue(&[1, 2, 3]);
        queue.undo(Uuid::from_u128(3));
        queue.send(1);
        queue.send(2);
        assert_eq!(said(&queue).as_deref(), Some("Sending 2 decisions…"));
        queue.finish(Uuid::from_u128(1), false);
        assert_eq!(said(&queue).as_deref(), Some("Approving send_invoice…"));
        queue.finish(Uuid::from_u128(2), true);
        assert_eq!(queue.all_arrived().unwrap().done().plain(), "send_invoice approved");
    }
}
