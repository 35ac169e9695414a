//! What no well-behaved client sends: each case gets the error that the specification names for it, and leaves
//! the gateway serving. The cases are data (`envelopes`, `modern`, `heads`, `framing`), sent byte for byte over a
//! socket; `impatient` has those where it matters when something is sent, or when nobody listens any more.

mod case;
mod envelopes;
mod framing;
mod heads;
mod impatient;
mod modern;
mod panics;
mod raw;

use serde_json::json;

use crate::support::{Client, World};
use case::{Case, Places, check_all};

async fn all(cases: Vec<Case>) {
    let world = World::new().await;
    let places = Places::of(&world).await;
    check_all(&world, &places, cases).await;
}

#[tokio::test]
async fn a_body_that_is_no_message_gets_its_error_and_reaches_nobody() {
    all(envelopes::cases()).await;
}

#[tokio::test]
async fn a_batch_that_is_none_or_not_allowed_gets_its_error_and_each_entry_its_own() {
    all(envelopes::batches()).await;
}

#[tokio::test]
async fn what_2026_07_28_wants_said_twice_is_refused_when_it_is_said_wrongly() {
    all(modern::cases()).await;
}

#[tokio::test]
async fn arguments_in_headers_are_refused_unless_they_say_what_the_body_says() {
    let world = World::new().await;
    let tools = json!([{"name": "balance", "inputSchema": modern::schema()}]);
    world.upstream.offer(&tools.to_string());
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let seen = world.admin.get("/orgs/acme/connections/bank/tools").await.expect(200);
    let tool = seen["items"].as_array().unwrap().iter().find(|tool| tool["name"] == "balance").unwrap().clone();
    let accept = json!({"definition_sha256": tool["definition_sha256"]});
    let reviewed = world.admin.post("/orgs/acme/connections/bank/tools/balance/review", accept).await;
    assert!(reviewed.status.is_success(), "{}", reviewed.text);
    let places = Places::of(&world).await;
    check_all(&world, &places, modern::parameters()).await;
}

#[tokio::test]
async fn a_head_that_is_wrong_or_odd_gets_its_error() {
    all(heads::cases()).await;
}

#[tokio::test]
async fn frames_that_lie_are_refused_and_smuggle_nothing() {
    all(framing::cases()).await;
}

/// A second caller of the same org.
async fn colleague(world: &World) -> Client {
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    Client::new(&world.gateway.url, key["key"].as_str())
}
