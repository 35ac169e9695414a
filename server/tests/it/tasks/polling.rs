//! How an upstream's task is looked at: as often as the upstream says, by one for all who follow it, and while the
//! caller waits.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{
    Agent,
    followed::{balance, say},
    upstream::Tasking,
};
use crate::{
    listening::{listen, subscription},
    support::{Client, World, client::text, eventually, modern::Modern, stream::Stream},
};

/// An agent that likes to wait long, and its task.
async fn patient(world: &World) -> (Tasking, Agent, String) {
    let upstream = Tasking::replace(world).await;
    let key = json!({"name": "patient", "role": "agent", "hold_seconds": 60});
    let key = world.owner.post("/orgs/acme/api-keys", key).await.expect(201);
    let agent = Agent::new(&Client::new(&world.gateway.url, key["key"].as_str()));
    let task = handle(&agent).await;
    (upstream, agent, task)
}

/// One more handle on the upstream's task.
async fn handle(agent: &Agent) -> String {
    balance(agent).await["taskId"].as_str().expect("an id").to_owned()
}

/// Asks how the task stands, and returns when the upstream was asked too.
async fn ask(upstream: &Tasking, agent: &Agent, task: &str) -> JoinHandle<Value> {
    let (agent, id) = (agent.clone(), task.to_owned());
    let asking = tokio::spawn(async move { agent.ask("tasks/get", json!({"taskId": id})).await });
    eventually("the upstream is asked", || async { !upstream.seen("tasks/get").is_empty() }).await;
    asking
}

/// Follows tasks; returns when each was told of.
async fn follow(agent: &Agent, tasks: &[&String]) -> Stream {
    let mut stream = listen(&agent.client, &subscription(json!({"taskIds": tasks})).tasks()).await;
    assert_eq!(stream.next().await.expect("what is agreed to")["method"], "notifications/subscriptions/acknowledged");
    for _ in tasks {
        assert_eq!(news(&mut stream).await["status"], "working");
    }
    stream
}

/// What is told of a task next.
async fn news(stream: &mut Stream) -> Value {
    let told = stream.next().await.expect("news");
    assert_eq!(told["method"], "notifications/tasks", "{told}");
    told["params"].clone()
}

const DONE: &str = r#""status":"completed","result":{"content":[{"type":"text","text":"12.50"}]}"#;

/// What the upstream asks for under this key.
fn asks_for(key: &str) -> String {
    format!(r#""status":"input_required","inputRequests":{{"{key}":{{"method":"elicitation/create","params":{{}}}}}}"#)
}

#[tokio::test]
async fn a_subscriber_hears_of_an_upstreams_task_as_often_as_the_upstream_says() {
    let world = World::new().await;
    let (upstream, agent, task) = patient(&world).await;
    let mut stream = follow(&agent, &[&task]).await;
    // The status is the same twice, and what it asks for is not.
    for key in ["name", "address"] {
        upstream.tell(&asks_for(key));
        let told = news(&mut stream).await;
        assert!(told["inputRequests"][key].is_object(), "{told}");
    }
    upstream.tell(DONE);
    let told = news(&mut stream).await;
    assert_eq!((&told["taskId"], text(&told["result"])), (&json!(task), "12.50".to_owned()), "{told}");
}

#[tokio::test]
async fn an_upstream_is_asked_by_one_however_many_follow_its_task() {
    let world = World::new().await;
    let (upstream, agent, first) = patient(&world).await;
    upstream.poll_every(3_600_000);
    let second = handle(&agent).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(follow(&agent, &[&first, &second]).await);
    }
    let get = Modern::new("tasks/get", json!({"taskId": second})).tasks();
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "x", "role": "agent"})).await.expect(201);
    let stranger = Client::new(&world.gateway.url, key["key"].as_str());
    assert_eq!(get.send(&stranger).await.json()["error"]["code"], -32602, "what is known here is the owner's");
    assert_eq!(upstream.seen("tasks/get").len(), 1);

    upstream.tell(&asks_for("name"));
    assert_eq!(say(&agent, &first).await["result"]["resultType"], "complete");
    for stream in &mut streams {
        for _ in 0..2 {
            assert_eq!(news(stream).await["status"], "input_required", "what is known no longer counts");
        }
    }
    assert_eq!(upstream.seen("tasks/get").len(), 2);
    assert_eq!(agent.get(&second).await["status"], "input_required", "there is something to do: no wait");
    assert_eq!(upstream.seen("tasks/get").len(), 2);
}

