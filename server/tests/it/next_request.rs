//! A request that is refused before its body was read takes no other request with it: what a client, or a proxy that
//! shares its connections, sends next on the same connection is answered, or the answer before said that the
//! connection ends.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Client, World};

/// How long the client takes between a request's head and its body.
const PAUSE: Duration = Duration::from_millis(60);

/// A request that is refused as soon as its head is there.
struct Refused<'a> {
    status: u16,
    head: String,
    client: Option<&'a Client>,
}

fn refused<'a>(status: u16, head: &str, client: impl Into<Option<&'a Client>>) -> Refused<'a> {
    Refused { status, head: head.to_owned(), client: client.into() }
}

struct Wire(TcpStream);

impl Wire {
    async fn open(host: &str) -> Self {
        Self(TcpStream::connect(host).await.expect("the gateway listens"))
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the gateway takes it");
    }

    /// The head and the body of the next answer.
    async fn answer(&mut self) -> (String, Vec<u8>) {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            let mut some = [0; 1024];
            let read = self.0.read(&mut some).await.expect("the connection was cut");
            assert!(read > 0, "the connection ended: {}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&some[..read]);
        };
        let mut body = bytes.split_off(end);
        let head = String::from_utf8(bytes).expect("text").to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or_default();
        while body.len() < length {
            let mut some = [0; 1024];
            let read = self.0.read(&mut some).await.expect("the connection was cut");
            assert!(read > 0, "the answer ended early");
            body.extend_from_slice(&some[..read]);
        }
        (head, body)
    }
}

impl Refused<'_> {
    fn bytes(&self, host: &str, length: usize) -> Vec<u8> {
        let host = if self.head.contains("\nhost:") { String::new() } else { format!("host: {host}\r\n") };
        let token = self.client.and_then(|client| client.token.as_ref());
        let credential = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let (line, more) = self.head.split_once('\n').unwrap_or((&self.head, ""));
        let more: String = more.lines().map(|line| format!("{line}\r\n")).collect();
        format!(
            "{line} HTTP/1.1\r\n{host}{credential}{more}content-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: {length}\r\n\r\n"
        )
        .into_bytes()
    }
}

fn cases(world: &World) -> Vec<Refused<'_>> {
    vec![
        refused(401, "POST /api/v1/orgs", None),
        refused(401, "POST /api/v1/nowhere", None),
        refused(401, "POST /acme/bank/mcp", None),
        refused(401, "PATCH /api/v1/orgs/acme\nauthorization: Bearer mmcp_wrong", None),
        refused(403, "POST /api/v1/orgs/acme/toolkits", &world.agent),
        refused(403, "PATCH /api/v1/orgs/acme", &world.approver),
        refused(
            403,
            "POST /api/v1/orgs/acme/roles\nsec-fetch-site: cross-site\norigin: https://evil.example",
            &world.owner,
        ),
        refused(403, "POST /api/v1/auth/login\nhost: evil.example", None),
        refused(403, "POST /acme/bank/mcp\norigin: https://evil.example", &world.agent),
        refused(403, "POST /acme/bank/mcp\nhost: evil.example", &world.agent),
        refused(404, "POST /api/v1/orgs/other/toolkits", &world.owner),
        refused(404, "POST /api/v1/nowhere", &world.owner),
        refused(404, "POST /nowhere", &world.owner),
        refused(404, "POST /acme/nothing/mcp", &world.agent),
        refused(404, "POST /other/bank/mcp", &world.agent),
        refused(405, "PUT /api/v1/orgs/acme", &world.owner),
        refused(405, "PUT /acme/bank/mcp", &world.agent),
    ]
}

