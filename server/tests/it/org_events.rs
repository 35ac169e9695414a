//! `org.changed` on the event stream: which part of the org has changed, for who may read it, on every replica.

use std::{collections::BTreeMap, time::Instant};

use serde_json::json;

use crate::{
    events::Stream,
    support::{Client, Gateway, World, eventually, world::APPROVER},
};

/// A key of the owner that may only do this.
async fn watcher(world: &World, right: &str) -> Client {
    let name = right.replace(':', "-");
    world.admin.post("/orgs/acme/roles", json!({"name": name, "rights": [right]})).await.expect(201);
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": name, "role": name})).await.expect(201);
    Client::new(&world.gateway.url, key["key"].as_str())
}

/// The next part that has changed.
async fn what(stream: &mut Stream) -> String {
    stream.find(&["org.changed"]).await.1["what"].as_str().unwrap_or_default().to_owned()
}

/// Waits until what changed before is told, so that the next event is of what comes.
async fn settled() {
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_is_told_to_who_may_read_it_and_to_nobody_else_on_every_replica() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    eventually("it listens", async || second.services.live.is_listening()).await;
    let mut streams = BTreeMap::new();
    let mut watchers = Vec::new();
    for right in ["members:read", "keys:read", "toolkits:read", "audit:read"] {
        watchers.push((right, watcher(&world, right).await));
    }
    settled().await;
    for (right, watcher) in watchers {
        streams.insert(right, Stream::open(&watcher.at(&second.url), "acme", None).await);
    }
    let mut elsewhere = Stream::open(&world.other_org, "other", None).await;

    // What each of them is told, of one change after the other; the last is for everybody.
    let key = format!("/orgs/acme/api-keys/{}", world.agent_key_id);
    let pay = "/orgs/acme/toolkits/bank/tools/pay/policies/agent";
    let kim = json!({"email": "kim@example.com", "role": "agent"});
    let kim = world.owner.post("/orgs/acme/members", kim).await.expect(201)["id"].clone();
    assert_eq!(what(streams.get_mut("members:read").expect("a stream")).await, "members");
    let kim = format!("/orgs/acme/members/{}", kim.as_str().unwrap_or_default());
    world.owner.patch(&kim, json!({"role": "guest"})).await.expect(200);
    assert_eq!(what(streams.get_mut("members:read").expect("a stream")).await, "members");
    world.owner.patch("/orgs/acme/roles/keys-read", json!({"rights": ["keys:read", "tools:call"]})).await.expect(200);
    assert_eq!(what(streams.get_mut("members:read").expect("a stream")).await, "roles");
    world.owner.patch(&key, json!({"name": "other"})).await.expect(200);
    assert_eq!(what(streams.get_mut("keys:read").expect("a stream")).await, "keys");
    world.owner.post(&format!("{key}/rotate"), json!({"overlap_seconds": 0})).await.expect(200);
    assert_eq!(what(streams.get_mut("keys:read").expect("a stream")).await, "keys");
    world.owner.put(pay, json!({"permission": "blocked"})).await.expect(200);
    assert_eq!(what(streams.get_mut("toolkits:read").expect("a stream")).await, "toolkits");
    world.owner.patch("/orgs/acme/toolkits/bank", json!({"name": "Our bank"})).await.expect(200);
    assert_eq!(what(streams.get_mut("toolkits:read").expect("a stream")).await, "toolkits");
    world.owner.patch("/orgs/acme", json!({"name": "Acme Inc."})).await.expect(200);
    for (right, stream) in &mut streams {
        assert_eq!(what(stream).await, "org", "{right}: nothing of the others' came before it");
    }
    world.other_org.patch("/orgs/other", json!({"name": "Others"})).await.expect(200);
    let first = elsewhere.next().await.expect("an event");
    assert_eq!((first.event.as_deref(), &*first.data), (Some("org.changed"), r#"{"what":"org"}"#), "nothing of acme");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_is_made_and_taken_up_is_a_change_of_members_and_so_is_a_name() {
    let world = World::new().await;
    let watcher = watcher(&world, "members:read").await;
    settled().await;
    let mut stream = Stream::open(&watcher, "acme", None).await;
    let kim = json!({"email": "kim@example.com", "role": "approver"});
    let made = world.owner.post("/orgs/acme/invitations", kim).await.expect(201);
    assert_eq!(what(&mut stream).await, "members");
    settled().await;
    let token = made["url"].as_str().and_then(|url| url.split_once('#')).expect("a link").1.to_owned();
    let accept = json!({"token": token, "name": "Kim", "password": "kim horse battery"});
    let browser = Client::browser(&world.gateway.url);
    let accepted = browser.post("/invitations/accept", accept).await;
    assert!(accepted.status.is_success(), "{}", accepted.text);
    assert_eq!(what(&mut stream).await, "members");
    settled().await;
    world.approver.patch("/me", json!({"name": "Ada"})).await.expect(200);
    assert_eq!(what(&mut stream).await, "members");
    let members = watcher.get("/orgs/acme/members").await.expect(200);
    let names: Vec<_> = members["items"].as_array().into_iter().flatten().map(|one| one["name"].clone()).collect();
    assert!(names.contains(&json!("Kim")) && names.contains(&json!("Ada")), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_close_together_is_told_as_one() {
    let world = World::new().await;
    let watcher = watcher(&world, "members:read").await;
    settled().await;
    let mut stream = Stream::open(&watcher, "acme", None).await;
    let began = Instant::now();
    for number in 0..20 {
        let role = json!({"name": format!("r{number}"), "rights": []});
        world.owner.post("/orgs/acme/roles", role).await.expect(201);
    }
    let most = began.elapsed().as_millis() / 250 + 2;
    settled().await;
    world.owner.patch("/orgs/acme", json!({"name": "Acme Inc."})).await.expect(200);
    let mut told = 0;
    while what(&mut stream).await == "roles" {
        told += 1;
    }
    assert!((1..=most).contains(&told), "{told} events in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_and_uses_of_keys_are_no_changes_of_the_org() {
    let world = World::new().await;
    settled().await;
    let mut stream = Stream::open(&world.admin, "acme", None).await;
    let mut approver = Stream::open(&world.approver, "acme", None).await;
    world.approver.put("/me/preferences", json!({"theme": "dark"})).await.expect(200);
    world.agent.call("balance", json!({})).await;
    stream.finished("balance").await;
    world.owner.patch("/orgs/acme", json!({"name": "Acme Inc."})).await.expect(200);
    assert_eq!(what(&mut stream).await, "org");
    assert_eq!(what(&mut approver).await, "org");

    // With the right its events come, and with it a word that there is more to read.
    world.owner.post("/orgs/acme/roles", json!({"name": "x", "rights": []})).await.expect(201);
    let members = world.admin.get("/orgs/acme/members").await.expect(200);
    let member = members["items"].as_array().into_iter().flatten().find(|one| one["email"] == APPROVER.0);
    let path = format!("/orgs/acme/members/{}", member.expect("a member")["id"].as_str().unwrap_or_default());
    world.owner.patch(&format!("{path}?force=true"), json!({"role": "admin"})).await.expect(200);
    approver.find(&["resync"]).await;
    settled().await;
    world.owner.post("/orgs/acme/roles", json!({"name": "y", "rights": []})).await.expect(201);
    while what(&mut approver).await != "roles" {}
}
