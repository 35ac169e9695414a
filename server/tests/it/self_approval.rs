//! Deciding on one's own request: what the record says when one made the rule oneself, and an instance that
//! forbids it (approvals.md, "Deciding").

use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::{
    Client, Gateway, World,
    gateway::variables,
    world::{APPROVER, OWNER},
};

const PAY: &str = "/orgs/acme/toolkits/bank/tools/pay";

/// The records that say so, as who and what.
async fn marks(world: &World) -> Vec<(String, Value)> {
    let records = world.owner.get("/orgs/acme/audit?limit=200").await.expect(200);
    let records = records["items"].as_array().cloned().unwrap_or_default();
    let found = records.into_iter().filter(|record| record["action"] == "self_approved_after_policy_change");
    let mut marks = Vec::new();
    for record in found {
        let id = record["id"].as_str().unwrap_or_default();
        let whole = world.owner.get(&format!("/orgs/acme/audit/{id}")).await.expect(200);
        marks.push((record["actor_name"].as_str().unwrap_or_default().to_owned(), whole["request"].clone()));
    }
    marks
}

async fn allow(client: &Client, path: &str, allowed: bool) {
    client.patch(path, json!({"approval_policy": {"allow_self_approval": allowed}})).await.expect(200);
}

#[tokio::test]
async fn who_allows_it_approves_and_forbids_it_again_leaves_one_more_record() {
    let world = World::new().await;
    let id = world.held(1).await;
    allow(&world.owner, "/orgs/acme/toolkits/bank", true).await;
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    allow(&world.owner, "/orgs/acme/toolkits/bank", false).await;
    let marks = marks(&world).await;
    assert_eq!(marks.len(), 1, "{marks:?}");
    assert_eq!(marks[0].0, OWNER.0);
    let said = marks[0].1.to_string();
    assert!(said.contains(&id) && said.contains("toolkit") && said.contains("policy_changed_at"), "{said}");
}

#[tokio::test]
async fn a_rule_that_somebody_else_made_leaves_none() {
    let world = World::new().await;
    allow(&world.admin, "/orgs/acme", true).await;
    let id = world.held(1).await;
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    // Nor does a decision on somebody else's request.
    allow(&world.owner, "/orgs/acme", false).await;
    let id = world.held(2).await;
    world.admin.decide(&id, "approve", "not mine").await.expect(200);
    assert_eq!(marks(&world).await, []);
}

#[tokio::test]
async fn taking_away_what_forbade_it_is_allowing_it() {
    let world = World::new().await;
    let put = |policy: Value| json!({"connection": "bank", "tool": "pay", "permission": "needs_approval", "approval_policy": policy});
    allow(&world.admin, "/orgs/acme", true).await;
    world.admin.put(PAY, put(json!({"allow_self_approval": false}))).await.expect(200);
    let id = world.held(1).await;
    assert_eq!(world.owner.decide(&id, "approve", "mine").await.code(), "own_request");
    world.owner.put(PAY, put(Value::Null)).await.expect(200);
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    assert_eq!(marks(&world).await.len(), 1);

    // Putting the tool there anew is another way to the same.
    world.admin.put(PAY, put(json!({"allow_self_approval": false}))).await.expect(200);
    world.agent.call("pay", json!({"to": "Ada", "cents": 1})).await;
    world.owner.delete(PAY).await.expect(204);
    world.owner.put(PAY, put(Value::Null)).await.expect(201);
    let id = world.held(3).await;
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    assert_eq!(marks(&world).await.len(), 2);
}

#[tokio::test]
async fn who_puts_another_tool_where_it_is_allowed_leaves_one_more_record() {
    let world = World::new().await;
    let lax = json!({"slug": "lax", "name": "Lax", "visibility": "private", "approval_policy": {"allow_self_approval": true}});
    world.admin.post("/orgs/acme/toolkits", lax).await.expect(201);
    let look = "/orgs/acme/toolkits/lax/tools/look";
    let put = |tool: &str| json!({"connection": "bank", "tool": tool, "permission": "needs_approval"});
    world.admin.put(look, put("balance")).await.expect(201);
    world.owner.put(look, put("pay")).await.expect(200);
    let params = json!({"name": "look", "arguments": {"to": "Ada", "cents": 1}});
    let id = Client::approval_of(&world.agent.rpc("acme/lax", "tools/call", params).await["result"]);
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    assert_eq!(marks(&world).await.len(), 1);
}

#[tokio::test]
async fn who_moves_a_toolkit_that_allows_it_to_where_the_agent_calls_leaves_one_more_record() {
    let world = World::new().await;
    let lax = json!({"slug": "lax", "name": "Lax", "visibility": "private", "approval_policy": {"allow_self_approval": true}});
    world.admin.post("/orgs/acme/toolkits", lax).await.expect(201);
    let pay = json!({"connection": "bank", "tools": ["pay"]});
    world.admin.post("/orgs/acme/toolkits/lax/tools", pay).await.expect(201);
    for (from, to) in [("bank", "old"), ("lax", "bank")] {
        world.owner.patch(&format!("/orgs/acme/toolkits/{from}"), json!({"slug": to})).await.expect(200);
    }
    let id = world.held(1).await;
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    assert_eq!(marks(&world).await.len(), 1);
}

