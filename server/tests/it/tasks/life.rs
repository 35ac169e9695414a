//! From the call to its result, and who may know of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Agent;
use crate::support::{Behaviour, Client, Gateway, World, client::text, eventually};

#[tokio::test]
async fn a_call_becomes_a_task_and_its_result_is_the_upstreams() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    world.upstream.behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"paid"}], "x" : 1.0e2}"#.into()));
    let created = agent.pay(1250).await;
    assert_eq!(created["resultType"], "task", "{created}");
    assert_eq!((&created["status"], &created["pollIntervalMs"]), (&json!("working"), &json!(5000)));
    assert!(created["content"].is_null(), "it is no result of the tool: {created}");
    let facts = &created["_meta"]["dev.permesso/approval"];
    assert_eq!(
        (&facts["status"], &facts["executed"], &facts["tool"]),
        (&json!("pending"), &json!(false), &json!("pay"))
    );
    let url = facts["console_url"].as_str().expect("a URL");
    assert_eq!(created["statusMessage"], format!("waiting for a person's decision at {url}"));
    // An hour to decide, a day to run.
    let ttl = created["ttlMs"].as_i64().expect("a time");
    assert!((89_990_000..=90_000_000).contains(&ttl), "{ttl}");
    let (task, id) = (created["taskId"].as_str().expect("an id"), facts["approval_id"].as_str().expect("an id"));
    assert_eq!(world.upstream.calls(), 0, "nothing runs before a decision");

    let working = agent.get(task).await;
    assert_eq!((&working["resultType"], &working["status"]), (&json!("complete"), &json!("working")), "{working}");
    assert_eq!((&working["taskId"], &working["createdAt"]), (&created["taskId"], &created["createdAt"]));

    world.approver.decide(id, "approve", "fine").await.expect(200);
    eventually("the gateway runs it", || async { world.admin.status(id).await == "executed" }).await;
    let told = agent.ask_text("acme/bank", "tasks/get", json!({"taskId": task})).await;
    assert!(
        told.contains(r#""result":{"content":[{"type":"text","text":"paid"}], "x" : 1.0e2,"resultType":"complete"}"#),
        "{told}"
    );
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["result"]["status"], &told["result"]["resultType"]), (&json!("completed"), &json!("complete")));
    assert_eq!(agent.get(task).await["result"]["content"][0]["text"], "paid", "it may be read again");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn the_dispatch_is_on_record_as_the_callers_own_call() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let arguments = json!({"name": "pay", "arguments": {"to": "Ada", "cents": 7, "password": "hunter2"}});
    let created = agent.ask("tools/call", arguments).await["result"].clone();
    let id = Client::approval_of(&json!({"structuredContent": created["_meta"]["dev.permesso/approval"]}));
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    agent.end(created["taskId"].as_str().expect("an id")).await;
    let records = world.admin.get("/orgs/acme/audit?tool=pay").await.expect(200);
    let records = records["items"].as_array().expect("items").clone();
    let statuses: Vec<_> = records.iter().map(|record| record["status"].clone()).collect();
    assert_eq!(statuses, ["ok", "held"], "{records:?}");
    let dispatch = world.admin.get(&format!("/orgs/acme/audit/{}", records[0]["id"].as_str().expect("an id"))).await;
    let dispatch = dispatch.expect(200);
    assert_eq!((&dispatch["action"], &dispatch["approval_id"]), (&json!("tools/call"), &json!(id)), "{dispatch}");
    let whole = dispatch.to_string();
    assert!(whole.contains("robot") && whole.contains("Ada") && whole.contains("done"), "{whole}");
    assert!(!whole.contains("hunter2"), "arguments are redacted: {whole}");
    let asked = world.admin.get("/orgs/acme/audit?action=tasks/get").await.expect(200);
    assert_eq!(asked["items"][0]["approval_id"], json!(id), "{asked}");
}

