//! JSON-RPC 2.0 envelopes over borrowed raw JSON.
//!
//! Reading takes an envelope apart and leaves ids, params and results as the bytes
//! they are; writing splices such bytes into a new envelope. What a method means is
//! decided elsewhere.

use std::{borrow::Cow, fmt};

use serde_json::value::RawValue;

use crate::{
    error::RpcError,
    json::{self, fields, members, push_string, unquote},
};

/// How many messages one batch may have. JSON-RPC names no bound; without one, a body
/// of commas would be answered by many times its size.
pub const MAX_BATCH: usize = 1_000;

/// What a body holds.
#[derive(Debug, Clone)]
pub enum Incoming<'a> {
    /// One message.
    Single(Message<'a>),
    /// A batch of 1 to [`MAX_BATCH`], in order; each entry stands or falls alone
    /// (JSON-RPC 2.0, section 6).
    Batch(Vec<Result<Message<'a>, RpcError>>),
}

/// One JSON-RPC message. `Debug` shows neither params nor outcome.
#[derive(Clone)]
pub enum Message<'a> {
    /// Asks for an answer.
    Request {
        /// A string or an integer.
        id: &'a RawValue,
        /// The method, decoded.
        method: Cow<'a, str>,
        /// An object or an array.
        params: Option<&'a RawValue>,
    },
    /// Asks for nothing.
    Notification {
        /// The method, decoded.
        method: Cow<'a, str>,
        /// An object or an array.
        params: Option<&'a RawValue>,
    },
    /// Answers a request of ours.
    Response {
        /// A string or an integer; `null` only beside an error, where the peer could
        /// not read the id (JSON-RPC 2.0, section 5) or left it out (MCP 2025-11-25).
        id: &'a RawValue,
        /// `result` as it stands; or `error`, an object with an integer `code` and a
        /// string `message`, as it stands.
        outcome: Result<&'a RawValue, &'a RawValue>,
    },
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { id, method, .. } => {
                write!(formatter, "Request {{ id: {}, method: {method:?} }}", id.get())
            }
            Self::Notification { method, .. } => {
                write!(formatter, "Notification {{ method: {method:?} }}")
            }
            Self::Response { id, outcome } => {
                let ok = outcome.is_ok();
                write!(formatter, "Response {{ id: {}, ok: {ok} }}", id.get())
            }
        }
    }
}

/// Reads a body.
///
/// Members that JSON-RPC does not name are ignored, but no key may stand twice: two
/// readers could otherwise disagree about what the call is. What serializers write for what is not there is absent: `params`
/// that are `null`, the `id` of a notification (`notifications/…`) that is `null`, and a byte order mark before the body.
///
/// # Errors
/// `PARSE_ERROR` for what is not UTF-8 or not JSON; `INVALID_REQUEST` for a wrong
/// envelope, an empty batch or one over [`MAX_BATCH`]. The error carries the id
/// where exactly one valid one could be read.
pub fn parse(body: &[u8]) -> Result<Incoming<'_>, RpcError> {
    let text = std::str::from_utf8(body).map_err(|_| RpcError::parse("the body is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.trim_start_matches([' ', '\t', '\r', '\n']).chars().next();
    if first != Some('[') {
        return message(text).map(Incoming::Single);
    }
    let entries: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| RpcError::parse(format!("the body is not valid JSON: {error}")))?;
    match entries.len() {
        0 => Err(RpcError::invalid_request("the batch is empty")),
        1..=MAX_BATCH => {
            let messages = entries.into_iter().map(|entry| message(entry.get()));
            Ok(Incoming::Batch(messages.collect()))
        }
        _ => Err(RpcError::invalid_request(format!("the batch has more than {MAX_BATCH} messages"))),
    }
}

fn message(text: &str) -> Result<Message<'_>, RpcError> {
    let members = members(text).map_err(no_object)?;
    Envelope::sort(&members).and_then(Envelope::message).map_err(|reason| {
        let error = RpcError::invalid_request(reason);
        match readable_id(&members) {
            Some(id) => error.with_id(id),
            None => error,
        }
    })
}

fn no_object(error: json::Error) -> RpcError {
    match error {
        json::Error::Syntax(reason) => RpcError::parse(format!("the body is not valid JSON: {reason}")),
        _ => RpcError::invalid_request("a JSON-RPC message must be an object"),
    }
}

/// The members of a message by their names.
#[derive(Default)]
struct Envelope<'a> {
    jsonrpc: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

type Reason = Cow<'static, str>;

impl<'a> Envelope<'a> {
    fn sort(members: &[(&'a RawValue, &'a RawValue)]) -> Result<Self, Reason> {
        let fields = json::distinct(members).map_err(|error| match error {
            json::Error::DuplicateKey(key) => format!("the message has the key {key:?} twice"),
            other => format!("a key of the message is {other}"),
        })?;
        let mut envelope = Self::default();
        for (key, value) in fields {
            let place = match key.as_ref() {
                "jsonrpc" => &mut envelope.jsonrpc,
                "id" => &mut envelope.id,
                "method" => &mut envelope.method,
                "params" => &mut envelope.params,
                "result" => &mut envelope.result,
                "error" => &mut envelope.error,
                _ => continue,
            };
            *place = Some(value);
        }
        Ok(envelope)
    }

