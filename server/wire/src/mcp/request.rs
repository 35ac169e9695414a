//! What a request of MCP 2026-07-28 says of itself, read and written: the protocol's
//! members of `params._meta`, and the value that the header `Mcp-Name` mirrors.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{Implementation, Revision, input::Inputs};
use crate::{
    error::RpcError,
    json::{self, member, push_string, spliced, with_appended, with_replaced},
    shape::{Object, ShapeError},
};

/// The extension by which a request says that its answer may be a task (MCP tasks,
/// "Extension Identifier").
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_KEY: &str = "io.modelcontextprotocol/clientInfo";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";

/// The protocol's own members of a request's `_meta` (MCP 2026-07-28, basic,
/// "Per-request protocol fields").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestMeta<'a> {
    /// The revision it is written in, as it is named; not necessarily one that is spoken.
    pub protocol_version: Cow<'a, str>,
    /// Who sends it, if it says so.
    pub client: Option<Implementation<'a>>,
    /// It declares [`TASKS_EXTENSION`].
    pub tasks: bool,
    /// What its sender can be asked for.
    pub inputs: Inputs,
}

impl<'a> RequestMeta<'a> {
    /// Reads the `params` of a request. `None` is a request of an earlier revision: it
    /// names no protocol version.
    ///
    /// # Errors
    /// `INVALID_PARAMS` that names the member: `_meta` or the version stands there twice;
    /// and where there is a version, anything else in these members that is missing or of
    /// the wrong type.
    pub fn read(params: Option<&'a RawValue>) -> Result<Option<Self>, RpcError> {
        let Some(meta) = params.map(|params| only("params", params, "_meta")).transpose()?.flatten() else {
            return Ok(None);
        };
        match only("params._meta", meta, VERSION_KEY)? {
            Some(_) => Ok(Some(Self::modern(&Object::read("params._meta", meta)?)?)),
            None => Ok(None),
        }
    }

    fn modern(meta: &Object<'a>) -> Result<Self, ShapeError> {
        let protocol_version = meta.required_text(VERSION_KEY)?;
        let client = Implementation::read(meta, CLIENT_KEY)?;
        let capabilities = meta.object(CAPABILITIES_KEY)?;
        let capabilities = capabilities.ok_or_else(|| meta.missing(CAPABILITIES_KEY))?;
        let extensions = capabilities.object("extensions")?;
        let tasks = extensions.and_then(|extensions| extensions.get(TASKS_EXTENSION));
        let tasks = tasks.is_some_and(|settings| settings.get().starts_with('{'));
        Ok(Self { protocol_version, client, tasks, inputs: Inputs::read(&capabilities) })
    }
}

/// The member of `object`, if that is an object and has it. Whatever else is wrong with
/// it is for those to say who read it whole.
fn only<'a>(place: &str, object: &'a RawValue, key: &str) -> Result<Option<&'a RawValue>, ShapeError> {
    match member(object, key) {
        Ok(value) => Ok(value),
        Err(json::Error::DuplicateKey(key)) => Err(ShapeError::DuplicateKey { place: place.to_owned(), key }),
        Err(_) => Ok(None),
    }
}

/// What a request of ours says of itself to an upstream of MCP 2026-07-28.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestFields<'a> {
    /// The revision it is written in.
    pub protocol_version: Revision,
    /// Which version of the gateway sends it.
    pub client_version: &'a str,
    /// It declares [`TASKS_EXTENSION`]: the answer may be a task.
    pub tasks: bool,
    /// The answer may ask for these.
    pub inputs: Inputs,
}

impl RequestFields<'_> {
    /// The members of `_meta`: keys, and values as JSON.
    fn members(&self) -> [(&'static str, String); 3] {
        let mut client = "{\"name\":\"permesso\",\"version\":".to_owned();
        push_string(self.client_version, &mut client);
        client.push('}');
        let tasks = self.tasks.then(|| ("extensions", format!("{{\"{TASKS_EXTENSION}\":{{}}}}")));
        let declared: Vec<_> =
            self.inputs.members().chain(tasks).map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let capabilities = format!("{{{}}}", declared.join(","));
        let version = format!("\"{}\"", self.protocol_version);
        [(VERSION_KEY, version), (CLIENT_KEY, client), (CAPABILITIES_KEY, capabilities)]
    }
}

/// The `params` of a request of ours, `{}` where there were none, with what `meta` says
/// at the end of their `_meta`. Every other byte is kept; of the same keys, ours count.
///
/// The params must be an object and their `_meta` one too if there is any, each without
/// a key twice, as the gateway writes them: anything else is returned as it is.
#[must_use]
pub fn with_request_meta(params: Option<&RawValue>, meta: &RequestFields<'_>) -> Box<RawValue> {
    let empty = spliced("{}".to_owned());
    let params = params.unwrap_or(&empty);
    extended(params, meta).unwrap_or_else(|| params.to_owned())
}

