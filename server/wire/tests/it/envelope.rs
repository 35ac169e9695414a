//! Envelopes by example: JSON-RPC 2.0 (sections 4 to 7) as MCP narrows it.

use proptest::prelude::*;
use serde_json::value::RawValue;
use wire::{
    envelope::{
        Incoming, MAX_BATCH, Message, error_bytes, notification_bytes, parse, raw_error_bytes, request_bytes,
        response_bytes,
    },
    error::{INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, RpcError},
};

use super::model::{choices, json};

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

/// A message in a few words, or the error and the id that it answers.
fn show(message: Result<Message<'_>, RpcError>) -> String {
    let raw = |raw: Option<&RawValue>| raw.map_or("-", |raw| raw.get()).to_owned();
    match message {
        Ok(Message::Request { id, method, params }) => {
            format!("request {} {method} {}", id.get(), raw(params))
        }
        Ok(Message::Notification { method, params }) => {
            format!("notification {method} {}", raw(params))
        }
        Ok(Message::Response { id, outcome: Ok(result) }) => {
            format!("result {} {}", id.get(), result.get())
        }
        Ok(Message::Response { id, outcome: Err(error) }) => {
            format!("error {} {}", id.get(), error.get())
        }
        Err(error) => {
            let id = raw(error.id.as_deref());
            format!("{} {id} {}", error.code, error.message)
        }
    }
}

fn single(body: &str) -> String {
    match parse(body.as_bytes()) {
        Ok(Incoming::Single(message)) => show(Ok(message)),
        Ok(Incoming::Batch(_)) => "batch".into(),
        Err(error) => show(Err(error)),
    }
}

