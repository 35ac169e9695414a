//! What clients may take up of the gateway before they have said who they are: half a request's head, a connection
//! on which nothing is asked, connections without end. A request under way has all the time it needs.

use std::time::{Duration, Instant};

use permesso::app::connections::ConnectionLimits;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Gateway, World, client::text, records, unread::Unread};

/// Longer than any of these tests.
const NEVER: Duration = Duration::from_secs(600);
/// By when something has happened that happens, on a machine that has much else to do.
const SOON: Duration = Duration::from_secs(60);

const ALIVE: &[u8] = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
const HALF: &[u8] = b"POST /acme/bank/mcp HTTP/1.1\r\nhost: x\r\nauthorization: Bea";

fn limits(head: Duration, idle: Duration) -> ConnectionLimits {
    ConnectionLimits { head, idle, ..ConnectionLimits::default() }
}

async fn connect(gateway: &Gateway) -> TcpStream {
    TcpStream::connect(gateway.url.trim_start_matches("http://")).await.expect("the gateway listens")
}

/// Asks whether the gateway is alive, and reads the answer.
async fn ask(stream: &mut TcpStream) {
    stream.write_all(ALIVE).await.expect("the connection is open");
    let mut answer = Vec::new();
    while !answer.ends_with(b"alive\n") {
        let read =
            tokio::time::timeout(SOON, stream.read_buf(&mut answer)).await.expect("an answer").expect("it is open");
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
}

/// Waits until the gateway ends the connection, without another word.
async fn is_hung_up_on(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end too: it is what the system makes of bytes that nobody read.
    let _ended = tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await.expect("it ends");
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn half_a_head_is_hung_up_on_while_others_are_served() {
    let world = World::new().await;
    let head = Duration::from_secs(1);
    let gateway = Gateway::start_strict(&world.database, limits(head, NEVER)).await;

    let mut first = connect(&gateway).await;
    let mut second = connect(&gateway).await;
    ask(&mut second).await;
    let began = Instant::now();
    first.write_all(HALF).await.expect("it takes the beginning");
    second.write_all(HALF).await.expect("it takes the beginning");
    let meanwhile = async {
        assert_eq!(text(&world.agent.at(&gateway.url).call("balance", json!({})).await), "done");
    };
    tokio::join!(is_hung_up_on(first), is_hung_up_on(second), meanwhile);
    assert!(began.elapsed() >= head, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_that_comes_drop_by_drop_gets_no_more_time() {
    let world = World::new().await;
    let gateway = Gateway::start_strict(&world.database, limits(Duration::from_secs(1), NEVER)).await;
    let (mut reader, mut writer) = connect(&gateway).await.into_split();
    writer.write_all(HALF).await.expect("it takes the beginning");
    let dripping = async {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, dripping).await.expect("it is hung up on");
    let mut rest = Vec::new();
    let _ended = reader.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_has_more_time_than_a_head() {
    let world = World::new().await;
    let head = Duration::from_secs(1);
    let gateway = Gateway::start_strict(&world.database, limits(head, NEVER)).await;
    let unused = connect(&gateway).await;
    let mut used = connect(&gateway).await;
    ask(&mut used).await;
    // One on which nothing was ever asked has none to spare.
    is_hung_up_on(unused).await;
    tokio::time::sleep(head).await;
    ask(&mut used).await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let world = World::new().await;
    records::put(&world, 40, ("balance", 0), 1_000_000).await;
    let unread = Duration::from_secs(1);
    let gateway = Gateway::start_strict(&world.database, ConnectionLimits { unread, ..limits(NEVER, NEVER) }).await;
    let export = Unread::ask(&world.admin.at(&gateway.url), "/orgs/acme/audit/export?format=jsonl", 200).await;
    let began = Instant::now();
    gateway.stop().await;
    // Otherwise the stop would wait for it as long as for any request: 20 s.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(!export.ends_complete().await);
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_is_ended_in_time() {
    let world = World::new().await;
    let idle = Duration::from_secs(3);
    let gateway = Gateway::start_strict(&world.database, limits(NEVER, idle)).await;
    let mut used = connect(&gateway).await;
    ask(&mut used).await;
    let began = Instant::now();
    let unused = connect(&gateway).await;
    tokio::join!(is_hung_up_on(unused), is_hung_up_on(used));
    assert!(began.elapsed() >= idle, "{:?}", began.elapsed());
}

#[tokio::test]
async fn neither_time_runs_while_a_request_is_under_way() {
    let world = World::new().await;
    let limits = limits(Duration::from_secs(1), Duration::from_secs(3));
    let gateway = Gateway::start_strict(&world.database, limits).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let events = http.get(format!("{}/api/v1/orgs/acme/events", gateway.url));
    let events = events.bearer_auth(world.admin.token.as_deref().unwrap_or_default()).send().await.expect("an answer");
    let mut events = events.error_for_status().expect("200");

    // A body that takes its time, which is bounded elsewhere.
    let mut slow = connect(&gateway).await;
    let body = json!({"email": "nobody@example.com", "password": "no such password"}).to_string();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n";
    slow.write_all(format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes()).await.expect("its head");
    for piece in body.as_bytes().chunks(12) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        slow.write_all(piece).await.expect("it waits for the rest");
    }
    let mut answer = String::new();
    tokio::time::timeout(SOON, slow.read_to_string(&mut answer)).await.expect("an answer").expect("whole");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");

    // An answer that has lasted longer than both by now.
    world.agent.at(&gateway.url).call("balance", json!({})).await;
    let mut heard = String::new();
    while !heard.contains("balance") {
        let piece = tokio::time::timeout(SOON, events.chunk()).await.expect("what happens is told");
        heard.push_str(&String::from_utf8_lossy(&piece.expect("it is open").expect("it goes on")));
    }
}

#[tokio::test]
async fn one_connection_too_many_waits_until_another_has_ended() {
    let world = World::new().await;
    let limits = ConnectionLimits { open: 2, ..limits(NEVER, NEVER) };
    let gateway = Gateway::start_strict(&world.database, limits).await;
    let mut first = connect(&gateway).await;
    let mut second = connect(&gateway).await;
    ask(&mut first).await;
    ask(&mut second).await;
    let mut third = connect(&gateway).await;
    let mut asking = tokio::spawn(async move { ask(&mut third).await });
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut asking).await.is_err(), "there was room");
    ask(&mut first).await;
    drop(second);
    asking.await.expect("there is room now");
}

#[tokio::test]
async fn who_is_slow_does_not_keep_the_server_from_stopping() {
    let world = World::new().await;
    let limits = ConnectionLimits { open: 3, ..limits(NEVER, NEVER) };
    let gateway = Gateway::start_strict(&world.database, limits).await;
    let mut idle = connect(&gateway).await;
    let mut again = connect(&gateway).await;
    ask(&mut idle).await;
    ask(&mut again).await;
    again.write_all(HALF).await.expect("it takes the beginning");
    let _unused = connect(&gateway).await;
    let waiting = connect(&gateway).await;
    let began = Instant::now();
    gateway.stop().await;
    // Far less than the grace of 20 s, which is for requests.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    is_hung_up_on(idle).await;
    is_hung_up_on(waiting).await;
}
