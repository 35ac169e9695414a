//! Stopping in order: what is under way is finished and on record, and who does not read does not hold it up.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Behaviour, Gateway, World, client::text, eventually, records, unread::Unread};

/// Short, so that the tests are; long enough to be told from twice as long.
const GRACE: Duration = Duration::from_secs(3);

/// Stops a replica that somebody does not read from: it has to wait for them, but only once.
async fn stops_after_one_grace(gateway: Gateway) {
    let began = Instant::now();
    gateway.stop().await;
    let took = began.elapsed();
    assert!(took >= GRACE, "it was read after all: {took:?}");
    assert!(took < GRACE * 2, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_reads_does_not_keep_the_server_from_stopping() {
    let world = World::new().await;
    records::put(&world, 40, ("balance", 0), 1_000_000).await;
    let gateway = Gateway::start_hasty(&world.database, GRACE).await;
    let unread = Unread::ask(&world.admin.at(&gateway.url), "/orgs/acme/audit/export?format=jsonl", 200).await;
    stops_after_one_grace(gateway).await;
    drop(unread);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_that_nobody_reads_does_not_keep_the_server_from_stopping() {
    let world = World::new().await;
    let gateway = Gateway::start_hasty(&world.database, GRACE).await;
    let admin = world.admin.at(&gateway.url);
    let unread = Unread::ask(&admin, "/orgs/acme/events", 200).await;
    // One event, larger than all that the kernel takes for who does not read (4 MiB, and what is on its way): the
    // rest stays in the gateway.
    records::put(&world, 1, ("balance", 8_000_000), 1).await;
    unread.has(1_500).await;
    stops_after_one_grace(gateway).await;
    drop(unread);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_way_is_answered_and_on_record_although_somebody_does_not_read() {
    let world = World::new().await;
    records::put(&world, 40, ("other", 0), 1_000_000).await;
    let gateway = Gateway::start_hasty(&world.database, GRACE).await;
    let unread = Unread::ask(&world.admin.at(&gateway.url), "/orgs/acme/audit/export?format=jsonl", 200).await;
    world.upstream.behave(Behaviour::Hang(r#"{"content":[{"type":"text","text":"late"}]}"#.into()));
    let agent = world.agent.at(&gateway.url);
    let call = tokio::spawn(async move { agent.call("balance", json!({})).await });
    eventually("it arrives", || async { world.upstream.calls() == 1 }).await;
    let stop = gateway.services.stop.clone();
    let stopping = tokio::spawn(stops_after_one_grace(gateway));
    stop.cancelled().await;
    world.upstream.release();
    assert_eq!(text(&call.await.expect("it is answered")), "late");
    stopping.await.expect("it stops");
    let list = world.admin.get("/orgs/acme/audit?tool=balance").await.expect(200);
    assert_eq!(list["items"][0]["status"], "ok", "{list}");
    drop(unread);
}

#[tokio::test]
async fn connections_on_which_nothing_was_asked_do_not_keep_the_server_from_stopping() {
    use tokio::{io::AsyncWriteExt, net::TcpStream};
    let world = World::new().await;
    let address = world.gateway.url.trim_start_matches("http://").to_owned();
    let _unused = TcpStream::connect(&address).await.expect("the gateway listens");
    // A browser that was interrupted while it asked.
    let mut half = TcpStream::connect(&address).await.expect("the gateway listens");
    half.write_all(b"GET /livez HTTP/1.1\r\nhost: ").await.expect("it takes the beginning");
    let began = std::time::Instant::now();
    world.gateway.stop().await;
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}
