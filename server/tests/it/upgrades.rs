//! A database of an earlier version is migrated: nothing is lost, nothing undone.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use tokio::task::JoinHandle;

use crate::{
    definitions::{offer, pick},
    support::{
        Client, Gateway, World,
        client::text,
        database::{copy, database, database_at, owner},
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
    let browser = Client::browser_of(&world.gateway.url, APPROVER).await;
    offer(&world, &pick(r#"["b","a"]"#, "Reads everything.", "")).await;
    let changed = Client::approval_of(&world.agent.call("balance", json!({})).await);

    let database = database_at(16).await;
    copy(&world.database, &database).await;
    let seen: Value = sqlx::query_scalar(SEEN).fetch_one(&mut owner(&database).await).await.unwrap();
    permesso::db::migrate::migrate(&database).await.expect("it is migrated");
    let gateway = Gateway::start(&database).await;
    let browser = browser.at(&gateway.url);
    assert_eq!(browser.get("/me").await.expect(200)["email"], APPROVER.0, "nobody has to sign in anew");
    let session = browser.get("/auth/sessions").await.expect(200)["items"][0].clone();
    assert!(session["current"] == true && session["expires_at"].as_str() > session["created_at"].as_str());
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

/// As long as anybody waits for anything here: longer than everything takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// A database of an earlier version.
async fn earlier() -> SecretString {
    // Makes the role.
    database().await;
    database_at(16).await
}

/// Begins to migrate, and returns when that waits for somebody who uses a table.
async fn waiting_migration(database: &SecretString) -> JoinHandle<anyhow::Result<bool>> {
    let url = database.clone();
    let runtime = tokio::runtime::Handle::current();
    let migrating = tokio::task::spawn_blocking(move || runtime.block_on(permesso::db::migrate::migrate(&url)));
    let waits = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                                WHERE d.datname = current_database() AND l.locktype = 'relation' AND NOT l.granted)";
    let mut conn = owner(database).await;
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut conn).await.expect("locks") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    migrating
}

#[tokio::test]
async fn while_somebody_reads_for_long_a_migration_waits_and_nobody_waits_behind_it() {
    let database = earlier().await;
    let (mut reader, mut writer) = (owner(&database).await, owner(&database).await);
    let reads = "BEGIN; SELECT count(*) FROM approvals; SELECT count(*) FROM audit_intents";
    reader.execute(reads).await.expect("an export reads");
    let migrating = waiting_migration(&database).await;
    for table in ["approvals SET called = called", "audit_intents SET client = client"] {
        let write = writer.execute(sqlx::AssertSqlSafe(format!("UPDATE {table}")));
        tokio::time::timeout(LONG, write).await.expect("it does not wait for who reads").expect("it writes");
    }
    assert!(!migrating.is_finished(), "somebody still reads");
    reader.execute("COMMIT").await.expect("the export ends");
    migrating.await.unwrap().expect("it is migrated");
    permesso::db::migrate::ready(&database, true).await.expect("all of it");
}

#[tokio::test]
async fn a_migration_gives_way_to_a_transaction_that_needs_what_it_has() {
    let database = earlier().await;
    let mut claim = owner(&database).await;
    claim.execute("BEGIN; SELECT FROM roles FOR SHARE").await.expect("it begins");
    let migrating = waiting_migration(&database).await;
    // Now each has what the other needs.
    claim.execute("UPDATE approvals SET called = called; COMMIT").await.expect("no deadlock ends it");
    migrating.await.unwrap().expect("nor the migration");
    permesso::db::migrate::ready(&database, true).await.expect("all of it");
}

/// Tables of before that a transaction has for itself alone.
const ALONE: &str = "SELECT c.relname::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.oid = ANY ($1) ORDER BY 1";

/// Gateways that serve use tables in every order: a migration that has one and waits for another waits for them, as they
/// for it.
#[tokio::test]
async fn no_transaction_of_a_migration_has_two_tables_for_itself() {
    let mut conn = owner(&earlier().await).await;
    let migrations = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut files: Vec<_> = std::fs::read_dir(migrations).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.file_name().is_some_and(|name| name.to_str() > Some("0017")));
    files.sort();
    assert!(!files.is_empty(), "the migrations since");
    for file in files {
        let sql = std::fs::read_to_string(&file).unwrap();
        for part in sql.split("\nCOMMIT;") {
            let tables: Vec<sqlx::postgres::types::Oid> =
                sqlx::query_scalar("SELECT oid FROM pg_class").fetch_all(&mut conn).await.unwrap();
            let mut transaction = conn.begin().await.unwrap();
            let part = part.replacen("BEGIN;\n", "", 1);
            transaction.execute(sqlx::AssertSqlSafe(part.clone())).await.expect("it is applied");
            let alone: Vec<String> = sqlx::query_scalar(ALONE).bind(tables).fetch_all(&mut *transaction).await.unwrap();
            assert!(alone.len() < 2, "{}: {alone:?} at once by {part}", file.display());
            transaction.commit().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_migration_that_ended_in_between_goes_on() {
    let database = earlier().await;
    permesso::db::migrate::migrate(&database).await.expect("it is migrated");
    let mut conn = owner(&database).await;
    conn.execute("DELETE FROM _sqlx_migrations WHERE version > 16").await.expect("as if nothing had been written down");
    permesso::db::migrate::migrate(&database).await.expect("what was done is done again without harm");
    let twice = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'approvals'::regclass AND contype = 'f'
                 AND pg_get_constraintdef(oid) LIKE '%taken_back_by%'";
    let keys: i64 = sqlx::query_scalar(twice).fetch_one(&mut conn).await.unwrap();
    assert_eq!(keys, 1);
    permesso::db::migrate::ready(&database, true).await.expect("all of it");
}

#[tokio::test]
async fn programs_that_nobody_gave_a_time_to_start_get_a_minute() {
    let world = World::new().await;
    for slug in ["usual", "chosen"] {
        let program = json!({"slug": slug, "kind": "stdio", "config": {"command": "true"}});
        world.admin.post("/orgs/acme/connections", program).await.expect(201);
    }
    let mut conn = world.sql().await;
    let before = "UPDATE connections SET connect_timeout_ms = CASE slug WHEN 'chosen' THEN 5000 ELSE 10000 END";
    conn.execute(before).await.expect("an owner may");
    let migration = include_str!("../../../migrations/0024_start_up.sql");
    for _ in 0..2 {
        conn.execute(sqlx::raw_sql(migration)).await.expect("it is applied");
    }
    let limits: Vec<(String, i32)> = sqlx::query_as("SELECT slug, connect_timeout_ms FROM connections ORDER BY slug")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    assert_eq!(limits, [("bank".to_owned(), 10_000), ("chosen".to_owned(), 5_000), ("usual".to_owned(), 60_000)]);
}

#[tokio::test]
async fn what_a_version_before_listed_counts_as_listed_until_the_upgrade() {
    let world = World::new().await;
    let mut conn = world.sql().await;
    conn.execute("ALTER TABLE toolkit_tools DROP COLUMN schema_listed_until").await.expect("an owner may");
    let migration = include_str!("../../../migrations/0026_listed.sql");
    conn.execute(sqlx::raw_sql(migration)).await.expect("it is applied");
    let recent =
        "SELECT count(*) FILTER (WHERE schema_listed_until > now() - interval '1 hour'), count(*) FROM toolkit_tools";
    let (listed, all): (i64, i64) = sqlx::query_as(recent).fetch_one(&mut conn).await.unwrap();
    assert!(listed == all && all > 0, "{listed} of {all}");
}
