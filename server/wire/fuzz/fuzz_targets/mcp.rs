//! What MCP puts into params, results, schemas and headers: any JSON is read or refused,
//! and what the gateway makes of it can be read and keeps what it must keep.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use wire::{
    definition::ToolDefinition,
    header,
    json::fields,
    mcp::{
        CallParams, InitializeParams, ListParams, Progress, RequestFields, RequestMeta, Revision, mirrored_name,
        input::{InputRequired, with_state},
        progress_notification,
        result::{result_type, with_protocol},
        task::{CreatedTask, ListenParams, TaskParams, UpdateTaskParams, with_task_id},
        upstream_call_params, with_request_meta,
    },
    param_header::{check, param_headers},
};

const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

// One line of JSON, or two: then the first is a schema and the second its arguments.
fuzz_target!(|data: &[u8]| {
    headers(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (first, second) = text.split_once('\n').unwrap_or((text, "{}"));
    let (Ok(first), Ok(second)) = (serde_json::from_str(first), serde_json::from_str(second)) else { return };
    params(first);
    result(first);
    repeated(first, second);
});

fn headers(data: &[u8]) {
    if let Ok(text) = header::decode(data) {
        let encoded = header::encode(&text);
        assert_eq!(header::decode(encoded.as_bytes()), Ok(text.clone()));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(header::decode(header::encode(text).as_bytes()).as_deref(), Ok(text));
    }
}

fn params(raw: &RawValue) {
    let params = Some(raw);
    let _ = (InitializeParams::parse(params), ListParams::parse(params), ListenParams::parse(params));
    let _ = (UpdateTaskParams::parse(params), ToolDefinition::parse(raw));
    if let Ok(call) = CallParams::parse(params) {
        assert_eq!(mirrored_name("tools/call", params).ok().flatten().as_ref(), Some(&call.name));
        let trace = call.meta.trace();
        let sent = upstream_call_params(&call.name, call.arguments, call.input, &trace.meta(), call.meta.progress_token);
        let again = CallParams::parse(Some(&sent)).expect("ours");
        assert_eq!((again.name, again.arguments.get()), (call.name, call.arguments.get()));
        let same = |one: Option<&RawValue>, other: Option<&RawValue>| one.map(RawValue::get) == other.map(RawValue::get);
        assert!(same(again.input.responses, call.input.responses) && same(again.input.state, call.input.state));
        let inputs = RequestMeta::read(params).ok().flatten().map(|meta| meta.inputs).unwrap_or_default();
        let (protocol_version, client_version) = (Revision::LATEST, "1");
        let fields = RequestFields { protocol_version, client_version, tasks: true, inputs };
        let sent = with_request_meta(Some(&sent), &fields);
        let meta = RequestMeta::read(Some(&sent)).expect("ours").expect("a version");
        assert_eq!(meta.inputs, inputs);
        assert!(meta.tasks && meta.protocol_version == Revision::LATEST.as_str());
    }
    if let Ok(task) = TaskParams::parse(params) {
        let renamed = with_task_id(raw, "ours").expect("it has an id");
        let back = with_task_id(&renamed, &task.task_id).expect("it has an id");
        assert_eq!(TaskParams::parse(Some(&back)).map(|again| again.task_id).ok(), Some(task.task_id));
        assert_eq!(with_task_id(&back, "ours").expect("it has an id").get(), renamed.get());
    }
    if let Ok(progress) = Progress::parse(params) {
        let number = |raw: &RawValue| raw.get().parse::<f64>().expect("a number");
        let (now, total) = (number(progress.progress), progress.total.map(number));
        let _ = progress_notification(progress.token, now, total, progress.message.as_deref());
    }
}

fn result(raw: &RawValue) {
    let server = serde_json::value::to_raw_value(&7).expect("a number");
    if InputRequired::parse(raw).is_some() {
        let sealed = with_state(raw, "ours");
        let again = InputRequired::parse(&sealed).expect("it still asks");
        assert_eq!(again.state.map(RawValue::get), Some("\"ours\""));
    }
    let complete = with_protocol(raw, &server);
    let Ok(before) = fields(raw) else {
        assert_eq!(complete.get(), raw.get());
        return;
    };
    let after = fields(&complete).expect("an object without a key twice");
    let is_kept = |key: &str, value: &RawValue| {
        let same = after.iter().any(|(name, now)| name == key && now.get() == value.get());
        same || key == "_meta" || (key == "resultType" && value.get() == "null")
    };
    assert!(before.iter().all(|(key, value)| is_kept(key, value)));
    assert!(after.iter().any(|(key, _)| key == "resultType"));
    let meta = after.iter().find(|(key, _)| key == "_meta").expect("it was added").1;
    if let Ok(members) = fields(meta) {
        assert!(members.iter().any(|(key, value)| key == SERVER_KEY && value.get() == "7"));
    }
    assert_eq!(with_protocol(&complete, &server).get(), complete.get());
    if let Some(task) = CreatedTask::parse(raw) {
        assert_eq!(result_type(raw).as_deref(), Some("task"));
        assert!(with_task_id(raw, &task.task_id).is_some());
    }
}

/// What a client must send is what the server accepts, and anything else is not.
fn repeated(schema: &RawValue, arguments: &RawValue) {
    let Ok(headers) = param_headers(schema) else { return };
    for one in headers {
        let header = std::slice::from_ref(&one);
        match one.value(arguments) {
            Ok(Some(value)) => {
                let sent = header::encode(&value);
                assert_eq!(check(header, arguments, |_| vec![sent.as_bytes()]), Ok(()));
                assert!(check(header, arguments, |_| vec![]).is_err());
                let other = header::encode(&format!("{value}x")).into_owned();
                assert!(check(header, arguments, |_| vec![other.as_bytes()]).is_err());
            }
            Ok(None) => {
                assert_eq!(check(header, arguments, |_| vec![]), Ok(()));
                assert!(check(header, arguments, |_| vec![b""]).is_err());
            }
            Err(_) => assert!(check(header, arguments, |_| vec![]).is_err()),
        }
    }
}
