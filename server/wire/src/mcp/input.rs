//! Multi round-trip requests (MCP 2026-07-28, basic/patterns, "Multi Round-Trip Requests"): an upstream
//! answers a call with questions to the agent's side, and the agent calls again with the answers.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::result::result_type;
use crate::{
    json::{push_string, with_appended, with_replaced},
    shape::{Object, ShapeError},
};

const RESPONSES_KEY: &str = "inputResponses";
const STATE_KEY: &str = "requestState";

/// What a server may ask for: the client capability that says it may be asked, and the request that asks.
const KINDS: [(&str, &str); 3] =
    [("elicitation", "elicitation/create"), ("sampling", "sampling/createMessage"), ("roots", "roots/list")];

/// What a client says it can be asked for: those members of its capabilities, as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs(Vec<(&'static str, Box<str>)>);

impl Inputs {
    pub(super) fn read(capabilities: &Object<'_>) -> Self {
        let declared = |key: &str| capabilities.get(key).filter(|value| value.get().starts_with('{'));
        Self(KINDS.iter().filter_map(|(key, _)| Some((*key, declared(key)?.get().into()))).collect())
    }

    /// Whether it can be asked for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members: keys, and values as JSON.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(key, value)| (*key, &**value))
    }

    fn take(&self, method: &str) -> bool {
        let kind = KINDS.iter().find(|(_, asks)| *asks == method);
        kind.is_some_and(|(key, _)| self.0.iter().any(|(declared, _)| declared == key))
    }
}

/// What a call has besides its arguments when it is made again with what was asked for
/// (`InputResponseRequestParams`). Both members as they were written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Input<'a> {
    /// An object: answers by the keys of the questions.
    pub responses: Option<&'a RawValue>,
    /// A string that only who wrote it understands.
    pub state: Option<&'a RawValue>,
}

impl<'a> Input<'a> {
    pub(super) fn read(params: &Object<'a>) -> Result<Self, ShapeError> {
        let responses = params.some(RESPONSES_KEY);
        if responses.is_some_and(|responses| !responses.get().starts_with('{')) {
            return Err(params.wrong(RESPONSES_KEY, "an object"));
        }
        let state = params.text(STATE_KEY)?.and(params.get(STATE_KEY));
        Ok(Self { responses, state })
    }

    /// Whether it is a first call.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.responses.is_none() && self.state.is_none()
    }

    /// Writes the members after others of the same object.
    pub(super) fn push(&self, text: &mut String) {
        for (key, value) in [(RESPONSES_KEY, self.responses), (STATE_KEY, self.state)] {
            if let Some(value) = value {
                text.push(',');
                push_string(key, text);
                text.push(':');
                text.push_str(value.get());
            }
        }
    }
}

/// An answer that asks (`InputRequiredResult`).
#[derive(Debug, Clone)]
pub struct InputRequired<'a> {
    /// The methods of what is asked; not checked.
    pub methods: Vec<Cow<'a, str>>,
    /// A string as it was written, to be given back with the answers.
    pub state: Option<&'a RawValue>,
}

impl<'a> InputRequired<'a> {
    /// Reads a result. `None` if its type is not `input_required`, and for one that neither asks nor has a
    /// state, has a key twice, or asks in a form that is no request: nobody could go on from there.
    #[must_use]
    pub fn parse(result: &'a RawValue) -> Option<Self> {
        if result_type(result)? != "input_required" {
            return None;
        }
        let result = Object::read("result", result).ok()?;
        let state = result.text(STATE_KEY).ok()?.and(result.get(STATE_KEY));
        let requests = result.object("inputRequests").ok()?;
        if state.is_none() && requests.is_none() {
            return None;
        }
        let method = |request| Object::read("request", request).ok()?.required_text("method").ok();
        let methods = requests.iter().flat_map(Object::values).map(method).collect::<Option<_>>()?;
        Some(Self { methods, state })
    }

    /// Whether a client can give all that it asks for. "Servers MUST NOT send an `inputRequests` that the
    /// client has not declared support for."
    #[must_use]
    pub fn fits(&self, inputs: &Inputs) -> bool {
        self.methods.iter().all(|method| inputs.take(method))
    }
}

/// An answer that asks, with this string as its state; every other byte is kept. What has a key twice, or
/// is no object, is returned as it is.
#[must_use]
pub fn with_state(result: &RawValue, state: &str) -> Box<RawValue> {
    let mut value = String::with_capacity(state.len() + 2);
    push_string(state, &mut value);
    match Object::read("result", result).map(|result| result.get(STATE_KEY)) {
        Ok(Some(theirs)) => with_replaced(result, theirs, &value),
        Ok(None) => with_appended(result, STATE_KEY, &value),
        Err(_) => result.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    fn inputs(capabilities: &str) -> Inputs {
        Inputs::read(&Object::read("capabilities", raw(capabilities)).unwrap())
    }

    #[test]
    fn only_what_a_client_declared_may_be_asked_of_it() {
        let form = inputs(r#"{"extensions":{},"elicitation":{ "form":{} },"roots":null,"sampling":true}"#);
        assert_eq!(form.members().collect::<Vec<_>>(), [("elicitation", r#"{ "form":{} }"#)]);
        let asks = |methods: &str| format!(r#"{{"resultType":"input_required","inputRequests":{methods}}}"#);
        for (requests, fits) in [
            (r#"{"a":{"method":"elicitation/create","params":{}}}"#, true),
            (r#"{"a":{"method":"elicitation/create"},"b":{"method":"roots/list"}}"#, false),
            (r#"{"a":{"method":"sampling/createMessage"}}"#, false),
            (r#"{"a":{"method":"tools/call"}}"#, false),
            ("{}", true),
        ] {
            let result = asks(requests);
            assert_eq!(InputRequired::parse(raw(&result)).unwrap().fits(&form), fits, "{requests}");
        }
        assert!(inputs("{}").is_empty());
    }

    #[test]
    fn what_nobody_could_go_on_from_is_none() {
        for result in [
            "[]",
            "{}",
            r#"{"resultType":"complete","requestState":"s"}"#,
            r#"{"resultType":"input_required"}"#,
            r#"{"resultType":"input_required","requestState":7}"#,
            r#"{"resultType":"input_required","requestState":"a","requestStat\u0065":"b"}"#,
            r#"{"resultType":"input_required","inputRequests":[]}"#,
            r#"{"resultType":"input_required","inputRequests":{"a":{}}}"#,
            r#"{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"},"\u0061":{"method":"roots/list"}}}"#,
        ] {
            assert!(InputRequired::parse(raw(result)).is_none(), "{result}");
        }
    }

    #[test]
    fn a_state_is_replaced_or_added_and_no_other_byte_changes() {
        let asks = raw(r#"{ "requestState" : "th\u0065irs" ,"inputRequests":{"a":{"method":"roots/list","n":1.0}}}"#);
        assert_eq!(
            with_state(asks, "ours\"").get(),
            r#"{ "requestState" : "ours\"" ,"inputRequests":{"a":{"method":"roots/list","n":1.0}}}"#
        );
        assert_eq!(with_state(raw(r#"{"a":1.0}"#), "s").get(), r#"{"a":1.0,"requestState":"s"}"#);
        let twice = r#"{"a":1,"a":2}"#;
        assert_eq!(with_state(raw(twice), "s").get(), twice);
    }
}
