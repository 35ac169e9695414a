//! Messages between gateway and upstream, for every transport: our requests, and the handling of an upstream's
//! messages.

use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use wire::envelope::{self, Message};
use wire::error::{HEADER_MISMATCH, INTERNAL_ERROR, MISSING_CAPABILITY, RpcError, UNSUPPORTED_VERSION};
use wire::lenient::{self, Unreadable};
use wire::mcp::input::Inputs;

use super::departure::{Guard, unguarded};
use super::status::Observer;
use crate::limit::Load;

/// The largest message of an upstream, in bytes.
pub(super) const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// How many bytes of an upstream's own words are quoted in a reason.
const REPEATED: usize = 500;

/// An upstream's answer. The bytes are the upstream's own: nothing is decoded, reordered or rounded. Only errors about
/// the gateway's request to the upstream are rewritten, because the caller wrote a different request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The `result` member of a JSON-RPC response.
    Result(Box<RawValue>),
    /// The `error` member of a JSON-RPC response.
    Error(Box<RawValue>),
}

/// An error about the request as the gateway wrote it: its headers, its capabilities, its revision (MCP 2026-07-28,
/// basic, "Error Codes").
pub(super) struct Refusal {
    pub(super) code: i64,
    /// The upstream's own words.
    message: String,
    /// It requires only capabilities that a call takes from its caller.
    wants_callers: bool,
}

