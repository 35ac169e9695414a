#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;

fn shown(body: &[u8]) -> Vec<String> {
    let one = |message: Result<Message<'_>, Unreadable>| match message {
        Ok(message) => format!("{message:?}"),
        Err(unreadable) => format!("{:?}", unreadable.answers),
    };
    read(body).into_iter().map(one).collect()
}

#[test]
fn what_servers_of_many_languages_write_is_understood() {
    for (body, expected) in [
        (r#"{"jsonrpc":"2.0","id":3,"result":{},"error":null}"#, "Response { id: 3, ok: true }"),
        (r#"{"jsonrpc":"2.0","id":3,"result":null,"error":{"code":1,"message":""}}"#, "Response { id: 3, ok: false }"),
        (r#"{"id":3,"result":{}}"#, "Response { id: 3, ok: true }"),
        (r#"{"jsonrpc":"2.0","id":"3","result":{}}"#, "Response { id: \"3\", ok: true }"),
        (r#"{"jsonrpc":"2.0","id":3.0,"result":{}}"#, "Response { id: 3.0, ok: true }"),
        (r#"{"jsonrpc":"2.0","error":{"code":1,"message":""}}"#, "Response { id: null, ok: false }"),
        ("\u{feff}{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\r\n", "Response { id: 3, ok: true }"),
        (r#"{"jsonrpc":"2.0","method":"m","params":null}"#, "Notification { method: \"m\" }"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#, "Notification { method: \"m\" }"),
        (r#"{"jsonrpc":"2.0","id":9,"method":"ping","params":null}"#, "Request { id: 9, method: \"ping\" }"),
    ] {
        assert_eq!(shown(body.as_bytes()), [expected], "{body}");
    }
}

#[test]
fn what_cannot_be_read_says_whose_answer_it_may_have_been() {
    for (body, expected) in [
        (&br#"{"jsonrpc":"2.0","id":3,"result":{"x":NaN}}"#[..], "[3]"),
        (br#"{"jsonrpc":"2.0","id": "3","result":"#, "[3]"),
        (b"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"\xff\"}", "[3]"),
        (br#"{"jsonrpc":"2.0","result":{"id":7,"x":NaN},"id":3}"#, "[3, 7]"),
        (br#"{"jsonrpc":"2.0","id":3,"id":3,"result":{}}"#, "[3]"),
        (br#"{"jsonrpc":"2.0","id":3,"result":{},"error":{}}"#, "[3]"),
        (br#"{"jsonrpc":"2.0","id":3,"error":null}"#, "[3]"),
        (br#"{"jsonrpc":"1.0","id":3,"result":{}}"#, "[3]"),
        (br#"{"jsonrpc":"2.0","id":3}"#, "[3]"),
        (br#"{"jsonrpc":"2.0","id":3,"method":"m","params":7}"#, "[]"),
        (br#"{"jsonrpc":"2.0","id":3,"method":"m","params":{"x":NaN}}"#, "[]"),
        (br#"{"type":"heartbeat"}"#, "[]"),
        (b"", "[]"),
        (b"[]", "[]"),
    ] {
        assert_eq!(shown(body), [expected], "{}", String::from_utf8_lossy(body));
    }
    let many: String = (0..10_000).map(|id| format!("\"id\":{id},")).collect();
    assert_eq!(
        read(format!("{{\"jsonrpc\":\"2.0\",\"result\":[{many}").as_bytes())[0].as_ref().unwrap_err().answers.len(),
        GUESSES
    );
}

#[test]
fn what_a_program_logs_about_a_request_answers_nothing() {
    for line in [
        r#"{"level":"info","id":3,"msg":"called"}"#,
        r#"{"event":"response","id":3,"result":"sent"}"#,
        r#"{"event":"response","id":3,"result":{}}"#,
        r#"{"id":3,"result":"queued"}"#,
        r#"{"id":3,"status":"processing"}"#,
        r#"{"type":"ping","id":3}"#,
        r#"{"jsonrpc":"2.0","id":3,"status":"processing"}"#,
        r#"{"level":"error","id":3,"error":"retrying 1/3"}"#,
        r#"{"id":3,"error":"retrying 1/3"}"#,
        r#"{"level":"error","id":3,"error":{"code":500,"message":"retrying"}}"#,
        r#"{"error":{"code":500,"message":"retrying"}}"#,
        r#"{"level":"debug","id":3,"params":{"name":"t"…"#,
        r#"[info] calling {"id":3}"#,
        r#"[DEBUG] sending {"jsonrpc":"2.0","id":3,"result":{}}"#,
        r#"[2026-01-01] INFO "id":3, "jsonrpc", "result""#,
        r#"INFO "id":3,"#,
    ] {
        assert_eq!(shown(line.as_bytes()), ["[]"], "{line}");
    }
    assert_eq!(shown(br#"[{"id":3,"title":"My shop"}]"#), ["[]"]);
}

#[test]
fn messages_may_stand_one_after_another() {
    let line = br#"{"jsonrpc":"2.0","method":"m"} {"jsonrpc":"2.0","id":3,"result":{}}{"x":1}"#;
    let expected = ["Notification { method: \"m\" }", "Response { id: 3, ok: true }", "[]"];
    assert_eq!(shown(line), expected);
    assert_eq!(shown(&"{}".repeat(MAX_BATCH + 1).into_bytes()), ["[]"]);
}

#[test]
fn answers_behind_other_text_are_found() {
    let answers = |line: &str| -> Vec<String> {
        behind_text(line.as_bytes()).iter().map(|message| format!("{message:?}")).collect()
    };
    let answer = r#"{"jsonrpc":"2.0","id":3,"result":{}}"#;
    for before in ["calling t... ", "[info] ", "{x} ", "100%"] {
        assert_eq!(answers(&format!("{before}{answer}\r")), ["Response { id: 3, ok: true }"], "{before}");
    }
    for line in [answer, "calling", &format!("calling {answer} done"), &format!("calling {}", &answer[..30])] {
        assert!(answers(line).is_empty(), "{line}");
    }
    assert!(answers(r#"got {"jsonrpc":"2.0","id":3,"method":"tools/call"}"#).is_empty(), "it answers nothing");
}

#[test]
fn an_error_is_one_however_it_is_written() {
    let read = |error: &str| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":3,"error":{error}}}"#);
        assert_eq!(shown(body.as_bytes()), ["Response { id: 3, ok: false }"], "{error}");
        error_object(serde_json::from_str(error).unwrap()).get().to_owned()
    };
    let as_it_is = r#"{"code":-32000, "message":"m","data":null,"x":1}"#;
    assert_eq!(read(as_it_is), as_it_is);
    for (error, expected) in [
        (r#"{"code":"ENOENT","message":"no such \u0066ile"}"#, r#"{"code":-32603,"message":"no such \u0066ile"}"#),
        (r#"{"code":"-32602","message":"bad","data":[1]}"#, r#"{"code":-32602,"message":"bad","data":[1]}"#),
        (r#"{"code":-32000.0,"message":"f"}"#, r#"{"code":-32000,"message":"f"}"#),
        (r#"{"message":"x"}"#, r#"{"code":-32603,"message":"x"}"#),
        (r#""boom""#, r#"{"code":-32603,"message":"boom"}"#),
        (r#"{"code":-32000}"#, r#"{"code":-32000,"message":"{\"code\":-32000}"}"#),
        (r#"{"code":1e300,"message":{"a":1}}"#, r#"{"code":-32603,"message":"{\"a\":1}"}"#),
        ("[7]", r#"{"code":-32603,"message":"[7]"}"#),
    ] {
        assert_eq!(read(error), expected);
    }
    assert!(read(&format!("[{}]", "\"é\",".repeat(9_000).trim_end_matches(','))).len() < 3_000);
}

#[test]
fn one_message_of_a_batch_spoils_no_other() {
    let body = br#"[{"type":"heartbeat"},{"jsonrpc":"2.0","id":3,"result":{}},7]"#;
    assert_eq!(shown(body), ["[]", "Response { id: 3, ok: true }", "[]"]);
}

#[test]
fn an_id_is_the_number_that_it_stands_for() {
    let of = |json: &str| number(serde_json::from_str(json).unwrap());
    for json in ["7", "\"7\"", "7.0", "7e0", "\"7.00\""] {
        assert_eq!(of(json), Some(7), "{json}");
    }
    for json in ["7.5", "-7", "\"server-error\"", "null", "1e300", "\"\"", "{}", "\"NaN\""] {
        assert_eq!(of(json), None, "{json}");
    }
}
