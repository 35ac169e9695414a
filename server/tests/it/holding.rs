//! Held calls: how long, what the client hears meanwhile, what wakes it (approvals.md, "What the agent sees").

use std::time::{Duration, Instant};

use permesso::{app::state::App, clock::Clock, config::Config, service::Pace};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Behaviour, Client, Gateway, World,
    client::{Answer, text},
    database::database,
    eventually,
    gateway::variables,
    unread::Unread,
};

/// A caller whose calls are held so long.
async fn patient(world: &World, seconds: u32) -> Client {
    world.patient(seconds).await.0
}

fn pay(cents: u64, token: Value) -> String {
    let mut params = json!({"name": "pay", "arguments": {"cents": cents}});
    if !token.is_null() {
        params["_meta"] = json!({"progressToken": token});
    }
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

/// The approval that is waiting, as its approvers see it.
async fn waiting(world: &World) -> String {
    let began = Instant::now();
    loop {
        let list = world.approver.get("/orgs/acme/approvals?status=pending").await.json();
        if let Some(id) = list["items"][0]["id"].as_str() {
            return id.to_owned();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no request waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn held(client: &Client, body: String) -> tokio::task::JoinHandle<(Answer, Instant)> {
    let client = client.clone();
    tokio::spawn(async move { (client.mcp_raw("acme/bank", &body).await, Instant::now()) })
}

#[tokio::test]
async fn a_decision_at_any_replica_answers_the_held_call_at_once() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    let agent = patient(&world, 60).await;
    let mut slowest = Duration::ZERO;
    for (cents, at) in [(1, &world.gateway.url), (2, &second.url), (3, &second.url)] {
        let call = held(&agent, pay(cents, Value::Null)).await;
        let id = waiting(&world).await;
        let decided = world.approver.at(at);
        decided.decide(&id, "approve", "").await.expect(200);
        let decided = Instant::now();
        let (answer, answered) = call.await.unwrap();
        assert!(answer.is_stream(), "{}", answer.text);
        assert_eq!(text(&answer.json()["result"]), "done");
        slowest = slowest.max(answered.saturating_duration_since(decided));
    }
    // The promise is 200 ms and is measured by the soak; polling would take seconds.
    assert!(slowest < Duration::from_millis(1_500), "{slowest:?}");
    assert_eq!(world.upstream.calls(), 3);
    second.stop().await;
}

#[tokio::test]
async fn clients_that_wait_are_kept_company_as_the_contract_says() {
    let [step, keep_alive, silence, sweep] = [10, 15, 45, 5].map(Duration::from_secs);
    let variables = variables(&database().await);
    let find = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let config = Config::from_vars(find).expect("a configuration");
    let app = App::new(&config, Clock::system(), "http://127.0.0.1".parse().expect("a URL")).await.expect("it starts");
    assert_eq!(app.services.pace, Pace { step, keep_alive, silence, sweep }, "as a deployment has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_at_once_and_rises_and_the_upstreams_goes_on_above_it() {
    let world = World::new().await;
    let pace = Pace { step: Duration::from_millis(100), ..Pace::default() };
    let agent = patient(&world, 200).await;
    let gateway = Gateway::start_paced(&world.database, pace).await;
    let agent = agent.at(&gateway.url);
    let mut stream = agent.mcp_stream(pay(1, json!("t-1"))).await;
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(stream.next().await.expect("progress")["params"].clone());
    }
    assert!(told.iter().all(|told| told["progressToken"] == "t-1" && told["message"] == "waiting for approval"));
    let counts: Vec<f64> = told.iter().filter_map(|told| told["progress"].as_f64()).collect();
    assert!(counts.len() == 6 && counts.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
    assert_eq!(stream.keep_alives(), 1, "progress shows that it is alive");
    world.approver.decide(&waiting(&world).await, "approve", "").await.expect(200);
    assert_eq!(text(&stream.answer().await["result"]), "done");
    assert!(world.upstream.bodies()[0].contains("progressToken"), "the upstream may tell progress too");
    assert!(!world.upstream.bodies()[0].contains("t-1"), "under a token of ours");
    gateway.stop().await;
}

#[tokio::test]
async fn after_the_hold_time_the_pending_result_says_what_to_do() {
    let world = World::new().await;
    let agent = patient(&world, 2).await;
    let began = Instant::now();
    let answer = agent.mcp_raw("acme/bank", &pay(7, Value::Null)).await;
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(4), "{took:?}");
    assert!(answer.is_stream());
    assert!(text(&answer.json()["result"]).starts_with("NOT EXECUTED: waiting for a person's decision."));
    // A client that takes no event streams waits all the same, and gets JSON.
    let began = Instant::now();
    let headers = [("accept", "application/json")];
    let answer = agent.send(Method::POST, "/acme/bank/mcp", Some(pay(7, Value::Null)), &headers).await;
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert!(!answer.is_stream());
    Client::approval_of(&answer.expect(200)["result"]);
}

#[tokio::test]
async fn a_rejection_and_an_expiry_answer_the_held_call_and_open_nothing_new() {
    let world = World::new().await;
    let agent = patient(&world, 60).await;
    let call = held(&agent, pay(1, Value::Null)).await;
    let id = waiting(&world).await;
    world.approver.decide(&id, "reject", "too much").await.expect(200);
    let result = call.await.unwrap().0.json()["result"].clone();
    assert!(result["isError"] == true && text(&result).contains("too much"), "{result}");

    let call = held(&agent, pay(2, Value::Null)).await;
    let id = waiting(&world).await;
    let mut sql = world.sql().await;
    sqlx::query("UPDATE approvals SET expires_at = now() WHERE id = $1::uuid")
        .bind(&id)
        .execute(&mut sql)
        .await
        .unwrap();
    let result = call.await.unwrap().0.json()["result"].clone();
    assert!(text(&result).contains("nobody decided"), "{result}");
    let all = world.approver.get("/orgs/acme/approvals").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 2, "{all}");
}

#[tokio::test]
async fn a_client_that_leaves_while_held_leaves_the_request_and_a_record() {
    let world = World::new().await;
    let agent = patient(&world, 60).await;
    let call = held(&agent, pay(9, Value::Null)).await;
    let id = waiting(&world).await;
    call.abort();
    let _ = call.await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.approver.decide(&id, "approve", "").await.expect(200);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.upstream.calls(), 0, "nobody waits, so nothing runs");
    let records = world.admin.get(&format!("/orgs/acme/audit?approval={id}")).await.json();
    let left = |record: &Value| record["status"] == "interrupted" && record["action"] == "tools/call";
    assert!(records["items"].as_array().unwrap().iter().any(left), "{records}");
    let answer = agent.mcp_raw("acme/bank", &pay(9, Value::Null)).await;
    assert_eq!(text(&answer.json()["result"]), "done");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_client_that_says_it_no_longer_waits_is_answered_and_takes_nothing_back() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    let agent = patient(&world, 60).await;
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x"}});
    let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}).to_string();
    let session = agent.mcp_raw("acme/bank", &body).await.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let headers = [("accept", "application/json, text/event-stream"), ("mcp-session-id", session.as_str())];
    for at in [&world.gateway.url, &second.url] {
        let (client, session) = (agent.clone(), session.clone());
        let call = tokio::spawn(async move {
            let headers = [("accept", "application/json, text/event-stream"), ("mcp-session-id", session.as_str())];
            client.send(Method::POST, "/acme/bank/mcp", Some(pay(11, Value::Null)), &headers).await
        });
        let id = waiting(&world).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1, "reason": "timeout"}});
        let began = Instant::now();
        agent.at(at).send(Method::POST, "/acme/bank/mcp", Some(cancelled.to_string()), &headers).await.expect(202);
        let result = call.await.unwrap().json()["result"].clone();
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(Client::approval_of(&result), id);
        assert_eq!(world.approver.status(&id).await, "pending", "what waits for a person goes on waiting");
    }
    second.stop().await;
}

