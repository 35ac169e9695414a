//! What an approver does with a list of requests: gives one more time, finds one by when, by whom and by what is in it.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{
    Client, World,
    client::{Answer, text},
};

async fn extend(person: &Client, id: &str, seconds: Value) -> Answer {
    person.post(&format!("/orgs/acme/approvals/{id}/extend"), json!({"seconds": seconds})).await
}

async fn alter(world: &World, id: &str, what: &str) {
    world.sql().await.execute(AssertSqlSafe(format!("UPDATE approvals SET {what} WHERE id = '{id}'"))).await.unwrap();
}

#[tokio::test]
async fn a_request_that_waits_is_given_more_time_twice() {
    let world = World::new().await;
    let id = world.held(1).await;
    let when = |request: &Value| {
        request["expires_at"].as_str().and_then(|at| at.parse::<chrono::DateTime<chrono::Utc>>().ok()).unwrap()
    };
    let before = when(&world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200));
    let once = extend(&world.approver, &id, json!(60)).await.expect(200);
    assert_eq!(((when(&once) - before).num_seconds(), &once["extended"]), (60, &json!(1)), "{once}");
    let twice = extend(&world.admin, &id, json!(86_400)).await.expect(200);
    assert_eq!(((when(&twice) - before).num_seconds(), &twice["status"]), (86_460, &json!("pending")));
    let refused = extend(&world.approver, &id, json!(60)).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "extended_twice"), "{}", refused.text);
    let told = world.agent.call("approval_status", json!({"approval_id": id, "wait_seconds": 0})).await;
    assert_eq!(when(&told["structuredContent"]).timestamp(), when(&twice).timestamp());
    let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    let noted =
        shown["history"].as_array().map(|history| history.iter().filter(|line| line["from"] == line["to"]).count());
    assert_eq!(noted, Some(2), "{shown}");
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    assert_eq!(extend(&world.approver, &id, json!(60)).await.code(), "not_open");
}

#[tokio::test]
async fn only_who_may_decide_gives_more_time_and_only_within_bounds() {
    let world = World::new().await;
    let id = world.held(1).await;
    for seconds in [json!(59), json!(86_401), json!(-60), json!("60"), Value::Null] {
        let refused = extend(&world.approver, &id, seconds.clone()).await;
        assert_eq!(refused.status.as_u16(), 422, "{seconds}: {}", refused.text);
    }
    assert_eq!(extend(&world.owner, &id, json!(60)).await.code(), "own_request");
    assert_eq!(extend(&world.agent, &id, json!(60)).await.status.as_u16(), 403);
    assert_eq!(extend(&world.other_org, &id, json!(60)).await.status.as_u16(), 404);
    alter(&world, &id, "expires_at = now() - interval '1 s'").await;
    assert_eq!(extend(&world.approver, &id, json!(60)).await.code(), "not_open");
    let changed = world.held(2).await;
    world.admin.delete("/orgs/acme/toolkits/bank/tools/pay").await.expect(204);
    assert_eq!(extend(&world.approver, &changed, json!(60)).await.code(), "invalidated");
}

async fn listed(world: &World, query: &str) -> Vec<String> {
    let list = world.approver.get(&format!("/orgs/acme/approvals?{query}")).await.expect(200);
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|item| Some(item["id"].as_str()?.to_owned())).collect()
}

