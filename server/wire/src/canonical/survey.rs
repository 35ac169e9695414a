//! The first pass over a text: depth, duplicate keys, lone surrogates, numbers that
//! cannot be used, and the sorted members of every object that must be written in another order.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap};

use super::{CanonicalError, MAX_DEPTH};
use crate::{
    json::{Kind, Token, tokens, unquote},
    number,
};

/// A member of an object that is to be written in canonical order.
pub(super) struct Member<'a> {
    /// Decoded.
    pub(super) key: Cow<'a, str>,
    /// Where in the text to look for the value: after the key.
    pub(super) value: usize,
}

/// An object whose members do not stand in canonical order, once they are sorted.
pub(super) struct Sorted<'a> {
    pub(super) members: Vec<Member<'a>>,
    /// Where the object ends in the text.
    pub(super) end: usize,
}

/// Objects that need sorting, by where they start. All others are written as they
/// come, so that ordinary arguments cost no table at all.
pub(super) type SortedObjects<'a> = HashMap<usize, Sorted<'a>>;

/// What is known of a text.
pub(super) struct Surveyed<'a> {
    pub(super) sorted: SortedObjects<'a>,
    /// The first number that a caller may not send. It has a canonical form all the same.
    pub(super) unusable: Option<CanonicalError>,
}

/// Checks a text that is valid JSON and sorts what must be sorted.
pub(super) fn survey(json: &str) -> Result<Surveyed<'_>, CanonicalError> {
    Survey::default().run(json)
}

#[derive(Default)]
struct Survey<'a> {
    open: Vec<Open<'a>>,
    sorted: SortedObjects<'a>,
    unusable: Option<CanonicalError>,
}

enum Open<'a> {
    Object {
        start: usize,
        members: Vec<Member<'a>>,
        in_order: bool,
    },
    /// How many elements have begun.
    Array(usize),
}

impl<'a> Survey<'a> {
    fn run(mut self, json: &'a str) -> Result<Surveyed<'a>, CanonicalError> {
        for token in tokens(json) {
            if let (true, Some(Open::Array(begun))) = (token.kind.begins_value(), self.open.last_mut()) {
                *begun += 1;
            }
            match token.kind {
                Kind::BeginObject => {
                    self.enter(Open::Object { start: token.start, members: Vec::new(), in_order: true })?
                }
                Kind::BeginArray => self.enter(Open::Array(0))?,
                Kind::EndArray => drop(self.open.pop()),
                Kind::EndObject => self.end_object(token.end())?,
                Kind::Key => self.key(&token)?,
                Kind::String => {
                    if unquote(token.text).is_err() {
                        let pointer = pointer(&self.open, None);
                        return Err(CanonicalError::LoneSurrogate { pointer });
                    }
                }
                Kind::Number => self.number(token.text),
                Kind::Literal => {}
            }
        }
        Ok(Surveyed { sorted: self.sorted, unusable: self.unusable })
    }

    fn number(&mut self, text: &str) {
        /// How much of a number is repeated.
        const SHOWN: usize = 40;
        if self.unusable.is_none()
            && let Some(problem) = number::problem(text)
        {
            let number = match text.get(..SHOWN) {
                Some(begins) if text.len() > SHOWN => format!("{begins}…"),
                _ => text.to_owned(),
            };
            let pointer = pointer(&self.open, None);
            self.unusable = Some(CanonicalError::Number { number, pointer, problem });
        }
    }

    fn enter(&mut self, open: Open<'a>) -> Result<(), CanonicalError> {
        if self.open.len() == MAX_DEPTH {
            return Err(CanonicalError::TooDeep);
        }
        self.open.push(open);
        Ok(())
    }

    fn key(&mut self, token: &Token<'a>) -> Result<(), CanonicalError> {
        let Ok(key) = unquote(token.text) else {
            let outer = self.open.split_last().map_or(&[][..], |(_, outer)| outer);
            let pointer = pointer(outer, Some(token.text.trim_matches('"')));
            return Err(CanonicalError::LoneSurrogate { pointer });
        };
        if let Some(Open::Object { members, in_order, .. }) = self.open.last_mut() {
            if let Some(last) = members.last() {
                // Equal neighbours count as unsorted: they are found after sorting.
                *in_order &= by_utf16(&last.key, &key).is_lt();
            }
            let value = token.end();
            members.push(Member { key, value });
        }
        Ok(())
    }

    fn end_object(&mut self, end: usize) -> Result<(), CanonicalError> {
        let Some(Open::Object { start, mut members, in_order: false }) = self.open.pop() else {
            return Ok(());
        };
        members.sort_unstable_by(|one, other| by_utf16(&one.key, &other.key));
        if let Some(pair) = members.windows(2).find(|pair| pair[0].key == pair[1].key) {
            let pointer = pointer(&self.open, Some(&pair[0].key));
            return Err(CanonicalError::DuplicateKey { pointer });
        }
        self.sorted.insert(start, Sorted { members, end });
        Ok(())
    }
}

/// A JSON pointer to the value being read inside `open`, or to its member `key`.
fn pointer(open: &[Open<'_>], key: Option<&str>) -> String {
    /// Long enough to find the place; a key may be megabytes.
    const MAX_CHARS: usize = 200;
    let steps = open.iter().filter_map(|open| match open {
        Open::Array(begun) => Some(Cow::Owned((begun - 1).to_string())),
        Open::Object { members, .. } => members.last().map(|last| Cow::Borrowed(&*last.key)),
    });
    let mut pointer = String::new();
    for step in steps.chain(key.map(Cow::Borrowed)) {
        pointer.push('/');
        for c in step.chars().take(MAX_CHARS) {
            match c {
                '~' => pointer.push_str("~0"),
                '/' => pointer.push_str("~1"),
                c => pointer.push(c),
            }
        }
    }
    if let Some((cut, _)) = pointer.char_indices().nth(MAX_CHARS) {
        pointer.truncate(cut);
        pointer.push('…');
    }
    pointer
}

/// Orders keys by their UTF-16 code units (RFC 8785 section 3.2.3).
///
/// That is the order of the UTF-8 bytes, except that the surrogates of characters
/// above U+FFFF come before U+E000 to U+FFFF.
fn by_utf16(one: &str, other: &str) -> Ordering {
    let mut pairs = one.bytes().zip(other.bytes());
    match pairs.find(|(a, b)| a != b) {
        None => one.len().cmp(&other.len()),
        // 0xee and 0xef lead U+E000 to U+FFFF, 0xf0 and above what has surrogates.
        Some((a @ 0xee.., b @ 0xee..)) if (a < 0xf0) != (b < 0xf0) => b.cmp(&a),
        Some((a, b)) => a.cmp(&b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_by_utf16_code_units() {
        let keys = ["", "\r", "1", "\u{80}", "ö", "€", "\u{d7ff}", "😀", "\u{10ffff}"];
        let sorted: Vec<_> = keys.into_iter().chain(["\u{e000}", "\u{fb33}", "\u{ffff}"]).collect();
        for (i, one) in sorted.iter().enumerate() {
            for (j, other) in sorted.iter().enumerate() {
                assert_eq!(by_utf16(one, other), i.cmp(&j), "{one:?} {other:?}");
                let [one, other] = [format!("é{one}x"), format!("é{other}")];
                let expected = one.encode_utf16().cmp(other.encode_utf16());
                assert_eq!(by_utf16(&one, &other), expected, "{one:?} {other:?}");
            }
        }
    }
}
