//! JSON-RPC as servers really write it.
//!
//! What agents send is held to the specification ([`crate::envelope`]). What an upstream sends has been done already, so it
//! is read as far as it can be understood: one message that cannot be read spoils none beside it, and says whose answer it
//! may have been.

use serde_json::value::RawValue;

use crate::{
    envelope::{MAX_BATCH, Message, is_error_object, is_integer},
    error::INTERNAL_ERROR,
    json::{self, distinct, members, push_string, spliced, unquote},
};

/// Of a text that is no JSON, so many ids are looked at.
const GUESSES: usize = 16;
/// An error that has no text is told by so many bytes of itself.
const REPEATED: usize = 1_000;
/// How a message begins that stands behind other text.
const BEGINNINGS: [&str; 4] = [r#"{"jsonrpc""#, r#"{"id""#, r#"{"result""#, r#"{"error""#];
const BOM: &[u8] = "\u{feff}".as_bytes();

/// A message that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What is wrong with it, in one line; never what stood there.
    pub reason: String,
    /// The requests that it may have answered: one where its id can be read, and where it is no JSON each id that stands
    /// somewhere in it, at most 16. None where it does not look like an answer: that takes an object with `jsonrpc` and a
    /// `result` or an `error`. A line of a log may name our request's id as well.
    pub answers: Vec<u64>,
}

/// Reads a body: one message, several one after another, or a batch; at most [`MAX_BATCH`].
///
/// Other than [`crate::envelope::parse`] it takes `null` for `params` that are absent, and beside a `result` or an `error` for
/// the other one; any number as the id of an answer; any `error` of an answer with an id, see [`error_object`]; and a byte
/// order mark. An answer without `jsonrpc` has nothing but its id and an object as its `result` or `error`: anything else may be
/// a line of a log.
#[must_use]
pub fn read(body: &[u8]) -> Vec<Result<Message<'_>, Unreadable>> {
    let body = body.strip_prefix(BOM).unwrap_or(body);
    let Ok(text) = std::str::from_utf8(body) else {
        return vec![Err(no_json(&String::from_utf8_lossy(body), "it is not UTF-8".to_owned()))];
    };
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if !text.starts_with('[') {
        return match members(text) {
            Ok(members) => vec![message(&members)],
            Err(error) => one_after_another(text).unwrap_or_else(|| vec![Err(no_object(text, &error))]),
        };
    }
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(entries) if (1..=MAX_BATCH).contains(&entries.len()) => {
            entries.into_iter().map(|entry| entry_of(entry.get())).collect()
        }
        Ok(entries) => vec![Err(unreadable(format!("it is a batch of {} messages", entries.len())))],
        Err(error) => vec![Err(no_json(text, format!("it is not valid JSON: {error}")))],
    }
}

/// The answers that a line ends with whose beginning is other text, as a program writes it that prints without a line break.
/// They may as well be quoted by a log: what stands on a line of its own is to be preferred.
#[must_use]
pub fn behind_text(line: &[u8]) -> Vec<Message<'_>> {
    let Ok(text) = std::str::from_utf8(line) else { return Vec::new() };
    let Some(at) = BEGINNINGS.iter().filter_map(|beginning| text.find(beginning)).min().filter(|at| *at > 0) else {
        return Vec::new();
    };
    let read = objects(text[at..].trim_end()).unwrap_or_default();
    let messages = read.into_iter().filter_map(|object| entry_of(object.get()).ok());
    messages.filter(|message| matches!(message, Message::Response { .. })).collect()
}

/// An answer's error as JSON-RPC has it: an object with an integer `code` and a string `message`. Where it is one already it
/// is left as it is; else a code in a string counts, -32603 stands in the place of none, and of a text that is missing the
/// error itself.
#[must_use]
pub fn error_object(error: &RawValue) -> Box<RawValue> {
    if is_error_object(error) {
        return error.to_owned();
    }
    let members = members(error.get()).unwrap_or_default();
    let member = |name: &str| {
        let is = |key: &RawValue| unquote(key.get()).is_ok_and(|key| key == name);
        members.iter().find(|(key, _)| is(key)).map(|(_, value)| *value)
    };
    let code = member("code").and_then(|code| code.get().trim_matches('"').parse::<f64>().ok());
    let code = code.filter(|code| code.fract() == 0.0 && code.abs() < f64::from(i32::MAX));
    let mut text = format!("{{\"code\":{},\"message\":", code.map_or(INTERNAL_ERROR, |code| code as i64));
    match member("message").unwrap_or(error) {
        message if is_string(message) => text.push_str(message.get()),
        other => push_string(&other.get()[..other.get().floor_char_boundary(REPEATED)], &mut text),
    }
    if let Some(data) = member("data") {
        text.push_str(",\"data\":");
        text.push_str(data.get());
    }
    text.push('}');
    spliced(text)
}

/// The number that an id stands for, however it is written: `7`, `"7"`, `7.0`.
#[must_use]
pub fn number(id: &RawValue) -> Option<u64> {
    let text = id.get().trim_matches('"');
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(number);
    // In these bounds no digit is lost.
    text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(whole).map(|number| number as u64))
}

#[derive(Default)]
struct Parts<'a> {
    jsonrpc: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    /// It has members that no message has.
    has_others: bool,
}

type Members<'a> = [(&'a RawValue, &'a RawValue)];

/// Several objects in a text with nothing but white space between them.
fn one_after_another(text: &str) -> Option<Vec<Result<Message<'_>, Unreadable>>> {
    let objects = objects(text).filter(|objects| objects.len() > 1)?;
    Some(objects.into_iter().map(|object| entry_of(object.get())).collect())
}

