//! Every call is on record once, refusals too, with where it came from and without its secrets.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CALL, approved, call, call_with, held, id_of, keyed, payment, run, second_key, toolkit};
use crate::support::{Behaviour, Client, World, client::Answer, world::OWNER};

/// The one record of the request that was answered so, with its bodies.
async fn on_record(world: &World, answer: &Answer) -> Value {
    let request = answer.headers["x-request-id"].to_str().expect("text");
    let list = world.admin.get("/orgs/acme/audit?limit=200").await.expect(200);
    let found = list["items"].as_array().expect("items").iter().filter(|record| record["request_id"] == request);
    let ids: Vec<_> = found.map(|record| record["id"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), 1, "{} is on record {} times", answer.text, ids.len());
    world.admin.get(&format!("/orgs/acme/audit/{}", ids[0])).await.expect(200)
}

/// Fails the test unless a call of this tool is on record with this outcome; gives the record.
async fn is_recorded(world: &World, answer: &Answer, tool: &str, status: &str) -> Value {
    let record = on_record(world, answer).await;
    let seen = ["action", "source", "toolkit", "tool", "status"].map(|name| record[name].clone());
    assert_eq!(json!(seen), json!(["tools/call", "rest", "bank", tool, status]), "{}: {record}", answer.text);
    assert!(record["duration_us"].as_i64().is_some_and(|us| us > 0), "{record}");
    record
}

