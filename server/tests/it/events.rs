//! The event stream: what happens is told once, in time, to whoever may know, and who may have missed
//! something is told that.

use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::{Value, json};
use sqlx::Executor;
use wire::sse::{Decoder, Event};

use crate::support::{Client, Gateway, World, eventually, world::APPROVER};

/// A stream that is read as it comes.
pub(crate) struct Stream {
    response: Response,
    decoder: Decoder,
}

/// Asks for a stream.
async fn ask(client: &Client, org: &str, last: Option<&str>) -> Response {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = http.get(format!("{}/api/v1/orgs/{org}/events", client.url));
    request = match client.cookie() {
        Some(cookie) => request.header("cookie", cookie),
        None => request.bearer_auth(client.token.as_deref().unwrap_or_default()),
    };
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    request.send().await.expect("the gateway answers")
}

impl Stream {
    /// Opens a stream and reads its first bytes, which come at once.
    pub(crate) async fn open(client: &Client, org: &str, last: Option<&str>) -> Self {
        let mut response = ask(client, org, last).await;
        assert_eq!(response.status().as_u16(), 200);
        let mut decoder = Decoder::new(64 * 1024);
        let first = tokio::time::timeout(Duration::from_secs(2), response.chunk()).await.expect("at once");
        let first = first.expect("bytes").expect("not the end");
        assert!(first.starts_with(b"retry: 2000\n"), "{first:?}");
        decoder.push(&first).expect("an event stream");
        Self { response, decoder }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.decoder.pop() {
                assert!(event.id.is_some(), "{event:?} has no id");
                return Some(event);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(14), self.response.chunk()).await.expect("in time");
            self.decoder.push(&chunk.ok()??).expect("an event stream");
        }
    }

    /// The next event of these names: its name, its data and its id.
    pub(crate) async fn find(&mut self, names: &[&str]) -> (String, Value, String) {
        loop {
            let event = self.next().await.expect("the stream goes on");
            let name = event.event.expect("a name");
            if names.contains(&name.as_str()) {
                let data = serde_json::from_str(&event.data).expect("JSON");
                return (name, data, event.id.expect("an id"));
            }
        }
    }

    /// Skips events until this tool's call has finished.
    pub(crate) async fn finished(&mut self, tool: &str) -> Value {
        loop {
            let (_, data, _) = self.find(&["call.finished"]).await;
            if data["tool"] == tool {
                return data;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_its_decision_and_its_end_are_told_as_they_happen() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.admin, "acme", None).await;
    let headers = stream.response.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-accel-buffering"], "no");

    let id = world.held(7).await;
    let approvals = ["approval.opened", "approval.changed"];
    let (name, data, _) = stream.find(&approvals).await;
    let said = (name.as_str(), &data["approval_id"], &data["status"]);
    assert_eq!(said, ("approval.opened", &json!(id), &json!("pending")));
    let held = stream.finished("pay").await;
    assert_eq!((&held["status"], &held["approval_id"]), (&json!("held"), &json!(id)));
    assert_eq!((&held["action"], &held["toolkit"]), (&json!("tools/call"), &json!("bank")));

    world.approver.decide(&id, "approve", "fine").await.expect(200);
    let (name, data, _) = stream.find(&approvals).await;
    assert_eq!((name.as_str(), &data["status"]), ("approval.changed", &json!("approved")));
    world.agent.call("pay", json!({"to": "Ada", "cents": 7})).await;
    // That it was executing may have been told with it.
    while stream.find(&approvals).await.1["status"] != "executed" {}
    let ran = stream.finished("pay").await;
    assert_eq!((&ran["status"], &ran["approval_id"]), (&json!("ok"), &json!(id)));
    let record = world.admin.get(&format!("/orgs/acme/audit/{}", ran["audit_id"].as_str().unwrap_or(""))).await;
    assert_eq!(record.expect(200)["duration_us"], ran["duration_us"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_began_before_is_told_when_it_ends_and_one_that_ended_before_is_not() {
    let world = World::new().await;
    world.agent.call("balance", json!({})).await;
    world.upstream.behave(crate::support::Behaviour::Hang(r#"{"content":[]}"#.into()));
    let before = world.upstream.calls();
    let agent = world.agent.clone();
    let call = tokio::spawn(async move { agent.call("balance", json!({"slow": true})).await });
    eventually("it hangs", || async { world.upstream.calls() > before }).await;
    // Its intent is written a little later than it is made.
    eventually("its intent is on record", || async {
        let list = world.admin.get("/orgs/acme/audit?status=interrupted&tool=balance").await.expect(200);
        list["items"].as_array().is_some_and(|items| !items.is_empty())
    })
    .await;
    let mut stream = Stream::open(&world.admin, "acme", None).await;
    world.upstream.release();
    call.await.expect("it ends");
    let told = stream.finished("balance").await;
    let slow = world.admin.get("/orgs/acme/audit?q=slow").await.expect(200);
    assert_eq!(told["audit_id"], slow["items"][0]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_actor_gets_only_what_its_rights_allow_and_of_its_own_org() {
    let world = World::new().await;
    let role = json!({"name": "watcher", "rights": ["connections:read"]});
    world.admin.post("/orgs/acme/roles", role).await.expect(201);
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "w", "role": "watcher"})).await.expect(201);
    let watcher = Client::new(&world.gateway.url, key["key"].as_str());

    let mut connections = Stream::open(&watcher, "acme", None).await;
    let mut approver = Stream::open(&world.approver, "acme", None).await;
    let mut other = Stream::open(&world.other_org, "other", None).await;
    let id = world.held(1).await;
    assert_eq!(approver.find(&["approval.opened", "connection.changed"]).await.1["approval_id"], id);
    assert_eq!(approver.finished("pay").await["status"], "held");

    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 2000})).await.expect(200);
    let event = connections.next().await.expect("an event");
    assert_eq!(
        (event.event.as_deref(), event.data.as_str()),
        (Some("connection.changed"), r#"{"connection":"bank"}"#),
        "nothing came before it"
    );
    world.upstream.offer(r#"[{"name":"pay","description":"Other.","inputSchema":{"type":"object"}}]"#);
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    assert_eq!(connections.next().await.expect("an event").event.as_deref(), Some("connection.changed"));

    world.other_org.post("/orgs/other/roles", json!({"name": "mine", "rights": []})).await.expect(201);
    let first = other.next().await.expect("an event");
    assert_eq!(first.data, r#"{"what":"roles"}"#, "nothing of acme came before it");
    assert_eq!(other.find(&["call.finished"]).await.1["action"], "create_role");

    assert_eq!(ask(&world.agent, "acme", None).await.status().as_u16(), 403);
    assert_eq!(ask(&world.other_org, "acme", None).await.status().as_u16(), 404);
    assert_eq!(ask(&world.anonymous, "acme", None).await.status().as_u16(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_returns_goes_on_after_the_last_event_and_who_comes_from_elsewhere_reads_again() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.approver, "acme", None).await;
    world.held(1).await;
    let (_, _, last) = stream.find(&["approval.opened"]).await;
    drop(stream);
    let (second, third) = (world.held(2).await, world.held(3).await);
    let mut stream = Stream::open(&world.approver, "acme", Some(&last)).await;
    for expected in [second, third] {
        let (name, data, _) = stream.find(&["approval.opened", "resync"]).await;
        assert_eq!((name.as_str(), data["approval_id"].as_str()), ("approval.opened", Some(expected.as_str())));
    }
    let ring = last.split_once('-').map_or("", |(ring, _)| ring);
    for unknown in ["0-1", "nonsense", &format!("{ring}-999999"), &format!("{ring}-x")] {
        let mut stream = Stream::open(&world.approver, "acme", Some(unknown)).await;
        assert_eq!(stream.next().await.expect("an event").event.as_deref(), Some("resync"), "{unknown}");
        world.agent.call("balance", json!({})).await;
        assert_eq!(stream.finished("balance").await["status"], "ok", "it goes on after that");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_has_an_id_before_its_first_event() {
    let world = World::new().await;
    let stream = Stream::open(&world.approver, "acme", None).await;
    let place = stream.decoder.last_event_id().expect("a place").to_owned();
    drop(stream);
    let id = world.held(1).await;
    let mut stream = Stream::open(&world.approver, "acme", Some(&place)).await;
    let (name, data, _) = stream.find(&["approval.opened", "resync"]).await;
    assert_eq!((name.as_str(), data["approval_id"].as_str()), ("approval.opened", Some(id.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_notifications_may_have_been_missed_everybody_is_told() {
    let world = World::new().await;
    let mut streams =
        [Stream::open(&world.approver, "acme", None).await, Stream::open(&world.other_org, "other", None).await];
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND query ILIKE 'LISTEN%'";
    assert!(world.sql().await.execute(cut).await.expect("it is cut").rows_affected() > 0);
    for stream in &mut streams {
        stream.find(&["resync"]).await;
    }
    let id = world.held(1).await;
    assert_eq!(streams[0].find(&["approval.opened"]).await.1["approval_id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_key_does() {
    let world = World::new().await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "w", "role": "auditor"})).await.expect(201);
    let auditor = Client::new(&world.gateway.url, key["key"].as_str());
    let mut stream = Stream::open(&auditor, "acme", None).await;
    world.agent.call("balance", json!({})).await;
    stream.finished("balance").await;
    world.owner.delete(&format!("/orgs/acme/api-keys/{}", key["id"].as_str().unwrap_or(""))).await.expect(204);
    while let Some(event) = stream.next().await {
        assert!(!event.data.contains("revoke"), "it is not told of its own end: {event:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_away_ends_its_events() {
    let world = World::new().await;
    let role = json!({"name": "watcher", "rights": ["connections:read", "audit:read"]});
    world.admin.post("/orgs/acme/roles", role).await.expect(201);
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "w", "role": "watcher"})).await.expect(201);
    let mut stream = Stream::open(&Client::new(&world.gateway.url, key["key"].as_str()), "acme", None).await;
    world.agent.call("balance", json!({})).await;
    stream.finished("balance").await;
    world.admin.patch("/orgs/acme/roles/watcher", json!({"rights": ["connections:read"]})).await.expect(200);
    world.agent.call("balance", json!({})).await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 2000})).await.expect(200);
    // Nothing of the second call, and a word that what was read is old.
    for expected in ["resync", "connection.changed"] {
        let next = stream.next().await.expect("an event");
        assert_eq!(next.event.as_deref(), Some(expected), "{next:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_so_many_streams_and_not_more() {
    let world = World::new().await;
    let mut open = Vec::new();
    for _ in 0..permesso::service::feed::STREAMS {
        open.push(Stream::open(&world.approver, "acme", None).await);
    }
    let refused = ask(&world.approver, "acme", None).await;
    assert_eq!(refused.status().as_u16(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(refused.text().await.expect("a body").contains("too_many_streams"));
    drop(Stream::open(&world.owner, "acme", None).await);
    open.pop();
    eventually("there is room again", || async { ask(&world.approver, "acme", None).await.status() == 200 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_does_not_wait_for_its_streams() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.admin, "acme", None).await;
    let World { gateway, .. } = world;
    let began = Instant::now();
    let stopped = tokio::spawn(gateway.stop());
    while stream.next().await.is_some() {}
    stopped.await.expect("it stops");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_session_it_was_opened_in_and_no_other_does() {
    let world = World::new().await;
    // On another replica, which hears of it.
    let elsewhere = Gateway::start(&world.database).await;
    eventually("it listens", async || elsewhere.services.live.is_listening()).await;
    for (cents, ends) in [(1, "by its cookie"), (2, "from elsewhere")] {
        let browser = Client::browser_of(&world.gateway.url, APPROVER).await;
        let sessions = browser.get("/auth/sessions").await.expect(200);
        let mut stream = Stream::open(&browser.at(&elsewhere.url), "acme", None).await;
        let other = Client::browser_of(&world.gateway.url, APPROVER).await;
        let mut goes_on = Stream::open(&other, "acme", None).await;
        let began = Instant::now();
        if ends == "by its cookie" {
            browser.delete("/auth/session").await.expect(204);
        } else {
            let current = sessions["items"].as_array().into_iter().flatten().find(|session| session["current"] == true);
            let id = current.and_then(|session| session["id"].as_str()).expect("a session of one's own");
            other.delete(&format!("/auth/sessions/{id}")).await.expect(204);
        }
        while stream.next().await.is_some() {}
        // At once; without being told it looks every 15 s.
        assert!(began.elapsed() < Duration::from_secs(10), "{ends}: {:?}", began.elapsed());
        world.held(cents).await;
        goes_on.find(&["approval.opened", "approval.changed"]).await;
    }
    elsewhere.stop().await;
}
