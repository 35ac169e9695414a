//! What can never run any more is invalidated when the change happens, on any replica, and counts against no limit
//! (approvals.md, "What an approval is bound to").

use permesso::service::approval::bound::{Look, sweep};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{Client, Gateway, World, client::text, eventually, upstream::TOOLS};

/// A change that nobody can undo an invalidation by, and what is said of it.
const CHANGES: &[(&str, &str)] = &[
    ("tool removed", "no longer offered"),
    ("tool not offered", "no longer offered"),
    ("toolkit removed", "no longer offered"),
    ("connection removed", "no longer offered"),
    ("connection off", "switched off"),
    ("connection reconfigured", "reconfigured"),
    ("blocked", "blocked"),
    ("key revoked", "credential is no longer valid"),
    ("key expired", "credential is no longer valid"),
    ("key expires by itself", "credential is no longer valid"),
    ("definition", "definition changed"),
    ("owner", "owner changed"),
];

/// Makes the change, at another replica where it is made by REST.
async fn change(world: &World, there: &Client, what: &str) {
    let sql = async |sql: String| {
        world.sql().await.execute(AssertSqlSafe(sql)).await.expect("an owner may");
    };
    let key = &world.agent_key_id;
    let answer = match what {
        "tool removed" => there.delete("/orgs/acme/toolkits/bank/tools/pay").await,
        "tool not offered" => {
            world.upstream.offer(r#"[{"name":"balance","inputSchema":{"type":"object"}}]"#);
            there.post("/orgs/acme/connections/bank/refresh", json!({})).await
        }
        "toolkit removed" => there.delete("/orgs/acme/toolkits/bank").await,
        "connection removed" => there.delete("/orgs/acme/connections/bank?force=true").await,
        "connection off" => there.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await,
        "connection reconfigured" => {
            let config = json!({"config": {"url": world.upstream.url, "headers": {"x-new": "1"}}});
            there.patch("/orgs/acme/connections/bank", config).await
        }
        "blocked" => {
            let body = json!({"connection": "bank", "tool": "pay", "permission": "blocked"});
            there.put("/orgs/acme/toolkits/bank/tools/pay", body).await
        }
        "key revoked" => there.delete(&format!("/orgs/acme/api-keys/{key}")).await,
        "key expires by itself" => {
            return sql(format!("UPDATE api_keys SET expires_at = now() + interval '3 s' WHERE id = '{key}'")).await;
        }
        "key expired" => return sql(format!("UPDATE api_keys SET expires_at = now() WHERE id = '{key}'")).await,
        "definition" => {
            world.upstream.offer(&TOOLS.replace("Pays.", "Pays everything."));
            there.post("/orgs/acme/connections/bank/refresh", json!({})).await
        }
        "owner" => {
            return sql(format!(
                "UPDATE api_keys SET owner_id = (SELECT id FROM users WHERE email = 'approver@example.com') WHERE id = '{key}'"
            ))
            .await;
        }
        other => unreachable!("{other}"),
    };
    assert!(answer.status.is_success(), "{what}: {}", answer.text);
}

#[tokio::test]
async fn what_nobody_can_ever_approve_or_use_is_invalidated_when_the_change_happens() {
    for (what, message) in CHANGES {
        let world = World::new().await;
        let second = Gateway::start(&world.database).await;
        let (waits, unused) = (world.held(1).await, world.held(2).await);
        world.approver.decide(&unused, "approve", "fine").await.expect(200);
        change(&world, &world.admin.at(&second.url), what).await;
        for id in [&waits, &unused] {
            // Nobody decides, and nobody calls.
            eventually(what, || async { world.admin.status(id).await == "invalidated" }).await;
            let shown = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
            assert!(shown["changed"].as_str().is_some_and(|changed| changed.contains(message)), "{what}: {shown}");
            let last = shown["history"].as_array().and_then(|history| history.last()).cloned().unwrap_or_default();
            assert!(last["note"].as_str().is_some_and(|note| note.contains(message)), "{what}: {last}");
        }
        let pending = world.approver.get("/orgs/acme/approvals?status=pending,approved").await.expect(200);
        assert_eq!(pending["items"], json!([]), "{what}");
        let records = world.admin.get("/orgs/acme/audit?action=invalidate_approval").await.expect(200);
        assert_eq!(records["items"].as_array().map(Vec::len), Some(2), "{what}: each once: {records}");
        second.stop().await;
    }
}

#[tokio::test]
async fn a_call_that_waits_hears_of_it_at_once() {
    let world = World::new().await;
    let (agent, _) = world.patient(30).await;
    let call = tokio::spawn(async move { agent.call("pay", json!({"cents": 1})).await });
    eventually("it waits", || async {
        let list = world.admin.get("/orgs/acme/approvals?status=pending").await.expect(200);
        list["items"].as_array().is_some_and(|items| items.len() == 1)
    })
    .await;
    world.admin.delete("/orgs/acme/toolkits/bank/tools/pay").await.expect(204);
    let began = std::time::Instant::now();
    let told = call.await.unwrap();
    assert!(text(&told).contains("no longer valid"), "{told}");
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_can_never_run_takes_no_place_of_the_caller() {
    let world = World::new().await;
    for cents in 0..20 {
        world.held(cents).await;
    }
    let full = world.agent.call("pay", json!({"cents": 99})).await;
    assert!(text(&full).contains("20 of your requests wait"), "{full}");
    world.upstream.offer(&TOOLS.replace("Pays.", "Pays everything."));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    // At once, whether or not somebody has tidied already.
    let asked = world.agent.call("pay", json!({"cents": 99})).await;
    Client::approval_of(&asked);
}

#[tokio::test]
async fn an_outcome_that_nobody_knows_takes_no_place_either() {
    let world = World::new().await;
    for cents in 0..20 {
        world.held(cents).await;
    }
    let sql = "UPDATE approvals SET state = 'outcome_unknown', decided_by = owner_id, decided_at = now(),
                   execute_by = now() + interval '1 day', holder = gen_random_uuid(), lease_until = now()
               WHERE id IN (SELECT id FROM approvals LIMIT 1)";
    world.sql().await.execute(sql).await.unwrap();
    Client::approval_of(&world.agent.call("pay", json!({"cents": 99})).await);
}

#[tokio::test]
async fn what_still_can_be_approved_stays() {
    let world = World::new().await;
    let (waits, unused) = (world.held(1).await, world.held(2).await);
    world.approver.decide(&unused, "approve", "fine").await.expect(200);
    // What is changed has nothing to do with it.
    let body = json!({"connection": "bank", "tool": "balance", "permission": "blocked"});
    assert!(world.admin.put("/orgs/acme/toolkits/bank/tools/balance", body).await.status.is_success());
    world.admin.patch("/orgs/acme", json!({"name": "Acme Inc."})).await.expect(200);
    for look in [Look::Whole, Look::Changed(vec![world.org().await.id.0]), Look::Ended] {
        assert_eq!(sweep(&world.gateway.services, &look).await.unwrap(), 0, "{look:?}");
    }
    assert_eq!(world.admin.status(&waits).await, "pending");
    assert_eq!(text(&world.agent.call("run_approved", json!({"approval_id": unused})).await), "done");
}
