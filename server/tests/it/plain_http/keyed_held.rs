//! `idempotency_key` of calls that a person decides on: the key follows its approval, and never asks anew.

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};

use super::{EXACT, approvals, call, held, id_of, is, keyed, look, payment, refused, run, spawn};
use crate::support::{Behaviour, Client, Gateway, World};

/// Puts all that became of calls so long into the past that it does not count for a call without a key any more.
async fn long_ago(world: &World) {
    let sql = "UPDATE approvals SET finished_at = finished_at - interval '2 days',
        decided_at = decided_at - interval '2 days', execute_by = execute_by - interval '2 days'";
    world.sql().await.execute(sql).await.expect("an owner may");
}

#[tokio::test]
async fn a_held_call_answers_how_it_stands_and_runs_once() {
    let world = World::new().await;
    world.upstream.behave(Behaviour::Result(EXACT.to_owned()));
    let id = id_of(&keyed(&world.agent, "pay", payment(1), "k").await.expect(202));
    let again = keyed(&world.agent, "pay", payment(1), "k").await.expect(202);
    is(&again, "pending", false);
    assert_eq!(id_of(&again), id);
    refused(&keyed(&world.agent, "pay", payment(2), "k").await, 422, "idempotency_key_reused");
    assert_eq!(approvals(&world, "").await.len(), 1, "nobody is asked about the other one");

    world.approver.decide(&id, "approve", "fine").await.expect(200);
    refused(&keyed(&world.agent, "pay", payment(2), "k").await, 422, "idempotency_key_reused");
    assert_eq!(world.upstream.calls(), 0);
    let ran = keyed(&world.agent, "pay", payment(1), "k").await;
    is(&ran.clone().expect(200), "executed", true);
    assert!(ran.text.contains(EXACT) && ran.json()["replayed"].is_null(), "{}", ran.text);
    let again = keyed(&world.agent, "pay", payment(1), "k").await;
    assert!(again.text.contains(EXACT), "{}", again.text);
    let again = again.expect(200);
    is(&again, "executed", true);
    assert_eq!((id_of(&again), &again["replayed"]), (id, &json!(true)), "{again}");
    refused(&keyed(&world.agent, "pay", payment(2), "k").await, 422, "idempotency_key_reused");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_key_joins_what_was_asked_without_one_and_with_another() {
    let world = World::new().await;
    let id = Client::approval_of(&world.agent.call("pay", payment(1)).await);
    for key in ["a", "b"] {
        assert_eq!(id_of(&keyed(&world.agent, "pay", payment(1), key).await.expect(202)), id);
    }
    assert_eq!(held(&world, 1).await, id);
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    is(&keyed(&world.agent, "pay", payment(1), "a").await.expect(200), "executed", true);
    for again in [
        keyed(&world.agent, "pay", payment(1), "b").await,
        keyed(&world.agent, "pay", payment(1), "a").await,
        call(&world.agent, "pay", payment(1)).await,
    ] {
        assert_eq!(again.expect(200)["replayed"], true);
    }
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_key_is_told_the_end_of_its_call_when_others_ask_anew() {
    let world = World::new().await;
    for (cents, end) in [(1, "executed"), (2, "rejected"), (3, "expired"), (4, "withdrawn")] {
        let id = id_of(&keyed(&world.agent, "pay", payment(cents), end).await.expect(202));
        match end {
            "expired" => {
                let sql = format!("UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = '{id}'");
                world.sql().await.execute(AssertSqlSafe(sql)).await.expect("an owner may");
            }
            "rejected" => drop(world.approver.decide(&id, "reject", "no").await.expect(200)),
            _ => drop(world.approver.decide(&id, "approve", "fine").await.expect(200)),
        }
        match end {
            "executed" => is(&run(&world.agent, &id).await.expect(200), "executed", true),
            "withdrawn" => {
                let path = format!("/orgs/acme/approvals/{id}/revoke");
                world.approver.post(&path, json!({"reason": "a forgery"})).await.expect(200);
            }
            _ => {}
        }
        long_ago(&world).await;
        let is_told = async || {
            let told = keyed(&world.agent, "pay", payment(cents), end).await.expect(200);
            is(&told, end, end == "executed");
            assert_eq!(id_of(&told), id, "{told}");
        };
        is_told().await;
        let newer = held(&world, cents).await;
        assert_ne!(newer, id, "without the key a person is asked anew");
        is_told().await;
        assert_eq!(world.admin.status(&newer).await, "pending");
    }
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn an_outcome_that_nobody_knows_stays_so_for_its_key_until_it_is_settled() {
    let world = World::new().await;
    let id = id_of(&keyed(&world.agent, "pay", payment(1), "k").await.expect(202));
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    world.upstream.behave(Behaviour::Garbage);
    for _ in 0..2 {
        let told = keyed(&world.agent, "pay", payment(1), "k").await.expect(200);
        is(&told, "outcome_unknown", false);
        assert_eq!(id_of(&told), id);
    }
    let sql = "UPDATE approvals SET lease_until = now() - interval '1 hour'";
    world.sql().await.execute(sql).await.expect("an owner may");
    let settle = json!({"outcome": "not_executed", "note": "looked"});
    world.approver.post(&format!("/orgs/acme/approvals/{id}/settle"), settle).await.expect(200);
    let told = keyed(&world.agent, "pay", payment(1), "k").await.expect(200);
    is(&told, "not_executed", false);
    assert_eq!(id_of(&told), id);
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_with_one_key_open_one_approval_and_run_it_once() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    let replicas = [world.agent.clone(), world.agent.at(&second.url)];
    let more = json!({"idempotency_key": "once"});
    let calls: Vec<_> = (0..20).map(|n| spawn(&replicas[n % 2], "pay", payment(1), more.clone())).collect();
    let mut ids = Vec::new();
    for call in calls {
        let answer = call.await.expect("it ends");
        match answer.status.as_u16() {
            // Until the first has its approval.
            409 => assert_eq!(answer.code(), "in_progress", "{}", answer.text),
            _ => ids.push(id_of(&answer.expect(202))),
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(approvals(&world, "").await.len(), 1);

    world.approver.decide(&ids[0], "approve", "fine").await.expect(200);
    let more = json!({"idempotency_key": "once", "wait_seconds": 120});
    let calls: Vec<_> = (0..20).map(|n| spawn(&replicas[n % 2], "pay", payment(1), more.clone())).collect();
    for call in calls {
        let called = call.await.expect("it ends").expect(200);
        is(&called, "executed", true);
        assert_eq!(id_of(&called), ids[0]);
    }
    is(&look(&world.agent, &ids[0], 0).await.expect(200), "executed", true);
    assert_eq!(world.upstream.calls(), 1);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_different_ones_at_once_with_one_key_a_person_is_asked_about_one() {
    let world = World::new().await;
    let calls: Vec<_> =
        (0..20).map(|n| spawn(&world.agent, "pay", payment(n), json!({"idempotency_key": "once"}))).collect();
    let mut ids = Vec::new();
    for call in calls {
        let answer = call.await.expect("it ends");
        match (answer.status.as_u16(), answer.code().as_str()) {
            (422, "idempotency_key_reused") | (409, "in_progress") => {}
            _ => ids.push(id_of(&answer.expect(202))),
        }
    }
    assert_eq!(ids.len(), 1, "the others are another request with the same key");
    assert_eq!(approvals(&world, "").await.len(), 1, "nobody is asked about what was refused");
}
