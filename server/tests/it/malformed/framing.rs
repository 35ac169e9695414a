//! Where a request ends and the next one begins: lengths that lie, chunks that are none, both at once, one request
//! behind another (RFC 9112, sections 6 and 7). Two readers that disagree about it are how requests are smuggled.

use super::case::{Case, POST, crlf};

const INVALID: i64 = -32600;
const PARSE: i64 = -32700;
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":{}}}"#;
const CLOSE: &str = "connection: close\n";

/// A name, the lines after the usual head, the body as it is sent, the status, the codes, how much is recorded.
type Row = (&'static str, &'static str, &'static str, u16, &'static [i64], usize);

/// One request each; `PING` is 40 bytes, 28 in hexadecimal.
#[rustfmt::skip]
const FRAMES: &[Row] = &[
    ("two lengths that differ", "content-length: 40\ncontent-length: 41\n", "@PING@", 400, &[], 0),
    ("two lengths in one", "content-length: 40, 41\n", "@PING@", 400, &[], 0),
    ("a negative length", "content-length: -40\n", "@PING@", 400, &[], 0),
    ("a length with a plus", "content-length: +40\n", "@PING@", 400, &[], 0),
    ("a length in hexadecimal", "content-length: 0x28\n", "@PING@", 400, &[], 0),
    ("a length in words", "content-length: forty\n", "@PING@", 400, &[], 0),
    ("an empty length", "content-length:\n", "@PING@", 400, &[], 0),
    ("a length beyond everything", "content-length: 99999999999999999999999\n", "@PING@", 400, &[], 0),
    ("a length of nearly everything", "content-length: 18446744073709551615\n", "@PING@", 431, &[], 0),
    ("the same length twice", "content-length: 40\ncontent-length: 40\n", "@PING@", 200, &[0], 1),
    ("a length that is too short", "content-length: 39\n", "@PING@", 400, &[PARSE], 1),
    ("no length", "", "@PING@", 400, &[PARSE], 1),
    ("a length of nothing", "content-length: 0\n", "@PING@", 400, &[PARSE], 1),
    ("another coding than chunks", "transfer-encoding: identity\n", "@PING@", 400, &[], 0),
    ("compressed", "transfer-encoding: gzip\n", "@PING@", 400, &[], 0),
    ("chunks before another coding", "transfer-encoding: chunked, identity\n", "28\r\n@PING@\r\n0\r\n\r\n", 400, &[], 0),
    ("chunks by nearly their name", "transfer-encoding: xchunked\n", "28\r\n@PING@\r\n0\r\n\r\n", 400, &[], 0),
    ("chunks, then none", "transfer-encoding: chunked\ntransfer-encoding: identity\n", "28\r\n@PING@\r\n0\r\n\r\n", 400, &[], 0),
    ("chunks", "transfer-encoding: chunked\n", "28\r\n@PING@\r\n0\r\n\r\n", 200, &[0], 1),
    ("chunks in capitals", "Transfer-Encoding: CHUNKED\n", "28\r\n@PING@\r\n0\r\n\r\n", 200, &[0], 1),
    ("chunks with extensions", "transfer-encoding: chunked\n", "28;a=b;c=\"d;e\"\r\n@PING@\r\n0;last\r\n\r\n", 200, &[0], 1),
    ("chunks with zeros in front", "transfer-encoding: chunked\n", "0000000028\r\n@PING@\r\n000\r\n\r\n", 200, &[0], 1),
    ("chunks with trailers", "transfer-encoding: chunked\n", "28\r\n@PING@\r\n0\r\nauthorization: Bearer x\r\nmcp-protocol-version: 1999-01-01\r\n\r\n", 200, &[0], 1),
    ("chunks of nothing", "transfer-encoding: chunked\n", "0\r\n\r\n", 400, &[PARSE], 1),
    ("a chunk without its size", "transfer-encoding: chunked\n", "\r\n@PING@\r\n0\r\n\r\n", 400, &[INVALID], 1),
    ("a chunk of negative size", "transfer-encoding: chunked\n", "-28\r\n@PING@\r\n0\r\n\r\n", 400, &[INVALID], 1),
    ("a chunk size with its sign", "transfer-encoding: chunked\n", "0x28\r\n@PING@\r\n0\r\n\r\n", 400, &[INVALID], 1),
    ("a chunk size in words", "transfer-encoding: chunked\n", "forty\r\n@PING@\r\n0\r\n\r\n", 400, &[INVALID], 1),
    ("a chunk beyond everything", "transfer-encoding: chunked\n", "fffffffffffffffff\r\n@PING@\r\n0\r\n\r\n", 400, &[INVALID], 1),
    ("a chunk longer than its size", "transfer-encoding: chunked\n", "27\r\n@PING@\r\n0\r\n\r\n", 400, &[INVALID], 1),
    ("a chunk without its end", "transfer-encoding: chunked\n", "28\r\n@PING@0\r\n\r\n", 400, &[INVALID], 1),
    ("a chunk that ends half", "transfer-encoding: chunked\n", "28\r\n@PING@\r0\r\n\r\n", 400, &[INVALID], 1),
    ("a chunk's extension with a lone line end", "transfer-encoding: chunked\n", "28;a\nb\r\n@PING@\r\n0\r\n\r\n", 400, &[INVALID], 1),
    ("a trailer that is none", "transfer-encoding: chunked\n", "28\r\n@PING@\r\n0\r\nno trailer\0\r\n\r\n", 400, &[INVALID], 1),
    // What chunks say counts, wherever the length stands (RFC 9112, 6.1), and nothing comes after.
    ("a length that is too long, and chunks", "content-length: 4000\ntransfer-encoding: chunked\n", "28\r\n@PING@\r\n0\r\n\r\n", 200, &[0], 1),
    ("chunks, and a length that is too short", "transfer-encoding: chunked\ncontent-length: 4\n", "28\r\n@PING@\r\n0\r\n\r\n", 200, &[0], 1),
    ("chunks, and a length that is none", "transfer-encoding: chunked\ncontent-length: x\n", "28\r\n@PING@\r\n0\r\n\r\n", 200, &[0], 1),
    ("what is waited for", "content-length: 40\nexpect: 100-continue\n", "@PING@", 200, &[0], 1),
    ("what cannot be waited for", "content-length: 40\nexpect: 999-nonsense\n", "@PING@", 200, &[0], 1),
];