#[tokio::test]
async fn an_allowed_call_is_on_record_with_both_sides_and_without_secrets() {
    let world = World::new().await;
    world.upstream.behave(Behaviour::Result(r#"{"content":[],"apiKey":"response-secret","n":1.0e2}"#.to_owned()));
    let arguments = json!({"password": "request-secret", "keep": "this"});
    let answer = call(&world.agent, "balance", arguments).await;
    assert!(answer.text.contains("response-secret"), "what is on record is not what is answered: {}", answer.text);
    let record = is_recorded(&world, &answer, "balance", "ok").await;
    assert_eq!((&record["actor_kind"], &record["actor_name"]), (&json!("key"), &json!("robot")));
    assert!(record["rule"].is_string() && record["approval_id"].is_null(), "{record}");
    let (request, response) = (record["request"].to_string(), record["response"].to_string());
    assert!(request.contains("this") && !request.contains("request-secret"), "{request}");
    assert!(response.contains("1.0e2") && !response.contains("response-secret"), "{response}");

    world.upstream.behave(Behaviour::Result(r#"{"content":[],"isError":true}"#.to_owned()));
    let record = is_recorded(&world, &call(&world.agent, "balance", json!({})).await, "balance", "error").await;
    assert_eq!(record["answer"], "tool_error", "{record}");
    world.upstream.behave(Behaviour::Error(r#"{"code":-32000,"message":"no"}"#.to_owned()));
    let record = is_recorded(&world, &call(&world.agent, "balance", json!({})).await, "balance", "error").await;
    assert_eq!(record["answer"], "protocol_error", "{record}");
    world.upstream.behave(Behaviour::Garbage);
    is_recorded(&world, &call(&world.agent, "balance", json!({})).await, "balance", "unknown").await;
}

#[tokio::test]
async fn each_step_of_a_held_call_is_on_record_with_its_approval() {
    let world = World::new().await;
    let of = |record: Value| record["approval_id"].as_str().expect("an approval").to_owned();
    let answer = call(&world.agent, "pay", payment(1)).await;
    let id = id_of(&answer.json());
    let record = is_recorded(&world, &answer, "pay", "held").await;
    assert!(record["rule"].as_str().is_some_and(|rule| rule.contains("needs_approval")), "{record}");
    assert_eq!(of(record), id);
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    assert_eq!(of(is_recorded(&world, &call(&world.agent, "pay", payment(1)).await, "pay", "ok").await), id);
    assert_eq!(of(is_recorded(&world, &call(&world.agent, "pay", payment(1)).await, "pay", "replayed").await), id);

    let id = held(&world, 2).await;
    world.approver.decide(&id, "reject", "no").await.expect(200);
    assert_eq!(of(is_recorded(&world, &call(&world.agent, "pay", payment(2)).await, "pay", "rejected").await), id);

    // Run by its id.
    let id = approved(&world, 3).await;
    let record = on_record(&world, &run(&world.agent, &id).await).await;
    let seen = ["source", "toolkit", "tool", "status", "approval_id"].map(|name| record[name].clone());
    assert_eq!(json!(seen), json!(["rest", "bank", "pay", "ok", id]), "{record}");
    let list = world.admin.get(&format!("/orgs/acme/audit?approval={id}&status=ok")).await.expect(200);
    let actions: Vec<_> = list["items"].as_array().expect("items").iter().map(|record| &record["action"]).collect();
    assert_eq!(actions.len(), 2, "the run and the decision: {list}");
}

#[tokio::test]
async fn a_refusal_is_on_record_once_with_its_tool() {
    let world = World::new().await;
    let record = is_recorded(&world, &call(&world.agent, "close", json!({"x": 1})).await, "close", "refused").await;
    assert!(record["rule"].as_str().is_some_and(|rule| rule.contains("blocked")), "{record}");
    is_recorded(&world, &call(&world.agent, "nope", json!({})).await, "nope", "refused").await;
    let record =
        is_recorded(&world, &call(&world.agent, "pay", json!({"cents": "much"})).await, "pay", "refused").await;
    assert!(record["request"].to_string().contains("much"), "{record}");
    let wrong = json!({"wait_seconds": 241});
    let answer = call_with(&world.agent, "pay", payment(1), wrong).await;
    let refused = on_record(&world, &answer).await;
    assert_eq!((&refused["action"], &refused["status"]), (&json!("call_tool"), &json!("refused")), "{refused}");
    let answer = world.agent.post(CALL, json!({"arguments": {}})).await;
    let refused = on_record(&world, &answer).await;
    let seen = ["action", "source", "toolkit", "status"].map(|name| refused[name].clone());
    assert_eq!(json!(seen), json!(["call_tool", "rest", "bank", "refused"]), "{refused}");
    // Nor may what cannot be read, or is too large.
    let text = Some("no JSON".to_owned());
    for (body, status) in [(text, 400), (Some("x".repeat(5 << 20)), 413)] {
        let answer = world.agent.send(Method::POST, &format!("/api/v1{CALL}"), body, &[]).await;
        assert_eq!(answer.status.as_u16(), status);
        let refused = on_record(&world, &answer).await;
        let seen = ["action", "source", "status"].map(|name| refused[name].clone());
        assert_eq!(json!(seen), json!(["turned away", "rest", "refused"]), "{refused}");
    }
    // Nor may who lacks the right go unrecorded.
    let answer = call(&world.approver, "balance", json!({})).await;
    let refused = on_record(&world, &answer).await;
    assert_eq!((&refused["action"], &refused["status"]), (&json!("call_tool"), &json!("refused")), "{refused}");
}

#[tokio::test]
async fn what_a_key_of_a_request_did_is_on_record_as_it_was() {
    let world = World::new().await;
    is_recorded(&world, &keyed(&world.agent, "balance", json!({}), "k").await, "balance", "ok").await;
    is_recorded(&world, &keyed(&world.agent, "balance", json!({}), "k").await, "balance", "replayed").await;
    is_recorded(&world, &keyed(&world.agent, "balance", json!({"n": 1}), "k").await, "balance", "refused").await;
    let answer = keyed(&world.agent, "pay", payment(1), "p").await;
    let record = is_recorded(&world, &answer, "pay", "held").await;
    assert_eq!(record["approval_id"], answer.json()["approval_id"], "{record}");
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn who_called_and_from_where_is_on_record() {
    let world = World::new().await;
    let browser = Client::browser_of(&world.gateway.url, OWNER).await;
    for (client, kind, name, source) in [
        (&world.agent, "key", "robot", "rest"),
        (&second_key(&world).await, "key", "second", "rest"),
        (&world.owner, "user", OWNER.0, "rest"),
        (&browser, "user", OWNER.0, "console"),
    ] {
        let record = on_record(&world, &call(client, "balance", json!({})).await).await;
        let seen = ["actor_kind", "actor_name", "source", "status"].map(|name| record[name].clone());
        assert_eq!(json!(seen), json!([kind, name, source, "ok"]), "{record}");
    }
    // A guest's is on record where the toolkit is.
    toolkit(&world, "open", "public", &["balance"]).await;
    let answer = world.other_agent.post("/orgs/acme/toolkits/open/call", json!({"tool": "balance"})).await;
    let record = on_record(&world, &answer).await;
    assert_eq!((&record["actor_name"], &record["status"]), (&json!("spy"), &json!("ok")), "{record}");
    assert!(record["actor_org_id"].is_string(), "{record}");
    let theirs = world.other_org.get("/orgs/other/audit?tool=balance").await.expect(200);
    assert_eq!(theirs["items"], json!([]));
}
