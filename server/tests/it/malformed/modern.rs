//! Requests of MCP 2026-07-28 that do not say what they must, or not twice the same ("Streamable HTTP", "Server
//! Validation"; "Versioning").

use serde_json::{Value, json};

use super::case::{Case, POST};

/// A name, the lines of its head (`@V@` is the version header), the body (`@M@` is a right `_meta`), the status,
/// the code of the answer. 0 is a result.
type Row = (&'static str, &'static [u8], &'static str, u16, i64);

const INVALID: i64 = -32600;
const METHOD: i64 = -32601;
const PARAMS: i64 = -32602;
const MISMATCH: i64 = -32020;
const VERSION: i64 = -32022;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":{},@M@}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{@M@}}"#;
const TOLD: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

#[rustfmt::skip]
const HEADERS: &[Row] = &[
    ("the version twice", b"@V@@V@mcp-method: tools/list\n", LIST, 400, MISMATCH),
    ("two versions", b"@V@mcp-protocol-version: 2025-11-25\nmcp-method: tools/list\n", LIST, 400, MISMATCH),
    ("two versions in one", b"mcp-protocol-version: 2026-07-28, 2026-07-28\nmcp-method: tools/list\n", LIST, 400, MISMATCH),
    ("an empty version", b"mcp-protocol-version:\nmcp-method: tools/list\n", LIST, 400, MISMATCH),
    ("a version with a byte of Latin 1", b"mcp-protocol-version: 2026-07-28\xe9\nmcp-method: tools/list\n", LIST, 400, MISMATCH),
    ("a version in Base64", b"mcp-protocol-version: =?base64?MjAyNi0wNy0yOA==?=\nmcp-method: tools/list\n", LIST, 400, MISMATCH),
    ("no header of them", b"", LIST, 400, MISMATCH),
    ("a version in the header only", b"@V@mcp-method: tools/list\n", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, 400, PARAMS),
    ("a version in the header only, of a call", b"@V@mcp-method: tools/call\nmcp-name: balance\n", r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance"}}"#, 400, PARAMS),
    ("the method twice", b"@V@mcp-method: tools/list\nmcp-method: tools/list\n", LIST, 400, MISMATCH),
    ("two methods in one", b"@V@mcp-method: tools/list,tools/call\n", LIST, 400, MISMATCH),
    ("an empty method", b"@V@mcp-method:\n", LIST, 400, MISMATCH),
    ("a method in Base64", b"@V@mcp-method: =?base64?dG9vbHMvbGlzdA==?=\n", LIST, 400, MISMATCH),
    ("a method with a byte of Latin 1", b"@V@mcp-method: tools/list\xff\n", LIST, 400, MISMATCH),
    ("two names", b"@V@mcp-method: tools/call\nmcp-name: balance\nmcp-name: pay\n", CALL, 400, MISMATCH),
    ("an empty name", b"@V@mcp-method: tools/call\nmcp-name:\n", CALL, 400, MISMATCH),
    ("a name in capitals", b"@V@mcp-method: tools/call\nmcp-name: BALANCE\n", CALL, 400, MISMATCH),
    ("a name in quotes", b"@V@mcp-method: tools/call\nmcp-name: \"balance\"\n", CALL, 400, MISMATCH),
    ("a name in percent signs", b"@V@mcp-method: tools/call\nmcp-name: %62alance\n", CALL, 400, MISMATCH),
    ("a name with a byte of Latin 1", b"@V@mcp-method: tools/call\nmcp-name: balance\xe9\n", CALL, 400, MISMATCH),
    ("a name in UTF-8", "@V@mcp-method: tools/call\nmcp-name: bälance\n".as_bytes(), CALL, 400, MISMATCH),
    ("a sentinel in capitals", b"@V@mcp-method: tools/call\nmcp-name: =?BASE64?YmFsYW5jZQ==?=\n", CALL, 400, MISMATCH),
    ("a sentinel without its end", b"@V@mcp-method: tools/call\nmcp-name: =?base64?YmFsYW5jZQ==\n", CALL, 400, MISMATCH),
    ("a sentinel that shares its mark", b"@V@mcp-method: tools/call\nmcp-name: =?base64?=\n", CALL, 400, MISMATCH),
    ("a sentinel around nothing", b"@V@mcp-method: tools/call\nmcp-name: =?base64??=\n", CALL, 400, MISMATCH),
    ("Base64 without padding", b"@V@mcp-method: tools/call\nmcp-name: =?base64?YmFsYW5jZQ?=\n", CALL, 400, MISMATCH),
    ("Base64 with too much padding", b"@V@mcp-method: tools/call\nmcp-name: =?base64?YmFsYW5jZQ===?=\n", CALL, 400, MISMATCH),
    ("Base64 with stray bits", b"@V@mcp-method: tools/call\nmcp-name: =?base64?YmFsYW5jZR==?=\n", CALL, 400, MISMATCH),
    ("Base64 with a space", b"@V@mcp-method: tools/call\nmcp-name: =?base64?YmFs YW5jZQ==?=\n", CALL, 400, MISMATCH),
    ("Base64 of URLs", b"@V@mcp-method: tools/call\nmcp-name: =?base64?_-8=?=\n", CALL, 400, MISMATCH),
    ("Base64 of what is no text", b"@V@mcp-method: tools/call\nmcp-name: =?base64?/w==?=\n", CALL, 400, MISMATCH),
    ("Base64 of Base64", b"@V@mcp-method: tools/call\nmcp-name: =?base64?PT9iYXNlNjQ/WW1Gc1lXNWpaUT09Pz0=?=\n", CALL, 400, MISMATCH),
    ("a task's name that is missing", b"@V@mcp-method: tasks/get\n", r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"x",@M@}}"#, 400, MISMATCH),
    ("a prompt's name that is missing", b"@V@mcp-method: prompts/get\n", r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"x",@M@}}"#, 400, MISMATCH),
    // Right after all.
    ("white space around a name", b"@V@mcp-method: \t tools/list \t\n", LIST, 200, 0),
    ("names in capitals of headers", b"MCP-PROTOCOL-VERSION: 2026-07-28\nMCP-METHOD: tools/list\n", LIST, 200, 0),
    ("a name that the method has not", b"@V@mcp-method: tools/list\nmcp-name: pay\n", LIST, 200, 0),
    ("a parameter that no tool has", b"@V@mcp-method: tools/list\nmcp-param-x: \xff\n", LIST, 200, 0),
    ("a session, twice, of nobody", b"@V@mcp-method: tools/list\nmcp-session-id: a\nmcp-session-id: \xff\nlast-event-id: 7\n", LIST, 200, 0),
];

