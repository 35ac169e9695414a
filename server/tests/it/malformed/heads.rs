//! Heads that are wrong or odd: the request line, `Host` and `Origin`, the credential, the session, the revision,
//! what is sent and what is taken. What the specification leaves open is served.

use super::case::Case;

/// A name, the head (`\n` for CRLF, without length), the status, the codes of the answer, how much is recorded.
type Row = (&'static str, &'static [u8], u16, &'static [i64], usize);

const PING: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const INVALID: i64 = -32600;

/// Answered without a look at who asks, by the HTTP library or at the doors.
#[rustfmt::skip]
const NOT_LET_IN: &[Row] = &[
    ("another protocol", b"POST /acme/bank/mcp SPDY/3\nhost: @HOST@\n", 400, &[], 0),
    ("HTTP/2 by its name", b"POST /acme/bank/mcp HTTP/2.0\nhost: @HOST@\n", 400, &[], 0),
    ("HTTP/1.2", b"POST /acme/bank/mcp HTTP/1.2\nhost: @HOST@\n", 400, &[], 0),
    ("no version", b"POST /acme/bank/mcp\nhost: @HOST@\n", 400, &[], 0),
    ("a space too many", b"POST  /acme/bank/mcp HTTP/1.1\nhost: @HOST@\n", 400, &[], 0),
    ("a space in the path", b"POST /acme/ba nk/mcp HTTP/1.1\nhost: @HOST@\n", 400, &[], 0),
    ("a byte of Latin 1 in the path", b"POST /acme/bank\xe9/mcp HTTP/1.1\nhost: @HOST@\n", 400, &[], 0),
    ("no path", b"POST HTTP/1.1\nhost: @HOST@\n", 400, &[], 0),
    ("a path that does not begin", b"POST acme/bank/mcp HTTP/1.1\nhost: @HOST@\n", 400, &[], 0),
    ("a method with brackets", b"PO(ST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\n", 400, &[], 0),
    ("a header without a colon", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\naccept\n", 400, &[], 0),
    ("a header without a name", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\n: x\n", 400, &[], 0),
    ("a space before the colon", b"POST /acme/bank/mcp HTTP/1.1\nhost : @HOST@\n", 400, &[], 0),
    ("a name with a byte of Latin 1", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nmcp-m\xe9thod: x\n", 400, &[], 0),
    ("a folded header", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nmcp-method: tools/list\n more\n", 400, &[], 0),
    ("a zero byte in a header", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nmcp-method: to\0ols\n", 400, &[], 0),
    ("a lone line end in a header", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nmcp-method: to\rols\n", 400, &[], 0),
    ("no host", b"POST /acme/bank/mcp HTTP/1.1\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("an empty host", b"POST /acme/bank/mcp HTTP/1.1\nhost:\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("two hosts in one", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@, @HOST@\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("two hosts, one right", b"POST /acme/bank/mcp HTTP/1.1\nhost: evil.example\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("a host with a name before it", b"POST /acme/bank/mcp HTTP/1.1\nhost: me@@HOST@\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("a host that is a URL", b"POST /acme/bank/mcp HTTP/1.1\nhost: http://@HOST@/\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("half of an address", b"POST /acme/bank/mcp HTTP/1.1\nhost: [::1\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("a host with a byte of Latin 1", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\xe9\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("another host in the line", b"POST http://evil.example/acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("HTTP/1.0 without a host", b"POST /acme/bank/mcp HTTP/1.0\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("an empty origin", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\norigin:\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("two origins", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\norigin: http://@HOST@\norigin: http://@HOST@\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("two origins in one", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\norigin: http://@HOST@ http://evil.example\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("an origin with a path", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\norigin: http://@HOST@/\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("an origin with a byte of Latin 1", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\norigin: http://@HOST@\xff\nauthorization: Bearer @KEY@\n", 403, &[INVALID], 0),
    ("nobody", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\n", 401, &[INVALID], 0),
    ("nobody at a path that is not UTF-8", b"POST /%ff/b/mcp HTTP/1.1\nhost: @HOST@\n", 401, &[INVALID], 0),
    ("a credential twice", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nauthorization: Bearer @KEY@\n", 401, &[INVALID], 0),
    ("a credential of another kind", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Basic @KEY@\n", 401, &[INVALID], 0),
    ("a credential without its kind", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: @KEY@\n", 401, &[INVALID], 0),
    ("a kind without its credential", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer\n", 401, &[INVALID], 0),
    ("a credential and more", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@x\n", 401, &[INVALID], 0),
    ("two credentials in one", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@, Bearer @KEY@\n", 401, &[INVALID], 0),
    ("a credential with a byte of Latin 1", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\xe9\n", 401, &[INVALID], 0),
    ("a credential in the path", b"POST /acme/bank/mcp?authorization=Bearer+@KEY@&access_token=@KEY@ HTTP/1.1\nhost: @HOST@\n", 401, &[INVALID], 0),
];

/// Somebody who is known, at the wrong place or in the wrong way.
#[rustfmt::skip]
const TURNED_AWAY: &[Row] = &[
    ("a path that is not UTF-8", b"POST /%ff/b/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[INVALID], 1),
    ("a toolkit that is not UTF-8", b"POST /acme/%C0%AF/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[INVALID], 1),
    ("a stream of what is not UTF-8", b"GET /acme/%ED%A0%80/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: text/event-stream\n", 404, &[INVALID], 1),
    ("the end of what is not UTF-8", b"DELETE /%80/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[INVALID], 1),
    ("a zero character in the path", b"POST /acme/bank%00/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[INVALID], 1),
    ("a slash in a name", b"POST /acme/bank%2fmcp/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[INVALID], 1),
    ("dots in the path", b"POST /acme/../mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[INVALID], 1),
    ("a toolkit in capitals", b"POST /acme/BANK/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[INVALID], 1),
    ("an org and a line end", b"POST /acme%0d%0a/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[INVALID], 1),
    ("a percent sign that means nothing", b"POST /acme/bank%zz/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[INVALID], 1),
    ("the path in capitals", b"POST /acme/bank/MCP HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[], 0),
    ("two slashes", b"POST //acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[], 0),
    ("a path within the path", b"POST /acme/./bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 404, &[], 0),
    ("a method of HTTP that means nothing here", b"PUT /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 405, &[], 0),
    ("a method in small letters", b"post /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 405, &[], 0),
    ("a method that nobody knows", b"FROBNICATE /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 405, &[], 0),
    ("TRACE", b"TRACE /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 405, &[], 0),
    ("an unknown session", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: nonsense\n", 404, &[INVALID], 1),
    ("a session in quotes", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: \"@SESSION@\"\n", 404, &[INVALID], 1),
    ("a session and more", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: @SESSION@ x\n", 404, &[INVALID], 1),
    ("another's session", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: @THEIR-SESSION@\n", 404, &[INVALID], 1),
    ("one's own session and another's", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: @SESSION@\nmcp-session-id: @THEIR-SESSION@\n", 400, &[INVALID], 1),
    ("two sessions in one", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: @SESSION@, @SESSION@\n", 404, &[INVALID], 1),
    ("a session with a byte of Latin 1", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: @SESSION@\xe9\n", 400, &[INVALID], 1),
    ("a session in UTF-8", "POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: käse\n".as_bytes(), 400, &[INVALID], 1),
    ("a stream of another's session", b"GET /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: text/event-stream\nmcp-session-id: @THEIR-SESSION@\n", 404, &[INVALID], 1),
    ("a stream that takes no events", b"GET /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: */*\nmcp-session-id: @SESSION@\n", 400, &[INVALID], 1),
    ("a stream of an unknown revision", b"GET /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: text/event-stream\nmcp-session-id: @SESSION@\nmcp-protocol-version: 2099-01-01\n", 400, &[INVALID], 1),
    ("a stream of two revisions", b"GET /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: text/event-stream\nmcp-session-id: @SESSION@\nmcp-protocol-version: 2025-11-25\nmcp-protocol-version: 2025-11-25\n", 400, &[INVALID], 1),
    ("a stream in 2026-07-28", b"GET /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: text/event-stream\nmcp-session-id: @SESSION@\nmcp-protocol-version: 2026-07-28\n", 405, &[INVALID], 1),
    ("the end of nobody's session", b"DELETE /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: nonsense\n", 404, &[INVALID], 1),
    ("the end of another's session", b"DELETE /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: @THEIR-SESSION@\n", 404, &[INVALID], 1),
    ("the end of two sessions", b"DELETE /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: @SESSION@\nmcp-session-id: @SESSION@\n", 400, &[INVALID], 1),
    ("the end of a session in an unknown revision", b"DELETE /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: @SESSION@\nmcp-protocol-version: 2099-01-01\n", 400, &[INVALID], 1),
    ("the end of a session in 2026-07-28", b"DELETE /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id: @SESSION@\nmcp-protocol-version: 2026-07-28\n", 405, &[INVALID], 1),
    ("the revision twice", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-protocol-version: 2025-11-25\nmcp-protocol-version: 2025-11-25\n", 400, &[-32020], 1),
    ("two revisions in one", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-protocol-version: 2025-11-25,2025-06-18\n", 400, &[-32022], 1),
    ("an empty revision", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-protocol-version:\n", 400, &[-32022], 1),
    ("a revision with a byte of Latin 1", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-protocol-version: 2025-11-25\xe9\n", 400, &[-32020], 1),
];

/// Odd, and understood all the same: a client that breaks a rule which protects nobody is served.
#[rustfmt::skip]
const SERVED: &[Row] = &[
    ("a slash at the end", b"POST /acme/bank/mcp/ HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 200, &[0], 1),
    ("an empty session", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id:\n", 200, &[0], 1),
    ("no Accept", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\ncontent-type: application/json\n", 200, &[0], 1),
    ("anything accepted", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: */*\n", 200, &[0], 1),
    ("only pages accepted", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: text/html\n", 200, &[0], 1),
    ("only events accepted", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: text/event-stream\n", 200, &[0], 1),
    ("an Accept of commas", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: ,;,,;q=\n", 200, &[0], 1),
    ("an Accept of no characters", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: \xff\xfe\n", 200, &[0], 1),
    ("Accept three times", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\naccept: application/json\naccept: text/event-stream\naccept: x\n", 200, &[0], 1),
    ("a body of plain text", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\ncontent-type: text/plain\n", 200, &[0], 1),
    ("a body of a form", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\ncontent-type: application/x-www-form-urlencoded\n", 200, &[0], 1),
    ("a body of two types", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\ncontent-type: application/json\ncontent-type: text/html\n", 200, &[0], 1),
    ("a body of another alphabet, it says", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\ncontent-type: application/json; charset=utf-16\n", 200, &[0], 1),
    ("a body of no type that is one", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\ncontent-type: ;;;\xe9\n", 200, &[0], 1),
    ("a credential in small letters and spaces", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: bearer   @KEY@  \n", 200, &[0], 1),
    ("the toolkit in percent signs", b"POST /acme/%62ank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 200, &[0], 1),
    ("a question that means nothing", b"POST /acme/bank/mcp?x=%ff&&=;/../ HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 200, &[0], 1),
    ("the whole URL in the line", b"POST http://@HOST@/acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 200, &[0], 1),
    ("HTTP/1.0", b"POST /acme/bank/mcp HTTP/1.0\nhost: @HOST@\nauthorization: Bearer @KEY@\n", 200, &[0], 1),
    ("HTTP/1.0 that would stay", b"POST /acme/bank/mcp HTTP/1.0\nhost: @HOST@\nconnection: keep-alive\nauthorization: Bearer @KEY@\n", 200, &[0], 1),
    ("what another protocol would be", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nconnection: upgrade, http2-settings\nupgrade: h2c\nhttp2-settings: AAMAAABkAAQAAP__\n", 200, &[0], 1),
    ("addresses that nobody vouches for", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nx-forwarded-for: \xff, ::::, 999.1.1.1\nx-forwarded-host: evil.example\nforwarded: for=\"_\n", 200, &[0], 1),
    ("headers of 2026-07-28 beside an older body", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-protocol-version: 2025-11-25\nmcp-method: tools/call\nmcp-name: pay\n", 200, &[0], 1),
    ("one's own session", b"POST /acme/bank/mcp HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\nmcp-session-id:   @SESSION@  \nlast-event-id: \xff\n", 200, &[0], 1),
];

pub(super) fn cases() -> Vec<Case> {
    let rows = [NOT_LET_IN, TURNED_AWAY, SERVED].concat().into_iter();
    let mut cases: Vec<Case> = rows
        .map(|(name, head, status, codes, records)| {
            Case::with_head(name, head, PING).gets(status, codes).recorded(records)
        })
        .collect();
    cases.extend(long());
    cases
}

/// Longer than anything has to be.
fn long() -> Vec<Case> {
    let case = |name: &'static str, line: &str, more: &str| {
        let head = format!("POST {line} HTTP/1.1\nhost: @HOST@\nauthorization: Bearer @KEY@\n{more}");
        Case::with_head(name, head.as_bytes(), PING)
    };
    let endpoint = "/acme/bank/mcp";
    vec![
        case("a path of 60 kB", &format!("/acme/{}/mcp", "x".repeat(60_000)), "").gets(404, &[INVALID]),
        case("a path of 70 kB", &format!("/acme/{}/mcp", "x".repeat(70_000)), "").gets(414, &[]),
        case("a question of 60 kB", &format!("{endpoint}?{}", "x".repeat(60_000)), "").gets(200, &[0]),
        case("a session of 10 kB", endpoint, &format!("mcp-session-id: {}\n", "x".repeat(10_000)))
            .gets(404, &[INVALID]),
        case("a revision of 10 kB", endpoint, &format!("mcp-protocol-version: {}\n", "2".repeat(10_000)))
            .gets(400, &[-32022])
            .id("1"),
        case("a client of 10 kB", endpoint, &format!("user-agent: {}\n", "\u{e9}x".repeat(5_000))).gets(200, &[0]),
        case("a header of a megabyte", endpoint, &format!("accept: {}\n", "x".repeat(1_000_000))).gets(431, &[]),
        case("ninety headers", endpoint, &"accept: x\n".repeat(90)).gets(200, &[0]),
        case("two hundred headers", endpoint, &"accept: x\n".repeat(200)).gets(431, &[]),
    ]
}
