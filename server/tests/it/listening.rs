//! `subscriptions/listen` of MCP 2026-07-28: what is agreed to comes first, then that and nothing else.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, World, modern::Modern, stream::Stream};

pub(crate) async fn listen(client: &Client, request: &Modern) -> Stream {
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    Stream::open(client, Method::POST, "/acme/bank/mcp", Some(request.body.to_string()), &headers).await
}

pub(crate) fn subscription(notifications: Value) -> Modern {
    Modern::new("subscriptions/listen", json!({"notifications": notifications}))
}

/// Every message on such a stream says whose it is.
fn of(message: &Value, method: &str) -> Value {
    assert_eq!(message["method"], method, "{message}");
    let mut params = message["params"].clone();
    let meta = params.as_object_mut().unwrap().remove("_meta").unwrap();
    assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], "m-1", "{message}");
    params
}

#[tokio::test]
async fn a_subscriber_hears_of_its_tools_and_is_told_when_the_gateway_stops() {
    let world = World::new().await;
    let wanted = json!({"toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": ["file:///x"]});
    let mut stream = listen(&world.agent, &subscription(wanted)).await;
    let agreed = of(&stream.next().await.unwrap(), "notifications/subscriptions/acknowledged");
    assert_eq!(agreed, json!({"notifications": {"toolsListChanged": true}}), "and nothing that is not here");
    let mut deaf = listen(&world.agent, &subscription(json!({}))).await;
    let agreed = of(&deaf.next().await.unwrap(), "notifications/subscriptions/acknowledged");
    assert_eq!(agreed, json!({"notifications": {}}));

    assert!(world.admin.delete("/orgs/acme/toolkits/bank/tools/balance").await.status.is_success());
    assert_eq!(of(&stream.next().await.unwrap(), "notifications/tools/list_changed"), json!({}));
    world.gateway.stop().await;
    for mut stream in [stream, deaf] {
        let last = stream.next().await.expect("a graceful end");
        assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!("m-1"), &json!("complete")));
        assert_eq!(last["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "m-1");
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test]
async fn a_subscriber_hears_how_its_own_tasks_go_on() {
    let world = World::new().await;
    let task = async |cents: u64| {
        let created = Modern::call("pay", json!({"cents": cents})).tasks().send(&world.agent).await.expect(200);
        let result = created["result"].clone();
        let approval = result["_meta"]["dev.permesso/approval"]["approval_id"].as_str().unwrap().to_owned();
        (result["taskId"].as_str().unwrap().to_owned(), approval)
    };
    let (paid, paid_approval) = task(1).await;
    let (refused, refused_approval) = task(2).await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "other", "role": "agent"})).await.expect(201);
    let colleague = Client::new(&world.gateway.url, key["key"].as_str());
    let foreign = Modern::call("pay", json!({"cents": 3})).tasks().send(&colleague).await.expect(200);
    let foreign = foreign["result"]["taskId"].as_str().unwrap().to_owned();

    let wanted = json!({"taskIds": [paid, foreign, "nonsense", refused]});
    let undeclared = subscription(wanted.clone()).send(&world.agent).await;
    assert_eq!(undeclared.status.as_u16(), 400);
    assert_eq!(undeclared.json()["error"]["code"], -32021, "{}", undeclared.text);

    let mut stream = listen(&world.agent, &subscription(wanted).tasks()).await;
    let agreed = of(&stream.next().await.unwrap(), "notifications/subscriptions/acknowledged");
    assert_eq!(agreed, json!({"notifications": {"taskIds": [paid, refused]}}), "a foreign task is as an unknown one");
    let mut working = Vec::new();
    for _ in 0..2 {
        let now = of(&stream.next().await.unwrap(), "notifications/tasks");
        assert_eq!(now["status"], "working", "{now}");
        working.push(now["taskId"].as_str().unwrap().to_owned());
    }
    assert!(working.contains(&paid) && working.contains(&refused), "each once: {working:?}");
    world.approver.decide(&paid_approval, "approve", "").await.expect(200);
    let done = loop {
        let now = of(&stream.next().await.unwrap(), "notifications/tasks");
        assert_eq!(now["taskId"], json!(paid));
        if now["status"] != "working" {
            break now;
        }
    };
    assert_eq!((&done["status"], &done["result"]["content"][0]["text"]), (&json!("completed"), &json!("done")));
    let got = Modern::new("tasks/get", json!({"taskId": paid})).tasks().send(&world.agent).await.expect(200);
    assert_eq!(got["result"]["result"], done["result"], "tasks/get says the same");
    let records = world.admin.get("/orgs/acme/audit?limit=50").await.json();
    let told = records["items"].as_array().unwrap().iter().find(|record| {
        record["action"] == "notifications/tasks"
            && record["approval_id"] == json!(paid_approval)
            && record["status"] == "ok"
    });
    assert!(told.is_some(), "what is told is on record: {records}");

    world.approver.decide(&refused_approval, "reject", "not this one").await.expect(200);
    let now = of(&stream.next().await.unwrap(), "notifications/tasks");
    assert_eq!((&now["taskId"], &now["status"]), (&json!(refused), &json!("completed")));
    assert!(
        now["result"]["isError"] == true
            && now["result"]["content"][0]["text"].as_str().unwrap().contains("not this one")
    );
    assert_eq!(world.upstream.calls(), 1);
}

