//! Request bodies: JSON objects, with errors that name the field.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use connect::COMMENTED;
use jsonc_parser::{CollectOptions, parse_to_ast};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use wire::canonical::{CanonicalError, check_numbers};

use super::{asking::Asking, authorize::RequestLoad, objects::Objects};
use crate::{
    error::{Error, Kind, shown},
    limit::body::{self, LARGEST},
    service::Services,
};

/// The largest body of who has not said yet who they are, in bytes.
pub const SMALL: usize = 16 * 1024;

/// A JSON object of at most so many bytes, decoded. It counts at the budget of whoever the handler's other arguments found
/// out to be asking, else at the process's.
pub struct Body<T, const MOST: usize = LARGEST>(pub T);

impl<T: DeserializeOwned, const MOST: usize> FromRequest<Arc<Services>> for Body<T, MOST> {
    type Rejection = Error;

    async fn from_request(request: Request, services: &Arc<Services>) -> Result<Self, Error> {
        let bytes = take(request, services, MOST).await?;
        if let Ok(text) = std::str::from_utf8(&bytes)
            && let Err(error @ CanonicalError::Number { .. }) = check_numbers(text)
        {
            return Err(Error::new(Kind::Invalid, "invalid", format!("the body does not fit: {error}")));
        }
        decode(&bytes).map(Self)
    }
}

/// A JSON object as people write it in configuration files, decoded: there may be a byte order mark, comments, and commas
/// behind the last entry.
pub struct Commented<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Services>> for Commented<T> {
    type Rejection = Error;

    async fn from_request(request: Request, services: &Arc<Services>) -> Result<Self, Error> {
        let bytes = take(request, services, LARGEST).await?;
        match plain(&bytes) {
            Some(json) => decode(json.to_string().as_bytes()).map(Self),
            None => decode(&bytes).map(Self),
        }
    }
}

async fn take(request: Request, services: &Arc<Services>, most: usize) -> Result<Bytes, Error> {
    let taken = request.extensions().get::<RequestLoad>().cloned().unwrap_or_default();
    let load = taken.begin(|| services.budget.begin_unknown())?;
    let asking = Asking::of(request.extensions());
    let bytes = body::read(request.into_body(), most, load).await?;
    asking.has_body(&bytes);
    Ok(bytes)
}

/// The JSON in a text with comments; `None`: it is JSON as it is, or none at all.
fn plain(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() == bytes.len() && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return None;
    }
    // Nested at most 512 deep.
    parse_to_ast(text, &CollectOptions::default(), &COMMENTED).ok()?.value.map(Into::into)
}

/// The JSON object in a body.
///
/// # Errors
/// When it is not JSON, or does not fit: with the field.
pub(in crate::api) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // First whether it is JSON at all: a field is looked at before the rest of the text was read.
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| not_json(&error))?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(Objects(&mut reader))
        .map_err(|error| refused(&error.path().to_string(), error.inner()))
}

/// The error of a body that is not JSON.
pub(in crate::api) fn not_json(error: &serde_json::Error) -> Error {
    Error::bad_request(format!("the body is not JSON: {error}"))
}

