//! By way of an outbound proxy, and with an authority of one's own.

use std::sync::Arc;

use parking_lot::Mutex;
use permesso::config::Outbound;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fake::Fake;
use super::*;
use crate::support::{Client, database::database, gateway::variables, process::Process, world::ADMIN};

/// Takes every connection for the same server, whatever it is asked for.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    _stop: DropGuard,
}

impl Proxy {
    async fn before(server: &str, answer: &'static str) -> Self {
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (stop, asked) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
        let seen = asked.clone();
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (server, seen) = (server.clone(), seen.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(client.read_u8().await.expect("a head"));
                    }
                    seen.lock().push(String::from_utf8(head).expect("text"));
                    client.write_all(answer.as_bytes()).await.expect("it listens");
                    if answer == OPEN {
                        let mut server = TcpStream::connect(server).await.expect("the server");
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        }));
        Self { address, asked, _stop: stop.drop_guard() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

const OPEN: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

async fn fake() -> Fake {
    Fake::start(|seen| async move {
        match seen.method.as_str() {
            "tools/call" => Some(seen.answer("{}")),
            "tools/list" => Some(seen.answer(r#"{"tools":[]}"#)),
            _ => None,
        }
    })
    .await
}

fn host_of(fake: &Fake) -> String {
    fake.url.replace("http://", "").replace("/mcp", "")
}

fn by_way_of(rules: &str, proxy: &str, except: &str) -> Upstreams {
    let outbound = Outbound { http: Some(proxy.into()), https: Some(proxy.into()), except: except.to_owned() };
    let rules = AllowRule::parse_list(rules).expect("rules");
    let egress = Egress::new(rules).expect("an HTTP client").by_way_of(&outbound);
    Upstreams::new(egress, ChildUser::find(None).expect("ourselves"), permesso::clock::Clock::system())
}

/// Speaks TLS before a server, with the certificate of the authority in `support/tls/ca.pem`. Gives its port.
async fn tls_before(server: String) -> u16 {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../support/tls/cert.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../support/tls/key.pem")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(server).await.expect("the server");
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_address_that_was_checked_and_never_for_a_name() {
    let fake = fake().await;
    let proxy = Proxy::before(&host_of(&fake), OPEN).await;
    let upstreams = by_way_of("localhost", &format!("http://me:p%40ss@{}", proxy.address), "");
    let port = fake.url.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port");
    let spec = Arc::new(http_spec(&format!("http://localhost:{port}/mcp")));
    for _ in 0..2 {
        result(call_with(&upstreams, &spec, "t", true, || Ok(())).await);
    }
    let asked = proxy.asked();
    assert!(asked.len() > 2, "an approved call has a connection of its own: {asked:?}");
    for head in asked {
        let line = head.lines().next().expect("a line");
        assert!(
            [format!("CONNECT 127.0.0.1:{port} HTTP/1.1"), format!("CONNECT [::1]:{port} HTTP/1.1")]
                .contains(&line.to_owned()),
            "{head}"
        );
        assert!(!head.contains("localhost"), "{head}");
        assert!(head.contains("Proxy-Authorization: Basic bWU6cEBzcw=="), "{head}");
    }
    assert!(
        fake.seen().iter().all(|seen| seen.header("host") == format!("localhost:{port}")),
        "the server is asked by its name"
    );
    assert!(fake.seen().iter().all(|seen| seen.header("user-agent").starts_with("permesso/")));
    assert!(
        fake.seen().iter().all(|seen| seen.headers.get("proxy-authorization").is_none()),
        "that is for the proxy alone"
    );
}

#[tokio::test]
async fn what_the_rules_refuse_is_refused_before_a_proxy_is_asked() {
    let fake = fake().await;
    let proxy = Proxy::before(&host_of(&fake), OPEN).await;
    let upstreams = by_way_of("", &proxy.address, "");
    for host in ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]", "2130706433"] {
        let reason = not_sent(call(&upstreams, &Arc::new(http_spec(&format!("http://{host}:8080/mcp"))), "t").await);
        assert!(reason.starts_with("egress to "), "{host}: {reason}");
        let reason = not_sent(call(&upstreams, &Arc::new(http_spec(&format!("https://{host}/mcp"))), "t").await);
        assert!(reason.starts_with("egress to "), "{host}: {reason}");
    }
    let reason = not_sent(call(&upstreams, &Arc::new(http_spec("https://name.invalid/mcp")), "t").await);
    assert_eq!(reason, "no connection to the upstream: the name name.invalid cannot be resolved");
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_excepted_is_reached_without_the_proxy() {
    let fake = fake().await;
    let proxy = Proxy::before(&host_of(&fake), OPEN).await;
    for except in ["127.0.0.0/8", "localhost,127.0.0.1", "*"] {
        result(call(&by_way_of("127.0.0.1", &proxy.address, except), &Arc::new(http_spec(&fake.url)), "t").await);
    }
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_that_opens_no_way_leaves_the_call_unsent_and_its_password_unsaid() {
    let fake = fake().await;
    let spec = Arc::new(http_spec(&fake.url));
    for answer in
        ["HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n\r\n", "nonsense\r\n\r\n"]
    {
        let proxy = Proxy::before("", answer).await;
        let upstreams = by_way_of("127.0.0.1", &format!("me:SECRET@{}", proxy.address), "");
        let reason = not_sent(call(&upstreams, &spec, "t").await);
        assert!(reason.starts_with("no connection to the upstream by the outbound proxy: "), "{reason}");
        let said = format!("{reason} {:?} {:?}", upstreams.logs(spec.id, true), upstreams.status(spec.id));
        assert!(!said.contains("SECRET") && !said.contains(&proxy.address), "{said}");
    }
    let gone = by_way_of("127.0.0.1", "http://127.0.0.1:1", "");
    let reason = not_sent(call(&gone, &spec, "t").await);
    assert_eq!(reason, "no connection to the upstream by the outbound proxy: connection refused");
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_and_the_reason_said() {
    let fake = fake().await;
    let port = tls_before(host_of(&fake)).await;
    let proxy = Proxy::before(&format!("127.0.0.1:{port}"), OPEN).await;
    let spec = http_spec(&format!("https://127.0.0.1:{port}/mcp"));
    for upstreams in [upstreams(), by_way_of("127.0.0.1", &proxy.address, "")] {
        let reason = not_sent(call(&upstreams, &Arc::new(spec.clone()), "t").await);
        assert!(reason.ends_with("its certificate is from no authority that this machine trusts"), "{reason}");
    }
    assert!(fake.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own_is_trusted_directly_and_by_way_of_a_proxy() {
    let fake = fake().await;
    let port = tls_before(host_of(&fake)).await;
    let proxy = Proxy::before(&format!("127.0.0.1:{port}"), OPEN).await;
    let mut variables = variables(&database().await);
    for (name, value) in [
        ("PERMESSO_EGRESS_ALLOW", "127.0.0.0/8,10.77.0.0/16"),
        ("SSL_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/tls/ca.pem")),
        ("https_proxy", &proxy.address),
    ] {
        variables.push((name.to_owned(), value.to_owned()));
    }
    let gateway = tokio::task::spawn_blocking(move || Process::gateway_with(&variables)).await.expect("it starts");
    let admin = Client::sign_in(&gateway.url, ADMIN.0, ADMIN.1).await;
    admin.post("/orgs", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
    for (slug, host) in [("direct", "127.0.0.1"), ("proxied", "10.77.0.1")] {
        let config = json!({"url": format!("https://{host}:{port}/mcp")});
        let connection = json!({"slug": slug, "kind": "streamable_http", "config": config});
        admin.post("/orgs/acme/connections", connection).await.expect(201);
        admin.post(&format!("/orgs/acme/connections/{slug}/refresh"), json!({})).await.expect(200);
    }
    let asked = proxy.asked();
    assert!(!asked.is_empty());
    assert!(
        asked.iter().all(|head| head.starts_with(&format!("CONNECT 10.77.0.1:{port} "))),
        "this machine is excepted: {asked:?}"
    );
}
