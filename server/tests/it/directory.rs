//! What is kept of the configuration: an org from its first use on, whatever was read until it changed, and nothing of
//! what somebody only guesses.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{OrgId, UserId, directory::Org};
use futures::future::join_all;
use permesso::auth::api_key::ApiKey;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use uuid::Uuid;

use crate::support::{
    Client, Gateway, World,
    client::text,
    world::{APPROVER, OWNER},
};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// Changes the configuration behind the gateway's back.
async fn by_sql(world: &World, statement: &'static str) {
    let done = sqlx::query(statement).execute(&mut world.sql().await).await.expect("an owner may");
    assert!(done.rows_affected() > 0, "{statement}");
}

async fn org_id(world: &World, slug: &str) -> OrgId {
    let find = sqlx::query_scalar("SELECT id FROM orgs WHERE slug = $1").bind(slug);
    OrgId(find.fetch_one(&mut world.sql().await).await.expect("an org"))
}

/// The org as this replica has it now.
async fn org_of(gateway: &Gateway, id: OrgId) -> Arc<Org> {
    gateway.services.directory.org(id).await.expect("it loads").expect("there is such an org")
}

async fn ping(client: &Client) -> u16 {
    client.mcp_raw("acme/bank", PING).await.status.as_u16()
}

/// Waits until `condition` holds, a second at most.
async fn within_a_second<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < Duration::from_secs(1), "not within a second: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The orgs of the list at this path, in its order.
async fn orgs(client: &Client, path: &str) -> Vec<String> {
    let list = client.get(path).await.expect(200);
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|org| org["slug"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Somebody's orgs and what they are there, as `/me` says it.
async fn standing(client: &Client) -> Vec<String> {
    let me = client.get("/me").await.expect(200);
    let orgs = me["orgs"].as_array().cloned().unwrap_or_default();
    let said = orgs.iter().map(|org| {
        let (slug, role) = (org["slug"].as_str().unwrap_or_default(), org["role"].as_str().unwrap_or_default());
        let what = if org["records_only"] == true { "a record" } else { "an org" };
        format!("{slug}: {role} of {what}")
    });
    said.collect()
}

#[tokio::test]
async fn a_change_in_one_org_has_no_other_org_read_again() {
    let world = World::new().await;
    let (acme, other) = (org_id(&world, "acme").await, org_id(&world, "other").await);
    let read = async || [org_of(&world.gateway, acme).await, org_of(&world.gateway, other).await];
    let same = |before: &[Arc<Org>; 2], after: &[Arc<Org>; 2]| [0, 1].map(|n| Arc::ptr_eq(&before[n], &after[n]));
    let first = read().await;
    assert_eq!(same(&first, &read().await), [true, true], "they are kept");
    world.owner.patch("/orgs/acme", json!({"name": "Acme Inc."})).await.expect(200);
    let second = read().await;
    assert_eq!(same(&first, &second), [false, true]);
    assert!(second[0].version > first[0].version);
    world.other_org.patch("/orgs/other", json!({"name": "Other Ltd."})).await.expect(200);
    let third = read().await;
    assert_eq!(same(&second, &third), [true, false]);
    assert!(third[1].version > second[0].version, "versions are those of the instance");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_counts_on_every_replica_within_a_second_of_being_made_or_revoked_and_no_org_is_read_again() {
    let world = World::new().await;
    let acme = org_id(&world, "acme").await;
    let second = Gateway::start(&world.database).await;
    assert_eq!([ping(&world.agent).await, ping(&world.agent.at(&second.url)).await], [200, 200]);
    let before = [org_of(&world.gateway, acme).await, org_of(&second, acme).await];

    let made = world.owner.post("/orgs/acme/api-keys", json!({"name": "new", "role": "agent"})).await.expect(201);
    let there = Client::new(&second.url, made["key"].as_str());
    within_a_second("the other replica takes it", async || ping(&there).await == 200).await;
    let path = format!("/orgs/acme/api-keys/{}", made["id"].as_str().unwrap_or_default());
    world.owner.delete(&path).await.expect(204);
    within_a_second("the other replica refuses it", async || ping(&there).await == 401).await;

    let after = [org_of(&world.gateway, acme).await, org_of(&second, acme).await];
    assert!(Arc::ptr_eq(&before[0], &after[0]), "a key is no part of its org where it is changed");
    assert!(Arc::ptr_eq(&before[1], &after[1]), "nor elsewhere");
    second.stop().await;
}

/// A row of each table that the directory reads, in an order in which they can be made: what is inserted, what of it
/// is changed, which row it is, and whose change that is. Names in braces stand for ids.
const ROWS: &[(&str, &str, &str, &[&str])] = &[
    (
        "users (id, email, name) VALUES ({person}, 'ada@example.com', 'Ada')",
        "epoch = epoch + 1",
        "id = {person}",
        &["person"],
    ),
    (
        "orgs (id, slug, name, approval_policy)
         VALUES ({org}, 'third', 'Third', (SELECT approval_policy FROM orgs WHERE id = {acme}))",
        "name = 'Another'",
        "id = {org}",
        &["org"],
    ),
    (
        "roles (id, org_id, name, rights) VALUES ({role}, {acme}, 'clerk', ARRAY[]::text[])",
        "rights = ARRAY['tools:call']",
        "id = {role}",
        &["acme"],
    ),
    (
        "members (id, org_id, user_id, role_id) VALUES ({member}, {acme}, {person}, {role})",
        "role_id = (SELECT id FROM roles WHERE org_id = {acme} AND name = 'member')",
        "id = {member}",
        &["acme", "person"],
    ),
    (
        "api_keys (id, org_id, name, role_id, owner_id, created_by)
         VALUES ({key}, {acme}, 'new', {role}, {person}, {person})",
        "name = 'another'",
        "id = {key}",
        &["key"],
    ),
    (
        "api_key_secrets (id, org_id, key_id, sha256, prefix, created_by)
         VALUES ({secret}, {acme}, {key}, sha256('new'::bytea), 'mmcp_new', {person})",
        "valid_until = now()",
        "id = {secret}",
        &["key"],
    ),
    (
        "connections (id, org_id, slug, kind, config_sealed, enabled)
         VALUES ({connection}, {acme}, 'new', 'stdio', ''::bytea, false)",
        "version = version + 1",
        "id = {connection}",
        &["acme"],
    ),
    (
        "connection_instructions (connection_id, org_id, seen, seen_at, reviewed, reviewed_at)
         VALUES ({connection}, {acme}, 'Ask first.', now(), 'Ask first.', now())",
        "seen = 'Never ask.'",
        "connection_id = {connection}",
        &["acme"],
    ),
    (
        "tools (id, org_id, connection_id, name, seen_definition, seen_sha256, reviewed_definition, reviewed_sha256)
         VALUES ({tool}, {acme}, {connection}, 'new', '{}', sha256('{}'::bytea), '{}', sha256('{}'::bytea))",
        "offered = false",
        "id = {tool}",
        &["acme"],
    ),
    (
        "toolkits (id, org_id, slug, name, visibility) VALUES ({toolkit}, {acme}, 'new', 'New', 'private')",
        "visibility = 'public'",
        "id = {toolkit}",
        &["acme"],
    ),
    (
        "toolkit_tools (id, org_id, toolkit_id, tool_id, name)
         VALUES ({toolkit_tool}, {acme}, {toolkit}, {tool}, 'new')",
        "permission = 'blocked'",
        "id = {toolkit_tool}",
        &["acme"],
    ),
    (
        "role_policies (org_id, toolkit_tool_id, role_id, permission)
         VALUES ({acme}, {toolkit_tool}, {role}, 'needs_approval')",
        "permission = 'blocked'",
        "toolkit_tool_id = {toolkit_tool}",
        &["acme"],
    ),
];

/// What is told of a change of who administers the instance.
const ADMINISTRATOR: &[&str] = &["person", "instance"];

/// The table of a row.
fn table(new: &str) -> &str {
    new.split(' ').next().unwrap_or_default()
}

/// The ids by name: all differ, so that none is taken for another one.
fn ids(acme: OrgId) -> Vec<(&'static str, Uuid)> {
    let new = ["person", "org", "role", "member", "key", "secret", "connection", "tool", "toolkit", "toolkit_tool"];
    let new = new.into_iter().zip(1..).map(|(name, n)| (name, Uuid::from_u128(n)));
    new.chain([("acme", acme.0), ("instance", OrgId::INSTANCE.0)]).collect()
}

/// The statement with these ids.
fn with_ids(statement: &str, ids: &[(&str, Uuid)]) -> String {
    ids.iter().fold(statement.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), &format!("'{id}'")))
}

/// What a transaction told: the version before it, the one at its end, and who has changed at that.
struct Told {
    before: i64,
    after: i64,
    subjects: BTreeSet<Uuid>,
}

/// Makes these statements one transaction, during which nobody else changes the configuration.
async fn told(sql: &mut PgConnection, statements: &str) -> Told {
    sql.execute("BEGIN").await.expect("a transaction");
    let before = "SELECT version FROM configuration FOR UPDATE";
    let before: i64 = sqlx::query_scalar(before).fetch_one(&mut *sql).await.expect("a version");
    let done = sql.execute(AssertSqlSafe(statements.to_owned())).await;
    let done = done.unwrap_or_else(|error| panic!("{statements}: {error}"));
    assert!(done.rows_affected() > 0, "{statements}");
    let after = "SELECT version FROM configuration";
    let after: i64 = sqlx::query_scalar(after).fetch_one(&mut *sql).await.expect("a version");
    let subjects = sqlx::query_scalar("SELECT subject FROM configuration_changes WHERE version = $1").bind(after);
    let subjects: Vec<Uuid> = subjects.fetch_all(&mut *sql).await.expect("subjects");
    sql.execute("COMMIT").await.expect("it is done");
    Told { before, after, subjects: subjects.into_iter().collect() }
}

#[tokio::test]
async fn every_table_that_the_directory_reads_tells_whose_every_change_is() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let policies = "SELECT tablename::text FROM pg_policies WHERE policyname = 'directory'";
    let read: Vec<String> = sqlx::query_scalar(policies).fetch_all(&mut sql).await.expect("policies");
    // Of approvals it reads which are open, and they tell only of what must not be missed.
    let read: BTreeSet<String> = read.into_iter().filter(|name| name != "approvals").collect();
    assert_eq!(ROWS.iter().map(|(new, ..)| table(new).to_owned()).collect::<BTreeSet<_>>(), read);

    let ids = ids(org_id(&world, "acme").await);
    let made = ROWS.iter().map(|(new, .., whose)| (format!("INSERT INTO {new}"), *whose));
    let changed =
        ROWS.iter().map(|(new, change, is, whose)| (format!("UPDATE {} SET {change} WHERE {is}", table(new)), *whose));
    let administers = ["instance_admin = true", "name = 'Eve'", "instance_admin = false"]
        .map(|change| (format!("UPDATE users SET {change} WHERE id = {{person}}"), ADMINISTRATOR));
    let gone = ROWS.iter().rev().map(|(new, _, is, whose)| (format!("DELETE FROM {} WHERE {is}", table(new)), *whose));
    for (statement, whose) in made.chain(changed).chain(administers).chain(gone) {
        let told = told(&mut sql, &with_ids(&statement, &ids)).await;
        let expected: BTreeSet<Uuid> = ids.iter().filter(|(name, _)| whose.contains(name)).map(|(_, id)| *id).collect();
        assert_eq!((told.after - told.before, told.subjects), (1, expected), "{statement}");
    }
    assert_eq!(text(&world.agent.call("balance", json!({})).await), "done", "nothing is left of it");
}

