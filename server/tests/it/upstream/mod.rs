//! What `permesso::upstream` promises, against servers and processes that keep
//! and break the protocol.

mod answers;
mod eras;
mod errors;
mod fake;
mod http;
mod modern;
mod outbound;
mod process;
mod progress;
mod quirks;
mod reach;
mod refusals;
mod rmcp_server;
mod sample;
mod strict;

use std::sync::Arc;
use std::time::Duration;

use permesso::egress::{AllowRule, Egress};
use permesso::upstream::{Answer, Call, ChildUser, ConnectionSpec, TaskRequest, Transport, UpstreamError, Upstreams};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

fn upstreams_allowing(rules: &str) -> Upstreams {
    let rules = AllowRule::parse_list(rules).expect("rules");
    upstreams_as(rules, ChildUser::find(None).expect("ourselves"))
}

fn upstreams_as(rules: Vec<AllowRule>, children: ChildUser) -> Upstreams {
    permesso::process::keeper::keep_with(env!("CARGO_BIN_EXE_permesso"));
    Upstreams::new(Egress::new(rules).expect("an HTTP client"), children, permesso::clock::Clock::system())
}

/// What `dev` has: loopback allowed.
fn upstreams() -> Upstreams {
    upstreams_allowing("127.0.0.1, ::1")
}

fn spec(transport: Transport) -> ConnectionSpec {
    ConnectionSpec {
        id: Uuid::now_v7(),
        slug: "test".to_owned(),
        version: 1,
        transport,
        connect_timeout: Duration::from_secs(5),
        call_timeout: Duration::from_secs(20),
        secrets: Arc::default(),
    }
}

fn http_spec(url: &str) -> ConnectionSpec {
    spec(Transport::StreamableHttp { url: Url::parse(url).expect("a URL"), headers: Vec::new() })
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("JSON")
}

/// The parameters of a call.
fn params(json: &str) -> Arc<RawValue> {
    raw(json).into()
}

/// A call of `tool` that nothing guards or cancels.
async fn call(upstreams: &Upstreams, spec: &Arc<ConnectionSpec>, tool: &str) -> Result<Answer, UpstreamError> {
    call_with(upstreams, spec, tool, false, || Ok(())).await
}

async fn call_with(
    upstreams: &Upstreams,
    spec: &Arc<ConnectionSpec>,
    tool: &str,
    once: bool,
    guard: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Result<Answer, UpstreamError> {
    let params = params(&format!(r#"{{"name":"{tool}","arguments":{{}}}}"#));
    let call = Call { once, ..Call::new(tool, &params) };
    upstreams.call(spec, call, guard, CancellationToken::new()).await
}

#[track_caller]
fn result(outcome: Result<Answer, UpstreamError>) -> String {
    match outcome {
        Ok(Answer::Result(result)) => result.get().to_owned(),
        other => panic!("no result: {other:?}"),
    }
}

#[track_caller]
fn not_sent(outcome: Result<Answer, UpstreamError>) -> String {
    match outcome {
        Err(UpstreamError::NotSent { reason }) => reason,
        other => panic!("expected NotSent, got {other:?}"),
    }
}

#[track_caller]
fn unknown(outcome: Result<Answer, UpstreamError>) -> String {
    match outcome {
        Err(UpstreamError::Unknown { reason }) => reason,
        other => panic!("expected Unknown, got {other:?}"),
    }
}

/// Waits for something that happens soon, or fails naming it.
async fn soon(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen within 10 s");
}
