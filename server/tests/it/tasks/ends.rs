//! How a task ends when the call does not run, and that an end is an end: no late decision and no late
//! answer makes another of it.

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};

use super::{Agent, LONG_ENOUGH, alter, last_words};
use crate::support::{Behaviour, World, client::text, eventually};

#[tokio::test]
async fn a_rejection_is_read_word_for_word() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "reject", "Ada is paid\nalready").await.expect(200);
    let told = agent.get(&task).await;
    assert!(last_words(&told).contains("Ada is paid\nalready"), "{told}");
    assert!(told["ttlMs"].as_i64().expect("a time") > 86_000_000, "told for a day: {told}");
}

#[tokio::test]
async fn an_expired_task_stays_so_after_a_late_decision_and_nothing_runs() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (told_first, told_later) = (agent.task(1).await, agent.task(2).await);
    for (_, id) in [&told_first, &told_later] {
        alter(&world, id, "expires_at = clock_timestamp()").await;
    }
    // The first one is told of its end before the decision, the second one after it.
    assert!(last_words(&agent.get(&told_first.0).await).contains("nobody decided"));
    for (_, id) in [&told_first, &told_later] {
        world.approver.decide(id, "approve", "sorry, I was away").await.expect(200);
    }
    tokio::time::sleep(LONG_ENOUGH).await;
    assert_eq!(world.upstream.calls(), 0, "nobody waits for it");
    for (task, id) in [&told_first, &told_later] {
        assert!(last_words(&agent.get(task).await).contains("nobody decided"));
        assert_eq!(world.admin.status(id).await, "approved");
    }
    assert_eq!(text(&agent.pay(1).await), "done", "the agent may come for it");
    assert!(last_words(&agent.get(&told_first.0).await).contains("nobody decided"), "and the old task is over");
}

#[tokio::test]
async fn a_deadline_that_nobody_wrote_down_yet_is_told_and_stands() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    alter(&world, &id, "expires_at = clock_timestamp()").await;
    let told = agent.get(&task).await;
    assert!(last_words(&told).contains("nobody decided"), "{told}");
    let stored = "SELECT state FROM approvals WHERE id = $1";
    let state: String = sqlx::query_scalar(stored)
        .bind(id.parse::<uuid::Uuid>().expect("an id"))
        .fetch_one(&mut world.sql().await)
        .await
        .expect("a row");
    assert_eq!(state, "expired", "what was told is written down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_is_just_being_committed_comes_before_the_deadline() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    alter(&world, &id, "expires_at = clock_timestamp() + interval '1 second'").await;
    let mut deciding = world.sql().await;
    let sql = format!(
        "BEGIN; UPDATE approvals SET state = 'approved', decided_at = clock_timestamp(), decided_by = (SELECT id FROM users WHERE email = 'approver@example.com'),
         execute_by = clock_timestamp() + interval '1 day' WHERE id = '{id}' AND expires_at > clock_timestamp()"
    );
    deciding.execute(AssertSqlSafe(sql)).await.expect("decided in time");
    tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
    let (asker, asked) = (agent.clone(), task.clone());
    let told = tokio::spawn(async move { asker.end(&asked).await });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!told.is_finished(), "nobody is told that it expired");
    deciding.execute("COMMIT").await.expect("committed late");
    assert_eq!(text(&told.await.expect("it answers")["result"]), "done");
}

#[tokio::test]
async fn an_unknown_outcome_ends_it_and_settling_tells_nothing_else() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    world.upstream.behave(Behaviour::Garbage);
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let told = last_words(&agent.end(&task).await);
    assert!(told.starts_with("OUTCOME UNKNOWN"), "{told}");
    alter(&world, &id, "lease_until = now() - interval '1 hour'").await;
    let settle = json!({"outcome": "executed", "note": "the statement shows it"});
    world.approver.post(&format!("/orgs/acme/approvals/{id}/settle"), settle).await.expect(200);
    assert_eq!(last_words(&agent.get(&task).await), told);
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_late_answer_does_not_open_it_again() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    let agent = Agent::new(&world.agent);
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"late"}]}"#.into()));
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    assert_eq!(agent.get(&task).await["status"], "working");
    alter(&world, &id, "lease_until = clock_timestamp()").await;
    assert!(last_words(&agent.end(&task).await).starts_with("OUTCOME UNKNOWN"));
    world.upstream.release();
    eventually("the answer came", || async { world.admin.status(&id).await == "executed" }).await;
    assert!(last_words(&agent.get(&task).await).starts_with("OUTCOME UNKNOWN"), "what was told stands");
}

