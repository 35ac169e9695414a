//! What answers a call and what only looks like it: programs log where they answer, and answer in ways of their own.

use std::time::Instant;

use axum::body::Body;
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::fake::{Fake, Seen, events, json, status, typed};
use super::process::shell;
use super::*;

const RAN: &str = r#"{"ran":true}"#;

/// A server that answers calls so; `ANSWER` and `ID` stand for what they are.
async fn calling(answer: impl Fn(&Seen) -> axum::http::Response<Body> + Send + Sync + 'static) -> Fake {
    let answer = Arc::new(answer);
    Fake::start(move |seen| {
        let answer = answer.clone();
        async move { (seen.method == "tools/call").then(|| answer(&seen)) }
    })
    .await
}

fn filled(text: &str, seen: &Seen) -> String {
    text.replace("ANSWER", r#"{"jsonrpc":"2.0","id":ID,"result":{"ran":true}}"#).replace("ID", &seen.id())
}

/// A program that runs this for each call, where `ID` stands in single quotes.
fn program(commands: &str) -> Arc<ConnectionSpec> {
    Arc::new(shell(&format!("*'\"tools/call\"'*) {};;", commands.replace("ID", "'$id'"))))
}

async fn approved(spec: &Arc<ConnectionSpec>) -> Result<Answer, UpstreamError> {
    call_with(&upstreams(), spec, "t", true, || Ok(())).await
}

#[track_caller]
fn error(outcome: Result<Answer, UpstreamError>) -> String {
    match outcome {
        Ok(Answer::Error(error)) => error.get().to_owned(),
        other => panic!("no error of the upstream's: {other:?}"),
    }
}

#[tokio::test]
async fn a_line_of_a_log_that_names_the_call_is_not_its_answer() {
    for line in [
        r#"{"level":"info","id":ID,"msg":"tool called"}"#,
        r#"{"level":"debug","id":ID,"params":{"name":"t"..."#,
        r#"{"event":"response","id":ID,"result":"sent"}"#,
        r#"{"level":"error","id":ID,"error":"retrying 1/3"}"#,
        r#"{"level":"error","id":ID,"error":{"code":500,"message":"retrying 1/3"}}"#,
        r#"[{"id":ID,"title":"My shop"}]"#,
        r#"[info] calling {"id":ID}"#,
        r#"[DEBUG] sending {"jsonrpc":"2.0","id":ID,"result":{"content":[]}}"#,
    ] {
        let spec = program(&format!("echo '{line}'; sleep 0.05; answer '{RAN}'"));
        assert_eq!(result(approved(&spec).await), RAN, "{line}");
    }
}

#[tokio::test]
async fn an_event_that_names_the_call_is_not_its_answer() {
    for event in
        [r#"{"type":"ping","id":ID}"#, r#"{"id":ID,"status":"processing"}"#, r#"{"id":ID,"result":"queued"}"#, "[ID]"]
    {
        let body = format!("data: {event}\n\ndata: ANSWER\n\n");
        let fake = calling(move |seen| events(&filled(&body, seen))).await;
        assert_eq!(result(approved(&Arc::new(http_spec(&fake.url))).await), RAN, "{event}");
    }
}

#[tokio::test]
async fn an_answer_need_not_have_a_line_of_its_own() {
    let note = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"x"}}"#;
    for before in ["calling t... ", note] {
        let spec = program(&format!("printf '%s' '{before}'; answer '{RAN}'"));
        assert_eq!(result(approved(&spec).await), RAN, "{before}");
    }
}

#[tokio::test]
async fn the_ids_of_two_processes_have_nothing_in_common() {
    let id = || async { result(call(&upstreams(), &program("answer $id"), "t").await) };
    assert_ne!(id().await, id().await);
}

#[tokio::test]
async fn the_last_event_of_a_stream_needs_no_blank_line() {
    for (body, whole) in [
        ("event: message\ndata: ANSWER\n", true),
        ("data: {\"type\":\"ping\"}\n\ndata: ANSWER", true),
        ("data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{", false),
        ("data: {\"type\":\"ping\"}", false),
    ] {
        let fake = calling(move |seen| events(&filled(body, seen))).await;
        let outcome = approved(&Arc::new(http_spec(&fake.url))).await;
        match whole {
            true => assert_eq!(result(outcome), RAN, "{body}"),
            false => assert!(unknown(outcome).contains("without an answer"), "{body}"),
        }
    }
}

