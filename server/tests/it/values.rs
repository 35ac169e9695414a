//! What rows show of a call: its values, and who decided; for whom, and at what cost.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sqlx::Executor;
use tracing::{
    Subscriber,
    span::{Attributes, Id},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::support::{Client, World};

async fn approvals(client: &Client, query: &str) -> Vec<Value> {
    let list = client.get(&format!("/orgs/acme/approvals?{query}")).await.expect(200);
    list["items"].as_array().expect("items").clone()
}

async fn audit(client: &Client, query: &str) -> Vec<Value> {
    let list = client.get(&format!("/orgs/acme/audit?{query}")).await.expect(200);
    list["items"].as_array().expect("items").clone()
}

async fn pay(client: &Client, arguments: &str) -> String {
    Client::approval_of(&client.call_raw("pay", arguments).await)
}

#[tokio::test]
async fn a_row_shows_first_what_differs_from_the_last_approved_call() {
    let world = World::new().await;
    let first = pay(&world.agent, r#"{"to":"Ada","iban":"DE1","amount":10.50,"currency":"EUR"}"#).await;
    let second = pay(&world.agent, r#"{"to":"Ada","iban":"DE2","amount":10.50,"currency":"EUR"}"#).await;
    let values = async || {
        let items = approvals(&world.approver, "").await;
        items.iter().map(|item| (item["id"].clone(), item["values"].clone())).collect::<Vec<_>>()
    };
    let plain = json!(["Ada", "DE1", "10.50 EUR"]);
    assert_eq!(values().await, [(json!(second), json!(["Ada", "DE2", "10.50 EUR"])), (json!(first), plain.clone())]);
    let decided = world.approver.decide(&first, "approve", "ok").await.expect(200);
    assert_eq!(decided["values"], plain, "nothing was approved before it");
    let differs = json!(["DE2", "Ada", "10.50 EUR"]);
    assert_eq!(values().await, [(json!(second), differs.clone()), (json!(first), plain.clone())]);
    let seen = world.approver.get(&format!("/orgs/acme/approvals/{second}")).await.expect(200);
    assert_eq!((&seen["values"], &seen["similar"][0]["values"]), (&differs, &plain));

    // The bytes are erased, the record stays.
    world.sql().await.execute("DELETE FROM approval_bodies").await.expect("erased");
    assert_eq!(values().await, [(json!(second), differs), (json!(first), plain)]);

    // Another caller's calls say nothing of these.
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    let another = Client::new(&world.gateway.url, key["key"].as_str());
    pay(&another, r#"{"to":"Ada","iban":"DE3"}"#).await;
    assert_eq!(values().await[0].1, json!(["Ada", "DE3"]));
}

#[tokio::test]
async fn values_hide_nothing_and_are_short() {
    let world = World::new().await;
    pay(&world.agent, "{\"to\":\"Ada\u{202e}\",\"n\\u200b\":true,\"path\":\"C:\\\\u202e\"}").await;
    assert_eq!(
        approvals(&world.approver, "").await[0]["values"],
        json!([r"Ada\u202e", r#""n\u200b": true"#, r"C:\\u202e"])
    );
    let wide: Vec<String> = (0..300).map(|n| format!(r#""m{n}":"{}""#, "é".repeat(20))).collect();
    pay(&world.agent, &format!("{{{}}}", wide.join(","))).await;
    let values = approvals(&world.approver, "").await[0]["values"].clone();
    let mut expected = vec!["é".repeat(20); 5];
    expected.push("+295 more".to_owned());
    assert_eq!(values, json!(expected));
    pay(&world.agent, &json!({"to": "x".repeat(20_000)}).to_string()).await;
    let large = approvals(&world.approver, "").await[0].clone();
    assert_eq!((&large["values"], &large["summary"]), (&json!([]), &json!("arguments of 21 kB")));
    pay(&world.agent, "{}").await;
    let nothing = approvals(&world.approver, "").await[0].clone();
    assert_eq!((&nothing["values"], &nothing["summary"]), (&json!([]), &json!("no arguments")));
}

#[tokio::test]
async fn a_recorded_call_shows_its_values_only_to_who_may_see_bodies() {
    let world = World::new().await;
    world.agent.call_raw("balance", r#"{"of":"Brightwater\u202e Ltd","password":"hush","limit":4180.00}"#).await;
    world.agent.call("balance", json!({"large": "x".repeat(20_000)})).await;
    world.agent.rpc("acme/bank", "tools/list", json!({})).await;
    let seen = audit(&world.admin, "tool=balance").await;
    assert_eq!(seen[0]["values"], json!([]), "too large for a row");
    assert_eq!(seen[1]["values"], json!([r"Brightwater\u202e Ltd", "[redacted]", "4180.00"]));
    assert_eq!(audit(&world.admin, "action=tools/list").await[0]["values"], json!([]), "no call");
    for record in audit(&world.approver, "").await {
        assert_eq!(record["values"], json!([]), "{record}");
    }
    // A record alone and the export say the same as the list.
    for (client, sees) in [(&world.admin, true), (&world.approver, false)] {
        let id = seen[1]["id"].as_str().unwrap_or_default();
        let expected = if sees { seen[1]["values"].clone() } else { json!([]) };
        assert_eq!(client.get(&format!("/orgs/acme/audit/{id}")).await.expect(200)["values"], expected);
        let file = client.get("/orgs/acme/audit/export?format=jsonl&tool=balance").await;
        let lines: Vec<Value> = file.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((&lines[0]["values"], &lines[1]["values"]), (&json!([]), &expected));
    }
}

#[tokio::test]
async fn a_record_says_who_decided_what_it_belongs_to() {
    let world = World::new().await;
    let (first, second, third) = (world.held(1).await, world.held(2).await, world.held(3).await);
    world.approver.decide(&first, "approve", "ok").await.expect(200);
    // An administrator of the instance is no member.
    world.admin.decide(&second, "reject", "no").await.expect(200);
    world.agent.call("pay", json!({"to": "Ada", "cents": 1})).await;
    world.agent.call("balance", json!({})).await;
    for (id, decider, records) in
        [(&first, json!("approver@example.com"), 3), (&second, json!("admin@example.com"), 2), (&third, Value::Null, 1)]
    {
        for client in [&world.admin, &world.approver] {
            let seen = audit(client, &format!("approval={id}")).await;
            assert_eq!(seen.len(), records, "{seen:?}");
            assert!(seen.iter().all(|record| record["decided_by_email"] == decider), "{seen:?}");
            let one = seen[0]["id"].as_str().unwrap_or_default();
            assert_eq!(client.get(&format!("/orgs/acme/audit/{one}")).await.expect(200)["decided_by_email"], decider);
        }
    }
    assert_eq!(audit(&world.admin, "tool=balance").await[0]["decided_by_email"], Value::Null);
    let file = world.approver.get(&format!("/orgs/acme/audit/export?format=jsonl&approval={first}")).await;
    assert_eq!(file.text.matches(r#""decided_by_email":"approver@example.com""#).count(), 3, "{}", file.text);
}

/// Remembers the queries that approvals and records are read with, and what a row shows of them.
#[derive(Clone, Default)]
struct Queries(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Queries {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let span = attributes.metadata();
        let name = format!("{}::{}", span.target(), span.name());
        let is_read = ["approval::list::", "approval::card::", "approval::run::", "audit::list", "user::emails"];
        if name
            .strip_prefix("permesso_ground::db::")
            .is_some_and(|name| is_read.iter().any(|read| name.starts_with(read)))
        {
            self.0.lock().expect("no panic").push(name);
        }
    }
}

impl Queries {
    /// For the one thread that the test runs on.
    fn seen(&self) -> (tracing::Dispatch, DefaultGuard) {
        // While there is one dispatcher only, a callsite that another thread meets first is switched off for this one.
        let another = tracing::Dispatch::new(tracing_subscriber::registry());
        (another, tracing_subscriber::registry().with(self.clone()).set_default())
    }

    fn of_a_list(&self) -> Vec<String> {
        let mut seen = std::mem::take(&mut *self.0.lock().expect("no panic"));
        seen.sort();
        seen
    }
}

#[tokio::test]
async fn a_list_takes_as_many_queries_for_one_row_as_for_many() {
    let world = World::new().await;
    for cents in 1..=8 {
        let id = world.held(cents).await;
        if cents % 2 == 0 {
            world.approver.decide(&id, "approve", "ok").await.expect(200);
        }
    }
    let queries = Queries::default();
    let _seen = queries.seen();
    for list in ["approvals", "audit"] {
        let mut counts = Vec::new();
        for limit in [1, 8] {
            queries.of_a_list();
            let list = world.admin.get(&format!("/orgs/acme/{list}?limit={limit}")).await.expect(200);
            assert_eq!(list["items"].as_array().map(Vec::len), Some(limit));
            counts.push(queries.of_a_list());
        }
        assert!(counts[0].len() > 1, "{list}: {counts:?}");
        assert_eq!(counts[0], counts[1], "{list}");
    }
}