pub(super) fn cases() -> Vec<Case> {
    let rows = FRAMES.iter().map(|(name, lines, body, status, codes, records)| {
        let head = crlf(format!("{POST}{CLOSE}{lines}\n").as_bytes());
        let case = Case::raw(*name, [head, body.replace("@PING@", PING).into_bytes()].concat());
        // The body is asked for, and then answered.
        let case = if lines.contains("100-continue") { case.gets(100, &[]) } else { case };
        case.gets(*status, codes).recorded(*records)
    });
    rows.chain(smuggled()).chain(sizes()).chain(pipelined()).collect()
}

/// A request with this body, after which the connection stays or not.
fn request(lines: &str, body: &str) -> Vec<u8> {
    let head = format!("{POST}{lines}content-length: {}\n\n", body.len());
    [crlf(head.as_bytes()), body.as_bytes().to_vec()].concat()
}

/// Requests in what somebody else would take for a body.
fn smuggled() -> Vec<Case> {
    let stranger = format!(
        "POST /acme/bank/mcp HTTP/1.1\r\nhost: @HOST@\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{CALL}",
        CALL.len()
    );
    let head = |lines: &str| String::from_utf8(crlf(format!("{POST}{lines}\n").as_bytes())).expect("text");
    let chunked = format!("28\r\n{PING}\r\n0\r\n\r\n");
    let old = format!("POST /acme/bank/mcp HTTP/1.0\r\nhost: @HOST@\r\ntransfer-encoding: chunked\r\n\r\n{chunked}");
    let both = head("content-length: 4\ntransfer-encoding: chunked\n") + &chunked;
    vec![
        // The credential of the first is not the second's.
        Case::raw("a body behind a length of nothing", head("content-length: 0\n") + &stranger)
            .gets(400, &[PARSE])
            .gets(401, &[INVALID])
            .recorded(1),
        Case::raw("a body behind one that is too short", head("content-length: 40\n") + PING + &stranger)
            .gets(200, &[0])
            .gets(401, &[INVALID])
            .recorded(1),
        Case::raw("half a body as a request", head("content-length: 20\n") + PING + "\r\n\r\n")
            .gets(400, &[PARSE])
            .gets(400, &[]),
        Case::raw("a request that is a body", request(CLOSE, &stranger)).gets(400, &[PARSE]),
        Case::raw("a length and chunks, and a request behind them", both.clone() + &stranger).gets(200, &[0]),
        Case::raw("chunks in HTTP/1.0", old).gets(400, &[]),
        Case::raw("lone line ends", head(CLOSE).replace("\r\n", "\n") + &stranger).gets(400, &[PARSE]),
        Case::raw("a page's request", "GET / HTTP/0.9\r\n\r\n").gets(400, &[]),
        Case::raw("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec()).gets(400, &[]),
        // The connection only closes.
        Case::raw("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
    ]
}

/// At the limit of 4 MiB and one beyond.
fn sizes() -> Vec<Case> {
    const LIMIT: usize = 4 * 1024 * 1024;
    let of = |size: usize| format!("{PING}{}", " ".repeat(size - PING.len()));
    let chunks = |size: usize| {
        let chunks: String = (0..size / 1024).map(|_| format!("400\r\n{}\r\n", " ".repeat(1024))).collect();
        let head = crlf(format!("{POST}{CLOSE}transfer-encoding: chunked\n\n").as_bytes());
        [head, format!("{chunks}28\r\n{PING}\r\n0\r\n\r\n").into_bytes()].concat()
    };
    vec![
        Case::raw("4 MiB", request(CLOSE, &of(LIMIT))).gets(200, &[0]),
        Case::raw("4 MiB and a byte", request(CLOSE, &of(LIMIT + 1))).gets(413, &[INVALID]),
        Case::raw("4 MiB and a byte, asked for", request(&format!("{CLOSE}expect: 100-continue\n"), &of(LIMIT + 1)))
            .gets(100, &[])
            .gets(413, &[INVALID]),
        Case::raw("4 MiB in chunks, and more", chunks(LIMIT)).gets(413, &[INVALID]),
        Case::raw("3 MiB in chunks", chunks(LIMIT / 4 * 3)).gets(200, &[0]),
    ]
}

/// Requests that do not wait for the answer before them.
fn pipelined() -> Vec<Case> {
    let requests = |bodies: &[&str]| {
        let (last, others) = bodies.split_last().expect("some");
        let others: Vec<u8> = others.iter().flat_map(|body| request("", body)).collect();
        [others, request(CLOSE, last)].concat()
    };
    let many = (0..100).fold(Case::raw("a hundred at once", requests(&[PING; 100])), |case, _| case.gets(200, &[0]));
    vec![
        Case::raw("a wrong one between two", requests(&[PING, "{", PING]))
            .gets(200, &[0])
            .gets(400, &[PARSE])
            .gets(200, &[0]),
        Case::raw("what is not HTTP behind a request", [request("", PING), b"\0\0\0\0\r\n\r\n".to_vec()].concat())
            .gets(200, &[0])
            .gets(400, &[]),
        Case::raw(
            "line ends between requests",
            [request("", PING), b"\r\n\r\n".to_vec(), request(CLOSE, PING)].concat(),
        )
        .gets(200, &[0])
        .gets(200, &[0]),
        Case::raw("a call behind a notification", requests(&[r#"{"jsonrpc":"2.0","method":"x"}"#, CALL]))
            .gets(202, &[])
            .gets(200, &[0])
            .calls(),
        many,
    ]
}
