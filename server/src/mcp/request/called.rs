//! The tool that a refused request calls, for its record. `None`: it calls none. [`NOT_READ`]: it cannot be known.

use api_types::NOT_READ;
use axum::http::HeaderMap;
use serde_json::value::RawValue;
use wire::{
    envelope::{Incoming, Message, parse},
    error::RpcError,
    mcp::mirrored_name,
};

use super::era;

const CALL: &str = "tools/call";

/// Of a request whose body was not read, by its headers: in 2026-07-28 the client states method and name there.
pub(in crate::mcp) fn by_head(headers: &HeaderMap) -> Option<String> {
    match era::said(headers) {
        (Some(method), _) if method != CALL => None,
        (Some(_), Some(name)) => Some(name),
        _ => Some(NOT_READ.to_owned()),
    }
}

/// Of a body.
pub(in crate::mcp) fn by_body(body: &[u8]) -> Option<String> {
    match parse(body) {
        Ok(Incoming::Single(message)) => by_message(&message),
        Ok(Incoming::Batch(entries)) => by_entries(&entries),
        Err(_) => Some(NOT_READ.to_owned()),
    }
}

/// Of the entries of a batch that is refused as a whole: all names, in order, separated by commas.
pub(in crate::mcp) fn by_entries(entries: &[Result<Message<'_>, RpcError>]) -> Option<String> {
    let names: Vec<String> = entries.iter().filter_map(by_entry).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Of an entry of a batch.
pub(in crate::mcp) fn by_entry(entry: &Result<Message<'_>, RpcError>) -> Option<String> {
    match entry {
        Ok(message) => by_message(message),
        Err(_) => Some(NOT_READ.to_owned()),
    }
}

/// Of a message.
pub(in crate::mcp) fn by_message(message: &Message<'_>) -> Option<String> {
    match message {
        Message::Request { method, params, .. } | Message::Notification { method, params } => {
            by_method(method, *params)
        }
        Message::Response { .. } => None,
    }
}

/// Of a request with this method.
pub(in crate::mcp) fn by_method(method: &str, params: Option<&RawValue>) -> Option<String> {
    if method != CALL {
        return None;
    }
    let name = mirrored_name(method, params).ok().flatten();
    Some(name.map_or_else(|| NOT_READ.to_owned(), Into::into))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn head(headers: &[(&'static str, &'static str)]) -> Option<String> {
        let headers = headers
            .iter()
            .map(|(name, value)| (axum::http::HeaderName::from_static(name), HeaderValue::from_static(value)));
        by_head(&headers.collect())
    }

    #[test]
    fn a_head_says_what_is_called_or_that_it_does_not_say() {
        assert_eq!(head(&[("mcp-method", "tools/call"), ("mcp-name", "pay")]).as_deref(), Some("pay"));
        assert_eq!(head(&[("mcp-method", "tools/list")]), None);
        assert_eq!(head(&[("mcp-method", "tools/call")]).as_deref(), Some(NOT_READ));
        assert_eq!(head(&[]).as_deref(), Some(NOT_READ));
    }

    #[test]
    fn a_body_says_what_is_called() {
        let of = |body: &str| by_body(body.as_bytes());
        let call = |name: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name},"arguments":{{}}}}}}"#)
        };
        assert_eq!(of(&call(r#""pay""#)).as_deref(), Some("pay"));
        assert_eq!(of(&call("1")).as_deref(), Some(NOT_READ));
        assert_eq!(of(&format!("[{},{}]", call(r#""pay""#), call(r#""close""#))).as_deref(), Some("pay, close"));
        assert_eq!(of(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#), None);
        assert_eq!(of("{").as_deref(), Some(NOT_READ));
    }
}
