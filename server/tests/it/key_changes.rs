//! Changing a key (docs/api.md, "Changing keys"): who may, what of it, and what becomes of its requests.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Client, Gateway, World,
    client::Answer,
    eventually,
    world::{ADMIN, APPROVER, OTHER, OWNER},
};

const KEYS: &str = "/orgs/acme/api-keys";

fn robot(world: &World) -> String {
    format!("{KEYS}/{}", world.agent_key_id)
}

#[track_caller]
fn refused(what: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{what}: {}", answer.text);
}

/// A key with this body, made by the owner: its credential, and its path.
async fn key(world: &World, by: &Client, body: Value) -> (Client, String) {
    let made = by.post(KEYS, body).await.expect(201);
    let path = format!("{KEYS}/{}", made["id"].as_str().unwrap_or_default());
    (Client::new(&world.gateway.url, made["key"].as_str()), path)
}

/// Somebody else of acme with this role.
async fn person(world: &World, name: &str, role: &str) -> Client {
    let (email, password) = (format!("{name}@example.com"), "some horse battery");
    let body = json!({"email": email, "password": password, "role": role});
    world.admin.post("/orgs/acme/members", body).await.expect(201);
    Client::sign_in(&world.gateway.url, &email, password).await
}

/// How the last change of a key is on record: the request, and what it made.
async fn recorded(world: &World) -> (Value, Value) {
    let list = world.admin.get("/orgs/acme/audit?action=update_api_key&status=ok").await.expect(200);
    let id = list["items"][0]["id"].as_str().expect("it is on record").to_owned();
    let record = world.admin.get(&format!("/orgs/acme/audit/{id}")).await.expect(200);
    let read = |part: &str| serde_json::from_str(record[part].as_str().unwrap_or_default()).expect("JSON");
    (read("request"), read("response"))
}

#[tokio::test]
async fn every_part_of_a_key_changes_alone_and_what_is_absent_stays() {
    let world = World::new().await;
    let path = robot(&world);
    let before = world.owner.patch(&path, json!({})).await.expect(200);
    let mut expected = before.clone();
    let end = "2027-06-01T12:00:00Z";
    for (body, field, shown) in [
        (json!({"name": " Night shift "}), "name", json!("Night shift")),
        (json!({"hold_seconds": 0}), "hold_seconds", json!(0)),
        (json!({"hold_seconds": null}), "hold_seconds", Value::Null),
        (json!({"expires_at": end}), "expires_at", json!(end)),
        (json!({"expires_at": null}), "expires_at", Value::Null),
        (json!({"role": "guest"}), "role", json!("guest")),
    ] {
        let changed = world.owner.patch(&path, body.clone()).await.expect(200);
        assert_ne!(changed["etag"], expected["etag"], "{body}");
        expected[field] = shown;
        expected["etag"] = changed["etag"].clone();
        assert_eq!(changed, expected, "{body}");
        let list = world.owner.get(KEYS).await.expect(200);
        assert_eq!(list["items"][0], expected, "{body}");
    }
    let (request, response) = recorded(&world).await;
    assert_eq!(request[1], json!({"role": "guest"}), "{request}");
    assert_eq!((&response["role"], &response["name"]), (&json!("guest"), &json!("Night shift")), "{response}");
    assert!(!response.to_string().contains(&world.agent.token.clone().unwrap_or_default()));
}

#[tokio::test]
async fn whoever_may_change_keys_changes_none_that_may_do_more_and_gives_none_more() {
    let world = World::new().await;
    let rights = json!(["tools:call", "keys:read", "keys:write"]);
    world.owner.post("/orgs/acme/roles", json!({"name": "clerk", "rights": rights})).await.expect(201);
    let clerk = person(&world, "clerk", "clerk").await;
    let (_, boss) = key(&world, &world.owner, json!({"name": "boss", "role": "admin"})).await;
    refused("a key that may more", &clerk.patch(&boss, json!({"name": "mine"})).await, 403, "forbidden");
    refused("less for it", &clerk.patch(&boss, json!({"role": "agent"})).await, 403, "forbidden");
    let path = robot(&world);
    refused("more", &clerk.patch(&path, json!({"role": "admin"})).await, 403, "forbidden");
    clerk.patch(&path, json!({"role": "clerk"})).await.expect(200);
    let problem = clerk.patch(&path, json!({"role": "nobody"})).await.expect(422);
    assert_eq!(problem["errors"][0]["field"], "role");
    refused("without the right", &world.approver.patch(&path, json!({"name": "x"})).await, 403, "forbidden");
    let list = world.owner.get(KEYS).await.expect(200);
    let names: Vec<_> = list["items"].as_array().into_iter().flatten().map(|key| key["name"].clone()).collect();
    assert_eq!(names, ["robot", "boss"], "nothing of it was done");
}

