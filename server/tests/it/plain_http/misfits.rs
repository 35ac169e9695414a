//! What does not fit is refused with the place that is wrong, and nothing runs and nobody is asked.

use permesso::clock::Clock;
use reqwest::Method;
use serde_json::json;

use super::{
    CALL, approvals, call, call_raw, call_with, fields, held, id_of, is, payment, place, problem, refused, slow,
};
use crate::support::{Gateway, World};

/// Fails the test if something ran or somebody was asked.
async fn is_quiet(world: &World) {
    assert_eq!(world.upstream.calls(), 0);
    assert!(approvals(world, "").await.is_empty());
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_named_by_their_pointer() {
    let world = World::new().await;
    for (arguments, named) in [
        (r#"{"cents":"much"}"#, vec!["/arguments/cents"]),
        (r#"{"to":5}"#, vec!["/arguments/to"]),
        (r#"{"to":null,"cents":[]}"#, vec!["/arguments/cents", "/arguments/to"]),
        (r#"{"cents":1,"cents":2}"#, vec!["/arguments/cents"]),
        (r#"{"cents":1,"c\u0065nts":2}"#, vec!["/arguments/cents"]),
        (r#"{"to":{"a/b":1,"a/b":1}}"#, vec!["/arguments/to/a~1b"]),
    ] {
        let answer = call_raw(&world.agent, &format!(r#"{{"tool":"pay","arguments":{arguments}}}"#)).await;
        let problem = refused(&answer, 422, "invalid");
        let mut found = fields(&problem);
        found.sort_unstable();
        assert_eq!(found, named, "{arguments}: {problem}");
        assert_eq!(problem["next_action"], "revise_and_resubmit", "{problem}");
    }
    // What a reader of JSON would make something else of; it may be found sooner.
    for arguments in [r#"{"cents":1e400}"#, r#"{"to":"\ud800"}"#] {
        let answer = call_raw(&world.agent, &format!(r#"{{"tool":"pay","arguments":{arguments}}}"#)).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{}", answer.text);
    }
    is_quiet(&world).await;
}

#[tokio::test]
async fn what_is_wrong_deep_inside_is_named_as_deep() {
    let world = World::new().await;
    let line = json!({"type": "object", "required": ["cents"],
        "properties": {"cents": {"type": "integer", "minimum": 1}, "a/b": {"type": "string"}}});
    let schema = json!({"type": "object", "required": ["lines"], "additionalProperties": false,
        "properties": {"lines": {"type": "array", "items": line}}});
    world.upstream.offer(&json!([{"name": "order", "inputSchema": schema}]).to_string());
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let tool = json!({"connection": "bank", "tool": "order", "permission": "needs_approval"});
    world.admin.put("/orgs/acme/toolkits/bank/tools/order", tool).await.expect(201);
    let lines = json!({"lines": [{"cents": 1}, {"cents": 0, "a/b": 5}]});
    let problem = refused(&call(&world.agent, "order", lines).await, 422, "invalid");
    let mut found = fields(&problem);
    found.sort_unstable();
    assert_eq!(found, ["/arguments/lines/1/a~1b", "/arguments/lines/1/cents"], "{problem}");
    for arguments in [json!({}), json!({"lines": [{}]}), json!({"lines": [], "more": 1})] {
        let problem = refused(&call(&world.agent, "order", arguments).await, 422, "invalid");
        assert!(fields(&problem).iter().all(|field| field.starts_with("/arguments")), "{problem}");
        assert!(!fields(&problem).is_empty(), "{problem}");
    }
    is_quiet(&world).await;
    call(&world.agent, "order", json!({"lines": [{"cents": 1}]})).await.expect(202);
}

#[tokio::test]
async fn a_body_is_an_object_with_the_members_that_there_are() {
    let world = World::new().await;
    for body in ["[]", r#"["balance",{}]"#, "\"balance\"", "7", "null", "", "{", r#"{"tool":"balance"} {}"#] {
        let answer = call_raw(&world.agent, body).await;
        assert!(matches!(answer.status.as_u16(), 400 | 422), "{body}: {}", answer.text);
    }
    for (body, field) in [
        (json!({}), "tool"),
        (json!({"arguments": {}}), "tool"),
        (json!({"tool": 7}), "tool"),
        (json!({"tool": "balance", "name": "balance"}), "name"),
        (json!({"tool": "balance", "_meta": {}}), "_meta"),
        (json!({"tool": "balance", "idempotency_key": 7}), "idempotency_key"),
        (json!({"tool": "balance", "idempotency_key": null}), "idempotency_key"),
    ] {
        let problem = problem(&world.agent.post(CALL, body.clone()).await, 422, "invalid");
        assert_eq!(fields(&problem), [field], "{body}: {problem}");
    }
    let twice = r#"{"tool":"balance","tool":"pay"}"#;
    assert_eq!(fields(&problem(&call_raw(&world.agent, twice).await, 422, "invalid")), ["tool"]);
    for arguments in ["[1]", "\"x\"", "7", "true"] {
        for tool in ["balance", "pay"] {
            let body = format!(r#"{{"tool":"{tool}","arguments":{arguments}}}"#);
            let problem = problem(&call_raw(&world.agent, &body).await, 422, "invalid");
            assert!(fields(&problem).iter().any(|field| field.ends_with("arguments")), "{body}: {problem}");
        }
    }
    is_quiet(&world).await;
}

#[tokio::test]
async fn nobody_waits_longer_than_240_seconds() {
    let world = World::new().await;
    for wrong in [json!(241), json!(-1), json!(1.5), json!("5"), json!(null), json!(18_446_744_073_709_551_615_u64)] {
        for tool in ["balance", "pay"] {
            let answer = call_with(&world.agent, tool, json!({}), json!({"wait_seconds": wrong})).await;
            let problem = problem(&answer, 422, "invalid");
            assert_eq!(fields(&problem), ["wait_seconds"], "{wrong}: {problem}");
        }
    }
    is_quiet(&world).await;
    let longest = call_with(&world.agent, "balance", json!({}), json!({"wait_seconds": 240})).await;
    is(&longest.expect(200), "executed", true);
    let id = held(&world, 1).await;
    for wrong in ["241", "-1", "1.5", "x", ""] {
        let path = format!("/api/v1{}?wait_seconds={wrong}", place(&id));
        for (method, body) in [(Method::GET, None), (Method::POST, Some("{}".to_owned()))] {
            let problem = problem(&world.agent.send(method, &path, body, &[]).await, 422, "invalid");
            assert_eq!(fields(&problem), ["wait_seconds"], "{wrong}: {problem}");
        }
    }
    assert_eq!(world.admin.status(&id).await, "pending");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::new().await;
    for tool in ["nope", "Balance", "balance ", "bank__balance", "balance\u{0}", ""] {
        let answer = call(&world.agent, tool, json!({})).await;
        if answer.status == 422 {
            assert_eq!(fields(&problem(&answer, 422, "invalid")), ["tool"], "{tool:?} is no name");
            continue;
        }
        refused(&answer, 404, "unknown_tool");
    }
    for toolkit in ["nope", "BANK", "bank%20"] {
        let path = format!("/orgs/acme/toolkits/{toolkit}/call");
        problem(&world.agent.post(&path, json!({"tool": "balance"})).await, 404, "not_found");
    }
    problem(&world.agent.post("/orgs/nope/toolkits/bank/call", json!({"tool": "balance"})).await, 404, "not_found");
    // A tool that was taken out of its toolkit is unknown there.
    let removed = world.admin.delete("/orgs/acme/toolkits/bank/tools/balance").await;
    assert!(removed.status.is_success(), "{}", removed.text);
    refused(&call(&world.agent, "balance", json!({})).await, 404, "unknown_tool");
    is_quiet(&world).await;
}

#[tokio::test]
async fn a_body_over_four_mebibytes_is_too_large() {
    let world = World::new().await;
    let sized = |tool: &str, bytes: usize| {
        let empty = json!({"tool": tool, "arguments": {"to": ""}}).to_string().len();
        json!({"tool": tool, "arguments": {"to": "x".repeat(bytes - empty)}}).to_string()
    };
    for bytes in [(4 << 20) + 1, 5 << 20] {
        for tool in ["balance", "pay"] {
            problem(&call_raw(&world.agent, &sized(tool, bytes)).await, 413, "too_large");
        }
    }
    // Too large to ask a person about.
    let answer = call_raw(&world.agent, &sized("pay", 300 * 1024)).await;
    assert!(matches!(answer.status.as_u16(), 413 | 422), "{}", answer.text);
    assert_eq!(answer.json()["executed"], false, "{}", answer.text);
    is_quiet(&world).await;
    slow(&world).await;
    is(&call_raw(&world.agent, &sized("balance", 4 << 20)).await.expect(200), "executed", true);
}

#[tokio::test]
async fn a_caller_has_so_many_requests_open() {
    let world = World::new().await;
    let limits = [("PERMESSO_MAX_OPEN_APPROVALS", 2)];
    let strict = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let agent = world.agent.at(&strict.url);
    let first = id_of(&call(&agent, "pay", payment(1)).await.expect(202));
    let over_mcp = agent.call("pay", payment(2)).await;
    assert!(over_mcp["isError"].is_null(), "{over_mcp}");
    let answer = call(&agent, "pay", payment(3)).await;
    let problem = refused(&answer, 429, "too_many_open");
    assert!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
    assert!(problem["rule"].is_string() && problem["next_action"].is_string(), "{problem}");
    assert_eq!(approvals(&world, "").await.len(), 2);
    assert_eq!(id_of(&call(&agent, "pay", payment(1)).await.expect(202)), first, "an identical one joins");
    is(&call(&agent, "balance", json!({})).await.expect(200), "executed", true);
    world.approver.decide(&first, "reject", "no").await.expect(200);
    is(&call(&agent, "pay", payment(3)).await.expect(202), "pending", false);
    strict.stop().await;
}
