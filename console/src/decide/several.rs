//! Stands in for what the decisions' own branch has in `decide/mod.rs` (`decide_all`, `ask_to_reject_all`): to be deleted
//! when that is merged.

use super::{Decisions, Target, Verdict};

impl Decisions {
    /// Takes several decisions, one request each; says how many were taken.
    pub fn decide_all(self, made: Vec<(Target, Verdict)>) -> usize {
        made.into_iter().filter(|(target, verdict)| self.decide(target.clone(), verdict.clone())).count()
    }

    /// Asks for one reason, then rejects.
    pub fn ask_to_reject_all(self, targets: Vec<Target>) {
        targets.into_iter().take(1).for_each(|target| self.ask_to_reject(target));
    }
}
