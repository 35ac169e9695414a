//! Sessions of clients that speak 2025-11-25 or earlier: bound to the caller, served by any replica, ended
//! everywhere; what they hear on their stream.

use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Gateway, World, client::Answer, eventually, stream::Stream};

const BANK: &str = "/acme/bank/mcp";

async fn initialize(client: &Client, name: &str) -> String {
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": name, "version": "7"}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let answer = client.mcp_raw("acme/bank", &body.to_string()).await;
    let id = answer.headers.get("mcp-session-id").expect("a session").to_str().unwrap().to_owned();
    answer.expect(200);
    id
}

async fn in_session(client: &Client, session: &str, message: Value) -> Answer {
    let headers = [
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-session-id", session),
    ];
    client.send(Method::POST, BANK, Some(message.to_string()), &headers).await
}

fn ping() -> Value {
    json!({"jsonrpc": "2.0", "id": 2, "method": "ping"})
}

#[tokio::test]
async fn a_session_is_its_callers_own_and_anybody_elses_is_an_unknown_one() {
    let world = World::new().await;
    let session = initialize(&world.agent, "claude-code").await;
    assert!(session.len() >= 43 && session.bytes().all(|byte| byte.is_ascii_graphic()));
    in_session(&world.agent, &session, ping()).await.expect(200);

    let key = json!({"name": "second", "role": "agent"});
    let key = world.owner.post("/orgs/acme/api-keys", key).await.expect(201);
    let colleague = Client::new(&world.gateway.url, key["key"].as_str());
    let foreign = in_session(&colleague, &session, ping()).await;
    let unknown = in_session(&colleague, "nonsense", ping()).await;
    let words = |answer: &Answer| answer.json()["error"]["message"].clone();
    assert_eq!((foreign.status.as_u16(), words(&foreign)), (404, words(&unknown)));
    assert_eq!(unknown.status.as_u16(), 404);
    for method in [Method::DELETE, Method::GET] {
        let headers = [("mcp-session-id", &*session), ("accept", "text/event-stream")];
        assert_eq!(colleague.send(method, BANK, None, &headers).await.status.as_u16(), 404);
    }
    in_session(&world.agent, &session, ping()).await.expect(200);

    let toolkit = json!({"slug": "other", "name": "Other", "visibility": "private"});
    world.admin.post("/orgs/acme/toolkits", toolkit).await.expect(201);
    let headers = [("mcp-session-id", &*session)];
    let elsewhere = world.agent.send(Method::POST, "/acme/other/mcp", Some(ping().to_string()), &headers).await;
    assert_eq!(elsewhere.status.as_u16(), 404, "at another toolkit it is unknown too");
    let twice = [("mcp-session-id", &*session), ("mcp-session-id", &*session)];
    let twice = world.agent.send(Method::POST, BANK, Some(ping().to_string()), &twice).await;
    assert_eq!(twice.status.as_u16(), 400, "{}", twice.text);
}

#[tokio::test]
async fn any_replica_serves_a_session_until_it_is_ended_at_any() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    let there = world.agent.at(&second.url);
    let session = initialize(&world.agent, "cursor").await;
    for client in [&world.agent, &there, &world.agent, &there] {
        in_session(client, &session, ping()).await.expect(200);
    }
    let headers = [("mcp-session-id", &*session)];
    let ended = there.send(Method::DELETE, BANK, None, &headers).await;
    assert_eq!(ended.status.as_u16(), 204, "{}", ended.text);
    assert_eq!(in_session(&there, &session, ping()).await.status.as_u16(), 404);
    eventually("the other replica forgets it", async || {
        in_session(&world.agent, &session, ping()).await.status.as_u16() == 404
    })
    .await;
    second.stop().await;
}

