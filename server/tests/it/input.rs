//! Multi round-trip requests (MCP 2026-07-28): an upstream asks the agent's side for input, and the call goes on
//! with it; an approved one under the same claim, each round once (approvals.md, "The lease").

mod upstream;

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{Client, Gateway, World, client::text, eventually, modern::Modern};
use upstream::{Asking, MISSING, QUESTION};

/// A call by a client that can be asked for input.
fn call(tool: &str, arguments: Value) -> Modern {
    let mut call = Modern::call(tool, arguments);
    call.meta("io.modelcontextprotocol/clientCapabilities", json!({"elicitation": {"form": {"x": 1}}, "x": {}}));
    call
}

/// The same call, with an answer to what `asked` asks for.
fn answering(mut call: Modern, asked: &Value, n: f64) -> Modern {
    call.body["params"]["inputResponses"] = json!({"who": {"action": "accept", "content": {"n": n}}});
    if let Some(state) = asked["requestState"].as_str() {
        call.body["params"]["requestState"] = json!(state);
    }
    call
}

async fn result(call: &Modern, client: &Client) -> Value {
    let answer = call.send(client).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["result"].clone()
}

fn pay(cents: u64) -> Modern {
    call("pay", json!({"to": "Ada", "cents": cents}))
}

/// Has a payment approved and called; gives the approval and the question.
async fn approved(world: &World, cents: u64) -> (String, Value) {
    let id = Client::approval_of(&result(&pay(cents), &world.agent).await);
    world.approver.decide(&id, "approve", "").await.expect(200);
    let asked = result(&pay(cents), &world.agent).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    assert_eq!(world.admin.status(&id).await, "executing");
    (id, asked)
}

#[tokio::test]
async fn a_call_that_needs_no_approval_goes_on_with_what_it_was_asked_for() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    upstream.ask(2);
    let balance = call("balance", json!({"n": 1.0}));
    let first = balance.send(&world.agent).await;
    assert!(first.text.contains(QUESTION), "byte for byte: {}", first.text);
    assert!(!first.text.contains("round 1"), "the upstream's state is its own business: {}", first.text);
    let asked = first.json()["result"].clone();
    let again = result(&answering(balance.clone(), &asked, 2.5), &world.agent).await;
    assert_eq!(again["resultType"], "input_required", "it may ask more than once");
    let done = result(&answering(balance, &again, 3.5), &world.agent).await;
    assert_eq!((text(&done).as_str(), &done["resultType"]), ("ran with 3.5", &json!("complete")));

    let calls = upstream.calls();
    let declared = |call: &Value| call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"].clone();
    assert_eq!(declared(&calls[0]), json!({"elicitation": {"form": {}}}), "what the client said, and nothing else");
    assert_eq!(calls[1]["params"]["requestState"], "round 1");
    assert_eq!(calls[1]["params"]["inputResponses"], json!({"who": {"action": "accept", "content": {"n": 2.5}}}));
    assert_eq!(calls[2]["params"]["requestState"], "round 2");
    assert!(calls.iter().all(|call| call["params"]["arguments"] == json!({"n": 1.0})));
    let records = world.admin.get("/orgs/acme/audit?tool=balance").await.expect(200);
    assert_eq!(records["items"].as_array().map(Vec::len), Some(3), "each round is on record");
}

#[tokio::test]
async fn an_upstream_without_a_state_gets_the_answers_alone() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    upstream.be_stateless();
    let balance = call("balance", json!({}));
    let asked = result(&balance, &world.agent).await;
    assert!(asked.get("requestState").is_none(), "{asked}");
    assert_eq!(text(&result(&answering(balance, &asked, 1.5), &world.agent).await), "ran with 1.5");
    // An approved one has a state of ours: it names the claim that goes on.
    let (id, asked) = approved(&world, 50).await;
    assert_eq!(text(&result(&answering(pay(50), &asked, 2.5), &world.agent).await), "ran with 2.5");
    assert_eq!(world.admin.status(&id).await, "executed");
    assert!(upstream.calls().iter().all(|call| call["params"].get("requestState").is_none()));
}

