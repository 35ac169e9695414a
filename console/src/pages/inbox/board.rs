//! The list as it is shown, against the list as the server has it: nothing moves, comes or goes under a
//! pointer or a focus, and what one looks at stays until one moves on.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use api_types::Approval;
use uuid::Uuid;

use super::order::{Group, key, text};

/// One line of the list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The request, as it was last heard of.
    pub approval: Arc<Approval>,
    /// What a search looks in.
    pub text: Arc<str>,
    /// Where it stands.
    pub group: Group,
    /// It is not of this list any more: it was decided, here or elsewhere, or its time is over.
    pub gone: bool,
}

impl Entry {
    fn new(approval: &Arc<Approval>) -> Self {
        Self { text: text(approval).into(), group: Group::of(approval), gone: false, approval: approval.clone() }
    }

    /// Its request.
    pub fn id(&self) -> Uuid {
        self.approval.id
    }

    /// Whether it would be shown as the other is.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.approval, &other.approval) && (self.group, self.gone) == (other.group, other.gone)
    }

    fn with(&self, approval: &Arc<Approval>, group: Group, gone: bool) -> Self {
        let text = if Arc::ptr_eq(approval, &self.approval) { self.text.clone() } else { text(approval).into() };
        Self { approval: approval.clone(), text, group, gone }
    }
}

/// What is known when the list is brought up to date.
pub struct News<'a> {
    /// What is known of requests, by id.
    pub rows: &'a HashMap<Uuid, Arc<Approval>>,
    /// Whether all of them were read once.
    pub complete: bool,
    /// Whether a request belongs in this list.
    pub here: &'a dyn Fn(&Approval) -> bool,
    /// A pointer is over the list, a finger on it, or the focus in it.
    pub held: bool,
    /// What must stay although it is of this list no more: what is looked at, what is on its way.
    pub keep: &'a dyn Fn(Uuid) -> bool,
}

/// The list, and how many requests wait to be let into it.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// What is shown, in its order.
    pub entries: Vec<Entry>,
    /// New ones that are not shown because the list is held.
    pub withheld: usize,
    /// Whether all that the server has was read once.
    pub complete: bool,
}

impl Board {
    /// The list after the news.
    pub fn after(&self, news: &News<'_>) -> Self {
        let mut entries: Vec<Entry> = Vec::with_capacity(news.rows.len());
        for entry in &self.entries {
            match news.rows.get(&entry.id()) {
                Some(row) if (news.here)(row) => {
                    let group = if news.held { entry.group } else { Group::of(row) };
                    entries.push(entry.with(row, group, false));
                }
                known if news.held || (news.keep)(entry.id()) => {
                    entries.push(entry.with(known.unwrap_or(&entry.approval), entry.group, true));
                }
                _ => {}
            }
        }
        let shown: HashSet<Uuid> = self.entries.iter().map(Entry::id).collect();
        let new = news.rows.values().filter(|row| !shown.contains(&row.id) && (news.here)(row));
        // Into an empty list everything may come: there is nothing that could jump.
        if news.held && !self.entries.is_empty() {
            return Self { withheld: new.count(), entries, complete: news.complete };
        }
        entries.extend(new.map(Entry::new));
        entries.sort_by_key(|entry| key(&entry.approval, entry.group));
        Self { entries, withheld: 0, complete: news.complete }
    }

    /// Whether it would be shown as the other is.
    pub fn is_same(&self, other: &Self) -> bool {
        self.withheld == other.withheld
            && self.complete == other.complete
            && self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(one, other)| one.id() == other.id() && one.is_same(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::sample::request;

    fn rows(of: &[(u128, i64)]) -> HashMap<Uuid, Arc<Approval>> {
        of.iter()
            .map(|(n, minutes)| {
                let row = Approval { may_decide: true, ..request(*n, "pending", *minutes) };
                (row.id, Arc::new(row))
            })
            .collect()
    }

    fn after(board: &Board, rows: &HashMap<Uuid, Arc<Approval>>, held: bool, keep: &[u128]) -> Board {
        let here = |row: &Approval| row.status == "pending";
        board.after(&News { rows, complete: true, here: &here, held, keep: &|id| keep.contains(&id.as_u128()) })
    }

    fn brought(board: &Board, of: &[(u128, i64)], held: bool, keep: &[u128]) -> Board {
        after(board, &rows(of), held, keep)
    }

    fn ids(board: &Board) -> Vec<u128> {
        board.entries.iter().map(|entry| entry.id().as_u128()).collect()
    }

    #[test]
    fn new_requests_come_in_at_their_place() {
        let board = brought(&Board::default(), &[(1, 10), (2, 30)], false, &[]);
        let board = brought(&board, &[(1, 10), (2, 30), (3, 20)], false, &[]);
        assert_eq!(ids(&board), [1, 3, 2]);
    }

    #[test]
    fn under_a_pointer_nothing_comes_goes_or_moves() {
        let board = brought(&Board::default(), &[(1, 10), (2, 30)], false, &[]);
        let held = brought(&board, &[(2, 5), (3, 1)], true, &[]);
        assert_eq!(ids(&held), [1, 2]);
        assert_eq!(held.withheld, 1);
        assert!(held.entries[0].gone && !held.entries[1].gone);
        let free = brought(&held, &[(2, 5), (3, 1)], false, &[]);
        assert_eq!((ids(&free), free.withheld), (vec![3, 2], 0));
    }

    #[test]
    fn a_line_says_what_became_of_its_request_without_moving() {
        let board = brought(&Board::default(), &[(1, 10), (2, 30)], false, &[]);
        let mut decided = rows(&[(2, 30)]);
        let row = Approval { may_decide: false, ..request(1, "approved", 10) };
        decided.insert(row.id, Arc::new(row));
        let board = after(&board, &decided, true, &[]);
        let first = &board.entries[0];
        assert_eq!((ids(&board), first.approval.status.as_str(), first.gone), (vec![1, 2], "approved", true));
        assert_eq!(first.group, Group::Mine, "it stays under the heading where it stood");
        assert_eq!(ids(&after(&board, &decided, false, &[])), [2]);
    }

    #[test]
    fn an_empty_list_is_never_held() {
        let board = brought(&Board::default(), &[(1, 10)], true, &[]);
        assert_eq!((ids(&board), board.withheld), (vec![1], 0));
    }

    #[test]
    fn what_is_looked_at_stays_and_says_that_it_is_gone() {
        let board = brought(&Board::default(), &[(1, 10), (2, 30)], false, &[]);
        let board = brought(&board, &[(2, 30)], false, &[1]);
        assert_eq!(ids(&board), [1, 2]);
        assert!(board.entries[0].gone);
        assert_eq!(ids(&brought(&board, &[(2, 30)], false, &[])), [2]);
    }

    #[test]
    fn one_that_comes_back_is_not_gone() {
        let board = brought(&Board::default(), &[(1, 10)], false, &[]);
        let board = brought(&board, &[], false, &[1]);
        let board = brought(&board, &[(1, 10)], false, &[1]);
        assert!(!board.entries[0].gone);
    }

    #[test]
    fn the_same_news_change_nothing() {
        let rows = rows(&[(1, 10), (2, 30)]);
        let board = after(&Board::default(), &rows, false, &[]);
        assert!(board.is_same(&after(&board, &rows, true, &[])));
        assert!(!board.is_same(&brought(&board, &[(1, 10), (2, 30)], false, &[])), "other rows are other news");
    }
}
