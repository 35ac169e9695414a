//! When contact is lost after a dispatch: never run again by the gateway, until a person settles it
//! (approvals.md, promise 4 and "The lease").

use serde_json::json;
use sqlx::Executor;

use permesso::clock::Clock;

use crate::support::{Behaviour, Client, Gateway, World, client::text, eventually};

/// An approved call whose answer was garbage.
async fn unknown(world: &World, cents: u64) -> String {
    let id = world.held(cents).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.upstream.behave(Behaviour::Garbage);
    let result = world.agent.call("pay", json!({"to": "Ada", "cents": cents})).await;
    assert!(text(&result).starts_with("OUTCOME UNKNOWN"), "{result}");
    assert_eq!(world.admin.status(&id).await, "outcome_unknown");
    id
}

/// Puts the end of the lease into the past, so that settling is open.
async fn let_time_pass(world: &World, id: &str) {
    end_lease(world, id, "1 hour").await;
}

/// Has the lease have ended so long ago.
async fn end_lease(world: &World, id: &str, ago: &str) {
    let sql = format!("UPDATE approvals SET lease_until = now() - interval '{ago}' WHERE id = '{id}'");
    world.sql().await.execute(sqlx::AssertSqlSafe(sql)).await.expect("an owner may");
}

#[tokio::test]
async fn every_way_to_lose_contact_is_unknown_and_never_sent_again() {
    let world = World::new().await;
    let ways = [Behaviour::Garbage, Behaviour::Status(502), Behaviour::Hang("{}".into())];
    for (n, way) in ways.into_iter().enumerate() {
        let cents = 100 + n as u64;
        let id = world.held(cents).await;
        world.approver.decide(&id, "approve", "ok").await.expect(200);
        world.upstream.behave(way.clone());
        let result = world.agent.call("pay", json!({"to": "Ada", "cents": cents})).await;
        assert!(text(&result).starts_with("OUTCOME UNKNOWN"), "{way:?}: {result}");
        assert_eq!(result["isError"], true);
        let before = world.upstream.calls();
        for tool in ["pay", "run_approved"] {
            let arguments =
                if tool == "pay" { json!({"to": "Ada", "cents": cents}) } else { json!({"approval_id": id}) };
            let again = world.agent.call(tool, arguments).await;
            assert!(text(&again).starts_with("OUTCOME UNKNOWN"), "{again}");
        }
        assert_eq!(world.upstream.calls(), before);
    }
    assert_eq!(world.upstream.calls(), 3);
}

