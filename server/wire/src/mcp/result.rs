//! Results as MCP 2026-07-28 wants them: which kind one is, and what the gateway adds to
//! a result of an upstream on its way to the agent.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    json::{member, unquote, with_appended, with_replaced},
    shape::Object,
};

const TYPE_KEY: &str = "resultType";
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// The kind of a result: a top-level `resultType` that is a string and stands there once
/// (MCP 2026-07-28, basic, "Responses"). `None` in earlier revisions, which means
/// `complete`.
#[must_use]
pub fn result_type(result: &RawValue) -> Option<Cow<'_, str>> {
    let value = member(result, TYPE_KEY).ok().flatten()?;
    unquote(value.get()).ok()
}

/// A result as a client of MCP 2026-07-28 may read it: with a `resultType`, which is
/// `complete` where there was none, and with `server_info` (JSON) as what `_meta` says of
/// the server: the agent talks to the gateway, whatever stands behind it.
///
/// `null` counts as absent for both. Every other byte is kept. What is no object or has
/// a key twice is returned as it is, and a `_meta` that is no object stays one.
#[must_use]
pub fn with_protocol(result: &RawValue, server_info: &RawValue) -> Box<RawValue> {
    let typed = with_type(result);
    let signed = typed.as_deref().and_then(|result| with_server(result, server_info));
    signed.or(typed).unwrap_or_else(|| result.to_owned())
}

/// A result that stands in another, as that of a task does: with a `resultType` as in [`with_protocol`], and
/// nothing else changed.
#[must_use]
pub fn with_result_type(result: &RawValue) -> Box<RawValue> {
    with_type(result).unwrap_or_else(|| result.to_owned())
}

/// `None` for what must be left alone.
fn with_type(result: &RawValue) -> Option<Box<RawValue>> {
    let object = Object::read("result", result).ok()?;
    Some(match object.get(TYPE_KEY) {
        Some(null) if null.get() == "null" => with_replaced(result, null, "\"complete\""),
        Some(_) => result.to_owned(),
        None => with_appended(result, TYPE_KEY, "\"complete\""),
    })
}

/// An object with this member of its `_meta` set to `value` (JSON), and every other byte kept. What is no
/// object, or has a key twice, or a `_meta` that is no object, is returned as it is.
#[must_use]
pub fn with_meta(object: &RawValue, key: &str, value: &str) -> Box<RawValue> {
    meta_set(object, key, value).unwrap_or_else(|| object.to_owned())
}

fn with_server(result: &RawValue, server_info: &RawValue) -> Option<Box<RawValue>> {
    meta_set(result, SERVER_KEY, server_info.get())
}

/// `None` for what must be left alone.
fn meta_set(result: &RawValue, key: &str, value: &str) -> Option<Box<RawValue>> {
    let alone = || format!("{{\"{key}\":{value}}}");
    let object = Object::read("result", result).ok()?;
    let Some(meta) = object.get("_meta") else {
        return Some(with_appended(result, "_meta", &alone()));
    };
    if meta.get() == "null" {
        return Some(with_replaced(result, meta, &alone()));
    }
    let members = Object::read("result._meta", meta).ok()?;
    let set = match members.get(key) {
        Some(theirs) => with_replaced(meta, theirs, value),
        None => with_appended(meta, key, value),
    };
    Some(with_replaced(result, meta, set.get()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_missing_is_added_and_no_other_byte_changes() {
        let server = raw(r#"{"name":"permesso"}"#);
        let mine = r#""io.modelcontextprotocol/serverInfo":{"name":"permesso"}"#;
        for (result, expected) in [
            ("{}", format!(r#"{{"resultType":"complete","_meta":{{{mine}}}}}"#)),
            ("{ \n}", format!("{{ \n\"resultType\":\"complete\",\"_meta\":{{{mine}}}}}")),
            (
                r#"{ "content" : [ 1.0e2 ], "_meta":{ "a":"\u0061" } , "x":{"resultType":1}}"#,
                format!(
                    r#"{{ "content" : [ 1.0e2 ], "_meta":{{ "a":"\u0061" ,{mine}}} , "x":{{"resultType":1}},"resultType":"complete"}}"#
                ),
            ),
            (
                r#"{"r\u0065sultType":"task","_meta":{"io.modelcontextprotocol\/serverInfo":{"name":"theirs"},"b":1}}"#,
                r#"{"r\u0065sultType":"task","_meta":{"io.modelcontextprotocol\/serverInfo":{"name":"permesso"},"b":1}}"#.to_owned(),
            ),
            (
                r#"{"resultType":null,"_meta":null,"a":"}"}"#,
                format!(r#"{{"resultType":"complete","_meta":{{{mine}}},"a":"}}"}}"#),
            ),
            (r#"{"_meta":[1]}"#, r#"{"_meta":[1],"resultType":"complete"}"#.to_owned()),
            (
                r#"{"resultType":"complete","_meta":{"a":1,"a":2}}"#,
                r#"{"resultType":"complete","_meta":{"a":1,"a":2}}"#.to_owned(),
            ),
        ] {
            assert_eq!(with_protocol(raw(result), server).get(), expected, "{result}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_left_alone() {
        for result in ["[]", "null", "\"{}\"", r#"{"a":1,"a":2}"#, r#"{"resultType":"task","result\u0054ype":"x"}"#] {
            assert_eq!(with_protocol(raw(result), raw("{}")).get(), result);
        }
    }

    #[test]
    fn only_a_top_level_type_that_stands_there_once_counts() {
        for (result, expected) in [
            (r#"{"resultType":"task"}"#, Some("task")),
            (r#"{"a":1,"a":2,"result\u0054ype":"input_required"}"#, Some("input_required")),
            (r#"{"resultType":"task","resultType":"complete"}"#, None),
            (r#"{"resultType":7}"#, None),
            (r#"{"structuredContent":{"resultType":"task"}}"#, None),
            ("[]", None),
        ] {
            assert_eq!(result_type(raw(result)).as_deref(), expected, "{result}");
        }
    }
}
