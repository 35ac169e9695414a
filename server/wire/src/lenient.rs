//! JSON-RPC as servers really write it.
//!
//! What agents send is held to the specification ([`crate::envelope`]). What an upstream sends has been done already, so it
//! is read as far as it can be understood: one message that cannot be read spoils none beside it, and says whose answer it
//! may have been.

use serde_json::value::RawValue;

use crate::{
    envelope::{MAX_BATCH, Message, is_error_object, is_integer},
    json::{distinct, members, unquote},
};

/// Of a text that is no JSON, so many ids are looked at.
const GUESSES: usize = 16;
const BOM: &[u8] = "\u{feff}".as_bytes();

/// A message that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What is wrong with it, in one line; never what stood there.
    pub reason: String,
    /// The requests that it may have answered: none where it is no answer, one where its id can be read, and where it is no
    /// JSON each id that stands somewhere in it, at most 16.
    pub answers: Vec<u64>,
}

/// Reads a body: one message, or a batch of at most [`MAX_BATCH`].
///
/// Other than [`crate::envelope::parse`] it takes `null` for `params` that are absent, and beside a `result` or an `error` for
/// the other one; an answer without `jsonrpc`; any number as the id of an answer; and a byte order mark.
#[must_use]
pub fn read(body: &[u8]) -> Vec<Result<Message<'_>, Unreadable>> {
    let body = body.strip_prefix(BOM).unwrap_or(body);
    let Ok(text) = std::str::from_utf8(body) else {
        return vec![Err(no_json(&String::from_utf8_lossy(body), "it is not UTF-8".to_owned()))];
    };
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if !text.starts_with('[') {
        return vec![message(text)];
    }
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(entries) if (1..=MAX_BATCH).contains(&entries.len()) => {
            entries.into_iter().map(|entry| message(entry.get())).collect()
        }
        Ok(entries) => vec![Err(unreadable(format!("it is a batch of {} messages", entries.len())))],
        Err(error) => vec![Err(no_json(text, format!("it is not valid JSON: {error}")))],
    }
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
}

fn message(text: &str) -> Result<Message<'_>, Unreadable> {
    let members = members(text).map_err(|error| no_json(text, format!("it is no JSON object: {error}")))?;
    let mut parts = Parts::default();
    for (key, value) in &members {
        let place = match unquote(key.get()).as_deref() {
            Ok("jsonrpc") => &mut parts.jsonrpc,
            Ok("id") => &mut parts.id,
            Ok("method") => &mut parts.method,
            Ok("params") => &mut parts.params,
            Ok("result") => &mut parts.result,
            Ok("error") => &mut parts.error,
            _ => continue,
        };
        *place = Some(value);
    }
    let answers = parts.id.filter(|_| parts.method.is_none()).and_then(number);
    let read = match distinct(&members) {
        Ok(_) => parts.message(),
        Err(_) => Err("one of its members stands there twice"),
    };
    read.map_err(|reason| Unreadable { reason: reason.to_owned(), answers: answers.into_iter().collect() })
}

