//! Upstreams as they really are: each speaks the protocol in a way of its own, and its answer still arrives.

use std::time::Instant;

use axum::body::Body;
use permesso::upstream::State;

use super::fake::{Fake, Seen, events, json, status, typed};
use super::process::shell;
use super::strict::{Strict, discovered};
use super::*;

/// A server whose answers to calls this makes.
async fn calling(answer: impl Fn(&Seen) -> axum::http::Response<Body> + Send + Sync + 'static) -> Fake {
    let answer = Arc::new(answer);
    Fake::start(move |seen| {
        let answer = answer.clone();
        async move { (seen.method == "tools/call").then(|| answer(&seen)) }
    })
    .await
}

fn answer_of(seen: &Seen, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id())
}

const UNREADABLE: &str = "data: {\"type\":\"heartbeat\"}\n\n\
    data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":null}\n\n\
    data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":7}\n\n\
    : stray\nevent: ping\ndata: 2026-01-01\n\ndata: [\n: stray\ndata: ]\n\ndata: : stray\n\n";

#[tokio::test]
async fn events_that_cannot_be_read_do_not_end_a_call_whose_answer_follows() {
    let fake = calling(|seen| {
        let mut body = UNREADABLE.as_bytes().to_vec();
        body.extend_from_slice(b"data: \xff\xfe\n\n");
        body.extend_from_slice(format!("data: {}\n\n", answer_of(seen, "{\"ran\":true}")).as_bytes());
        typed("text/event-stream", Body::from(body))
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    for once in [false, true] {
        let outcome = call_with(&upstreams, &spec, "t", once, || Ok(())).await;
        assert_eq!(result(outcome), "{\"ran\":true}");
    }
    let log = upstreams.logs(spec.id, false).join("\n");
    assert!(log.contains("an event that cannot be read") && log.contains("heartbeat"), "{log}");
}

#[tokio::test]
async fn an_answer_in_a_batch_or_an_event_of_another_name_is_found() {
    for body in
        [r#"data: [{"type":"heartbeat"},ANSWER,{"jsonrpc":"2.0","id":99,"result":{}}]"#, "event: error\ndata: ANSWER"]
    {
        let fake =
            calling(move |seen| events(&format!("{}\n\n", body.replace("ANSWER", &answer_of(seen, "{}"))))).await;
        result(call(&upstreams(), &Arc::new(http_spec(&fake.url)), "t").await);
    }
}

#[tokio::test]
async fn too_many_events_that_cannot_be_read_end_the_call() {
    let small = "event: ping\ndata: x\n\n".repeat(1_001);
    let large = format!("data: {}\n\n", "x".repeat(1_000_000)).repeat(17);
    for much in [small, large] {
        let fake = calling(move |seen| events(&format!("{much}data: {}\n\n", answer_of(seen, "{}")))).await;
        let reason = unknown(call(&upstreams(), &Arc::new(http_spec(&fake.url)), "t").await);
        assert!(reason.contains("too much before the answer") && reason.contains("the first because"), "{reason}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_ends_its_call_at_once() {
    let fake = calling(|seen| {
        let answer = answer_of(seen, "{\"x\":NaN}");
        let first = tokio_stream::once(Ok::<_, std::io::Error>(format!("data: {answer}\n\n")));
        typed("text/event-stream", Body::from_stream(futures::StreamExt::chain(first, futures::stream::pending())))
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let began = Instant::now();
    let reason = unknown(call(&upstreams, &spec, "t").await);
    assert!(reason.contains("not MCP") && began.elapsed() < spec.call_timeout, "{reason}");

    let arms = r#"*'"bad"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"x":NaN}}\n' "$id";;
        *'"tools/call"'*) answer '{}';;"#;
    let (spec, began) = (Arc::new(shell(arms)), Instant::now());
    let reason = unknown(call(&upstreams, &spec, "bad").await);
    assert!(reason.contains("cannot be read") && began.elapsed() < spec.call_timeout, "{reason}");
    assert!(upstreams.logs(spec.id, false).concat().contains("NaN"), "the line is in the log");
    assert_eq!(upstreams.status(spec.id).unwrap().state, State::Error);
    result(call(&upstreams, &spec, "good").await);
    assert_eq!(upstreams.status(spec.id).unwrap().state, State::Connected);
}

#[tokio::test]
async fn ids_and_answers_are_understood_however_a_server_writes_them() {
    for written in [
        r#"{"jsonrpc":"2.0","id":"ID","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":ID.0,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":ID,"result":{},"error":null}"#,
        r#"{"id":ID,"result":{}}"#,
        "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{}}",
    ] {
        let fake = calling(move |seen| json(&written.replace("ID", &seen.id()))).await;
        result(call(&upstreams(), &Arc::new(http_spec(&fake.url)), "t").await);
        let line = written.replace("ID", "%s");
        let arms = format!("*'\"tools/call\"'*) printf '{line}\\n' \"$id\";;");
        result(call(&upstreams(), &Arc::new(shell(&arms)), "t").await);
    }
}

#[tokio::test]
async fn what_is_not_used_of_an_upstreams_words_is_in_the_log_with_its_reason() {
    let dropped = r#"printf '{"jsonrpc":"2.0","id":424242,"result":{}}\n{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"m"}}\n'"#;
    let spec = Arc::new(shell(&format!("*'\"tools/call\"'*) {dropped}; answer '{{}}';;")));
    let upstreams = upstreams();
    result(call(&upstreams, &spec, "t").await);
    let log = upstreams.logs(spec.id, false).join("\n");
    assert!(log.contains("424242, for which nobody waits") && log.contains("answers no request"), "{log}");
}

#[tokio::test]
async fn the_first_revision_is_spoken() {
    let fake = Fake::start(|seen| async move {
        match seen.method.as_str() {
            "initialize" => Some(seen.answer(r#"{"protocolVersion":"2024-11-05","capabilities":{}}"#)),
            "tools/call" => Some(seen.answer("{}")),
            _ => None,
        }
    })
    .await;
    result(call(&upstreams(), &Arc::new(http_spec(&fake.url)), "t").await);
    let mut old = shell("*'\"tools/call\"'*) answer '{}';;");
    let Transport::Stdio { args, .. } = &mut old.transport else { unreachable!() };
    args[1] = args[1].replace("2025-11-25", "2024-11-05");
    result(call(&upstreams(), &Arc::new(old), "t").await);
}

/// A server that loses its first session: what it then answers.
async fn forgetful(code: u16, content_type: &'static str, body: &'static str) -> Fake {
    Fake::start(move |seen| async move {
        match (seen.method.as_str(), seen.header("mcp-session-id")) {
            ("tools/call" | "tools/list", "session-1") => {
                let mut response = typed(content_type, Body::from(body.replace(":ID", &format!(":{}", seen.id()))));
                *response.status_mut() = status(code).status();
                Some(response)
            }
            ("tools/call", _) => Some(seen.answer("{\"ran\":true}")),
            ("tools/list", _) => Some(seen.answer("{\"tools\":[]}")),
            _ => None,
        }
    })
    .await
}

#[tokio::test]
async fn a_session_that_is_refused_for_is_opened_anew_and_the_call_sent_once_more() {
    const JSON: &str = "application/json";
    for (code, content_type, body) in [
        (
            400,
            JSON,
            r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}"#,
        ),
        (
            400,
            JSON,
            r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Bad Request: Missing session ID"}}"#,
        ),
        (
            400,
            JSON,
            r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}"#,
        ),
        (400, "text/plain", "Invalid session ID"),
        (401, "text/plain", "Unauthorized: Session not found"),
        (401, JSON, "{}"),
        (
            403,
            JSON,
            r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32001,"message":"Mcp-Session-Id principal mismatch"}}"#,
        ),
        (404, JSON, r#"{"jsonrpc":"2.0","id":ID}"#),
        (422, "text/plain", "Unexpected message, expect initialize request"),
    ] {
        let fake = forgetful(code, content_type, body).await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
        let outcome = call_with(&upstreams, &spec, "t", true, || Ok(())).await;
        assert_eq!(result(outcome), "{\"ran\":true}", "{code} {body}");
        assert_eq!((fake.count("initialize"), fake.count("tools/call")), (2, 2), "{code} {body}");
    }
}

#[tokio::test]
async fn a_call_that_may_have_run_is_never_repeated_but_the_next_one_has_a_new_session() {
    for (code, content_type, body) in [
        (
            200,
            "application/json",
            r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32600,"message":"Unknown session id 'x'; client should reinitialize"}}"#,
        ),
        (
            200,
            "text/event-stream",
            "data: {\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,\"message\":\"Session not found\"}}\n\n",
        ),
        (
            400,
            "application/json",
            r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32600,"message":"Session terminated before the request completed"}}"#,
        ),
        (503, "text/plain", "unknown session"),
    ] {
        let fake = forgetful(code, content_type, body).await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
        let first = call(&upstreams, &spec, "t").await;
        assert!(!matches!(first, Ok(Answer::Result(_))), "{first:?}");
        assert_eq!(fake.count("tools/call"), 1, "{code} {body}");
        assert_eq!(result(call(&upstreams, &spec, "t").await), "{\"ran\":true}");

        // A list changes nothing: it is asked for again at once.
        let fake = forgetful(code, content_type, body).await;
        let listed = upstreams.list_tools(&Arc::new(http_spec(&fake.url))).await;
        assert!(listed.is_ok(), "{code} {body}: {listed:?}");
    }
}

#[tokio::test]
async fn that_there_is_no_stream_costs_no_session() {
    for code in [404, 405, 400, 401] {
        let fake = Fake::start(move |seen| async move {
            match seen.http_method.as_str() {
                "GET" => Some(status(code)),
                _ => (seen.method == "tools/call").then(|| seen.answer("{}")),
            }
        })
        .await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
        result(call(&upstreams, &spec, "t").await);
        soon("the request for the stream", || fake.seen().iter().any(|seen| seen.http_method == "GET")).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        result(call(&upstreams, &spec, "t").await);
        assert_eq!(fake.count("initialize"), 1, "{code}");
    }
}

#[tokio::test]
async fn a_session_can_be_renewed_and_the_state_says_what_happened_last() {
    let fake = calling(|seen| match seen.body["params"]["name"].as_str() {
        Some("bad") => status(500),
        _ => seen.answer("{}"),
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let state = || upstreams.status(spec.id).unwrap().state;
    result(call(&upstreams, &spec, "t").await);
    assert_eq!(state(), State::Connected);
    unknown(call(&upstreams, &spec, "bad").await);
    assert_eq!(state(), State::Error);
    result(call(&upstreams, &spec, "t").await);
    assert_eq!((state(), fake.count("initialize")), (State::Connected, 1));
    upstreams.renew(spec.id);
    result(call(&upstreams, &spec, "t").await);
    assert_eq!(fake.count("initialize"), 2);
}

#[tokio::test]
async fn upstreams_are_asked_not_to_encode_and_one_that_does_is_named() {
    let fake = calling(|seen| {
        assert_eq!(seen.header("accept-encoding"), "identity");
        seen.answer("{}")
    })
    .await;
    result(call(&upstreams(), &Arc::new(http_spec(&fake.url)), "t").await);
    let fake = calling(|_| {
        let mut response = json("\u{1f}\u{8b}");
        response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        response
    })
    .await;
    let reason = unknown(call(&upstreams(), &Arc::new(http_spec(&fake.url)), "t").await);
    assert!(reason.contains("gzip, which was not asked for"), "{reason}");
}

#[tokio::test]
async fn an_http_error_says_at_which_step_what_came_and_no_secret() {
    let page =
        || typed("text/html", Body::from(format!("<title>Sign in</title> Bearer s3cret-s3cret {}", "x".repeat(900))));
    let fake = calling(move |_| page()).await;
    let mut spec = http_spec(&fake.url);
    spec.secrets = Arc::new(permesso::upstream::Secrets::new(["s3cret-s3cret".to_owned()]));
    let (upstreams, spec) = (upstreams(), Arc::new(spec));
    let reason = unknown(call(&upstreams, &spec, "t").await);
    let begins =
        "the upstream answered tools/call with HTTP 200 without an MCP message (text/html): <title>Sign in</title>";
    assert!(reason.starts_with(begins) && reason.len() < 400, "{reason}");
    let last = upstreams.status(spec.id).unwrap().last_error.unwrap();
    let log = upstreams.logs(spec.id, false).concat();
    for text in [&reason, &log, &last] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert!(log.len() > 500 && last.len() > 500, "{last}");

    let refused = Fake::start(|seen| async move {
        (seen.method == "initialize").then(|| {
            let mut response = typed("text/plain", Body::from("no such tenant"));
            *response.status_mut() = status(403).status();
            response
        })
    })
    .await;
    let reason = not_sent(call(&upstreams, &Arc::new(http_spec(&refused.url)), "t").await);
    assert_eq!(reason, "the upstream answered initialize with HTTP 403 (text/plain): no such tenant");
}

#[tokio::test]
async fn an_empty_cursor_ends_a_list_of_an_earlier_revision_only() {
    let page = |seen: &Seen| match seen.body["params"]["cursor"].as_str() {
        None => seen.answer(r#"{"resultType":"complete","tools":[{"name":"a"}],"nextCursor":""}"#),
        Some(_) => seen.answer(r#"{"resultType":"complete","tools":[{"name":"b"}]}"#),
    };
    let old = Fake::start(move |seen| async move { (seen.method == "tools/list").then(|| page(&seen)) }).await;
    assert_eq!(upstreams().list_tools(&Arc::new(http_spec(&old.url))).await.unwrap().len(), 1);
    let new = Strict::start(move |seen| async move {
        match seen.method.as_str() {
            "server/discover" => Some(seen.answer(&discovered(false))),
            "tools/list" => Some(page(&seen)),
            _ => None,
        }
    })
    .await;
    assert_eq!(upstreams().list_tools(&Arc::new(http_spec(&new.fake.url))).await.unwrap().len(), 2);
}
