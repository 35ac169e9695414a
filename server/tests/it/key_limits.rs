//! The ways round what an API key may not do: other keys, other names, other toolkits, taking away and adding again
//! (docs/api.md, "What an API key may change").

use chrono::{DateTime, TimeDelta, Utc};
use permesso::clock::Clock;
use serde_json::{Value, json};

use super::{TOOLS, key, needs_a_person, operator, tool};
use crate::support::{Client, World, world::APPROVER};

const KEYS: &str = "/orgs/acme/api-keys";
const TOOLKITS: &str = "/orgs/acme/toolkits";

fn rotation(made: &Value) -> String {
    format!("{KEYS}/{}/rotate", made["id"].as_str().unwrap_or_default())
}

fn ends(made: &Value) -> Option<DateTime<Utc>> {
    made["expires_at"].as_str().map(|at| at.parse().expect("a time"))
}

async fn toolkit(by: &Client, slug: &str, visibility: &str) {
    by.post(TOOLKITS, json!({"slug": slug, "name": slug, "visibility": visibility})).await.expect(201);
}

#[tokio::test]
async fn a_key_makes_and_rotates_no_key_that_may_do_more_with_some_tool_than_itself() {
    let world = World::new().await;
    let ops = operator(&world).await;
    world.owner.put(&format!("{TOOLS}/balance/policies/ops"), json!({"permission": "blocked"})).await.expect(200);
    needs_a_person("made", &ops.post(KEYS, json!({"name": "x", "role": "agent"})).await);
    let looser = json!({"name": "looser", "role": "agent", "owner": APPROVER.0});
    let looser = world.owner.post(KEYS, looser).await.expect(201);
    needs_a_person("rotated", &ops.post(&rotation(&looser), json!({"overlap_seconds": 0})).await);
    let own = ops.post(KEYS, json!({"name": "x", "role": "ops"})).await.expect(201);
    ops.post(&rotation(&own), json!({"overlap_seconds": 0})).await.expect(200);
}

#[tokio::test]
async fn what_a_key_makes_or_rotates_ends_no_later_than_the_key_itself() {
    let world = World::new().await;
    operator(&world).await;
    let end = Clock::system().now() + TimeDelta::hours(1);
    let new = |expires_at: Option<DateTime<Utc>>| json!({"name": "t", "role": "ops", "owner": APPROVER.0, "expires_at": expires_at});
    let forever = world.owner.post(KEYS, new(None)).await.expect(201);
    let made = world.owner.post(KEYS, new(Some(end))).await.expect(201);
    let temporary = Client::new(&world.gateway.url, made["key"].as_str());

    let child = temporary.post(KEYS, new(None)).await.expect(201);
    assert_eq!(ends(&child), ends(&made), "without a word, at the same time");
    let later = temporary.post(KEYS, new(Some(end + TimeDelta::minutes(1)))).await.expect(422);
    assert_eq!(later["errors"][0]["field"], "expires_at", "{later}");
    temporary.post(KEYS, new(Some(end - TimeDelta::minutes(1)))).await.expect(201);
    assert_eq!(temporary.post(&rotation(&forever), json!({"overlap_seconds": 0})).await.code(), "forbidden");
    temporary.post(&rotation(&child), json!({"overlap_seconds": 0})).await.expect(200);

    // A secret that was replaced ends sooner than its key: whoever has it stays no longer.
    let old = Client::new(&world.gateway.url, forever["key"].as_str());
    world.owner.post(&rotation(&forever), json!({"overlap_seconds": 600})).await.expect(200);
    assert_eq!(old.post(&rotation(&forever), json!({"overlap_seconds": 0})).await.code(), "forbidden");
    let child = old.post(KEYS, new(None)).await.expect(201);
    assert!(ends(&child).is_some_and(|at| at <= Clock::system().now() + TimeDelta::minutes(11)), "{child}");
}

#[tokio::test]
async fn a_key_ends_no_key_of_another_owner() {
    let world = World::new().await;
    let ops = operator(&world).await;
    assert_eq!(ops.delete(&format!("{KEYS}/{}", world.agent_key_id)).await.code(), "forbidden");
    let own = ops.post(KEYS, json!({"name": "x", "role": "ops"})).await.expect(201);
    ops.delete(&format!("{KEYS}/{}", own["id"].as_str().unwrap_or_default())).await.expect(204);
}

#[tokio::test]
async fn a_tool_stays_as_strict_under_every_further_name_that_a_key_gives_it() {
    let world = World::new().await;
    let ops = operator(&world).await;
    toolkit(&ops, "b2", "private").await;
    let there = format!("{TOOLKITS}/b2/tools");
    world.owner.put(&format!("{TOOLS}/pay/policies/guest"), json!({"permission": "blocked"})).await.expect(200);
    let all = json!({"connection": "bank", "tools": "all"});
    for (what, answer) in [
        ("another name", ops.put(&format!("{TOOLS}/close2"), tool("close", "needs_approval")).await),
        ("another toolkit", ops.put(&format!("{there}/close"), tool("close", "needs_approval")).await),
        ("with others", ops.post(&there, all).await),
        ("for one role", ops.put(&format!("{there}/pay"), tool("pay", "needs_approval")).await),
    ] {
        needs_a_person(what, &answer);
    }
    ops.put(&format!("{there}/close"), tool("close", "blocked")).await.expect(201);
    ops.put(&format!("{there}/balance"), tool("balance", "needs_approval")).await.expect(201);
    world.owner.delete(&format!("{TOOLS}/pay/policies/guest")).await.expect(204);
    ops.put(&format!("{there}/pay"), tool("pay", "needs_approval")).await.expect(201);
    // The strictest counts: it is held in one place, and allowed in another.
    needs_a_person("", &ops.put(&format!("{TOOLS}/look"), tool("balance", "always_allow")).await);
}

