//! Several requests, picked in the list to be decided together: what is picked, and whether one may approve them in one go.

use std::collections::HashSet;

use uuid::Uuid;

use super::board::Entry;

/// The requests that are picked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picked {
    /// Whether requests are being picked: the rows have checkboxes.
    pub on: bool,
    ids: HashSet<Uuid>,
    /// Where a range begins: the request that was picked last by itself.
    anchor: Option<Uuid>,
}

impl Picked {
    /// Whether this one is picked.
    pub fn has(&self, id: Uuid) -> bool {
        self.ids.contains(&id)
    }

    /// How many are picked.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Picks one, or does not pick it any more; nobody picks any longer once none is left.
    pub fn toggle(&mut self, id: Uuid) {
        if !self.ids.remove(&id) {
            self.ids.insert(id);
        }
        self.anchor = Some(id);
        self.on = !self.ids.is_empty();
    }

    /// Picks everything in the list from the last one that was picked by itself to this one.
    pub fn extend(&mut self, listed: &[Uuid], to: Uuid) {
        let place = |id: Uuid| listed.iter().position(|listed| *listed == id);
        let Some(to) = place(to) else { return };
        let from = self.anchor.and_then(place).unwrap_or(to);
        self.anchor = self.anchor.or_else(|| listed.get(to).copied());
        self.ids.extend(&listed[from.min(to)..=from.max(to)]);
        self.on = true;
    }

    /// Forgets those that cannot be decided any more.
    pub fn retain(&mut self, may: impl Fn(Uuid) -> bool) {
        let before = self.ids.len();
        self.ids.retain(|id| may(*id));
        self.on &= before == 0 || !self.ids.is_empty();
    }
}

/// Why requests cannot be approved in one go, if they cannot: the same harmless call of a tool as it was reviewed can, once
/// one of them was opened. `seen` says which were, as they are now.
pub fn not_together(picked: &[&Entry], seen: impl Fn(&Entry) -> bool) -> Option<&'static str> {
    let (first, others) = picked.split_first()?;
    let differ = |of: fn(&Entry) -> &str| others.iter().any(|other| of(other) != of(first));
    Some(match () {
        () if differ(|entry| &entry.approval.tool) || differ(|entry| &entry.approval.toolkit) => {
            "They call different tools: approve them one by one."
        }
        () if first.approval.arguments_sha256.is_empty() || differ(|entry| &entry.approval.arguments_sha256) => {
            "Their arguments differ: approve them one by one."
        }
        () if picked.iter().any(|entry| entry.approval.hints.destructive == Some(true)) => {
            "Destructive calls are approved one by one."
        }
        () if picked.iter().any(|entry| entry.approval.definition_changed)
            || differ(|entry| &entry.approval.definition_sha256) =>
        {
            "The tool has changed: approve them one by one."
        }
        () if !picked.iter().any(|entry| seen(entry)) => "Open one of them to see what you approve.",
        () => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use api_types::Approval;

    use super::*;
    use crate::{
        api::sample::request,
        pages::inbox::board::{Board, News},
    };

    const LIST: [Uuid; 4] = [Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3), Uuid::from_u128(4)];

    fn picked(picked: &Picked) -> Vec<u128> {
        LIST.iter().filter(|id| picked.has(**id)).map(Uuid::as_u128).collect()
    }

    #[test]
    fn one_by_one_and_back() {
        let mut some = Picked::default();
        some.toggle(LIST[1]);
        some.toggle(LIST[3]);
        assert_eq!((picked(&some), some.count(), some.on), (vec![2, 4], 2, true));
        some.toggle(LIST[1]);
        some.toggle(LIST[3]);
        assert_eq!((some.count(), some.on), (0, false), "with the last one the picking ends");
    }

    #[test]
    fn a_range_goes_from_the_last_that_was_picked_by_itself_in_both_directions() {
        let mut some = Picked::default();
        some.toggle(LIST[2]);
        some.extend(&LIST, LIST[3]);
        assert_eq!(picked(&some), [3, 4]);
        some.extend(&LIST, LIST[0]);
        assert_eq!(picked(&some), [1, 2, 3, 4]);
        let mut none = Picked::default();
        none.extend(&LIST, LIST[1]);
        none.extend(&LIST, LIST[2]);
        assert_eq!(picked(&none), [2, 3]);
        none.extend(&LIST, Uuid::from_u128(9));
        assert_eq!(none.count(), 2, "what the list does not show is no end of a range");
    }

    #[test]
    fn what_was_decided_meanwhile_is_picked_no_more() {
        let mut some = Picked { on: true, ..Picked::default() };
        some.retain(|_| false);
        assert!(some.on, "somebody has just begun to pick");
        some.extend(&LIST, LIST[0]);
        some.extend(&LIST, LIST[1]);
        some.retain(|id| id == LIST[1]);
        assert_eq!((picked(&some), some.on), (vec![2], true));
        some.retain(|_| false);
        assert!(!some.on);
    }

    /// Why two requests cannot be approved in one go, after `change` was made to the second.
    fn why(change: impl Fn(&mut Approval), seen: u128) -> Option<&'static str> {
        let rows: HashMap<Uuid, Arc<Approval>> = [1, 2]
            .into_iter()
            .map(|n| {
                let hash = "aa".to_owned();
                let mut row = Approval { may_decide: true, arguments_sha256: hash, ..request(n, "pending", 9) };
                if n == 2 {
                    change(&mut row);
                }
                (row.id, Arc::new(row))
            })
            .collect();
        let board = Board::default().after(&News {
            rows: &rows,
            complete: true,
            now: chrono::DateTime::UNIX_EPOCH,
            here: &|_| true,
            doing: &|_| None,
            held: false,
            selected: None,
            order: crate::pages::inbox::filter::Order::default(),
        });
        not_together(&board.entries.iter().collect::<Vec<_>>(), |entry| entry.id().as_u128() == seen)
    }

    #[test]
    fn only_the_same_harmless_call_that_was_seen_is_approved_in_one_go() {
        assert_eq!(why(|_| {}, 2), None);
        let begins = |change: fn(&mut Approval), words: &str| {
            let why = why(change, 1).unwrap_or_default();
            assert!(why.starts_with(words), "{why}");
        };
        begins(|row| row.tool = "send_reminder".to_owned(), "They call different tools");
        begins(|row| row.toolkit = "sales".to_owned(), "They call different tools");
        begins(|row| row.arguments_sha256 = "bb".to_owned(), "Their arguments differ");
        begins(|row| row.hints.destructive = Some(true), "Destructive");
        begins(|row| row.definition_changed = true, "The tool has changed");
        begins(|row| row.definition_sha256 = "bb".to_owned(), "The tool has changed");
        assert!(why(|_| {}, 9).is_some_and(|why| why.starts_with("Open one")));
        assert_eq!(not_together(&[], |_| true), None);
    }
}
