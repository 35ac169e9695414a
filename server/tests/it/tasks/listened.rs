//! What a subscriber to tasks hears while an upstream takes its time to tell of one that follows it.

use std::time::Duration;

use permesso::service::Pace;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Agent, upstream::Tasking};
use crate::support::{Gateway, World, eventually, modern::Modern, stream::Stream};

/// A subscription to these tasks; what is agreed to has been read.
async fn listen(agent: &Agent, tasks: &[&str]) -> Stream {
    let wanted = json!({"notifications": {"taskIds": tasks}});
    let request = Modern::new("subscriptions/listen", wanted).tasks();
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let body = Some(request.body.to_string());
    let mut stream = Stream::open(&agent.client, Method::POST, "/acme/bank/mcp", body, &headers).await;
    let agreed = stream.next().await.expect("what is agreed to");
    assert_eq!(agreed["params"]["notifications"]["taskIds"], json!(tasks), "{agreed}");
    stream
}

/// The next news of a task.
async fn news(stream: &mut Stream) -> (Value, Value) {
    let told = stream.next().await.expect("news");
    assert_eq!(told["method"], "notifications/tasks", "{told}");
    (told["params"]["taskId"].clone(), told["params"]["status"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_stays_alive_while_an_upstream_is_slow_to_tell_of_its_task() {
    let world = World::new().await;
    let upstream = Tasking::replace(&world).await;
    let pace = Pace { keep_alive: Duration::from_millis(100), ..Pace::default() };
    let gateway = Gateway::start_paced(&world.database, pace).await;
    let agent = Agent::new(&world.agent.at(&gateway.url));
    let called = agent.ask("tools/call", json!({"name": "balance", "arguments": {}})).await;
    let theirs = called["result"]["taskId"].as_str().expect("an id");
    let (ours, _) = agent.task(1).await;

    upstream.ponder("tasks/get");
    let mut stream = listen(&agent, &[theirs, &ours]).await;
    assert_eq!(news(&mut stream).await, (json!(ours), json!("working")), "what need not be asked is told at once");
    eventually("the upstream is asked", async || upstream.pondering() == 1).await;
    stream.stays_alive(3).await;
    let asked = (upstream.pondering(), upstream.seen("tasks/get").len());
    assert_eq!(asked, (1, 1), "all that while it was asked, for the first time");
    upstream.release();
    assert_eq!(news(&mut stream).await, (json!(theirs), json!("working")));
    gateway.stop().await;
}
