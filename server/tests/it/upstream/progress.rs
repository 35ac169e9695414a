//! Progress of a call, wherever its upstream tells it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use parking_lot::Mutex;
use permesso::upstream::{ProgressTo, UpstreamProgress};

use super::fake::{Fake, Seen, events, typed};
use super::strict::Strict;
use super::*;

const TOKEN: &str = "\"0199\\/a\"";

fn told(seen: &Seen, progress: &str) -> String {
    let token = &seen.body["params"]["_meta"]["progressToken"];
    format!(
        "data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":{token},{progress}}}}}\n\n"
    )
}

/// The answer as a stream of events that tells of progress first.
fn with_progress(seen: &Seen) -> String {
    format!(
        "{}{}{}data: {{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{}}}}\n\n",
        told(seen, "\"progress\":1,\"total\":4,\"message\":\"a quarter\""),
        told(seen, "\"progress\":2.5").replace("0199", "another call's"),
        told(seen, "\"progress\":2.5"),
        seen.id()
    )
}

/// A call with progress: how it ended and what was told meanwhile.
async fn watched(
    upstreams: &Upstreams,
    spec: &Arc<ConnectionSpec>,
) -> (Result<Answer, UpstreamError>, Vec<UpstreamProgress>) {
    let (to, mut from) = UpstreamProgress::channel();
    let token = raw(TOKEN);
    let params = params(&format!(r#"{{"name":"t","arguments":{{}},"_meta":{{"progressToken":{TOKEN}}}}}"#));
    let call = Call { progress: Some(ProgressTo { token: &token, to: &to }), ..Call::new("t", &params) };
    let outcome = upstreams.call(spec, call, || Ok(()), CancellationToken::new()).await;
    (outcome, std::iter::from_fn(|| from.try_recv().ok()).collect())
}

fn expected() -> Vec<UpstreamProgress> {
    vec![
        UpstreamProgress { progress: 1.0, total: Some(4.0), message: Some("a quarter".to_owned()) },
        UpstreamProgress { progress: 2.5, total: None, message: None },
    ]
}

#[tokio::test]
async fn it_comes_on_the_stream_of_the_answer_in_both_eras() {
    let answer = |seen: Seen| async move { (seen.method == "tools/call").then(|| events(&with_progress(&seen))) };
    let (legacy, modern) = (Fake::start(answer).await, Strict::start(answer).await);
    for url in [&legacy.url, &modern.fake.url] {
        let (outcome, progress) = watched(&upstreams(), &Arc::new(http_spec(url))).await;
        result(outcome);
        assert_eq!(progress, expected());
    }
}

#[tokio::test]
async fn it_comes_on_the_stream_that_a_session_has_besides() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<String>();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let fake = Fake::start(move |seen| {
        let (sender, receiver) = (sender.clone(), receiver.clone());
        async move {
            if seen.http_method == "GET" {
                let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(receiver.lock().take()?);
                return Some(typed("text/event-stream", Body::from_stream(stream.map(Ok::<_, std::io::Error>))));
            }
            if seen.method == "tools/call" {
                sender.send(told(&seen, "\"progress\":1,\"total\":4,\"message\":\"a quarter\"")).expect("open");
                sender.send(told(&seen, "\"progress\":2.5")).expect("open");
                tokio::time::sleep(Duration::from_millis(500)).await;
                return Some(seen.answer("{}"));
            }
            None
        }
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    upstreams.list_tools(&spec).await.expect_err("it lists none, but there is a session");
    soon("the stream", || fake.seen().iter().any(|seen| seen.http_method == "GET")).await;
    let (outcome, progress) = watched(&upstreams, &spec).await;
    result(outcome);
    assert_eq!(progress, expected());
}

#[tokio::test]
async fn it_comes_from_a_process() {
    let say = |progress: &str| {
        format!(
            r#"printf '{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":"0199/a",{progress}}}}}\n'"#
        )
    };
    let script = format!(
        r#"
        answer() {{ printf '{{"jsonrpc":"2.0","id":%s,"result":%s}}\n' "$id" "$1"; }}
        while read -r line; do
            id=${{line#*'"id":'}}; id=${{id%%,*}}
            case $line in
                *'"method":"initialize"'*) answer '{{"protocolVersion":"2025-11-25","capabilities":{{}}}}';;
                *tools/call*) {}; {}; answer '{{}}'; {};;
            esac
        done
        "#,
        say(r#""progress":1,"total":4,"message":"a quarter""#),
        say(r#""progress":2.5"#),
        say(r#""progress":3"#),
    );
    let spec = Arc::new(spec(Transport::Stdio {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), script],
        env: Vec::new(),
        cwd: None,
    }));
    let (outcome, progress) = watched(&upstreams(), &spec).await;
    result(outcome);
    assert_eq!(progress[..2], expected());
}

#[tokio::test]
async fn each_step_begins_the_calls_time_limit_anew_and_silence_still_ends_it() {
    let (steps, pause, limit) = (5, Duration::from_millis(150), Duration::from_millis(400));
    let fake = Fake::start(move |seen| async move {
        if seen.method != "tools/call" {
            return None;
        }
        let answer = format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{}}}}\n\n", seen.id());
        let silent = seen.body["params"]["name"] == "silent";
        let told: Vec<_> =
            (0..steps).map(|step| told(&seen, &format!("\"progress\":{step}"))).chain([answer]).collect();
        let told = futures::stream::iter(told).then(move |event| async move {
            tokio::time::sleep(if silent { pause * steps } else { pause }).await;
            Ok::<_, std::io::Error>(event)
        });
        Some(typed("text/event-stream", Body::from_stream(told)))
    })
    .await;
    let spec = Arc::new(ConnectionSpec { call_timeout: limit, ..http_spec(&fake.url) });
    let (upstreams, began) = (upstreams(), std::time::Instant::now());
    let (outcome, progress) = watched(&upstreams, &spec).await;
    result(outcome);
    assert_eq!(progress.len(), 5);
    assert!(began.elapsed() > limit, "it took longer than its limit");
    let outcome = call(&upstreams, &spec, "silent").await;
    assert!(matches!(outcome, Err(UpstreamError::Unknown { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_process_extends_its_limit_in_the_same_way() {
    let script = r#"
        answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
        while read -r line; do
            id=${line#*'"id":'}; id=${id%%,*}
            case $line in
                *'"method":"initialize"'*) answer '{"protocolVersion":"2025-11-25","capabilities":{}}';;
                *tools/call*) for step in 1 2 3 4 5; do
                        sleep 0.15
                        printf '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"0199/a","progress":%s}}\n' $step
                    done
                    answer '{}';;
            esac
        done
        "#;
    let path = vec![("PATH".to_owned(), std::env::var("PATH").expect("a PATH").into())];
    let transport = Transport::Stdio {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: path,
        cwd: None,
    };
    let spec = Arc::new(ConnectionSpec { call_timeout: Duration::from_millis(400), ..spec(transport) });
    let (outcome, progress) = watched(&upstreams(), &spec).await;
    result(outcome);
    assert_eq!(progress.len(), 5);
}

#[tokio::test]
async fn who_does_not_listen_holds_up_nothing() {
    let fake = Fake::start(|seen| async move {
        (seen.method == "tools/call").then(|| {
            let much: String = (0..500).map(|step| told(&seen, &format!("\"progress\":{step}"))).collect();
            events(&format!("{much}{}", with_progress(&seen)))
        })
    })
    .await;
    let (upstreams, spec) = (upstreams(), Arc::new(http_spec(&fake.url)));
    let (outcome, progress) = watched(&upstreams, &spec).await;
    result(outcome);
    let steps: Vec<f64> = progress.iter().map(|progress| progress.progress).collect();
    assert_eq!(steps, (0..16).map(f64::from).collect::<Vec<_>>());
    result(call(&upstreams, &spec, "t").await);
}
