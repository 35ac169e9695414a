//! The command line where it refuses: one line that says what to do, and exit code 2.

use std::process::Output;

use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{World, database::database, gateway::variables, process::permesso};

/// Runs a command to its end, with these variables and nothing else.
pub(crate) fn run(args: &[&str], variables: &[(String, String)]) -> Output {
    permesso().args(args).envs(variables.iter().cloned()).output().expect("it ends by itself")
}

#[track_caller]
pub(crate) fn refuses(output: &Output, says: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "one line: {text}");
    for word in says {
        assert!(text.contains(word), "{word}: {text}");
    }
}

fn without(variables: &[(String, String)], name: &str) -> Vec<(String, String)> {
    variables.iter().filter(|(known, _)| known != name).cloned().collect()
}

#[tokio::test]
async fn serve_refuses_what_it_cannot_work_with() {
    let database = database().await;
    let all = variables(&database);
    refuses(&run(&["serve"], &without(&all, "DATABASE_URL")), &["DATABASE_URL"]);
    refuses(&run(&["serve"], &without(&all, "PERMESSO_ALLOW_DEV_MASTER_KEY")), &["PERMESSO_MASTER_KEY"]);
    let mut odd = all.clone();
    odd.push(("PERMESSO_MASTER_KEY".into(), "tooshort".into()));
    let output = run(&["serve"], &odd);
    refuses(&output, &["PERMESSO_MASTER_KEY"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("tooshort"), "a secret is not shown");
}

#[tokio::test]
async fn serve_refuses_a_role_that_row_level_security_would_not_bind() {
    let database = database().await;
    // With two URLs the application logs in by itself: here as the superuser.
    let mut two = variables(&database);
    two.push(("PERMESSO_MIGRATE_URL".into(), database.expose_secret().to_owned()));
    refuses(&run(&["serve"], &two), &["superuser", "PERMESSO_MIGRATE_URL"]);
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let database = database().await;
    for _ in 0..2 {
        let output = run(&["migrate"], &variables(&database));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_names_the_keys_that_may_do_less_than_their_role() {
    let world = World::new().await;
    let new = json!({"name": "too much", "role": "admin", "owner": "approver@example.com"});
    world.owner.post("/orgs/acme/api-keys", new).await.expect(201);
    let output = run(&["migrate"], &variables(&world.database));
    let said = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<_> = said.lines().filter(|line| line.contains("the key ")).collect();
    assert!(output.status.success() && lines.len() == 1, "{said}");
    for word in ["\"too much\"", "`acme`", "keys:write", "approver@example.com"] {
        assert!(lines[0].contains(word), "{word}: {said}");
    }
    assert!(!said.contains("tools:call"), "{said}");
}

#[test]
fn dev_refuses_to_be_reached_from_elsewhere_unless_told() {
    let data = tempfile::tempdir().unwrap();
    let data_dir = data.path().join("dev");
    // Whoever gets past the refusal fails here, without a Postgres of its own.
    let nowhere = ("DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing");
    for (name, value) in [
        ("PERMESSO_LISTEN", "0.0.0.0:0"),
        ("PERMESSO_LISTEN", "[::]:0"),
        ("PERMESSO_LISTEN", "192.0.2.7:8765"),
        ("PERMESSO_PUBLIC_URL", "https://mcp.example.com"),
        ("PERMESSO_PUBLIC_URL", "http://localhost.example.com:8765"),
        ("PERMESSO_PUBLIC_URL", "http://192.0.2.7:8765"),
    ] {
        let variables = [nowhere, ("PERMESSO_DATA_DIR", data_dir.to_str().unwrap()), (name, value)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        refuses(&run(&["dev"], &variables), &[name, value, "--i-know", "permesso serve"]);
        assert!(!data_dir.exists(), "nothing was made");
        let told = run(&["dev", "--i-know"], &variables);
        assert_eq!(told.status.code(), Some(1), "{}", String::from_utf8_lossy(&told.stderr));
        std::fs::remove_dir_all(&data_dir).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_show_prints_the_definition_whose_hash_approve_sends_with_what_it_hides() {
    let world = World::new().await;
    let definition = "{\"name\":\"pay\",\"description\":\"Pays.\u{202e}\u{e0041}\u{2028}\u{fe0f}\", \
                      \"inputSchema\":{\"type\":\"object\",\"x-large\":10000000000000000000001}}";
    world.upstream.offer(&format!("[{definition}]"));
    world.admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let id = world.held(1250).await;
    let variables = [
        ("PERMESSO_URL", world.gateway.url.as_str()),
        ("PERMESSO_EMAIL", crate::support::world::APPROVER.0),
        ("PERMESSO_PASSWORD", crate::support::world::APPROVER.1),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let shown = String::from_utf8(run(&["approvals", "show", &id], &variables).stdout).unwrap();
    let escaped = ['\u{202e}', '\u{e0041}', '\u{2028}', '\u{fe0f}']
        .iter()
        .fold(definition.to_owned(), |text, hidden| text.replace(*hidden, &hidden.escape_unicode().to_string()));
    assert!(shown.contains(&escaped), "{shown}");
    assert!(shown.contains("Pays.\",") || shown.contains("it was"), "and what it was: {shown}");
    let raw = serde_json::value::RawValue::from_string(definition.to_owned()).unwrap();
    let hash = hex::encode(wire::definition::ToolDefinition::parse(&raw).unwrap().sha256);
    let approval = world.approver.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
    assert_eq!(approval["definition_sha256"], hash.as_str(), "it is what a decision names");
    assert!(shown.contains(&hash), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approver_decides_at_a_terminal() {
    let world = World::new().await;
    let id = world.held(1250).await;
    let person = |args: &[&str]| {
        let variables = [
            ("PERMESSO_URL", world.gateway.url.as_str()),
            ("PERMESSO_EMAIL", crate::support::world::APPROVER.0),
            ("PERMESSO_PASSWORD", crate::support::world::APPROVER.1),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let output = run(args, &variables);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    };
    let (ok, text) = person(&["approvals", "list"]);
    assert!(ok && text.contains(&id) && text.contains("acme/bank"), "{text}");
    let (ok, text) = person(&["approvals", "show", &id]);
    assert!(ok && text.contains(r#""cents":1250"#), "it shows what would run: {text}");
    let (ok, text) = person(&["approvals", "approve", &id]);
    assert!(!ok && text.contains("--yes"), "{text}");
    assert_eq!(world.admin.status(&id).await, "pending");
    let (ok, text) = person(&["approvals", "approve", &id, "--yes"]);
    assert!(ok && text.contains("is approved"), "{text}");
    let second = world.held(1251).await;
    let (ok, text) = person(&["approvals", "reject", &second, "--reason", "no"]);
    assert!(ok && text.contains("is rejected"), "{text}");
    let (ok, text) = person(&["approvals", "show", "00000000-0000-7000-8000-000000000000"]);
    assert!(!ok && text.contains("there is no request"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_tells_ready_from_not() {
    let world = World::new().await;
    let ready = run(&["healthcheck", "--url", &world.gateway.url], &[]);
    assert!(ready.status.success());
    let nobody = run(&["healthcheck", "--url", "http://127.0.0.1:9"], &[]);
    assert_eq!(nobody.status.code(), Some(1));
}
