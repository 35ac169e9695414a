//! MCP 2026-07-28 beside the revisions before it on one endpoint: what a request says of itself, the headers
//! that must say the same, and what its answers carry.

use serde_json::{Value, json};

use crate::support::{Client, World, client::text, modern::Modern};

fn error(answer: &crate::support::client::Answer) -> (u16, i64) {
    (answer.status.as_u16(), answer.json()["error"]["code"].as_i64().unwrap_or_default())
}

#[tokio::test]
async fn a_client_discovers_lists_and_calls_without_a_handshake() {
    let world = World::new().await;
    let found = Modern::new("server/discover", json!({})).send(&world.agent).await.expect(200)["result"].clone();
    assert_eq!(found["resultType"], "complete");
    assert_eq!(found["supportedVersions"][0], "2026-07-28");
    assert_eq!(found["capabilities"]["extensions"], json!({"io.modelcontextprotocol/tasks": {}}));
    assert_eq!(found["capabilities"]["tools"]["listChanged"], true);
    assert_eq!(found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "permesso");

    let list = Modern::new("tools/list", json!({})).send(&world.agent).await;
    assert!(list.headers.get("mcp-session-id").is_none());
    let list = list.expect(200)["result"].clone();
    assert_eq!((&list["resultType"], &list["cacheScope"]), (&json!("complete"), &json!("private")));
    assert!(list["ttlMs"].as_u64().is_some_and(|ttl| ttl <= 60_000), "{list}");
    let names: Vec<&str> = list["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(names, ["approval_status", "run_approved", "balance", "pay"]);
    assert!(list["tools"][3].get("outputSchema").is_none(), "a tool that may be held");
    assert_eq!(list["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "permesso");

    let result = Modern::call("balance", json!({})).send(&world.agent).await.expect(200)["result"].clone();
    assert_eq!((text(&result).as_str(), &result["resultType"]), ("done", &json!("complete")));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "permesso");
    let held = Modern::call("pay", json!({"cents": 1})).send(&world.agent).await.expect(200)["result"].clone();
    assert!(text(&held).starts_with("NOT EXECUTED"), "{held}");
    assert_eq!(held["resultType"], "complete");
}

#[tokio::test]
async fn results_of_upstreams_keep_every_byte_that_is_not_ours() {
    let world = World::new().await;
    let odd = r#"{ "content" : [ {"type":"future/kind","x":1.0e2,"y":9007199254740993} ] ,"_meta":{ "a.b/c":1.50},"u":{"b":1,"a":2}}"#;
    world.upstream.behave(crate::support::Behaviour::Result(odd.to_owned()));
    let answer = Modern::call("balance", json!({})).send(&world.agent).await;
    for kept in [r#"{"type":"future/kind","x":1.0e2,"y":9007199254740993}"#, r#""a.b/c":1.50"#, r#""u":{"b":1,"a":2}"#]
    {
        assert!(answer.text.contains(kept), "{kept}: {}", answer.text);
    }
    let result = answer.expect(200)["result"].clone();
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "permesso");
}

#[tokio::test]
async fn headers_that_do_not_say_what_the_body_says_are_refused_before_the_gate() {
    let world = World::new().await;
    let call = || Modern::call("balance", json!({}));
    let mut both = call();
    both.headers.push(("mcp-name".to_owned(), "balance".to_owned()));
    for (what, request) in [
        ("no version", call().without("mcp-protocol-version")),
        ("another version", call().header("mcp-protocol-version", "2025-11-25")),
        ("no method", call().without("mcp-method")),
        ("another method", call().header("mcp-method", "tools/list")),
        ("another case", call().header("mcp-method", "Tools/Call")),
        ("no name", call().without("mcp-name")),
        ("another name", call().header("mcp-name", "pay")),
        ("a broken sentinel", call().header("mcp-name", "=?base64?!?=")),
        ("another name in a sentinel", call().header("mcp-name", "=?base64?cGF5?=")),
        ("the name twice", both),
    ] {
        let answer = request.send(&world.agent).await;
        assert_eq!(error(&answer), (400, -32020), "{what}: {}", answer.text);
        assert_eq!(answer.json()["id"], "m-1", "{what}");
    }
    assert_eq!(world.upstream.calls(), 0);
    let encoded = call().header("mcp-name", "=?base64?YmFsYW5jZQ==?=").send(&world.agent).await;
    assert_eq!(text(&encoded.expect(200)["result"]), "done");
}

#[tokio::test]
async fn what_a_request_must_say_of_itself_is_asked_for() {
    let world = World::new().await;
    let mut without = Modern::call("balance", json!({}));
    without.meta("io.modelcontextprotocol/clientCapabilities", Value::Null);
    assert_eq!(error(&without.send(&world.agent).await), (400, -32602));
    let mut claimless = Modern::call("balance", json!({}));
    claimless.meta("io.modelcontextprotocol/protocolVersion", Value::Null);
    assert_eq!(error(&claimless.send(&world.agent).await), (400, -32602), "the header alone says nothing");

    let mut unknown = Modern::call("balance", json!({})).header("mcp-protocol-version", "2099-01-01");
    unknown.meta("io.modelcontextprotocol/protocolVersion", json!("2099-01-01"));
    let answer = unknown.send(&world.agent).await;
    assert_eq!(error(&answer), (400, -32022));
    assert_eq!(answer.json()["error"]["data"]["requested"], "2099-01-01");
    assert_eq!(answer.json()["error"]["data"]["supported"][0], "2026-07-28");

    for method in ["initialize", "ping", "logging/setLevel", "nonsense"] {
        let answer = Modern::new(method, json!({})).send(&world.agent).await;
        assert_eq!(error(&answer), (404, -32601), "{method}: {}", answer.text);
    }
    for method in ["tasks/get", "tasks/cancel"] {
        let answer = Modern::new(method, json!({"taskId": "x"})).send(&world.agent).await;
        assert_eq!(error(&answer), (400, -32021), "{method}: {}", answer.text);
    }
    assert_eq!(world.upstream.calls(), 0);
}

#[tokio::test]
async fn arguments_that_are_headers_too_must_be_the_same() {
    let world = World::new().await;
    world.upstream.offer(
        r#"[{"name":"balance","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]"#,
    );
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let seen = world.admin.get("/orgs/acme/connections/bank/tools").await.expect(200);
    let tool = seen["items"].as_array().unwrap().iter().find(|tool| tool["name"] == "balance").unwrap().clone();
    let accept = json!({"definition_sha256": tool["definition_sha256"]});
    let reviewed = world.admin.post("/orgs/acme/connections/bank/tools/balance/review", accept).await;
    assert!(reviewed.status.is_success(), "{}", reviewed.text);

    let call = || Modern::call("balance", json!({"region": "eu"}));
    for request in [call(), call().header("mcp-param-region", "us")] {
        assert_eq!(error(&request.send(&world.agent).await), (400, -32020));
    }
    assert_eq!(world.upstream.calls(), 0);
    let answer = call().header("mcp-param-region", "eu").send(&world.agent).await;
    assert_eq!(text(&answer.expect(200)["result"]), "done");
    let older = world.agent.call("balance", json!({"region": "eu"})).await;
    assert_eq!(text(&older), "done", "revisions before know no such header");
}

#[tokio::test]
async fn a_request_of_2026_07_28_is_not_part_of_a_batch_and_has_no_session() {
    let world = World::new().await;
    let request = Modern::call("balance", json!({}));
    let batch = json!([request.body]).to_string();
    let old = [("mcp-protocol-version", "2025-03-26")];
    let answer = world.agent.send(reqwest::Method::POST, "/acme/bank/mcp", Some(batch.clone()), &old).await;
    assert_eq!(answer.expect(200)[0]["error"]["code"], -32600);
    let new = [("mcp-protocol-version", "2026-07-28")];
    let answer = world.agent.send(reqwest::Method::POST, "/acme/bank/mcp", Some(batch), &new).await;
    assert_eq!(answer.status.as_u16(), 400, "{}", answer.text);
    assert_eq!(world.upstream.calls(), 0);
    let answer = request.header("mcp-session-id", "of-another-time").send(&world.agent).await;
    assert_eq!(text(&answer.expect(200)["result"]), "done", "an id that means nothing is ignored");
}

#[tokio::test]
async fn trace_context_goes_upstream_with_what_runs_at_once_and_with_what_was_approved() {
    let world = World::new().await;
    let traced = |tool: &str, arguments: Value| {
        let mut request = Modern::call(tool, arguments);
        request.meta("traceparent", json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        request.meta("baggage", json!("k=v"));
        request.meta("com.example/private", json!("stays here"));
        request
    };
    traced("balance", json!({})).send(&world.agent).await.expect(200);
    let pay = traced("pay", json!({"cents": 5}));
    let id = Client::approval_of(&pay.send(&world.agent).await.expect(200)["result"]);
    world.approver.decide(&id, "approve", "").await.expect(200);
    pay.send(&world.agent).await.expect(200);
    let bodies = world.upstream.bodies();
    assert_eq!(bodies.len(), 2);
    for body in bodies {
        assert!(body.contains("b7ad6b7169203331") && body.contains("k=v"), "{body}");
        assert!(!body.contains("stays here") && !body.contains("clientCapabilities"), "{body}");
    }
}
