//! Trace context that outlives its request: a call that waits for a person is sent on
//! when the bytes it came in are gone.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Meta;

/// How many bytes of JSON one value may have.
pub const MAX_TRACE_BYTES: usize = 8 * 1024;

/// The W3C trace context and baggage of a call, each value a JSON string of at most
/// [`MAX_TRACE_BYTES`] as it was written.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Trace {
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baggage: Option<Box<RawValue>>,
}

impl Trace {
    /// It as a JSON object of at most three times [`MAX_TRACE_BYTES`] and a few more, to be kept. `None` if there is
    /// no value in it.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        let is_empty = [&self.traceparent, &self.tracestate, &self.baggage].into_iter().all(Option::is_none);
        if is_empty { None } else { serde_json::to_string(self).ok() }
    }

    /// What [`Trace::to_json`] gave; of anything else, nothing.
    #[must_use]
    pub fn from_json(kept: &str) -> Self {
        serde_json::from_str(kept).unwrap_or_default()
    }

    /// The `_meta` that has these values and nothing else.
    #[must_use]
    pub fn meta(&self) -> Meta<'_> {
        Meta {
            traceparent: self.traceparent.as_deref(),
            tracestate: self.tracestate.as_deref(),
            baggage: self.baggage.as_deref(),
            ..Meta::default()
        }
    }
}

impl Meta<'_> {
    /// A copy of the trace context; a value that is too long for one is left out.
    #[must_use]
    pub fn trace(&self) -> Trace {
        let copy = |value: Option<&RawValue>| {
            value.filter(|value| value.get().len() <= MAX_TRACE_BYTES).map(ToOwned::to_owned)
        };
        Trace { traceparent: copy(self.traceparent), tracestate: copy(self.tracestate), baggage: copy(self.baggage) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::mcp::{CallParams, input::Input, upstream_call_params};

    #[test]
    fn trace_context_goes_upstream_from_a_copy_and_nothing_else_does() {
        let longest = "x".repeat(MAX_TRACE_BYTES - 2);
        let params = format!(
            r#"{{"name":"a","_meta":{{"traceparent":"00-\u0061","tracestate":"{longest}","baggage":"{longest}x",
            "progressToken":1,"dev.permesso/reason":"due"}}}}"#
        );
        let params: Box<RawValue> = serde_json::from_str(&params).unwrap();
        let call = CallParams::parse(Some(&params)).unwrap();
        let (trace, arguments) = (call.meta.trace(), call.arguments.to_owned());
        drop(params);
        let trace = Trace::from_json(&trace.to_json().unwrap());
        assert!(Trace::default().to_json().is_none());
        let sent = upstream_call_params("a", &arguments, Input::default(), &trace.meta(), None);
        let expected = format!(
            r#"{{"name":"a","arguments":{{}},"_meta":{{"traceparent":"00-\u0061","tracestate":"{longest}"}}}}"#
        );
        assert_eq!(sent.get(), expected);
    }
}
