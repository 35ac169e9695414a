//! The upstream or Postgres is away: nothing is sent, the answer says so, and a retry goes on when it is back.

use serde_json::json;

use super::{approvals, approved, call, call_with, is, keyed, payment, problem, refused, run};
use crate::support::{Behaviour, Gateway, World, eventually, proxy::Proxy};

#[tokio::test]
async fn what_cannot_be_sent_was_not_sent_and_may_be_tried_again() {
    let mut world = World::new().await;
    let id = approved(&world, 1).await;
    is(&call(&world.agent, "balance", json!({})).await.expect(200), "executed", true);
    world.upstream.stop().await;
    for answer in [
        call(&world.agent, "balance", json!({})).await,
        keyed(&world.agent, "balance", json!({}), "try").await,
        keyed(&world.agent, "balance", json!({}), "try").await,
    ] {
        let problem = refused(&answer, 503, "connection_unavailable");
        assert!(problem["detail"].as_str().is_some_and(|words| words.contains("`bank`")), "it is named: {problem}");
        assert!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
    }
    let answer = run(&world.agent, &id).await;
    assert!(matches!(answer.status.as_u16(), 202 | 503), "{}", answer.text);
    assert_eq!(answer.json()["executed"], false, "{}", answer.text);
    assert_eq!(world.admin.status(&id).await, "approved", "its approval stays");
    assert_eq!(world.upstream.calls(), 1);

    world.upstream.start_again().await;
    // What was not sent has not used up its key.
    let tried = || async { keyed(&world.agent, "balance", json!({}), "try").await };
    eventually("it is reached again", || async { tried().await.status == 200 }).await;
    let again = tried().await.expect(200);
    is(&again, "executed", true);
    assert_eq!(again["replayed"], true, "{again}");
    assert_eq!(world.upstream.calls(), 2, "the key had one run");
    is(&run(&world.agent, &id).await.expect(200), "executed", true);
    assert_eq!(world.upstream.calls(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_nothing_is_dispatched() {
    let world = World::new().await;
    let proxy = Proxy::before(&world.database).await;
    let gateway = Gateway::start(&proxy.url).await;
    let agent = world.agent.at(&gateway.url);
    let id = approved(&world, 1).await;
    is(&call(&agent, "balance", json!({})).await.expect(200), "executed", true);

    proxy.cut().await;
    for answer in [
        keyed(&agent, "balance", json!({}), "try").await,
        call(&agent, "pay", payment(1)).await,
        call_with(&agent, "pay", payment(2), json!({"wait_seconds": 1, "idempotency_key": "ask"})).await,
        run(&agent, &id).await,
    ] {
        problem(&answer, 503, "unavailable");
        assert!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
    }
    assert_eq!(world.upstream.calls(), 1, "nothing was dispatched");
    assert!(approvals(&world, "pending").await.is_empty(), "nobody was asked");

    proxy.mend();
    eventually("it is back", || async { call(&agent, "balance", json!({})).await.status == 200 }).await;
    let before = world.upstream.calls();
    let tried = keyed(&agent, "balance", json!({}), "try").await.expect(200);
    is(&tried, "executed", true);
    assert!(tried["replayed"].is_null(), "it never ran before: {tried}");
    is(&call(&agent, "pay", payment(1)).await.expect(200), "executed", true);
    is(&keyed(&agent, "pay", payment(2), "ask").await.expect(202), "pending", false);
    assert_eq!(world.upstream.calls(), before + 2);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_recorded_is_not_given_and_its_key_never_runs_again() {
    let world = World::new().await;
    super::slow(&world).await;
    let proxy = Proxy::before(&world.database).await;
    let gateway = Gateway::start(&proxy.url).await;
    let agent = world.agent.at(&gateway.url);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"secret balance"}]}"#.to_owned()));
    let call = super::spawn(&agent, "balance", json!({}), json!({"idempotency_key": "once"}));
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    proxy.cut().await;
    world.upstream.release();
    let answer = call.await.expect("it answers");
    assert!(!answer.text.contains("secret balance"), "{}", answer.text);
    let told = answer.json();
    match answer.status.as_u16() {
        503 => assert_ne!(told["executed"], false, "it may have run: {told}"),
        _ => is(&answer.expect(200), "outcome_unknown", false),
    }
    proxy.mend();
    // At another replica, whose Postgres was never away.
    let more = json!({"idempotency_key": "once", "wait_seconds": 120});
    let retried = call_with(&world.agent, "balance", json!({}), more).await.expect(200);
    match retried["status"].as_str() {
        Some("executed") => assert_eq!(super::text(&retried), "secret balance", "{retried}"),
        _ => is(&retried, "outcome_unknown", false),
    }
    assert_eq!(world.upstream.calls(), 1);
    gateway.stop().await;
}
