//! Which requests stand where: groups, order, search, and which comes next after a decision.

use api_types::Approval;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::urgency::Urgency;

/// Under which heading a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Waits for a decision of who looks, and expires within five minutes.
    Soon,
    /// Waits for a decision of who looks.
    Later,
    /// Waits for somebody else's.
    Others,
    /// Ran, perhaps: a person must find out.
    Unsettled,
    /// Its decision is on its way.
    Sending,
    /// Needs nobody any more.
    Decided,
}

impl Group {
    /// Where the request belongs now; `sending` says that its decision is on its way.
    pub fn of(approval: &Approval, now: DateTime<Utc>, sending: bool) -> Self {
        match approval.status.as_str() {
            "pending" if sending => Self::Sending,
            "pending" if !approval.may_decide => Self::Others,
            "pending" if Urgency::of(approval.expires_at, now) == Urgency::Later => Self::Later,
            "pending" => Self::Soon,
            "outcome_unknown" => Self::Unsettled,
            _ => Self::Decided,
        }
    }

    /// Whether its requests wait for a decision of who looks.
    pub fn is_mine(self) -> bool {
        matches!(self, Self::Soon | Self::Later)
    }

    /// Its heading; `None` for the first group of a list where the tab says it already.
    pub fn heading(self, first: bool) -> Option<&'static str> {
        match self {
            Self::Later | Self::Decided if first => None,
            Self::Soon => Some("Under 5 minutes"),
            Self::Later => Some("Later"),
            Self::Others => Some("Needs another approver"),
            Self::Unsettled => Some("Outcome unknown"),
            Self::Sending => Some("Sending"),
            Self::Decided => Some("Decided"),
        }
    }
}

/// By what requests are sorted: the waiting ones by when they expire, or the newest first, the decided ones the newest
/// first; ids break ties, so that the order never changes by itself.
pub fn key(approval: &Approval, group: Group, newest: bool) -> (Group, i64, Uuid) {
    let order = match group {
        group if newest || group == Group::Decided => -approval.created_at.timestamp_micros(),
        _ => approval.expires_at.timestamp_micros(),
    };
    (group, order, approval.id)
}

/// What a search looks in, in small letters: the tool, the toolkit, the caller and the arguments.
pub fn text(approval: &Approval) -> String {
    let summary = approval.summary.as_deref().unwrap_or_default();
    let values = approval.values.join("\n");
    small(&[&approval.tool, &approval.toolkit, &approval.caller_name, summary, &values].join("\n"))
}

/// The words of a search, in small letters.
pub fn words(search: &str) -> Vec<String> {
    small(search).split_whitespace().map(ToOwned::to_owned).collect()
}

/// Whether every word is somewhere in the [`text`] of a request.
pub fn matches(text: &str, words: &[String]) -> bool {
    words.iter().all(|word| text.contains(word))
}

/// Where `j` and `k` go from `selected`: `step` further in the list, staying at its ends. Without a
/// selection, or with one that is not listed: the first.
pub fn stepped(listed: &[Uuid], selected: Option<Uuid>, step: isize) -> Option<Uuid> {
    let at = selected.and_then(|id| listed.iter().position(|listed| *listed == id));
    let to = at.map_or(0, |at| at.saturating_add_signed(step).min(listed.len().saturating_sub(1)));
    listed.get(to).copied()
}

/// What to show after `decided` was: the next that is still to be done, else the nearest before it.
pub fn after(listed: &[Uuid], decided: Uuid, to_do: impl Fn(Uuid) -> bool) -> Option<Uuid> {
    let at = listed.iter().position(|id| *id == decided).unwrap_or(0);
    let (before, behind) = listed.split_at(at.min(listed.len()));
    let open = |id: &&Uuid| **id != decided && to_do(**id);
    behind.iter().find(open).or_else(|| before.iter().rev().find(open)).copied()
}