fn extended(params: &RawValue, fields: &RequestFields<'_>) -> Option<Box<RawValue>> {
    let theirs = Object::read("params", params).ok()?.get("_meta");
    let mut meta = theirs.map_or_else(|| spliced("{}".to_owned()), ToOwned::to_owned);
    for (key, value) in fields.members() {
        meta = match Object::read("params._meta", &meta).ok()?.get(key) {
            Some(theirs) => with_replaced(&meta, theirs, &value),
            None => with_appended(&meta, key, &value),
        };
    }
    Some(match theirs {
        Some(theirs) => with_replaced(params, theirs, meta.get()),
        None => with_appended(params, "_meta", meta.get()),
    })
}

/// What the header `Mcp-Name` mirrors of a request; `None` for a method that has none.
/// (MCP 2026-07-28, Streamable HTTP, "Standard Request Headers"; MCP tasks, "Routing
/// Headers".)
///
/// # Errors
/// `INVALID_PARAMS` that names the member: it is missing, not a string or stands there
/// twice.
pub fn mirrored_name<'a>(method: &str, params: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, RpcError> {
    let key = match method {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        "tasks/get" | "tasks/update" | "tasks/cancel" => "taskId",
        _ => return Ok(None),
    };
    let params = params.ok_or_else(|| RpcError::invalid_params(format!("params.{key} is missing")))?;
    Ok(Some(Object::read("params", params)?.required_text(key)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::error::INVALID_PARAMS;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    fn meta(members: &str) -> String {
        format!(r#"{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28"{members}}}}}"#)
    }

    fn refusal(params: &str) -> String {
        let error = RequestMeta::read(Some(raw(params))).unwrap_err();
        assert_eq!(error.code, INVALID_PARAMS);
        error.message.into_owned()
    }

    #[test]
    fn a_request_says_its_revision_its_client_and_whether_it_takes_tasks() {
        let params = meta(
            r#","io.modelcontextprotocol/clientInfo":{"name":"codex","version":"1"},
            "io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol\/tasks":{}}}"#,
        );
        let read = RequestMeta::read(Some(raw(&params))).unwrap().unwrap();
        assert_eq!(read.protocol_version, "2026-07-28");
        assert_eq!(read.client.unwrap().name, "codex");
        assert!(read.tasks);
        for capabilities in ["{}", r#"{"extensions":{}}"#, r#"{"extensions":{"io.modelcontextprotocol/tasks":true}}"#] {
            let params = meta(&format!(r#","io.modelcontextprotocol/clientCapabilities":{capabilities}"#));
            let read = RequestMeta::read(Some(raw(&params))).unwrap().unwrap();
            assert!(!read.tasks && read.client.is_none());
        }
    }

    #[test]
    fn a_request_of_an_earlier_revision_says_nothing_and_is_not_judged() {
        assert_eq!(RequestMeta::read(None).unwrap(), None);
        for params in [
            "[]",
            "{}",
            r#"{"_meta":null}"#,
            r#"{"_meta":7}"#,
            r#"{"_meta":{"progressToken":1,"progressToken":2}}"#,
            r#"{"name":"a","name":"b","\ud800":1}"#,
            r#"{"_meta":{"io.modelcontextprotocol/clientCapabilities":1}}"#,
            r#"{"arguments":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
        ] {
            assert_eq!(RequestMeta::read(Some(raw(params))).unwrap(), None, "{params}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let version = r#""io.modelcontextprotocol/protocolVersion""#;
        for (params, message) in [
            (r#"{"_meta":{},"_m\u0065ta":{}}"#.to_owned(), r#"params has the key "_meta" twice"#.to_owned()),
            (
                format!(r#"{{"_meta":{{{version}:"a",{version}:"b"}}}}"#),
                format!("params._meta has the key {version} twice"),
            ),
            (
                format!(r#"{{"_meta":{{{version}:2}}}}"#),
                "params._meta.io.modelcontextprotocol/protocolVersion must be a string".to_owned(),
            ),
            (meta(""), "params._meta.io.modelcontextprotocol/clientCapabilities is missing".to_owned()),
            (
                meta(r#","io.modelcontextprotocol/clientCapabilities":[]"#),
                "params._meta.io.modelcontextprotocol/clientCapabilities must be an object".to_owned(),
            ),
            (
                meta(r#","io.modelcontextprotocol/clientInfo":{}"#),
                "params._meta.io.modelcontextprotocol/clientInfo.name is missing".to_owned(),
            ),
            (meta(r#","x":1,"x":2"#), r#"params._meta has the key "x" twice"#.to_owned()),
        ] {
            assert_eq!(refusal(&params), message, "{params}");
        }
    }

    #[test]
    fn the_name_is_mirrored_of_what_the_method_is_about() {
        let params = raw(r#"{"name":"n\u00e9","uri":"file:///u","taskId":"t"}"#);
        for (method, expected) in [
            ("tools/call", Some("né")),
            ("prompts/get", Some("né")),
            ("resources/read", Some("file:///u")),
            ("tasks/get", Some("t")),
            ("tasks/update", Some("t")),
            ("tasks/cancel", Some("t")),
            ("tools/list", None),
        ] {
            assert_eq!(mirrored_name(method, Some(params)).unwrap().as_deref(), expected, "{method}");
        }
        assert_eq!(mirrored_name("server/discover", None).unwrap(), None);
    }

    #[test]
    fn a_name_that_cannot_be_mirrored_is_refused() {
        let refusal = |params| mirrored_name("tasks/get", params).unwrap_err().message;
        assert_eq!(refusal(None), "params.taskId is missing");
        assert_eq!(refusal(Some(raw("{}"))), "params.taskId is missing");
        assert_eq!(refusal(Some(raw(r#"{"taskId":1}"#))), "params.taskId must be a string");
        let twice = raw(r#"{"taskId":"a","task\u0049d":"b"}"#);
        assert_eq!(refusal(Some(twice)), r#"params has the key "taskId" twice"#);
    }

    #[test]
    fn a_request_of_ours_says_who_sends_it_and_keeps_what_it_had() {
        let (protocol_version, inputs) = (Revision::V2026_07_28, Inputs::default());
        let fields = |tasks| RequestFields { protocol_version, client_version: "0\"1", tasks, inputs };
        let said = concat!(
            r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
            r#""io.modelcontextprotocol/clientInfo":{"name":"permesso","version":"0\"1"},"#,
            r#""io.modelcontextprotocol/clientCapabilities":{}"#
        );
        let sent = |params: Option<&str>| with_request_meta(params.map(raw), &fields(false)).get().to_owned();
        assert_eq!(sent(None), format!(r#"{{"_meta":{{{said}}}}}"#));
        assert_eq!(
            sent(Some(r#"{ "arguments":{"n": 1.0},"name":"a" }"#)),
            format!(r#"{{ "arguments":{{"n": 1.0}},"name":"a" ,"_meta":{{{said}}}}}"#)
        );
        assert_eq!(
            sent(Some(r#"{"_meta":{"traceparent":"\u0061"} ,"name":"a"}"#)),
            format!(r#"{{"_meta":{{"traceparent":"\u0061",{said}}} ,"name":"a"}}"#)
        );
        let theirs = r#"{"_meta":{"io.modelcontextprotocol\/protocolVersion":"x","a":1}}"#;
        assert!(
            sent(Some(theirs))
                .starts_with(r#"{"_meta":{"io.modelcontextprotocol\/protocolVersion":"2026-07-28","a":1,"#)
        );
        for odd in ["[]", r#"{"_meta":[]}"#, r#"{"a":1,"a":2}"#] {
            assert_eq!(sent(Some(odd)), odd);
        }
        for tasks in [false, true] {
            let params = with_request_meta(None, &fields(tasks));
            let read = RequestMeta::read(Some(&params)).unwrap().unwrap();
            assert_eq!((read.protocol_version.as_ref(), read.tasks), ("2026-07-28", tasks));
            assert_eq!(read.client.unwrap().version.as_deref(), Some("0\"1"));
        }
    }

    #[test]
    fn what_a_client_can_be_asked_for_is_declared() {
        let params = meta(
            r#","io.modelcontextprotocol/clientCapabilities":{"sampling":{"tools":{ }},"elicitation":{"url":{}},"x":{}}"#,
        );
        let inputs = RequestMeta::read(Some(raw(&params))).unwrap().unwrap().inputs;
        let protocol_version = Revision::V2026_07_28;
        let fields = RequestFields { protocol_version, client_version: "1", tasks: true, inputs };
        let sent = with_request_meta(None, &fields);
        let declared = concat!(
            r#""io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}},"sampling":{"tools":{}},"#,
            r#""extensions":{"io.modelcontextprotocol/tasks":{}}}"#
        );
        assert!(sent.get().contains(declared), "{sent}");
        assert_eq!(RequestMeta::read(Some(&sent)).unwrap().unwrap().inputs, inputs);
    }
}
