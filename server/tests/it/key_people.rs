//! Keys and the people behind them: which secret counts, what a key may do beside its owner, and what becomes of keys when
//! somebody may do less or goes.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    events,
    listening::{listen, subscription},
    support::{Client, World, eventually, world::OWNER},
};

const KEYS: &str = "/orgs/acme/api-keys";
const ADA: (&str, &str) = ("ada@example.com", "ada horse battery");

/// Somebody of `acme` with this role: signed in, and the path of the membership.
async fn ada(world: &World, role: &str) -> (Client, String) {
    let body = json!({"email": ADA.0, "password": ADA.1, "role": role});
    let member = world.admin.post("/orgs/acme/members", body).await.expect(201);
    let path = format!("/orgs/acme/members/{}", member["id"].as_str().unwrap_or_default());
    (Client::sign_in(&world.gateway.url, ADA.0, ADA.1).await, path)
}

/// A key, and its id.
async fn key(by: &Client, name: &str, role: &str, owner: Option<&str>) -> (Client, String) {
    let made = by.post(KEYS, json!({"name": name, "role": role, "owner": owner})).await.expect(201);
    (Client::new(&by.url, made["key"].as_str()), made["id"].as_str().unwrap_or_default().to_owned())
}

/// Gives a key another secret.
async fn rotate(by: &Client, id: &str, overlap_seconds: u32) -> Client {
    let made = by.post(&format!("{KEYS}/{id}/rotate"), json!({"overlap_seconds": overlap_seconds})).await.expect(200);
    Client::new(&by.url, made["key"].as_str())
}

/// What a refusal names, as `kind name`, in order, and the effects.
#[track_caller]
fn affected(answer: &Value, code: &str) -> (Vec<String>, String) {
    assert_eq!(answer["code"], code, "{answer}");
    let named = answer["affected"].as_array().cloned().unwrap_or_default();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let names = named.iter().map(|one| format!("{} {}", text(one, "kind"), text(one, "name"))).collect();
    (names, named.iter().map(|one| text(one, "effect")).collect::<Vec<_>>().join("; "))
}

