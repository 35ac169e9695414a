//! The process lives, stays small and answers while it is attacked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use reqwest::Method;
use serde_json::json;

use super::{
    generate::{definition, text, value},
    upstream::Hostile,
};
use crate::support::{World, client, process::Process};

/// The memory that the process may address, in KiB: what its threads reserve and hardly use counts too.
const ADDRESSED: u64 = 4 * 1024 * 1024;
/// The memory that it may take, in MiB.
const TAKEN: u64 = 400;
const ROUNDS: u64 = 40;
const BALANCE: &str =
    r#"{"name":"balance","description":"Reads.","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#;

/// Asks `/livez` twenty times a second until told to stop; gives how long each answer took.
async fn probe(url: String, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answer = http.get(format!("{url}/livez")).send().await.expect("the process lives");
        assert!(answer.status().is_success());
        took.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    took.sort_unstable();
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hostile_caller_and_a_hostile_upstream_send_neither_ends_nor_fills_nor_stops_the_process() {
    let world = World::new().await;
    let upstream = Hostile::start(&format!("[{BALANCE}]")).await;
    let process = Process::gateway_within(&world.database, ADDRESSED);
    let (admin, agent) = (world.admin.at(&process.url), world.agent.at(&process.url));
    let config = json!({"config": {"url": upstream.url}});
    admin.patch("/orgs/acme/connections/bank", config).await.expect(200);
    let stop = Arc::new(AtomicBool::new(false));
    let probing = tokio::spawn(probe(process.url.clone(), stop.clone()));
    for seed in 0..ROUNDS {
        let mut rng = Rng::with_seed(seed);
        let parts = rng.usize(1..400);
        upstream.offer(&format!("[{BALANCE},{}]", definition(&mut rng, "pay", parts)));
        admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
        let mut left = rng.usize(1..3_000);
        let arguments = json!({"a": value(&mut rng, &mut left, 0), "all": value(&mut rng, &mut left, 0)});
        let long = text(&mut rng, 300_000);
        upstream.answer(&json!({"content": [{"type": "text", "text": long}]}).to_string());
        let body = json!({"email": text(&mut rng, 100_000), "password": long}).to_string();
        // All at once; what becomes of each is not the question.
        tokio::join!(
            agent.call("pay", arguments.clone()),
            agent.call("pay", json!({"to": long})),
            agent.call("balance", json!({"n": seed, "token": arguments})),
            agent.mcp_raw("acme/bank", &long),
            agent.send(Method::POST, "/api/v1/auth/login", Some(body), &[]),
        );
    }
    stop.store(true, Ordering::Relaxed);
    let took = probing.await.expect("the process lived");
    let (usual, worst) = (took[took.len() * 95 / 100], took.last().expect("some"));
    println!("/livez: {usual:?} for 95 of 100, {worst:?} at worst; {} MiB at most", process.peak_mib());
    assert!(usual < Duration::from_millis(200), "/livez took {usual:?}");
    assert!(process.peak_mib() < TAKEN, "{} MiB", process.peak_mib());
    // Its talk was read no faster than it may be, and believed ever more rarely. What waits in the buffers of a stream, some
    // megabytes, counts as taken; each list that is asked for by hand opens one.
    let (said, streams) = (upstream.said(), upstream.streams());
    assert!(said > 0 && said < 100_000 * streams, "{said} notices read on {streams} streams");
    assert!(streams <= usize::try_from(ROUNDS).expect("few") + 2, "{streams} streams");
    assert!(upstream.lists() < 3 * usize::try_from(ROUNDS).expect("few"), "{} lists", upstream.lists());
    // And it works as before.
    upstream.offer(&format!("[{BALANCE}]"));
    upstream.answer(&json!({"content": [{"type": "text", "text": "done"}]}).to_string());
    admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    assert_eq!(client::text(&agent.call("balance", json!({})).await), "done");
}
