//! What one caller, one org and everybody together may take up of a process at once, and of the record.

use std::time::Duration;

use permesso::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::support::{
    Behaviour, Client, Gateway, World,
    client::{Answer, text},
    eventually,
    modern::Modern,
    process::Process,
    stream::Stream,
    unread::Unread,
};

/// By when something has happened that happens, on a machine that has much else to do.
const SOON: Duration = Duration::from_secs(120);

const DONE: &str = r#"{"content":[{"type":"text","text":"done"}]}"#;

/// A call of a tool with arguments of about so many bytes.
fn call(tool: &str, bytes: usize) -> String {
    let arguments = json!({"note": "x".repeat(bytes)});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
        .to_string()
}

async fn balance(client: &Client) -> Answer {
    timeout(SOON, client.mcp_raw("acme/bank", &call("balance", 10))).await.expect("an answer")
}

/// Fails the test unless a call was refused with this status and code, in these words among others.
#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str, words: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after"));
    let error = answer.json()["error"].clone();
    assert_eq!(error["data"]["code"], code, "{error}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains(words)), "{error}");
}

/// A call whose body has not come whole.
struct Half {
    stream: TcpStream,
    rest: String,
}

impl Half {
    /// Sends all of it but the last byte.
    async fn send(client: &Client, bytes: usize) -> Self {
        let mut stream = TcpStream::connect(client.url.trim_start_matches("http://")).await.expect("it listens");
        let body = call("balance", bytes);
        let token = client.token.as_deref().expect("a key");
        let head = format!(
            "POST /acme/bank/mcp HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            client.url.trim_start_matches("http://"),
            body.len()
        );
        let (now, rest) = body.split_at(body.len() - 1);
        stream.write_all(format!("{head}{now}").as_bytes()).await.expect("it takes the beginning");
        Self { stream, rest: rest.to_owned() }
    }

