//! `wait_seconds`: a call or a look that is held open until a person decided.

use std::time::{Duration, Instant};

use permesso::clock::Clock;
use serde_json::json;

use super::{approvals, approved, asked, call, call_with, held, id_of, is, look, payment, run, slow, spawn, text};
use crate::support::{Behaviour, Gateway, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_answered_with_what_became_of_the_call() {
    let world = World::new().await;
    // It is decided at another replica than the one that waits.
    let second = Gateway::start(&world.database).await;
    let agent = world.agent.at(&second.url);
    let waits = spawn(&agent, "pay", payment(1), json!({"wait_seconds": 120}));
    let id = asked(&world).await;
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    let ran = waits.await.expect("it ends").expect(200);
    is(&ran, "executed", true);
    assert_eq!((id_of(&ran), text(&ran).as_str()), (id, "done"));
    assert_eq!(world.upstream.calls(), 1);

    let why = "Use the \"monthly\" run instead.\nThanks";
    let waits = spawn(&agent, "pay", payment(2), json!({"wait_seconds": 120}));
    let id = asked(&world).await;
    world.approver.decide(&id, "reject", why).await.expect(200);
    let rejected = waits.await.expect("it ends").expect(200);
    is(&rejected, "rejected", false);
    assert_eq!((&rejected["reason"], &rejected["next_action"]), (&json!(why), &json!("revise_and_resubmit")));
    // It is told again, to whoever asks how it stands as well.
    for again in [call(&world.agent, "pay", payment(2)).await, look(&agent, &id, 120).await] {
        let again = again.expect(200);
        is(&again, "rejected", false);
        assert_eq!((&again["reason"], id_of(&again)), (&json!(why), id.clone()));
    }
    assert_eq!(world.upstream.calls(), 1);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_waits_for_the_decision_and_runs_nothing() {
    let world = World::new().await;
    for (cents, verb) in [(1, "approve"), (2, "reject")] {
        let id = held(&world, cents).await;
        let (agent, waited) = (world.agent.clone(), id.clone());
        let looks = tokio::spawn(async move { look(&agent, &waited, 120).await });
        world.approver.decide(&id, verb, "so be it").await.expect(200);
        let answer = looks.await.expect("it ends");
        match verb {
            "approve" => is(&answer.expect(202), "approved", false),
            _ => is(&answer.expect(200), "rejected", false),
        }
    }
    assert_eq!(approvals(&world, "approved").await.len(), 1);
    assert_eq!(world.upstream.calls(), 0);
}

#[tokio::test]
async fn who_waits_in_vain_is_told_that_it_waits() {
    let world = World::new().await;
    let began = Instant::now();
    let waits = call_with(&world.agent, "pay", payment(1), json!({"wait_seconds": 1})).await.expect(202);
    is(&waits, "pending", false);
    is(&look(&world.agent, &id_of(&waits), 1).await.expect(202), "pending", false);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert_eq!(approvals(&world, "pending").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_meets_a_running_call_is_told_so_or_waits_for_its_result() {
    let world = World::new().await;
    slow(&world).await;
    let id = approved(&world, 11).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"slow"}]}"#.to_owned()));
    let runs = spawn(&world.agent, "pay", payment(11), json!({}));
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    is(&look(&world.agent, &id, 0).await.expect(202), "executing", false);
    is(&call(&world.agent, "pay", payment(11)).await.expect(202), "executing", false);
    let joins = spawn(&world.agent, "pay", payment(11), json!({"wait_seconds": 120}));
    let (agent, waited) = (world.agent.clone(), id.clone());
    let looks = tokio::spawn(async move { look(&agent, &waited, 120).await });
    // By then both are there; where not, they are told the result all the same.
    is(&run(&world.agent, &id).await.expect(202), "executing", false);
    world.upstream.release();
    for answer in [runs, joins, looks] {
        let ran = answer.await.expect("it ends").expect(200);
        is(&ran, "executed", true);
        assert_eq!(text(&ran), "slow", "{ran}");
    }
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_not_in_flight() {
    let world = World::new().await;
    let limits = [("PERMESSO_CALLER_MAX_CALLS", 1)];
    let gateway = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let agent = world.agent.at(&gateway.url);
    let mut waiting = Vec::new();
    for cents in 1..=3 {
        waiting.push(spawn(&agent, "pay", payment(cents), json!({"wait_seconds": 120})));
        eventually("it is held", || async { approvals(&world, "pending").await.len() == waiting.len() }).await;
        let has_room = || async { call(&agent, "balance", json!({})).await.status == 200 };
        eventually("there is room for another", has_room).await;
    }
    for approval in approvals(&world, "pending").await {
        world.approver.decide(approval["id"].as_str().expect("an id"), "reject", "no").await.expect(200);
    }
    for call in waiting {
        is(&call.await.expect("it ends").expect(200), "rejected", false);
    }
    gateway.stop().await;
}