/// The capabilities that an error of [`MISSING_CAPABILITY`] requires, if a call takes all of them from its caller (see
/// [`Inputs`]).
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    elicitation: Option<WantedElicitation>,
    sampling: Option<WantedSampling>,
    roots: Option<WantedRoots>,
    extensions: Option<WantedExtensions>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedElicitation {
    #[serde(rename = "form")]
    _form: Option<IgnoredAny>,
    #[serde(rename = "url")]
    _url: Option<IgnoredAny>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedSampling {
    #[serde(rename = "tools")]
    _tools: Option<IgnoredAny>,
    #[serde(rename = "context")]
    _context: Option<IgnoredAny>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedRoots {}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedExtensions {
    #[serde(rename = "io.modelcontextprotocol/tasks")]
    _tasks: IgnoredAny,
}

impl Refusal {
    pub(super) fn read(error: &RawValue) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Refused {
            code: i64,
            #[serde(default)]
            message: String,
            data: Option<Box<RawValue>>,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Missing {
            required_capabilities: Wanted,
        }
        let Refused { code, message, data } = serde_json::from_str(error.get()).ok()?;
        if ![HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION].contains(&code) {
            return None;
        }
        let missing = data.filter(|_| code == MISSING_CAPABILITY);
        let wanted = missing.and_then(|data| serde_json::from_str::<Missing>(data.get()).ok());
        let wants_callers = wanted.is_some_and(|Missing { required_capabilities: wanted }| {
            let Wanted { elicitation, sampling, roots, extensions } = wanted;
            elicitation.is_some() || sampling.is_some() || roots.is_some() || extensions.is_some()
        });
        Some(Self { code, message, wants_callers })
    }
}

impl Answer {
    /// Its size in bytes.
    pub fn size(&self) -> usize {
        let (Self::Result(raw) | Self::Error(raw)) = self;
        raw.get().len()
    }

    /// The code of an error.
    pub(super) fn error_code(&self) -> Option<i64> {
        #[derive(serde::Deserialize)]
        struct Coded {
            code: i64,
        }
        let Self::Error(error) = self else { return None };
        serde_json::from_str::<Coded>(error.get()).ok().map(|error| error.code)
    }

    /// The answer as a caller may see it: it would take such an error for ours, about its own request. See
    /// [`super::Call::tells_missing`] for the one that it is told.
    pub(super) fn for_caller(self, observer: &Observer, tells_missing: bool) -> Self {
        let Self::Error(error) = &self else { return self };
        let Some(refusal) = Refusal::read(error) else { return self };
        if tells_missing && refusal.wants_callers {
            return self;
        }
        observer.log(&format!("a call was refused: {error}"));
        // An upstream that refuses a header often repeats it.
        let said = observer.secrets.redacted(&refusal.message, REPEATED).replace(char::is_control, "");
        let message = format!("the upstream refused the gateway's request: {said}");
        Self::Error(raw(&serde_json::json!({"code": INTERNAL_ERROR, "message": message})))
    }
}

/// A request to an upstream.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) params: Option<Arc<RawValue>>,
    pub(super) guard: Guard,
    /// See [`super::Call::once`].
    pub(super) once: bool,
    /// See [`super::Call::param_headers`].
    pub(super) param_headers: Vec<(String, String)>,
    /// See [`super::Call::tasks`].
    pub(super) tasks: bool,
    /// See [`super::Call::inputs`].
    pub(super) inputs: Inputs,
    /// See [`super::Call::goes_on`].
    pub(super) goes_on: bool,
    /// See [`super::Call::load`].
    pub(super) load: Option<Arc<Load>>,
    /// Notified of each step that the upstream reports: the timeout is restarted.
    pub(super) steps: Arc<Notify>,
}

impl Request {
    /// A request that changes nothing, or is idempotent.
    pub(super) fn new(method: &'static str, params: Option<Arc<RawValue>>) -> Self {
        let (guard, param_headers, inputs) = (unguarded(), Vec::new(), Inputs::default());
        Self {
            method,
            params,
            guard,
            once: false,
            param_headers,
            tasks: false,
            inputs,
            goes_on: false,
            load: None,
            steps: Arc::default(),
        }
    }

    /// Whether it may be retried after its session was lost: it changes nothing.
    pub(super) fn may_be_repeated(&self) -> bool {
        !matches!(self.method, "tools/call" | "tasks/update")
    }

    /// Whether an upstream of an earlier revision could not understand it.
    pub(super) fn needs_modern(&self) -> bool {
        self.goes_on || self.method.starts_with("tasks/")
    }
}

/// How to handle a message of an upstream.
pub(super) enum Heard {
    /// The answer to the request with this id.
    Answer(u64, Answer),
    /// It sent a request; this is the reply.
    Reply(Vec<u8>),
    /// An error that names none of the gateway's requests: it has no id, or one that the gateway never used.
    Unaddressed { error: Box<RawValue>, has_id: bool },
}

/// Reads one message (or a batch, as in revision 2025-03-26), each as far as it can be understood.
///
/// Notifications are handled here and need nothing more. The caller logs what cannot be read: it may have been an
/// answer.
pub(super) fn hear(bytes: &[u8], observer: &Observer) -> Vec<Result<Heard, Unreadable>> {
    observer.seen();
    lenient::read(bytes)
        .into_iter()
        .filter_map(|message| message.map(|message| act(message, observer)).transpose())
        .collect()
}

/// The answers at the end of a line, after other text; see [`lenient::behind_text`].
pub(super) fn hear_behind_text(line: &[u8], observer: &Observer) -> Vec<(u64, Answer)> {
    let heard = lenient::behind_text(line).into_iter().filter_map(|message| act(message, observer));
    heard.filter_map(|heard| if let Heard::Answer(id, answer) = heard { Some((id, answer)) } else { None }).collect()
}

fn act(message: Message<'_>, observer: &Observer) -> Option<Heard> {
    match message {
        // Every id of ours is a plain number; any other id answers no request.
        Message::Response { id, outcome } => match (lenient::number(id), outcome) {
            (Some(id), Ok(result)) => return Some(Heard::Answer(id, Answer::Result(result.to_owned()))),
            (Some(id), Err(error)) => return Some(Heard::Answer(id, Answer::Error(lenient::error_object(error)))),
            (None, Err(error)) => {
                let (error, has_id) = (lenient::error_object(error), id.get() != "null");
                return Some(Heard::Unaddressed { error, has_id });
            }
            (None, Ok(_)) => observer.dropped("a result that answers no request: its id is not one of the gateway's"),
        },
        Message::Request { id, method, .. } => return Some(Heard::Reply(reply(id, &method))),
        Message::Notification { method, params } => match (method.as_ref(), params) {
            ("notifications/tools/list_changed", _) => observer.tools_changed(),
            ("notifications/progress", Some(params)) => observer.progress.tell(params),
            _ => {}
        },
    }
    None
}

/// The gateway declares no client capability, so `ping` is the only request that an upstream may send.
fn reply(id: &RawValue, method: &str) -> Vec<u8> {
    if method == "ping" {
        let empty = serde_json::value::to_raw_value(&serde_json::Map::new()).unwrap_or_default();
        envelope::response_bytes(id, &empty)
    } else {
        let error = RpcError::method_not_found(method);
        envelope::error_bytes(Some(id), &error)
    }
}

/// The parameters of `subscriptions/listen` for changes of the list of tools.
pub(super) fn tools_subscription() -> Box<RawValue> {
    raw(&serde_json::json!({"notifications": {"toolsListChanged": true}}))
}

/// `notifications/cancelled` for a request whose answer is no longer awaited.
pub(super) fn cancelled(id: u64) -> Vec<u8> {
    let params = raw(&serde_json::json!({"requestId": id, "reason": "the caller went away"}));
    envelope::notification_bytes("notifications/cancelled", Some(&params))
}

pub(super) fn raw(value: &serde_json::Value) -> Box<RawValue> {
    // A Value always serializes; `null` is what RawValue offers for the impossible.
    serde_json::value::to_raw_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_capabilities_that_a_call_has_from_its_caller_are_the_callers_to_declare() {
        for (wanted, callers) in [
            (r#"{"requiredCapabilities":{"elicitation":{"url":{}}},"n":1}"#, true),
            (r#"{"requiredCapabilities":{"sampling":{},"roots":{}}}"#, true),
            (r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#, true),
            (r#"{"requiredCapabilities":{"elicitation":{},"experimental":{}}}"#, false),
            (r#"{"requiredCapabilities":{"elicitation":{"voice":{}}}}"#, false),
            (r#"{"requiredCapabilities":{"sampling":{"tools":{},"more":{}}}}"#, false),
            (r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{},"other":{}}}}"#, false),
            (r#"{"requiredCapabilities":{"extensions":{}}}"#, false),
            (r#"{"requiredCapabilities":{}}"#, false),
            (r#"{"requiredCapabilities":["sampling"]}"#, false),
            ("null", false),
        ] {
            for (code, callers) in [(MISSING_CAPABILITY, callers), (HEADER_MISMATCH, false)] {
                let error = format!(r#"{{"code":{code},"message":"no","data":{wanted}}}"#);
                let refusal = Refusal::read(serde_json::from_str(&error).unwrap()).unwrap();
                assert_eq!((refusal.code, refusal.wants_callers), (code, callers), "{error}");
            }
        }
    }
}
