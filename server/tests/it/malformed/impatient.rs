//! Clients for which time matters: that never end what they began, close wherever they are, give up by the
//! thousand, or ask and do not read.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::{
    case::{POST, Places, crlf},
    panics,
};
use crate::support::{Behaviour, World, client::text, eventually};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"balance","arguments":{}}}"#;

/// The bytes of a whole call after which the connection closes.
fn call(places: &Places, accept: &str) -> Vec<u8> {
    let head = format!("{POST}{accept}connection: close\ncontent-length: {}\n\n", CALL.len());
    places.fill(&[crlf(head.as_bytes()), CALL.as_bytes().to_vec()].concat())
}

/// The gateway answers as if nothing had been.
async fn is_well(world: &World) {
    let began = Instant::now();
    assert_eq!(text(&world.agent.call("balance", json!({})).await), "done");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(panics::seen(), 0);
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up_after_thirty_seconds() {
    panics::watch();
    let world = World::new().await;
    let places = Places::of(&world).await;
    let bodies = [
        ("transfer-encoding: chunked\n\n", "1\r\n \r\n"),
        ("transfer-encoding: chunked\n\n", "0"),
        ("transfer-encoding: chunked\n\n", ""),
        ("content-length: 4000\n\n", " "),
        ("content-length: 4000\n\n", ""),
        ("content-length: 4000\nexpect: 100-continue\n\n", ""),
    ];
    let slow = stream::iter(bodies).map(async |(lines, drop)| {
        let head = places.fill(&crlf(format!("{POST}connection: close\n{lines}").as_bytes()));
        let stream = TcpStream::connect(places.host()).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let began = Instant::now();
        writer.write_all(&head).await.unwrap();
        let dripping = tokio::spawn(async move {
            while writer.write_all(drop.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        let mut answer = String::new();
        let read = tokio::time::timeout(Duration::from_secs(50), reader.read_to_string(&mut answer)).await;
        dripping.abort();
        assert!(read.is_ok(), "{lines}: not given up: {answer}");
        (lines, answer, began.elapsed())
    });
    let slow = slow.buffer_unordered(bodies.len()).collect::<Vec<_>>();
    let meanwhile = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        is_well(&world).await;
    };
    for (lines, answer, took) in tokio::join!(slow, meanwhile).0 {
        assert!(answer.contains("HTTP/1.1 400 ") && answer.contains("within 30 s"), "{lines}: {answer}");
        assert!((29..45).contains(&took.as_secs()), "{lines}: {took:?}");
    }
    is_well(&world).await;
    assert_eq!(world.upstream.calls(), 2);
}

#[tokio::test]
async fn a_client_may_close_wherever_it_is() {
    panics::watch();
    let world = World::new().await;
    let places = Places::of(&world).await;
    for accept in ["", "accept: application/json, text/event-stream\n"] {
        let whole = call(&places, accept);
        let sent = stream::iter(0..whole.len()).map(async |end| {
            let mut stream = TcpStream::connect(places.host()).await.unwrap();
            stream.write_all(&whole[..end]).await.unwrap();
            // One closes as it should, the next tears the connection down.
            match end % 2 {
                0 => stream.shutdown().await.unwrap(),
                _ => stream.set_zero_linger().unwrap(),
            }
        });
        sent.buffer_unordered(20).collect::<Vec<_>>().await;
    }
    is_well(&world).await;
    assert_eq!(world.upstream.calls(), 1, "what did not come whole has not been done");
}

#[tokio::test]
async fn a_thousand_clients_that_give_up_leave_nothing_behind() {
    const ROUNDS: usize = 20;
    const AT_ONCE: usize = 50;
    panics::watch();
    let world = World::new().await;
    let places = Places::of(&world).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[]}"#.to_owned()));
    let bytes = call(&places, "accept: application/json, text/event-stream\n");
    for round in 0..ROUNDS {
        let before = world.upstream.calls();
        let sent = stream::iter(0..AT_ONCE).map(async |_| {
            let mut stream = TcpStream::connect(places.host()).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            stream
        });
        let waiting = sent.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        // Half of them are under way when they are given up, the others have only been sent.
        if round % 2 == 0 {
            eventually("all are under way", async || world.upstream.calls() >= before + AT_ONCE).await;
        }
        drop(waiting);
    }
    world.upstream.behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"done"}]}"#.to_owned()));
    is_well(&world).await;
    let begun = "SELECT count(*) FROM audit_intents WHERE action = 'tools/call'";
    let begun: i64 = sqlx::query_scalar(begun).fetch_one(&mut world.sql().await).await.unwrap();
    assert_eq!(usize::try_from(begun).unwrap(), world.upstream.calls(), "each that was sent on is on record");
    // Nothing is left that a stop would wait for.
    let began = Instant::now();
    world.gateway.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_thousand_cancellations_of_nothing_and_of_each_other_are_taken() {
    panics::watch();
    let world = World::new().await;
    let places = Places::of(&world).await;
    let session = places.word("@SESSION@").to_owned();
    let cancelled = stream::iter(0..1000).map(async |n: usize| {
        let id = [json!(n), json!(n.to_string()), json!(null), json!([n]), json!(1.5)][n % 5].clone();
        let body = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        let headers = [("mcp-session-id", &*session), ("mcp-protocol-version", "2025-11-25")];
        let answer = world.agent.send(Method::POST, "/acme/bank/mcp", Some(body.to_string()), &headers).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
    });
    // Fewer at once than there are connections to Postgres: the first of them look the session up.
    cancelled.buffer_unordered(8).collect::<Vec<_>>().await;
    is_well(&world).await;
}

/// Asks with these bytes through a window so small that the answer piles up behind it.
async fn unread(places: &Places, bytes: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    let mut stream = socket.connect(places.host().parse().unwrap()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_nobody() {
    panics::watch();
    let world = World::new().await;
    let places = Places::of(&world).await;
    let subscription = json!({"jsonrpc": "2.0", "id": "x".repeat(200_000), "method": "subscriptions/listen", "params": {
        "notifications": {"toolsListChanged": true},
        "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}},
    }})
    .to_string();
    let head = format!(
        "{POST}accept: text/event-stream\nmcp-protocol-version: 2026-07-28\nmcp-method: subscriptions/listen\n\
         content-length: {}\n\n",
        subscription.len()
    );
    let subscribe = places.fill(&[crlf(head.as_bytes()), subscription.into_bytes()].concat());
    let large = format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "x".repeat(4 << 20));
    world.upstream.behave(Behaviour::Result(large));
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(unread(&places, &subscribe).await);
    }
    for _ in 0..6 {
        streams.push(unread(&places, &call(&places, "accept: text/event-stream\n")).await);
    }
    eventually("the calls have been answered", async || world.upstream.calls() == 6).await;
    world.upstream.behave(Behaviour::Result(r#"{"content":[{"type":"text","text":"done"}]}"#.to_owned()));
    // What each of them would have to hear, and more than fits into what waits for it.
    let tool = |permission: &str| json!({"connection": "bank", "tool": "close", "permission": permission});
    for permission in ["always_allow", "blocked"].iter().cycle().take(20) {
        let changed = world.admin.put("/orgs/acme/toolkits/bank/tools/close", tool(permission)).await;
        assert!(changed.status.is_success(), "{}", changed.text);
    }
    is_well(&world).await;
    drop(streams);
    is_well(&world).await;
    let began = Instant::now();
    world.gateway.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "what nobody reads is not waited for: {:?}", began.elapsed());
}
