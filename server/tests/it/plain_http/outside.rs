//! Callers from outside: a private toolkit does not exist for them, at a public one they are guests.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CALL, call, id_of, is, look, payment, place, problem, refused, run, text, toolkit};
use crate::support::{Client, World, client::Answer};

const OPEN: &str = "/orgs/acme/toolkits/open/call";

/// A problem without what names the request.
fn nameless(answer: &Answer) -> Value {
    let mut problem = problem(answer, 404, "not_found");
    problem["request_id"] = Value::Null;
    problem
}

/// Calls a tool of `acme/open`.
async fn call_open(client: &Client, tool: &str, arguments: Value) -> Answer {
    client.post(OPEN, json!({"tool": tool, "arguments": arguments})).await
}

/// A public toolkit in which balances are read, and payments are held.
async fn open(world: &World) {
    toolkit(world, "open", "public", &["balance"]).await;
    let pay = json!({"connection": "bank", "tool": "pay", "permission": "needs_approval"});
    world.admin.put("/orgs/acme/toolkits/open/tools/pay", pay).await.expect(201);
}

#[tokio::test]
async fn a_private_toolkit_is_to_outsiders_as_one_that_is_not_there() {
    let world = World::new().await;
    let id = super::held(&world, 1).await;
    for outsider in [&world.other_agent, &world.other_org] {
        let nowhere = nameless(&outsider.get("/orgs/nowhere/tools").await);
        assert_eq!(nameless(&outsider.get("/orgs/acme/tools").await), nowhere);
        // Nor does a body that does not fit, or a tool that is blocked, tell them more.
        for body in
            [json!({"tool": "balance"}), json!({"tool": "close"}), json!({"tool": "nope"}), json!({}), json!([])]
        {
            for path in ["/orgs/acme/toolkits/nope/call", "/orgs/nowhere/toolkits/bank/call"] {
                let there = outsider.post(CALL, body.clone()).await;
                assert_eq!(nameless(&there), nameless(&outsider.post(path, body.clone()).await), "{path} {body}");
            }
        }
        let nobodys = place("00000000-0000-7000-8000-000000000000");
        for method in [Method::GET, Method::POST] {
            let ask = async |path: &str| outsider.send(method.clone(), &format!("/api/v1{path}"), None, &[]).await;
            assert_eq!(nameless(&ask(&place(&id)).await), nameless(&ask(&nobodys).await), "{method}");
        }
    }
    // An org of one's own without any tool is an empty list.
    assert_eq!(world.other_agent.get("/orgs/other/tools").await.expect(200)["items"], json!([]));
    assert_eq!(world.upstream.calls(), 0);
}

#[tokio::test]
async fn guests_are_listed_public_toolkits_and_call_there() {
    let world = World::new().await;
    open(&world).await;
    for guest in [&world.other_agent, &world.other_org] {
        let list = guest.get("/orgs/acme/tools").await.expect(200);
        let seen: Vec<_> = list["items"].as_array().expect("items").iter().map(|item| &item["toolkit"]).collect();
        assert_eq!(seen, ["open", "open"], "{list}");
        let before = world.upstream.calls();
        is(&call_open(guest, "balance", json!({})).await.expect(200), "executed", true);
        assert_eq!(world.upstream.calls(), before + 1);
        nameless(&call(guest, "balance", json!({})).await);
        refused(&call_open(guest, "nope", json!({})).await, 404, "unknown_tool");
    }
    // Members and keys of the org use it too, and are no guests.
    world
        .admin
        .put("/orgs/acme/toolkits/open/tools/balance/policies/guest", json!({"permission": "blocked"}))
        .await
        .expect(200);
    is(&call_open(&world.agent, "balance", json!({})).await.expect(200), "executed", true);
    let blocked = refused(&call_open(&world.other_agent, "balance", json!({})).await, 403, "blocked");
    assert!(blocked["rule"].as_str().is_some_and(|rule| rule.contains("guest")), "{blocked}");
    let list = world.other_agent.get("/orgs/acme/tools").await.expect(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list["items"][0]["permission"], "needs_approval", "{list}");
    assert_eq!(world.upstream.calls(), 3);
}

#[tokio::test]
async fn what_a_guest_asks_for_is_the_guests_as_long_as_the_toolkit_is_public() {
    let world = World::new().await;
    open(&world).await;
    let id = id_of(&call_open(&world.other_agent, "pay", payment(1)).await.expect(202));
    let place = format!("/orgs/acme/toolkits/open/calls/{id}");
    is(&world.other_agent.get(&place).await.expect(202), "pending", false);
    for other in [&world.other_org, &world.agent, &world.owner] {
        nameless(&other.get(&place).await);
    }
    let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(shown["caller_name"], "spy");
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    let ran = call_open(&world.other_agent, "pay", payment(1)).await.expect(200);
    is(&ran, "executed", true);
    assert_eq!(text(&ran), "done");

    let waits = id_of(&call_open(&world.other_agent, "pay", payment(2)).await.expect(202));
    world.admin.patch("/orgs/acme/toolkits/open", json!({"visibility": "private"})).await.expect(200);
    for id in [&id, &waits] {
        nameless(&world.other_agent.get(&format!("/orgs/acme/toolkits/open/calls/{id}")).await);
    }
    nameless(&call_open(&world.other_agent, "balance", json!({})).await);
    nameless(&world.other_agent.get("/orgs/acme/tools").await);
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_key_that_has_ended_calls_nothing_and_learns_nothing() {
    let world = World::new().await;
    let id = super::approved(&world, 1).await;
    world.owner.delete(&format!("/orgs/acme/api-keys/{}", world.agent_key_id)).await.expect(204);
    problem(&call(&world.agent, "balance", json!({})).await, 401, "unauthorized");
    problem(&call(&world.agent, "pay", payment(1)).await, 401, "unauthorized");
    problem(&look(&world.agent, &id, 0).await, 401, "unauthorized");
    problem(&run(&world.agent, &id).await, 401, "unauthorized");
    problem(&world.agent.get("/orgs/acme/tools").await, 401, "unauthorized");
    assert_eq!(world.upstream.calls(), 0);
}
