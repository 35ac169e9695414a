//! The gateway runs what was approved while a task waits for it: once, on some replica, and only then.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Executor;

use super::{Agent, LONG_ENOUGH, TRACEPARENT, alter};
use crate::support::{Behaviour, Client, Gateway, World, client::text, eventually};

#[tokio::test]
async fn without_a_task_nothing_is_run() {
    let world = World::new().await;
    let id = world.held(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    tokio::time::sleep(LONG_ENOUGH).await;
    assert_eq!(world.upstream.calls(), 0);
    assert_eq!(world.admin.status(&id).await, "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_and_the_agents_own_calls_run_it_once() {
    let world = World::new().await;
    let (second, third) = (Gateway::start(&world.database).await, Gateway::start(&world.database).await);
    let urls = [world.gateway.url.clone(), second.url.clone(), third.url.clone()];
    let agent = Agent::new(&world.agent);
    let mut tasks = Vec::new();
    for n in 0..12 {
        tasks.push(agent.at(&urls[n % 3]).task(1).await);
    }
    let id = tasks[0].1.clone();
    assert!(tasks.iter().all(|(_, same)| *same == id));
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let calls: Vec<_> = urls
        .iter()
        .map(|url| {
            let plain = agent.plain().at(url);
            tokio::spawn(async move { plain.pay(1).await })
        })
        .collect();
    for (n, (task, _)) in tasks.iter().enumerate() {
        assert_eq!(text(&agent.at(&urls[(n + 1) % 3]).end(task).await["result"]), "done");
    }
    for call in calls {
        assert_eq!(text(&call.await.expect("it answers")), "done");
    }
    assert_eq!(world.upstream.calls(), 1);
    second.stop().await;
    third.stop().await;
}

#[tokio::test]
async fn a_sweep_finds_what_no_notification_told() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.sql().await.execute("ALTER TABLE approvals DISABLE TRIGGER approvals_updated").await.expect("an owner may");
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let decided = Instant::now();
    assert_eq!(text(&agent.end(&task).await["result"]), "done");
    assert!(decided.elapsed() < Duration::from_secs(12), "{:?}", decided.elapsed());
}

#[tokio::test]
async fn a_replica_that_stopped_leaves_it_to_the_next_one() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    let World { gateway, approver, upstream, .. } = world;
    let (elsewhere, approver) = (agent.at(&second.url), approver.at(&second.url));
    gateway.stop().await;
    approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(text(&elsewhere.end(&task).await["result"]), "done");
    assert_eq!(upstream.calls(), 1);
    second.stop().await;
}

#[tokio::test]
async fn an_upstream_that_comes_back_gets_it() {
    let mut world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.upstream.stop().await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(agent.get(&task).await["status"], "working");
    world.upstream.start_again().await;
    assert_eq!(text(&agent.end(&task).await["result"]), "done");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_send_nothing_pause_on_every_replica() {
    let mut world = World::new().await;
    let others = [Gateway::start(&world.database).await, Gateway::start(&world.database).await];
    let agent = Agent::new(&world.agent);
    for other in &others {
        // Each has a fresh list of tools, and finds out only when it sends.
        assert_eq!(text(&agent.client.at(&other.url).call("balance", json!({})).await), "done");
    }
    let (_, id) = agent.task(1).await;
    world.upstream.stop().await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    // At once, five seconds later, and then after ten: whichever replica comes first. Each looks every half second.
    tokio::time::sleep(Duration::from_secs(7)).await;
    let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    let history = shown["history"].as_array().expect("history");
    let attempts = history.iter().filter(|line| line["to"] == "executing").count();
    assert!((1..=3).contains(&attempts), "{history:?}");
    assert_eq!(shown["status"], "approved");
    for other in others {
        other.stop().await;
    }
}

#[tokio::test]
async fn what_the_gateway_runs_belongs_to_the_callers_trace() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    agent.end(&task).await;
    let bodies = world.upstream.bodies();
    assert!(bodies.len() == 1 && bodies[0].contains(TRACEPARENT), "{bodies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_take_their_time_hold_up_no_others() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"ran"}]}"#.into()));
    let mut approvals = 0;
    for n in 0..4 {
        // A caller may have twenty open approvals.
        let body = json!({"name": format!("robot {n}"), "role": "agent"});
        let key = world.owner.post("/orgs/acme/api-keys", body).await.expect(201);
        let agent = Agent::new(&Client::new(&world.gateway.url, key["key"].as_str()));
        for cents in 0..17 {
            let (_, id) = agent.task(cents).await;
            world.approver.decide(&id, "approve", "ok").await.expect(200);
            approvals += 1;
        }
    }
    eventually("all are under way at once", || async { world.upstream.calls() == approvals }).await;
    world.upstream.release();
}

#[tokio::test]
async fn a_caller_that_is_gone_gets_nothing_run() {
    let mut world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (_, id) = agent.task(1).await;
    world.upstream.stop().await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert!(world.owner.delete(&format!("/orgs/acme/api-keys/{}", world.agent_key_id)).await.status.is_success());
    world.upstream.start_again().await;
    eventually("the approval is undone", || async { world.admin.status(&id).await == "invalidated" }).await;
    assert_eq!(world.upstream.calls(), 0);
}

#[tokio::test]
async fn who_does_not_ask_again_finds_the_result_later() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    world.upstream.behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"kept"}]}"#.into()));
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it ran", || async { world.admin.status(&id).await == "executed" }).await;
    alter(&world, &id, "finished_at = clock_timestamp() - interval '5 hours'").await;
    let told = agent.get(&task).await;
    assert_eq!(text(&told["result"]), "kept", "{told}");
    let answer = agent.ask("tools/call", json!({"name": "approval_status", "arguments": {"approval_id": id}})).await;
    assert_eq!(answer["result"]["structuredContent"]["status"], "executed", "{answer}");
}