#[tokio::test]
async fn a_tool_shortens_the_hold_and_never_lengthens_it() {
    let world = World::new().await;
    let agent = patient(&world, 60).await;
    let path = "/orgs/acme/toolkits/bank/tools/pay";
    let put = |hold: Value| json!({"connection": "bank", "tool": "pay", "permission": "needs_approval", "hold_seconds": hold});
    world.admin.put(path, put(json!(241))).await.expect(422);
    let tool = world.admin.put(path, put(json!(1))).await.expect(200);
    assert_eq!(tool["hold_seconds"], 1);
    let began = Instant::now();
    agent.mcp_raw("acme/bank", &pay(1, Value::Null)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    world.admin.put(path, put(json!(240))).await.expect(200);
    let began = Instant::now();
    let answer = world.agent.mcp_raw("acme/bank", &pay(2, Value::Null)).await;
    Client::approval_of(&answer.json()["result"]);
    assert!(began.elapsed() < Duration::from_secs(3), "this caller's own hold is 0: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_held_call_does_not_keep_the_gateway_from_stopping() {
    let world = World::new().await;
    let agent = patient(&world, 200).await;
    let call = held(&agent, pay(1, Value::Null)).await;
    let id = waiting(&world).await;
    let began = Instant::now();
    world.gateway.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(
        Client::approval_of(&call.await.unwrap().0.json()["result"]),
        id,
        "it is told, and comes back elsewhere"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_long_streams_keep_alives_until_its_answer() {
    let world = World::new().await;
    let pace = Pace { keep_alive: Duration::from_millis(100), ..Pace::default() };
    let gateway = Gateway::start_paced(&world.database, pace).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"at last"}]}"#.to_owned()));
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "balance"}}).to_string();
    let mut stream = world.agent.at(&gateway.url).mcp_stream(body).await;
    stream.stays_alive(5).await;
    eventually("it arrives", async || world.upstream.calls() == 1).await;
    world.upstream.release();
    assert_eq!(text(&stream.answer().await["result"]), "at last");
    assert_eq!(stream.next().await, None);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_neither_reads_nor_leaves_holds_up_nothing_but_its_own_answer() {
    let world = World::new().await;
    let pace = Pace { step: Duration::from_millis(1), ..Pace::default() };
    let agent = patient(&world, 200).await;
    let gateway = Gateway::start_paced(&world.database, pace).await;
    let agent = agent.at(&gateway.url);
    // So much progress that it fills all there is between the two of them.
    let token = json!("t".repeat(1_000));
    for (cents, verb, becomes, recorded) in [(1, "approve", "executed", "ok"), (2, "reject", "rejected", "rejected")] {
        let unread = Unread::post(&agent, "acme/bank", &pay(cents, token.clone()), 200).await;
        let id = waiting(&world).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        world.approver.decide(&id, verb, "enough").await.expect(200);
        eventually("it goes on", async || world.approver.status(&id).await == becomes).await;
        let path = format!("/orgs/acme/audit?approval={id}&tool=pay");
        let of_the_call = async || {
            let records = world.admin.get(&path).await.expect(200)["items"].clone();
            let statuses: Vec<_> =
                records.as_array().into_iter().flatten().map(|record| record["status"].clone()).collect();
            statuses
        };
        eventually("it is on record", async || of_the_call().await == [recorded]).await;
        drop(unread);
    }
    let again = agent.mcp_raw("acme/bank", &pay(1, Value::Null)).await.json();
    assert_eq!(again["result"]["_meta"]["dev.permesso/approval"]["replayed"], true, "{again}");
    assert_eq!(world.upstream.calls(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn many_identical_calls_at_once_leave_connections_for_others() {
    let world = World::new().await;
    let agent = patient(&world, 120).await;
    let calls: Vec<_> = (0..60).map(|_| (agent.clone(), pay(21, Value::Null))).collect();
    let calls: Vec<_> = calls
        .into_iter()
        .map(|(agent, body)| tokio::spawn(async move { agent.mcp_raw("acme/bank", &body).await }))
        .collect();
    let id = waiting(&world).await;
    for _ in 0..20 {
        let began = Instant::now();
        world.owner.get("/orgs/acme/approvals").await.expect(200);
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }
    world.approver.decide(&id, "approve", "").await.expect(200);
    for call in calls {
        let answer = call.await.unwrap().json();
        assert_eq!(text(&answer["result"]), "done", "{answer}");
    }
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_its_key_while_it_waited_for_a_run_is_given_nothing() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    let (agent, key) = world.patient(60).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"secret"}]}"#.to_owned()));
    let sender = held(&agent, pay(32, Value::Null)).await;
    let id = waiting(&world).await;
    world.approver.decide(&id, "approve", "").await.expect(200);
    eventually("it runs", async || world.upstream.calls() == 1).await;

    // It has been sent: whoever comes now only asks.
    let ask = |name: &str, arguments: Value| {
        let params = json!({"name": name, "arguments": arguments, "_meta": {"progressToken": name}});
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
    };
    let mut asking = Vec::new();
    for body in [
        pay(32, json!("again")),
        ask("run_approved", json!({"approval_id": id})),
        ask("approval_status", json!({"approval_id": id, "wait_seconds": 50})),
    ] {
        let mut stream = agent.mcp_stream(body).await;
        let told = stream.next().await.expect("progress");
        assert_eq!(told["params"]["message"], "approved; it is running", "{told}");
        asking.push(stream);
    }
    assert!(world.owner.delete(&format!("/orgs/acme/api-keys/{key}")).await.status.is_success());
    world.upstream.release();
    for mut stream in asking {
        let answer = stream.answer().await;
        assert_eq!(answer["error"]["data"]["code"], "unauthorized", "{answer}");
        assert!(!answer.to_string().contains("secret"), "{answer}");
    }
    let sent = sender.await.unwrap().0.json();
    assert_eq!(text(&sent["result"]), "secret", "who sent it while it might is told what it did");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn what_an_upstream_asks_of_the_agents_user_is_no_result() {
    let world = World::new().await;
    world.upstream.behave(Behaviour::Result(r#"{"resultType":"input_required","requestState":"x"}"#.to_owned()));
    let result = world.agent.call("balance", json!({})).await;
    assert!(result["isError"] == true && text(&result).contains("input_required"), "{result}");
    let id = Client::approval_of(&world.agent.call("pay", json!({"cents": 41})).await);
    world.approver.decide(&id, "approve", "").await.expect(200);
    let result = world.agent.call("pay", json!({"cents": 41})).await;
    assert!(text(&result).starts_with("OUTCOME UNKNOWN"), "{result}");
    assert_eq!(world.upstream.calls(), 2);
}
