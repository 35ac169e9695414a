//! What an upstream's lists leave behind: in the database, in every replica's memory and on record.

use std::sync::Arc;

use domain::directory::Tool;
use serde_json::{Value, json};

use crate::support::{World, eventually};

const REFRESH: &str = "/orgs/acme/connections/bank/refresh";

fn tool(name: &str) -> String {
    format!(r#"{{"name":"{name}","description":"{name}","inputSchema":{{"type":"object"}}}}"#)
}

/// Offers `count` tools called after `generation`, and no others; lists them.
async fn list(world: &World, generation: &str, count: usize) -> Value {
    let tools: Vec<_> = (0..count).map(|n| tool(&format!("{generation}_{n}"))).collect();
    world.upstream.offer(&format!("[{}]", tools.join(",")));
    world.admin.post(REFRESH, json!({})).await.expect(200)
}

async fn stored(world: &World) -> Vec<(String, bool)> {
    sqlx::query_as("SELECT name, offered FROM tools ORDER BY name").fetch_all(&mut world.sql().await).await.unwrap()
}

#[tokio::test]
async fn a_tool_that_is_no_longer_offered_is_kept_only_as_long_as_a_toolkit_has_it() {
    let world = World::new().await;
    for generation in ["a", "b", "c"] {
        list(&world, generation, 30).await;
    }
    let stored_now = stored(&world).await;
    assert_eq!(stored_now.len(), 33, "{stored_now:?}");
    let kept: Vec<_> = stored_now.iter().filter(|(_, offered)| !offered).map(|(name, _)| name.as_str()).collect();
    assert_eq!(kept, ["balance", "close", "pay"], "toolkits have them");

    world.admin.delete("/orgs/acme/toolkits/bank/tools/close").await.expect(204);
    list(&world, "c", 30).await;
    assert!(stored(&world).await.iter().all(|(name, _)| name != "close"), "nothing has it any longer");
}

#[tokio::test]
async fn what_one_changes_has_no_replica_read_the_definitions_of_all_tools_again() {
    let world = World::new().await;
    let pay = async || -> Arc<Tool> {
        let org = world.org().await;
        org.toolkits.values().next().unwrap().find_tool("pay").unwrap().tool.clone()
    };
    let before = pay().await;
    world.owner.patch("/orgs/acme", json!({"name": "Acme Inc."})).await.expect(200);
    assert!(Arc::ptr_eq(&before.definition, &pay().await.definition), "the same text, not one like it");

    // Of a member that no review covers only the text tells.
    world.upstream.offer(r#"[{"name":"pay","description":"Pays.","inputSchema":{"type":"object","properties":{"to":{"type":"string"},"cents":{"type":"number"}}},"outputSchema":{"type":"object"},"icons":[]}]"#);
    world.admin.post(REFRESH, json!({})).await.expect(200);
    let after = pay().await;
    assert_eq!(before.seen_sha256, after.seen_sha256);
    assert!(after.definition.contains("icons"), "{}", after.definition);
}

#[tokio::test]
async fn what_a_list_brought_is_told_and_recorded_in_bounded_length_with_its_numbers() {
    let world = World::new().await;
    let long = "x".repeat(400);
    list(&world, &format!("first_{long}"), 300).await;
    let tools: Vec<_> =
        (0..300).map(|n| tool(&format!("second_{long}_{n}"))).chain((0..300).map(|_| "{}".to_owned())).collect();
    world.upstream.offer(&format!("[{}]", tools.join(",")));
    let told = world.admin.post(REFRESH, json!({})).await.expect(200);
    assert!(told.to_string().len() < 100_000, "{} bytes", told.to_string().len());
    for part in ["added", "gone", "unusable"] {
        assert_eq!(told[part].as_array().unwrap().len(), 50, "{part}");
        assert_eq!(told["left_out"][part], 250, "{part}");
    }
    let largest: i32 =
        sqlx::query_scalar("SELECT max(length(request)) FROM audit_intents WHERE action = 'refresh_tools'")
            .fetch_one(&mut world.sql().await)
            .await
            .unwrap();
    assert!(largest < 100_000, "a record of {largest} characters");
}

#[tokio::test]
async fn who_asks_again_and_again_shares_the_lists_that_are_made() {
    let world = World::new().await;
    let before = world.upstream.lists();
    let asks = (0..40).map(|_| async { world.admin.post(REFRESH, json!({})).await.expect(200) });
    futures::future::join_all(asks).await;
    let made = world.upstream.lists() - before;
    assert!((1..10).contains(&made), "{made} lists");
}

#[tokio::test]
async fn many_new_schemas_are_looked_at_without_a_pause_between_a_few() {
    let world = World::new().await;
    list(&world, "many", 150).await;
    eventually("all were looked at", async || {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM tools WHERE offered AND arguments_check IS NULL")
            .fetch_one(&mut world.sql().await)
            .await
            .unwrap();
        left == 0
    })
    .await;
}

#[tokio::test]
async fn a_page_of_long_definitions_ends_before_it_is_too_long_and_the_next_goes_on() {
    let world = World::new().await;
    let long = "x".repeat(200_000);
    let tools: Vec<_> = (0..30)
        .map(|n| format!(r#"{{"name":"t{n:02}","description":"{long}","inputSchema":{{"type":"object"}}}}"#))
        .collect();
    world.upstream.offer(&format!("[{}]", tools.join(",")));
    world.admin.post(REFRESH, json!({})).await.expect(200);
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/orgs/acme/connections/bank/tools?limit=200{cursor}");
        let page = world.admin.get(&path).await.expect(200);
        assert!(page.to_string().len() < 5_000_000, "{} bytes", page.to_string().len());
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names.len(), 33);
    assert!(names.is_sorted(), "{names:?}");
}
