//! An upstream that answers with a task: the caller gets one of ours that follows it.

use serde_json::{Value, json};

use super::{
    Agent,
    upstream::{THEIRS, Tasking},
};
use crate::{
    definitions::{pick, review},
    support::{Client, World, client::text, eventually, upstream::TOOLS},
};

/// Calls the tool that needs no approval; gives the result.
pub(super) async fn balance(agent: &Agent) -> Value {
    agent.ask("tools/call", json!({"name": "balance", "arguments": {}})).await["result"].clone()
}

#[tokio::test]
async fn the_caller_follows_it_under_an_id_of_ours() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let agent = Agent::new(&world.agent);
    let called = agent.ask_text("acme/bank", "tools/call", json!({"name": "balance", "arguments": {}})).await;
    assert!(called.contains(r#""pollIntervalMs":50, "x" : 1.0e2"#), "byte for byte but the id: {called}");
    assert!(!called.contains(THEIRS), "{called}");
    let created = serde_json::from_str::<Value>(&called).expect("JSON")["result"].clone();
    assert_eq!((&created["resultType"], &created["status"]), (&json!("task"), &json!("working")));
    let task = created["taskId"].as_str().expect("an id");

    upstream.tell(
        r#""status":"input_required","inputRequests":{"name":{"method":"elicitation/create","params":{"n":1.50}}}"#,
    );
    let told = agent.ask_text("acme/bank", "tasks/get", json!({"taskId": task})).await;
    assert!(told.contains(r#"{"name":{"method":"elicitation/create","params":{"n":1.50}}}"#), "{told}");
    assert!(told.contains(task) && !told.contains(THEIRS), "{told}");
    let update = json!({"taskId": task, "inputResponses": {"name": {"action": "accept"}}});
    assert_eq!(agent.ask("tasks/update", update).await["result"]["resultType"], "complete");
    let handed = upstream.seen("tasks/update");
    assert_eq!(handed[0]["params"]["taskId"], THEIRS);
    assert_eq!(handed[0]["params"]["inputResponses"], json!({"name": {"action": "accept"}}));

    upstream.tell(r#""status":"completed","result":{"content":[{"type":"text","text":"12.50"}]}"#);
    let told = agent.get(task).await;
    assert_eq!((&told["resultType"], &told["status"]), (&json!("complete"), &json!("completed")), "{told}");
    assert_eq!(text(&told["result"]), "12.50");

    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    let stranger = Agent::new(&Client::new(&world.gateway.url, key["key"].as_str()));
    let asked = upstream.seen("tasks/get").len();
    assert_eq!(stranger.ask("tasks/get", json!({"taskId": task})).await["error"]["code"], -32602);
    assert_eq!(upstream.seen("tasks/get").len(), asked, "the upstream is not even asked");
}

#[tokio::test]
async fn what_is_cancelled_is_told_once_and_not_asked_any_more() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let agent = Agent::new(&world.agent);
    let task = balance(&agent).await["taskId"].as_str().expect("an id").to_owned();
    agent.cancel(&task).await;
    agent.cancel(&task).await;
    let told = upstream.seen("tasks/cancel");
    assert_eq!((told.len(), &told[0]["params"]["taskId"]), (1, &json!(THEIRS)));
    assert_eq!(agent.get(&task).await["status"], "cancelled");
    let update = json!({"taskId": task, "inputResponses": {}});
    assert_eq!(agent.ask("tasks/update", update).await["result"]["resultType"], "complete");
    assert!(upstream.seen("tasks/get").is_empty() && upstream.seen("tasks/update").is_empty());
}

#[tokio::test]
async fn an_upstream_hears_of_a_cancel_when_the_last_that_followed_its_task_is_gone() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let agent = Agent::new(&world.agent);
    // The upstream answers both calls with the same task.
    let (first, second) = (balance(&agent).await, balance(&agent).await);
    let [first, second] = [&first, &second].map(|created| created["taskId"].as_str().expect("an id"));
    agent.cancel(first).await;
    assert!(upstream.seen("tasks/cancel").is_empty(), "somebody else follows it");
    assert_eq!(agent.get(second).await["status"], "working");
    agent.cancel(second).await;
    assert_eq!(upstream.seen("tasks/cancel").len(), 1);
}

#[tokio::test]
async fn what_was_approved_and_sent_is_not_recalled() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let agent = Agent::new(&world.agent);
    let (task, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it is sent", || async { world.admin.status(&id).await == "executed" }).await;
    agent.cancel(&task).await;
    assert_eq!(agent.get(&task).await["status"], "cancelled");
    assert!(upstream.seen("tasks/cancel").is_empty());
    assert_eq!(agent.pay(1).await["resultType"], "task", "who comes back may follow it");
}

#[tokio::test]
async fn a_task_that_the_upstream_forgot_is_an_unknown_one() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let agent = Agent::new(&world.agent);
    let task = balance(&agent).await["taskId"].as_str().expect("an id").to_owned();
    upstream.forget();
    for method in ["tasks/get", "tasks/update"] {
        let answer = agent.ask(method, json!({"taskId": task, "inputResponses": {}})).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
}

/// An agent with a task of the upstream, of a call that needed no approval.
async fn following(world: &World) -> (Tasking, Agent, String) {
    let upstream = Tasking::replace(world).await;
    let agent = Agent::new(&world.agent);
    let task = balance(&agent).await["taskId"].as_str().expect("an id").to_owned();
    (upstream, agent, task)
}

/// What the caller says to it; the JSON-RPC answer.
pub(super) async fn say(agent: &Agent, task: &str) -> Value {
    agent.ask("tasks/update", json!({"taskId": task, "inputResponses": {"name": {"action": "accept"}}})).await
}

#[tokio::test]
async fn what_the_caller_answers_is_on_record_before_it_is_sent() {
    let world = World::new().await;
    let (upstream, agent, task) = following(&world).await;
    assert_eq!(say(&agent, &task).await["result"]["resultType"], "complete");
    let audit = world.admin.get("/orgs/acme/audit?action=tasks/update").await.expect(200);
    let record = &audit["items"][0];
    assert_eq!((&record["status"], &record["tool"]), (&json!("ok"), &json!("balance")), "{audit}");
    assert_eq!(record["rule"], "toolkit default: always_allow", "{audit}");
    upstream.break_off("tasks/update");
    let told = say(&agent, &task).await;
    assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains("may have been taken")), "{told}");
    let audit = world.admin.get("/orgs/acme/audit?action=tasks/update").await.expect(200);
    assert_eq!(audit["items"][0]["status"], "unknown", "{audit}");
    assert_eq!(audit["items"].as_array().map(Vec::len), Some(2), "one record each: {audit}");
}

