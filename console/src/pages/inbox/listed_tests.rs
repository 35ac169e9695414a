use chrono::TimeDelta;

use super::*;
use crate::api::sample::request;

const START: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn row(n: u128, status: &str) -> Arc<Approval> {
    Arc::new(request(n, status, 60))
}

/// As [`row`], decided so many minutes after the start.
fn decided(n: u128, status: &str, minutes: i64) -> Arc<Approval> {
    let decided_at = Some(START + TimeDelta::minutes(minutes));
    Arc::new(Approval { decided_at, ..request(n, status, 60) })
}

fn read(tab: Tab, rows: Vec<Arc<Approval>>) -> Listed {
    let mut listed = Listed::new(tab);
    listed.begin();
    listed.take(rows, true, false);
    listed
}

/// What is in the tab, by number, with its state.
fn here(listed: &Listed, now: DateTime<Utc>) -> Vec<(u128, String)> {
    let rows = listed.rows().values().filter(|row| listed.has(row, now));
    let mut rows: Vec<_> = rows.map(|row| (row.id.as_u128(), row.status.clone())).collect();
    rows.sort();
    rows
}

fn numbers(listed: &Listed) -> Vec<u128> {
    here(listed, START).into_iter().map(|(n, _)| n).collect()
}

#[test]
fn events_bring_change_and_take_away() {
    let mut listed = read(Tab::Waiting, vec![row(1, "pending"), row(2, "pending")]);
    assert!(listed.hear(&[row(3, "pending"), decided(1, "approved", 1)], START));
    assert_eq!(numbers(&listed), [2, 3]);
    assert!(!listed.hear(&[decided(9, "approved", 1)], START), "what was never of this tab is not kept");
    assert!(listed.hear(&[decided(1, "outcome_unknown", 1)], START));
    assert_eq!(numbers(&listed), [1, 2, 3], "it ran, perhaps, and waits for somebody again");
}

#[test]
fn the_decided_are_kept_current_in_the_same_way() {
    let mut listed = read(Tab::Decided, vec![decided(1, "approved", 1)]);
    listed.hear(&[row(2, "pending"), decided(3, "rejected", 2), decided(1, "executed", 1)], START);
    assert_eq!(here(&listed, START), [(1, "executed".to_owned()), (3, "rejected".to_owned())]);
}

#[test]
fn what_an_event_told_before_the_first_page_is_no_list_yet() {
    let mut listed = Listed::new(Tab::Decided);
    assert!(listed.hear(&[decided(1, "rejected", 1)], START));
    listed.begin();
    assert!(!listed.is_read());
    listed.take(vec![decided(2, "approved", 1)], false, true);
    assert!(listed.is_read());
    let mut empty = Listed::new(Tab::Decided);
    empty.begin();
    empty.take(Vec::new(), true, false);
    assert!(empty.is_read());
}

#[test]
fn the_first_page_is_shown_before_the_last_is_read() {
    let mut listed = Listed::new(Tab::Waiting);
    listed.begin();
    listed.take(vec![row(1, "pending")], false, true);
    assert_eq!((numbers(&listed), listed.complete), (vec![1], false));
    listed.take(vec![row(2, "pending")], true, false);
    assert_eq!((numbers(&listed), listed.complete), (vec![1, 2], true));
}

#[test]
fn what_is_heard_of_during_a_reading_survives_it() {
    let mut listed = read(Tab::Waiting, vec![row(1, "pending"), row(2, "pending")]);
    listed.begin();
    listed.hear(&[row(3, "pending"), decided(1, "approved", 1)], START);
    assert_eq!(numbers(&listed), [2, 3], "it is shown at once");
    // The server answered the reading before it told of either.
    listed.take(vec![row(1, "pending"), row(2, "pending")], true, false);
    assert_eq!(numbers(&listed), [2, 3]);
}

