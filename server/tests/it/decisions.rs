//! Who may decide, on what view, and what happens when two do (approvals.md, promise 6 and "Who may
//! decide").

use serde_json::json;
use sqlx::Executor;

use crate::support::{Client, World, client::text, eventually};

#[tokio::test]
async fn keys_never_decide() {
    let world = World::new().await;
    let id = world.held(1).await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "boss", "role": "admin"})).await.expect(201);
    let robot = Client::new(&world.gateway.url, key["key"].as_str());
    let seen = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    for verb in ["approve", "reject", "settle"] {
        let body = match verb {
            "settle" => json!({"outcome": "executed", "note": "x"}),
            _ => {
                json!({"arguments_sha256": seen["arguments_sha256"], "definition_sha256": seen["definition_sha256"], "reason": "x"})
            }
        };
        let answer = robot.post(&format!("/orgs/acme/approvals/{id}/{verb}"), body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (403, "person_required"),
            "{verb}: {}",
            answer.text
        );
    }
    assert_eq!(world.admin.status(&id).await, "pending");
}

#[tokio::test]
async fn nobody_decides_their_own_request_unless_the_org_says_so() {
    let world = World::new().await;
    let id = world.held(1).await;
    let answer = world.owner.decide(&id, "approve", "mine").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "own_request"), "{}", answer.text);

    // Who rotates a key is its own people too.
    world
        .admin
        .post(&format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id), json!({"overlap_seconds": 60}))
        .await
        .expect(200);
    let answer = world.admin.decide(&id, "approve", "mine now").await;
    assert_eq!(answer.code(), "own_request", "{}", answer.text);

    // A person who calls is their own people.
    let result = world.approver.call("pay", json!({"cents": 1})).await;
    assert!(result.is_null(), "the role approver may not call tools");
    world.admin.patch("/orgs/acme", json!({"approval_policy": {"allow_self_approval": true}})).await.expect(200);
    world.owner.decide(&id, "approve", "allowed").await.expect(200);
}

#[tokio::test]
async fn a_role_that_the_policy_does_not_name_may_not_decide() {
    let world = World::new().await;
    let id = world.held(1).await;
    world.admin.patch("/orgs/acme", json!({"approval_policy": {"approver_roles": ["admin"]}})).await.expect(200);
    let answer = world.approver.decide(&id, "approve", "ok").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "forbidden"), "{}", answer.text);
    let shown = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!((&shown["may_decide"], &shown["somebody_may_decide"]), (&json!(false), &json!(true)));
    world.admin.decide(&id, "approve", "ok").await.expect(200);
}

#[tokio::test]
async fn a_stale_view_decides_nothing() {
    let world = World::new().await;
    let id = world.held(1).await;
    let seen = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    for stale in ["arguments_sha256", "definition_sha256"] {
        let mut body =
            json!({"arguments_sha256": seen["arguments_sha256"], "definition_sha256": seen["definition_sha256"]});
        body[stale] = json!("0".repeat(64));
        let answer = world.approver.post(&format!("/orgs/acme/approvals/{id}/approve"), body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "stale_view"), "{}", answer.text);
    }
    let bad = world
        .approver
        .post(&format!("/orgs/acme/approvals/{id}/approve"), json!({"arguments_sha256": "x", "definition_sha256": "y"}))
        .await;
    assert_eq!(bad.status.as_u16(), 422);
    assert_eq!(world.admin.status(&id).await, "pending");
}

