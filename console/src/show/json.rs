//! JSON as it was written: every key in its order, repeated ones too, and numbers digit by digit.
//!
//! serde_json's own value keeps the last of two equal keys and rounds numbers, which is not what a person
//! should decide on. Here each value is taken as raw text first and read only as far as its kind needs, so
//! that what cannot be read is shown as it came. Nothing fails and nothing is dropped.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Values deeper than this are raw text.
pub const DEEPEST: usize = 64;

/// So many levels stand each further to the right than the one before. Deeper ones do not: nothing would be left of a
/// narrow screen.
pub const INDENTED: usize = 5;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, exactly as it was written.
    Number(String),
    /// A string, with its escapes read.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object, in its order, with repeated keys.
    Map(Vec<Entry>),
    /// What could not be read, as it came.
    Raw {
        /// The text, unchanged.
        text: String,
        /// Why it is shown like this.
        why: Unread,
    },
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key; as it was written, quotes and all, when its escapes mean no text.
    pub key: String,
    /// False when the key is shown as it was written.
    pub readable: bool,
    /// How many members before this one, in the same object, have the same key.
    pub repeats: usize,
    /// The value.
    pub value: Node,
}

/// Why a value is raw text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not JSON.
    NotJson,
    /// It is a string whose escapes do not make text: half of a surrogate pair.
    NotText,
    /// It lies deeper than [`DEEPEST`].
    TooDeep,
}

impl Unread {
    /// The reason as a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotJson => "This is not JSON. It is shown exactly as it came.",
            Self::NotText => "This string has escapes that mean no character. It is shown exactly as it was written.",
            Self::TooDeep => "More than 64 levels deep. It is shown exactly as it was written.",
        }
    }
}

/// Reads a text. What is not JSON becomes one raw node.
pub fn parse(text: &str) -> Node {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => read(raw.get(), 0),
        Err(_) => Node::Raw { text: text.to_owned(), why: Unread::NotJson },
    }
}

/// Whether a text is JSON.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

impl Node {
    /// The value as JSON on one line, as it was written but for the spaces between its parts.
    pub fn compact(&self) -> String {
        let mut written = String::new();
        write(self, &mut written);
        written
    }
}

/// A string as JSON has it, with its quotes.
pub fn quoted(text: &str) -> String {
    // Strings always serialize; the other arm is there because the signature has one.
    serde_json::to_string(text).unwrap_or_else(|_| format!("{text:?}"))
}

fn write(node: &Node, written: &mut String) {
    match node {
        Node::Null => written.push_str("null"),
        Node::Bool(value) => written.push_str(if *value { "true" } else { "false" }),
        Node::Number(number) => written.push_str(number),
        Node::Text(text) => written.push_str(&quoted(text)),
        Node::Raw { text, .. } => written.push_str(text),
        Node::List(values) => {
            written.push('[');
            for (index, value) in values.iter().enumerate() {
                written.push_str(if index == 0 { "" } else { "," });
                write(value, written);
            }
            written.push(']');
        }
        Node::Map(entries) => {
            written.push('{');
            for (index, entry) in entries.iter().enumerate() {
                written.push_str(if index == 0 { "" } else { "," });
                written.push_str(&entry.written_key());
                written.push(':');
                write(&entry.value, written);
            }
            written.push('}');
        }
    }
}

impl Entry {
    /// The key as JSON has it, with its quotes.
    pub fn written_key(&self) -> String {
        if self.readable { quoted(&self.key) } else { self.key.clone() }
    }
}

/// Reads one value that is known to be JSON. `depth` is how many values it lies in.
fn read(raw: &str, depth: usize) -> Node {
    let unread = |why| Node::Raw { text: raw.to_owned(), why };
    if depth > DEEPEST {
        return unread(Unread::TooDeep);
    }
    match raw.as_bytes().first() {
        Some(b'n') => Node::Null,
        Some(b't') => Node::Bool(true),
        Some(b'f') => Node::Bool(false),
        Some(b'"') => serde_json::from_str(raw).map_or_else(|_| unread(Unread::NotText), Node::Text),
        Some(b'[') => match serde_json::from_str::<Values>(raw) {
            Ok(values) => Node::List(values.0.iter().map(|value| read(value.get(), depth + 1)).collect()),
            Err(_) => unread(Unread::NotJson),
        },
        Some(b'{') => match serde_json::from_str::<Members>(raw) {
            Ok(members) => Node::Map(entries(&members.0, depth)),
            Err(_) => unread(Unread::NotJson),
        },
        Some(_) => Node::Number(raw.to_owned()),
        None => unread(Unread::NotJson),
    }
}