impl<'a> Parts<'a> {
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
            (result, Some(error)) if result.is_none_or(is_null) && is_error_object(error) => Err(error),
            (Some(_), Some(_)) => return Err("it has both a result and an error"),
            (None, Some(_)) => return Err("its error is no object with code and message"),
            (None, None) => return Err("it has neither a method nor a result nor an error"),
        };
        match self.id.unwrap_or(RawValue::NULL) {
            id if is_string(id) || number(id).is_some() || (is_null(id) && outcome.is_err()) => {
                Ok(Message::Response { id, outcome })
            }
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

fn unreadable(reason: String) -> Unreadable {
    Unreadable { reason, answers: Vec::new() }
}

/// What is no JSON may still be meant as an answer: `NaN` in a result is the commonest case.
fn no_json(text: &str, reason: String) -> Unreadable {
    if !text.starts_with(['{', '[']) || text.contains("\"method\"") {
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn shown(body: &[u8]) -> Vec<String> {
        let one = |message: Result<Message<'_>, Unreadable>| match message {
            Ok(message) => format!("{message:?}"),
            Err(unreadable) => format!("{:?}", unreadable.answers),
        };
        read(body).into_iter().map(one).collect()
    }

    #[test]
    fn what_servers_of_many_languages_write_is_understood() {
        for (body, expected) in [
            (r#"{"jsonrpc":"2.0","id":3,"result":{},"error":null}"#, "Response { id: 3, ok: true }"),
            (
                r#"{"jsonrpc":"2.0","id":3,"result":null,"error":{"code":1,"message":""}}"#,
                "Response { id: 3, ok: false }",
            ),
            (r#"{"id":3,"result":{}}"#, "Response { id: 3, ok: true }"),
            (r#"{"jsonrpc":"2.0","id":"3","result":{}}"#, "Response { id: \"3\", ok: true }"),
            (r#"{"jsonrpc":"2.0","id":3.0,"result":{}}"#, "Response { id: 3.0, ok: true }"),
            (r#"{"jsonrpc":"2.0","error":{"code":1,"message":""}}"#, "Response { id: null, ok: false }"),
            ("\u{feff}{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\r\n", "Response { id: 3, ok: true }"),
            (r#"{"jsonrpc":"2.0","method":"m","params":null}"#, "Notification { method: \"m\" }"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#, "Notification { method: \"m\" }"),
            (r#"{"jsonrpc":"2.0","id":9,"method":"ping","params":null}"#, "Request { id: 9, method: \"ping\" }"),
        ] {
            assert_eq!(shown(body.as_bytes()), [expected], "{body}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_whose_answer_it_may_have_been() {
        for (body, expected) in [
            (&br#"{"jsonrpc":"2.0","id":3,"result":{"x":NaN}}"#[..], "[3]"),
            (br#"{"jsonrpc":"2.0","id": "3","result":"#, "[3]"),
            (b"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"\xff\"}", "[3]"),
            (br#"{"jsonrpc":"2.0","result":{"id":7,"x":NaN},"id":3}"#, "[3, 7]"),
            (br#"{"jsonrpc":"2.0","id":3,"id":3,"result":{}}"#, "[3]"),
            (br#"{"jsonrpc":"2.0","id":3,"result":{},"error":{}}"#, "[3]"),
            (br#"{"jsonrpc":"2.0","id":3,"error":"no"}"#, "[3]"),
            (br#"{"jsonrpc":"1.0","id":3,"result":{}}"#, "[3]"),
            (br#"{"jsonrpc":"2.0","id":3}"#, "[3]"),
            (br#"{"jsonrpc":"2.0","id":3,"method":"m","params":7}"#, "[]"),
            (br#"{"jsonrpc":"2.0","id":3,"method":"m","params":{"x":NaN}}"#, "[]"),
            (br#"{"type":"heartbeat"}"#, "[]"),
            (b"[2026-01-01] INFO \"id\":3,", "[3]"),
            (b"INFO \"id\":3,", "[]"),
            (b"", "[]"),
            (b"[]", "[]"),
        ] {
            assert_eq!(shown(body), [expected], "{}", String::from_utf8_lossy(body));
        }
        let many: String = (0..10_000).map(|id| format!("\"id\":{id},")).collect();
        assert_eq!(read(format!("{{{many}").as_bytes())[0].as_ref().unwrap_err().answers.len(), GUESSES);
    }

    #[test]
    fn one_message_of_a_batch_spoils_no_other() {
        let body = br#"[{"type":"heartbeat"},{"jsonrpc":"2.0","id":3,"result":{}},7]"#;
        assert_eq!(shown(body), ["[]", "Response { id: 3, ok: true }", "[]"]);
    }

    #[test]
    fn an_id_is_the_number_that_it_stands_for() {
        let of = |json: &str| number(serde_json::from_str(json).unwrap());
        for json in ["7", "\"7\"", "7.0", "7e0", "\"7.00\""] {
            assert_eq!(of(json), Some(7), "{json}");
        }
        for json in ["7.5", "-7", "\"server-error\"", "null", "1e300", "\"\"", "{}", "\"NaN\""] {
            assert_eq!(of(json), None, "{json}");
        }
    }
}
