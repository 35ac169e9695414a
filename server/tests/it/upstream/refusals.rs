//! Upstreams that refuse, forget and break off before a call: what can be repeated is, and the rest is said.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use permesso::upstream::State;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fake::{Fake, Seen, json, status, typed};
use super::process::shell;
use super::*;

const SUPPORTED: &str = "Unsupported protocol version (supported versions: 2025-06-18, 2025-03-26, 2024-11-05)";

fn refusal(seen: &Seen, code: i64, message: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":{code},"message":"{message}"}}}}"#, seen.id())
}

#[tokio::test]
async fn a_server_that_refuses_our_revision_is_asked_in_one_of_its_own() {
    for code in [200, 400, 422] {
        let fake = Fake::start(move |seen| async move {
            match (seen.method.as_str(), seen.body["params"]["protocolVersion"].as_str()) {
                ("initialize", Some("2025-06-18")) => Some(seen.answer(r#"{"protocolVersion":"2025-06-18"}"#)),
                ("initialize", _) if code == 200 => Some(json(&refusal(&seen, -32602, SUPPORTED))),
                ("initialize", _) => {
                    let mut response = typed("text/plain", Body::from(SUPPORTED));
                    *response.status_mut() = status(code).status();
                    Some(response)
                }
                ("tools/call", _) => Some(seen.answer("{}")),
                _ => None,
            }
        })
        .await;
        result(call(&upstreams(), &Arc::new(http_spec(&fake.url)), "t").await);
        let seen = fake.seen();
        let call = seen.iter().find(|seen| seen.method == "tools/call").unwrap();
        assert_eq!((call.header("mcp-protocol-version"), fake.count("initialize")), ("2025-06-18", 2), "{code}");
    }

    let mut old = shell("*'\"tools/call\"'*) answer '{}';;");
    let Transport::Stdio { args, .. } = &mut old.transport else { unreachable!() };
    let refuses = r#"*'"2025-11-25"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"Unsupported protocol version"}}\n' "$id";;"#;
    let before = r#"*'"method":"initialize"'*)"#;
    args[1] = args[1].replace("2025-11-25", "2024-11-05").replace(before, &format!("{refuses} {before}"));
    result(call(&upstreams(), &Arc::new(old), "t").await);
}

#[tokio::test]
async fn why_a_server_refuses_a_session_is_its_last_error() {
    let fake = Fake::start(|seen| async move {
        (seen.method == "initialize").then(|| json(&refusal(&seen, -32000, "no licence for s3cret-s3cret")))
    })
    .await;
    let mut spec = http_spec(&fake.url);
    spec.secrets = Arc::new(permesso::upstream::Secrets::new(["s3cret-s3cret".to_owned()]));
    let (upstreams, spec) = (upstreams(), Arc::new(spec));
    let reason = not_sent(call(&upstreams, &spec, "t").await);
    assert_eq!(reason, "the upstream refused to initialize; its log says why");
    let last = upstreams.status(spec.id).unwrap().last_error.unwrap();
    assert_eq!(last, "the upstream refused to initialize: no licence for [redacted]");
}

#[tokio::test]
async fn what_a_program_said_before_it_ended_is_its_last_error() {
    let mut spec = shell("");
    let Transport::Stdio { args, .. } = &mut spec.transport else { unreachable!() };
    args[1] = "echo 'Error: no module left-pad for s3cret-s3cret' >&2; echo 'sh v1' >&2; exit 1".to_owned();
    spec.secrets = Arc::new(permesso::upstream::Secrets::new(["s3cret-s3cret".to_owned()]));
    let (upstreams, spec) = (upstreams(), Arc::new(spec));
    let reason = not_sent(call(&upstreams, &spec, "t").await);
    assert_eq!(reason, "the upstream's process ended (exit status: 1); its log says why");
    let last = upstreams.status(spec.id).unwrap().last_error.unwrap();
    assert_eq!(last, "the upstream's process ended (exit status: 1): Error: no module left-pad for [redacted]");
}

#[tokio::test]
async fn a_session_whose_requests_are_invalid_twice_in_a_row_is_opened_anew() {
    for names_request in [true, false] {
        let lost = Arc::new(AtomicBool::new(false));
        let is_lost = lost.clone();
        let fake = Fake::start(move |seen| {
            let lost = is_lost.load(Ordering::Relaxed) && seen.header("mcp-session-id") == "session-1";
            async move {
                match seen.method.as_str() {
                    "tools/call" | "tools/list" if lost => {
                        let refusal = refusal(&seen, -32600, "Invalid Request");
                        let unnamed = refusal.replace(&format!("\"id\":{}", seen.id()), "\"id\":null");
                        Some(json(if names_request { &refusal } else { &unnamed }))
                    }
                    "tools/call" => Some(seen.answer("{}")),
                    "tools/list" => Some(seen.answer(r#"{"tools":[]}"#)),
                    _ => None,
                }
            }
        })
        .await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
        result(call(&upstreams, &spec, "t").await);
        lost.store(true, Ordering::Relaxed);
        for _ in 0..2 {
            let told = call(&upstreams, &spec, "t").await;
            assert!(matches!(told, Ok(Answer::Error(_))), "{told:?}");
        }
        assert_eq!((fake.count("initialize"), fake.count("tools/call")), (1, 3), "nothing is repeated");
        result(call(&upstreams, &spec, "t").await);
        assert_eq!((fake.count("initialize"), fake.count("tools/call")), (2, 4));
    }
}

#[tokio::test]
async fn a_connection_whose_list_fails_is_not_connected() {
    for (answer, why) in [
        (r#""error":{"code":-32000,"message":"no"}"#, "refused to list its tools"),
        (r#""result":{"tools":{}}"#, "is not MCP: result.tools must be an array"),
    ] {
        let fake = Fake::start(move |seen| async move {
            (seen.method == "tools/list").then(|| json(&format!(r#"{{"jsonrpc":"2.0","id":{},{answer}}}"#, seen.id())))
        })
        .await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
        let reason = upstreams.list_tools(&spec).await.unwrap_err().to_string();
        let status = upstreams.status(spec.id).unwrap();
        assert!(reason.contains(why), "{reason}");
        assert_eq!((status.state, status.last_error.as_deref()), (State::Error, Some(reason.as_str())));
    }
}

#[tokio::test]
async fn a_list_ends_where_a_page_has_nothing_new() {
    for (pages, tools, asked) in [
        ([r#""tools":[{"name":"a"},{"name":"b"}]"#, r#""tools":[{"name":"b"},{"name":"a"}]"#], 2, 2),
        ([r#""tools":null"#, r#""tools":[{"name":"a"}]"#], 1, 3),
    ] {
        let fake = Fake::start(move |seen| async move {
            let asked: usize = seen.body["params"]["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
            let page = || seen.answer(&format!(r#"{{{},"nextCursor":"{}"}}"#, pages[asked.min(1)], asked + 1));
            (seen.method == "tools/list").then(page)
        })
        .await;
        assert_eq!(upstreams().list_tools(&Arc::new(http_spec(&fake.url))).await.unwrap().len(), tools);
        assert_eq!(fake.count("tools/list"), asked);
    }
}

/// Answers one request, keeps the connection open, and closes it when the next one comes.
async fn answer_once(mut client: TcpStream) {
    let mut request = Vec::new();
    let whole = |request: &[u8]| {
        let text = String::from_utf8_lossy(request).to_ascii_lowercase();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest.split("\r\n").next().unwrap());
        (body.len() >= length.parse().unwrap()).then(|| body.to_owned())
    };
    let body = loop {
        if let Some(body) = whole(&request) {
            break body;
        }
        let mut piece = [0; 4096];
        match client.read(&mut piece).await {
            Ok(read @ 1..) => request.extend_from_slice(&piece[..read]),
            _ => return,
        }
    };
    let message: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let result = match message["method"].as_str() {
        Some("initialize") => r#"{"protocolVersion":"2025-11-25"}"#,
        Some("tools/list") => r#"{"tools":[{"name":"a"}]}"#,
        _ => "",
    };
    let (status, body) = match (result, message["id"].is_null()) {
        ("", true) => ("202 Accepted", String::new()),
        ("", false) => ("404 Not Found", String::new()),
        _ => ("200 OK", format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, message["id"])),
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = client.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = client.read(&mut [0]).await;
}

#[tokio::test]
async fn what_changes_nothing_is_asked_again_where_a_kept_connection_breaks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(answer_once(client));
        }
    });
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&url)));
    for _ in 0..3 {
        assert_eq!(upstreams.list_tools(&spec).await.map(|tools| tools.len()), Ok(1));
    }
    serving.abort();
}
