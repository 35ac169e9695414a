//! Envelopes: any bytes are read or refused with an answer that can be read; what was
//! read is written and read again to the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use wire::{
    envelope::{Incoming, MAX_BATCH, Message, error_bytes, parse, raw_error_bytes, response_bytes},
    error::RpcError,
};

fuzz_target!(|data: &[u8]| match parse(data) {
    Ok(Incoming::Single(message)) => reads_again(&message),
    Ok(Incoming::Batch(entries)) => {
        assert!((1..=MAX_BATCH).contains(&entries.len()));
        for entry in entries {
            match entry {
                Ok(message) => reads_again(&message),
                Err(error) => answers(&error),
            }
        }
    }
    Err(error) => answers(&error),
});

fn reads_again(message: &Message<'_>) {
    let bytes = match message {
        Message::Request { id, method, params } => call(Some(id), method, *params),
        Message::Notification { method, params } => call(None, method, *params),
        Message::Response { id, outcome: Ok(result) } => response_bytes(id, result),
        Message::Response { id, outcome: Err(error) } => raw_error_bytes(id, error),
    };
    match parse(&bytes) {
        Ok(Incoming::Single(again)) => assert_eq!(pieces(&again), pieces(message)),
        other => panic!("{other:?}"),
    }
}

/// What a message is made of; the last says of which kind it is.
fn pieces<'m>(message: &'m Message<'_>) -> (Option<&'m str>, Option<&'m str>, Option<&'m str>, u8) {
    match message {
        Message::Request { id, method, params } => (Some(id.get()), Some(method), params.map(RawValue::get), 0),
        Message::Notification { method, params } => (None, Some(method), params.map(RawValue::get), 1),
        Message::Response { id, outcome: Ok(result) } => (Some(id.get()), None, Some(result.get()), 2),
        Message::Response { id, outcome: Err(error) } => (Some(id.get()), None, Some(error.get()), 3),
    }
}

fn call(id: Option<&RawValue>, method: &str, params: Option<&RawValue>) -> Vec<u8> {
    let member = |name: &str, value: Option<&RawValue>| match value {
        Some(value) => format!(",\"{name}\":{}", value.get()),
        None => String::new(),
    };
    let method = serde_json::to_string(method).expect("a string");
    let (id, params) = (member("id", id), member("params", params));
    format!("{{\"jsonrpc\":\"2.0\"{id},\"method\":{method}{params}}}").into_bytes()
}

fn answers(error: &RpcError) {
    let bytes = error_bytes(None, error);
    let answer = parse(&bytes);
    assert!(matches!(answer, Ok(Incoming::Single(Message::Response { outcome: Err(_), .. }))), "{answer:?}");
}
