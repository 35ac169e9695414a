//! A database of an earlier version is migrated: nothing is lost, nothing undone.

use serde_json::{Value, json};

use crate::{
    definitions::{offer, pick},
    support::{
        Client, Gateway, World,
        client::text,
        database::{copy, database_at, owner},
        gateway::variables,
        process::{Process, permesso},
        world::{APPROVER, OWNER},
    },
};

const TOOLS: &str = "/orgs/acme/connections/bank/tools";

/// The columns that an earlier version reads.
const SEEN: &str = "SELECT json_agg(json_build_object('name', name, 'seen', seen_sha256, 'reviewed', reviewed_sha256,
                        'definition', reviewed_definition, 'at', reviewed_at) ORDER BY name) FROM tools";

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_a_gateway_that_migrates_reads_what_keys_can_no_longer_do() {
    let world = World::new().await;
    world.owner.post("/orgs/acme/api-keys", json!({"name": "boss", "role": "admin"})).await.expect(201);
    let sql = "UPDATE api_keys SET owner_id = (SELECT id FROM users WHERE email = $1) WHERE name = 'boss'";
    sqlx::query(sql).bind(APPROVER.0).execute(&mut world.sql().await).await.expect("an owner may");
    let database = database_at(16).await;
    copy(&world.database, &database).await;
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("log");
    let start = |by_flag: bool| {
        let mut set = variables(&database);
        if !by_flag {
            set.push(("PERMESSO_MIGRATE".into(), "auto".into()));
        }
        let mut command = permesso();
        command.arg("serve").args(by_flag.then_some("--migrate"));
        command.stderr(std::fs::File::create(&log).expect("a file"));
        tokio::task::spawn_blocking(move || Process::gateway_by(command, &set))
    };
    let gateway = start(true).await.expect("it starts");
    let said = std::fs::read_to_string(&log).expect("text");
    assert!(said.contains("the key \"boss\"") && said.contains(APPROVER.0), "{said}");
    gateway.end();
    let gateway = start(false).await.expect("it starts");
    let said = std::fs::read_to_string(&log).expect("text");
    assert!(!said.contains("boss"), "nothing was migrated: {said}");
    gateway.end();
}

#[tokio::test]
async fn reviewed_tools_open_approvals_and_changed_definitions_survive_an_upgrade() {
    let world = World::new().await;
    let key = world.owner.post("/orgs/acme/api-keys", json!({"name": "second", "role": "agent"})).await.expect(201);
    offer(&world, &pick(r#"["b","a"]"#, "Reads.", "")).await;
    let tools = world.owner.get(TOOLS).await.expect(200);
    for name in ["balance", "pay"] {
        let listed = tools["items"].as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap();
        let body = json!({"definition_sha256": listed["definition_sha256"]});
        world.owner.post(&format!("{TOOLS}/{name}/review"), body).await.expect(200);
    }
    let (waiting, approved) = (world.held(1).await, world.held(2).await);
    world.approver.decide(&approved, "approve", "ok").await.expect(200);
    offer(&world, &pick(r#"["b","a"]"#, "Reads everything.", "")).await;
    let changed = Client::approval_of(&world.agent.call("balance", json!({})).await);

    let database = database_at(16).await;
    copy(&world.database, &database).await;
    let seen: Value = sqlx::query_scalar(SEEN).fetch_one(&mut owner(&database).await).await.unwrap();
    permesso::db::migrate::migrate(&database).await.expect("it is migrated");
    let gateway = Gateway::start(&database).await;
    let person = async |(email, password)| Client::sign_in(&gateway.url, email, password).await;
    let (owner_, approver) = (person(OWNER).await, person(APPROVER).await);
    let (agent, second) = (world.agent.at(&gateway.url), Client::new(&gateway.url, key["key"].as_str()));

    for id in [&waiting, &changed] {
        assert_eq!(approver.status(id).await, "pending");
    }
    let tools = owner_.get(TOOLS).await.expect(200);
    let balance = &tools["items"][0];
    assert_eq!((&balance["name"], &balance["definition_changed"]), (&json!("balance"), &json!(true)));
    assert_eq!(balance["reviewed_definition"]["description"], "Reads.");
    assert_eq!(
        (&balance["reviewed"][0]["by_email"], balance["reviewed"].as_array().unwrap().len()),
        (&json!(OWNER.0), 1)
    );

    // The server starts again, and writes its sets otherwise.
    world.upstream.offer(&pick(r#"["a","b"]"#, "Reads everything.", ""));
    let news = owner_.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    assert_eq!((&news["changed"], &news["added"], &news["gone"]), (&json!([]), &json!([]), &json!([])));
    let after: Value = sqlx::query_scalar(SEEN).fetch_one(&mut owner(&database).await).await.unwrap();
    assert_eq!(after, seen, "a replica of the earlier version sees what it saw");
    for id in [&waiting, &changed] {
        approver.decide(id, "approve", "ok").await.expect(200);
    }
    for id in [&approved, &waiting, &changed] {
        let answer = agent.call("run_approved", json!({"approval_id": id})).await;
        assert_eq!(text(&answer), "done", "{answer}");
    }
    // It is held while nobody reviewed it, and runs as it was reviewed before the upgrade, written in any order.
    assert!(text(&second.call("balance", json!({})).await).contains("NOT EXECUTED"));
    world.upstream.offer(&pick(r#"["a","b"]"#, "Reads.", ""));
    owner_.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    assert_eq!(text(&second.call("balance", json!({"again": 1})).await), "done");
}
