//! The second pass over a text: writes its canonical form.

use std::{borrow::Cow, slice};

use super::survey::{Member, SortedObjects};
use crate::{
    json::{Kind, Token, push_string, tokens, unquote},
    number::push_number,
};

/// Writes the canonical form of a text that has been surveyed.
pub(super) fn write(json: &str, sorted: &SortedObjects<'_>) -> String {
    let mut tokens = tokens(json);
    let mut writer = Writer { out: String::with_capacity(json.len()), open: Vec::new() };
    loop {
        match writer.next_jump() {
            Some(Jump::Value(at)) => tokens.seek(at),
            Some(Jump::Past(at)) => {
                tokens.seek(at);
                continue;
            }
            None => {}
        }
        match tokens.next() {
            Some(token) => writer.token(&token, sorted),
            None => return writer.out,
        }
    }
}

/// Where in the text to go on.
enum Jump {
    /// At a member's value.
    Value(usize),
    /// Behind an object that has been written.
    Past(usize),
}

/// An array or object that has begun and not yet ended. `first`: nothing is in it yet.
enum Open<'s, 'a> {
    Array {
        first: bool,
    },
    /// Its members stand in canonical order in the text.
    Object {
        first: bool,
    },
    Sorted {
        first: bool,
        rest: slice::Iter<'s, Member<'a>>,
        end: usize,
    },
}

struct Writer<'s, 'a> {
    out: String,
    open: Vec<Open<'s, 'a>>,
}

impl<'s, 'a> Writer<'s, 'a> {
    /// Inside a sorted object, between its members: writes the next key, or the end.
    fn next_jump(&mut self) -> Option<Jump> {
        let Some(Open::Sorted { first, rest, end }) = self.open.last_mut() else {
            return None;
        };
        let Some(member) = rest.next() else {
            let end = *end;
            self.out.push('}');
            self.open.pop();
            return Some(Jump::Past(end));
        };
        separate(first, &mut self.out);
        push_string(&member.key, &mut self.out);
        self.out.push(':');
        Some(Jump::Value(member.value))
    }

    fn token(&mut self, token: &Token<'_>, sorted: &'s SortedObjects<'a>) {
        if let (true, Some(Open::Array { first })) = (token.kind.begins_value(), self.open.last_mut()) {
            separate(first, &mut self.out);
        }
        match token.kind {
            Kind::BeginArray => {
                self.out.push('[');
                self.open.push(Open::Array { first: true });
            }
            Kind::BeginObject => {
                self.out.push('{');
                self.open.push(match sorted.get(&token.start) {
                    None => Open::Object { first: true },
                    Some(object) => Open::Sorted { first: true, rest: object.members.iter(), end: object.end },
                });
            }
            Kind::EndArray | Kind::EndObject => {
                self.out.push_str(token.text);
                self.open.pop();
            }
            Kind::Key => {
                if let Some(Open::Object { first }) = self.open.last_mut() {
                    separate(first, &mut self.out);
                }
                self.string(token.text);
                self.out.push(':');
            }
            Kind::String => self.string(token.text),
            Kind::Number => push_number(token.text, &mut self.out),
            Kind::Literal => self.out.push_str(token.text),
        }
    }

    fn string(&mut self, raw: &str) {
        match unquote(raw) {
            Ok(Cow::Owned(value)) => push_string(&value, &mut self.out),
            // Without escapes it is its own canonical spelling. Undecodable strings
            // do not get here: the survey refuses them.
            Ok(Cow::Borrowed(_)) | Err(_) => self.out.push_str(raw),
        }
    }
}

fn separate(first: &mut bool, out: &mut String) {
    if !std::mem::take(first) {
        out.push(',');
    }
}
