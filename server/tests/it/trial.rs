//! Connections that are tried before they are made: what is found, who may, and that nothing of it stays.

use serde_json::{Value, json};

use crate::support::{World, eventually};

const TESTS: &str = "/orgs/acme/connection-tests";

fn http(url: &str) -> Value {
    json!({"kind": "streamable_http", "config": {"url": url, "headers": {"Authorization": "Bearer SECRET-1"}}})
}

async fn count(world: &World, sql: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(&mut world.sql().await).await.expect("a number")
}

#[tokio::test]
async fn a_server_is_tried_and_nothing_is_kept_but_the_record() {
    let world = World::new().await;
    let tools = count(&world, "SELECT count(*) FROM tools").await;
    world.upstream.offer(
        r#"[{"name":"wipe","description":"Wipes.","inputSchema":{"type":"object"},"annotations":{"destructiveHint":true}},
            {"name":"look","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}},
            {"name":"odd","inputSchema":7}]"#,
    );
    let found = world.owner.post(TESTS, http(&world.upstream.url)).await.expect(200);
    assert_eq!(
        (&found["ok"], &found["detail"], &found["more_tools"]),
        (&json!(true), &json!("it answered with 2 tools"), &json!(0))
    );
    assert_eq!(
        found["tools"],
        json!([
            {"name": "look", "description": null, "read_only": true, "destructive": false},
            {"name": "wipe", "description": "Wipes.", "read_only": false, "destructive": true},
        ])
    );
    assert_eq!(found["unusable"][0]["index"], 2);
    assert_eq!(count(&world, "SELECT count(*) FROM connections").await, 1);
    assert_eq!(count(&world, "SELECT count(*) FROM tools").await, tools);
    let records = world.admin.get("/orgs/acme/audit?action=test_connection").await.expect(200);
    let id = records["items"][0]["id"].as_str().expect("a record");
    let record = world.admin.get(&format!("/orgs/acme/audit/{id}")).await.expect(200).to_string();
    assert!(record.contains("streamable_http") && !record.contains("SECRET-1"), "{record}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_says_why_and_is_no_error() {
    let world = World::new().await;
    let mut gone = http("http://127.0.0.1:9/mcp");
    gone["connect_timeout_ms"] = json!(1_000);
    let answer = world.owner.post(TESTS, gone).await.expect(200);
    assert_eq!((&answer["ok"], &answer["tools"]), (&json!(false), &json!([])));
    assert!(
        !answer["detail"].as_str().expect("words").is_empty() && !answer.to_string().contains("SECRET-1"),
        "{answer}"
    );

    world.upstream.be_silent(true);
    let lists = world.upstream.lists();
    let silent = async {
        let mut silent = http(&world.upstream.url);
        silent["connect_timeout_ms"] = json!(1_000);
        world.owner.post(TESTS, silent).await
    };
    // One at a time of each person; another one has a turn of their own.
    let second = async {
        eventually("the first one is under way", async || world.upstream.lists() > lists).await;
        (world.owner.post(TESTS, http(&world.upstream.url)).await, world.upstream.be_silent(false))
    };
    tokio::select! {
        answer = silent => panic!("a server that says nothing answered: {}", answer.text),
        (second, ()) = second => assert_eq!((second.status.as_u16(), second.code().as_str()), (429, "too_many_tests")),
    }
    // The first one's client has gone, and with it its session.
    eventually("there is room again", async || world.owner.post(TESTS, http(&world.upstream.url)).await.status == 200)
        .await;
}

#[tokio::test]
async fn only_who_may_make_a_connection_tries_one() {
    let world = World::new().await;
    for other in [&world.approver, &world.agent] {
        assert_eq!(other.post(TESTS, http(&world.upstream.url)).await.status, 403);
    }
    let program = json!({"kind": "stdio", "config": {"command": "sh", "args": ["-c", "echo SECRET-2 >&2; exit 3"]}});
    let refused = world.owner.post(TESTS, program.clone()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (403, "forbidden"),
        "no administrator of the instance"
    );
    let answer = world.admin.post(TESTS, program).await.expect(200);
    assert_eq!(answer["ok"], false);
    for (wrong, field) in [
        (json!({"kind": "streamable_http", "config": {}}), "config"),
        (json!({"kind": "streamable_http", "config": {"url": "ftp://a.example"}}), "config.url"),
        (
            json!({"kind": "streamable_http", "config": {"url": "https://a.example"}, "connect_timeout_ms": 1}),
            "connect_timeout_ms",
        ),
        (json!({"kind": "streamable_http", "config": {"url": "https://a.example"}, "slug": "x"}), "slug"),
    ] {
        let answer = world.owner.post(TESTS, wrong).await.expect(422);
        assert!(answer["errors"][0]["field"].as_str().is_some_and(|named| named.starts_with(field)), "{answer}");
    }
    // Private addresses are refused as they are for a connection.
    let inside = world.owner.post(TESTS, http("http://169.254.169.254/latest")).await.expect(200);
    assert_eq!(inside["ok"], false, "{inside}");
}

#[tokio::test]
async fn a_connection_is_tried_as_it_is_and_goes_on_as_it_was() {
    let world = World::new().await;
    let sessions = world.upstream.sessions();
    let found = world.owner.post("/orgs/acme/connections/bank/test", json!({})).await.expect(200);
    assert_eq!((&found["ok"], found["tools"].as_array().map(Vec::len)), (&json!(true), Some(3)));
    assert!(world.upstream.sessions() > sessions, "in a session of its own");
    let connection = world.owner.get("/orgs/acme/connections/bank").await.expect(200);
    assert_eq!((&connection["version"], &connection["last_error"]), (&json!(1), &Value::Null));
    assert_eq!(world.owner.post("/orgs/acme/connections/none/test", json!({})).await.status, 404);
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    assert_eq!(world.owner.post("/orgs/acme/connections/bank/test", json!({})).await.code(), "connection_disabled");
}
