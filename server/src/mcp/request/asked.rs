//! The id of a request that is refused before it is read. JSON-RPC requires it in the answer, and many clients drop an
//! answer without it and never show its message.

use std::fmt;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::limit::body;

/// The longest id that is sent back, in bytes.
const LONGEST: usize = 256;

/// The first bytes of a body that is refused unread. Little is read, because the sender may be anybody, and nothing if
/// the client sends its body only on request (`Expect`).
pub(in crate::mcp) async fn beginning(headers: &HeaderMap, body: Body) -> Bytes {
    match headers.contains_key(header::EXPECT) {
        true => Bytes::new(),
        false => body::beginning(body).await.freeze(),
    }
}

/// The id of the request in a body, or in the beginning of one.
pub(in crate::mcp) fn id_in(body: &[u8]) -> Option<&RawValue> {
    read(body)?.id
}

/// Whether a body is a request that opens a session.
pub(in crate::mcp) fn begins_session(body: &[u8]) -> bool {
    read(body).is_some_and(|seen| seen.id.is_some() && seen.method.as_deref() == Some("initialize"))
}

/// The parts of a request that were read.
#[derive(Default)]
struct Seen<'de> {
    id: Option<&'de RawValue>,
    method: Option<String>,
}

/// `None` if it is not a request, as far as it was read.
fn read(body: &[u8]) -> Option<Seen<'_>> {
    let mut seen = Seen::default();
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let mut reader = serde_json::Deserializer::from_slice(body);
    let is_request = match (&mut seen).deserialize(&mut reader).and_then(|()| reader.end()) {
        Ok(()) => seen.method.is_some(),
        Err(error) => error.is_eof(),
    };
    let is_id = |id: &&RawValue| {
        let first = id.get().as_bytes().first();
        id.get().len() <= LONGEST && first.is_some_and(|first| matches!(first, b'"' | b'-' | b'0'..=b'9'))
    };
    seen.id = seen.id.filter(is_id);
    is_request.then_some(seen)
}

impl<'de> DeserializeSeed<'de> for &mut Seen<'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Seen<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        // A number may continue after the beginning: it is complete only if something follows it.
        let mut id = None;
        while let Some(name) = members.next_key::<String>()? {
            self.id = id;
            match name.as_str() {
                "id" if id.is_some() => return Err(serde::de::Error::duplicate_field("id")),
                "id" => id = Some(members.next_value()?),
                "method" => self.method = Some(members.next_value()?),
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        self.id = id;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(body: &str) -> Option<&str> {
        id_in(body.as_bytes()).map(RawValue::get)
    }

    #[test]
    fn the_id_of_a_request_is_found_wherever_it_stands() {
        assert_eq!(id(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#), Some("7"));
        assert_eq!(id(r#" {"method":"ping","params":{"id":1},"id":"a\u0041"} "#), Some(r#""a\u0041""#));
        assert_eq!(id(r#"{"id":9007199254740993,"method":"ping"}"#), Some("9007199254740993"));
        assert_eq!(id("\u{feff}{\"id\":8,\"method\":\"ping\"}"), Some("8"));
    }

    #[test]
    fn the_beginning_of_a_request_is_enough_where_the_id_is_whole() {
        let whole = r#"{"jsonrpc":"2.0","id":1234,"method":"tools/call","params":{"name":"a"}}"#;
        for end in 0..whole.len() {
            let found = id(&whole[..end]);
            assert!(found.is_none_or(|id| id == "1234"), "{found:?} in {}", &whole[..end]);
        }
        assert_eq!(id(&whole[..40]), Some("1234"));
    }

    #[test]
    fn what_is_no_request_has_no_id() {
        let long = format!(r#"{{"id":"{}","method":"ping"}}"#, "x".repeat(300));
        for body in [
            "",
            "id",
            "[1]",
            r#"[{"id":1,"method":"ping"}]"#,
            r#"{"id":1}"#,
            r#"{"id":1,"result":{}}"#,
            r#"{"id":null,"method":"ping"}"#,
            r#"{"id":{"a":1},"method":"ping"}"#,
            r#"{"id":true,"method":"ping"}"#,
            r#"{"id":1,"method":"ping","id":2}"#,
            r#"{"id":1,"method":"ping"} x"#,
            r#"{"id":1,"method":7}"#,
            r#"{"id":1,]"#,
            &long,
        ] {
            assert_eq!(id(body), None, "{body}");
        }
    }

    #[test]
    fn only_initialize_begins_a_session() {
        assert!(begins_session(br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#));
        assert!(!begins_session(br#"{"jsonrpc":"2.0","method":"initialize"}"#));
        assert!(!begins_session(br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"method":"initialize"}}"#));
    }
}
