//! Roles: what keeps one, and that somebody can decide by those that approval policies name.

use serde_json::{Value, json};

use crate::support::{Client, World, client::text};

const ADA: (&str, &str) = ("ada@example.com", "ada horse battery");
const BANK: &str = "/orgs/acme/toolkits/bank";

async fn role(world: &World, name: &str, rights: Value) {
    world.owner.post("/orgs/acme/roles", json!({"name": name, "rights": rights})).await.expect(201);
}

/// Somebody of `acme` with this role: the path of the membership.
async fn ada(world: &World, role: &str) -> String {
    let body = json!({"email": ADA.0, "password": ADA.1, "role": role});
    let member = world.admin.post("/orgs/acme/members", body).await.expect(201);
    format!("/orgs/acme/members/{}", member["id"].as_str().unwrap_or_default())
}

fn policy(roles: &[&str]) -> Value {
    json!({"approval_policy": {"approver_roles": roles}})
}

/// What a refusal names, as `kind name`.
#[track_caller]
fn affected(answer: &Value, code: &str) -> Vec<String> {
    assert_eq!(answer["code"], code, "{answer}");
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let named = answer["affected"].as_array().cloned().unwrap_or_default();
    named.iter().map(|one| format!("{} {}", text(one, "kind"), text(one, "name"))).collect()
}

#[tokio::test]
async fn a_role_that_only_a_revoked_key_had_goes_and_the_list_still_names_it() {
    let world = World::new().await;
    role(&world, "temp", json!(["tools:call"])).await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "old", "role": "temp"})).await.expect(201);
    let refused = world.owner.delete("/orgs/acme/roles/temp").await.expect(409);
    assert_eq!(affected(&refused, "role_in_use"), ["api_key old"]);
    world.owner.delete("/orgs/acme/roles/temp?force=true").await.expect(409);
    world.owner.delete(&format!("/orgs/acme/api-keys/{}", key["id"].as_str().unwrap_or_default())).await.expect(204);
    world.owner.delete("/orgs/acme/roles/temp").await.expect(204);
    let list = world.owner.get("/orgs/acme/api-keys").await.expect(200);
    let old = list["items"].as_array().into_iter().flatten().find(|shown| shown["id"] == key["id"]);
    assert_eq!(old.expect("it is listed")["role"], "temp");
}

#[tokio::test]
async fn a_role_that_invitations_give_says_so() {
    let world = World::new().await;
    role(&world, "temp", json!([])).await;
    let invited = json!({"email": "new@example.com", "role": "temp"});
    world.owner.post("/orgs/acme/invitations", invited).await.expect(201);
    let refused = world.owner.delete("/orgs/acme/roles/temp").await.expect(409);
    assert_eq!(affected(&refused, "role_in_use"), ["invitation new@example.com"]);
    world.owner.delete("/orgs/acme/roles/temp?force=true").await.expect(204);
    assert_eq!(world.owner.get("/orgs/acme/invitations").await.expect(200)["items"][0]["role"], Value::Null);
}

#[tokio::test]
async fn an_approval_policy_names_somebody_who_can_decide() {
    let world = World::new().await;
    role(&world, "judge", json!(["approvals:decide"])).await;
    let with_tool = |roles: &[&str]| {
        let mut body = policy(roles);
        body["connection"] = json!("bank");
        body["tool"] = json!("pay");
        body
    };
    for (roles, why) in [(["member"], "approvals:decide"), (["judge"], "nobody has")] {
        for (what, answer) in [
            ("org", world.owner.patch("/orgs/acme", policy(&roles)).await),
            ("toolkit", world.owner.patch(BANK, policy(&roles)).await),
            ("tool", world.owner.put(&format!("{BANK}/tools/pay"), with_tool(&roles)).await),
        ] {
            let refused = answer.expect(422);
            assert_eq!(refused["errors"][0]["field"], "approval_policy.approver_roles", "{what}: {refused}");
            assert!(refused["detail"].to_string().contains(why), "{what}: {refused}");
        }
    }
    ada(&world, "judge").await;
    world.owner.patch(BANK, policy(&["judge", "member"])).await.expect(200);
    // An administrator of the instance is an admin of the org.
    world.other_org.patch("/orgs/other", policy(&["admin"])).await.expect(200);
}

#[tokio::test]
async fn taking_the_last_decider_away_says_what_it_stops() {
    let world = World::new().await;
    role(&world, "judge", json!(["approvals:decide", "approvals:read"])).await;
    let member = ada(&world, "judge").await;
    world.owner.patch(BANK, policy(&["judge"])).await.expect(200);
    let (less, other) = (json!({"rights": ["approvals:read"]}), json!({"role": "member"}));
    let judge = "/orgs/acme/roles/judge";
    for (what, answer) in [
        ("the right", world.owner.patch(judge, less.clone()).await),
        ("the role", world.owner.patch(&member, other.clone()).await),
        ("the person", world.owner.delete(&member).await),
    ] {
        let refused = answer.expect(409);
        assert_eq!(affected(&refused, "stops_decisions"), ["toolkit bank"], "{what}");
    }
    world.owner.patch(&format!("{judge}?force=true"), less).await.expect(200);
    // It is stopped already.
    world.owner.patch(&member, other).await.expect(200);
    world.owner.delete(&member).await.expect(204);
    // What is stored stays, until somebody names others.
    let later = json!({"approval_policy": {"approver_roles": ["judge"], "expires_after_seconds": 60}});
    world.owner.patch(BANK, later).await.expect(200);
}

#[tokio::test]
async fn an_agent_whose_request_nobody_can_decide_is_told() {
    let world = World::new().await;
    let decidable = world.agent.call("pay", json!({"to": "Ada", "cents": 1})).await;
    assert!(!text(&decidable).contains("nobody can decide"), "{decidable}");
    // Only the owner of the agent's key could.
    role(&world, "judge", json!(["approvals:decide", "approvals:read", "tools:call"])).await;
    ada(&world, "judge").await;
    world.owner.patch(BANK, policy(&["judge"])).await.expect(200);
    let key = json!({"name": "hers", "role": "agent", "owner": ADA.0});
    let key = world.admin.post("/orgs/acme/api-keys", key).await.expect(201);
    let hers = Client::new(&world.gateway.url, key["key"].as_str());
    let told = hers.call("pay", json!({"to": "Ada", "cents": 2})).await;
    assert!(text(&told).contains("nobody can decide"), "{told}");
    assert!(told["structuredContent"]["reason"].to_string().contains("nobody can decide"), "{told}");
    let id = Client::approval_of(&told);
    let status = hers.call("approval_status", json!({"approval_id": id, "wait_seconds": 0})).await;
    assert!(text(&status).contains("nobody can decide"), "{status}");
    let fine = world.agent.call("pay", json!({"to": "Ada", "cents": 3})).await;
    assert!(!text(&fine).contains("nobody can decide"), "{fine}");
}