#[tokio::test]
async fn requests_are_found_by_time_by_who_decided_and_by_text() {
    let world = World::new().await;
    let old = world.held(4711).await;
    let new = world.held(2).await;
    alter(&world, &old, "created_at = '2026-01-05T10:00:00Z'").await;
    assert_eq!(listed(&world, "from=2026-01-05T10:00:00Z&to=2026-01-05T10:00:01Z").await, std::slice::from_ref(&old));
    assert_eq!(listed(&world, "to=2026-01-05T10:00:00Z").await, [""; 0]);
    assert_eq!(listed(&world, "from=2026-01-06T00:00:00Z").await, std::slice::from_ref(&new));

    world.approver.decide(&old, "reject", "100% w_rong: ask Mara").await.expect(200);
    world.admin.decide(&new, "approve", "fine").await.expect(200);
    let me = |id: &Value| id.as_str().unwrap_or_default().to_owned();
    let approver = me(&world.approver.get("/me").await.expect(200)["id"]);
    let admin = me(&world.admin.get("/me").await.expect(200)["id"]);
    assert_eq!(listed(&world, &format!("decided_by={approver}")).await, std::slice::from_ref(&old));
    assert_eq!(listed(&world, &format!("decided_by={admin}")).await, std::slice::from_ref(&new));
    for (q, found) in [
        ("ask%20mara", vec![&old]),
        ("100%25%20w_", vec![&old]),
        ("100_", vec![]),
        ("4711", vec![&old]),
        ("Ada", vec![&new, &old]),
        ("robot", vec![&new, &old]),
        ("nothing+like+it", vec![]),
    ] {
        let found: Vec<String> = found.into_iter().cloned().collect();
        assert_eq!(listed(&world, &format!("q={q}")).await, found, "{q}");
    }
    for wrong in ["from=yesterday", "decided_by=mara", "count=perhaps"] {
        assert_eq!(world.approver.get(&format!("/orgs/acme/approvals?{wrong}")).await.status.as_u16(), 422, "{wrong}");
    }
}

#[tokio::test]
async fn a_list_counts_what_is_in_all_its_pages() {
    let world = World::new().await;
    for cents in 0..3 {
        world.held(cents).await;
    }
    let counted = async |query: &str| {
        let list = world.approver.get(&format!("/orgs/acme/approvals?{query}")).await.expect(200);
        (list["items"].as_array().map_or(0, Vec::len), list["count"].clone(), list["more"].clone())
    };
    assert_eq!(counted("limit=1").await, (1, Value::Null, Value::Null));
    assert_eq!(counted("limit=1&count=true").await, (1, json!(3), json!(false)));
    let first = world.approver.get("/orgs/acme/approvals?limit=1&count=true").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap_or_default();
    assert_eq!(counted(&format!("limit=1&count=true&cursor={cursor}")).await, (1, json!(3), json!(false)));
    assert_eq!(counted("status=rejected&count=true").await, (0, json!(0), json!(false)));
    let more = "INSERT INTO approvals
                SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), 'state', 'withdrawn',
                        'finished_at', now()))).*
                FROM (SELECT * FROM approvals LIMIT 1) a, generate_series(1, 10000)";
    world.sql().await.execute(more).await.unwrap();
    assert_eq!(counted("limit=1&count=true").await, (1, json!(10_000), json!(true)));
    assert_eq!(counted("limit=1&count=true&status=withdrawn").await, (1, json!(10_000), json!(false)));
}

#[tokio::test]
async fn a_rejection_says_why() {
    let world = World::new().await;
    let id = world.held(1).await;
    for blank in ["", "  \n\t", "\u{200b}\u{2060}\u{3164}"] {
        let refused = world.approver.decide(&id, "reject", blank).await;
        assert_eq!(refused.status.as_u16(), 422, "{blank:?}: {}", refused.text);
        assert_eq!(refused.json()["errors"][0]["field"], "reason", "{}", refused.text);
    }
    assert_eq!(world.admin.status(&id).await, "pending");
    world.approver.decide(&id, "reject", "no").await.expect(200);
}

#[tokio::test]
async fn once_the_exact_arguments_are_erased_those_of_the_record_are_shown() {
    let world = World::new().await;
    let call = world.agent.call("pay", json!({"to": "Ada", "cents": 1, "password": "hunter2hunter2"})).await;
    let id = Client::approval_of(&call);
    let shown = async || world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    let exact = shown().await;
    assert!(exact["arguments_json"].as_str().is_some_and(|json| json.contains("hunter2hunter2")), "{exact}");
    assert_eq!(exact["arguments_redacted"], false);
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    assert_eq!(text(&world.agent.call("run_approved", json!({"approval_id": id})).await), "done");
    world.sql().await.execute("DELETE FROM approval_bodies").await.unwrap();
    let later = shown().await;
    assert_eq!((&later["arguments_redacted"], &later["arguments"]["to"]), (&json!(true), &json!("Ada")), "{later}");
    assert!(!later.to_string().contains("hunter2hunter2"), "{later}");
}
