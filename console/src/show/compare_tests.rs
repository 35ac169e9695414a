#![allow(clippy::panic, reason = "a test says what it expects")]

use super::super::json::parse;
use super::*;

fn compared(now: &str, before: &str) -> Branch {
    compare(parse(now), Some(parse(before)))
}

fn states(branch: &Branch) -> Vec<(String, State)> {
    let name = |branch: &Branch| match &branch.name {
        Name::Root => "root".to_owned(),
        Name::Key { key, .. } => key.clone(),
        Name::Index(index) => index.to_string(),
    };
    branch.children.iter().map(|child| (name(child), child.state.clone())).collect()
}

#[test]
fn each_argument_says_what_became_of_it() {
    let branch = compared(
        r#"{"to":"Brightwater","amount":"4180","note":"x"}"#,
        r#"{"amount":"1290","to":"Brightwater","copy":true}"#,
    );
    assert_eq!(
        states(&branch),
        [
            ("to".into(), State::Same),
            ("amount".into(), State::Changed(Node::Text("1290".into()))),
            ("note".into(), State::Added),
            ("copy".into(), State::Removed),
        ]
    );
}

#[test]
fn a_number_that_became_a_string_has_changed_and_so_has_one_written_otherwise() {
    let branch = compared(r#"{"a":"1","b":0.10}"#, r#"{"a":1,"b":0.1}"#);
    assert_eq!(states(&branch)[0].1, State::Changed(Node::Number("1".into())));
    assert_eq!(states(&branch)[1].1, State::Changed(Node::Number("0.1".into())));
}

#[test]
fn what_was_redacted_is_not_comparable_even_where_it_looks_the_same() {
    let branch = compared(
        r#"{"token":"abc","same":"[redacted]","deep":{"a":1}}"#,
        r#"{"token":"[redacted]","same":"[redacted]","deep":"[redacted]"}"#,
    );
    assert!(branch.children.iter().all(|child| child.state == State::NotComparable));
    assert_eq!(branch.children[2].children.len(), 1, "what is there now is still shown");
}

#[test]
fn nested_values_are_compared_by_path_and_arrays_by_place() {
    let branch =
        compared(r#"{"lines":[{"sku":"a"},{"sku":"c"}]}"#, r#"{"lines":[{"sku":"a"},{"sku":"b"},{"sku":"d"}]}"#);
    let lines = &branch.children[0];
    assert_eq!(lines.state, State::Same);
    assert_eq!(lines.children[0].children[0].state, State::Same);
    assert_eq!(lines.children[1].children[0].state, State::Changed(Node::Text("b".into())));
    assert_eq!(lines.children[2].state, State::Removed);
    assert_eq!(lines.children[2].children[0].state, State::Removed, "all that was in it is gone too");
}

#[test]
fn repeated_keys_are_compared_in_their_order() {
    let branch = compared(r#"{"to":"a","to":"b"}"#, r#"{"to":"a"}"#);
    assert_eq!(states(&branch), [("to".into(), State::Same), ("to".into(), State::Added)]);
}

#[test]
fn without_an_earlier_call_nothing_is_new() {
    assert_eq!(states(&compare(parse(r#"{"a":1}"#), None)), [("a".into(), State::Same)]);
}

/// Arrays in arrays, so many.
fn nested(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn however_deep_a_value_is_comparing_and_laying_it_out_ends() {
    for levels in [40, 400, 100_000] {
        let branch = compared(&nested(levels), &nested(levels + 1));
        let mut depth = 0;
        let mut at = &branch;
        while let Some(child) = at.children.first() {
            (depth, at) = (depth + 1, child);
        }
        assert!(depth <= super::super::json::DEEPEST + 1, "{depth}");
        assert_ne!(at.state, State::Same, "what differs is at the end of it");
        assert!(!definitions(&parse(&nested(levels)), &parse(&nested(levels + 1))).is_empty());
    }
}

#[test]
fn deep_lines_of_a_definition_stand_no_further_to_the_right_and_say_their_level() {
    let text = pretty(&parse(&nested(60)));
    let deepest = text.lines().find(|line| line.contains('1') && !line.contains('[') && !line.contains(']'));
    assert_eq!(deepest, Some("          (60) 1"));
    assert!(text.lines().all(|line| line.len() < 20), "{text}");
}

fn told(parts: &[Part]) -> String {
    let mut told = String::new();
    for part in parts {
        match part {
            Part::Between(lines) => told.push_str(&format!("… {}\n", lines.len())),
            Part::Hunk(lines) => {
                for line in lines {
                    told.push_str(&match line {
                        Line::Same(line) => format!("  {line}\n"),
                        Line::Removed(line) => format!("- {line}\n"),
                        Line::Added(line) => format!("+ {line}\n"),
                    });
                }
            }
        }
    }
    told
}

#[test]
fn a_difference_keeps_three_lines_around_it_and_folds_the_rest() {
    let old: Vec<String> = (1..=12).map(|line| line.to_string()).collect();
    let mut new = old.clone();
    new[5] = "six".into();
    assert_eq!(told(&lines(&old.join("\n"), &new.join("\n"))), "… 2\n  3\n  4\n  5\n+ six\n- 6\n  7\n  8\n  9\n… 3\n");
}

#[test]
fn equal_texts_are_all_unchanged_and_different_ones_of_any_size_are_covered_whole() {
    assert_eq!(lines("a\nb", "a\nb"), [Part::Between(vec!["a".into(), "b".into()])]);
    let many = |word: &str| (0..6_000).map(|line| format!("{word}{line}")).collect::<Vec<_>>().join("\n");
    let parts = lines(&many("a"), &many("b"));
    let [Part::Hunk(hunk)] = parts.as_slice() else { panic!("one hunk") };
    assert_eq!(hunk.len(), 12_000);
}

#[test]
fn definitions_are_laid_out_so_that_a_changed_sentence_is_one_line() {
    let old = parse(r#"{"name":"pay","description":"Pays.\nAsks first.\nBack\\nslash","inputSchema":{}}"#);
    let new = parse(r#"{"description":"Pays.\nNever asks.\nBack\\nslash","name":"pay","inputSchema":{}}"#);
    assert_eq!(
        told(&definitions(&old, &new)),
        "  {\n    \"description\": \"Pays.\\n\n+     Never asks.\\n\n-     Asks first.\\n\n      Back\\\\nslash\",\n    \"inputSchema\": {},\n    \"name\": \"pay\"\n… 1\n"
    );
}

#[test]
fn json_for_reading_is_what_was_written_but_for_its_spaces() {
    let text = r#"{"to":1,"a":{"b":[],"to":"x\ny","to":0.10},"list":[1,"\ud800"]}"#;
    let shown = indented(&parse(text));
    assert_eq!(parse(&shown).compact(), parse(text).compact());
    assert!(shown.starts_with("{\n  \"to\": 1,\n  \"a\": {\n    \"b\": [],\n    \"to\": \"x\\ny\""), "{shown}");
    assert_eq!(parse(&indented(&parse(&nested(60)))).compact(), nested(60));
}

#[test]
fn the_words_that_differ_within_a_line_are_found() {
    let bold = |now: &str, before: &str| {
        let hunk = [Line::Same("x".into()), Line::Added(now.into()), Line::Removed(before.into())];
        let ranges = differing(&hunk);
        (now[ranges[1].clone()].to_owned(), before[ranges[2].clone()].to_owned())
    };
    let words = |now: &str, before: &str| (now.to_owned(), before.to_owned());
    assert_eq!(bold("Pays at once, always.", "Pays at last, always."), words("once", "last"));
    assert_eq!(bold("amount: 4180.00 EUR", "amount: 4190.00 EUR"), words("4180", "4190"));
    assert_eq!(bold("Back to you soon, Zoé", "Back to you, Zoé"), words("you soon", "you"));
    assert_eq!(bold("all different", "nothing alike"), words("", ""), "then the whole line differs");
    assert_eq!(bold("größer als fünf", "größer als fünfzig"), words("fünf", "fünfzig"));
    let lonely = [Line::Added("a b".into()), Line::Added("c".into()), Line::Removed("a d".into())];
    assert_eq!(differing(&lonely)[1], 0..0);
}