#[tokio::test]
async fn a_json_rpc_error_of_the_upstream_is_an_answer() {
    let world = World::new().await;
    let id = world.held(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.upstream.behave(Behaviour::Error(r#"{"code":-32000,"message":"no funds","data":{"x":1.50}}"#.into()));
    let params = json!({"name": "pay", "arguments": {"to": "Ada", "cents": 1}});
    let answer = world.agent.rpc("acme/bank", "tools/call", params.clone()).await;
    assert_eq!(answer["error"]["message"], "no funds", "{answer}");
    assert_eq!(world.admin.status(&id).await, "executed");
    assert_eq!(world.agent.rpc("acme/bank", "tools/call", params).await["error"]["message"], "no funds");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_refused_connection_leaves_the_approval_as_it_was() {
    let mut world = World::new().await;
    let id = world.held(2).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.upstream.stop().await;
    let result = world.agent.call("pay", json!({"to": "Ada", "cents": 2})).await;
    assert_eq!(result["isError"], true);
    assert!(text(&result).contains("`bank`"), "it names the connection: {result}");
    assert_eq!(world.admin.status(&id).await, "approved");
}

#[tokio::test]
async fn a_person_settles_it_once_the_answer_had_its_chance() {
    let world = World::new().await;
    let ran = unknown(&world, 3).await;
    // While the lease lasts, and for as long as a call may take after it.
    for ended in [None, Some("0 seconds")] {
        if let Some(ago) = ended {
            end_lease(&world, &ran, ago).await;
        }
        let early = world
            .approver
            .post(&format!("/orgs/acme/approvals/{ran}/settle"), json!({"outcome": "executed", "note": "x"}))
            .await;
        assert_eq!((early.status.as_u16(), early.code().as_str()), (409, "too_early"), "{}", early.text);
    }
    let_time_pass(&world, &ran).await;
    let key = world
        .agent
        .post(&format!("/orgs/acme/approvals/{ran}/settle"), json!({"outcome": "executed", "note": "x"}))
        .await;
    assert_eq!(key.status.as_u16(), 403);
    let settle = json!({"outcome": "executed", "note": "the bank's statement shows it"});
    world.approver.post(&format!("/orgs/acme/approvals/{ran}/settle"), settle).await.expect(200);
    let told = world.agent.call("pay", json!({"to": "Ada", "cents": 3})).await;
    assert!(text(&told).contains("a person found that it had been carried out"), "{told}");
    let permission = async |permission: &str| {
        let body = json!({"connection": "bank", "tool": "pay", "permission": permission});
        assert!(world.admin.put("/orgs/acme/toolkits/bank/tools/pay", body).await.status.is_success());
    };
    permission("always_allow").await;
    let told = world.agent.call("pay", json!({"to": "Ada", "cents": 3})).await;
    assert!(text(&told).contains("a person found that it had been carried out"), "always allowed now: {told}");
    assert_eq!(world.upstream.calls(), 1, "it ran once");
    permission("needs_approval").await;

    let did_not = unknown(&world, 4).await;
    let_time_pass(&world, &did_not).await;
    let settle = json!({"outcome": "not_executed", "note": "nothing on the statement"});
    world.approver.post(&format!("/orgs/acme/approvals/{did_not}/settle"), settle).await.expect(200);
    assert_ne!(world.held(4).await, did_not, "now it may be asked for again");
    let shown = world.admin.get(&format!("/orgs/acme/approvals/{did_not}")).await.expect(200);
    let notes: Vec<_> = shown["history"].as_array().expect("history").iter().map(|e| e["to"].clone()).collect();
    assert_eq!(notes, ["pending", "approved", "executing", "outcome_unknown", "not_executed"]);
}

#[tokio::test]
async fn no_change_frees_an_unknown_outcome() {
    let world = World::new().await;
    let id = unknown(&world, 6).await;
    world.upstream.behave(Behaviour::Result(r#"{"content":[]}"#.into()));
    let refused = async |what: &str| {
        let result = world.agent.call("pay", json!({"to": "Ada", "cents": 6})).await;
        assert!(text(&result).starts_with("OUTCOME UNKNOWN"), "{what}: {result}");
    };
    let permission = async |permission: &str| {
        let body = json!({"connection": "bank", "tool": "pay", "permission": permission});
        let answer = world.admin.put("/orgs/acme/toolkits/bank/tools/pay", body).await;
        assert!(answer.status.is_success(), "{}", answer.text);
    };
    permission("always_allow").await;
    refused("always allowed now").await;
    permission("blocked").await;
    refused("blocked now").await;
    permission("needs_approval").await;
    let key = world
        .owner
        .post(&format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id), json!({"overlap_seconds": 0}))
        .await
        .expect(200);
    let rotated = Client::new(&world.gateway.url, key["key"].as_str());
    let result = rotated.call("pay", json!({"to": "Ada", "cents": 6})).await;
    assert!(text(&result).starts_with("OUTCOME UNKNOWN"), "rotated: {result}");
    world.upstream.offer(&crate::support::upstream::TOOLS.replace("Pays.", "Pays twice."));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let result = rotated.call("pay", json!({"to": "Ada", "cents": 6})).await;
    assert!(text(&result).starts_with("OUTCOME UNKNOWN"), "changed definition: {result}");
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    let result = rotated.call("pay", json!({"to": "Ada", "cents": 6})).await;
    assert!(text(&result).starts_with("OUTCOME UNKNOWN"), "connection switched off: {result}");
    assert_eq!(world.upstream.calls(), 1);
    assert_eq!(world.admin.status(&id).await, "outcome_unknown");
}

#[tokio::test]
async fn an_answer_after_the_lease_settles_it_unless_a_person_was_faster() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    for (cents, faster) in [(21, false), (22, true)] {
        let id = world.held(cents).await;
        world.approver.decide(&id, "approve", "ok").await.expect(200);
        world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"late"}]}"#.into()));
        let before = world.upstream.calls();
        let agent = world.agent.clone();
        let call = tokio::spawn(async move { agent.call("pay", json!({"to": "Ada", "cents": cents})).await });
        eventually("it arrives", || async { world.upstream.calls() == before + 1 }).await;
        let_time_pass(&world, &id).await;
        eventually("the lease has lapsed", || async { world.admin.status(&id).await == "outcome_unknown" }).await;
        if faster {
            let settle = json!({"outcome": "not_executed", "note": "looked"});
            world.approver.post(&format!("/orgs/acme/approvals/{id}/settle"), settle).await.expect(200);
        }
        world.upstream.release();
        call.await.expect("it answers");
        let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
        let history = shown["history"].as_array().expect("history").clone();
        let last = history.last().expect("a line");
        if faster {
            assert_eq!(shown["status"], "not_executed");
            assert_eq!((&last["from"], &last["to"]), (&json!("not_executed"), &json!("not_executed")), "{history:?}");
        } else {
            assert_eq!(shown["status"], "executed");
            assert_eq!(last["actor_kind"], "system");
        }
    }
}

#[tokio::test]
async fn a_call_that_needed_no_approval_says_whether_it_may_have_run() {
    let mut world = World::new().await;
    world.upstream.behave(Behaviour::Garbage);
    let result = world.agent.call("balance", json!({})).await;
    assert_eq!(result["isError"], true);
    assert!(text(&result).contains("`bank`") && text(&result).contains("may have run"), "{result}");
    world.upstream.stop().await;
    let result = world.agent.call("balance", json!({})).await;
    assert!(text(&result).contains("`bank`") && text(&result).contains("Nothing was sent"), "{result}");
    let audit = world.admin.get("/orgs/acme/audit?tool=balance").await.expect(200);
    let statuses: Vec<_> = audit["items"].as_array().expect("items").iter().map(|r| r["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "unknown"]);
}

#[tokio::test]
async fn a_call_longer_than_its_lease_is_kept_alive_by_its_dispatcher() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    let id = world.held(31).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"slow"}]}"#.into()));
    let agent = world.agent.clone();
    let call = tokio::spawn(async move { agent.call("pay", json!({"to": "Ada", "cents": 31})).await });
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    // The lease of these gateways is ten seconds.
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    assert_eq!(world.admin.status(&id).await, "executing");
    world.upstream.release();
    assert_eq!(text(&call.await.expect("it answers")), "slow");
    let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    let states: Vec<_> = shown["history"].as_array().expect("history").iter().map(|e| e["to"].clone()).collect();
    assert_eq!(states, ["pending", "approved", "executing", "executed"]);
}

