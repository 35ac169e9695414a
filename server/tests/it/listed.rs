//! What of an upstream's definitions is listed to agents, so that every SDK can read all of it.

use serde_json::{Value, json};

use crate::support::{Client, World, client::text, modern::Modern};

const BAD: [(&str, &str); 7] = [
    (r#"{"name":"untyped","inputSchema":{"properties":{"a":{}}}}"#, "`untyped`: tool.inputSchema.type is missing"),
    (r#"{"name":"any_of","inputSchema":{"anyOf":[{"type":"object"}]}}"#, "`any_of`: tool.inputSchema.type is missing"),
    (r#"{"name":"boolean","inputSchema":true}"#, "`boolean`: tool.inputSchema must be an object"),
    (
        r#"{"name":"hint","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":"yes"}}"#,
        "`hint`: tool.annotations.readOnlyHint must be true or false",
    ),
    (
        r#"{"name":"icon","inputSchema":{"type":"object"},"icons":[{"src":"data:,","sizes":"any"}]}"#,
        "`icon`: an entry of tool.icons.sizes must be an array of strings",
    ),
    (r#"{"name":"meta","inputSchema":{"type":"object"},"_meta":[]}"#, "`meta`: tool._meta must be an object"),
    (
        r#"{"name":"output","inputSchema":{"type":"object"},"outputSchema":{"anyOf":[{"type":"object"}]}}"#,
        "`output`: tool.outputSchema is not listed to clients of revisions before 2026-07-28: tool.outputSchema.type is missing",
    ),
];

/// Makes a toolkit of all tools of the bank; what the answer says.
async fn toolkit(world: &World, slug: &str, permission: &str) -> Value {
    let new = json!({"slug": slug, "name": slug, "visibility": "private"});
    world.admin.post("/orgs/acme/toolkits", new).await.expect(201);
    let all = json!({"connection": "bank", "tools": "all", "permission": permission});
    world.admin.post(&format!("/orgs/acme/toolkits/{slug}/tools"), all).await.expect(201)
}

async fn list(world: &World, toolkit: &str) -> Vec<Value> {
    let list = world.agent.rpc(&format!("acme/{toolkit}"), "tools/list", json!({})).await;
    list["result"]["tools"].as_array().expect("tools").clone()
}

async fn call(world: &World, toolkit: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    world.agent.rpc(&format!("acme/{toolkit}"), "tools/call", params).await["result"].clone()
}

fn named<'a>(tools: &'a [Value], name: &str) -> Option<&'a Value> {
    tools.iter().find(|tool| tool["name"] == name)
}

#[tokio::test]
async fn what_mcp_forbids_is_said_and_left_out_and_the_rest_is_listed_without_nulls() {
    let world = World::new().await;
    let nulls = r#"{"name":"nulls","title":null,"annotations":{"title":null},"icons":null,"outputSchema":null,
        "inputSchema":{"type":"object","description":null,"properties":{"a":{"title":null,"default":null}},"required":null}}"#;
    let bad = BAD.map(|(tool, _)| tool).join(",");
    let odd = r#"{"name":"create invoice","inputSchema":{"type":"object"}}"#;
    world.upstream.offer(&format!("[{bad},{nulls},{odd}]"));
    let news = world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let problems = BAD.iter().enumerate().map(|(index, (_, problem))| json!({"index": index, "problem": problem}));
    assert_eq!(news["unusable"], json!(problems.collect::<Vec<_>>()));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);

    let seen = world.admin.get("/orgs/acme/connections/bank").await.expect(200);
    assert_eq!(seen["unusable"], news["unusable"]);
    let warning = seen["warning"].as_str().expect("a warning");
    assert!(warning.contains("`untyped`: tool.inputSchema.type is missing") && warning.contains("6 more"), "{warning}");
    let logs = world.admin.get("/orgs/acme/connections/bank/logs").await.expect(200).to_string();
    assert_eq!(logs.matches("`boolean`: tool.inputSchema must be an object").count(), 1, "said once: {logs}");

    let added = toolkit(&world, "open", "always_allow").await;
    assert_eq!(added["left_out"][0]["tool"], "create invoice");
    assert_eq!(added["left_out"].as_array().map(Vec::len), Some(1), "{added}");
    let tools = list(&world, "open").await;
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["nulls", "output"]);
    let schema = json!({"type": "object", "properties": {"a": {"default": null}}});
    assert_eq!(tools[0], json!({"name": "nulls", "annotations": {}, "inputSchema": schema}));
    assert!(tools[1].get("outputSchema").is_none());
    let modern = Modern::new("tools/list", json!({})).send_to(&world.agent, "acme/open").await.expect(200);
    assert!(modern["result"]["tools"][1]["outputSchema"].is_object(), "2026-07-28 allows it: {modern}");

    world.upstream.offer(crate::support::upstream::TOOLS);
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let seen = world.admin.get("/orgs/acme/connections/bank").await.expect(200);
    assert_eq!((&seen["unusable"], &seen["warning"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn no_answer_of_the_gateway_meets_an_output_schema_that_a_client_was_listed() {
    let world = World::new().await;
    let path = "/orgs/acme/toolkits/open/tools/pay";
    let pay = json!({"connection": "bank", "tool": "pay", "permission": "always_allow"});
    toolkit(&world, "open", "always_allow").await;
    assert!(named(&list(&world, "open").await, "pay").expect("it is listed")["outputSchema"].is_object());
    assert!(!list(&world, "bank").await.iter().any(|tool| tool.get("outputSchema").is_some()));

    let is_error = |result: &Value| {
        assert!(text(result).starts_with("NOT EXECUTED: waiting"), "{result}");
        assert_eq!((&result["isError"], result.get("structuredContent")), (&json!(true), None), "{result}");
        assert_eq!(result["_meta"]["dev.permesso/approval"]["status"], "pending");
        assert_eq!(result["_meta"]["dev.permesso/approval"]["next_action"], "call_approval_status");
    };
    // A changed definition, where no permission holds anything.
    world.upstream.offer(&crate::support::upstream::TOOLS.replace("Pays.", "Pays everything."));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    is_error(&call(&world, "open", "pay", json!({"cents": 1})).await);
    let without = crate::support::upstream::TOOLS.replace(r#","outputSchema":{"type":"object"}"#, "");
    world.upstream.offer(&without);
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    is_error(&call(&world, "open", "pay", json!({"cents": 5})).await);
    assert!(named(&list(&world, "open").await, "pay").expect("it is listed").get("outputSchema").is_none());
    world.upstream.offer(crate::support::upstream::TOOLS);
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);

    // Another permission, of another tool too, for a day.
    world
        .admin
        .patch("/orgs/acme/toolkits/open/tools/close", json!({"permission": "needs_approval"}))
        .await
        .expect(200);
    assert!(named(&list(&world, "open").await, "pay").expect("it is listed").get("outputSchema").is_none());
    world.admin.patch(path, json!({"permission": "needs_approval"})).await.expect(200);
    let held = call(&world, "open", "pay", json!({"cents": 2})).await;
    is_error(&held);
    let id = &held["_meta"]["dev.permesso/approval"]["approval_id"];
    let status = call(&world, "open", "approval_status", json!({"approval_id": id, "wait_seconds": 0})).await;
    assert_eq!(status["structuredContent"]["status"], "pending", "its own tools have no schema of others: {status}");
    // One without an output schema, and one that was never listed there.
    let plain = call(&world, "open", "close", json!({})).await;
    assert_eq!(plain["structuredContent"]["status"], "pending", "{plain}");
    let body = json!({"connection": "bank", "tool": "pay", "permission": "needs_approval"});
    world.admin.put("/orgs/acme/toolkits/open/tools/pay_later", body).await.expect(201);
    let later = call(&world, "open", "pay_later", json!({"cents": 3})).await;
    assert_eq!(later["structuredContent"]["status"], "pending", "{later}");

    sqlx::query("UPDATE toolkit_tools SET schema_listed_until = schema_listed_until - interval '25 hours'")
        .execute(&mut world.sql().await)
        .await
        .expect("an owner may");
    // Any change brings it to the gateway.
    world.admin.put("/orgs/acme/toolkits/open/tools/pay_again", pay).await.expect(201);
    let after = call(&world, "open", "pay", json!({"cents": 4})).await;
    assert_eq!(after["structuredContent"]["status"], "pending", "{after}");
    assert!(Client::approval_of(&after).len() > 30);
}

#[tokio::test]
async fn a_role_that_needs_approval_ends_the_listing_of_output_schemas_for_everybody() {
    let world = World::new().await;
    toolkit(&world, "open", "always_allow").await;
    world
        .admin
        .put("/orgs/acme/toolkits/open/tools/close/policies/member", json!({"permission": "needs_approval"}))
        .await
        .expect(200);
    assert!(named(&list(&world, "open").await, "pay").expect("it is listed").get("outputSchema").is_none());
    world
        .admin
        .put("/orgs/acme/toolkits/open/tools/pay/policies/agent", json!({"permission": "needs_approval"}))
        .await
        .expect(200);
    let held = call(&world, "open", "pay", json!({"cents": 1})).await;
    assert_eq!((&held["isError"], held.get("structuredContent")), (&json!(true), None), "{held}");
}

#[tokio::test]
async fn what_needs_no_approval_reaches_its_upstream_as_it_came() {
    let world = World::new().await;
    // Not all of its schema can be checked.
    let odd =
        r#"{"name":"odd","inputSchema":{"type":"object","properties":{"a":{"pattern":"^(?!x)","required":true}}}}"#;
    let look = r#"{"name":"look","description":"Reads.","inputSchema":{"type":"object","properties":{"n":{"type":"integer","maximum":3},"s":{"enum":["a"]}},"required":["n"],"additionalProperties":false},"annotations":{"readOnlyHint":true}}"#;
    world.upstream.offer(&format!("[{look},{odd}]"));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    toolkit(&world, "open", "always_allow").await;
    for arguments in [r#"{"n":"5"}"#, r#"{ "n" : 9.0, "more":[1, 2] }"#, "{}", r#"{"n":null,"s":"b"}"#] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"look","arguments":{arguments}}}}}"#
        );
        let answer = world.agent.mcp_raw("acme/open", &body).await.expect(200);
        assert_eq!(text(&answer["result"]), "done", "{arguments}");
        assert!(world.upstream.bodies().last().is_some_and(|sent| sent.contains(arguments)), "{arguments}");
    }
    assert_eq!(text(&call(&world, "open", "odd", json!({"a": "x"})).await), "done", "it is never silently held");
}

#[tokio::test]
async fn what_a_version_before_kept_is_not_listed_until_the_next_list() {
    let world = World::new().await;
    assert!(named(&list(&world, "bank").await, "balance").is_some());
    let kept = "UPDATE tools SET seen_definition = $1, seen_text_sha256 = sha256(convert_to($1, 'UTF8')) WHERE name = 'balance'";
    sqlx::query(kept)
        .bind(r#"{"name":"balance","inputSchema":{"properties":{}}}"#)
        .execute(&mut world.sql().await)
        .await
        .expect("an owner may");
    // Any change brings it to the gateway.
    world.admin.patch("/orgs/acme/toolkits/bank", json!({"name": "The bank"})).await.expect(200);
    let tools = list(&world, "bank").await;
    assert!(named(&tools, "pay").is_some() && named(&tools, "balance").is_none(), "{tools:?}");
}
