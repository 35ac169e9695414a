//! What clients may take up of the gateway before they have said who they are: half a request's head, a connection
//! on which nothing is asked, all connections. A request under way has all the time it needs.

use std::time::{Duration, Instant};

use permesso::app::connections::ConnectionLimits;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::support::{Client, Gateway, World, client::text, gateway::variables, records, unread::Unread};

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

/// Connects from another address of this machine.
async fn connect_from(address: &str, gateway: &Gateway) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{address}:0").parse().expect("an address")).expect("it is this machine's");
    let to = gateway.url.trim_start_matches("http://").parse().expect("an address");
    socket.connect(to).await.expect("the gateway listens")
}

/// Asks whether the gateway is alive, and reads the answer.
async fn ask(stream: &mut TcpStream) {
    let answer = send(stream, ALIVE, "alive\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Asks who one is, with this credential.
async fn ask_as(stream: &mut TcpStream, gateway: &Gateway, caller: &Client) {
    let host = gateway.url.trim_start_matches("http://");
    let token = caller.token.as_deref().unwrap_or_default();
    let request = format!("GET /api/v1/me HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
    let answer = send(stream, request.as_bytes(), "}").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Sends a request and reads its answer, as far as `end`.
async fn send(stream: &mut TcpStream, request: &[u8], end: &str) -> String {
    stream.write_all(request).await.expect("the connection is open");
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let read =
            tokio::time::timeout(SOON, stream.read_buf(&mut answer)).await.expect("an answer").expect("it is open");
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8_lossy(&answer).into_owned()
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
async fn only_a_connection_on_which_a_credential_was_accepted_is_kept_long() {
    let world = World::new().await;
    let head = Duration::from_secs(1);
    let gateway = Gateway::start_strict(&world.database, limits(head, NEVER)).await;
    let host = gateway.url.trim_start_matches("http://");
    let unused = connect(&gateway).await;
    let mut known = connect(&gateway).await;
    ask_as(&mut known, &gateway, &world.admin).await;
    let mut agent = connect(&gateway).await;
    let token = world.agent.token.as_deref().unwrap_or_default();
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let ping = format!(
        "POST /acme/bank/mcp HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{ping}",
        ping.len()
    );
    send(&mut agent, ping.as_bytes(), "}").await;
    let mut strangers = vec![unused];
    for request in [
        "GET /livez HTTP/1.1\r\n",
        "GET /readyz HTTP/1.1\r\n",
        "GET /metrics HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\naccept: text/html\r\n",
        "GET /api/v1/openapi.json HTTP/1.1\r\n",
        "GET /api/v1/me HTTP/1.1\r\n",
        "GET /api/v1/me HTTP/1.1\r\nauthorization: Bearer mmcp_x\r\n",
        "POST /acme/bank/mcp HTTP/1.1\r\nauthorization: Bearer mmcp_x\r\ncontent-length: 0\r\n",
    ] {
        let mut stranger = connect(&gateway).await;
        stranger.write_all(format!("{request}host: {host}\r\n\r\n").as_bytes()).await.expect("it is open");
        strangers.push(stranger);
    }
    for mut stranger in strangers {
        let mut answer = Vec::new();
        tokio::time::timeout(SOON, stream_end(&mut stranger, &mut answer)).await.expect("it ends");
    }
    tokio::time::sleep(head).await;
    ask_as(&mut known, &gateway, &world.admin).await;
    send(&mut agent, ping.as_bytes(), "}").await;
}

async fn stream_end(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    // A reset is an end too.
    let _ended = stream.read_to_end(answer).await;
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

/// Is refused, reads why, and sends on for ever; gives how that ended.
async fn trickle(gateway: &Gateway) -> tokio::task::JoinHandle<()> {
    let host = gateway.url.trim_start_matches("http://");
    let head = format!("POST /api/v1/orgs HTTP/1.1\r\nhost: {host}\r\ncontent-length: 10000000\r\n\r\n");
    let mut stream = connect(gateway).await;
    let answer = send(&mut stream, head.as_bytes(), "}").await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    tokio::spawn(async move {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

#[tokio::test]
async fn who_sends_on_after_a_refusal_holds_neither_its_connection_nor_a_stop() {
    let world = World::new().await;
    let rest = Duration::from_secs(1);
    let gateway = Gateway::start_strict(&world.database, ConnectionLimits { rest, ..limits(NEVER, NEVER) }).await;
    tokio::time::timeout(SOON, trickle(&gateway).await).await.expect("it is ended").expect("it is reset");
    let limits = ConnectionLimits { rest: NEVER, ..limits(NEVER, NEVER) };
    let gateway = Gateway::start_strict(&world.database, limits).await;
    let trickling = trickle(&gateway).await;
    let began = Instant::now();
    gateway.stop().await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    tokio::time::timeout(SOON, trickling).await.expect("it is ended").expect("it is reset");
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
    let host = gateway.url.trim_start_matches("http://");
    let head = format!("POST /api/v1/auth/login HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    let head = format!("{head}content-type: application/json\r\n");
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
    ask_as(&mut first, &gateway, &world.admin).await;
    ask_as(&mut second, &gateway, &world.agent).await;
    let mut third = connect(&gateway).await;
    let mut asking = tokio::spawn(async move { ask(&mut third).await });
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut asking).await.is_err(), "there was room");
    ask(&mut first).await;
    drop(second);
    asking.await.expect("there is room now");
}

#[tokio::test]
async fn a_probe_is_answered_when_strangers_have_taken_all_connections() {
    let world = World::new().await;
    let limits = ConnectionLimits { open: 8, ..limits(NEVER, NEVER) };
    let gateway = Gateway::start_strict(&world.database, limits).await;
    let mut known = connect(&gateway).await;
    ask_as(&mut known, &gateway, &world.agent).await;
    let mut strangers = Vec::new();
    for _ in 0..20 {
        let mut stranger = connect(&gateway).await;
        // A reset comes to who is turned out before it was heard.
        let _sent = stranger.write_all(HALF).await;
        strangers.push(stranger);
    }
    ask(&mut connect(&gateway).await).await;
    ask(&mut known).await;
    is_hung_up_on(strangers.remove(0)).await;
}

#[tokio::test]
async fn one_address_takes_its_share_of_connections_and_no_more() {
    let world = World::new().await;
    let limits = ConnectionLimits { per_address: 2, ..limits(NEVER, NEVER) };
    let gateway = Gateway::start_strict(&world.database, limits).await;
    let mut first = connect_from("127.0.0.2", &gateway).await;
    let mut second = connect_from("127.0.0.2", &gateway).await;
    ask(&mut first).await;
    ask_as(&mut second, &gateway, &world.admin).await;
    for _ in 0..20 {
        is_hung_up_on(connect_from("127.0.0.2", &gateway).await).await;
    }
    ask(&mut connect_from("127.0.0.3", &gateway).await).await;
    ask(&mut second).await;
    drop(first);
    // Its end is seen a moment later than it happens.
    let again = async {
        loop {
            let mut again = connect_from("127.0.0.2", &gateway).await;
            let mut byte = [0];
            if again.write_all(ALIVE).await.is_ok() && again.read(&mut byte).await.is_ok_and(|read| read == 1) {
                break;
            }
        }
    };
    tokio::time::timeout(SOON, again).await.expect("there is room again");
}

#[tokio::test]
async fn a_trusted_proxy_may_have_more_connections_than_one_address() {
    let world = World::new().await;
    let mut set = variables(&world.database);
    set.push(("PERMESSO_MAX_CONNECTIONS_PER_ADDRESS".into(), "2".into()));
    set.push(("PERMESSO_TRUSTED_PROXIES".into(), "127.0.0.7".into()));
    let gateway = Gateway::start_with_variables(&set).await;
    let mut open = Vec::new();
    for _ in 0..10 {
        let mut stream = connect_from("127.0.0.7", &gateway).await;
        ask(&mut stream).await;
        open.push(stream);
    }
    let _others = [connect(&gateway).await, connect(&gateway).await];
    is_hung_up_on(connect(&gateway).await).await;
    gateway.stop().await;
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
