//! What undoes an approval: each change between request and decision, and between decision and
//! call, with its own message (approvals.md, "What an approval is bound to").

use serde_json::json;
use sqlx::Executor;

use crate::support::{World, client::text, upstream::TOOLS};

/// A change, and the word that its message has.
const CHANGES: &[(&str, &str)] = &[
    ("definition", "definition changed"),
    ("connection", "reconfigured"),
    ("connection off", "switched off"),
    ("owner", "owner changed"),
    ("role", "role changed"),
    ("permission", "blocked"),
    ("tool gone", "no longer offered"),
];

async fn change(world: &World, what: &str) {
    let sql = async |sql: String| {
        world.sql().await.execute(sqlx::AssertSqlSafe(sql)).await.expect("an owner may");
        world.gateway.services.directory.refresh().await.expect("it loads");
    };
    let key = &world.agent_key_id;
    match what {
        "definition" => {
            world.upstream.offer(&TOOLS.replace("Pays.", "Pays everything."));
            world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
        }
        "connection" => {
            let config = json!({"config": {"url": world.upstream.url, "headers": {"x-new": "1"}}});
            world.admin.patch("/orgs/acme/connections/bank", config).await.expect(200);
        }
        "connection off" => {
            world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
        }
        "owner" => {
            sql(format!("UPDATE api_keys SET owner_id = (SELECT id FROM users WHERE email = 'approver@example.com') WHERE id = '{key}'")).await;
        }
        "role" => {
            sql(format!("UPDATE api_keys SET role_id = (SELECT r.id FROM roles r JOIN orgs o ON o.id = r.org_id WHERE o.slug = 'acme' AND r.name = 'member') WHERE id = '{key}'")).await;
        }
        "permission" => {
            let body = json!({"connection": "bank", "tool": "pay", "permission": "blocked"});
            assert!(world.admin.put("/orgs/acme/toolkits/bank/tools/pay", body).await.status.is_success());
        }
        "tool gone" => {
            world.upstream.offer(r#"[{"name":"balance","inputSchema":{"type":"object"}}]"#);
            world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
        }
        other => unreachable!("{other}"),
    }
}

#[tokio::test]
async fn a_change_between_request_and_decision_undoes_it() {
    for (what, message) in CHANGES {
        let world = World::new().await;
        let id = world.held(1).await;
        change(&world, what).await;
        // The owner's change makes the approver the owner: the administrator decides here.
        let answer = world.admin.decide(&id, "approve", "ok").await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "invalidated"), "{what}: {}", answer.text);
        assert!(answer.text.contains(message), "{what}: {}", answer.text);
        assert_eq!(world.admin.status(&id).await, "invalidated", "{what}");
        let told = world.agent.call("run_approved", json!({"approval_id": id})).await;
        assert!(text(&told).contains(message), "{what}: {told}");
        assert_eq!(world.upstream.calls(), 0, "{what}");
    }
}

#[tokio::test]
async fn a_change_between_decision_and_call_undoes_it() {
    for (what, message) in CHANGES {
        let world = World::new().await;
        let id = world.held(1).await;
        world.approver.decide(&id, "approve", "ok").await.expect(200);
        change(&world, what).await;
        let told = world.agent.call("run_approved", json!({"approval_id": id})).await;
        assert_eq!(told["isError"], true, "{what}: {told}");
        assert!(text(&told).contains(message), "{what}: {told}");
        assert_eq!(world.upstream.calls(), 0, "{what}");
        assert_eq!(world.admin.status(&id).await, "invalidated", "{what}");
    }
}

#[tokio::test]
async fn a_revoked_key_reaches_nothing_and_its_request_cannot_be_decided() {
    let world = World::new().await;
    let (before, after) = (world.held(1).await, world.held(2).await);
    world.approver.decide(&after, "approve", "ok").await.expect(200);
    world.owner.delete(&format!("/orgs/acme/api-keys/{}", world.agent_key_id)).await;
    let answer = world.agent.mcp_raw("acme/bank", "{}").await;
    assert_eq!(answer.status.as_u16(), 401);
    let answer = world.approver.decide(&before, "approve", "ok").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "invalidated"), "{}", answer.text);
    assert!(answer.text.contains("no longer valid"), "{}", answer.text);
    assert_eq!(world.upstream.calls(), 0);
}

#[tokio::test]
async fn rotation_keeps_the_identity() {
    let world = World::new().await;
    let id = world.held(1).await;
    let rotated = world
        .owner
        .post(&format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id), json!({"overlap_seconds": 60}))
        .await
        .expect(200);
    let agent = crate::support::Client::new(&world.gateway.url, rotated["key"].as_str());
    let joined = agent.call("pay", json!({"to": "Ada", "cents": 1})).await;
    assert_eq!(crate::support::Client::approval_of(&joined), id);
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(text(&agent.call("pay", json!({"to": "Ada", "cents": 1})).await), "done");
}

#[tokio::test]
async fn a_changed_definition_is_held_until_it_is_reviewed() {
    let world = World::new().await;
    assert_eq!(text(&world.agent.call("balance", json!({})).await), "done");
    world.upstream.offer(&TOOLS.replace("Reads.", "Reads, and tells everybody."));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let held = world.agent.call("balance", json!({})).await;
    let id = crate::support::Client::approval_of(&held);
    let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(shown["definition"]["description"], "Reads, and tells everybody.");
    assert_eq!(shown["reviewed_definition"]["description"], "Reads.");
    assert_eq!(shown["reviewed"].as_array().map(Vec::len), Some(1), "the first one seen");
    assert!(shown["rule"].as_str().is_some_and(|rule| rule.contains("definition changed")), "{shown}");
    let tools = world.admin.get("/orgs/acme/connections/bank/tools").await.expect(200);
    let tool =
        tools["items"].as_array().expect("items").iter().find(|t| t["name"] == "balance").expect("balance").clone();
    let review = |sha: &str| json!({"definition_sha256": sha});
    let stale = world.admin.post("/orgs/acme/connections/bank/tools/balance/review", review(&"0".repeat(64))).await;
    assert_eq!(stale.status.as_u16(), 409);
    let sha = shown["definition_sha256"].as_str().unwrap_or_default();
    let reviewed = world.admin.post("/orgs/acme/connections/bank/tools/balance/review", review(sha)).await;
    assert!(reviewed.status.is_success(), "{} {tool}", reviewed.text);
    assert_eq!(text(&world.agent.call("balance", json!({"again": true})).await), "done");
    // Who decides sees the list, although the role `approver` may not see connections.
    let shown = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(shown["reviewed"], reviewed.expect(200)["reviewed"]);
    assert_eq!(shown["reviewed"][0]["sha256"], shown["definition_sha256"]);
}
