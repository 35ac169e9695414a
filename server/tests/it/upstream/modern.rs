//! Streamable HTTP in MCP 2026-07-28, as long as both sides keep the protocol.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use futures::StreamExt;
use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::sync::mpsc;

use super::fake::{Fake, Seen, Wiretap, events, json, status, typed};
use super::strict::{Strict, decoded, discovered, refuse};
use super::*;

/// A stream of events that the test writes, and when it is open the end to write to.
fn written() -> (mpsc::UnboundedSender<String>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel::<String>();
    let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(receiver);
    (sender, Body::from_stream(stream.map(Ok::<_, std::io::Error>)))
}

/// An upstream whose calls are answered by what the test writes to the senders it keeps.
async fn with_open_calls() -> (Strict, Arc<Mutex<Vec<(Seen, mpsc::UnboundedSender<String>)>>>) {
    let open = Arc::new(Mutex::new(Vec::new()));
    let kept = open.clone();
    let strict = Strict::start(move |seen| {
        let kept = kept.clone();
        async move {
            (seen.method == "tools/call").then(|| {
                let (sender, body) = written();
                kept.lock().push((seen, sender));
                typed("text/event-stream", body)
            })
        }
    })
    .await;
    (strict, open)
}

#[track_caller]
fn error(outcome: Result<Answer, UpstreamError>) -> serde_json::Value {
    match outcome {
        Ok(Answer::Error(error)) => serde_json::from_str(error.get()).expect("JSON"),
        other => panic!("no error: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_said_to_agents_is_kept_in_both_eras_without_secrets_of_the_connection() {
    const WORDS: &str = r#""instructions":"Use the token hunter2-hunter2.""#;
    let modern = Strict::start(|seen| async move {
        match seen.method.as_str() {
            "server/discover" => {
                let said = discovered(false);
                Some(seen.answer(&format!("{},{WORDS}}}", &said[..said.len() - 1])))
            }
            "tools/list" => {
                Some(seen.answer(r#"{"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}"#))
            }
            _ => None,
        }
    })
    .await;
    let legacy = Fake::start(|seen| async move {
        match seen.method.as_str() {
            "initialize" => {
                Some(seen.answer(&format!(r#"{{"protocolVersion":"2025-11-25","capabilities":{{}},{WORDS}}}"#)))
            }
            "tools/list" => Some(seen.answer(r#"{"tools":[]}"#)),
            _ => None,
        }
    })
    .await;
    let secrets = Arc::new(permesso::upstream::Secrets::new(["hunter2-hunter2".to_owned()]));
    for url in [&modern.fake.url, &legacy.url] {
        let spec = Arc::new(ConnectionSpec { secrets: secrets.clone(), ..http_spec(url) });
        let upstreams = upstreams();
        assert_eq!(upstreams.instructions(spec.id), None);
        upstreams.list_tools(&spec).await.expect("a list");
        assert_eq!(upstreams.instructions(spec.id).as_deref(), Some("Use the token [redacted]."));
    }
}

#[tokio::test]
async fn every_request_says_for_itself_what_it_is() {
    let odd = r#"{ "content" :[ ], "resultType":"complete","big":9007199254740993,"x":1.0e2 }"#;
    let strict = Strict::start(move |seen| async move {
        match seen.method.as_str() {
            "tools/call" => Some(seen.answer(odd)),
            "tools/list" => Some(seen.answer(match seen.body["params"]["cursor"].as_str() {
                None => r#"{"resultType":"complete","tools":[{"name":"a", "x":1.0}],"nextCursor":"2","ttlMs":5}"#,
                Some(_) => r#"{"resultType":"complete","tools":[{"name":"b"}]}"#,
            })),
            _ => None,
        }
    })
    .await;
    let spec = Arc::new(spec(Transport::StreamableHttp {
        url: Url::parse(&strict.fake.url).expect("a URL"),
        headers: [("Authorization", "Bearer s3cret"), ("Mcp-Name", "mine"), ("Mcp-Session-Id", "mine")]
            .map(|(name, value)| (name.to_owned(), SecretString::from(value)))
            .to_vec(),
    }));
    let upstreams = upstreams();
    assert_eq!(result(call(&upstreams, &spec, "naïve tool").await), odd);
    assert_eq!(upstreams.list_tools(&spec).await.expect("a list").len(), 2);
    upstreams.close().await;
    let seen = strict.fake.seen();
    let methods: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["server/discover", "tools/call", "tools/list", "tools/list"]);
    assert!(seen.iter().all(|seen| seen.header("authorization") == "Bearer s3cret"));
}

#[tokio::test]
async fn parameters_stay_as_they_are_but_for_the_protocols_members() {
    let strict = Strict::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let arguments = "{\"n\":1.0e2,\n\"\\u0061\":9007199254740993}";
    let params = params(&format!(
        "{{ \"name\":\"t\" , \"arguments\":{arguments},\"_meta\":{{\"progressToken\":7,\"traceparent\":\"00-x\"}}}}"
    ));
    let spec = Arc::new(http_spec(&strict.fake.url));
    let outcome = upstreams().call(&spec, Call::new("t", &params), || Ok(()), CancellationToken::new()).await;
    result(outcome);
    let seen = strict.fake.seen().pop().expect("a call");
    let body = String::from_utf8(seen.raw.to_vec()).expect("text");
    assert!(body.contains(arguments), "{body}");
    let meta = &seen.body["params"]["_meta"];
    assert_eq!((&meta["progressToken"], &meta["traceparent"]), (&7.into(), &"00-x".into()));
}

#[tokio::test]
async fn arguments_are_repeated_in_headers_in_the_specified_encoding() {
    let strict = Strict::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
    let params = params(r#"{"name":"t","arguments":{}}"#);
    let values = [("Plain", "us-west1"), ("Greeting", "Hello, 世界"), ("Text", " padded "), ("Lines", "a\r\nX: b")];
    let headers = values.map(|(name, value)| (format!("Mcp-Param-{name}"), value.to_owned()));
    let with_headers = Call { param_headers: &headers, ..Call::new("t", &params) };
    result(upstreams.call(&spec, with_headers, || Ok(()), CancellationToken::new()).await);
    let seen = strict.fake.seen().pop().expect("a call");
    assert_eq!(seen.header("mcp-param-plain"), "us-west1");
    assert_eq!(seen.header("mcp-param-greeting"), "=?base64?SGVsbG8sIOS4lueVjA==?=");
    for (name, value) in values {
        assert_eq!(decoded(seen.header(&format!("mcp-param-{name}"))), value);
    }
    for name in ["Mcp-Param-\r\nX", "Authorization", ""] {
        let forged = [(name.to_owned(), "1".to_owned())];
        let forged = Call { param_headers: &forged, ..Call::new("t", &params) };
        not_sent(upstreams.call(&spec, forged, || Ok(()), CancellationToken::new()).await);
    }
    assert_eq!(strict.fake.count("tools/call"), 1);
}

#[tokio::test]
async fn to_give_up_is_to_hang_up() {
    let (strict, open) = with_open_calls().await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
    let running = tokio::spawn({
        let (upstreams, spec) = (upstreams.clone(), spec.clone());
        async move { call(&upstreams, &spec, "t").await }
    });
    soon("the call", || open.lock().len() == 1).await;
    running.abort();
    soon("the hang-up", || open.lock()[0].1.is_closed()).await;
    assert_eq!(strict.fake.seen().len(), 2, "nothing else is said");
}

#[tokio::test]
async fn an_approved_call_is_hung_up_on_at_its_time_limit_and_not_before() {
    let (strict, open) = with_open_calls().await;
    let mut spec = http_spec(&strict.fake.url);
    spec.call_timeout = Duration::from_secs(1);
    let (upstreams, spec) = (upstreams(), Arc::new(spec));
    let running = tokio::spawn({
        let (upstreams, spec) = (upstreams.clone(), spec.clone());
        async move { call_with(&upstreams, &spec, "t", true, || Ok(())).await }
    });
    soon("the call", || open.lock().len() == 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!open.lock()[0].1.is_closed(), "it has time");
    assert_eq!(unknown(running.await.expect("an outcome")), "no answer within 1 s");
    // Nobody would take the answer any more, and an upstream that went on would run what a person
    // may have settled as not executed by then.
    soon("the hang-up", || open.lock()[0].1.is_closed()).await;
    assert_eq!(strict.fake.count("tools/call"), 1);
}

#[tokio::test]
async fn an_approved_call_keeps_its_promises() {
    let strict = Strict::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let tap = Wiretap::before(&strict.fake).await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&tap.url)));
    result(call(&upstreams, &spec, "t").await);
    let before = tap.bytes();
    let reason = not_sent(call_with(&upstreams, &spec, "t", true, || Err("the lease ran out".to_owned())).await);
    assert_eq!(reason, "the lease ran out");
    let after = tap.bytes();
    assert!(after.len() == before.len() + 1 && after.last() == Some(&0), "{before:?} {after:?}");
    result(call_with(&upstreams, &spec, "t", true, || Ok(())).await);
    assert_eq!(tap.bytes().len(), before.len() + 2, "a TCP connection of its own");
    assert_eq!(strict.fake.count("tools/call"), 2);
}

#[tokio::test]
async fn a_broken_stream_is_not_asked_for_again() {
    let strict = Strict::start(|seen| async move {
        (seen.method == "tools/call").then(|| events("id: e-1\nretry: 1\ndata:\n\n: nothing more\n\n"))
    })
    .await;
    let spec = Arc::new(http_spec(&strict.fake.url));
    let reason = unknown(call(&upstreams(), &spec, "t").await);
    assert_eq!(reason, "the upstream ended its stream without an answer");
    assert_eq!(strict.fake.count("tools/call"), 1);
}

#[tokio::test]
async fn what_an_upstream_must_not_ask_is_not_replied_to() {
    let strict = Strict::start(|seen| async move {
        (seen.method == "tools/call").then(|| {
            events(&format!(
                "data: {{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}}\n\n\
                 data: {{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"resultType\":\"input_required\"}}}}\n\n",
                seen.id()
            ))
        })
    })
    .await;
    let spec = Arc::new(http_spec(&strict.fake.url));
    let upstreams = upstreams();
    let answer = result(call(&upstreams, &spec, "t").await);
    assert_eq!(answer, r#"{"resultType":"input_required"}"#, "what to do about it is the caller's to decide");
    result(call(&upstreams, &spec, "t").await);
    assert_eq!(strict.fake.seen().len(), 3, "no reply was posted");
}

#[tokio::test]
async fn a_task_is_asked_about_with_the_extension_declared() {
    let strict = Strict::start(|seen| async move {
        let declared =
            seen.body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] != serde_json::json!({});
        match (seen.method.as_str(), declared) {
            ("tools/call", true) => Some(seen.answer(r#"{"resultType":"task","taskId":"ä/1","status":"working"}"#)),
            ("tools/call", false) => Some(seen.answer(r#"{"resultType":"complete","content":[]}"#)),
            ("tasks/get", _) => Some(seen.answer(r#"{"resultType":"complete","status":"completed", "result":{ }}"#)),
            ("tasks/update", _) => Some(seen.answer(r#"{"resultType":"complete"}"#)),
            ("tasks/cancel", _) => Some(refuse(200, &seen, -32602, "no such task")),
            _ => None,
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
    let params = params(r#"{"name":"t","arguments":{}}"#);
    let asked = Call { tasks: true, ..Call::new("t", &params) };
    let created = result(upstreams.call(&spec, asked, || Ok(()), CancellationToken::new()).await);
    assert!(created.contains(r#""resultType":"task""#));
    assert!(!result(call(&upstreams, &spec, "t").await).contains("task"));

    let ask = |asked| upstreams.task(&spec, asked, "ä/1", CancellationToken::new());
    let got = result(ask(TaskRequest::Get).await);
    assert_eq!(got, r#"{"resultType":"complete","status":"completed", "result":{ }}"#);
    let given = raw(r#"{ "name":{"action":"accept","content":{"n":1.0}}}"#);
    result(ask(TaskRequest::Update { input_responses: &given }).await);
    let seen = strict.fake.seen();
    let update = String::from_utf8(seen.last().expect("one").raw.to_vec()).expect("text");
    assert!(update.contains(given.get()), "{update}");
    assert!(matches!(ask(TaskRequest::Cancel).await, Ok(Answer::Error(_))));
    assert_eq!(seen.last().expect("one").header("mcp-name"), "=?base64?w6QvMQ==?=");
}

#[tokio::test]
async fn changes_of_the_tool_list_are_subscribed_to_where_they_are_told() {
    let opened = Arc::new(Mutex::new(Vec::new()));
    let kept = opened.clone();
    let strict = Strict::start(move |seen| {
        let kept = kept.clone();
        async move {
            match seen.method.as_str() {
                "server/discover" => Some(seen.answer(&discovered(true))),
                "subscriptions/listen" => {
                    assert_eq!(seen.body["params"]["notifications"], serde_json::json!({"toolsListChanged": true}));
                    let (sender, body) = written();
                    kept.lock().push((seen, sender));
                    Some(typed("text/event-stream", body))
                }
                "tools/call" => Some(seen.answer("{}")),
                _ => None,
            }
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
    result(call(&upstreams, &spec, "t").await);
    for (opening, end) in ["\"result\":{\"resultType\":\"complete\"}", "\"error\":{\"code\":-32000,\"message\":\"no\"}"]
        .iter()
        .enumerate()
    {
        soon("the subscription", || opened.lock().len() == opening + 1).await;
        let (seen, sender) = opened.lock()[opening].clone();
        let say = |message: &str| sender.send(format!("data: {{\"jsonrpc\":\"2.0\",{message}}}\n\n")).expect("open");
        say(
            r#""method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true}}"#,
        );
        say(r#""method":"notifications/tools/list_changed","params":{}"#);
        let id = tokio::time::timeout(Duration::from_secs(10), upstreams.list_changed()).await;
        assert_eq!(id.expect("soon"), spec.id);
        say(&format!("\"id\":{},{end}", seen.id()));
        soon("the end of the stream", || sender.is_closed()).await;
    }
    // Ended in good order it is opened again after a pause of 2 s; refused it is not.
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    assert_eq!(opened.lock().len(), 2);
    upstreams.close().await;
}

#[tokio::test]
async fn who_tells_no_changes_is_not_asked_for_them() {
    let strict = Strict::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
    result(call(&upstreams, &spec, "t").await);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(strict.fake.count("subscriptions/listen"), 0);
}

#[tokio::test]
async fn a_header_that_does_not_match_has_the_tools_listed_again() {
    for id_is_known in [true, false] {
        let strict = Strict::start(move |seen| async move {
            (seen.method == "tools/call").then(|| {
                if id_is_known {
                    return refuse(400, &seen, -32020, "Mcp-Param-Region is missing");
                }
                let mut response = json(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"no"}}"#);
                *response.status_mut() = status(400).status();
                response
            })
        })
        .await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
        // An answer is an answer, also to an approved call: it is not sent again.
        let error = error(call_with(&upstreams, &spec, "t", true, || Ok(())).await);
        assert_eq!(error["code"], -32603, "{error}");
        assert_eq!(futures::FutureExt::now_or_never(upstreams.list_changed()), Some(spec.id));
        assert_eq!(strict.fake.count("tools/call"), 1);
    }
}

#[tokio::test]
async fn what_an_upstream_says_of_the_gateways_request_goes_on_in_the_gateways_words() {
    for code in [-32020, -32021, -32022] {
        let strict = Strict::start(move |seen| async move {
            (seen.method == "tools/call").then(|| refuse(400, &seen, code, "not\nlike this"))
        })
        .await;
        let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
        let said = "the upstream refused the gateway's request: notlike this";
        let error = error(call(&upstreams, &spec, "t").await);
        assert_eq!(error, serde_json::json!({"code": -32603, "message": said}), "{code}");
        assert!(upstreams.logs(spec.id, false).iter().any(|line| line.contains(&code.to_string())), "{code}");
        assert_eq!(strict.fake.count("tools/call"), 1);
    }
}

#[tokio::test]
async fn many_first_calls_probe_once() {
    let probes = Arc::new(AtomicUsize::new(0));
    let count = probes.clone();
    let strict = Strict::start(move |seen| {
        let count = count.clone();
        async move {
            match seen.method.as_str() {
                "server/discover" => {
                    count.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    None
                }
                _ => Some(seen.answer("{}")),
            }
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&strict.fake.url)));
    let started = Instant::now();
    for outcome in futures::future::join_all((0..20).map(|_| call(&upstreams, &spec, "t"))).await {
        result(outcome);
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(probes.load(Ordering::Relaxed), 1);
}
