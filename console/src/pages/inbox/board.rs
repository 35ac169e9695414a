//! The list as it is shown, against the list as the server has it: nothing moves, comes or goes under a
//! pointer or a focus, and what one looks at stays until one moves on.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use api_types::Approval;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    filter::Order,
    flag::{Flag, in_text},
    order::{Group, text},
};

/// One row of the list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The request, as it was last heard of.
    pub approval: Arc<Approval>,
    /// What a search looks in.
    pub text: Arc<str>,
    /// What was found in its arguments that must not pass unseen.
    pub marked: Option<Flag>,
    /// Where it stands.
    pub group: Group,
    /// It is not of this list any more: it was decided, here or elsewhere, or it has expired.
    pub gone: bool,
    /// What its decision that is on its way does: "Approving".
    pub doing: Option<&'static str>,
    /// How many waiting requests are for the same tool with the same arguments, this one included.
    pub alike: usize,
}

impl Entry {
    fn new(approval: &Arc<Approval>, news: &News<'_>) -> Self {
        let doing = (news.doing)(approval.id);
        Self {
            text: text(approval).into(),
            marked: in_text(approval),
            group: Group::of(approval, news.now, doing.is_some()),
            gone: false,
            doing,
            alike: 0,
            approval: approval.clone(),
        }
    }

    /// Its request.
    pub fn id(&self) -> Uuid {
        self.approval.id
    }

    /// Whether it waits for a decision, and none is on its way.
    pub fn waits(&self) -> bool {
        !self.gone && self.doing.is_none() && self.approval.status == "pending"
    }

    /// Whether who looks can decide it now.
    pub fn is_to_do(&self) -> bool {
        self.waits() && self.approval.may_decide
    }

    /// Whether it would be shown as the other is.
    pub fn is_same(&self, other: &Self) -> bool {
        let shown = |entry: &Self| (entry.group, entry.gone, entry.doing, entry.alike);
        Arc::ptr_eq(&self.approval, &other.approval) && shown(self) == shown(other)
    }

    fn with(&self, approval: &Arc<Approval>, group: Group, gone: bool, doing: Option<&'static str>) -> Self {
        let (text, marked) = if Arc::ptr_eq(approval, &self.approval) {
            (self.text.clone(), self.marked)
        } else {
            (text(approval).into(), in_text(approval))
        };
        Self { approval: approval.clone(), text, marked, group, gone, doing, alike: 0 }
    }
}

/// What is known when the list is brought up to date.
pub struct News<'a> {
    /// What is known of requests, by id.
    pub rows: &'a HashMap<Uuid, Arc<Approval>>,
    /// Whether all of them were read once.
    pub complete: bool,
    /// The time.
    pub now: DateTime<Utc>,
    /// Whether a request belongs in this list.
    pub here: &'a dyn Fn(&Approval) -> bool,
    /// What the decision of a request that is on its way does.
    pub doing: &'a dyn Fn(Uuid) -> Option<&'static str>,
    /// A pointer is over the list, a finger on it, or the focus in it.
    pub held: bool,
    /// The request that is looked at: it stays although it is of this list no more.
    pub selected: Option<Uuid>,
    /// In which order the list stands.
    pub order: Order,
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
    /// The row of a request.
    pub fn find(&self, id: Uuid) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id() == id)
    }

    /// The list after the news.
    pub fn after(&self, news: &News<'_>) -> Self {
        let mut entries: Vec<Entry> = Vec::with_capacity(news.rows.len());
        for entry in &self.entries {
            let doing = (news.doing)(entry.id());
            match news.rows.get(&entry.id()) {
                Some(row) if (news.here)(row) => {
                    let group = if news.held { entry.group } else { Group::of(row, news.now, doing.is_some()) };
                    entries.push(entry.with(row, group, false, doing));
                }
                known if news.held || doing.is_some() || news.selected == Some(entry.id()) => {
                    // Its decision has arrived: "Sending" would not be true any more.
                    let arrived = entry.group == Group::Sending && doing.is_none() && !news.held;
                    let group = if arrived { Group::Decided } else { entry.group };
                    entries.push(entry.with(known.unwrap_or(&entry.approval), group, true, doing));
                }
                _ => {}
            }
        }
        let shown: HashSet<Uuid> = self.entries.iter().map(Entry::id).collect();
        let new = news.rows.values().filter(|row| !shown.contains(&row.id) && (news.here)(row));
        // Into an empty list everything may come: there is nothing that could jump.
        let held = news.held && !self.entries.is_empty();
        let withheld = if held {
            new.count()
        } else {
            entries.extend(new.map(|row| Entry::new(row, news)));
            news.order.sort(&mut entries);
            0
        };
        count_alike(&mut entries);
        Self { withheld, entries, complete: news.complete }
    }

    /// Whether it would be shown as the other is.
    pub fn is_same(&self, other: &Self) -> bool {
        self.withheld == other.withheld
            && self.complete == other.complete
            && self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(one, other)| one.id() == other.id() && one.is_same(other))
    }
}

