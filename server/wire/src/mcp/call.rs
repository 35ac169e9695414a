//! `tools/call`: reading what an agent sends, writing what goes upstream.

use std::{borrow::Cow, fmt, sync::LazyLock};

use serde_json::value::RawValue;

use super::input::Input;
use crate::{
    error::RpcError,
    json::{push_string, spliced},
    shape::{Object, ShapeError},
};

/// The `_meta` key under which an agent may say why it calls (approvals.md, "What the
/// agent sees").
pub const REASON_KEY: &str = "dev.permesso/reason";

/// The `_meta` keys of W3C trace context and baggage, which go upstream.
const TRACE_KEYS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

static NO_ARGUMENTS: LazyLock<Box<RawValue>> = LazyLock::new(|| spliced("{}".to_owned()));

/// The parameters of `tools/call` (MCP, server/tools). `Debug` hides the arguments.
#[derive(Clone)]
pub struct CallParams<'a> {
    /// The tool's name, decoded; not empty.
    pub name: Cow<'a, str>,
    /// A JSON object as it was written; `{}` where there was none, or `null`. Duplicate keys in
    /// it are not looked for here: [`canonical`](crate::canonical::canonical) does.
    pub arguments: &'a RawValue,
    /// What an upstream asked for when it was called before.
    pub input: Input<'a>,
    /// What the gateway understands of `_meta`.
    pub meta: Meta<'a>,
}

impl fmt::Debug for CallParams<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("CallParams");
        debug.field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> CallParams<'a> {
    /// Reads the `params` of a request.
    ///
    /// # Errors
    /// `INVALID_PARAMS` that names the member: not an object, a key that stands
    /// there twice in whatever spelling, no name, arguments that are no object.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        Ok(Self::read(params)?)
    }

    fn read(params: Option<&'a RawValue>) -> Result<Self, ShapeError> {
        let params = Object::read("params", params.unwrap_or(&NO_ARGUMENTS))?;
        let name = params.required_text("name")?;
        if name.is_empty() {
            return Err(params.wrong("name", "a tool's name"));
        }
        let arguments = params.some("arguments").unwrap_or(&NO_ARGUMENTS);
        if !arguments.get().starts_with('{') {
            return Err(params.wrong("arguments", "an object"));
        }
        let input = Input::read(&params)?;
        let meta = match params.object("_meta")? {
            Some(meta) => Meta::read(&meta)?,
            None => Meta::default(),
        };
        Ok(Self { name, arguments, input, meta })
    }
}

/// What the gateway understands of a request's `_meta`; the rest ends here.
#[derive(Debug, Clone, Default)]
pub struct Meta<'a> {
    /// A string or number: the caller wants progress under this token.
    pub progress_token: Option<&'a RawValue>,
    /// W3C trace context: a string.
    pub traceparent: Option<&'a RawValue>,
    /// W3C trace context: a string.
    pub tracestate: Option<&'a RawValue>,
    /// W3C baggage: a string.
    pub baggage: Option<&'a RawValue>,
    /// [`REASON_KEY`]: the agent's claim why it calls. Not bounded here.
    pub reason: Option<Cow<'a, str>>,
}

impl<'a> Meta<'a> {
    fn read(meta: &Object<'a>) -> Result<Self, ShapeError> {
        let progress_token = meta.some("progressToken");
        let is_token = |raw: &RawValue| {
            let first = raw.get().bytes().next();
            first.is_some_and(|byte| matches!(byte, b'"' | b'-' | b'0'..=b'9'))
        };
        if progress_token.is_some_and(|token| !is_token(token)) {
            return Err(meta.wrong("progressToken", "a string or a number"));
        }
        // A broken trace context must not break the call it is about.
        let string = |raw: &&RawValue| raw.get().starts_with('"');
        let [traceparent, tracestate, baggage] = TRACE_KEYS.map(|key| meta.get(key).filter(string));
        let reason = meta.text(REASON_KEY)?;
        Ok(Self { progress_token, traceparent, tracestate, baggage, reason })
    }
}

