//! What the REST API answers is compressed for who takes it; what must not be is not.

use std::io::Read;

use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use crate::support::{Behaviour, Client, World, world::OWNER};

/// An answer as it came over the wire.
struct Raw {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Raw {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as it was before it was compressed.
    fn text(&self) -> String {
        let mut text = String::new();
        match self.header("content-encoding") {
            Some("gzip") => flate2::read::GzDecoder::new(&*self.bytes).read_to_string(&mut text).expect("gzip"),
            Some("br") => brotli::Decompressor::new(&*self.bytes, 4_096).read_to_string(&mut text).expect("Brotli"),
            Some(other) => panic!("what is {other}?"),
            None => (&*self.bytes).read_to_string(&mut text).expect("text"),
        };
        text
    }
}

/// Asks as somebody who takes these encodings.
async fn ask(client: &Client, method: Method, path: &str, body: Option<Value>, accept: &'static str) -> Raw {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = http.request(method, format!("{}{path}", client.url));
    request = request.header("accept-encoding", HeaderValue::from_static(accept));
    request = request.header("accept", "application/json, text/event-stream");
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.expect("the gateway answers");
    let (status, headers) = (answer.status(), answer.headers().clone());
    Raw { status, headers, bytes: answer.bytes().await.expect("a body").to_vec() }
}

async fn get(client: &Client, path: &str, accept: &'static str) -> Raw {
    ask(client, Method::GET, &format!("/api/v1{path}"), None, accept).await
}

const LIST: &str = "/orgs/acme/approvals?limit=200";

#[tokio::test]
async fn a_list_is_compressed_as_the_client_takes_it_and_says_the_same() {
    let world = World::new().await;
    for cents in 0..15 {
        world.held(cents).await;
    }
    let plain = get(&world.approver, LIST, "identity").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("accept-encoding")));
    for (accept, encoding) in [("gzip", "gzip"), ("gzip, deflate, br", "br"), ("br;q=0, gzip;q=0.1", "gzip")] {
        let small = get(&world.approver, LIST, accept).await;
        assert_eq!((small.status.as_u16(), small.header("content-encoding")), (200, Some(encoding)));
        assert_eq!((small.header("vary"), small.header("content-length")), (Some("accept-encoding"), None));
        assert_eq!(small.header("content-type"), Some("application/json"));
        assert_eq!(small.text(), plain.text());
        assert!(small.bytes.len() * 4 < plain.bytes.len(), "{} of {}", small.bytes.len(), plain.bytes.len());
    }
    // An answer that cannot be given as it was asked for is given all the same: what was asked is done.
    let none = get(&world.approver, LIST, "identity;q=0, zstd").await;
    assert_eq!((none.status.as_u16(), none.header("content-encoding")), (200, None));
    let small = get(&world.approver, "/orgs/acme/approvals/summary", "gzip, br").await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), (None, Some("accept-encoding")), "too small");
    let head = ask(&world.approver, Method::HEAD, &format!("/api/v1{LIST}"), None, "gzip, br").await;
    assert_eq!((head.status.as_u16(), head.header("content-encoding"), head.bytes.len()), (200, None, 0));
}

#[tokio::test]
async fn an_error_that_is_long_is_compressed_too() {
    let world = World::new().await;
    let body = json!({"name": "x".repeat(3_000), "rights": ["y".repeat(3_000)]});
    let problem = ask(&world.admin, Method::POST, "/api/v1/orgs/acme/roles", Some(body), "gzip").await;
    let problem_text = problem.text();
    assert_eq!(problem.status.as_u16(), 422, "{problem_text}");
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.header("content-encoding").is_some(), problem_text.len() >= 1_024, "{problem_text}");
}

#[tokio::test]
async fn an_export_is_compressed_while_it_is_written() {
    let world = World::new().await;
    for n in 0..45 {
        world.agent.call("balance", json!({"n": n})).await;
    }
    for format in ["jsonl", "csv"] {
        let path = format!("/orgs/acme/audit/export?format={format}&tool=balance");
        let (plain, small) = (get(&world.admin, &path, "identity").await, get(&world.admin, &path, "br").await);
        assert_eq!(small.header("content-encoding"), Some("br"));
        assert_eq!(small.text(), plain.text());
        assert!(plain.text().lines().count() >= 45, "over many batches");
    }
}

#[tokio::test]
async fn what_shows_a_secret_once_is_not_compressed() {
    let world = World::new().await;
    for n in 0..12 {
        let key = json!({"name": format!("key {n}"), "role": "agent"});
        let key = ask(&world.owner, Method::POST, "/api/v1/orgs/acme/api-keys", Some(key), "gzip, br").await;
        assert_eq!((key.status.as_u16(), key.header("content-encoding")), (201, None));
        let guest = json!({"email": format!("guest{n}@example.com"), "role": "member"});
        let guest = ask(&world.admin, Method::POST, "/api/v1/orgs/acme/invitations", Some(guest), "gzip, br").await;
        assert_eq!((guest.status.as_u16(), guest.header("content-encoding")), (201, None));
    }
    for path in ["/orgs/acme/api-keys", "/orgs/acme/invitations"] {
        let list = get(&world.admin, path, "gzip, br").await;
        assert!(list.bytes.len() > 2_000, "{path}: it is long enough");
        assert_eq!((list.status.as_u16(), list.header("content-encoding"), list.header("vary")), (200, None, None));
    }
    let (email, password) = OWNER;
    let browser = Client::browser_of(&world.gateway.url, OWNER).await;
    let agent = "x".repeat(200);
    let headers = [("accept-encoding", "gzip, br"), ("user-agent", agent.as_str())];
    for _ in 0..6 {
        let body = json!({"email": email, "password": password}).to_string();
        let other = Client::browser(&world.gateway.url);
        other.send(Method::POST, "/api/v1/auth/session", Some(body), &headers).await.expect(204);
    }
    let sessions = browser.send(Method::GET, "/api/v1/auth/sessions", None, &headers).await;
    assert!(sessions.text.len() > 1_024 && sessions.headers.get("content-encoding").is_none(), "{}", sessions.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_stream_and_what_agents_are_sent_are_not_compressed() {
    let world = World::new().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let events = http.get(format!("{}/api/v1/orgs/acme/events", world.gateway.url));
    let events = events.bearer_auth(world.approver.token.as_deref().unwrap_or_default());
    let events = events.header("accept-encoding", "gzip, br").send().await.expect("a stream");
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert!(events.headers().get("content-encoding").is_none());

    let text = "spend ".repeat(2_000);
    let result = format!(r#"{{"content":[{{"type":"text","text":"{text}"}}],"odd":1.00}}"#);
    world.upstream.behave(Behaviour::Result(result.clone()));
    let call =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "balance", "arguments": {}}});
    let answer = ask(&world.agent, Method::POST, "/acme/bank/mcp", Some(call), "gzip, br").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-encoding")), (200, None));
    assert!(answer.text().contains(&result), "byte for byte");
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let list = ask(&world.agent, Method::POST, "/acme/bank/mcp", Some(list), "gzip, br").await;
    assert!(list.header("content-encoding").is_none() && list.bytes.len() > 1_024);
}

#[tokio::test]
async fn what_is_kept_by_its_tag_stays_as_it_is() {
    let world = World::new().await;
    let document = get(&world.anonymous, "/openapi.json", "gzip, br").await;
    assert!(document.header("etag").is_some() && document.header("content-encoding").is_none());
}
