//! Nothing unrecorded, nothing secret recorded, nothing of others seen.

use std::time::Duration;

use serde_json::json;
use sqlx::{Executor, Row};
use tokio::time::timeout;

use crate::support::{Behaviour, Client, World, client::text};

#[tokio::test]
async fn both_sides_of_a_held_and_an_executed_call_are_on_record() {
    let world = World::new().await;
    let id = world.held(1250).await;
    world.approver.decide(&id, "approve", "looks right").await.expect(200);
    world.agent.call("pay", json!({"to": "Ada", "cents": 1250})).await;
    let list = world.admin.get(&format!("/orgs/acme/audit?approval={id}")).await.expect(200);
    let items = list["items"].as_array().expect("items").clone();
    let seen: Vec<_> =
        items.iter().map(|r| (r["action"].as_str().unwrap_or(""), r["status"].as_str().unwrap_or(""))).collect();
    assert_eq!(seen, [("tools/call", "ok"), ("approve_approval", "ok"), ("tools/call", "held")]);
    for (record, answer) in [(&items[0], "done"), (&items[2], "NOT EXECUTED")] {
        let record =
            world.admin.get(&format!("/orgs/acme/audit/{}", record["id"].as_str().unwrap_or(""))).await.expect(200);
        assert!(record["request"].as_str().is_some_and(|text| text.contains("1250")), "{record}");
        assert!(record["response"].as_str().is_some_and(|text| text.contains(answer)), "{record}");
        assert_eq!(
            (&record["toolkit"], &record["tool"], &record["actor_name"]),
            (&json!("bank"), &json!("pay"), &json!("robot"))
        );
        assert!(record["duration_us"].as_i64().is_some_and(|us| us > 0));
        assert!(record["request_id"].is_string() && record["rule"].is_string(), "{record}");
    }
}