#[tokio::test]
async fn a_key_changes_no_key_and_another_org_has_none() {
    let world = World::new().await;
    let path = robot(&world);
    let (boss, own) = key(&world, &world.owner, json!({"name": "boss", "role": "admin"})).await;
    for (what, path) in [("another", &path), ("itself", &own)] {
        for body in [json!({}), json!({"name": "x"}), json!({"role": "agent"}), json!({"owner": ADMIN.0})] {
            refused(what, &boss.patch(path, body).await, 403, "person_required");
        }
    }
    let elsewhere = format!("/orgs/other/api-keys/{}", world.agent_key_id);
    refused("by its id", &world.other_org.patch(&elsewhere, json!({"name": "x"})).await, 404, "not_found");
    refused("there", &world.other_org.patch(&path, json!({"name": "x"})).await, 404, "not_found");
    refused("no id", &world.owner.patch(&format!("{KEYS}/robot"), json!({})).await, 404, "not_found");
    let role = world.other_org.post("/orgs/other/roles", json!({"name": "theirs", "rights": []})).await.expect(201);
    let problem = world.owner.patch(&path, json!({"role": role["name"]})).await.expect(422);
    assert_eq!(problem["errors"][0]["field"], "role", "another org's role");
}

#[tokio::test]
async fn a_key_that_has_ended_stays_as_it_is() {
    let world = World::new().await;
    let (_, revoked) = key(&world, &world.owner, json!({"name": "a", "role": "agent"})).await;
    let (_, expired) = key(&world, &world.owner, json!({"name": "b", "role": "agent"})).await;
    world.owner.delete(&revoked).await.expect(204);
    let sql = "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE name = 'b'";
    sqlx::Executor::execute(&mut world.sql().await, sql).await.expect("an owner may");
    for body in [json!({"name": "x"}), json!({"expires_at": null}), json!({"expires_at": "2027-06-01T12:00:00Z"})] {
        refused("revoked", &world.owner.patch(&revoked, body.clone()).await, 409, "key_revoked");
        refused("expired", &world.owner.patch(&expired, body).await, 409, "key_expired");
    }
    let shown = async |query: &str| {
        let list = world.owner.get(&format!("{KEYS}?{query}")).await.expect(200);
        let all = list["items"].as_array().cloned().unwrap_or_default();
        all.iter().map(|key| key["name"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shown("").await, ["robot", "a", "b"]);
    assert_eq!(shown("revoked=false").await, ["robot", "b"]);
    assert_eq!(shown("revoked=true").await, ["a"]);
    let me = world.admin.get("/me").await.expect(200)["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(shown(&format!("owner={me}")).await, Vec::<String>::new());
    key(&world, &world.admin, json!({"name": "c", "role": "agent"})).await;
    assert_eq!(shown(&format!("owner={me}&revoked=false")).await, ["c"]);
}

#[tokio::test]
async fn an_owner_is_a_member_or_who_administers_the_instance_and_says_so() {
    let world = World::new().await;
    let path = robot(&world);
    for stranger in [OTHER.0, "nobody@example.com", "00000000-0000-7000-8000-000000000000", ""] {
        let problem = world.owner.patch(&path, json!({"owner": stranger})).await.expect(422);
        assert_eq!(problem["errors"][0]["field"], "owner", "{stranger}");
    }
    // Who administers the instance is no member of acme: nobody else makes them answerable.
    world.owner.patch(&path, json!({"owner": ADMIN.0})).await.expect(422);
    let changed = world.admin.patch(&path, json!({"owner": ADMIN.0})).await.expect(200);
    assert_eq!(changed["owner"]["email"], ADMIN.0);
    let same = world.owner.patch(&path, json!({"owner": ADMIN.0, "name": "again"})).await.expect(200);
    assert_eq!((&same["owner"], &same["name"]), (&changed["owner"], &json!("again")), "who is it may stay it");
    let id = world.approver.get("/me").await.expect(200)["id"].clone();
    let by_id = world.owner.patch(&path, json!({"owner": id})).await.expect(200);
    assert_eq!(by_id["owner"], json!({"id": id, "email": APPROVER.0}));
    assert_eq!(by_id["created_by"]["email"], OWNER.0);
}

/// Whether this person may decide, as the request itself, the list and the summary say.
async fn may(client: &Client, id: &str) -> bool {
    let one = client.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    let mine = client.get("/orgs/acme/approvals?mine=true").await.expect(200);
    let listed = mine["items"].as_array().into_iter().flatten().any(|row| row["id"] == id);
    assert_eq!(one["may_decide"] == true, listed, "{one}");
    listed
}

#[tokio::test(flavor = "multi_thread")]
async fn another_owner_undoes_what_is_open_and_who_owned_the_key_decides_nothing_of_it() {
    let world = World::new().await;
    person(&world, "third", "admin").await;
    // Made by the administrator for the approver, who may decide on everything else.
    let (agent, path) = key(&world, &world.admin, json!({"name": "hers", "role": "agent", "owner": APPROVER.0})).await;
    let ask = async |cents: u32| Client::approval_of(&agent.call("pay", json!({"to": "Ada", "cents": cents})).await);
    let (waits, approved) = (ask(1).await, ask(2).await);
    world.owner.decide(&approved, "approve", "").await.expect(200);
    assert!(!may(&world.approver, &waits).await);

    world.owner.patch(&path, json!({"owner": "third@example.com"})).await.expect(200);
    for id in [&waits, &approved] {
        eventually("it is invalidated", || async { world.owner.status(id).await == "invalidated" }).await;
    }
    let told = agent.call("run_approved", json!({"approval_id": approved})).await;
    assert!(told.to_string().contains("owner changed"), "{told}");
    assert_eq!(world.upstream.calls(), 0);

    // Neither the owner before nor the owner now: one handed it on, perhaps in order to decide.
    let anew = ask(1).await;
    assert_ne!(anew, waits);
    refused("before", &world.approver.decide(&anew, "approve", "").await, 403, "own_request");
    assert!(!may(&world.approver, &anew).await);
    let shown = world.approver.get(&format!("/orgs/acme/approvals/{anew}")).await.expect(200);
    let why = shown["may_not_decide_because"].as_str().unwrap_or_default();
    assert!(why.contains("you owned the key before"), "{why}");
    let barred = shown["who_decides"]["barred"].as_array().cloned().unwrap_or_default();
    let because = |email: &str| barred.iter().find(|one| one["email"] == email).map(|one| one["because"].clone());
    assert_eq!(because(APPROVER.0), Some(json!(["former_owner"])));
    assert_eq!(because("third@example.com"), Some(json!(["owner"])));
    assert!(may(&world.owner, &anew).await);

    // Having it back makes nobody a former owner of their own.
    world.owner.patch(&path, json!({"owner": APPROVER.0})).await.expect(200);
    let shown = world.approver.get(&format!("/orgs/acme/approvals/{}", ask(3).await)).await.expect(200);
    let barred = shown["who_decides"]["barred"].to_string();
    assert!(barred.contains(r#"["owner"]"#) && barred.contains(r#"["former_owner"]"#), "{barred}");
    world.owner.decide(&ask(3).await, "approve", "").await.expect(200);
    assert_eq!(crate::support::client::text(&agent.call("pay", json!({"to": "Ada", "cents": 3})).await), "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_counts_on_every_replica_within_a_second() {
    let world = World::new().await;
    world.owner.post("/orgs/acme/roles", json!({"name": "idle", "rights": ["toolkits:read"]})).await.expect(201);
    let second = Gateway::start(&world.database).await;
    eventually("it listens", async || second.services.live.is_listening()).await;
    let there = world.agent.at(&second.url);
    let status = async |client: &Client| {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        client.mcp_raw("acme/bank", body).await.status.as_u16()
    };
    assert_eq!(status(&there).await, 200);
    let waits = world.held(1).await;
    world.owner.patch(&robot(&world), json!({"role": "idle"})).await.expect(200);
    let changed = Instant::now();
    assert_eq!(status(&world.agent).await, 403, "at once where it was changed");
    while status(&there).await != 403 {
        assert!(changed.elapsed() < Duration::from_secs(1), "the other replica still lets it call");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    eventually("its request is invalidated", || async { world.owner.status(&waits).await == "invalidated" }).await;
    second.stop().await;
}

#[tokio::test]
async fn a_key_is_changed_and_revoked_as_it_was_seen_or_not_at_all() {
    let world = World::new().await;
    let path = robot(&world);
    let send = async |method: Method, body: Option<Value>, tag: &Value| {
        let tag = [("if-match", tag.as_str().unwrap_or_default())];
        world.owner.send(method, &format!("/api/v1{path}"), body.map(|body| body.to_string()), &tag).await
    };
    let seen = world.owner.get(KEYS).await.expect(200)["items"][0]["etag"].clone();
    world.admin.patch(&path, json!({"owner": ADMIN.0})).await.expect(200);
    let stale = send(Method::PATCH, Some(json!({"name": "x"})), &seen).await;
    refused("somebody gave it another owner", &stale, 412, "changed_since");
    refused("nor revoked", &send(Method::DELETE, None, &seen).await, 412, "changed_since");
    let now = world.owner.get(KEYS).await.expect(200)["items"][0].clone();
    assert_eq!((&now["name"], &now["revoked_at"]), (&json!("robot"), &Value::Null));
    // Another secret is no change of what can be changed.
    let rotated = world.owner.post(&format!("{path}/rotate"), json!({"overlap_seconds": 0})).await.expect(200);
    assert_eq!(rotated["etag"], now["etag"]);
    send(Method::PATCH, Some(json!({"name": "x"})), &now["etag"]).await.expect(200);
    let last = world.owner.get(KEYS).await.expect(200)["items"][0]["etag"].clone();
    send(Method::DELETE, None, &last).await.expect(204);
}
