//! Changed definitions: what is a change, which definitions are reviewed, and trust (approvals.md, "A changed definition").

use std::time::Duration;

use permesso::clock::Clock;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::{Client, World, client::text, database::owner};

const CONNECTION: &str = "/orgs/acme/connections/bank";

/// `pick`, which sorts, with this default and description, and more members behind them.
pub(crate) fn pick(default: &str, description: &str, more: &str) -> String {
    format!(
        r#"[{{"name":"balance","description":"{description}","inputSchema":{{"type":"object","properties":{{
            "by":{{"type":"array","default":{default},"items":{{"enum":["a","b","c"]}}}}}}}}{more}}},
            {{"name":"pay","description":"Pays.","inputSchema":{{"type":"object","properties":{{"to":{{"type":"string"}},
            "cents":{{"type":"number"}},"by":{{"default":{default}}}}}}}{more}}}]"#
    )
}

/// Offers these tools and lists them.
pub(crate) async fn offer(world: &World, tools: &str) -> Value {
    world.upstream.offer(tools);
    world.admin.post(&format!("{CONNECTION}/refresh"), json!({})).await.expect(200)
}

async fn tool(world: &World, name: &str) -> Value {
    let tools = world.owner.get(&format!("{CONNECTION}/tools")).await.expect(200);
    let found = tools["items"].as_array().unwrap().iter().find(|tool| tool["name"] == name);
    found.expect("it is offered").clone()
}

/// Accepts the definition that a tool has now.
pub(crate) async fn review(world: &World, name: &str) -> Value {
    let sha256 = tool(world, name).await["definition_sha256"].clone();
    let path = format!("{CONNECTION}/tools/{name}/review");
    world.owner.post(&path, json!({"definition_sha256": sha256})).await.expect(200)
}

/// Whether a call of `balance`, which is always allowed, runs; no two calls are identical.
async fn runs(agent: &Client) -> bool {
    let answer = agent.call("balance", json!({"call": uuid::Uuid::now_v7()})).await;
    match text(&answer).as_str() {
        "done" => true,
        told => {
            assert!(told.contains("NOT EXECUTED"), "{answer}");
            false
        }
    }
}

