//! What bounds an export: the rights of who asked for it, how many there may be, how much is read at once,
//! and who may make a browser ask for it.

use std::{collections::HashSet, time::Duration};

use permesso::{
    clock::Clock,
    db::{
        OrgScope,
        audit::{Bodies, Filter, list},
    },
    service::exports::{EXPORTS, STALLED},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Gateway, World, eventually, records, unread::Unread};

const EXPORT: &str = "/orgs/acme/audit/export?format=jsonl&tool=balance";

/// More than the kernel and the gateway keep for a reader that does not read.
async fn fill(world: &World) {
    records::put(world, 40, ("balance", 0), 1_000_000).await;
}

/// A key whose role sees the audit with its bodies.
async fn reader(world: &World, name: &str) -> (Client, String) {
    let role = json!({"name": "reader", "rights": ["audit:read", "audit:bodies"]});
    world.admin.post("/orgs/acme/roles", role).await;
    let key = world.admin.post("/orgs/acme/api-keys", json!({"name": name, "role": "reader"})).await.expect(201);
    (Client::new(&world.gateway.url, key["key"].as_str()), key["id"].as_str().unwrap_or_default().to_owned())
}

async fn recorded(world: &World) -> usize {
    let list = world.admin.get("/orgs/acme/audit?action=export_audit").await.expect(200);
    list["items"].as_array().expect("items").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_ends_when_its_reader_is_removed_from_the_org() {
    let world = World::new().await;
    fill(&world).await;
    let leaver = ("leaver@example.com", "leaver horse battery");
    let body = json!({"email": leaver.0, "password": leaver.1, "role": "admin"});
    let member = world.admin.post("/orgs/acme/members", body).await.expect(201);
    let leaver = Client::sign_in(&world.gateway.url, leaver.0, leaver.1).await;
    let slow = Unread::ask(&leaver, EXPORT, 200).await;
    let id = member["id"].as_str().unwrap_or_default();
    world.admin.delete(&format!("/orgs/acme/members/{id}")).await.expect(204);
    assert!(!slow.ends_complete().await, "it went on for somebody who had left");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_ends_with_its_key_and_with_the_right_to_bodies() {
    let world = World::new().await;
    fill(&world).await;
    let (client, id) = reader(&world, "ends").await;
    let slow = Unread::ask(&client, EXPORT, 200).await;
    world.admin.delete(&format!("/orgs/acme/api-keys/{id}")).await.expect(204);
    assert!(!slow.ends_complete().await, "it went on for a revoked key");

    let (client, _) = reader(&world, "less").await;
    let slow = Unread::ask(&client, EXPORT, 200).await;
    world.admin.patch("/orgs/acme/roles/reader", json!({"rights": ["audit:read"]})).await.expect(200);
    assert!(!slow.ends_complete().await, "it went on with bodies");
    let without = client.get(EXPORT).await;
    assert_eq!((without.status.as_u16(), without.text.contains("yyy")), (200, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_who_keeps_the_rights_gets_everything_once_over_batches_bounded_by_bytes() {
    let world = World::new().await;
    fill(&world).await;
    let slow = Unread::ask(&world.admin, EXPORT, 200).await;
    assert!(slow.ends_complete().await);
    let lines: Vec<Value> =
        world.owner.get(EXPORT).await.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 40);
    assert_eq!(lines.iter().map(|line| line["id"].to_string()).collect::<HashSet<_>>().len(), 40);

    let services = &world.gateway.services;
    let org = world.org().await.id;
    let mut scope = OrgScope::begin(&services.db.people, org).await.expect("a transaction");
    let tool = Some("balance".to_owned());
    for (bytes, expected) in [(i64::MAX, 20), (2_500_000, 3), (2_000_000, 2), (1, 1)] {
        let filter = Filter { tool: tool.clone(), limit: 20, read: Bodies::All, bytes, ..Filter::default() };
        let rows = list(&mut scope, &filter).await.expect("rows");
        let ids: Vec<_> = rows.iter().map(|row| row.id.to_string()).collect();
        let newest: Vec<_> = lines[..expected].iter().map(|line| line["id"].as_str().unwrap_or_default()).collect();
        assert_eq!(ids, newest, "at most {bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_has_one_export_at_a_time_and_all_together_a_few() {
    let world = World::new().await;
    fill(&world).await;
    let mut readers = Vec::new();
    for n in 0..=EXPORTS {
        readers.push(reader(&world, &format!("reader {n}")).await.0);
    }
    let mut open = vec![Unread::ask(&readers[0], EXPORT, 200).await];
    let second = readers[0].get(EXPORT).await;
    assert_eq!((second.status.as_u16(), second.code().as_str()), (429, "too_many_exports"), "{}", second.text);
    assert!(second.headers.contains_key("retry-after"));
    for reader in &readers[1..EXPORTS] {
        open.push(Unread::ask(reader, EXPORT, 200).await);
    }
    let last = &readers[EXPORTS];
    assert_eq!(last.get(EXPORT).await.code(), "too_many_exports");
    assert_eq!(recorded(&world).await, EXPORTS, "what is refused did not happen");
    world.admin.get("/orgs/acme/audit?tool=balance").await.expect(200);
    open.pop();
    eventually("there is room again", || async { last.get(EXPORT).await.status == 200 }).await;
    assert_eq!(last.get(EXPORT).await.status, 200, "its own seat is free as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_reads_gives_its_seat_away_and_does_not_end_as_if_complete() {
    let world = World::new().await;
    fill(&world).await;
    let (clock, hands) = Clock::test(Clock::system().now());
    let gateway = Gateway::start_with(&world.database, clock).await;
    let client = reader(&world, "slow").await.0.at(&gateway.url);
    eventually("the replica knows the key", || async { client.get("/orgs/acme/audit?limit=1").await.status == 200 })
        .await;
    let stalled = Unread::ask(&client, EXPORT, 200).await;
    assert_eq!(client.get(EXPORT).await.code(), "too_many_exports");
    hands.advance(STALLED);
    let again = "/orgs/acme/audit/export?format=jsonl&tool=none";
    eventually("the seat is given away", || async { client.get(again).await.status == 200 }).await;
    assert!(!stalled.ends_complete().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_wait_their_turn_only_so_long_and_exports_do_not_wait_for_them() {
    let world = World::new().await;
    records::put(&world, 1, ("balance", 0), 10).await;
    let id = world.admin.get("/orgs/acme/audit?tool=balance").await.expect(200)["items"][0]["id"].clone();
    let readers = &world.gateway.services.views.audit_readers;
    let every = u32::try_from(readers.available_permits()).expect("few");
    let all = readers.acquire_many(every).await.expect("every turn");
    let one = format!("/orgs/acme/audit/{}", id.as_str().unwrap_or_default());
    let began = std::time::Instant::now();
    let (list, record, counted) = tokio::join!(
        world.admin.get("/orgs/acme/audit"),
        world.owner.get(&one),
        world.owner.get("/orgs/acme/audit/histogram"),
    );
    for answer in [list, record, counted] {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "unavailable"), "{}", answer.text);
        assert!(answer.headers.contains_key("retry-after"));
    }
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(world.admin.get(EXPORT).await.text.lines().count(), 1);
    drop(all);
    world.admin.get(&one).await.expect(200);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_make_a_browser_export() {
    let world = World::new().await;
    let browser = Client::browser_of(&world.gateway.url, crate::support::world::ADMIN).await;
    let path = format!("/api/v1{EXPORT}");
    for site in ["cross-site", "same-site"] {
        let headers = [("sec-fetch-site", site), ("sec-fetch-mode", "navigate")];
        let answer = browser.send(Method::GET, &path, None, &headers).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "cross_site_request"), "{}", answer.text);
    }
    assert_eq!(recorded(&world).await, 0);
    for site in ["same-origin", "none"] {
        let answer = browser.send(Method::GET, &path, None, &[("sec-fetch-site", site)]).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    }
    assert_eq!(world.admin.get(EXPORT).await.status.as_u16(), 200, "a program sends no such header");
    assert_eq!(recorded(&world).await, 3);
}

#[tokio::test]
async fn head_exports_nothing() {
    let world = World::new().await;
    let head = |client: Client| async move {
        client.send(Method::HEAD, &format!("/api/v1{EXPORT}"), None, &[]).await.status.as_u16()
    };
    assert_eq!(head(world.admin.clone()).await, 405);
    assert_eq!(head(world.anonymous.clone()).await, 401);
    assert_eq!(recorded(&world).await, 0);
}
