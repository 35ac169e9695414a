//! Which era an upstream over HTTP is of: found out once, and again when it was wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Response;

use super::fake::{Fake, Seen, events, json, status, typed};
use super::strict::{Strict, refuse};
use super::*;

const DISCOVER: &str = "server/discover";

/// An upstream of the earlier era that answers the probe like this.
async fn legacy(probed: impl Fn(&Seen) -> Option<Response<Body>> + Send + Sync + 'static) -> Fake {
    let probed = Arc::new(probed);
    Fake::start(move |seen| {
        let probed = probed.clone();
        async move {
            match seen.method.as_str() {
                DISCOVER => probed(&seen),
                "tools/call" => Some(seen.answer("{}")),
                _ => None,
            }
        }
    })
    .await
}

fn with_status(code: u16, mut response: Response<Body>) -> Response<Body> {
    *response.status_mut() = status(code).status();
    response
}

/// An error as it is answered by who could not read the id.
fn without_id(code: u16, error: &str) -> Response<Body> {
    with_status(code, json(&format!(r#"{{"jsonrpc":"2.0","id":null,"error":{error}}}"#)))
}

#[tokio::test]
async fn whatever_else_a_probe_is_answered_means_initialize() {
    type Probed = fn(&Seen) -> Option<Response<Body>>;
    let answers: [(&str, Probed); 15] = [
        ("405", |_| Some(status(405))),
        ("404", |_| Some(status(404))),
        ("401", |_| Some(status(401))),
        ("500", |_| Some(status(500))),
        ("202", |_| Some(status(202))),
        ("a redirection", |_| {
            let mut moved = status(307);
            moved.headers_mut().insert("location", "http://127.0.0.1:9/".parse().expect("a header"));
            Some(moved)
        }),
        ("HTML", |_| Some(typed("text/html", Body::from("<p>hello")))),
        ("HTML with 404", |_| Some(with_status(404, typed("text/html", Body::from("<p>no"))))),
        ("an empty body with 400", |_| Some(status(400))),
        ("no session", |_| Some(without_id(400, r#"{"code":-32000,"message":"Bad Request: no session"}"#))),
        ("no such method", |seen| Some(refuse(200, seen, -32601, "no such method"))),
        ("no such method, with 404", |seen| Some(refuse(404, seen, -32601, "no such method"))),
        ("bad parameters", |seen| Some(refuse(400, seen, -32602, "not initialized"))),
        ("some result", |seen| Some(seen.answer("{}"))),
        ("a stream that ends", |_| Some(events(": nothing\n\n"))),
    ];
    for (what, probed) in answers {
        let fake = legacy(probed).await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
        let outcome = call(&upstreams, &spec, "t").await;
        assert!(matches!(outcome, Ok(Answer::Result(_))), "{what}: {outcome:?}");
        assert_eq!((fake.count(DISCOVER), fake.count("initialize")), (1, 1), "{what}");
        let seen = fake.seen();
        let modern = seen.iter().find(|seen| seen.method == "tools/call").expect("a call");
        assert_eq!((modern.header("mcp-method"), modern.header("mcp-protocol-version")), ("", "2025-11-25"));
        assert!(modern.body["params"].get("_meta").is_none());
    }
}

#[tokio::test]
async fn an_upstream_that_says_nothing_to_the_probe_costs_three_seconds_a_session() {
    let sessions = Arc::new(AtomicUsize::new(0));
    let calls = sessions.clone();
    let fake = Fake::start(move |seen| {
        let calls = calls.clone();
        async move {
            match seen.method.as_str() {
                DISCOVER => std::future::pending().await,
                // The session is lost with every second call.
                "tools/call" if calls.fetch_add(1, Ordering::Relaxed) == 1 => Some(status(404)),
                "tools/call" => Some(seen.answer("{}")),
                _ => None,
            }
        }
    })
    .await;
    let mut spec = http_spec(&fake.url);
    spec.connect_timeout = Duration::from_secs(20);
    let (upstreams, spec) = (upstreams(), Arc::new(spec));
    let started = Instant::now();
    result(call(&upstreams, &spec, "t").await);
    let elapsed = started.elapsed();
    assert!(elapsed > Duration::from_millis(2_900) && elapsed < Duration::from_millis(4_500), "{elapsed:?}");
    result(call(&upstreams, &spec, "t").await);
    assert_eq!((fake.count(DISCOVER), fake.count("initialize")), (2, 2), "being slow says nothing about its era");
}

#[tokio::test]
async fn the_probe_leaves_time_to_initialize() {
    let fake = Fake::start(|seen| async move {
        match seen.method.as_str() {
            DISCOVER => std::future::pending().await,
            "tools/call" => Some(seen.answer("{}")),
            _ => None,
        }
    })
    .await;
    let mut spec = http_spec(&fake.url);
    spec.connect_timeout = Duration::from_secs(1);
    result(call(&upstreams(), &Arc::new(spec), "t").await);
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_not_taken_for_an_old_one() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let spec = Arc::new(http_spec(&format!("http://{address}/mcp")));
    let reason = not_sent(call(&upstreams(), &spec, "t").await);
    assert!(reason.contains("no connection to the upstream"), "{reason}");
}

#[tokio::test]
async fn of_the_revisions_an_upstream_names_a_spoken_one_is_taken() {
    // What it answers, with which id, and what becomes of it.
    let discovered = |versions: &str| format!(r#""result":{{"supportedVersions":{versions},"capabilities":{{}}}}"#);
    let unsupported = |versions: &str| {
        format!(
            r#""error":{{"code":-32022,"message":"no","data":{{"supported":{versions},"requested":"2026-07-28"}}}}"#
        )
    };
    for (answer, ours, expected) in [
        (discovered(r#"["2027-01-01","2026-07-28"]"#), true, Ok(DISCOVER)),
        (discovered(r#"["2025-11-25","2025-06-18"]"#), true, Ok("initialize")),
        (discovered(r#"["2027-01-01","20\u001b[31m"]"#), true, Err("not supported: 2027-01-01, 2031m")),
        (discovered("[]"), true, Err("not supported")),
        (unsupported(r#"["2026-07-28"]"#), true, Ok(DISCOVER)),
        (unsupported(r#"["2027-01-01","2025-11-25"]"#), true, Ok("initialize")),
        (unsupported(r#"["2027-01-01"]"#), true, Err("not supported: 2027-01-01")),
        (unsupported(r#"["2027-01-01"]"#), false, Err("not supported: 2027-01-01")),
        (r#""error":{"code":-32022,"message":"no"}"#.to_owned(), true, Err("JSON-RPC error -32022")),
        (r#""error":{"code":-32020,"message":"no"}"#.to_owned(), false, Err("JSON-RPC error -32020")),
        (r#""error":{"code":-32021,"message":"s3cret"}"#.to_owned(), true, Err("JSON-RPC error -32021")),
    ] {
        let answered = answer.clone();
        let fake = legacy(move |seen| {
            let id = if ours { seen.id() } else { "null".to_owned() };
            let code = if answered.starts_with("\"error\"") { 400 } else { 200 };
            Some(with_status(code, json(&format!(r#"{{"jsonrpc":"2.0","id":{id},{answered}}}"#))))
        })
        .await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
        let outcome = call(&upstreams, &spec, "t").await;
        match expected {
            Ok(begun_with) => {
                result(outcome);
                let seen = fake.seen();
                let methods: Vec<_> = seen.iter().map(|seen| seen.method.as_str()).collect();
                assert_eq!(methods.contains(&"initialize"), begun_with == "initialize", "{answer}");
            }
            Err(why) => {
                let reason = not_sent(outcome);
                assert!(reason.contains(why) && !reason.contains("s3cret"), "{answer}: {reason}");
                assert_eq!(fake.count("initialize"), 0, "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn an_old_upstream_that_was_replaced_by_a_new_one_is_found_out() {
    let replaced = Arc::new(AtomicBool::new(false));
    let is_new = replaced.clone();
    let fake = Fake::start(move |seen| {
        let is_new = is_new.load(Ordering::Relaxed);
        async move {
            match (seen.method.as_str(), is_new) {
                (DISCOVER, true) => Some(seen.answer(r#"{"supportedVersions":["2026-07-28"],"capabilities":{}}"#)),
                ("initialize", true) => Some(refuse(404, &seen, -32601, "no such method")),
                ("tools/call", true) if seen.header("mcp-method").is_empty() => Some(status(404)),
                ("tools/call", _) => Some(seen.answer("{}")),
                _ => None,
            }
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    result(call(&upstreams, &spec, "t").await);
    replaced.store(true, Ordering::Relaxed);
    let reason = not_sent(call(&upstreams, &spec, "t").await);
    assert!(reason.contains("refused to initialize"), "{reason}");
    assert_eq!(fake.count(DISCOVER), 1, "it was known to be old");
    result(call(&upstreams, &spec, "t").await);
    assert_eq!(fake.count(DISCOVER), 2);
}

#[tokio::test]
async fn a_new_upstream_that_was_replaced_by_an_old_one_is_found_out() {
    let replaced = Arc::new(AtomicBool::new(false));
    let is_old = replaced.clone();
    let fake = Fake::start(move |seen| {
        let is_old = is_old.load(Ordering::Relaxed);
        async move {
            match (seen.method.as_str(), is_old) {
                (DISCOVER, false) => Some(seen.answer(r#"{"supportedVersions":["2026-07-28"],"capabilities":{}}"#)),
                ("tools/call", true) if seen.header("mcp-session-id").is_empty() => {
                    Some(without_id(400, r#"{"code":-32000,"message":"Bad Request: Server not initialized"}"#))
                }
                ("tools/call", _) => Some(seen.answer("{}")),
                _ => None,
            }
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    result(call(&upstreams, &spec, "t").await);
    replaced.store(true, Ordering::Relaxed);
    let reason = unknown(call(&upstreams, &spec, "t").await);
    assert!(reason.starts_with("the upstream answered tools/call with HTTP 400"), "{reason}");
    result(call(&upstreams, &spec, "t").await);
    assert_eq!((fake.count(DISCOVER), fake.count("initialize")), (2, 1));
}

#[tokio::test]
async fn a_session_without_state_survives_what_ends_one_with_state() {
    // A JSON-RPC error is an answer, whatever its status: nothing is lost with it.
    let strict = Strict::start(|seen| async move {
        let code = if seen.body["params"]["name"] == "missing" { 404 } else { 400 };
        (seen.method == "tools/call").then(|| refuse(code, &seen, -32602, "no such tool"))
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
    for tool in ["missing", "wrong", "missing"] {
        assert!(matches!(call(&upstreams, &spec, tool).await, Ok(Answer::Error(_))));
    }
    assert_eq!((strict.fake.count(DISCOVER), strict.fake.count("tools/call")), (1, 3));
}

#[tokio::test]
async fn without_a_session_nothing_tells_that_an_approved_call_was_not_processed() {
    for code in [400, 404, 405, 502] {
        let strict =
            Strict::start(move |seen| async move { (seen.method == "tools/call").then(|| status(code)) }).await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
        let reason = unknown(call_with(&upstreams, &spec, "t", true, || Ok(())).await);
        assert!(reason.starts_with(&format!("the upstream answered tools/call with HTTP {code} ")), "{reason}");
        assert_eq!(strict.fake.count("tools/call"), 1);
    }
}

#[tokio::test]
async fn an_old_upstream_has_no_tasks() {
    let fake = legacy(|_| None).await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let asked = upstreams.task(&spec, TaskRequest::Get, "1", CancellationToken::new()).await;
    let reason = not_sent(asked);
    assert!(reason.contains("knows no tasks"), "{reason}");
    let params = params(r#"{"name":"t","arguments":{}}"#);
    let headers = [("Mcp-Param-Region".to_owned(), "eu".to_owned())];
    let call = Call { tasks: true, param_headers: &headers, ..Call::new("t", &params) };
    result(upstreams.call(&spec, call, || Ok(()), CancellationToken::new()).await);
    let seen = fake.seen();
    let call = seen.iter().find(|seen| seen.method == "tools/call").expect("a call");
    assert_eq!(call.body["params"], serde_json::json!({"name": "t", "arguments": {}}));
    assert_eq!(call.header("mcp-param-region"), "");
    assert!(seen.iter().all(|seen| !seen.method.starts_with("tasks/")));
}

/// An upstream of both eras whose probes are answered like this until it is mended.
async fn out_of_order(probed: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> (Fake, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let (is_mended, probed) = (mended.clone(), Arc::new(probed));
    let fake = Fake::start(move |seen| {
        let (is_mended, probed) = (is_mended.load(Ordering::Relaxed), probed.clone());
        async move {
            match (seen.method.as_str(), is_mended) {
                (DISCOVER, false) => Some(probed(&seen)),
                (DISCOVER, true) => Some(seen.answer(r#"{"supportedVersions":["2026-07-28"],"capabilities":{}}"#)),
                ("tools/call", _) => Some(seen.answer("{}")),
                ("tasks/get", _) => Some(seen.answer(r#"{"status":"working"}"#)),
                _ => None,
            }
        }
    })
    .await;
    (fake, mended)
}

#[tokio::test]
async fn one_probe_that_failed_does_not_take_an_upstreams_tasks_away() {
    for code in [500, 404] {
        let (fake, mended) = out_of_order(move |_| status(code)).await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
        result(call(&upstreams, &spec, "t").await);
        assert_eq!((fake.count(DISCOVER), fake.count("initialize")), (1, 1), "it works meanwhile");
        mended.store(true, Ordering::Relaxed);
        let asked = || upstreams.task(&spec, TaskRequest::Get, "1", CancellationToken::new());
        assert_eq!(result(asked().await), r#"{"status":"working"}"#, "{code}");
        result(asked().await);
        result(call(&upstreams, &spec, "t").await);
        assert_eq!((fake.count(DISCOVER), fake.count("initialize")), (2, 1), "what was found out counts");
        let seen = fake.seen();
        assert_eq!(seen.last().expect("a call").header("mcp-protocol-version"), "2026-07-28");
        upstreams.close().await;
    }
}

#[tokio::test]
async fn only_a_refusal_says_that_an_upstream_is_of_the_earlier_era() {
    type Probed = fn(&Seen) -> Option<Response<Body>>;
    // What the probe is answered, and how often it is asked when the session was lost once.
    let answers: [(&str, usize, Probed); 7] = [
        ("405", 1, |_| Some(status(405))),
        ("no such method", 1, |seen| Some(refuse(200, seen, -32601, "no such method"))),
        ("500", 2, |_| Some(status(500))),
        ("an error with 503", 2, |seen| Some(refuse(503, seen, -32603, "starting"))),
        ("429", 2, |_| Some(status(429))),
        ("a balancer's page", 2, |_| Some(typed("text/html", Body::from("<p>soon")))),
        ("a stream that ends", 2, |_| Some(events(": nothing\n\n"))),
    ];
    for (what, probes, probed) in answers {
        let calls = Arc::new(AtomicUsize::new(0));
        let fake = Fake::start(move |seen| {
            let lost = seen.method == "tools/call" && calls.fetch_add(1, Ordering::Relaxed) == 1;
            async move {
                match seen.method.as_str() {
                    DISCOVER => probed(&seen),
                    "tools/call" if lost => Some(status(404)),
                    "tools/call" => Some(seen.answer("{}")),
                    _ => None,
                }
            }
        })
        .await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
        result(call(&upstreams, &spec, "t").await);
        result(call(&upstreams, &spec, "t").await);
        assert_eq!((fake.count(DISCOVER), fake.count("initialize")), (probes, 2), "{what}");
    }
}

#[tokio::test]
async fn an_old_upstream_is_not_asked_again_for_every_task() {
    let fake = legacy(|_| Some(status(405))).await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    for _ in 0..5 {
        let reason = not_sent(upstreams.task(&spec, TaskRequest::Get, "1", CancellationToken::new()).await);
        assert!(reason.contains("knows no tasks"), "{reason}");
    }
    assert_eq!((fake.count(DISCOVER), fake.count("initialize")), (2, 1));
}

#[tokio::test]
async fn an_old_upstreams_own_codes_do_not_tell_that_an_approved_call_was_not_processed() {
    let fake = Fake::start(|seen| async move {
        (seen.method == "tools/call")
            .then(|| refuse(400, &seen, -32020, "mine"))
            .or_else(|| (seen.method == DISCOVER).then(|| status(405)))
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let outcome = call_with(&upstreams, &spec, "t", true, || Ok(())).await;
    match outcome {
        Ok(Answer::Error(error)) => assert!(error.get().contains("-32603"), "{error}"),
        other => panic!("{other:?}"),
    }
}
