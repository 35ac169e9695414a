//! Who was removed from an org hears no more of what its private toolkits answered.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, World, client::text, modern::Modern, stream::Stream};

const MARY: (&str, &str) = ("mary@example.com", "mary horse battery");

async fn call(client: &Client, toolkit: &str, tool: &str, arguments: Value) -> Value {
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    client.mcp_raw(toolkit, &body.to_string()).await.json()["result"].clone()
}

/// A world with a member who is not there by an API key, and a public toolkit beside the private one.
async fn with_member() -> (World, Client, String) {
    let world = World::new().await;
    let body = json!({"email": MARY.0, "password": MARY.1, "role": "member"});
    let member = world.admin.post("/orgs/acme/members", body).await.expect(201);
    let open = json!({"slug": "open", "name": "Open", "visibility": "public"});
    world.owner.post("/orgs/acme/toolkits", open).await.expect(201);
    world
        .owner
        .post("/orgs/acme/toolkits/open/tools", json!({"connection": "bank", "tools": ["pay"]}))
        .await
        .expect(201);
    let mary = Client::sign_in(&world.gateway.url, MARY.0, MARY.1).await;
    (world, mary, member["id"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn who_was_removed_gets_no_stored_result_of_a_private_toolkit_at_a_public_one() {
    let (world, mary, member) = with_member().await;
    let arguments = json!({"to": "Ada", "cents": 1});
    let id = Client::approval_of(&call(&mary, "acme/bank", "pay", arguments.clone()).await);
    let open = Client::approval_of(&call(&mary, "acme/open", "pay", arguments.clone()).await);
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    let ran = call(&mary, "acme/bank", "pay", arguments).await;
    assert!(!ran.is_null() && world.upstream.calls() == 1, "{ran}");
    let asked = async |tool: &str, id: &str| text(&call(&mary, "acme/open", tool, json!({"approval_id": id})).await);
    assert!(asked("approval_status", &id).await.contains("executed"), "a member asks anywhere in the org");

    world.admin.delete(&format!("/orgs/acme/members/{member}")).await.expect(204);
    for tool in ["run_approved", "approval_status"] {
        assert_eq!(asked(tool, &id).await, format!("you have no approval {id}"), "{tool}");
    }
    // What was asked where everybody may ask is still there.
    assert!(asked("approval_status", &open).await.contains(&open));
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn who_was_removed_gets_no_task_of_a_private_toolkit_at_a_public_one() {
    let (world, mary, member) = with_member().await;
    let created = Modern::call("pay", json!({"to": "Ada", "cents": 2})).tasks().send(&mary).await.json();
    let task = created["result"]["taskId"].as_str().expect("a task").to_owned();
    world.admin.delete(&format!("/orgs/acme/members/{member}")).await.expect(204);
    let get = Modern::new("tasks/get", json!({"taskId": task})).tasks();
    let told = get.send_to(&mary, "acme/open").await.json();
    assert!(told["result"].is_null() && told["error"]["code"] == -32602, "{told}");
    assert_eq!(get.send(&mary).await.status.as_u16(), 404);
}

#[tokio::test]
async fn who_is_removed_while_waiting_hears_nothing_more() {
    let (world, mary, member) = with_member().await;
    let id = Client::approval_of(&call(&mary, "acme/bank", "pay", json!({"to": "Ada", "cents": 3})).await);
    let arguments = json!({"approval_id": id, "wait_seconds": 50});
    let params = json!({"name": "approval_status", "arguments": arguments});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let accept = [("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2025-11-25")];
    // The stream begins when the call begins to wait.
    let mut waiting = Stream::open(&mary, Method::POST, "/acme/open/mcp", Some(body), &accept).await;
    world.admin.delete(&format!("/orgs/acme/members/{member}")).await.expect(204);
    world.approver.decide(&id, "reject", "SECRET reason").await;
    let answer = waiting.answer().await;
    assert_eq!(text(&answer["result"]), format!("you have no approval {id}"), "{answer}");
}
