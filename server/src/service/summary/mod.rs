//! A call's arguments in one line, for lists: `to "Brightwater Ltd", amount 4180.00, content 2.1 kB`. Beside it, their
//! [`values`] alone.
//!
//! What a line shows must not be taken for something else: strings stand in quotes, and whatever
//! cannot be seen ([`domain::marks`]) stands as its JSON escape.

mod amount;
mod text;
pub mod values;

use serde_json::value::RawValue;
use wire::json::{fields, unquote};

use text::{Escapes, written};

/// The longest line, in characters.
const LONGEST: usize = 200;
/// Room kept for saying how many members were left out.
const MORE: usize = 20;
/// The longest name, number or string that is shown whole, in characters as shown.
const WHOLE: usize = 60;
/// From this length on a string's size says more than its beginning, in bytes.
const SIZED: usize = 256;

/// The `arguments` in the `params` of a call as they are on record; `None` where only a beginning is on record.
pub fn arguments_in(params: &str) -> Option<&str> {
    let params: &RawValue = serde_json::from_str(params).ok()?;
    let members = fields(params).ok()?;
    // A caller's own member cannot make it so: a beginning has no name.
    let has = |name: &str| members.iter().any(|(other, _)| other == name);
    if has("cut") && has("bytes") && has("begins") && !has("name") {
        return None;
    }
    let arguments = members.into_iter().find(|(name, _)| name == "arguments");
    Some(arguments.map_or("{}", |(_, value)| value.get()))
}

/// The arguments, which are one JSON object, in their order and in at most 200 characters. `None` for
/// anything else.
pub fn summary(arguments: &str) -> Option<String> {
    let object: &RawValue = serde_json::from_str(arguments).ok()?;
    let members = fields(object).ok()?;
    if members.is_empty() {
        return Some("no arguments".to_owned());
    }
    let mut line = String::new();
    for (index, (key, value)) in members.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let part = format!("{comma}{} {}", name(key), shown(value.get()));
        let left = members.len() - index;
        let reserved = if left > 1 { MORE } else { 0 };
        if line.chars().count() + part.chars().count() + reserved > LONGEST {
            line.push_str(&format!(", +{left} more"));
            break;
        }
        line.push_str(&part);
    }
    Some(line)
}

/// A plain name as it is; one that could pass for something else in quotes.
fn name(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !key.is_empty() && key.len() <= WHOLE && key.chars().all(plain) { key.to_owned() } else { quoted(key) }
}

fn shown(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'"') => match unquote(json) {
            Ok(text) if text.len() >= SIZED => size(text.len()),
            Ok(text) => quoted(&text),
            // Half a surrogate pair is no text; its escape can be shown.
            Err(_) => cut(json),
        },
        Some(b'{') => counted('{', members(json), "member", '}'),
        Some(b'[') => counted('[', elements(json), "item", ']'),
        _ => cut(json),
    }
}

fn members(json: &str) -> usize {
    serde_json::from_str::<&RawValue>(json).ok().and_then(|object| fields(object).ok()).map_or(0, |fields| fields.len())
}

fn elements(json: &str) -> usize {
    serde_json::from_str::<Vec<&RawValue>>(json).map_or(0, |items| items.len())
}

fn counted(open: char, count: usize, of: &str, close: char) -> String {
    match count {
        0 => format!("{open}{close}"),
        1 => format!("{open}1 {of}{close}"),
        _ => format!("{open}{count} {of}s{close}"),
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// JSON as it stands, what is hidden escaped; cut after [`WHOLE`] characters.
fn cut(json: &str) -> String {
    let (mut shown, whole) = written(json, Escapes::Hidden, WHOLE);
    if !whole {
        shown.push('…');
    }
    shown
}

/// In quotes, escaped as JSON is, and what is hidden escaped too; cut after [`WHOLE`] characters.
fn quoted(text: &str) -> String {
    let (shown, whole) = written(text, Escapes::Quoted, WHOLE);
    format!("\"{shown}{}\"", if whole { "" } else { "…" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> String {
        summary(json).unwrap_or_default()
    }

    #[test]
    fn members_stand_in_their_order_with_numbers_as_they_were_written() {
        let content = "x".repeat(2_100);
        let json = format!(r#"{{"to":"Brightwater Ltd","amount":4180.00,"content":"{content}"}}"#);
        assert_eq!(line(&json), r#"to "Brightwater Ltd", amount 4180.00, content 2.1 kB"#);
        assert_eq!(
            line(r#"{"n":null,"ok":true,"list":[1,2],"one":[{}],"deep":{"a":1,"b":2},"none":[],"empty":{}}"#),
            "n null, ok true, list [2 items], one [1 item], deep {2 members}, none [], empty {}"
        );
        assert_eq!(line("{}"), "no arguments");
        assert_eq!(summary("[1]"), None);
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        assert_eq!(line("{\"to\":\"a\u{202e}b\u{200b}\\u0000\\n\\\"\"}"), r#"to "a\u202eb\u200b\u0000\n\"""#);
        assert_eq!(line("{\"to\":\"\u{e0041}\"}"), r#"to "\udb40\udc41""#);
        assert_eq!(line(r#"{"to\", amount 1":2}"#), r#""to\", amount 1" 2"#, "a name that plays a member");
        assert_eq!(line(r#"{"":1}"#), r#""" 1"#);
        assert_eq!(line("{\"to\":\"a\u{e000}b\u{a0}c \"}"), r#"to "a\ue000b\u00a0c\u0020""#);
        assert_eq!(line("{\"to\":\"\u{202e}\\ud800\"}"), r#"to "\u202e\ud800""#, "half a pair hides nothing else");
        assert_eq!(line("{\"to\":\"👩🏽\u{200d}💻\"}"), "to \"👩🏽\u{200d}💻\"", "an emoji is seen whole");
    }

    #[test]
    fn a_line_is_never_longer_than_200_characters_and_says_what_it_leaves_out() {
        let many: Vec<_> = (0..50).map(|n| format!(r#""member_{n}":"{}""#, "é".repeat(n * 2))).collect();
        let shown = line(&format!("{{{}}}", many.join(",")));
        assert!(shown.chars().count() <= 200, "{shown}");
        assert!(shown.ends_with(" more"), "{shown}");
        let one = format!(r#"{{"{}":"{}"}}"#, "\\u200b".repeat(90), "\\u0001".repeat(200));
        let shown = line(&one);
        assert!(shown.chars().count() <= 200 && shown.contains('…'), "{shown}");
        assert!(line(&format!(r#"{{"n":{}}}"#, "9".repeat(500))).chars().count() <= 200);
    }
}