#[tokio::test]
async fn a_state_is_for_its_caller_tool_and_arguments_alone() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let balance = call("balance", json!({"a": 1}));
    let asked = result(&balance, &world.agent).await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    let second = Client::new(&world.gateway.url, key["key"].as_str());
    let (id, approved) = approved(&world, 51).await;
    let count = upstream.calls().len();
    let mut forged = asked.clone();
    forged["requestState"] = json!(asked["requestState"].as_str().unwrap().replace(['a', 'b', 'c'], "d"));
    for (who, call, asked) in [
        (&second, balance.clone(), &asked),
        (&world.agent, call("balance", json!({"a": 2})), &asked),
        (&world.agent, pay(51), &asked),
        (&world.agent, balance.clone(), &approved),
        (&world.agent, pay(52), &approved),
        (&second, pay(51), &approved),
        (&world.agent, balance.clone(), &forged),
        (&world.agent, balance.clone(), &json!({"requestState": "round 1"})),
        (&world.agent, balance.clone(), &json!({"requestState": "\u{e9}"})),
    ] {
        let answer = answering(call, asked, 1.5).send(who).await.json();
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("requestState"), "{answer}");
    }
    assert_eq!(upstream.calls().len(), count, "nothing of it got through");
    // Who was asked goes on all the same.
    assert_eq!(text(&result(&answering(balance, &asked, 1.5), &world.agent).await), "ran with 1.5");
    assert_eq!(text(&result(&answering(pay(51), &approved, 1.5), &world.agent).await), "ran with 1.5");
    assert_eq!(world.admin.status(&id).await, "executed");
}

#[tokio::test]
async fn who_cannot_be_asked_gets_no_question() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    for (capabilities, declared) in
        [(json!({}), json!({})), (json!({"elicitation": {"url": {}}}), json!({"elicitation": {"url": {}}}))]
    {
        let mut balance = Modern::call("balance", json!({}));
        balance.meta("io.modelcontextprotocol/clientCapabilities", capabilities);
        let answer = result(&balance, &world.agent).await;
        assert!(answer["isError"] == true && text(&answer).contains("input_required"), "{answer}");
        let said = upstream.calls().pop().unwrap();
        assert_eq!(said["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"], declared);
    }
    // Earlier revisions know none of this, also where they send the same members.
    let params = json!({"name": "balance", "arguments": {}, "requestState": "x", "inputResponses": {}});
    let answer = world.agent.rpc("acme/bank", "tools/call", params).await;
    assert!(text(&answer["result"]).contains("input_required"), "{answer}");
    assert!(upstream.calls().pop().unwrap()["params"].get("requestState").is_none());
}

#[tokio::test]
async fn who_lacks_a_capability_is_told_by_the_upstream_which() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    upstream.be_strict();
    let answer = Modern::call("balance", json!({})).send(&world.agent).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(answer.text.contains(MISSING), "byte for byte: {}", answer.text);
    let asked = result(&call("balance", json!({})), &world.agent).await;
    assert_eq!(asked["resultType"], "input_required", "who has it is asked");
    // Earlier revisions know no such error.
    let answer = world.agent.rpc("acme/bank", "tools/call", json!({"name": "balance", "arguments": {}})).await;
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
    // An approved call is over with its answer, which a later one with more capabilities gets too.
    let pay = |cents| Modern::call("pay", json!({"to": "Ada", "cents": cents}));
    let id = Client::approval_of(&result(&pay(70), &world.agent).await);
    world.approver.decide(&id, "approve", "").await.expect(200);
    let answer = pay(70).send(&world.agent).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (200.try_into().unwrap(), &json!(-32603)));
}

