//! Streamable HTTP when something goes wrong: may the call have run?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use permesso::upstream::State;
use tokio::net::TcpListener;

use super::fake::{Fake, Wiretap, events, json, status, typed};
use super::*;

/// The outcome of a call that is answered like this.
async fn answered(
    answer: impl Fn() -> axum::http::Response<axum::body::Body> + Send + Sync + 'static,
) -> Result<Answer, UpstreamError> {
    let answer = Arc::new(answer);
    let fake = Fake::start(move |seen| {
        let answer = answer.clone();
        async move { (seen.method == "tools/call").then(|| answer()) }
    })
    .await;
    call(&upstreams(), &Arc::new(http_spec(&fake.url)), "t").await
}

#[tokio::test]
async fn an_http_error_is_unknown() {
    assert_eq!(
        unknown(answered(|| status(502)).await),
        "the upstream answered tools/call with HTTP 502 (no content type)"
    );
    assert_eq!(
        unknown(answered(|| status(403)).await),
        "the upstream answered tools/call with HTTP 403 (no content type)"
    );
    let with_body = || {
        let mut response = json(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}"#);
        *response.status_mut() = status(400).status();
        response
    };
    let reason = unknown(answered(with_body).await);
    assert!(reason.starts_with("the upstream answered tools/call with HTTP 400 (application/json): {"), "{reason}");
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    let moved = || {
        let mut response = status(307);
        let location = "http://127.0.0.1:9/elsewhere".parse().expect("a header");
        response.headers_mut().insert("location", location);
        response
    };
    let reason = unknown(answered(moved).await);
    assert!(
        reason.ends_with("HTTP 307, a redirection to http://127.0.0.1:9/elsewhere, which is not followed"),
        "{reason}"
    );
}

#[tokio::test]
async fn garbage_is_unknown() {
    for garbage in [
        "",
        "not json",
        "{}",
        r#"{"jsonrpc":"1.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":424242,"result":{}}"#,
        "[]",
    ] {
        let reason = unknown(answered(move || json(garbage)).await);
        assert!(reason.contains("the upstream"), "{garbage}: {reason}");
        unknown(answered(move || events(&format!("data: {garbage}\n\n"))).await);
    }
    let html = || typed("text/html", axum::body::Body::from("<p>hello"));
    let reason = unknown(answered(html).await);
    assert!(reason.ends_with("with HTTP 200 without an MCP message (text/html): <p>hello"), "{reason}");
    unknown(answered(|| status(202)).await);
}

#[tokio::test]
async fn an_answer_over_16_mib_is_unknown() {
    let text = || "x".repeat(17 << 20);
    let reason = unknown(answered(move || json(&format!("\"{}\"", text()))).await);
    assert!(reason.contains("16 MiB"), "{reason}");
    let chunked = move || {
        let chunks = futures::stream::iter((0..17).map(|_| Ok::<_, std::io::Error>("x".repeat(1 << 20))));
        typed("application/json", axum::body::Body::from_stream(chunks))
    };
    let reason = unknown(answered(chunked).await);
    assert!(reason.contains("16 MiB"), "{reason}");
    unknown(answered(move || events(&format!("data: {}\n\n", text()))).await);
}