/// The text in small letters. In a browser by the browser's own table, which need not be loaded.
fn small(text: &str) -> String {
    #[cfg(target_arch = "wasm32")]
    return js_sys::JsString::from(text).to_lower_case().into();
    #[cfg(not(target_arch = "wasm32"))]
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::sample::request;

    fn ids(of: &[u128]) -> Vec<Uuid> {
        of.iter().map(|n| Uuid::from_u128(*n)).collect()
    }

    fn mine(n: u128, minutes: i64) -> Approval {
        Approval { may_decide: true, ..request(n, "pending", minutes) }
    }

    fn group(approval: &Approval) -> Group {
        Group::of(approval, DateTime::UNIX_EPOCH, false)
    }

    #[test]
    fn mine_come_before_others_and_the_unsettled_stand_apart() {
        let mut all = [request(1, "outcome_unknown", 1), request(2, "pending", 2), mine(3, 9)];
        all.sort_by_key(|one| key(one, group(one), false));
        assert_eq!(all.map(|one| one.id.as_u128()), [3, 2, 1]);
    }

    #[test]
    fn only_what_i_can_decide_is_urgent() {
        assert_eq!([mine(1, 4), mine(2, 5)].map(|one| group(&one)), [Group::Soon, Group::Later]);
        assert_eq!(group(&request(3, "pending", 4)), Group::Others);
        assert_eq!(Group::of(&mine(1, 4), DateTime::UNIX_EPOCH, true), Group::Sending);
        assert_eq!(Group::of(&request(1, "expired", 4), DateTime::UNIX_EPOCH, true), Group::Decided);
    }

    #[test]
    fn a_heading_that_says_nothing_is_left_out() {
        assert_eq!(Group::Later.heading(true), None);
        assert_eq!(Group::Later.heading(false), Some("Later"), "below the urgent ones");
        assert_eq!(Group::Soon.heading(true), Some("Under 5 minutes"));
    }

    #[test]
    fn what_ends_first_stands_first() {
        let mut all = [mine(1, 30), mine(3, 10), mine(2, 10)];
        all.sort_by_key(|one| key(one, group(one), false));
        assert_eq!(all.map(|one| one.id.as_u128()), [2, 3, 1]);
    }

    #[test]
    fn every_word_of_a_search_must_be_somewhere() {
        let text = text(&request(1, "pending", 1));
        for found in ["", "invoice", "billing BRIGHT", "finance 4180"] {
            assert!(matches(&text, &words(found)), "{found}");
        }
        assert!(!matches(&text, &words("invoice hollis")));
        // A word is not found across the border of two fields.
        assert!(!matches(&text, &words("send_invoicefinance")));
    }

    #[test]
    fn steps_stay_inside_the_list() {
        let list = ids(&[1, 2, 3]);
        let step = |from: Option<u128>, by| stepped(&list, from.map(Uuid::from_u128), by).map(|id| id.as_u128());
        assert_eq!(
            [step(Some(1), 1), step(Some(3), 1), step(Some(1), -1), step(None, 1), step(Some(9), -1)],
            [Some(2), Some(3), Some(1), Some(1), Some(1)]
        );
        assert_eq!(stepped(&[], None, 1), None);
    }

    #[test]
    fn after_a_decision_comes_the_next_that_is_still_to_be_done() {
        let list = ids(&[1, 2, 3, 4]);
        let next = |decided, done: &[u128]| {
            let done = ids(done);
            after(&list, Uuid::from_u128(decided), |id| !done.contains(&id)).map(|id| id.as_u128())
        };
        assert_eq!(next(1, &[]), Some(2));
        assert_eq!(next(2, &[3]), Some(4));
        assert_eq!(next(4, &[]), Some(3), "at the end it goes back");
        assert_eq!(next(3, &[4]), Some(2));
        assert_eq!(next(2, &[1, 3, 4]), None);
        assert_eq!(next(9, &[]), Some(1), "one that was not in the list");
    }
}
