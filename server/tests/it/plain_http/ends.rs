//! Every way in which an approval ends is said in the same words, whoever asks for it and however.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use super::{approved, call, held, id_of, is, look, payment, run, slow};
use crate::support::{Behaviour, World, eventually};

/// What is said of it to who looks and to who would run it.
async fn said(world: &World, id: &str) -> [Value; 2] {
    [look(&world.agent, id, 0).await.expect(200), run(&world.agent, id).await.expect(200)]
}

/// Fails the test unless both are told so, and of this approval; with the reason, where a person gave one.
async fn ended(world: &World, id: &str, status: &str, executed: bool, reason: Option<&str>) {
    for said in said(world, id).await {
        is(&said, status, executed);
        assert_eq!(id_of(&said), id, "{said}");
        assert!(said["result"].is_null(), "{said}");
        assert!(reason.is_none_or(|reason| said["reason"] == reason), "{said}");
    }
}

async fn sql(world: &World, sql: String) {
    world.sql().await.execute(AssertSqlSafe(sql)).await.expect("an owner may");
}

#[tokio::test]
async fn what_was_never_run_says_why() {
    let world = World::new().await;
    let id = held(&world, 1).await;
    world.approver.decide(&id, "reject", "Not \"this\" month").await.expect(200);
    ended(&world, &id, "rejected", false, Some("Not \"this\" month")).await;

    let id = approved(&world, 2).await;
    let why = json!({"reason": "a forgery"});
    world.approver.post(&format!("/orgs/acme/approvals/{id}/revoke"), why).await.expect(200);
    ended(&world, &id, "withdrawn", false, Some("a forgery")).await;
    let told = call(&world.agent, "pay", payment(2)).await.expect(200);
    is(&told, "withdrawn", false);
    assert_eq!((id_of(&told), &told["reason"]), (id, &json!("a forgery")));

    let id = held(&world, 3).await;
    sql(&world, format!("UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = '{id}'")).await;
    ended(&world, &id, "expired", false, None).await;
    assert_ne!(held(&world, 3).await, id, "it may be asked once more");

    let ids = [held(&world, 4).await, approved(&world, 5).await];
    let config = json!({"config": {"url": world.upstream.url, "headers": {"x-new": "1"}}});
    world.admin.patch("/orgs/acme/connections/bank", config).await.expect(200);
    for id in &ids {
        eventually("it is invalidated", || async { world.admin.status(id).await == "invalidated" }).await;
        ended(&world, id, "invalidated", false, None).await;
    }
    assert_ne!(held(&world, 4).await, ids[0], "a person is asked anew");
    assert_eq!(world.upstream.calls(), 0);
}

/// An approved payment whose answer was garbage.
async fn unknown(world: &World, cents: u64) -> String {
    let id = approved(world, cents).await;
    world.upstream.behave(Behaviour::Garbage);
    let called = call(&world.agent, "pay", payment(cents)).await.expect(200);
    is(&called, "outcome_unknown", false);
    assert_eq!((id_of(&called), &called["next_action"]), (id.clone(), &json!("stop_and_tell_user")));
    id
}

/// Settles it as if the call's time were over.
async fn settle(world: &World, id: &str, outcome: &str) {
    sql(world, format!("UPDATE approvals SET lease_until = now() - interval '1 hour' WHERE id = '{id}'")).await;
    let body = json!({"outcome": outcome, "note": "looked"});
    world.approver.post(&format!("/orgs/acme/approvals/{id}/settle"), body).await.expect(200);
}

#[tokio::test]
async fn what_nobody_knows_stays_unknown_until_a_person_settles_it() {
    let world = World::new().await;
    let (ran, did_not) = (unknown(&world, 1).await, unknown(&world, 2).await);
    for (id, cents) in [(&ran, 1), (&did_not, 2)] {
        ended(&world, id, "outcome_unknown", false, None).await;
        is(&call(&world.agent, "pay", payment(cents)).await.expect(200), "outcome_unknown", false);
    }
    assert_eq!(world.upstream.calls(), 2, "nothing was sent again");
    settle(&world, &ran, "executed").await;
    settle(&world, &did_not, "not_executed").await;
    ended(&world, &ran, "executed", true, None).await;
    ended(&world, &did_not, "not_executed", false, None).await;
    is(&call(&world.agent, "pay", payment(1)).await.expect(200), "executed", true);
    assert_ne!(held(&world, 2).await, did_not, "now it may be asked for again");
    assert_eq!(world.upstream.calls(), 2);
}

#[tokio::test]
async fn an_approved_call_says_how_the_upstream_answered_now_and_later() {
    let world = World::new().await;
    let error = r#"{"code":-32000,"message":"no such account","data":{"x":1.50}}"#;
    let fails = r#"{"content":[{"type":"text","text":"no funds"}],"isError":true,"x":1.50}"#;
    for (cents, behaviour, part, other) in [
        (1, Behaviour::Error(error.to_owned()), error, "result"),
        (2, Behaviour::Result(fails.to_owned()), fails, "error"),
    ] {
        let id = approved(&world, cents).await;
        world.upstream.behave(behaviour);
        for (answer, replayed) in [
            (call(&world.agent, "pay", payment(cents)).await, Some(false)),
            (call(&world.agent, "pay", payment(cents)).await, Some(true)),
            (run(&world.agent, &id).await, Some(true)),
            (look(&world.agent, &id, 0).await, None),
        ] {
            let called = answer.clone().expect(200);
            is(&called, "executed", true);
            assert!(replayed.is_none_or(|replayed| (called["replayed"] == true) == replayed), "{called}");
            assert!(called[other].is_null(), "{called}");
            assert!(answer.text.contains(part), "{}", answer.text);
        }
    }
    assert_eq!(world.upstream.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_told_to_who_comes_back() {
    let world = World::new().await;
    slow(&world).await;
    let id = approved(&world, 1).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"late"}]}"#.to_owned()));
    let runs = super::spawn(&world.agent, "pay", payment(1), json!({}));
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    sql(&world, format!("UPDATE approvals SET lease_until = now() - interval '1 hour' WHERE id = '{id}'")).await;
    eventually("the lease has lapsed", || async { world.admin.status(&id).await == "outcome_unknown" }).await;
    ended(&world, &id, "outcome_unknown", false, None).await;
    world.upstream.release();
    runs.await.expect("it ends").expect(200);
    for late in said(&world, &id).await {
        is(&late, "executed", true);
        assert_eq!(super::text(&late), "late", "{late}");
    }
    assert_eq!(world.upstream.calls(), 1);
}