#[test]
fn messages_are_told_apart_and_their_parts_kept_as_written() {
    for (body, expected) in [
        (
            r#" {"jsonrpc":"2.0", "id" : "\u0061", "method":"tools\/call", "params":{ "x" : 1.0 }} "#,
            r#"request "\u0061" tools/call { "x" : 1.0 }"#,
        ),
        (r#"{"id":-7,"m\u0065thod":"ping","jsonrpc":"2.\u0030"}"#, "request -7 ping -"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, "request 1 ping -"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"notifications/x","params":null}"#, "notification notifications/x -"),
        ("\u{feff} {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", "request 1 ping -"),
        ("\u{feff}[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", "batch"),
        (r#"{"jsonrpc":"2.0","method":"a","params":[1],"x":{}}"#, "notification a [1]"),
        (r#"{"jsonrpc":"2.0","id":1,"result":{"a": 1e2}}"#, r#"result 1 {"a": 1e2}"#),
        (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, "result 1 null"),
        (
            r#"{"jsonrpc":"2.0","id":"x","error":{"code":-1,"message":"m","z":[ ]}}"#,
            r#"error "x" {"code":-1,"message":"m","z":[ ]}"#,
        ),
        (r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"#, r#"error null {"code":1,"message":""}"#),
        (r#"{"jsonrpc":"2.0","error":{"code":1,"message":""}}"#, r#"error null {"code":1,"message":""}"#),
    ] {
        assert_eq!(single(body), expected, "{body}");
    }
}

#[test]
fn what_is_not_json_is_a_parse_error() {
    for body in ["", " ", "{", "{\"jsonrpc\":\"2.0\",}", "[1,", "[1]]", "{} {}", "nul", "\u{feff}\u{feff}{}"] {
        let error = parse(body.as_bytes()).map(drop).unwrap_err();
        assert_eq!((error.code, error.id.is_none()), (PARSE_ERROR, true), "{body}");
    }
    let error = parse(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}").map(drop).unwrap_err();
    assert_eq!(error.code, PARSE_ERROR);
    assert_eq!(error.message, "the body is not UTF-8");
}

#[test]
fn a_wrong_envelope_is_an_invalid_request_that_keeps_its_id() {
    for (body, expected) in [
        ("1", "- a JSON-RPC message must be an object"),
        ("\"2.0\"", "- a JSON-RPC message must be an object"),
        ("{}", "- jsonrpc must be \"2.0\""),
        (r#"{"id":1,"method":"a"}"#, "1 jsonrpc must be \"2.0\""),
        (r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#, "1 jsonrpc must be \"2.0\""),
        (r#"{"jsonrpc":"2.0","id":1}"#, "1 method is missing"),
        (r#"{"jsonrpc":"2.0","id":1,"method":1}"#, "1 method must be a string"),
        (r#"{"jsonrpc":"2.0","id":"a","method":"\ud800"}"#, "\"a\" method must be a string"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":"x"}"#, "1 params must be an object"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#,
            "1 a message has either a method or a result or error",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#,
            "1 a response has either result or error",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}"#,
            "1 error must be an object with code and message",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"error":"down"}"#, "1 error must be an object with code and message"),
        (r#"{"jsonrpc":"2.0","result":{}}"#, "- id must be a string or an integer"),
        (r#"{"jsonrpc":"2.0","id":1,"\ud800":1}"#, "1 a key of the message is not valid Unicode: a lone surrogate"),
    ] {
        assert_eq!(single(body), format!("{INVALID_REQUEST} {expected}"), "{body}");
    }
}

#[test]
fn an_id_is_a_string_or_an_integer() {
    for id in ["null", "true", "{}", "[1]", "1.5", "1.0", "1e2"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"a"}}"#);
        let expected = format!("{INVALID_REQUEST} - id must be a string or an integer");
        assert_eq!(single(&body), expected, "{id}");
    }
    for id in ["0", "-1", "123456789012345678901234567890", "\"\"", "\"\\ud800\""] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"a"}}"#);
        assert_eq!(single(&body), format!("request {id} a -"));
    }
}

#[test]
fn a_member_that_stands_there_twice_is_refused_however_it_is_spelt() {
    for (body, expected) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","m\u0065thod":"b"}"#, "1 %method%"),
        (r#"{"jsonrpc":"2.0","id":1,"params":{},"method":"a","param\u0073":{}}"#, "1 %params%"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","jsonrpc":"2.0"}"#, "1 %jsonrpc%"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","i\u0064":1}"#, "- %id%"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","x":1,"x":1}"#, "1 %x%"),
    ] {
        let (id, key) = expected.split_once(' ').unwrap();
        let key = key.replace('%', "\"");
        let expected = format!("{INVALID_REQUEST} {id} the message has the key {key} twice");
        assert_eq!(single(body), expected);
    }
}

#[test]
fn each_entry_of_a_batch_stands_alone() {
    let body = r#" [ {"jsonrpc":"2.0","id":1,"method":"a"}, 1, [],
        {"jsonrpc":"2.0","id":2}, {"jsonrpc":"2.0","method":"b"} ] "#;
    let Ok(Incoming::Batch(entries)) = parse(body.as_bytes()) else {
        panic!("no batch");
    };
    let shown: Vec<_> = entries.into_iter().map(show).collect();
    assert_eq!(
        shown,
        [
            "request 1 a -",
            "-32600 - a JSON-RPC message must be an object",
            "-32600 - a JSON-RPC message must be an object",
            "-32600 2 method is missing",
            "notification b -",
        ]
    );
}

#[test]
fn a_batch_is_neither_empty_nor_endless() {
    assert_eq!(single("[]"), "-32600 - the batch is empty");
    let batch = |count| format!("[{}]", vec!["0"; count].join(","));
    assert_eq!(single(&batch(MAX_BATCH)), "batch");
    let expected = "-32600 - the batch has more than 1000 messages";
    assert_eq!(single(&batch(MAX_BATCH + 1)), expected);
}

#[test]
fn answers_are_spliced_and_not_written_anew() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert_eq!(
        text(response_bytes(raw(r#""\u0061""#), raw(r#"{"x" : 1.0, "x":[ ]}"#))),
        r#"{"jsonrpc":"2.0","id":"\u0061","result":{"x" : 1.0, "x":[ ]}}"#
    );
    assert_eq!(
        text(raw_error_bytes(raw("1"), raw(r#"{"code":1, "message":"\u0061"}"#))),
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1, "message":"\u0061"}}"#
    );
    assert_eq!(
        text(request_bytes(7, "tools/call", Some(raw(r#"{"a" :1}"#)))),
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a" :1}}"#
    );
    assert_eq!(text(request_bytes(7, "ping", None)), r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
    assert_eq!(text(notification_bytes("a\"b", None)), r#"{"jsonrpc":"2.0","method":"a\"b"}"#);
}

#[test]
fn an_error_answers_the_given_id_else_its_own_else_none() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let error = RpcError::invalid_params("no \"x\"");
    let object = format!(r#"{{"code":{INVALID_PARAMS},"message":"no \"x\""}}"#);
    let expected = |id| format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{object}}}"#);
    assert_eq!(text(error_bytes(None, &error)), format!(r#"{{"jsonrpc":"2.0","error":{object}}}"#));
    let error = error.with_id(raw("5"));
    assert_eq!(text(error_bytes(None, &error)), expected("5"));
    assert_eq!(text(error_bytes(Some(raw("6")), &error)), expected("6"));
    let error = RpcError::method_not_found(&"m".repeat(5_000)).with_data(raw("[1.0]").to_owned());
    let written = text(error_bytes(None, &error));
    assert!(written.ends_with(r#","data":[1.0]}}"#) && written.len() < 250, "{written}");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_byte_for_byte(
        id in any::<u64>(), method in any::<String>(), value in json(), mut choices in choices(),
    ) {
        let text = format!("[{}]", value.spell(&mut choices));
        let value = raw(&text);
        let body = request_bytes(id, &method, Some(value));
        let read = parse(&body);
        let Ok(Incoming::Single(Message::Request { id: read_id, method: read, params })) = read
        else {
            return Err(TestCaseError::fail(format!("{read:?}")));
        };
        prop_assert_eq!(read_id.get(), id.to_string());
        prop_assert_eq!(read.as_ref(), method);
        prop_assert_eq!(params.map(RawValue::get), Some(value.get()));

        let body = response_bytes(read_id, value);
        let read = parse(&body);
        let Ok(Incoming::Single(Message::Response { outcome: Ok(result), .. })) = read else {
            return Err(TestCaseError::fail(format!("{read:?}")));
        };
        prop_assert_eq!(result.get(), value.get());
    }

    #[test]
    fn no_bytes_make_reading_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        text in r#"[\[\]{}",:\\idmethodjsonrpc20 ]{0,60}"#,
    ) {
        let _ = parse(&bytes);
        let _ = parse(text.as_bytes());
    }
}