#[tokio::test]
async fn an_error_of_the_upstream_is_a_failed_task() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let error = r#"{"code":-32000,"message":"no funds","data":{"x":1.50}}"#;
    world.upstream.behave(Behaviour::Error(error.into()));
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it ran", || async { world.admin.status(&id).await == "executed" }).await;
    let told = agent.ask_text("acme/bank", "tasks/get", json!({"taskId": task})).await;
    assert!(told.contains(&format!(r#""error":{error}"#)), "{told}");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["result"]["status"], &told["result"]["statusMessage"]), (&json!("failed"), &json!("no funds")));
    assert!(told["result"]["result"].is_null(), "{told}");
}

#[tokio::test]
async fn without_the_extension_there_are_no_tasks() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, _) = agent.task(1).await;
    let plain = agent.plain();
    let held = plain.pay(1).await;
    assert!(text(&held).starts_with("NOT EXECUTED: waiting"), "{held}");
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let answer = plain.ask(method, json!({"taskId": task, "inputResponses": {}})).await;
        assert_eq!(answer["error"]["code"], -32021, "{answer}");
        let needed = &answer["error"]["data"]["requiredCapabilities"]["extensions"];
        assert_eq!(needed, &json!({"io.modelcontextprotocol/tasks": {}}));
    }
    assert_eq!(agent.get(&task).await["status"], "working");
}

#[tokio::test]
async fn a_task_of_somebody_else_or_of_another_toolkit_is_an_unknown_one() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, _) = agent.task(1).await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    let stranger = Agent::new(&Client::new(&world.gateway.url, key["key"].as_str()));
    let toolkit = json!({"slug": "shop", "name": "Shop", "visibility": "private"});
    world.admin.post("/orgs/acme/toolkits", toolkit).await.expect(201);
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let asks = async |agent: &Agent, toolkit: &str, task: &str| {
            agent.ask_text(toolkit, method, json!({"taskId": task, "inputResponses": {}})).await
        };
        let unknown = asks(&agent, "acme/bank", "there-never-was-such-a-task").await;
        assert!(unknown.contains("-32602"), "{unknown}");
        assert_eq!(asks(&stranger, "acme/bank", &task).await, unknown, "{method}");
        assert_eq!(asks(&agent, "acme/shop", &task).await, unknown, "{method}");
    }
    assert_eq!(agent.get(&task).await["status"], "working", "nobody else cancelled it");
    let outside = Agent::new(&world.other_agent).ask_text("acme/bank", "tasks/get", json!({"taskId": task})).await;
    assert!(!outside.contains("taskId"), "{outside}");
}

#[tokio::test]
async fn an_update_is_acknowledged_and_changes_nothing() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, _) = agent.task(1).await;
    let update = json!({"taskId": task, "inputResponses": {"nobody-asked": {"action": "accept"}}});
    let answer = agent.ask("tasks/update", update).await;
    let result = answer["result"].as_object().expect("a result").clone();
    assert_eq!(result["resultType"], "complete");
    assert!(result.keys().all(|key| key == "resultType" || key == "_meta"), "an empty result: {result:?}");
    assert_eq!(agent.get(&task).await["status"], "working");
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_waits_for_the_end_on_any_replica() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    let (elsewhere, waited) = (agent.at(&second.url), task.clone());
    let waiter = tokio::spawn(async move { elsewhere.get(&waited).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!waiter.is_finished(), "it waits");
    world.approver.decide(&id, "reject", "not this month").await.expect(200);
    let decided = Instant::now();
    let told = waiter.await.expect("it answers");
    assert!(decided.elapsed() < Duration::from_secs(1), "woken after {:?}", decided.elapsed());
    assert!(super::last_words(&told).contains("not this month"), "{told}");
    second.stop().await;
}

#[tokio::test]
async fn who_lost_the_right_to_call_while_it_waited_is_not_told() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    let (asker, asked) = (agent.clone(), task.clone());
    let waiter = tokio::spawn(async move { asker.ask_text("acme/bank", "tasks/get", json!({"taskId": asked})).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(world.owner.delete(&format!("/orgs/acme/api-keys/{}", world.agent_key_id)).await.status.is_success());
    world.approver.decide(&id, "reject", "a secret reason").await;
    let told = waiter.await.expect("it answers");
    assert!(!told.contains("taskId"), "{told}");
}

#[tokio::test]
async fn what_was_approved_already_is_answered_at_once() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    let id = world.held(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    let ran = agent.pay(1).await;
    assert_eq!(text(&ran), "done", "no task for what need not wait: {ran}");
    let again = agent.pay(1).await;
    assert_eq!(again["_meta"]["dev.permesso/approval"]["replayed"], true, "{again}");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn an_approval_has_a_hundred_tasks_and_then_plain_answers() {
    let world = World::new().await;
    let agent = Agent::new(&world.agent);
    for _ in 0..100 {
        agent.task(1).await;
    }
    let held = agent.pay(1).await;
    assert!(text(&held).starts_with("NOT EXECUTED: waiting"), "{held}");
}