#[tokio::test]
async fn what_a_server_writes_from_an_unordered_set_holds_nothing_and_undoes_nothing() {
    let world = World::new().await;
    offer(&world, &pick(r#"["b","a"]"#, "Reads.", "")).await;
    review(&world, "balance").await;
    review(&world, "pay").await;
    let (waiting, approved) = (world.held(1).await, world.held(2).await);
    world.approver.decide(&approved, "approve", "ok").await.expect(200);
    for more in ["", r#","icons":[]"#] {
        let news = offer(&world, &pick(r#"["a","b"]"#, "Reads.", more)).await;
        assert_eq!((&news["changed"], &news["added"]), (&json!([]), &json!([])));
        assert!(runs(&world.agent).await, "{more}");
        for name in ["balance", "pay"] {
            assert_eq!(tool(&world, name).await["definition_changed"], false);
        }
    }
    // It is written otherwise now, and that is stored with the icons: both hashes are of the same definition.
    let same = world.held(1).await;
    assert_eq!(same, waiting, "an identical call joins");
    world.approver.decide(&waiting, "approve", "ok").await.expect(200);
    for id in [approved, waiting] {
        let answer = world.agent.call("run_approved", json!({"approval_id": id})).await;
        assert_eq!(text(&answer), "done", "{answer}");
    }
    // Of what is in the set, each member counts.
    offer(&world, &pick(r#"["a"]"#, "Reads.", "")).await;
    assert!(!runs(&world.agent).await);
}

/// The words were reviewed by a version that compared them in their order: what it reviewed stays reviewed.
#[tokio::test]
async fn words_that_a_server_joins_from_an_unordered_set_hold_nothing() {
    const WORDS: &str = include_str!("../../../migrations/0027_words.sql");
    let world = World::new().await;
    offer(&world, &pick(r#""summary,status""#, "Reads.", "")).await;
    review(&world, "balance").await;
    review(&world, "pay").await;
    let before = r#"UPDATE tools SET reviewed = jsonb_set(reviewed, '{-1,normal_sha256}', to_jsonb(repeat('0', 64)))"#;
    let mut owner = owner(&world.database).await;
    owner.execute(before).await.expect("as the version before compared them");
    owner.execute(WORDS).await.expect("it is migrated");
    // What was reviewed is found again by its hash, whatever came in between.
    offer(&world, &pick(r#""summary,status""#, "Reads more.", "")).await;
    assert!(!runs(&world.agent).await);
    offer(&world, &pick(r#""status,summary""#, "Reads.", "")).await;
    assert!(runs(&world.agent).await);
    let waiting = world.held(1).await;
    for words in [r#""summary,status""#, r#""status,summary""#, r#""summary,status""#] {
        let news = offer(&world, &pick(words, "Reads.", "")).await;
        assert_eq!(news["changed"], json!([]));
        assert!(runs(&world.agent).await, "{words}");
        assert_eq!(tool(&world, "pay").await["definition_changed"], false);
    }
    assert_eq!(world.held(1).await, waiting, "an identical call joins");
    offer(&world, &pick(r#""summary,stages""#, "Reads.", "")).await;
    assert!(!runs(&world.agent).await);
}

#[tokio::test]
async fn a_tool_runs_with_each_of_its_last_eight_reviewed_definitions() {
    let (clock, hands) = Clock::test(Clock::system().now());
    let world = World::with(clock).await;
    // Lists that are asked for are two seconds apart.
    let offer = async |tools: &str| {
        hands.advance(Duration::from_secs(2));
        offer(&world, tools).await;
    };
    let described = |n: usize| pick("[]", &format!("Reads {n}."), "");
    for n in 0..9 {
        offer(&described(n)).await;
        assert!(!runs(&world.agent).await, "{n} is new");
        review(&world, "balance").await;
        assert!(runs(&world.agent).await, "{n}");
    }
    // Its first one, from the bank's own list, and the first of these are no longer among them.
    for n in 1..9 {
        offer(&described(n)).await;
        assert!(runs(&world.agent).await, "{n} is reviewed");
        assert_eq!(tool(&world, "balance").await["definition_changed"], false);
    }
    let listed = tool(&world, "balance").await["reviewed"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 8);
    assert_eq!(listed[0]["by_email"], "owner@example.com");
    offer(&described(0)).await;
    assert!(!runs(&world.agent).await);
}

#[tokio::test]
async fn a_reviewed_definition_can_be_taken_off_the_list() {
    let world = World::new().await;
    let first = tool(&world, "balance").await;
    assert_eq!(first["reviewed"][0]["sha256"], first["definition_sha256"]);
    assert_eq!((&first["reviewed"][0]["by"], first["reviewed"].as_array().unwrap().len()), (&Value::Null, 1));
    offer(&world, &pick("[]", "Reads it all.", "")).await;
    let second = review(&world, "balance").await;
    assert_eq!(second["reviewed"].as_array().unwrap().len(), 2);
    let path = |of: &Value| {
        let sha256 = of["definition_sha256"].as_str().unwrap();
        format!("{CONNECTION}/tools/balance/reviewed/{sha256}")
    };
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "admin", "role": "admin"})).await.expect(201);
    let key = Client::new(&world.gateway.url, key["key"].as_str());
    assert_eq!(key.delete(&path(&second)).await.code(), "person_required");
    for unknown in ["0".repeat(64), "x".to_owned()] {
        world.owner.delete(&format!("{CONNECTION}/tools/balance/reviewed/{unknown}")).await.expect(404);
    }
    world.owner.delete(&path(&second)).await.expect(204);
    world.owner.delete(&path(&second)).await.expect(404);
    let now = tool(&world, "balance").await;
    assert_eq!((&now["definition_changed"], now["reviewed"].as_array().unwrap().len()), (&json!(true), 1));
    assert!(!runs(&world.agent).await);
    let older: bool = sqlx::query_scalar("SELECT seen_sha256 <> reviewed_sha256 FROM tools WHERE name = 'balance'")
        .fetch_one(&mut world.sql().await)
        .await
        .unwrap();
    assert!(older, "a replica of an earlier version holds it as well");
    // With the other one it runs, and when that is gone with none.
    offer(&world, crate::support::upstream::TOOLS).await;
    assert!(runs(&world.agent).await);
    world.owner.delete(&path(&first)).await.expect(204);
    assert!(!runs(&world.agent).await);
    review(&world, "balance").await;
    assert!(runs(&world.agent).await);
}

#[tokio::test]
async fn a_person_may_trust_a_connections_definitions_but_not_that_a_tool_becomes_destructive() {
    let world = World::new().await;
    world.admin.patch("/orgs/acme", json!({"key_administration": "toolkits"})).await.expect(200);
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "admin", "role": "admin"})).await.expect(201);
    let key = Client::new(&world.gateway.url, key["key"].as_str());
    let trust = json!({"trust_definitions": true});
    assert_eq!(key.patch(CONNECTION, trust.clone()).await.code(), "person_required");
    assert_eq!(world.owner.get(CONNECTION).await.expect(200)["trust_definitions"], false);
    offer(&world, &pick("[]", "Reads it all.", "")).await;
    assert!(!runs(&world.agent).await);
    assert_eq!(world.owner.patch(CONNECTION, trust).await.expect(200)["trust_definitions"], true);
    assert!(runs(&world.agent).await);
    let now = tool(&world, "balance").await;
    assert_eq!(now["definition_changed"], true, "trusted is not reviewed");
    let sha256 = now["reviewed"][0]["sha256"].as_str().unwrap();
    let removed = world.owner.delete(&format!("{CONNECTION}/tools/balance/reviewed/{sha256}")).await;
    assert_eq!(removed.code(), "definitions_trusted");
    let elsewhere = json!({"config": {"url": format!("{}?other", world.upstream.url)}});
    assert_eq!(key.patch(CONNECTION, elsewhere).await.code(), "person_required");
    assert_eq!(key.patch(CONNECTION, json!({"trust_definitions": false})).await.code(), "person_required");

    offer(&world, &pick("[]", "Deletes it all.", r#","annotations":{"destructiveHint":true}"#)).await;
    assert!(!runs(&world.agent).await);
    review(&world, "balance").await;
    assert!(runs(&world.agent).await);
    offer(&world, &pick("[]", "Deletes more.", r#","annotations":{"destructiveHint":true}"#)).await;
    assert!(runs(&world.agent).await, "it was destructive when it was reviewed");
    world.owner.patch(CONNECTION, json!({"trust_definitions": false})).await.expect(200);
    assert!(!runs(&world.agent).await);
    let recorded: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_intents WHERE action = 'update_connection' AND request LIKE '%\"trust_definitions\":true%'",
    )
    .fetch_one(&mut world.sql().await)
    .await
    .unwrap();
    assert!(recorded >= 1, "on record");
}

#[tokio::test]
async fn a_connection_whose_definitions_changed_three_times_in_a_day_says_so() {
    let world = World::new().await;
    let warning = async || world.owner.get(CONNECTION).await.expect(200)["warning"].clone();
    for n in 0..3 {
        assert_eq!(warning().await, Value::Null, "{n} changes");
        offer(&world, &pick("[]", &format!("Reads {n}."), "")).await;
        offer(&world, &pick("[]", &format!("Reads {n}."), "")).await;
    }
    let told = warning().await;
    assert!(told.as_str().is_some_and(|told| told.contains("three times within a day")), "{told}");
    let age = "UPDATE connection_status SET definitions_changed[1] = definitions_changed[1] - interval '25 hours'";
    world.sql().await.execute(age).await.unwrap();
    assert_eq!(warning().await, Value::Null, "that was longer than a day ago");
}

#[tokio::test]
async fn what_a_replica_of_an_earlier_version_writes_beside_this_one_holds_nothing_and_is_not_lost() {
    let world = World::new().await;
    let written = |default: &str| {
        let tools: Vec<Value> = serde_json::from_str(&pick(default, "Reads.", "")).unwrap();
        let texts = tools.into_iter().map(|tool| tool.to_string());
        texts.map(|text| (wire::canonical::canonical(&text).unwrap(), text)).collect::<Vec<_>>()
    };
    offer(&world, &pick(r#"["b","a"]"#, "Reads.", "")).await;
    review(&world, "balance").await;
    review(&world, "pay").await;
    let waiting = world.held(1).await;
    let older = async |sql: &str, (canonical, text): &(String, String), name: &str| {
        let sha256 = wire::canonical::sha256(canonical.as_bytes());
        let query = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).bind(text).bind(sha256.as_slice()).bind(name);
        query.execute(&mut world.sql().await).await.unwrap();
        world.gateway.services.directory.refresh().await.unwrap();
    };
    let sees = "UPDATE tools SET seen_definition = $1, seen_sha256 = $2, seen_at = now() WHERE name = $3";
    let again = written(r#"["a","b"]"#);
    older(sees, &again[0], "balance").await;
    older(sees, &again[1], "pay").await;
    assert!(runs(&world.agent).await, "it sees another order");
    assert_eq!(tool(&world, "balance").await["definition_changed"], false);
    assert_eq!(world.held(1).await, waiting);
    world.approver.decide(&waiting, "approve", "ok").await.expect(200);
    assert_eq!(text(&world.agent.call("run_approved", json!({"approval_id": waiting})).await), "done");
    offer(&world, &pick(r#"["b","a"]"#, "Reads.", "")).await;
    let same: bool =
        sqlx::query_scalar("SELECT bool_and(seen_sha256 = reviewed_sha256) FROM tools WHERE name <> 'close'")
            .fetch_one(&mut world.sql().await)
            .await
            .unwrap();
    assert!(same, "and it is told that nothing changed");

    // Somebody reviews another definition there.
    let reviews =
        "UPDATE tools SET seen_definition = $1, seen_sha256 = $2, reviewed_definition = $1, reviewed_sha256 = $2,
                          reviewed_at = now(), reviewed_by = (SELECT id FROM users WHERE email = 'approver@example.com')
                   WHERE name = $3";
    older(reviews, &written(r#"["c"]"#)[0], "balance").await;
    world.upstream.offer(&pick(r#"["c"]"#, "Reads.", ""));
    assert!(runs(&world.agent).await);
    assert_eq!(tool(&world, "balance").await["reviewed"][0]["by_email"], "approver@example.com");
    for default in [r#"["a","b"]"#, r#"["c"]"#] {
        offer(&world, &pick(default, "Reads.", "")).await;
        assert!(runs(&world.agent).await, "{default}");
        let same: bool = sqlx::query_scalar("SELECT seen_sha256 = reviewed_sha256 FROM tools WHERE name = 'balance'")
            .fetch_one(&mut world.sql().await)
            .await
            .unwrap();
        assert!(same, "and it is told that nothing changed: {default}");
    }
    assert_eq!(tool(&world, "balance").await["reviewed"].as_array().unwrap().len(), 3);
}