#[tokio::test]
async fn a_key_takes_no_tool_to_where_another_approval_policy_stands() {
    let world = World::new().await;
    let ops = operator(&world).await;
    toolkit(&ops, "b2", "private").await;
    let lax = json!({"slug": "lax", "name": "Lax", "visibility": "private", "approval_policy": {"allow_self_approval": true}});
    world.owner.post(TOOLKITS, lax).await.expect(201);
    let strict = json!({"approver_roles": ["admin"]});
    let put = |slug: &str| format!("{TOOLKITS}/{slug}/tools/pay");
    needs_a_person("laxer", &ops.put(&put("lax"), tool("pay", "needs_approval")).await);
    world.owner.patch(&format!("{TOOLKITS}/bank"), json!({"approval_policy": strict})).await.expect(200);
    needs_a_person("the toolkit's is left", &ops.put(&put("b2"), tool("pay", "needs_approval")).await);
    world.owner.patch(&format!("{TOOLKITS}/bank"), json!({"approval_policy": null})).await.expect(200);
    let with_policy =
        json!({"connection": "bank", "tool": "pay", "permission": "needs_approval", "approval_policy": strict});
    world.owner.put(&put("bank"), with_policy.clone()).await.expect(200);
    needs_a_person("the tool's is left", &ops.put(&put("b2"), tool("pay", "needs_approval")).await);
    needs_a_person("so beside it", &ops.put(&format!("{TOOLS}/pay2"), tool("pay", "needs_approval")).await);
    world.owner.patch(&format!("{TOOLKITS}/b2"), json!({"approval_policy": strict})).await.expect(200);
    ops.put(&put("b2"), tool("pay", "needs_approval")).await.expect(201);
}

#[tokio::test]
async fn a_key_lets_callers_from_outside_at_nothing_new() {
    let world = World::new().await;
    let ops = operator(&world).await;
    toolkit(&world.owner, "open", "public").await;
    let there = |name: &str| format!("{TOOLKITS}/open/tools/{name}");
    needs_a_person("", &ops.put(&there("pay"), tool("pay", "needs_approval")).await);
    needs_a_person(
        "",
        &ops.post(&format!("{TOOLKITS}/open/tools"), json!({"connection": "bank", "tools": ["pay"]})).await,
    );
    ops.put(&there("close"), tool("close", "blocked")).await.expect(201);
    world.owner.put(&there("pay"), tool("pay", "needs_approval")).await.expect(201);
    ops.put(&there("pay2"), tool("pay", "needs_approval")).await.expect(201);
}

#[tokio::test]
async fn a_key_removes_and_replaces_nothing_that_stands_in_a_toolkit() {
    let world = World::new().await;
    let ops = operator(&world).await;
    for (what, answer) in [
        ("held", ops.delete(&format!("{TOOLS}/pay")).await),
        ("allowed", ops.delete(&format!("{TOOLS}/balance")).await),
        ("blocked", ops.delete(&format!("{TOOLS}/close")).await),
        ("what was blocked is replaced", ops.put(&format!("{TOOLS}/close"), tool("pay", "blocked")).await),
        ("the toolkit", ops.delete(&format!("{TOOLKITS}/bank")).await),
        ("the connection", ops.delete("/orgs/acme/connections/bank").await),
    ] {
        needs_a_person(what, &answer);
    }
    world.owner.patch("/orgs/acme", json!({"key_administration": "toolkits"})).await.expect(200);
    needs_a_person("whatever keys may loosen", &ops.delete(&format!("{TOOLS}/pay")).await);
    // Closing needs no removing, and what nothing stands in a key removes.
    ops.put(&format!("{TOOLS}/pay"), tool("pay", "blocked")).await.expect(200);
    toolkit(&ops, "empty", "private").await;
    ops.delete(&format!("{TOOLKITS}/empty")).await.expect(204);
    let new = json!({"slug": "new", "kind": "streamable_http", "config": {"url": world.upstream.url}});
    ops.post("/orgs/acme/connections", new).await.expect(201);
    ops.delete("/orgs/acme/connections/new").await.expect(204);
}

#[tokio::test]
async fn a_key_changes_the_address_of_no_toolkit() {
    let world = World::new().await;
    let boss = key(&world, &world.owner, "admin", None).await;
    needs_a_person("", &boss.patch(&format!("{TOOLKITS}/bank"), json!({"slug": "old"})).await);
    boss.patch(&format!("{TOOLKITS}/bank"), json!({"slug": "bank", "name": "Bank 2"})).await.expect(200);
    world.owner.patch(&format!("{TOOLKITS}/bank"), json!({"slug": "old"})).await.expect(200);
}

#[tokio::test]
async fn a_key_gives_calls_of_others_no_less_time() {
    let world = World::new().await;
    let ops = operator(&world).await;
    let bank = "/orgs/acme/connections/bank";
    for field in ["call_timeout_ms", "connect_timeout_ms"] {
        needs_a_person(field, &ops.patch(bank, json!({field: 1000})).await);
    }
    ops.patch(bank, json!({"call_timeout_ms": 4000})).await.expect(200);
    world.owner.patch(bank, json!({"call_timeout_ms": 100})).await.expect(200);
}
