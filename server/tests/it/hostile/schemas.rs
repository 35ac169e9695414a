//! What a person is told of arguments that were not checked, or not wholly.

use serde_json::{Value, json};

use crate::support::{Client, World, client::text, eventually};

/// Makes `pay` a tool with this input schema, reviewed.
async fn pay_with(world: &World, schema: &Value) {
    let tools = json!([
        {"name": "balance", "description": "Reads.", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true}},
        {"name": "pay", "inputSchema": schema},
    ]);
    world.upstream.offer(&tools.to_string());
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let seen = tool(world).await;
    let body = json!({"definition_sha256": seen["definition_sha256"]});
    world.admin.post("/orgs/acme/connections/bank/tools/pay/review", body).await.expect(200);
}

async fn tool(world: &World) -> Value {
    let tools = world.admin.get("/orgs/acme/connections/bank/tools").await.expect(200);
    let found = tools["items"].as_array().expect("a list").iter().find(|tool| tool["name"] == "pay");
    found.expect("it is there").clone()
}

/// The tool, once somebody has looked at its schema.
async fn judged(world: &World) -> Value {
    eventually("the schema is looked at", async || !tool(world).await["arguments_check"].is_null()).await;
    tool(world).await
}

#[tokio::test]
async fn arguments_are_checked_wholly_and_a_tool_says_so() {
    let world = World::new().await;
    pay_with(&world, &json!({"type": "object", "properties": {"cents": {"type": "integer"}}})).await;
    let tool = judged(&world).await;
    assert_eq!((&tool["arguments_check"], &tool["check_note"]), (&json!("full"), &Value::Null));
    let id = world.held(100).await;
    let request = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!((&request["arguments_check"], &request["check_note"]), (&json!("full"), &Value::Null));
    let refused = world.agent.call("pay", json!({"cents": "x"})).await;
    assert!(text(&refused).contains("`/cents`"), "{refused}");
}

#[tokio::test]
async fn a_person_is_told_what_of_a_schema_could_not_be_used() {
    let world = World::new().await;
    pay_with(&world, &json!({"type": "object", "properties": {"to": {"pattern": "(?=A)", "type": "string"}}})).await;
    let tool = judged(&world).await;
    assert_eq!(tool["arguments_check"], "partial");
    assert!(tool["check_note"].as_str().expect("a note").contains("(?=A)"), "{tool}");
    let id = Client::approval_of(&world.agent.call("pay", json!({"to": "Bob"})).await);
    let request = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(request["arguments_check"], "partial");
    assert!(request["check_note"].as_str().expect("a note").contains("(?=A)"), "{request}");
    assert!(text(&world.agent.call("pay", json!({"to": 1})).await).contains("`/to`"), "the rest is checked");
}

#[tokio::test]
async fn a_call_whose_arguments_take_too_long_to_check_asks_a_person_with_these_words() {
    let world = World::new().await;
    // A pattern of many states, which a long text may all be in at once.
    let schema = json!({"type": "object", "properties": {"to": {"pattern": "^(a|b)*a(a|b){900}x$"}}});
    pay_with(&world, &schema).await;
    let id = Client::approval_of(&world.agent.call("pay", json!({"to": "ab".repeat(60_000)})).await);
    let request = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(request["arguments_check"], "none", "{request}");
    assert!(request["check_note"].as_str().expect("a note").contains("takes too long"), "{request}");
}

#[tokio::test]
async fn what_needs_no_approval_is_forwarded_unchecked_for_the_upstream_is_its_judge() {
    let world = World::new().await;
    world.upstream.offer(
        r#"[{"name":"balance","description":"Reads.","inputSchema":{"type":"object","required":["account"]},"annotations":{"readOnlyHint":true}}]"#,
    );
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let tools = world.admin.get("/orgs/acme/connections/bank/tools").await.expect(200);
    let seen = &tools["items"][0]["definition_sha256"];
    let body = json!({"definition_sha256": seen});
    world.admin.post("/orgs/acme/connections/bank/tools/balance/review", body).await.expect(200);
    assert_eq!(text(&world.agent.call("balance", json!({})).await), "done");
    assert_eq!(world.upstream.calls(), 1);
}
