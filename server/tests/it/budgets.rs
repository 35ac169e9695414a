//! What one caller, one org and everybody together may take up of a process at once, and of the record.

use std::time::Duration;



use serde_json::json;
use tokio::time::timeout;

use crate::support::{World, client::text, process::Process};

/// By when something has happened that happens, on a machine that has much else to do.
const SOON: Duration = Duration::from_secs(120);

/// A call of `balance` with arguments of about so many bytes.
fn call(bytes: usize) -> String {
    let arguments = json!({"note": "x".repeat(bytes)});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "balance", "arguments": arguments}})
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_calls_of_four_mebibytes_take_no_more_memory_than_a_caller_may_and_others_are_served() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    let gateway = Process::gateway(&world.database);
    let (other, _) = world.patient(240).await;
    let (agent, other) = (world.agent.at(&gateway.url), other.at(&gateway.url));
    assert_eq!(text(&agent.call("balance", json!({})).await), "done");
    let body = call((4 << 20) - 1_024);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (agent, body) = (agent.clone(), body.clone());
        calls.spawn(async move { agent.mcp_raw("acme/bank", &body).await });
    }
    let small = timeout(SOON, other.call("balance", json!({}))).await.expect("others are served");
    assert_eq!(text(&small), "done");
    let answers = timeout(SOON, calls.join_all()).await.expect("all are answered");
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    eprintln!("{statuses:?}, peak of {} kB", gateway.peak_kb());
    let peak = gateway.peak_kb();
    assert!(peak < 300_000, "the process took {peak} kB");
    for answer in answers {
        match answer.status.as_u16() {
            200 => assert_eq!(text(&answer.json()["result"]), "done"),
            429 => assert!(answer.headers.contains_key("retry-after")),
            other => panic!("{other}: {}", answer.text),
        }
    }
}
