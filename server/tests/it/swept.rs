//! Tables that callers make grow stay within bounds.

use permesso::service::{approval, mcp_session};
use serde_json::json;

use crate::support::{Client, World, modern::Modern, world::OWNER};

async fn count(world: &World, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&mut world.sql().await).await.unwrap()
}

async fn change(world: &World, sql: &'static str) {
    sqlx::query(sql).execute(&mut world.sql().await).await.unwrap();
}

#[tokio::test]
async fn a_sweep_ends_all_idle_sessions_however_many_they_are() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    sqlx::query(
        "INSERT INTO mcp_sessions (id_sha256, org_id, toolkit_id, caller_kind, caller_id, last_seen_at)
         SELECT sha256(n::text::bytea), k.org_id, k.id, 'key', gen_random_uuid(), now() - interval '2 days'
         FROM toolkits k, generate_series(1, 2500) n",
    )
    .execute(&mut sql)
    .await
    .unwrap();
    mcp_session::sweep(&world.gateway.services).await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM mcp_sessions").fetch_one(&mut sql).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_caller_has_a_thousand_tasks_and_the_oldest_go() {
    let world = World::new().await;
    let call = || Modern::call("pay", json!({"cents": 1})).tasks();
    call().send(&world.agent).await;
    change(
        &world,
        "INSERT INTO tasks (id_sha256, org_id, toolkit_id, caller_kind, caller_id, approval_id, closed_at, closed_as)
         SELECT sha256(n::text::bytea), org_id, toolkit_id, caller_kind, caller_id, approval_id, now(), 'cancelled'
         FROM tasks, generate_series(1, 1500) n",
    )
    .await;
    call().send(&world.agent).await;
    assert_eq!(count(&world, "SELECT count(*) FROM tasks").await, 1_000);
    assert_eq!(
        count(&world, "SELECT count(*) FROM tasks WHERE closed_at IS NULL").await,
        2,
        "those that are closed go first"
    );
}

#[tokio::test]
async fn a_person_has_a_hundred_console_sessions_and_the_longest_unused_end() {
    let world = World::new().await;
    change(
        &world,
        "INSERT INTO sessions (id_sha256, id, user_id, epoch, created_at, last_seen_at)
         SELECT sha256(n::text::bytea), gen_random_uuid(), u.id, u.epoch, now(), now() - interval '1 hour'
         FROM users u, generate_series(1, 300) n WHERE email = 'owner@example.com'",
    )
    .await;
    let body = json!({"email": OWNER.0, "password": OWNER.1});
    let browser = Client::browser(&world.gateway.url);
    browser.post("/auth/session", body).await.expect(204);
    assert_eq!(count(&world, "SELECT count(*) FROM sessions").await, 100);
    assert_eq!(
        count(&world, "SELECT count(*) FROM sessions WHERE last_seen_at > now() - interval '1 minute'").await,
        1
    );
}

#[tokio::test]
async fn a_key_has_ten_valid_secrets_at_most_and_none_ends_before_its_time() {
    let world = World::new().await;
    let path = format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id);
    for _ in 0..9 {
        world.owner.post(&path, json!({"overlap_seconds": 3600})).await.expect(200);
    }
    let refused = world.owner.post(&path, json!({"overlap_seconds": 3600})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "too_many_secrets".into()), "{}", refused.text);
    let valid = "SELECT count(*) FROM api_key_secrets s JOIN api_keys k ON k.id = s.key_id
                 WHERE k.name = 'robot' AND (valid_until IS NULL OR valid_until > now())";
    assert_eq!(count(&world, valid).await, 10);
    let first = world.agent.mcp_raw("acme/bank", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
    assert_eq!(first.status.as_u16(), 200, "the oldest goes on");
    world.owner.post(&path, json!({"overlap_seconds": 0})).await.expect(200);
    assert_eq!(count(&world, valid).await, 1);
}

#[tokio::test]
async fn a_sweep_erases_all_bodies_whose_time_is_over_however_many_they_are() {
    let world = World::new().await;
    world.held(1).await;
    change(
        &world,
        "WITH made AS (
             INSERT INTO approvals
             SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), 'state', 'withdrawn',
                     'finished_at', now() - interval '1 day', 'decided_at', now() - interval '1 day'))).*
             FROM approvals a, generate_series(1, 1800) n RETURNING id, org_id)
         INSERT INTO approval_bodies (approval_id, org_id, arguments_sealed) SELECT id, org_id, 'x' FROM made",
    )
    .await;
    approval::sweep(&world.gateway.services).await.unwrap();
    assert_eq!(count(&world, "SELECT count(*) FROM approval_bodies").await, 1, "what is open keeps its own");
}