#[tokio::test]
async fn what_the_caller_answers_passes_the_gate() {
    let world = World::new().await;
    let (upstream, agent, task) = following(&world).await;
    for (permission, why) in [("blocked", "toolkit default: blocked"), ("needs_approval", "approve this call now")] {
        let body = json!({"connection": "bank", "tool": "balance", "permission": permission});
        assert!(world.admin.put("/orgs/acme/toolkits/bank/tools/balance", body).await.status.is_success());
        let told = say(&agent, &task).await;
        assert_eq!(told["error"]["code"], -32600, "{told}");
        assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains(why)), "{told}");
    }
    let audit = world.admin.get("/orgs/acme/audit?action=tasks/update").await.expect(200);
    assert_eq!(audit["items"][0]["status"], "refused", "{audit}");
    assert!(world.admin.delete("/orgs/acme/toolkits/bank/tools/balance").await.status.is_success());
    assert!(say(&agent, &task).await["error"]["message"].to_string().contains("no longer offered"));
    assert!(upstream.seen("tasks/update").is_empty(), "nothing was sent");
}

#[tokio::test]
async fn what_the_caller_answers_is_for_the_tool_as_it_was_called() {
    let world = World::new().await;
    let (upstream, agent, task) = following(&world).await;
    upstream.offer(&TOOLS.replace("Reads.", "Reads everything."));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let told = say(&agent, &task).await;
    assert!(told["error"]["message"].to_string().contains("definition changed"), "{told}");
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    let told = say(&agent, &task).await;
    assert!(told["error"]["message"].to_string().contains("switched off"), "{told}");
    assert!(upstream.seen("tasks/update").is_empty(), "nothing was sent");
}

