//! `initialize`, both sides (MCP lifecycle).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    error::RpcError,
    shape::{Object, ShapeError},
};

/// Who a peer says it is. A claim: good for a log and for hold times, not for rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implementation<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its version; the specification requires one, not every client sends it.
    pub version: Option<Cow<'a, str>>,
}

impl<'a> Implementation<'a> {
    pub(super) fn read(of: &Object<'a>, key: &str) -> Result<Option<Self>, ShapeError> {
        let Some(info) = of.object(key)? else {
            return Ok(None);
        };
        Ok(Some(Self { name: info.required_text("name")?, version: info.text("version")? }))
    }
}

/// What an agent's `initialize` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitializeParams<'a> {
    /// The revision it asks for; see [`Revision::negotiate`](super::Revision::negotiate).
    pub protocol_version: Cow<'a, str>,
    /// Who it is, if it says so.
    pub client_info: Option<Implementation<'a>>,
}

impl<'a> InitializeParams<'a> {
    /// Reads the `params` of a request.
    ///
    /// # Errors
    /// `INVALID_PARAMS` that names the member.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let params = params.ok_or_else(|| RpcError::invalid_params("params is missing"))?;
        let params = Object::read("params", params)?;
        Ok(Self {
            protocol_version: params.required_text("protocolVersion")?,
            client_info: Implementation::read(&params, "clientInfo")?,
        })
    }
}

/// What an upstream answers to `initialize`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitializeResult<'a> {
    /// The revision it speaks from here on.
    pub protocol_version: Cow<'a, str>,
    /// Who it is, if it says so.
    pub server_info: Option<Implementation<'a>>,
    /// It has tools: `capabilities.tools`.
    pub has_tools: bool,
    /// It tells when its list of tools changes: `capabilities.tools.listChanged`.
    pub tools_list_changed: bool,
}

impl<'a> InitializeResult<'a> {
    /// Reads the result of an `initialize` request. What a server says about itself may be of any type: some write `[]` for
    /// an object without members, and nothing here depends on it.
    ///
    /// # Errors
    /// Names the member that is missing or wrong.
    pub fn parse(result: &'a RawValue) -> Result<Self, ShapeError> {
        let result = Object::read("result", result)?;
        let capabilities = result.object("capabilities").ok().flatten();
        let tools = capabilities.as_ref().and_then(|capabilities| capabilities.some("tools"));
        let tools = tools.filter(|tools| tools.get() != "false");
        let changes = |tools| Object::read("tools", tools).is_ok_and(|tools| tools.flag("listChanged") == Some(true));
        Ok(Self {
            protocol_version: result.required_text("protocolVersion")?,
            server_info: Implementation::read(&result, "serverInfo").ok().flatten(),
            has_tools: tools.is_some(),
            tools_list_changed: tools.is_some_and(changes),
        })
    }
}

/// What an upstream says to agents beside its tools: `instructions` of the result of `initialize` or, in MCP
/// 2026-07-28, of `server/discover`. Anything but a text is none.
#[must_use]
pub fn instructions(result: &RawValue) -> Option<Cow<'_, str>> {
    Object::read("result", result).ok()?.text("instructions").ok()?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_agent_says_its_revision_and_who_it_is() {
        let params = raw(r#"{"protocolVersion":"2025-06-18","capabilities":{"x":{}},
                "clientInfo":{"name":"claude-code","version":"2.1","title":null}}"#);
        let params = InitializeParams::parse(Some(params)).unwrap();
        assert_eq!(params.protocol_version, "2025-06-18");
        let client = params.client_info.unwrap();
        assert_eq!((client.name.as_ref(), client.version.as_deref()), ("claude-code", Some("2.1")));
    }

    #[test]
    fn an_initialize_without_a_revision_is_refused() {
        for (params, message) in [
            (None, "params is missing"),
            (Some(raw("{}")), "params.protocolVersion is missing"),
            (Some(raw(r#"{"protocolVersion":2}"#)), "params.protocolVersion must be a string"),
            (Some(raw(r#"{"protocolVersion":"2025-06-18","clientInfo":{}}"#)), "params.clientInfo.name is missing"),
        ] {
            assert_eq!(InitializeParams::parse(params).unwrap_err().message, message);
        }
    }

    #[test]
    fn an_upstream_says_whether_it_has_tools_and_tells_of_changes() {
        for (capabilities, expected) in [
            (r#"{"tools":{"listChanged":true}}"#, (true, true)),
            (r#"{"tools":{"listChanged":false}}"#, (true, false)),
            (r#"{"tools":{}}"#, (true, false)),
            (r#"{"prompts":{"listChanged":true}}"#, (false, false)),
            ("null", (false, false)),
            ("[]", (false, false)),
            ("true", (false, false)),
            (r#"{"tools":[]}"#, (true, false)),
            (r#"{"tools":true}"#, (true, false)),
            (r#"{"tools":{"listChanged":"yes"}}"#, (true, false)),
        ] {
            let result = format!(
                r#"{{"protocolVersion":"2025-11-25","serverInfo":{{"name":"s","version":"1"}},
                    "capabilities":{capabilities}}}"#
            );
            let result = InitializeResult::parse(raw(&result)).unwrap();
            assert_eq!((result.has_tools, result.tools_list_changed), expected);
            assert_eq!(result.protocol_version, "2025-11-25");
            assert_eq!(result.server_info.unwrap().name, "s");
        }
    }

    #[test]
    fn instructions_are_a_text_or_none() {
        let read = |json: &'static str| instructions(raw(json)).map(Cow::into_owned);
        assert_eq!(read(r#"{"instructions":"a\u0000b\n"}"#).as_deref(), Some("a\0b\n"));
        for none in
            ["{}", "[]", r#"{"instructions":null}"#, r#"{"instructions":["a"]}"#, r#"{"instructions":"\ud800"}"#]
        {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn an_upstream_without_a_revision_is_not_understood() {
        let error = InitializeResult::parse(raw(r#"{"capabilities":{}}"#)).unwrap_err();
        assert_eq!(error.to_string(), "result.protocolVersion is missing");
        let odd = InitializeResult::parse(raw(r#"{"protocolVersion":"2025-11-25","serverInfo":{"name":5}}"#)).unwrap();
        assert_eq!(odd.server_info, None);
        let error = InitializeResult::parse(raw("[]")).unwrap_err();
        assert_eq!(error.to_string(), "result must be an object");
    }
}
