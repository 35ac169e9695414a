//! Who decides on a request, who is barred from it and why, and where that is set (docs/approvals.md, "Deciding").

use serde_json::{Value, json};

use crate::support::{
    Client, Gateway, World,
    gateway::variables,
    process::permesso,
    world::{ADMIN, APPROVER, OWNER},
};

async fn shown(client: &Client, id: &str) -> Value {
    client.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200)
}

/// The barred of a request, as e-mail and reasons.
fn barred(seen: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = seen["who_decides"]["barred"].as_array().cloned().unwrap_or_default();
    let mut all: Vec<_> = all
        .iter()
        .map(|one| (text(&one["email"]), one["because"].as_array().into_iter().flatten().map(text).collect()))
        .collect();
    all.sort();
    all
}

fn person(email: &str, because: &[&str]) -> (String, Vec<String>) {
    (email.to_owned(), because.iter().map(|word| (*word).to_owned()).collect())
}

/// A key that the administrator makes for the owner and the approver rotates; a request of it.
async fn asked_by_all(world: &World) -> String {
    let approver = json!({"name": "approver-2", "rights": ["approvals:read", "approvals:decide", "keys:read", "keys:write", "tools:call"]});
    world.admin.post("/orgs/acme/roles", approver).await.expect(201);
    let members = world.admin.get("/orgs/acme/members").await.expect(200);
    let of = |email: &str| {
        let mut all = members["items"].as_array().into_iter().flatten();
        all.find(|one| one["email"] == email).and_then(|one| one["id"].as_str()).unwrap_or_default().to_owned()
    };
    world
        .admin
        .patch(&format!("/orgs/acme/members/{}", of(APPROVER.0)), json!({"role": "approver-2"}))
        .await
        .expect(200);
    let policy = json!({"approval_policy": {"approver_roles": ["admin", "approver-2"]}});
    world.admin.patch("/orgs/acme", policy).await.expect(200);
    let key = json!({"name": "shared", "role": "agent", "owner": OWNER.0});
    let key = world.admin.post("/orgs/acme/api-keys", key).await.expect(201);
    let rotate = format!("/orgs/acme/api-keys/{}/rotate", key["id"].as_str().unwrap_or_default());
    let key = world.approver.post(&rotate, json!({"overlap_seconds": 0})).await.expect(200);
    let agent = Client::new(&world.gateway.url, key["key"].as_str());
    Client::approval_of(&agent.call("pay", json!({"to": "Ada", "cents": 1})).await)
}

#[tokio::test]
async fn owner_maker_and_rotator_are_named_with_what_makes_the_request_theirs() {
    let world = World::new().await;
    let id = world.held(1).await;
    let seen = shown(&world.owner, &id).await;
    assert_eq!(barred(&seen), [person(OWNER.0, &["owner", "creator"])]);
    assert_eq!(seen["somebody_may_decide"], true);
    let why = seen["may_not_decide_because"].as_str().unwrap_or_default();
    assert!(
        why.contains("you own the key that asks and you made the key") && why.contains("another approver"),
        "{why}"
    );
    assert_eq!(shown(&world.approver, &id).await["may_not_decide_because"], Value::Null);

    let id = asked_by_all(&world).await;
    let seen = shown(&world.admin, &id).await;
    let all = [person(ADMIN.0, &["creator"]), person(APPROVER.0, &["rotator"]), person(OWNER.0, &["owner"])];
    assert_eq!(barred(&seen), all);
    assert_eq!(seen["somebody_may_decide"], false);
    let why = seen["may_not_decide_because"].as_str().unwrap_or_default();
    assert!(why.contains("you made the key") && !why.contains("another"), "one thing is said: {why}");
    for client in [&world.admin, &world.approver, &world.owner] {
        assert_eq!(client.decide(&id, "approve", "mine").await.code(), "own_request");
    }
}

#[tokio::test]
async fn the_level_that_sets_it_is_the_narrowest() {
    let world = World::new().await;
    let id = world.held(1).await;
    let levels = async |client: &Client| {
        let who = shown(client, &id).await["who_decides"].clone();
        [who["approver_roles_of"].clone(), who["allow_self_approval_of"].clone()]
    };
    assert_eq!(levels(&world.approver).await, ["org", "org"]);
    let toolkit = json!({"approval_policy": {"allow_self_approval": false}});
    world.admin.patch("/orgs/acme/toolkits/bank", toolkit).await.expect(200);
    assert_eq!(levels(&world.approver).await, ["org", "toolkit"]);
    let tool = json!({"connection": "bank", "tool": "pay", "permission": "needs_approval",
        "approval_policy": {"approver_roles": ["admin"], "allow_self_approval": true}});
    world.admin.put("/orgs/acme/toolkits/bank/tools/pay", tool).await.expect(200);
    assert_eq!(levels(&world.approver).await, ["tool", "tool"]);
    assert_eq!(barred(&shown(&world.owner, &id).await), [], "the policy lets them");
    let mut strict = variables(&world.database);
    strict.push(("PERMESSO_FORBID_SELF_APPROVAL".to_owned(), "1".to_owned()));
    let strict = Gateway::start_with_variables(&strict).await;
    let owner = world.owner.at(&strict.url);
    assert_eq!(levels(&owner).await, ["tool", "instance"]);
    assert_eq!(barred(&shown(&owner, &id).await), [person(OWNER.0, &["owner", "creator"])]);
    strict.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_says_that_nobody_can_decide_and_where_that_is_changed() {
    let world = World::new().await;
    let id = asked_by_all(&world).await;
    let run = |id: &str, who: (&str, &str)| {
        let person =
            [("PERMESSO_URL", world.gateway.url.as_str()), ("PERMESSO_EMAIL", who.0), ("PERMESSO_PASSWORD", who.1)];
        let output = permesso().args(["approvals", "show", id]).envs(person).output().expect("it ends by itself");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let shown = run(&id, ADMIN);
    let line = shown.lines().find(|line| line.starts_with("warning   nobody can decide this")).unwrap_or_default();
    for said in [ADMIN.0, "made the key", OWNER.0, "owns the key", "the approval policy of the org"] {
        assert!(line.contains(said), "{said}: {shown}");
    }
    assert!(!shown.contains("you cannot decide"), "one thing: {shown}");
    let others = world.held(2).await;
    let shown = run(&others, OWNER);
    assert!(
        shown.contains("warning   you cannot decide this: this is your own request") && !shown.contains("nobody"),
        "{shown}"
    );
}
