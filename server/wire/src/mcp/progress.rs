//! `notifications/progress`, both ways (MCP, patterns/progress).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    envelope::notification_bytes,
    json::{push_string, spliced},
    shape::{Object, ShapeError},
};

/// How far a request has come.
#[derive(Debug, Clone)]
pub struct Progress<'a> {
    /// Of which request: the token it was sent with, a string or a number as it stands.
    pub token: &'a RawValue,
    /// A number as it stands; a sender must let it rise.
    pub progress: &'a RawValue,
    /// How much it will be, if that is known: a number as it stands.
    pub total: Option<&'a RawValue>,
    /// For people. Not bounded here.
    pub message: Option<Cow<'a, str>>,
}

impl<'a> Progress<'a> {
    /// Reads the `params` of a notification.
    ///
    /// # Errors
    /// Names the member that is missing or wrong.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, ShapeError> {
        let params = params.ok_or_else(|| ShapeError::Missing { place: "params".to_owned() })?;
        let params = Object::read("params", params)?;
        let token = params.some("progressToken").ok_or_else(|| params.missing("progressToken"))?;
        if !token.get().starts_with('"') && !is_number(token) {
            return Err(params.wrong("progressToken", "a string or a number"));
        }
        let number = |key| match params.some(key) {
            Some(value) if !is_number(value) => Err(params.wrong(key, "a number")),
            value => Ok(value),
        };
        let progress = number("progress")?.ok_or_else(|| params.missing("progress"))?;
        Ok(Self { token, progress, total: number("total")?, message: params.text("message")? })
    }
}

fn is_number(raw: &RawValue) -> bool {
    raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// A notification about the request that was sent with `token`. `progress` must be finite
/// and more than in the notification before; a `total` that is not finite is left out.
#[must_use]
pub fn progress_notification(token: &RawValue, progress: f64, total: Option<f64>, message: Option<&str>) -> Vec<u8> {
    // JSON has no other numbers; zero is what the request started with.
    let progress = if progress.is_finite() { progress } else { 0.0 };
    let mut params = format!("{{\"progressToken\":{},\"progress\":{progress}", token.get());
    if let Some(total) = total.filter(|total| total.is_finite()) {
        params.push_str(&format!(",\"total\":{total}"));
    }
    if let Some(message) = message {
        params.push_str(",\"message\":");
        push_string(message, &mut params);
    }
    params.push('}');
    notification_bytes("notifications/progress", Some(&spliced(params)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::envelope::{Incoming, Message, parse};

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_sent_is_read_again() {
        let bytes = progress_notification(raw("\"t\\u0061\""), 2.5, Some(1e21), Some("a\nb"));
        let Ok(Incoming::Single(Message::Notification { method, params })) = parse(&bytes) else {
            panic!("not a notification");
        };
        assert_eq!(method, "notifications/progress");
        let read = Progress::parse(params).unwrap();
        assert_eq!((read.token.get(), read.progress.get()), ("\"t\\u0061\"", "2.5"));
        assert_eq!(read.total.unwrap().get().parse(), Ok(1e21));
        assert_eq!(read.message.as_deref(), Some("a\nb"));
    }

    #[test]
    fn a_number_that_json_does_not_have_is_never_written() {
        let text = |progress, total| String::from_utf8(progress_notification(raw("1"), progress, total, None)).unwrap();
        let whole = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":3}}"#;
        assert_eq!(text(3.0, Some(f64::INFINITY)), whole);
        assert_eq!(text(f64::NAN, None), whole.replace("\"progress\":3", "\"progress\":0"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(Progress::parse(None).unwrap_err().to_string(), "params is missing");
        for (params, message) in [
            ("{}", "params.progressToken is missing"),
            (r#"{"progressToken":true,"progress":1}"#, "params.progressToken must be a string or a number"),
            (r#"{"progressToken":1}"#, "params.progress is missing"),
            (r#"{"progressToken":1,"progress":"1"}"#, "params.progress must be a number"),
            (r#"{"progressToken":1,"progress":1,"total":[]}"#, "params.total must be a number"),
            (r#"{"progressToken":1,"progress":1,"message":1}"#, "params.message must be a string"),
        ] {
            assert_eq!(Progress::parse(Some(raw(params))).unwrap_err().to_string(), message);
        }
        let bare = Progress::parse(Some(raw(r#"{"progressToken":1,"progress":-1e2,"total":null}"#))).unwrap();
        assert!(bare.total.is_none() && bare.message.is_none());
    }
}