#[tokio::test]
async fn a_task_that_is_named_often_is_told_of_once() {
    let world = World::new().await;
    let created = Modern::call("pay", json!({"cents": 1})).tasks().send(&world.agent).await.expect(200);
    let task = created["result"]["taskId"].as_str().unwrap().to_owned();
    let mut stream = listen(&world.agent, &subscription(json!({"taskIds": vec![&task; 50]})).tasks()).await;
    let agreed = of(&stream.next().await.unwrap(), "notifications/subscriptions/acknowledged");
    assert_eq!(agreed, json!({"notifications": {"taskIds": [task]}}));
    of(&stream.next().await.unwrap(), "notifications/tasks");
    world.gateway.stop().await;
    assert_eq!(stream.next().await.unwrap()["id"], "m-1", "nothing else was told before the end");
}

#[tokio::test]
async fn a_subscription_that_is_refused_is_on_record_with_the_reason() {
    let world = World::new().await;
    let mut long = subscription(json!({}));
    long.body["id"] = json!("s".repeat(2_000));
    let many: Vec<String> = (0..101).map(|n| format!("t{n}")).collect();
    let mut count = 0;
    for (request, reason) in [
        (subscription(json!({"taskIds": ["x"]})), "Missing required client capability"),
        (subscription(json!({"taskIds": many})).tasks(), "at most 100"),
        (subscription(json!({"toolsListChanged": "yes"})), "toolsListChanged"),
        (Modern::new("subscriptions/listen", json!({})), "notifications"),
        (long, "use a shorter one"),
    ] {
        let answer = request.send(&world.agent).await;
        assert!(!answer.is_stream() && answer.json()["error"].is_object(), "{}", answer.text);
        count += 1;
        on_record(&world, count, reason).await;
    }
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(listen(&world.agent, &subscription(json!({}))).await);
    }
    subscription(json!({})).send(&world.agent).await.expect(429);
    on_record(&world, count + 1, "many event streams").await;

    let deaf = subscription(json!({})).header("accept", "application/json").send(&world.agent).await;
    assert!(deaf.json()["error"]["message"].to_string().contains("text/event-stream"), "{}", deaf.text);
    let records = world.admin.get("/orgs/acme/audit?action=invalid&status=refused").await.expect(200);
    assert_eq!(records["items"].as_array().map(Vec::len), Some(1), "{records}");
}

/// Fails unless so many subscriptions are on record as refused, the last one for this reason.
async fn on_record(world: &World, count: usize, reason: &str) {
    let records = world.admin.get("/orgs/acme/audit?action=subscriptions/listen&status=refused").await.expect(200);
    assert_eq!(records["items"].as_array().map(Vec::len), Some(count), "{records}");
    let id = records["items"][0]["id"].as_str().unwrap();
    let record = world.admin.get(&format!("/orgs/acme/audit/{id}")).await.expect(200);
    assert_eq!((&record["toolkit"], &record["actor_name"]), (&json!("bank"), &json!("robot")), "{record}");
    assert!(record["response"].to_string().contains(reason), "{record}");
}
