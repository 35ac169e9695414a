//! Postgres goes away: nothing is dispatched, the answer is clear, and it comes back by itself.

use serde_json::json;

use crate::support::{Client, Gateway, World, client::text, eventually, proxy::Proxy};

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
    use permesso::db::{Db, Reason, SystemScope};
    use sqlx::types::chrono::{DateTime, Utc};
    let world = World::new().await;
    let mut owner = world.sql().await;
    let db = Db::connect(&world.database, true, 1).await.expect("a pool of one connection");
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