/// The objects that a text consists of.
fn objects(text: &str) -> Option<Vec<&RawValue>> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>().take(MAX_BATCH + 1);
    let values = values.collect::<Result<Vec<_>, _>>().ok()?;
    (values.len() <= MAX_BATCH && values.iter().all(|value| value.get().starts_with('{'))).then_some(values)
}

/// A message, one of several.
fn entry_of(text: &str) -> Result<Message<'_>, Unreadable> {
    message(&members(text).map_err(|error| no_object(text, &error))?)
}

fn message<'a>(members: &Members<'a>) -> Result<Message<'a>, Unreadable> {
    let mut parts = Parts::default();
    for (key, value) in members {
        let place = match unquote(key.get()).as_deref() {
            Ok("jsonrpc") => &mut parts.jsonrpc,
            Ok("id") => &mut parts.id,
            Ok("method") => &mut parts.method,
            Ok("params") => &mut parts.params,
            Ok("result") => &mut parts.result,
            Ok("error") => &mut parts.error,
            Ok("_meta") => continue,
            _ => {
                parts.has_others = true;
                continue;
            }
        };
        *place = Some(value);
    }
    let answers = parts.id.filter(|_| parts.is_answer()).and_then(number);
    let read = match distinct(members) {
        Ok(_) => parts.message(),
        Err(_) => Err("one of its members stands there twice"),
    };
    read.map_err(|reason| Unreadable { reason: reason.to_owned(), answers: answers.into_iter().collect() })
}

impl<'a> Parts<'a> {
    /// Whether it was meant as an answer, be it as damaged as it may.
    fn is_answer(&self) -> bool {
        let has_outcome = self.result.is_some() || self.error.is_some();
        self.jsonrpc.is_some() && self.method.is_none() && (has_outcome || !self.has_others)
    }

    fn message(self) -> Result<Message<'a>, &'static str> {
        let says = |version: &RawValue| unquote(version.get()).is_ok_and(|version| version == "2.0");
        match self.jsonrpc {
            Some(version) if !says(version) => return Err("its jsonrpc is not \"2.0\""),
            None if self.method.is_some() => return Err("it has no jsonrpc"),
            _ => {}
        }
        match self.method {
            Some(method) => self.call(method),
            None => self.response(),
        }
    }

    fn call(self, method: &'a RawValue) -> Result<Message<'a>, &'static str> {
        let method = unquote(method.get()).map_err(|_| "its method is not a string")?;
        let params = self.params.filter(|params| !is_null(params));
        if params.is_some_and(|params| !params.get().starts_with(['{', '['])) {
            return Err("its params are no object");
        }
        match self.id.filter(|id| !is_null(id)) {
            None => Ok(Message::Notification { method, params }),
            Some(id) if is_string(id) || is_integer(id) => Ok(Message::Request { id, method, params }),
            Some(_) => Err("its id is neither a string nor an integer"),
        }
    }

    fn response(self) -> Result<Message<'a>, &'static str> {
        let outcome = match (self.result, self.error) {
            (Some(result), None) => Ok(result),
            (Some(result), Some(error)) if is_null(error) => Ok(result),
            (result, Some(error)) if result.is_none_or(is_null) && !is_null(error) => Err(error),
            (Some(_), Some(_)) => return Err("it has both a result and an error"),
            (None, Some(_)) => return Err("its error is null, and it has no result"),
            (None, None) => return Err("it has neither a method nor a result nor an error"),
        };
        let id = self.id.unwrap_or(RawValue::NULL);
        if self.jsonrpc.is_none() && (self.has_others || is_null(id) || !outcome.map_or_else(has_message, is_object)) {
            return Err("it has no jsonrpc, and is no answer but for that");
        }
        match (id, outcome) {
            (id, _) if is_string(id) || number(id).is_some() => Ok(Message::Response { id, outcome }),
            (id, Err(error)) if is_null(id) && is_error_object(error) => Ok(Message::Response { id, outcome }),
            (id, Err(_)) if is_null(id) => Err("its error is no object with code and message, and it has no id"),
            _ => Err("its id is neither a string nor a number"),
        }
    }
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// Whether an error says in words what went wrong.
fn has_message(error: &RawValue) -> bool {
    let says = |(key, value): &(&RawValue, &RawValue)| {
        is_string(value) && unquote(key.get()).is_ok_and(|key| key == "message")
    };
    members(error.get()).is_ok_and(|members| members.iter().any(says))
}

fn unreadable(reason: String) -> Unreadable {
    Unreadable { reason, answers: Vec::new() }
}

fn no_object(text: &str, error: &json::Error) -> Unreadable {
    no_json(text, format!("it is no JSON object: {error}"))
}

/// What is no JSON may still be meant as an answer: `NaN` in a result is the commonest case.
fn no_json(text: &str, reason: String) -> Unreadable {
    let has = |key: &str| text.contains(key);
    let is_answer = has("\"jsonrpc\"") && (has("\"result\"") || has("\"error\"")) && !has("\"method\"");
    if !text.starts_with('{') || !is_answer {
        return unreadable(reason);
    }
    let mut answers: Vec<u64> =
        text.match_indices("\"id\"").take(GUESSES).filter_map(|(at, key)| id_in(&text[at + key.len()..])).collect();
    answers.sort_unstable();
    answers.dedup();
    Unreadable { reason, answers }
}

/// The number after the key `id`.
fn id_in(text: &str) -> Option<u64> {
    let value = text.trim_start().strip_prefix(':')?.trim_start();
    let value = value.strip_prefix('"').unwrap_or(value);
    let digits = value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len());
    value[..digits].parse().ok()
}

#[cfg(test)]
#[path = "lenient_tests.rs"]
mod tests;