/// What serde says of the place where it stopped, in the words of the API.
fn refused(path: &str, error: &serde_json::Error) -> Error {
    // Half of a surrogate pair is found only now.
    if error.classify() != serde_json::error::Category::Data {
        return not_json(error);
    }
    let text = error.to_string();
    // The place in the text helps nobody who is told the field.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let named = |what: &str| text.strip_prefix(what).and_then(|rest| rest.split('`').next());
    let within = |name: &str| if path == "." { name.to_owned() } else { format!("{path}.{name}") };
    if let Some(name) = named("missing field `") {
        return Error::invalid(within(name), "is missing");
    }
    if let Some(name) = named("duplicate field `") {
        return Error::invalid(within(name), "is there twice");
    }
    if text.contains(", expected struct ") {
        return match path {
            "." => Error::new(Kind::Invalid, "invalid", "the body must be an object"),
            path => Error::invalid(shown(path.as_bytes()), "must be an object"),
        };
    }
    let field = shown(path.as_bytes());
    if text.starts_with("unknown field `") {
        let known = text.rsplit_once("`, expected ").map(|(_, known)| format!("; there are: {known}"));
        return Error::invalid(field, format!("is not a field here{}", known.unwrap_or_default()));
    }
    let text = text
        .strip_prefix("invalid type: null, expected")
        .map_or(text.to_owned(), |expected| format!("cannot be null: expected{expected}"));
    Error::invalid(field, format!("does not fit: {text}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::error::FieldError;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only whether it can be read is of interest")]
    struct Outer {
        name: String,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only whether it can be read is of interest")]
    struct Inner {
        sizes: Vec<u8>,
    }

    fn refusal(json: &str) -> Option<(Kind, Option<String>, String)> {
        let error = decode::<Outer>(json.as_bytes()).err()?;
        let field = error.fields.into_iter().next().map(|FieldError { field, .. }| field);
        Some((error.kind, field, error.message.into_owned()))
    }

    #[test]
    fn the_field_that_does_not_fit_is_named() {
        assert_eq!(refusal(r#"{"name": "a", "inner": {"sizes": [1]}}"#), None);
        for (json, field, message) in [
            ("{}", "name", "`name` is missing"),
            (r#"{"name": null}"#, "name", "`name` does not fit: cannot be null: expected a string"),
            (r#"{"name": "a", "name": "b"}"#, "name", "`name` is there twice"),
            (r#"{"nam": "a"}"#, "nam", "`nam` is not a field here; there are: `name` or `inner`"),
            (r#"{"name": "a", "inner": []}"#, "inner", "`inner` must be an object"),
            (r#"{"name": "a", "inner": {}}"#, "inner.sizes", "`inner.sizes` is missing"),
            (r#"{"name": "a", "inner": {"x": 1}}"#, "inner.x", "`inner.x` is not a field here; there are: `sizes`"),
            (
                r#"{"name": "a", "inner": {"sizes": [1, 300]}}"#,
                "inner.sizes[1]",
                "`inner.sizes[1]` does not fit: invalid value: integer `300`, expected u8",
            ),
        ] {
            assert_eq!(refusal(json), Some((Kind::Invalid, Some(field.to_owned()), message.to_owned())), "{json}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused_and_what_is_no_json_cannot_be_read() {
        for json in ["[]", r#"["a", null]"#, "\"a\"", "1", "null", "true"] {
            let expected = (Kind::Invalid, None, "the body must be an object".to_owned());
            assert_eq!(refusal(json), Some(expected), "{json}");
        }
        for text in ["", "{", "[1", "{\"name\": \"a\"} {}", "{\"name\": \"a\",}", "nul"] {
            assert_eq!(refusal(text).map(|refusal| refusal.0), Some(Kind::BadRequest), "{text}");
        }
    }

    #[test]
    fn a_text_with_comments_is_read_and_one_that_is_no_json_otherwise_is_not() {
        let value = Some(serde_json::json!({"a": [1], "b": "// no comment"}));
        let text = "\u{feff}{\n // why\n \"a\": [1,], /* and */ \"b\": \"// no comment\",\n}\n";
        assert_eq!(plain(text.as_bytes()), value);
        for text in
            ["{\"a\": 1}", "{'a': 1}", "{a: 1}", "{\"a\": 1 \"b\": 2}", "{\"a\": +1} //", "{", "", "\u{feff}\u{feff}{}"]
        {
            assert_eq!(plain(text.as_bytes()), None, "{text}");
        }
        let deep = format!("{}//", "[".repeat(100_000));
        assert_eq!(plain(deep.as_bytes()), None);
    }

    #[test]
    fn a_name_that_is_told_is_short_and_has_no_control_characters() {
        let told = refusal(&format!(r#"{{"\u001b{}": 1}}"#, "x".repeat(5000)));
        let fits = |field: &String, message: &String| {
            field.len() < 100 && !field.contains('\u{1b}') && message.len() < 300 && !message.contains('\u{1b}')
        };
        assert!(told.is_some_and(|(_, field, message)| field.is_some_and(|field| fits(&field, &message))));
    }
}