#[tokio::test]
async fn a_change_that_undoes_the_approval_ends_it() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    let body = json!({"connection": "bank", "tool": "pay", "permission": "blocked"});
    assert!(world.admin.put("/orgs/acme/toolkits/bank/tools/pay", body).await.status.is_success());
    assert_eq!(world.approver.decide(&id, "approve", "ok").await.status.as_u16(), 409);
    let told = last_words(&agent.get(&task).await);
    assert!(told.contains("no longer valid") && told.contains("blocked"), "{told}");
    assert_eq!(world.upstream.calls(), 0);
}

#[tokio::test]
async fn an_approval_that_could_not_be_run_in_time_ends_it() {
    let mut world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.upstream.stop().await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(agent.get(&task).await["status"], "working", "it is tried again");
    eventually("it is not under way", || async { world.admin.status(&id).await == "approved" }).await;
    alter(&world, &id, "execute_by = clock_timestamp()").await;
    let told = last_words(&agent.end(&task).await);
    assert!(told.contains("not used in time"), "{told}");
}

#[tokio::test]
async fn a_task_is_kept_for_a_day_after_its_end() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "reject", "no").await.expect(200);
    let closed = async |ago: &str| {
        let sql = format!("UPDATE tasks SET closed_at = clock_timestamp() - interval '{ago}'");
        world.sql().await.execute(AssertSqlSafe(sql)).await.expect("an owner may");
        permesso::service::call::task::sweep(&world.gateway.services).await.expect("it sweeps")
    };
    assert_eq!(closed("23 hours").await, 0);
    assert_eq!(agent.get(&task).await["status"], "completed");
    assert_eq!(closed("25 hours").await, 1);
    let answer = agent.ask("tasks/get", json!({"taskId": task})).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[tokio::test]
async fn who_comes_after_the_result_is_gone_is_told_that_the_call_ran() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let ((first, id), (second, _)) = (agent.task(1).await, agent.task(1).await);
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(text(&agent.end(&first).await["result"]), "done");
    alter(&world, &id, "finished_at = clock_timestamp() - interval '11 minutes'").await;
    eventually("the result is no longer kept", || async { text(&agent.get(&second).await["result"]) != "done" }).await;
    let told = agent.get(&second).await;
    assert_eq!(told["status"], "completed", "{told}");
    assert!(text(&told["result"]).contains("no longer kept"), "{told}");
    assert!(told["ttlMs"].as_i64().expect("a time") > 86_000_000, "told for a day: {told}");
}

#[tokio::test]
async fn a_sweep_leaves_nothing_for_later() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (_, id) = agent.task(1).await;
    world.approver.decide(&id, "reject", "no").await.expect(200);
    let sql =
        "INSERT INTO tasks (id_sha256, org_id, toolkit_id, caller_kind, caller_id, approval_id, closed_at, closed_as)
               SELECT sha256(n::text::bytea), org_id, toolkit_id, caller_kind, caller_id, approval_id,
                      clock_timestamp() - interval '2 days', 'rejected'
               FROM tasks, generate_series(1, 1200) n";
    world.sql().await.execute(sql).await.expect("an owner may");
    assert_eq!(permesso::service::call::task::sweep(&world.gateway.services).await.expect("it sweeps"), 1_200);
}

#[tokio::test]
async fn a_task_that_an_older_binary_left_open_has_ended_with_its_approval() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (late, gone) = (agent.task(1).await, agent.task(2).await);
    for (_, id) in [&late, &gone] {
        // As a binary writes it that knows no tasks.
        alter(&world, id, "state = 'expired', finished_at = clock_timestamp() - interval '2 days'").await;
    }
    world.approver.decide(&late.1, "approve", "sorry, I was away").await.expect(200);
    tokio::time::sleep(LONG_ENOUGH).await;
    assert_eq!(world.upstream.calls(), 0, "nobody waits for it");
    assert!(last_words(&agent.get(&late.0).await).contains("nobody decided"));
    assert_eq!(permesso::service::call::task::sweep(&world.gateway.services).await.expect("it sweeps"), 1);
    let answer = agent.ask("tasks/get", json!({"taskId": gone.0})).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[tokio::test]
async fn a_result_that_nobody_read_outlives_the_day_and_ends_with_replay() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it ran", || async { world.admin.status(&id).await == "executed" }).await;
    let sql = "UPDATE tasks SET closed_at = clock_timestamp() - interval '3 days'";
    world.sql().await.execute(sql).await.expect("an owner may");
    alter(
        &world,
        &id,
        "finished_at = clock_timestamp() - interval '3 days', execute_by = clock_timestamp() + interval '1 day'",
    )
    .await;
    assert_eq!(permesso::service::call::task::sweep(&world.gateway.services).await.expect("it sweeps"), 0);
    assert_eq!(text(&agent.get(&task).await["result"]), "done");
    // Read whole once, it was given; ten minutes from the finish are over.
    eventually("it is over", || async {
        agent.ask("tasks/get", json!({"taskId": task})).await["error"]["code"] == -32602
    })
    .await;
}
