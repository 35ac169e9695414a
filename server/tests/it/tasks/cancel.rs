//! Cancelling a task: it withdraws what nothing else of the caller asked for, and only that.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::{Agent, LONG_ENOUGH};
use crate::support::{Behaviour, World, client::text, eventually};

#[tokio::test]
async fn cancelling_the_only_task_withdraws_the_request() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    agent.cancel(&task).await;
    agent.cancel(&task).await;
    let told = agent.get(&task).await;
    assert_eq!(told["status"], "cancelled", "{told}");
    assert!(told["result"].is_null() && told["error"].is_null(), "{told}");
    let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(shown["status"], "withdrawn");
    let last = shown["history"].as_array().expect("history").last().expect("a line").clone();
    assert_eq!((&last["to"], &last["actor_name"]), (&json!("withdrawn"), &json!("robot")), "{last}");
    assert_eq!(world.approver.decide(&id, "approve", "ok").await.status.as_u16(), 409);
    let audit = world.admin.get("/orgs/acme/audit?action=tasks/cancel").await.expect(200);
    let records = audit["items"].as_array().expect("items");
    assert!(records.len() == 2 && records.iter().all(|record| record["approval_id"] == json!(id)), "{audit}");
    let (_, anew) = agent.task(1).await;
    assert_ne!(anew, id, "the same call asks anew");
}

#[tokio::test]
async fn another_task_keeps_the_request() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let ((first, id), (second, same)) = (agent.task(1).await, agent.task(1).await);
    assert_eq!(id, same);
    assert_ne!(first, second);
    agent.cancel(&first).await;
    assert_eq!(world.admin.status(&id).await, "pending");
    assert_eq!(agent.get(&second).await["status"], "working");
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(text(&agent.end(&second).await["result"]), "done");
    assert_eq!(agent.get(&first).await["status"], "cancelled");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn the_last_of_several_withdraws() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let ((first, id), (second, _)) = (agent.task(1).await, agent.task(1).await);
    let (a, b) = (agent.clone(), agent.clone());
    tokio::join!(a.cancel(&first), b.cancel(&second));
    assert_eq!(world.admin.status(&id).await, "withdrawn");
}

#[tokio::test]
async fn a_call_without_a_task_keeps_the_request_whichever_came_first() {
    for plain_first in [true, false] {
        let world = World::new().await;
        let agent = Agent::new(&world.agent);
        let plain = agent.plain();
        if plain_first {
            plain.pay(1).await;
        }
        let (task, id) = agent.task(1).await;
        if !plain_first {
            plain.pay(1).await;
        }
        agent.cancel(&task).await;
        assert_eq!(agent.get(&task).await["status"], "cancelled");
        assert_eq!(world.admin.status(&id).await, "pending", "first: {plain_first}");
        world.approver.decide(&id, "approve", "ok").await.expect(200);
        tokio::time::sleep(LONG_ENOUGH).await;
        assert_eq!(world.upstream.calls(), 0, "no task and no call waits for it");
        assert_eq!(text(&plain.pay(1).await), "done");
    }
}

#[tokio::test]
async fn what_is_approved_and_not_sent_is_withdrawn_too() {
    let mut world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.upstream.stop().await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it may be cancelled", || async {
        agent.cancel(&task).await;
        world.admin.status(&id).await != "executing"
    })
    .await;
    let (shown, told) = (world.admin.status(&id).await, agent.get(&task).await);
    assert_eq!(told["status"], "cancelled", "{told}");
    // Cancelled between two attempts; within one, the approval outlives its task, and nothing runs it.
    assert!(["withdrawn", "approved"].contains(&shown.as_str()), "{shown}");
}

#[tokio::test]
async fn what_is_under_way_is_not_recalled() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    let agent = Agent::new(&world.agent);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"ran"}]}"#.into()));
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    agent.cancel(&task).await;
    assert_eq!(world.admin.status(&id).await, "executing");
    world.upstream.release();
    eventually("it ran", || async { world.admin.status(&id).await == "executed" }).await;
    assert_eq!(agent.get(&task).await["status"], "cancelled");
    assert_eq!(text(&agent.plain().pay(1).await), "ran", "the result is kept for who asks");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn cancelling_what_has_ended_changes_nothing() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    agent.end(&task).await;
    agent.cancel(&task).await;
    assert_eq!(text(&agent.get(&task).await["result"]), "done");
    assert_eq!(world.admin.status(&id).await, "executed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_wakes_who_waits_for_the_task() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, _) = agent.task(1).await;
    let (asker, waited) = (agent.clone(), task.clone());
    let waiter = tokio::spawn(async move { asker.get(&waited).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    agent.cancel(&task).await;
    let cancelled = std::time::Instant::now();
    assert_eq!(waiter.await.expect("it answers")["status"], "cancelled");
    assert!(cancelled.elapsed() < std::time::Duration::from_secs(1));
}

#[tokio::test]
async fn a_call_that_comes_while_the_request_is_being_withdrawn_asks_anew() {
    for declares in [true, false] {
        let world = World::new().await;
        let agent = Agent::new(&world.agent);
        let (_, id) = agent.task(1).await;
        let mut cancelling = world.sql().await;
        let mut withdrawing = cancelling.begin().await.expect("a transaction");
        let lock = format!("SELECT FROM approvals WHERE id = '{id}' FOR UPDATE");
        withdrawing.execute(AssertSqlSafe(lock)).await.expect("an owner may");
        let caller = if declares { agent.clone() } else { agent.plain() };
        let calling = tokio::spawn(async move { caller.pay(1).await });
        let mut sql = world.sql().await;
        let mut waits = async || -> bool {
            let waits = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)");
            waits.fetch_one(&mut sql).await.expect("an answer")
        };
        for _ in 0..500 {
            if waits().await {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let withdraw = format!("UPDATE approvals SET state = 'withdrawn', finished_at = now() WHERE id = '{id}'");
        withdrawing.execute(AssertSqlSafe(withdraw)).await.expect("an owner may");
        withdrawing.commit().await.expect("it is withdrawn");
        let asked = calling.await.expect("an answer");
        let facts = &asked["_meta"]["dev.permesso/approval"];
        assert_eq!(facts["status"], "pending", "{asked}");
        assert_ne!(facts["approval_id"], json!(id), "{asked}");
    }
}
