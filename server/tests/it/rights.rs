//! What an API key may change of permissions, and what only a person may (docs/api.md, "What an API key may change").

#[path = "key_limits.rs"]
mod key_limits;

use serde_json::{Value, json};

use crate::support::{Client, World, client::Answer, world::APPROVER};

const TOOLS: &str = "/orgs/acme/toolkits/bank/tools";

#[track_caller]
fn needs_a_person(what: &str, answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "person_required"), "{what}: {}", answer.text);
}

/// A key with this role; its owner is whoever is named, else who makes it.
async fn key(world: &World, maker: &Client, role: &str, owner: Option<&str>) -> Client {
    let made = maker.post("/orgs/acme/api-keys", json!({"name": role, "role": role, "owner": owner})).await.expect(201);
    Client::new(&world.gateway.url, made["key"].as_str())
}

/// A key that may change toolkits and connections and make keys, of the person who approves.
async fn operator(world: &World) -> Client {
    let rights = json!([
        "tools:call",
        "toolkits:read",
        "toolkits:write",
        "connections:read",
        "connections:write",
        "keys:read",
        "keys:write"
    ]);
    world.owner.post("/orgs/acme/roles", json!({"name": "ops", "rights": rights})).await.expect(201);
    // A key may do no more than its owner, who goes on deciding.
    let more = ["approvals:read", "approvals:decide", "audit:read"].map(|right| json!(right));
    let officer: Vec<_> = rights.as_array().into_iter().flatten().cloned().chain(more).collect();
    world.owner.post("/orgs/acme/roles", json!({"name": "officer", "rights": officer})).await.expect(201);
    let members = world.owner.get("/orgs/acme/members").await.expect(200);
    let approver = members["items"].as_array().into_iter().flatten().find(|member| member["email"] == APPROVER.0);
    let path = format!("/orgs/acme/members/{}", approver.expect("a member")["id"].as_str().unwrap_or_default());
    world.owner.patch(&path, json!({"role": "officer"})).await.expect(200);
    key(world, &world.owner, "ops", Some(APPROVER.0)).await
}

fn tool(name: &str, permission: &str) -> Value {
    json!({"connection": "bank", "tool": name, "permission": permission})
}

#[tokio::test]
async fn a_key_never_changes_an_approval_policy_that_is_stored() {
    let world = World::new().await;
    let boss = key(&world, &world.owner, "admin", None).await;
    let policy = json!({"expires_after_seconds": 60});
    let with_policy =
        json!({"connection": "bank", "tool": "pay", "permission": "needs_approval", "approval_policy": policy});
    let pay = format!("{TOOLS}/pay");
    world.owner.put(&pay, with_policy.clone()).await.expect(200);
    world.owner.patch("/orgs/acme/toolkits/bank", json!({"approval_policy": policy})).await.expect(200);

    let other = json!({"expires_after_seconds": 120});
    let mut changed = with_policy.clone();
    changed["approval_policy"] = other.clone();
    for (what, answer) in [
        ("cleared", boss.patch("/orgs/acme/toolkits/bank", json!({"approval_policy": null})).await),
        ("changed", boss.patch("/orgs/acme/toolkits/bank", json!({"approval_policy": other})).await),
        ("PUT without it", boss.put(&pay, tool("pay", "needs_approval")).await),
        ("PUT of another", boss.put(&pay, changed).await),
        ("the tool", boss.delete(&pay).await),
        ("the toolkit", boss.delete("/orgs/acme/toolkits/bank").await),
        ("the connection", boss.delete("/orgs/acme/connections/bank").await),
        ("the org", boss.patch("/orgs/acme", json!({"approval_policy": other})).await),
    ] {
        needs_a_person(what, &answer);
    }
    // What leaves it as it is, a key may do.
    boss.put(&pay, with_policy).await.expect(200);
    boss.patch("/orgs/acme/toolkits/bank", json!({"approval_policy": policy, "name": "Bank 2"})).await.expect(200);
    boss.patch("/orgs/acme", json!({"approval_policy": {"expires_after_seconds": 3600}})).await.expect(200);
    boss.put(&format!("{TOOLS}/balance"), tool("balance", "needs_approval")).await.expect(200);
}