fn pay(cents: u32) -> String {
    let params = json!({"name": "pay", "arguments": {"cents": cents}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_opened_with_a_secret_ends_within_a_second_of_it() {
    let world = World::new().await;
    let (eye, eye_id) = key(&world.owner, "eye", "auditor", None).await;
    let (agent, agent_id) = world.patient(60).await;
    let mut watched = events::Stream::open(&eye, "acme", None).await;
    let mut listened = listen(&agent, &subscription(json!({"toolsListChanged": true}))).await;
    listened.next().await.expect("it is agreed to");
    let held = {
        let agent = agent.clone();
        // Without an event stream the answer has a status of its own, however long the call is held.
        let accept = [("accept", "application/json"), ("mcp-protocol-version", "2025-11-25")];
        tokio::spawn(async move { agent.send(Method::POST, "/acme/bank/mcp", Some(pay(1)), &accept).await })
    };
    let pending = "/orgs/acme/approvals?status=pending";
    eventually("it is held", || async { !world.approver.get(pending).await.json()["items"][0].is_null() }).await;

    let began = Instant::now();
    let (eye, agent) = (rotate(&world.owner, &eye_id, 0).await, rotate(&world.owner, &agent_id, 0).await);
    while watched.next().await.is_some() {}
    while listened.next().await.is_some() {}
    let answer = held.await.expect("an answer");
    // A second each on a machine that has nothing else to do.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?} after two rotations", began.elapsed());
    assert_eq!(answer.status.as_u16(), 401, "{}", answer.text);
    assert_eq!(world.upstream.calls(), 0);
    // The request stays, for the new secret.
    let id = world.approver.get(pending).await.expect(200)["items"][0]["id"].as_str().unwrap_or_default().to_owned();
    world.approver.decide(&id, "approve", "").await.expect(200);
    assert_eq!(agent.mcp_raw("acme/bank", &pay(1)).await.status.as_u16(), 200);
    assert_eq!(world.upstream.calls(), 1);
    events::Stream::open(&eye, "acme", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_that_is_over_ends_a_stream_without_any_change() {
    let world = World::new().await;
    let (eye, id) = key(&world.owner, "eye", "auditor", None).await;
    let mut watched = events::Stream::open(&eye, "acme", None).await;
    let began = Instant::now();
    let new = rotate(&world.owner, &id, 1).await;
    let mut of_new = events::Stream::open(&new, "acme", None).await;
    while watched.next().await.is_some() {}
    let took = began.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(10)).contains(&took), "{took:?}");
    world.agent.call("balance", json!({})).await;
    of_new.finished("balance").await;
}

#[tokio::test]
async fn a_key_may_do_no_more_than_its_owner_may_now() {
    let world = World::new().await;
    let (ada, member) = ada(&world, "admin").await;
    let (boss, _) = key(&ada, "boss", "admin", None).await;
    key(&ada, "worker", "agent", None).await;
    let tool = json!({"connection": "bank", "tool": "pay", "permission": "blocked"});
    boss.put("/orgs/acme/toolkits/bank/tools/pay", tool.clone()).await.expect(200);

    let to = json!({"role": "auditor"});
    let (names, effects) = affected(&world.owner.patch(&member, to.clone()).await.expect(409), "owns_keys");
    assert_eq!(names, ["api_key boss"], "an agent's key loses nothing");
    assert!(effects.contains("keys:write") && !effects.contains("tools:call"), "{effects}");
    key(&boss, "still", "admin", None).await;
    let forced = format!("{member}?force=true");
    world.owner.patch(&forced, to).await.expect(200);

    for (what, answer) in [
        ("a key", boss.post(KEYS, json!({"name": "x", "role": "agent"})).await),
        ("a tool", boss.put("/orgs/acme/toolkits/bank/tools/pay", tool).await),
    ] {
        assert_eq!(answer.code(), "forbidden", "{what}: {}", answer.text);
        assert!(answer.text.contains("owner"), "{what}: {}", answer.text);
    }
    boss.get(KEYS).await.expect(200);
    let rights = boss.get("/me").await.expect(200)["orgs"][0]["rights"].to_string();
    assert!(rights.contains("keys:read") && !rights.contains("keys:write"), "{rights}");
    assert_eq!(boss.rpc("acme/bank", "tools/list", json!({})).await["error"], Value::Null, "tools by its own role");
    // What the owner may again the key may again.
    world.owner.patch(&member, json!({"role": "admin"})).await.expect(200);
    key(&boss, "again", "agent", None).await;
}

#[tokio::test]
async fn a_key_of_an_administrator_of_the_instance_has_its_whole_role() {
    let world = World::new().await;
    let (boss, _) = key(&world.admin, "boss", "admin", None).await;
    key(&boss, "child", "admin", None).await;
}

#[tokio::test]
async fn a_role_that_loses_rights_says_which_keys_of_its_people_do() {
    let world = World::new().await;
    let rights = json!(["keys:read", "keys:write", "members:read"]);
    world.owner.post("/orgs/acme/roles", json!({"name": "clerk", "rights": rights})).await.expect(201);
    ada(&world, "clerk").await;
    let (boss, _) = key(&world.owner, "boss", "admin", Some(ADA.0)).await;
    let less = json!({"rights": ["keys:read"]});
    let refused = world.owner.patch("/orgs/acme/roles/clerk", less.clone()).await.expect(409);
    assert_eq!(affected(&refused, "owns_keys").0, ["api_key boss"]);
    boss.get("/orgs/acme/members").await.expect(200);
    world.owner.patch("/orgs/acme/roles/clerk?force=true", less).await.expect(200);
    boss.get("/orgs/acme/members").await.expect(403);
    boss.get(KEYS).await.expect(200);
}

#[tokio::test]
async fn who_is_removed_takes_every_secret_along_that_they_have_seen() {
    let world = World::new().await;
    let (ada, member) = ada(&world, "admin").await;
    let (own, _) = key(&ada, "own", "admin", None).await;
    let (made, made_id) = key(&ada, "made", "agent", Some(OWNER.0)).await;
    let (_, given) = key(&world.owner, "rotated", "agent", None).await;
    let rotated = rotate(&ada, &given, 600).await;
    let (kept, _) = key(&world.owner, "kept", "agent", None).await;
    let works = async |client: &Client| client.get("/me").await.status.as_u16() == 200;

    let list = world.owner.get(KEYS).await.expect(200);
    let shown = list["items"].as_array().into_iter().flatten().find(|key| key["id"] == given.as_str());
    let shown = shown.expect("it is listed");
    assert_eq!((&shown["created_by"]["email"], &shown["rotated_by"]["email"]), (&json!(OWNER.0), &json!(ADA.0)));
    let recorded = world.admin.get("/orgs/acme/audit").await.expect(200);
    let recorded = recorded["items"].as_array().into_iter().flatten().find(|one| one["action"] == "rotate_api_key");
    let id = recorded.expect("it is on record")["id"].as_str().unwrap_or_default().to_owned();
    let recorded = world.admin.get(&format!("/orgs/acme/audit/{id}")).await.expect(200);
    let response = recorded["response"].to_string();
    assert!(response.contains(ADA.0) && response.contains(OWNER.0), "{recorded}");

    let refused = world.owner.delete(&member).await.expect(409);
    assert_eq!(affected(&refused, "owns_keys").0, ["api_key own", "api_key made", "api_key rotated"]);
    assert!(works(&own).await && works(&made).await, "nothing was done");
    world.owner.delete(&format!("{member}?force=true")).await.expect(204);
    for (name, client) in [("own", &own), ("made", &made), ("rotated", &rotated)] {
        assert!(!works(client).await, "{name}");
    }
    assert!(works(&kept).await);
    // The key of another owner lives, with another secret.
    assert!(works(&rotate(&world.owner, &made_id, 0).await).await);
}

#[tokio::test]
async fn more_keys_than_are_counted_are_said_to_be_more() {
    let world = World::new().await;
    let (_, member) = ada(&world, "admin").await;
    // The last of them is the only one that would do less.
    let sql = "INSERT INTO api_keys (id, org_id, name, role_id, owner_id, created_by)
               SELECT gen_random_uuid(), k.org_id, 'many ' || n, r.id, u.id, u.id
               FROM api_keys k JOIN roles r ON r.org_id = k.org_id AND r.name = $1 JOIN users u ON u.email = $2,
                    generate_series(1, $3) n WHERE k.name = 'robot'";
    let make = async |role: &str, count: i32| {
        let made = sqlx::query(sql).bind(role).bind(ADA.0).bind(count).execute(&mut world.sql().await).await;
        made.expect("an owner may");
    };
    make("agent", 1_001).await;
    let made = world.admin.post(KEYS, json!({"name": "boss", "role": "admin", "owner": ADA.0})).await;
    made.expect(201);
    let less = world.owner.patch(&member, json!({"role": "member"})).await.expect(409);
    assert_eq!((affected(&less, "owns_keys").0, &less["more"]), (vec!["api_key boss".to_owned()], &Value::Null));
    let many = world.owner.delete(&member).await.expect(409);
    let detail = many["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("more than 1,000 API keys"), "{detail}");
    assert_eq!((affected(&many, "owns_keys").0.len(), &many["more"]), (100, &json!(true)));
}
