//! What is kept of idempotency keys, and for how long.

use serde_json::json;
use sqlx::AssertSqlSafe;

use super::{is, keyed, payment, problem};
use crate::support::World;

async fn change(world: &World, sql: &str) {
    sqlx::query(AssertSqlSafe(sql)).execute(&mut world.sql().await).await.expect("a statement");
}

async fn count(world: &World) -> i64 {
    let counted = sqlx::query_scalar("SELECT count(*) FROM idempotent_calls");
    counted.fetch_one(&mut world.sql().await).await.expect("a number")
}

#[tokio::test]
async fn after_a_day_a_key_is_as_new_and_its_answer_is_erased() {
    let world = World::new().await;
    is(&keyed(&world.agent, "balance", json!({}), "old").await.expect(200), "executed", true);
    is(&keyed(&world.agent, "balance", json!({}), "new").await.expect(200), "executed", true);
    change(
        &world,
        "UPDATE idempotent_calls SET created_at = now() - interval '25 hours'
        WHERE key_sha256 = sha256('old')",
    )
    .await;
    permesso::service::call::sweep_keys(&world.gateway.services).await.expect("it sweeps");
    assert_eq!(count(&world).await, 1, "the new one stays");
    let again = keyed(&world.agent, "balance", json!({}), "old").await.expect(200);
    assert!(again["replayed"].is_null(), "{again}");
    let kept = keyed(&world.agent, "balance", json!({}), "new").await.expect(200);
    assert_eq!(kept["replayed"], true, "{kept}");
    assert_eq!(world.upstream.calls(), 3);

    // One that is not swept yet is as new, too.
    change(&world, "UPDATE idempotent_calls SET created_at = now() - interval '25 hours'").await;
    assert!(keyed(&world.agent, "balance", json!({}), "new").await.expect(200)["replayed"].is_null());
    assert_eq!(world.upstream.calls(), 4);
}

#[tokio::test]
async fn who_was_about_to_ask_a_person_and_is_gone_keeps_the_key_for_a_moment_only() {
    let world = World::new().await;
    is(&keyed(&world.agent, "pay", payment(1), "k").await.expect(202), "pending", false);
    change(
        &world,
        "UPDATE idempotent_calls SET state = 'opening', approval_id = NULL, lease_until = now() + interval '1 hour'",
    )
    .await;
    problem(&keyed(&world.agent, "pay", payment(1), "k").await, 409, "in_progress");
    change(&world, "UPDATE idempotent_calls SET lease_until = now() - interval '1 second'").await;
    is(&keyed(&world.agent, "pay", payment(1), "k").await.expect(202), "pending", false);
    problem(&keyed(&world.agent, "pay", payment(2), "k").await, 422, "idempotency_key_reused");
}

#[tokio::test]
async fn who_was_about_to_send_a_call_and_is_gone_leaves_it_unknown() {
    let world = World::new().await;
    is(&keyed(&world.agent, "balance", json!({}), "k").await.expect(200), "executed", true);
    change(
        &world,
        "UPDATE idempotent_calls SET state = 'running', answer_sealed = NULL, lease_until = now() + interval '1 hour'",
    )
    .await;
    problem(&keyed(&world.agent, "balance", json!({}), "k").await, 409, "in_progress");
    change(&world, "UPDATE idempotent_calls SET lease_until = now() - interval '1 second'").await;
    is(&keyed(&world.agent, "balance", json!({}), "k").await.expect(200), "outcome_unknown", false);
    assert_eq!(world.upstream.calls(), 1, "it is never sent again");
}

#[tokio::test]
async fn a_caller_has_ten_thousand_keys_a_day_and_its_answers_have_room() {
    let world = World::new().await;
    is(&keyed(&world.agent, "balance", json!({}), "first").await.expect(200), "executed", true);
    change(&world, "INSERT INTO idempotent_calls (org_id, caller_kind, caller_id, toolkit_id, key_sha256, request_sha256, state,
            holder, lease_until)
        SELECT org_id, caller_kind, caller_id, toolkit_id, sha256(n::text::bytea), request_sha256, 'unknown', holder, now()
        FROM idempotent_calls, generate_series(1, 9999) n").await;
    problem(&keyed(&world.agent, "balance", json!({}), "one-more").await, 429, "too_many_keys");
    problem(&keyed(&world.agent, "pay", payment(1), "one-more").await, 429, "too_many_keys");
    let known = keyed(&world.agent, "balance", json!({}), "first").await.expect(200);
    assert_eq!(known["replayed"], true, "{known}");
    assert_eq!(world.upstream.calls(), 1);

    // 256 MiB of answers: of a further call only the state is kept.
    change(&world, "DELETE FROM idempotent_calls WHERE state = 'unknown' AND key_sha256 > '\\x80'").await;
    change(&world, "UPDATE idempotent_calls SET state = 'answered', answer_sealed = repeat('x', 1048576)::bytea
        WHERE state = 'unknown' AND key_sha256 IN (SELECT key_sha256 FROM idempotent_calls WHERE state = 'unknown' LIMIT 256)").await;
    assert!(keyed(&world.agent, "balance", json!({}), "late").await.expect(200)["result"].is_object());
    let late = keyed(&world.agent, "balance", json!({}), "late").await.expect(200);
    assert!(late["result"].is_null() && late["replayed"] == true, "{late}");
    assert_eq!(world.upstream.calls(), 2);
}
