//! Tools over plain HTTP: programs that speak no MCP go through the same gate, the same queue and the same record
//! (docs/api.md, "Calling tools").

mod at_once;
mod away;
mod changed;
mod ends;
mod faces;
mod hung_up;
mod kept;
mod keyed;
mod keyed_held;
mod killed;
mod list;
mod misfits;
mod outside;
mod raced;
mod recorded;
mod shown;
mod stored;
mod waiting;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Client, World, client::Answer, eventually};

/// Where tools of `acme/bank` are called.
const CALL: &str = "/orgs/acme/toolkits/bank/call";

/// A result in which nothing may be spelled otherwise.
const EXACT: &str = r#"{"content":[{"type":"text","text":"d\u006fne"}],"x":1.0e2,"n":9007199254740993,"a":-0.0}"#;

/// Calls a tool of `acme/bank`.
async fn call(client: &Client, tool: &str, arguments: Value) -> Answer {
    call_with(client, tool, arguments, json!({})).await
}

/// The same with these members of the body besides.
async fn call_with(client: &Client, tool: &str, arguments: Value, more: Value) -> Answer {
    client.post(CALL, body(tool, arguments, more)).await
}

/// The same with an `idempotency_key`.
async fn keyed(client: &Client, tool: &str, arguments: Value, key: &str) -> Answer {
    call_with(client, tool, arguments, json!({"idempotency_key": key})).await
}

/// Calls a tool with a body as it is written.
async fn call_raw(client: &Client, body: &str) -> Answer {
    client.send(Method::POST, &format!("/api/v1{CALL}"), Some(body.to_owned()), &[]).await
}

fn body(tool: &str, arguments: Value, more: Value) -> Value {
    let mut body = json!({"tool": tool, "arguments": arguments});
    for (name, value) in more.as_object().expect("members of a body") {
        body[name] = value.clone();
    }
    body
}

/// A call that goes on by itself.
fn spawn(client: &Client, tool: &'static str, arguments: Value, more: Value) -> JoinHandle<Answer> {
    let client = client.clone();
    tokio::spawn(async move { call_with(&client, tool, arguments, more).await })
}

/// Hangs up on a call that goes on by itself.
async fn hang_up(call: JoinHandle<Answer>) {
    call.abort();
    assert!(call.await.is_err(), "it was answered before");
}

fn payment(cents: u64) -> Value {
    json!({"to": "Ada", "cents": cents})
}

/// Holds a payment over REST; gives the approval's id.
async fn held(world: &World, cents: u64) -> String {
    id_of(&call(&world.agent, "pay", payment(cents)).await.expect(202))
}

/// The same, approved.
async fn approved(world: &World, cents: u64) -> String {
    let id = held(world, cents).await;
    world.approver.decide(&id, "approve", "fine").await.expect(200);
    id
}

/// Where a call of `acme/bank` stands.
fn place(id: &str) -> String {
    format!("/orgs/acme/toolkits/bank/calls/{id}")
}

/// How a call stands, waited for so long.
async fn look(client: &Client, id: &str, wait_seconds: u64) -> Answer {
    client.get(&format!("{}?wait_seconds={wait_seconds}", place(id))).await
}

/// Runs a call that was approved.
async fn run(client: &Client, id: &str) -> Answer {
    client.send(Method::POST, &format!("/api/v1{}", place(id)), None, &[]).await
}

/// The approval that a call waits for.
#[track_caller]
fn id_of(called: &Value) -> String {
    called["approval_id"].as_str().unwrap_or_else(|| panic!("not held: {called}")).to_owned()
}

/// The text of what the upstream answered.
fn text(called: &Value) -> String {
    crate::support::client::text(&called["result"])
}

/// Fails the test unless a call stands so.
#[track_caller]
fn is(called: &Value, status: &str, executed: bool) {
    assert_eq!((&called["status"], &called["executed"]), (&json!(status), &json!(executed)), "{called}");
    assert!(called["message"].as_str().is_some_and(|message| !message.is_empty()), "it is said in words: {called}");
}

/// Fails the test unless a request was refused with this status and code.
#[track_caller]
fn problem(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let problem = answer.json();
    assert_ne!(problem["executed"], true, "{problem}");
    problem
}

/// The same of a call that was looked at: it says that nothing ran.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let problem = problem(answer, status, code);
    assert_eq!(problem["executed"], false, "{problem}");
    problem
}

/// The fields that a problem names.
fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    errors.filter_map(|error| error["field"].as_str()).collect()
}

/// The approvals of the org with this state, newest first; with any for an empty one.
async fn approvals(world: &World, status: &str) -> Vec<Value> {
    let query = if status.is_empty() { String::new() } else { format!("&status={status}") };
    let list = world.approver.get(&format!("/orgs/acme/approvals?limit=200{query}")).await.expect(200);
    list["items"].as_array().expect("items").clone()
}

/// The request that waits for a decision, as soon as there is one.
async fn asked(world: &World) -> String {
    eventually("somebody is asked", || async { !approvals(world, "pending").await.is_empty() }).await;
    approvals(world, "pending").await[0]["id"].as_str().expect("an id").to_owned()
}

/// Another key of the same owner.
async fn second_key(world: &World) -> Client {
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    Client::new(&world.gateway.url, key["key"].as_str())
}

/// Another toolkit of `acme`, which allows these tools of the bank.
async fn toolkit(world: &World, slug: &str, visibility: &str, tools: &[&str]) {
    let new = json!({"slug": slug, "name": slug, "visibility": visibility});
    world.admin.post("/orgs/acme/toolkits", new).await.expect(201);
    let tools = json!({"connection": "bank", "tools": tools, "permission": "always_allow"});
    world.admin.post(&format!("/orgs/acme/toolkits/{slug}/tools"), tools).await.expect(201);
}

/// Sets what a tool of the bank is for everybody.
async fn permit(world: &World, tool: &str, permission: &str) {
    let body = json!({"connection": "bank", "tool": tool, "permission": permission});
    world.admin.put(&format!("/orgs/acme/toolkits/bank/tools/{tool}"), body).await.expect(200);
}

/// Calls of the bank may take a minute.
async fn slow(world: &World) {
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
}
