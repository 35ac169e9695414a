//! The sample upstream, and with it a server that speaks MCP by rmcp.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use devkit::sample_upstream;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

use super::*;

async fn sample(ledger: &Path) -> (Arc<ConnectionSpec>, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = sample_upstream::endpoint(&listener).expect("an address");
    let cancel = CancellationToken::new();
    let serving = sample_upstream::serve(listener, ledger.to_owned(), Duration::ZERO, cancel.clone());
    tokio::spawn(serving);
    (Arc::new(http_spec(&url)), cancel.drop_guard())
}

async fn call_tool(upstreams: &Upstreams, spec: &Arc<ConnectionSpec>, tool: &str, arguments: &str) -> Value {
    let params = params(&format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#));
    let call = Call { once: true, ..Call::new(tool, &params) };
    let outcome = upstreams.call(spec, call, || Ok(()), CancellationToken::new()).await;
    serde_json::from_str(&result(outcome)).expect("JSON")
}

fn read(ledger: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(ledger).expect("a file")).expect("JSON")
}

#[tokio::test]
async fn the_ledger_shows_what_ran_and_how_often() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = directory.path().join("ledger.json");
    let (spec, _stop) = sample(&ledger).await;
    let upstreams = upstreams();

    let empty = call_tool(&upstreams, &spec, "list_invoices", "{}").await;
    assert_eq!(empty["structuredContent"]["invoices"], serde_json::json!([]));
    assert!(!ledger.exists(), "reading changes nothing");

    let order = r#"{"customer":"Rossi","amount_cents":1250,"currency":"EUR"}"#;
    let sends = (0..10).map(|_| call_tool(&upstreams, &spec, "send_invoice", order));
    for sent in futures::future::join_all(sends).await {
        assert_eq!(sent["structuredContent"]["amount_cents"], 1250);
    }
    let contents = read(&ledger);
    assert_eq!(contents["runs"]["send_invoice"], 10);
    assert_eq!(contents["invoices"].as_array().expect("a list").len(), 10);

    let deleted = call_tool(&upstreams, &spec, "delete_ledger", "{}").await;
    assert_eq!(deleted["structuredContent"]["deleted"], 10);
    let contents = read(&ledger);
    assert_eq!(contents["invoices"], serde_json::json!([]));
    assert_eq!(contents["runs"]["delete_ledger"], 1);
    assert_eq!(contents["runs"]["send_invoice"], 10);
    upstreams.close().await;
}

#[tokio::test]
async fn a_wrong_order_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = directory.path().join("ledger.json");
    let (spec, _stop) = sample(&ledger).await;
    let upstreams = upstreams();
    for order in [
        r#"{"customer":"","amount_cents":1,"currency":"EUR"}"#,
        r#"{"customer":"a","amount_cents":0,"currency":"EUR"}"#,
        r#"{"customer":"a","amount_cents":1,"currency":"eur"}"#,
    ] {
        let refused = call_tool(&upstreams, &spec, "send_invoice", order).await;
        assert_eq!(refused["isError"], true, "{order}");
    }
    assert!(!ledger.exists());
    upstreams.close().await;
}

#[tokio::test]
async fn its_tools_say_truly_what_they_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let (spec, _stop) = sample(&directory.path().join("ledger.json")).await;
    let upstreams = upstreams();
    let tools = upstreams.list_tools(&spec).await.expect("a list");
    let mut hints: Vec<(String, Value, Value)> = tools
        .iter()
        .map(|tool| {
            let tool: Value = serde_json::from_str(tool.get()).expect("JSON");
            let hints = &tool["annotations"];
            assert!(tool["inputSchema"]["type"] == "object" && tool["outputSchema"].is_object());
            (
                tool["name"].as_str().expect("a name").to_owned(),
                hints["readOnlyHint"].clone(),
                hints["destructiveHint"].clone(),
            )
        })
        .collect();
    hints.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [("delete_ledger", false, true), ("list_invoices", true, false), ("send_invoice", false, false)];
    let expected = expected
        .map(|(name, read_only, destructive)| (name.to_owned(), Value::Bool(read_only), Value::Bool(destructive)));
    assert_eq!(hints, expected);
    upstreams.close().await;
}

#[tokio::test]
async fn a_sample_that_was_started_again_gets_a_new_session() {
    let directory = tempfile::tempdir().expect("a directory");
    let ledger = directory.path().join("ledger.json");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let spec = Arc::new(http_spec(&sample_upstream::endpoint(&listener).expect("one")));
    let upstreams = upstreams();
    let cancel = CancellationToken::new();
    let serve = |listener, cancel: CancellationToken| {
        tokio::spawn(sample_upstream::serve(listener, ledger.clone(), Duration::ZERO, cancel))
    };
    let serving = serve(listener, cancel.clone());
    call_tool(&upstreams, &spec, "list_invoices", "{}").await;
    cancel.cancel();
    serving.await.expect("no panic").expect("a graceful end");

    let cancel = CancellationToken::new();
    let listener = TcpListener::bind(address).await.expect("the same port");
    let _serving = serve(listener, cancel.clone());
    let order = r#"{"customer":"Rossi","amount_cents":1,"currency":"EUR"}"#;
    call_tool(&upstreams, &spec, "send_invoice", order).await;
    assert_eq!(read(&ledger)["runs"]["send_invoice"], 1);
    upstreams.close().await;
    cancel.cancel();
}