#[tokio::test]
async fn every_request_is_recorded_lists_by_digest() {
    let world = World::new().await;
    for method in ["initialize", "ping", "tools/list", "nonsense"] {
        world.agent.rpc("acme/bank", method, json!({"protocolVersion": "2025-11-25", "capabilities": {}})).await;
    }
    world.agent.mcp_raw("acme/bank", "not json").await;
    let list = world.admin.get("/orgs/acme/audit?toolkit=bank").await.expect(200);
    let seen: Vec<_> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .rev()
        .map(|r| (r["action"].as_str().unwrap_or("").to_owned(), r["status"].as_str().unwrap_or("").to_owned()))
        .collect();
    let expected =
        [("initialize", "ok"), ("ping", "ok"), ("tools/list", "ok"), ("nonsense", "refused"), ("invalid", "refused")];
    assert_eq!(seen, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let listed = list["items"][2]["id"].as_str().unwrap_or("").to_owned();
    let record = world.admin.get(&format!("/orgs/acme/audit/{listed}")).await.expect(200);
    assert!(
        record["response"].as_str().is_some_and(|text| text.contains("sha256") && !text.contains("Pays.")),
        "{record}"
    );
}

#[tokio::test]
async fn secrets_are_taken_out_before_they_are_written() {
    let world = World::new().await;
    world.upstream.behave(Behaviour::Result(r#"{"content":[],"apiKey":"response-secret","n":1.0e2}"#.into()));
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnop";
    world
        .agent
        .call("balance", json!({"password": "request-secret", "note": format!("use {jwt} please"), "keep": "this"}))
        .await;
    world.admin.post("/orgs/acme/connections", json!({"slug": "extra", "kind": "streamable_http", "config": {"url": "http://127.0.0.1:9/", "headers": {"authorization": "Bearer header-secret"}}})).await.expect(201);
    let mut conn = world.sql().await;
    let rows = conn.fetch_all("SELECT coalesce(request, '') || coalesce(response, '') AS text FROM audit_intents i LEFT JOIN audit_outcomes o ON o.intent_id = i.id").await.expect("rows");
    let all = rows.iter().map(|row| row.get::<String, _>("text")).collect::<Vec<_>>().join("\n");
    for secret in ["request-secret", "response-secret", "header-secret", jwt, "correct horse", "owner horse"] {
        assert!(!all.contains(secret), "{secret} is on record");
    }
    assert!(all.contains("this") && all.contains("1.0e2"), "the rest is as it was");
}

#[tokio::test]
async fn a_text_that_is_made_to_cost_much_is_soon_on_record_in_both_directions() {
    let world = World::new().await;
    // Each is a key of ours, in what may become a token until the text ends.
    let costly = "eyJmmcp_AAAAAAAAAAAAAAAA-".repeat((1 << 20) / 25);
    world.upstream.behave(Behaviour::Result(json!({"content": [{"type": "text", "text": costly}]}).to_string()));
    let called = world.agent.call("balance", json!({"note": costly}));
    let result = timeout(Duration::from_secs(20), called).await.expect("it takes no minutes");
    assert_eq!(text(&result), costly, "what is on record is not what is answered");
    let list = world.admin.get("/orgs/acme/audit?tool=balance").await.expect(200);
    let path = format!("/orgs/acme/audit/{}", list["items"][0]["id"].as_str().unwrap_or_default());
    let record = world.admin.get(&path).await.expect(200);
    for side in ["request", "response"] {
        let body = record[side].as_str().expect("a body");
        assert!(body.contains("eyJ[redacted]-eyJ[redacted]-") && !body.contains("mmcp_A"), "{body:.100}");
    }
}

#[tokio::test]
async fn bodies_need_their_own_right_and_other_orgs_see_nothing() {
    let world = World::new().await;
    world.agent.call("balance", json!({"needle": "haystack"})).await;
    let list = world.approver.get("/orgs/acme/audit?tool=balance").await.expect(200);
    let id = list["items"][0]["id"].as_str().unwrap_or("").to_owned();
    let record = world.approver.get(&format!("/orgs/acme/audit/{id}")).await.expect(200);
    assert!(record["request"].is_null() && record["response"].is_null(), "{record}");
    assert_eq!(
        world.approver.get("/orgs/acme/audit?q=haystack").await.expect(200)["items"],
        json!([]),
        "nor by searching"
    );
    assert_eq!(
        world.admin.get("/orgs/acme/audit?q=haystack").await.expect(200)["items"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(world.other_org.get(&format!("/orgs/other/audit/{id}")).await.status.as_u16(), 404);
}

#[tokio::test]
async fn the_application_can_neither_change_nor_remove_a_record() {
    let world = World::new().await;
    world.agent.call("balance", json!({})).await;
    let mut conn = world.sql().await;
    conn.execute("SET ROLE permesso_app").await.expect("a role");
    for sql in [
        "UPDATE audit_intents SET tool = 'x'",
        "DELETE FROM audit_outcomes",
        "TRUNCATE audit_intents",
        "DELETE FROM approval_events",
    ] {
        let refused = conn.execute(sql).await.expect_err(sql);
        assert!(refused.to_string().contains("permission denied"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn row_level_security_shows_a_forgetful_query_nothing() {
    let world = World::new().await;
    world.held(1).await;
    let mut conn = world.sql().await;
    conn.execute("SET ROLE permesso_app").await.expect("a role");
    let tables = [
        "orgs",
        "users",
        "roles",
        "members",
        "api_keys",
        "api_key_secrets",
        "connections",
        "tools",
        "toolkits",
        "toolkit_tools",
        "approvals",
        "approval_bodies",
        "approval_events",
        "audit_intents",
        "audit_outcomes",
    ];
    for table in tables {
        let count = |sql: String| sqlx::AssertSqlSafe(sql);
        let all: i64 =
            sqlx::query_scalar(count(format!("SELECT count(*) FROM {table}"))).fetch_one(&mut conn).await.expect(table);
        assert_eq!(all, 0, "{table} without a scope");
    }
    conn.execute("SELECT set_config('app.org_id', (SELECT set_config('app.scope', 'sign_in', false)), false)")
        .await
        .ok();
    // As another org: nothing of acme.
    conn.execute("RESET ROLE").await.expect("the owner");
    let other: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM orgs WHERE slug = 'other'").fetch_one(&mut conn).await.expect("other");
    conn.execute("SET ROLE permesso_app; SELECT set_config('app.scope', '', false)").await.expect("a role");
    conn.execute(sqlx::AssertSqlSafe(format!("SELECT set_config('app.org_id', '{other}', false)")))
        .await
        .expect("a scope");
    for table in ["approvals", "approval_bodies", "approval_events", "toolkits", "tools", "connections"] {
        let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut conn)
            .await
            .expect(table);
        assert_eq!(seen, 0, "{table} of another org");
    }
    let insert = format!(
        "INSERT INTO toolkits (id, org_id, slug, name, visibility) SELECT '{other}', id, 'x1', 'x', 'public' FROM (SELECT uuid '00000000-0000-7000-8000-000000000000' AS id) o"
    );
    let refused = conn.execute(sqlx::AssertSqlSafe(insert)).await.expect_err("not its org");
    assert!(refused.to_string().contains("row-level security"), "{refused}");
}

#[tokio::test]
async fn no_named_scope_may_remove_what_it_only_has_to_look_at() {
    let world = World::new().await;
    world.held(1).await;
    let mut conn = world.sql().await;
    conn.execute("SET ROLE permesso_app").await.expect("a role");
    for scope in ["directory", "sign_in", "instance", "claim", "sweep", "audit", "use", "upkeep"] {
        conn.execute(sqlx::AssertSqlSafe(format!("SELECT set_config('app.scope', '{scope}', false)")))
            .await
            .expect("a scope");
        for table in [
            "api_keys",
            "api_key_secrets",
            "members",
            "roles",
            "connections",
            "tools",
            "toolkits",
            "toolkit_tools",
            "approvals",
        ] {
            let deleted = conn.execute(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).await.expect(table);
            assert_eq!(deleted.rows_affected(), 0, "{scope} removes {table}");
        }
    }
}

#[tokio::test]
async fn who_is_turned_away_is_on_record_at_home() {
    let world = World::new().await;
    world.other_agent.mcp_raw("acme/bank", "{}").await;
    let theirs = world.other_org.get("/orgs/other/audit?actor=spy").await.expect(200);
    assert_eq!(
        (&theirs["items"][0]["toolkit"], &theirs["items"][0]["status"]),
        (&json!("acme/bank"), &json!("refused"))
    );
    let ours = world.admin.get("/orgs/acme/audit?actor=spy").await.expect(200);
    assert_eq!(ours["items"], json!([]), "not where it knocked");
}

#[tokio::test]
async fn a_record_that_the_database_refuses_does_not_fail_its_neighbours() {
    let world = World::new().await;
    // A month that has no partition is caught by the default one; a status that is no status is not.
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let agent: Client = world.agent.clone();
            tokio::spawn(async move { agent.call("balance", json!({})).await })
        })
        .collect();
    for call in calls {
        assert!(call.await.expect("it answers")["isError"].is_null());
    }
    let result = world.agent.call("balance\u{0}", json!({})).await;
    assert!(result.is_null(), "an unknown tool, whose name Postgres could not keep as it is");
    let list = world.admin.get("/orgs/acme/audit?status=refused").await.expect(200);
    assert_eq!(list["items"][0]["tool"], "balance\u{fffd}");
}
