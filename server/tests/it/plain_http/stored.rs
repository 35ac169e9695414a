//! What is kept for an `idempotency_key`: the answer as it was, sealed; of a large one, how the call stands.

use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{EXACT, fields, is, keyed, problem, text};
use crate::support::{Behaviour, Gateway, World};

#[tokio::test]
async fn every_kind_of_answer_is_given_again_as_it_was() {
    let world = World::new().await;
    let fails = r#"{"content":[{"type":"text","text":"no funds"}],"isError":true,"x":1.50}"#;
    let error = r#"{"code":-32000,"message":"no such account","data":{"x":1.50}}"#;
    for (n, (behaviour, status, part)) in [
        (Behaviour::Result(EXACT.to_owned()), "executed", format!(r#""result":{EXACT}"#)),
        (Behaviour::Result(fails.to_owned()), "executed", format!(r#""result":{fails}"#)),
        (Behaviour::Error(error.to_owned()), "executed", format!(r#""error":{error}"#)),
        (Behaviour::Garbage, "outcome_unknown", String::new()),
        (Behaviour::Status(502), "outcome_unknown", String::new()),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("k{n}");
        let before = world.upstream.calls();
        world.upstream.behave(behaviour);
        let first = keyed(&world.agent, "balance", json!({}), &key).await;
        world.upstream.behave(Behaviour::Result(r#"{"content":[]}"#.to_owned()));
        let again = keyed(&world.agent, "balance", json!({}), &key).await;
        for answer in [&first, &again] {
            is(&answer.clone().expect(200), status, status == "executed");
            assert!(answer.text.contains(&part), "{}", answer.text);
        }
        assert!(first.json()["replayed"].is_null(), "{}", first.text);
        assert!(status == "outcome_unknown" || again.json()["replayed"] == true, "{}", again.text);
        assert_eq!(world.upstream.calls(), before + 1, "it was sent once");
    }
}

#[tokio::test]
async fn of_an_answer_over_a_mebibyte_it_is_kept_that_it_ran() {
    let world = World::new().await;
    for (key, bytes, is_kept) in [("small", 1_000_000, true), ("large", (1 << 20) + 1, false)] {
        let before = world.upstream.calls();
        let result = json!({"content": [{"type": "text", "text": "x".repeat(bytes)}]}).to_string();
        world.upstream.behave(Behaviour::Result(result));
        let first = keyed(&world.agent, "balance", json!({}), key).await.expect(200);
        assert_eq!(text(&first).len(), bytes, "the first one has all of it");
        let again = keyed(&world.agent, "balance", json!({}), key).await.expect(200);
        is(&again, "executed", true);
        assert_eq!(again["replayed"], true);
        assert_eq!(text(&again).len(), if is_kept { bytes } else { 0 });
        assert_eq!(again["result"].is_null(), !is_kept);
        assert_eq!(world.upstream.calls(), before + 1, "it did not run again");
    }
}

/// The tables, apart from the record, in which this text stands as it is.
async fn tables_with(sql: &mut PgConnection, text: &str) -> Vec<String> {
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE 'audit%'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *sql).await.expect("tables");
    let mut found = Vec::new();
    let hex = hex::encode(text);
    for table in tables {
        let fits = format!("strpos(t::text, '{text}') + strpos(t::text, '{hex}') > 0");
        let count = format!("SELECT count(*) FROM {table} t WHERE {fits}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut *sql).await.expect("a count");
        if count > 0 {
            found.push(table);
        }
    }
    found
}

#[tokio::test]
async fn what_is_kept_is_sealed_and_outlives_a_restart() {
    let world = World::new().await;
    let result = json!({"content": [{"type": "text", "text": "needle in the answer"}]}).to_string();
    world.upstream.behave(Behaviour::Result(result));
    let arguments = json!({"note": "needle in the question"});
    keyed(&world.agent, "balance", arguments.clone(), "needle-of-a-key").await.expect(200);
    let mut sql = world.sql().await;
    assert_eq!(tables_with(&mut sql, "needle in the answer").await, Vec::<String>::new());
    assert_eq!(tables_with(&mut sql, "needle in the question").await, Vec::<String>::new());
    let known = tables_with(&mut sql, "robot").await;
    assert!(known.iter().any(|table| table == "api_keys"), "the test sees nothing: {known:?}");

    let World { gateway, agent, database, upstream, .. } = world;
    gateway.stop().await;
    let gateway = Gateway::start(&database).await;
    let again = keyed(&agent.at(&gateway.url), "balance", arguments, "needle-of-a-key").await.expect(200);
    assert_eq!((text(&again).as_str(), &again["replayed"]), ("needle in the answer", &json!(true)), "{again}");
    assert_eq!(upstream.calls(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_key_is_visible_ascii_of_a_bounded_length() {
    let world = World::new().await;
    let long = "k".repeat(255);
    is(&keyed(&world.agent, "balance", json!({}), &long).await.expect(200), "executed", true);
    is(&keyed(&world.agent, "balance", json!({}), "!~\"\\'%_").await.expect(200), "executed", true);
    let longer = "k".repeat(256);
    for wrong in ["", &longer, "a b", "a\n", "a\u{0}", "é", "a\u{7f}"] {
        let problem = problem(&keyed(&world.agent, "balance", json!({}), wrong).await, 422, "invalid");
        assert_eq!(fields(&problem), ["idempotency_key"], "{problem}");
    }
    assert_eq!(world.upstream.calls(), 2);
    // Nor is one key found by the pattern of another.
    for other in ["!~\"\\'%x", "!~\"\\'%%"] {
        assert!(keyed(&world.agent, "balance", json!({}), other).await.expect(200)["replayed"].is_null());
    }
    assert_eq!(world.upstream.calls(), 4);
}