    fn message(self) -> Result<Message<'a>, Reason> {
        let version = self.jsonrpc.map(|raw| unquote(raw.get()));
        if !matches!(version, Some(Ok(version)) if version == "2.0") {
            return Err("jsonrpc must be \"2.0\"".into());
        }
        match self.method {
            Some(method) => self.call(method),
            None => self.response(),
        }
    }

    fn call(self, method: &'a RawValue) -> Result<Message<'a>, Reason> {
        if self.result.is_some() || self.error.is_some() {
            return Err("a message has either a method or a result or error".into());
        }
        let method = unquote(method.get()).map_err(|_| "method must be a string")?;
        let params = self.params.filter(|params| params.get() != "null");
        if params.is_some_and(|params| !params.get().starts_with(['{', '['])) {
            return Err("params must be an object".into());
        }
        match self.id.filter(|id| id.get() != "null" || !method.starts_with("notifications/")) {
            None => Ok(Message::Notification { method, params }),
            Some(id) if is_id(id) => Ok(Message::Request { id, method, params }),
            Some(_) => Err("id must be a string or an integer".into()),
        }
    }

    fn response(self) -> Result<Message<'a>, Reason> {
        let outcome = match (self.result, self.error) {
            (Some(result), None) => Ok(result),
            (None, Some(error)) if is_error_object(error) => Err(error),
            (None, Some(_)) => return Err("error must be an object with code and message".into()),
            (Some(_), Some(_)) => return Err("a response has either result or error".into()),
            (None, None) => return Err("method is missing".into()),
        };
        let id = match self.id {
            Some(id) if is_id(id) => id,
            Some(id) if id.get() == "null" && outcome.is_err() => id,
            None if outcome.is_err() => RawValue::NULL,
            _ => return Err("id must be a string or an integer".into()),
        };
        Ok(Message::Response { id, outcome })
    }
}

/// The id of a message that is wrong in some other way, if it has exactly one.
fn readable_id<'a>(members: &[(&'a RawValue, &'a RawValue)]) -> Option<&'a RawValue> {
    let is_id_key = |key: &RawValue| unquote(key.get()).is_ok_and(|key| key == "id");
    let mut ids = members.iter().filter(|(key, _)| is_id_key(key));
    match (ids.next(), ids.next()) {
        (Some((_, id)), None) if is_id(id) => Some(id),
        _ => None,
    }
}

/// MCP ("Requests"): an id is a string or an integer and never null.
fn is_id(raw: &RawValue) -> bool {
    raw.get().starts_with('"') || is_integer(raw)
}

pub(crate) fn is_integer(raw: &RawValue) -> bool {
    let digits = raw.get().strip_prefix('-').unwrap_or(raw.get());
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// JSON-RPC 2.0, section 5.1.
pub(crate) fn is_error_object(raw: &RawValue) -> bool {
    let Ok(fields) = fields(raw) else {
        return false;
    };
    let has = |name: &str, test: fn(&RawValue) -> bool| fields.iter().any(|(key, value)| key == name && test(value));
    has("code", is_integer) && has("message", |value| value.get().starts_with('"'))
}

/// A response with a result, both spliced in as they are.
#[must_use]
pub fn response_bytes(id: &RawValue, result: &RawValue) -> Vec<u8> {
    answer(id, "result", result.get())
}

/// A response with an error of ours. Answers `id`; without one the error's own id; where there is none the
/// response has none, as MCP says ("Error Responses"), for which `null` is no id.
#[must_use]
pub fn error_bytes(id: Option<&RawValue>, error: &RpcError) -> Vec<u8> {
    let mut object = format!("{{\"code\":{},\"message\":", error.code);
    push_string(&error.message, &mut object);
    if let Some(data) = &error.data {
        object.push_str(",\"data\":");
        object.push_str(data.get());
    }
    object.push('}');
    match id.or(error.id.as_deref()) {
        Some(id) => answer(id, "error", &object),
        None => format!("{{\"jsonrpc\":\"2.0\",\"error\":{object}}}").into_bytes(),
    }
}

/// A response with an error object that somebody else made, spliced in as it is.
#[must_use]
pub fn raw_error_bytes(id: &RawValue, error: &RawValue) -> Vec<u8> {
    answer(id, "error", error.get())
}

fn answer(id: &RawValue, member: &str, value: &str) -> Vec<u8> {
    let mut text = String::with_capacity(id.get().len() + value.len() + 64);
    for part in ["{\"jsonrpc\":\"2.0\",\"id\":", id.get(), ",\"", member, "\":", value, "}"] {
        text.push_str(part);
    }
    text.into_bytes()
}

/// A request of ours, params spliced in as they are.
#[must_use]
pub fn request_bytes(id: u64, method: &str, params: Option<&RawValue>) -> Vec<u8> {
    call(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":"), method, params)
}

/// A request of ours in two parts, between which its params go: for those that are too large to be copied.
#[must_use]
pub fn request_around(id: u64, method: &str) -> (String, &'static str) {
    let mut text = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":");
    push_string(method, &mut text);
    text.push_str(",\"params\":");
    (text, "}")
}

/// A notification of ours, params spliced in as they are.
#[must_use]
pub fn notification_bytes(method: &str, params: Option<&RawValue>) -> Vec<u8> {
    call("{\"jsonrpc\":\"2.0\",\"method\":".to_owned(), method, params)
}

fn call(mut text: String, method: &str, params: Option<&RawValue>) -> Vec<u8> {
    push_string(method, &mut text);
    // What is added to a full string doubles it, and this may be the largest copy there is.
    text.reserve_exact(params.map_or(0, |params| params.get().len()) + 16);
    if let Some(params) = params {
        text.push_str(",\"params\":");
        text.push_str(params.get());
    }
    text.push('}');
    text.into_bytes()
}