#[tokio::test]
async fn a_request_in_a_session_needs_no_query_and_an_idle_session_is_swept() {
    let world = World::new().await;
    let session = initialize(&world.agent, "cursor").await;
    in_session(&world.agent, &session, ping()).await.expect(200);
    let mut sql = world.sql().await;
    // Behind the gateway's back, without the trigger that would tell it.
    sqlx::raw_sql("ALTER TABLE mcp_sessions DISABLE TRIGGER USER; DELETE FROM mcp_sessions; ALTER TABLE mcp_sessions ENABLE TRIGGER USER")
        .execute(&mut sql)
        .await
        .unwrap();
    in_session(&world.agent, &session, ping()).await.expect(200);

    let idle = initialize(&world.agent, "cursor").await;
    in_session(&world.agent, &idle, ping()).await.expect(200);
    sqlx::raw_sql("UPDATE mcp_sessions SET last_seen_at = now() - interval '25 hours'")
        .execute(&mut sql)
        .await
        .unwrap();
    permesso::service::mcp_session::sweep(&world.gateway.services).await.unwrap();
    eventually("a swept session is unknown", async || {
        in_session(&world.agent, &idle, ping()).await.status.as_u16() == 404
    })
    .await;
}

#[tokio::test]
async fn who_calls_in_a_session_is_the_client_that_began_it() {
    let world = World::new().await;
    let session = initialize(&world.agent, "Visual Studio Code").await;
    let call = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "pay", "arguments": {"cents": 3}}});
    let id = Client::approval_of(&in_session(&world.agent, &session, call).await.expect(200)["result"]);
    let seen = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(seen["client"], "Visual Studio Code 7");
}

async fn stream_of(client: &Client, session: &str) -> Stream {
    let headers =
        [("accept", "text/event-stream"), ("mcp-session-id", session), ("mcp-protocol-version", "2025-11-25")];
    Stream::open(client, Method::GET, BANK, None, &headers).await
}

#[tokio::test]
async fn a_session_hears_when_its_tools_change_and_only_then() {
    let world = World::new().await;
    let session = initialize(&world.agent, "cursor").await;
    let mut stream = stream_of(&world.agent, &session).await;
    let role = world.admin.post("/orgs/acme/roles", json!({"name": "elsewhere", "rights": []})).await;
    assert!(role.status.is_success(), "a change that is not about its tools: {}", role.text);
    let path = "/orgs/acme/toolkits/bank/tools/balance";
    let blocked = json!({"connection": "bank", "tool": "balance", "permission": "blocked"});
    assert!(world.admin.put(path, blocked).await.status.is_success());
    let heard = stream.next().await.expect("a message");
    assert_eq!(heard, json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}));

    let path = format!("/orgs/acme/api-keys/{}", world.agent_key_id);
    assert!(world.owner.delete(&path).await.status.is_success());
    assert_eq!(stream.next().await, None, "a stream ends with its credential");
}

