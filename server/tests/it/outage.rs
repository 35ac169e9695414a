//! Postgres goes away: nothing is dispatched, the answer is clear, and it comes back by itself.

use std::time::Duration;

use domain::ApprovalId;
use permesso::directory::STALE;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    Client, Gateway, World, client::text, eventually, gateway::variables, modern::Modern, proxy::Proxy,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_nothing_is_dispatched_and_it_recovers_by_itself() {
    let world = World::new().await;
    let proxy = Proxy::before(&world.database).await;
    let gateway = Gateway::start(&proxy.url).await;
    let agent = world.agent.at(&gateway.url);
    let id = world.held(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(text(&agent.call("balance", json!({})).await), "done");
    assert_eq!(world.upstream.calls(), 1);

    proxy.cut().await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay", "arguments": {"to": "Ada", "cents": 1}}});
    let answer = agent.mcp_raw("acme/bank", &body.to_string()).await;
    assert_eq!(answer.status.as_u16(), 503, "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(answer.json()["error"]["data"]["code"], "unavailable", "{}", answer.text);
    assert_eq!(world.upstream.calls(), 1, "nothing was dispatched");
    let anyone = Client::new(&gateway.url, None);
    let ready = || async { anyone.send(reqwest::Method::GET, "/readyz", None, &[]).await.status.as_u16() };
    eventually("it says that it is not ready", || async { ready().await == 503 }).await;
    assert_eq!(anyone.send(reqwest::Method::GET, "/livez", None, &[]).await.status.as_u16(), 200);
    let rest = world.admin.at(&gateway.url).get("/orgs/acme/approvals").await;
    assert_eq!(rest.status.as_u16(), 503, "{}", rest.text);
    assert!(rest.headers.contains_key("retry-after"));

    proxy.mend();
    eventually("it is ready again", || async { ready().await == 200 }).await;
    assert_eq!(text(&agent.call("pay", json!({"to": "Ada", "cents": 1})).await), "done");
    assert_eq!(world.upstream.calls(), 2);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_cannot_be_recorded_is_not_given() {
    use crate::support::Behaviour;
    let world = World::new().await;
    let proxy = Proxy::before(&world.database).await;
    let gateway = Gateway::start(&proxy.url).await;
    let agent = world.agent.at(&gateway.url);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"secret balance"}]}"#.into()));
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "balance", "arguments": {}}});
    let call = tokio::spawn(async move { agent.mcp_raw("acme/bank", &body.to_string()).await });
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    proxy.cut().await;
    world.upstream.release();
    let answer = call.await.expect("it answers");
    assert_eq!(answer.status.as_u16(), 503, "{}", answer.text);
    assert!(!answer.text.contains("secret balance"));
    assert!(answer.text.contains("may have run"), "{}", answer.text);
    // The record is written once the database is back.
    proxy.mend();
    eventually("it is on record", || async {
        let audit = world.admin.get("/orgs/acme/audit?tool=balance&status=ok").await.json();
        audit["items"].as_array().is_some_and(|items| items.len() == 1)
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_call_whose_outcome_is_late_on_record_is_on_record_as_it_was() {
    use crate::support::Behaviour;
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    let proxy = Proxy::before(&world.database).await;
    let gateway = Gateway::start(&proxy.url).await;
    let agent = world.agent.at(&gateway.url);
    let id = world.held(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"paid"}]}"#.into()));
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "pay", "arguments": {"to": "Ada", "cents": 1}}});
    let call = tokio::spawn(async move { agent.mcp_raw("acme/bank", &body.to_string()).await });
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    proxy.cut().await;
    world.upstream.release();
    let answer = call.await.expect("it answers");
    assert!(answer.text.contains("may have run") && !answer.text.contains("paid"), "{}", answer.text);
    proxy.mend();
    eventually("it is executed", || async { world.admin.status(&id).await == "executed" }).await;
    let audit = world.admin.get(&format!("/orgs/acme/audit?approval={id}&tool=pay")).await.expect(200);
    let statuses: Vec<_> = audit["items"].as_array().expect("items").iter().map(|r| r["status"].clone()).collect();
    assert_eq!(statuses, ["ok", "held"], "as it was, and nothing else");
    assert_eq!(text(&world.agent.call("pay", json!({"to": "Ada", "cents": 1})).await), "paid");
    assert_eq!(world.upstream.calls(), 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_given_up_while_it_begins_is_not_left_open() {
    use permesso::db::{Pools, Reason, SystemScope};
    use sqlx::types::chrono::{DateTime, Utc};
    let world = World::new().await;
    let mut owner = world.sql().await;
    let db = Pools::connect(&world.database, true, 6).await.expect("a pool of one connection").calls;
    for polls in 1..=20 {
        let mut begins = Box::pin(SystemScope::begin(&db, Reason::Use));
        let mut left = polls;
        // The client goes away after any step of it.
        std::future::poll_fn(|context| {
            left -= 1;
            let begun = begins.as_mut().poll(context).is_ready();
            if begun || left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        drop(begins);
        let before: DateTime<Utc> =
            sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut owner).await.expect("a time");
        let mut scope = SystemScope::begin(&db, Reason::Use).await.expect("a transaction");
        let began: DateTime<Utc> = sqlx::query_scalar("SELECT now()").fetch_one(scope.conn()).await.expect("a time");
        assert!(began >= before, "it goes on in a transaction that began {}", before - began);
    }
}

/// A replica whose Postgres can be cut off, where calls are held so long.
async fn holding(proxy: &Proxy, seconds: u32) -> Gateway {
    let mut variables = variables(&proxy.url);
    variables.retain(|(name, _)| name != "PERMESSO_HOLD_SECONDS");
    variables.push(("PERMESSO_HOLD_SECONDS".to_owned(), format!("*={seconds}")));
    Gateway::start_with_variables(&variables).await
}

/// The request of a call that wants progress.
fn with_progress(tool: &str, arguments: Value) -> String {
    let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": 1}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

/// Longer than a snapshot of the configuration counts.
const LONG: Duration = STALE.saturating_add(Duration::from_secs(2));

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_while_postgres_is_away_is_answered_when_it_is_back() {
    let world = World::new().await;
    let proxy = Proxy::before(&world.database).await;
    let gateway = holding(&proxy, 120).await;
    let agent = world.agent.at(&gateway.url);
    let (held, asked) = (world.held(1).await, world.held(2).await);
    let created = Modern::call("pay", json!({"cents": 3})).tasks().send(&world.agent).await.expect(200);
    let task = created["result"]["taskId"].as_str().expect("an id").to_owned();
    let followed =
        created["result"]["_meta"]["dev.permesso/approval"]["approval_id"].as_str().expect("an id").to_owned();

    let mut call = agent.mcp_stream(with_progress("pay", json!({"to": "Ada", "cents": 1}))).await;
    let status = json!({"approval_id": asked, "wait_seconds": 50});
    let mut status = agent.mcp_stream(with_progress("approval_status", status)).await;
    let call = tokio::spawn(async move { call.answer().await });
    let status = tokio::spawn(async move { status.answer().await });
    let get = tokio::spawn(async move { Modern::new("tasks/get", json!({"taskId": task})).tasks().send(&agent).await });
    // Nothing shows from outside that the last one waits.
    tokio::time::sleep(Duration::from_secs(2)).await;

    proxy.cut().await;
    let wake =
        || [&held, &asked, &followed].map(|id| gateway.services.live.wake(ApprovalId(id.parse().expect("an id"))));
    wake();
    tokio::time::sleep(LONG).await;
    wake();
    world.approver.decide(&held, "approve", "").await.expect(200);
    for id in [&asked, &followed] {
        world.approver.decide(id, "reject", "not now").await.expect(200);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!call.is_finished() && !status.is_finished() && !get.is_finished(), "they wait");
    proxy.mend();
    let in_time = Duration::from_secs(45);
    let get = timeout(in_time, get).await.expect("it goes on").expect("an answer").expect(200);
    assert!(text(&get["result"]["result"]).contains("not now"), "{get}");
    let status = timeout(in_time, status).await.expect("it goes on").expect("an answer");
    assert_eq!(status["result"]["structuredContent"]["status"], "rejected", "{status}");
    let call = timeout(in_time, call).await.expect("it goes on").expect("an answer");
    assert_eq!(text(&call["result"]), "done", "{call}");
    assert_eq!(world.upstream.calls(), 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_over_while_postgres_is_away_is_answered_when_it_is_back() {
    let world = World::new().await;
    let proxy = Proxy::before(&world.database).await;
    let gateway = holding(&proxy, 10).await;
    let id = world.held(1).await;
    let body = with_progress("pay", json!({"to": "Ada", "cents": 1}));
    let mut call = world.agent.at(&gateway.url).mcp_stream(body).await;
    proxy.cut().await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    proxy.mend();
    let answer = call.answer().await;
    assert_eq!(Client::approval_of(&answer["result"]), id);
    assert_eq!(world.upstream.calls(), 0);
    gateway.stop().await;
}