#[tokio::test]
async fn who_asks_again_and_again_has_the_upstream_asked_as_often_as_it_says() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    upstream.poll_every(3_600_000);
    let agent = Agent::new(&world.agent);
    let task = handle(&agent).await;
    upstream.tell(&asks_for("name"));
    for _ in 0..5 {
        assert_eq!(agent.get(&task).await["status"], "input_required");
    }
    assert_eq!(upstream.seen("tasks/get").len(), 1);
    // What was handed in is another matter.
    say(&agent, &task).await;
    agent.get(&task).await;
    assert_eq!(upstream.seen("tasks/get").len(), 2);
}

#[tokio::test]
async fn asking_after_an_upstreams_task_waits_for_a_change() {
    let world = World::new().await;
    let (upstream, agent, task) = patient(&world).await;
    let asking = ask(&upstream, &agent, &task).await;
    upstream.tell(DONE);
    let told = asking.await.expect("an answer");
    assert_eq!(text(&told["result"]["result"]), "12.50", "{told}");
    assert!(upstream.seen("tasks/get").len() >= 2);
}

#[tokio::test]
async fn an_upstream_that_goes_away_ends_the_wait() {
    let world = World::new().await;
    let (upstream, agent, task) = patient(&world).await;
    let asking = ask(&upstream, &agent, &task).await;
    upstream.break_off("tasks/get");
    let told = asking.await.expect("an answer");
    assert_eq!(told["error"]["code"], -32603, "{told}");
}

#[tokio::test]
async fn a_connection_that_is_switched_off_ends_the_wait() {
    let world = World::new().await;
    let (upstream, agent, task) = patient(&world).await;
    let asking = ask(&upstream, &agent, &task).await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"enabled": false})).await.expect(200);
    let told = asking.await.expect("an answer");
    assert!(told["error"]["message"].to_string().contains("connection"), "{told}");
}

#[tokio::test]
async fn a_caller_that_may_no_longer_call_hears_nothing_after_the_wait() {
    let world = World::new().await;
    let (upstream, agent, task) = patient(&world).await;
    let asking = ask(&upstream, &agent, &task).await;
    let keys = world.owner.get("/orgs/acme/api-keys").await.expect(200);
    let key = keys["items"].as_array().expect("keys").iter().find(|key| key["name"] == "patient").expect("the key");
    let path = format!("/orgs/acme/api-keys/{}", key["id"].as_str().expect("an id"));
    assert!(world.owner.delete(&path).await.status.is_success());
    upstream.tell(DONE);
    let told = asking.await.expect("an answer");
    assert!(told["result"].is_null(), "{told}");
}

#[tokio::test]
async fn a_task_that_is_cancelled_ends_the_wait() {
    let world = World::new().await;
    let (upstream, agent, task) = patient(&world).await;
    upstream.poll_every(3_600_000);
    let asking = ask(&upstream, &agent, &task).await;
    agent.cancel(&task).await;
    let told = asking.await.expect("an answer");
    assert_eq!(told["result"]["status"], "cancelled", "{told}");
}

#[tokio::test]
async fn a_stop_ends_the_wait() {
    let world = World::new().await;
    let (upstream, agent, task) = patient(&world).await;
    upstream.poll_every(3_600_000);
    let asking = ask(&upstream, &agent, &task).await;
    let began = Instant::now();
    world.gateway.stop().await;
    let told = asking.await.expect("an answer");
    assert_eq!(told["result"]["status"], "working", "{told}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}