/// The `params` of the `tools/call` that goes upstream.
///
/// `name` is the upstream's name of the tool, `arguments` and `input` go as they are. Of the
/// caller's `_meta` only trace context passes, and instead of its progress token the
/// given one (docs/security.md, "What an upstream says to agents").
#[must_use]
pub fn upstream_call_params(
    name: &str,
    arguments: &RawValue,
    input: Input<'_>,
    meta: &Meta<'_>,
    progress_token: Option<&RawValue>,
) -> Box<RawValue> {
    let mut text = String::with_capacity(arguments.get().len() + 64);
    text.push_str("{\"name\":");
    push_string(name, &mut text);
    text.push_str(",\"arguments\":");
    text.push_str(arguments.get());
    input.push(&mut text);
    let traces = TRACE_KEYS.into_iter().zip([meta.traceparent, meta.tracestate, meta.baggage]);
    let passed = std::iter::once(("progressToken", progress_token)).chain(traces);
    let mut before = ",\"_meta\":{";
    for (key, value) in passed {
        if let Some(value) = value {
            text.push_str(before);
            push_string(key, &mut text);
            text.push(':');
            text.push_str(value.get());
            before = ",";
        }
    }
    text.push_str(if before == "," { "}}" } else { "}" });
    spliced(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::error::INVALID_PARAMS;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    fn refusal(json: &str) -> String {
        let error = CallParams::parse(Some(raw(json))).unwrap_err();
        assert_eq!(error.code, INVALID_PARAMS);
        error.message.into_owned()
    }

    #[test]
    fn arguments_are_kept_as_written() {
        let params = r#"{"n\u0061me":"send_\u0069nvoice","arguments":{ "n" : 1.0e2, "x":[ ]},"x":0}"#;
        let call = CallParams::parse(Some(raw(params))).unwrap();
        assert_eq!(call.name, "send_invoice");
        assert_eq!(call.arguments.get(), r#"{ "n" : 1.0e2, "x":[ ]}"#);
        assert!(call.meta.reason.is_none() && call.meta.progress_token.is_none());
        assert!(!format!("{call:?}").contains("1.0e2"));
    }

    #[test]
    fn absent_arguments_are_an_empty_object() {
        for params in [r#"{"name":"list","_meta":null}"#, r#"{"name":"list","arguments":null}"#] {
            assert_eq!(CallParams::parse(Some(raw(params))).unwrap().arguments.get(), "{}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (params, message) in [
            ("[]", "params must be an object"),
            ("{}", "params.name is missing"),
            (r#"{"name":null}"#, "params.name is missing"),
            (r#"{"name":7}"#, "params.name must be a string"),
            (r#"{"name":""}"#, "params.name must be a tool's name"),
            (r#"{"name":"a","n\u0061me":"b"}"#, r#"params has the key "name" twice"#),
            (r#"{"name":"a","arguments":{},"argument\u0073":{"x":1}}"#, r#"params has the key "arguments" twice"#),
            (r#"{"name":"a","_meta":{},"_meta":{}}"#, r#"params has the key "_meta" twice"#),
            (r#"{"name":"a","arguments":[]}"#, "params.arguments must be an object"),
            (r#"{"name":"a","arguments":"null"}"#, "params.arguments must be an object"),
            (r#"{"name":"a","inputResponses":[]}"#, "params.inputResponses must be an object"),
            (r#"{"name":"a","requestState":{}}"#, "params.requestState must be a string"),
            (
                r#"{"name":"a","requestState":"a","requestSt\u0061te":"b"}"#,
                r#"params has the key "requestState" twice"#,
            ),
            (r#"{"name":"a","_meta":1}"#, "params._meta must be an object"),
            (r#"{"name":"a","_meta":{"progressToken":{}}}"#, "params._meta.progressToken must be a string or a number"),
            (r#"{"name":"a","_meta":{"dev.permesso/reason":1}}"#, "params._meta.dev.permesso/reason must be a string"),
        ] {
            assert_eq!(refusal(params), message, "{params}");
        }
        assert_eq!(CallParams::parse(None).unwrap_err().message, "params.name is missing");
    }

    #[test]
    fn what_was_asked_for_goes_upstream_as_it_is() {
        let params = r#"{"name":"a","requestState":"\u0061","inputResponses":{ "q":{"n":1.0}}}"#;
        let call = CallParams::parse(Some(raw(params))).unwrap();
        assert!(!call.input.is_none());
        assert_eq!(
            upstream_call_params("a", call.arguments, call.input, &Meta::default(), None).get(),
            r#"{"name":"a","arguments":{},"inputResponses":{ "q":{"n":1.0}},"requestState":"\u0061"}"#
        );
        let none = CallParams::parse(Some(raw(r#"{"name":"a","requestState":null,"inputResponses":null}"#))).unwrap();
        assert!(none.input.is_none());
    }

    #[test]
    fn of_meta_only_trace_context_and_the_given_token_go_upstream() {
        let params = r#"{"name":"a","arguments":{"b": 1},"_meta":{"progressToken":"theirs",
            "traceparent":"00-\u0061","baggage":"k=v","tracestate":7,
            "dev.permesso/reason":"it is due","secret":"x"}}"#;
        let call = CallParams::parse(Some(raw(params))).unwrap();
        assert_eq!(call.meta.progress_token.unwrap().get(), r#""theirs""#);
        assert_eq!(call.meta.reason.as_deref(), Some("it is due"));
        let sent = |token| upstream_call_params("x\"y", call.arguments, call.input, &call.meta, token);
        assert_eq!(
            sent(Some(raw("12"))).get(),
            concat!(
                r#"{"name":"x\"y","arguments":{"b": 1},"_meta":{"progressToken":12,"#,
                r#""traceparent":"00-\u0061","baggage":"k=v"}}"#
            )
        );
        assert!(!sent(None).get().contains("progressToken"));
        let bare = upstream_call_params("a", raw("{}"), Input::default(), &Meta::default(), None);
        assert_eq!(bare.get(), r#"{"name":"a","arguments":{}}"#);
    }
}