#[tokio::test]
async fn a_key_loosens_nothing_unless_the_org_says_so() {
    let world = World::new().await;
    let ops = operator(&world).await;
    let policy = |role: &str| format!("{TOOLS}/balance/policies/{role}");
    world.owner.put(&policy("guest"), json!({"permission": "blocked"})).await.expect(200);
    world.owner.put(&policy("ops"), json!({"permission": "needs_approval"})).await.expect(200);
    let toolkits = "/orgs/acme/toolkits";
    world.owner.post(toolkits, json!({"slug": "empty", "name": "Empty", "visibility": "private"})).await.expect(201);
    let pay = |permission: &str| json!({"connection": "bank", "tools": ["pay"], "permission": permission});
    let address = json!({"config": {"url": "http://127.0.0.1:9/mcp"}});
    for (what, answer) in [
        ("its own role", ops.put(&policy("ops"), json!({"permission": "always_allow"})).await),
        ("another role", ops.put(&policy("guest"), json!({"permission": "needs_approval"})).await),
        ("a policy is deleted", ops.delete(&policy("ops")).await),
        ("the default", ops.put(&format!("{TOOLS}/pay"), tool("pay", "always_allow")).await),
        ("no longer blocked", ops.put(&format!("{TOOLS}/close"), tool("close", "needs_approval")).await),
        (
            "by the default's default",
            ops.put(&format!("{TOOLS}/close"), json!({"connection": "bank", "tool": "close"})).await,
        ),
        ("another tool", ops.put(&format!("{TOOLS}/balance"), tool("pay", "always_allow")).await),
        ("another tool, held", ops.put(&format!("{TOOLS}/pay"), tool("close", "needs_approval")).await),
        ("a new name", ops.put(&format!("{TOOLS}/more"), tool("pay", "always_allow")).await),
        ("added", ops.post(&format!("{toolkits}/empty/tools"), pay("always_allow")).await),
        ("a blocked tool is removed, to be added again", ops.delete(&format!("{TOOLS}/close")).await),
        ("so with its toolkit", ops.delete("/orgs/acme/toolkits/bank").await),
        ("so with its connection", ops.delete("/orgs/acme/connections/bank").await),
        ("visibility", ops.patch("/orgs/acme/toolkits/bank", json!({"visibility": "public"})).await),
        ("a public toolkit", ops.post(toolkits, json!({"slug": "open", "name": "Open", "visibility": "public"})).await),
        ("the address", ops.patch("/orgs/acme/connections/bank", address).await),
    ] {
        needs_a_person(what, &answer);
    }
    // Tightening, and what nobody can call yet, is for keys too.
    ops.put(&policy("agent"), json!({"permission": "blocked"})).await.expect(200);
    ops.put(&format!("{TOOLS}/balance"), tool("balance", "needs_approval")).await.expect(200);
    ops.delete(&policy("ops")).await.expect(204);
    ops.post(&format!("{toolkits}/empty/tools"), pay("needs_approval")).await.expect(201);
    let new = json!({"slug": "new", "kind": "streamable_http", "config": {"url": world.upstream.url}});
    ops.post("/orgs/acme/connections", new).await.expect(201);
    ops.patch("/orgs/acme/connections/new", json!({"config": {"url": "http://127.0.0.1:9/mcp"}})).await.expect(200);
    ops.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    needs_a_person("switched on", &ops.patch("/orgs/acme/connections/bank", json!({"enabled": true})).await);
    world.owner.patch("/orgs/acme/connections/bank", json!({"enabled": true})).await.expect(200);
}

#[tokio::test]
async fn a_changed_definition_is_accepted_by_a_person_whatever_keys_may() {
    let world = World::new().await;
    world.owner.patch("/orgs/acme", json!({"key_administration": "toolkits"})).await.expect(200);
    let boss = key(&world, &world.owner, "admin", None).await;
    let tools = world.owner.get("/orgs/acme/connections/bank/tools").await.expect(200);
    let seen = json!({"definition_sha256": tools["items"][0]["definition_sha256"]});
    let path = "/orgs/acme/connections/bank/tools/balance/review";
    needs_a_person("review", &boss.post(path, seen.clone()).await);
    world.owner.post(path, seen).await.expect(200);
}

