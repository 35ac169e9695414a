//! Credentials of agents and people: what ends them ends them everywhere, at once.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Executor;

use crate::support::{Client, Gateway, World, eventually};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_on_every_replica_within_a_second() {
    let world = World::new().await;
    let second = Gateway::start(&world.database).await;
    let there = world.agent.at(&second.url);
    assert_eq!(there.mcp_raw("acme/bank", PING).await.status.as_u16(), 200);
    world.owner.delete(&format!("/orgs/acme/api-keys/{}", world.agent_key_id)).await;
    let revoked = Instant::now();
    assert_eq!(world.agent.mcp_raw("acme/bank", PING).await.status.as_u16(), 401, "at once where it was revoked");
    while there.mcp_raw("acme/bank", PING).await.status.as_u16() != 401 {
        assert!(revoked.elapsed() < Duration::from_secs(1), "the other replica still takes it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    second.stop().await;
}

#[tokio::test]
async fn keys_are_kept_as_hashes_and_shown_by_prefix_and_last_use() {
    let world = World::new().await;
    let key = world.agent.token.clone().unwrap_or_default();
    world.agent.mcp_raw("acme/bank", PING).await;
    let list = async || world.admin.get("/orgs/acme/api-keys").await.expect(200);
    let shown = list().await;
    assert!(!shown.to_string().contains(&key));
    let prefix = shown["items"][0]["prefix"].as_str().unwrap_or_default().to_owned();
    assert!(key.starts_with(&prefix) && prefix.len() < 16, "{prefix}");
    eventually("its use is noted", || async { list().await["items"][0]["last_used_at"].is_string() }).await;
    let mut conn = world.sql().await;
    let dump: String =
        sqlx::query_scalar("SELECT string_agg(s::text || k::text, '') FROM api_key_secrets s, api_keys k")
            .fetch_one(&mut conn)
            .await
            .expect("rows");
    assert!(!dump.contains(&key[12..]), "only its hash is kept");
}

#[tokio::test]
async fn rotation_overlaps_and_expiry_ends() {
    let world = World::new().await;
    let rotate = async |seconds: u32| {
        let path = format!("/orgs/acme/api-keys/{}/rotate", world.agent_key_id);
        let key = world.owner.post(&path, json!({"overlap_seconds": seconds})).await.expect(200);
        Client::new(&world.gateway.url, key["key"].as_str())
    };
    let second = rotate(600).await;
    for client in [&world.agent, &second] {
        assert_eq!(client.mcp_raw("acme/bank", PING).await.status.as_u16(), 200);
    }
    let third = rotate(0).await;
    assert_eq!(third.mcp_raw("acme/bank", PING).await.status.as_u16(), 200);
    assert_eq!(second.mcp_raw("acme/bank", PING).await.status.as_u16(), 401);
    let sql =
        format!("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = '{}'", world.agent_key_id);
    world.sql().await.execute(sqlx::AssertSqlSafe(sql)).await.expect("an owner may");
    eventually("it has expired", || async { third.mcp_raw("acme/bank", PING).await.status.as_u16() == 401 }).await;
}

#[tokio::test]
async fn failed_log_ins_are_slowed_without_telling_whether_the_account_exists() {
    let world = World::new().await;
    for email in ["admin@example.com", "nobody@example.com"] {
        let mut statuses = Vec::new();
        let mut texts = Vec::new();
        for _ in 0..8 {
            let answer =
                world.anonymous.post("/auth/login", json!({"email": email, "password": "wrong wrong wrong"})).await;
            statuses.push(answer.status.as_u16());
            if answer.status.as_u16() == 429 {
                assert!(answer.headers.contains_key("retry-after"));
            } else {
                texts.push(answer.json()["detail"].clone());
            }
        }
        assert_eq!(statuses[0], 401);
        assert_eq!(statuses[7], 429, "{email}: {statuses:?}");
        assert!(texts.iter().all(|text| text == "the e-mail or the password is wrong"), "{texts:?}");
    }
}

#[tokio::test]
async fn a_password_reset_voids_what_was_issued_before() {
    let world = World::new().await;
    world.approver.get("/me").await.expect(200);
    let new = "another horse battery";
    permesso::service::identity::sign_in::reset_password(&world.gateway.services, "approver@example.com", new)
        .await
        .expect("it is reset");
    assert_eq!(world.approver.get("/me").await.status.as_u16(), 401);
    Client::sign_in(&world.gateway.url, "approver@example.com", new).await.get("/me").await.expect(200);
}

#[tokio::test]
async fn a_key_revoked_while_its_request_is_still_coming_in_runs_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::new().await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":{}}}"#;
    let address = world.gateway.url.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let key = world.agent.token.clone().unwrap_or_default();
    let head = format!(
        "POST /acme/bank/mcp HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let (first, last) = body.split_at(body.len() - 1);
    socket.write_all(head.as_bytes()).await.expect("it is sent");
    socket.write_all(first.as_bytes()).await.expect("it is sent");
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.owner.delete(&format!("/orgs/acme/api-keys/{}", world.agent_key_id)).await;
    socket.write_all(last.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(world.upstream.calls(), 0);
}