#[tokio::test]
async fn of_two_who_decide_at_once_one_wins_and_the_other_is_told() {
    let world = World::new().await;
    for cents in 0..6 {
        let id = world.held(cents).await;
        let (approve, reject) =
            tokio::join!(world.approver.decide(&id, "approve", "yes"), world.admin.decide(&id, "reject", "no"));
        let mut statuses = [approve.status.as_u16(), reject.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", approve.text, reject.text);
        let loser = if approve.status.as_u16() == 409 { approve } else { reject };
        assert_eq!(loser.code(), "not_open");
        let status = world.admin.status(&id).await;
        assert!(loser.text.contains(&status), "it names the state: {} {status}", loser.text);
    }
}

#[tokio::test]
async fn repeating_ones_own_decision_changes_nothing() {
    let world = World::new().await;
    let id = world.held(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let answer = world.approver.decide(&id, "reject", "changed my mind").await;
    assert_eq!(answer.code(), "not_open", "{}", answer.text);
    let shown = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(shown["history"].as_array().map(Vec::len), Some(2), "{shown}");
}

#[tokio::test]
async fn a_request_that_expires_under_the_decision_is_not_approved_in_time() {
    let world = World::new().await;
    let id = world.held(1).await;
    let sql = format!("UPDATE approvals SET expires_at = now() - interval '8 days' WHERE id = '{id}'");
    world.sql().await.execute(sqlx::AssertSqlSafe(sql)).await.expect("an owner may");
    let answer = world.approver.decide(&id, "reject", "no").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "not_open"), "{}", answer.text);
    assert!(answer.text.contains("expired"));
    let answer = world.approver.decide(&id, "approve", "too late").await;
    assert_eq!(answer.code(), "not_open", "more than seven days: {}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_expires_while_its_decision_waits_is_not_rejected_in_time() {
    let world = World::new().await;
    let id = world.held(1).await;
    let soon = format!("UPDATE approvals SET expires_at = clock_timestamp() + interval '1 second' WHERE id = '{id}'");
    world.sql().await.execute(sqlx::AssertSqlSafe(soon)).await.expect("an owner may");
    let mut lock = world.sql().await;
    lock.execute(sqlx::AssertSqlSafe(format!("BEGIN; SELECT FROM approvals WHERE id = '{id}' FOR UPDATE")))
        .await
        .expect("a lock");
    let (approver, waiting) = (world.approver.clone(), id.clone());
    let decision = tokio::spawn(async move { approver.decide(&waiting, "reject", "no").await });
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    lock.execute("ROLLBACK").await.expect("it is released");
    let answer = decision.await.expect("it answers");
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "not_open"), "{}", answer.text);
}

#[tokio::test]
async fn reading_decides_nothing_and_edits_are_refused() {
    let world = World::new().await;
    let id = world.held(1).await;
    for verb in ["approve", "reject", "settle"] {
        let answer = world.approver.get(&format!("/orgs/acme/approvals/{id}/{verb}")).await;
        assert_eq!(answer.status.as_u16(), 405, "{}", answer.text);
    }
    let seen = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    let body = json!({"arguments_sha256": seen["arguments_sha256"], "definition_sha256": seen["definition_sha256"], "arguments": {"cents": 2}});
    let answer = world.approver.post(&format!("/orgs/acme/approvals/{id}/approve"), body).await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
    assert_eq!(world.admin.status(&id).await, "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_request_has_expired_when_its_hold_ends_is_told_so() {
    let world = World::new().await;
    let body = json!({"name": "patient", "role": "agent", "hold_seconds": 3});
    let key = world.owner.post("/orgs/acme/api-keys", body).await.expect(201);
    let agent = Client::new(&world.gateway.url, key["key"].as_str());
    let call = tokio::spawn(async move { agent.call("pay", json!({"to": "Ada", "cents": 1})).await });
    eventually("it is held", || async {
        world.admin.get("/orgs/acme/approvals?status=pending").await.json()["items"][0].is_object()
    })
    .await;
    let mut sql = world.sql().await;
    sql.execute("UPDATE approvals SET expires_at = created_at + interval '2 seconds'").await.expect("an owner may");
    // Nobody can write down that it has expired, and so nobody tells who waits.
    sql.execute("BEGIN").await.expect("a transaction");
    sql.execute("SELECT FROM approvals FOR UPDATE").await.expect("a lock");
    let result = call.await.expect("it answers");
    assert!(text(&result).contains("nobody decided; you may ask once more"), "{result}");
    assert_eq!(result["isError"], true);
}