#[tokio::test]
async fn a_hanging_call_is_unknown_and_told_to_stop_unless_it_was_approved() {
    let fake = Fake::start(|seen| async move {
        if seen.method == "tools/call" {
            std::future::pending::<()>().await;
        }
        None
    })
    .await;
    let mut spec = http_spec(&fake.url);
    spec.call_timeout = Duration::from_millis(300);
    let (upstreams, spec) = (upstreams(), Arc::new(spec));
    let approved = call_with(&upstreams, &spec, "t", true, || Ok(())).await;
    assert_eq!(unknown(approved), "no answer within 0.3 s");
    assert_eq!(unknown(call(&upstreams, &spec, "t").await), "no answer within 0.3 s");
    let status = upstreams.status(spec.id).expect("it was used");
    assert_eq!(status.last_error.as_deref(), Some("no answer within 0.3 s"));
    assert_eq!(status.state, State::Error);
    soon("the cancellation", || fake.count("notifications/cancelled") > 0).await;
    let seen = fake.seen();
    let calls: Vec<_> = seen.iter().filter(|seen| seen.method == "tools/call").collect();
    let told: Vec<_> = seen.iter().filter(|seen| seen.method == "notifications/cancelled").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].body["params"]["requestId"], calls[1].body["id"]);
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_its_call() {
    let fake = Fake::start(|seen| async move {
        if seen.method == "tools/call" {
            std::future::pending::<()>().await;
        }
        None
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let running = tokio::spawn({
        let (upstreams, spec) = (upstreams.clone(), spec.clone());
        async move { call(&upstreams, &spec, "t").await }
    });
    soon("the call", || fake.count("tools/call") == 1).await;
    running.abort();
    soon("the cancellation", || fake.count("notifications/cancelled") == 1).await;

    let cancel = CancellationToken::new();
    let params = params("{}");
    let call = Call::new("t", &params);
    let cancelling = async {
        soon("the call", || fake.count("tools/call") == 2).await;
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(upstreams.call(&spec, call, || Ok(()), cancel.clone()), cancelling);
    assert_eq!(unknown(outcome), "it was cancelled while it ran");
    let outcome = upstreams.call(&spec, call, || Ok(()), cancel).await;
    assert!(not_sent(outcome).contains("cancelled before"));
    assert_eq!(fake.count("tools/call"), 2);
}

#[tokio::test]
async fn a_refused_connection_is_not_sent_and_the_next_attempt_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://user:pa55@{}/mcp?key=s3cret", listener.local_addr().expect("one"));
    drop(listener);
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&url)));
    let reason = not_sent(call(&upstreams, &spec, "t").await);
    assert!(reason.contains("refused"), "{reason}");
    assert!(!reason.contains("pa55") && !reason.contains("s3cret"), "{reason}");
    let mut last = reason;
    for _ in 0..10 {
        last = not_sent(call(&upstreams, &spec, "t").await);
        if last.contains("next attempt") {
            break;
        }
    }
    assert!(last.contains("; the next attempt to connect is in "), "{last}");
    let started = Instant::now();
    not_sent(call(&upstreams, &spec, "t").await);
    assert!(started.elapsed() < Duration::from_millis(200), "it fails at once");
    let status = upstreams.status(spec.id).expect("it was used");
    assert_eq!(status.state, State::Error);
    assert!(status.last_error.expect("an error").contains("refused"));
}

#[tokio::test]
async fn an_upstream_gone_after_the_handshake_is_not_sent() {
    let fake = Fake::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    result(call(&upstreams, &spec, "t").await);
    drop(fake);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let reason = not_sent(call_with(&upstreams, &spec, "t", true, || Ok(())).await);
    assert!(reason.contains("refused"), "{reason}");
    let status = upstreams.status(spec.id).expect("it was used");
    assert_eq!(status.state, State::Error, "and the next call may have to wait");
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_unknown() {
    let fake = Fake::start(|_| async { None }).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let target = fake.url.replace("http://", "").replace("/mcp", "");
    // Lets through until a call comes, and then drops the connection.
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = tokio::net::TcpStream::connect(&target).await.expect("the server");
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut buffer = vec![0; 65536];
                loop {
                    let mut answer = vec![0; 65536];
                    tokio::select! {
                        Ok(read @ 1..) = client.read(&mut buffer) => {
                            let text = String::from_utf8_lossy(&buffer[..read]);
                            if text.contains("tools/call") {
                                return;
                            }
                            server.write_all(&buffer[..read]).await.expect("written");
                        }
                        Ok(read @ 1..) = server.read(&mut answer) => {
                            client.write_all(&answer[..read]).await.expect("written");
                        }
                        else => return,
                    }
                }
            });
        }
    });
    let spec = Arc::new(http_spec(&format!("http://{address}/mcp")));
    let upstreams = upstreams();
    for once in [true, false] {
        let reason = unknown(call_with(&upstreams, &spec, "t", once, || Ok(())).await);
        assert!(reason.contains("connection to the upstream was lost"), "{reason}");
    }
}

#[tokio::test]
async fn a_guard_that_refuses_lets_no_byte_out() {
    let fake = Fake::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let tap = Wiretap::before(&fake).await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&tap.url)));
    result(call(&upstreams, &spec, "t").await);
    soon("the listening request", || fake.seen().iter().any(|seen| seen.http_method == "GET")).await;
    let before = tap.bytes();
    let refuse = || Err("the lease has run out".to_owned());
    assert_eq!(not_sent(call_with(&upstreams, &spec, "t", true, refuse).await), "the lease has run out");
    soon("the connection", || tap.bytes().len() == before.len() + 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut expected = before;
    expected.push(0);
    assert_eq!(tap.bytes(), expected);
    assert!(not_sent(call_with(&upstreams, &spec, "t", false, refuse).await).contains("lease"));
    assert_eq!(fake.count("tools/call"), 1);
    result(call(&upstreams, &spec, "t").await);
}

