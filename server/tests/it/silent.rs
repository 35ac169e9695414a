//! An upstream that no longer lists its tools: it stops no list of ours, and is asked once.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{World, client::text, eventually};

const BANK: &str = "/orgs/acme/connections/bank";
const SOON: Duration = Duration::from_secs(15);

/// From here on what is known of the tools is too old, and the upstream says nothing more.
async fn silence(world: &World, connect_ms: u32, call_ms: u32) {
    world.upstream.be_silent(true);
    let config = json!({"url": world.upstream.url, "headers": {"x-generation": "2"}});
    let change = json!({"config": config, "connect_timeout_ms": connect_ms, "call_timeout_ms": call_ms});
    world.admin.patch(BANK, change).await.expect(200);
}

async fn list(world: &World) -> Value {
    world.agent.rpc("acme/bank", "tools/list", json!({})).await["result"].take()
}

#[tokio::test]
async fn a_silent_upstream_is_asked_once_and_lists_are_answered_from_what_is_known() {
    let world = World::new().await;
    let before = world.upstream.lists();
    silence(&world, 1_000, 2_500).await;
    let began = Instant::now();
    for listed in join_all((0..6).map(|_| list(&world))).await {
        assert_eq!(listed["tools"].as_array().map(Vec::len), Some(4), "{listed}");
        let outdated = &listed["_meta"]["dev.permesso/outdated"][0];
        assert_eq!(outdated["connection"], "bank", "{listed}");
        assert!(outdated["reason"].as_str().unwrap().contains("2 s"), "{listed}");
    }
    assert!(began.elapsed() < Duration::from_millis(2_900), "{:?}", began.elapsed());
    assert_eq!(world.upstream.lists(), before + 1);

    // A call needs to know the tool, and waits as long as the connection may take; the failure is then remembered.
    let refused = text(&world.agent.call("balance", json!({})).await);
    assert!(refused.contains("no answer within 2.5 s"), "{refused}");
    let began = Instant::now();
    let listed = list(&world).await;
    assert!(began.elapsed() < Duration::from_millis(900), "it is told at once");
    assert!(listed["_meta"]["dev.permesso/outdated"][0]["reason"].as_str().unwrap().contains("2.5 s"), "{listed}");
    assert_eq!(world.upstream.lists(), before + 1);

    // Who asks by hand asks anew, in a new session.
    world.upstream.be_silent(false);
    let sessions = world.upstream.sessions();
    world.admin.post(&format!("{BANK}/refresh"), json!({})).await.expect(200);
    assert_eq!((world.upstream.lists(), world.upstream.sessions()), (before + 2, sessions + 1));
    assert!(list(&world).await.get("_meta").is_none());
}

#[tokio::test]
async fn a_list_that_hangs_has_the_limit_that_stands_now_and_is_given_up_for_one_asked_for_by_hand() {
    let world = World::new().await;
    let before = world.upstream.lists();
    silence(&world, 60_000, 60_000).await;
    let both = async {
        tokio::join!(world.agent.call("balance", json!({})), async {
            eventually("the list", async || world.upstream.lists() == before + 1).await;
            world.admin.patch(BANK, json!({"connect_timeout_ms": 1_000, "call_timeout_ms": 200})).await.expect(200);
        })
    };
    // A list in use is made anew after 40 s in any case.
    let (refused, ()) = timeout(SOON, both).await.expect("the limit that was set counts at once");
    let refused = text(&refused);
    assert!(refused.contains("no answer within 0.2 s"), "{refused}");

    world.admin.patch(BANK, json!({"connect_timeout_ms": 60_000, "call_timeout_ms": 60_000})).await.expect(200);
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let lists = world.upstream.lists();
    let both = async {
        tokio::join!(world.agent.call("balance", json!({})), async {
            eventually("the list", async || world.upstream.lists() == lists + 1).await;
            world.upstream.be_silent(false);
            world.admin.post(&format!("{BANK}/refresh"), json!({})).await.expect(200);
        })
    };
    let (called, ()) = timeout(SOON, both).await.expect("what hangs is given up");
    assert_eq!(text(&called), "done", "who waited has the list of who asked by hand");
}
