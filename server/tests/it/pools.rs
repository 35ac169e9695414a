//! The connections to Postgres are shared out: agents, people and the upkeep cannot take each other's, whoever waits
//! for a person or a turn holds none, and nobody asks for a second one while they have one.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, Executor};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    coverage::filled,
    support::{
        Client, Gateway, World,
        client::{Answer, text},
        eventually,
        gateway::variables,
        modern::Modern,
        stream::Stream,
        world::ADMIN,
    },
};

/// Longer than whoever is told that everything is busy waits for it.
const LONG: Duration = Duration::from_secs(120);

/// A replica with other limits than usual.
async fn replica(world: &World, limits: &[(&str, &str)]) -> Gateway {
    let mut variables = variables(&world.database);
    variables.retain(|(name, _)| !limits.iter().any(|(other, _)| other == name));
    variables.extend(limits.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Gateway::start_with_variables(&variables).await
}

/// Callers whose calls are held so long, at a replica.
async fn callers(world: &World, gateway: &Gateway, count: usize, hold: u32) -> Vec<Client> {
    let keys = (0..count).map(|n| async move {
        let key = json!({"name": format!("caller {n}"), "role": "agent", "hold_seconds": hold});
        let key = world.owner.post("/orgs/acme/api-keys", key).await.expect(201);
        Client::new(&gateway.url, key["key"].as_str())
    });
    let callers = join_all(keys).await;
    for caller in &callers {
        eventually("the replica knows the key", || async { ping(caller).await.status == 200 }).await;
    }
    callers
}

fn pay(cents: usize) -> String {
    let params = json!({"name": "pay", "arguments": {"to": "Ada", "cents": cents}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

async fn ping(client: &Client) -> Answer {
    client.mcp_raw("acme/bank", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await
}

async fn events(client: &Client) -> Stream {
    Stream::open(client, Method::GET, "/api/v1/orgs/acme/events", None, &[]).await
}

/// How many requests wait for a decision, a page of 200 at most.
async fn pending(client: &Client) -> usize {
    let list = client.get("/orgs/acme/approvals?status=pending&limit=200").await.expect(200);
    list["items"].as_array().map_or(0, Vec::len)
}

/// How many connections wait for a lock in Postgres.
async fn locked_out(world: &World) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    sqlx::query_scalar(sql).fetch_one(&mut world.sql().await).await.expect("a count")
}

/// Sends the calls of these callers, each with other arguments, all at once.
fn open(callers: &[Client], each: usize) -> Vec<JoinHandle<Answer>> {
    let calls = callers.iter().enumerate().flat_map(|(n, caller)| (0..each).map(move |call| (n * each + call, caller)));
    calls
        .map(|(cents, caller)| {
            let caller = caller.clone();
            tokio::spawn(async move { caller.mcp_raw("acme/bank", &pay(cents)).await })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_inboxes_and_four_callers_that_open_460_requests_are_all_served() {
    let world = World::new().await;
    let gateway = replica(&world, &[("PERMESSO_DB_CONNECTIONS", "20"), ("PERMESSO_MAX_OPEN_APPROVALS", "200")]).await;
    let callers = callers(&world, &gateway, 4, 0).await;
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let until_done = |client: Client, path: &'static str| {
        let done = done.clone();
        tokio::spawn(async move {
            let _events = events(&client).await;
            let mut refused = Vec::new();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let answer = client.get(path).await;
                if answer.status != 200 {
                    refused.push(answer.text);
                }
            }
            refused
        })
    };
    let approver = world.approver.at(&gateway.url);
    let inbox = "/orgs/acme/approvals?status=pending&mine=true&limit=50";
    let inboxes: Vec<_> = (0..10).map(|_| until_done(approver.clone(), inbox)).collect();
    let pinging = {
        let (done, agent) = (done.clone(), callers[0].clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let began = std::time::Instant::now();
                let answer = ping(&agent).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
                times.push(began.elapsed());
            }
            times
        })
    };
    let answers = join_all(open(&callers, 115)).await;
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    let refused: Vec<String> = answers
        .into_iter()
        .map(|answer| answer.expect("it ends"))
        .filter(|answer| answer.status != 200)
        .map(|answer| answer.text)
        .collect();
    let mut times = pinging.await.expect("every ping is answered");
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
    eprintln!("{} refused; {} pings: p50 {:?}, p99 {:?}", refused.len(), times.len(), at(50), at(99));
    for inbox in inboxes {
        let refused = inbox.await.expect("it ends");
        assert!(refused.is_empty(), "{refused:?}");
    }
    assert!(refused.is_empty(), "{} of 460: {}", refused.len(), refused[0]);
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM approvals WHERE state = 'pending'")
        .fetch_one(&mut world.sql().await)
        .await
        .expect("a count");
    assert_eq!(open, 460);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_postgres_holds_up_take_nothing_from_people_pings_and_the_configuration() {
    let world = World::new().await;
    // More than all pools have connections, since each caller opens one request at a time.
    let callers = callers(&world, &world.gateway, 14, 0).await;
    let mut owner = world.sql().await;
    let mut lock = owner.begin().await.expect("a transaction");
    lock.execute("LOCK TABLE approvals IN EXCLUSIVE MODE").await.expect("the lock");
    let calls = open(&callers, 1);
    eventually("the calls wait in Postgres", || async { locked_out(&world).await >= 4 }).await;
    for _ in 0..3 {
        assert_eq!(ping(&callers[0]).await.status, 200);
        world.admin.get("/orgs/acme/members").await.expect(200);
        world.admin.get("/orgs/acme/audit").await.expect(200);
    }
    // It is loaded before the answer leaves.
    world
        .admin
        .post("/orgs/acme/toolkits", json!({"slug": "new", "name": "New", "visibility": "private"}))
        .await
        .expect(201);
    assert_eq!(world.anonymous.send(Method::GET, "/readyz", None, &[]).await.status, 200);
    lock.rollback().await.expect("the lock is given back");
    for call in calls {
        Client::approval_of(&call.await.expect("it ends").expect(200)["result"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_whom_postgres_holds_up_take_nothing_from_calls() {
    let world = World::new().await;
    let browser = Client::browser_of(&world.gateway.url, ADMIN).await;
    let mut owner = world.sql().await;
    let mut lock = owner.begin().await.expect("a transaction");
    lock.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE").await.expect("the lock");
    let reads: Vec<_> = (0..20)
        .map(|_| {
            let browser = browser.clone();
            tokio::spawn(async move { browser.get("/orgs/acme/members").await })
        })
        .collect();
    eventually("people wait in Postgres", || async { locked_out(&world).await >= 4 }).await;
    assert_eq!(text(&world.agent.call("balance", json!({})).await), "done");
    world.held(1).await;
    lock.rollback().await.expect("the lock is given back");
    for read in reads {
        read.await.expect("it ends").expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_calls_that_wait_for_a_person_hold_none_of_two_connections_and_all_get_their_answer() {
    let world = World::new().await;
    let gateway = replica(&world, &[("PERMESSO_DB_CONNECTIONS", "8")]).await;
    assert_eq!(gateway.services.db.calls.size(), 2);
    let callers = callers(&world, &gateway, 3, 240).await;
    let calls = open(&callers, 20);
    let approver = world.approver.at(&gateway.url);
    eventually("all of them wait", || async { pending(&approver).await == 60 }).await;
    assert_eq!(ping(&callers[0]).await.status, 200);
    assert_eq!(text(&callers[0].call("balance", json!({})).await), "done");
    world.admin.at(&gateway.url).get("/orgs/acme/toolkits").await.expect(200);
    let list = approver.get("/orgs/acme/approvals?status=pending&limit=200").await.expect(200);
    let decisions = list["items"].as_array().expect("a list").iter().map(|item| {
        let (approver, id) = (approver.clone(), item["id"].as_str().unwrap_or_default().to_owned());
        async move { approver.decide(&id, "approve", "").await }
    });
    for decided in join_all(decisions).await {
        decided.expect(200);
    }
    let answers = timeout(LONG, join_all(calls)).await.expect("they are answered");
    for answer in answers {
        let answer = answer.expect("it ends");
        assert_eq!(text(&answer.json()["result"]), "done", "{}", answer.text);
    }
    assert_eq!(world.upstream.calls(), 61);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_an_org_wait_for_their_turn_without_a_connection() {
    let world = World::new().await;
    let gateway = replica(&world, &[("PERMESSO_DB_CONNECTIONS", "8")]).await;
    assert_eq!(gateway.services.db.people.size(), 2);
    let admin = world.admin.at(&gateway.url);
    let mut owner = world.sql().await;
    let mut lock = owner.begin().await.expect("a transaction");
    lock.execute("SELECT FROM orgs WHERE slug = 'acme' FOR UPDATE").await.expect("the lock");
    let changes: Vec<_> = (0..20)
        .map(|n| {
            let admin = admin.clone();
            tokio::spawn(async move { admin.patch("/orgs/acme", json!({"name": format!("Acme {n}")})).await })
        })
        .collect();
    eventually("one of them waits in Postgres", || async { locked_out(&world).await >= 1 }).await;
    for _ in 0..20 {
        admin.get("/orgs/acme/members").await.expect(200);
    }
    lock.rollback().await.expect("the lock is given back");
    for change in changes {
        change.await.expect("it ends").expect(200);
    }
    gateway.stop().await;
}

/// A call's whole life: held, listed, looked at, approved, run, given again, and a task.
async fn live_through(world: &World, agent: &Client, browser: &Client, cents: u64) {
    let arguments = json!({"to": "Ada", "cents": cents});
    let id = Client::approval_of(&agent.call("pay", arguments.clone()).await);
    assert!(pending(browser).await > 0);
    let status = agent.call("approval_status", json!({"approval_id": id, "wait_seconds": 0})).await;
    assert_eq!(status["structuredContent"]["status"], "pending", "{status}");
    browser.decide(&id, "approve", "").await.expect(200);
    let before = world.upstream.calls();
    for _ in 0..2 {
        assert_eq!(text(&agent.call("pay", arguments.clone()).await), "done");
    }
    assert_eq!(world.upstream.calls(), before + 1);
    let rejected = Client::approval_of(&agent.call("pay", json!({"to": "Bob", "cents": cents})).await);
    browser.decide(&rejected, "reject", "no").await.expect(200);
    let created = Modern::call("pay", json!({"to": "Eve", "cents": cents})).tasks().send(agent).await.expect(200);
    let task = created["result"]["taskId"].as_str().expect("an id").to_owned();
    let id = created["result"]["_meta"]["dev.permesso/approval"]["approval_id"].as_str().expect("an id").to_owned();
    browser.decide(&id, "approve", "").await.expect(200);
    eventually("the task runs", || async { browser.status(&id).await == "executed" }).await;
    Modern::new("tasks/get", json!({"taskId": task})).tasks().send(agent).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_connection_in_each_pool_every_route_and_the_whole_life_of_a_call_get_by() {
    let world = World::new().await;
    let gateway = replica(&world, &[("PERMESSO_DB_CONNECTIONS", "6")]).await;
    assert_eq!((gateway.services.db.calls.size(), gateway.services.db.people.size()), (1, 1));
    let agent = world.agent.at(&gateway.url);
    let browser = Client::browser_of(&gateway.url, ADMIN).await;
    let mut stream = events(&world.admin.at(&gateway.url)).await;
    live_through(&world, &agent, &browser, 1).await;
    assert!(stream.next().await.is_some(), "what happens is told");
    for (route, _) in permesso::app::router::API.iter().filter(|(route, _)| !route.ends_with("/events")) {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            if *route == "/auth/session" && method != Method::GET {
                continue;
            }
            let body = (method != Method::GET).then(|| "{}".to_owned());
            let path = filled(route);
            let asked = browser.send(method.clone(), &path, body, &[]);
            let answer: Answer = timeout(LONG, asked).await.expect("it does not hang");
            assert!(answer.status.as_u16() < 500, "{method} {route}: {}", answer.text);
        }
    }
    gateway.stop().await;
}
