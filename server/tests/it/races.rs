//! At most once, whatever crashes and however many race (approvals.md, promises 1, 2 and 4): over
//! gateway processes on one database, counted where it matters, in the ledger's own file.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

use crate::support::{
    Client, Gateway, World,
    client::text,
    database::{database, owner},
    eventually,
    ledger::Ledger,
    process::Process,
};

impl Ledger {
    async fn approved(&self) -> String {
        let id = Client::approval_of(&self.agent.call("send_invoice", invoice()).await);
        self.admin.decide(&id, "approve", "ok").await.expect(200);
        id
    }

    /// Holds a lock that makes a transaction of the gateways wait.
    async fn lock(&self, sql: &str) -> PgConnection {
        let mut conn = owner(&self.database).await;
        conn.execute("BEGIN").await.expect("a transaction");
        conn.execute(sqlx::AssertSqlSafe(sql.to_owned())).await.expect("a lock");
        conn
    }

    /// Waits until a gateway's transaction waits for a lock.
    async fn somebody_waits(&self) {
        let mut conn = owner(&self.database).await;
        let sql =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut waiting = 0;
        for _ in 0..500 {
            waiting = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut conn).await.expect("a count");
            if waiting > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(waiting > 0, "nobody waits");
    }
}

fn invoice() -> Value {
    json!({"customer": "Ada", "amount_cents": 1250, "currency": "EUR"})
}