#[tokio::test]
async fn what_the_caller_answers_is_taken_though_the_definition_is_written_otherwise() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let offer = async |default: &str| {
        upstream.offer(&pick(default, "Reads.", ""));
        world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    };
    offer(r#"["b","a"]"#).await;
    for name in ["balance", "pay"] {
        review(&world, name).await;
    }
    let agent = Agent::new(&world.agent);
    let called = balance(&agent).await["taskId"].as_str().expect("an id").to_owned();
    let (approved, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it is sent", || async { world.admin.status(&id).await == "executed" }).await;
    offer(r#"["a","b"]"#).await;
    for (at, task) in [&called, &approved].into_iter().enumerate() {
        let told = say(&agent, task).await;
        assert_eq!(told["result"]["resultType"], "complete", "{told}");
        assert_eq!(upstream.seen("tasks/update").len(), at + 1);
    }
    offer(r#"["a","b","c"]"#).await;
    for (name, task) in [("balance", &called), ("pay", &approved)] {
        review(&world, name).await;
        let told = say(&agent, task).await;
        assert!(told["error"]["message"].to_string().contains("definition changed"), "{told}");
    }
}

#[tokio::test]
async fn another_configuration_of_the_connection_knows_no_task_of_the_old_one() {
    let world = World::new().await;
    let _first = Tasking::replace(&world).await;
    let agent = Agent::new(&world.agent);
    let task = balance(&agent).await["taskId"].as_str().expect("an id").to_owned();
    // Another upstream, which has a task of the same id.
    let second = Tasking::replace(&world).await;
    for method in ["tasks/get", "tasks/update"] {
        let answer = agent.ask(method, json!({"taskId": task, "inputResponses": {}})).await;
        assert_eq!((&answer["error"]["code"], &answer["error"]["message"]), (&json!(-32602), &json!("Task not found")));
    }
    agent.cancel(&task).await;
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        assert!(second.seen(method).is_empty(), "{method}");
    }
}

#[tokio::test]
async fn a_caller_without_the_extension_declares_nothing_upstream() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let plain = Agent::new(&world.agent).plain();
    assert_eq!(text(&balance(&plain).await), "at once");
    let id = Client::approval_of(&plain.pay(1).await);
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    assert_eq!(text(&plain.pay(1).await), "at once");
    for call in upstream.seen("tools/call") {
        let capabilities = &call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        assert_eq!(capabilities, &json!({}), "{call}");
    }
}

#[tokio::test]
async fn an_approved_call_goes_on_as_the_upstreams_task() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let agent = Agent::new(&world.agent);
    let ((first, id), (second, _)) = (agent.task(1).await, agent.task(1).await);
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it is sent", || async { world.admin.status(&id).await == "executed" }).await;
    assert_eq!(agent.get(&first).await["status"], "working");

    let words = agent.plain().pay(1).await;
    assert!(text(&words).starts_with("STARTED, NOT FINISHED"), "{words}");
    let status = json!({"name": "approval_status", "arguments": {"approval_id": id}});
    let status = agent.plain().ask_text("acme/bank", "tools/call", status).await;
    assert!(status.contains("STARTED, NOT FINISHED") && !status.contains(THEIRS), "{status}");
    let third = agent.pay(1).await;
    assert_eq!(third["resultType"], "task", "who comes back may follow it too: {third}");
    let third = third["taskId"].as_str().expect("an id");

    let answer = async || world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200)["answer"].clone();
    assert_eq!(answer().await, Value::Null, "nobody knows yet how it ends");
    upstream.tell(r#""status":"completed","result":{"content":[{"type":"text","text":"paid"}]}"#);
    for task in [first.as_str(), &second, third] {
        let told = agent.get(task).await;
        assert_eq!((&told["taskId"], &told["status"]), (&json!(task), &json!("completed")), "{told}");
        assert_eq!(text(&told["result"]), "paid");
    }
    assert_eq!(upstream.seen("tools/call").len(), 1);
    assert_eq!(answer().await, "result");
}

#[tokio::test]
async fn who_approved_a_call_that_failed_as_a_task_reads_that_it_failed() {
    let ends = [
        (r#""status":"failed","error":{"code":-32000,"message":"no such account"}"#, json!("protocol_error")),
        (
            r#""status":"completed","result":{"content":[{"type":"text","text":"no funds"}],"isError":true}"#,
            json!("tool_error"),
        ),
        (r#""status":"cancelled""#, Value::Null),
    ];
    for (end, expected) in ends {
        let world = World::new().await;
        let upstream = Tasking::replace(&world).await;
        let agent = Agent::new(&world.agent);
        let (task, id) = agent.task(1).await;
        world.approver.decide(&id, "approve", "ok").await.expect(200);
        eventually("it is sent", || async { world.admin.status(&id).await == "executed" }).await;
        upstream.tell(end);
        agent.get(&task).await;
        let seen = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
        assert_eq!((&seen["status"], &seen["answer"]), (&json!("executed"), &expected), "{end}");
    }
}

#[tokio::test]
async fn who_comes_back_again_and_again_gets_a_hundred_handles_and_then_words() {
    let world = World::new().await;
    let _upstream = Tasking::replace(&world).await;
    let agent = Agent::new(&world.agent);
    let (_, id) = agent.task(1).await;
    world.approver.decide(&id, "approve", "ok").await.expect(200);
    eventually("it is sent", || async { world.admin.status(&id).await == "executed" }).await;
    for _ in 1..100 {
        assert_eq!(agent.pay(1).await["resultType"], "task");
    }
    let words = agent.pay(1).await;
    assert!(text(&words).starts_with("STARTED, NOT FINISHED"), "{words}");
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_an_error_and_no_end() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let agent = Agent::new(&world.agent);
    let task = balance(&agent).await["taskId"].as_str().expect("an id").to_owned();
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    let answer = agent.ask("tasks/get", json!({"taskId": task})).await;
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": true})).await.expect(200);
    assert_eq!(agent.get(&task).await["status"], "working");
    drop(upstream);
}