/// Counts for every waiting request how many are for the same tool with the same arguments.
fn count_alike(entries: &mut [Entry]) {
    fn call(entry: &Entry) -> Option<(&str, &str, &str)> {
        let Approval { toolkit, tool, arguments_sha256, .. } = &*entry.approval;
        (entry.waits() && !arguments_sha256.is_empty()).then_some((toolkit, tool, arguments_sha256))
    }
    let mut counts: HashMap<(&str, &str, &str), usize> = HashMap::new();
    for call in entries.iter().filter_map(call) {
        *counts.entry(call).or_default() += 1;
    }
    let found: Vec<usize> = entries
        .iter()
        .map(|entry| call(entry).and_then(|call| counts.get(&call).copied()).unwrap_or_default())
        .collect();
    for (entry, alike) in entries.iter_mut().zip(found) {
        entry.alike = alike;
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

    /// What is known at the epoch, when no decision is on its way.
    fn news<'a>(rows: &'a HashMap<Uuid, Arc<Approval>>, held: bool, selected: Option<u128>) -> News<'a> {
        News {
            rows,
            complete: true,
            now: DateTime::UNIX_EPOCH,
            here: &|row| row.status == "pending",
            doing: &|_| None,
            held,
            selected: selected.map(Uuid::from_u128),
            order: Order::default(),
        }
    }

    fn after(board: &Board, rows: &HashMap<Uuid, Arc<Approval>>, held: bool, selected: Option<u128>) -> Board {
        board.after(&news(rows, held, selected))
    }

    fn brought(board: &Board, of: &[(u128, i64)], held: bool, selected: Option<u128>) -> Board {
        after(board, &rows(of), held, selected)
    }

    fn ids(board: &Board) -> Vec<u128> {
        board.entries.iter().map(|entry| entry.id().as_u128()).collect()
    }

    #[test]
    fn new_requests_come_in_at_their_place() {
        let board = brought(&Board::default(), &[(1, 10), (2, 30)], false, None);
        let board = brought(&board, &[(1, 10), (2, 30), (3, 20)], false, None);
        assert_eq!(ids(&board), [1, 3, 2]);
    }

    #[test]
    fn under_a_pointer_nothing_comes_goes_or_moves() {
        let board = brought(&Board::default(), &[(1, 10), (2, 30)], false, None);
        let held = brought(&board, &[(2, 5), (3, 1)], true, None);
        assert_eq!(ids(&held), [1, 2]);
        assert_eq!(held.withheld, 1);
        assert!(held.entries[0].gone && !held.entries[1].gone);
        let free = brought(&held, &[(2, 5), (3, 1)], false, None);
        assert_eq!((ids(&free), free.withheld), (vec![3, 2], 0));
    }

    #[test]
    fn a_line_says_what_became_of_its_request_without_moving() {
        let board = brought(&Board::default(), &[(1, 10), (2, 30)], false, None);
        let mut decided = rows(&[(2, 30)]);
        let row = Approval { may_decide: false, ..request(1, "approved", 10) };
        decided.insert(row.id, Arc::new(row));
        let board = after(&board, &decided, true, None);
        let first = &board.entries[0];
        assert_eq!((ids(&board), first.approval.status.as_str(), first.gone), (vec![1, 2], "approved", true));
        assert_eq!(first.group, Group::Later, "it stays under the heading where it stood");
        assert_eq!(ids(&after(&board, &decided, false, None)), [2]);
    }

    #[test]
    fn an_empty_list_is_never_held() {
        let board = brought(&Board::default(), &[(1, 10)], true, None);
        assert_eq!((ids(&board), board.withheld), (vec![1], 0));
    }

    #[test]
    fn what_is_looked_at_stays_and_says_that_it_is_gone() {
        let board = brought(&Board::default(), &[(1, 10), (2, 30)], false, None);
        let board = brought(&board, &[(2, 30)], false, Some(1));
        assert_eq!(ids(&board), [1, 2]);
        assert!(board.entries[0].gone);
        assert_eq!(ids(&brought(&board, &[(2, 30)], false, None)), [2]);
    }

    #[test]
    fn one_that_comes_back_is_not_gone() {
        let board = brought(&Board::default(), &[(1, 10)], false, None);
        let board = brought(&board, &[], false, Some(1));
        let board = brought(&board, &[(1, 10)], false, Some(1));
        assert!(!board.entries[0].gone);
    }

    #[test]
    fn the_same_news_change_nothing() {
        let rows = rows(&[(1, 10), (2, 30)]);
        let board = after(&Board::default(), &rows, false, None);
        assert!(board.is_same(&after(&board, &rows, true, None)));
        assert!(!board.is_same(&brought(&board, &[(1, 10), (2, 30)], false, None)), "other rows are other news");
    }

    #[test]
    fn a_row_that_becomes_urgent_moves_only_where_nobody_points() {
        let rows = rows(&[(1, 10), (2, 30)]);
        let board = after(&Board::default(), &rows, false, None);
        let at = |held| News { now: DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(26), ..news(&rows, held, None) };
        let groups = |board: &Board| board.entries.iter().map(|entry| entry.group).collect::<Vec<_>>();
        assert_eq!(groups(&board.after(&at(true))), [Group::Later, Group::Later]);
        assert_eq!(groups(&board.after(&at(false))), [Group::Soon, Group::Soon]);
    }

    #[test]
    fn what_is_on_its_way_stands_apart_until_it_has_arrived() {
        let mut rows = rows(&[(1, 10), (2, 30)]);
        let sent = Uuid::from_u128(1);
        let doing = |id| (id == sent).then_some("Approving");
        let board = after(&Board::default(), &rows, false, None);
        let held = board.after(&News { doing: &doing, ..news(&rows, true, None) });
        assert_eq!((ids(&held), held.entries[0].group), (vec![1, 2], Group::Later), "nothing moves under a pointer");
        assert_eq!((held.entries[0].doing, held.entries[0].is_to_do()), (Some("Approving"), false));
        let board = board.after(&News { doing: &doing, ..news(&rows, false, None) });
        assert_eq!((ids(&board), board.entries[1].group), (vec![2, 1], Group::Sending));
        let undone = after(&board, &rows, false, None);
        assert_eq!((ids(&undone), undone.entries[0].group), (vec![1, 2], Group::Later));
        let row = request(1, "approved", 10);
        rows.insert(row.id, Arc::new(row));
        let board = board.after(&News { doing: &doing, ..news(&rows, false, Some(1)) });
        assert_eq!((board.entries[1].group, board.entries[1].gone), (Group::Sending, true));
        assert_eq!(after(&board, &rows, false, Some(1)).entries[1].group, Group::Decided, "its decision has arrived");
        assert_eq!(ids(&after(&board, &rows, false, None)), [2]);
    }

    #[test]
    fn waiting_calls_of_one_tool_with_the_same_arguments_are_alike() {
        let mut rows = rows(&[(1, 10), (2, 30), (3, 40), (4, 50)]);
        for (id, row) in &mut rows {
            let hash = if id.as_u128() == 3 { "bb" } else { "aa" };
            let tool = if id.as_u128() == 4 { "send_reminder" } else { "send_invoice" };
            *row =
                Arc::new(Approval { arguments_sha256: hash.to_owned(), tool: tool.to_owned(), ..Approval::clone(row) });
        }
        let alike = |board: &Board| board.entries.iter().map(|entry| entry.alike).collect::<Vec<_>>();
        let board = after(&Board::default(), &rows, false, None);
        assert_eq!(alike(&board), [2, 2, 1, 1]);
        let doing = |id: Uuid| (id.as_u128() == 1).then_some("Rejecting");
        assert_eq!(alike(&board.after(&News { doing: &doing, ..news(&rows, true, None) })), [0, 1, 1, 1]);
    }
}