#[tokio::test]
async fn a_lost_session_is_opened_anew_and_the_call_sent_again() {
    let fake = Fake::start(|seen| async move {
        match (seen.method.as_str(), seen.header("mcp-session-id")) {
            ("tools/call", "session-1") => Some(status(404)),
            ("tools/call", _) => Some(seen.answer("{\"ran\":true}")),
            _ => None,
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let guard = move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let outcome = call_with(&upstreams, &spec, "t", true, guard).await;
    assert_eq!(result(outcome), "{\"ran\":true}");
    assert_eq!(asked.load(Ordering::Relaxed), 2, "each time it is written");
    assert_eq!((fake.count("initialize"), fake.count("tools/call")), (2, 2));
}

#[tokio::test]
async fn a_session_lost_again_and_again_is_not_sent() {
    let fake = Fake::start(|seen| async move { (seen.method == "tools/call").then(|| status(404)) }).await;
    let spec = Arc::new(http_spec(&fake.url));
    let reason = not_sent(call(&upstreams(), &spec, "t").await);
    assert!(reason.contains("HTTP 404") && reason.contains("not processed"), "{reason}");
    assert_eq!(fake.count("tools/call"), 2);
}

#[tokio::test]
async fn http_404_without_a_session_says_nothing_about_the_call() {
    let fake = Fake::start(|seen| async move {
        match seen.method.as_str() {
            "initialize" => Some(seen.answer(r#"{"protocolVersion":"2025-03-26","capabilities":{}}"#)),
            "tools/call" => Some(status(404)),
            _ => None,
        }
    })
    .await;
    let spec = Arc::new(http_spec(&fake.url));
    let reason = unknown(call(&upstreams(), &spec, "t").await);
    assert!(reason.contains("HTTP 404"), "{reason}");
    assert_eq!(fake.count("tools/call"), 1);
}

#[tokio::test]
async fn a_handshake_that_fails_is_not_sent_and_tells_no_secrets() {
    let refused = Fake::start(|seen| async move {
        (seen.method == "initialize").then(|| {
            let error = r#"{"code":-1,"message":"bad key s3cret"}"#;
            json(&format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id()))
        })
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&refused.url)));
    let reason = not_sent(call(&upstreams, &spec, "t").await);
    assert!(reason.contains("refused to initialize") && !reason.contains("s3cret"), "{reason}");
    assert!(upstreams.logs(spec.id, false).concat().contains("s3cret"), "its administrators see it");

    let ancient = Fake::start(|seen| async move {
        (seen.method == "initialize").then(|| seen.answer(r#"{"protocolVersion":"1999-01-01","capabilities":{}}"#))
    })
    .await;
    let reason = not_sent(call(&upstreams, &Arc::new(http_spec(&ancient.url)), "t").await);
    assert!(reason.contains("1999-01-01"), "{reason}");

    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut spec = http_spec(&format!("http://{}/mcp", silent.local_addr().expect("one")));
    spec.connect_timeout = Duration::from_millis(200);
    assert_eq!(
        not_sent(call(&upstreams, &Arc::new(spec), "t").await),
        "no session with the upstream within 0.2 s, which is the connection's connect_timeout_ms"
    );
}

#[tokio::test]
async fn nothing_is_called_after_close() {
    let fake = Fake::start(|_| async { None }).await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    upstreams.close().await;
    assert_eq!(not_sent(call(&upstreams, &spec, "t").await), "the gateway is stopping");
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn an_address_of_http_with_sse_is_said_to_be_one() {
    for refused in [404, 405] {
        let old = Fake::start(move |seen| async move {
            let stream = "event: endpoint\ndata: /messages?session=1\n\n: more comes\n\n";
            Some(if seen.http_method == "GET" { events(stream) } else { status(refused) })
        })
        .await;
        let reason = not_sent(call(&upstreams(), &Arc::new(http_spec(&old.url)), "t").await);
        assert!(reason.contains("HTTP with SSE") && reason.contains("streamable HTTP"), "{reason}");
    }
    // One that speaks of something else, or of nothing, stays what it is.
    for stream in ["event: message\ndata: {}\n\n", ""] {
        let other = Fake::start(move |seen| async move {
            Some(if seen.http_method == "GET" { events(stream) } else { status(405) })
        })
        .await;
        let reason = not_sent(call(&upstreams(), &Arc::new(http_spec(&other.url)), "t").await);
        assert!(reason.contains("405"), "{reason}");
    }
}
