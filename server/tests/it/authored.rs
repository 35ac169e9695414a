//! Whatever the gateway writes in its own words says the same to programs (approvals.md, "What the agent sees").

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{Behaviour, Client, World, client::text};

/// What every answer of ours has under `_meta`; of one with an approval, the rest too.
#[track_caller]
fn facts(result: &Value, status: &str, next: &str) -> Value {
    let facts = result["_meta"]["dev.permesso/approval"].clone();
    assert_eq!((&facts["status"], &facts["next_action"]), (&json!(status), &json!(next)), "{result}");
    assert_eq!(facts["executed"], status == "executed", "{result}");
    assert!(facts["message"].as_str().is_some_and(|message| !message.is_empty()), "{result}");
    if result["isError"] == true {
        assert!(result["structuredContent"].is_null(), "strict clients would check it: {result}");
        assert_eq!(facts["message"], text(result).as_str(), "{result}");
    } else {
        assert!(result["structuredContent"]["message"].is_string(), "some clients show nothing else: {result}");
    }
    facts
}

#[track_caller]
fn of_approval(result: &Value, status: &str, next: &str, id: &str) -> Value {
    let facts = facts(result, status, next);
    assert_eq!((&facts["approval_id"], &facts["tool"]), (&json!(id), &json!("pay")), "{result}");
    for member in ["arguments_sha256", "created_at", "expires_at"] {
        assert!(facts[member].is_string(), "{member}: {result}");
    }
    facts
}

async fn alter(world: &World, id: &str, what: &str) {
    world.sql().await.execute(AssertSqlSafe(format!("UPDATE approvals SET {what} WHERE id = '{id}'"))).await.unwrap();
}

async fn run(world: &World, id: &str) -> Value {
    world.agent.call("run_approved", json!({"approval_id": id})).await
}

#[tokio::test]
async fn every_end_of_a_request_has_the_same_members() {
    let world = World::new().await;
    let status =
        async |id: &str| world.agent.call("approval_status", json!({"approval_id": id, "wait_seconds": 0})).await;
    let held = world.agent.call("pay", json!({"to": "Ada", "cents": 1})).await;
    let id = Client::approval_of(&held);
    let waiting = of_approval(&held, "pending", "call_approval_status", &id);
    assert_eq!(waiting["message"], text(&held).as_str());
    assert_eq!(held["structuredContent"], waiting);
    of_approval(&status(&id).await, "pending", "call_approval_status", &id);

    world.approver.decide(&id, "reject", "no").await.expect(200);
    of_approval(&run(&world, &id).await, "rejected", "revise_and_resubmit", &id);
    of_approval(&status(&id).await, "rejected", "revise_and_resubmit", &id);

    let id = world.held(2).await;
    alter(&world, &id, "expires_at = now() - interval '1 s'").await;
    let expired = of_approval(&run(&world, &id).await, "expired", "ask_again", &id);
    assert!(expired["new_approval_id"].is_null(), "{expired}");
    let newer = world.held(2).await;
    assert_ne!(newer, id);
    for told in [run(&world, &id).await, status(&id).await] {
        assert_eq!(of_approval(&told, "expired", "ask_again", &id)["new_approval_id"], newer.as_str(), "{told}");
    }

    let id = world.held(3).await;
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    of_approval(&status(&id).await, "approved", "run_approved", &id);
    world.upstream.behave(Behaviour::Garbage);
    of_approval(&run(&world, &id).await, "outcome_unknown", "stop_and_tell_user", &id);
    of_approval(&run(&world, &id).await, "outcome_unknown", "stop_and_tell_user", &id);
    of_approval(&status(&id).await, "outcome_unknown", "stop_and_tell_user", &id);

    let id = world.held(4).await;
    world.upstream.behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"done"}]}"#.into()));
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    assert_eq!(text(&run(&world, &id).await), "done");
    let replayed = run(&world, &id).await;
    let mark = &replayed["_meta"]["dev.permesso/approval"];
    assert_eq!((&mark["executed"], &mark["next_action"]), (&json!(true), &json!("use_result")), "{replayed}");
    of_approval(&status(&id).await, "executed", "use_result", &id);

    let id = world.held(5).await;
    let config = json!({"config": {"url": world.upstream.url, "headers": {"x-new": "1"}}});
    world.admin.patch("/orgs/acme/connections/bank", config).await.expect(200);
    world.admin.decide(&id, "approve", "fine").await;
    let newer = world.held(5).await;
    for told in [run(&world, &id).await, status(&id).await] {
        assert_eq!(of_approval(&told, "invalidated", "ask_again", &id)["new_approval_id"], newer.as_str(), "{told}");
    }
}

#[tokio::test]
async fn refusals_without_an_approval_have_them_too() {
    let world = World::new().await;
    facts(&world.agent.call("close", json!({})).await, "refused", "stop_and_tell_user");
    facts(&world.agent.call_raw("pay", r#"{"cents":1,"cents":2}"#).await, "refused", "revise_and_resubmit");
    facts(&world.agent.call("pay", json!({"cents": "much"})).await, "refused", "revise_and_resubmit");
    let giant = "x".repeat(300 * 1024);
    facts(&world.agent.call("pay", json!({"to": giant})).await, "refused", "revise_and_resubmit");
    let nobody = json!({"approval_id": "01990000-0000-7000-8000-000000000000"});
    facts(&world.agent.call("run_approved", nobody).await, "refused", "stop_and_tell_user");
    facts(&world.agent.call("approval_status", json!({})).await, "refused", "revise_and_resubmit");
    world.upstream.behave(Behaviour::Garbage);
    facts(&world.agent.call("balance", json!({})).await, "outcome_unknown", "stop_and_tell_user");
    for cents in 0..20 {
        world.held(cents).await;
    }
    facts(&world.agent.call("pay", json!({"cents": 99})).await, "refused", "stop_and_tell_user");
}