#[tokio::test]
async fn a_stream_needs_a_session_and_ends_when_the_gateway_stops() {
    let world = World::new().await;
    let accept = [("accept", "text/event-stream")];
    assert_eq!(world.agent.send(Method::GET, BANK, None, &accept).await.status.as_u16(), 405);
    assert_eq!(world.agent.send(Method::DELETE, BANK, None, &[]).await.status.as_u16(), 405);
    let session = initialize(&world.agent, "cursor").await;
    let json_only = [("accept", "application/json"), ("mcp-session-id", &*session)];
    assert_eq!(world.agent.send(Method::GET, BANK, None, &json_only).await.status.as_u16(), 400);
    let mut stream = stream_of(&world.agent, &session).await;
    let began = std::time::Instant::now();
    world.gateway.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_session_has_one_stream_and_it_ends_with_the_session() {
    let world = World::new().await;
    let session = initialize(&world.agent, "cursor").await;
    let mut first = stream_of(&world.agent, &session).await;
    let mut second = stream_of(&world.agent, &session).await;
    assert_eq!(first.next().await, None, "nothing is told twice");
    let ended = world.agent.send(Method::DELETE, BANK, None, &[("mcp-session-id", &*session)]).await;
    assert_eq!(ended.status.as_u16(), 204);
    assert_eq!(second.next().await, None);
}

/// A second replica, when both hear of each other.
async fn second_of(world: &World) -> Gateway {
    let second = Gateway::start(&world.database).await;
    for gateway in [&world.gateway, &second] {
        eventually("it listens", async || gateway.services.live.is_listening()).await;
    }
    second
}

#[tokio::test]
async fn a_newer_stream_at_another_replica_takes_the_place_of_the_older() {
    let world = World::new().await;
    let second = second_of(&world).await;
    let there = world.agent.at(&second.url);
    let session = initialize(&world.agent, "cursor").await;
    let mut older = stream_of(&world.agent, &session).await;
    for client in [&there, &world.agent, &there] {
        let newer = stream_of(client, &session).await;
        assert_eq!(older.next().await, None, "nothing is told twice");
        older = newer;
    }
    assert!(world.admin.delete("/orgs/acme/toolkits/bank/tools/balance").await.status.is_success());
    assert_eq!(older.next().await.unwrap()["method"], "notifications/tools/list_changed", "the newest goes on");
    second.stop().await;
}

#[tokio::test]
async fn of_two_streams_that_are_opened_at_once_at_two_replicas_one_remains() {
    let world = World::new().await;
    let second = second_of(&world).await;
    let there = world.agent.at(&second.url);
    let session = initialize(&world.agent, "cursor").await;
    let (mut here, mut there) = tokio::join!(stream_of(&world.agent, &session), stream_of(&there, &session));
    let mut remains = tokio::select! {
        told = here.next() => {
            assert_eq!(told, None);
            there
        }
        told = there.next() => {
            assert_eq!(told, None);
            here
        }
    };
    assert!(world.admin.delete("/orgs/acme/toolkits/bank/tools/balance").await.status.is_success());
    assert_eq!(remains.next().await.unwrap()["method"], "notifications/tools/list_changed");
    second.stop().await;
}

#[tokio::test]
async fn many_first_uses_of_a_session_look_it_up_once() {
    let world = World::new().await;
    eventually("it listens", async || world.gateway.services.live.is_listening()).await;
    let session = initialize(&world.agent, "cursor").await;
    let mut sql = world.sql().await;
    // Each look-up is counted, and takes its time.
    sqlx::raw_sql(
        "CREATE TABLE looked (at timestamptz NOT NULL);
         CREATE FUNCTION looked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
         BEGIN
             INSERT INTO looked VALUES (clock_timestamp());
             PERFORM pg_sleep(0.3);
             RETURN NULL;
         END $$;
         CREATE TRIGGER looked AFTER UPDATE ON mcp_sessions FOR EACH ROW EXECUTE FUNCTION looked()",
    )
    .execute(&mut sql)
    .await
    .unwrap();
    let uses = (0..20).map(|_| in_session(&world.agent, &session, ping()));
    for used in futures::future::join_all(uses).await {
        used.expect(200);
    }
    let looked: i64 = sqlx::query_scalar("SELECT count(*) FROM looked").fetch_one(&mut sql).await.unwrap();
    assert_eq!(looked, 1);
}

#[tokio::test]
async fn what_is_cancelled_and_nowhere_under_way_is_told_to_the_other_replicas_seldom() {
    let world = World::new().await;
    let session = initialize(&world.agent, "cursor").await;
    let url = secrecy::ExposeSecret::expose_secret(&world.database);
    let mut news = sqlx::postgres::PgListener::connect(url).await.unwrap();
    news.listen("permesso_session").await.unwrap();
    let began = std::time::Instant::now();
    let cancel = |id: u32| {
        let params = json!({"requestId": id});
        let message = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        in_session(&world.agent, &session, message)
    };
    let all: Vec<Answer> = futures::stream::iter((0..400).map(cancel)).buffer_unordered(2).collect().await;
    let most = 201 + began.elapsed().as_millis() / 200;
    for answer in all {
        assert_eq!(answer.status.as_u16(), 202, "it is taken all the same: {}", answer.text);
    }
    sqlx::raw_sql("NOTIFY permesso_session, 'that was all'").execute(&mut world.sql().await).await.unwrap();
    let mut told = 0;
    while news.recv().await.unwrap().payload() != "that was all" {
        told += 1;
    }
    assert!((200..=most).contains(&told), "{told} of {most}");
}
