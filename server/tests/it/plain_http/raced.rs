//! Many at once, over three replicas and both faces: one approval, one run.

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{call_with, id_of, is, payment, text};
use crate::support::{Client, Gateway, World, client};

/// The approval that a call waits for; `rest`: it was made over REST, not MCP.
fn approval(called: &Value, rest: bool) -> String {
    if rest { id_of(called) } else { Client::approval_of(called) }
}

/// The text of what the upstream answered, likewise.
fn result(called: &Value, rest: bool) -> String {
    if !rest {
        return client::text(called);
    }
    is(called, "executed", true);
    text(called)
}

/// A hundred identical calls, every second one over REST, and what is read in their answers.
fn hundred(replicas: &[Client; 3], wait_seconds: u64, read: fn(&Value, bool) -> String) -> Vec<JoinHandle<String>> {
    let one = |n: usize| {
        let (agent, rest) = (replicas[n % 3].clone(), n.is_multiple_of(2));
        tokio::spawn(async move {
            let arguments = payment(1);
            if !rest {
                return read(&agent.call("pay", arguments).await, false);
            }
            let called = call_with(&agent, "pay", arguments, json!({"wait_seconds": wait_seconds})).await;
            let status = called.status.as_u16();
            assert!(matches!(status, 200 | 202), "{}", called.text);
            read(&called.expect(status), true)
        })
    };
    (0..100).map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_identical_calls_over_both_faces_of_three_replicas_run_once() {
    let world = World::new().await;
    let (second, third) = (Gateway::start(&world.database).await, Gateway::start(&world.database).await);
    let replicas = [world.agent.clone(), world.agent.at(&second.url), world.agent.at(&third.url)];
    let mut ids = Vec::new();
    for call in hundred(&replicas, 0, approval) {
        ids.push(call.await.expect("it answers"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one approval");
    assert_eq!(super::approvals(&world, "").await.len(), 1);
    world.approver.decide(&ids[0], "approve", "fine").await.expect(200);
    for call in hundred(&replicas, 120, result) {
        assert_eq!(call.await.expect("it answers"), "done");
    }
    assert_eq!(world.upstream.calls(), 1);
    second.stop().await;
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_that_wait_over_both_faces_are_answered_by_one_run() {
    let world = World::new().await;
    let (second, third) = (Gateway::start(&world.database).await, Gateway::start(&world.database).await);
    let (patient, _) = world.patient(120).await;
    let replicas = [patient.clone(), patient.at(&second.url), patient.at(&third.url)];
    let calls = hundred(&replicas, 120, result);
    let id = super::asked(&world).await;
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    for call in calls {
        assert_eq!(call.await.expect("it answers"), "done");
    }
    assert_eq!(super::approvals(&world, "").await.len(), 1);
    assert_eq!(world.upstream.calls(), 1);
    second.stop().await;
    third.stop().await;
}
