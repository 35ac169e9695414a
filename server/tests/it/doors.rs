//! Who gets in: `Host` everywhere and `Origin` at the MCP endpoint, before anything else is looked at; what the log
//! says of it.

use reqwest::{Method, header::HeaderMap};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    coverage::filled,
    support::{
        Client, Gateway, World, client::Answer, database::database, eventually, gateway::variables, process::Process,
        world::ADMIN,
    },
};

const ENDPOINT: &str = "/acme/bank/mcp";
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

async fn ping(client: &Client, headers: &[(&str, &str)]) -> Answer {
    client.send(Method::POST, ENDPOINT, Some(PING.to_owned()), headers).await
}

#[track_caller]
fn refused(answer: &Answer, code: &str, says: &str) {
    assert_eq!(answer.status.as_u16(), 403, "{}", answer.text);
    let error = answer.json();
    assert_eq!((&error["jsonrpc"], &error["error"]["data"]["code"]), (&json!("2.0"), &json!(code)), "{error}");
    assert!(error["id"].is_null() || error["id"] == 1, "that of the request, if there was one: {error}");
    assert_eq!(error["error"]["data"]["request_id"], answer.headers["x-request-id"].to_str().unwrap());
    assert!(error["error"]["message"].as_str().unwrap().contains(says), "{error}");
}

/// The status of a request that is written out, headers and all.
async fn status_of(url: &str, request: &str) -> u16 {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_page_that_rebinds_its_name_reaches_nothing() {
    let world = World::new().await;
    let port = world.gateway.url.rsplit(':').next().unwrap();
    let evil = format!("evil.example:{port}");
    let origin = format!("http://{evil}");
    for client in [&world.agent, &world.anonymous, &world.other_agent] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::OPTIONS] {
            let rebound = [("host", evil.as_str()), ("origin", origin.as_str())];
            let answer = client.send(method.clone(), ENDPOINT, None, &rebound).await;
            refused(&answer, "host_refused", &format!("`{evil}`"));
            assert!(answer.text.contains("PERMESSO_ALLOWED_HOSTS"), "{}", answer.text);
        }
        refused(&ping(client, &[("origin", &origin)]).await, "origin_refused", &format!("`{origin}`"));
        refused(&ping(client, &[("origin", "null")]).await, "origin_refused", "PERMESSO_ALLOWED_ORIGINS");
    }
    // Nor the page for people.
    let page = world.anonymous.send(Method::GET, ENDPOINT, None, &[("host", &evil), ("accept", "text/html")]).await;
    refused(&page, "host_refused", "evil.example");
    // Probes ask by whatever name their machine has.
    let probe = world.anonymous.send(Method::GET, "/livez", None, &[("host", &evil)]).await;
    assert_eq!(probe.status.as_u16(), 200);
}

/// Everything that may be asked for, of every kind.
fn everything() -> Vec<String> {
    use permesso::app::router::{API, OPEN};
    let api = API.iter().map(|(route, _)| filled(route));
    let open = OPEN.iter().map(|(path, _)| (*path).to_owned());
    let others =
        ["/", "/acme/inbox", "/assets/console.js", "/nothing", "/api/v1/nothing", "/livez/", "/readyz/x", ENDPOINT];
    api.chain(open).chain(others.map(str::to_owned)).collect()
}

#[tokio::test]
async fn no_route_answers_a_host_that_is_not_ours_but_the_probes() {
    let world = World::new().await;
    let methods =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    for client in [&world.anonymous, &world.admin] {
        for path in everything() {
            for method in &methods {
                let headers = [("host", "evil.example"), ("accept", "text/html")];
                let answer = client.send(method.clone(), &path, None, &headers).await;
                if ["/livez", "/readyz"].contains(&path.as_str()) {
                    assert_ne!(answer.status.as_u16(), 403, "{method} {path}");
                    continue;
                }
                assert_eq!(answer.status.as_u16(), 403, "{method} {path}: {}", answer.text);
                if path == ENDPOINT || *method == Method::HEAD {
                    continue;
                }
                assert_eq!(answer.code(), "host_refused", "{method} {path}: {}", answer.text);
                assert_eq!(answer.headers["content-type"], "application/problem+json");
                assert!(answer.text.contains("`evil.example`") && answer.text.contains("PERMESSO_ALLOWED_HOSTS"));
            }
        }
    }
    // Signing in by a name of somebody else's sets no cookie, and guesses nothing.
    let right = json!({"email": ADMIN.0, "password": ADMIN.1}).to_string();
    for path in ["/api/v1/auth/login", "/api/v1/auth/session"] {
        let answer = world.anonymous.send(Method::POST, path, Some(right.clone()), &[("host", "evil.example")]).await;
        assert_eq!((answer.status.as_u16(), answer.headers.get("set-cookie")), (403, None));
    }
}

