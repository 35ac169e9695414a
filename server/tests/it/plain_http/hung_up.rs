//! A client that hangs up takes nothing back and stops nothing that began.

use serde_json::json;

use super::{
    approvals, approved, asked, call, call_with, hang_up, is, keyed, look, payment, problem, run, slow, spawn, text,
};
use crate::support::{Behaviour, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_while_it_waits_withdraws_nothing() {
    let world = World::new().await;
    let waits = spawn(&world.agent, "pay", payment(1), json!({"wait_seconds": 120, "idempotency_key": "mine"}));
    let id = asked(&world).await;
    hang_up(waits).await;
    // A look that is hung up on as well.
    let (agent, waited) = (world.agent.clone(), id.clone());
    let looks = tokio::spawn(async move { look(&agent, &waited, 120).await });
    is(&look(&world.agent, &id, 0).await.expect(202), "pending", false);
    hang_up(looks).await;
    is(&keyed(&world.agent, "pay", payment(1), "mine").await.expect(202), "pending", false);
    assert_eq!(world.admin.status(&id).await, "pending");
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    // Whoever was hung up on may not have noticed: then it runs, and once.
    let more = json!({"wait_seconds": 60});
    is(&call_with(&world.agent, "pay", payment(1), more).await.expect(200), "executed", true);
    assert_eq!(approvals(&world, "").await.len(), 1);
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_on_a_keyed_call_finds_its_answer() {
    let world = World::new().await;
    slow(&world).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"kept"}]}"#.to_owned()));
    let runs = spawn(&world.agent, "balance", json!({"n": 1}), json!({"idempotency_key": "mine"}));
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    hang_up(runs).await;
    // One that waits for it and hangs up stops it as little.
    let waits =
        spawn(&world.agent, "balance", json!({"n": 1}), json!({"idempotency_key": "mine", "wait_seconds": 120}));
    problem(&keyed(&world.agent, "balance", json!({"n": 1}), "mine").await, 409, "in_progress");
    hang_up(waits).await;
    problem(&keyed(&world.agent, "balance", json!({"n": 1}), "mine").await, 409, "in_progress");
    // Meanwhile other calls of the same caller go on.
    world.upstream.behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"other"}]}"#.to_owned()));
    assert_eq!(text(&call(&world.agent, "balance", json!({"n": 1})).await.expect(200)), "other");
    world.upstream.release();
    let more = json!({"idempotency_key": "mine", "wait_seconds": 120});
    let found = call_with(&world.agent, "balance", json!({"n": 1}), more).await.expect(200);
    is(&found, "executed", true);
    assert_eq!((text(&found).as_str(), &found["replayed"]), ("kept", &json!(true)), "{found}");
    assert_eq!(world.upstream.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_on_an_approved_call_finds_its_result() {
    let world = World::new().await;
    slow(&world).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"kept"}]}"#.to_owned()));
    let ids = [approved(&world, 1).await, approved(&world, 2).await];
    let (agent, by_id) = (world.agent.clone(), ids[0].clone());
    let runs = [
        tokio::spawn(async move { run(&agent, &by_id).await }),
        spawn(&world.agent, "pay", payment(2), json!({"wait_seconds": 120})),
    ];
    eventually("both arrive", || async { world.upstream.calls() == 2 }).await;
    for run in runs {
        hang_up(run).await;
    }
    for id in &ids {
        is(&look(&world.agent, id, 0).await.expect(202), "executing", false);
    }
    world.upstream.release();
    for id in &ids {
        let shown = look(&world.agent, id, 120).await.expect(200);
        is(&shown, "executed", true);
        assert_eq!(text(&shown), "kept", "{shown}");
        assert_eq!(run(&world.agent, id).await.expect(200)["replayed"], true);
    }
    assert_eq!(world.upstream.calls(), 2);
}
