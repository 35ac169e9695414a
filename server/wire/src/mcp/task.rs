//! The tasks extension and `subscriptions/listen` (MCP 2026-07-28): what agents ask, what
//! upstreams answer, and the ids that are changed on the way.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::result::result_type;
use crate::{
    error::RpcError,
    json::{member, push_string, spliced, unquote, with_replaced},
    shape::{Object, ShapeError},
};

/// How many tasks one `subscriptions/listen` may name.
pub const MAX_TASK_IDS: usize = 100;

/// The parameters of `tasks/get` and `tasks/cancel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskParams<'a> {
    /// Which task: a string of any form and length.
    pub task_id: Cow<'a, str>,
}

impl<'a> TaskParams<'a> {
    /// Reads the `params` of a request.
    ///
    /// # Errors
    /// `INVALID_PARAMS` that names the member.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let task_id = object(params)?.required_text("taskId")?;
        Ok(Self { task_id })
    }
}

/// The parameters of `tasks/update`.
#[derive(Debug, Clone)]
pub struct UpdateTaskParams<'a> {
    /// Which task: a string of any form and length.
    pub task_id: Cow<'a, str>,
    /// An object as it was written: answers by the keys of the requests.
    pub input_responses: &'a RawValue,
}

impl<'a> UpdateTaskParams<'a> {
    /// Reads the `params` of a request.
    ///
    /// # Errors
    /// `INVALID_PARAMS` that names the member.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let params = object(params)?;
        let input_responses = params.some("inputResponses").ok_or_else(|| params.missing("inputResponses"))?;
        if !input_responses.get().starts_with('{') {
            return Err(params.wrong("inputResponses", "an object").into());
        }
        Ok(Self { task_id: params.required_text("taskId")?, input_responses })
    }
}

/// What `subscriptions/listen` asks to be told of (MCP 2026-07-28, basic/patterns,
/// "Notification Filter"); kinds that the gateway does not have are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListenParams<'a> {
    /// That the list of tools changed.
    pub tools_list_changed: bool,
    /// What becomes of these tasks; at most [`MAX_TASK_IDS`], in order, also twice.
    pub task_ids: Vec<Cow<'a, str>>,
}

impl<'a> ListenParams<'a> {
    /// Reads the `params` of a request.
    ///
    /// # Errors
    /// `INVALID_PARAMS` that names the member, also for too many tasks.
    pub fn parse(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let params = object(params)?;
        let filter = params.object("notifications")?.ok_or_else(|| params.missing("notifications"))?;
        let tools_list_changed = match (filter.some("toolsListChanged"), filter.flag("toolsListChanged")) {
            (Some(_), None) => return Err(filter.wrong("toolsListChanged", "a boolean").into()),
            (_, flag) => flag == Some(true),
        };
        let task_ids = match filter.some("taskIds") {
            Some(ids) => task_ids(ids).ok_or_else(|| filter.wrong("taskIds", "an array of strings"))?,
            None => Vec::new(),
        };
        if task_ids.len() > MAX_TASK_IDS {
            return Err(filter.wrong("taskIds", "an array of at most 100 strings").into());
        }
        Ok(Self { tools_list_changed, task_ids })
    }
}

fn task_ids(ids: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    let ids: Vec<&RawValue> = serde_json::from_str(ids.get()).ok()?;
    ids.into_iter().map(|id| unquote(id.get()).ok()).collect()
}

fn object(params: Option<&RawValue>) -> Result<Object<'_>, ShapeError> {
    let place = || "params".to_owned();
    Object::read("params", params.ok_or_else(|| ShapeError::Missing { place: place() })?)
}

/// What an upstream answers when it made a task of a call (`CreateTaskResult`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTask<'a> {
    /// The upstream's id of it; not empty.
    pub task_id: Cow<'a, str>,
    /// `working`, `input_required`, `completed`, `cancelled` or `failed`; not checked.
    pub status: Cow<'a, str>,
    /// For how many milliseconds from its creation the upstream keeps it, if it says so.
    pub ttl_ms: Option<u64>,
    /// How many milliseconds to wait before asking again, if the upstream says so.
    pub poll_interval_ms: Option<u64>,
}