#[tokio::test]
async fn this_machines_names_and_the_gateways_own_pages_are_let_in() {
    let world = World::new().await;
    let port = world.gateway.url.rsplit(':').next().unwrap();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        ping(&world.agent, &[("host", &format!("{host}:{port}"))]).await.expect(200);
    }
    ping(&world.agent, &[("origin", &world.gateway.url)]).await.expect(200);
    refused(&ping(&world.agent, &[("host", "localhost")]).await, "host_refused", "`localhost`");
}

#[tokio::test]
async fn a_host_is_named_once() {
    let world = World::new().await;
    let url = &world.gateway.url;
    let host = url.trim_start_matches("http://");
    let rest = "connection: close\r\ncontent-length: 0\r\n\r\n";
    for (asked, status) in
        [(format!("POST {ENDPOINT}"), 401), ("GET /api/v1/me".to_owned(), 401), ("GET /metrics".to_owned(), 200)]
    {
        let request = |hosts: &str| format!("{asked} HTTP/1.1\r\n{hosts}{rest}");
        assert_eq!(status_of(url, &request(&format!("host: {host}\r\n"))).await, status, "{asked}: let in");
        for wrong in
            [String::new(), format!("host: {host}\r\nhost: {host}\r\n"), format!("host: {host}\r\nhost: evil\r\n")]
        {
            assert_eq!(status_of(url, &request(&wrong)).await, 403, "{asked}: {wrong:?}");
        }
        assert_eq!(status_of(url, &format!("{asked} HTTP/1.0\r\n{rest}")).await, 403, "{asked}: an old client");
        let (method, path) = asked.split_once(' ').unwrap();
        let absolute = format!("{method} http://evil.example{path} HTTP/1.1\r\nhost: {host}\r\n{rest}");
        assert_eq!(status_of(url, &absolute).await, 403, "{absolute}");
    }
    // What is no path is no probe's either.
    for odd in ["OPTIONS *", "GET http://evil.example/nothing", "GET //livez", "GET /livez/../metrics", "GET /%6Civez"]
    {
        assert_eq!(status_of(url, &format!("{odd} HTTP/1.1\r\nhost: evil.example\r\n{rest}")).await, 403, "{odd}");
    }
}

