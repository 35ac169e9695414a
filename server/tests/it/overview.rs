//! The first page of an org.

use serde_json::{Value, json};

use crate::support::World;

const OVERVIEW: &str = "/orgs/acme/overview";

fn attention<'a>(overview: &'a Value, kind: &str) -> Vec<&'a str> {
    let all = overview["attention"].as_array().expect("a list");
    all.iter().filter(|one| one["kind"] == kind).map(|one| one["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn the_overview_says_what_waits_and_what_needs_attention() {
    let world = World::new().await;
    let before = world.owner.get(OVERVIEW).await.expect(200);
    assert_eq!(before["steps"], json!({"connection": true, "toolkit": true, "key": true, "call": false}));
    assert_eq!((&before["waiting"], &before["calls"], &before["callers"]), (&json!(0), &json!(0), &json!([])));

    world.held(1_250).await;
    world.agent.call("balance", json!({})).await;
    let held = world.approver.get(OVERVIEW).await.expect(200);
    assert_eq!((&held["waiting"], &held["mine"], &held["urgent"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(world.owner.get(OVERVIEW).await.expect(200)["mine"], 0, "it is the owner's key");
    let changed = r#"[{"name":"balance","description":"Reads, and writes.","inputSchema":{"type":"object"}},
        {"name":"pay","description":"Pays.","inputSchema":{"type":"object"}}]"#;
    world.upstream.offer(changed);
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let soon = world.gateway.services.clock.now() + chrono::TimeDelta::days(3);
    let key = json!({"name": "ends soon", "role": "agent", "expires_at": soon});
    world.owner.post("/orgs/acme/api-keys", key).await.expect(201);

    let now = world.owner.get(OVERVIEW).await.expect(200);
    assert_eq!(now["steps"]["call"], true);
    assert_eq!(attention(&now, "definitions_changed"), ["bank"]);
    assert_eq!(attention(&now, "key_expires"), ["ends soon"]);
    // What is counted of calls is at most ten seconds old: another org's count is its own.
    let other = world.other_org.get("/orgs/other/overview").await.expect(200);
    assert_eq!((&other["waiting"], &other["attention"], &other["callers"]), (&json!(0), &json!([]), &json!([])));
    assert_eq!(world.other_org.get(OVERVIEW).await.status, 404);
    assert_eq!(world.agent.get(OVERVIEW).await.status, 403);
    let seen = world.approver.get(OVERVIEW).await.expect(200);
    assert!(attention(&seen, "key_expires").is_empty(), "who may not see keys hears nothing of them");
    assert!(attention(&seen, "definitions_changed").is_empty());
}

#[tokio::test]
async fn callers_are_counted_by_the_hour() {
    let world = World::new().await;
    for _ in 0..3 {
        world.agent.call("balance", json!({})).await;
    }
    let overview = world.owner.get(OVERVIEW).await.expect(200);
    let caller = &overview["callers"][0];
    assert_eq!((&caller["name"], &caller["calls"], &overview["calls"]), (&json!("robot"), &json!(3), &json!(3)));
    let hours = caller["hours"].as_array().expect("hours");
    assert_eq!((hours.len(), hours.iter().filter_map(Value::as_u64).sum::<u64>()), (24, 3));
}