#[tokio::test]
async fn an_approved_call_goes_on_under_its_claim_and_runs_once() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let (id, asked) = approved(&world, 53).await;
    let round = answering(pay(53), &asked, 4.5);
    assert_eq!(text(&result(&round, &world.agent).await), "ran with 4.5");
    assert_eq!(world.admin.status(&id).await, "executed");
    // The same round once more is the stored answer.
    let replayed = result(&round, &world.agent).await;
    assert_eq!(replayed["_meta"]["dev.permesso/approval"]["replayed"], true, "{replayed}");
    assert_eq!(upstream.calls().len(), 2);
    let seen = world.admin.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    let history = seen["history"].to_string();
    assert!(history.contains("asks for input") && history.contains("goes on with the input"), "{history}");
    let records = world.admin.get(&format!("/orgs/acme/audit?approval={id}")).await.expect(200);
    let sent = records["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["tool"] == "pay" && item["status"] == "ok")
        .count();
    assert_eq!(sent, 2, "both rounds are on record: {records}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_many_make_at_once_is_sent_once() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let replica = Gateway::start(&world.database).await;
    let (id, asked) = approved(&world, 54).await;
    let rounds = (0..20).map(|number| {
        let client = if number % 2 == 0 { world.agent.clone() } else { world.agent.at(&replica.url) };
        let round = answering(pay(54), &asked, 5.5);
        tokio::spawn(async move { result(&round, &client).await })
    });
    for round in rounds.collect::<Vec<_>>() {
        assert_eq!(text(&round.await.unwrap()), "ran with 5.5");
    }
    assert_eq!((upstream.calls().len(), world.admin.status(&id).await.as_str()), (2, "executed"));
}

#[tokio::test]
async fn who_comes_back_without_the_question_is_asked_again() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let (id, asked) = approved(&world, 55).await;
    assert_eq!(result(&pay(55), &world.agent).await, asked);
    let run = call("run_approved", json!({"approval_id": id}));
    assert_eq!(result(&run, &world.agent).await["requestState"], asked["requestState"]);
    let status = result(&call("approval_status", json!({"approval_id": id, "wait_seconds": 0})), &world.agent).await;
    assert_eq!(status["structuredContent"]["next_action"], "run_approved", "{status}");
    // Who cannot be asked reads that it runs, and waits for nothing that cannot come.
    let plain = world.agent.call("pay", json!({"to": "Ada", "cents": 55})).await;
    assert!(text(&plain).starts_with("NOT FINISHED"), "{plain}");
    assert_eq!(upstream.calls().len(), 1);
    assert_eq!(text(&result(&answering(run, &asked, 6.5), &world.agent).await), "ran with 6.5");
    assert_eq!((upstream.calls().len(), world.admin.status(&id).await.as_str()), (2, "executed"));
}

#[tokio::test]
async fn a_round_that_did_not_leave_may_be_made_again() {
    let world = World::new().await;
    let mut upstream = Asking::replace(&world).await;
    let (id, asked) = approved(&world, 56).await;
    let round = answering(pay(56), &asked, 7.5);
    upstream.stop().await;
    let refused = result(&round, &world.agent).await;
    assert!(text(&refused).contains("still waits for that input"), "{refused}");
    assert_eq!(world.admin.status(&id).await, "executing");
    upstream.start_again().await;
    eventually("it goes on", async || text(&result(&round, &world.agent).await) == "ran with 7.5").await;
    assert_eq!((upstream.calls().len(), world.admin.status(&id).await.as_str()), (2, "executed"));
}

#[tokio::test]
async fn a_round_whose_answer_is_lost_is_of_unknown_outcome() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let (id, asked) = approved(&world, 57).await;
    upstream.break_off();
    let round = answering(pay(57), &asked, 8.5);
    for _ in 0..2 {
        let answer = result(&round, &world.agent).await;
        assert!(text(&answer).starts_with("OUTCOME UNKNOWN"), "{answer}");
    }
    assert_eq!((upstream.calls().len(), world.admin.status(&id).await.as_str()), (2, "outcome_unknown"));
}