#[tokio::test]
async fn behind_a_proxy_the_public_name_counts_and_not_what_is_forwarded() {
    let database = database().await;
    let gateway =
        Gateway::start_at(&database, permesso::clock::Clock::system(), Some("https://mcp.example.com/")).await;
    let anyone = Client::new(&gateway.url, None);
    for host in ["mcp.example.com", "mcp.example.com:443"] {
        assert_eq!(ping(&anyone, &[("host", host)]).await.status.as_u16(), 401, "{host}");
    }
    let forwarded = [("host", "evil.example"), ("x-forwarded-host", "mcp.example.com")];
    refused(&ping(&anyone, &forwarded).await, "host_refused", "evil.example");
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_configured_is_let_in_and_its_pages_may_read_the_answers() {
    let database = database().await;
    let mut set = variables(&database);
    set.push(("PERMESSO_ALLOWED_HOSTS".into(), "mcp.internal".into()));
    set.push(("PERMESSO_ALLOWED_ORIGINS".into(), "https://agents.example.com".into()));
    let gateway = Gateway::start_with_variables(&set).await;
    let anyone = Client::new(&gateway.url, None);
    assert_eq!(ping(&anyone, &[("host", "mcp.internal:99")]).await.status.as_u16(), 401);
    let allowed = |headers: &HeaderMap| {
        headers.get("access-control-allow-origin").map(|origin| origin.to_str().unwrap().to_owned())
    };
    let page = ("origin", "https://agents.example.com");
    let answer = ping(&anyone, &[page]).await;
    assert_eq!(
        (answer.status.as_u16(), allowed(&answer.headers).as_deref()),
        (401, Some("https://agents.example.com"))
    );
    let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.split(',').any(|name| name == "mcp-session-id"), "{exposed}");
    let asks = ("access-control-request-method", "POST");
    let wanted = "authorization,content-type,mcp-method,mcp-param-account,mcp-protocol-version,mcp-session-id";
    let preflight = [page, asks, ("access-control-request-headers", wanted)];
    let answer = anyone.send(Method::OPTIONS, ENDPOINT, None, &preflight).await;
    assert_eq!(
        (answer.status.as_u16(), allowed(&answer.headers).as_deref()),
        (200, Some("https://agents.example.com"))
    );
    assert_eq!(answer.headers["access-control-allow-headers"], wanted);
    assert!(answer.headers["access-control-allow-methods"].to_str().unwrap().contains("DELETE"));
    assert!(!answer.headers.contains_key("access-control-allow-credentials"), "cookies are nothing here");
    // Another's page learns nothing, and the rest of the gateway is open to no page.
    let other = [("origin", "https://evil.example"), asks];
    let answer = anyone.send(Method::OPTIONS, ENDPOINT, None, &other).await;
    refused(&answer, "origin_refused", "evil.example");
    assert_eq!(allowed(&answer.headers), None);
    assert_eq!(allowed(&anyone.send(Method::GET, "/api/v1/me", None, &[page]).await.headers), None);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_who_is_let_in_and_once_that_a_strangers_forwarded_header_is_ignored() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut set = variables(&database().await);
    set.retain(|(name, _)| name != "PERMESSO_LISTEN");
    set.push(("PERMESSO_LISTEN".into(), "0.0.0.0:0".into()));
    set.push(("PERMESSO_ALLOWED_HOSTS".into(), "mcp.internal".into()));
    set.push(("PERMESSO_TRUSTED_PROXIES".into(), "10.0.0.0/8".into()));
    let gateway = Process::logging(&set, log.reopen().unwrap());
    let anyone = Client::new(&gateway.url, None);
    for n in 0..50 {
        let forwarded = format!("198.51.100.{n}");
        anyone.send(Method::GET, "/livez", None, &[("x-forwarded-for", &forwarded)]).await.expect(200);
    }
    gateway.kill();
    let log = std::fs::read_to_string(log.path()).unwrap();
    let lines = |words: &[&str]| log.lines().filter(|line| words.iter().all(|word| line.contains(word))).count();
    assert_eq!(lines(&["who is let in", "mcp.internal", "10.0.0.0/8"]), 1, "{log}");
    assert_eq!(lines(&["WARN", "PERMESSO_PUBLIC_URL is not set", "host_refused", "0.0.0.0:"]), 1, "{log}");
    assert_eq!(lines(&["WARN", "X-Forwarded-For", "127.0.0.1", "PERMESSO_TRUSTED_PROXIES"]), 1, "{log}");
    assert!(!log.contains("198.51.100."), "what a stranger says is not repeated: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_when_nobody_named_the_proxy_that_speaks_tls() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut set = variables(&database().await);
    set.push(("PERMESSO_PUBLIC_URL".into(), "https://mcp.example.com".into()));
    let _gateway = Process::logging(&set, log.reopen().unwrap());
    let is_said = async || {
        let log = std::fs::read_to_string(log.path()).unwrap();
        log.lines().any(|line| line.contains("WARN") && line.contains("PERMESSO_TRUSTED_PROXIES"))
    };
    eventually("the log says so", is_said).await;
}

#[tokio::test]
async fn wrong_passwords_do_not_lock_out_who_signed_in_from_there_before() {
    let world = World::new().await;
    let sign_in = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        world.anonymous.post("/auth/login", body).await.status.as_u16()
    };
    // The administrator has signed in from here to make this world.
    for _ in 0..5 {
        assert_eq!(sign_in(ADMIN.0, "not my password").await, 401);
    }
    assert_eq!(sign_in(ADMIN.0, "not my password").await, 429, "answered as for everybody else");
    assert_eq!(sign_in(ADMIN.0, ADMIN.1).await, 200);
    for _ in 0..5 {
        assert_eq!(sign_in("stranger@example.com", "not my password").await, 401);
    }
    assert_eq!(sign_in("stranger@example.com", "not my password").await, 429);
}