fn entries(members: &[(&RawValue, &RawValue)], depth: usize) -> Vec<Entry> {
    let mut seen = std::collections::HashMap::<String, usize>::new();
    members
        .iter()
        .map(|(key, value)| {
            let (key, readable) = match serde_json::from_str::<String>(key.get()) {
                Ok(key) => (key, true),
                Err(_) => (key.get().to_owned(), false),
            };
            let before = seen.entry(key.clone()).or_default();
            let repeats = *before;
            *before += 1;
            Entry { key, readable, repeats, value: read(value.get(), depth + 1) }
        })
        .collect()
}

/// The values of an array, unread.
struct Values<'a>(Vec<&'a RawValue>);

/// The members of an object, unread: keys too, since one of them may not be text.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Values<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Values<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = sequence.next_element()? {
                    values.push(value);
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_seq(Each)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test says what it expects")]

    use super::*;

    fn entries_of(text: &str) -> Vec<Entry> {
        match parse(text) {
            Node::Map(entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_keep_their_order_and_a_repeated_key_is_kept_and_counted() {
        let keys: Vec<_> = entries_of(r#"{"to":"a","amount":1,"to":"b"}"#)
            .into_iter()
            .map(|entry| (entry.key, entry.repeats, entry.value))
            .collect();
        assert_eq!(
            keys,
            [
                ("to".into(), 0, Node::Text("a".into())),
                ("amount".into(), 0, Node::Number("1".into())),
                ("to".into(), 1, Node::Text("b".into())),
            ]
        );
    }

    #[test]
    fn keys_that_are_written_differently_are_the_same_key() {
        assert_eq!(entries_of(r#"{"to":1,"t\u006f":2}"#)[1].repeats, 1);
    }

    #[test]
    fn numbers_stay_as_they_were_written() {
        for number in ["9007199254740993", "1e400", "0.10", "-0", "1E+2", "123456789012345678901234567890.5"] {
            assert_eq!(parse(number), Node::Number(number.into()));
        }
    }

    #[test]
    fn half_a_surrogate_pair_spoils_only_the_string_or_key_it_is_in() {
        let entries = entries_of(r#"{"a":"\ud800","b\udc00":1,"c":"\ud83d\ude00"}"#);
        assert_eq!(entries[0].value, Node::Raw { text: r#""\ud800""#.into(), why: Unread::NotText });
        assert_eq!((entries[1].key.as_str(), entries[1].readable), (r#""b\udc00""#, false));
        assert_eq!(entries[2].value, Node::Text("😀".into()));
    }

    #[test]
    fn what_is_not_json_is_shown_as_it_came() {
        for text in ["", "{", "{\"a\":1,}", "[1] 2", "nul", "{a:1}", "'x'", "\u{feff}{}", "01", "\"\n\""] {
            assert_eq!(parse(text), Node::Raw { text: text.into(), why: Unread::NotJson });
        }
    }

    #[test]
    fn values_too_deep_are_raw_text_and_a_hundred_thousand_levels_do_no_harm() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!format!("{:?}", parse(&nested(DEEPEST + 1))).contains("Raw"));
        assert!(format!("{:?}", parse(&nested(DEEPEST + 2))).contains("TooDeep"));
        let deep = nested(100_000);
        assert_eq!(parse(&deep).compact(), deep);
    }

    #[test]
    fn a_string_that_is_json_is_shown_as_the_string_it_is() {
        assert_eq!(parse(r#""{\"a\":1}""#), Node::Text(r#"{"a":1}"#.into()));
    }

    #[test]
    fn nothing_is_lost_on_the_way() {
        let text = r#"{"a":[1,2.50,{"b":null}],"a":true,"":"x\ny","\ud800":"\udfff"}"#;
        assert_eq!(parse(text).compact(), text);
    }
}