/// Said rightly in the headers, with a `_meta` of its own.
#[rustfmt::skip]
const METAS: &[(&str, &str, i64)] = &[
    ("_meta null", r#"null"#, PARAMS),
    ("_meta a string", r#""2026-07-28""#, PARAMS),
    ("_meta a list", r#"[]"#, PARAMS),
    ("_meta empty", r#"{}"#, PARAMS),
    ("a version that is a number", r#"{"io.modelcontextprotocol/protocolVersion":20260728,"io.modelcontextprotocol/clientCapabilities":{}}"#, PARAMS),
    ("a version that is null", r#"{"io.modelcontextprotocol/protocolVersion":null,"io.modelcontextprotocol/clientCapabilities":{}}"#, PARAMS),
    ("a version in a list", r#"{"io.modelcontextprotocol/protocolVersion":["2026-07-28"],"io.modelcontextprotocol/clientCapabilities":{}}"#, PARAMS),
    ("an empty version", r#"{"io.modelcontextprotocol/protocolVersion":"","io.modelcontextprotocol/clientCapabilities":{}}"#, MISMATCH),
    ("a version and a space", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28 ","io.modelcontextprotocol/clientCapabilities":{}}"#, MISMATCH),
    ("two versions", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/protocolVersion":"2025-11-25","io.modelcontextprotocol/clientCapabilities":{}}"#, PARAMS),
    ("two versions, one spelt otherwise", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol\/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#, PARAMS),
    ("two of what nobody knows", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"x":1,"x":1}"#, PARAMS),
    ("capabilities null", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":null}"#, PARAMS),
    ("capabilities in a list", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]}"#, PARAMS),
    ("two capabilities", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientCapabilities":{}}"#, PARAMS),
    ("extensions in a list", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"extensions":["io.modelcontextprotocol/tasks"]}}"#, PARAMS),
    ("two extensions of a name", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"extensions":{"x/y":{},"x/y":{}}}}"#, PARAMS),
    ("a client that is a string", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":"me","io.modelcontextprotocol/clientCapabilities":{}}"#, PARAMS),
    ("a client without a name", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#, PARAMS),
    ("a client with half of a pair", r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"\ud800"},"io.modelcontextprotocol/clientCapabilities":{}}"#, PARAMS),
];

/// A method, its params without `_meta`, the name that it mirrors, the status, the code.
#[rustfmt::skip]
const REQUESTS: &[(&str, &str, &str, u16, i64)] = &[
    ("tools/list", r#""cursor":"zz","#, "", 200, PARAMS),
    ("tools/list", r#""cursor":[],"#, "", 200, PARAMS),
    ("tools/call", r#""arguments":{},"#, "balance", 400, PARAMS),
    ("tools/call", r#""name":7,"#, "7", 400, PARAMS),
    ("tools/call", r#""name":"","#, "=?base64??=", 200, PARAMS),
    ("tools/call", r#""name":"nope","#, "nope", 200, PARAMS),
    ("tools/call", r#""name":"balance","arguments":[],"#, "balance", 200, PARAMS),
    ("tools/call", r#""name":"balance","n\u0061me":"pay","#, "balance", 400, PARAMS),
    ("tools/call", r#""name":"=?base64?x?=","#, "=?base64?PT9iYXNlNjQ/eD89?=", 200, PARAMS),
    ("prompts/get", r#""name":"x","#, "x", 404, METHOD),
    ("resources/read", r#""uri":"file:///ä","#, "=?base64?ZmlsZTovLy/DpA==?=", 404, METHOD),
    ("resources/read", r#""name":"x","#, "x", 400, PARAMS),
    ("tasks/get", r#""taskId":{},"#, "x", 400, PARAMS),
    ("tasks/get", r#""taskId":"","#, "=?base64??=", 400, -32021),
    ("tasks/result", r#""taskId":"x","#, "x", 404, METHOD),
    ("subscriptions/listen", "", "", 200, PARAMS),
    ("subscriptions/listen", r#""notifications":[],"#, "", 200, PARAMS),
    ("subscriptions/listen", r#""notifications":{"toolsListChanged":"yes"},"#, "", 200, PARAMS),
    ("subscriptions/listen", r#""notifications":{"taskIds":["x"]},"#, "", 400, -32021),
    ("subscriptions/unlisten", "", "", 404, METHOD),
    ("notifications/cancelled", r#""requestId":1,"#, "", 404, METHOD),
    ("sampling/createMessage", "", "", 404, METHOD),
    ("server/Discover", "", "", 404, METHOD),
    ("initialize", r#""protocolVersion":"2026-07-28","#, "", 404, METHOD),
];

/// What is no request, or no more than the header says: as before, with any number of codes.
type Other = (&'static str, &'static [u8], &'static str, u16, &'static [i64]);

#[rustfmt::skip]
const OTHERS: &[Other] = &[
    ("a notification", b"@V@", TOLD, 202, &[]),
    ("a notification of what has no meaning here", b"@V@mcp-method: x\n", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#, 202, &[]),
    ("a call that wants no answer", b"@V@mcp-method: tools/call\nmcp-name: balance\n", r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"balance",@M@}}"#, 202, &[]),
    ("a notification of an unknown revision", b"mcp-protocol-version: 2099-01-01\n", TOLD, 400, &[VERSION]),
    ("a notification of two revisions", b"@V@@V@", TOLD, 400, &[MISMATCH]),
    ("a response", b"@V@", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, 400, &[INVALID]),
    ("an error response", b"@V@", r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}"#, 400, &[INVALID]),
    ("a response of an unknown revision", b"mcp-protocol-version: 2099-01-01\n", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, 400, &[VERSION]),
    ("a response of two revisions", b"@V@@V@", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, 400, &[MISMATCH]),
    ("a request with the id null", b"@V@mcp-method: tools/list\n", r#"{"jsonrpc":"2.0","id":null,"method":"tools/list","params":{@M@}}"#, 400, &[INVALID]),
    ("an unknown revision in the header", b"mcp-protocol-version: 2099-01-01\n", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, 400, &[VERSION]),
    ("a revision older than the transport", b"mcp-protocol-version: 2024-10-07\n", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, 400, &[VERSION]),
    ("a draft", b"mcp-protocol-version: DRAFT-2026-v1\n", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, 400, &[VERSION]),
    ("initialize beside the new header", b"@V@mcp-method: initialize\n", r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2026-07-28","capabilities":{}}}"#, 200, &[0]),
];

/// A request with these lines, from the agent.
fn case(name: String, lines: &[u8], body: &str) -> Case {
    let usual = b"accept: application/json, text/event-stream\ncontent-type: application/json\n";
    let head = [POST.as_bytes(), usual, lines].concat();
    let head = filled(&head, b"@V@", b"mcp-protocol-version: 2026-07-28\n");
    Case::with_head(name, &head, body.replace("@M@", META).as_bytes())
}

fn filled(bytes: &[u8], word: &[u8], value: &[u8]) -> Vec<u8> {
    match bytes.windows(word.len()).position(|window| window == word) {
        Some(at) => [&bytes[..at], value, &filled(&bytes[at + word.len()..], word, value)].concat(),
        None => bytes.to_vec(),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, lines, body, status, code) in HEADERS {
        cases.push(case((*name).to_owned(), lines, body).gets(*status, &[*code]).id("1"));
    }
    for (name, meta, code) in METAS {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{meta}}}}}"#);
        cases.push(case((*name).to_owned(), b"@V@mcp-method: tools/list\n", &body).gets(400, &[*code]).id("1"));
    }
    for (method, params, name, status, code) in REQUESTS {
        let lines = format!("@V@mcp-method: {method}\nmcp-name: {name}\n");
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}@M@}}}}"#);
        cases.push(case(format!("{method} with {params}"), lines.as_bytes(), &body).gets(*status, &[*code]).id("1"));
    }
    for (name, lines, body, status, codes) in OTHERS {
        cases.push(case((*name).to_owned(), lines, body).gets(*status, codes));
    }
    cases
}

/// The `inputSchema` of a tool with arguments in headers.
pub(super) fn schema() -> Value {
    let of = |kind: &str, name: &str| json!({"type": kind, "x-mcp-header": name});
    json!({"type": "object", "properties": {
        "region": of("string", "Region"), "count": of("integer", "Count"), "dry": of("boolean", "Dry"),
        "deep": {"type": "object", "properties": {"er": of("string", "Deep-Er")}},
    }})
}

/// A name, the lines beside the usual ones, the arguments, whether both say the same.
#[rustfmt::skip]
const PARAMETERS: &[(&str, &[u8], &str, bool)] = &[
    ("nothing to say", b"", "{}", true),
    ("nothing, and said", b"mcp-param-region: eu\n", "{}", false),
    ("nothing, and said as nothing", b"mcp-param-region:\n", "{}", false),
    ("null, and said", b"mcp-param-region: null\n", r#"{"region":null}"#, false),
    ("the same twice", b"mcp-param-region: eu\nmcp-param-region: eu\n", r#"{"region":"eu"}"#, false),
    ("another case", b"mcp-param-region: EU\n", r#"{"region":"eu"}"#, false),
    ("another case of the name", b"MCP-PARAM-REGION: eu\n", r#"{"region":"eu"}"#, true),
    ("quotes", b"mcp-param-region: \"eu\"\n", r#"{"region":"eu"}"#, false),
    ("an escape that says the same", b"mcp-param-region: eu\n", r#"{"region":"\u0065u"}"#, true),
    ("not ASCII, in Base64", b"mcp-param-region: =?base64?SGVsbG8sIOS4lueVjA==?=\n", r#"{"region":"Hello, 世界"}"#, true),
    ("not ASCII, as it is", "mcp-param-region: Hello, 世界\n".as_bytes(), r#"{"region":"Hello, 世界"}"#, false),
    ("ASCII, in Base64", b"mcp-param-region: =?base64?ZXU=?=\n", r#"{"region":"eu"}"#, true),
    ("a line end, in Base64", b"mcp-param-region: =?base64?bGluZTEKbGluZTI=?=\n", r#"{"region":"line1\nline2"}"#, true),
    ("spaces around, in Base64", b"mcp-param-region: =?base64?IHBhZGRlZCA=?=\n", r#"{"region":" padded "}"#, true),
    ("spaces around, lost", b"mcp-param-region:  padded \n", r#"{"region":" padded "}"#, false),
    ("a sentinel as it is", b"mcp-param-region: =?base64?literal?=\n", r#"{"region":"=?base64?literal?="}"#, false),
    ("a sentinel, in Base64", b"mcp-param-region: =?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=\n", r#"{"region":"=?base64?literal?="}"#, true),
    ("broken Base64", b"mcp-param-region: =?base64?ZXU?=\n", r#"{"region":"eu"}"#, false),
    ("Base64 of what is no text", b"mcp-param-region: =?base64?/w==?=\n", r#"{"region":"eu"}"#, false),
    ("a byte of Latin 1", b"mcp-param-region: eu\xe9\n", r#"{"region":"eu"}"#, false),
    ("an empty string, as nothing", b"", r#"{"region":""}"#, false),
    ("an empty string, in Base64", b"mcp-param-region: =?base64??=\n", r#"{"region":""}"#, true),
    ("a number", b"mcp-param-count: 42\n", r#"{"count":42}"#, true),
    ("the same number, written otherwise", b"mcp-param-count: 42.0\n", r#"{"count":42}"#, true),
    ("the same number, with an exponent in the body", b"mcp-param-count: 42\n", r#"{"count":4.2e1}"#, true),
    ("another number", b"mcp-param-count: 43\n", r#"{"count":42}"#, false),
    ("a number with a zero in front", b"mcp-param-count: 042\n", r#"{"count":42}"#, false),
    ("a number in words", b"mcp-param-count: forty-two\n", r#"{"count":42}"#, false),
    ("a number beyond 2^53", b"mcp-param-count: 9007199254740993\n", r#"{"count":9007199254740993}"#, false),
    ("a number beyond everything", b"mcp-param-count: 1\n", r#"{"count":1e999999999999}"#, false),
    ("true", b"mcp-param-dry: true\n", r#"{"dry":true}"#, true),
    ("true in capitals", b"mcp-param-dry: True\n", r#"{"dry":true}"#, false),
    ("one for true", b"mcp-param-dry: 1\n", r#"{"dry":true}"#, false),
    ("deeper", b"mcp-param-deep-er: x\n", r#"{"deep":{"er":"x"}}"#, true),
    ("deeper, and missing", b"", r#"{"deep":{"er":"x"}}"#, false),
    ("deeper, and twice in the body", b"mcp-param-deep-er: x\n", r#"{"deep":{"er":"x","\u0065r":"y"}}"#, false),
    ("twice in the body", b"mcp-param-region: eu\n", r#"{"region":"eu","region":"us"}"#, false),
    ("one that nobody declared", b"mcp-param-other: \xff\n", "{}", true),
];

pub(super) fn parameters() -> Vec<Case> {
    let row = |(name, lines, arguments, right): &(&'static str, &[u8], &str, bool)| {
        let head = [b"@V@mcp-method: tools/call\nmcp-name: balance\n", *lines].concat();
        let body = CALL.replace(r#""arguments":{}"#, &format!(r#""arguments":{arguments}"#));
        let case = case((*name).to_owned(), &head, &body).id("1");
        if *right { case.gets(200, &[0]).calls() } else { case.gets(400, &[MISMATCH]) }
    };
    // The header is right. That the schema wants a string is for the upstream to say: nobody is asked.
    let null = CALL.replace("{},", r#"{"region":null},"#);
    let null = case("null is nothing to say".to_owned(), b"@V@mcp-method: tools/call\nmcp-name: balance\n", &null);
    PARAMETERS.iter().map(row).chain([null.gets(200, &[0]).calls()]).collect()
}