    /// Sends the last byte; gives the answer.
    async fn finish(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).await.expect("it takes the end");
        let mut answer = String::new();
        timeout(SOON, self.stream.read_to_string(&mut answer)).await.expect("an answer").expect("whole");
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_calls_of_four_mebibytes_take_no_more_memory_than_a_caller_may_and_others_are_served() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    let (other, _) = world.patient(240).await;
    let gateway = Process::gateway(&world.database);
    let (agent, other) = (world.agent.at(&gateway.url), other.at(&gateway.url));
    assert_eq!(text(&agent.call("balance", json!({})).await), "done");
    let body = call("balance", (4 << 20) - 1_024);
    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let (agent, body) = (agent.clone(), body.clone());
        calls.spawn(async move { agent.mcp_raw("acme/bank", &body).await });
    }
    let small = timeout(SOON, other.call("balance", json!({}))).await.expect("others are served");
    assert_eq!(text(&small), "done");
    let answers = timeout(SOON, calls.join_all()).await.expect("all are answered");
    let peak = gateway.peak_mib();
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    println!("at most {peak} MiB for {served} of 40 calls");
    assert!(peak < 300, "the process took {peak} MiB to serve {served} calls");
    assert!(served > 0 && served < 40, "{served} calls were served");
    for answer in answers {
        match answer.status.as_u16() {
            // On a slow machine the last ones may be answered before they are on record, which they are told.
            503 if answer.text.contains("could not be recorded") => {}
            200 => assert_eq!(text(&answer.json()["result"]), "done"),
            _ => is_refused(&answer, 429, "too_many_bytes", "67108864 bytes"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_count_while_they_come_and_what_was_let_in_finishes() {
    let world = World::new().await;
    let limits = [("PERMESSO_CALLER_MAX_BYTES", 1_000_000)];
    let (other, _) = world.patient(240).await;
    let gateway = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let (agent, other) = (world.agent.at(&gateway.url), other.at(&gateway.url));
    assert_eq!(balance(&agent).await.status, 200, "from here on nothing has to be looked up");
    let first = Half::send(&agent, 400_000).await;
    let second = Half::send(&agent, 400_000).await;
    let third = || async { agent.mcp_raw("acme/bank", &call("balance", 300_000)).await };
    eventually("there is no room", || async { third().await.status == 429 }).await;
    is_refused(&third().await, 429, "too_many_bytes", "1000000 bytes");
    assert_eq!(balance(&agent).await.status, 200, "there is room for a small one");
    assert_eq!(timeout(SOON, other.mcp_raw("acme/bank", &call("balance", 300_000))).await.expect("one").status, 200);
    for half in [first, second] {
        let answer = half.finish().await;
        assert!(answer.contains("done"), "{answer}");
    }
    assert_eq!(third().await.status, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn the_rest_api_counts_bodies_too() {
    let world = World::new().await;
    let limits = [("PERMESSO_CALLER_MAX_BYTES", 65_536), ("PERMESSO_PROCESS_MAX_BYTES", 100_000)];
    let gateway = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let admin = world.admin.at(&gateway.url);
    for (bytes, status, code) in [(70_000, 429, "too_many_bytes"), (60_000, 422, "invalid")] {
        let answer = admin.post("/orgs", json!({"slug": "acme2", "name": "x".repeat(bytes), "no": 1})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{}", answer.text);
        assert_eq!(answer.headers.contains_key("retry-after"), status == 429);
    }
    let answer = Client::new(&gateway.url, None).post("/auth/login", json!({"email": "x".repeat(20_000)})).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "too_large"), "{}", answer.text);
    assert!(answer.text.contains("16 KiB"), "{}", answer.text);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_until_its_reader_has_it() {
    let world = World::new().await;
    let limits = [("PERMESSO_CALLER_MAX_BYTES", 8_000_000)];
    let gateway = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let agent = world.agent.at(&gateway.url);
    world.upstream.behave(Behaviour::Result(DONE.replace("done", &"done ".repeat(1_800_000))));
    let unread = Unread::post(&agent, "acme/bank", &call("balance", 10), 200).await;
    is_refused(&balance(&agent).await, 429, "too_many_bytes", "8000000 bytes");
    world.upstream.behave(Behaviour::Result(DONE.to_owned()));
    drop(unread);
    eventually("its room is given back", || async { balance(&agent).await.status == 200 }).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_for_which_there_is_no_room_all_come() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    let limits = [("PERMESSO_CALLER_MAX_BYTES", 300_000)];
    let gateway = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let agent = world.agent.at(&gateway.url);
    world.upstream.behave(Behaviour::Hang(DONE.replace("done", &"done ".repeat(40_000))));
    let mut calls = JoinSet::new();
    for _ in 0..6 {
        let agent = agent.clone();
        calls.spawn(async move { balance(&agent).await });
    }
    eventually("all are in flight", || async { world.upstream.calls() == 6 }).await;
    world.upstream.release();
    for answer in timeout(SOON, calls.join_all()).await.expect("all are answered") {
        assert_eq!(text(&answer.expect(200)["result"]).len(), 200_000);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_orgs_and_the_process_have_so_many_calls_in_flight_and_what_was_let_in_finishes() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/connections/bank", json!({"call_timeout_ms": 60_000})).await.expect(200);
    world.admin.patch("/orgs/acme/toolkits/bank", json!({"visibility": "public"})).await.expect(200);
    let limits = [("PERMESSO_CALLER_MAX_CALLS", 2), ("PERMESSO_ORG_MAX_CALLS", 3), ("PERMESSO_PROCESS_MAX_CALLS", 4)];
    let (other, _) = world.patient(240).await;
    let gateway = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let [agent, other, guest, admin] =
        [&world.agent, &other, &world.other_agent, &world.admin].map(|client| client.at(&gateway.url));
    world.upstream.behave(Behaviour::Hang(DONE.to_owned()));
    let mut calls = JoinSet::new();
    let mut arrived = 0;
    for (client, times) in [(&agent, 2), (&other, 1), (&guest, 1)] {
        for _ in 0..times {
            let client = client.clone();
            calls.spawn(async move { balance(&client).await });
            arrived += 1;
            eventually("it is in flight", || async { world.upstream.calls() == arrived }).await;
        }
        match arrived {
            2 => is_refused(&balance(&agent).await, 429, "too_many_calls", "of this caller are 2"),
            3 => is_refused(&balance(&other).await, 429, "too_many_calls", "of this org are 3"),
            _ => is_refused(&balance(&guest).await, 503, "overloaded", "of this process are 4"),
        }
    }
    let rest = admin.get("/orgs").await;
    assert_eq!((rest.status.as_u16(), rest.code().as_str()), (503, "overloaded"), "{}", rest.text);
    assert!(rest.headers.contains_key("retry-after"));
    let anyone = Client::new(&gateway.url, None);
    assert_eq!(anyone.send(Method::GET, "/livez", None, &[]).await.status, 200, "probes ask on");
    let first = agent.mcp_raw("acme/bank", &call("balance", 10)).await;
    is_refused(&first, 429, "too_many_calls", "of this caller");
    world.upstream.release();
    for answer in timeout(SOON, calls.join_all()).await.expect("all are answered") {
        assert_eq!(text(&answer.expect(200)["result"]), "done");
    }
    // Of each caller and kind one refusal is on record, where the caller is at home.
    for (admin, path, refused) in [(&world.admin, "/orgs/acme/audit", 2), (&world.other_org, "/orgs/other/audit", 1)] {
        let audit = admin.get(&format!("{path}?action=turned%20away")).await.expect(200);
        assert_eq!(audit["items"].as_array().map(Vec::len), Some(refused), "{audit}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_not_in_flight() {
    let world = World::new().await;
    let limits = [("PERMESSO_CALLER_MAX_CALLS", 1)];
    let (agent, _) = world.patient(240).await;
    let gateway = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let agent = agent.at(&gateway.url);
    let mut held = Vec::new();
    for cents in 1..=3 {
        let params = json!({"name": "pay", "arguments": {"cents": cents}, "_meta": {"progressToken": 1}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        let mut stream = agent.mcp_stream(body).await;
        assert_eq!(stream.next().await.expect("progress")["params"]["message"], "waiting for approval");
        held.push(stream);
    }
    let listen = Modern::new("subscriptions/listen", json!({"notifications": {}}));
    let headers: Vec<(&str, &str)> = listen.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let mut listening = Vec::new();
    for _ in 0..3 {
        let body = Some(listen.body.to_string());
        let mut stream = Stream::open(&agent, Method::POST, "/acme/bank/mcp", body, &headers).await;
        stream.next().await.expect("what is agreed to");
        listening.push(stream);
    }
    assert_eq!(balance(&agent).await.status, 200);
    let waiting = world.approver.get("/orgs/acme/approvals?status=pending").await.expect(200);
    for approval in waiting["items"].as_array().expect("items") {
        world.approver.decide(approval["id"].as_str().expect("an id"), "approve", "").await.expect(200);
    }
    for mut held in held {
        assert_eq!(text(&held.answer().await["result"]), "done", "it goes on, whoever is in flight");
    }
    drop(listening);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_entry_of_a_batch_counts() {
    let world = World::new().await;
    let limits = [("PERMESSO_CALLER_MAX_CALLS", 3)];
    let gateway = Gateway::start_limited(&world.database, &limits, Clock::system()).await;
    let agent = world.agent.at(&gateway.url);
    world.upstream.behave(Behaviour::Hang(DONE.to_owned()));
    let entries: Vec<Value> = (0..8)
        .map(|id| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "balance", "arguments": {}}}))
        .collect();
    let old = [("mcp-protocol-version", "2025-03-26")];
    let batch = agent.send(Method::POST, "/acme/bank/mcp", Some(json!(entries).to_string()), &old);
    let release = async {
        eventually("three are in flight", || async { world.upstream.calls() == 3 }).await;
        is_refused(&balance(&agent).await, 429, "too_many_calls", "of this caller are 3");
        world.upstream.release();
    };
    let (answer, ()) = tokio::join!(batch, release);
    let answers = answer.expect(200);
    let answers = answers.as_array().expect("an array");
    let done = answers.iter().filter(|answer| !answer["result"].is_null()).count();
    let refused = answers.iter().filter(|answer| answer["error"]["data"]["code"] == "too_many_calls").count();
    assert_eq!((done, refused), (3, 5), "{answers:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_refused_only_the_beginning_is_on_record() {
    let world = World::new().await;
    let answers = [
        world.agent.mcp_raw("acme/bank", &call("close", 1 << 20)).await,
        world.agent.mcp_raw("acme/bank", &call(&"no such tool ".repeat(50_000), 1 << 20)).await,
        world.agent.mcp_raw("acme/bank", &call("pay", 1 << 20)).await,
    ];
    assert!(answers.iter().all(|answer| answer.status == 200));
    let audit = world.admin.get("/orgs/acme/audit?status=refused").await.expect(200);
    let items = audit["items"].as_array().expect("items");
    assert_eq!(items.len(), 3, "{audit}");
    for item in items {
        let record =
            world.admin.get(&format!("/orgs/acme/audit/{}", item["id"].as_str().expect("an id"))).await.expect(200);
        let kept = record["request"].as_str().expect("a request");
        assert!(kept.len() <= 4_096 && record["response"].as_str().is_none_or(|kept| kept.len() <= 4_096));
        let kept: Value = serde_json::from_str(kept).expect("JSON");
        assert_eq!(kept["cut"], true, "{kept}");
        assert!(kept["bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{kept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_fills_so_much_of_the_record_in_an_hour_and_members_as_much_as_they_do() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme/toolkits/bank", json!({"visibility": "public"})).await.expect(200);
    let (clock, hands) = Clock::test(Clock::system().now());
    let limits = [("PERMESSO_GUEST_RECORD_BYTES_PER_HOUR", 100_000)];
    let gateway = Gateway::start_limited(&world.database, &limits, clock).await;
    let [agent, guest] = [&world.agent, &world.other_agent].map(|client| client.at(&gateway.url));
    let large = |client: &Client, tool: &str| {
        let (client, body) = (client.clone(), call(tool, 40_000));
        async move { client.mcp_raw("acme/bank", &body).await }
    };
    // What is refused is not kept whole, and does not count whole.
    for _ in 0..5 {
        assert_eq!(large(&guest, "close").await.expect(200)["result"]["isError"], true);
    }
    let mut let_in = 0;
    let refused = loop {
        let answer = large(&guest, "balance").await;
        if answer.status == 429 {
            break answer;
        }
        assert_eq!(text(&answer.expect(200)["result"]), "done");
        let_in += 1;
        assert!(let_in < 10, "there is no end to it");
    };
    assert_eq!(let_in, 1, "five refused ones of 4 KiB each have a part in it");
    is_refused(&refused, 429, "too_much_recorded", "100000 bytes");
    for _ in 0..4 {
        assert_eq!(large(&agent, "balance").await.status, 200);
    }
    let before = world.upstream.calls();
    for _ in 0..3 {
        assert_eq!(large(&guest, "balance").await.status, 429);
    }
    assert_eq!(world.upstream.calls(), before, "nothing was done");
    let there = world.admin.get("/orgs/acme/audit?actor=spy").await.expect(200);
    assert_eq!(there["items"].as_array().map(Vec::len), Some(6), "{there}");
    let at_home = world.other_org.get("/orgs/other/audit?action=turned%20away").await.expect(200);
    assert_eq!(at_home["items"].as_array().map(Vec::len), Some(1), "once a minute: {at_home}");
    hands.advance(Duration::from_secs(3_600));
    eventually("the hour is over", || async { large(&guest, "balance").await.status == 200 }).await;
    gateway.stop().await;
}
