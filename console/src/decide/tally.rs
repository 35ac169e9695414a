//! What the bar says of decisions: one by the tool's name, several by their number.

use super::queue::Verdict;
use crate::show::words::Words;

/// How many decisions were made, of which kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    approved: usize,
    rejected: usize,
    /// The tool of the last one.
    tool: String,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, verdict: &Verdict, tool: &str) {
        match verdict {
            Verdict::Approve { .. } => self.approved += 1,
            Verdict::Reject { .. } => self.rejected += 1,
        }
        tool.clone_into(&mut self.tool);
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.approved + self.rejected
    }

    /// While they can be undone: "Approving send_invoice", "5 approved".
    pub fn doing(&self) -> Words {
        self.words("Approving {}", "Rejecting {}")
    }

    /// Once they have arrived: "send_invoice approved", "3 approved, 2 rejected".
    pub fn done(&self) -> Words {
        self.words("{} approved", "{} rejected")
    }

    /// Once they were taken back: "Undone: send_invoice".
    pub fn undone(&self) -> Words {
        match self.count() {
            1 => Words::of("Undone: {}", &[&self.tool]),
            count => Words::of("Undone: {} decisions", &[&count.to_string()]),
        }
    }

    fn words(&self, approval: &'static str, rejection: &'static str) -> Words {
        let many = |count: usize, sentence| Words::of(sentence, &[&count.to_string()]);
        match (self.approved, self.rejected) {
            (1, 0) => Words::of(approval, &[&self.tool]),
            (0, 1) => Words::of(rejection, &[&self.tool]),
            (0, rejected) => many(rejected, "{} rejected"),
            (approved, 0) => many(approved, "{} approved"),
            (approved, rejected) => many(approved, "{} approved, ").and(many(rejected, "{} rejected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(approved: usize, rejected: usize) -> Tally {
        let mut tally = Tally::default();
        (0..approved).for_each(|_| tally.add(&Verdict::Approve { reason: None }, "send_invoice"));
        (0..rejected).for_each(|_| tally.add(&Verdict::Reject { reason: "no".to_owned() }, "create_issue"));
        tally
    }

    #[test]
    fn one_decision_is_named_and_several_are_counted() {
        let said = |approved, rejected| {
            let tally = tally(approved, rejected);
            [tally.doing(), tally.done(), tally.undone()].map(|words| words.plain())
        };
        assert_eq!(said(1, 0), ["Approving send_invoice", "send_invoice approved", "Undone: send_invoice"]);
        assert_eq!(said(0, 1), ["Rejecting create_issue", "create_issue rejected", "Undone: create_issue"]);
        assert_eq!(said(5, 0), ["5 approved", "5 approved", "Undone: 5 decisions"]);
        assert_eq!(said(0, 3), ["3 rejected", "3 rejected", "Undone: 3 decisions"]);
        assert_eq!(said(3, 2), ["3 approved, 2 rejected", "3 approved, 2 rejected", "Undone: 5 decisions"]);
        assert_eq!(said(1, 1)[0], "1 approved, 1 rejected");
    }
}
