//! Where the gateway may go.

use std::sync::Arc;

use super::fake::Fake;
use super::*;

async fn fake() -> Fake {
    Fake::start(|seen| async move { (seen.method == "tools/call").then(|| seen.answer("{}")) }).await
}

#[tokio::test]
async fn loopback_is_refused_unless_allowed() {
    let fake = fake().await;
    let spec = Arc::new(http_spec(&fake.url));
    let reason = not_sent(call(&upstreams_allowing(""), &spec, "t").await);
    assert_eq!(
        reason,
        "egress to 127.0.0.1 is refused, because it is not a public address; \
         the operator may allow it with PERMESSO_EGRESS_ALLOW"
    );
    not_sent(call(&upstreams_allowing("10.0.0.0/8, localhost"), &spec, "t").await);
    assert!(fake.seen().is_empty());
    result(call(&upstreams_allowing("127.0.0.0/8"), &spec, "t").await);
}

#[tokio::test]
async fn other_spellings_of_loopback_are_refused_too() {
    let fake = fake().await;
    for host in ["2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let spec = Arc::new(http_spec(&fake.url.replace("127.0.0.1", host)));
        let reason = not_sent(call(&upstreams_allowing(""), &spec, "t").await);
        assert!(reason.contains("egress to"), "{host}: {reason}");
    }
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_refused_unless_allowed() {
    let fake = fake().await;
    let spec = Arc::new(http_spec(&fake.url.replace("127.0.0.1", "localhost")));
    let reason = not_sent(call(&upstreams_allowing(""), &spec, "t").await);
    assert!(reason.starts_with("egress to localhost is refused"), "{reason}");
    assert!(fake.seen().is_empty());
    result(call(&upstreams_allowing("localhost"), &spec, "t").await);
    result(call(&upstreams_allowing("127.0.0.1"), &spec, "t").await);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_not_sent() {
    let spec = Arc::new(http_spec("http://name.invalid/mcp"));
    let reason = not_sent(call(&upstreams(), &spec, "t").await);
    assert_eq!(reason, "no connection to the upstream: the name name.invalid cannot be resolved");
}

#[tokio::test]
async fn of_what_does_not_answer_only_the_instances_administrators_learn_the_address() {
    // Bound and not listened on: nobody else gets it, and connections are refused.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = socket.local_addr().expect("an address");
    let (silent, empty) =
        (Arc::new(http_spec(&format!("http://localhost:{}/mcp", address.port()))), upstreams_allowing(""));
    for (upstreams, says) in [(upstreams_allowing("localhost"), "tcp connect error"), (empty, "resolved to ")] {
        let reason = not_sent(call(&upstreams, &silent, "t").await);
        let everybody = format!("{reason} {:?} {:?}", upstreams.logs(silent.id, false), upstreams.status(silent.id));
        assert!(!everybody.contains("127.0.0.1") && !everybody.contains("::1"), "{everybody}");
        let detail = upstreams.logs(silent.id, true).concat();
        assert!(detail.contains(says), "{detail}");
    }
}
