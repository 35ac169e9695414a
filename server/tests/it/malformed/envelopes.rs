//! Bodies that are no message, or not one that is allowed: JSON-RPC 2.0, and "Messages" of MCP 2025-11-25.

use super::case::Case;

/// A name, a body, the status, the code of the answer, the id that it repeats. 0 is a result.
type Row = (&'static str, &'static [u8], u16, i64, &'static str);

const PARSE: i64 = -32700;
const INVALID: i64 = -32600;
const METHOD: i64 = -32601;
const PARAMS: i64 = -32602;

#[rustfmt::skip]
const NOT_JSON: &[Row] = &[
    ("nothing", b"", 400, PARSE, "none"),
    ("white space", b" \r\n\t ", 400, PARSE, "none"),
    ("a body cut off", br#"{"jsonrpc":"2.0","id":1,"method":"ping""#, 400, PARSE, "none"),
    ("a string cut off", br#"{"jsonrpc":"2.0","id":1,"method":"pi"#, 400, PARSE, "none"),
    ("an escape cut off", br#"{"jsonrpc":"2.0","id":1,"method":"\u00"#, 400, PARSE, "none"),
    ("a word", b"nul", 400, PARSE, "none"),
    ("a form", b"jsonrpc=2.0&id=1&method=ping", 400, PARSE, "none"),
    ("a page", b"<html></html>", 400, PARSE, "none"),
    ("not a number", br#"{"jsonrpc":"2.0","id":NaN,"method":"ping"}"#, 400, PARSE, "none"),
    ("infinity", br#"{"jsonrpc":"2.0","id":-Infinity,"method":"ping"}"#, 400, PARSE, "none"),
    ("single quotes", br#"{'jsonrpc':'2.0','id':1,'method':'ping'}"#, 400, PARSE, "none"),
    ("a comma too many", br#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#, 400, PARSE, "none"),
    ("a comma too few", br#"{"jsonrpc":"2.0" "id":1,"method":"ping"}"#, 400, PARSE, "none"),
    ("a comment", br#"{"jsonrpc":"2.0","id":1,/* hi */"method":"ping"}"#, 400, PARSE, "none"),
    ("a key without quotes", br#"{"jsonrpc":"2.0",id:1,"method":"ping"}"#, 400, PARSE, "none"),
    ("two messages", br#"{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}"#, 400, PARSE, "none"),
    ("two lines", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}", 400, PARSE, "none"),
    ("an event", b"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n", 400, PARSE, "none"),
    ("a brace too many", br#"{"jsonrpc":"2.0","id":1,"method":"ping"}}"#, 400, PARSE, "none"),
    ("a bracket for a brace", br#"{"jsonrpc":"2.0","id":1,"method":"ping"]"#, 400, PARSE, "none"),
    ("a zero byte after the end", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\0", 400, PARSE, "none"),
    ("a zero byte in a string", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\0ng\"}", 400, PARSE, "none"),
    ("a line end in a string", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\nng\"}", 400, PARSE, "none"),
    ("an escape that is none", br#"{"jsonrpc":"2.0","id":1,"method":"\x70ing"}"#, 400, PARSE, "none"),
    ("UTF-16", b"\xff\xfe{\0\"\0j\0", 400, PARSE, "none"),
    ("UTF-32", b"\0\0\0{\0\0\0\"", 400, PARSE, "none"),
    ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xabV\xca", 400, PARSE, "none"),
    ("a byte that UTF-8 has not", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\xffng\"}", 400, PARSE, "none"),
    ("Latin 1", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\xefng\"}", 400, PARSE, "none"),
    ("a longer spelling of a quote", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\xc0\xa2}", 400, PARSE, "none"),
    ("half of a pair in UTF-8", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xed\xa0\x80\"}", 400, PARSE, "none"),
    ("beyond Unicode", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xf4\x90\x80\x80\"}", 400, PARSE, "none"),
    ("UTF-8 cut off", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xe2\x82\"}", 400, PARSE, "none"),
    ("space of another alphabet", "\u{a0}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}".as_bytes(), 400, PARSE, "none"),
];

#[rustfmt::skip]
const NO_MESSAGE: &[Row] = &[
    ("null", b"null", 400, INVALID, "none"),
    ("true", b"true", 400, INVALID, "none"),
    ("a number", b"17", 400, INVALID, "none"),
    ("an empty object", b"{}", 400, INVALID, "none"),
    ("no version", br#"{"id":1,"method":"ping"}"#, 400, INVALID, "1"),
    ("the version as a number", br#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, 400, INVALID, "1"),
    ("half a version", br#"{"jsonrpc":"2","id":1,"method":"ping"}"#, 400, INVALID, "1"),
    ("the version and a space", br#"{"jsonrpc":"2.0 ","id":1,"method":"ping"}"#, 400, INVALID, "1"),
    ("the version in a list", br#"{"jsonrpc":["2.0"],"id":1,"method":"ping"}"#, 400, INVALID, "1"),
    ("no version at all", br#"{"jsonrpc":null,"id":"x","method":"ping"}"#, 400, INVALID, "\"x\""),
    ("keys in capitals", br#"{"JSONRPC":"2.0","ID":1,"METHOD":"ping"}"#, 400, INVALID, "none"),
    ("an id with a fraction", br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, 400, INVALID, "none"),
    ("an id of 1.0", br#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#, 400, INVALID, "none"),
    ("an id with an exponent", br#"{"jsonrpc":"2.0","id":1e2,"method":"ping"}"#, 400, INVALID, "none"),
    ("an id that is true", br#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, 400, INVALID, "none"),
    ("an id that is false", br#"{"jsonrpc":"2.0","id":false,"method":"ping"}"#, 400, INVALID, "none"),
    ("an id that is a list", br#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, 400, INVALID, "none"),
    ("an id that is an object", br#"{"jsonrpc":"2.0","id":{"id":1},"method":"ping"}"#, 400, INVALID, "none"),
    ("an id with a zero in front", br#"{"jsonrpc":"2.0","id":01,"method":"ping"}"#, 400, PARSE, "none"),
    ("an id with a plus", br#"{"jsonrpc":"2.0","id":+1,"method":"ping"}"#, 400, PARSE, "none"),
    ("an id in hexadecimal", br#"{"jsonrpc":"2.0","id":0x10,"method":"ping"}"#, 400, PARSE, "none"),
    ("an id that is a dash", br#"{"jsonrpc":"2.0","id":-,"method":"ping"}"#, 400, PARSE, "none"),
    ("the method as a number", br#"{"jsonrpc":"2.0","id":1,"method":7}"#, 400, INVALID, "1"),
    ("the method as a list", br#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#, 400, INVALID, "1"),
    ("no method", br#"{"jsonrpc":"2.0","id":1}"#, 400, INVALID, "1"),
    ("the method null", br#"{"jsonrpc":"2.0","id":1,"method":null}"#, 400, INVALID, "1"),
    ("half of a pair as the method", br#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, 400, INVALID, "1"),
    ("half of a pair in a key", br#"{"jsonrpc":"2.0","id":1,"method":"ping","\udc00":1}"#, 400, INVALID, "1"),
    ("params as a string", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":"{}"}"#, 400, INVALID, "1"),
    ("params as a number", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":7}"#, 400, INVALID, "1"),
    ("params true", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":true}"#, 400, INVALID, "1"),
    ("a request with a result", br#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, 400, INVALID, "1"),
    ("a request with an error", br#"{"jsonrpc":"2.0","id":1,"method":"ping","error":{"code":1,"message":"x"}}"#, 400, INVALID, "1"),
    ("a result with an error", br#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}"#, 400, INVALID, "1"),
    ("a result without an id", br#"{"jsonrpc":"2.0","result":{}}"#, 400, INVALID, "none"),
    ("a result with the id null", br#"{"jsonrpc":"2.0","id":null,"result":{}}"#, 400, INVALID, "none"),
    ("an error that is a string", br#"{"jsonrpc":"2.0","id":1,"error":"no"}"#, 400, INVALID, "1"),
    ("an error without a message", br#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#, 400, INVALID, "1"),
    ("an error with a code in words", br#"{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"x"}}"#, 400, INVALID, "1"),
];

#[rustfmt::skip]
const TWICE: &[Row] = &[
    ("two versions", br#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}"#, 400, INVALID, "1"),
    ("two ids", br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, 400, INVALID, "none"),
    ("two ids, one spelt otherwise", br#"{"jsonrpc":"2.0","id":1,"\u0069d":1,"method":"ping"}"#, 400, INVALID, "none"),
    ("two methods", br#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, 400, INVALID, "1"),
    ("two params", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance"},"params":{"name":"pay"}}"#, 400, INVALID, "1"),
    ("two params, one spelt otherwise", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance"},"p\u0061rams":{"name":"pay"}}"#, 400, INVALID, "1"),
    ("two of what nobody knows", br#"{"jsonrpc":"2.0","id":1,"method":"ping","x":1,"x":1}"#, 400, INVALID, "1"),
    ("two methods of a notification", br#"{"jsonrpc":"2.0","method":"notifications/initialized","m\u0065thod":"ping"}"#, 400, INVALID, "none"),
    ("two _meta", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{},"_met\u0061":{}}}"#, 400, PARAMS, "1"),
    ("two names, one spelt otherwise", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","n\u0061me":"pay"}}"#, 200, PARAMS, "1"),
    ("two arguments", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":{},"arguments":{"x":1}}}"#, 200, PARAMS, "1"),
    ("two progress tokens", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","_meta":{"progressToken":1,"progressToken":2}}}"#, 200, PARAMS, "1"),
    ("two of what nobody knows in params", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","x":1,"x":2}}"#, 200, PARAMS, "1"),
    ("two cursors", br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"a","cursor":"b"}}"#, 200, PARAMS, "1"),
    ("two protocol versions", br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","protocolVersion":"2025-03-26"}}"#, 200, PARAMS, "1"),
    // The gate reads the arguments, so that what it reads must be what runs.
    ("two of an argument", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":{"a":1,"a":2}}}"#, 200, 0, "1"),
    ("two of an argument, spelt otherwise", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":{"x":[{"a":1,"\u0061":1}]}}}"#, 200, 0, "1"),
    ("half of a pair in an argument", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":{"x":"\ud800"}}}"#, 200, 0, "1"),
];

#[rustfmt::skip]
const WRONG_REQUEST: &[Row] = &[
    ("an empty method", br#"{"jsonrpc":"2.0","id":1,"method":""}"#, 200, METHOD, "1"),
    ("a method and a space", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call ","params":{"name":"balance"}}"#, 200, METHOD, "1"),
    ("a method in capitals", br#"{"jsonrpc":"2.0","id":1,"method":"TOOLS/CALL","params":{"name":"balance"}}"#, 200, METHOD, "1"),
    ("a method with a zero character", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call\u0000","params":{"name":"balance"}}"#, 200, METHOD, "1"),
    ("a method of others", br#"{"jsonrpc":"2.0","id":1,"method":"resources/read"}"#, 200, METHOD, "1"),
    ("a method of clients", br#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}"#, 200, METHOD, "1"),
    ("a method of JSON-RPC's own", br#"{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}"#, 200, METHOD, "1"),
    ("a notification with an id", br#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#, 200, METHOD, "1"),
    ("a method of 2026-07-28", br#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#, 200, METHOD, "1"),
    ("a subscription of 2026-07-28", br#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{}}}"#, 200, METHOD, "1"),
    ("tasks of 2026-07-28", br#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"x"}}"#, 200, METHOD, "1"),
    ("a call without params", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, 200, PARAMS, "1"),
    ("a call with a list", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["balance",{}]}"#, 200, PARAMS, "1"),
    ("a tool that is a number", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#, 200, PARAMS, "1"),
    ("a tool without a name", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""}}"#, 200, PARAMS, "1"),
    ("a tool that is null", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":null}}"#, 200, PARAMS, "1"),
    ("a tool in capitals", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"Balance"}}"#, 200, PARAMS, "1"),
    ("a tool and what nobody sees", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"balance\u{200b}\"}}".as_bytes(), 200, PARAMS, "1"),
    ("a tool with a zero character", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance\u0000"}}"#, 200, PARAMS, "1"),
    ("a tool with half of a pair", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance\ud800"}}"#, 200, PARAMS, "1"),
    ("arguments in a list", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":[]}}"#, 200, PARAMS, "1"),
    ("arguments in a string", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":"{}"}}"#, 200, PARAMS, "1"),
    ("_meta that is a string", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","_meta":"x"}}"#, 200, PARAMS, "1"),
    ("a progress token that is true", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","_meta":{"progressToken":true}}}"#, 200, PARAMS, "1"),
    ("a reason that is a list", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","_meta":{"dev.permesso/reason":[]}}}"#, 200, PARAMS, "1"),
    ("a cursor that is a number", br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":7}}"#, 200, PARAMS, "1"),
    ("a list asked for with a list", br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#, 200, PARAMS, "1"),
    ("initialize without params", br#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#, 200, PARAMS, "1"),
    ("initialize with a number", br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":2025}}"#, 200, PARAMS, "1"),
    ("initialize by nobody", br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{}}}"#, 200, PARAMS, "1"),
    ("initialize by a string", br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":"me"}}"#, 200, PARAMS, "1"),
];

/// What nobody asked for is taken, and changes and records nothing.
#[rustfmt::skip]
const UNASKED: &[(&str, &str)] = &[
    ("a result that nobody waits for", r#"{"jsonrpc":"2.0","id":99,"result":{"content":[]}}"#),
    ("an error that nobody waits for", r#"{"jsonrpc":"2.0","id":"x","error":{"code":-1,"message":"no"}}"#),
    ("an error about nothing", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"no"}}"#),
    ("a notification of nothing known", r#"{"jsonrpc":"2.0","method":"notifications/nonsense","params":{"x":1}}"#),
    ("a notification of the gateway's", r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#),
    ("progress of nothing", r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#),
    ("a call that wants no answer", r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"balance","arguments":{}}}"#),
    ("initialize that wants no answer", r#"{"jsonrpc":"2.0","method":"initialize","params":{}}"#),
    ("cancelling without params", r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#),
    ("cancelling nothing", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":null}}"#),
    ("cancelling what never was", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\u0000","reason":7}}"#),
    ("cancelling with a list", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":[[]]}"#),
];

pub(super) fn cases() -> Vec<Case> {
    let rows = [NOT_JSON, NO_MESSAGE, TWICE, WRONG_REQUEST].concat().into_iter();
    let mut cases: Vec<Case> = rows
        .map(|(name, body, status, code, id)| Case::of("2025-11-25", name, body).gets(status, &[code]).id(id))
        .collect();
    cases.extend(UNASKED.iter().map(|(name, body)| Case::of("2025-11-25", *name, body.as_bytes()).gets(202, &[])));
    cases.extend(deep());
    cases.extend(huge());
    cases
}

/// Hundreds of thousands of arrays or objects inside each other.
fn nested(open: &str, core: &str, close: &str) -> String {
    const LEVELS: usize = 400_000;
    [&open.repeat(LEVELS), core, &close.repeat(LEVELS)].concat()
}

fn deep() -> Vec<Case> {
    let lists = nested("[", "", "]");
    let objects = nested("{\"a\":", "1", "}");
    let request =
        |method: &str, params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let case = |name: &'static str, body: String| Case::of("2025-11-25", name, body.as_bytes());
    vec![
        case("brackets that never close", "[".repeat(4_000_000)).gets(400, &[PARSE]),
        case("braces that never close", "{\"a\":".repeat(800_000)).gets(400, &[PARSE]),
        case("a message in brackets", lists.clone()).gets(400, &[INVALID]),
        case("a message in braces", objects.clone()).gets(400, &[INVALID]),
        case("a deep id", format!(r#"{{"jsonrpc":"2.0","id":{lists},"method":"ping"}}"#)).gets(400, &[INVALID]),
        case("a deep method", format!(r#"{{"jsonrpc":"2.0","id":1,"method":{lists}}}"#)).gets(400, &[INVALID]).id("1"),
        case("deep params that mean nothing", request("ping", &objects)).gets(200, &[0]),
        case("a deep cursor", request("tools/list", &format!(r#"{{"cursor":{lists}}}"#))).gets(200, &[PARAMS]),
        case(
            "a deep _meta",
            request("tools/call", &format!(r#"{{"name":"balance","_meta":{{"progressToken":{lists}}}}}"#)),
        )
        .gets(200, &[PARAMS]),
        case("deep arguments", request("tools/call", &format!(r#"{{"name":"balance","arguments":{objects}}}"#)))
            .gets(200, &[0]),
        case("deep arguments to be held", request("tools/call", &format!(r#"{{"name":"pay","arguments":{objects}}}"#)))
            .gets(200, &[0]),
        case("a deep secret", request("ping", &format!(r#"{{"password":{lists},"x":"mmcp_1"}}"#))).gets(200, &[0]),
    ]
}

fn huge() -> Vec<Case> {
    let case = |name: &'static str, body: String| Case::of("2025-11-25", name, body.as_bytes());
    let ping = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    let call = |tool: &str, value: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"cents":{value}}}}}}}"#
        )
    };
    let digits = "9".repeat(300_000);
    let long = "x".repeat(1_000_000);
    vec![
        case("an id of many digits", ping(&digits)).gets(200, &[0]),
        case("a negative id of many digits", ping(&format!("-{digits}"))).gets(200, &[0]),
        case("a long id", ping(&format!("\"{long}\""))).gets(200, &[0]),
        case("an id that no double is", ping("1e400")).gets(400, &[INVALID]).id("none"),
        case("a method of a megabyte", format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{long}"}}"#)).gets(200, &[METHOD]).id("1"),
        case("a key of a megabyte, twice", format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","{long}":1,"{long}":1}}"#))
            .gets(400, &[INVALID]),
        case("a hundred thousand keys", format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping"{}}}"#,
            (0..100_000).map(|n| format!(",\"k{n}\":0")).collect::<String>())).gets(200, &[0]),
        case("a tool of a megabyte", format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{long}"}}}}"#))
            .gets(200, &[PARAMS]),
        case("a client of a megabyte", format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{long}","clientInfo":{{"name":"{long}"}}}}}}"#))
            .gets(200, &[0]),
        case("an exponent beyond everything", call("pay", "1e999999999999999999")).gets(200, &[0]),
        case("an exponent below everything", call("pay", "-1e-999999999999999999")).gets(200, &[0]),
        case("zero to a great power", call("pay", "0e99999999999999999999999")).gets(200, &[0]),
        case("very many digits", call("pay", &format!("0.{digits}"))).gets(200, &[0]),
    ]
}

pub(super) fn batches() -> Vec<Case> {
    let case =
        |revision: &str, name: &str, body: &str| Case::of(revision, format!("{name} in {revision}"), body.as_bytes());
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let many = |entry: &str, count: usize| format!("[{}]", vec![entry; count].join(","));
    let mut cases = Vec::new();
    for revision in ["2025-06-18", "2025-11-25", "2026-07-28"] {
        for (name, body) in [
            ("a batch", many(ping, 2)),
            ("a batch of one", many(ping, 1)),
            ("a batch of nothing", "[]".to_owned()),
            ("a batch of notifications", many(told, 2)),
            ("a batch in a batch", format!("[[{ping}]]")),
        ] {
            cases.push(case(revision, name, &body).gets(400, &[INVALID]).id("none"));
        }
    }
    let old = |name: &str, body: &str| case("2025-03-26", name, body);
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let call = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"balance"}}"#;
    cases.extend([
        case("2024-10-07", "a batch", &many(ping, 2)).gets(400, &[-32022]),
        case("nonsense", "a batch of nothing", "[]").gets(400, &[INVALID]),
        old("a batch of nothing", " [ ] ").gets(400, &[INVALID]).id("none"),
        old("a batch cut off", &many(ping, 2)[..60]).gets(400, &[PARSE]),
        old("a batch with a comma too many", &format!("[{ping},]")).gets(400, &[PARSE]),
        old("two batches", "[][]").gets(400, &[PARSE]),
        old("a batch in a batch", &format!("[[{ping}]]")).gets(200, &[INVALID]),
        old("a batch of nothing in a batch", "[[]]").gets(200, &[INVALID]),
        old("entries of every wrong kind", r#"[null,1,"x",[],{},true]"#).gets(200, &[INVALID; 6]),
        old("a deep batch", &nested("[", "", "]")).gets(200, &[INVALID]),
        old("the same id twice", &many(ping, 2)).gets(200, &[0, 0]),
        old(
            "an entry with two methods",
            &format!(r#"[{ping},{{"jsonrpc":"2.0","id":2,"method":"ping","m\u0065thod":"x"}}]"#),
        )
        .gets(200, &[0, INVALID]),
        old("an entry with an id of null", r#"[{"jsonrpc":"2.0","id":null,"method":"ping"}]"#).gets(200, &[INVALID]),
        old("responses", &many(response, 3)).gets(202, &[]),
        old("notifications", &many(told, 1000)).gets(202, &[]),
        old("a call that wants no answer", &format!("[{call}]")).gets(202, &[]),
        old("a thousand requests", &many(ping, 1000)).gets(200, &vec![0; 1000]),
        old("a thousand and one", &many(ping, 1001)).gets(400, &[INVALID]).id("none"),
        old("a million commas", &many("0", 1_000_000)).gets(400, &[INVALID]),
    ]);
    cases
}