#[tokio::test]
async fn of_a_tool_whatever_the_directory_reads_is_told_and_what_is_found_out_about_it_is_not() {
    let world = World::new().await;
    let mut sql = world.sql().await;
    let read = ["connection_id", "name", "seen_definition", "seen_sha256", "reviewed_sha256", "reviewed", "offered"]
        .map(|c| (c, 1));
    let found_out = ["arguments_check", "check_note", "seen_at"].map(|c| (c, 0));
    for (column, versions) in read.into_iter().chain(found_out) {
        let told = told(&mut sql, &format!("UPDATE tools SET {column} = {column} WHERE name = 'balance'")).await;
        assert_eq!(told.after - told.before, versions, "{column}");
    }
}

#[tokio::test]
async fn thousands_of_rows_that_change_together_are_one_version_of_one_org() {
    let world = World::new().await;
    let acme = org_id(&world, "acme").await;
    let statements = format!(
        "INSERT INTO roles (id, org_id, name, rights)
             SELECT gen_random_uuid(), '{acme}', 'many-' || n, ARRAY[]::text[] FROM generate_series(1, 1000) n;
         UPDATE roles SET rights = ARRAY['tools:call'] WHERE org_id = '{acme}' AND name LIKE 'many-%';
         DELETE FROM roles WHERE org_id = '{acme}' AND name LIKE 'many-%' AND name <> 'many-7'"
    );
    let told = told(&mut world.sql().await, &statements).await;
    assert_eq!((told.after - told.before, told.subjects), (1, BTreeSet::from([acme.0])));

    let directory = &world.gateway.services.directory;
    directory.refresh().await.expect("it hears of it");
    assert_eq!(directory.changed_since(told.before), Some(vec![acme.0]));
    assert_eq!(directory.changed_since(told.after), Some(Vec::new()));
    assert_eq!(directory.version_of(acme), told.after);
    assert!(world.org().await.role_named("many-7").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_one_org_that_nobody_understands_stops_that_org_only() {
    let world = World::new().await;
    let directory = &world.gateway.services.directory;
    let of_other = async || {
        let (person, key) = (world.other_org.get("/orgs/other/toolkits"), world.other_agent.get("/me"));
        [person.await.status.as_u16(), key.await.status.as_u16()]
    };
    assert_eq!(of_other().await, [200, 200]);
    by_sql(&world, r#"UPDATE orgs SET approval_policy = '{"approver_roles": 7}' WHERE slug = 'other'"#).await;
    directory.refresh().await.expect("it hears of it");
    assert_eq!(of_other().await, [500, 500]);
    assert_eq!(world.other_agent.mcp_raw("other/none", PING).await.status.as_u16(), 500);
    // Here, and where it was like that from the start.
    let second = Gateway::start(&world.database).await;
    for url in [&world.gateway.url, &second.url] {
        assert_eq!(text(&world.agent.at(url).call("balance", json!({})).await), "done");
        world.owner.at(url).get("/orgs/acme/toolkits").await.expect(200);
        world.other_org.at(url).get("/orgs/other/toolkits").await.expect(500);
    }
    let mended = "UPDATE orgs SET approval_policy = (SELECT approval_policy FROM orgs WHERE slug = 'acme')
                  WHERE slug = 'other'";
    by_sql(&world, mended).await;
    directory.refresh().await.expect("it hears of it");
    assert_eq!(of_other().await, [200, 200]);
    assert_eq!(world.other_agent.mcp_raw("other/none", PING).await.status.as_u16(), 404);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_belongs_to_another_org_has_a_private_one_loaded_by_no_name_and_uses_its_public_toolkit() {
    let world = World::new().await;
    let acme = org_id(&world, "acme").await;
    let fresh = Gateway::start(&world.database).await;
    let (person, key) = (world.other_org.at(&fresh.url), world.other_agent.at(&fresh.url));
    let turned_away = async || {
        for client in [&person, &key] {
            client.get("/orgs/acme").await.expect(404);
            assert_eq!(ping(client).await, 404);
        }
    };
    turned_away().await;
    assert!(!fresh.services.directory.keeps(acme), "nobody loads orgs by guessing their names");

    let toolkit = json!({"slug": "open", "name": "Open", "visibility": "public"});
    world.owner.post("/orgs/acme/toolkits", toolkit).await.expect(201);
    let tool = json!({"connection": "bank", "tool": "balance", "permission": "always_allow"});
    world.owner.put("/orgs/acme/toolkits/open/tools/balance", tool).await.expect(201);
    for client in [&person, &key] {
        let answer = client.rpc("acme/open", "tools/call", json!({"name": "balance", "arguments": {}})).await;
        assert_eq!(text(&answer["result"]), "done", "{answer}");
    }
    assert!(fresh.services.directory.keeps(acme));
    // Its name is kept now, and tells them no more than before.
    turned_away().await;
    fresh.stop().await;
}

async fn guess(world: &World, key: &ApiKey) -> u16 {
    let mut stranger = world.anonymous.clone();
    stranger.token = Some(key.expose().to_owned());
    ping(&stranger).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_secrets_is_refused_keeps_nobody_waiting_and_leaves_nothing_behind() {
    let world = World::new().await;
    let guesses: Vec<ApiKey> = (0..300).map(|_| ApiKey::generate()).collect();
    for some in guesses.chunks(20) {
        // The known key has to be looked up again, among them.
        by_sql(&world, "UPDATE api_keys SET name = name").await;
        let guessed = join_all(some.iter().map(|key| guess(&world, key)));
        let (guessed, called) = tokio::join!(guessed, world.agent.call("balance", json!({})));
        assert!(guessed.iter().all(|status| *status == 401), "{guessed:?}");
        assert_eq!(text(&called), "done");
    }
    assert_eq!(world.upstream.calls(), 15);
    // That there was no such secret is not remembered: it works as soon as there is.
    let known = "INSERT INTO api_key_secrets (id, org_id, key_id, sha256, prefix, created_by)
                 SELECT gen_random_uuid(), org_id, id, $2, 'mmcp_', owner_id FROM api_keys WHERE id = $1::uuid";
    for (guessed, other) in guesses.iter().zip(&guesses[1..]).step_by(100) {
        let known = sqlx::query(known).bind(&world.agent_key_id).bind(guessed.sha256().to_vec());
        known.execute(&mut world.sql().await).await.expect("an owner may");
        assert_eq!([guess(&world, guessed).await, guess(&world, other).await], [200, 401]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_administers_the_instance_is_admin_of_every_org_for_as_long_and_a_second_at_most() {
    let world = World::new().await;
    let directory = &world.gateway.services.directory;
    let approver = sqlx::query_scalar("SELECT id FROM users WHERE email = $1").bind(APPROVER.0);
    let approver = UserId(approver.fetch_one(&mut world.sql().await).await.expect("a person"));
    // A key may do no more than its owner, however much its role allows.
    let key = json!({"name": "theirs", "role": "admin", "owner": APPROVER.0});
    let key = world.admin.post("/orgs/acme/api-keys", key).await.expect(201);
    let key = Client::new(&world.gateway.url, key["key"].as_str());
    let found = async || {
        let there = world.approver.get("/orgs/other/api-keys").await.status.as_u16();
        let by_key = key.get("/orgs/acme/api-keys").await.status.as_u16();
        let administrators = directory.administrators().await.expect("they are known");
        (there, by_key, administrators.contains(&approver))
    };
    let (nobody, somebody) = ((404, 403, false), (200, 200, true));
    let member = ["acme: approver of an org"];
    assert_eq!(found().await, nobody);
    assert_eq!(standing(&world.approver).await, member);

    by_sql(&world, "UPDATE users SET instance_admin = true WHERE email = 'approver@example.com'").await;
    within_a_second("they are admin everywhere", async || found().await == somebody).await;
    let everywhere = ["acme: admin of an org", "other: admin of an org", "instance: admin of a record"];
    assert_eq!(standing(&world.approver).await, everywhere);

    by_sql(&world, "UPDATE users SET instance_admin = false WHERE email = 'approver@example.com'").await;
    within_a_second("they are what they were", async || found().await == nobody).await;
    assert_eq!(standing(&world.approver).await, member);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_begins_with_nothing_and_loads_the_org_that_is_used() {
    let world = World::new().await;
    let (acme, other) = (org_id(&world, "acme").await, org_id(&world, "other").await);
    let fresh = Gateway::start(&world.database).await;
    let keeps = || [acme, other].map(|org| fresh.services.directory.keeps(org));
    assert_eq!(keeps(), [false, false]);
    assert_eq!(text(&world.agent.at(&fresh.url).call("balance", json!({})).await), "done");
    assert_eq!(keeps(), [true, false]);
    // Nor is an org loaded because it changes.
    world.other_org.patch("/orgs/other", json!({"name": "Other Ltd."})).await.expect(200);
    fresh.services.directory.refresh().await.expect("it hears of it");
    assert_eq!(keeps(), [true, false]);
    fresh.stop().await;
}

#[tokio::test]
async fn everybody_is_listed_their_own_orgs_and_who_administers_the_instance_what_was_deleted_too() {
    let world = World::new().await;
    // A key is of one org, whoever owns it.
    let key = world.admin.post("/orgs/acme/api-keys", json!({"name": "mine", "role": "admin"})).await.expect(201);
    let key = Client::new(&world.gateway.url, key["key"].as_str());
    assert_eq!(orgs(&key, "/orgs").await, ["acme"]);
    assert_eq!(standing(&key).await, ["acme: admin of an org"]);

    assert_eq!(orgs(&world.owner, "/orgs").await, ["acme"]);
    world.admin.post("/orgs/other/members", json!({"email": OWNER.0, "role": "member"})).await.expect(201);
    assert_eq!(orgs(&world.owner, "/orgs").await, ["acme", "other"]);

    world.admin.post("/orgs", json!({"slug": "third", "name": "Third"})).await.expect(201);
    world.admin.delete("/orgs/other?confirm=other").await.expect(204);
    let all =
        ["acme: admin of an org", "third: admin of an org", "instance: admin of a record", "other: admin of a record"];
    assert_eq!(standing(&world.admin).await, all);
    assert_eq!(orgs(&world.admin, "/orgs").await, ["acme", "third"]);
    let page = world.admin.get("/orgs?limit=1").await.expect(200);
    let next = format!("/orgs?limit=1&cursor={}", page["next_cursor"].as_str().unwrap_or_default());
    assert_eq!(orgs(&world.admin, &next).await, ["third"], "what is left out takes no place in a page");
    assert_eq!(orgs(&world.owner, "/orgs").await, ["acme"]);
    assert!(orgs(&world.other_org, "/orgs").await.is_empty() && standing(&world.other_org).await.is_empty());
}