#[tokio::test]
async fn an_error_is_the_agents_however_it_is_written() {
    let odd = r#"{"jsonrpc":"2.0","id":ID,"error":{"code":"ENOENT","message":"no such file"}}"#;
    let expected = r#"{"code":-32603,"message":"no such file"}"#;
    let fake = calling(move |seen| json(&filled(odd, seen))).await;
    assert_eq!(error(approved(&Arc::new(http_spec(&fake.url))).await), expected);
    assert_eq!(error(approved(&program(&format!("echo '{odd}'"))).await), expected);
}

#[tokio::test]
async fn an_error_without_an_id_ends_the_only_call_there_is() {
    for id in [r#""id":null,"#, ""] {
        let said = format!(r#"{{"jsonrpc":"2.0",{id}"error":{{"code":-32603,"message":"boom"}}}}"#);
        for body in [said.clone(), format!("data: {said}\n\n")] {
            let fake = calling(move |_| if body.starts_with('d') { events(&body) } else { json(&body) }).await;
            let told = error(approved(&Arc::new(http_spec(&fake.url))).await);
            assert_eq!(told, r#"{"code":-32603,"message":"boom"}"#, "it came in response to this call");
        }
        let spec = Arc::new(shell(&format!("*'\"tools/list\"'*) answer '{{\"tools\":[]}}';; *) echo '{said}';;")));
        let upstreams = upstreams();
        upstreams.list_tools(&spec).await.unwrap();
        let began = Instant::now();
        let reason = unknown(call_with(&upstreams, &spec, "t", true, || Ok(())).await);
        assert!(reason.ends_with(": boom") && began.elapsed() < spec.call_timeout / 2, "{reason}");
    }
}

#[tokio::test]
async fn an_error_without_an_id_that_may_be_about_something_else_ends_nothing() {
    let said = r#"echo '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}'"#;
    let mut answers_notifications = shell("*'\"tools/list\"'*) answer '{\"tools\":[{\"name\":\"a\"}]}';;");
    let Transport::Stdio { args, .. } = &mut answers_notifications.transport else { unreachable!() };
    args[1] = args[1].replace(r#"echo "$line" >&2"#, said);
    assert!(args[1].contains("Invalid Request"));
    assert_eq!(upstreams().list_tools(&Arc::new(answers_notifications)).await.unwrap().len(), 1);

    // Two calls are under way.
    let arms = format!(r#"*'"first"'*) held=$id;; *'"second"'*) {said}; answer '"2"'; id=$held; answer '"1"';;"#);
    let (spec, upstreams) = (Arc::new(shell(&arms)), upstreams());
    let second = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        call(&upstreams, &spec, "second").await
    };
    let (first, second) = tokio::join!(call(&upstreams, &spec, "first"), second);
    assert_eq!((result(first).as_str(), result(second).as_str()), ("\"1\"", "\"2\""));
}

#[tokio::test]
async fn a_call_that_was_only_accepted_is_answered_on_the_servers_own_stream() {
    let stream = Arc::new(Mutex::new(None::<mpsc::UnboundedSender<String>>));
    let fake = Fake::start(move |seen| {
        let stream = stream.clone();
        async move {
            match (seen.http_method.as_str(), seen.method.as_str()) {
                ("GET", _) => {
                    let (to, from) = mpsc::unbounded_channel();
                    *stream.lock() = Some(to);
                    let pieces = UnboundedReceiverStream::new(from).map(Ok::<_, std::io::Error>);
                    Some(typed("text/event-stream", Body::from_stream(pieces)))
                }
                (_, "tools/list") => {
                    // So the stream stands when the call comes.
                    while stream.lock().is_none() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    Some(seen.answer(r#"{"tools":[]}"#))
                }
                (_, "tools/call") => {
                    let answer = filled("data: ANSWER\n\n", &seen);
                    let stream = stream.lock().clone().unwrap();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        stream.send(answer)
                    });
                    Some(status(202))
                }
                _ => None,
            }
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    upstreams.list_tools(&spec).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(result(call_with(&upstreams, &spec, "t", true, || Ok(())).await), RAN);
    assert_eq!(fake.count("tools/call"), 1);

    let without = calling(|_| status(202)).await;
    let reason = unknown(approved(&Arc::new(http_spec(&without.url))).await);
    assert!(reason.contains("HTTP 202 without an MCP message"), "{reason}");
}