#[tokio::test]
async fn what_keys_may_change_is_for_people_to_say() {
    let world = World::new().await;
    let boss = key(&world, &world.owner, "admin", None).await;
    assert_eq!(world.owner.get("/orgs/acme").await.expect(200)["key_administration"], "none");
    needs_a_person("a key", &boss.patch("/orgs/acme", json!({"key_administration": "toolkits"})).await);
    boss.patch("/orgs/acme", json!({"key_administration": "none", "name": "Acme 2"})).await.expect(200);
    world.owner.patch("/orgs/acme", json!({"key_administration": "all"})).await.expect(422);
    let org = world.owner.patch("/orgs/acme", json!({"key_administration": "toolkits"})).await.expect(200);
    assert_eq!(org["key_administration"], "toolkits");
    assert_eq!(
        world.owner.patch("/orgs/acme", json!({"name": "A"})).await.expect(200)["key_administration"],
        "toolkits"
    );
    needs_a_person("back", &boss.patch("/orgs/acme", json!({"key_administration": "none"})).await);
}

#[tokio::test]
async fn a_key_loosens_only_for_roles_that_its_owner_and_their_keys_do_not_have() {
    let world = World::new().await;
    world.owner.patch("/orgs/acme", json!({"key_administration": "toolkits"})).await.expect(200);
    let ops = operator(&world).await;
    let policy = |role: &str| format!("{TOOLS}/pay/policies/{role}");
    let allow = json!({"permission": "always_allow"});
    for (what, answer) in [
        ("its own role", ops.put(&policy("ops"), allow.clone()).await),
        ("its owner's role", ops.put(&policy("officer"), allow.clone()).await),
        ("everybody's", ops.put(&format!("{TOOLS}/pay"), tool("pay", "always_allow")).await),
    ] {
        needs_a_person(what, &answer);
    }
    ops.put(&policy("agent"), allow.clone()).await.expect(200);
    ops.put(&policy("guest"), allow.clone()).await.expect(200);
    // A default counts for who has no policy of their own: here for everybody but its own people.
    for role in ["ops", "officer"] {
        ops.put(&format!("{TOOLS}/close/policies/{role}"), json!({"permission": "blocked"})).await.expect(200);
    }
    ops.put(&format!("{TOOLS}/close"), tool("close", "needs_approval")).await.expect(200);
    needs_a_person("deleted", &ops.delete(&format!("{TOOLS}/close/policies/ops")).await);

    // What it may not loosen it does not reach by a key of its own either.
    needs_a_person("a new role", &ops.post("/orgs/acme/api-keys", json!({"name": "x", "role": "agent"})).await);
    ops.post("/orgs/acme/api-keys", json!({"name": "x", "role": "ops"})).await.expect(201);
    // Nor for a role that another key of its owner has, in this org or as a guest from another.
    ops.put(&policy("agent"), json!({"permission": "blocked"})).await.expect(200);
    key(&world, &world.owner, "agent", Some(APPROVER.0)).await;
    needs_a_person("its owner's other key", &ops.put(&policy("agent"), allow.clone()).await);
    ops.put(&policy("guest"), json!({"permission": "blocked"})).await.expect(200);
    world.admin.post("/orgs/other/members", json!({"email": APPROVER.0, "role": "admin"})).await.expect(201);
    let approver = Client::sign_in(&world.gateway.url, APPROVER.0, APPROVER.1).await;
    approver.post("/orgs/other/api-keys", json!({"name": "out", "role": "agent"})).await.expect(201);
    needs_a_person("its owner's key elsewhere", &ops.put(&policy("guest"), allow).await);
    needs_a_person("visibility", &ops.patch("/orgs/acme/toolkits/bank", json!({"visibility": "public"})).await);
}

#[tokio::test]
async fn of_two_changes_by_keys_that_together_open_a_gate_one_is_refused() {
    let world = World::new().await;
    world.owner.patch("/orgs/acme", json!({"key_administration": "toolkits"})).await.expect(200);
    let ops = operator(&world).await;
    for number in 0..6 {
        let role = format!("r{number}");
        let new = json!({"name": role, "rights": ["tools:call"]});
        world.owner.post("/orgs/acme/roles", new).await.expect(201);
        let policy = format!("{TOOLS}/pay/policies/{role}");
        let (loosened, made) = tokio::join!(
            ops.put(&policy, json!({"permission": "always_allow"})),
            ops.post("/orgs/acme/api-keys", json!({"name": role, "role": role})),
        );
        let refused: Vec<_> =
            [&loosened, &made].into_iter().filter(|answer| answer.code() == "person_required").collect();
        assert_eq!(refused.len(), 1, "{} {}", loosened.text, made.text);
    }
}
