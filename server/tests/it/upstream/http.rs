//! Streamable HTTP with a session, as long as both sides keep the protocol.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use parking_lot::Mutex;
use permesso::upstream::State;
use secrecy::SecretString;

use super::fake::{Fake, Wiretap, events, json, status, typed};
use super::*;

#[tokio::test]
async fn a_results_bytes_are_untouched() {
    let odd = "{ \"content\" :\t[ ] , \"x\":1.0e2,\"big\":9007199254740993,\n\"z\":1,\"a\":-0.0,\
               \"\\u0061b\":\"\\/\u{e9}\\u00e9\",\"huge\":1e400,\"dup\":1,\"dup\":2 }";
    let fake = Fake::start(move |seen| async move { (seen.method == "tools/call").then(|| seen.answer(odd)) }).await;
    let spec = Arc::new(http_spec(&fake.url));
    assert_eq!(result(call(&upstreams(), &spec, "odd").await), odd);
}

#[tokio::test]
async fn parameters_arrive_byte_for_byte() {
    let fake = Fake::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let params = params("{ \"name\":\"t\" , \"arguments\":{\"n\":1.0e2,\n\"\\u0061\":9007199254740993} }");
    let call = Call { once: true, ..Call::new("t", &params) };
    let spec = Arc::new(http_spec(&fake.url));
    upstreams().call(&spec, call, || Ok(()), CancellationToken::new()).await.expect("an answer");
    let seen = fake.seen().pop().expect("a call");
    let body = String::from_utf8(seen.raw.to_vec()).expect("text");
    assert!(body.contains(params.get()), "{body}");
    assert_eq!(seen.header("content-length"), body.len().to_string());
    assert_eq!(seen.header("transfer-encoding"), "");
}

#[tokio::test]
async fn every_request_after_initialize_names_session_and_revision() {
    let fake = Fake::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let spec = Arc::new(spec(Transport::StreamableHttp {
        url: Url::parse(&fake.url).expect("a URL"),
        headers: vec![
            ("Authorization".to_owned(), SecretString::from("Bearer s3cret")),
            ("Accept".to_owned(), SecretString::from("text/plain")),
        ],
    }));
    assert!(!format!("{spec:?}").contains("s3cret"));
    let upstreams = upstreams();
    result(call(&upstreams, &spec, "t").await);
    upstreams.close().await;
    let seen = fake.seen();
    assert_eq!((seen[0].method.as_str(), seen[1].method.as_str()), ("server/discover", "initialize"));
    assert_eq!(seen[1].header("mcp-session-id"), "");
    assert_eq!(seen[1].body["params"]["protocolVersion"], "2025-11-25");
    assert!(seen.iter().any(|seen| seen.method == "notifications/initialized"));
    assert_eq!(seen.last().expect("a goodbye").http_method, "DELETE");
    for seen in &seen[1..] {
        assert_eq!(seen.header("authorization"), "Bearer s3cret");
        assert!(seen.header("accept").contains("text/event-stream"));
        if seen.method != "initialize" {
            assert_eq!(seen.header("mcp-session-id"), "session-1");
            assert_eq!(seen.header("mcp-protocol-version"), "2025-11-25");
        }
    }
}