#[tokio::test]
async fn what_nobody_answers_is_of_unknown_outcome_and_settled_by_a_person() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let (id, asked) = approved(&world, 58).await;
    let sql = format!("UPDATE approvals SET lease_until = now() - interval '1 hour' WHERE id = '{id}'");
    world.sql().await.execute(AssertSqlSafe(sql)).await.expect("it lapses");
    let answer = result(&answering(pay(58), &asked, 9.5), &world.agent).await;
    assert!(text(&answer).starts_with("OUTCOME UNKNOWN"), "{answer}");
    eventually("it is swept", async || world.admin.status(&id).await == "outcome_unknown").await;
    let settle = json!({"outcome": "executed", "note": "looked"});
    world.approver.post(&format!("/orgs/acme/approvals/{id}/settle"), settle).await.expect(200);
    let status = result(&call("approval_status", json!({"approval_id": id, "wait_seconds": 0})), &world.agent).await;
    assert!(!status.to_string().contains("Who?"), "a question is no result: {status}");
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_person_may_settle_what_asks_at_once() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let (id, asked) = approved(&world, 62).await;
    let seen = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!((&seen["asks_input"], seen["settle_from"].is_string()), (&json!(true), true), "{seen}");
    let settle = json!({"outcome": "not_executed", "note": "the agent is gone"});
    world.approver.post(&format!("/orgs/acme/approvals/{id}/settle"), settle).await.expect(200);
    let late = result(&answering(pay(62), &asked, 1.5), &world.agent).await;
    assert_eq!(late["isError"], true, "{late}");
    assert_eq!((upstream.calls().len(), world.admin.status(&id).await.as_str()), (1, "not_executed"));
    assert!(
        !Client::approval_of(&result(&pay(62), &world.agent).await).is_empty(),
        "the same call may be asked for again"
    );
}

#[tokio::test]
async fn a_question_that_comes_after_the_lease_is_not_asked() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let id = Client::approval_of(&result(&pay(63), &world.agent).await);
    world.approver.decide(&id, "approve", "").await.expect(200);
    upstream.think(Duration::from_secs(2));
    let agent = world.agent.clone();
    let asking = tokio::spawn(async move { result(&pay(63), &agent).await });
    eventually("it is sent", async || upstream.calls().len() == 1).await;
    let sql = format!("UPDATE approvals SET lease_until = now() - interval '1 hour' WHERE id = '{id}'");
    world.sql().await.execute(AssertSqlSafe(sql)).await.expect("it lapses");
    let answer = asking.await.unwrap();
    assert!(text(&answer).starts_with("OUTCOME UNKNOWN"), "{answer}");
    eventually("it is unknown", async || world.admin.status(&id).await == "outcome_unknown").await;
    let records = world.admin.get(&format!("/orgs/acme/audit?approval={id}")).await.expect(200);
    assert_eq!(records["items"][0]["status"], "unknown", "{records}");
}

#[tokio::test]
async fn who_asks_again_and_again_comes_to_an_end() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    upstream.ask(usize::MAX);
    let (id, mut asked) = approved(&world, 64).await;
    for _ in 0..20 {
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        asked = result(&answering(pay(64), &asked, 1.5), &world.agent).await;
    }
    assert!(text(&asked).starts_with("OUTCOME UNKNOWN"), "{asked}");
    assert_eq!((upstream.calls().len(), world.admin.status(&id).await.as_str()), (21, "outcome_unknown"));
}

