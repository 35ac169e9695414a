#![allow(clippy::panic, reason = "a test says what it expects")]

use super::super::{
    compare::{Name, compare},
    json::parse,
};
use super::*;

fn outline(json: &str) -> Outline {
    Outline::of(compare(parse(json), None))
}

fn compared(now: &str, before: &str) -> Outline {
    Outline::of(compare(parse(now), Some(parse(before))))
}

fn list(rows: usize) -> String {
    format!("[{}]", vec!["1"; rows].join(","))
}

/// Arrays in arrays, so many, around a 1.
fn nested(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

fn names(outline: &Outline, ids: &[usize]) -> String {
    let name = |id: &usize| match outline.item(*id).map(|item| &item.name) {
        Some(Name::Key { key, .. }) => key.clone(),
        Some(Name::Index(index)) => (index + 1).to_string(),
        _ => "all".to_owned(),
    };
    ids.iter().map(name).collect::<Vec<_>>().join(" › ")
}

/// The rows with their depth; `…` stands for a rest.
fn drawn(outline: &Outline, folds: &Folds) -> Vec<String> {
    let row = |row: Row| match row.rest {
        true => format!("{}…", "  ".repeat(row.depth)),
        false => format!("{}{}", "  ".repeat(row.depth), names(outline, &[row.id])),
    };
    outline.rows(folds).into_iter().map(row).collect()
}

#[test]
fn rows_stand_in_the_order_of_reading_below_what_they_lie_in() {
    let outline = outline(r#"{"to":"Ada","lines":[{"text":"Work"},2],"last":{}}"#);
    assert_eq!(drawn(&outline, &outline.first()), ["to", "lines", "  1", "    text", "  2", "last"]);
    assert_eq!(drawn(&super::tests::outline("1"), &Outline::of(compare(parse("1"), None)).first()), ["all"]);
}

#[test]
fn large_objects_are_folded_and_the_rows_at_first_are_at_most_three_hundred() {
    let small = outline(&format!("{{\"a\":{},\"b\":{}}}", list(40), list(41)));
    let folds = small.first();
    assert_eq!(small.children(0).map(|id| folds.shown(id)).collect::<Vec<_>>(), [40, 0]);
    let many = outline(&format!("[{}]", vec![list(40); 20].join(",")));
    assert_eq!(many.rows(&many.first()).len(), 20 + 7 * 40);
    let long = outline(&list(1_000));
    let rows = long.rows(&long.first());
    assert_eq!((rows.len(), rows.last().map(|row| row.rest)), (301, Some(true)));
}

#[test]
fn a_rest_is_shown_by_hundreds_and_says_what_is_in_it() {
    let long = outline(&list(700));
    let mut folds = long.first();
    assert_eq!(long.inside(0, folds.shown(0)).rows, 400);
    let first = long.more(&mut folds, 0).unwrap_or_default();
    assert_eq!(names(&long, &[first]), "301");
    assert_eq!(long.inside(0, folds.shown(0)).rows, 100);
    long.more(&mut folds, 0);
    assert_eq!(long.rows(&folds).len(), 700);
    assert!(!long.is_unopened(&folds));
}

#[test]
fn a_deep_value_fills_the_tree_with_its_path_above_it() {
    let deep = outline(r#"{"lines":[1,{"meta":{"tags":{"x":{"y":[{"z":1}]}}}}]}"#);
    let mut folds = deep.first();
    assert_eq!(drawn(&deep, &folds), ["lines", "  1", "  2", "    meta", "      tags", "        x"]);
    let x = deep.rows(&folds).last().map_or(0, |row| row.id);
    assert!(deep.is_unopened(&folds));
    deep.look_at(&mut folds, x);
    assert_eq!(names(&deep, &deep.path(folds.at)), "all › lines › 2 › meta › tags › x");
    assert_eq!(drawn(&deep, &folds), ["y", "  1", "    z"]);
    assert!(!deep.is_unopened(&folds), "everything was opened once");
    deep.look_at(&mut folds, 0);
    assert_eq!(drawn(&deep, &folds).last().map(String::as_str), Some("        x"), "and is folded again");
}

#[test]
fn everything_is_opened_in_one_step_however_deep() {
    let deep = outline(&nested(60));
    let mut folds = deep.first();
    assert!(deep.is_folded(&folds));
    deep.expand(&mut folds);
    assert!(!deep.is_folded(&folds) && !deep.is_unopened(&folds));
    assert_eq!(deep.rows(&folds).len(), 60);
    deep.collapse(&mut folds);
    assert_eq!(deep.rows(&folds), deep.rows(&deep.first()));
    assert!(!deep.is_unopened(&folds), "what was seen stays seen");
}

#[test]
fn opening_everything_shows_the_outer_values_first_and_stops_before_the_page_freezes() {
    let hostile = outline(&format!("{{\"a\":{},\"b\":{{\"c\":1}},\"d\":{}}}", list(3_000), list(9_000)));
    let mut folds = hostile.first();
    hostile.expand(&mut folds);
    let rows = hostile.rows(&folds);
    assert!(rows.len() <= EVERY + 300, "{}", rows.len());
    let keys: Vec<_> = rows.iter().filter(|row| row.depth == 0).map(|row| names(&hostile, &[row.id])).collect();
    assert_eq!(keys, ["a", "b", "d"], "no key disappears");
    assert!(hostile.is_folded(&folds) && rows.last().is_some_and(|row| row.rest));
    for _ in 0..2 {
        hostile.expand(&mut folds);
    }
    assert!(!hostile.is_folded(&folds));
    assert_eq!(hostile.rows(&folds).len(), 12_004);
}

#[test]
fn paper_has_everything_from_the_beginning() {
    let deep = outline(&nested(30));
    let mut folds = deep.first();
    let last = deep.rows(&folds).last().map_or(0, |row| row.id);
    deep.look_at(&mut folds, last);
    assert_eq!(deep.printed(&folds).len(), 30);
}

#[test]
fn a_long_text_counts_as_unopened_until_it_was_shown_whole() {
    let text = outline(&format!("{{\"a\":\"{}\"}}", "x".repeat(9_000)));
    let mut folds = text.first();
    assert!(text.is_unopened(&folds) && text.is_folded(&folds));
    folds.saw(1, VALUE);
    assert!(!text.is_unopened(&folds));
    let mut other = text.first();
    text.saw_all(&mut other);
    assert!(!text.is_unopened(&other));
    assert!(!outline("{\"a\":\"short\"}").is_folded(&outline("{\"a\":\"short\"}").first()));
}

#[test]
fn differences_are_counted_once_and_redacted_values_apart() {
    let count = |now, before| compared(now, before).differences();
    assert_eq!(count("{\"a\":1}", "{\"a\":1}"), Differences::default());
    let changed =
        count(r#"{"a":2,"new":{"x":1,"y":2},"deep":{"k":[1,2]}}"#, r#"{"a":1,"old":[1,2],"deep":{"k":[1,3]}}"#);
    assert_eq!(changed, Differences { changed: 4, unknown: 0 }, "a, new, deep.k.2 and old");
    assert_eq!(count(r#"{"t":"x"}"#, r#"{"t":"[redacted]"}"#), Differences { changed: 0, unknown: 1 });
    let alone = Outline::of(compare(parse("{\"a\":1}"), None)).differences();
    assert_eq!(alone, Differences::default());
}

#[test]
fn a_folded_object_says_what_is_in_it() {
    let now = "{\"a\u{200b}\":1,\"b\":{\"c\":\"\u{202e}x\",\"c\":2},\"d\":\"\\ud800\"}";
    let outline = compared(now, "{\"b\":{\"c\":\"x\",\"c\":2}}");
    assert_eq!(
        outline.inside(0, 0).words(3),
        ", 5 rows in all, 2 marked characters, 3 differences, 1 duplicate key, 1 unreadable"
    );
    assert_eq!(outline.inside(0, 2).rows, 1);
}

#[test]
fn hidden_and_look_alike_characters_are_counted_apart_and_white_space_is_no_alarm() {
    let outline = outline("{\"a\":\"x\u{200b}\",\"b\":\"p\u{430}ypal\",\"c\":\"ends with a space \"}");
    let counts: Vec<_> =
        outline.children(0).filter_map(|id| outline.item(id)).map(|item| (item.hidden, item.alike)).collect();
    assert_eq!(counts, [(1, 0), (0, 1), (0, 0)]);
}
