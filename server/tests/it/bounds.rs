//! What one caller may have open at once on a replica, and how long what is repeated in each message may be.

use std::time::Duration;

use domain::{ApiKeyId, Principal};
use permesso::{limit::seats::Seat, service::Pace};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    Client, Gateway, World,
    client::{Answer, text},
    eventually,
    modern::Modern,
    stream::Stream,
};

/// Far less than calls are held here, and far more than an answer takes.
const AT_ONCE: Duration = Duration::from_secs(30);

fn tool(name: &str, arguments: Value, token: Value) -> String {
    let params = json!({"name": name, "arguments": arguments, "_meta": {"progressToken": token}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

fn pay(cents: u64) -> String {
    tool("pay", json!({"cents": cents}), json!("t"))
}

/// Takes all seats that a caller has.
fn all_seats(gateway: &Gateway, key: &str) -> Vec<Seat> {
    let principal = Principal::Key(ApiKeyId(key.parse().expect("an id")));
    std::iter::from_fn(|| gateway.services.held.take(principal)).collect()
}

#[tokio::test]
async fn a_caller_has_two_hundred_calls_held_and_more_are_answered_at_once() {
    let world = World::new().await;
    let (agent, key) = world.patient(240).await;
    let mut seats = all_seats(&world.gateway, &key);
    assert_eq!(seats.len(), 200);
    let answer = timeout(AT_ONCE, agent.mcp_raw("acme/bank", &pay(1))).await.expect("it is not held");
    let id = Client::approval_of(&answer.json()["result"]);

    seats.pop();
    let mut held = agent.mcp_stream(pay(2)).await;
    assert_eq!(held.next().await.expect("progress")["params"]["message"], "waiting for approval");
    let answer = timeout(AT_ONCE, agent.mcp_raw("acme/bank", &pay(1))).await.expect("it is not held");
    assert_eq!(Client::approval_of(&answer.json()["result"]), id, "the last seat is taken");
    let status = tool("approval_status", json!({"approval_id": id, "wait_seconds": 50}), json!("t"));
    let answer = timeout(AT_ONCE, agent.mcp_raw("acme/bank", &status)).await;
    let answer = answer.expect("to ask how it stands does not wait either").json();
    assert_eq!(answer["result"]["structuredContent"]["status"], "pending", "{answer}");

    drop(held);
    let principal = Principal::Key(ApiKeyId(key.parse().expect("an id")));
    eventually("it is given back", async || world.gateway.services.held.take(principal).is_some()).await;
    drop(seats);
    let mut held = agent.mcp_stream(pay(1)).await;
    assert_eq!(held.next().await.expect("progress")["params"]["message"], "waiting for approval");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_hear_nothing_meanwhile_is_not_left_in_silence() {
    let world = World::new().await;
    let pace = Pace { silence: Duration::from_secs(1), ..Pace::default() };
    let (agent, _) = world.patient(240).await;
    let gateway = Gateway::start_paced(&world.database, pace).await;
    let agent = agent.at(&gateway.url);
    let mut hears = agent.mcp_stream(pay(1)).await;
    let accept = [("accept", "application/json")];
    let silent = agent.send(Method::POST, "/acme/bank/mcp", Some(pay(1)), &accept);
    let answer = timeout(AT_ONCE, silent).await.expect("it is not held for as long as its key says");
    assert!(!answer.is_stream());
    let id = Client::approval_of(&answer.expect(200)["result"]);
    world.approver.decide(&id, "approve", "").await.expect(200);
    assert_eq!(text(&hears.answer().await["result"]), "done", "who hears that it waits was held on");
    drop(hears);
    gateway.stop().await;
}

async fn listen(client: &Client) -> Stream {
    let request = Modern::new("subscriptions/listen", json!({"notifications": {}}));
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    Stream::open(client, Method::POST, "/acme/bank/mcp", Some(request.body.to_string()), &headers).await
}

/// An answer that is read whole, and so no stream that goes on.
async fn ends(answer: impl Future<Output = Answer>) -> Answer {
    timeout(AT_ONCE, answer).await.expect("it is refused")
}

/// A new session's id.
async fn session(client: &Client) -> String {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x"}});
    let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}).to_string();
    client.mcp_raw("acme/bank", &body).await.headers["mcp-session-id"].to_str().expect("text").to_owned()
}

#[tokio::test]
async fn a_caller_has_twenty_event_streams_of_either_kind() {
    let world = World::new().await;
    let (first, second) = (session(&world.agent).await, session(&world.agent).await);
    let headers = |session| [("accept", "text/event-stream"), ("mcp-session-id", session)];
    let mut open = vec![Stream::open(&world.agent, Method::GET, "/acme/bank/mcp", None, &headers(&*first)).await];
    for _ in 1..20 {
        open.push(listen(&world.agent).await);
    }
    let request = Modern::new("subscriptions/listen", json!({"notifications": {}}));
    let refused = |answer: Answer| {
        assert_eq!(answer.status.as_u16(), 429, "{}", answer.text);
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(answer.json()["error"]["data"]["code"], "too_many_streams", "{}", answer.text);
    };
    refused(ends(request.send(&world.agent)).await);
    refused(ends(world.agent.send(Method::GET, "/acme/bank/mcp", None, &headers(&*second))).await);
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "other", "role": "agent"})).await.expect(201);
    listen(&Client::new(&world.gateway.url, key["key"].as_str())).await;

    open.pop();
    let principal = Principal::Key(ApiKeyId(world.agent_key_id.parse().expect("an id")));
    eventually("its seat is given back", async || world.gateway.services.listeners.take(principal).is_some()).await;
    open.push(listen(&world.agent).await);
    refused(ends(request.send(&world.agent)).await);
}

