//! What a request shows to who decides: who asks, what for, what was like it; and which requests wait
//! for whom.

use chrono::{DateTime, TimeDelta};
use permesso::db::approval::DEFINITION_BYTES;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::{Client, World};

async fn list(client: &Client, query: &str) -> Vec<Value> {
    let list = client.get(&format!("/orgs/acme/approvals?{query}")).await.expect(200);
    list["items"].as_array().expect("items").clone()
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_request_says_who_asks_and_what_for() {
    let world = World::new().await;
    let tool = json!({"connection": "bank", "tool": "balance", "permission": "needs_approval"});
    world.admin.put("/orgs/acme/toolkits/bank/tools/balance", tool).await.expect(200);
    world.agent.call_raw("balance", r#"{"of":"Brightwater\u202e Ltd","limit":4180.00,"deep":{"a":[1]}}"#).await;
    let id = world.held(12).await;
    let items = list(&world.approver, "").await;
    let keys = world.owner.get("/orgs/acme/api-keys").await.expect(200);
    let prefix = keys["items"][0]["prefix"].clone();
    for item in &items {
        assert_eq!((&item["caller_prefix"], &item["owner_email"]), (&prefix, &json!("owner@example.com")), "{item}");
        assert_eq!((&item["decided_by_email"], &item["definition_changed"]), (&Value::Null, &json!(false)));
    }
    assert_eq!(items[0]["summary"], r#"cents 12, to "Ada""#);
    assert_eq!(
        items[0]["hints"],
        json!({"read_only": null, "destructive": null, "idempotent": null, "open_world": null})
    );
    assert_eq!(items[1]["summary"], r#"of "Brightwater\u202e Ltd", limit 4180.00, deep {1 member}"#);
    assert_eq!(items[1]["hints"]["read_only"], true);
    let decided = world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(decided["decided_by_email"], "approver@example.com");
    assert_eq!((&decided["summary"], &decided["caller_prefix"]), (&items[0]["summary"], &prefix));
    let rotated = world
        .owner
        .post(&format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id), json!({"overlap_seconds": 60}))
        .await;
    assert_eq!(list(&world.approver, "").await[0]["caller_prefix"], rotated.json()["prefix"], "the newest");
}

#[tokio::test]
async fn of_large_arguments_a_line_says_only_how_large_they_are() {
    let world = World::new().await;
    let large = json!({"to": "x".repeat(20_000), "cents": 1});
    let id = Client::approval_of(&world.agent.call("pay", large).await);
    assert_eq!(list(&world.approver, "").await[0]["summary"], "arguments of 21 kB");
    let whole = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert!(whole["arguments_json"].as_str().is_some_and(|json| json.len() > 20_000), "the request itself has all");
}

#[tokio::test]
async fn a_changed_definition_is_shown_as_such() {
    let world = World::new().await;
    world.upstream.offer(
        r#"[{"name":"balance","description":"New.","inputSchema":{"type":"object"},"annotations":{"destructiveHint":true}}]"#,
    );
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    Client::approval_of(&world.agent.call("balance", json!({})).await);
    let items = list(&world.approver, "").await;
    assert_eq!((&items[0]["definition_changed"], &items[0]["summary"]), (&json!(true), &json!("no arguments")));
    assert_eq!((&items[0]["hints"]["destructive"], &items[0]["hints"]["read_only"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn the_line_outlives_the_bytes_as_far_as_the_audit_does() {
    let world = World::new().await;
    let held = world.agent.call("pay", json!({"to": "Ada", "password": "hush"})).await;
    let id = Client::approval_of(&held);
    let shown = || async { list(&world.approver, "").await[0]["summary"].clone() };
    assert_eq!(shown().await, r#"password "hush", to "Ada""#);
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let mut conn = world.sql().await;
    conn.execute("DELETE FROM approval_bodies").await.expect("erased");
    assert_eq!(shown().await, r#"password "[redacted]", to "Ada""#);
    world.held(3).await;
    let second =
        world.approver.get(&format!("/orgs/acme/approvals/{}", ids(&list(&world.approver, "").await)[0])).await;
    let last = second.expect(200)["last_approved"].clone();
    assert_eq!(last["id"], id);
    let arguments: Value = serde_json::from_str(last["arguments_json"].as_str().unwrap_or("")).expect("JSON");
    assert_eq!(arguments, json!({"to": "Ada", "password": "[redacted]"}));
    conn.execute("DELETE FROM approval_bodies; DELETE FROM audit_outcomes; DELETE FROM audit_intents")
        .await
        .expect("gone");
    assert_eq!(shown().await, Value::Null);
}

#[tokio::test]
async fn a_request_is_shown_with_what_was_like_it() {
    let world = World::new().await;
    let mut earlier = Vec::new();
    for cents in 1..=7 {
        earlier.push(world.held(cents).await);
    }
    world.approver.decide(&earlier[1], "approve", "ok").await.expect(200);
    world.approver.decide(&earlier[0], "approve", "ok").await.expect(200);
    world.approver.decide(&earlier[2], "reject", "no").await.expect(200);
    world.agent.call("pay", json!({"to": "Ada", "cents": 1})).await;
    let seen = |id: String| {
        let approver = world.approver.clone();
        async move { approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200) }
    };
    let last = seen(earlier[6].clone()).await;
    assert_eq!(ids(last["similar"].as_array().expect("similar")), [5, 4, 3, 2, 1].map(|n| earlier[n].clone()));
    assert_eq!(last["similar"][0]["summary"], r#"cents 6, to "Ada""#);
    assert_eq!(last["last_approved"]["id"], earlier[0].as_str(), "approved last, not asked last");
    assert_eq!(last["last_approved"]["arguments_json"], r#"{"cents":1,"to":"Ada"}"#);
    assert_eq!(last["same_call_ran_at"], Value::Null, "another amount");

    // The same call by another key: another request, and the first one ran within the hour.
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    let second = Client::new(&world.gateway.url, key["key"].as_str());
    let again = Client::approval_of(&second.call("pay", json!({"to": "Ada", "cents": 1})).await);
    let shown = seen(again.clone()).await;
    let ran = seen(earlier[0].clone()).await;
    let executed = ran["history"].as_array().and_then(|all| all.iter().find(|line| line["to"] == "executed").cloned());
    let (ran_at, told_at) = (executed.expect("it ran")["at"].clone(), shown["same_call_ran_at"].clone());
    let moment = |at: &Value| at.as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok()).expect("a moment");
    // The line of history is written a moment later.
    let apart = (moment(&told_at) - moment(&ran_at)).abs();
    assert!(apart < TimeDelta::seconds(30), "{told_at} is not {ran_at}");
    assert_eq!((&shown["last_approved"], &shown["similar"]), (&Value::Null, &json!([])), "another caller");
    world
        .sql()
        .await
        .execute("UPDATE approvals SET finished_at = finished_at - interval '61 minutes' WHERE state = 'executed'")
        .await
        .expect("aged");
    assert_eq!(seen(again).await["same_call_ran_at"], Value::Null, "too long ago");
}

#[tokio::test]
async fn a_request_that_was_decided_is_compared_with_what_was_approved_before_that() {
    let world = World::new().await;
    let mut all = Vec::new();
    for cents in 1..=6 {
        all.push(world.held(cents).await);
    }
    let last = async |n: usize| {
        let seen = world.approver.get(&format!("/orgs/acme/approvals/{}", all[n])).await.expect(200);
        all.iter().position(|id| seen["last_approved"]["id"] == id.as_str())
    };
    // Asked for in one order, decided in another.
    for (n, verb) in [(2, "approve"), (0, "approve"), (3, "reject"), (1, "approve")] {
        world.approver.decide(&all[n], verb, "so").await.expect(200);
    }
    assert_eq!(last(2).await, None, "nothing was approved before");
    assert_eq!(last(0).await, Some(2), "approved before, though asked for later");
    assert_eq!(last(3).await, Some(0), "a rejection likewise");
    assert_eq!(last(1).await, Some(0));
    let beside = async |n: usize| {
        let seen = world.approver.get(&format!("/orgs/acme/approvals/{}", all[n])).await.expect(200);
        ids(seen["similar"].as_array().expect("similar"))
    };
    assert_eq!(beside(1).await, [all[0].clone()], "beside a decided one stands what was asked for before it");
    assert_eq!(beside(4).await, [5, 3, 2, 1, 0].map(|n| all[n].clone()), "beside one that waits also what came since");
    assert_eq!(last(4).await, Some(1), "what waits is compared with what was approved until now");

    // Nobody decided in time: somebody still may, for a week.
    let expired = |days: i32| {
        format!(
            "UPDATE approvals SET state = 'expired', expires_at = now() - interval '{days} days',
                 finished_at = now() - interval '{days} days' WHERE id = '{}'",
            all[4]
        )
    };
    world.sql().await.execute(sqlx::AssertSqlSafe(expired(1))).await.expect("it has expired");
    assert_eq!(last(4).await, Some(1));
    world.sql().await.execute(sqlx::AssertSqlSafe(expired(8))).await.expect("it has expired long since");
    assert_eq!(last(4).await, None, "what was approved after its end says nothing of it");

    // Of two that were decided at the same moment one is before the other.
    world
        .sql()
        .await
        .execute("UPDATE approvals SET decided_at = now() WHERE state = 'executed' OR state = 'approved'")
        .await
        .expect("at once");
    assert_eq!((last(0).await, last(1).await, last(2).await), (None, Some(0), Some(1)));
}

#[tokio::test]
async fn states_are_listed_as_a_set_deadlines_counted() {
    let world = World::new().await;
    let (first, second, third) = (world.held(1).await, world.held(2).await, world.held(3).await);
    world.approver.decide(&first, "approve", "ok").await.expect(200);
    world.approver.decide(&second, "reject", "no").await.expect(200);
    assert_eq!(ids(&list(&world.approver, "status=pending,approved").await), [third.clone(), first.clone()]);
    assert_eq!(ids(&list(&world.approver, "status=rejected").await), [second.as_str()]);
    world.sql().await.execute("UPDATE approvals SET expires_at = now(), execute_by = now()").await.expect("late");
    assert_eq!(ids(&list(&world.approver, "status=pending,approved").await), Vec::<String>::new());
    let expired = list(&world.approver, "status=expired").await;
    assert_eq!(ids(&expired), [third, first]);
    assert!(expired.iter().all(|item| item["status"] == "expired"));
    for wrong in ["status=pending,nonsense", "status=", "mine=yes"] {
        assert_eq!(world.approver.get(&format!("/orgs/acme/approvals?{wrong}")).await.status.as_u16(), 422, "{wrong}");
    }
}

#[tokio::test]
async fn mine_is_what_waits_for_a_decision_that_i_may_make() {
    let world = World::new().await;
    let (first, second) = (world.held(1).await, world.held(2).await);
    let both = [second.clone(), first.clone()];
    assert_eq!(ids(&list(&world.approver, "mine=true").await), both);
    assert_eq!(ids(&list(&world.owner, "mine=true").await), Vec::<String>::new(), "the key is theirs");
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "eye", "role": "auditor"})).await.expect(201);
    let auditor = Client::new(&world.gateway.url, key["key"].as_str());
    assert_eq!(ids(&list(&auditor, "mine=true").await), Vec::<String>::new(), "a key never decides");
    assert_eq!(list(&auditor, "mine=false").await.len(), 2);

    let page = world.approver.get("/orgs/acme/approvals?mine=true&limit=1").await.expect(200);
    assert_eq!(ids(page["items"].as_array().expect("items")), [second.as_str()]);
    let next = page["next_cursor"].as_str().expect("there is more");
    assert_eq!(ids(&list(&world.approver, &format!("mine=true&cursor={next}")).await), [first.as_str()]);
    assert_eq!(ids(&list(&world.approver, "mine=true&status=approved").await), Vec::<String>::new());

    world.admin.patch("/orgs/acme", json!({"approval_policy": {"allow_self_approval": true}})).await.expect(200);
    assert_eq!(ids(&list(&world.owner, "mine=true").await), both, "the policy lets them");
    let only_admins = json!({"connection": "bank", "tool": "pay", "permission": "needs_approval",
        "approval_policy": {"approver_roles": ["admin"], "allow_self_approval": false}});
    world.admin.put("/orgs/acme/toolkits/bank/tools/pay", only_admins).await.expect(200);
    assert_eq!(ids(&list(&world.approver, "mine=true").await), Vec::<String>::new(), "not for this tool");
    assert_eq!(ids(&list(&world.owner, "mine=true").await), Vec::<String>::new(), "nor their own");
    assert_eq!(ids(&list(&world.admin, "mine=true").await), both);
    for id in &both {
        let seen = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
        assert_eq!(seen["may_decide"], true, "the list agrees with the request");
    }
    world.sql().await.execute("UPDATE approvals SET expires_at = now()").await.expect("late");
    assert_eq!(ids(&list(&world.approver, "mine=true").await), Vec::<String>::new(), "too late");
}

#[tokio::test]
async fn a_list_of_enormous_definitions_reads_few_of_them_and_says_what_it_knows() {
    let world = World::new().await;
    let id = world.held(1).await;
    // Each has another definition, and none of them is one that a tool has now.
    let copy = r#"INSERT INTO approvals (id, org_id, caller_kind, caller_id, caller_org_id, role_id, owner_id, toolkit_tool_id,
            connection_id, connection_version, arguments_sha256, definition_sha256, caller_name, toolkit, tool, definition,
            rule, arguments_size, state, expires_at, called, arguments_check)
        SELECT gen_random_uuid(), org_id, caller_kind, caller_id, caller_org_id, role_id, owner_id, toolkit_tool_id,
            connection_id, connection_version, sha256(n::text::bytea), sha256(n::text::bytea), caller_name, toolkit, tool,
            '{"name":"pay","description":"' || repeat('x', 250000) || '","inputSchema":{},"annotations":{"destructiveHint":true}}',
            rule, arguments_size, state, expires_at, called, arguments_check
        FROM approvals, generate_series(1, 60) AS n"#;
    let mut conn = world.sql().await;
    conn.execute(copy).await.expect("copies");
    let destructive = async || {
        let items = list(&world.approver, "limit=200").await;
        assert_eq!(items.len(), 61);
        items.iter().filter(|item| item["hints"]["destructive"] == true).count()
    };
    let room = usize::try_from(DEFINITION_BYTES).expect("a size") / 250_000;
    let known = destructive().await;
    assert!((room - 1..=room).contains(&known), "{known}");
    assert!(destructive().await > known, "a later list reads others");
    let whole = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(whole["definition"]["name"], "pay", "the request itself has all");
}