#[tokio::test]
async fn a_change_of_how_long_requests_wait_hides_nobody_who_changed_who_decides() {
    let world = World::new().await;
    allow(&world.owner, "/orgs/acme", true).await;
    let id = world.held(1).await;
    world.admin.patch("/orgs/acme", json!({"approval_policy": {"expires_after_seconds": 60}})).await.expect(200);
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    assert_eq!(marks(&world).await.len(), 1);
}

#[tokio::test]
async fn who_makes_themselves_an_approver_leaves_one_more_record() {
    let world = World::new().await;
    let of = |roles: &[&str]| json!({"approval_policy": {"approver_roles": roles, "allow_self_approval": true}});
    // By saying that their role decides.
    world.admin.patch("/orgs/acme", of(&["approver"])).await.expect(200);
    let id = world.held(1).await;
    assert_eq!(world.owner.decide(&id, "approve", "mine").await.status.as_u16(), 403);
    world.owner.patch("/orgs/acme", of(&["approver", "admin"])).await.expect(200);
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    assert_eq!(marks(&world).await.len(), 1);

    // By taking a role that does.
    world.admin.patch("/orgs/acme", of(&["approver"])).await.expect(200);
    let members = world.admin.get("/orgs/acme/members").await.expect(200);
    let member = |email: &str| {
        let mut members = members["items"].as_array().into_iter().flatten();
        let found = members.find(|member| member["email"] == email).map(|member| member["id"].as_str());
        format!("/orgs/acme/members/{}", found.flatten().unwrap_or_default())
    };
    // For a moment nobody has the role that the policy names.
    let force = format!("{}?force=true", member(APPROVER.0));
    world.admin.patch(&force, json!({"role": "admin"})).await.expect(200);
    world.owner.patch(&member(OWNER.0), json!({"role": "approver"})).await.expect(200);
    let id = world.held(2).await;
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    let records = world.admin.get("/orgs/acme/audit?limit=200").await.expect(200);
    let records = records["items"].as_array().cloned().unwrap_or_default();
    let marks = records.iter().filter(|record| record["action"] == "self_approved_after_policy_change");
    assert_eq!(marks.count(), 2);
}

#[tokio::test]
async fn a_rule_of_long_ago_leaves_none_unless_the_request_is_older() {
    let world = World::new().await;
    allow(&world.owner, "/orgs/acme", true).await;
    let long_ago = "UPDATE orgs SET self_approval_at = now() - interval '25 hours'";
    world.sql().await.execute(long_ago).await.expect("it was long ago");
    let id = world.held(1).await;
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    assert_eq!(marks(&world).await, []);
    let id = world.held(2).await;
    world.sql().await.execute("UPDATE approvals SET created_at = now() - interval '26 hours'").await.expect("older");
    world.owner.decide(&id, "approve", "mine").await.expect(200);
    assert_eq!(marks(&world).await.len(), 1);
}

#[tokio::test]
async fn an_instance_may_forbid_it_whatever_policies_say() {
    let world = World::new().await;
    allow(&world.owner, "/orgs/acme", true).await;
    let put = json!({"connection": "bank", "tool": "pay", "permission": "needs_approval", "approval_policy": {"allow_self_approval": true}});
    world.owner.put(PAY, put.clone()).await.expect(200);
    let id = world.held(1).await;
    let mut strict = variables(&world.database);
    strict.push(("PERMESSO_FORBID_SELF_APPROVAL".to_owned(), "1".to_owned()));
    let strict = Gateway::start_with_variables(&strict).await;
    let owner = world.owner.at(&strict.url);
    let refused = owner.decide(&id, "approve", "mine").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "own_request"), "{}", refused.text);
    assert!(refused.text.contains("PERMESSO_FORBID_SELF_APPROVAL"), "{}", refused.text);
    let seen = owner.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(seen["may_decide"], false);
    let mine = owner.get("/orgs/acme/approvals?mine=true").await.expect(200);
    assert_eq!(mine["items"], json!([]), "the list agrees");
    for answer in [
        owner.patch("/orgs/acme", json!({"approval_policy": {"allow_self_approval": true}})).await,
        owner.patch("/orgs/acme/toolkits/bank", json!({"approval_policy": {"allow_self_approval": true}})).await,
    ] {
        let wrong = answer.expect(422);
        assert_eq!(wrong["errors"][0]["field"], "approval_policy.allow_self_approval", "{wrong}");
    }
    // What is stored and stays as it is, is no obstacle.
    owner.put(PAY, put).await.expect(200);
    world.approver.at(&strict.url).decide(&id, "approve", "not mine").await.expect(200);
    strict.stop().await;
}