#[tokio::test]
async fn the_id_of_a_subscription_may_have_so_many_bytes() {
    let world = World::new().await;
    // With its quotation marks.
    for (bytes, is_taken) in [(1_024, true), (1_025, false)] {
        let mut request = Modern::new("subscriptions/listen", json!({"notifications": {}}));
        let id = "s".repeat(bytes - 2);
        request.body["id"] = json!(id);
        if is_taken {
            let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            let body = Some(request.body.to_string());
            let mut stream = Stream::open(&world.agent, Method::POST, "/acme/bank/mcp", body, &headers).await;
            let agreed = stream.next().await.expect("what is agreed to");
            assert_eq!(agreed["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], json!(id));
        } else {
            let answer = ends(request.send(&world.agent)).await;
            assert!(!answer.is_stream(), "{}", answer.text);
            let error = answer.json();
            assert_eq!((&error["id"], &error["error"]["code"]), (&json!(id), &json!(-32600)), "{error}");
            assert!(error["error"]["message"].to_string().contains("shorter"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_under_a_token_of_so_many_bytes_and_a_longer_one_costs_only_that() {
    let world = World::new().await;
    let pace = Pace { step: Duration::from_millis(100), ..Pace::default() };
    let (agent, _) = world.patient(240).await;
    let gateway = Gateway::start_paced(&world.database, pace).await;
    let agent = agent.at(&gateway.url);
    for (cents, bytes, is_told) in [(1, 1_024, true), (2, 1_025, false)] {
        // With its quotation marks.
        let token = json!("t".repeat(bytes - 2));
        let mut held = agent.mcp_stream(tool("pay", json!({"cents": cents}), token.clone())).await;
        if is_told {
            assert_eq!(held.next().await.expect("progress")["params"]["progressToken"], token);
        }
        let waiting = world.approver.get("/orgs/acme/approvals?status=pending").await.expect(200);
        let id = waiting["items"][0]["id"].as_str().expect("it waits");
        world.approver.decide(id, "approve", "").await.expect(200);
        let next = if is_told { held.answer().await } else { held.next().await.expect("an answer") };
        assert_eq!(text(&next["result"]), "done", "nothing else is told: {next}");
        agent.mcp_raw("acme/bank", &tool("balance", json!({}), token)).await.expect(200);
        let sent = world.upstream.bodies().pop().expect("a call");
        assert!(sent.contains("progressToken") && !sent.contains("ttt"), "the upstream gets one of ours: {sent}");
    }
    gateway.stop().await;
}
