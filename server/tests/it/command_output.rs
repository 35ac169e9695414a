//! What the command line prints: everything there is, nothing that hides, and one JSON document where it is asked for.

use std::process::Output;

use permesso::clock::Clock;
use serde_json::{Value, json};

use crate::{
    command_line::run,
    support::{
        Client, Gateway, World,
        gateway::variables,
        process::permesso,
        world::{ADMIN, APPROVER, OTHER, OWNER},
    },
};

fn as_person(url: &str, (email, password): (&str, &str)) -> Vec<(String, String)> {
    [("PERMESSO_URL", url), ("PERMESSO_EMAIL", email), ("PERMESSO_PASSWORD", password)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

fn said(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The one document that a command prints.
#[track_caller]
fn document(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.lines().count(), 1, "one line: {text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).expect("JSON")
}

/// Characters that are not seen, or that change what is seen of others.
const HIDDEN: &[char] = &[
    '\u{7f}',
    '\u{85}',
    '\u{a0}',
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{115f}',
    '\u{1160}',
    '\u{1680}',
    '\u{17b4}',
    '\u{180e}',
    '\u{2003}',
    '\u{200b}',
    '\u{200d}',
    '\u{200e}',
    '\u{2028}',
    '\u{2029}',
    '\u{202e}',
    '\u{2060}',
    '\u{2062}',
    '\u{2066}',
    '\u{206a}',
    '\u{2800}',
    '\u{3000}',
    '\u{3164}',
    '\u{fe01}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{ffa0}',
    '\u{fffc}',
    '\u{e000}',
    '\u{1d173}',
    '\u{e0001}',
    '\u{e0041}',
    '\u{e0101}',
    '\u{e01ef}',
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_not_seen_reaches_a_terminal_as_it_is() {
    let world = World::new().await;
    let hides: String = HIDDEN.iter().flat_map(|hidden| ['a', *hidden]).chain(['b']).collect();
    let definition = json!({"name": "pay", "description": hides, "inputSchema": {"type": "object"}});
    world.upstream.offer(&json!([definition]).to_string());
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let args = json!({"to": hides, "p\u{430}ypal": "x"});
    let id = Client::approval_of(&world.agent.call("pay", args).await);
    let person = as_person(&world.gateway.url, APPROVER);
    let approval = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    let words = said(&run(&["approvals", "show", &id], &person));
    let json = said(&run(&["approvals", "show", &id, "--json"], &person));
    let summary = approval["summary"].as_str().expect("a summary");
    for hidden in HIDDEN {
        for text in [words.as_str(), json.as_str(), summary] {
            assert!(!text.contains(*hidden), "{hidden:?} is printed: {text}");
        }
        assert!(words.contains(&hidden.escape_unicode().to_string()), "{hidden:?} is not shown: {words}");
    }
    assert!(words.contains("p\u{430}[Cyrillic \u{430}, looks like a]ypal"), "{words}");
    let shown: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(shown["arguments_json"], approval["arguments_json"], "the same value");
    assert_eq!(shown["definition"], approval["definition"]);
    // Nor does what an error quotes.
    let output = run(&["approvals", "show", "\u{202e}x"], &person);
    assert!(!String::from_utf8_lossy(&output.stderr).contains('\u{202e}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_list_follows_every_page() {
    const REQUESTS: usize = 203;
    let world = World::new().await;
    let roomy = Gateway::start_limited(&world.database, &[("PERMESSO_MAX_OPEN_APPROVALS", 300)], Clock::system()).await;
    let agent = world.agent.at(&roomy.url);
    let mut ids = Vec::new();
    for first in (0..REQUESTS).step_by(10) {
        let some = (first..REQUESTS.min(first + 10)).map(|cents| {
            let agent = &agent;
            async move { Client::approval_of(&agent.call("pay", json!({"to": "Ada", "cents": cents + 1})).await) }
        });
        ids.extend(futures::future::join_all(some).await);
    }
    let person = as_person(&roomy.url, APPROVER);
    let words = said(&run(&["approvals", "list"], &person));
    assert_eq!(words.lines().count(), REQUESTS);
    let listed = document(&run(&["approvals", "list", "--json"], &person));
    let listed = listed["items"].as_array().expect("items");
    assert_eq!(listed.len(), REQUESTS);
    for id in &ids {
        assert!(words.contains(id.as_str()), "{id}");
        assert!(listed.iter().any(|request| request["id"] == id.as_str() && request["org"] == "acme"), "{id}");
    }
    roomy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_prints_something_prints_json_where_it_is_asked_for() {
    let world = World::new().await;
    let url = world.gateway.url.as_str();
    let (approver, owner) = (as_person(url, APPROVER), as_person(url, OWNER));
    let (first, second) = (world.held(1).await, world.held(2).await);
    let decided = document(&run(&["approvals", "approve", &first, "--yes", "--json"], &approver));
    assert_eq!((&decided["id"], &decided["status"]), (&json!(first), &json!("approved")));
    let decided = document(&run(&["--json", "approvals", "reject", &second, "--reason", "no"], &approver));
    assert_eq!((&decided["id"], &decided["status"]), (&json!(second), &json!("rejected")));
    let third = world.held(3).await;
    let asked = run(&["approvals", "approve", &third, "--json"], &approver);
    assert!(!asked.status.success() && asked.stdout.is_empty(), "a program is not asked");
    let nothing = document(&run(&["approvals", "list", "--status", "executed", "--json"], &approver));
    assert_eq!(nothing, json!({"items": []}));

    let key = document(&run(&["keys", "create", "one more", "--json"], &owner));
    assert!(key["key"].as_str().is_some_and(|key| key.starts_with("mmcp_")) && key["name"] == "one more", "{key}");
    assert_eq!(document(&run(&["healthcheck", "--url", url, "--json"], &[])), json!({"ready": true}));
    let nobody = run(&["healthcheck", "--url", "http://127.0.0.1:9", "--json"], &[]);
    assert_eq!((nobody.status.code(), &document(&nobody)["ready"]), (Some(1), &json!(false)));
    let set = variables(&world.database);
    assert_eq!(document(&run(&["migrate", "--json"], &set)), json!({"up_to_date": true, "keys": []}));
    let mut reset = set.clone();
    reset.push(("PERMESSO_NEW_PASSWORD".into(), "another horse battery".into()));
    let told = document(&run(&["people", "reset-password", ADMIN.0, "--json"], &reset));
    assert_eq!(told, json!({"email": ADMIN.0, "reset": true}));

    let connect = ["connect", "cursor", "--toolkit", "acme/bank", "--url", url, "--json"];
    let steps = document(&run(&connect, &[]));
    assert!(steps["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{steps}");
    assert_eq!(steps["url"], format!("{url}/acme/bank/mcp"));
    let home = tempfile::tempdir().expect("a directory");
    let mut command = permesso();
    command.args(connect).args(["--write", "--offline"]).current_dir(home.path()).env("HOME", home.path());
    let written = document(&command.env("PERMESSO_KEY", "mmcp_x").output().expect("it ends"));
    assert_eq!((&written["changed"], &written["backup"]), (&json!(true), &Value::Null), "{written}");
}

#[test]
fn every_command_says_that_it_prints_json() {
    for command in ["serve", "dev", "migrate", "connect", "healthcheck", "sample-upstream"] {
        assert!(said(&run(&[command, "--help"], &[])).contains("--json"), "{command}");
    }
    for [command, sub] in [
        ["keys", "create"],
        ["approvals", "list"],
        ["approvals", "show"],
        ["approvals", "approve"],
        ["approvals", "reject"],
        ["approvals", "revoke"],
        ["approvals", "extend"],
        ["approvals", "settle"],
        ["people", "reset-password"],
    ] {
        assert!(said(&run(&[command, sub, "--help"], &[])).contains("--json"), "{command} {sub}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_reader_has_gone_ends_without_a_word() {
    let world = World::new().await;
    for cents in 1..4 {
        world.held(cents).await;
    }
    let set = as_person(&world.gateway.url, APPROVER);
    for args in [&["approvals", "list"][..], &["approvals", "list", "--json"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = permesso();
        command.args(args).envs(set.clone()).stdout(writer);
        let output = tokio::task::spawn_blocking(move || {
            command.stderr(std::process::Stdio::piped()).spawn()?.wait_with_output()
        });
        let output = output.await.expect("it ends").expect("it starts");
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_not_seen_stands_in_a_list_either() {
    let world = World::new().await;
    let id = world.held(1).await;
    let hides: String = HIDDEN.iter().flat_map(|hidden| ['a', *hidden]).chain(['b']).collect();
    // Names as an earlier version took them.
    sqlx::query("UPDATE approvals SET caller_name = $1, tool = $1")
        .bind(&hides)
        .execute(&mut world.sql().await)
        .await
        .expect("an owner may");
    let person = as_person(&world.gateway.url, APPROVER);
    for args in [&["approvals", "list"][..], &["approvals", "list", "--json"]] {
        let listed = said(&run(args, &person));
        assert!(listed.contains(&id), "{listed}");
        for hidden in HIDDEN {
            assert!(!listed.contains(*hidden), "{hidden:?} is printed: {listed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_names_the_keys_that_may_do_less_than_their_role_or_are_known_to_who_left() {
    let world = World::new().await;
    let ada = json!({"email": "ada@example.com", "password": "ada horse battery", "role": "admin"});
    let member = world.admin.post("/orgs/acme/members", ada).await.expect(201);
    for name in ["boss", "worker", "orphan", "seen"] {
        let role = if name == "worker" { "agent" } else { "admin" };
        let owner = if name == "boss" || name == "worker" { "ada@example.com" } else { OWNER.0 };
        let key = json!({"name": name, "role": role, "owner": owner});
        world.admin.post("/orgs/acme/api-keys", key).await.expect(201);
    }
    let path = format!("/orgs/acme/members/{}?force=true", member["id"].as_str().unwrap_or_default());
    world.admin.patch(&path, json!({"role": "auditor"})).await.expect(200);
    // As an earlier version left them when somebody was removed.
    for change in [
        "UPDATE api_keys SET owner_id = (SELECT id FROM users WHERE email = $1) WHERE name = 'orphan'",
        "UPDATE api_key_secrets SET created_by = (SELECT id FROM users WHERE email = $1)
         WHERE key_id = (SELECT id FROM api_keys WHERE name = 'seen')",
    ] {
        sqlx::query(change).bind(OTHER.0).execute(&mut world.sql().await).await.expect("an owner may");
    }
    let set = variables(&world.database);
    let told = document(&run(&["migrate", "--json"], &set));
    let keys: Vec<&str> = told["keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(keys.len(), 3, "an agent's key loses nothing, and those of others neither: {told}");
    let words = said(&run(&["migrate"], &set));
    for (name, says) in [
        ("boss", &["can no longer: ", "keys:write", "ada@example.com"][..]),
        ("orphan", &["does nothing any more", OTHER.0]),
        ("seen", &["has a secret made by", OTHER.0, "rotate it"]),
    ] {
        let line = keys.iter().find(|line| line.contains(&format!("the key {name:?}"))).expect("it is named");
        assert!(says.iter().all(|said| line.contains(said)) && line.contains("`acme`"), "{line}");
        assert!(words.contains(line), "{words}");
    }
}