#[tokio::test]
async fn what_undoes_an_approval_lets_no_further_round_through() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let (id, asked) = approved(&world, 65).await;
    let round = answering(pay(65), &asked, 1.5);
    let permit = async |permission: &str| {
        let body = json!({"connection": "bank", "tool": "pay", "permission": permission});
        assert!(world.admin.put("/orgs/acme/toolkits/bank/tools/pay", body).await.status.is_success());
    };
    permit("blocked").await;
    let refused = result(&round, &world.agent).await;
    assert!(text(&refused).contains("could not be sent"), "{refused}");
    let again = result(&pay(65), &world.agent).await;
    assert!(text(&again).contains("it cannot go on"), "nobody is asked in vain: {again}");
    permit("needs_approval").await;
    assert_eq!(text(&result(&round, &world.agent).await), "ran with 1.5");
    assert_eq!((upstream.calls().len(), world.admin.status(&id).await.as_str()), (2, "executed"));
    // Whoever made the round already gets its answer, whatever has changed.
    permit("blocked").await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    let replayed = result(&round, &world.agent).await;
    assert_eq!(replayed["_meta"]["dev.permesso/approval"]["replayed"], true, "{replayed}");

    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": true})).await.expect(200);
    permit("needs_approval").await;
    let (id, asked) = approved(&world, 66).await;
    let other = json!({"config": {"url": "http://127.0.0.1:9/mcp"}});
    world.admin.patch("/orgs/acme/connections/bank", other).await.expect(200);
    let answer = answering(pay(66), &asked, 1.5).send(&world.agent).await.json();
    assert_eq!(answer["error"]["code"], -32602, "the state was for the other configuration: {answer}");
    let run = answering(call("run_approved", json!({"approval_id": id})), &asked, 1.5);
    assert!(text(&result(&run, &world.agent).await).contains("could not be sent"));
    assert!(text(&result(&pay(66), &world.agent).await).contains("it cannot go on"));
    assert_eq!(upstream.calls().len(), 3);
}

#[tokio::test]
async fn input_for_a_call_that_has_to_be_approved_first_is_refused() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let refused = result(&answering(pay(59), &json!({}), 1.5), &world.agent).await;
    assert!(text(&refused).contains("belongs to no call under way"), "{refused}");
    let list = world.admin.get("/orgs/acme/approvals").await.expect(200);
    assert_eq!(list["items"], json!([]), "nobody is asked to approve what would not be shown");
    // Between two rounds somebody has it approved from now on.
    let balance = call("balance", json!({}));
    let asked = result(&balance, &world.agent).await;
    let permission = json!({"connection": "bank", "tool": "balance", "permission": "needs_approval"});
    let changed = world.admin.put("/orgs/acme/toolkits/bank/tools/balance", permission).await;
    assert!(changed.status.is_success(), "{}", changed.text);
    let refused = result(&answering(balance.clone(), &asked, 1.5), &world.agent).await;
    assert!(text(&refused).contains("belongs to no call under way"), "{refused}");
    // Nor does it slip past an approval that was given for the arguments.
    let id = Client::approval_of(&result(&balance, &world.agent).await);
    world.approver.decide(&id, "approve", "").await.expect(200);
    let refused = result(&answering(balance, &asked, 1.5), &world.agent).await;
    assert!(text(&refused).contains("belongs to no call under way"), "{refused}");
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_connection_that_was_switched_off_gets_no_further_round() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let (id, asked) = approved(&world, 60).await;
    let round = answering(pay(60), &asked, 1.5);
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    let refused = result(&round, &world.agent).await;
    assert!(text(&refused).contains("switched off"), "{refused}");
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": true})).await.expect(200);
    assert_eq!(text(&result(&round, &world.agent).await), "ran with 1.5");
    assert_eq!((upstream.calls().len(), world.admin.status(&id).await.as_str()), (2, "executed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_a_decision_is_asked_when_it_runs() {
    let world = World::new().await;
    let upstream = Asking::replace(&world).await;
    let mut patient = pay(61);
    patient.meta("io.modelcontextprotocol/clientInfo", json!({"name": "patient", "version": "1"}));
    let id = Client::approval_of(&result(&pay(61), &world.agent).await);
    let waiting = {
        let (patient, agent) = (patient.clone(), world.agent.clone());
        tokio::spawn(async move { patient.send(&agent).await })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!waiting.is_finished());
    world.approver.decide(&id, "approve", "").await.expect(200);
    let answer = waiting.await.unwrap();
    let message = answer.messages().pop().unwrap_or_else(|| answer.json());
    let asked = message["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    assert_eq!(text(&result(&answering(patient, &asked, 2.5), &world.agent).await), "ran with 2.5");
    assert_eq!((upstream.calls().len(), world.admin.status(&id).await.as_str()), (2, "executed"));
}
