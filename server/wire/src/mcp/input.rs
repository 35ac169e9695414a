//! Multi round-trip requests (MCP 2026-07-28, basic/patterns, "Multi Round-Trip Requests"): an upstream
//! answers a call with questions to the agent's side, and the agent calls again with the answers.

use serde_json::value::RawValue;

use super::result::result_type;
use crate::{
    json::{push_string, with_appended, with_replaced},
    shape::{Object, ShapeError},
};

const RESPONSES_KEY: &str = "inputResponses";
const STATE_KEY: &str = "requestState";

/// The largest state of an upstream that can be brought back, in bytes: it comes again with each round.
const MAX_STATE: usize = 256 * 1024;

/// What a client says it can be asked for (`ClientCapabilities`): what is known of it and nothing else, so that
/// nothing of the client's own goes upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub struct Inputs {
    form: bool,
    url: bool,
    sampling: bool,
    sampling_tools: bool,
    sampling_context: bool,
    roots: bool,
}

impl Inputs {
    pub(super) fn read(capabilities: &Object<'_>) -> Self {
        let has = |object: &Object<'_>, key| object.get(key).is_some_and(|value| value.get().starts_with('{'));
        let part = |key| capabilities.object(key).ok().flatten();
        let (elicitation, sampling) = (part("elicitation"), part("sampling"));
        let elicits = |key| elicitation.as_ref().is_some_and(|object| has(object, key));
        let samples = |key| sampling.as_ref().is_some_and(|object| has(object, key));
        let url = elicits("url");
        Self {
            // "An empty capabilities object is equivalent to declaring support for form mode only."
            form: elicits("form") || elicitation.is_some() && !url,
            url,
            sampling: sampling.is_some(),
            sampling_tools: samples("tools"),
            sampling_context: samples("context"),
            roots: has(capabilities, "roots"),
        }
    }

    /// The members: keys, and values as JSON.
    pub(super) fn members(self) -> impl Iterator<Item = (&'static str, String)> {
        let object = |members: &[(&str, bool)]| {
            let has = members.iter().filter(|(_, has)| *has);
            let members: Vec<_> = has.map(|(key, _)| format!("\"{key}\":{{}}")).collect();
            format!("{{{}}}", members.join(","))
        };
        let elicitation = object(&[("form", self.form), ("url", self.url)]);
        let sampling = object(&[("context", self.sampling_context), ("tools", self.sampling_tools)]);
        let all = [
            ("elicitation", self.form || self.url, elicitation),
            ("sampling", self.sampling, sampling),
            ("roots", self.roots, object(&[])),
        ];
        all.into_iter().filter_map(|(key, has, value)| has.then_some((key, value)))
    }

    /// Whether one question is of a kind that the client takes.
    fn take(self, question: &Object<'_>) -> Option<bool> {
        let params = question.object("params").ok()?;
        let has = |key| params.as_ref().is_some_and(|params| params.some(key).is_some());
        Some(match &*question.required_text("method").ok()? {
            "elicitation/create" => match params.as_ref().map(|params| params.text("mode")).transpose().ok()?.flatten()
            {
                None => self.form,
                Some(mode) => self.form && mode == "form" || self.url && mode == "url",
            },
            "sampling/createMessage" => self.sampling && (self.sampling_tools || !has("tools") && !has("toolChoice")),
            "roots/list" => self.roots,
            _ => false,
        })
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
    /// What is asked, each a JSON object.
    questions: Vec<&'a RawValue>,
    /// A string as it was written, to be given back with the answers.
    pub state: Option<&'a RawValue>,
}

impl<'a> InputRequired<'a> {
    /// Reads a result. `None` if its type is not `input_required`, and for one that neither asks nor has a
    /// state, or has a key twice: nobody could go on from there.
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
        let questions = requests.iter().flat_map(Object::values).collect();
        Some(Self { questions, state })
    }

    /// Whether a client can give all that it asks for ("Servers MUST NOT send an `inputRequests` that the
    /// client has not declared support for"), and bring its state back: up to 256 KiB.
    #[must_use]
    pub fn fits(&self, inputs: Inputs) -> bool {
        let takes = |question: &&RawValue| inputs.take(&Object::read("question", question).ok()?);
        let fits = self.questions.iter().all(|question| takes(question) == Some(true));
        fits && self.state.is_none_or(|state| state.get().len() <= MAX_STATE)
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
        let declared = |capabilities| inputs(capabilities).members().map(|(key, value)| format!("{key} {value}"));
        let all =
            r#"{"roots":{"listChanged":true},"sampling":{"tools":{ "x":1},"y":{}},"elicitation":{"url":{},"form":{}}}"#;
        assert_eq!(
            declared(all).collect::<Vec<_>>(),
            [r#"elicitation {"form":{},"url":{}}"#, r#"sampling {"tools":{}}"#, "roots {}"],
            "in the gateway's words"
        );
        assert_eq!(
            declared(r#"{"elicitation":{},"roots":null,"sampling":1}"#).collect::<Vec<_>>(),
            [r#"elicitation {"form":{}}"#]
        );
        let form = r#"{"elicitation":{"form":{}}}"#;
        let sampling = r#"{"sampling":{}}"#;
        for (capabilities, questions, fits) in [
            (form, r#"{"a":{"method":"elicitation/create","params":{}}}"#, true),
            (form, r#"{"a":{"method":"elicitation/create","params":{"mode":"form"}}}"#, true),
            (form, r#"{"a":{"method":"elicitation/create","params":{"mode":"url"}}}"#, false),
            (r#"{"elicitation":{"url":{}}}"#, r#"{"a":{"method":"elicitation/create"}}"#, false),
            (form, r#"{"a":{"method":"elicitation/create"},"b":{"method":"roots/list"}}"#, false),
            (form, r#"{"a":{"method":"sampling/createMessage"}}"#, false),
            (sampling, r#"{"a":{"method":"sampling/createMessage","params":{"messages":[]}}}"#, true),
            (sampling, r#"{"a":{"method":"sampling/createMessage","params":{"tools":[]}}}"#, false),
            (form, r#"{"a":{"method":"tools/call"}}"#, false),
            (form, r#"{"a":{}}"#, false),
            (form, r#"{"a":7}"#, false),
            ("{}", "{}", true),
        ] {
            let result = format!(r#"{{"resultType":"input_required","inputRequests":{questions}}}"#);
            assert_eq!(InputRequired::parse(raw(&result)).unwrap().fits(inputs(capabilities)), fits, "{questions}");
        }
        let state = "x".repeat(MAX_STATE);
        let result = format!(r#"{{"resultType":"input_required","requestState":"{state}"}}"#);
        assert!(!InputRequired::parse(raw(&result)).unwrap().fits(inputs("{}")), "it could not be brought back");
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