impl<'a> CreatedTask<'a> {
    /// Reads the result of a call. `None` if it is not of type `task`, and for such a one
    /// without an id and a status or with a key twice: nobody can ask for that task.
    #[must_use]
    pub fn parse(result: &'a RawValue) -> Option<Self> {
        if result_type(result)? != "task" {
            return None;
        }
        let task = Object::read("result", result).ok()?;
        let number = |key| task.get(key).and_then(|value| value.get().parse().ok());
        Some(Self {
            task_id: task.required_text("taskId").ok().filter(|id| !id.is_empty())?,
            status: task.required_text("status").ok()?,
            ttl_ms: number("ttlMs"),
            poll_interval_ms: number("pollIntervalMs"),
        })
    }
}

/// A task (a result, or the params of `notifications/tasks`) under the id that the agent
/// knows; every other byte is kept. `None` if it has not exactly one `taskId` that is a
/// string.
#[must_use]
pub fn with_task_id(task: &RawValue, ours: &str) -> Option<Box<RawValue>> {
    let theirs = member(task, "taskId").ok().flatten()?;
    let mut id = String::with_capacity(ours.len() + 2);
    push_string(ours, &mut id);
    theirs.get().starts_with('"').then(|| with_replaced(task, theirs, &id))
}

/// The `params` of `tasks/get` and `tasks/cancel` that go upstream; with
/// `input_responses` (an object) those of `tasks/update`.
#[must_use]
pub fn tasks_request_params(task_id: &str, input_responses: Option<&RawValue>) -> Box<RawValue> {
    let mut text = "{\"taskId\":".to_owned();
    push_string(task_id, &mut text);
    if let Some(responses) = input_responses {
        text.push_str(",\"inputResponses\":");
        text.push_str(responses.get());
    }
    text.push('}');
    spliced(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::error::INVALID_PARAMS;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    fn message<T>(read: Result<T, RpcError>) -> String {
        let error = read.map(drop).unwrap_err();
        assert_eq!(error.code, INVALID_PARAMS);
        error.message.into_owned()
    }

    #[test]
    fn a_task_is_named_by_a_string() {
        let params = raw(r#"{"taskId":"\u0061","_meta":{}}"#);
        assert_eq!(TaskParams::parse(Some(params)).unwrap().task_id, "a");
        assert_eq!(message(TaskParams::parse(None)), "params is missing");
        for (params, expected) in [
            ("[]", "params must be an object"),
            ("{}", "params.taskId is missing"),
            (r#"{"taskId":1}"#, "params.taskId must be a string"),
            (r#"{"taskId":"a","t\u0061skId":"b"}"#, r#"params has the key "taskId" twice"#),
        ] {
            assert_eq!(message(TaskParams::parse(Some(raw(params)))), expected, "{params}");
            assert!(UpdateTaskParams::parse(Some(raw(params))).is_err());
        }
    }

    #[test]
    fn answers_to_a_task_are_kept_as_written() {
        let params = raw(r#"{"taskId":"a","inputResponses":{ "name" : {"n":1.0} }}"#);
        let params = UpdateTaskParams::parse(Some(params)).unwrap();
        assert_eq!((params.task_id.as_ref(), params.input_responses.get()), ("a", r#"{ "name" : {"n":1.0} }"#));
        let refusal = |params| message(UpdateTaskParams::parse(Some(raw(params))));
        assert_eq!(refusal(r#"{"taskId":"a"}"#), "params.inputResponses is missing");
        assert_eq!(refusal(r#"{"taskId":"a","inputResponses":[]}"#), "params.inputResponses must be an object");
    }

    #[test]
    fn a_listener_says_what_it_wants_to_hear() {
        let listen = |filter: &str| {
            let params = format!(r#"{{"notifications":{filter}}}"#);
            ListenParams::parse(Some(raw(&params))).map(|read| {
                let ids: Vec<_> = read.task_ids.iter().map(ToString::to_string).collect();
                (read.tools_list_changed, ids.join(" "))
            })
        };
        assert_eq!(listen("{}").unwrap(), (false, String::new()));
        let all = r#"{"toolsListChanged":true,"taskIds":["b","\u0061","b"],"promptsListChanged":7}"#;
        assert_eq!(listen(all).unwrap(), (true, "b a b".to_owned()));
        assert_eq!(listen(r#"{"toolsListChanged":false,"taskIds":null}"#).unwrap(), (false, String::new()));
        let ids = |count| format!(r#"{{"taskIds":[{}]}}"#, vec!["\"t\""; count].join(","));
        assert!(listen(&ids(MAX_TASK_IDS)).is_ok());
        for (filter, expected) in [
            ("null".to_owned(), "params.notifications is missing"),
            ("[]".to_owned(), "params.notifications must be an object"),
            (r#"{"toolsListChanged":"yes"}"#.to_owned(), "params.notifications.toolsListChanged must be a boolean"),
            (r#"{"taskIds":[1]}"#.to_owned(), "params.notifications.taskIds must be an array of strings"),
            (r#"{"taskIds":{}}"#.to_owned(), "params.notifications.taskIds must be an array of strings"),
            (ids(MAX_TASK_IDS + 1), "params.notifications.taskIds must be an array of at most 100 strings"),
        ] {
            assert_eq!(message(listen(&filter)), expected, "{filter}");
        }
    }

    #[test]
    fn a_task_that_an_upstream_made_is_recognized() {
        let result = raw(
            r#"{"resultType":"task","taskId":"up-1","status":"working","createdAt":"x","ttlMs":null,"pollIntervalMs":500}"#,
        );
        let expected =
            CreatedTask { task_id: "up-1".into(), status: "working".into(), ttl_ms: None, poll_interval_ms: Some(500) };
        assert_eq!(CreatedTask::parse(result), Some(expected));
        for other in [
            r#"{"resultType":"complete","taskId":"a","status":"working"}"#,
            r#"{"taskId":"a","status":"working"}"#,
            r#"{"resultType":"task","status":"working"}"#,
            r#"{"resultType":"task","taskId":"","status":"working"}"#,
            r#"{"resultType":"task","taskId":"a","status":7}"#,
            r#"{"resultType":"task","taskId":"a","taskId":"b","status":"working"}"#,
            "[]",
        ] {
            assert_eq!(CreatedTask::parse(raw(other)), None, "{other}");
        }
    }

    #[test]
    fn only_the_id_of_a_task_is_changed() {
        let task = raw(r#"{ "status":"completed", "t\u0061skId" : "up" ,"result":{"taskId":"up","n":1.0} }"#);
        let expected = r#"{ "status":"completed", "t\u0061skId" : "o\"urs" ,"result":{"taskId":"up","n":1.0} }"#;
        assert_eq!(with_task_id(task, "o\"urs").unwrap().get(), expected);
        for other in ["{}", "[]", r#"{"taskId":1}"#, r#"{"taskId":"a","taskId":"a"}"#] {
            assert!(with_task_id(raw(other), "ours").is_none(), "{other}");
        }
    }

    #[test]
    fn what_goes_upstream_is_what_an_agent_would_send() {
        let params = tasks_request_params("a\"b", None);
        assert_eq!(params.get(), r#"{"taskId":"a\"b"}"#);
        assert_eq!(TaskParams::parse(Some(&params)).unwrap().task_id, "a\"b");
        let params = tasks_request_params("a", Some(raw("{ \"x\":1.0 }")));
        assert_eq!(params.get(), r#"{"taskId":"a","inputResponses":{ "x":1.0 }}"#);
    }
}
