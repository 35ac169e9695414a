//! `tools/list`, both sides, and the one thing looked at in a call's result.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    error::RpcError,
    json::{members, unquote},
    shape::{Object, ShapeError},
};

/// The parameters of a list request (MCP, utilities/pagination).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListParams<'a> {
    /// Where to go on; nothing for the first page.
    pub cursor: Option<Cow<'a, str>>,
}

impl<'a> ListParams<'a> {
    /// Reads the `params` of a request; none are needed.
    ///
    /// # Errors
    /// `INVALID_PARAMS` that names the member.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let Some(params) = params else {
            return Ok(Self::default());
        };
        let cursor = Object::read("params", params)?.text("cursor")?;
        Ok(Self { cursor })
    }
}

/// One page of an upstream's tools.
#[derive(Debug, Clone)]
pub struct ListToolsResult<'a> {
    /// The definitions as they stand, in order; read each with
    /// [`ToolDefinition`](crate::definition::ToolDefinition).
    pub tools: Vec<&'a RawValue>,
    /// To be sent for the next page; opaque, possibly empty.
    pub next_cursor: Option<Cow<'a, str>>,
}

impl<'a> ListToolsResult<'a> {
    /// Reads the result of a `tools/list` request; `null` for its tools is none. Bounds on pages and tools are the
    /// caller's.
    ///
    /// # Errors
    /// Names the member that is missing or wrong.
    pub fn parse(result: &'a RawValue) -> Result<Self, ShapeError> {
        let result = Object::read("result", result)?;
        let tools = result.get("tools").ok_or_else(|| result.missing("tools"))?;
        let tools = serde_json::from_str::<Option<_>>(tools.get());
        Ok(Self {
            tools: tools.map_err(|_| result.wrong("tools", "an array"))?.unwrap_or_default(),
            next_cursor: result.text("nextCursor")?,
        })
    }
}

/// Whether a call's result says that the call failed: a top-level `isError` that is
/// `true` (MCP, server/tools, "Error Handling"). Where it stands there twice, one
/// `true` is enough.
#[must_use]
pub fn is_error(result: &RawValue) -> bool {
    let is_error = |(key, value): (&RawValue, &RawValue)| {
        value.get() == "true" && unquote(key.get()).is_ok_and(|key| key == "isError")
    };
    members(result.get()).is_ok_and(|members| members.into_iter().any(is_error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_cursor_is_optional() {
        let cursor = |json| ListParams::parse(Some(raw(json))).map(|params| params.cursor);
        assert_eq!(ListParams::parse(None).unwrap(), ListParams::default());
        assert_eq!(cursor("{}").unwrap(), None);
        assert_eq!(cursor(r#"{"cursor":"\u0061b"}"#).unwrap().as_deref(), Some("ab"));
        let error = cursor(r#"{"cursor":1}"#).unwrap_err();
        assert_eq!(error.message, "params.cursor must be a string");
    }

    #[test]
    fn a_page_of_tools_is_kept_as_written() {
        let page = raw(r#"{"tools":[ {"name":"a","x":1.0} ,{"name":"b"}],"nextCursor":"2"}"#);
        let page = ListToolsResult::parse(page).unwrap();
        let tools: Vec<_> = page.tools.iter().map(|tool| tool.get()).collect();
        assert_eq!(tools, [r#"{"name":"a","x":1.0}"#, r#"{"name":"b"}"#]);
        assert_eq!(page.next_cursor.as_deref(), Some("2"));
        let last = ListToolsResult::parse(raw(r#"{"tools":[],"nextCursor":null}"#)).unwrap();
        assert!(last.tools.is_empty() && last.next_cursor.is_none());
        assert!(ListToolsResult::parse(raw(r#"{"tools":null}"#)).unwrap().tools.is_empty());
    }

    #[test]
    fn a_page_without_tools_is_not_understood() {
        for (page, message) in [
            ("{}", "result.tools is missing"),
            (r#"{"tools":{}}"#, "result.tools must be an array"),
            (r#"{"tools":[],"nextCursor":1}"#, "result.nextCursor must be a string"),
        ] {
            let error = ListToolsResult::parse(raw(page)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn only_a_top_level_is_error_counts() {
        for (result, expected) in [
            (r#"{"content":[],"isError":true}"#, true),
            (r#"{"is\u0045rror":true}"#, true),
            (r#"{"isError":false,"isError":true}"#, true),
            (r#"{"isError":false}"#, false),
            (r#"{"isError":"true"}"#, false),
            (r#"{"structuredContent":{"isError":true}}"#, false),
            (r#"{"content":["\"isError\":true"]}"#, false),
            (r#"[true]"#, false),
        ] {
            assert_eq!(is_error(raw(result)), expected, "{result}");
        }
    }
}