#[tokio::test]
async fn an_approval_that_was_given_is_used_even_when_the_tool_became_allowed() {
    let world = World::new().await;
    let id = world.held(41).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let body = json!({"connection": "bank", "tool": "pay", "permission": "always_allow"});
    assert!(world.admin.put("/orgs/acme/toolkits/bank/tools/pay", body).await.status.is_success());
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"once"}]}"#.into()));
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let agent = world.agent.clone();
            tokio::spawn(async move { agent.call("pay", json!({"to": "Ada", "cents": 41})).await })
        })
        .collect();
    eventually("it arrives", || async { world.upstream.calls() >= 1 }).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    world.upstream.release();
    for call in calls {
        assert_eq!(text(&call.await.expect("it answers")), "once");
    }
    assert_eq!(world.upstream.calls(), 1, "the others joined the one that was running");
    assert_eq!(world.admin.status(&id).await, "executed");
}

#[tokio::test]
async fn outcomes_that_nobody_knows_take_no_room_and_what_takes_it_is_named() {
    let world = World::new().await;
    let limits = [("PERMESSO_MAX_OPEN_APPROVALS", 2)];
    let strict = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let agent = world.agent.at(&strict.url);
    for cents in 1..=3 {
        unknown(&world, cents).await;
    }
    let ask = async |cents: u64| agent.call("pay", json!({"to": "Ada", "cents": cents})).await;
    let approved = Client::approval_of(&ask(10).await);
    Client::approval_of(&ask(11).await);
    let full = text(&ask(12).await);
    assert!(full.contains("2 of your requests wait for a person's decision; 2 at once"), "{full}");
    world.approver.decide(&approved, "approve", "ok").await.expect(200);
    let full = text(&ask(12).await);
    assert!(
        full.contains("1 of your requests wait") && full.contains("1 were approved") && full.contains("run_approved"),
        "{full}"
    );
}
