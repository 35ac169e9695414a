//! Events of approvals carry the row that the list has, so that a list which was read once is kept current by them:
//! whatever changes a row is told, or says in the row when it will.

use serde_json::{Value, json};
use sqlx::Executor;

use crate::{
    events::Stream,
    support::{Client, World, eventually, proxy::Proxy},
};

const APPROVALS: [&str; 3] = ["approval.opened", "approval.changed", "resync"];

/// The row of the list with this id.
async fn listed(client: &Client, id: &str) -> Value {
    let list = client.get("/orgs/acme/approvals?limit=200").await.expect(200);
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().find(|item| item["id"] == id).expect("it is listed")
}

/// A key of this role in acme, and a client with it.
async fn key(world: &World, role: &str) -> Client {
    let key = json!({"name": format!("eye {role}"), "role": role});
    let key = world.owner.post("/orgs/acme/api-keys", key).await.expect(201);
    Client::new(&world.gateway.url, key["key"].as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_the_row_of_the_list_as_the_one_who_watches_sees_it() {
    let world = World::new().await;
    let auditor = key(&world, "auditor").await;
    let watchers = [(&world.approver, true), (&world.owner, false), (&auditor, false)];
    let mut streams = Vec::new();
    for (client, may) in watchers {
        streams.push((Stream::open(client, "acme", None).await, client, may));
    }
    let id = world.held(7).await;
    for (stream, client, may) in &mut streams {
        let (name, data, _) = stream.find(&APPROVALS).await;
        assert_eq!((name.as_str(), &data["may_decide"]), ("approval.opened", &json!(*may)));
        let mut row = listed(client, &id).await;
        row["approval_id"] = json!(id);
        assert_eq!(data, row);
        assert_eq!((&data["summary"], data["arguments_json"].is_null()), (&json!(r#"cents 7, to "Ada""#), true));
        let row: api_types::Approval = serde_json::from_value(data).expect("what the console reads it as");
        assert_eq!(row.id.to_string(), id);
    }
    world.approver.decide(&id, "reject", "not now").await.expect(200);
    for (stream, client, _) in &mut streams {
        let (name, data, _) = stream.find(&APPROVALS).await;
        assert_eq!((name.as_str(), &data["status"]), ("approval.changed", &json!("rejected")));
        assert_eq!(data["decision_reason"], "not now");
        assert_eq!(data["decided_by_email"], listed(client, &id).await["decided_by_email"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_watches_nothing_is_read_and_who_returns_is_told_the_newest_state_of_each_once() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.approver, "acme", None).await;
    world.held(1).await;
    let (_, _, last) = stream.find(&APPROVALS).await;
    drop(stream);
    eventually("the watcher has gone", || async { !world.gateway.services.views.feed.is_watched() }).await;
    let (second, third) = (world.held(2).await, world.held(3).await);
    world.approver.decide(&second, "reject", "no").await.expect(200);
    let mut stream = Stream::open(&world.approver, "acme", Some(&last)).await;
    let mut told = Vec::new();
    for _ in 0..2 {
        let (name, data, _) = stream.find(&APPROVALS).await;
        told.push((name, data["id"].as_str().unwrap_or_default().to_owned(), data["status"].clone()));
    }
    let opened = |id: String, status: &str| ("approval.opened".to_owned(), id, json!(status));
    assert_eq!(told, [opened(second, "rejected"), opened(third, "pending")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_told_whole_and_in_order_to_all_who_watch() {
    let world = World::new().await;
    let mut streams = Vec::new();
    for client in [&world.approver, &world.admin, &world.owner] {
        streams.push(Stream::open(client, "acme", None).await);
    }
    let mut expected = Vec::new();
    for cents in 0..20 {
        expected.push(world.held(cents).await);
    }
    for stream in &mut streams {
        let mut told = Vec::new();
        while told.len() < expected.len() {
            let (name, data, _) = stream.find(&APPROVALS).await;
            assert_eq!(name, "approval.opened");
            told.push(data["id"].as_str().unwrap_or_default().to_owned());
        }
        assert_eq!(told, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_time_is_over_is_told_and_said_when_it_would_be() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.approver, "acme", None).await;
    let id = world.held(1).await;
    let (_, data, _) = stream.find(&APPROVALS).await;
    assert!(data["expires_at"].is_string());
    world.sql().await.execute("UPDATE approvals SET expires_at = now()").await.expect("late");
    let (name, data, _) = stream.find(&APPROVALS).await;
    assert_eq!((name.as_str(), &data["id"], &data["status"]), ("approval.changed", &json!(id), &json!("expired")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_decide_something_else_by_a_changed_policy_reads_again_and_nobody_else() {
    let world = World::new().await;
    let (mut approver, mut admin) =
        (Stream::open(&world.approver, "acme", None).await, Stream::open(&world.admin, "acme", None).await);
    let only_admins = json!({"connection": "bank", "tool": "pay", "permission": "needs_approval",
        "approval_policy": {"approver_roles": ["admin"]}});
    world.admin.put("/orgs/acme/toolkits/bank/tools/pay", only_admins).await.expect(200);
    approver.find(&["resync"]).await;
    world.held(1).await;
    let (name, data, _) = admin.find(&APPROVALS).await;
    assert_eq!((name.as_str(), &data["may_decide"]), ("approval.opened", &json!(true)), "nothing before it");
    let (name, data, _) = approver.find(&APPROVALS).await;
    assert_eq!((name.as_str(), &data["may_decide"]), ("approval.opened", &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_more_by_a_changed_role_reads_again() {
    let world = World::new().await;
    let role = json!({"name": "watcher", "rights": ["connections:read"]});
    world.admin.post("/orgs/acme/roles", role).await.expect(201);
    let mut watcher = Stream::open(&key(&world, "watcher").await, "acme", None).await;
    let more = json!({"rights": ["connections:read", "approvals:read"]});
    world.admin.patch("/orgs/acme/roles/watcher", more).await.expect(200);
    watcher.find(&["resync"]).await;
    let id = world.held(1).await;
    assert_eq!(watcher.find(&APPROVALS).await.1["id"], json!(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_becomes_one_of_a_keys_own_people_is_told_of_its_requests_again() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.admin, "acme", None).await;
    let id = world.held(1).await;
    let (_, before, _) = stream.find(&APPROVALS).await;
    assert_eq!(before["may_decide"], true);
    let rotate = format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id);
    world.admin.post(&rotate, json!({"overlap_seconds": 60})).await.expect(200);
    let (name, after, _) = stream.find(&APPROVALS).await;
    assert_eq!((name.as_str(), &after["id"], &after["may_decide"]), ("approval.changed", &json!(id), &json!(false)));
    assert_ne!(after["caller_prefix"], before["caller_prefix"]);
    // A change of the configuration that is none of the keys is none of the requests.
    world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    world.held(2).await;
    assert_eq!(stream.find(&APPROVALS).await.0, "approval.opened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_told_as_one_that_may_have_been_missed() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.approver, "acme", None).await;
    let nothing = "SELECT pg_notify('permesso_approval', id || ' 00000000-0000-7000-8000-000000000000 pending')
                   FROM orgs WHERE slug = 'acme'";
    world.sql().await.execute(nothing).await.expect("a notification");
    assert_eq!(stream.find(&APPROVALS).await.0, "resync");
    let id = world.held(1).await;
    let (name, data, _) = stream.find(&APPROVALS).await;
    assert_eq!((name.as_str(), &data["id"]), ("approval.opened", &json!(id)), "it goes on after that");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_postgres_is_away_from_a_replica_is_not_lost() {
    let world = World::new().await;
    let proxy = Proxy::before(&world.database).await;
    let other = crate::support::Gateway::start(&proxy.url).await;
    let mut stream = Stream::open(&world.approver.at(&other.url), "acme", None).await;
    let first = world.held(1).await;
    assert_eq!(stream.find(&APPROVALS).await.1["id"], json!(first));
    proxy.cut().await;
    world.held(2).await;
    proxy.mend();
    assert_eq!(stream.find(&APPROVALS).await.0, "resync");
}
