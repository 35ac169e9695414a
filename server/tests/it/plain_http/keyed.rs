//! `idempotency_key` of calls that need no approval: a retry gives the same answer, and runs nothing.

use serde_json::json;

use super::{
    EXACT, approvals, call, call_raw, call_with, is, keyed, problem, refused, second_key, slow, spawn, text, toolkit,
};
use crate::support::{Behaviour, Gateway, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_gives_the_same_answer_and_runs_nothing() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    world.upstream.behave(Behaviour::Result(EXACT.to_owned()));
    let first = keyed(&world.agent, "balance", json!({"n": 100, "to": "Ada"}), "invoice-2026-0042").await;
    is(&first.clone().expect(200), "executed", true);
    assert!(first.json()["replayed"].is_null(), "{}", first.text);
    assert!(first.text.contains(EXACT), "{}", first.text);

    world.upstream.behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"another"}]}"#.to_owned()));
    // However it is spelled, however long one would wait, and at whichever replica.
    let same = [
        r#"{"tool":"balance","arguments":{"n":100,"to":"Ada"},"idempotency_key":"invoice-2026-0042"}"#,
        r#"{"idempotency_key":"invoice-2026-004\u0032","arguments":{"to":"\u0041da","n":1.0e2},"tool":"balance"}"#,
        r#"{"tool":"balance","arguments":{"n":100,"to":"Ada"},"idempotency_key":"invoice-2026-0042","wait_seconds":9}"#,
    ];
    for agent in [&world.agent, &world.agent.at(&second.url)] {
        for body in same {
            let answer = call_raw(agent, body).await;
            let again = answer.clone().expect(200);
            is(&again, "executed", true);
            assert_eq!(again["replayed"], true, "{again}");
            assert!(answer.text.contains(EXACT), "{}", answer.text);
        }
    }
    assert_eq!(world.upstream.calls(), 1);
    // Without the key it is another call.
    assert_eq!(text(&call(&world.agent, "balance", json!({"n": 100, "to": "Ada"})).await.expect(200)), "another");
    assert_eq!(world.upstream.calls(), 2);
    second.stop().await;
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let world = World::new().await;
    let body = |tool: &str, n: &str| format!(r#"{{"tool":"{tool}","arguments":{{{n}}},"idempotency_key":"k"}}"#);
    is(&call_raw(&world.agent, &body("balance", r#""n":9007199254740993"#)).await.expect(200), "executed", true);
    for other in [
        body("balance", r#""n":9007199254740992"#),
        body("balance", r#""n":9007199254740993,"m":null"#),
        body("balance", ""),
        r#"{"tool":"balance","idempotency_key":"k"}"#.to_owned(),
        body("pay", r#""n":9007199254740993"#),
    ] {
        refused(&call_raw(&world.agent, &other).await, 422, "idempotency_key_reused");
    }
    assert!(approvals(&world, "").await.is_empty(), "nobody is asked about it");
    let again = call_raw(&world.agent, &body("balance", r#""n":9007199254740993"#)).await.expect(200);
    assert_eq!(again["replayed"], true, "the first one stands: {again}");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_its_toolkit() {
    let world = World::new().await;
    toolkit(&world, "second", "private", &["balance"]).await;
    world.admin.patch("/orgs/acme/toolkits/bank", json!({"visibility": "public"})).await.expect(200);
    let other = second_key(&world).await;
    let mut calls = 0;
    for client in [&world.agent, &other, &world.owner, &world.admin, &world.other_agent, &world.other_org] {
        calls += 1;
        let called = keyed(client, "balance", json!({"n": 1}), "k").await.expect(200);
        assert!(called["replayed"].is_null(), "{called}");
        assert_eq!(world.upstream.calls(), calls);
    }
    let body = json!({"tool": "balance", "arguments": {"n": 1}, "idempotency_key": "k"});
    let called = world.agent.post("/orgs/acme/toolkits/second/call", body).await.expect(200);
    assert!(called["replayed"].is_null(), "{called}");
    // Capitals count.
    assert!(keyed(&world.agent, "balance", json!({"n": 1}), "K").await.expect(200)["replayed"].is_null());
    assert_eq!(world.upstream.calls(), calls + 2);
    // A rotated key is the same caller.
    let path = format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id);
    let rotated = world.owner.post(&path, json!({"overlap_seconds": 0})).await.expect(200);
    let rotated = crate::support::Client::new(&world.gateway.url, rotated["key"].as_str());
    assert_eq!(keyed(&rotated, "balance", json!({"n": 1}), "k").await.expect(200)["replayed"], true);
    assert_eq!(world.upstream.calls(), calls + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_at_once_one_runs_and_the_others_have_its_answer() {
    let world = World::new().await;
    slow(&world).await;
    let second = Gateway::start(&world.database).await;
    world.upstream.behave(Behaviour::Hang(EXACT.to_owned()));
    let replicas = [world.agent.clone(), world.agent.at(&second.url)];
    let more = json!({"idempotency_key": "once", "wait_seconds": 120});
    let calls: Vec<_> = (0..20).map(|n| spawn(&replicas[n % 2], "balance", json!({}), more.clone())).collect();
    eventually("one arrives", || async { world.upstream.calls() > 0 }).await;
    for replica in &replicas {
        problem(&keyed(replica, "balance", json!({}), "once").await, 409, "in_progress");
        // Another request does not wait for the first one's end.
        refused(&keyed(replica, "balance", json!({"n": 1}), "once").await, 422, "idempotency_key_reused");
    }
    world.upstream.release();
    let mut replayed = 0;
    for call in calls {
        let answer = call.await.expect("it ends");
        let called = answer.clone().expect(200);
        is(&called, "executed", true);
        assert!(answer.text.contains(EXACT), "{}", answer.text);
        replayed += usize::from(called["replayed"] == true);
    }
    assert_eq!(replayed, 19, "one of them ran");
    assert_eq!(world.upstream.calls(), 1);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_that_do_not_wait_run_it_once() {
    let world = World::new().await;
    let calls: Vec<_> =
        (0..20).map(|_| spawn(&world.agent, "balance", json!({}), json!({"idempotency_key": "once"}))).collect();
    let mut ran = 0;
    for call in calls {
        let answer = call.await.expect("it ends");
        match answer.status.as_u16() {
            409 => drop(problem(&answer, 409, "in_progress")),
            _ => {
                let called = answer.expect(200);
                is(&called, "executed", true);
                ran += usize::from(called["replayed"].is_null());
            }
        }
    }
    assert_eq!((ran, world.upstream.calls()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_running_one_in_vain_is_told_that_it_runs() {
    let world = World::new().await;
    slow(&world).await;
    world.upstream.behave(Behaviour::Hang(EXACT.to_owned()));
    let runs = spawn(&world.agent, "balance", json!({}), json!({"idempotency_key": "once"}));
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    let began = std::time::Instant::now();
    let more = json!({"idempotency_key": "once", "wait_seconds": 1});
    problem(&call_with(&world.agent, "balance", json!({}), more).await, 409, "in_progress");
    assert!(began.elapsed() >= std::time::Duration::from_millis(500), "it did not wait: {:?}", began.elapsed());
    world.upstream.release();
    is(&runs.await.expect("it ends").expect(200), "executed", true);
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_different_ones_at_once_with_one_key_one_runs() {
    let world = World::new().await;
    let calls: Vec<_> =
        (0..20).map(|n| spawn(&world.agent, "balance", json!({"n": n}), json!({"idempotency_key": "once"}))).collect();
    let mut ran = 0;
    for call in calls {
        let answer = call.await.expect("it ends");
        match answer.status.as_u16() {
            200 => ran += 1,
            409 => drop(problem(&answer, 409, "in_progress")),
            _ => drop(refused(&answer, 422, "idempotency_key_reused")),
        }
    }
    assert_eq!((ran, world.upstream.calls()), (1, 1));
}