#[tokio::test]
async fn an_answer_may_come_at_the_end_of_a_stream() {
    let fake = Fake::start(|seen| async move {
        (seen.method == "tools/call").then(|| {
            let id = seen.id();
            events(&format!(
                ": hello\r\n\r\n\
                 event: other\ndata: not a message\n\n\
                 data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{}}}}\n\n\
                 data: {{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}}\n\n\
                 data: {{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"sampling/createMessage\",\"params\":{{}}}}\n\n\
                 data: {{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{{\"somebody\":\"else\"}}}}\n\n\
                 event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\ndata: \"result\":{{ \"n\" : 1.50 }}}}\n\n"
            ))
        })
    })
    .await;
    let spec = Arc::new(http_spec(&fake.url));
    let upstreams = upstreams();
    assert_eq!(result(call(&upstreams, &spec, "t").await), "{ \"n\" : 1.50 }");
    let replies = || -> Vec<String> {
        let answers = fake.seen().into_iter().filter(|seen| seen.method.is_empty() && seen.http_method == "POST");
        answers.map(|seen| seen.body.to_string()).collect()
    };
    soon("the replies", || replies().len() == 2).await;
    let replies = replies().join("\n");
    assert!(replies.contains(r#""id":"p""#) && replies.contains(r#""result":{}"#), "{replies}");
    assert!(replies.contains(r#""id":7"#) && replies.contains("-32601"), "{replies}");
}

#[tokio::test]
async fn a_broken_stream_is_taken_up_where_it_ended() {
    let id = Arc::new(Mutex::new(String::new()));
    let resumed = Arc::new(AtomicUsize::new(0));
    let (kept, count) = (id.clone(), resumed.clone());
    let fake = Fake::start(move |seen| {
        let (kept, count) = (kept.clone(), count.clone());
        async move {
            if seen.method == "tools/call" {
                *kept.lock() = seen.id();
                // A stream cut in the middle of an event, after one that had an id.
                let half = "id: e-1\nretry: 20\ndata:\n\nid: e-2\ndata: {\"half\"";
                let cut = async {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Err(std::io::Error::other("cut"))
                };
                let broken = futures::stream::iter([Ok(half)]).chain(futures::stream::once(cut));
                return Some(typed("text/event-stream", Body::from_stream(broken)));
            }
            match seen.header("last-event-id") {
                "" => None,
                "e-1" => {
                    count.fetch_add(1, Ordering::Relaxed);
                    Some(events("id: e-2\ndata:\n\n"))
                }
                _ => {
                    count.fetch_add(1, Ordering::Relaxed);
                    let id = kept.lock().clone();
                    Some(events(&format!(
                        "data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"whole\":true}}}}\n\n"
                    )))
                }
            }
        }
    })
    .await;
    let spec = Arc::new(http_spec(&fake.url));
    assert_eq!(result(call(&upstreams(), &spec, "t").await), r#"{"whole":true}"#);
    assert_eq!(resumed.load(Ordering::Relaxed), 2);
    assert_eq!(fake.count("tools/call"), 1, "the call itself is not repeated");
}

#[tokio::test]
async fn a_json_rpc_error_is_an_answer_whatever_its_status() {
    let error = r#"{"code": -32602 ,"message":"no such thing","data":{"x":1.0}}"#;
    for code in [200, 400, 404] {
        let fake = Fake::start(move |seen| async move {
            (seen.method == "initialize")
                .then(|| {
                    // Stateless: without a session, 404 cannot mean that it was lost.
                    seen.answer(
                        r#"{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"f","version":"1"}}"#,
                    )
                })
                .or_else(|| {
                    (seen.method == "tools/call").then(|| {
                        let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id());
                        let mut response = json(&body);
                        *response.status_mut() = status(code).status();
                        response
                    })
                })
        })
        .await;
        let spec = Arc::new(http_spec(&fake.url));
        match call(&upstreams(), &spec, "t").await {
            Ok(Answer::Error(found)) => assert_eq!(found.get(), error),
            other => panic!("HTTP {code}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn many_first_calls_open_one_session() {
    let fake = Fake::start(|seen| async move {
        match seen.method.as_str() {
            "initialize" => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                None
            }
            "tools/call" => Some(seen.answer("{}")),
            _ => None,
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let calls = (0..20).map(|_| call(&upstreams, &spec, "t"));
    for outcome in futures::future::join_all(calls).await {
        result(outcome);
    }
    assert_eq!(fake.count("initialize"), 1);
    assert_eq!(fake.count("tools/call"), 20);
    let status = upstreams.status(spec.id).expect("it was used");
    assert_eq!(status.state, State::Connected);
    assert!(status.last_seen_at.is_some() && status.last_error.is_none());
}

#[tokio::test]
async fn another_configuration_is_another_session() {
    let fake = Fake::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let (upstreams, first) = (upstreams(), Arc::new(http_spec(&fake.url)));
    result(call(&upstreams, &first, "t").await);
    let mut second = (*first).clone();
    second.version = 2;
    result(call(&upstreams, &Arc::new(second), "t").await);
    assert_eq!(fake.count("initialize"), 2);
    let given_back = || {
        let mut seen = fake.seen().into_iter();
        seen.any(|seen| seen.http_method == "DELETE" && seen.header("mcp-session-id") == "session-1")
    };
    soon("giving the first session back", given_back).await;
}

#[tokio::test]
async fn a_connection_that_is_forgotten_lets_its_call_finish() {
    let fake = Fake::start(|seen| async move {
        if seen.method != "tools/call" {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        Some(seen.answer("{\"done\":true}"))
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let running = tokio::spawn({
        let (upstreams, spec) = (upstreams.clone(), spec.clone());
        async move { call(&upstreams, &spec, "t").await }
    });
    soon("the call", || fake.count("tools/call") == 1).await;
    upstreams.forget(spec.id).await;
    assert!(upstreams.status(spec.id).is_none());
    assert_eq!(result(running.await.expect("no panic")), "{\"done\":true}");
    let ended = || fake.seen().iter().any(|seen| seen.http_method == "DELETE");
    soon("the end of the session", ended).await;
}

#[tokio::test]
async fn an_approved_call_has_a_tcp_connection_of_its_own() {
    let fake = Fake::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let tap = Wiretap::before(&fake).await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&tap.url)));
    result(call(&upstreams, &spec, "t").await);
    soon("the listening request", || fake.seen().iter().any(|seen| seen.http_method == "GET")).await;
    let before = tap.bytes().len();
    for _ in 0..3 {
        result(call(&upstreams, &spec, "t").await);
    }
    assert_eq!(tap.bytes().len(), before, "ordinary calls share connections");
    for round in 1..=3 {
        result(call_with(&upstreams, &spec, "t", true, || Ok(())).await);
        assert_eq!(tap.bytes().len(), before + round);
    }
}

#[tokio::test]
async fn a_changed_tool_list_is_announced() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<String>();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let fake = Fake::start(move |seen| {
        let receiver = receiver.clone();
        async move {
            if seen.http_method == "GET" {
                let receiver = receiver.lock().take()?;
                let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(receiver);
                let body = Body::from_stream(stream.map(Ok::<_, std::io::Error>));
                return Some(typed("text/event-stream", body));
            }
            (seen.method == "tools/call").then(|| seen.answer("{}"))
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    result(call(&upstreams, &spec, "t").await);
    let notice = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";
    sender.send(notice.to_owned()).expect("the stream is open");
    let id = tokio::time::timeout(Duration::from_secs(10), upstreams.list_changed()).await;
    assert_eq!(id.expect("soon"), spec.id);
    upstreams.close().await;
    soon("the end of the stream", || sender.is_closed()).await;
}

#[tokio::test]
async fn all_pages_of_a_tool_list_are_read_as_they_are() {
    let fake = Fake::start(|seen| async move {
        if seen.method != "tools/list" {
            return None;
        }
        Some(seen.answer(match seen.body["params"]["cursor"].as_str() {
            None => r#"{"tools":[{"name":"a", "x":1.0},{"name":"b"}],"nextCursor":"p \"2\""}"#,
            Some("p \"2\"") => r#"{"tools":[],"nextCursor":"3"}"#,
            Some("3") => r#"{"tools":[{"name":"c"}]}"#,
            Some(_) => "null",
        }))
    })
    .await;
    let spec = Arc::new(http_spec(&fake.url));
    let tools = upstreams().list_tools(&spec).await.expect("a list");
    let tools: Vec<&str> = tools.iter().map(|tool| tool.get()).collect();
    assert_eq!(tools, [r#"{"name":"a", "x":1.0}"#, r#"{"name":"b"}"#, r#"{"name":"c"}"#]);
}

#[tokio::test]
async fn a_cursor_that_does_not_move_keeps_what_came() {
    let fake = Fake::start(|seen| async move {
        (seen.method == "tools/list").then(|| {
            let next = if seen.body["params"]["cursor"] == "x" { "y" } else { "x" };
            let name = seen.body["params"]["cursor"].as_str().unwrap_or("first");
            seen.answer(&format!(r#"{{"tools":[{{"name":"{name}"}}],"nextCursor":"{next}"}}"#))
        })
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let tools = upstreams.list_tools(&spec).await.expect("a list");
    assert_eq!((tools.len(), fake.count("tools/list")), (3, 3));
    assert!(upstreams.logs(spec.id, false).concat().contains("followed already"));
}

#[tokio::test]
async fn an_upstream_without_tools_has_an_empty_list() {
    let fake = Fake::start(|seen| async move {
        (seen.method == "tools/list").then(|| {
            let error = r#"{"code":-32601,"message":"no such method"}"#;
            json(&format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, seen.id()))
        })
    })
    .await;
    let spec = Arc::new(http_spec(&fake.url));
    assert!(upstreams().list_tools(&spec).await.expect("a list").is_empty());
}
