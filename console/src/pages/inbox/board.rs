//! The list as it is shown, against the list as the server has it: nothing moves, comes or goes under a
//! pointer or a focus, and what one looks at stays until one moves on.

use std::sync::Arc;

use api_types::Approval;
use uuid::Uuid;

use super::order::{Group, key};

/// One line of the list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The request, as the server last listed it.
    pub approval: Arc<Approval>,
    /// Where it stands.
    pub group: Group,
    /// The server lists it no more: it was decided, here or elsewhere.
    pub gone: bool,
}

impl Entry {
    /// Its request.
    pub fn id(&self) -> Uuid {
        self.approval.id
    }
}

/// What is known when the list is brought up to date.
pub struct News<'a> {
    /// What the server lists.
    pub fresh: &'a [Arc<Approval>],
    /// What of it waits for the one who looks.
    pub mine: &'a [Uuid],
    /// A pointer is over the list, or the focus in it.
    pub held: bool,
    /// What must stay although the server lists it no more: what is looked at, what is on its way.
    pub keep: &'a dyn Fn(Uuid) -> bool,
}

/// The list, and how many requests wait to be let into it.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// What is shown, in its order.
    pub entries: Vec<Entry>,
    /// New ones that are not shown because the list is held.
    pub withheld: usize,
}

impl Board {
    /// The list after the news.
    pub fn after(&self, news: &News<'_>) -> Self {
        let known = |id: Uuid| news.fresh.iter().find(|fresh| fresh.id == id);
        let shown = |id: Uuid| self.entries.iter().any(|entry| entry.id() == id);
        let mut entries: Vec<Entry> = Vec::with_capacity(news.fresh.len());
        for entry in &self.entries {
            match known(entry.id()) {
                Some(fresh) => {
                    let group = match (entry.group, Group::of(fresh, news.mine)) {
                        (group, _) if news.held => group,
                        // The two lists are read one after the other: one that was decided between them is
                        // not mine any more and still listed. It must not move for that.
                        (Group::Mine, Group::Others) => Group::Mine,
                        (_, group) => group,
                    };
                    entries.push(Entry { approval: fresh.clone(), group, gone: false });
                }
                None if news.held || (news.keep)(entry.id()) => entries.push(Entry { gone: true, ..entry.clone() }),
                None => {}
            }
        }
        let new: Vec<_> = news.fresh.iter().filter(|fresh| !shown(fresh.id)).collect();
        // Into an empty list everything may come: there is nothing that could jump.
        if news.held && !self.entries.is_empty() {
            return Self { entries, withheld: new.len() };
        }
        entries.extend(new.into_iter().map(|fresh| Entry {
            approval: fresh.clone(),
            group: Group::of(fresh, news.mine),
            gone: false,
        }));
        entries.sort_by_key(|entry| key(&entry.approval, entry.group));
        Self { entries, withheld: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::sample::request;

    fn fresh(of: &[(u128, i64)]) -> Vec<Arc<Approval>> {
        of.iter().map(|(n, minutes)| Arc::new(request(*n, "pending", *minutes))).collect()
    }

    fn brought(board: &Board, of: &[(u128, i64)], held: bool, keep: &[u128]) -> Board {
        let fresh = fresh(of);
        let mine: Vec<_> = fresh.iter().map(|one| one.id).collect();
        board.after(&News { fresh: &fresh, mine: &mine, held, keep: &|id| keep.contains(&id.as_u128()) })
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
    fn one_of_mine_does_not_move_to_others_while_it_waits() {
        let board = brought(&Board::default(), &[(1, 10), (2, 30)], false, &[]);
        let fresh = fresh(&[(1, 10), (2, 30)]);
        let board = board.after(&News { fresh: &fresh, mine: &[fresh[1].id], held: false, keep: &|_| false });
        assert_eq!(ids(&board), [1, 2]);
    }

    #[test]
    fn one_that_comes_back_is_not_gone() {
        let board = brought(&Board::default(), &[(1, 10)], false, &[]);
        let board = brought(&board, &[], false, &[1]);
        let board = brought(&board, &[(1, 10)], false, &[1]);
        assert!(!board.entries[0].gone);
    }
}
