//! The door of the endpoint: by which paths one finds it, and what whoever is refused is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Gateway, World, client::Answer};
use permesso::clock::Clock;

const ENDPOINT: &str = "/acme/bank/mcp";
const PING: &str = r#"{"jsonrpc":"2.0","id":"a-7","method":"ping"}"#;
const SESSION: &str = "mcp-session-id";

async fn post(client: &Client, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let accept = [("accept", "application/json, text/event-stream")];
    client.send(Method::POST, path, Some(body.to_owned()), &[&accept, headers].concat()).await
}

fn initialize() -> String {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, id: Value) -> String {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    let error = answer.json();
    assert_eq!((&error["jsonrpc"], &error["id"]), (&json!("2.0"), &id), "{error}");
    error["error"]["message"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn whoever_is_refused_is_told_so_in_answer_to_their_request() {
    let world = World::new().await;
    let stranger = Client::new(&world.gateway.url, Some("mmcp_nobodys"));
    for client in [&world.anonymous, &stranger] {
        refused(&post(client, ENDPOINT, PING, &[]).await, 401, json!("a-7"));
        refused(&post(client, "/acme/nothing/mcp", PING, &[]).await, 401, json!("a-7"));
    }
    refused(&post(&world.other_agent, ENDPOINT, PING, &[]).await, 404, json!("a-7"));
    refused(&post(&world.agent, "/acme/nothing/mcp", PING, &[]).await, 404, json!("a-7"));
    refused(&post(&world.agent, ENDPOINT, PING, &[("origin", "https://evil.example")]).await, 403, json!("a-7"));
    refused(&post(&world.agent, ENDPOINT, PING, &[("host", "evil.example")]).await, 403, json!("a-7"));
    refused(&post(&world.agent, ENDPOINT, PING, &[("mcp-protocol-version", "1999-01-01")]).await, 400, json!("a-7"));
    let said = refused(&post(&world.agent, ENDPOINT, PING, &[(SESSION, "ended")]).await, 404, json!("a-7"));
    assert!(said.contains("session") && said.contains("initialize"), "{said}");

    let limits = [("PERMESSO_CALLER_MAX_BYTES", 65_536), ("PERMESSO_PROCESS_MAX_BYTES", 100_000)];
    let strict = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let large = format!(r#"{{"jsonrpc":"2.0","id":5,"method":"ping","params":{{"a":"{}"}}}}"#, "x".repeat(70_000));
    refused(&post(&world.agent.at(&strict.url), ENDPOINT, &large, &[]).await, 429, json!(5));
}

#[tokio::test]
async fn of_a_body_that_is_refused_only_the_beginning_is_read_for_its_id() {
    let world = World::new().await;
    let padding = "x".repeat(5 << 20);
    let first = format!(r#"{{"jsonrpc":"2.0","id":12,"method":"ping","params":{{"a":"{padding}"}}}}"#);
    refused(&post(&world.agent, ENDPOINT, &first, &[]).await, 413, json!(12));
    let padding = "x".repeat(5_000);
    let last = format!(r#"{{"jsonrpc":"2.0","method":"ping","params":{{"a":"{padding}"}},"id":12}}"#);
    refused(&post(&world.anonymous, ENDPOINT, &last, &[]).await, 401, Value::Null);
    let first = format!(r#"{{"jsonrpc":"2.0","id":12,"method":"ping","params":{{"a":"{padding}"}}}}"#);
    refused(&post(&world.anonymous, ENDPOINT, &first, &[]).await, 401, json!(12));
    for nothing in [
        "",
        "[]",
        "nonsense",
        r#"{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","method":"ping"}"#,
    ] {
        refused(&post(&world.anonymous, ENDPOINT, nothing, &[]).await, 401, Value::Null);
    }
    for method in [Method::GET, Method::DELETE] {
        refused(&world.anonymous.send(method, ENDPOINT, None, &[]).await, 401, Value::Null);
    }
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_path_changes_nothing() {
    let world = World::new().await;
    let with = format!("{ENDPOINT}/");
    let begun = post(&world.agent, &with, &initialize(), &[]).await;
    assert_eq!(begun.status.as_u16(), 200, "{}", begun.text);
    let session = begun.headers[SESSION].to_str().unwrap().to_owned();
    let version = ("mcp-protocol-version", "2025-11-25");
    let in_session = [(SESSION, session.as_str()), version];
    let tools = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    let listed = post(&world.agent, &with, tools, &in_session).await;
    assert!(listed.text.contains("\"balance\""), "{}", listed.text);
    refused(&post(&world.anonymous, &with, PING, &[]).await, 401, json!("a-7"));
    refused(&post(&world.other_agent, &with, PING, &[]).await, 404, json!("a-7"));
    refused(&post(&world.agent, "/acme/nothing/mcp/", PING, &[]).await, 404, json!("a-7"));
    refused(&post(&world.agent, &with, PING, &[("origin", "https://evil.example")]).await, 403, json!("a-7"));
    refused(&post(&world.agent, &with, PING, &[("host", "evil.example")]).await, 403, json!("a-7"));
    for (method, client, status) in
        [(Method::GET, &world.agent, 405), (Method::GET, &world.anonymous, 401), (Method::PUT, &world.agent, 405)]
    {
        let answer = client.send(method.clone(), &with, None, &[("accept", "text/event-stream")]).await;
        let without = client.send(method, ENDPOINT, None, &[("accept", "text/event-stream")]).await;
        assert_eq!((answer.status.as_u16(), without.status.as_u16()), (status, status), "{}", answer.text);
    }
    let page = world.anonymous.send(Method::GET, &with, None, &[("accept", "text/html")]).await;
    assert!(
        page.status.is_success() && page.text.contains(&format!("{}{ENDPOINT}", world.gateway.url)),
        "{}",
        page.text
    );
    let ended = world.agent.send(Method::DELETE, &with, None, &in_session).await;
    assert_eq!(ended.status.as_u16(), 204, "{}", ended.text);
    refused(&post(&world.agent, ENDPOINT, PING, &in_session).await, 404, json!("a-7"));
}

#[tokio::test]
async fn there_is_no_oauth_and_whoever_looks_for_it_is_told_so() {
    let world = World::new().await;
    let words = ["oauth-protected-resource", "oauth-authorization-server", "openid-configuration"];
    let paths = words.iter().flat_map(|word| {
        [
            format!("/.well-known/{word}"),
            format!("/.well-known/{word}/"),
            format!("/.well-known/{word}/mcp"),
            format!("/.well-known/{word}{ENDPOINT}"),
            format!("/.well-known/{word}{ENDPOINT}/"),
            format!("{ENDPOINT}/.well-known/{word}"),
            format!("/acme/bank/.well-known/{word}"),
            format!("/acme/.well-known/{word}"),
        ]
    });
    for path in paths {
        for client in [&world.anonymous, &world.agent] {
            for accept in ["application/json", "*/*", "text/html"] {
                let answer = client.send(Method::GET, &path, None, &[("accept", accept)]).await;
                assert_eq!(answer.status.as_u16(), 404, "{path}: {}", answer.text);
                assert_eq!(answer.headers["content-type"], "application/problem+json");
                assert_eq!(answer.code(), "no_oauth");
                assert!(answer.text.contains("API key"), "{}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn what_begins_a_session_may_name_one_that_has_ended_or_none() {
    let world = World::new().await;
    for stale in ["0123456789abcdef0123456789abcdef", ""] {
        let begun = post(&world.agent, ENDPOINT, &initialize(), &[(SESSION, stale)]).await;
        assert_eq!(begun.status.as_u16(), 200, "{}", begun.text);
        let session = begun.headers[SESSION].to_str().unwrap();
        assert!(!session.is_empty() && session != stale);
        let ping =
            post(&world.agent, ENDPOINT, PING, &[(SESSION, session), ("mcp-protocol-version", "2025-11-25")]).await;
        assert_eq!(ping.status.as_u16(), 200, "{}", ping.text);
    }
    // Whatever else has an empty one is in no session.
    let ping = post(&world.agent, ENDPOINT, PING, &[(SESSION, "")]).await;
    assert_eq!(ping.status.as_u16(), 200, "{}", ping.text);
    // Another's is none: nothing tells that it is there.
    let others = post(&world.agent, ENDPOINT, &initialize(), &[]).await;
    let others = others.headers[SESSION].to_str().unwrap();
    let (patient, _) = world.patient(0).await;
    let begun = post(&patient, ENDPOINT, &initialize(), &[(SESSION, others)]).await;
    assert_eq!(begun.status.as_u16(), 200, "{}", begun.text);
    assert_ne!(begun.headers[SESSION].to_str().unwrap(), others);
}