/// A call that goes on by itself, whatever becomes of its gateway.
fn call(agent: &Client, url: &str) -> tokio::task::JoinHandle<Option<Value>> {
    let agent = agent.at(url);
    tokio::spawn(async move {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "send_invoice", "arguments": invoice()}});
        let answer = agent.try_send(reqwest::Method::POST, "/acme/bank/mcp", Some(body.to_string()), &[]).await.ok()?;
        Some(answer.json()["result"].clone())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_identical_calls_over_three_replicas_run_once() {
    let world = World::new().await;
    let (second, third) = (Gateway::start(&world.database).await, Gateway::start(&world.database).await);
    let urls = [world.gateway.url.clone(), second.url.clone(), third.url.clone()];
    let calls = |world: &World| -> Vec<_> {
        let one = |n: usize| {
            let agent = world.agent.at(&urls[n % 3]);
            tokio::spawn(async move { agent.call("pay", json!({"to": "Ada", "cents": 1})).await })
        };
        (0..100).map(one).collect()
    };
    let mut ids = Vec::new();
    for call in calls(&world) {
        ids.push(Client::approval_of(&call.await.expect("it answers")));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one approval");
    world.approver.decide(&ids[0], "approve", "ok").await.expect(200);
    for call in calls(&world) {
        let result = call.await.expect("it answers");
        assert_eq!(text(&result), "done", "{result}");
    }
    assert_eq!(world.upstream.calls(), 1);
    second.stop().await;
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_race_and_the_ledger_has_one_entry() {
    let database = database().await;
    let (a, b) = (Process::gateway(&database), Process::gateway(&database));
    let ledger = Ledger::new(&a, database, "needs_approval", 200).await;
    for round in 1..=3 {
        let id = ledger.approved().await;
        let calls: Vec<_> = (0..40).map(|n| call(&ledger.agent, if n % 2 == 0 { &a.url } else { &b.url })).collect();
        for call in calls {
            let result = call.await.expect("it ends").expect("it answers");
            assert!(result["isError"].is_null() || result["isError"] == false, "{result}");
        }
        assert_eq!(ledger.sent(), round, "approval {id}");
        // So that the next round asks anew.
        let mut conn = owner(&ledger.database).await;
        conn.execute(
            "UPDATE approvals SET finished_at = now() - interval '2 days', execute_by = now() - interval '1 day'",
        )
        .await
        .expect("an owner may");
        conn.close().await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_claim_commits_nothing_was_sent() {
    let database = database().await;
    let (a, b) = (Process::gateway(&database), Process::gateway(&database));
    let ledger = Ledger::new(&a, database, "needs_approval", 0).await;
    let id = ledger.approved().await;
    let lock = ledger.lock("SELECT FROM tools FOR UPDATE").await;
    let lost = call(&ledger.agent, &b.url);
    ledger.somebody_waits().await;
    b.kill();
    lock.close().await.ok();
    assert!(lost.await.expect("it ends").is_none(), "the client lost its gateway");
    assert_eq!(ledger.sent(), 0);
    eventually("the claim is gone with its process", || async { ledger.admin.status(&id).await == "approved" }).await;
    let result = call(&ledger.agent, &a.url).await.expect("it ends").expect("it answers");
    assert_ne!(result["isError"], true, "{result}");
    assert_eq!(ledger.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_claim_and_answer_it_is_unknown_once() {
    let database = database().await;
    let (a, b) = (Process::gateway(&database), Process::gateway(&database));
    let ledger = Ledger::new(&a, database, "needs_approval", 3_000).await;
    let id = ledger.approved().await;
    let lost = call(&ledger.agent, &b.url);
    eventually("it was sent", || async { ledger.sent() == 1 }).await;
    b.kill();
    lost.await.expect("it ends");
    eventually("its fate is unknown", || async { ledger.admin.status(&id).await == "outcome_unknown" }).await;
    let refused = call(&ledger.agent, &a.url).await.expect("it ends").expect("it answers");
    assert!(text(&refused).starts_with("OUTCOME UNKNOWN"), "{refused}");
    assert_eq!(ledger.sent(), 1);
    let audit = ledger.admin.get(&format!("/orgs/acme/audit?approval={id}&status=interrupted")).await.expect(200);
    assert_eq!(audit["items"].as_array().map(Vec::len), Some(1), "the intent was durable before: {audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_answer_and_record_it_is_unknown_once() {
    let database = database().await;
    let (a, b) = (Process::gateway(&database), Process::gateway(&database));
    let ledger = Ledger::new(&a, database, "needs_approval", 1_000).await;
    let id = ledger.approved().await;
    let lost = call(&ledger.agent, &b.url);
    eventually("it was sent", || async { ledger.sent() == 1 }).await;
    let lock = ledger.lock("SELECT FROM approvals FOR UPDATE").await;
    ledger.somebody_waits().await;
    // Long enough for the answer to have come.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    b.kill();
    lock.close().await.ok();
    lost.await.expect("it ends");
    eventually("its fate is unknown", || async { ledger.admin.status(&id).await == "outcome_unknown" }).await;
    let refused = call(&ledger.agent, &a.url).await.expect("it ends").expect("it answers");
    assert!(text(&refused).starts_with("OUTCOME UNKNOWN"), "{refused}");
    assert_eq!(ledger.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_record_and_reply_the_stored_result_waits() {
    let database = database().await;
    let (a, b) = (Process::gateway(&database), Process::gateway(&database));
    let ledger = Ledger::new(&a, database, "needs_approval", 1_000).await;
    let id = ledger.approved().await;
    // The client goes away while it runs, so nobody gets the reply; then its gateway dies too.
    let gone = call(&ledger.agent, &b.url);
    eventually("it was sent", || async { ledger.sent() == 1 }).await;
    gone.abort();
    eventually("it is recorded", || async { ledger.admin.status(&id).await == "executed" }).await;
    b.kill();
    let result = call(&ledger.agent, &a.url).await.expect("it ends").expect("it answers");
    assert_eq!(result["_meta"]["dev.permesso/approval"]["replayed"], true, "{result}");
    assert_eq!(ledger.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_paused_past_its_lease_sends_nothing() {
    let database = database().await;
    let (a, b) = (Process::gateway(&database), Process::gateway(&database));
    let ledger = Ledger::new(&a, database, "needs_approval", 0).await;
    let id = ledger.approved().await;
    // The claim is held up until it is about to commit; its process sleeps through most of its lease.
    let lock = ledger.lock("SELECT FROM tools FOR UPDATE").await;
    let paused = call(&ledger.agent, &b.url);
    ledger.somebody_waits().await;
    b.signal(Signal::SIGSTOP);
    tokio::time::sleep(Duration::from_secs(7)).await;
    lock.close().await.ok();
    b.signal(Signal::SIGCONT);
    let result = paused.await.expect("it ends").expect("it answers");
    assert_eq!(result["isError"], true, "{result}");
    assert_eq!(ledger.sent(), 0, "under five seconds of the lease were left");
    assert_eq!(ledger.admin.status(&id).await, "approved", "it provably never left");
    let result = call(&ledger.agent, &a.url).await.expect("it ends").expect("it answers");
    assert_ne!(result["isError"], true, "{result}");
    assert_eq!(ledger.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_one_replica_wakes_a_waiter_on_another() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    for (cents, listening) in [(1, true), (2, false)] {
        let id = world.held(cents).await;
        if !listening {
            // Every LISTEN connection dies: the waiter looks by itself.
            let mut conn = world.sql().await;
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
            conn.execute(sql).await.expect("a superuser may");
        }
        let (agent, waited) = (world.agent.at(&second.url), id.clone());
        let waiter = tokio::spawn(async move {
            agent.call("approval_status", json!({"approval_id": waited, "wait_seconds": 30})).await
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.approver.decide(&id, "approve", "ok").await.expect(200);
        let decided = std::time::Instant::now();
        let status = waiter.await.expect("it answers");
        assert_eq!(status["structuredContent"]["status"], "approved", "{status}");
        let limit = if listening { Duration::from_secs(1) } else { Duration::from_secs(4) };
        assert!(decided.elapsed() < limit, "woken after {:?}", decided.elapsed());
    }
    second.stop().await;
}