#[tokio::test]
async fn what_is_asked_after_a_refusal_on_the_same_connection_is_answered() {
    let world = World::new().await;
    let host = world.gateway.url.trim_start_matches("http://").to_owned();
    for case in cases(&world) {
        for body in ["{}".to_owned(), format!("{{\"x\":\"{}\"}}", "a".repeat(40_000))] {
            let mut wire = Wire::open(&host).await;
            wire.send(&case.bytes(&host, body.len())).await;
            tokio::time::sleep(PAUSE).await;
            wire.send(body.as_bytes()).await;
            let (head, _) = wire.answer().await;
            assert!(head.starts_with(&format!("http/1.1 {} ", case.status)), "{}: {head}", case.head);
            assert!(!head.contains("connection: close"), "{}: a small body is read: {head}", case.head);
            wire.send(format!("GET /livez HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).await;
            let (head, body) = wire.answer().await;
            assert!(head.starts_with("http/1.1 200 "), "{}: {head}", case.head);
            assert_eq!(body, b"alive\n", "{}", case.head);
        }
    }
}

#[tokio::test]
async fn a_refusal_whose_body_is_too_much_to_read_says_that_the_connection_ends() {
    let world = World::new().await;
    let host = world.gateway.url.trim_start_matches("http://").to_owned();
    for (at, case) in cases(&world).iter().enumerate() {
        // More than is read for nothing; only sent when it is asked for; announced and never sent, which takes a second.
        for (length, sent, more) in [(10_000_000, 200_000, ""), (2, 0, "\nexpect: 100-continue"), (2, 0, "")] {
            if at > 0 && sent == 0 && more.is_empty() {
                continue;
            }
            let case = Refused { head: format!("{}{more}", case.head), ..refused(case.status, "", case.client) };
            let mut wire = Wire::open(&host).await;
            wire.send(&[case.bytes(&host, length), vec![b' '; sent]].concat()).await;
            let (head, _) = wire.answer().await;
            assert!(head.starts_with(&format!("http/1.1 {} ", case.status)), "{}: {head}", case.head);
            assert!(head.contains("connection: close\r\n"), "{} ({length} bytes): {head}", case.head);
        }
    }
}

#[tokio::test]
async fn what_is_asked_after_a_body_that_was_too_large_is_answered() {
    let world = World::new().await;
    let host = world.gateway.url.trim_start_matches("http://").to_owned();
    let cases = [
        (refused(413, "POST /api/v1/auth/login", None), 20_000),
        (refused(413, "POST /api/v1/orgs", &world.admin), 5_000_000),
        (refused(413, "POST /acme/bank/mcp", &world.agent), 5_000_000),
    ];
    for (case, length) in cases {
        let mut wire = Wire::open(&host).await;
        wire.send(&case.bytes(&host, length)).await;
        tokio::time::sleep(PAUSE).await;
        wire.send(&vec![b' '; length]).await;
        let (head, _) = wire.answer().await;
        assert!(head.starts_with("http/1.1 413 "), "{}: {head}", case.head);
        wire.send(format!("GET /livez HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).await;
        let (head, _) = wire.answer().await;
        assert!(head.starts_with("http/1.1 200 "), "{}: {head}", case.head);
    }
}

#[tokio::test]
async fn a_client_that_sends_everything_first_reads_why_it_was_refused() {
    const LARGE: usize = 10_000_000;
    let world = World::new().await;
    let host = world.gateway.url.trim_start_matches("http://").to_owned();
    let cases = [
        refused(401, "POST /api/v1/orgs", None),
        refused(401, "POST /acme/bank/mcp", None),
        refused(404, "POST /api/v1/nowhere", &world.owner),
        refused(413, "POST /api/v1/auth/login", None),
        refused(413, "POST /acme/bank/mcp", &world.agent),
    ];
    let body = vec![b' '; LARGE];
    for (at, case) in cases.iter().cycle().take(100).enumerate() {
        let mut stream = TcpStream::connect(&host).await.expect("the gateway listens");
        stream.write_all(&case.bytes(&host, LARGE)).await.expect("it takes the head");
        stream.write_all(&body).await.unwrap_or_else(|error| panic!("{at}, {}: {error} while sending", case.head));
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap_or_else(|error| panic!("{at}, {}: {error}", case.head));
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.starts_with(&format!("HTTP/1.1 {} ", case.status)), "{at}, {}: {answer}", case.head);
        assert!(answer.ends_with('}') || answer.ends_with('\n'), "{at}, {}: {answer}", case.head);
    }
}