#[test]
fn an_event_that_is_older_than_what_was_read_undoes_nothing() {
    let mut listed = read(Tab::Waiting, vec![]);
    listed.begin();
    listed.hear(&[row(1, "pending")], START);
    listed.take(vec![decided(1, "outcome_unknown", 1)], true, false);
    assert_eq!(here(&listed, START), [(1, "outcome_unknown".to_owned())]);
    // And one that comes when the reading is over.
    listed.hear(&[row(1, "pending"), decided(1, "executing", 1)], START);
    assert_eq!(here(&listed, START), [(1, "outcome_unknown".to_owned())]);
    let mut listed = read(Tab::Waiting, vec![row(2, "pending")]);
    listed.hear(&[decided(2, "rejected", 1)], START);
    listed.hear(&[row(2, "pending")], START);
    assert_eq!(numbers(&listed), [0; 0]);
}

#[test]
fn what_a_reading_does_not_have_any_more_is_gone() {
    let mut listed = read(Tab::Waiting, vec![row(1, "pending"), row(2, "pending")]);
    listed.begin();
    assert_eq!(numbers(&listed), [1, 2], "what is known stays while it is read again");
    listed.take(vec![row(2, "pending")], true, false);
    assert_eq!(numbers(&listed), [2]);
}

#[test]
fn a_reading_that_failed_is_as_if_it_had_never_begun() {
    let mut listed = Listed::new(Tab::Waiting);
    listed.begin();
    listed.take(vec![row(1, "pending"), row(2, "pending")], false, true);
    listed.hear(&[row(3, "pending")], START);
    listed.begin();
    // One and three were decided between the two readings, and nobody told.
    listed.take(vec![row(2, "pending")], true, false);
    assert_eq!(numbers(&listed), [2]);
}

#[test]
fn a_decision_that_came_late_is_newer_than_the_end_before_it() {
    for (older, newer) in [
        (row(1, "pending"), row(1, "expired")),
        (row(1, "expired"), decided(1, "approved", 5)),
        (decided(1, "approved", 5), decided(1, "expired", 5)),
        (decided(1, "expired", 5), decided(1, "approved", 9)),
        (decided(1, "executing", 5), decided(1, "outcome_unknown", 5)),
        (decided(1, "outcome_unknown", 5), decided(1, "executed", 5)),
    ] {
        assert!(is_older(&older, &newer) && !is_older(&newer, &older), "{} {}", older.status, newer.status);
    }
    let (approved, executing) = (decided(1, "approved", 5), decided(1, "executing", 5));
    assert!(!is_older(&approved, &executing) && !is_older(&executing, &approved), "each may follow the other");
}

#[test]
fn a_request_whose_time_is_over_leaves_by_itself() {
    let listed = read(Tab::Waiting, vec![row(1, "pending"), Arc::new(request(2, "pending", 10))]);
    let later = START + TimeDelta::minutes(10);
    assert_eq!((numbers(&listed).len(), listed.over(START)), (2, None));
    assert_eq!(here(&listed, later), [(1, "pending".to_owned())]);
    assert_eq!(listed.over(later), Some(later));
}

#[test]
fn there_is_a_bound_and_it_says_so() {
    let mut listed = read(Tab::Waiting, (0..MOST as u128).map(|n| row(n, "pending")).collect());
    assert!(listed.hear(&[row(5_000, "pending")], START));
    assert_eq!((numbers(&listed).len(), listed.more), (MOST, true));
    let left: Vec<_> = (0..=MOST as u128 / 2).map(|n| decided(n, "approved", 1)).collect();
    assert!(!listed.is_worn(START));
    listed.hear(&left, START);
    assert!(listed.is_worn(START), "there is room for those that were not listed");
}

#[test]
fn more_than_is_kept_during_a_reading_is_read_again() {
    let mut listed = read(Tab::Waiting, vec![]);
    listed.begin();
    let many: Vec<_> = (0..MOST_HEARD as u128 + 1).map(|n| row(n, "pending")).collect();
    listed.hear(&many, START);
    assert!(listed.take(vec![], true, false));
    listed.begin();
    assert!(!listed.take(vec![], true, false));
}

#[test]
fn what_has_left_is_forgotten_before_it_is_too_much() {
    let mut listed = read(Tab::Waiting, vec![]);
    for n in 0..40 {
        let these = || n * 200..(n + 1) * 200;
        listed.hear(&these().map(|n| row(n, "pending")).collect::<Vec<_>>(), START);
        listed.hear(&these().map(|n| decided(n, "approved", 1)).collect::<Vec<_>>(), START);
    }
    assert!(listed.rows().len() <= MOST + MOST_HEARD);
}
